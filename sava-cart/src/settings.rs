//! The settings of the store front: each a flag and an environment variable, read once, at start.

use std::{ffi::OsString, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use reqwest::Url;
use sava_service::settings::ServiceSettings;

use crate::{
    authorities::Authorities,
    checkout_limit::CheckoutQuota,
    client,
    cookies::key::Key,
    marks::PresenterKey,
    orders::Database,
    product_service::PreviewRelease,
    release::{self, Release},
};

/// The store front of the shop
#[derive(Parser, Clone, Debug)]
#[command(name = "sava-cart", version = release::DEFAULT, max_term_width = 100)]
pub struct Settings {
    /// Release of the store front; `help` lists them
    #[arg(long, env = "SAVA_RELEASE", default_value = release::DEFAULT, value_parser = Release::find)]
    pub release: &'static Release,

    /// The locale of the store that this process serves, such as ie or uk
    #[arg(long, env = "LOCALE", default_value = "ie", value_parser = StoreCode::from_str)]
    pub locale: StoreCode,

    /// The URL of the product service, by http or https; may have a path
    #[arg(long, env = "PRODUCT_SERVICE_ADDR", default_value = "http://sava-product:9070", value_parser = product_service)]
    pub product_service: Url,

    /// A PEM file with the certificates of those who may sign that of an https product service [default: the public
    /// authorities]
    #[arg(long, env = "PRODUCT_SERVICE_CA", value_parser = Authorities::of_file)]
    pub product_service_ca: Option<Authorities>,

    /// Releases that a request may ask for by X-Sava-Preview, separated by commas: it is passed on to the product service,
    /// for a router to send it there, and the page says so. The header is ignored for any other [default: none]. Whoever
    /// can send it sees that release: take it from strangers in front
    #[arg(long, env = "PREVIEW_RELEASES", value_delimiter = ',', value_parser = PreviewRelease::from_str)]
    pub preview_releases: Vec<PreviewRelease>,

    /// The path that the store front is under, where nothing strips it
    #[arg(long, env = "BASE_PATH", default_value = "/", value_parser = base_path)]
    pub base_path: String,

    /// The name of the shop, in the header of its pages
    #[arg(long, env = "TITLE", default_value = "sava", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub title: String,

    /// Where orders are kept: `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`, percent-encoded, with `sslmode`
    /// and `sslrootcert` for TLS [default: the file `sava/sava-cart.db` in `$XDG_STATE_HOME`, or else in
    /// `~/.local/state`]
    #[arg(long = "database", env = "DATABASE_URL", hide_env_values = true, value_parser = Database::from_str)]
    pub database: Option<Database>,

    /// The key that signs cookies: 64 random bytes in hex or base64 [default: made once, beside the SQLite database]
    #[arg(long, env = "COOKIE_KEY", hide_env_values = true, value_parser = Key::parse)]
    pub cookie_key: Option<Key>,

    /// The URL that shoppers use: needed where a proxy changes Host, or else forms are refused; with https, cookies are
    /// Secure; previews of links have pictures from there, and codes for phones lead there
    #[arg(long, env = "PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<Url>,

    /// The key of who presents: with it in `/release#presenter=KEY`, words such as "released" are marked in every open
    /// release view; 16 letters at least [default: nobody marks anything]
    #[arg(long, env = "PRESENTER_KEY", hide_env_values = true, value_parser = PresenterKey::from_str)]
    pub presenter_key: Option<PresenterKey>,

    /// Links to the stores of other countries: NAME=URL, separated by commas; a URL may be relative
    #[arg(long, env = "STORES", value_delimiter = ',', value_parser = StoreLink::from_str)]
    pub stores: Vec<StoreLink>,

    /// Orders that a client may place at once, and again in that time: COUNT/DURATION, or off [default: 600/1m for all but
    /// 127.0.0.1 and `::1`]. One more is answered 429. A client is an IPv4 address or an IPv6 /64; each replica counts for itself
    #[arg(long, env = "CHECKOUT_LIMIT", value_parser = CheckoutQuota::from_str, help_heading = "Limits")]
    pub checkout_limit: Option<CheckoutQuota>,

    /// Proxies whose X-Forwarded-For and Forwarded tell clients apart: addresses and networks such as 10.0.0.0/8,
    /// separated by commas. What comes by any other is one client
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = client::proxies, help_heading = "Limits")]
    pub trusted_proxies: Vec<IpNet>,

    /// What every service of the shop has
    #[command(flatten)]
    pub server: ServiceSettings,

    /// What to do instead of serving
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the binary does beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Ask the store front that runs here whether it is ready; exit code 0 if it is, else 1
    Health,
    /// Bring the orders' database to what this release needs, and say what was done
    Migrate(Migration),
}

/// What to do to the orders' table.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub struct Migration {
    /// And fill the notes of orders that releases wrote which know of none; can be run again
    #[arg(long)]
    pub back_fill: bool,

    /// Take back this release's own last step instead, for a roll back to one that cannot stand beside it
    #[arg(long)]
    pub undo: bool,
}

/// The code of a store, in lower case: `ie`, `uk`, or another name that the product service knows it by, such as `gb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCode(String);

impl StoreCode {
    /// `ie`, `uk`, …
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StoreCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = text.trim().to_ascii_lowercase();
        let fits =
            (1..=35).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fits {
            return Err("a locale has up to 35 letters, digits and hyphens, such as ie or uk".to_owned());
        }
        Ok(Self(code))
    }
}

/// A link to another country's store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLink {
    /// What the link says.
    pub name: String,
    /// Where it goes: an http(s) URL or a relative reference.
    pub url: String,
}

impl FromStr for StoreLink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) =
            text.split_once('=').ok_or("takes NAME=URL, such as Ireland=https://ie.example/")?;
        let (name, url) = (name.trim(), url.trim());
        // Resolved against an http URL, a relative reference stays http; `javascript:` and its like do not.
        let resolved = Url::parse("http://store.invalid/").and_then(|base| base.join(url));
        let is_http = resolved.is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if name.is_empty() || url.is_empty() || !is_http {
            return Err("takes NAME=URL with an http or https URL, or a relative one".to_owned());
        }
        Ok(Self { name: name.to_owned(), url: url.to_owned() })
    }
}

impl Settings {
    /// The releases that `--release` takes, each with its meaning.
    #[must_use]
    pub fn releases() -> Vec<(&'static str, &'static str)> {
        Release::meanings()
    }

    /// Where orders are kept. What depends on more than one setting is checked here: a mistake is a message on stderr
    /// and exit code 2, as one in a single setting is.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database_or_default(|name| std::env::var_os(name)).unwrap_or_else(|message| {
            use clap::{CommandFactory as _, error::ErrorKind};
            Self::command().error(ErrorKind::ValueValidation, message).exit()
        })
    }

    fn database_or_default(
        &self,
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Database, &'static str> {
        let Some(database) = &self.database else {
            let state = state_directory(lookup).ok_or(
                "DATABASE_URL is not set, and neither XDG_STATE_HOME nor HOME is, below which orders are kept by \
                 default: set DATABASE_URL to sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE",
            )?;
            return Ok(Database::Sqlite(Some(state.join("sava/sava-cart.db"))));
        };
        // A command has no cookies to sign.
        if self.command.is_none() && self.cookie_key.is_none() && matches!(database, Database::Postgres(_)) {
            return Err(
                "COOKIE_KEY is not set: with PostgreSQL several replicas serve the same shoppers and need the \
                 same key; set it to 64 random bytes in hex or base64, such as `openssl rand -hex 64` prints",
            );
        }
        Ok(database.clone())
    }

    /// Whether shoppers come by https, so that cookies can be `Secure`.
    #[must_use]
    pub fn is_public_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

/// The directory of what programs keep between their runs (XDG Base Directory Specification 0.8, which ignores relative
/// paths); `None` where nothing says where that is.
fn state_directory(lookup: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let directory = |name: &str| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    directory("XDG_STATE_HOME").or_else(|| directory("HOME").map(|home| home.join(".local/state")))
}

fn product_service(text: &str) -> Result<Url, String> {
    let wrong = "takes an http or https URL such as http://sava-product:9070, without query or user";
    let url = Url::parse(text).map_err(|error| format!("{wrong} ({error})"))?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(url) } else { Err(wrong.to_owned()) }
}

fn public_url(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| "takes an http or https URL such as https://shop.example/".to_owned())
}

/// A path that begins and ends with a slash, of segments that every proxy passes as they are.
fn base_path(text: &str) -> Result<String, String> {
    let segments: Vec<_> = text.split('/').filter(|segment| !segment.is_empty()).collect();
    let plain = |segment: &&str| {
        segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
            && !matches!(*segment, "." | "..")
    };
    if !text.starts_with('/') || !segments.iter().all(plain) {
        return Err("takes a path such as /shop/, of letters, digits and -_.~".to_owned());
    }
    Ok(if segments.is_empty() { "/".to_owned() } else { format!("/{}/", segments.join("/")) })
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Settings, clap::Error> {
        let fixed = ["sava-cart", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
        Settings::try_parse_from(fixed.iter().chain(arguments))
    }

    #[test]
    fn locales_are_taken_as_people_write_them() {
        let code =
            |text: &str| parse(&["--locale", text]).map(|settings| settings.locale.as_str().to_owned());
        for (text, expected) in [
            ("IE", "ie"),
            ("ie", "ie"),
            ("UK", "uk"),
            ("EN", "en"),
            ("gb", "gb"),
            ("jp", "jp"),
            (&"a".repeat(35), &"a".repeat(35)),
        ] {
            assert_eq!(code(text).unwrap(), expected);
        }
        for text in ["", "i e", "../ie", "ie/3", "ü", &"a".repeat(36)] {
            assert!(code(text).is_err(), "{text}");
        }
    }

    #[test]
    fn base_paths_begin_and_end_with_a_slash() {
        let base = |text: &str| parse(&["--base-path", text]).map(|settings| settings.base_path);
        for (text, expected) in [("/", "/"), ("/shop", "/shop/"), ("/shop/", "/shop/"), ("/a/b", "/a/b/")] {
            assert_eq!(base(text).unwrap(), expected);
        }
        for text in ["", "shop", "/../x", "/a b", "/%2f", "http://x/"] {
            assert!(base(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_product_service_is_an_http_or_https_url() {
        for text in
            ["sava-product:9070", "ftp://x", "http://user:pw@x", "http://x/?y", "tcp://10.0.0.1:9070", ""]
        {
            assert!(parse(&["--product-service", text]).is_err(), "{text}");
        }
        for text in ["http://sava-product:9070", "http://[::1]:9070", "https://gateway/products-api/"] {
            assert!(parse(&["--product-service", text]).is_ok(), "{text}");
        }
    }

    #[test]
    fn links_to_stores_go_to_http_or_are_relative() {
        let stores =
            parse(&["--stores", "Ireland=https://ie.example/, United Kingdom=../uk/"]).unwrap().stores;
        let links: Vec<_> = stores.iter().map(|link| (link.name.as_str(), link.url.as_str())).collect();
        assert_eq!(links, [("Ireland", "https://ie.example/"), ("United Kingdom", "../uk/")]);
        for text in ["Ireland", "Ireland=", "=https://x", "X=javascript:alert(1)", "X=data:text/html,x"] {
            assert!(parse(&["--stores", text]).is_err(), "{text}");
        }
    }

    #[test]
    fn several_replicas_need_a_key() {
        let database = |arguments: &[&str]| parse(arguments).unwrap().database_or_default(|_| None);
        let postgres = "--database=postgres://shop:s3cret@db/shop";
        assert!(database(&[postgres]).unwrap_err().starts_with("COOKIE_KEY is not set"));
        assert!(database(&[postgres, &format!("--cookie-key={}", "ab".repeat(64))]).is_ok());
    }

    #[test]
    fn orders_are_kept_in_the_state_directory() {
        let settings = parse(&[]).unwrap();
        let file = |variables: &[(&str, &str)]| {
            let lookup = |name: &str| {
                variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
            };
            let database = settings.database_or_default(lookup)?;
            Ok(database.file().unwrap().display().to_string())
        };
        assert_eq!(
            file(&[("XDG_STATE_HOME", "/state"), ("HOME", "/home/a")]),
            Ok("/state/sava/sava-cart.db".into())
        );
        let at_home = Ok("/home/a/.local/state/sava/sava-cart.db".to_owned());
        assert_eq!(file(&[("HOME", "/home/a")]), at_home);
        assert_eq!(file(&[("XDG_STATE_HOME", "state"), ("HOME", "/home/a")]), at_home);
        assert_eq!(file(&[("XDG_STATE_HOME", ""), ("HOME", "/home/a")]), at_home);
        for nowhere in [&[][..], &[("HOME", "")], &[("XDG_STATE_HOME", "state")]] {
            let error: Result<String, &str> = file(nowhere);
            assert!(error.unwrap_err().starts_with("DATABASE_URL is not set"), "{nowhere:?}");
        }
    }

    #[test]
    fn settings_keep_secrets() {
        let key = format!("--cookie-key={}", "5e".repeat(64));
        let presenter = "--presenter-key=s3cret-of-the-presenter";
        let settings = parse(&[&key, presenter, "--database=postgres://a:s3cret@db/x"]).unwrap();
        let shown = format!("{settings:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("5e5e"), "{shown}");
    }

    #[test]
    fn an_unknown_release_lists_those_there_are() {
        let error = parse(&["--release=9.9.9"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueValidation);
        assert!(error.to_string().contains("1.0.5, 2.0.4, 3.0.0"), "{error}");
    }
}
