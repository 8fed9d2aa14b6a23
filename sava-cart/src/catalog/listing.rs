//! What is on sale at the moment: the products, how fresh they are, and who supplied them.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{
    product::{Product, ProductId},
    product_list::ProductList,
};
use crate::{product_service::client::Failure, release::ApiVersion};

/// What a page shows: the products, how fresh they are, and who supplied them.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The products and the store. Parsed once: page views of an unchanged catalog share it.
    pub list: Arc<ProductList>,
    /// How fresh they are.
    pub freshness: Freshness,
    /// Who supplied them; nobody did where it is fruit.
    pub served_by: Option<ServedBy>,
    /// What went wrong in asking for them now, for a header that tells those who watch a canary.
    pub fault: Option<ProductFault>,
}

/// What the product service did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductFault {
    /// In a few words, such as `status 500`.
    pub what: String,
    /// The release that answered so, where one did and said who it is.
    pub release: Option<String>,
    /// What shoppers are told of it.
    pub kind: FaultKind,
}

/// What kind of fault it is, as far as shoppers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It does not answer, or not as it should.
    Unreachable,
    /// It is there, and answered that it has no such store.
    UnknownStore,
    /// It is there, and its list is longer than this store front reads.
    TooLong,
}

/// How fresh a listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The product service just said so.
    Fresh,
    /// It does not answer now; this is its last good answer, of that time.
    Stale {
        /// When it was last confirmed.
        since: OffsetDateTime,
    },
    /// It never answered: this is fruit.
    Fruit,
}

/// The product service that supplied an answer, by its own words (`X-Sava-…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedBy {
    /// Its release; `None` where it did not say.
    pub release: Option<String>,
    /// Its instance (pod).
    pub instance: Option<String>,
    /// The version of the API that the answer is in.
    pub api_version: ApiVersion,
}

impl Listing {
    /// The product of that id, if it is on sale. Fruit always is.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Product> {
        self.list.product(id)
    }

    /// What kind of fault the product service has, if it has one.
    #[must_use]
    pub fn fault_kind(&self) -> Option<FaultKind> {
        self.fault.as_ref().map(|fault| fault.kind)
    }

    /// Whether prices are confirmed: an order needs that.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.freshness == Freshness::Fresh
    }
}

impl ProductFault {
    pub(super) fn of(failure: &Failure) -> Self {
        let (what, release) = match failure {
            Failure::Status(status, release) => (format!("status {}", status.as_u16()), release.clone()),
            Failure::UnknownStore(_, release) => ("status 404".to_owned(), release.clone()),
            other => (other.label().replace('_', " "), None),
        };
        let kind = match failure {
            Failure::UnknownStore(..) => FaultKind::UnknownStore,
            Failure::TooLarge(_) => FaultKind::TooLong,
            _ => FaultKind::Unreachable,
        };
        Self { what, release, kind }
    }
}

impl Freshness {
    /// `fresh`, `stale`, `fruit`: as metrics say it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale { .. } => "stale",
            Self::Fruit => "fruit",
        }
    }
}
