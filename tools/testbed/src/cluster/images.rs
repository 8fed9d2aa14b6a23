//! What is "in the registry": which program of this machine an image's name stands for.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use rustix::process::Signal;
use serde_json::Value;

use crate::binaries;

/// The images that can be pulled, whatever registry and organization stand before the name; the services' have a tag for
/// each of their releases.
const REGISTRY: &[(&str, &[&str])] = &[
    ("sava-product", &[]),
    ("sava-cart", &[]),
    ("sava-shoppers", &["3.0.0"]),
    ("busybox", &["1.37"]),
    ("postgres", &["17"]),
];

fn is_release(service: &'static str, tag: &str) -> bool {
    static RELEASES: Mutex<BTreeMap<&str, Vec<String>>> = Mutex::new(BTreeMap::new());
    let mut releases = RELEASES.lock().expect("no holder of this lock panics");
    releases.entry(service).or_insert_with(|| binaries::releases(service)).iter().any(|it| it == tag)
}

/// An image that could be pulled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image {
    name: &'static str,
    tag: String,
}

impl Image {
    /// `None` where a registry would not know it.
    pub(super) fn pull(reference: &str) -> Option<Self> {
        let last = reference.rsplit('/').next()?;
        let (name, tag) = last.split_once(':')?;
        let (name, tags) = REGISTRY.iter().find(|(it, _)| *it == name)?;
        (tags.contains(&tag) || tags.is_empty() && is_release(name, tag))
            .then(|| Self { name, tag: tag.to_owned() })
    }

    /// The variables that the image itself sets.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        let settings: &[(&str, &str)] = match self.name {
            "sava-product" => {
                &[("LISTEN", "[::]:8080"), ("ADMIN_LISTEN", "127.0.0.1:8081"), ("DATA_DIR", "/data")]
            }
            "sava-cart" => &[
                ("LISTEN", "[::]:3000"),
                ("ADMIN_LISTEN", "127.0.0.1:3081"),
                ("DATABASE_URL", "sqlite:/data/sava-cart.db"),
                ("PRODUCT_SERVICE_ADDR", "http://sava-product:9070"),
            ],
            "postgres" => &[("PGLISTEN", "0.0.0.0:5432")],
            _ => &[],
        };
        let mut settings: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        if self.name.starts_with("sava-") {
            settings.push(("SAVA_RELEASE".to_owned(), self.tag.clone()));
        }
        settings
    }

    /// The signal that asks it to end.
    pub(super) fn stop_signal(&self) -> Signal {
        if self.name == "postgres" { Signal::INT } else { Signal::TERM }
    }

    /// The process that a container of this image is; it ends with the tests, whatever happens.
    pub(super) fn command(&self, container: &Value, directory: &Path) -> Command {
        let strings = |field: &str| -> Vec<String> {
            let items = container[field].as_array().into_iter().flatten();
            items.filter_map(|it| it.as_str().map(ToOwned::to_owned)).collect()
        };
        let (own, arguments) = (strings("command"), strings("args"));
        match self.name {
            // busybox stands for the commands of this machine.
            "busybox" => {
                let mut words = own.into_iter().chain(arguments);
                let mut command = crate::command(words.next().unwrap_or_else(|| "true".to_owned()));
                command.args(words);
                command
            }
            "postgres" => {
                let mut command = crate::command("sh");
                command.args(["-c", include_str!("postgres.sh"), "postgres"]).arg(directory);
                command
            }
            name => {
                let mut command = crate::command(binaries::path(name));
                command.args(arguments);
                command
            }
        }
    }
}
