//! The settings of the store front: each a flag and an environment variable, read once, at start.

use std::{fmt, path::PathBuf, str::FromStr};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use reqwest::Url;
use sava_service::settings::ServiceSettings;

use crate::{
    cookies::Key,
    orders::Database,
    release::{self, Release},
    shoppers::ShoppersSettings,
};

/// The store front of the shop
#[derive(Parser, Clone, Debug)]
#[command(name = "sava-cart", version = release::NEWEST, max_term_width = 100)]
pub struct Settings {
    /// Release of the store front
    #[arg(long, env = "SAVA_RELEASE", default_value = release::NEWEST, value_parser = Release::find)]
    pub release: &'static Release,

    /// The locale of the store that this process serves, such as ie or uk
    #[arg(long, env = "LOCALE", default_value = "ie", value_parser = StoreCode::from_str)]
    pub locale: StoreCode,

    /// The URL of the product service; may have a path
    #[arg(long, env = "PRODUCT_SERVICE_ADDR", default_value = "http://sava-product:9070", value_parser = product_service)]
    pub product_service: Url,

    /// The path that the store front is under, where nothing strips it
    #[arg(long, env = "BASE_PATH", default_value = "/", value_parser = base_path)]
    pub base_path: String,

    /// The name of the shop, in the header of its pages
    #[arg(long, env = "TITLE", default_value = "sava", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub title: String,

    /// Where orders are kept: `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`
    #[arg(
        long = "database",
        env = "DATABASE_URL",
        default_value = "sqlite:sava-cart.db",
        hide_env_values = true
    )]
    pub database_url: Secret,

    /// The key that signs cookies: 64 random bytes in hex or base64 [default: made once, beside the SQLite database]
    #[arg(long, env = "COOKIE_KEY", hide_env_values = true)]
    pub cookie_key: Option<Secret>,

    /// A file that holds the key, instead
    #[arg(long, env = "COOKIE_KEY_FILE")]
    pub cookie_key_file: Option<PathBuf>,

    /// The URL that shoppers use; with https, cookies are Secure
    #[arg(long, env = "PUBLIC_URL", value_parser = public_url)]
    pub public_url: Option<Url>,

    /// Links to the stores of other countries: NAME=URL, separated by commas; a URL may be relative
    #[arg(long, env = "STORES", value_delimiter = ',', value_parser = StoreLink::from_str)]
    pub stores: Vec<StoreLink>,

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
    /// Send pretend shoppers to store fronts, and judge the releases that serve them
    Shoppers(ShoppersSettings),
}

/// A setting that may hold a password or is one: no log shows it.
#[derive(Clone)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// The code of a store, in lower case: `ie`, `uk`. What people take for it by mistake, `EN` or `gb`, is `uk`.
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
            (1..=16).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match code.as_str() {
            _ if !fits => {
                Err("a locale has up to 16 letters, digits and hyphens, such as ie or uk".to_owned())
            }
            "en" | "gb" => Ok(Self("uk".to_owned())),
            _ => Ok(Self(code)),
        }
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

/// What the settings say together: checked before anything is opened or bound.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Where orders are kept.
    pub database: Database,
    /// The key of the cookies where one was given.
    pub cookie_key: Option<Key>,
}

impl Settings {
    /// Reads what depends on more than one setting. A mistake is a message on stderr and exit code 2, as one that
    /// clap finds.
    #[must_use]
    pub fn check(&self) -> Checked {
        self.checked().unwrap_or_else(|error| {
            use clap::{CommandFactory as _, error::ErrorKind};
            Self::command().error(ErrorKind::ValueValidation, format!("{error:#}")).exit()
        })
    }

    /// The same with the message, which names the setting; never the value of a key or of a database URL, which may
    /// hold a password.
    pub fn checked(&self) -> anyhow::Result<Checked> {
        let database = self
            .database_url
            .0
            .parse::<Database>()
            .map_err(|error| anyhow::anyhow!("--database (DATABASE_URL) cannot be read: {error}"))?;
        let key_text = match (&self.cookie_key, &self.cookie_key_file) {
            (Some(_), Some(_)) => {
                anyhow::bail!("COOKIE_KEY and COOKIE_KEY_FILE are both set; set one of the two")
            }
            (Some(text), None) => Some(("--cookie-key (COOKIE_KEY)", text.0.clone())),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).with_context(|| {
                    format!("--cookie-key-file (COOKIE_KEY_FILE) {} cannot be read", file.display())
                })?;
                Some(("the file of --cookie-key-file (COOKIE_KEY_FILE)", text))
            }
            (None, None) => None,
        };
        let cookie_key = key_text
            .map(|(name, text)| Key::parse(&text).map_err(|error| anyhow::anyhow!("{name}: {error}")))
            .transpose()?;
        if cookie_key.is_none() && matches!(database, Database::Postgres(_)) {
            anyhow::bail!(
                "COOKIE_KEY is not set: with PostgreSQL several replicas serve the same shoppers and need the \
                 same key; set it to 64 random bytes in hex or base64, such as `openssl rand -hex 64` prints"
            );
        }
        Ok(Checked { database, cookie_key })
    }

    /// Whether shoppers come by https, so that cookies can be `Secure`.
    #[must_use]
    pub fn is_public_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

fn product_service(text: &str) -> Result<Url, String> {
    let wrong = "takes an http URL such as http://sava-product:9070, without query or user";
    let url = Url::parse(text).map_err(|error| format!("{wrong} ({error})"))?;
    let plain = url.scheme() == "http"
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
        for (text, expected) in
            [("IE", "ie"), ("ie", "ie"), ("UK", "uk"), ("EN", "uk"), ("gb", "uk"), ("jp", "jp")]
        {
            assert_eq!(code(text).unwrap(), expected);
        }
        for text in ["", "i e", "../ie", "ie/3", "ü"] {
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
    fn the_product_service_is_an_http_url() {
        for text in
            ["sava-product:9070", "https://x", "http://user:pw@x", "http://x/?y", "tcp://10.0.0.1:9070", ""]
        {
            assert!(parse(&["--product-service", text]).is_err(), "{text}");
        }
        for text in ["http://sava-product:9070", "http://[::1]:9070", "http://gateway/products-api/"] {
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
        let message = |arguments: &[&str]| format!("{:#}", parse(arguments).unwrap().checked().unwrap_err());
        let postgres = "--database=postgres://shop:s3cret@db/shop";
        assert!(message(&[postgres]).starts_with("COOKIE_KEY is not set"), "{}", message(&[postgres]));
        let key = format!("--cookie-key={}", "ab".repeat(64));
        assert!(parse(&[postgres, &key]).unwrap().checked().is_ok());
    }

    #[test]
    fn messages_keep_secrets() {
        for arguments in [
            &["--cookie-key=s3cret"][..],
            &["--database=mysql://shop:s3cret@db/shop"],
            &["--database=postgres://shop:s3cret@db:port/shop"],
        ] {
            let message = format!("{:#}", parse(arguments).unwrap().checked().unwrap_err());
            assert!(!message.contains("s3cret"), "{message}");
        }
        let settings = parse(&["--cookie-key=s3cret", "--database=postgres://a:s3cret@db/x"]).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"), "{settings:?}");
    }

    #[test]
    fn an_unknown_release_lists_those_there_are() {
        let error = parse(&["--release=9.9.9"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ValueValidation);
        assert!(error.to_string().contains("1.0.5, 2.0.4, 3.0.0"), "{error}");
    }
}
