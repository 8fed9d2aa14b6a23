//! A shopper without a browser: cookies, forms, and no more.

use std::{net::IpAddr, time::Duration};

use reqwest::{
    Client, ClientBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderName},
    redirect,
};
use sava_testbed::{Running, body};

/// A shopper at a store front, who may change to another replica of it.
pub(super) struct RovingShopper {
    client: Client,
}

impl RovingShopper {
    pub(super) fn new() -> Self {
        Self::by(Client::builder())
    }

    /// One who comes from this address of the machine.
    pub(super) fn at(address: &str) -> Self {
        Self::by(Client::builder().local_address(address.parse::<IpAddr>().unwrap()))
    }

    /// One whose requests have this header.
    pub(super) fn with_header(name: &'static str, value: &str) -> Self {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
        Self::by(Client::builder().default_headers(headers))
    }

    fn by(client: ClientBuilder) -> Self {
        let client = client
            .cookie_store(true)
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .unwrap();
        Self { client }
    }

    pub(super) async fn get(&self, cart: &Running, path: &str) -> Response {
        self.client.get(cart.url(path)).send().await.unwrap()
    }

    /// The page as that media type.
    pub(super) async fn get_as(&self, cart: &Running, path: &str, media_type: &str) -> String {
        let answer = self.client.get(cart.url(path)).header("accept", media_type).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        body(answer).await
    }

    pub(super) async fn post(&self, cart: &Running, path: &str, form: &[(&str, &str)]) -> Response {
        self.client.post(cart.url(path)).form(form).send().await.unwrap()
    }

    pub(super) async fn add(&self, cart: &Running, id: &str, quantity: &str) {
        let answer = self.post(cart, "/cart/items", &[("id", id), ("quantity", quantity)]).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }

    /// Opens the checkout and fills in its form.
    pub(super) async fn checkout(&self, cart: &Running) -> Filled {
        let answer = self.get(cart, "/checkout").await;
        assert_eq!(answer.status(), StatusCode::OK);
        Filled::of_page(&body(answer).await)
    }

    pub(super) async fn submit(&self, cart: &Running, form: &Filled) -> Response {
        self.post(cart, "/checkout", &form.fields()).await
    }

    /// Submits the form, and returns the number of the order that this placed.
    pub(super) async fn order(&self, cart: &Running, form: &Filled) -> String {
        order_number(&self.submit(cart, form).await)
    }

    /// Submits the form until it places its order, as the page asks for: a database that was away when it was last
    /// asked is not waited for long.
    pub(super) async fn order_in_the_end(&self, cart: &Running, form: &Filled) -> String {
        for _ in 0..10 {
            let answer = self.submit(cart, form).await;
            if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
                return order_number(&answer);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("no order is taken");
    }

    pub(super) async fn orders(&self, cart: &Running) -> String {
        let answer = self.get(cart, "/orders").await;
        assert_eq!(answer.status(), StatusCode::OK);
        body(answer).await
    }
}

/// The checkout's form with an Irish address in it.
#[derive(Clone)]
pub(super) struct Filled {
    pub(super) key: String,
    pub(super) seen: String,
    pub(super) postcode: String,
    /// For the courier, which releases of before 3.1.0 do not ask for.
    pub(super) note: String,
}

impl Filled {
    pub(super) fn of_page(page: &str) -> Self {
        Self {
            key: hidden(page, "key"),
            seen: hidden(page, "seen"),
            postcode: "D02 X285".to_owned(),
            note: String::new(),
        }
    }

    /// The same with a note for the courier.
    pub(super) fn with_note(self, note: &str) -> Self {
        Self { note: note.to_owned(), ..self }
    }

    /// The same with another country's postcode.
    pub(super) fn with_postcode(self, postcode: &str) -> Self {
        Self { postcode: postcode.to_owned(), ..self }
    }

    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("name", "Aoife Ní Bhriain"),
            ("email", "aoife@example.ie"),
            ("address", "1 Main Street"),
            ("town", "Dublin"),
            ("postcode", &self.postcode),
            ("note", &self.note),
            ("key", &self.key),
            ("seen", &self.seen),
        ]
    }
}

fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

#[track_caller]
pub(super) fn order_number(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let location = answer.headers()["location"].to_str().unwrap();
    let (_, number) = location.rsplit_once('/').unwrap();
    assert!(number.starts_with("IE-"), "{location}");
    number.to_owned()
}
