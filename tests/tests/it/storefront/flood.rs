//! One client that orders more than all others: the limit of checkouts, and who a client is.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use sava_testbed::{Cart, body, client};

use super::roving_shopper::{Filled, RovingShopper, order_number};

/// A store front where a client may place this many orders in an hour.
async fn limited_to(count: usize) -> Cart {
    Cart::start().env("CHECKOUT_LIMIT", format!("{count}/1h")).await
}

/// The same behind a proxy of this machine's own address, which it trusts.
async fn behind_a_proxy(count: usize) -> Cart {
    Cart::start()
        .env("CHECKOUT_LIMIT", format!("{count}/1h"))
        .env("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48")
        .await
}

/// Submits a form that would place an order.
async fn submit(shopper: &RovingShopper, cart: &Cart) -> (Filled, Response) {
    shopper.add(cart, "garlic", "1").await;
    let form = shopper.checkout(cart).await;
    let answer = shopper.submit(cart, &form).await;
    (form, answer)
}

/// What becomes of an order of somebody who was not here before, with this header.
async fn status_with(cart: &Cart, name: &'static str, value: &str) -> StatusCode {
    submit(&RovingShopper::with_header(name, value), cart).await.1.status()
}

fn retry_after(answer: &Response) -> u64 {
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    answer.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn orders_beyond_the_limit_are_429_and_nothing_is_lost() {
    let cart = limited_to(2).await;
    let first = RovingShopper::new();
    let (placed, answer) = submit(&first, &cart).await;
    let number = order_number(&answer);
    // What places no order takes nothing of what is left.
    first.add(&cart, "garlic", "1").await;
    let mistaken = first.checkout(&cart).await.with_postcode("none");
    assert_eq!(first.submit(&cart, &mistaken).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    // Another cookie is not another client.
    assert_eq!(submit(&RovingShopper::new(), &cart).await.1.status(), StatusCode::SEE_OTHER);
    let third = RovingShopper::new();
    let (form, answer) = submit(&third, &cart).await;
    assert!((1..=1800).contains(&retry_after(&answer)), "half of the hour: {answer:?}");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let page = body(answer).await;
    assert!(page.contains("Nothing is lost") && page.contains("Try again</button>"), "{page}");
    for kept in ["Aoife Ní Bhriain", "aoife@example.ie", "1 Main Street", "Dublin", "D02 X285", &form.key] {
        assert!(page.contains(&format!("value=\"{kept}\"")), "{kept}: {page}");
    }
    let at_a_terminal = RovingShopper::with_header("accept", "text/plain");
    at_a_terminal.add(&cart, "garlic", "1").await;
    let answer = at_a_terminal.submit(&cart, &form).await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    retry_after(&answer);
    assert!(body(answer).await.contains("Nothing is lost"));

    // A form that has placed its order leads there still; and others go on.
    assert_eq!(first.order(&cart, &placed).await, number);
    submit(&RovingShopper::at("127.0.0.2"), &cart).await.1.error_for_status().unwrap();

    let metrics = body(client().get(cart.admin_url("/metrics").await).send().await.unwrap()).await;
    assert!(metrics.contains("sava_cart_orders_total{outcome=\"too_many\"} 2"), "{metrics}");
    let log = cart.process().output();
    let told: Vec<_> = log.lines().filter(|line| line.contains("CHECKOUT_LIMIT allows")).collect();
    assert!(told.len() == 1 && told[0].contains("127.0.0.1/32"), "{told:?}");
}

#[tokio::test]
async fn what_was_refused_is_taken_after_the_wait() {
    let cart = Cart::start().env("CHECKOUT_LIMIT", "1/2s").await;
    let shopper = RovingShopper::new();
    // Where the machine is slow, a few are placed in their time.
    let (form, mut answer) = loop {
        let (form, answer) = submit(&shopper, &cart).await;
        if answer.status() != StatusCode::SEE_OTHER {
            break (form, answer);
        }
    };
    while answer.status() != StatusCode::SEE_OTHER {
        tokio::time::sleep(Duration::from_secs(retry_after(&answer))).await;
        answer = shopper.submit(&cart, &form).await;
    }
    order_number(&answer);
}

#[tokio::test]
async fn headers_of_a_stranger_do_not_get_around_it() {
    let cart = limited_to(1).await;
    assert_eq!(status_with(&cart, "x-forwarded-for", "198.51.100.1").await, StatusCode::SEE_OTHER);
    for (name, value) in [
        ("x-forwarded-for", "198.51.100.2"),
        ("x-forwarded-for", "2001:db8::1"),
        ("forwarded", "for=198.51.100.3"),
        ("x-real-ip", "198.51.100.4"),
    ] {
        assert_eq!(status_with(&cart, name, value).await, StatusCode::TOO_MANY_REQUESTS, "{name}: {value}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_shopper_is_a_client() {
    let cart = behind_a_proxy(1).await;
    for (name, value, expected) in [
        ("x-forwarded-for", "198.51.100.1", StatusCode::SEE_OTHER),
        ("x-forwarded-for", "198.51.100.2, 10.0.0.2", StatusCode::SEE_OTHER),
        // What a client wrote itself stands on the left of what the proxy wrote.
        ("x-forwarded-for", "203.0.113.9, 198.51.100.1", StatusCode::TOO_MANY_REQUESTS),
        ("x-forwarded-for", "203.0.113.9, 198.51.100.2, 10.0.0.3", StatusCode::TOO_MANY_REQUESTS),
        ("forwarded", "for=203.0.113.9, for=\"198.51.100.2:4711\"", StatusCode::TOO_MANY_REQUESTS),
        ("forwarded", "for=198.51.100.3", StatusCode::SEE_OTHER),
    ] {
        assert_eq!(status_with(&cart, name, value).await, expected, "{name}: {value}");
    }
}

#[tokio::test]
async fn an_ipv6_client_is_its_64() {
    let cart = behind_a_proxy(1).await;
    for (address, expected) in [
        ("2001:db8:0:1::1", StatusCode::SEE_OTHER),
        ("2001:db8:0:1::2", StatusCode::TOO_MANY_REQUESTS),
        ("[2001:db8:0:1:ffff::3]:4711", StatusCode::TOO_MANY_REQUESTS),
        ("2001:db8:0:2::1", StatusCode::SEE_OTHER),
    ] {
        assert_eq!(status_with(&cart, "x-forwarded-for", address).await, expected, "{address}");
    }
}
