use reqwest::StatusCode;
use sava_testbed::{Balancer, Cart, CartBuilder, PgBouncer, Postgres, body};

use super::roving_shopper::{Filled, RovingShopper, order_number};

/// 64 bytes in hex.
pub(super) fn key() -> String {
    "5a".repeat(64)
}

fn with_postgres(postgres: &Postgres, host: &str) -> CartBuilder {
    Cart::start().env("DATABASE_URL", postgres.url(host)).env("COOKIE_KEY", key())
}

async fn submit_fifty_times(carts: &[&Cart]) {
    let shopper = RovingShopper::new();
    shopper.add(carts[0], "garlic", "2").await;
    let form = shopper.checkout(carts[0]).await;
    let submits = (0..50).map(|turn| shopper.submit(carts[turn % carts.len()], &form));
    let answers = futures_util::future::join_all(submits).await;
    let first = order_number(&answers[0]);
    for answer in &answers {
        assert_eq!(order_number(answer), first);
    }
    let list = shopper.orders(carts[0]).await;
    assert_eq!(list.matches("Order IE-").count(), 1, "{list}");
}

#[tokio::test]
async fn fifty_submits_of_a_form_are_one_order_in_sqlite() {
    submit_fifty_times(&[&Cart::start().await]).await;
}

#[tokio::test]
async fn fifty_submits_of_a_form_are_one_order_in_postgresql() {
    let postgres = Postgres::start().await;
    // The replicas start together: each makes the tables, once.
    let (first, second, third) = tokio::join!(
        async { with_postgres(&postgres, "127.0.0.1").await },
        async { with_postgres(&postgres, "127.0.0.1").await },
        async { with_postgres(&postgres, "localhost").await },
    );
    for cart in [&first, &second, &third] {
        cart.logged("orders can be written").await;
    }
    submit_fifty_times(&[&first, &second, &third]).await;
}

#[tokio::test]
async fn fifty_submits_of_a_form_are_one_order_behind_pgbouncer() {
    let postgres = Postgres::start().await;
    let bouncer = PgBouncer::start(&postgres).await;
    let cart = || Cart::start().env("DATABASE_URL", bouncer.url()).env("COOKIE_KEY", key());
    let (first, second, third) =
        tokio::join!(async { cart().await }, async { cart().await }, async { cart().await });
    for cart in [&first, &second, &third] {
        cart.logged("orders can be written").await;
    }
    submit_fifty_times(&[&first, &second, &third]).await;
}

#[tokio::test]
async fn a_confirmed_order_survives_sigkill() {
    let shopper = RovingShopper::new();
    let mut cart = Cart::start().await;
    for _ in 0..3 {
        shopper.add(&cart, "apples", "3").await;
        let form = shopper.checkout(&cart).await;
        let number = shopper.order(&cart, &form).await;
        // Its successor is on another port; cookies do not mind.
        let successor = cart.start_again();
        cart.kill();
        cart = successor.await;
        let page = shopper.get(&cart, &format!("/orders/{number}")).await;
        assert_eq!(page.status(), StatusCode::OK);
        let page = body(page).await;
        assert!(page.contains(&number) && page.contains("€7.50") && page.contains("Aoife"), "{page}");
        // The form again, as by the back button: the same order.
        assert_eq!(shopper.order(&cart, &form).await, number);
    }
}

async fn keep_to_their_shoppers(cart: &Cart) {
    let (aoife, brian) = (RovingShopper::new(), RovingShopper::new());
    let mut numbers = Vec::new();
    for shopper in [&aoife, &brian] {
        shopper.add(cart, "oranges", "1").await;
        let form = shopper.checkout(cart).await;
        numbers.push(shopper.order(cart, &form).await);
        // Somebody else sends the same form: no order of theirs, and not a word of this one.
        let stranger = RovingShopper::new();
        stranger.add(cart, "oranges", "1").await;
        stranger.checkout(cart).await;
        let answer = stranger.submit(cart, &form).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        assert!(!body(answer).await.contains(&numbers[numbers.len() - 1]));
    }
    for (shopper, own, other) in [(&aoife, 0, 1), (&brian, 1, 0)] {
        let status = async |number: &str| shopper.get(cart, &format!("/orders/{number}")).await.status();
        assert_eq!(status(&numbers[own]).await, StatusCode::OK);
        assert_eq!(status(&numbers[other]).await, StatusCode::NOT_FOUND);
        let list = shopper.orders(cart).await;
        assert!(list.contains(&numbers[own]) && !list.contains(&numbers[other]), "{list}");
    }
    let nobody = RovingShopper::new();
    assert!(!nobody.orders(cart).await.contains("IE-"));
    assert_eq!(nobody.get(cart, &format!("/orders/{}", numbers[0])).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn orders_in_sqlite_are_their_shoppers_alone() {
    keep_to_their_shoppers(&Cart::start().await).await;
}

#[tokio::test]
async fn orders_in_postgresql_are_their_shoppers_alone() {
    let postgres = Postgres::start().await;
    keep_to_their_shoppers(&with_postgres(&postgres, "127.0.0.1").await).await;
}

#[tokio::test]
async fn the_cart_goes_on_at_another_replica() {
    let postgres = Postgres::start().await;
    let (first, second) =
        (with_postgres(&postgres, "127.0.0.1").await, with_postgres(&postgres, "127.0.0.1").await);
    let shopper = RovingShopper::new();
    shopper.add(&first, "papayas", "2").await;
    let form = shopper.checkout(&second).await;
    let number = shopper.order(&first, &form).await;
    let page = body(shopper.get(&second, &format!("/orders/{number}")).await).await;
    assert!(page.contains("€9.00"), "{page}");
}

/// Browsing and the cart stay open; checkout is an honest 503; the probe and the log say why.
pub(super) async fn is_closed_for_orders(cart: &Cart, shopper: &RovingShopper) {
    assert_eq!(shopper.get(cart, "/").await.status(), StatusCode::OK);
    shopper.add(cart, "garlic", "1").await;
    let form = shopper.checkout(cart).await;
    let answer = shopper.submit(cart, &form).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().contains_key("retry-after"));
    let page = body(answer).await;
    assert!(page.contains("We cannot take orders just now") && page.contains("value=\"Dublin\""), "{page}");
    let orders = shopper.get(cart, "/orders").await;
    assert_eq!(orders.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(orders).await.contains("They are safe; we cannot reach them"));
    assert_eq!(cart.get("/readyz").await.status(), StatusCode::OK);
    cart.logged("orders cannot be written").await;
    let verbose = body(cart.get("/readyz?verbose").await).await;
    assert!(verbose.contains("\"orders\":{\"ok\":false"), "{verbose}");
    assert!(!shopper.get(cart, "/cart").await.status().is_server_error());
}

pub(super) async fn is_open_for_orders(cart: &Cart, shopper: &RovingShopper) {
    let form = shopper.checkout(cart).await;
    shopper.order_in_the_end(cart, &form).await;
}

#[tokio::test]
async fn a_database_that_cannot_be_written_closes_the_checkout_alone() {
    let cart =
        Cart::start().env("DATABASE_URL", "sqlite:not-yet/sava-cart.db").env("COOKIE_KEY", key()).await;
    let shopper = RovingShopper::new();
    is_closed_for_orders(&cart, &shopper).await;
    std::fs::create_dir(cart.directory().join("not-yet")).unwrap();
    is_open_for_orders(&cart, &shopper).await;
}

#[tokio::test]
async fn a_postgresql_that_goes_away_closes_the_checkout_until_it_is_back() {
    let mut postgres = Postgres::start().await;
    let cart = with_postgres(&postgres, "127.0.0.1").await;
    cart.logged("orders can be written").await;
    postgres.stop().await;
    let shopper = RovingShopper::new();
    is_closed_for_orders(&cart, &shopper).await;
    postgres.serve().await;
    is_open_for_orders(&cart, &shopper).await;
}

/// As after a failover: the server at the other end of the kept connections is read-only, and new connections lead to
/// one that is not. The failed order says at once that none can be written.
#[tokio::test]
async fn a_server_that_became_read_only_is_left_for_the_primary() {
    let postgres = Postgres::start().await;
    let cart = with_postgres(&postgres, "127.0.0.1").await;
    cart.logged("orders can be written").await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "garlic", "1").await;
    shopper.order(&cart, &shopper.checkout(&cart).await).await;
    // New sessions alone; those of before stay as they are, until they are ended.
    postgres.execute("ALTER ROLE shop SET default_transaction_read_only = on");
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename = 'shop' AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    shopper.add(&cart, "garlic", "1").await;
    let form = shopper.checkout(&cart).await;
    let answer = shopper.submit(&cart, &form).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(body(answer).await.contains("We cannot take orders just now"));
    cart.logged("orders cannot be written").await;
    // The connections of now stay read-only, as those to a standby do.
    postgres.execute("ALTER ROLE shop RESET default_transaction_read_only");
    shopper.order_in_the_end(&cart, &form).await;
    let output = cart.stop().await.output;
    assert!(output.contains("cannot execute INSERT in a read-only transaction"), "{output}");
}

/// A real standby, reached too soon; the way back to the primary; and its promotion once the primary is dead.
#[tokio::test]
async fn orders_follow_the_primary_through_a_failover() {
    follow_the_primary(Postgres::start().await, "127.0.0.1", "").await;
}

/// `host` and `parameters` are those of the store front's URL.
pub(super) async fn follow_the_primary(mut primary: Postgres, host: &str, parameters: &str) {
    let line = Balancer::start().await;
    let to = |postgres: &Postgres| line.split(&[(&format!("127.0.0.1:{}", postgres.port()), 1)]);
    let (_, port) = line.address().rsplit_once(':').unwrap();
    to(&primary);
    let url = primary.url(host).replace(&primary.port().to_string(), port) + parameters;
    let cart = Cart::start().env("DATABASE_URL", url).env("COOKIE_KEY", key()).await;
    cart.logged("orders can be written").await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "garlic", "1").await;
    let mut numbers = vec![shopper.order(&cart, &shopper.checkout(&cart).await).await];
    let standby = primary.standby().await;

    to(&standby);
    primary.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    shopper.add(&cart, "garlic", "1").await;
    let form = shopper.checkout(&cart).await;
    assert_eq!(shopper.submit(&cart, &form).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    cart.logged("orders cannot be written").await;
    // Nothing happens to the standby: its connections are given up because it refuses.
    to(&primary);
    numbers.push(shopper.order_in_the_end(&cart, &form).await);
    primary.wait_for_standby();

    shopper.add(&cart, "garlic", "1").await;
    let form = shopper.checkout(&cart).await;
    primary.end_at_once().await;
    standby.promote();
    to(&standby);
    numbers.push(shopper.order_in_the_end(&cart, &form).await);
    let list = shopper.orders(&cart).await;
    assert!(numbers.iter().all(|number| list.contains(number)), "{numbers:?} {list}");
    assert_eq!(list.matches("Order IE-").count(), 3, "{list}");
}

#[tokio::test]
async fn postgresql_without_a_cookie_key_is_a_mistake_that_is_named() {
    let exit = Cart::start().env("DATABASE_URL", "postgres://shop:s3cret@db.invalid/shop").exit().await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("COOKIE_KEY") && !exit.output.contains("s3cret"), "{}", exit.output);
}

/// They are answered without the database, which takes no NUL in a text: no 503, and nothing for the log.
#[tokio::test]
async fn what_is_not_a_number_or_a_key_of_ours_is_answered_cleanly() {
    let postgres = Postgres::start().await;
    let cart = with_postgres(&postgres, "127.0.0.1").await;
    cart.logged("orders can be written").await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "garlic", "1").await;
    let form = shopper.checkout(&cart).await;
    for odd in [
        "%00",
        "IE-01234-5678%00",
        "IE%00-01234-56789",
        "%FF",
        "%C3%28",
        "1",
        "ie-01234-56789",
        "%F0%9F%8D%8E",
    ] {
        let answer = shopper.get(&cart, &format!("/orders/{odd}")).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{odd}");
        assert!(body(answer).await.contains("There is no such order"), "{odd}");
    }
    for odd in
        ["\0", "", "1", "nonsense", &"0".repeat(31), &format!("{}\0", &form.key[..31]), &"é".repeat(16)]
    {
        let forged = Filled { key: odd.to_owned(), ..form.clone() };
        let answer = shopper.submit(&cart, &forged).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "{odd:?}");
        let offered = Filled::of_page(&body(answer).await);
        assert_ne!(offered.key, odd, "a key that can place an order");
    }
    assert!(!shopper.orders(&cart).await.contains("IE-"));
    shopper.order(&cart, &form).await;
    let output = cart.stop().await.output;
    assert!(!output.contains("ERROR") && !output.contains("\"level\":\"error\""), "{output}");
}

#[tokio::test]
async fn secrets_are_in_no_log() {
    let postgres = Postgres::start().await;
    let cart = with_postgres(&postgres, "127.0.0.1").env("RUST_LOG", "debug").await;
    cart.logged("orders can be written").await;
    let shopper = RovingShopper::new();
    shopper.add(&cart, "garlic", "1").await;
    let form = shopper.checkout(&cart).await;
    shopper.order(&cart, &form).await;
    let output = cart.stop().await.output;
    for secret in ["s3cret", &key(), "sava-cart-ie", "aoife@example.ie"] {
        assert!(!output.contains(secret), "{secret} is in {output}");
    }
}
