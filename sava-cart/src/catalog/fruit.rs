//! The fruit: what the store sells when the product service was never reachable, so that there is always a shop.

/// A kind of fruit; garlic is the joke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fruit {
    Apples,
    Oranges,
    Papayas,
    /// Is not a fruit.
    Garlic,
}

impl Fruit {
    pub const ALL: [Self; 4] = [Self::Apples, Self::Oranges, Self::Papayas, Self::Garlic];

    /// Its id in paths and carts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apples => "apples",
            Self::Oranges => "oranges",
            Self::Papayas => "papayas",
            Self::Garlic => "garlic",
        }
    }

    /// The fruit of that id.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fruit| fruit.name() == name)
    }
}
