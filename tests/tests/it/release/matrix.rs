//! Which release of the store front goes with which of the product service: made by trying, held true by comparing
//! with what the documentation and the release view say.

use std::fmt::Write as _;

use reqwest::{Client, redirect};
use sava_testbed::{Cart, Product, binaries, body};
use serde_json::{Value, json};

use crate::document;

const FRONTS: [&str; 3] = ["1.0.5", "2.0.4", "3.0.0"];
const PRODUCTS: [&str; 4] = ["1.0.3", "2.0.1", "3.0.0", "2.1.0-breaking"];

/// What a store front shows of its products, and what in its page tells so.
const FEATURES: [(&str, &str); 3] =
    [("pictures", "<img src=\"images/"), ("ratings", " of 5 stars\""), ("categories", "Category: ")];

/// What one release of the store front does with one of the product service.
struct Pair {
    /// The API version of the products; none where they are the store front's own fruit.
    api: Option<String>,
    buys: bool,
    features: Vec<&'static str>,
}

impl Pair {
    async fn tried(front: &str, product: &Product) -> Self {
        let cart = Cart::start().release(front).product(&product.url("")).await;
        let shopper = Client::builder().cookie_store(true).redirect(redirect::Policy::none()).no_proxy();
        let shopper = shopper.build().expect("a client without TLS can be built");
        let page = get(&shopper, &cart.url("/")).await;
        let api = page.split("</b>, API ").nth(1).map(|rest| rest.chars().take(2).collect());
        let features =
            FEATURES.iter().filter(|(_, sign)| page.contains(sign)).map(|(name, _)| *name).collect();
        Self { buys: api.is_some() && buys(&shopper, &cart, &page).await, api, features }
    }

    /// In words; `all` is what the release of the store front can show.
    fn note(&self, all: &[&str]) -> String {
        if self.api.is_none() {
            return "fruit only: no version in common".to_owned();
        }
        let missing: Vec<_> = all.iter().filter(|feature| !self.features.contains(feature)).collect();
        let mut note = if self.buys { "lists, buys".to_owned() } else { "lists, does not buy".to_owned() };
        for (place, feature) in missing.iter().enumerate() {
            write!(note, "{}no {feature}", if place == 0 { "; " } else { ", " }).expect("a string takes it");
        }
        note
    }
}

async fn get(shopper: &Client, url: &str) -> String {
    let answer = shopper.get(url).header("accept", "text/html").send().await.expect("the store answers");
    assert_eq!(answer.status(), 200, "{url}");
    body(answer).await
}

/// Whether the first product can be ordered.
async fn buys(shopper: &Client, cart: &Cart, page: &str) -> bool {
    let id = values(page, "id").next().expect("a product to buy").1;
    let form = [("id", id.as_str()), ("quantity", "1")];
    let added = shopper.post(cart.url("/cart/items")).form(&form).send().await.expect("the cart answers");
    assert_eq!(added.status(), 303);
    let checkout = get(shopper, &cart.url("/checkout")).await;
    let hidden = checkout.split("type=\"hidden\"").skip(1).filter_map(|rest| fields(rest).next());
    let mut form: Vec<(String, String)> = hidden.collect();
    for (name, value) in checkout_names(&checkout) {
        form.push((name, value.to_owned()));
    }
    let ordered = shopper.post(cart.url("/checkout")).form(&form).send().await.expect("the checkout answers");
    ordered.status() == 303
}

/// The names of the address's fields, by what browsers fill in, with an answer to each that is required.
fn checkout_names(page: &str) -> Vec<(String, &'static str)> {
    page.split("<input ")
        .skip(1)
        .filter_map(|input| {
            let input = input.split('>').next()?;
            let answer = match attribute(input, "autocomplete")?.rsplit(' ').next()? {
                "name" => "Flann",
                "email" => "flann@example.com",
                "address-line1" | "street-address" => "1 Main Street",
                "address-level2" => "Dublin",
                "postal-code" => "D02 X285",
                _ => "",
            };
            Some((attribute(input, "name")?, answer))
        })
        .collect()
}

fn fields(html: &str) -> impl Iterator<Item = (String, String)> + '_ {
    html.split('>').take(1).filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
}

fn values<'a>(page: &'a str, name: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    page.split("<input ").skip(1).flat_map(fields).filter(move |(field, _)| field == name)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    Some(tag.split_once(&format!("{name}=\""))?.1.split('"').next()?.to_owned())
}

/// The table of the documentation and the data of the release view.
async fn tried() -> (String, Value) {
    let mut markdown = String::from("| store front |");
    for product in PRODUCTS {
        write!(markdown, " product {product} |").expect("a string takes it");
    }
    markdown += "\n| --- | --- | --- | --- | --- |\n";
    let mut data = json!({});
    for front in FRONTS {
        let mut pairs = Vec::new();
        for release in PRODUCTS {
            let product = Product::start().release(release).await;
            pairs.push((release, Pair::tried(front, &product).await));
        }
        let all: Vec<_> = FEATURES
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| pairs.iter().any(|(_, pair)| pair.features.contains(name)))
            .collect();
        write!(markdown, "| {front} |").expect("a string takes it");
        for (release, pair) in &pairs {
            let note = pair.note(&all);
            let api = pair.api.as_deref().map_or_else(String::new, |api| format!("{api}: "));
            write!(markdown, " {api}{note} |").expect("a string takes it");
            data[front][release] = json!({ "api": pair.api, "note": note });
        }
        markdown.push('\n');
    }
    (markdown, data)
}

/// The files say what trying says; with `SAVA_TESTS_WRITE` set they are made to.
#[tokio::test]
async fn compatibility_is_as_the_documentation_says() {
    let (table, data) = tried().await;
    document::has_table("docs/compatibility.md", "| store front |", &table);
    let (shown, json) = (binaries::root().join("sava-cart/assets/compatibility.json"), format!("{data:#}\n"));
    if std::env::var_os("SAVA_TESTS_WRITE").is_some() {
        std::fs::write(&shown, &json).expect("it can be written");
        return;
    }
    let known = std::fs::read_to_string(&shown).expect("a file of the repository can be read");
    assert_eq!(known, json, "sava-cart/assets/compatibility.json");
}
