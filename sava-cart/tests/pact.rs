//! What the store front expects of sava-product, as Pact files (specification 3): one for each release of the store
//! front, in `contract/pacts/`. sava-product is verified against them, in each of its releases.
//!
//! The real client of the catalog asks a stand-in that answers with the example of each interaction, and must make of
//! it what a page shows. What goes into the file is what the client really sent. Matching rules say how much of the
//! example counts: what the client does not read is not expected.
//!
//! `pact_consumer` is not used: it turns on reqwest's `rustls-no-provider` for the whole workspace (cargo unifies
//! features), and with that the store front's own client, which speaks no TLS, does not start.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::Request, http::Response};
use clap::Parser as _;
use sava_cart::{
    Authorities, Catalog, Endpoint, Freshness, Listing, Product, ProductQuery, ShopMetrics,
    settings::Settings,
};
use sava_service::{Readiness, Resolver};
use serde_json::{Value, json};

/// A request of the client and the answer that it can live with.
#[derive(Clone)]
struct Interaction {
    description: &'static str,
    /// What must be so at sava-product; the verification picks the interactions that a release must satisfy by it.
    state: &'static str,
    path: &'static str,
    status: u16,
    headers: Value,
    body: Value,
    rules: Value,
}

const SELLS: &str = "the store ie sells products that have a picture, a rating and a category";

#[tokio::test]
async fn release_1_0_5_asks_for_v1() {
    let pact = Pact::of("1.0.5");
    let listing = pact.list(&[list("v1", "v1 is served"), stores()]).await;
    let product = only(&listing);
    assert_eq!((product.title.as_str(), product.price_text.as_str()), ("Dreamcatcher", "€25.00"));
    assert_eq!(listing.served_by.as_ref().unwrap().api_version.as_str(), "v1");
    pact.no_store().await;
    pact.keep();
}

#[tokio::test]
async fn release_2_0_4_asks_for_v2_else_v1() {
    let pact = Pact::of("2.0.4");
    let listing = pact.list(&[list("v2", "v2 is served"), stores()]).await;
    assert_eq!(only(&listing).picture.as_ref().unwrap().file, "dreamcatcher.svg");
    let older = pact.list(&[list("v1", "v1 is served, v2 is not")]).await;
    assert_eq!((only(&older).title.as_str(), &only(&older).picture), ("Dreamcatcher", &None));
    pact.picture().await;
    pact.no_store().await;
    pact.keep();
}

#[tokio::test]
async fn release_3_0_0_asks_for_v3_else_v2_else_v1() {
    let pact = Pact::of("3.0.0");
    let listing = pact.list(&[list("v3", "v3 is served"), stores()]).await;
    let product = only(&listing);
    assert_eq!(product.price_text, "€25.00");
    assert_eq!(product.category.as_deref(), Some("home"));
    assert_eq!(product.rating.unwrap().reviews, 21);
    let picture = product.picture.as_ref().unwrap();
    assert_eq!(
        (picture.alt.as_str(), picture.width, picture.height),
        ("A hoop of willow", Some(640), Some(480))
    );
    let older = pact.list(&[list("v2", "v2 is served, v3 is not")]).await;
    assert_eq!(only(&older).picture.as_ref().unwrap().file, "dreamcatcher.svg");
    let oldest = pact.list(&[list("v1", "v1 is served, v2 is not")]).await;
    assert_eq!(only(&oldest).title, "Dreamcatcher");
    pact.picture().await;
    pact.no_store().await;
    pact.keep();
}

#[track_caller]
fn only(listing: &Listing) -> &Product {
    assert_eq!(listing.freshness, Freshness::Fresh);
    let [product] = listing.list.products.as_slice() else { panic!("{:?}", listing.list.products) };
    product
}

/// The list of a store in a version, as the state lets it be had.
fn list(version: &'static str, state: &'static str) -> Interaction {
    let mut product = json!({"id": 3, "title": "Dreamcatcher", "description": "Catches dreams."});
    let mut rules = json!({
        "$": {"matchers": [{"match": "type", "min": 1}]},
        "$[*].id": {"matchers": [{"match": "integer"}]},
        "$[*].title": {"matchers": [{"match": "type"}]},
        "$[*].description": {"matchers": [{"match": "type"}]},
    });
    if version == "v3" {
        product["price"] = json!({"amount": 2500, "currency": "EUR"});
        product["image"] = json!({"src": "/images/dreamcatcher.svg", "alt": "A hoop of willow", "width": 640, "height": 480});
        product["rating"] = json!({"stars": 4.2, "reviews": 21});
        product["category"] = json!("home");
        rules["$[*].price.amount"] = json!({"matchers": [{"match": "integer"}]});
        rules["$[*].price.currency"] = json!({"matchers": [{"match": "regex", "regex": "^[A-Z]{3}$"}]});
        rules["$[*].image.src"] = picture_path();
        rules["$[*].image.alt"] = json!({"matchers": [{"match": "type"}]});
        for number in ["image.width", "image.height", "rating.reviews"] {
            rules[format!("$[*].{number}")] = json!({"matchers": [{"match": "integer"}]});
        }
        rules["$[*].rating.stars"] = json!({"matchers": [{"match": "number"}]});
        rules["$[*].category"] = json!({"matchers": [{"match": "type"}]});
    } else {
        product["price"] = json!(25);
        rules["$[*].price"] = json!({"matchers": [{"match": "number"}]});
    }
    if version == "v2" {
        product["img"] = json!("/images/dreamcatcher.svg");
        rules["$[*].img"] = picture_path();
    }
    Interaction {
        description: match version {
            "v1" => "the list in v1",
            "v2" => "the list in v2",
            _ => "the list in v3",
        },
        state,
        path: "/products/ie",
        status: 200,
        headers: json!({"Content-Type": format!("application/vnd.sava.{version}+json"), "ETag": "\"an-entity-tag\""}),
        body: json!([product]),
        rules: json!({
            "header": {"ETag": {"matchers": [{"match": "regex", "regex": "^\"[^\"]+\"$"}]}},
            "body": rules,
        }),
    }
}

fn picture_path() -> Value {
    json!({"matchers": [{"match": "regex", "regex": "^/images/[^/]+$"}]})
}

/// The stores: the client reads its own store's name, language and currency.
fn stores() -> Interaction {
    Interaction {
        description: "the stores",
        state: SELLS,
        path: "/products",
        status: 200,
        headers: json!({"Content-Type": "application/json"}),
        body: json!([{"code": "ie", "name": "Ireland", "language": "en-IE", "currency": "EUR"}]),
        rules: json!({"body": {
            "$": {"matchers": [{"match": "type", "min": 1}]},
            "$[*].code": {"matchers": [{"match": "regex", "regex": "^[a-z-]+$"}]},
            "$[*].name": {"matchers": [{"match": "type"}]},
            "$[*].language": {"matchers": [{"match": "regex", "regex": "^[a-z]{2,3}(-[A-Za-z0-9]+)*$"}]},
            "$[*].currency": {"matchers": [{"match": "regex", "regex": "^[A-Z]{3}$"}]},
        }}),
    }
}

/// The pact of one release, as far as the test has got.
struct Pact {
    release: &'static str,
    /// Each interaction with the request that the client really sent. Held only to add, never over an await.
    interactions: Mutex<Vec<Value>>,
}

impl Pact {
    fn of(release: &'static str) -> Self {
        Self { release, interactions: Mutex::default() }
    }

    /// What the client makes of the answers; what it asks is added to the pact.
    async fn list(&self, interactions: &[Interaction]) -> Listing {
        self.ask("ie", interactions, async |catalog| catalog.page(&ProductQuery::ALL, 1, 12).await).await
    }

    /// A store that sava-product does not have: no product of another store is shown.
    async fn no_store(&self) {
        let missing = Interaction {
            description: "the list of a store that there is not",
            state: SELLS,
            path: "/products/nowhere",
            status: 404,
            headers: json!({"Content-Type": "application/problem+json"}),
            body: Value::Null,
            rules: json!({}),
        };
        let listing = self
            .ask("nowhere", &[missing], async |catalog| catalog.page(&ProductQuery::ALL, 1, 12).await)
            .await;
        assert_eq!(listing.freshness, Freshness::Fruit);
    }

    async fn picture(&self) {
        let picture = Interaction {
            description: "a picture",
            state: SELLS,
            path: "/images/dreamcatcher.svg",
            status: 200,
            headers: json!({"Content-Type": "image/svg+xml"}),
            body: json!("<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
            rules: json!({"body": {"$": {"matchers": [{"match": "regex", "regex": "[\\s\\S]*<svg[\\s\\S]*"}]}}}),
        };
        let file = self.ask("ie", &[picture], async |catalog| catalog.image("dreamcatcher.svg").await).await;
        assert_eq!(file.unwrap().media_type, "image/svg+xml");
    }

    /// Runs a new client against a stand-in that knows these interactions, and 404 for all else.
    async fn ask<T>(
        &self,
        locale: &str,
        interactions: &[Interaction],
        act: impl AsyncFnOnce(Catalog) -> T,
    ) -> T {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (known, log) = (interactions.to_vec(), Arc::clone(&asked));
        let answer = move |request: Request| {
            let known = known.iter().find(|known| known.path == request.uri().path()).map(respond);
            log.lock().unwrap().push(request);
            async move { known.unwrap_or_else(|| Response::builder().status(404).body(Body::empty()).unwrap()) }
        };
        let stand_in =
            tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        let outcome = act(catalog(&url, self.release, locale)).await;
        stand_in.abort();
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        for interaction in interactions {
            let request = asked.iter().find(|request| request.uri().path() == interaction.path);
            let request =
                request.unwrap_or_else(|| panic!("the client did not ask for {}", interaction.path));
            self.interactions.lock().unwrap().push(written(interaction, request));
        }
        outcome
    }

    /// Compares with the file that is kept, after writing the new one in its place.
    fn keep(self) {
        let pact = json!({
            "consumer": {"name": format!("sava-cart {}", self.release)},
            "provider": {"name": "sava-product"},
            "interactions": self.interactions.into_inner().unwrap(),
            "metadata": {"pactSpecification": {"version": "3.0.0"}},
        });
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../contract/pacts/sava-cart-{}.json", self.release));
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        // As JSON, not as text: a feature of some dependency may change the order in which members are written.
        if serde_json::from_str::<Value>(&kept).ok().as_ref() != Some(&pact) {
            std::fs::write(&file, format!("{pact:#}\n")).unwrap();
            panic!(
                "{} was out of date and was written again: read what changed, and commit it",
                file.display()
            );
        }
    }
}

fn respond(interaction: &Interaction) -> Response<Body> {
    let mut response = Response::builder().status(interaction.status);
    for (name, value) in interaction.headers.as_object().unwrap() {
        response = response.header(name, value.as_str().unwrap());
    }
    let body = match &interaction.body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    response.body(Body::from(body)).unwrap()
}

/// The interaction as the file has it. Of the request's headers only `Accept` is expected to matter.
fn written(interaction: &Interaction, request: &Request) -> Value {
    let accept = request.headers()["accept"].to_str().unwrap();
    let mut response = json!({"status": interaction.status, "headers": interaction.headers});
    if !interaction.body.is_null() {
        response["body"] = interaction.body.clone();
    }
    if let Some(rules) = interaction.rules.as_object().filter(|rules| !rules.is_empty()) {
        response["matchingRules"] = json!(rules);
    }
    json!({
        "description": interaction.description,
        "providerStates": [{"name": interaction.state}],
        "request": {
            "method": request.method().as_str(),
            "path": request.uri().path(),
            "headers": {"Accept": accept},
        },
        "response": response,
    })
}

/// The store front's client, as a release has it.
fn catalog(product_service: &str, release: &str, locale: &str) -> Catalog {
    let settings = Settings::parse_from([
        "sava-cart",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--product-service",
        product_service,
        "--release",
        release,
        "--locale",
        locale,
    ]);
    let metrics = ShopMetrics::new(&prometheus::Registry::new());
    let endpoint =
        Endpoint::new(&settings.product_service, Resolver::of_the_system(), &Authorities::default()).unwrap();
    Catalog::new(settings.locale.as_str(), settings.release, &endpoint, metrics, Readiness::default())
}
