//! What every handler of the store front is given.

use std::sync::Arc;

use sava_service::Identity;

use crate::{catalog::Catalog, cookies::Cookies, orders::Orders, release::Release, settings::Settings};

/// The state of the store front: cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The settings.
    pub settings: Arc<Settings>,
    /// The release that this process is.
    pub release: &'static Release,
    /// Who answers, for the footer.
    pub identity: Identity,
    /// The products.
    pub catalog: Catalog,
    /// The orders.
    pub orders: Orders,
    /// The cookies of this store.
    pub cookies: Cookies,
}
