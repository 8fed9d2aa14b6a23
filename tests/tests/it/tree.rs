//! The tree itself: no circle among the modules of a crate, and no file that is too long to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sava_testbed::binaries::root;
use syn::{
    Attribute, Item, UseTree, Visibility,
    visit::{self, Visit},
};

/// Lines of code, without blank ones, comments and tests.
const LONGEST: usize = 400;

/// Where a file that is longer says why, in a comment among its first lines.
const REASON: &str = "Longer than others: ";

type Name = Vec<String>;

/// A file of a crate: a module, and the modules in braces within it.
#[derive(Default)]
struct Module {
    /// Each path that it names, as it is written.
    paths: Vec<Name>,
    /// What it passes on under its own name: `pub use`.
    exports: BTreeMap<String, Name>,
    children: BTreeSet<String>,
}

impl Module {
    fn read(text: &str) -> Self {
        let mut module = Self::default();
        module.visit_file(&syn::parse_file(text).expect("it compiles"));
        module
    }

    fn import(&mut self, tree: &UseTree, prefix: &Name, passes_on: bool) {
        let with = |name: &syn::Ident| prefix.iter().cloned().chain([name.to_string()]).collect::<Name>();
        let (path, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), passes_on),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, prefix, passes_on));
            }
            UseTree::Glob(_) => (prefix.clone(), "*".to_owned()),
            UseTree::Name(name) if name.ident == "self" => {
                (prefix.clone(), prefix.last().cloned().unwrap_or_default())
            }
            UseTree::Name(name) => (with(&name.ident), name.ident.to_string()),
            UseTree::Rename(rename) => (with(&rename.ident), rename.rename.to_string()),
        };
        if passes_on {
            self.exports.insert(name, path);
        } else {
            self.paths.push(path);
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let is_cfg_test = |it: &Attribute| {
        it.path().is_ident("cfg") && it.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
    };
    attributes.iter().any(is_cfg_test)
}

impl<'a> Visit<'a> for Module {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            Item::Mod(it) if is_test(&it.attrs) => {}
            Item::Mod(it) if it.content.is_none() => {
                self.children.insert(it.ident.to_string());
            }
            Item::Use(it) if is_test(&it.attrs) => {}
            Item::Use(it) => {
                let passes_on = !matches!(it.vis, Visibility::Inherited);
                self.import(&it.tree, &Name::new(), passes_on);
            }
            _ => visit::visit_item(self, item),
        }
    }

    /// `pub(crate)` names the crate, and uses nothing of it.
    fn visit_visibility(&mut self, _: &'a Visibility) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.paths.push(path.segments.iter().map(|it| it.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}

/// The modules of a crate by their names; its root has none.
#[derive(Default)]
struct Crate(BTreeMap<Name, Module>);

impl Crate {
    /// Reads the crate whose root is `file`.
    fn read(file: &Path) -> Self {
        let mut read = Self::default();
        read.add(Name::new(), file, file.parent().expect("a file is in a folder"));
        read
    }

    fn add(&mut self, name: Name, file: &Path, folder: &Path) {
        let module =
            Module::read(&fs::read_to_string(file).unwrap_or_else(|it| panic!("{}: {it}", file.display())));
        for child in &module.children {
            let name = name.iter().cloned().chain([child.clone()]).collect();
            let beside = folder.join(format!("{child}.rs"));
            self.add(name, &beside, &folder.join(child));
        }
        self.0.insert(name, module);
    }

    /// The module that has what `path` names, seen from `module`; `None` where that is in another crate, or a name
    /// that `module` has itself.
    fn home(&self, module: &Name, path: &[String], steps: usize) -> Option<Name> {
        let (mut at, mut rest) = match path.first()?.as_str() {
            "crate" => (Name::new(), &path[1..]),
            "self" => (module.clone(), &path[1..]),
            "super" => (module[..module.len().checked_sub(1)?].to_vec(), &path[1..]),
            first => (self.0.get(module)?.children.contains(first).then(|| module.clone())?, path),
        };
        while let [first, others @ ..] = rest {
            let here = self.0.get(&at)?;
            if first == "super" {
                at.pop();
            } else if here.children.contains(first) {
                at.push(first.clone());
            } else if let Some(export) = here.exports.get(first).filter(|_| steps > 0) {
                return self.home(&at, export, steps - 1).or(Some(at));
            } else {
                break;
            }
            rest = others;
        }
        Some(at)
    }

    /// The modules that each module uses. What a part uses of the whole around it does not count: it is written in
    /// that whole's terms, and sees even what is private there.
    fn uses(&self) -> BTreeMap<&Name, BTreeSet<Name>> {
        let of = |name, module: &Module| {
            let homes = module.paths.iter().filter_map(|path| self.home(name, path, 8));
            homes.filter(|home| !name.starts_with(home)).collect()
        };
        self.0.iter().map(|(name, module)| (name, of(name, module))).collect()
    }

    /// Modules that use one another by way of others, as far as there are any: what is left when those that use
    /// nothing of the rest, or that nothing of the rest uses, have been taken away one by one.
    fn circle(&self) -> Vec<String> {
        let mut uses = self.uses();
        loop {
            let names = uses.keys().map(|name| (*name).clone()).collect::<BTreeSet<_>>();
            let targets = uses.values().flatten().cloned().collect::<BTreeSet<_>>();
            let n_modules = uses.len();
            uses.retain(|name, uses| targets.contains(*name) && !uses.is_disjoint(&names));
            for uses in uses.values_mut() {
                uses.retain(|it| names.contains(it));
            }
            if uses.len() == n_modules {
                break;
            }
        }
        let written = |name: &Name| if name.is_empty() { "crate".to_owned() } else { name.join("::") };
        let line = |(name, uses): (&&Name, &BTreeSet<Name>)| {
            format!("{} uses {}", written(name), uses.iter().map(written).collect::<Vec<_>>().join(", "))
        };
        uses.iter().map(line).collect()
    }
}

/// The folders of the workspace's crates.
fn crates() -> Vec<PathBuf> {
    let folders = |parent: &Path| {
        let entries = fs::read_dir(parent).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.join("Cargo.toml").is_file()).collect::<Vec<_>>()
    };
    [folders(root()), folders(&root().join("tools"))].concat()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let of = |path: PathBuf| {
        if path.is_dir() {
            files(&path, ending)
        } else {
            path.extension().is_some_and(|it| it == ending).then_some(path).into_iter().collect()
        }
    };
    entries.flat_map(|entry| of(entry.expect("an entry").path())).collect()
}

#[test]
fn no_crate_has_a_circle() {
    let mut n_crates = 0;
    let mut circles = String::new();
    for folder in crates() {
        for file in
            ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file)).iter().filter(|it| it.is_file())
        {
            n_crates += 1;
            for line in Crate::read(file).circle() {
                let _ = writeln!(circles, "{}: {line}", file.display());
            }
        }
    }
    assert_eq!(circles, "", "modules that use one another");
    assert!(n_crates > 5, "the crates were not found");
}

#[test]
fn planted_circle_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let plant = |file: &str, text: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        fs::write(path, text).expect("it is written");
    };
    plant("lib.rs", "mod cart;\nmod checkout;\nmod money;\nmod orders;\npub use orders::Order;\n");
    plant("money.rs", "pub struct Money;\n");
    plant("cart.rs", "use crate::{money::Money, Order};\npub struct Cart(Money, Option<Order>);\n");
    plant("orders.rs", "mod row;\npub struct Order(row::Row);\n");
    plant("orders/row.rs", "pub struct Row(u8);\n");
    let test = "#[cfg(test)]\nmod tests {\n    use crate::cart::Cart;\n}\n";
    plant("checkout.rs", &format!("use crate::cart::Cart;\npub struct Checkout(Cart);\n{test}"));
    let circle = || Crate::read(&folder.path().join("lib.rs")).circle();
    assert_eq!(circle(), [""; 0]);
    plant("orders/row.rs", "pub struct Row(super::super::checkout::Checkout);\n");
    assert_eq!(
        circle(),
        ["cart uses orders", "checkout uses cart", "orders uses orders::row", "orders::row uses checkout"]
    );
}

/// cargo-fuzz finds a target by its file and its name in the manifest; the unit tests find it by its corpus.
#[test]
fn each_fuzz_target_has_a_corpus_and_a_test() {
    let root = root();
    let read = |file: &str| fs::read_to_string(root.join(file)).expect("a file of the tree");
    let between = |text: &str, before: &str| -> BTreeSet<String> {
        let ends = text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
        ends.map(str::to_owned).collect()
    };
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).expect("a folder of the tree");
        let name =
            |entry: fs::DirEntry| entry.path().file_stem().expect("a name").to_string_lossy().into_owned();
        entries.map(|entry| name(entry.expect("an entry"))).collect()
    };
    let targets = listed("fuzz/fuzz_targets");
    assert!(targets.len() > 5, "{targets:?}");
    assert_eq!(listed("fuzz/corpus"), targets);
    assert_eq!(between(&read("fuzz/Cargo.toml"), "[[bin]]\nname = \""), targets);
    let tests = ["sava-product/src/fuzz.rs", "sava-cart/src/fuzz.rs"].map(read).concat();
    assert_eq!(between(&tests, "try_all(\""), targets);
}

/// Nothing else asks for it: whoever changes the dependencies of a crate here builds this workspace, and not that one.
#[test]
fn what_the_fuzz_targets_are_built_with_is_locked() {
    let manifest = root().join("fuzz/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1", "--manifest-path"])
        .arg(&manifest)
        .output()
        .expect("cargo runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}\ncargo metadata --manifest-path fuzz/Cargo.toml locks it anew");
}

/// Cargo reads the manifests of the whole workspace, whatever is built.
#[test]
fn images_are_built_with_every_manifest() {
    let let_in =
        fs::read_to_string(root().join("docker/Dockerfile.dockerignore")).expect("a file of the tree");
    // A workspace of its own.
    for folder in crates().into_iter().filter(|it| !it.ends_with("fuzz")) {
        let folder = folder.strip_prefix(root()).expect("below the root").display();
        let lines = [format!("!{folder}/"), format!("!{folder}/Cargo.toml")];
        assert!(let_in.lines().any(|line| lines.iter().any(|it| it == line)), "{folder} is left out");
    }
}

/// Lines of code before the tests that stand at the end of a file.
fn length(text: &str) -> usize {
    let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//")).count()
}

#[test]
fn no_file_is_long_without_a_reason() {
    let mut long = Vec::new();
    for folder in crates() {
        let sources = files(&folder.join("src"), "rs").into_iter().chain(files(&folder.join("assets"), "js"));
        for file in sources {
            let text = fs::read_to_string(&file).expect("a source");
            let has_reason = text.lines().take(12).any(|line| line.contains(REASON));
            if length(&text) > LONGEST && !has_reason && file.file_name().is_none_or(|it| it != "tests.rs") {
                long.push(format!("{}: {} lines of code", file.display(), length(&text)));
            }
        }
    }
    assert!(long.is_empty(), "cut these, or say \"{REASON}…\" above:\n{}", long.join("\n"));
}

#[test]
fn length_is_that_of_code() {
    let text = "//! A module.\n\nfn one() {}\n// Why.\nfn two() {}\n\n#[cfg(test)]\nmod tests {\n    fn three() {}\n}\n";
    assert_eq!(length(text), 2);
}
