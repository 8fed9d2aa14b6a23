//! Publishing to a real registry, and pulling back.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

use sava_testbed::{Process, binaries::releases, command, docker::docker_output, tools};
use serde_json::Value;
use tempfile::TempDir;

/// A registry with no users and no certificate, which Docker accepts on a loopback address.
struct Registry {
    address: String,
    _process: Process,
    _storage: TempDir,
}

impl Registry {
    fn start() -> Self {
        let storage = tempfile::tempdir().expect("a directory");
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("a bound port").to_string()
        };
        let config = storage.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{address}'}}\n",
            storage.path().join("data").display()
        );
        std::fs::write(&config, text).expect("the configuration is written");
        let mut serve = command("docker-registry");
        serve.arg("serve").arg(&config);
        let process = Process::spawn("docker-registry", serve);
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(Instant::now() < deadline, "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { address, _process: process, _storage: storage }
    }

    /// `cargo xtask publish` to this registry.
    fn publish(&self, output: &Path, options: &[&str]) -> Output {
        let mut publish = Command::new("cargo");
        publish.args(["xtask", "publish", "--registry", &self.address, "--output"]).arg(output).args(options);
        publish.current_dir(workspace()).output().expect("cargo starts")
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a member of the workspace")
}

#[tokio::test]
async fn images_are_published_and_pulled_by_digest() {
    let registry = Registry::start();
    let folder = tempfile::tempdir().expect("a directory");
    let published = registry.publish(folder.path(), &[]);
    let table = String::from_utf8_lossy(&published.stdout).into_owned();
    assert!(published.status.success(), "{table}{}", String::from_utf8_lossy(&published.stderr));

    let digests =
        std::fs::read_to_string(folder.path().join("digests.txt")).expect("the digests are written");
    assert_eq!(digests.lines().count(), super::images().len(), "{digests}");
    for line in digests.lines() {
        let (tag, digest) = line.split_once(' ').expect("a tag and a digest");
        docker_output(["pull", "--quiet", digest]);
        let id = |reference| docker_output(["image", "inspect", "--format", "{{.Id}}", reference]);
        assert_eq!(id(tag), id(digest));
        assert!(table.contains(digest.split_once('@').expect("a digest").1), "{table}");
    }
    // The tags that float are there too, and mean the newest good release.
    let id = |tag: &str| {
        let reference = format!("{}/vampio/sava-product:{tag}", registry.address);
        docker_output(["pull", "--quiet", &reference]);
        docker_output(["image", "inspect", "--format", "{{.Id}}", &reference])
    };
    assert_eq!(id("2"), id("2.0.1"));
    assert_eq!(id("2.0"), id("2.0.1"));
    assert_eq!(id("latest"), id("3.0.0"));

    let bill =
        std::fs::read_to_string(folder.path().join("sava-product.cdx.json")).expect("a bill of materials");
    let bill: Value = serde_json::from_str(&bill).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().expect("components");
    assert!(components.iter().any(|component| component["name"] == "axum"));
    let provenance = std::fs::read_to_string(folder.path().join("sava-product-2.0.1.provenance.json"))
        .expect("provenance");
    let provenance: Value = serde_json::from_str(&provenance).expect("JSON");
    let hash = provenance["subject"][0]["digest"]["sha256"].as_str().expect("a digest");
    assert!(digests.contains(hash), "{digests}");
}

#[tokio::test]
async fn tag_with_other_content_is_not_overwritten() {
    let registry = Registry::start();
    let folder = tempfile::tempdir().expect("a directory");
    let one = ["--service", "sava-product", "--release", "1.0.3"];
    let tag = format!("{}/vampio/sava-product:1.0.3", registry.address);
    docker_output(["tag", "vampio/sava-cart:1.0.5", &tag]);
    docker_output(["push", "--quiet", &tag]);
    let other = docker_output(["image", "inspect", "--format", "{{.Id}}", &tag]);

    let refused = registry.publish(folder.path(), &one);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{message}");
    assert!(message.contains(&tag) && message.contains("--force"), "{message}");
    assert_eq!(remote_id(&tag), other, "nothing was pushed");

    let forced = registry.publish(folder.path(), &[&one[..], &["--force"]].concat());
    assert!(forced.status.success(), "{}", String::from_utf8_lossy(&forced.stderr));
    assert_ne!(remote_id(&tag), other);
    // The same content again is not a conflict.
    let again = registry.publish(folder.path(), &one);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
}

/// The id of the image that the registry has under `tag`.
fn remote_id(tag: &str) -> String {
    docker_output(["rmi", tag]);
    docker_output(["pull", "--quiet", tag]);
    docker_output(["image", "inspect", "--format", "{{.Id}}", tag])
}

#[tokio::test]
async fn bake_file_has_the_same_images() {
    let file = workspace().join("docker/docker-bake.hcl");
    let parsed = tools::run("python-hcl2", "hcl2tojson", &[&file.display().to_string()]).await;
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    let bake: Value = serde_json::from_slice(&parsed.stdout).expect("a tree as JSON");
    let dockerfile = std::fs::read_to_string(workspace().join("docker/Dockerfile")).expect("the Dockerfile");
    let arguments = bake_block(&bake, "target", "release")["args"].as_object().expect("arguments");
    for argument in arguments.keys() {
        assert!(dockerfile.contains(&format!("\nARG {argument}=")), "the Dockerfile takes no {argument}");
    }
    let targets = &bake_block(&bake, "group", "default")["targets"];
    assert_eq!(texts(targets), ["sava-product", "sava-cart", "sava-contract", "sava-shoppers"]);
    for service in ["sava-product", "sava-cart"] {
        let target = bake_block(&bake, "target", service);
        assert_eq!(target["args"]["SERVICE"], format!("\"{service}\""));
        let mut baked = texts(&target["matrix"]["release"]);
        let prefix = format!("vampio/{service}:");
        let mut published: Vec<_> =
            super::images().iter().filter_map(|name| name.strip_prefix(&prefix)).map(str::to_owned).collect();
        let mut known = releases(service);
        for releases in [&mut baked, &mut published, &mut known] {
            releases.sort();
        }
        assert_eq!(baked, known, "docker-bake.hcl and {service}'s table of releases");
        assert_eq!(published, known, "cargo xtask publish and {service}'s table of releases");
    }
}

/// A block of the bake file by its kind and label; hcl2tojson keeps the quotes.
fn bake_block<'a>(bake: &'a Value, kind: &str, label: &str) -> &'a Value {
    let blocks = bake[kind].as_array().expect("blocks of that kind");
    let block = blocks.iter().find_map(|block| block.get(format!("\"{label}\"")));
    block.unwrap_or_else(|| panic!("there is no {kind} {label} in {bake}"))
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().expect("a list").iter().filter_map(Value::as_str);
    texts.map(|text| text.trim_matches('"').to_owned()).collect()
}
