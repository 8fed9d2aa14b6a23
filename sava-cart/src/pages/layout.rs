//! What every page shows around its own content, ready to show.

use super::{count::Count, look::Look};

/// The frame of a page: header, navigation, notice, footer.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The name of the shop, at the top of each page.
    pub brand: String,
    /// The title of the store, at the end of each page's title.
    pub store: String,
    /// The country that the store is in.
    pub country: String,
    pub look: &'static Look,
    /// The release of the store front.
    pub release: &'static str,
    /// The name of the service.
    pub service: &'static str,
    /// The instance (pod) that made the page.
    pub instance: String,
    /// Who supplied the products; none where the page has none of sava-product's.
    pub supplier: Option<Supplier>,
    /// What is said where there is no supplier.
    pub no_supplier: &'static str,
    /// What the product service did wrong just now, as a header says it: `status 500; release=2.0.2`.
    pub product_fault: Option<String>,
    /// The reference to the list of products.
    pub home: String,
    /// The reference to the cart.
    pub cart: String,
    /// The reference to the release view.
    pub release_view: String,
    pub nav: Vec<Link>,
    /// The pieces in the cart.
    pub pieces: Count,
    /// Honest words on what is not as it should be.
    pub notice: Option<String>,
    /// The stores of other countries.
    pub stores: Vec<Link>,
    /// The language of products' texts (BCP 47), where it is not that of the page's own words, English.
    pub language: Option<String>,
}

/// The product service behind a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Supplier {
    pub release: String,
    /// The API version of its answer.
    pub api: &'static str,
}

/// A link of a navigation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub href: String,
    pub name: String,
    /// Whether it is where the shopper is.
    pub chosen: bool,
    /// A count beside the name.
    pub count: Option<Count>,
    /// The relation of the link (`prev`, `next`), where it has one.
    pub rel: Option<&'static str>,
}

/// What went wrong, above what it went wrong with.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    /// In a few words.
    pub title: String,
    /// In a sentence, with what to do.
    pub text: String,
    /// Where to do it, if that is elsewhere.
    pub link: Option<Link>,
}

impl Alert {
    /// As text, with an empty line after it.
    #[must_use]
    pub(crate) fn as_text(&self) -> String {
        let link = self.link.as_ref().map(|link| format!(" {}: GET {}", link.name, link.href));
        format!("{}. {}{}\n\n", self.title, self.text, link.unwrap_or_default())
    }
}
