//! `sava-product check`: whether a data directory would load, for use in a pipeline.

use std::path::Path;

use crate::catalog::Source;

/// Loads the data in `directory` as the service would, and tells what is there.
///
/// # Errors
/// Everything that is wrong with it, each with its place.
#[expect(clippy::print_stdout, reason = "it is what the command is for")]
pub fn check(directory: &Path) -> anyhow::Result<()> {
    let catalog = Source::Directory(directory.to_owned()).load()?;
    println!("{} would load:", directory.display());
    for store in catalog.stores() {
        println!(
            "  {:<8} {:>7} products, {} ({})",
            store.data.locale,
            store.len(),
            store.data.name,
            store.data.currency.code()
        );
    }
    println!("  {}", catalog.digest);
    Ok(())
}
