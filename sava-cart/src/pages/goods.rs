//! A product as a page shows it.

use super::{count::Count, look::data_url, visit::Visit};
use crate::{
    catalog::{Fruit, Product, ProductId},
    reference::Route,
    release::Feature,
};

/// A product, ready to show by this release.
#[derive(Clone, Debug)]
pub(crate) struct Card<'a> {
    /// Its id, as forms send it.
    pub id: ProductId,
    /// Its name.
    pub title: &'a str,
    /// The first letter of its name: shown where there is no picture.
    pub initial: String,
    /// What is said of it.
    pub description: &'a str,
    /// Its price, in the store's language.
    pub price: &'a str,
    /// The reference to its own page.
    pub href: String,
    pub picture: Option<Picture<'a>>,
    /// What buyers think of it.
    pub rating: Option<Rating>,
    pub category: Option<String>,
}

/// A picture, ready to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture<'a> {
    pub src: String,
    /// What it shows, in words.
    pub alt: &'a str,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// A star rating, ready to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rating {
    /// The stars with one decimal, such as `4.2`.
    pub stars: String,
    /// How much of a hundred the filled stars take.
    pub width: u32,
    /// How many reviews there are.
    pub reviews: Count,
}

impl<'a> Card<'a> {
    /// The card of `product` on the page of that visit.
    #[must_use]
    pub(crate) fn new(visit: &Visit, product: &'a Product) -> Self {
        Self {
            id: product.id,
            title: &product.title,
            initial: initial(&product.title),
            description: &product.description,
            price: &product.price_text,
            href: visit.to(Route::Product(product.id)),
            picture: picture(visit, product),
            rating: product
                .rating
                .filter(|_| visit.has(Feature::Ratings))
                .map(|rating| Rating::new(rating.stars, rating.reviews)),
            category: product
                .category
                .as_deref()
                .filter(|_| visit.has(Feature::Categories))
                .map(category_name),
        }
    }
}

/// The picture of `product` on the page of that visit, if the release shows any and the product has one.
#[must_use]
pub(crate) fn picture<'a>(visit: &Visit, product: &'a Product) -> Option<Picture<'a>> {
    if !visit.has(Feature::Pictures) {
        return None;
    }
    if let ProductId::Fruit(fruit) = product.id {
        return Some(Picture { src: drawing(fruit), alt: &product.title, width: 640, height: 480 });
    }
    let picture = product.picture.as_ref()?;
    Some(Picture {
        src: visit.to(Route::Image(&picture.file)),
        alt: if picture.alt.is_empty() { &product.title } else { &picture.alt },
        width: picture.width.unwrap_or(640),
        height: picture.height.unwrap_or(480),
    })
}

/// The drawing of a fruit, in the page itself: it is sold when there is nobody to ask for pictures.
fn drawing(fruit: Fruit) -> String {
    let svg = match fruit {
        Fruit::Apples => include_str!("../../assets/fruit/apples.svg"),
        Fruit::Oranges => include_str!("../../assets/fruit/oranges.svg"),
        Fruit::Papayas => include_str!("../../assets/fruit/papayas.svg"),
        Fruit::Garlic => include_str!("../../assets/fruit/garlic.svg"),
    };
    data_url(svg)
}

impl Rating {
    /// The rating of that many `stars` (0 to 5) by that many `reviews`.
    #[must_use]
    pub(crate) fn new(stars: f32, reviews: u64) -> Self {
        let stars = if stars.is_finite() { stars.clamp(0.0, 5.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let width = (stars * 20.0).round() as u32;
        Self { stars: format!("{stars:.1}"), width, reviews: Count::new(reviews) }
    }
}

/// The first letter of a title, for the place of a picture that is not there.
#[must_use]
pub(crate) fn initial(title: &str) -> String {
    let letter = title.chars().find(|letter| letter.is_alphanumeric());
    letter.map_or_else(String::new, |letter| letter.to_uppercase().collect())
}

/// The name of a category as the shopper reads it: `home` is Home.
#[must_use]
pub(crate) fn category_name(category: &str) -> String {
    let mut letters = category.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_fill_a_fifth_of_the_row_each() {
        assert_eq!(
            Rating::new(4.2, 21),
            Rating { stars: "4.2".to_owned(), width: 84, reviews: Count::new(21) }
        );
        assert_eq!(Rating::new(f32::NAN, 0).width, 0);
        assert_eq!(Rating::new(9.0, 1).width, 100);
    }

    #[test]
    fn a_missing_picture_has_a_letter() {
        assert_eq!(initial("“Éire” candle"), "É");
        assert_eq!(initial("…"), "");
    }
}
