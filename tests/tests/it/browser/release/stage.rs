//! The stage: what an audience sees from the last row.

use sava_testbed::{
    Balancer, Cart, Product,
    browser::{Browser, Script},
};
use serde_json::{Value, json};

use super::view::{FRONTS, PRODUCTS, SCREENS, View, samples_of};

const ESCAPE: &str = "\u{e00c}"; // in WebDriver
const IS_OPEN: &str =
    "document.querySelector('#wall').checkVisibility() && !document.querySelector('main').checkVisibility()";
async fn open_stage(view: &View<'_>) {
    view.press("s").await;
    view.wait(IS_OPEN).await;
}

/// Waits until so many releases are on the stage, in the lane of the store front and in that of the product service.
async fn wait_for_releases(view: &View<'_>, fronts: usize, products: usize) {
    for (lane, n) in [("storefront", fronts), ("product", products)] {
        view.wait(&format!("document.querySelectorAll('#{lane}-wall .plate').length === {n}")).await;
    }
}

#[tokio::test]
async fn stage_opens_by_key_address_and_full_screen_and_is_left_by_escape() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    open_stage(&view).await;
    view.wait("location.hash.includes('look=stage')").await;
    view.press(ESCAPE).await;
    view.wait(&format!("!({IS_OPEN}) && !location.hash.includes('look')")).await;
    view.run("location.hash = '#rate=50&look=stage'").await;
    view.wait(IS_OPEN).await;
    view.press("s").await;
    view.wait(&format!("!({IS_OPEN})")).await;
    view.click("full").await;
    view.wait(&format!("document.fullscreenElement && {IS_OPEN}")).await;
    view.run("document.exitFullscreen()").await;
    view.wait(&format!("!document.fullscreenElement && !({IS_OPEN})")).await;
}

#[tokio::test]
async fn stage_fits_each_screen_and_is_large() {
    let cart = Cart::start().await;
    for (fronts, products) in [(1, 1), (1, 2), (1, 4), (2, 4), (1, 5), (5, 5), (1, 8), (8, 8)] {
        let browser = Browser::start(Script::On).await;
        let samples = samples_of(&FRONTS[..fronts], &PRODUCTS[..products], 40 / products);
        let view = View::open_after(&samples, &browser, &cart.url("/")).await;
        open_stage(&view).await;
        wait_for_releases(&view, fronts, products).await;
        for (width, height) in SCREENS {
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            view.send("Emulation.setDeviceMetricsOverride", size).await;
            let case = format!("{fronts} and {products} releases at {width} × {height}");
            view.wait(&format!(
                "document.querySelector('#wall').dataset.fits.startsWith('{width} {height} ')"
            ))
            .await;
            let beside = "const wall = document.querySelector('#wall');
                const beyond = wall.scrollWidth > wall.clientWidth || wall.scrollHeight > wall.clientHeight;
                return [beyond, ...[...wall.querySelectorAll('.plate *')].filter((part) =>
                    part.getBoundingClientRect().right > part.closest('.plate').getBoundingClientRect().right)
                    .map((part) => part.textContent)]";
            assert_eq!(view.run(beside).await, json!([false]), "{case}: something is cut off");
            if width == 1920 {
                let sizes = view.run(SIZES).await;
                let size = |name: &str| sizes[name].as_f64().unwrap_or_default();
                assert!(size("least") >= 28.0, "{case}: {sizes}");
                if fronts + products <= 9 {
                    assert!(size("share") >= 96.0 && size("name") >= 64.0, "{case}: {sizes}");
                }
            }
        }
    }
}

/// The least sizes of type on the stage: of all, of shares, of names.
const SIZES: &str = "const wall = document.querySelector('#wall');
    const least = (parts) => Math.min(...[...parts].filter((part) => part.checkVisibility() && part.id !== 'leave' &&
        [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((part) => parseFloat(getComputedStyle(part).fontSize)));
    return { least: least(wall.querySelectorAll('*')), share: least(wall.querySelectorAll('.big b')),
        name: least(wall.querySelectorAll('.named span')) }";

#[tokio::test]
async fn lane_of_one_release_is_a_line() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open_after(&samples_of(&["3.0.0"], &PRODUCTS[..2], 3), &browser, &cart.url("/")).await;
    open_stage(&view).await;
    wait_for_releases(&view, 1, 2).await;
    view.wait("document.querySelector('#storefront-wall.folded')").await;
    let line = view
        .run("return document.querySelector('#storefront-wall').getBoundingClientRect().height / innerHeight")
        .await;
    assert!(line.as_f64() < Some(0.15), "{line}");
    assert_eq!(view.run("return document.querySelectorAll('#product-wall.folded').length").await, 0);
}

/// Who wants no motion sees no shape twice; so it is seen that each sample is drawn once, and none before it again.
#[tokio::test]
async fn each_sample_is_a_shape_that_is_drawn_once() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let counting = format!(
        "{}
        window.shapes = {{}};
        const real = CanvasRenderingContext2D.prototype.drawImage;
        CanvasRenderingContext2D.prototype.drawImage = function (...it) {{
            const lane = this.canvas.closest?.('.lane-wall')?.id;
            shapes[lane] = (shapes[lane] || 0) + 1;
            return real.apply(this, it);
        }};",
        samples_of(&["3.0.0"], &PRODUCTS[..2], 3)
    );
    let view = View::open_after(&counting, &browser, "about:blank#").await;
    let still = json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    view.send("Emulation.setEmulatedMedia", still).await;
    browser.driver().goto(cart.url("/release#rate=50&look=stage")).await.expect("the stage is there");
    view.wait("shapes['product-wall'] > 100").await;
    view.press(" ").await;
    view.wait("document.querySelector('#wall-state').textContent === 'paused'").await;
    // What came before the pause is drawn, if it was not yet.
    view.wait("shapes['product-wall'] === fed || shapes['product-wall'] === fed - 1").await;
    let label = "return document.querySelector('#product-wall canvas').ariaLabel";
    let label = view.run(label).await.to_string();
    assert!(label.contains("2.0.1") && label.contains("1.0.3") && label.contains(" lost"), "{label}");
}

#[tokio::test]
async fn lost_requests_are_counted_and_crossed_out() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open_after(&samples_of(&["3.0.0"], &["2.0.1"], 3), &browser, &cart.url("/")).await;
    view.send(
        "Emulation.setEmulatedMedia",
        json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }),
    )
    .await;
    open_stage(&view).await;
    view.wait("Number(document.querySelector('#wall-lost').textContent) > 2").await;
    let white = "const canvas = document.querySelector('#product-wall canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let white = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i] + data[i + 1] + data[i + 2] === 765 && data[i + 3] === 255) white += 1;
        return white";
    let white = view.run(white).await;
    assert!(white.as_u64() > Some(20), "{white} pixels are white");
}

#[tokio::test]
async fn pod_that_dies_goes_dark_on_the_stage() {
    let stays = Product::start().release("2.0.1").await;
    let dies = Product::start().release("2.0.1").await;
    let balancer = Balancer::start().await;
    balancer.split(&[(stays.address(), 1), (dies.address(), 1)]);
    let cart = Cart::start().product(&balancer.url("")).await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    // A pod that answered a few times only may be missing by chance.
    view.wait_for_samples(60).await;
    open_stage(&view).await;
    view.wait("document.querySelectorAll('#product-wall .lamps i').length === 2").await;
    assert_eq!(view.run("return document.querySelectorAll('.lamps .gone').length").await, 0);
    dies.kill();
    balancer.split(&[(stays.address(), 1)]);
    view.wait("document.querySelectorAll('#product-wall .lamps .gone').length === 1").await;
    assert_eq!(
        view.run("return document.querySelectorAll('#product-wall .lamps i').length").await,
        Value::from(2)
    );
}

/// `2.0.1` comes to serve all after `1.0.3` had.
#[tokio::test]
async fn release_that_has_come_to_serve_all_floods_the_wall() {
    let cart = Cart::start().await;
    for (motion, floods) in [("no-preference", 1), ("reduce", 0)] {
        let browser = Browser::start(Script::On).await;
        let samples = format!(
            "{} window.floods = [];
            new MutationObserver((changes) => {{ for (const {{ addedNodes }} of changes) for (const node of addedNodes)
                if (node.className === 'flood') floods.push(node.parentElement.parentElement.id); }})
                .observe(document, {{ childList: true, subtree: true }});",
            samples_of(&["3.0.0"], &PRODUCTS[..1], 3).replace(
                "products[(n >> 3) % products.length]",
                r#"n < 100 ? "1.0.3" : n < 200 && n % 2 ? "1.0.3" : products[0]"#
            )
        );
        let view = View::open_after(&samples, &browser, &cart.url("/")).await;
        let feature = json!({ "features": [{ "name": "prefers-reduced-motion", "value": motion }] });
        view.send("Emulation.setEmulatedMedia", feature).await;
        open_stage(&view).await;
        view.wait("document.querySelector('#product-wall .big b')?.textContent === '100' && fed < 100").await;
        wait_for_releases(&view, 1, 2).await;
        view.wait("fed > 600 && [...document.querySelectorAll('#product-wall .big b')].some((share) => share.textContent === '100')").await;
        view.wait("document.querySelectorAll('.flood').length === 0").await;
        assert_eq!(view.run("return floods.length").await, floods, "{motion}");
    }
}

#[tokio::test]
async fn controls_hide_on_the_full_screen_until_somebody_stirs() {
    let cart = Cart::start().await;
    let browser = Browser::start(Script::On).await;
    let view = View::open(&browser, &cart.url("/")).await;
    let are_there = "document.querySelector('#tools').checkVisibility()";
    view.wait(are_there).await;
    view.press("f").await;
    view.wait("document.fullscreenElement").await;
    view.press("s").await; // the instrument on the full screen
    view.wait(are_there).await;
    view.wait(&format!("!{are_there}")).await;
    view.press("t").await;
    view.wait(are_there).await;
    view.wait(&format!("!{are_there}")).await;
    // Who goes by Tab keeps what has the focus.
    view.press("\u{e004}").await;
    view.run("document.querySelector('#pause').focus()").await;
    view.wait("document.documentElement.classList.contains('idle')").await;
    assert_eq!(view.run(&format!("return {are_there}")).await, true);
    view.run("document.activeElement.blur()").await;
    view.press("f").await;
    view.wait(&format!("!document.fullscreenElement && {are_there}")).await;
}
