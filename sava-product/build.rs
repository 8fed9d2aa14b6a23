//! Embeds `data/`, so that the binary is a whole shop by itself.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    println!("cargo::rerun-if-changed={}", data.display());
    let mut names: Vec<String> = fs::read_dir(data.join("images"))
        .expect("data/images is a part of the source tree")
        .map(|entry| entry.expect("data/images can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "svg"))
        .collect();
    names.sort();
    let data = data.to_string_lossy().into_owned();
    let mut source =
        format!("pub(super) static DB: &[u8] = include_bytes!({:?});\n", data.clone() + "/db.json");
    source += "pub(super) static IMAGES: &[(&str, &[u8])] = &[\n";
    for name in names {
        let path = format!("{data}/images/{name}");
        writeln!(source, "    ({name:?}, include_bytes!({path:?})),").expect("a String takes all");
    }
    source += "];\n";
    let target = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&target).join("embedded.rs"), source).expect("OUT_DIR can be written");
}
