//! Where things stand on a page, on screens of several widths.

use sava_testbed::{
    BrowserShopper, Cart, Product,
    browser::{Browser, Script},
};
use serde_json::{Value, json};

const RELEASES: [&str; 3] = ["1.0.5", "2.0.4", "3.0.0"];
const PHONE: (u32, u32) = (360, 740);
const LAPTOP: (u32, u32) = (1280, 800);

async fn shows(browser: &Browser, (width, height): (u32, u32)) {
    let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
    let cdp = browser.driver().cdp();
    cdp.send_raw("Emulation.setDeviceMetricsOverride", screen).await.expect("Chromium can do that");
}

async fn run(browser: &Browser, script: &str) -> Value {
    browser.driver().execute(script, vec![]).await.expect("a script runs").json().clone()
}

#[tokio::test]
async fn a_wide_header_is_one_row_with_the_cart_at_its_end() {
    let product = Product::start().await;
    for release in RELEASES {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let browser = Browser::start(Script::On).await;
        shows(&browser, LAPTOP).await;
        let _shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
        let places = run(
            &browser,
            "const box = (css) => document.querySelector(`header ${css}`).getBoundingClientRect();
            const [brand, release, cart] = ['.brand', '.tag', 'a[href=cart]'].map(box);
            const middle = (box) => (box.top + box.bottom) / 2;
            return { isOneRow: Math.abs(middle(brand) - middle(cart)) < 6 && Math.abs(middle(release) - middle(cart)) < 6,
                inOrder: brand.right < release.left && release.right < cart.left,
                isAtTheEnd: document.querySelector('main .wrap').getBoundingClientRect().right - cart.right < 60 }",
        )
        .await;
        assert_eq!(places, json!({ "isOneRow": true, "inOrder": true, "isAtTheEnd": true }), "{release}");
    }
}

#[tokio::test]
async fn no_text_of_the_list_is_cut() {
    let product = Product::start().await;
    for release in RELEASES {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let browser = Browser::start(Script::On).await;
        for screen in [PHONE, LAPTOP] {
            shows(&browser, screen).await;
            let _shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
            let cut = run(
                &browser,
                "return [...document.querySelectorAll('.goods .about')]
                    .filter((text) => text.scrollHeight > text.clientHeight + 1).map((text) => text.textContent)",
            )
            .await;
            assert_eq!(cut, json!([]), "{release} at {screen:?}");
        }
    }
}
