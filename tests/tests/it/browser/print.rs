//! An order on paper.

use sava_testbed::{
    BrowserShopper, Cart, Product,
    browser::{Browser, Script},
};
use serde_json::json;
use thirtyfour::By;

#[tokio::test]
async fn an_order_is_printed_in_black_on_white_without_what_only_a_screen_needs() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
    shopper.presses_at("Willow dreamcatcher", "Add").await;
    shopper.goes_to("Cart").await;
    shopper.presses("Check out").await;
    shopper.fills_in_the_address("Eircode", "D02 X285").await;
    shopper.presses("Place the order").await;

    let driver = browser.driver();
    // A4, at the 96 pixels an inch of CSS.
    let paper = json!({ "width": 794, "height": 1123, "deviceScaleFactor": 1, "mobile": false });
    let dark = json!({ "name": "prefers-color-scheme", "value": "dark" });
    for (method, parameters) in [
        ("Emulation.setDeviceMetricsOverride", paper),
        ("Emulation.setEmulatedMedia", json!({ "media": "print", "features": [dark] })),
    ] {
        driver.cdp().send_raw(method, parameters).await.expect("Chromium can do that");
    }
    for (css, is_printed) in [
        ("h1", true),
        (".receipt table", true),
        ("address", true),
        ("header .brand", true),
        ("header nav", false),
        ("footer nav", false),
        (".again", false),
    ] {
        let element = driver.find(By::Css(css)).await.expect("it is on the page");
        assert_eq!(element.is_displayed().await.expect("it can be seen or not"), is_printed, "{css}");
    }
    let colours = "const style = selector => getComputedStyle(document.querySelector(selector));
        return [style('body').backgroundColor, style('.sheet').backgroundColor, style('h1').color,
            style('.receipt td').color, document.documentElement.scrollWidth]";
    let colours = driver.execute(colours, vec![]).await.expect("a script runs");
    let (black, white) = ("rgb(0, 0, 0)", "rgb(255, 255, 255)");
    assert_eq!(colours.json(), &json!([white, white, black, black, 794]));
}
