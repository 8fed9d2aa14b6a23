//! What lists and products' pages make of unusual catalogs.

use sava_testbed::{Cart, Product, body, client};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::visitor::Visitor;

/// A product service with these products of a store with this language.
async fn shelf(language: &str, products: &[Value]) -> (TempDir, Product) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let store = json!({ "locale": "ie", "name": "Ireland", "language": language, "currency": "EUR" });
    let db = json!({ "stores": [store], "products": products });
    std::fs::write(directory.path().join("db.json"), db.to_string()).expect("a file can be written");
    let product = Product::start().data(directory.path()).await;
    (directory, product)
}

#[tokio::test]
async fn texts_of_products_have_a_language_and_a_direction_of_their_own() {
    let products = [
        json!({ "id": 3, "locale": "ie", "title": "مصباح", "description": "ضوء", "price": 5, "category": "home" }),
    ];
    for (language, attributes) in [("ar-EG", "dir=\"auto\" lang=\"ar-EG\""), ("en-IE", "dir=\"auto\"")] {
        let (_data, product) = shelf(language, &products).await;
        let cart = Cart::start().product(&product.url("")).await;
        let visitor = Visitor::of(&cart.url("/"));
        visitor.adds("3", "1").await;
        let (key, seen) = visitor.checks_out().await;
        let order = visitor.orders(&key, &seen).await.location().to_owned();
        visitor.adds("3", "1").await;
        for (path, texts) in [
            (
                "?added=3",
                &["<b ATTRIBUTES>مصباح</b> is", "<h2 ATTRIBUTES><a", "<p class=\"about\" ATTRIBUTES>ضوء"][..],
            ),
            ("products/3", &["<h1 ATTRIBUTES>مصباح", "<p class=\"about\" ATTRIBUTES>ضوء"]),
            ("cart", &["<h2 ATTRIBUTES><a"]),
            ("checkout", &["1 × <bdi ATTRIBUTES>مصباح</bdi>"]),
            (&order, &["<bdi ATTRIBUTES>مصباح</bdi>"]),
        ] {
            let page = visitor.get(path).await;
            for text in texts {
                assert!(page.says(&text.replace("ATTRIBUTES", attributes)), "{path}: {text}: {}", page.body);
            }
            assert!(page.says("<html lang=\"en\">"), "the words of the store are English");
        }
    }
}

#[tokio::test]
async fn a_product_is_shown_with_three_of_its_category() {
    let product = Product::start().await;
    for (release, path, expected) in [
        ("3.0.0", "products/3", &["Portable typewriter", "Amber filament bulb", "Macramé plant hanger"][..]),
        ("3.0.0", "products/26", &["Willow dreamcatcher", "Portable typewriter", "Amber filament bulb"]),
        // It has no category.
        ("3.0.0", "products/27", &[]),
        ("2.0.4", "products/3", &[]),
    ] {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let visitor = Visitor::of(&cart.url("/"));
        let page = visitor.get(path).await;
        let titles = page.body.split("<h3").skip(1).filter_map(|rest| rest.split(['<', '>']).nth(3));
        assert_eq!(titles.collect::<Vec<_>>(), expected, "{release} {path}");
        assert_eq!(page.says("You may also like"), !expected.is_empty(), "{release} {path}");
        let text = visitor.read(path).await;
        assert_eq!(text.matches("You may also like").count(), expected.len(), "{text}");
    }
}

#[tokio::test]
async fn who_comes_from_a_list_finds_the_way_back() {
    let product = Product::start().await;
    for (release, referer, list, name) in [
        ("3.0.0", "", "", "All products"),
        ("3.0.0", "STORE", "#p-3", "All products"),
        ("3.0.0", "STORE?page=2&sort=title&added=4", "?sort=title&#38;page=2#p-3", "Back to the list"),
        ("1.0.5", "STORE?page=2&sort=title", "?page=2#p-3", "Back to the list"),
        ("3.0.0", "STOREcart?q=oak", "", "All products"),
        ("3.0.0", "https://evil.example/?q=//evil", "?q=%2F%2Fevil#p-3", "Back to the list"),
    ] {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let visitor = Visitor::of(&cart.url("/"));
        visitor.adds("3", "1").await;
        let referer = referer.replace("STORE", &cart.url("/"));
        let get = |path: &str| visitor.send(client().get(visitor.url(path)).header("referer", &referer));
        let page = get("products/3").await;
        let link =
            format!("<a class=\"back\" href=\"../{list}\"><span aria-hidden=\"true\">←</span> {name}</a>");
        assert!(page.says(&link), "{referer}: {link}: {}", page.body);
        // The answer to a form with a mistake is the cart, too.
        let page = visitor
            .send(visitor.request("cart").form(&[("quantity-3", "x")]).header("referer", &referer))
            .await;
        let list = list.strip_suffix("#p-3").unwrap_or(list);
        let link = format!("<a class=\"back\" href=\"./{list}\">Continue shopping</a>");
        assert!(page.says(&link), "{referer}: {link}: {}", page.body);
    }
}

#[tokio::test]
async fn who_finds_nothing_is_offered_categories() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    let page = visitor.get("?q=zzz&category=home&sort=price").await;
    let offered = page.body.split_once("Nothing quite that niche").expect("there is nothing").1;
    assert!(offered.contains("<a href=\"./?category=coffee\">Coffee</a>"), "{offered}");
    // What is seen in a picture is found.
    let found = visitor.get("?q=SNAIL+bicycle").await;
    assert!(found.says("1 product,") && found.says("Single-speed fixie"), "{}", found.body);
}

#[tokio::test]
async fn large_numbers_have_separators() {
    let products: Vec<_> = (1..=12_001)
        .map(|id| {
            let rating = json!({ "stars": 4.2, "reviews": 1_000_000 });
            json!({ "id": id, "locale": "ie", "title": format!("P{id}"), "description": "", "price": 1, "rating": rating })
        })
        .collect();
    let (_data, product) = shelf("en-IE", &products).await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    for id in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"] {
        visitor.adds(id, "99").await;
    }
    let page = visitor.get("?page=1000").await;
    for text in [
        "12,001 products, prices",
        "All products, page 1,000 of 1,001",
        "href=\"./?page=1001\"",
        "(1,000,000<span",
        "<span class=\"count\">1,089<span",
    ] {
        assert!(page.says(text), "{text}: {}", page.body);
    }
    assert!(page.says("<span class=\"vh\">Page </span>1,001</a>"), "{}", page.body);
    assert!(visitor.get("cart").await.says("<dt>Pieces</dt><dd>1,089</dd>"));
}

#[tokio::test]
async fn links_have_previews_with_pictures_from_the_public_url() {
    let product = Product::start().await;
    let of = |page: &str, name: &str| {
        let content = page.split_once(&format!("=\"{name}\" content=\""))?.1;
        Some(content.split('"').next().unwrap_or_default().to_owned())
    };
    for (url, base, store) in [
        ("", "/", None),
        ("https://shop.example", "/", Some("https://shop.example/")),
        ("https://shop.example:8443/ie", "/", Some("https://shop.example:8443/ie/")),
        ("https://shop.example/", "/shop/", Some("https://shop.example/shop/")),
        ("https://shop.example/a/shop/", "/shop/", Some("https://shop.example/a/shop/")),
    ] {
        let mut cart = Cart::start().product(&product.url("")).env("BASE_PATH", base);
        if !url.is_empty() {
            cart = cart.env("PUBLIC_URL", url);
        }
        let cart = cart.await;
        let at = |path: &str| store.map(|store| format!("{store}{path}"));
        let text =
            "sava Ireland: small-batch goods for people who already have everything. Prices include VAT.";
        let list = body(cart.get(&format!("{base}?page=2&category=coffee&added=1")).await).await;
        assert_eq!(of(&list, "og:site_name").as_deref(), Some("sava Ireland"));
        assert_eq!(of(&list, "og:title").as_deref(), Some("Coffee"));
        assert_eq!(of(&list, "og:description").as_deref(), Some(text));
        assert_eq!(of(&list, "description").as_deref(), Some(text));
        assert_eq!(of(&list, "og:url"), at("?category=coffee"), "{url} {base}");
        assert_eq!(of(&list, "og:image"), at("images/pour-over.svg"), "{url} {base}");
        let page = body(cart.get(&format!("{base}products/1")).await).await;
        assert_eq!(of(&page, "og:title").as_deref(), Some("Single-speed fixie"));
        assert!(of(&page, "og:description").is_some_and(|text| text.starts_with("One gear, one bell")));
        assert_eq!(of(&page, "og:url"), at("products/1"), "{url} {base}");
        assert_eq!(of(&page, "og:image"), at("images/fixie.svg"), "{url} {base}");
        assert_eq!(of(&page, "og:image:alt").is_some(), store.is_some());
    }
}

#[tokio::test]
async fn a_long_description_is_cut_in_previews_and_an_empty_one_is_the_stores() {
    let product = |id: u32, text: &str| json!({ "id": id, "locale": "ie", "title": "Mug", "description": text, "price": 1 });
    let (_data, product) = shelf("en-IE", &[product(1, &"word ".repeat(200)), product(2, "")]).await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    let cut = format!("{}word…\"", "word ".repeat(39));
    for name in ["name=\"description\"", "property=\"og:description\""] {
        assert!(visitor.get("products/1").await.says(&format!("<meta {name} content=\"{cut}>")), "{name}");
        let stores = format!("<meta {name} content=\"sava Ireland: small-batch goods");
        assert!(visitor.get("products/2").await.says(&stores), "{name}");
    }
}
