//! A shopper who has filled a cart, and orders it again and again.

use std::{fmt::Write as _, net::SocketAddr};

use anyhow::{Context as _, ensure};

use crate::client::{self, Request, Response};

/// A shopper of a store front, as its own cookies know them.
pub(crate) struct Shopper {
    cookies: String,
    /// What the shopper saw of the prices.
    seen: String,
}

impl Shopper {
    /// Two pieces of a product.
    pub(crate) fn add() -> Request {
        Request::post("/cart/items", "id=3&quantity=2")
    }

    /// A shopper of the store front at `address`, with the form of the checkout open.
    pub(crate) fn at(address: SocketAddr) -> anyhow::Result<Self> {
        let mut cookies = cookies(&client::answer(address, &Self::add())?)?;
        let form = client::answer(address, &Request::get("/checkout").with("Cookie", &*cookies))?;
        let _ = write!(cookies, "; {}", self::cookies(&form)?);
        let page = String::from_utf8(form.body)?;
        let (_, seen) = page.split_once(r#"name="seen" value=""#).context("the form says what is seen")?;
        let (seen, _) = seen.split_once('"').context("the value has an end")?;
        Ok(Self { cookies, seen: seen.to_owned() })
    }

    /// A look at the cart.
    pub(crate) fn view(&self) -> Request {
        Request::get("/cart").with("Cookie", &*self.cookies)
    }

    /// The order of the cart by the form of that number: each form is a new one, and becomes an order.
    pub(crate) fn order(&self, number: u32) -> Request {
        let form = format!(
            "name=Aoife+Byrne&email=aoife%40example.ie&address=1+Main+Street&town=Dublin&county=&\
             postcode=D02+X285&key={number:032x}&seen={}",
            self.seen
        );
        Request::post("/checkout", form).with("Cookie", &*self.cookies)
    }
}

/// The cookies that an answer sets, as a browser sends them.
fn cookies(answer: &Response) -> anyhow::Result<String> {
    let cookies: Vec<_> =
        answer.headers("set-cookie").filter_map(|cookie| cookie.split(';').next()).collect();
    ensure!(!cookies.is_empty(), "the answer sets no cookie");
    Ok(cookies.join("; "))
}
