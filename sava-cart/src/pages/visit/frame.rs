//! The frame of a page: what it says of the store, the releases and this moment, whatever it is about.

use time::{OffsetDateTime, macros::format_description};

use super::Visit;
use crate::{
    catalog::{FaultKind, Freshness, Listing, Store},
    pages::{
        count::Count,
        layout::{Layout, Link, Supplier},
        look::Look,
    },
    reference::Route,
};

/// The part of the store front that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Products,
    /// The cart, and nothing below it.
    Cart,
    Orders,
    /// None of those.
    Elsewhere,
}

impl Visit {
    /// The frame of a page; `listing` is what its products come from, if it shows any.
    #[must_use]
    pub(crate) fn layout(&self, section: Section, listing: Option<&Listing>) -> Layout {
        let settings = &self.state.settings;
        let link = |route, name: &str, here| Link {
            href: self.to(route),
            name: name.to_owned(),
            chosen: section == here,
            ..Link::default()
        };
        let pieces = Count::from(self.cart.n_pieces());
        let store = listing.map_or_else(|| self.store(), |listing| listing.list.store.clone());
        Layout {
            brand: settings.title.clone(),
            store: format!("{} {}", settings.title, store.name),
            country: store.name.clone(),
            look: Look::of(self.state.release.theme),
            release: self.state.release.version,
            service: self.state.identity.service,
            instance: self.state.identity.instance.clone(),
            supplier: listing.and_then(|listing| listing.served_by.as_ref()).map(|served_by| Supplier {
                release: served_by.release.clone().unwrap_or_else(|| "of an unknown release".to_owned()),
                api: served_by.api_version.as_str(),
            }),
            no_supplier: if listing.is_some() { "fruit of our own" } else { "none on this page" },
            product_fault: listing.and_then(|listing| listing.fault.as_ref()).map(|fault| {
                match &fault.release {
                    Some(release) => format!("{}; release={release}", fault.what),
                    None => fault.what.clone(),
                }
            }),
            home: self.to(Route::Home),
            cart: self.to(Route::Cart),
            release_view: self.to(Route::Release),
            nav: vec![
                link(Route::Home, "Products", Section::Products),
                link(Route::Orders, "Orders", Section::Orders),
                Link { count: Some(pieces), ..link(Route::Cart, "Cart", Section::Cart) },
            ],
            pieces,
            language: language_of_texts(&store),
            notice: self.notice(listing),
            stores: settings
                .stores
                .iter()
                .map(|store| Link { href: store.url.clone(), name: store.name.clone(), ..Link::default() })
                .collect(),
        }
    }

    /// The honest words on what the visitor sees, where that is not what sava-product says now to everybody.
    fn notice(&self, listing: Option<&Listing>) -> Option<String> {
        let of_products = listing.and_then(notice);
        let Some(launch) = self.preview() else { return of_products };
        let wanted = launch.release.as_str();
        let product = listing.and_then(|listing| listing.served_by.as_ref()?.release.as_deref());
        let of_preview = if product == Some(wanted) || self.state.release.version == wanted {
            format!(
                "This is a preview of release {wanted}, as you asked for. What you order is ordered, at everybody’s prices."
            )
        } else {
            let service = self.state.identity.service;
            let products = product.map_or_else(String::new, |release| format!(" and sava-product {release}"));
            let here = self.state.release.version;
            format!(
                "You asked for a preview of release {wanted}: this is not it, but {service} {here}{products}."
            )
        };
        Some([Some(of_preview), of_products].into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// The honest words on products that are not what sava-product says now, or not all of it.
fn notice(listing: &Listing) -> Option<String> {
    let mut sentences = Vec::new();
    let (what, until) = match listing.fault_kind() {
        Some(FaultKind::UnknownStore) => ("Our product service does not know this store.", "does"),
        Some(FaultKind::TooLong) => {
            ("The list of all our products is longer than we can read.", "is shorter")
        }
        Some(FaultKind::Unreachable) | None => ("We cannot reach our product service just now.", "is back"),
    };
    match listing.freshness {
        Freshness::Fresh => {}
        Freshness::Stale { since } => {
            sentences.push(format!("{what} You see the products and prices of {}.", moment(since)));
        }
        Freshness::Fruit => sentences.push(format!("{what} Until it {until}, there is fruit.")),
    }
    if listing.list.has_more_categories {
        let n_categories = listing.list.categories.len();
        sentences.push(format!("There are more categories than the {n_categories} that you can browse."));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn language_of_texts(store: &Store) -> Option<String> {
    let primary = store.language.split(['-', '_']).next().unwrap_or_default();
    (!primary.eq_ignore_ascii_case("en")).then(|| store.language.clone())
}

/// A moment as pages write it, such as `23 November 2026, 15:40 UTC`.
#[must_use]
pub(crate) fn moment(time: OffsetDateTime) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    time.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}
