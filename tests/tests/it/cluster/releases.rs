//! The tutorial's manifests of releases: one for each, and all alike.

use std::path::Path;

use sava_testbed::binaries::{releases, root};

use super::rendered::{parsed, tutorial};

#[test]
fn a_release_is_its_name_label_and_tag() {
    for file in tutorial() {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a manifest");
        let Some(found) = parsed(&name, &text).into_iter().find(|it| it.kind() == "Deployment") else {
            continue;
        };
        let Some(version) = found.object["metadata"]["labels"]["version"].as_str() else { continue };
        assert_eq!(found.object["metadata"]["name"], name.as_str());
        assert!(name.contains(version), "{name}");
        let image = found.containers().next().expect("a container")["image"].clone();
        let app = found.object["metadata"]["labels"]["app"].as_str().expect("an app");
        assert_eq!(image, format!("vampio/{app}:{version}"));
    }
}

/// What a manifest of the tutorial is without its first line, a comment, and without its release and its country.
fn without_release(file: &Path) -> String {
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(file).expect("a manifest");
    let (_comment, manifest) = text.split_once('\n').expect("a comment first");
    let object = parsed(&name, manifest).remove(0).object;
    // What a release needs of those before it is its own.
    let manifest = match (manifest.split_once("  annotations:\n"), manifest.split_once("\nspec:")) {
        (Some((head, _)), Some((_, spec))) => format!("{head}spec:{spec}"),
        _ => manifest.to_owned(),
    };
    let labels = &object["metadata"]["labels"];
    let version = labels["version"].as_str().expect("a version");
    let manifest = manifest.replace(version, "VERSION");
    let Some(country) = labels["locale"].as_str() else { return manifest };
    let manifest = manifest.replace(&format!("VERSION-{}", country.to_lowercase()), "VERSION-COUNTRY");
    let mut lines: Vec<_> = manifest.lines().map(ToOwned::to_owned).collect();
    for index in 0..lines.len() {
        let is_locale = lines[index].trim_start().starts_with("locale: ");
        if is_locale || index > 0 && lines[index - 1].ends_with("- name: LOCALE") {
            lines[index] = lines[index].replace(country, "COUNTRY");
        }
    }
    lines.join("\n")
}

#[test]
fn releases_of_a_service_differ_in_nothing_but_the_release() {
    // The first store fronts have their orders in a file, and so one pod; the later ones in the database.
    for (first, others) in [
        ("sava-product-1.0.3", &["sava-product-"][..]),
        ("sava-cart-1.0.5-ie", &["sava-cart-1."]),
        ("sava-cart-2.0.4-ie", &["sava-cart-2.", "sava-cart-3."]),
    ] {
        let expected = without_release(&root().join(format!("k8s/tutorial/{first}.yml")));
        let files = tutorial().into_iter().filter(|file| {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            others.iter().any(|it| name.starts_with(it)) && !name.contains("svc")
        });
        let mut n_files = 0;
        for file in files {
            n_files += 1;
            assert_eq!(without_release(&file), expected, "{}", file.display());
        }
        assert!(n_files > 1, "{first} is alone");
    }
}

#[test]
fn every_release_has_a_manifest() {
    for service in ["sava-product", "sava-cart"] {
        for release in releases(service) {
            let prefix = format!("{service}-{release}");
            let has_one = tutorial().iter().any(|file| {
                let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
                name == prefix || name.starts_with(&format!("{prefix}-"))
            });
            assert!(has_one, "no manifest of {service} {release}");
        }
    }
}
