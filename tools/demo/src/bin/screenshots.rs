//! Makes the pictures of the README and of the tutorial and the contact sheets of all states, and measures the pages'
//! speed: `cargo xtask screenshots`.
//!
//! Longer than others: it is the list of the pictures, one function each.

#![expect(clippy::print_stdout, reason = "it tells what it made")]

#[path = "screenshots/dashboard.rs"]
mod dashboard;
#[path = "screenshots/rollout.rs"]
mod rollout;
#[path = "screenshots/tutorial.rs"]
mod tutorial;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Parser;
use sava_testbed::{
    Balancer, BrowserShopper, Cart, PATIENCE, Product, binaries, body,
    browser::{Browser, Script},
    client, lighthouse,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const RELEASES: [&str; 3] = ["1.0.5", "2.0.4", "3.0.0"];

/// A screen that pictures are taken of.
#[derive(Clone, Copy)]
struct Screen {
    width: u32,
    height: u32,
    dark: bool,
    printed: bool,
}

const DESKTOP: Screen = Screen { width: 1280, height: 860, dark: false, printed: false };
const VIEW: Screen = Screen { width: 1280, height: 956, dark: false, printed: false };
const PHONE: Screen = Screen { width: 360, height: 720, dark: false, printed: false };
/// A4, at the 96 pixels an inch of CSS.
const PAPER: Screen = Screen { width: 794, height: 1123, dark: false, printed: true };

impl Screen {
    const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }
}

/// A picture with what is to be written below it.
struct Shot {
    caption: String,
    /// WebP.
    picture: Vec<u8>,
    width: u32,
}

/// Make the pictures of the README and of the tutorial and the contact sheets, below docs/screenshots, and measure the
/// pages' speed
#[derive(Parser)]
#[command(
    name = "cargo xtask screenshots",
    bin_name = "cargo xtask screenshots",
    version,
    max_term_width = 100
)]
struct Arguments {
    /// Only these
    #[arg(value_parser = ["rollout", "releases", "states", "release-view", "tutorial", "dashboard", "speed"])]
    only: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { only } = Arguments::parse();
    let folder = binaries::target().join("screenshots");
    let studio = Studio { browser: Browser::start(Script::On).await, folder };
    let wanted = |name| only.as_ref().is_none_or(|only| only == name);
    if wanted("rollout") {
        rollout::picture(&studio).await?;
    }
    if wanted("releases") {
        studio.releases().await?;
    }
    if wanted("states") {
        studio.states().await?;
    }
    if wanted("release-view") {
        studio.release_view().await?;
    }
    if wanted("tutorial") {
        tutorial::pictures(&studio).await?;
    }
    if wanted("dashboard") {
        dashboard::picture(&studio).await?;
    }
    drop(studio);
    if wanted("speed") {
        speed().await?;
    }
    Ok(())
}

/// Writes what Lighthouse says of the speed of the pages on a phone beside the pictures: the median of three, as this
/// may be a noisy machine.
async fn speed() -> anyhow::Result<()> {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let form = [("id", "3"), ("quantity", "2")];
    let added = client().post(cart.url("/cart/items")).form(&form).send().await?;
    let cookie = added.headers()["set-cookie"].to_str()?;
    let cookie = cookie.split(';').next().unwrap_or_default();
    let mut rows = String::new();
    for (page, path) in [
        ("the list", "/"),
        ("a product", "/products/3"),
        ("the cart", "/cart"),
        ("the checkout", "/checkout"),
    ] {
        let mut reports = Vec::new();
        for _ in 0..3 {
            reports.push(lighthouse::judge(&cart.url(path), cookie, &["performance"]).await);
        }
        reports.sort_by_key(|report| report.marks("performance"));
        let median = &reports[1];
        let figures = [
            "first-contentful-paint",
            "largest-contentful-paint",
            "total-blocking-time",
            "cumulative-layout-shift",
        ];
        // A no-break space between number and unit is Lighthouse's.
        let figures = figures.map(|figure| median.figure(figure).replace('\u{a0}', " "));
        let marks = median.marks("performance");
        println!("Lighthouse, performance of {page}: {marks}");
        if marks < 99 {
            println!("  because of {}", median.failed());
        }
        writeln!(rows, "| {page} | {marks} | {} |", figures.join(" | "))?;
    }
    let path = binaries::root().join("docs/screenshots/README.md");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (before, rest) = text.split_once(SPEED).context("the figures have a place")?;
    let (_, after) = rest.split_once(SPEED_END).context("the figures' place ends")?;
    fs::write(&path, format!("{before}{SPEED}{TABLE}{rows}{SPEED_END}{after}"))?;
    Ok(())
}

const SPEED: &str = "<!-- speed -->\n";
const SPEED_END: &str = "<!-- /speed -->\n";
const TABLE: &str = "| page of 3.0.0 | marks of 100 | first paint | largest paint | blocked | layout shift |
| --- | --- | --- | --- | --- | --- |
";

/// The products that are built in.
fn catalog() -> anyhow::Result<Vec<Value>> {
    let db: Value = serde_json::from_slice(&fs::read(binaries::root().join("data/db.json"))?)?;
    Ok(db["products"].as_array().context("products")?.clone())
}

/// A data directory with these products.
fn data(products: &[Value]) -> anyhow::Result<TempDir> {
    let directory = tempfile::tempdir()?;
    write(directory.path(), products)?;
    Ok(directory)
}

/// Replaces the products at once: they are read while they are written.
fn write(directory: &Path, products: &[Value]) -> anyhow::Result<()> {
    let draft = directory.join("draft");
    fs::write(&draft, json!({ "products": products }).to_string())?;
    Ok(fs::rename(draft, directory.join("db.json"))?)
}

/// Waits until the list is as it is meant to be: a change of the data is picked up within seconds.
async fn until(cart: &Cart, is_right: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let right = async {
        while !is_right(&body(cart.get("/").await).await) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, right).await.context("the change is not seen")
}

struct Studio {
    browser: Browser,
    /// For single pictures.
    folder: PathBuf,
}

impl Studio {
    /// The three releases side by side: for the README.
    async fn releases(&self) -> anyhow::Result<()> {
        let product = Product::start().await;
        let mut sheets = [
            ("releases", DESKTOP),
            ("releases-dark", DESKTOP.dark()),
            ("phones", PHONE),
            ("phones-dark", PHONE.dark()),
        ]
        .map(|(name, screen)| (name, screen, Vec::new()));
        for release in RELEASES {
            let cart = Cart::start().release(release).product(&product.url("")).await;
            for (_, screen, shots) in &mut sheets {
                self.visit(&cart, "/").await?;
                shots.push(self.shot(&format!("sava-cart {release}"), *screen).await?);
            }
        }
        for (name, screen, shots) in sheets {
            self.sheet(name, &shots, if screen.width > 1000 { 640 } else { 300 }, 3).await?;
        }
        Ok(())
    }

    /// What else a shopper may see: a contact sheet for each size.
    async fn states(&self) -> anyhow::Result<()> {
        let mut shots = Vec::new();
        self.browsing(&mut shots).await?;
        self.shopping(&mut shots).await?;
        self.limits(&mut shots).await?;
        self.changes(&mut shots).await?;
        self.outages(&mut shots).await?;
        self.refusals(&mut shots).await?;
        let (desktop, phone): (Vec<_>, Vec<_>) = shots.into_iter().partition(|shot| shot.width > 1000);
        self.sheet("states", &desktop, 480, 4).await?;
        self.sheet("states-phone", &phone, 240, 7).await
    }

    async fn browsing(&self, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        let product = Product::start().await;
        let cart = Cart::start().product(&product.url("")).await;
        self.visit(&cart, "/products/3").await?;
        self.both("A product", shots).await?;
        self.visit(&cart, "/?q=nothing+of+the+kind").await?;
        self.both("A search that finds nothing", shots).await?;
        self.visit(&cart, "/products/999").await?;
        self.both("Not found", shots).await?;
        self.visit(&cart, "/cart").await?;
        self.both("Empty cart", shots).await?;
        self.visit(&cart, "/orders").await?;
        self.both("No orders yet", shots).await?;
        self.visit(&cart, "/release").await?;
        // Its first samples are there when it tells their latency.
        self.wait("document.body.innerText.includes('p50')").await?;
        self.both("The release view", shots).await?;

        let data = data(&[])?;
        fs::write(data.path().join("db.json"), ODD_PRODUCTS)?;
        let product = Product::start().data(data.path()).await;
        let cart = Cart::start().product(&product.url("")).await;
        self.visit(&cart, "/").await?;
        self.both("No picture, long titles, markup that is text", shots).await
    }

    async fn shopping(&self, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        let product = Product::start().await;
        let cart = Cart::start().product(&product.url("")).await;
        let shopper = self.opens(&cart).await?;
        self.visit(&cart, "/products/3").await?;
        shopper.fills_in("Quantity", "99").await;
        shopper.presses("Add to cart").await;
        self.visit(&cart, "/products/5").await?;
        shopper.presses("Add to cart").await;
        self.visit(&cart, "/cart").await?;
        self.both("Cart with 99 pieces of one", shots).await?;
        self.visit(&cart, "/checkout").await?;
        self.both("Checkout", shots).await?;
        shopper.presses("Place the order").await;
        self.both("Checkout: mistakes beside their fields", shots).await?;
        shopper.fills_in_the_address("Eircode", "D02 X285").await;
        shopper.presses("Place the order").await;
        self.both("Order", shots).await?;
        shots.push(self.shot("Order, printed", PAPER).await?);
        self.visit(&cart, "/products/8").await?;
        shopper.presses("Add to cart").await;
        self.visit(&cart, "/checkout").await?;
        shopper.fills_in_the_address("Eircode", "D02 X285").await;
        shopper.presses("Place the order").await;
        self.visit(&cart, "/orders").await?;
        self.both("Orders", shots).await
    }

    async fn limits(&self, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        let titles = (1..=51).map(|id| format!("Limited edition no. {id}"));
        let products: Vec<_> = titles
            .zip(1..)
            .map(|(title, id)| {
                json!({ "id": id, "locale": "ie", "title": title, "description": "One of very few.",
                    "price": 1, "img": "dreamcatcher.svg" })
            })
            .collect();
        let data = data(&products)?;
        let product = Product::start().data(data.path()).await;
        let cart = Cart::start().product(&product.url("")).await;
        let shopper = self.opens(&cart).await?;
        let fill = "const done = arguments[0];
            (async () => {
                for (let id = 1; id <= 50; id++)
                    await fetch('cart/items', { method: 'POST', body: new URLSearchParams({ id, quantity: 99 }) });
            })().then(done)";
        self.browser.driver().execute_async(fill, vec![]).await?;
        self.visit(&cart, "/products/51").await?;
        shopper.presses("Add to cart").await;
        self.both("The 51st product is one too many", shots).await?;
        self.visit(&cart, "/products/1").await?;
        shopper.presses("Add to cart").await;
        self.both("The 100th piece is one too many", shots).await
    }

    /// What changed between the form and the order.
    async fn changes(&self, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        let mut products = catalog()?;
        let data = data(&products)?;
        let product = Product::start().data(data.path()).await;
        let cart = Cart::start().product(&product.url("")).await;
        let shopper = self.opens(&cart).await?;
        for id in [3, 5] {
            self.visit(&cart, &format!("/products/{id}")).await?;
            shopper.presses("Add to cart").await;
        }
        self.visit(&cart, "/checkout").await?;
        shopper.fills_in_the_address("Eircode", "D02 X285").await;
        let changed = products.iter_mut().find(|product| product["id"] == 3 && product["locale"] == "ie");
        changed.context("there is a product 3")?["price"] = json!(27.5);
        write(data.path(), &products)?;
        until(&cart, |list| list.contains("€27.50")).await?;
        shopper.presses("Place the order").await;
        self.both("Checkout: the price has changed", shots).await?;
        products.retain(|product| product["id"] != 3);
        write(data.path(), &products)?;
        until(&cart, |list| !list.contains("€27.50")).await?;
        shopper.presses("Place the order at this price").await;
        self.both("Checkout: something is gone", shots).await?;
        self.visit(&cart, "/cart").await?;
        self.both("Cart: something is gone", shots).await
    }

    async fn outages(&self, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        let product = Product::start().await;
        let cart = Cart::start().product(&product.url("")).await;
        let shopper = self.comes_to_order(&cart).await?;
        product.kill();
        shopper.presses("Place the order").await;
        self.both("Checkout while products are away", shots).await?;
        self.visit(&cart, "/").await?;
        self.both("The last good list, and a notice", shots).await?;
        self.visit(&cart, "/cart").await?;
        self.both("Cart at the last known prices", shots).await?;

        let cart = Cart::start().await;
        let shopper = self.opens(&cart).await?;
        self.both("Never a product service: fruit", shots).await?;
        shopper.presses_at("Garlic", "Add").await;
        self.visit(&cart, "/").await?;
        shopper.presses_at("Papayas", "Add").await;
        self.visit(&cart, "/checkout").await?;
        self.both("Checkout of fruit", shots).await?;
        let stray = "const done = arguments[0];
            fetch('cart/items', { method: 'POST', body: new URLSearchParams({ id: 3 }) }).then(() => done())";
        self.browser.driver().execute_async(stray, vec![]).await?;
        self.visit(&cart, "/cart").await?;
        self.both("Cart with a product that cannot be looked up", shots).await?;

        let product = Product::start().await;
        let cart = Cart::start()
            .product(&product.url(""))
            .env("DATABASE_URL", "sqlite:no/such/folder/sava-cart.db")
            .env("COOKIE_KEY", "5a".repeat(64))
            .await;
        let shopper = self.comes_to_order(&cart).await?;
        shopper.presses("Place the order").await;
        self.both("Checkout while orders cannot be kept", shots).await?;
        self.visit(&cart, "/orders").await?;
        self.both("Orders while they cannot be read", shots).await
    }

    async fn refusals(&self, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        let product = Product::start().await;
        let cart = Cart::start().release("3.0.1-broken").product(&product.url("")).await;
        let shopper = self.comes_to_order(&cart).await?;
        shopper.presses("Place the order").await;
        self.both("A release whose checkout is broken", shots).await?;

        let cart = Cart::start().product(&product.url("")).await;
        let shopper = self.opens(&cart).await?;
        let form = format!(
            "data:text/html,<form method=post action='{}'><button>Win</button></form>",
            cart.url("/cart/items")
        );
        self.browser.driver().goto(form).await?;
        shopper.presses("Win").await;
        self.both("A form of another site", shots).await
    }

    /// Goes shopping with nothing in the cart: cookies do not tell ports apart, so they are those of the shop before.
    async fn opens(&self, cart: &Cart) -> anyhow::Result<BrowserShopper<'_>> {
        self.visit(cart, "/").await?;
        self.browser.driver().delete_all_cookies().await?;
        Ok(BrowserShopper::enters(&self.browser, &cart.url("/")).await)
    }

    /// Goes shopping as far as the order, which is filled in and not yet placed.
    async fn comes_to_order(&self, cart: &Cart) -> anyhow::Result<BrowserShopper<'_>> {
        let shopper = self.opens(cart).await?;
        self.visit(cart, "/products/5").await?;
        shopper.presses("Add to cart").await;
        self.visit(cart, "/checkout").await?;
        shopper.fills_in_the_address("Eircode", "D02 X285").await;
        Ok(shopper)
    }

    /// The release view along a canary, and when a pod is killed, a release is slow, a release fails.
    async fn release_view(&self) -> anyhow::Result<()> {
        let mut shots = Vec::new();
        let old = Product::start().release("1.0.3").await;
        let balancer = Balancer::start().await;
        let cart = Cart::start().product(&balancer.url("")).await;
        for (release, percent, screen, caption) in [
            ("2.0.1", 0, VIEW, "A canary at 0 %"),
            ("2.0.1", 5, VIEW, "At 5 %, which is the target"),
            ("2.0.1", 50, VIEW, "At 50 %"),
            ("2.0.1", 100, VIEW.dark(), "At 100 %"),
            ("2.0.2-slow", 50, VIEW, "A release that is slow"),
            ("2.0.2-errors", 50, VIEW.dark(), "A release that fails"),
        ] {
            let new = Product::start().release(release).await;
            balancer.split(&[(old.address(), 100 - percent), (new.address(), percent)]);
            self.watch(&cart, &format!("meant.product.{release}={percent}"), screen).await?;
            shots.push(self.shot(caption, screen).await?);
            if release == "2.0.1" && percent == 50 {
                new.kill();
                balancer.split(&[(old.address(), 1)]);
                self.wait("document.querySelector('#product .pod.gone')").await?;
                shots.push(self.shot("The pod of the new release is killed", screen).await?);
            }
        }
        self.sheet("release-view", &shots, 800, 2).await
    }

    /// Opens the release view on this screen, and waits until its time span is nearly filled.
    async fn watch(&self, cart: &Cart, settings: &str, screen: Screen) -> anyhow::Result<()> {
        self.browser.driver().goto("about:blank").await?; // another fragment alone would not be a new page
        self.adapt(screen).await?;
        self.visit(cart, &format!("/release#rate=50&window=30&{settings}")).await?;
        self.wait("performance.now() > 25_000").await
    }

    /// Waits until `condition` holds in the page.
    async fn wait(&self, condition: &str) -> anyhow::Result<()> {
        let script = format!(
            "const done = arguments[0];
            const look = () => ({condition}) ? done() : setTimeout(look, 50);
            look()"
        );
        self.browser.driver().execute_async(&script, vec![]).await?;
        Ok(())
    }

    async fn visit(&self, cart: &Cart, path: &str) -> anyhow::Result<()> {
        Ok(self.browser.driver().goto(cart.url(path)).await?)
    }

    /// A desktop in light and a phone in dark.
    async fn both(&self, caption: &str, shots: &mut Vec<Shot>) -> anyhow::Result<()> {
        shots.push(self.shot(caption, DESKTOP).await?);
        shots.push(self.shot(caption, PHONE.dark()).await?);
        Ok(())
    }

    /// The page as it is on a screen, its top.
    async fn shot(&self, caption: &str, screen: Screen) -> anyhow::Result<Shot> {
        self.adapt(screen).await?;
        // Pictures that load late are there once all have been decoded, and those that are drawn with the next frame.
        let decoded = "const done = arguments[0]; window.scrollTo(0, 0);
            const near = [...document.images].filter(image => image.getBoundingClientRect().top < innerHeight * 2);
            for (const image of near) image.loading = 'eager';
            Promise.allSettled(near.map(image => image.decode()))
                .then(() => requestAnimationFrame(() => requestAnimationFrame(() => done())))";
        self.browser.driver().execute_async(decoded, vec![]).await?;
        let picture = self.capture(false).await?;
        self.keep(caption, screen, &picture)?;
        self.send("Emulation.clearDeviceMetricsOverride", json!({})).await?;
        // A shopper goes on: what is printed has no buttons.
        self.send("Emulation.setEmulatedMedia", json!({ "media": "" })).await?;
        Ok(Shot { caption: caption.to_owned(), picture, width: screen.width })
    }

    /// Makes the window and the system's colours those of a screen.
    async fn adapt(&self, screen: Screen) -> anyhow::Result<()> {
        let Screen { width, height, dark, printed } = screen;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.send("Emulation.setDeviceMetricsOverride", metrics).await?;
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        let media = if printed { "print" } else { "screen" };
        self.send("Emulation.setEmulatedMedia", json!({ "media": media, "features": [scheme] })).await?;
        Ok(())
    }

    /// Each picture by itself, to look at closely, is below `target/screenshots`.
    fn keep(&self, caption: &str, screen: Screen, picture: &[u8]) -> anyhow::Result<()> {
        let scheme = if screen.dark { "dark" } else { "light" };
        let name =
            caption.replace(|character: char| !character.is_ascii_alphanumeric() && character != '.', "-");
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("{name}-{}-{scheme}.webp", screen.width));
        fs::write(&path, picture).with_context(|| path.display().to_string())
    }

    /// Puts pictures side by side, `columns` in a row, each `width` wide, into a file below `docs/screenshots`.
    async fn sheet(&self, name: &str, shots: &[Shot], width: u32, columns: u32) -> anyhow::Result<()> {
        let mut page = format!(
            "<!DOCTYPE html><style>
            body {{ margin: 16px; display: grid; gap: 16px; grid-template-columns: repeat({columns}, {width}px);
                background: #e9e6e1; font: 600 14px/1.2 system-ui, sans-serif; color: #1d1a16 }}
            figure {{ margin: 0 }} img {{ width: 100%; display: block; border-radius: 6px }}
            figcaption {{ padding: 0 0 6px; min-height: 2.4em; display: flex; align-items: end }}
            </style>"
        );
        for shot in shots {
            let data = BASE64_STANDARD.encode(&shot.picture);
            let _ = write!(
                page,
                "<figure><figcaption>{}</figcaption><img src='data:image/webp;base64,{data}'></figure>",
                shot.caption
            );
        }
        self.page(name, &page, (width + 16) * columns + 16).await
    }

    /// Takes a picture of a whole page, so many CSS pixels wide, into a file below `docs/screenshots`.
    async fn page(&self, name: &str, page: &str, width: u32) -> anyhow::Result<()> {
        let file = tempfile::Builder::new().suffix(".html").tempfile()?;
        fs::write(file.path(), page)?;
        let window = json!({ "width": width, "height": 100, "deviceScaleFactor": 1, "mobile": false });
        self.send("Emulation.setDeviceMetricsOverride", window).await?;
        self.browser.driver().goto(format!("file://{}", file.path().display())).await?;
        // What is drawn with the next frame is there.
        let drawn = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))";
        self.browser.driver().execute_async(drawn, vec![]).await?;
        let picture = self.capture(true).await?;
        self.send("Emulation.clearDeviceMetricsOverride", json!({})).await?;
        let folder = binaries::root().join("docs/screenshots");
        fs::create_dir_all(&folder)?;
        let path: PathBuf = folder.join(format!("{name}.webp"));
        fs::write(&path, &picture).with_context(|| path.display().to_string())?;
        println!("{}: {} KiB", path.display(), picture.len() / 1024);
        Ok(())
    }

    /// The page as WebP: its visible part, or all of it.
    async fn capture(&self, whole: bool) -> anyhow::Result<Vec<u8>> {
        let quality = if whole { 75 } else { 95 };
        let mut asked = json!({ "format": "webp", "quality": quality, "captureBeyondViewport": whole });
        if whole {
            let size = self.send("Page.getLayoutMetrics", json!({})).await?["cssContentSize"].clone();
            asked["clip"] =
                json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        }
        let answer = self.send("Page.captureScreenshot", asked).await?;
        let data = answer["data"].as_str().context("a picture")?;
        Ok(BASE64_STANDARD.decode(data)?)
    }

    async fn send(&self, method: &str, parameters: Value) -> anyhow::Result<Value> {
        self.browser.driver().cdp().send_raw(method, parameters).await.with_context(|| method.to_owned())
    }
}

/// Products that are hard to show.
const ODD_PRODUCTS: &str = r#"{"products": [
  {"id": 1, "locale": "ie", "title": "A product without a picture", "description": "Imagine it.", "price": 12.5},
  {"id": 2, "locale": "ie", "title": "Hand-forged single-origin Donaudampfschifffahrtsgesellschaftskapitänsmütze with a reclaimed brim and a story", "description": "A title that is longer than anybody's patience, as titles in a shop of this kind tend to be.", "price": 99999.99, "img": "dreamcatcher.svg"},
  {"id": 3, "locale": "ie", "title": "<b>Bold</b> & \"quoted\"", "description": "<script>alert('text is text')</script>", "price": 0.01}
]}"#;
