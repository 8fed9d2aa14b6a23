//! Where a catalog comes from: the binary, or a data directory.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::{
    Catalog, StoreDraft,
    data_file::DataFile,
    embedded,
    mistake::{Mistake, Mistakes},
    pictures::Pictures,
    reader,
    store::StoresBuilder,
};
use crate::{disk::Disk, document::Tag};

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
pub(crate) struct Contents {
    name: String,
    /// The path of the data file, for messages.
    path: PathBuf,
    db: DataFile,
    pictures: Pictures,
    /// `sha256:` and the hash of the data file.
    digest: String,
}

impl Source {
    /// Loads the catalog.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong, in full.
    pub(crate) fn load(&self) -> Result<Catalog, LoadError> {
        self.read()?.parse()
    }

    /// Loads the catalog that a service starts with: a directory that is still empty, such as a new volume, means the
    /// embedded one, until a file appears.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong, in full.
    pub async fn load_to_start(&self, disk: &Disk) -> Result<Catalog, LoadError> {
        match self.read_from(disk).await.and_then(Contents::parse) {
            Err(LoadError::NoFile(directory)) => {
                let directory = directory.display();
                tracing::warn!(%directory, "there is no db.json; the catalog in the binary is served until there is");
                Self::Embedded.load()
            }
            loaded => loaded,
        }
    }

    /// Reads the files, with the limits of `disk`.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when the disk does not answer.
    pub(crate) async fn read_from(&self, disk: &Disk) -> Result<Contents, LoadError> {
        let source = self.clone();
        disk.run(move || source.read()).await.unwrap_or_else(|error| {
            let Self::Directory(directory) = self else { return self.read() };
            Err(LoadError::Unreadable(directory.join("db.json"), error))
        })
    }

    /// Reads the files.
    ///
    /// # Errors
    /// When something is not there or cannot be read.
    pub(crate) fn read(&self) -> Result<Contents, LoadError> {
        let mut pictures = Pictures::embedded(embedded::IMAGES);
        let (name, path, db) = match self {
            Self::Embedded => {
                ("embedded".to_owned(), PathBuf::from("data/db.json"), DataFile::embedded(embedded::DB))
            }
            Self::Directory(directory) => {
                let db = read_db(directory)?;
                let unreadable = |error| LoadError::Unreadable(directory.clone(), error);
                pictures.add_directory(directory).map_err(unreadable)?;
                (directory.display().to_string(), directory.join("db.json"), db)
            }
        };
        let digest = format!("sha256:{}", db.sha256);
        Ok(Contents { name, path, db, pictures, digest })
    }
}

fn read_db(directory: &Path) -> Result<DataFile, LoadError> {
    if !directory.is_dir() {
        return Err(LoadError::NoDirectory(directory.to_owned()));
    }
    let path = directory.join("db.json");
    DataFile::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::NoFile(directory.to_owned()),
        _ => LoadError::Unreadable(path, error),
    })
}

impl Contents {
    /// A data file of this text, with the pictures in the binary.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn of(db: &[u8]) -> Self {
        let db = DataFile::of(db);
        let digest = format!("sha256:{}", db.sha256);
        let pictures = Pictures::embedded(embedded::IMAGES);
        Self { name: "fuzz".to_owned(), path: PathBuf::from("db.json"), db, pictures, digest }
    }

    /// What tells this data from other data.
    #[must_use]
    pub(crate) fn version(&self) -> Tag {
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
    pub(crate) fn parse(self) -> Result<Catalog, LoadError> {
        let mistakes = |mistakes| LoadError::Mistakes(self.path.clone(), mistakes);
        if let Some(end) = self.db.end_of_utf8() {
            return Err(mistakes(not_utf8(&self.db, end)));
        }
        let stores = reader::read(&self.db, &self.pictures, &default_stores()).map_err(mistakes)?;
        let version = self.version();
        // Not needed any more, and the indexes that follow need room.
        drop(self.db);
        Ok(Catalog::new(stores.build(), self.pictures, self.name, self.digest, version))
    }
}

fn not_utf8(file: &DataFile, offset: usize) -> Mistakes {
    let place = file.places([offset]).remove(&offset).unwrap_or_default();
    let message = "is not UTF-8 text".to_owned();
    let column = place.characters_before + 1;
    Mistakes {
        reported: vec![Mistake { line: place.line, column, subject: None, field: None, message }],
        total: 1,
    }
}

/// The stores of the embedded data, by which a bare json-server file is understood.
fn default_stores() -> Vec<StoreDraft> {
    let pictures = Pictures::embedded(embedded::IMAGES);
    let stores = reader::read(&DataFile::embedded(embedded::DB), &pictures, &[]);
    stores.iter().flat_map(StoresBuilder::data).cloned().collect()
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// Whether the disk did not answer in time.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Self::Unreadable(_, error) if error.kind() == io::ErrorKind::TimedOut)
    }

    /// What is wrong, in a line.
    #[must_use]
    pub(crate) fn summary(&self) -> String {
        self.to_string().lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
    }

    /// Logs what is wrong, each mistake in a line of its own with its place in fields.
    pub(crate) fn log(&self, message: &str) {
        if let Self::Mistakes(path, mistakes) = self {
            for mistake in &mistakes.reported {
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
                for mistake in &mistakes.reported {
                    write!(formatter, "\n  {path}:{mistake}")?;
                }
                if mistakes.total > mistakes.reported.len() {
                    write!(formatter, "\n  and {} more", mistakes.total - mistakes.reported.len())?;
                }
                Ok(())
            }
        }
    }
}
