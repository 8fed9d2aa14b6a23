//! What a link to a page shows where it is sent to people (the Open Graph protocol, ogp.me). Its title and description
//! need nothing; its address and its picture have to be absolute, and are there where `PUBLIC_URL` says where that is.

use sava_service::excerpt;

use super::visit::Visit;
use crate::{catalog::Product, reference::Route};

/// As much of a description as is shown beside a link.
const MAX_DESCRIPTION_CHARS: usize = 200;

/// The preview of a link.
#[derive(Clone, Debug)]
pub(crate) struct Preview {
    /// What the page tells search engines, too; none where there is nothing to say.
    pub description: Option<String>,
    /// The page, for those who are elsewhere.
    pub address: Option<String>,
    pub picture: Option<PreviewPicture>,
}

#[derive(Clone, Debug)]
pub(crate) struct PreviewPicture {
    pub address: String,
    pub alt: String,
}

impl Preview {
    /// The preview of a list at `query`, which begins with this product.
    #[must_use]
    pub(crate) fn of_list(visit: &Visit, query: &str, first: Option<&Product>) -> Self {
        let and = if query.is_empty() { "" } else { "?" };
        Self {
            description: None,
            address: visit.address(Route::Home).map(|home| format!("{home}{and}{query}")),
            picture: first.and_then(|product| picture(visit, product)),
        }
    }

    /// The preview of the product's page.
    #[must_use]
    pub(crate) fn of_product(visit: &Visit, product: &Product) -> Self {
        let description = excerpt(&product.description, MAX_DESCRIPTION_CHARS);
        Self {
            description: (!description.is_empty()).then(|| description.into_owned()),
            address: visit.address(Route::Product(product.id)),
            picture: picture(visit, product),
        }
    }
}

fn picture(visit: &Visit, product: &Product) -> Option<PreviewPicture> {
    let picture = product.picture.as_ref()?;
    let alt = if picture.alt.is_empty() { &product.title } else { &picture.alt };
    Some(PreviewPicture { address: visit.address(Route::Image(&picture.file))?, alt: alt.clone() })
}
