//! The server under test: how it is asked, and what is known of it.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use anyhow::Context as _;
use serde_json::{Value, value::RawValue};

use crate::{
    http::{Base, Request, Response, shorten},
    objection::{Checked, Objection, applies},
    price::Price,
    release::Release,
};

/// The newest version whose representation this program knows.
const NEWEST_KNOWN: u8 = 3;

/// The rules that say, for each version, that the list can be had at all, and the one that says so of the stores.
pub(crate) const FOUNDATIONS: [&str; 4] = [
    "representations/v1-list-is-an-array",
    "representations/v2-list-is-an-array",
    "representations/v3-list-is-an-array",
    "routes/locales-are-listed",
];
const LOCALES_RULE: &str = FOUNDATIONS[3];

/// A running product service, or something that says it is one.
#[derive(Debug)]
pub struct Server {
    base: Base,
    /// The release that it is taken for.
    pub release: Release,
    /// What `/version` said, or why it could not be read.
    pub(crate) version_document: Result<Value, String>,
    /// The store that is looked at, where one was asked for.
    wanted_locale: Option<String>,
    stores: OnceCell<Result<Vec<Store>, String>>,
    lists: [OnceCell<Result<List, String>>; NEWEST_KNOWN as usize],
    /// All that `X-Sava-Release` said.
    seen_releases: RefCell<BTreeSet<String>>,
    /// The types of the problems that were seen, each with the request that met it first.
    seen_problems: RefCell<BTreeMap<String, String>>,
}

/// A store, as `/products` lists it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) locale: String,
    pub(crate) currency: String,
    pub(crate) whole: Value,
}

/// The list of a store in one version.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) body: Vec<u8>,
    pub(crate) values: Vec<Value>,
    pub(crate) products: Vec<Product>,
}

/// A product, as far as queries look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) description: String,
    /// In major units, whatever the version.
    pub(crate) price: Option<Price>,
    pub(crate) category: Option<String>,
}

impl Server {
    /// The server at `url`: asks it for its release, unless `release` says which it is.
    ///
    /// # Errors
    /// When the server cannot be reached or its release cannot be found out.
    pub fn find(url: &str, release: Option<&str>, locale: Option<&str>) -> anyhow::Result<Self> {
        let base = Base::parse(url)?;
        let answer = send(&base, &Request::new(&base, "GET", "/version"))?;
        let version_document = match (answer.status, serde_json::from_slice::<Value>(&answer.body)) {
            (200, Ok(document)) => Ok(document),
            (200, Err(error)) => Err(format!("/version is not JSON: {error}")),
            (status, _) => Err(format!("/version answers {status}")),
        };
        let (said, claimed) = match &version_document {
            Ok(document) => (document["release"].as_str(), claimed_versions(document)),
            Err(_) => (None, Vec::new()),
        };
        let name = release.or(said).with_context(|| {
            let why = version_document.as_ref().err().map_or("it names no release", String::as_str);
            format!("cannot find out the release: {why}. Say which it is with --release")
        })?;
        Ok(Self {
            release: Release::new(name, &claimed)?,
            base,
            version_document,
            wanted_locale: locale.map(str::to_owned),
            stores: OnceCell::new(),
            lists: [const { OnceCell::new() }; NEWEST_KNOWN as usize],
            seen_releases: RefCell::default(),
            seen_problems: RefCell::default(),
        })
    }

    /// The release that `/version` names.
    #[must_use]
    pub(crate) fn said_release(&self) -> Option<&str> {
        self.version_document.as_ref().ok()?["release"].as_str()
    }

    /// What stands between: `None` where nothing is known to.
    #[must_use]
    pub fn through(&self) -> Option<&'static str> {
        self.base.is_api_server_proxy().then_some("the proxy of a Kubernetes API server")
    }

    /// A request that nothing has been decided of yet.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Request {
        Request::new(&self.base, method, path)
    }

    /// A GET of a path below the base.
    pub(crate) fn get(&self, path: &str) -> Request {
        self.ask("GET", path)
    }

    /// Sends a request, and keeps in mind who answered.
    pub(crate) fn send(&self, request: &Request) -> Checked<Response> {
        let answer = send(&self.base, request)?;
        self.seen_releases.borrow_mut().extend(answer.values("x-sava-release").map(str::to_owned));
        if answer.media_type() == "application/problem+json"
            && let Ok(problem) = serde_json::from_slice::<Value>(&answer.body)
            && let Some(kind) = problem["type"].as_str()
        {
            let mut seen = self.seen_problems.borrow_mut();
            seen.entry(kind.to_owned()).or_insert_with(|| answer.asked.clone());
        }
        Ok(answer)
    }

    /// The releases that have answered so far.
    pub(crate) fn seen_releases(&self) -> BTreeSet<String> {
        self.seen_releases.borrow().clone()
    }

    /// The types of the problems that were seen so far, each with the request that met it first.
    pub(crate) fn seen_problems(&self) -> BTreeMap<String, String> {
        self.seen_problems.borrow().clone()
    }

    /// Goes on only where nothing stands between that would change what is looked at.
    pub(crate) fn directly(&self, because: &str) -> Checked {
        applies!(!self.base.is_api_server_proxy(), "the API server's proxy {because}");
        Ok(())
    }

    /// What the service itself said in `Cache-Control`, without what the API server's proxy puts before it.
    pub(crate) fn cache_control(&self, answer: &Response) -> Vec<String> {
        let mut directives = answer.tokens("cache-control");
        if self.base.is_api_server_proxy() {
            for added in ["no-cache", "private"] {
                if let Some(first) = directives.iter().position(|directive| directive == added) {
                    directives.remove(first);
                }
            }
        }
        directives
    }

    /// The path that everything stands below, as the server's own HTML may not name it.
    pub(crate) fn prefix(&self) -> &str {
        &self.base.prefix
    }

    /// The newest version that is served, if this program knows its representation.
    pub(crate) fn newest_known(&self) -> u8 {
        self.release.newest().min(NEWEST_KNOWN)
    }

    /// Goes on only where the release serves the version.
    pub(crate) fn serves(&self, version: u8) -> Checked {
        let name = &self.release.name;
        applies!(self.release.versions.contains(&version), "release {name} does not serve v{version}");
        Ok(())
    }

    /// Goes on only where there are two versions to choose from.
    pub(crate) fn has_a_choice(&self) -> Checked {
        applies!(self.release.versions.len() > 1, "release {} serves one version only", self.release.name);
        Ok(())
    }

    /// The stores, at least one.
    pub(crate) fn stores(&self) -> Checked<&[Store]> {
        self.stores
            .get_or_init(|| self.read_stores())
            .as_deref()
            .map_err(|why| Objection::StandsOn(LOCALES_RULE, why.clone()))
    }

    /// The store that is looked at: the one that was asked for, else the first.
    pub(crate) fn store(&self) -> Checked<&Store> {
        let stores = self.stores()?;
        let store = match &self.wanted_locale {
            None => stores.first(),
            Some(wanted) => stores.iter().find(|store| store.locale.eq_ignore_ascii_case(wanted)),
        };
        store.ok_or_else(|| {
            let wanted = self.wanted_locale.as_deref().unwrap_or_default();
            Objection::StandsOn(LOCALES_RULE, format!("there is no store {wanted:?}"))
        })
    }

    fn read_stores(&self) -> Result<Vec<Store>, String> {
        let answer = send(&self.base, &self.get("/products")).map_err(|error| format!("{error:#}"))?;
        let said = || format!("{} answered {} {}", answer.asked, answer.status, shorten(&answer.text()));
        if answer.status != 200 {
            return Err(said());
        }
        let values: Vec<Value> =
            serde_json::from_slice(&answer.body).map_err(|e| format!("{}: not an array ({e})", said()))?;
        let stores: Option<Vec<Store>> = values
            .into_iter()
            .map(|whole| {
                let text = |member: &str| whole[member].as_str().map(str::to_owned);
                Some(Store { locale: text("code")?, currency: text("currency")?, whole: whole.clone() })
            })
            .collect();
        let stores = stores.ok_or_else(|| format!("{}: a store without code or currency", said()))?;
        if stores.is_empty() { Err("there is no store".to_owned()) } else { Ok(stores) }
    }

    /// The path of the list that is looked at.
    pub(crate) fn list_path(&self) -> Checked<String> {
        Ok(format!("/products/{}", self.store()?.locale))
    }

    /// A GET of the list that is looked at.
    pub(crate) fn get_list(&self) -> Checked<Request> {
        Ok(self.get(&self.list_path()?))
    }

    /// The same in a version, asked for by name.
    pub(crate) fn get_list_in(&self, version: u8) -> Checked<Request> {
        Ok(self.get_list()?.accept(&media_type(version)))
    }

    /// The list in a version that the release serves.
    pub(crate) fn list(&self, version: u8) -> Checked<&List> {
        self.serves(version)?;
        let index = usize::from(version) - 1;
        applies!(index < self.lists.len(), "this program does not know v{version}");
        let request = self.get_list_in(version)?;
        self.lists[index]
            .get_or_init(|| self.read_list(&request))
            .as_ref()
            .map_err(|why| Objection::StandsOn(FOUNDATIONS[index], why.clone()))
    }

    fn read_list(&self, request: &Request) -> Result<List, String> {
        let answer = send(&self.base, request).map_err(|error| format!("{error:#}"))?;
        if answer.status != 200 {
            return Err(format!("{} answered {} {}", answer.asked, answer.status, shorten(&answer.text())));
        }
        let not_a_list = |error| format!("{}: not an array of objects ({error})", answer.asked);
        let values: Vec<Value> = serde_json::from_slice(&answer.body).map_err(not_a_list)?;
        let raw: Vec<BTreeMap<String, Box<RawValue>>> =
            serde_json::from_slice(&answer.body).map_err(not_a_list)?;
        let products: Option<Vec<Product>> =
            values.iter().zip(&raw).map(|(value, raw)| Product::read(value, raw)).collect();
        let products = products
            .ok_or_else(|| format!("{}: a product without id, title or description", answer.asked))?;
        Ok(List { body: answer.body, values, products })
    }

    /// The products of the list that is looked at, in the file's order.
    pub(crate) fn products(&self) -> Checked<&[Product]> {
        Ok(&self.list(self.newest_known())?.products)
    }

    /// At least this many products, without which a check would prove nothing.
    pub(crate) fn at_least(&self, count: usize) -> Checked<&[Product]> {
        let products = self.products()?;
        applies!(products.len() >= count, "the store has {} products; this takes {count}", products.len());
        Ok(products)
    }

    /// A product from the middle of the list: neither its first nor, if it can be, its last.
    pub(crate) fn some_product(&self) -> Checked<&Product> {
        let products = self.at_least(1)?;
        Ok(&products[products.len() / 2])
    }

    /// The path of that product.
    pub(crate) fn product_path(&self) -> Checked<String> {
        Ok(format!("{}/{}", self.list_path()?, self.some_product()?.id))
    }

    /// A path of a picture that the list names.
    pub(crate) fn picture_path(&self) -> Checked<String> {
        self.serves(2)?;
        let list = self.list(2)?;
        let picture = list.values.iter().find_map(|product| product["img"].as_str());
        let picture =
            picture.ok_or_else(|| Objection::DoesNotApply("no product has a picture".to_owned()))?;
        Ok(picture.to_owned())
    }
}

impl Product {
    fn read(value: &Value, raw: &BTreeMap<String, Box<RawValue>>) -> Option<Self> {
        let text = |member: &str| value[member].as_str().map(str::to_owned);
        let price = match (value["price"]["amount"].as_i64(), value["price"]["currency"].as_str()) {
            (Some(amount), Some(currency)) => Some(Price::of_minor(amount, currency)),
            _ => raw.get("price").and_then(|price| Price::parse(price.get())),
        };
        Some(Self {
            id: value["id"].as_i64()?,
            title: text("title")?,
            description: text("description")?,
            price,
            category: text("category"),
        })
    }
}

/// The media type of a version.
pub(crate) fn media_type(version: u8) -> String {
    format!("application/vnd.sava.v{version}+json")
}

/// The versions that a `/version` document names.
pub(crate) fn claimed_versions(document: &Value) -> Vec<u8> {
    let names = document["apiVersions"].as_array().map(Vec::as_slice).unwrap_or_default();
    names
        .iter()
        .filter_map(|name| name.as_str()?.strip_prefix('v')?.parse().ok())
        .filter(|version| (1..100).contains(version))
        .collect()
}

/// Sends a request. Proxies written in Go ask for gzip and undo it behind the client's back unless the client
/// says what it takes, so through one the plain bytes are asked for by name.
fn send(base: &Base, request: &Request) -> anyhow::Result<Response> {
    if base.is_api_server_proxy() && !request.has("Accept-Encoding") {
        request.clone().header("Accept-Encoding", "identity").send()
    } else {
        request.send()
    }
}
