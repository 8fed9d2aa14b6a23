//! The release view: who serves, live.

use std::{collections::BTreeMap, sync::LazyLock};

use askama::Template;
use axum::{
    Extension, Json,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sava_service::content_policy::with_inline;
use sava_theme::{NOBODY, SIGNS, Sign, colour_properties};
use serde::{Deserialize, Serialize};

use super::{
    audience::{self, AudiencePage},
    error_page::ErrorPage,
    look,
    representation::Representation,
    text::{self, Align, Table, printable},
    visit::{
        Visit,
        answer::{Finished, X_SAVA_PRODUCT_RELEASE},
        frame::Section,
    },
};
use crate::{marks::ToldMark, product_service::sampler::Sample, reference::Route, state::AppState};

/// The files of `assets/release`, in an order in which each finds what it needs as it begins; they share one scope.
const SOURCE: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("../../assets/release/page.js"),
    include_str!("../../assets/release/settings.js"),
    include_str!("../../assets/release/elements.js"),
    include_str!("../../assets/release/words.js"),
    include_str!("../../assets/release/releases.js"),
    include_str!("../../assets/release/timing.js"),
    include_str!("../../assets/release/samples.js"),
    include_str!("../../assets/release/tally.js"),
    include_str!("../../assets/release/figures.js"),
    include_str!("../../assets/release/events.js"),
    include_str!("../../assets/release/marks.js"),
    include_str!("../../assets/release/slower.js"),
    include_str!("../../assets/release/cards.js"),
    include_str!("../../assets/release/journey.js"),
    include_str!("../../assets/release/grid.js"),
    include_str!("../../assets/release/shares.js"),
    include_str!("../../assets/release/meant.js"),
    include_str!("../../assets/release/picture.js"),
    include_str!("../../assets/release/clockwork.js"),
    include_str!("../../assets/release/wall.js"),
    include_str!("../../assets/release/code.js"),
    include_str!("../../assets/release/recording.js"),
    include_str!("../../assets/release/replay.js"),
    include_str!("../../assets/release/controls.js"),
    include_str!("../../assets/release/idle.js"),
    include_str!("../../assets/release/start.js"),
    "})();\n",
);
/// What each release of the store front does with each of the product service, as the tests found it.
const COMPATIBILITY: &str = include_str!("../../assets/compatibility.json");

/// The script as the page has it: without indentation, and without the lines that only people read. None of its texts has
/// several lines.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let is_read = |line: &&str| !(line.starts_with("//") || line.starts_with("/**") && line.ends_with("*/"));
    let lines = SOURCE.lines().map(str::trim_start).filter(is_read).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
});

static STYLE: LazyLock<String> = LazyLock::new(|| {
    let sheet: String = include_str!("../../assets/release.css").lines().map(str::trim).collect();
    format!("{}{sheet}", colour_properties())
});

/// This style and this script, pictures of its own, and samples from where the page came from.
static POLICY: LazyLock<HeaderValue> =
    LazyLock::new(|| look::policy(&[("style-src", &STYLE), ("script-src", &SCRIPT)]));

/// The same style and script, and nobody to ask: what is recorded stands in the page itself.
static FILE_POLICY: LazyLock<String> = LazyLock::new(|| {
    let bare = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'";
    let policy = with_inline(bare, &[("style-src", &STYLE), ("script-src", &SCRIPT)]);
    policy.to_str().expect("it is plain ASCII").to_owned()
});

/// The signs of releases, for the script, in the order of [`SIGNS`].
static SIGNS_JSON: LazyLock<String> = LazyLock::new(|| {
    let signs: Vec<_> = SIGNS.iter().map(ScriptSign::of).collect();
    serde_json::to_string(&signs).expect("a table of texts is JSON")
});

/// A sign as the script reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScriptSign {
    path: &'static str,
    /// Custom properties of the style sheet: one, or one for each of `of`.
    colours: Vec<String>,
    of: &'static [&'static str],
    untinted: &'static [&'static str],
    is_bad: bool,
}

impl ScriptSign {
    fn of(sign: &Sign) -> Self {
        Self {
            path: sign.path,
            colours: (0..sign.colours.len()).map(|place| sign.property(place)).collect(),
            of: sign.of,
            untinted: sign.untinted,
            is_bad: sign.is_bad(),
        }
    }
}

#[derive(Template)]
#[template(path = "release.html")]
struct ReleasePage<'a> {
    store: String,
    home: String,
    /// The release that is previewed here, if one is.
    preview: Option<&'a str>,
    /// Where the store is for others, if the store front is told so.
    address: String,
    icon: &'a str,
    release: &'a str,
    instance: &'a str,
    samples: Vec<SampleRow>,
    shares: Vec<String>,
    style: &'a str,
    script: &'a str,
    compatibility: &'a str,
    signs: &'a str,
    /// What a file may do that is made of the page.
    file_policy: &'a str,
}

struct SampleRow {
    release: String,
    instance: String,
    api: &'static str,
    status: String,
    latency: String,
    failed: bool,
}

/// What the query of `/release` can say.
#[derive(Debug, Deserialize)]
pub(crate) struct ReleaseQuery {
    /// For the page of a phone in the audience; its value means nothing.
    audience: Option<String>,
}

/// `GET /release`
pub(crate) async fn show_release(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Query(query): Query<ReleaseQuery>,
) -> Result<Response, ErrorPage> {
    if query.audience.is_some() && visit.representation() == Representation::Html {
        return show_audience(&state, &visit).await;
    }
    let samples = visit.sampler().table().await;
    let rows: Vec<_> = samples.iter().map(SampleRow::of).collect();
    let layout = visit.layout(Section::Elsewhere, None);
    let (body, content_type) = match visit.representation() {
        Representation::Text => (table(&rows), "text/plain; charset=utf-8"),
        Representation::Html => {
            let page = ReleasePage {
                store: layout.store,
                home: visit.to(Route::Home),
                preview: previewed(&visit),
                address: visit.address(Route::Home).unwrap_or_default(),
                icon: &layout.look.icon,
                release: layout.release,
                instance: &layout.instance,
                shares: shares(&samples),
                samples: rows,
                style: &STYLE,
                script: &SCRIPT,
                compatibility: COMPATIBILITY,
                signs: &SIGNS_JSON,
                file_policy: &FILE_POLICY,
            };
            (page.render().map_err(|_| ErrorPage::Unexpected)?, "text/html; charset=utf-8")
        }
    };
    let mut response = answer(content_type, body);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    Ok(response)
}

/// The page of a phone. Its connection is closed, so that who asks again is balanced again.
async fn show_audience(state: &AppState, visit: &Visit) -> Result<Response, ErrorPage> {
    let (sample, table) = (visit.sampler().sample().await, visit.sampler().table().await);
    let layout = visit.layout(Section::Elsewhere, None);
    let frame = (layout.store, visit.to(Route::Home), layout.look.icon.as_str());
    let page = AudiencePage::new(frame, &state.identity.release, &sample, &table);
    let body = page.render().map_err(|_| ErrorPage::Unexpected)?;
    let mut response = answer("text/html; charset=utf-8", body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, audience::POLICY.clone());
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

/// What the query of `/release/sample` can say.
#[derive(Debug, Deserialize)]
pub(crate) struct SampleQuery {
    /// `never` for a line of text without colours.
    #[serde(alias = "color")]
    colour: Option<String>,
}

/// A sample as `/release/sample` gives it.
#[derive(Debug, Serialize)]
struct SampleAnswer<'a> {
    /// The release that the request asked for by `X-Sava-Preview`, where it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<&'a str>,
    storefront: StoreFront<'a>,
    product: &'a Sample,
    /// What a presenter said lately, to this process.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<ToldMark>,
}

/// The store front that took the sample.
#[derive(Debug, Serialize)]
struct StoreFront<'a> {
    release: &'a str,
    instance: &'a str,
    locale: &'a str,
}

/// `GET /release/sample`: a sample of this store front and of the product service behind it.
///
/// The connection is closed after it, so that the next request of the same browser is balanced again.
pub(crate) async fn show_sample(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Query(query): Query<SampleQuery>,
) -> Response {
    let sample = visit.sampler().sample().await;
    let identity = &state.identity;
    let storefront = StoreFront {
        release: &identity.release,
        instance: &identity.instance,
        locale: state.settings.locale.as_str(),
    };
    let mut response = match visit.representation() {
        Representation::Text => {
            let is_plain = query.colour.as_deref() == Some("never");
            answer("text/plain; charset=utf-8", line(&storefront, &sample, previewed(&visit), !is_plain))
        }
        Representation::Html => {
            let said = SampleAnswer {
                preview: previewed(&visit),
                storefront,
                product: &sample,
                marks: state.marks.told(),
            };
            let mut response = Json(said).into_response();
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.extensions_mut().insert(Finished);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Some(release) = sample.release.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(X_SAVA_PRODUCT_RELEASE, release);
    }
    response
}

/// The release that the visitor previews.
fn previewed(visit: &Visit) -> Option<&str> {
    visit.preview().map(|launch| launch.release.as_str())
}

fn answer(content_type: &'static str, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    let mut response = (StatusCode::OK, headers, body).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response.extensions_mut().insert(Finished);
    response
}

impl SampleRow {
    fn of(sample: &Sample) -> Self {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        Self {
            release: or_none(&sample.release),
            instance: or_none(&sample.instance),
            api: sample.api_version.unwrap_or("–"),
            status: match (&sample.error, sample.status) {
                (Some(error), _) => error.clone(),
                (None, Some(status)) => status.to_string(),
                (None, None) => "–".to_owned(),
            },
            latency: format!("{:.1} ms", sample.latency_ms),
            failed: sample.error.is_some(),
        }
    }
}

fn table(rows: &[SampleRow]) -> String {
    let mut table = Table::new(vec![
        ("product release", Align::Left),
        ("pod", Align::Left),
        ("API", Align::Left),
        ("status", Align::Left),
        ("latency", Align::Right),
    ]);
    for row in rows {
        table.row([
            row.release.clone(),
            row.instance.clone(),
            row.api.to_owned(),
            row.status.clone(),
            row.latency.clone(),
        ]);
    }
    table.to_string()
}

/// The shares of the releases in a table, such as `2.0.1: 3 of 12 (25 %)`.
fn shares(samples: &[Sample]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for sample in samples {
        *counts.entry(sample.release.as_deref().unwrap_or(NOBODY)).or_insert(0_usize) += 1;
    }
    let n = samples.len();
    counts
        .iter()
        .map(|(release, count)| format!("{release}: {count} of {n} ({} %)", count * 100 / n.max(1)))
        .collect()
}

/// One line for a loop in a terminal: shape and colour by release, as in the picture.
fn line(storefront: &StoreFront<'_>, sample: &Sample, preview: Option<&str>, is_coloured: bool) -> String {
    let paint = |code: &str, text: &str| {
        if is_coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let named = |release: &str, instance: &str| {
        let release = text::printable(release);
        let Sign { shape, indexed, .. } = Sign::of_release(&release);
        format!(
            "{} {}",
            paint(&format!("1;38;5;{indexed}"), &format!("{shape} {release:<12}")),
            printable(instance)
        )
    };
    let product =
        named(sample.release.as_deref().unwrap_or(NOBODY), sample.instance.as_deref().unwrap_or_default());
    let outcome = sample.error.as_deref().map_or_else(
        || sample.api_version.unwrap_or("–").to_owned(),
        |error| paint("1;31", &format!("✗ {}", printable(error))),
    );
    let preview = preview.map_or_else(String::new, |release| format!("  preview of {release}"));
    format!(
        "{}  →  {product}  {outcome}  {:.1} ms{preview}\n",
        named(storefront.release, storefront.instance),
        sample.latency_ms
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(release: Option<&str>, error: Option<&str>) -> Sample {
        Sample {
            number: 1,
            release: release.map(str::to_owned),
            instance: release.map(|_| "pod-1".to_owned()),
            api_version: release.map(|_| "v2"),
            status: release.map(|_| 200),
            latency_ms: 3.13,
            etag: None,
            error: error.map(str::to_owned),
        }
    }

    const HERE: StoreFront<'_> = StoreFront { release: "3.0.0", instance: "cart-1", locale: "ie" };

    #[test]
    fn line_names_both_hops_and_has_a_shape_beside_the_colour() {
        let plain = line(&HERE, &sample(Some("2.0.1"), None), None, false);
        assert_eq!(plain, "⬢ 3.0.0        cart-1  →  ● 2.0.1        pod-1  v2  3.1 ms\n");
        let coloured = line(&HERE, &sample(Some("2.0.1"), None), None, true);
        assert!(coloured.contains("\x1b[1;38;5;208m●"), "{coloured:?}");
    }

    #[test]
    fn line_of_a_failure_says_so() {
        let plain = line(&HERE, &sample(None, Some("no connection")), None, false);
        assert!(plain.contains("✗ no answer") && plain.contains("✗ no connection"), "{plain}");
    }

    #[test]
    fn shares_are_counted_by_release() {
        let samples = [
            sample(Some("1.0.3"), None),
            sample(Some("2.0.1"), None),
            sample(Some("1.0.3"), None),
            sample(None, Some("x")),
        ];
        assert_eq!(
            shares(&samples),
            ["1.0.3: 2 of 4 (50 %)", "2.0.1: 1 of 4 (25 %)", "no answer: 1 of 4 (25 %)"]
        );
    }

    #[test]
    fn the_script_is_given_the_table_of_signs() {
        let signs: serde_json::Value = serde_json::from_str(&SIGNS_JSON).unwrap();
        assert_eq!(signs.as_array().unwrap().len(), SIGNS.len());
        assert_eq!(
            signs[2],
            serde_json::json!({
                "path": "M20 1 36.500 10.500v19L20 39 3.500 29.500v-19z",
                "colours": ["--c2"],
                "of": ["3"],
                "untinted": ["3.0.0"],
                "isBad": false,
            })
        );
        for property in signs.as_array().unwrap().iter().flat_map(|sign| sign["colours"].as_array().unwrap())
        {
            let property = property.as_str().unwrap();
            assert_eq!(STYLE.matches(&format!("{property}:#")).count(), 3, "{property}: light, dark, auto");
        }
    }

    #[test]
    fn every_file_of_the_script_is_in_the_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/release");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let is_part = path.extension().is_none_or(|extension| extension != "js")
                || SOURCE.contains(&std::fs::read_to_string(&path).unwrap());
            assert!(is_part, "{}", path.display());
        }
    }

    #[test]
    fn script_and_style_end_where_they_should() {
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
        assert!(serde_json::from_str::<serde_json::Value>(COMPATIBILITY).is_ok());
        assert!(!COMPATIBILITY.contains('<') && !SIGNS_JSON.contains('<'));
    }
}
