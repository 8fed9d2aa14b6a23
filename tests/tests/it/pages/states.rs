//! The states of the pages: what can come back, with which status, in which words.

use std::path::Path;

use futures_util::future::join_all;
use reqwest::StatusCode;
use sava_testbed::{Cart, Product};
use tempfile::TempDir;

use super::visitor::{ADDRESS, Visitor};

const LONG: &str = "The extraordinarily long-titled, hand-felted, small-batch beard conditioning cooperative";

/// A data directory with products of one's own.
fn data(products: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    write(directory.path(), products);
    directory
}

fn write(directory: &Path, products: &str) {
    let db = format!(
        r#"{{"stores":[{{"locale":"ie","name":"Ireland","language":"en-IE","currency":"EUR"}}],"products":[{products}]}}"#
    );
    let draft = directory.join("draft");
    std::fs::write(&draft, db).expect("a file can be written");
    std::fs::rename(&draft, directory.join("db.json")).expect("a file can be renamed");
}

const AXE: &str =
    r#"{"id":1,"locale":"ie","title":"Axe","description":"<b>Sharp</b> & \"bold\"","price":10}"#;

#[tokio::test]
async fn releases_are_told_apart_at_a_glance() {
    let product = Product::start().await;
    let mut bands = Vec::new();
    for (release, pictures, stars, search) in
        [("1.0.5", false, false, false), ("2.0.4", true, false, false), ("3.0.0", true, true, true)]
    {
        let cart = Cart::start().release(release).product(&product.url("")).env("POD_NAME", "pod-7").await;
        let page = Visitor::of(&cart.url("/")).get("").await;
        assert!(page.says(&format!("</span>{release}</span></p>")), "the header names {release}");
        assert!(page.says(&format!("<b>sava-cart {release}</b> on pod-7")));
        assert!(page.says("<b>sava-product 3.0.0</b>, API v"));
        assert_eq!(page.headers["x-sava-release"], release);
        assert_eq!(page.headers["x-sava-instance"], "pod-7");
        assert_eq!(page.headers["x-sava-product-release"], "3.0.0");
        assert_eq!(page.says("<img src=\"images/"), pictures, "{release}");
        assert_eq!(page.says("of 5 stars"), stars, "{release}");
        assert_eq!(page.says("type=\"search\"") && page.says("aria-label=\"Pages\""), search, "{release}");
        bands.push(page.body.split("theme-color\" content=\"").nth(1).map(|rest| rest[..7].to_owned()));
    }
    bands.dedup();
    assert_eq!(bands.len(), 3, "three accents");
}

#[tokio::test]
async fn every_store_front_shows_the_products_of_every_product_service() {
    for product_release in ["1.0.3", "2.0.1", "3.0.0"] {
        let product = Product::start().release(product_release).await;
        for release in ["1.0.5", "2.0.4", "3.0.0"] {
            let cart = Cart::start().release(release).product(&product.url("")).await;
            let visitor = Visitor::of(&cart.url("/"));
            let page = visitor.get("").await;
            assert!(
                page.says("Willow dreamcatcher") && page.says("€25.00"),
                "{release} on {product_release}"
            );
            assert_eq!(page.headers["x-sava-product-release"], product_release);
            visitor.adds("3", "2").await;
            assert!(visitor.get("cart").await.says("€50.00"), "{release} on {product_release}");
        }
    }
}

#[tokio::test]
async fn products_can_be_searched_filtered_sorted_and_paged() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    let titles = async |path: &str| {
        let page = visitor.get(path).await;
        let titles = page.body.split("<h2 dir=\"auto\"><a href=\"products/").skip(1);
        let titles = titles.filter_map(|rest| rest.split(['>', '<']).nth(1).map(str::to_owned));
        titles.collect::<Vec<_>>()
    };
    assert_eq!(titles("?q=DREAMcatcher+willow").await, ["Willow dreamcatcher"]);
    let (first, second) = (titles("").await, titles("?page=2").await);
    assert_eq!((first.len(), second.len()), (12, 12));
    assert!(first.iter().all(|title| !second.contains(title)));
    assert_eq!(titles("?page=1000").await, titles("?page=3").await);
    let (cheapest, dearest) = (titles("?sort=price").await, titles("?sort=-price&page=3").await);
    assert_eq!(cheapest.first(), dearest.last());
    let nothing = visitor.get("?q=%3Cscript%3Ealert(1)").await;
    assert!(nothing.says("Nothing quite that niche") && !nothing.says("<script>"));
    let found = visitor.get("?q=willow&category=home").await;
    assert!(found.says("name=\"category\" value=\"home\""));
    assert!(found.says("enterkeyhint=\"search\"") && found.says(">Search</button>"), "{}", found.body);
}

#[tokio::test]
async fn lists_are_called_by_what_they_show() {
    let product = Product::start().await;
    let front = "Small-batch things for large-ish lives";
    for (release, path, title, heading) in [
        ("1.0.5", "?page=2&category=coffee", front, front),
        ("3.0.0", "", front, front),
        ("3.0.0", "?page=2", "All products, page 2 of 3", "All products, page 2 of 3"),
        ("3.0.0", "?sort=title", "All products, by name", front),
        ("3.0.0", "?category=coffee", "Coffee", "Coffee"),
        (
            "3.0.0",
            "?category=&sort=-price&page=9",
            "All products, dearest first, page 3 of 3",
            "All products, page 3 of 3",
        ),
        ("3.0.0", "?category=coffee&sort=rating", "Coffee, best rated first", "Coffee"),
        ("3.0.0", "?category=You+have+won", "No such category", "No such category"),
        ("3.0.0", "?q=a%3Cb", "What we found for “a&#60;b”", "What we found for “a&#60;b”"),
        (
            "3.0.0",
            "?q=type&category=home",
            "What we found for “type” in Home",
            "What we found for “type” in Home",
        ),
    ] {
        let cart = Cart::start().release(release).product(&product.url("")).await;
        let page = Visitor::of(&cart.url("/")).get(path).await;
        let of = |name: &str| {
            let start = page.body.split_once(&format!("<{name}>")).expect("it is there").1;
            start.split("</").next().unwrap_or_default().to_owned()
        };
        assert_eq!(of("title"), format!("{title} · sava Ireland"), "{path}");
        assert_eq!(of("h1"), heading, "{path}");
    }
}

#[tokio::test]
async fn text_is_shown_and_not_run() {
    let directory =
        data(&format!(r#"{AXE},{{"id":2,"locale":"ie","title":"{LONG}","description":"","price":1}}"#));
    let product = Product::start().data(directory.path()).await;
    let cart = Cart::start().product(&product.url("")).await;
    let page = Visitor::of(&cart.url("/")).get("").await;
    assert!(!page.says("<b>Sharp"), "markup in a description");
    assert!(page.says("Sharp") && page.says(LONG));
    assert!(page.says("No picture of Axe"), "a product without a picture says so");
}

#[tokio::test]
async fn a_cart_has_limits_and_says_so() {
    let products: Vec<_> = (1..=51)
        .map(|id| format!(r#"{{"id":{id},"locale":"ie","title":"P{id}","description":"","price":1}}"#))
        .collect();
    let directory = data(&products.join(","));
    let product = Product::start().data(directory.path()).await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    assert!(visitor.get("cart").await.says("Nothing in here yet"));
    for id in 1..=50 {
        visitor.adds(&id.to_string(), "99").await;
    }
    let page = visitor.post("cart/items", &[("id", "51")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.says("role=\"alert\"") && page.says("at most 50 different products"), "{}", page.body);
    let page = visitor.post("cart/items", &[("id", "1")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.says("at most 99 pieces"));
    let page = visitor.get("cart").await;
    assert!(page.says("€4,950.00") && page.says(">4,950<"), "{}", page.body);

    assert_eq!(visitor.post("cart/items/1", &[("quantity", "0")]).await.location(), "../../cart");
    assert_eq!(visitor.post("cart/items/2/remove", &[]).await.location(), "../../../cart");
    let page = visitor.get("cart").await;
    assert!(!page.says("id=\"item-1\"") && !page.says("id=\"item-2\"") && page.says("id=\"item-3\""));
    assert_eq!(visitor.post("cart/items/3", &[("quantity", "-1")]).await.status, 422);
    assert_eq!(visitor.post("cart", &[("quantity-3", "7"), ("quantity-4", "-1")]).await.status, 422);
    assert!(visitor.get("cart").await.says("name=\"quantity-3\" value=\"99\""), "nothing was changed");
    assert_eq!(visitor.get("cart").await.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn mistakes_in_the_form_stand_beside_their_fields() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("3", "1").await;
    let (key, seen) = visitor.checks_out().await;
    let mut fields: Vec<_> = ADDRESS.iter().filter(|(name, _)| *name != "email").copied().collect();
    fields.extend([("email", "\"><script>"), ("postcode", "SW1A 1AA"), ("key", &key), ("seen", &seen)]);
    fields.retain(|field| *field != ("postcode", "d02x285"));
    let page = visitor.post("checkout", &fields).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.says("role=\"alert\" tabindex=\"-1\" autofocus"));
    assert!(page.says("2 things need your attention"));
    for (field, described) in [("email", "email-wrong"), ("postcode", "postcode-hint postcode-wrong")] {
        assert!(page.says(&format!("href=\"#{field}\"")), "{field}");
        assert!(page.says(&format!("aria-invalid=\"true\" aria-describedby=\"{described}\"")), "{field}");
        assert!(page.says(&format!("id=\"{field}-wrong\"")), "{field}");
    }
    assert!(!page.says("<script>"), "what was typed is text");
    assert!(page.says("value=\"Aoife Byrne\""), "what was right is kept");
    assert_eq!(page.field("key"), key, "it is the same form still");
    for token in ["name", "email", "address-line1", "address-level2", "address-level1", "postal-code"] {
        assert!(page.says(&format!("autocomplete=\"{token}\"")), "{token}");
    }
    assert!(page.says("County <span class=\"hint\">(optional)</span>"));
    // A code is no word: a phone offers capitals for it, and mends nothing.
    let code =
        page.body.split("<input").find(|input| input.contains("name=\"postcode\"")).unwrap_or_default();
    assert!(code.contains("autocapitalize=\"characters\" spellcheck=\"false\""), "{code}");
    assert_eq!(page.body.matches("spellcheck").count(), 1);
    let ordered = visitor.orders(&key, &seen).await;
    assert_eq!(ordered.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn fifty_submits_of_one_form_make_one_order() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("3", "2").await;
    let (key, seen) = visitor.checks_out().await;
    let answers = join_all((0..50).map(|_| visitor.orders(&key, &seen))).await;
    let first = answers[0].location().to_owned();
    assert!(first.starts_with("orders/IE-"), "{first}");
    assert!(answers.iter().all(|answer| answer.status == 303 && answer.location() == first));
    let orders = visitor.get("orders").await;
    assert_eq!(orders.body.matches("<h2><a href=\"orders/").count(), 1);
    assert!(visitor.get(&first).await.says("Thank you, Aoife Byrne"));

    visitor.adds("5", "1").await;
    assert_eq!(visitor.orders(&key, &seen).await.location(), first, "the back button");
    assert!(visitor.get("cart").await.says("id=\"item-5\""), "and the new cart is as it was");

    let stranger = Visitor::of(&cart.url("/"));
    for path in [first.as_str(), "orders/IE-00000-00000"] {
        let page = stranger.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(!page.says("Aoife"));
    }
    assert!(stranger.get("orders").await.says("No orders from this browser"));
}

#[tokio::test]
async fn a_new_price_is_shown_and_asked_for_again() {
    let directory = data(AXE);
    let product = Product::start().data(directory.path()).await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("1", "2").await;
    let (key, seen) = visitor.checks_out().await;
    write(directory.path(), &AXE.replace("\"price\":10", "\"price\":12.5"));
    until(&visitor, "", "€12.50").await;

    let page = visitor.orders(&key, &seen).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.says("It was €20.00 when you last looked, and is €25.00 now"), "{}", page.body);
    assert!(page.says("value=\"Aoife Byrne\""), "the address is kept");
    assert!(page.says("Place the order at this price"));
    let ordered = visitor.orders(&page.field("key"), &page.field("seen")).await;
    assert!(visitor.get(ordered.location()).await.says("€25.00"));

    visitor.adds("1", "1").await;
    let (key, seen) = visitor.checks_out().await;
    write(directory.path(), &AXE.replace("\"id\":1", "\"id\":2"));
    until(&visitor, "", "products/2").await;
    let page = visitor.orders(&key, &seen).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.says("no longer for sale"), "{}", page.body);
    assert!(!page.says("<button"), "no order can be placed with it");
    assert!(visitor.get("cart").await.says("No longer for sale"));
    assert_eq!(visitor.get("products/1").await.status, StatusCode::NOT_FOUND);
}

/// Waits until the page says so: a change of the data is picked up within seconds.
async fn until(visitor: &Visitor, path: &str, text: &str) {
    let said = async {
        while !visitor.get(path).await.says(text) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), said).await.expect("it is said in time");
}

#[tokio::test]
async fn shopping_goes_on_while_the_products_are_away() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("3", "1").await;
    let (key, seen) = visitor.checks_out().await;
    product.kill();

    let page = visitor.get("").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.says("We cannot reach our product service just now") && page.says("Willow dreamcatcher"));
    assert!(page.says("role=\"status\""));
    assert!(
        visitor.get("?q=dreamcatcher").await.says("Willow dreamcatcher"),
        "search works through an outage"
    );
    visitor.adds("5", "1").await;
    assert!(visitor.get("cart").await.says("€25.00"), "the last known price");
    let page = visitor.orders(&key, &seen).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.headers.contains_key("retry-after"));
    assert!(page.says("We cannot confirm the prices just now") && page.says("value=\"Aoife Byrne\""));
    assert!(page.says(">Try again</button>"), "there is no price to order at");
    assert!(visitor.get("cart").await.says("id=\"item-3\""), "the cart is safe");
}

#[tokio::test]
async fn there_is_fruit_where_there_were_never_products() {
    for release in ["1.0.5", "2.0.4", "3.0.0"] {
        let cart = Cart::start().release(release).await;
        let visitor = Visitor::of(&cart.url("/"));
        let page = visitor.get("").await;
        assert_eq!(page.status, StatusCode::OK);
        for fruit in ["Apples", "Oranges", "Papayas", "Garlic", "there is fruit"] {
            assert!(page.says(fruit), "{release}: {fruit}");
        }
        assert!(!page.headers.contains_key("x-sava-product-release"));
        visitor.adds("garlic", "3").await;
        visitor.adds("3", "1").await;
        assert!(visitor.get("cart").await.says("We cannot look up this product just now"));
        visitor.post("cart/items/3/remove", &[]).await;
        let (key, seen) = visitor.checks_out().await;
        let ordered = visitor.orders(&key, &seen).await;
        assert!(visitor.get(ordered.location()).await.says("€3.60"), "{release}");
    }
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let cart = Cart::start().await;
    let visitor = Visitor::of(&cart.url("/"));
    let host = cart.address().to_owned();
    let cases = [
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8001")], 303),
        (vec![("sec-fetch-site", "none")], 303),
        (vec![("origin", "http://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", "http://HOST")], 303),
        (vec![], 303),
    ];
    for (headers, status) in cases {
        let form = [("id", "garlic")];
        let request =
            headers.iter().fold(visitor.request("cart/items").form(&form), |request, (name, value)| {
                request.header(*name, value.replace("HOST", &host))
            });
        let answer = visitor.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{headers:?}");
        assert_eq!(answer.says("That came from another site"), status == 403, "{headers:?}");
    }
}

#[tokio::test]
async fn oversized_and_unreadable_forms_are_pages() {
    let cart = Cart::start().await;
    let visitor = Visitor::of(&cart.url("/"));
    let large = "x".repeat(17 * 1024);
    let page = visitor.post("checkout", &[("name", &large)]).await;
    assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE);
    let json = visitor.request("cart/items").header("content-type", "application/json").body("{}");
    let page = visitor.send(json).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.says("<h1>"));
}

#[tokio::test]
async fn the_broken_release_fails_at_the_checkout_alone() {
    let product = Product::start().await;
    let cart = Cart::start().release("3.0.1-broken").product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("3", "1").await;
    let (key, seen) = visitor.checks_out().await;
    let page = visitor.orders(&key, &seen).await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(page.says("The checkout of this release is broken"));
    assert!(visitor.get("cart").await.says("id=\"item-3\""));
}

#[tokio::test]
async fn pictures_come_through_the_store_front() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let answer = cart.get("/images/dreamcatcher.svg").await;
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "image/svg+xml");
    assert_eq!(headers["cache-control"], "public, max-age=3600");
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'; sandbox"));
    let again = sava_testbed::client().get(cart.url("/images/dreamcatcher.svg"));
    let again = sava_testbed::answer(again.header("if-none-match", headers["etag"].clone())).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"], headers["etag"]);
}

#[tokio::test]
async fn browsers_find_an_icon_and_robots_what_is_not_for_them() {
    for (release, band, base) in [("1.0.5", "#11385d", "/"), ("3.0.0", "#287c67", "/shop/")] {
        let cart = Cart::start().release(release).env("BASE_PATH", base).await;
        let store = Visitor::of(&cart.url(base));
        let icon = store.get("favicon.ico").await;
        assert_eq!(icon.headers["content-type"], "image/svg+xml");
        assert!(icon.says("<svg xmlns=") && icon.says(&format!("fill='{band}'")), "{}", icon.body);
        let robots = store.get("robots.txt").await;
        assert_eq!(robots.headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(robots.body, format!("User-agent: *\nDisallow: {base}release/sample\n"));
        for file in [icon, robots] {
            assert_eq!(file.headers["cache-control"], "public, max-age=3600");
            let policy = file.headers["content-security-policy"].to_str().expect("plain ASCII");
            assert!(policy.starts_with("default-src 'none'; sandbox"), "{policy}");
        }
    }
}

#[tokio::test]
async fn cookies_are_out_of_reach_for_scripts_and_other_sites() {
    let product = Product::start().await;
    for (url, secure) in [("https://shop.example/", true), ("http://shop.example/", false)] {
        let cart = Cart::start().product(&product.url("")).env("PUBLIC_URL", url).await;
        let visitor = Visitor::of(&cart.url("/"));
        let added = visitor.post("cart/items", &[("id", "3")]).await;
        let cookie = added.headers["set-cookie"].to_str().expect("plain ASCII");
        assert!(cookie.starts_with("sava-cart-ie-"), "{cookie}");
        for flag in ["; HttpOnly", "; SameSite=Lax", "; Path=/;"] {
            assert!(cookie.contains(flag), "{cookie}");
        }
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
    }
}

#[tokio::test]
async fn other_countries_stores_are_a_link_away() {
    let cart = Cart::start().env("STORES", "United Kingdom=../uk/,France=../fr/").await;
    let page = Visitor::of(&cart.url("/")).get("cart").await;
    assert!(page.says("<a href=\"../uk/\">United Kingdom store</a>") && page.says("<a href=\"../fr/\">"));
}

#[tokio::test]
async fn who_adds_from_the_list_stays_in_the_list() {
    let product = Product::start().await;
    for (release, query, back) in [
        ("1.0.5", "?page=2&q=unknown", "../?added=4#p-4"),
        ("2.0.4", "", "../?added=4#p-4"),
        ("3.0.0", "?sort=title&page=99", "../?sort=title&page=3&added=4#p-4"),
        ("3.0.0", "?q=typewriter&category=home&added=3", "../?q=typewriter&category=home&added=4#p-4"),
    ] {
        let cart = Cart::start().release(release).product(&product.url("")).env("BASE_PATH", "/shop/").await;
        let visitor = Visitor::of(&cart.url("/shop/"));
        let list = visitor.get(query).await;
        let here = list.field("list").replace("&#38;", "&");
        let added = visitor.post("cart/items", &[("id", "4"), ("list", &here)]).await;
        assert_eq!((added.status, added.location()), (StatusCode::SEE_OTHER, back), "{release} {query}");
        let list = visitor.get(added.url.join(added.location()).unwrap().as_str()).await;
        assert!(list.says("<b dir=\"auto\">Portable typewriter</b> is in your cart"), "{}", list.body);
        assert!(list.says("<a href=\"cart\">Cart (1)</a>"), "{}", list.body);
        assert!(!list.says("added="), "no link repeats it");
        assert!(release == "3.0.0" || list.says("<li id=\"p-4\">"), "{}", list.body);
        assert!(visitor.read("?added=4").await.contains("Portable typewriter is in your cart: GET cart"));
        // A link that somebody kept says nothing that is not so.
        visitor.post("cart/items/4/remove", &[]).await;
        assert!(!visitor.get("?added=4").await.says("is in your cart"));
    }
}

#[tokio::test]
async fn the_way_back_to_the_list_leads_nowhere_else() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    for list in
        ["https://evil.example/", "//evil.example", "/\\evil", "..//x", "#x", "added=1&page=x", "\r\nX: y"]
    {
        let added = visitor.post("cart/items", &[("id", "3"), ("list", list)]).await;
        assert_eq!((added.status, added.location()), (StatusCode::SEE_OTHER, "../?added=3#p-3"), "{list:?}");
    }
    let added = visitor.post("cart/items", &[("id", "3"), ("list", "q=//evil&category=\r\n")]).await;
    assert_eq!(added.location(), "../?q=%2F%2Fevil&category=%0D%0A&added=3#p-3");
    // Where a limit is met the cart says so.
    let added = visitor.post("cart/items", &[("id", "3"), ("quantity", "99"), ("list", "")]).await;
    assert!(added.status == StatusCode::UNPROCESSABLE_ENTITY && added.says("at most 99 pieces"));
}

/// The cart is one form: what is typed in counts, whichever button is pressed.
#[tokio::test]
async fn typed_quantities_are_ordered() {
    let product = Product::start().await;
    let cart = Cart::start().product(&product.url("")).await;
    let visitor = Visitor::of(&cart.url("/"));
    visitor.adds("3", "1").await;
    visitor.adds("4", "1").await;
    let typed = [("quantity-3", "3"), ("quantity-4", "2")];
    let answer = visitor.post("cart", &[&typed[..], &[("checkout", "1")]].concat()).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "checkout"));
    let page = visitor.get("checkout").await;
    assert!(page.says("3 × <bdi dir=\"auto\">Willow dreamcatcher</bdi>"), "{}", page.body);
    let answer = visitor.post("cart", &[("quantity-3", "5"), ("quantity-4", "2"), ("remove", "4")]).await;
    assert_eq!(answer.location(), "cart");
    let page = visitor.get("cart").await;
    assert!(page.says("name=\"quantity-3\" value=\"5\"") && !page.says("quantity-4"), "{}", page.body);
    // Another tab's page still has the line that was taken out.
    visitor.post("cart", &[("quantity-3", "1"), ("quantity-4", "9"), ("line", "3")]).await;
    assert!(!visitor.get("cart").await.says("quantity-4"));
    assert_eq!(visitor.post("cart", &[("remove", "no product")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(visitor.post("cart", &[("quantity-3", "100"), ("checkout", "1")]).await.status, 422);
}
