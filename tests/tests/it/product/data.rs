//! The data that it starts with, and `check`.

use std::fs;

use sava_testbed::{Exit, Process, Product, binaries, command, json};
use tempfile::TempDir;

/// Twelve mistakes, each of another kind.
const TWELVE: &str = r#"{
  "stores": [
    {"locale": "ie", "name": "Ireland", "language": "en-IE", "currency": "EUR"},
    {"locale": "uk", "name": "United Kingdom", "language": "english please", "currency": "GBP"},
    {"locale": "jp", "name": "Japan", "language": "ja-JP", "currency": "YEN"}
  ],
  "products": [
    {"id": 1, "locale": "ie", "title": "Axe", "description": "Sharp.", "price": "25"},
    {"id": 2, "locale": "ie", "title": "Bag", "description": "Soft.", "price": -1},
    {"id": 3, "locale": "ie", "title": "Cap", "description": "Flat.", "price": 9.999},
    {"id": 4, "locale": "fr", "title": "Dish", "description": "Deep.", "price": 1},
    {"id": 5, "locale": "ie", "title": "Egg", "description": "Round.", "price": 1, "img": "nowhere.svg"},
    {"id": 6, "locale": "ie", "title": "", "description": "Nameless.", "price": 1},
    {"id": 7, "locale": "ie", "title": "Fan", "price": 1},
    {"id": "8", "locale": "ie", "title": "Gin", "description": "Dry.", "price": 1},
    {"id": 9, "locale": "ie", "title": "Hat", "description": "High.", "price": 1, "rating": {"stars": 6, "reviews": 1}},
    {"id": 10, "locale": "ie", "title": "Ink", "description": "Blue.", "price": 1},
    {"id": 10, "locale": "ie", "title": "Jar", "description": "Tall.", "price": 1}
  ]
}"#;

pub(super) fn data(db: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    fs::write(directory.path().join("db.json"), db).expect("it can be written to");
    directory
}

async fn check(directory: &TempDir) -> Exit {
    let mut check = command(binaries::path("sava-product"));
    check.arg("check").arg(directory.path());
    Process::spawn("check", check).exit().await
}

#[tokio::test]
async fn other_than_a_regular_file_is_refused_at_the_start() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("db.json");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
    for what in ["a FIFO", "a device"] {
        let message = format!("db.json: it is {what}, not a regular file");
        let exit = Product::start().data(directory.path()).exit().await;
        assert_eq!(exit.code, Some(1), "{}", exit.output);
        assert!(exit.output.contains(&message), "{}", exit.output);
        let exit = check(&directory).await;
        assert!(exit.code == Some(1) && exit.output.contains(&message), "{}", exit.output);
        fs::remove_file(&path).expect("a FIFO can be removed");
        std::os::unix::fs::symlink("/dev/zero", &path).expect("a link can be made");
    }
}

#[tokio::test]
async fn twelve_mistakes_are_all_told_with_their_places() {
    let directory = data(TWELVE);
    let exit = check(&directory).await;
    assert_eq!(exit.code, Some(1), "{}", exit.output);
    assert!(exit.output.contains("db.json has 12 mistakes"), "{}", exit.output);
    for place in [
        r#":4:60: store uk: language: "english please" is not a language tag"#,
        r#":5:72: store jp: currency: "YEN" is not a currency code"#,
        r#":8:81: product 1 of ie: price: "25" is text"#,
        ":9:80: product 2 of ie: price: -1 is negative",
        ":10:80: product 3 of ie: price: 9.999 has more decimals than EUR has",
        r#":11:25: product 4 of fr: locale: "fr" is not the locale of a store"#,
        r#":12:91: product 5 of ie: img: there is no picture "nowhere.svg""#,
        ":13:40: product 6 of ie: title: is empty",
        ":14:5: product 7 of ie: description: is missing",
        r#":15:12: product "8" of ie: id: "8" is not a whole number"#,
        ":16:103: product 9 of ie: rating.stars: 6 is not a number from 0 to 5",
        ":18:12: product 10 of ie: id: 10 is already the id of the product at line 17",
    ] {
        assert!(exit.output.contains(place), "{place}\n{}", exit.output);
    }
}

#[tokio::test]
async fn a_start_with_bad_data_ends_with_what_is_wrong() {
    let directory = data(TWELVE);
    let exit = Product::start().data(directory.path()).exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.output);
    assert!(exit.output.contains("12 mistakes") && exit.output.contains(":8:81:"), "{}", exit.output);
}

#[tokio::test]
async fn a_start_with_no_directory_ends_with_its_name() {
    let exit = Product::start().data("/no/such/directory".as_ref()).exit().await;
    assert_eq!(exit.code, Some(1), "{}", exit.output);
    assert!(exit.output.contains("there is no data directory /no/such/directory"), "{}", exit.output);
}

#[tokio::test]
async fn a_wrong_release_ends_with_those_there_are() {
    let exit = Product::start().release("4.0.0").exit().await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("1.0.3, 2.0.1, 3.0.0"), "{}", exit.output);
}

#[tokio::test]
async fn a_bare_json_server_file_answers_by_its_locales_and_by_their_names() {
    let directory = data(
        "\u{feff}{\"products\": [
            {\"id\": 1, \"locale\": \"en\", \"title\": \"Tea\", \"description\": \"Strong.\", \"price\": 1e2},
            {\"id\": \"1\", \"locale\": \"fr\", \"title\": \"Baguette\", \"description\": \"Longue.\", \"price\": 1.2}
        ], \"comments\": []}",
    );
    let exit = check(&directory).await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    let product = Product::start().data(directory.path()).await;
    for locale in ["en", "uk", "gb", "EN"] {
        let tea = json(product.get(&format!("/products/{locale}/1")).await).await;
        assert_eq!(tea["price"], serde_json::json!({"amount": 10_000, "currency": "GBP"}), "{locale}");
        assert_eq!(tea["locale"], "en");
    }
    // json-server 1 writes ids as text; here they are numbers, as they were before it.
    assert_eq!(json(product.get("/products/fr/1").await).await["id"], 1);
    let stores = json(product.get("/products").await).await;
    assert_eq!(stores[1]["code"], "fr");
    assert_eq!(product.get("/products/ie").await.status(), 404);
}
