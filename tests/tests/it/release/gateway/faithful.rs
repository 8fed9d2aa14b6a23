//! Shoppers who stay with the release of their first page.

use std::collections::BTreeMap;

use reqwest::Client;
use sava_testbed::{Cart, client};

use super::{Gateway, shares};

/// A shopper with a jar of cookies.
struct Shopper(Client);

impl Shopper {
    fn new() -> Self {
        let client = Client::builder().cookie_store(true).pool_max_idle_per_host(0).no_proxy().build();
        Self(client.expect("a client without TLS"))
    }

    /// The release that answers, and its page.
    async fn looks(&self, url: &str) -> (String, String) {
        let answer = self.0.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let release = answer.headers()["x-sava-release"].to_str().expect("text").to_owned();
        (release, answer.text().await.expect("the whole page"))
    }

    async fn adds(&self, shop: &str, id: &str) {
        let answer = self.0.post(format!("{shop}cart/items")).form(&[("id", id), ("quantity", "1")]).send();
        assert_eq!(answer.await.expect("an answer").status(), 200);
    }
}

/// Two releases of the store front that share their cookies' key, as two with one database do.
async fn two_releases() -> (Cart, Cart) {
    let start = |release| Cart::start().release(release).env("COOKIE_KEY", "5a".repeat(64));
    (start("2.0.4").await, start("3.0.0").await)
}

async fn before(old: &Cart, new: &Cart, weights: (u8, u8)) -> Gateway {
    let variables =
        [("STORE", old.address()), ("STORE_CANARY", new.address()), ("PREVIEW_FROM", "127.0.0.0/8")];
    Gateway::of(&variables, weights).await
}

/// So many shoppers, and who serves each of them first.
async fn come(n_shoppers: usize, shop: &str) -> Vec<(Shopper, String)> {
    let mut shoppers = Vec::new();
    for _ in 0..n_shoppers {
        let shopper = Shopper::new();
        let (release, _) = shopper.looks(shop).await;
        shoppers.push((shopper, release));
    }
    shoppers
}

fn count(shoppers: &[(Shopper, String)]) -> BTreeMap<String, usize> {
    let mut releases = BTreeMap::new();
    for (_, release) in shoppers {
        *releases.entry(release.clone()).or_default() += 1;
    }
    releases
}

#[tokio::test]
async fn a_shopper_stays_with_a_release_whatever_the_share_becomes() {
    let (old, new) = two_releases().await;
    let gateway = before(&old, &new, (3, 1)).await;
    let shoppers = come(40, &gateway.shop).await;
    assert_eq!(count(&shoppers), shares([("2.0.4", 30), ("3.0.0", 10)]));
    for weights in [(3, 1), (1, 1), (0, 1), (1, 0)] {
        for (server, weight) in [("production", weights.0), ("canary", weights.1)] {
            assert_eq!(gateway.tell(&format!("set weight stores/{server} {weight}")), "");
        }
        for (shopper, release) in &shoppers {
            assert_eq!(shopper.looks(&gateway.shop).await.0, *release, "{weights:?}");
        }
    }
    // Who comes now gets what the share is now.
    assert_eq!(count(&come(10, &gateway.shop).await), shares([("2.0.4", 10)]));
}

/// Its shoppers are moved while they shop: each request of theirs is answered, their carts go with them, and they stay
/// where they are when the canary is there again.
#[tokio::test]
async fn nothing_is_lost_when_the_canary_is_taken_back() {
    let (old, new) = two_releases().await;
    let gateway = before(&old, &new, (1, 1)).await;
    let shoppers = come(8, &gateway.shop).await;
    assert_eq!(count(&shoppers), shares([("2.0.4", 4), ("3.0.0", 4)]));
    for (shopper, _) in &shoppers {
        shopper.adds(&gateway.shop, "apples").await;
    }
    let cart = format!("{}cart", gateway.shop);
    let keep_shopping = futures_util::future::join_all(shoppers.iter().map(async |(shopper, _)| {
        // Until production serves all: each look asserts that it is answered.
        let mut n_looks = 0;
        while n_looks < 20 || shopper.looks(&gateway.shop).await.0 != "2.0.4" {
            shopper.looks(&cart).await;
            n_looks += 1;
        }
    }));
    let take_back = async {
        tokio::task::yield_now().await;
        assert_eq!(gateway.tell("set server stores/canary state maint"), "");
        let exit = new.stop().await;
        assert_eq!(exit.code, Some(0), "{}", exit.output);
    };
    tokio::join!(keep_shopping, take_back);
    for (shopper, _) in &shoppers {
        let (release, page) = shopper.looks(&cart).await;
        assert_eq!(release, "2.0.4");
        assert!(page.contains("Apples"), "{page}");
    }
    assert_eq!(gateway.tell("set server stores/canary state ready"), "");
    for (shopper, _) in &shoppers {
        assert_eq!(shopper.looks(&gateway.shop).await.0, "2.0.4");
    }
}

#[tokio::test]
async fn whoever_previews_a_store_front_is_a_shopper_like_others_afterwards() {
    let (old, new) = two_releases().await;
    let gateway = before(&old, &new, (1, 0)).await;
    let shopper = Shopper::new();
    let preview = async |release: &str| {
        let answer = shopper.0.get(&gateway.shop).header("x-sava-preview", release).send().await;
        let answer = answer.expect("an answer");
        let sets =
            answer.headers().get_all("set-cookie").iter().any(|it| it.as_bytes().starts_with(b"sava-track"));
        (answer.headers()["x-sava-release"].to_str().expect("text").to_owned(), sets)
    };
    assert_eq!(preview("3.0.0").await, ("3.0.0".to_owned(), false));
    assert_eq!(preview("9.9.9").await, ("2.0.4".to_owned(), true));
    assert_eq!(shopper.looks(&gateway.shop).await.0, "2.0.4");
    // Without the canary production answers.
    assert_eq!(gateway.tell("set server stores/canary state maint"), "");
    assert_eq!(preview("3.0.0").await.0, "2.0.4");
}

#[tokio::test]
async fn a_strangers_wish_for_a_preview_ends_at_the_gateway() {
    let (old, new) = two_releases().await;
    let variables =
        [("STORE", old.address()), ("STORE_CANARY", new.address()), ("PREVIEW_FROM", "10.0.0.0/8")];
    let gateway = Gateway::of(&variables, (1, 0)).await;
    let answer =
        client().get(&gateway.shop).header("x-sava-preview", "3.0.0").send().await.expect("an answer");
    assert_eq!(answer.headers()["x-sava-release"], "2.0.4");
}
