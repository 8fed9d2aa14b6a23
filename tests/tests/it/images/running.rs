//! The images as containers: confined, signalled, with data of one's own.

use std::time::Instant;

use sava_testbed::{
    client,
    docker::{Container, docker, docker_output},
    json,
};

use super::{CART, CONFINED, PRODUCT, images};

/// The container of `image` in the strictest place, as the user `uid`, with `port` published.
fn confined(image: &str, uid: &str, port: &str, options: &[&str]) -> Container {
    let publish = format!("127.0.0.1:0:{port}");
    let options = [CONFINED, &["--user", uid, "--publish", &publish], options].concat();
    Container::run(image, &options, &[])
}

#[tokio::test]
async fn product_runs_as_any_uid() {
    for uid in ["65534", "1234567:0"] {
        let product = confined(PRODUCT, uid, "8080", &[]);
        product.wait_until_healthy();
        let url = format!("http://{}/products/ie", product.address(8080));
        let products = json(client().get(url).send().await.expect("an answer")).await;
        assert!(products.as_array().is_some_and(|products| products.len() >= 24));
    }
}

#[tokio::test]
async fn store_front_keeps_orders_as_any_uid() {
    for uid in ["65534", "1234567:0"] {
        let cart = confined(CART, uid, "3000", &[]);
        cart.wait_until_healthy();
        let url = format!("http://{}/readyz?verbose", cart.address(3000));
        let ready = client().get(url).send().await.expect("an answer").text().await.expect("a body");
        assert!(ready.contains(r#""orders":{"ok":true"#), "{ready}");
    }
}

#[test]
fn process_one_of_every_release_ends_on_sigterm() {
    for image in images() {
        let port = match image.rsplit(['/', ':']).nth(1) {
            Some("sava-product") => "8080",
            Some("sava-cart") => "3000",
            _ => continue,
        };
        let container = confined(&image, "65534", port, &[]);
        container.wait_for_log("\"listening\"");
        let start = Instant::now();
        docker_output(["stop", "--time", "20", &container.name]);
        assert_eq!(container.inspect("{{.State.ExitCode}}"), "0", "{image}:\n{}", container.logs());
        assert!(start.elapsed().as_secs() < 15, "{image} was killed rather than drained");
    }
}

#[test]
fn health_command_tells_of_a_missing_server() {
    let output = docker(["run", "--rm", PRODUCT, "health"]).output().expect("docker starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[tokio::test]
async fn mounted_file_replaces_the_catalog() {
    let bare = r#"{"products":[{"id":1,"locale":"ie","title":"Bare","description":"As json-server has it","price":1.5}]}"#;
    let full = r#"{"stores":[{"locale":"fr","aliases":[],"name":"France","language":"fr-FR","currency":"EUR"}],
        "products":[{"id":7,"locale":"fr","title":"Béret","description":"A hat","price":30}]}"#;
    for (data, locale, title) in [(bare, "ie", "Bare"), (full, "fr", "Béret")] {
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("db.json");
        std::fs::write(&file, data).expect("the file is written");
        make_readable(folder.path());
        let mount = format!("{}:/data/db.json:ro", file.display());
        let product = confined(PRODUCT, "65534", "8080", &["--volume", &mount]);
        product.wait_until_healthy();
        let url = format!("http://{}/products/{locale}", product.address(8080));
        let products = json(client().get(url).send().await.expect("an answer")).await;
        assert_eq!(products[0]["title"], title);
        assert_eq!(products.as_array().map(Vec::len), Some(1));
    }
}

/// Lets the container's user read a directory that only its owner may.
fn make_readable(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("the mode is set");
}
