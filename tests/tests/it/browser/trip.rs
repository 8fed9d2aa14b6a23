//! The shopping trip: browse, add two, change one, remove one, check out, see the order; totals right to the cent.

use sava_testbed::{
    BrowserShopper, Cart, Ingress, Product,
    browser::{Browser, Script},
    cluster::{ApiServer, Cluster, Kubectl},
    json,
};
use serde_json::Value;

/// The stores, and what an address there looks like.
const IRELAND: Country = Country {
    locale: "ie",
    symbol: "€",
    town: "Dublin",
    code_label: "Eircode",
    wrong_code: "D02",
    code: "D02 X285",
};
const UNITED_KINGDOM: Country = Country {
    locale: "uk",
    symbol: "£",
    town: "London",
    code_label: "Postcode",
    wrong_code: "12345",
    code: "SW1A 1AA",
};

struct Country {
    locale: &'static str,
    symbol: &'static str,
    town: &'static str,
    code_label: &'static str,
    wrong_code: &'static str,
    code: &'static str,
}

/// A product as sava-product has it.
struct Item {
    title: String,
    /// In minor units.
    price: u64,
}

impl Country {
    /// The third and the fifth product of the store, by the newest API.
    async fn items(&self, product: &Product) -> (Item, Item) {
        let list = json(product.get(&format!("/products/{}", self.locale)).await).await;
        let item = |index: usize| {
            let product: &Value = &list[index];
            Item {
                title: product["title"].as_str().expect("a title").to_owned(),
                price: product["price"]["amount"].as_u64().expect("an amount"),
            }
        };
        (item(2), item(4))
    }

    /// An amount of minor units as people write it in both countries.
    fn money(&self, amount: u64) -> String {
        let (whole, cents) = (amount / 100, amount % 100);
        let whole = match whole {
            0..1000 => whole.to_string(),
            _ => format!("{},{:03}", whole / 1000, whole % 1000),
        };
        format!("{}{whole}.{cents:02}", self.symbol)
    }

    /// The whole trip, in the store front of this release at `url`.
    async fn trip(&self, browser: &Browser, url: &str, release: &str, product: &Product) {
        let (first, second) = self.items(product).await;
        let shopper = BrowserShopper::enters(browser, url).await;

        assert!(shopper.text("//header").await.contains(release), "the header names the release");
        assert!(shopper.text("//footer").await.contains(&format!("sava-cart {release}")));

        shopper.follows(&first.title).await;
        assert_eq!(shopper.heading().await, first.title);
        assert!(shopper.sees("//a[@class='back' and contains(@href, '#p-')]").await, "back to its place");
        assert!(shopper.sees(&format!("//p[normalize-space()='{}']", self.money(first.price))).await);
        shopper.fills_in("Quantity", "2").await;
        shopper.presses("Add to cart").await;
        shopper.goes_to("Products").await;
        shopper.presses_at(&second.title, "Add").await;
        let added = format!("{} is in your cart", second.title);
        assert_eq!(shopper.texts("//main//*[@role='status']/p").await, [added], "and the list is in view");

        shopper.goes_to("Cart").await;
        assert_eq!(shopper.texts("//main//li//h2").await, [first.title.as_str(), &second.title]);
        self.check_total(&shopper, 2 * first.price + second.price).await;

        shopper.fills_in_at(&second.title, "quantity", "2").await;
        shopper.presses_at(&second.title, "Update").await;
        self.check_total(&shopper, 2 * first.price + 2 * second.price).await;

        // What is typed in counts, whichever button is pressed.
        shopper.fills_in_at(&second.title, "quantity", "4").await;
        shopper.presses_at(&first.title, "Remove").await;
        assert_eq!(shopper.texts("//main//li//h2").await, [second.title.as_str()]);
        self.check_total(&shopper, 4 * second.price).await;
        let total = 3 * second.price;
        shopper.fills_in_at(&second.title, "quantity", "3").await;
        shopper.presses("Check out").await;
        self.check_total(&shopper, total).await;
        shopper.fills_in("Name", "Flann O’Brien").await;
        shopper.fills_in("E-mail", "flann@example.com").await;
        shopper.fills_in("Address", "1 Main Street").await;
        shopper.fills_in("Town", self.town).await;
        shopper.fills_in(self.code_label, self.wrong_code).await;
        self.submits(&shopper).await;
        assert!(shopper.sees("//input[@aria-invalid='true' and @aria-describedby]").await);
        assert!(shopper.sees("//*[@role='alert']").await);
        shopper.fills_in(self.code_label, self.code).await;
        self.submits(&shopper).await;

        assert!(shopper.heading().await.contains("Flann O’Brien"));
        assert!(shopper.text("//tfoot").await.ends_with(&self.money(total)));
        assert!(shopper.text("//address").await.contains(self.code));

        shopper.goes_to("Orders").await;
        assert_eq!(shopper.texts("//main//li//p[@class='price']").await, [self.money(total)]);
        shopper.goes_to("Cart").await;
        assert!(!shopper.sees("//main//li").await, "the cart is empty after the order");

        let requests = browser.requests().await;
        assert!(requests.len() > 10, "{requests:?}");
        for request in requests {
            assert!(request.starts_with(url), "{request} is not the store's");
        }
        // The form with a mistake is a 422, which Chromium calls an error.
        let complaints = browser.console().await.into_iter().filter(|line| !line.contains("status of 422"));
        assert_eq!(complaints.collect::<Vec<_>>(), Vec::<String>::new());
    }

    async fn check_total(&self, shopper: &BrowserShopper<'_>, amount: u64) {
        assert_eq!(shopper.text("//dt[.='Total']/following-sibling::dd").await, self.money(amount));
    }

    async fn submits(&self, shopper: &BrowserShopper<'_>) {
        shopper.presses("Place the order").await;
    }
}

/// Starts both services, and the trip directly at the store front.
async fn check_direct(release: &str, store: &Country, script: Script) {
    let product = Product::start().await;
    let cart = Cart::start().release(release).locale(store.locale).product(&product.url("")).await;
    let browser = Browser::start(script).await;
    let url = cart.url("/").replace("127.0.0.1", "localhost");
    store.trip(&browser, &url, release, &product).await;
}

#[tokio::test]
async fn release_1_0_5_sells_in_ie_with_script() {
    check_direct("1.0.5", &IRELAND, Script::On).await;
}

#[tokio::test]
async fn release_1_0_5_sells_in_ie_without_script() {
    check_direct("1.0.5", &IRELAND, Script::Off).await;
}

#[tokio::test]
async fn release_1_0_5_sells_in_uk_with_script() {
    check_direct("1.0.5", &UNITED_KINGDOM, Script::On).await;
}

#[tokio::test]
async fn release_1_0_5_sells_in_uk_without_script() {
    check_direct("1.0.5", &UNITED_KINGDOM, Script::Off).await;
}

#[tokio::test]
async fn release_2_0_4_sells_in_ie_with_script() {
    check_direct("2.0.4", &IRELAND, Script::On).await;
}

#[tokio::test]
async fn release_2_0_4_sells_in_ie_without_script() {
    check_direct("2.0.4", &IRELAND, Script::Off).await;
}

#[tokio::test]
async fn release_2_0_4_sells_in_uk_with_script() {
    check_direct("2.0.4", &UNITED_KINGDOM, Script::On).await;
}

#[tokio::test]
async fn release_2_0_4_sells_in_uk_without_script() {
    check_direct("2.0.4", &UNITED_KINGDOM, Script::Off).await;
}

#[tokio::test]
async fn release_3_0_0_sells_in_ie_with_script() {
    check_direct("3.0.0", &IRELAND, Script::On).await;
}

#[tokio::test]
async fn release_3_0_0_sells_in_ie_without_script() {
    check_direct("3.0.0", &IRELAND, Script::Off).await;
}

#[tokio::test]
async fn release_3_0_0_sells_in_uk_with_script() {
    check_direct("3.0.0", &UNITED_KINGDOM, Script::On).await;
}

#[tokio::test]
async fn release_3_0_0_sells_in_uk_without_script() {
    check_direct("3.0.0", &UNITED_KINGDOM, Script::Off).await;
}

#[tokio::test]
async fn shop_works_below_a_base_path() {
    let product = Product::start().await;
    let cart = Cart::start().env("BASE_PATH", "/shop/ie/").product(&product.url("")).await;
    let browser = Browser::start(Script::On).await;
    let url = format!("http://localhost:{}/shop/ie/", cart.port());
    IRELAND.trip(&browser, &url, "3.0.0", &product).await;
}

#[tokio::test]
async fn shop_works_behind_an_ingress_that_strips_a_prefix() {
    let product = Product::start().release("2.0.1").await;
    let newest = Product::start().await;
    let cart = Cart::start().release("2.0.4").locale("uk").product(&product.url("")).await;
    let ingress = Ingress::start("/britain", cart.address()).await;
    let browser = Browser::start(Script::Off).await;
    UNITED_KINGDOM.trip(&browser, &ingress.url(), "2.0.4", &newest).await;
}

#[tokio::test]
async fn shop_works_behind_kubectl_proxy_of_a_service_with_two_replicas() {
    const NAMESPACE: &str = "vampio-organization-environment";
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let replica = cart.start_again().product(&product.url("")).await;
    let cluster = ApiServer::start().await;
    let pods = [&cart, &replica].map(|pod| pod.address().parse().expect("an address and a port"));
    cluster.add_service(NAMESPACE, "sava-cart-ie", 80, None, &pods);
    let proxy = Kubectl::new(&cluster).proxy().await;
    let browser = Browser::start(Script::On).await;
    IRELAND.trip(&browser, &proxy.service(NAMESPACE, "sava-cart-ie"), "3.0.0", &product).await;
}

#[tokio::test]
async fn shop_works_behind_kubectl_proxy_of_a_pod() {
    const NAMESPACE: &str = "vampio-organization-environment";
    let product = Product::start().await;
    let cart = Cart::start().release("1.0.5").locale("uk").product(&product.url("")).await;
    let cluster = ApiServer::start().await;
    cluster.add_pod(
        NAMESPACE,
        "sava-cart-1.0.5-uk-0",
        cart.address().parse().expect("an address and a port"),
    );
    let proxy = Kubectl::new(&cluster).proxy().await;
    let browser = Browser::start(Script::Off).await;
    UNITED_KINGDOM.trip(&browser, &proxy.pod(NAMESPACE, "sava-cart-1.0.5-uk-0"), "1.0.5", &product).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shop_of_the_tutorial_sells_through_kubectl_proxy() {
    const NAMESPACE: &str = "vampio-organization-environment";
    // The same products, to compare with.
    let product = Product::start().await;
    let cluster = Cluster::start().await;
    let kubectl = Kubectl::new(&cluster);
    let output = crate::cluster::tutorial::follow(&kubectl, &["--until=8", "--keep"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let proxy = kubectl.proxy().await;
    let browser = Browser::start(Script::On).await;
    IRELAND.trip(&browser, &proxy.service(NAMESPACE, "sava-cart-ie"), "1.0.5", &product).await;
    UNITED_KINGDOM.trip(&browser, &proxy.service(NAMESPACE, "sava-cart-uk"), "1.0.5", &product).await;
}
