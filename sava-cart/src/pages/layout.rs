//! What every page shows around its own content, ready to show.

use super::look::Look;

/// The frame of a page: header, navigation, notice, footer.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The name over the door.
    pub brand: String,
    /// The title of the store, at the end of each page's title.
    pub store: String,
    /// The country that the store is in.
    pub country: String,
    /// How the release looks.
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
    /// The main navigation.
    pub nav: Vec<Link>,
    /// The pieces in the cart.
    pub pieces: u32,
    /// One honest sentence on what is not as it should be.
    pub notice: Option<String>,
    /// The stores of other countries.
    pub stores: Vec<Link>,
}

/// The product service behind a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplier {
    /// Its release.
    pub release: String,
    /// The API version of its answer.
    pub api: &'static str,
}

/// A link of a navigation.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Where it leads.
    pub href: String,
    /// What it is called.
    pub name: String,
    /// Whether it is where the shopper is.
    pub chosen: bool,
    /// A count beside the name.
    pub count: Option<u32>,
    /// The relation of the link (`prev`, `next`), where it has one.
    pub rel: Option<&'static str>,
}
