//! What a phone in the audience shows: which release answered it. A page without script; a tap anywhere asks again.

use std::sync::LazyLock;

use askama::Template;
use axum::http::HeaderValue;
use sava_theme::{NOBODY, Sign, colour_properties};

use super::look;
use crate::product_service::sampler::Sample;

static STYLE: LazyLock<String> = LazyLock::new(|| {
    let sheet: String = include_str!("../../assets/audience.css").lines().map(str::trim).collect();
    format!("{}{sheet}", colour_properties())
});

/// This style, and no script.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| look::policy(&[("style-src", &STYLE)]));

#[derive(Template)]
#[template(path = "audience.html")]
pub(super) struct AudiencePage<'a> {
    pub(super) store: String,
    pub(super) home: String,
    pub(super) icon: &'a str,
    product: Answered,
    storefront: Answered,
    /// Of the answers of sava-product just now, those of the same release: how many, of how many, in percent.
    share: (usize, usize, usize),
    failed: bool,
    style: &'a str,
}

/// A release that answered, with its sign.
struct Answered {
    release: String,
    path: &'static str,
    colour: String,
}

impl Answered {
    fn by(release: &str) -> Self {
        let sign = Sign::of_release(release);
        Self { release: release.to_owned(), path: sign.path, colour: sign.property_of(release) }
    }
}

impl<'a> AudiencePage<'a> {
    /// The page for who was served by `storefront`, with this sample of the product service and a table of others.
    pub(super) fn new(
        (store, home, icon): (String, String, &'a str),
        storefront: &str,
        sample: &Sample,
        table: &[Sample],
    ) -> Self {
        let same = table.iter().filter(|other| other.release == sample.release).count();
        Self {
            store,
            home,
            icon,
            product: Answered::by(sample.release.as_deref().unwrap_or(NOBODY)),
            storefront: Answered::by(storefront),
            share: (same, table.len(), same * 100 / table.len().max(1)),
            failed: sample.error.is_some(),
            style: &STYLE,
        }
    }
}
