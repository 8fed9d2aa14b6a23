//! The instrument and the page for an audience on each screen.

use sava_testbed::{
    Cart, Product,
    browser::{Browser, Script},
};
use serde_json::json;

use super::view::{FRONTS, PRODUCTS, SCREENS, View, samples_of};

/// What cannot be seen of the names and shares of the releases: beyond the screen at a side, or, once scrolled to, beyond
/// it still, or under something else; and how far the page goes beyond the screen at its side.
const UNSEEN: &str = "const unseen = [];
    for (const part of document.querySelectorAll('.lane :is(.name > span, .share > span)')) {
        part.scrollIntoView({ block: 'center' });
        const { left, right, top, bottom } = part.getBoundingClientRect();
        const inside = left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight;
        const at = (x, y) => part.contains(document.elementFromPoint(x, y));
        const middle = (top + bottom) / 2;
        if (!inside || !at(left + 2, middle) || !at(right - 2, middle)) unseen.push(part.textContent);
    }
    scrollTo(0, 0);
    return [document.documentElement.scrollWidth - innerWidth, ...unseen]";

async fn show(view: &View<'_>, (width, height): (u32, u32), scheme: &str) {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    view.send("Emulation.setDeviceMetricsOverride", size).await;
    let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    view.send("Emulation.setEmulatedMedia", feature).await;
    view.wait(&format!("innerWidth === {width} && innerHeight === {height}")).await;
    view.picture().await;
}

#[tokio::test]
async fn each_release_is_in_reach_on_each_screen() {
    let cart = Cart::start().await;
    for (fronts, products) in [(1, 1), (1, 4), (1, 5), (5, 1), (1, 8), (8, 8)] {
        let browser = Browser::start(Script::On).await;
        let samples = samples_of(&FRONTS[..fronts], &PRODUCTS[..products], 40 / products);
        let view = View::open_after(&samples, &browser, &cart.url("/")).await;
        for (lane, n) in [("storefront", fronts), ("product", products)] {
            view.wait(&format!("document.querySelectorAll('#{lane} .card').length === {n}")).await;
        }
        for screen in SCREENS {
            show(&view, screen, "light").await;
            let unseen = view.run(UNSEEN).await;
            assert_eq!(unseen, json!([0]), "{fronts} and {products} releases at {screen:?}");
        }
    }
}

#[tokio::test]
async fn a_phone_sees_all_of_its_release() {
    let product = Product::start().release("2.1.0-breaking").await;
    let cart = Cart::start().product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    browser.driver().goto(cart.url("/release?audience")).await.expect("the page is there");
    let view = View { browser: &browser };
    let beyond = "const parts = [...document.querySelectorAll('h1 b, h1 svg, .share b, .again')];
        return [document.documentElement.scrollWidth > innerWidth, ...parts.filter((part) => {
            const { left, right, top, bottom } = part.getBoundingClientRect();
            return left < 0 || right > innerWidth || top < 0 || bottom > innerHeight;
        }).map((part) => part.textContent)]";
    for screen in [(320, 568)].into_iter().chain(SCREENS) {
        let (width, height) = screen;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        view.send("Emulation.setDeviceMetricsOverride", size).await;
        view.wait(&format!("innerWidth === {width} && innerHeight === {height}")).await;
        assert_eq!(view.run(beyond).await, json!([false]), "{screen:?}");
    }
}
