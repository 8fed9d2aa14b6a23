//! Pages on paper.

use sava_testbed::{
    BrowserShopper, Cart, Product,
    browser::{Browser, Script},
};
use serde_json::json;
use thirtyfour::{By, WebDriver};

/// Shows pages as paper of A4 would, at the 96 pixels an inch of CSS, in a browser that prefers the dark.
async fn prints(driver: &WebDriver) {
    let paper = json!({ "width": 794, "height": 1123, "deviceScaleFactor": 1, "mobile": false });
    let dark = json!({ "name": "prefers-color-scheme", "value": "dark" });
    for (method, parameters) in [
        ("Emulation.setDeviceMetricsOverride", paper),
        ("Emulation.setEmulatedMedia", json!({ "media": "print", "features": [dark] })),
    ] {
        driver.cdp().send_raw(method, parameters).await.expect("Chromium can do that");
    }
}

/// Whether the first of what each selector finds is on paper.
async fn are_printed(driver: &WebDriver, parts: &[(&str, bool)]) {
    for (css, is_printed) in parts {
        let element = driver.find(By::Css(*css)).await.expect("it is on the page");
        assert_eq!(element.is_displayed().await.expect("it can be seen or not"), *is_printed, "{css}");
    }
}

#[tokio::test]
async fn an_order_is_printed_in_black_on_white_without_what_only_a_screen_needs() {
    let product = Product::start().await;
    let cart = Cart::start().release("3.1.0").product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
    shopper.presses_at("Willow dreamcatcher", "Add").await;
    shopper.goes_to("Cart").await;
    shopper.presses("Check out").await;
    shopper.fills_in_the_address("Eircode", "D02 X285").await;
    shopper.fills_in("Note for the courier", "Ring twice").await;
    shopper.presses("Place the order").await;
    assert_eq!(shopper.text("//address/following-sibling::p").await, "Ring twice");

    let driver = browser.driver();
    prints(driver).await;
    let parts = [
        ("h1", true),
        (".receipt table", true),
        ("address", true),
        ("address ~ p", true),
        ("header .brand", true),
        ("header nav", false),
        ("footer nav", false),
        (".again", false),
    ];
    are_printed(driver, &parts).await;
    let colours = "const style = selector => getComputedStyle(document.querySelector(selector));
        return [style('body').backgroundColor, style('.sheet').backgroundColor, style('h1').color,
            style('.receipt td').color, document.documentElement.scrollWidth]";
    let colours = driver.execute(colours, vec![]).await.expect("a script runs");
    let (black, white) = ("rgb(0, 0, 0)", "rgb(255, 255, 255)");
    assert_eq!(colours.json(), &json!([white, white, black, black, 794]));
}

#[tokio::test]
async fn lists_and_carts_are_printed_without_tools_and_buttons() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
    shopper.presses_at("Willow dreamcatcher", "Add").await;
    prints(browser.driver()).await;
    let parts = [
        ("h1", true),
        (".goods h2", true),
        (".goods .price", true),
        (".goods .pic img", true),
        (".added", false),
        (".find", false),
        (".kinds", false),
        (".goods button", false),
        (".pages", false),
    ];
    are_printed(browser.driver(), &parts).await;
    browser.driver().goto(cart.url("/cart")).await.expect("the cart is shown");
    let parts = [(".lines h2", true), (".lines input", true), (".sums .all", true), ("main button", false)];
    are_printed(browser.driver(), &parts).await;
}
