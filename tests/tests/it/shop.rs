//! `cargo xtask shop`: the command that a new user types first.

use std::net::{TcpListener, UdpSocket};

use sava_testbed::{Process, Signal, binaries, body, client, command};

/// The shop on free ports, with what the test adds.
fn shop(data: &tempfile::TempDir, product_port: u16, cart_port: u16, arguments: &[&str]) -> Process {
    Process::spawn("shop", shop_command(data, product_port, cart_port, arguments))
}

fn shop_command(
    data: &tempfile::TempDir,
    product_port: u16,
    cart_port: u16,
    arguments: &[&str],
) -> std::process::Command {
    let mut shop = command(binaries::path("xtask"));
    shop.args(["shop", "--no-build", "--profile", "dev", "--data"]).arg(data.path()).args(arguments);
    shop.args([format!("--product-port={product_port}"), format!("--cart-port={cart_port}")]);
    shop.env("NO_COLOR", "1");
    shop
}

/// A port that is free, as are those that come `offsets` above it.
fn free_port(offsets: &[u16]) -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let candidates = std::iter::repeat_with(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("a listener has an address").port()
    });
    candidates
        .take(1000)
        .find(|port| offsets.iter().all(|offset| port.checked_add(*offset).is_some_and(is_free)))
        .expect("ports are free")
}

fn data() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

#[tokio::test]
async fn shop_opens_with_two_releases_and_closes_at_ctrl_c() {
    let (data, product, cart) = (data(), free_port(&[1]), free_port(&[1, 2, 3, 81, 82, 83, 84]));
    let releases = ["--cart-release=3.0.0", "--cart-release=1.0.5", "--product-release=2.0.1"];
    let shop = shop(&data, product, cart, &releases);
    for (index, place) in ["Ireland 3.0.0", "United Kingdom 3.0.0", "Ireland 1.0.5", "United Kingdom 1.0.5"]
        .into_iter()
        .enumerate()
    {
        let line = shop.line(&format!("  {place} ")).await;
        let url = format!("http://localhost:{}/", usize::from(cart) + index);
        assert!(line.ends_with(&url), "{line}");
        let page = client().get(url).header("accept", "text/html").send().await.expect("the store is open");
        assert_eq!(page.headers()["x-sava-product-release"], "2.0.1");
        assert_eq!(page.headers()["x-sava-release"], place.rsplit_once(' ').expect("two words").1);
        // Each store links to the other one of its release.
        let neighbour = if index % 2 == 0 { index + 1 } else { index - 1 };
        let other = format!("href=\"http://localhost:{}/\"", usize::from(cart) + neighbour);
        let page = body(page).await;
        assert!(page.contains(&other), "no {other}");
    }
    shop.signal(Signal::INT);
    let exit = shop.exit().await;
    assert_eq!(exit.code, Some(0), "{}", exit.output);
    assert!(exit.output.ends_with("The shop is closed."), "{}", exit.output);
    let (before, after) = exit.output.split_once("The shop is open").expect("the table of addresses");
    assert!(!before.contains(" | ") && after.contains("uk 1.0.5 | "), "{}", exit.output);
    assert!(!after.contains("listening"), "the table says where: {}", exit.output);
    assert!(TcpListener::bind(("127.0.0.1", product)).is_ok(), "sava-product has ended");
    assert!(data.path().join("ie/sava-cart.db").exists(), "orders are kept");
}

#[tokio::test]
async fn wrong_release_is_refused_before_anything_is_built_or_started() {
    let data = data();
    for (flag, service) in [("--cart-release", "sava-cart"), ("--product-release", "sava-product")] {
        let exit = shop(&data, 1, 1, &[flag, "9"]).exit().await;
        assert_eq!(exit.code, Some(2), "{}", exit.output);
        let expected = format!("there is no such release of {service}; there are 1.0.");
        assert!(exit.output.contains(flag) && exit.output.contains(&expected), "{}", exit.output);
        assert!(!data.path().join("ie").exists(), "nothing was begun");
    }
}

/// A phone cannot use `localhost`: where other machines are let in, their links are printed too.
#[tokio::test]
async fn shop_for_other_machines_says_where_it_is() {
    let (data, product, cart) = (data(), free_port(&[1]), free_port(&[1, 81, 82]));
    let shop = shop(&data, product, cart, &["--host=0.0.0.0"]);
    let local = shop.line("  Ireland ").await;
    assert!(local.ends_with(&format!("http://localhost:{cart}/")), "{local}");
    // A machine without a network has nobody to tell.
    let route = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let page = client().get(format!("http://127.0.0.1:{cart}/")).header("accept", "text/html").send();
    let page = body(page.await.expect("the store is open")).await;
    if let Some(ip) = route.ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback()) {
        let line = shop.line("  Ireland by ").await;
        assert!(line.ends_with(&format!("http://{ip}:{cart}/")), "{line}");
        assert!(page.contains(&format!("href=\"http://{ip}:{}/\"", cart + 1)), "the way to the other store");
    }
    shop.signal(Signal::INT);
    assert_eq!(shop.exit().await.code, Some(0));
}

#[tokio::test]
async fn port_in_use_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("a listener has an address").port();
    let (data, free) = (data(), free_port(&[1, 81, 82]));

    let exit = shop(&data, port, free, &[]).exit().await;
    assert_eq!(exit.code, Some(1));
    let expected = format!("port {port} (Products) cannot be used");
    assert!(exit.output.contains(&expected) && exit.output.contains("--product-port"), "{}", exit.output);

    let exit = shop(&data, free, port, &[]).exit().await;
    assert_eq!(exit.code, Some(1));
    let expected = format!("port {port} (Ireland) cannot be used");
    assert!(exit.output.contains(&expected) && exit.output.contains("--cart-port"), "{}", exit.output);
}

#[tokio::test]
async fn service_that_dies_closes_the_shop_and_has_the_last_word() {
    let (data, product, cart) = (data(), free_port(&[1]), free_port(&[1, 81, 82]));
    let mut shop = shop_command(&data, product, cart, &[]);
    // Of what the shop does not set, a service reads its own.
    shop.env("CHECKOUT_LIMIT", "9.9.9");
    let exit = Process::spawn("shop", shop).exit().await;
    assert_eq!(exit.code, Some(1));
    let (_, reason) = exit.output.rsplit_once("error: sava-cart (").expect("the reason is the last thing");
    assert!(reason.contains("exit status: 2") && reason.contains("9.9.9"), "{reason}");
    assert!(TcpListener::bind(("127.0.0.1", product)).is_ok(), "sava-product has ended");
}
