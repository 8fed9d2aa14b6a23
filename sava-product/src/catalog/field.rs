//! The fields of a product that queries name, by the names that the data file gives them.

/// A field of a product. What a field is does not depend on the version that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Unique in the store.
    Id,
    /// The store's.
    Locale,
    /// What it is called.
    Title,
    /// What is said of it.
    Description,
    /// In major units.
    Price,
    /// The path of its picture.
    Img,
    /// What the picture shows.
    Alt,
    /// What kind of product it is.
    Category,
    /// 0 to 5.
    Stars,
    /// How many there are.
    Reviews,
}

impl Field {
    /// All fields.
    pub(crate) const ALL: [Self; 10] = [
        Self::Id,
        Self::Locale,
        Self::Title,
        Self::Description,
        Self::Price,
        Self::Img,
        Self::Alt,
        Self::Category,
        Self::Stars,
        Self::Reviews,
    ];

    /// Its name in a query; a dot leads into an object, as in json-server.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        [
            "id",
            "locale",
            "title",
            "description",
            "price",
            "img",
            "alt",
            "category",
            "rating.stars",
            "rating.reviews",
        ][self.index()]
    }

    /// The field with this name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Its position in [`Field::ALL`].
    #[must_use]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether its values are numbers, and not text.
    #[must_use]
    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::Id | Self::Price | Self::Stars | Self::Reviews)
    }
}
