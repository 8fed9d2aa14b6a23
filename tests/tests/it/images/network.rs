//! The images on a network of their own: found by name, scaled, stopped.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use sava_testbed::{
    client,
    docker::{Container, Network, docker_output},
    json,
};

use super::{CART, CONFINED, PRODUCT, postgres};

/// A sava-product in `network`, known there as `sava-product`, on the port that the store front asks by default.
fn product(network: &Network) -> Container {
    let options =
        ["--network", &network.name, "--network-alias", "sava-product", "--env", "LISTEN=0.0.0.0:9070"];
    Container::run(PRODUCT, &[CONFINED, &options].concat(), &[])
}

/// A store front in `network`, with no more configuration than the network.
fn cart(network: &Network, options: &[&str]) -> Container {
    let network = ["--network", &network.name, "--publish", "127.0.0.1:0:3000"];
    Container::run(CART, &[CONFINED, &network, options].concat(), &[])
}

/// Views pages, each of which must have products, and tells how often each instance of sava-product was found meanwhile.
async fn views(cart: &Container, views: u32) -> BTreeMap<String, u32> {
    let url = format!("http://{}/", cart.address(3000));
    let mut instances = BTreeMap::new();
    for _ in 0..views {
        let page = client().get(&url).send().await.expect("an answer");
        assert_eq!(page.status(), 200);
        let body = page.text().await.expect("a page");
        assert!(body.contains("dreamcatcher"), "{body}");
        let sample = client().get(format!("{url}release/sample")).send().await.expect("an answer");
        if let Some(instance) = json(sample).await["product"]["instance"].as_str() {
            *instances.entry(instance.to_owned()).or_default() += 1;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    instances
}

#[tokio::test]
async fn product_is_found_by_its_name() {
    let network = Network::create();
    let first = product(&network);
    let cart = cart(&network, &[]);
    first.wait_until_healthy();
    cart.wait_until_healthy();
    assert_eq!(views(&cart, 3).await.len(), 1);

    // A second one joins: both answer, as connections are made again every few seconds.
    let second = product(&network);
    second.wait_until_healthy();
    let deadline = Instant::now() + Duration::from_mins(1);
    while views(&cart, 20).await.len() < 2 {
        assert!(Instant::now() < deadline, "only one of two replicas is asked:\n{}", cart.logs());
    }

    // One leaves: the shop goes on, page by page.
    docker_output(["stop", &first.name]);
    views(&cart, 20).await;
}

#[tokio::test]
async fn orders_go_to_postgres_by_name() {
    let network = Network::create();
    let variables =
        ["--env", "POSTGRES_USER=sava", "--env", "POSTGRES_DB=sava", "--env", "POSTGRES_PASSWORD=secret"];
    let place = ["--network", &network.name, "--network-alias", "orders"];
    let _database = Container::run(&postgres(), &[&place[..], &variables].concat(), &[]);
    let product = product(&network);
    let key = format!("COOKIE_KEY={}", "6b".repeat(64));
    let cart =
        cart(&network, &["--env", "DATABASE_URL=postgres://sava:secret@orders:5432/sava", "--env", &key]);
    product.wait_until_healthy();
    cart.wait_until_healthy();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let url = format!("http://{}/readyz?verbose", cart.address(3000));
        let ready: serde_json::Value =
            client().get(url).send().await.expect("an answer").json().await.expect("JSON");
        if ready["checks"]["orders"]["ok"] == true {
            break;
        }
        assert!(Instant::now() < deadline, "{ready}\n{}", cart.logs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(!cart.logs().contains("secret"), "the password is in the log");
}
