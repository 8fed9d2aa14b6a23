//! A presenter's words are in every open view, and nobody else's.

use sava_testbed::{
    Cart, Product,
    browser::{Browser, Script},
    cluster::{ApiServer, Kubectl},
};
use serde_json::Value;
use thirtyfour::By;

use super::view::View;

const KEY: &str = "correct horse battery staple";
const ENTER: &str = "\u{e007}"; // in WebDriver

async fn present<'a>(browser: &'a Browser, store: &str, key: &str) -> View<'a> {
    let key = key.replace(' ', "%20");
    browser
        .driver()
        .goto(format!("{store}release#rate=20&presenter={key}"))
        .await
        .expect("the view is there");
    View { browser }
}

fn is_listed(mark: &str) -> String {
    format!(
        "[...document.querySelectorAll('#events li')].filter((line) => line.children[1].textContent === '◆' && line.lastChild.textContent === '{mark}').length === 1"
    )
}

/// By `kubectl proxy`, and with two pods of the store front, of which a mark may reach one only.
#[tokio::test]
async fn marks_of_a_presenter_are_in_every_open_view() {
    const NAMESPACE: &str = "vampio-organization-environment";
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).env("PRESENTER_KEY", KEY).await;
    let replica = cart.start_again().product(&product.url("")).env("PRESENTER_KEY", KEY).await;
    let cluster = ApiServer::start().await;
    let pods = [&cart, &replica].map(|pod| pod.address().parse().expect("an address and a port"));
    cluster.add_service(NAMESPACE, "sava-cart-ie", 80, None, &pods);
    let proxy = Kubectl::new(&cluster).proxy().await;
    let store = proxy.service(NAMESPACE, "sava-cart-ie");
    let (browser, elsewhere) = (Browser::start(Script::On).await, Browser::start(Script::On).await);
    let audience = View::open(&elsewhere, &store).await;
    let presenter = present(&browser, &store, KEY).await;
    for view in [&presenter, &audience] {
        view.wait_for_samples(5).await;
    }
    presenter.wait("!document.querySelector('#presenter').hidden").await;
    let address = presenter.run("return location.href").await.to_string();
    assert!(
        !address.contains("presenter") && !address.contains("horse"),
        "the screen shows no key: {address}"
    );
    assert_eq!(audience.run("return document.querySelector('#presenter').hidden").await, true);

    audience.press("b").await; // which does nothing there
    presenter.press("d").await;
    presenter.click("released").await;
    presenter.press("m").await;
    presenter.wait("document.querySelector('#ask').open").await;
    let word = browser.driver().find(By::Id("word")).await.expect("a field");
    word.send_keys(format!("to Berlin{ENTER}")).await.expect("it takes a word");
    for view in [&presenter, &audience] {
        for mark in ["deployed", "released", "to Berlin"] {
            view.wait(&is_listed(mark)).await;
        }
        assert_eq!(view.run(&format!("return {}", is_listed("rolled back"))).await, false);
    }
    audience.press("s").await;
    presenter.press("s").await;
    presenter.press("b").await;
    audience.wait("document.querySelector('#wall-mark').textContent === 'rolled back'").await;
    assert!(!browser.requests().await.iter().any(|url| url.contains("horse")), "no URL has the key");
}

#[tokio::test]
async fn another_key_marks_nothing() {
    let cart = Cart::start().env("PRESENTER_KEY", KEY).await;
    let browser = Browser::start(Script::On).await;
    let view = present(&browser, &cart.url("/"), "another horse").await;
    view.press("g").await;
    view.wait("document.querySelector('#presenter-state').textContent === 'not marked: another key'").await;
    assert_eq!(
        view.run("return document.querySelector('#events').textContent.includes('released')").await,
        Value::from(false)
    );
}
