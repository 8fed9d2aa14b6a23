//! A service that cannot start says what is wrong, where, and what it takes; its exit code says whose fault it is: 2 for
//! a setting, 1 for what the setting points to.

use std::net::TcpListener;

use sava_tests::{Cart, Exit, Product};

#[track_caller]
fn check(exit: &Exit, code: i32, told: &[&str]) {
    assert_eq!(exit.code, Some(code), "{}", exit.output);
    for text in told {
        assert!(exit.output.contains(text), "{text:?} is not in: {}", exit.output);
    }
    assert!(!exit.output.contains("panicked"), "{}", exit.output);
}

#[tokio::test]
async fn setting_that_cannot_be_read_is_named_with_its_value() {
    for (variable, value, flag) in [
        ("LISTEN", "port eighty", "--listen"),
        ("ADMIN_LISTEN", "8081", "--admin-listen"),
        ("SAVA_RELEASE", "9.9.9", "--release"),
        ("MAX_CONNECTION_AGE", "5 parsecs", "--max-connection-age"),
        ("FAULT_ERROR_RATE", "lots", "--fault-error-rate"),
        ("FAULT_DELAY", "a while", "--fault-delay"),
        ("LOG_FORMAT", "xml", "--log-format"),
    ] {
        check(&Product::start().env(variable, value).exit().await, 2, &[flag, value]);
        check(&Cart::start().env(variable, value).exit().await, 2, &[flag, value]);
    }
    check(&Product::start().env("CACHE_MAX_AGE", "soon").exit().await, 2, &["--cache-max-age", "soon"]);
    for (variable, value, flag) in [
        ("LOCALE", "no such place!", "--locale"),
        ("PRODUCT_SERVICE_ADDR", "ftp://sava-product", "--product-service"),
        ("PUBLIC_URL", "nowhere", "--public-url"),
        ("STORES", "Elsewhere", "--stores"),
        ("DATABASE_URL", "mysql://orders", "DATABASE_URL"),
    ] {
        check(&Cart::start().env(variable, value).exit().await, 2, &[flag]);
    }
}

#[tokio::test]
async fn unknown_release_lists_those_there_are() {
    let exit = Product::start().release("4.0.0").exit().await;
    check(&exit, 2, &["4.0.0", "1.0.3", "2.0.1", "3.0.0", "2.0.2-slow"]);
    let exit = Cart::start().release("1.0.3").exit().await;
    check(&exit, 2, &["1.0.3", "1.0.5", "2.0.4", "3.0.0", "3.0.1-broken"]);
}

#[tokio::test]
async fn shared_database_needs_a_shared_key() {
    let exit = Cart::start().env("DATABASE_URL", "postgres://sava:hunter2@127.0.0.1/sava").exit().await;
    check(&exit, 2, &["COOKIE_KEY"]);
    assert!(!exit.output.contains("hunter2"), "a secret is in: {}", exit.output);
}

#[tokio::test]
async fn secrets_that_cannot_be_read_are_not_repeated() {
    let exit = Cart::start().env("COOKIE_KEY", "hunter2").exit().await;
    check(&exit, 2, &["COOKIE_KEY"]);
    assert!(!exit.output.contains("hunter2"), "a secret is in: {}", exit.output);
}

#[tokio::test]
async fn port_in_use_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("a listener has an address").to_string();
    for (variable, flag) in [("LISTEN", "--listen"), ("ADMIN_LISTEN", "--admin-listen")] {
        check(&Product::start().env(variable, &address).exit().await, 1, &[flag, &address]);
        check(&Cart::start().env(variable, &address).exit().await, 1, &[flag, &address]);
    }
}

#[tokio::test]
async fn missing_or_broken_data_are_named_with_their_place() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let missing = data.path().join("nowhere");
    check(&Product::start().data(&missing).exit().await, 1, &["nowhere"]);

    let file = data.path().join("db.json");
    std::fs::write(
        &file,
        "{\"products\": [\n  {\"id\": 1, \"locale\": \"ie\", \"title\": \"a\", \"price\": \"12\"}\n]}",
    )
    .expect("a file can be written");
    check(&Product::start().data(data.path()).exit().await, 1, &["db.json", "2", "price"]);
}
