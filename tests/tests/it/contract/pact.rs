//! sava-product, in each of its releases, is what each release of the store front expects: verified by Pact's own
//! verifier against the files that the store front's tests write.

use std::path::{Path, PathBuf};

use sava_testbed::{Product, binaries, tools};
use serde_json::Value;

const CARTS: [&str; 3] = ["1.0.5", "2.0.4", "3.0.0"];

/// The states that the pacts speak of, and the releases of sava-product that are in each.
const STATES: &[(&str, &[&str])] = &[
    (
        "the store ie sells products that have a picture, a rating and a category",
        &["1.0.3", "2.0.1", "3.0.0"],
    ),
    ("v1 is served", &["1.0.3", "2.0.1", "3.0.0"]),
    ("v2 is served", &["2.0.1", "3.0.0"]),
    ("v3 is served", &["3.0.0"]),
    ("v1 is served, v2 is not", &["1.0.3"]),
    ("v2 is served, v3 is not", &["2.0.1"]),
];

/// What the states say of the products, as data.
const PRODUCTS: &str = r#"{
    "stores": [{"locale": "ie", "aliases": [], "name": "Ireland", "language": "en-IE", "currency": "EUR"}],
    "products": [
        {"id": 1, "locale": "ie", "title": "Fixie", "description": "One gear.", "price": 899.5, "category": "outdoors",
            "img": "fixie.svg", "alt": "A bicycle", "width": 640, "height": 480, "rating": {"stars": 4.5, "reviews": 2}},
        {"id": 3, "locale": "ie", "title": "Dreamcatcher", "description": "Catches dreams.", "price": 25, "category": "home",
            "img": "dreamcatcher.svg", "alt": "A hoop", "width": 640, "height": 480, "rating": {"stars": 4.2, "reviews": 21}}
    ]}"#;

fn pact(cart: &str) -> PathBuf {
    binaries::root().join(format!("contract/pacts/sava-cart-{cart}.json"))
}

/// The pact of a store front, without what is about another state than the release of sava-product is in.
fn pact_for(cart: &str, product: &str, directory: &Path) -> PathBuf {
    let text = std::fs::read_to_string(pact(cart)).unwrap();
    let mut pact: Value = serde_json::from_str(&text).unwrap();
    pact["interactions"].as_array_mut().unwrap().retain(|interaction| {
        let state = interaction["providerStates"][0]["name"].as_str().unwrap();
        let (_, releases) = STATES.iter().find(|(name, _)| *name == state).expect("a state that is known");
        releases.contains(&product)
    });
    assert!(!pact["interactions"].as_array().unwrap().is_empty());
    let file = directory.join(format!("{cart}.json"));
    std::fs::write(&file, pact.to_string()).unwrap();
    file
}

async fn verify(url: &str, files: &[PathBuf]) -> Result<(), String> {
    let script = binaries::root().join("contract/pacts/verify.py");
    let mut arguments = vec![script.to_str().unwrap(), url];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let output = tools::run("pact-python", "python", &arguments).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

fn data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("db.json"), PRODUCTS).unwrap();
    data
}

#[tokio::test]
async fn every_release_satisfies_every_store_front() {
    let (data, pacts) = (data(), tempfile::tempdir().unwrap());
    for release in ["1.0.3", "2.0.1", "3.0.0"] {
        let product = Product::start().release(release).data(data.path()).await;
        let files = CARTS.map(|cart| pact_for(cart, release, pacts.path()));
        if let Err(said) = verify(product.url("").trim_end_matches('/'), &files).await {
            panic!("sava-product {release}:\n{said}");
        }
    }
}

#[tokio::test]
async fn release_that_drops_v1_fails_the_oldest_store_front() {
    let data = data();
    let product = Product::start().release("2.1.0-breaking").data(data.path()).await;
    let said = verify(product.url("").trim_end_matches('/'), &[pact("1.0.5")]).await.unwrap_err();
    assert!(said.contains("expected 200 but was 406"), "{said}");
}

#[tokio::test]
async fn every_expectation_is_verified_against_some_release() {
    for cart in CARTS {
        let pact: Value = serde_json::from_str(&std::fs::read_to_string(pact(cart)).unwrap()).unwrap();
        for interaction in pact["interactions"].as_array().unwrap() {
            let state = interaction["providerStates"][0]["name"].as_str().unwrap();
            assert!(STATES.iter().any(|(name, releases)| *name == state && !releases.is_empty()), "{state}");
        }
    }
}
