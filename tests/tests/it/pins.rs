//! What other people made and sava is built of, or runs beside: in one version each, until somebody raises it.

use std::{fs, path::PathBuf};

use regex_lite::Regex;
use sava_testbed::binaries::root;
use serde_json::Value;

fn read(file: &str) -> Value {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The folder where Dependabot looks for compose files, and those it finds there.
fn compose_files() -> Vec<PathBuf> {
    let updates = read(".github/dependabot.yml")["updates"].clone();
    let is_compose = |update: &&Value| update["package-ecosystem"] == "docker-compose";
    let update = updates.as_array().and_then(|updates| updates.iter().find(is_compose)).expect("an update");
    let folder = update["directory"].as_str().expect("a folder").trim_start_matches('/');
    // As `docker_compose/file_fetcher.rb` in dependabot-core has it.
    let name = Regex::new(r"^(docker-)?compose(-\w+)?(\.[\w-]+)?\.ya?ml$").expect("it is one");
    let entries = root().join(folder).read_dir().expect("a folder").map(|entry| entry.expect("an entry"));
    let is_found =
        |path: &PathBuf| path.file_name().is_some_and(|file| name.is_match(&file.to_string_lossy()));
    entries.map(|entry| entry.path()).filter(is_found).collect()
}

/// How an image is named: a variable that replaces it, and one version.
fn is_pinned(image: &str) -> bool {
    let pinned = Regex::new(r"^\$\{[A-Z]+_IMAGE:-[a-z/]+:v?\d+(\.\d+)+(-alpine)?\}$").expect("it is one");
    let default = image.split_once(":-").map_or("", |(_, default)| default);
    // PostgreSQL has two numbers: the minor ones are repairs alone.
    let n_numbers = if default.starts_with("postgres:") { 2 } else { 3 };
    pinned.is_match(image) && default.split('.').count() == n_numbers
}

#[test]
fn images_of_compose_are_of_one_version() {
    let mut images = Vec::new();
    for file in compose_files() {
        let services = read(&file.display().to_string())["services"].clone();
        for (name, service) in services.as_object().expect("services") {
            let image = service["image"].as_str().unwrap_or_default();
            // Ours have a variable for the release.
            if !image.is_empty() && !image.contains("/sava-") {
                assert!(is_pinned(image), "{name}: {image}");
                images.push(image.to_owned());
            }
        }
    }
    for image in ["haproxy:", "postgres:", "prometheus:", "grafana:", "jaeger:"] {
        assert!(images.iter().any(|it| it.contains(image)), "Dependabot does not see {image}");
    }
}

#[test]
fn other_names_are_not_one_version() {
    for image in [
        "haproxy:3.2.24-alpine",
        "${HAPROXY_IMAGE:-haproxy}",
        "${HAPROXY_IMAGE:-haproxy:latest}",
        "${HAPROXY_IMAGE:-haproxy:3.2-alpine}",
        "${POSTGRES_IMAGE:-postgres:17-alpine}",
    ] {
        assert!(!is_pinned(image), "{image}");
    }
}

/// One version of Rust is asked for everywhere: Dependabot raises none of them.
#[test]
fn the_image_that_compiles_has_the_version_of_the_manifest() {
    let read = |file: &str| fs::read_to_string(root().join(file)).expect("a file of the tree");
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    let image = format!("\nARG RUST_IMAGE=rust:{}-slim-", version.trim_matches('"'));
    assert!(read("docker/Dockerfile").contains(&image), "{image}");
}
