//! Settings of the real binaries: mistakes, secrets, and what Kubernetes puts into the environment.

use std::process::Command;

use sava_testbed::{Cart, Exit, Process, Product, binaries, body, client, command, json};

/// What Kubernetes injects into each container for a Service, as old Docker links had it.
fn injected(service: &str, port: u16) -> Vec<(String, String)> {
    let url = format!("tcp://10.0.0.11:{port}");
    let variable = |suffix: &str, value: &str| (format!("{service}{suffix}"), value.to_owned());
    vec![
        variable("_SERVICE_HOST", "10.0.0.11"),
        variable("_SERVICE_PORT", &port.to_string()),
        variable("_SERVICE_PORT_HTTP", &port.to_string()),
        variable("_PORT", &url),
        variable(&format!("_PORT_{port}_TCP"), &url),
        variable(&format!("_PORT_{port}_TCP_PROTO"), "tcp"),
        variable(&format!("_PORT_{port}_TCP_PORT"), &port.to_string()),
        variable(&format!("_PORT_{port}_TCP_ADDR"), "10.0.0.11"),
    ]
}

#[tokio::test]
async fn injected_variables_are_harmless() {
    let services = [("SAVA_PRODUCT", 9070), ("SAVA_CART_IE", 80), ("SAVA_CART_UK", 80), ("KUBERNETES", 443)];
    let variables: Vec<_> = services.iter().flat_map(|(service, port)| injected(service, *port)).collect();
    let mut product = Product::start();
    let mut cart = Cart::start();
    for (name, value) in &variables {
        product = product.env(name, value);
        cart = cart.env(name, value);
    }
    let product = product.await;
    let cart = cart.product(&product.url("")).await;
    assert_eq!(product.get("/products/ie").await.status(), 200);
    assert_eq!(cart.get("/").await.status(), 200);
}

fn binary(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = command(binaries::path(name));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command
}

async fn run(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Exit {
    Process::spawn(name, binary(name, arguments, variables)).exit().await
}

#[tokio::test]
async fn every_mistake_is_named_with_its_value_and_what_it_takes() {
    let wrong = [
        ("LISTEN", "8080"),
        ("MAX_CONNECTION_AGE", "old"),
        ("MAX_BODY", "big"),
        ("FAULT_DELAY", "1s..100ms"),
        ("FAULT_ERROR_RATE", "110%"),
        ("LOG_FORMAT", "xml"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
    ];
    for name in ["sava-product", "sava-cart"] {
        let exit = run(name, &["--drain-timeout", "soon"], &wrong).await;
        assert_eq!(exit.code, Some(2), "{}", exit.output);
        for (variable, value) in wrong {
            let mistake = exit.output.lines().find(|line| line.contains(&format!("{variable}={value}")));
            assert!(
                mistake.is_some_and(|mistake| mistake.contains("takes")),
                "{variable} in {}",
                exit.output
            );
        }
        assert!(exit.output.contains("--drain-timeout soon: takes"), "{}", exit.output);
    }
}

#[tokio::test]
async fn help_is_grouped_and_shows_no_secret() {
    let secret = "5ecre7".repeat(20);
    for name in ["sava-product", "sava-cart"] {
        let exit = run(name, &["--help"], &[("COOKIE_KEY", &secret)]).await;
        assert_eq!(exit.code, Some(0));
        for part in
            ["Server:", "Life:", "Limits:", "Faults on purpose:", "LISTEN", "MAX_CONNECTION_AGE", "health"]
        {
            assert!(exit.output.contains(part), "{part} in {}", exit.output);
        }
        assert!(!exit.output.contains("5ecre7"), "{}", exit.output);
    }
}

#[tokio::test]
async fn secrets_come_from_files_and_are_nowhere_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let key = "0123456789abcdef".repeat(8);
    std::fs::write(&file, format!("{key}\n")).unwrap();
    let cart = Cart::start().env("COOKIE_KEY_FILE", &file).env("RUST_LOG", "debug").await;
    let version = body(cart.get("/version").await).await;
    let metrics = body(client().get(cart.admin_url("/metrics").await).send().await.unwrap()).await;
    let exit = cart.stop().await;
    for shown in [version, metrics, exit.output] {
        assert!(!shown.contains(&key), "{shown}");
    }
}

#[tokio::test]
async fn words_that_are_no_levels_are_mistakes() {
    for wrong in ["warning", "fatal"] {
        let exit = run("sava-product", &[], &[("RUST_LOG", wrong)]).await;
        assert_eq!(exit.code, Some(2), "{}", exit.output);
        assert!(exit.output.contains("RUST_LOG") && exit.output.contains("takes a level"), "{}", exit.output);
    }
    Product::start().env("RUST_LOG", " info ").await.logged("admin listening").await;
}

#[tokio::test]
async fn bad_secret_is_named_but_not_shown() {
    let exit = run("sava-cart", &[], &[("COOKIE_KEY", "hunter2")]).await;
    assert_eq!(exit.code, Some(2), "{}", exit.output);
    assert!(exit.output.contains("COOKIE_KEY") && !exit.output.contains("hunter2"), "{}", exit.output);
}

#[tokio::test]
async fn health_asks_the_running_service() {
    let product = Product::start().await;
    let listen = [("LISTEN", product.address())];
    let healthy = run("sava-product", &["health"], &listen).await;
    assert_eq!(healthy.code, Some(0), "{}", healthy.output);
    let not_ready = client().put(product.admin_url("/faults").await).body(r#"{"notReady":true}"#);
    not_ready.send().await.unwrap();
    let unhealthy = run("sava-product", &["health"], &listen).await;
    assert_eq!(unhealthy.code, Some(1), "{}", unhealthy.output);
    assert!(unhealthy.output.contains("503: not ready; fault"), "{}", unhealthy.output);
    assert_eq!(json(product.get("/readyz?verbose").await).await["ready"], false);
}
