//! The list of products, and the page of one.

use std::fmt::Write as _;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, RawQuery},
    response::Response,
};

use super::{
    count::Count,
    error_page::ErrorPage,
    goods::{Card, category_name},
    layout::{Layout, Link},
    list_query::{self, ListQuery},
    preview::Preview,
    text::{Align, Table, printable},
    visit::{Visit, answer::Page, frame::Section},
};
use crate::{
    cart::MAX_QUANTITY,
    catalog::{Listing, Product, ProductId, ProductQuery, Sort},
    reference::Route,
    release::Feature,
    rendered::Subject,
};

#[derive(Template)]
#[template(path = "products.html")]
struct ProductsPage<'a> {
    layout: Layout,
    /// The heading, and the order if that was chosen.
    title: String,
    heading: String,
    preview: Preview,
    lead: String,
    /// The title of what was put into the cart just before.
    added: Option<String>,
    tools: Option<Tools>,
    nothing: Option<Nothing>,
    cards: Vec<Card<'a>>,
    pictures: bool,
    stars: bool,
    add: String,
    /// Where this list is: its query.
    here: String,
    pages: Vec<Link>,
}

/// What is said where no product is shown.
struct Nothing {
    title: &'static str,
    text: String,
    /// Other lists, where there is something in them.
    categories: Vec<Link>,
    way_out: bool,
}

struct Tools {
    q: String,
    category: String,
    sorts: Vec<SortOption>,
    categories: Vec<Link>,
}

struct SortOption {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

/// The most categories that are offered where nothing was found.
const MAX_OFFERED: usize = 12;
/// The most products that are shown with one of their category.
const MAX_ALIKE: usize = 3;

/// `GET /`
pub(crate) async fn show_products(Extension(visit): Extension<Visit>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let choice = ListQuery::read(visit.release(), &query);
    let page_size = ListQuery::page_size(visit.release());
    let mut page = choice.page;
    let mut listing = visit.page_of_products(&choice.products, page, page_size).await;
    if let Some(n_selected) =
        listing.list.n_selected.filter(|n_selected| page > last_of(*n_selected, page_size))
    {
        page = last_of(n_selected, page_size);
        listing = visit.page_of_products(&choice.products, page, page_size).await;
    }
    let added = list_query::added(&query).and_then(|id| added(&visit, &listing, id));
    let choice = ListQuery { page, ..choice };
    let subject = added.is_none().then(|| Subject::List(choice.products.clone(), choice.page));
    visit.show_shared(&listing, subject, || products_page(&visit, &listing, &choice, added))
}

/// The page of `listing` that the shopper chose; `added` is the title of what was put into the cart just before.
fn products_page<'a>(
    visit: &Visit,
    listing: &'a Listing,
    choice: &ListQuery,
    added: Option<String>,
) -> ProductsPage<'a> {
    let page_size = ListQuery::page_size(visit.release());
    let mut page = choice.page;
    let (shown, n_chosen): (Vec<_>, usize) = if let Some(n_selected) = listing.list.n_selected {
        (listing.list.products.iter().collect(), n_selected)
    } else {
        let chosen = choice.products.select(&listing.list);
        page = page.min(last_of(chosen.len(), page_size));
        (chosen.iter().skip((page - 1) * page_size).take(page_size).copied().collect(), chosen.len())
    };
    let last = last_of(n_chosen, page_size);
    let here = ListQuery { page, ..choice.clone() }.query();
    let preview = Preview::of_list(visit, &here, shown.first().copied());
    let cards: Vec<_> = shown.into_iter().map(|product| Card::new(visit, product)).collect();
    let (title, heading) = names(&choice.products, n_chosen, page, last);
    ProductsPage {
        title,
        heading,
        preview,
        lead: lead(listing, &choice.products, n_chosen),
        tools: visit.has(Feature::Search).then(|| tools(visit, listing, choice)),
        nothing: cards.is_empty().then(|| nothing(visit, listing, &choice.products)),
        pictures: visit.has(Feature::Pictures),
        stars: cards.iter().any(|card| card.rating.is_some()),
        added,
        add: visit.to(Route::CartItems),
        here,
        pages: pages(visit, choice, page, last),
        cards,
        layout: visit.layout(Section::Products, Some(listing)),
    }
}

/// The last page where so many products are chosen.
fn last_of(n_products: usize, page_size: usize) -> usize {
    n_products.div_ceil(page_size).max(1)
}

/// What the product `id` is called, if it is in the cart: a link that somebody kept says nothing that is not so.
fn added(visit: &Visit, listing: &Listing, id: ProductId) -> Option<String> {
    let title =
        || listing.product(id).map_or_else(|| visit.title_of_gone(id), |product| product.title.clone());
    (visit.cart.quantity(id) > 0).then(title)
}

/// The title and the heading of `page` of `last`. The heading leaves out the order, which the form beside it says. A
/// category in which there is nothing may be none of the store's: it is not called by the name in the address.
fn names(choice: &ProductQuery, n_chosen: usize, page: usize, last: usize) -> (String, String) {
    let category = choice.category.as_deref().filter(|_| n_chosen > 0).map(category_name);
    let part = match (choice.q.as_str(), category) {
        ("", None) if choice.category.is_some() => Some("No such category".to_owned()),
        ("", category) => category,
        (q, None) => Some(format!("What we found for “{}”", printable(q))),
        (q, Some(category)) => Some(format!("What we found for “{}” in {category}", printable(q))),
    };
    let order = match choice.sort {
        Sort::Featured => "",
        Sort::Cheapest => ", cheapest first",
        Sort::Dearest => ", dearest first",
        Sort::Rating => ", best rated first",
        Sort::Title => ", by name",
    };
    let place = if page > 1 {
        format!(", page {} of {}", Count::from(page), Count::from(last))
    } else {
        String::new()
    };
    let name = |details: &str| match &part {
        None if details.is_empty() => "Small-batch things for large-ish lives".to_owned(),
        part => format!("{}{details}", part.as_deref().unwrap_or("All products")),
    };
    (name(&format!("{order}{place}")), name(&place))
}

fn lead(listing: &Listing, choice: &ProductQuery, n_chosen: usize) -> String {
    if n_chosen == 0 {
        return String::new();
    }
    let products = match Count::from(n_chosen) {
        one if one.is_one() => "1 product".to_owned(),
        n_products => format!("{n_products} products"),
    };
    // Of a list that is not held here those without a rating cannot be told to be last.
    let rated =
        if listing.list.n_selected.is_some() && choice.sort == Sort::Rating { " with a rating" } else { "" };
    format!("{products}{rated}, prices in {} with VAT included.", listing.list.store.currency)
}

fn nothing(visit: &Visit, listing: &Listing, choice: &ProductQuery) -> Nothing {
    if choice.is_everything() {
        let text = "The shelves are empty just now. Please look in again in a while.".to_owned();
        return Nothing { title: "Nothing on the shelves", text, categories: Vec::new(), way_out: false };
    }
    let text = if choice.q.is_empty() {
        "There is nothing in that category.".to_owned()
    } else {
        format!("Nothing we sell goes by “{}”. Try a shorter word, or look around.", printable(&choice.q))
    };
    let home = visit.to(Route::Home);
    let link = |category: &String| Link {
        href: ListQuery {
            products: ProductQuery { category: Some(category.clone()), ..ProductQuery::ALL },
            page: 1,
        }
        .reference(&home),
        name: category_name(category),
        ..Link::default()
    };
    let categories = if visit.has(Feature::Categories) {
        listing.list.categories.iter().take(MAX_OFFERED).map(link).collect()
    } else {
        Vec::new()
    };
    Nothing { title: "Nothing quite that niche", text, categories, way_out: true }
}

fn tools(visit: &Visit, listing: &Listing, choice: &ListQuery) -> Tools {
    let home = visit.to(Route::Home);
    let category_link = |category: Option<&String>, name: String| Link {
        href: ListQuery {
            products: ProductQuery { category: category.cloned(), ..choice.products.clone() },
            page: 1,
        }
        .reference(&home),
        name,
        chosen: choice.products.category.as_ref() == category,
        ..Link::default()
    };
    let categories = &listing.list.categories;
    Tools {
        q: choice.products.q.clone(),
        category: choice.products.category.clone().unwrap_or_default(),
        sorts: Sort::ALL
            .into_iter()
            .filter(|sort| *sort != Sort::Rating || listing.list.has_ratings)
            .map(|sort| SortOption {
                value: list_query::value_of(sort),
                name: name_of(sort),
                chosen: sort == choice.products.sort,
            })
            .collect(),
        categories: if categories.is_empty() || !visit.has(Feature::Categories) {
            Vec::new()
        } else {
            std::iter::once(category_link(None, "All".to_owned()))
                .chain(
                    categories.iter().map(|category| category_link(Some(category), category_name(category))),
                )
                .collect()
        },
    }
}

/// The name of an order for the shopper.
const fn name_of(sort: Sort) -> &'static str {
    match sort {
        Sort::Featured => "Our favourites",
        Sort::Cheapest => "Price, low to high",
        Sort::Dearest => "Price, high to low",
        Sort::Rating => "Best rated",
        Sort::Title => "Name",
    }
}

/// Links to the pages around `page`, to the first and to the `last`; none where one page shows all.
fn pages(visit: &Visit, choice: &ListQuery, page: usize, last: usize) -> Vec<Link> {
    if last < 2 {
        return Vec::new();
    }
    let home = visit.to(Route::Home);
    let link = |to: usize, name: String, rel| Link {
        href: ListQuery { page: to, ..choice.clone() }.reference(&home),
        name,
        rel,
        chosen: rel.is_none() && to == page,
        count: None,
    };
    let near = page.saturating_sub(2).max(1)..=(page + 2).min(last);
    let ends = [1, last].into_iter().filter(|end| !near.contains(end));
    let mut numbers: Vec<_> = ends.chain(near.clone()).collect();
    numbers.sort_unstable();
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "Previous".to_owned(), Some("prev")));
    }
    links.extend(numbers.into_iter().map(|number| link(number, Count::from(number).to_string(), None)));
    if page < last {
        links.push(link(page + 1, "Next".to_owned(), Some("next")));
    }
    links
}

impl Page for ProductsPage<'_> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let added = self.added.as_deref().map_or_else(String::new, |title| {
            format!("{} is in your cart: GET {}\n\n", printable(title), self.layout.cart)
        });
        if let Some(nothing) = &self.nothing {
            return format!("{added}{}\n{}\n", nothing.title, nothing.text);
        }
        let has_categories = self.cards.iter().any(|card| card.category.is_some());
        let mut columns = vec![("ID", Align::Right), ("PRODUCT", Align::Left)];
        if has_categories {
            columns.push(("CATEGORY", Align::Left));
        }
        if self.stars {
            columns.push(("STARS", Align::Right));
        }
        columns.push(("PRICE", Align::Right));
        let mut table = Table::new(columns);
        for card in &self.cards {
            let mut row = vec![card.id.to_string(), card.title.to_owned()];
            if has_categories {
                row.push(card.category.clone().unwrap_or_default());
            }
            if self.stars {
                row.push(card.rating.as_ref().map_or_else(String::new, |rating| rating.stars.clone()));
            }
            row.push(card.price.to_owned());
            table.row(row);
        }
        let mut text = format!("{added}{table}\n{}: {}\n", self.heading, self.lead);
        for page in self.pages.iter().filter(|page| page.rel.is_some()) {
            writeln!(text, "{} page: GET {}", page.name, page.href).expect("a string takes it");
        }
        writeln!(text, "Add one: POST id=ID to {}", self.add).expect("a string takes it");
        text
    }
}

#[derive(Template)]
#[template(path = "product.html")]
struct ProductPage<'a> {
    layout: Layout,
    preview: Preview,
    back: Link,
    card: Card<'a>,
    /// Others of its category.
    alike: Vec<Card<'a>>,
    pictures: bool,
    add: String,
    most: u32,
}

/// `GET /products/{id}`
pub(crate) async fn show_product(
    Extension(visit): Extension<Visit>,
    Path(id): Path<String>,
) -> Result<Response, ErrorPage> {
    let id: ProductId = id.parse().map_err(|_| ErrorPage::NoProduct)?;
    let listing = visit.products([id]).await;
    let product = listing.product(id).ok_or(ErrorPage::NoProduct)?;
    let list = visit.list_before();
    let subject = Subject::Product(id, list.clone().map(|list| (list.products, list.page)));
    Ok(visit.show_shared(&listing, Some(subject), || ProductPage {
        layout: visit.layout(Section::Elsewhere, Some(&listing)),
        preview: Preview::of_product(&visit, product),
        back: back(&visit, id, list.as_ref()),
        card: Card::new(&visit, product),
        alike: alike(&visit, &listing, product),
        pictures: visit.has(Feature::Pictures),
        add: visit.to(Route::CartItems),
        most: MAX_QUANTITY,
    }))
}

/// The way back to the list, to the place of the product there: to `before`, where that is what the shopper comes from.
fn back(visit: &Visit, id: ProductId, before: Option<&ListQuery>) -> Link {
    let home = visit.to(Route::Home);
    let (href, name) = match before {
        Some(list) if list.is_everything() => (format!("{home}#p-{id}"), "All products"),
        Some(list) => (format!("{}#p-{id}", list.reference(&home)), "Back to the list"),
        None => (home, "All products"),
    };
    Link { href, name: name.to_owned(), ..Link::default() }
}

/// Those that come after `product` in its category, and then the first ones: so each is shown with one or another. Of a
/// list that is too long to be held no others are known.
fn alike<'a>(visit: &Visit, listing: &'a Listing, product: &'a Product) -> Vec<Card<'a>> {
    if product.category.is_none() || !visit.has(Feature::Categories) {
        return Vec::new();
    }
    let products = &listing.list.products;
    let place = products.iter().position(|other| other.id == product.id).unwrap_or_default();
    let (before, after) = products.split_at(place);
    let others = after.iter().chain(before).filter(|other| other.id != product.id);
    let alike = others.filter(|other| other.category == product.category);
    alike.take(MAX_ALIKE).map(|other| Card::new(visit, other)).collect()
}

impl Page for ProductPage<'_> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn text(&self) -> String {
        let Card { id, title, description, price, .. } = &self.card;
        let mut text = format!(
            "{}\n{}\n\n{price}, VAT included\n\nAdd to the cart: POST id={id} and quantity to {}\n",
            printable(title),
            printable(description),
            self.add
        );
        for other in &self.alike {
            writeln!(text, "You may also like {}: GET {}", printable(other.title), other.href)
                .expect("a string takes it");
        }
        text
    }
}
