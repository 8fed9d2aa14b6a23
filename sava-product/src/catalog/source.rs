//! Where a catalog comes from: the binary, or a data directory.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{
    Catalog, StoreDraft, embedded,
    mistake::{Mistake, Mistakes},
    pictures::Pictures,
    reader,
    store::Store,
};
use crate::document::Tag;

/// The largest data file, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// Where a catalog comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The copy of `data/` in the binary.
    Embedded,
    /// A directory with `db.json` and, perhaps, `images/`.
    Directory(PathBuf),
}

/// Why no catalog could be loaded.
#[derive(Debug)]
pub enum LoadError {
    /// There is no such directory.
    NoDirectory(PathBuf),
    /// The directory has no `db.json`.
    NoFile(PathBuf),
    /// Something cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The data file is wrong.
    Mistakes(PathBuf, Mistakes),
}

/// A data file and all pictures, read but not understood yet.
pub struct Contents {
    name: String,
    /// The path of the data file, for messages.
    path: PathBuf,
    db: Bytes,
    pictures: Pictures,
    /// `sha256:` and the hash of the data file.
    digest: String,
}

impl Source {
    /// Loads the catalog.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong, in full.
    pub fn load(&self) -> Result<Catalog, LoadError> {
        self.read()?.parse()
    }

    /// Loads the catalog that a service starts with: a directory that is still empty, such as a new volume, means the
    /// embedded one, until a file appears.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong, in full.
    pub fn load_to_start(&self) -> Result<Catalog, LoadError> {
        match self.load() {
            Err(LoadError::NoFile(directory)) => {
                let directory = directory.display();
                tracing::warn!(%directory, "there is no db.json; the catalog in the binary is served until there is");
                Self::Embedded.load()
            }
            loaded => loaded,
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// When something is not there or cannot be read.
    pub fn read(&self) -> Result<Contents, LoadError> {
        let mut pictures = Pictures::embedded(embedded::IMAGES);
        let (name, path, db) = match self {
            Self::Embedded => {
                ("embedded".to_owned(), PathBuf::from("data/db.json"), Bytes::from_static(embedded::DB))
            }
            Self::Directory(directory) => {
                let db = read_db(directory)?;
                let unreadable = |error| LoadError::Unreadable(directory.clone(), error);
                pictures.add_directory(directory).map_err(unreadable)?;
                (directory.display().to_string(), directory.join("db.json"), db)
            }
        };
        let digest = hex::encode(Sha256::digest(&db));
        Ok(Contents { name, path, db, pictures, digest: format!("sha256:{digest}") })
    }
}

fn read_db(directory: &Path) -> Result<Bytes, LoadError> {
    if !directory.is_dir() {
        return Err(LoadError::NoDirectory(directory.to_owned()));
    }
    let path = directory.join("db.json");
    let read = || {
        let length = fs::metadata(&path)?.len();
        if length > MAX_BYTES {
            let message = format!("it has {length} bytes; the most is {MAX_BYTES}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        fs::read(&path)
    };
    read().map(Bytes::from).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::NoFile(directory.to_owned()),
        _ => LoadError::Unreadable(path, error),
    })
}

impl Contents {
    /// What tells this data from other data.
    #[must_use]
    pub fn version(&self) -> Tag {
        Tag::of_pieces(|feed| {
            feed(self.name.as_bytes());
            feed(self.digest.as_bytes());
            feed(self.pictures.digest().as_bytes());
        })
    }

    /// Makes the catalog.
    ///
    /// # Errors
    /// When the data file is wrong.
    pub fn parse(self) -> Result<Catalog, LoadError> {
        // Windows editors begin files with a byte order mark.
        let bytes = self.db.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.db);
        let mistakes = |mistakes| LoadError::Mistakes(self.path.clone(), mistakes);
        let text = std::str::from_utf8(bytes).map_err(|error| mistakes(not_utf8(bytes, error)))?;
        let shelves = reader::read(text, &self.pictures, &default_stores()).map_err(mistakes)?;
        let stores = shelves.into_iter().map(|(store, drafts)| Store::new(store, &drafts)).collect();
        let version = self.version();
        Ok(Catalog::new(stores, self.pictures, self.name, self.digest, version))
    }
}

fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Mistakes {
    let before = &bytes[..error.valid_up_to()];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
    let line = String::from_utf8_lossy(before).matches('\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    let message = "is not UTF-8 text".to_owned();
    Mistakes { told: vec![Mistake { line, column, subject: None, field: None, message }], total: 1 }
}

/// The stores of the embedded data, by which a bare json-server file is understood.
fn default_stores() -> Vec<StoreDraft> {
    let text = std::str::from_utf8(embedded::DB).unwrap_or_default();
    let pictures = Pictures::embedded(embedded::IMAGES);
    let shelves = reader::read(text, &pictures, &[]).unwrap_or_default();
    shelves.into_iter().map(|(store, _)| store).collect()
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// What is wrong, in a line.
    #[must_use]
    pub fn summary(&self) -> String {
        self.to_string().lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
    }

    /// Logs what is wrong, each mistake in a line of its own with its place in fields.
    pub fn log(&self, message: &str) {
        if let Self::Mistakes(path, mistakes) = self {
            for mistake in &mistakes.told {
                tracing::error!(
                    file = %path.display(),
                    line = mistake.line,
                    column = mistake.column,
                    subject = mistake.subject,
                    field = mistake.field,
                    "{}",
                    mistake.message
                );
            }
        }
        tracing::error!(error = self.summary(), "{message}");
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory(path) => write!(
                formatter,
                "there is no data directory {}; give another with --data or DATA_DIR, or none for the catalog in \
                 the binary",
                path.display()
            ),
            Self::NoFile(path) => write!(formatter, "there is no db.json in {}", path.display()),
            Self::Unreadable(path, error) => write!(formatter, "cannot read {}: {error}", path.display()),
            Self::Mistakes(path, mistakes) => {
                let path = path.display();
                let plural = if mistakes.total == 1 { "mistake" } else { "mistakes" };
                write!(formatter, "{path} has {} {plural}:", mistakes.total)?;
                for mistake in &mistakes.told {
                    write!(formatter, "\n  {path}:{mistake}")?;
                }
                if mistakes.total > mistakes.told.len() {
                    write!(formatter, "\n  and {} more", mistakes.total - mistakes.told.len())?;
                }
                Ok(())
            }
        }
    }
}
