//! The documents say what is so.

use std::fmt::Write as _;

use sava_testbed::{Cart, Product, binaries};

/// A setting, as `--help` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    flag: String,
    variable: String,
    default: String,
    about: String,
}

/// The settings in a text of `--help`.
fn settings(help: &str) -> Vec<Setting> {
    let paragraphs = help.split("\n      --").skip(1);
    let settings = paragraphs.filter_map(|paragraph| {
        let (head, rest) = paragraph.split_once('\n')?;
        let flag = head.split_whitespace().next()?;
        // Until the next heading, which is not indented.
        let rest = rest.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
        let rest = rest.map(str::trim).collect::<Vec<_>>();
        let about = rest.iter().take_while(|line| !line.is_empty()).copied().collect::<Vec<_>>().join(" ");
        let value = |name: &str| {
            rest.iter().find_map(|line| line.strip_prefix(name)?.strip_suffix(']').map(str::to_owned))
        };
        let variable = value("[env: ").unwrap_or_default();
        Some(Setting {
            flag: format!("--{flag}"),
            variable: variable.split('=').next().unwrap_or_default().to_owned(),
            default: value("[default: ").unwrap_or_default(),
            about,
        })
    });
    settings.collect()
}

/// The table of the README.
async fn table() -> String {
    let product = settings(&Product::start().arg("--help").exit().await.output);
    let cart = settings(&Cart::start().arg("--help").exit().await.output);
    assert!(product.len() > 10 && cart.len() > 10, "{product:?} {cart:?}");
    let in_both = |setting: &Setting, other: &[Setting]| {
        other.iter().find(|it| it.flag == setting.flag && it.variable == setting.variable).cloned()
    };
    let mut table = String::from("| flag | environment | default | what |\n| --- | --- | --- | --- |\n");
    let mut row = |service: &str, setting: &Setting, default: String| {
        let default = default.split(", ").map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let default = if default == "``" { String::new() } else { default };
        let Setting { flag, variable, about, .. } = setting;
        let about = about.replace('|', "\\|");
        let _ = writeln!(table, "| {service}`{flag}` | `{variable}` | {default} | {about} |");
    };
    for setting in &product {
        if let Some(other) = in_both(setting, &cart).filter(|it| it.about == setting.about) {
            let default = if setting.default == other.default {
                setting.default.clone()
            } else {
                format!("{}, {}", setting.default, other.default)
            };
            row("", setting, default);
        } else {
            row("(product) ", setting, setting.default.clone());
        }
    }
    for setting in &cart {
        if in_both(setting, &product).is_none_or(|it| it.about != setting.about) {
            row("(cart) ", setting, setting.default.clone());
        }
    }
    table
}

#[tokio::test]
async fn settings_are_those_of_help() {
    let path = binaries::root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("there is a README");
    let (before, rest) = readme.split_once("<!-- settings -->\n").expect("it has the table");
    let (committed, after) = rest.split_once("<!-- /settings -->").expect("the table ends");
    let table = table().await;
    if std::env::var_os("SAVA_UPDATE").is_some() {
        let readme = format!("{before}<!-- settings -->\n{table}<!-- /settings -->{after}");
        std::fs::write(&path, readme).expect("the README can be written");
    } else {
        assert_eq!(committed, table, "SAVA_UPDATE=1 writes the table into the README");
    }
}

#[test]
fn links_lead_to_files() {
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(binaries::root().join(document)).expect("the document is there");
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let mut links = 0;
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(binaries::root().join(file).exists(), "{document} links to {target}, which is not there");
            links += 1;
        }
        assert!(links > 0, "{document} has links");
    }
}

/// It is on the way of everybody who comes, on phones too; and those who want no motion see a still one.
#[test]
fn first_picture_moves_and_is_light() {
    let readme = std::fs::read_to_string(binaries::root().join("README.md")).expect("there is a README");
    let first = readme.split_once("<picture>").and_then(|(_, rest)| rest.split_once("</picture>"));
    let (first, _) = first.expect("a picture with a choice");
    let name =
        |before: &str| first.split_once(before).and_then(|(_, rest)| rest.split('"').next()).expect(before);
    let read = |name: &str| std::fs::read(binaries::root().join(name)).expect(name);
    let moving = read(name("<img src=\""));
    let still = read(name("(prefers-reduced-motion: reduce)\" srcset=\""));
    // A chunk for each frame: https://developers.google.com/speed/webp/docs/riff_container.
    let frames = |picture: &[u8]| picture.windows(4).filter(|chunk| chunk == b"ANMF").count();
    assert!(frames(&moving) > 50 && frames(&still) == 0, "{} and {}", frames(&moving), frames(&still));
    assert!(moving.len() < 1_000_000, "{} bytes", moving.len());
    assert!(name("alt=\"").len() > 50, "who sees nothing is told what happens");
}

/// A signing key in the repository is a key that everybody has.
#[test]
fn no_runtime_file_is_in_the_tree() {
    let files = std::process::Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(binaries::root())
        .output()
        .expect("git lists the files");
    assert!(files.status.success(), "{}", String::from_utf8_lossy(&files.stderr));
    let files = String::from_utf8(files.stdout).expect("names are UTF-8");
    assert!(files.contains("Cargo.lock\0"), "the list is that of this repository");
    let runtime = ["db", "db-shm", "db-wal", "db-journal", "sqlite", "key", "pem", "log"];
    let found = files.split_terminator('\0').filter(|file| {
        let extension = file.rsplit('/').next().and_then(|name| name.split_once('.')).map(|(_, it)| it);
        extension
            .is_some_and(|extension| runtime.iter().any(|it| extension.split('.').any(|part| part == *it)))
    });
    assert_eq!(found.collect::<Vec<_>>(), [] as [&str; 0], "databases, keys and logs");
}

/// `a::b::name` is a test `name` in the file `a/b.rs`; a name of two parts or one may be a whole module.
#[test]
fn security_names_tests_that_there_are() {
    let root = binaries::root();
    let page = std::fs::read_to_string(root.join("SECURITY.md")).expect("the page of security");
    let areas: Vec<String> = std::fs::read_dir(root.join("tests/tests/it"))
        .expect("the tests")
        .map(|entry| entry.expect("a file").path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut names = 0;
    for name in page.split('`').skip(1).step_by(2) {
        let parts: Vec<_> = name.split("::").collect();
        if !areas.iter().any(|area| area == parts[0]) {
            continue;
        }
        names += 1;
        let file = |parts: &[&str]| root.join("tests/tests/it").join(parts.join("/")).with_extension("rs");
        let whole_module = file(&parts).exists();
        let (test, module) = parts.split_last().expect("a name has a part");
        let source = std::fs::read_to_string(file(module)).unwrap_or_default();
        assert!(whole_module || source.contains(&format!("fn {test}()")), "there is no test {name}");
    }
    assert!(names > 30, "only {names} tests are named");
}
