//! What an audience does with its phones: it reads the address from the wall, and sees which release answers.

use std::collections::BTreeSet;

use sava_testbed::{
    Balancer, Cart, Product,
    browser::{Browser, Script},
    cluster::{ApiServer, Kubectl},
};
use thirtyfour::By;

use super::view::View;

/// What a phone reads from the code that is shown.
async fn read_code(view: &View<'_>) -> String {
    view.wait("document.querySelector('#code').open && document.querySelector('#code-picture').complete")
        .await;
    // As a phone's camera has it: dark and light points.
    let points = "const picture = document.querySelector('#code-picture');
        await picture.decode();
        const canvas = document.createElement('canvas');
        canvas.width = canvas.height = 400;
        const pen = canvas.getContext('2d');
        pen.drawImage(picture, 0, 0, 400, 400);
        const { data } = pen.getImageData(0, 0, 400, 400);
        return Array.from({ length: 400 * 400 }, (_, i) => (data[4 * i] < 128 ? 1 : 0)).join('')";
    let script = format!("const done = arguments[0]; (async () => {{ {points} }})().then(done)");
    let points = view.browser.driver().execute_async(script, Vec::new()).await.expect("a picture");
    let points = points.json().as_str().expect("points").as_bytes().to_vec();
    let mut picture = rqrr::PreparedImage::prepare_from_bitmap(400, 400, |x, y| points[y * 400 + x] == b'1');
    let codes = picture.detect_grids();
    codes.first().expect("there is a code").decode().expect("it can be read").1
}

#[tokio::test]
async fn code_is_of_the_address_under_which_the_page_was_opened() {
    const NAMESPACE: &str = "vampio-organization-environment";
    let cart = Cart::start().await;
    let cluster = ApiServer::start().await;
    let pods = [cart.address().parse().expect("an address and a port")];
    cluster.add_service(NAMESPACE, "sava-cart-ie", 80, None, &pods);
    let proxy = Kubectl::new(&cluster).proxy().await;
    let address = proxy.service(NAMESPACE, "sava-cart-ie");
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &address).await;
    view.press("q").await;
    assert_eq!(read_code(&view).await, address);
    assert_eq!(view.run("return document.querySelector('#code-address').textContent").await, address);
    view.press("q").await;
    view.wait("document.querySelector('#code-address').textContent.endsWith('audience')").await;
    assert_eq!(read_code(&view).await, format!("{address}release?audience"));
    view.press("q").await;
    view.wait("!document.querySelector('#code').open").await;
}

#[tokio::test]
async fn code_is_of_the_public_address_where_there_is_one() {
    let cart = Cart::start().env("PUBLIC_URL", "https://shop.example/store/").await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    view.press("q").await;
    assert_eq!(read_code(&view).await, "https://shop.example/store/");
    // Whoever asks for another address gets the same.
    view.run(
        "document.querySelector('#code-picture').src = 'release/code?page=store&address=http://elsewhere.example/'",
    )
    .await;
    assert_eq!(read_code(&view).await, "https://shop.example/store/");
    view.press("\u{e00c}").await; // Escape, in WebDriver
    view.wait("!document.querySelector('#code').open").await;
}

#[tokio::test]
async fn phone_without_script_asks_again_and_sees_both_releases() {
    let old = Product::start().release("1.0.3").await;
    let new = Product::start().release("2.0.1").await;
    let balancer = Balancer::start().await;
    balancer.split(&[(old.address(), 1), (new.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let browser = Browser::start(Script::Off).await;
    let driver = browser.driver();
    driver.goto(cart.url("/release?audience")).await.expect("the page is there");
    let mut seen = BTreeSet::new();
    // Both not to be seen in so many draws has a chance of 2 in a million million.
    for _ in 0..40 {
        let main = driver.find(By::Css("main")).await.expect("a main part").text().await.expect("a text");
        assert!(main.contains("You got") && main.contains("of 12 answers just now"), "{main}");
        let release = driver.find(By::Css("h1 b")).await.expect("a release").text().await.expect("a text");
        seen.insert(release);
        if seen.len() == 2 {
            break;
        }
        let again = driver.find(By::LinkText("Ask again")).await.expect("a link");
        again.click().await.expect("it can be tapped");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["1.0.3", "2.0.1"]);
}
