//! Changes of the data while it runs.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sava_testbed::{
    PATIENCE, Product, binaries, body, client, json,
    memory::{MemoryLimit, peak},
};

use super::data::data;

fn db(title: &str) -> String {
    serde_json::json!({
        "products": [{"id": 1, "locale": "ie", "title": title, "description": "-", "price": 1}]
    })
    .to_string()
}

/// Puts another file in the place of the one that is there, as editors do.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a file can be written");
    fs::rename(new, path).expect("a file can be renamed");
}

/// Asks until the title of the first product is this one; tells how long that took.
async fn until_title(product: &Product, title: &str) -> Duration {
    let started = Instant::now();
    loop {
        let found = json(product.get("/products/ie/1").await).await;
        if found["title"] == title {
            return started.elapsed();
        }
        assert!(started.elapsed() < PATIENCE, "still {found}");
    }
}

async fn metric(product: &Product, line: &str) -> bool {
    let url = product.admin_url("/metrics").await;
    let metrics = body(client().get(url).send().await.expect("metrics answer")).await;
    metrics.lines().any(|found| found == line)
}

#[tokio::test]
async fn a_reload_under_load_loses_no_request() {
    let directory = data(&db("Lamp 0"));
    let path = directory.path().join("db.json");
    let product = Product::start().data(directory.path()).await;
    let (is_over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (url, is_over, answered) =
                (product.url("/products/ie"), Arc::clone(&is_over), Arc::clone(&answered));
            tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = client().get(&url).send().await.expect("each request is answered");
                    assert_eq!(answer.status(), 200);
                    let titles = json(answer).await;
                    assert!(
                        titles[0]["title"].as_str().is_some_and(|title| title.starts_with("Lamp ")),
                        "{titles}"
                    );
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 1..=5 {
        replace(&path, &db(&format!("Lamp {round}")));
        until_title(&product, &format!("Lamp {round}")).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no request was lost");
    }
    assert!(answered.load(Ordering::Relaxed) > 20);
    assert!(metric(&product, "sava_catalog_reloads_total{result=\"loaded\"} 5").await);
}

#[tokio::test]
async fn a_swapped_link_of_a_config_map_is_picked_up() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path();
    // As the kubelet lays out a ConfigMap: the files lead through ..data, which is swapped by a rename.
    let version = |name: &str, text: &str| {
        fs::create_dir(path.join(name)).expect("a directory can be made");
        fs::write(path.join(name).join("db.json"), text).expect("a file can be written");
        symlink(name, path.join("..data_tmp")).expect("a link can be made");
        fs::rename(path.join("..data_tmp"), path.join("..data")).expect("a link can be renamed");
    };
    version("..2026_01", &db("Old"));
    symlink("..data/db.json", path.join("db.json")).expect("a link can be made");
    let product = Product::start().data(path).await;
    version("..2026_02", &db("New"));
    fs::remove_dir_all(path.join("..2026_01")).expect("the old version goes");
    let took = until_title(&product, "New").await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn bad_data_changes_nothing_but_a_log_line_and_a_metric() {
    let directory = data(&db("Good"));
    let path = directory.path().join("db.json");
    let product = Product::start().data(directory.path()).await;
    let before = json(product.get("/version").await).await["catalog"].clone();

    replace(&path, &db("Bad").replace("\"price\":1", "\"price\":\"1\""));
    let line = product.logged("is text; a price is a JSON number").await;
    for part in ["db.json", "line", "column", "price"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    product.logged("what was served is served on").await;
    assert_eq!(json(product.get("/version").await).await["catalog"], before);
    assert!(metric(&product, "sava_catalog_reloads_total{result=\"failed\"} 1").await);
    assert_eq!(product.get("/readyz").await.status(), 200);

    fs::remove_file(&path).expect("the file can be removed");
    product.logged("there is no db.json").await;
    until_title(&product, "Good").await;

    replace(&path, &db("Better"));
    until_title(&product, "Better").await;
    assert_ne!(json(product.get("/version").await).await["catalog"]["digest"], before["digest"]);
}

/// What has no end or never answers is refused, and neither reloads nor the end of the process wait for it.
#[tokio::test]
async fn other_than_a_regular_file_stops_nothing() {
    let directory = data(&db("Good"));
    let path = directory.path().join("db.json");
    let product = Product::start().data(directory.path()).await;
    let odd = directory.path().join("odd");
    assert!(std::process::Command::new("mkfifo").arg(&odd).status().expect("mkfifo runs").success());
    fs::rename(&odd, &path).expect("a FIFO can be renamed");
    product.logged("db.json: it is a FIFO, not a regular file").await;
    symlink("/dev/zero", &odd).expect("a link can be made");
    fs::rename(&odd, &path).expect("a link can be renamed");
    product.logged("db.json: it is a device, not a regular file").await;
    until_title(&product, "Good").await;

    replace(&path, &db("Better"));
    until_title(&product, "Better").await;

    assert!(std::process::Command::new("mkfifo").arg(&odd).status().expect("mkfifo runs").success());
    fs::rename(&odd, &path).expect("a FIFO can be renamed");
    assert_eq!(product.stop().await.code, Some(0));
}

#[tokio::test]
async fn an_empty_volume_means_the_embedded_catalog_until_a_file_appears() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let product = Product::start().data(directory.path()).await;
    product.logged("the catalog in the binary is served").await;
    assert_eq!(json(product.get("/version").await).await["catalog"]["source"], "embedded");
    fs::write(directory.path().join("db.json"), db("Mine")).expect("a file can be written");
    until_title(&product, "Mine").await;
}

/// `limits.memory` of its Deployment.
const MEMORY: u64 = 128 << 20;

/// A hundred thousand products, each with a sentence or two.
fn large_db(title: &str) -> String {
    let description = "A mug like the one before it, and yet not quite. ".repeat(2);
    let products: Vec<_> = (1..=100_000_u32)
        .map(|id| {
            let price = f64::from(id.wrapping_mul(2_654_435_761) % 100_000 + 1) / 100.0;
            let title = format!("{title} {id}");
            serde_json::json!({
                "id": id, "locale": "ie", "title": title, "description": description, "price": price, "category": "home"
            })
        })
        .collect();
    serde_json::json!({ "products": products }).to_string()
}

/// The variables that the image sets.
fn image_variables() -> Vec<(String, String)> {
    let dockerfile = fs::read_to_string(binaries::root().join("docker/Dockerfile")).expect("a Dockerfile");
    let (_, stage) = dockerfile.split_once("FROM scratch AS sava-product\n").expect("a stage of the image");
    let lines = stage.lines().take_while(|line| !line.starts_with("FROM "));
    let variables = lines.filter_map(|line| line.strip_prefix("ENV ")).flat_map(str::split_whitespace);
    variables
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn a_large_catalog_reloads_within_the_memory_of_the_manifests() {
    let directory = data(&large_db("Mug 0"));
    let mut start = Product::start();
    for (name, value) in image_variables() {
        start = start.env(name, value);
    }
    let product = start.data(directory.path()).await;
    let limit = MemoryLimit::new(MEMORY);
    limit.hold(product.process().id());
    for round in 1..=3 {
        replace(&directory.path().join("db.json"), &large_db(&format!("Mug {round}")));
        until_title(&product, &format!("Mug {round} 1")).await;
        let last = json(product.get("/products/ie/100000").await).await;
        assert_eq!(last["title"], format!("Mug {round} 100000"));
        // What is not a process any more has no peak.
        let peak = peak(product.process().id());
        assert!(peak < MEMORY, "{peak} bytes after reload {round}");
    }
}
