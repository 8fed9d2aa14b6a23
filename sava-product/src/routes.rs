//! The table of all routes: the router, the index, the description of the API and the 404's text are made of it.

/// A route of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// What there is.
    Index,
    /// The stores.
    Stores,
    /// A store's products.
    Products,
    /// One of them.
    Product,
    /// A product's picture.
    Image,
    /// The JSON Schema of a version.
    Schema,
    /// The documentation.
    Docs,
    /// The same for programs.
    OpenApi,
    /// The release; answered by the server around the API, as the probes are.
    Version,
    /// Whether the process lives.
    Live,
    /// Whether traffic should come.
    Ready,
}

impl Route {
    /// All routes, in the order in which the index lists them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Index,
        Self::Stores,
        Self::Products,
        Self::Product,
        Self::Image,
        Self::Schema,
        Self::Docs,
        Self::OpenApi,
        Self::Version,
        Self::Live,
        Self::Ready,
    ];

    /// Its path, with the names of its parameters in braces.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Index => "/",
            Self::Stores => "/products",
            Self::Products => "/products/{locale}",
            Self::Product => "/products/{locale}/{id}",
            Self::Image => "/images/{file}",
            Self::Schema => "/schemas/{file}",
            Self::Docs => "/docs",
            Self::OpenApi => "/openapi.json",
            Self::Version => "/version",
            Self::Live => "/livez",
            Self::Ready => "/readyz",
        }
    }

    /// What is there, in a line.
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::Index => "What there is: a page for browsers, JSON for others",
            Self::Stores => "The stores there are, and where their products are",
            Self::Products => "The products of a store",
            Self::Product => "One product",
            Self::Image => "A product's picture",
            Self::Schema => "The JSON Schema of a version",
            Self::Docs => "The documentation of the API",
            Self::OpenApi => "The same for programs (OpenAPI 3.1)",
            Self::Version => "The release, its API versions, and the catalog that it serves",
            Self::Live => "Whether the process lives",
            Self::Ready => "Whether traffic should come here",
        }
    }
}
