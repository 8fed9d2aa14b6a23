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

#[tokio::test]
async fn labels_fields_and_sums_are_in_line() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    shows(&browser, LAPTOP).await;
    let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
    shopper.follows("Willow dreamcatcher").await;
    shopper.presses("Add to cart").await;
    shopper.goes_to("Products").await;
    shopper.presses_at("Cedar & smoke beard oil", "Add").await;
    shopper.goes_to("Cart").await;
    shopper.presses("Check out").await;
    shopper.presses("Place the order").await;
    let differences = run(
        &browser,
        "const top = (css) => document.querySelector(css).getBoundingClientRect().top;
        return { labels: top('label[for=town]') - top('label[for=county]'), fields: top('#town') - top('#county') }",
    )
    .await;
    assert_eq!(differences, json!({ "labels": 0, "fields": 0 }));
    shows(&browser, PHONE).await;
    let ends = run(
        &browser,
        "return [...new Set([...document.querySelectorAll('.sums dd')].map((sum) => {
            const text = document.createRange();
            text.selectNodeContents(sum);
            return Math.round(text.getBoundingClientRect().right);
        }))].length",
    )
    .await;
    assert_eq!(ends, 1, "sums end at the same place");
}

#[tokio::test]
async fn a_phone_shows_two_products_beside_each_other() {
    let product = Product::start().await;
    for release in ["2.0.4", "3.0.0"] {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let browser = Browser::start(Script::On).await;
        shows(&browser, PHONE).await;
        let _shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
        let tops = run(
            &browser,
            "return [...document.querySelectorAll('.goods > li')].slice(0, 4).map((card) => card.offsetTop)",
        )
        .await;
        let tops: Vec<_> = tops.as_array().expect("products").iter().map(Value::as_i64).collect();
        assert!(tops[0] == tops[1] && tops[1] < tops[2] && tops[2] == tops[3], "{release}: {tops:?}");
    }
}

#[tokio::test]
async fn the_total_and_the_way_on_are_in_sight_of_a_long_cart() {
    let product = Product::start().await;
    for release in RELEASES {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let browser = Browser::start(Script::On).await;
        shows(&browser, PHONE).await;
        let shopper = BrowserShopper::enters(&browser, &cart.url("/")).await;
        let titles = [
            "Single-speed fixie",
            "Patient pour-over set",
            "Willow dreamcatcher",
            "Portable typewriter",
            "Kombucha starter kit",
            "Rainforest terrarium",
        ];
        for title in titles {
            shopper.presses_at(title, "Add").await;
        }
        shopper.goes_to("Cart").await;
        let below = run(
            &browser,
            "const bottom = (element) => element.getBoundingClientRect().bottom - innerHeight;
            const [total, button] = document.querySelectorAll('.sums .all, [name=checkout]');
            return { lines: bottom(document.querySelector('.lines')) > 0, total: bottom(total) > 0,
                button: bottom(button) > 0 }",
        )
        .await;
        assert_eq!(below, json!({ "lines": true, "total": false, "button": false }), "{release}");
        // Who goes through the fields sees where they are.
        let hidden = run(
            &browser,
            "const edge = () => document.querySelector('.pay').getBoundingClientRect().top;
            return [...document.querySelectorAll('.lines input, .lines button')].filter((control) => {
                control.focus();
                return control.getBoundingClientRect().bottom > edge();
            }).length",
        )
        .await;
        assert_eq!(hidden, 0, "{release}");
    }
}
