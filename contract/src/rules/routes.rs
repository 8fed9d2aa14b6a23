//! The routes and what each answers at its plainest.

use crate::{
    Rule, Server,
    link::{is_relative, resolve},
    objection::{Checked, applies, demand},
    server::claimed_versions,
};

/// What the other rules of `/version` stand on.
pub(super) const VERSION_RULE: &str = "routes/version-is-json";

pub(super) const RULES: &[Rule] = &[
    Rule::new("routes/livez-answers", "/livez answers 200", |server| {
        server.send(&server.get("/livez"))?.is(200).map(drop)
    }),
    Rule::new("routes/readyz-answers", "/readyz answers 200 once the service is ready", |server| {
        server.send(&server.get("/readyz"))?.is(200).map(drop)
    }),
    Rule::new(VERSION_RULE, "/version answers a JSON object", |server| {
        let answer = server.send(&server.get("/version"))?;
        answer.is(200)?.is_of_type("application/json")?;
        demand!(answer.json()?.is_object(), "{}: not an object", answer.story());
        Ok(())
    }),
    Rule::new("routes/version-names-the-service", "/version says that this is sava-product", |server| {
        let service = &version(server)?["service"];
        demand!(service == "sava-product", "/version says service {service}");
        Ok(())
    }),
    Rule::new("routes/version-names-the-release", "/version names the release that is asked for", |server| {
        let release = &version(server)?["release"];
        let wanted = server.release.name.as_str();
        demand!(release == wanted, "/version says release {release}, not {wanted:?}");
        Ok(())
    }),
    Rule::new("routes/version-names-the-revision", "/version names the git revision", |server| {
        version_text(server, "revision")
    }),
    Rule::new("routes/version-names-the-instance", "/version names the instance", |server| {
        version_text(server, "instance")
    }),
    Rule::new(
        "routes/version-lists-the-api-versions",
        "/version lists every version that the release has to serve, and no version that it does not serve",
        |server| {
            let mut claimed = claimed_versions(version(server)?);
            claimed.sort_unstable();
            let (name, wanted) = (&server.release.name, &server.release.versions);
            demand!(
                claimed == *wanted,
                "/version lists versions {claimed:?}; release {name} has to serve {wanted:?}"
            );
            Ok(())
        },
    ),
    Rule::new(
        "routes/locales-are-listed",
        "/products lists the stores: an array, each with code and currency",
        |server| server.store().map(drop),
    ),
    Rule::new("routes/locales-are-json", "/products is application/json", |server| {
        server.send(&server.get("/products"))?.is(200)?.is_of_type("application/json").map(drop)
    }),
    Rule::new("routes/locales-have-names", "each store has a name", |server| {
        for store in server.stores()? {
            let name = store.whole["name"].as_str().unwrap_or_default();
            demand!(!name.is_empty(), "store {} has no name: {}", store.locale, store.whole);
        }
        Ok(())
    }),
    Rule::new("routes/locales-have-language-tags", "each store has a language tag (RFC 5646)", |server| {
        for store in server.stores()? {
            let tag = store.whole["language"].as_str().unwrap_or_default();
            demand!(is_language_tag(tag), "store {} has the language {tag:?}", store.locale);
        }
        Ok(())
    }),
    Rule::new("routes/locales-have-currencies", "each store's currency is a code of ISO 4217", |server| {
        for store in server.stores()? {
            let code = &store.currency;
            let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
            demand!(is_code, "store {} has the currency {code:?}", store.locale);
        }
        Ok(())
    }),
    Rule::new(
        "routes/locales-are-distinct",
        "no two stores have the same code, whatever its case",
        |server| {
            let mut codes: Vec<String> =
                server.stores()?.iter().map(|store| store.locale.to_lowercase()).collect();
            codes.sort_unstable();
            let twice = codes.windows(2).find(|pair| pair[0] == pair[1]);
            demand!(twice.is_none(), "{} is listed twice", twice.map_or("", |pair| pair[0].as_str()));
            Ok(())
        },
    ),
    Rule::new(
        "routes/locales-link-to-their-lists",
        "each store has a link to its list, relative to /products",
        |server| {
            for store in server.stores()? {
                let link = store.whole["link"].as_str().unwrap_or_default();
                demand!(!link.is_empty(), "store {} has no link: {}", store.locale, store.whole);
                demand!(is_relative(link), "the link {link:?} would leave a path prefix");
                server.send(&server.get(&resolve("/products", link)))?.array()?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "routes/every-store-has-its-list",
        "/products/{locale} answers an array for every store",
        |server| {
            for store in server.stores()? {
                server.send(&server.get(&format!("/products/{}", store.locale)))?.array()?;
            }
            Ok(())
        },
    ),
    Rule::new(
        "routes/locale-in-any-case",
        "the locale is case-insensitive: upper and mixed case answer the same list",
        |server| {
            let locale = &server.store()?.locale;
            let expected = server.send(&server.get_list()?)?;
            let mut mixed = locale.to_lowercase();
            if let Some(first) = mixed.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            for spelling in [locale.to_uppercase(), locale.to_lowercase(), mixed] {
                let answer = server.send(&server.get(&format!("/products/{spelling}")))?;
                answer.is(200)?;
                demand!(answer.body == expected.body, "{} differs from /products/{locale}", answer.asked);
            }
            Ok(())
        },
    ),
    Rule::new("routes/locale-in-any-case-for-one", "so it is for one product", |server| {
        let id = server.some_product()?.id;
        let locale = server.store()?.locale.to_uppercase();
        server.send(&server.get(&format!("/products/{locale}/{id}")))?.is(200).map(drop)
    }),
    Rule::new(
        "routes/list-does-not-depend-on-a-query",
        "a query on a store's list finds products (the original found none)",
        |server| {
            let first = &server.at_least(1)?[0];
            let answer = server.send(&server.get_list()?.raw_query("_limit=1"))?;
            demand!(answer.ids()? == [first.id], "{}: not the first product", answer.story());
            Ok(())
        },
    ),
    Rule::new(
        "routes/one-product-answers",
        "/products/{locale}/{id} answers the product of that id, for every version",
        |server| {
            let id = server.some_product()?.id;
            for version in server.release.versions.clone() {
                let request = server.get(&server.product_path()?).accept(&crate::server::media_type(version));
                let answer = server.send(&request)?;
                let product = answer.is(200)?.json()?;
                demand!(product["id"].as_i64() == Some(id), "{}: {product}", answer.story());
            }
            Ok(())
        },
    ),
    Rule::new(
        "routes/one-product-is-of-its-store",
        "/products/{locale}/{id} answers that store's product (the original answered another's)",
        |server| {
            for store in server.stores()? {
                let list = server.send(&server.get(&format!("/products/{}", store.locale)))?.ids()?;
                let Some(id) = list.first() else { continue };
                let answer = server.send(&server.get(&format!("/products/{}/{id}", store.locale)))?;
                let product = answer.is(200)?.json()?;
                demand!(product["locale"] == store.locale.as_str(), "{}: {product}", answer.story());
            }
            Ok(())
        },
    ),
    Rule::new(
        "routes/every-product-can-be-had-alone",
        "the first, the last and those between answer at their own paths as they stand in the list",
        |server| {
            let version = server.newest_known();
            let list = server.list(version)?;
            applies!(!list.values.is_empty(), "the store has no products");
            let step = list.values.len().div_ceil(12);
            let last = list.values.len() - 1;
            for index in (0..last).step_by(step).chain([last]) {
                let path = format!("{}/{}", server.list_path()?, list.products[index].id);
                let answer = server.send(&server.get(&path).accept(&crate::server::media_type(version)))?;
                let alone = answer.is(200)?.json()?;
                demand!(
                    alone == list.values[index],
                    "{}: {alone}, in the list {}",
                    answer.story(),
                    list.values[index]
                );
            }
            Ok(())
        },
    ),
    Rule::new(
        "routes/one-product-ignores-list-paging",
        "one product is an object, never an array",
        |server| {
            let answer = server.send(&server.get(&server.product_path()?))?;
            demand!(answer.is(200)?.json()?.is_object(), "{}: not an object", answer.story());
            Ok(())
        },
    ),
];

/// What `/version` said.
fn version(server: &Server) -> Checked<&serde_json::Value> {
    server
        .version_document
        .as_ref()
        .map_err(|why| crate::objection::Objection::StandsOn(VERSION_RULE, why.clone()))
}

fn version_text(server: &Server, member: &str) -> Checked {
    let value = version(server)?[member].as_str().unwrap_or_default();
    demand!(!value.is_empty(), "/version has no {member}");
    Ok(())
}

/// A language of two or three letters, then subtags.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    subtags
        .next()
        .is_some_and(|first| (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic()))
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}
