//! What is in the images.

use std::collections::BTreeSet;

use sava_testbed::docker::{docker_output, image, succeed};

use super::images;

#[test]
fn every_image_is_small() {
    for name in images() {
        let bytes = image(&name)["Size"].as_u64().expect("an image has a size");
        assert!(bytes < 10_000_000, "{name} has {bytes} bytes");
    }
}

#[test]
fn readme_tells_the_sizes() {
    let readme =
        std::fs::read_to_string(sava_testbed::binaries::root().join("README.md")).expect("the README");
    for name in [super::PRODUCT, super::CART] {
        let bytes = image(name)["Size"].as_f64().expect("an image has a size");
        let row = readme.lines().find_map(|line| line.strip_prefix(&format!("| `{name}` | ")));
        let documented =
            row.and_then(|row| row.split(" MB").next()).and_then(|size| size.parse::<f64>().ok());
        let documented =
            documented.unwrap_or_else(|| panic!("the README has no size of {name}: cargo xtask footprint"));
        // A commit may change it by a little before it is measured again.
        assert!(
            (documented - bytes / 1e6).abs() < 0.3,
            "{name}: {documented} MB in the README, and {bytes} bytes"
        );
    }
}

#[test]
fn labels_tell_release_and_source() {
    for name in images() {
        let image = image(&name);
        let label =
            |name: &str| image["Config"]["Labels"][format!("org.opencontainers.image.{name}")].clone();
        let (path, release) = name.rsplit_once(':').expect("a tag");
        let service = path.rsplit('/').next().expect("a name");
        assert_eq!(label("title"), service);
        assert_eq!(label("version"), release);
        assert_eq!(label("licenses"), "MIT OR Apache-2.0");
        let revision = succeed(std::process::Command::new("git").args(["rev-parse", "HEAD"]));
        assert!(
            label("revision").as_str().is_some_and(|label| label.starts_with(&revision)),
            "{label:?}",
            label = label("revision")
        );
        let created = succeed(
            std::process::Command::new("git")
                .args(["log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"])
                .env("TZ", "UTC"),
        );
        assert_eq!(label("created"), created);
        assert!(label("source").is_string());
    }
}

#[test]
fn user_volume_and_signal_are_set() {
    for name in images() {
        let config = image(&name)["Config"].clone();
        assert_eq!(config["User"], "65532:65532", "{name}");
        assert_eq!(config["StopSignal"], "SIGTERM", "{name}");
        assert!(config["Volumes"]["/data"].is_object(), "{name}: {}", config["Volumes"]);
        let ports = config["ExposedPorts"].as_object().map(|ports| ports.keys().cloned().collect::<Vec<_>>());
        let expected = match () {
            () if name.contains("sava-product") => Some(vec!["8080/tcp".to_owned()]),
            () if name.contains("sava-cart") => Some(vec!["3000/tcp".to_owned()]),
            () => None,
        };
        assert_eq!(ports, expected, "{name}");
    }
}

#[test]
fn root_holds_the_binary_and_data_only() {
    for name in images() {
        let service = name.rsplit('/').next().and_then(|name| name.split(':').next()).expect("a name");
        let folder = tempfile::tempdir().expect("a directory");
        let archive = folder.path().join("image.tar");
        docker_output(["save", "--output", &archive.display().to_string(), &name]);
        succeed(std::process::Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder.path()));
        let mut files = BTreeSet::new();
        for layer in layers(folder.path()) {
            let listing = succeed(std::process::Command::new("tar").arg("-tf").arg(layer));
            files.extend(
                listing
                    .lines()
                    .map(|line| line.trim_start_matches("./").to_owned())
                    .filter(|line| !line.is_empty()),
            );
        }
        assert_eq!(files, BTreeSet::from(["data/".to_owned(), service.to_owned()]), "{name}");
    }
}

/// The layers' archives in the folder of a saved image, as its manifest names them.
fn layers(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let manifest =
        std::fs::read_to_string(folder.join("manifest.json")).expect("a saved image has a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
    let layers = manifest[0]["Layers"].as_array().expect("an image has layers");
    layers.iter().map(|layer| folder.join(layer.as_str().expect("a path"))).collect()
}
