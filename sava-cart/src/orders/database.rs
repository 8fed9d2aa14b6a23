//! Where orders are kept, as a setting says it.

use std::{
    fmt,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

use super::tls::{Parameters, Tls};

/// How long the pools wait for a connection: shorter, so that their own errors, which say more, come first.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(6);

#[derive(Clone)]
pub enum Database {
    /// A file, for one replica; `None` is memory, for tests.
    Sqlite(Option<PathBuf>),
    /// A server, for several.
    Postgres(Box<PostgresServer>),
}

/// A PostgreSQL server, and how to connect to it.
#[derive(Clone)]
pub struct PostgresServer {
    pub(super) options: PgConnectOptions,
    /// `None` is a connection without it.
    pub(super) tls: Option<Tls>,
}

/// Says nothing of a password.
impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => formatter.debug_tuple("Sqlite").field(file).finish(),
            Self::Postgres(server) => formatter
                .debug_tuple("Postgres")
                .field(&server.options.get_host())
                .field(&server.tls)
                .finish(),
        }
    }
}

impl PostgresServer {
    /// Whether it is reached by its name or address, and not by a socket of this machine.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.options.get_socket().is_none() && !self.options.get_host().starts_with('/')
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
        const ENCODE: &str = "in USER and PASSWORD all but letters, digits and -._~!$&'()*+,;=: has to be \
                              percent-encoded: / as %2F, ? as %3F, # as %23, @ as %40, % as %25; @ also in what follows";
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
        if let Some(rest) = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")) {
            if !is_plain(rest) {
                return Err(format!("{TAKES}; {ENCODE}"));
            }
            let wrong = || format!("{TAKES}; this is not a URL of PostgreSQL");
            let parameters =
                Parameters::read(&Url::parse(url).map_err(|_| wrong())?, |name| std::env::var(name).ok())?;
            let mut server = PostgresServer { options: url.parse().map_err(|_| wrong())?, tls: None };
            // libpq does not look at sslmode for a socket either.
            if server.is_elsewhere() {
                server.tls = parameters.for_host(server.options.get_host())?;
            }
            return Ok(Self::Postgres(Box::new(server)));
        }
        Err(TAKES.to_owned())
    }
}

/// Whether user and password, in what follows the scheme of a URL, are encoded as they have to be (RFC 3986 §3.2.1).
/// With a `/`, `?` or `#` as it is, the URL would end its host within the password, whose tail would then be the name of
/// a database and stand in messages: so there may be no `@` behind the host either.
fn is_plain(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let is_user_plain = user.char_indices().all(|(at, c)| match c {
        '%' => {
            let digits = user.as_bytes().get(at + 1..at + 3);
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        }
        c => c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:".contains(c),
    });
    is_user_plain && !after.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_to_be_encoded() {
        for password in [
            "12/tail",
            "12?tail",
            "12#tail",
            "a@tail",
            "1@h/tail",
            "100%tail",
            "%zztail",
            "%4",
            "ä-tail",
            "a tail",
            "a[tail",
            "a\\tail",
            "a\"tail",
            "<tail>",
            "a^tail",
            "{tail}",
            "a|tail",
            "`tail`",
            "12/a@b/tail",
        ] {
            for scheme in ["postgres", "postgresql"] {
                let url = format!("{scheme}://shop:{password}@db/shop");
                let message = url.parse::<Database>().unwrap_err();
                assert!(message.contains("/ as %2F"), "{password}: {message}");
                assert!(!message.contains("tail") && !message.contains("12"), "{password}: {message}");
            }
        }
    }

    #[test]
    fn tls_is_what_sslmode_says() {
        let has_tls = |rest: &str| match format!("postgres://shop:s3cret@{rest}").parse() {
            Ok(Database::Postgres(server)) => Ok(server.tls.is_some()),
            Ok(other) => panic!("{other:?}"),
            Err(message) => Err(message),
        };
        for query in ["", "?sslmode=allow", "?sslmode=prefer", "?sslmode=require", "?sslrootcert=system"] {
            assert_eq!(has_tls(&format!("db/shop{query}")), Ok(true), "{query}");
            assert_eq!(has_tls(&format!("%2Frun%2Fpostgresql/shop{query}")), Ok(false), "{query}");
        }
        assert_eq!(has_tls("[::1]:5433/shop?sslmode=require"), Ok(true));
        assert_eq!(has_tls("shop_db/shop"), Ok(true));
        assert_eq!(has_tls("db/shop?sslmode=disable"), Ok(false));
        for (query, why) in [
            ("sslmode=verify-ca", "need sslrootcert"),
            ("sslmode=verify-full", "need sslrootcert"),
            ("sslmode=require&sslrootcert=system", "goes with sslmode=verify-full alone"),
        ] {
            let message = has_tls(&format!("db/shop?{query}")).unwrap_err();
            assert!(message.contains(why) && !message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn what_is_encoded_is_taken() {
        for url in [
            "postgres://shop:a%2Fb%3fc%23d%40e%25f@db/shop",
            "postgres://shop:a:b!$&'()*+,;=-._~@db:5433/shop?application_name=a/b",
            "postgres://shop@db/shop",
            "postgres://db",
            "postgres:///shop?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/shop",
            "postgresql://us%40er:s@[::1]:5432/shop",
        ] {
            assert!(matches!(url.parse(), Ok(Database::Postgres(_))), "{url}");
        }
    }
}
