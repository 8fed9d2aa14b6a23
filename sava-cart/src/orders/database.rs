//! Where orders are kept, as a setting says it.

use std::{
    fmt,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use sqlx::postgres::PgConnectOptions;

/// How long the pools wait for a connection: shorter, so that their own errors, which say more, come first.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(6);

#[derive(Clone)]
pub enum Database {
    /// A file, for one replica; `None` is memory, for tests.
    Sqlite(Option<PathBuf>),
    /// A server, for several.
    Postgres(Box<PgConnectOptions>),
}

/// Says nothing of a password.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => formatter.debug_tuple("Sqlite").field(file).finish(),
            Self::Postgres(options) => formatter.debug_tuple("Postgres").field(&options.get_host()).finish(),
        }
    }
}

impl Database {
    /// The file that it is; `None` for a server, and for memory.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => file.as_deref(),
            Self::Postgres(_) => None,
        }
    }

    /// Makes the directory of the file, for its owner alone. Where that cannot be done the log says why; that no order
    /// can be written shows when one is.
    pub fn make_directory(&self) {
        let Some(directory) = self.file().and_then(Path::parent) else { return };
        if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(directory) {
            tracing::warn!(
                %error,
                directory = %directory.display(),
                "the directory for orders cannot be made; set DATABASE_URL"
            );
        }
    }
}

impl FromStr for Database {
    type Err = String;

    /// Reads `sqlite:FILE`, `sqlite://FILE`, `sqlite::memory:`, `postgres://…` and `postgresql://…`. The message of
    /// an error holds nothing of the text, which may hold a password.
    fn from_str(url: &str) -> Result<Self, String> {
        const TAKES: &str = "takes sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE";
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let file = rest.strip_prefix("//").unwrap_or(rest);
            let file = file.split('?').next().unwrap_or_default();
            return match file {
                "" => Err(format!("{TAKES}; there is no file in it")),
                ":memory:" => Ok(Self::Sqlite(None)),
                file => Ok(Self::Sqlite(Some(PathBuf::from(file)))),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = url.parse::<PgConnectOptions>();
            return options
                .map(|options| Self::Postgres(Box::new(options)))
                .map_err(|_| format!("{TAKES}; this is not a URL of PostgreSQL"));
        }
        Err(TAKES.to_owned())
    }
}
