//! Tables of the documentation that are made by trying.

use sava_testbed::binaries;

/// The table that begins with `heading` in a file of the repository is `table`; with `SAVA_TESTS_WRITE` set it is made to
/// be.
#[track_caller]
pub(crate) fn has_table(file: &str, heading: &str, table: &str) {
    let path = binaries::root().join(file);
    let text = std::fs::read_to_string(&path).expect("a file of the repository can be read");
    let start = text.find(heading).expect("the document has the table");
    let end = text[start..].find("\n\n").map_or(text.len(), |length| start + length + 1);
    if std::env::var_os("SAVA_TESTS_WRITE").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..start], &text[end..]))
            .expect("it can be written");
    } else {
        assert_eq!(&text[start..end], table, "{file}");
    }
}
