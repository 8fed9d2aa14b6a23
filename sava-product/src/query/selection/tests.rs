use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fixture;

fn shop() -> std::sync::Arc<Store> {
    fixture::store([
        json!({"title": "Axe", "price": 25, "category": "garden", "rating": {"stars": 4.5, "reviews": 10}}),
        json!({"title": "beard oil", "price": 9.99, "category": "style"}),
        json!({"title": "Candle", "price": 25.5, "category": "home", "description": "smells of a \"forest\""}),
        json!({"title": "Désert cap", "price": 25, "category": "style", "rating": {"stars": 3, "reviews": 2}}),
        json!({"title": "Espresso", "price": 2, "img": "axe.svg", "alt": "A small cup"}),
        json!({"title": "axe", "price": 100, "category": "garden"}),
    ])
}

#[track_caller]
fn check(query: &str, ids: &[u32], total: usize) {
    let selection = select(&shop(), &Query::parse(query).unwrap()).unwrap();
    let found: Vec<_> = selection.positions.iter().map(|position| position + 1).collect();
    assert_eq!((found.as_slice(), selection.total), (ids, total), "{query}");
}

#[test]
fn pages_and_slices_are_cut_from_all_products() {
    check("", &[1, 2, 3, 4, 5, 6], 6);
    check("_page=1&_limit=4", &[1, 2, 3, 4], 6);
    check("_page=2&_limit=4", &[5, 6], 6);
    check("_page=3&_limit=4", &[], 6);
    check("_page=9999999999999999&_limit=1000", &[], 6);
    check("_page=1", &[1, 2, 3, 4, 5, 6], 6);
    check("_limit=2", &[1, 2], 6);
    check("_start=1&_end=3", &[2, 3], 6);
    check("_start=4", &[5, 6], 6);
    check("_end=2", &[1, 2], 6);
    check("_start=4&_limit=5", &[5, 6], 6);
    check("_start=9&_end=99", &[], 6);
    check("_start=0&_end=0", &[], 6);
}

#[test]
fn equal_ones_keep_the_order_of_the_file_also_backwards() {
    check("_sort=price", &[5, 2, 1, 4, 3, 6], 6);
    check("_sort=price&_order=DESC", &[6, 3, 1, 4, 2, 5], 6);
    check("_sort=price&_order=desc&_page=2&_limit=2", &[1, 4], 6);
    check("_sort=price&_order=desc&_start=3&_end=5", &[4, 2], 6);
    check("_sort=price,id&_order=asc,desc", &[5, 2, 4, 1, 3, 6], 6);
    check("_sort=category,price&_order=desc", &[5, 2, 4, 3, 1, 6], 6);
    check("_order=desc", &[1, 2, 3, 4, 5, 6], 6);
}

#[test]
fn text_is_sorted_as_in_a_dictionary() {
    // Axe and axe are one word in two cases: the lower one is first.
    check("_sort=title", &[6, 1, 2, 3, 4, 5], 6);
    check("_sort=title&_order=desc", &[5, 4, 3, 2, 1, 6], 6);
}

#[test]
fn products_without_the_field_come_last_and_backwards_first() {
    check("_sort=rating.stars", &[4, 1, 2, 3, 5, 6], 6);
    check("_sort=rating.stars&_order=desc", &[2, 3, 5, 6, 1, 4], 6);
}

#[test]
fn a_field_is_equal_by_value() {
    check("price=25", &[1, 4], 2);
    check("price=25.00", &[1, 4], 2);
    check("price=2.5e1&price=2", &[1, 4, 5], 3);
    check("title=axe", &[6], 1);
    check("title=axe&title=Axe", &[1, 6], 2);
    check("title=AXE", &[], 0);
    check("id=3", &[3], 1);
    check("locale=ie&_limit=1", &[1], 6);
    check("locale=uk", &[], 0);
    check("img=/images/axe.svg", &[5], 1);
    check("rating.reviews=2", &[4], 1);
    check("category=", &[], 0);
}

#[test]
fn ranges_are_inclusive() {
    check("price_gte=25&price_lte=25.5", &[1, 3, 4], 3);
    check("price_gte=25.000000000000000001", &[3, 6], 2);
    check("price_gte=101", &[], 0);
    check("price_lte=-1", &[], 0);
    check("price_gte=50&price_lte=10", &[], 0);
    check("title_gte=Candle", &[3, 4, 5], 3);
    check("rating.stars_lte=5", &[1, 4], 2);
    check("price_gte=9&_sort=price&_order=desc&_limit=2", &[6, 3], 5);
}

#[test]
fn other_values_are_those_of_products_that_have_the_field() {
    check("price_ne=25", &[2, 3, 5, 6], 4);
    check("price_ne=25&price_ne=2", &[2, 3, 6], 3);
    check("category_ne=style", &[1, 3, 6], 3);
}

#[test]
fn patterns_are_found_in_whatever_case() {
    check("title_like=^A", &[1, 6], 2);
    check("title_like=OIL|cap$", &[2, 4], 2);
    check("title_like=oil&title_like=cap", &[2, 4], 2);
    check("price_like=^25", &[1, 3, 4], 3);
    check("title_like=D%C3%89S", &[4], 1);
    check("category_like=.", &[1, 2, 3, 4, 6], 5);
}

#[test]
fn text_is_found_in_title_description_and_category() {
    check("q=AXE", &[1, 6], 2);
    check("q=forest", &[3], 1);
    check("q=%22FOREST%22", &[3], 1);
    check("q=garden", &[1, 6], 2);
    check("q=AX%C3%88", &[1, 6], 2);
    check("q=axe&q=garden", &[1, 6], 2);
    check("q=axe&q=forest", &[], 0);
    for letter in ["a", "e", "%C3%B8", "%E1%BB%87", "%F0%9F%A6%86"] {
        check(&format!("q={}", letter.repeat(200)), &[], 0);
    }
    check("q=.", &[], 0);
    check("q=cup", &[], 0);
    check("q=", &[1, 2, 3, 4, 5, 6], 6);
}

#[test]
fn filters_of_several_fields_all_hold() {
    check("price_gte=20&category=style", &[4], 1);
    check("category=garden&q=axe&_sort=price&_order=desc", &[6, 1], 2);
    check("category=garden&title_ne=axe", &[1], 1);
    check("price=25&_sort=title&_order=desc&_page=1&_limit=1", &[4], 2);
    check("price_ne=2&_sort=price&_page=2&_limit=2", &[4, 3], 5);
}

#[test]
fn a_pattern_cannot_be_made_slow() {
    let long = "a".repeat(20_000);
    let products = (0..50).map(|_| json!({"title": long}));
    let store = fixture::store(products);
    let started = std::time::Instant::now();
    for pattern in ["(a*)*b", "(a|a)*c", "a{1,50}a{1,50}b$", "(.*)(.*)(.*)(.*)x"] {
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("title_like", pattern).finish();
        let _ = Query::parse(&query).map(|query| select(&store, &query));
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

fn some_query() -> impl Strategy<Value = String> {
    let filter = prop_oneof![
        ("price|rating.stars|id", "|_gte|_lte|_ne", 0..5_u8)
            .prop_map(|(field, operator, value)| { format!("{field}{operator}={value}") }),
        ("|_gte|_lte|_ne|_like", "[abAB]{1,2}")
            .prop_map(|(operator, text)| format!("title{operator}={text}")),
        "[ab]".prop_map(|text| format!("q={text}")),
    ];
    let key = "price|rating.stars|id|title";
    let sort = prop_oneof![
        Just(String::new()),
        (key, "asc|desc").prop_map(|(key, order)| format!("_sort={key}&_order={order}")),
        (key, key, "asc|desc", "asc|desc")
            .prop_map(|(one, other, first, second)| format!("_sort={one},{other}&_order={first},{second}")),
    ];
    let window = prop_oneof![
        Just(String::new()),
        (1..6_u8, 1..6_u8).prop_map(|(page, limit)| format!("_page={page}&_limit={limit}")),
        (0..9_u8, 0..9_u8).prop_map(|(start, more)| format!("_start={start}&_end={}", start + more)),
    ];
    (prop::collection::vec(filter, 0..3), sort, window)
        .prop_map(|(filters, sort, window)| [filters, vec![sort, window]].concat().join("&"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn indexes_select_what_looking_at_each_product_does(
        products in prop::collection::vec((0..4_u8, prop::option::of(0..4_u8), "[abAB]{1,2}"), 0..20),
        query in some_query(),
    ) {
        let products: Vec<_> = products.into_iter().enumerate().map(|(place, (price, stars, title))| {
            let mut product = json!({"id": place % 3 * 100 + place, "price": price, "title": title, "description": "-"});
            if let Some(stars) = stars {
                product["rating"] = json!({"stars": stars, "reviews": 1});
            }
            product
        }).collect();
        let store = fixture::store(products.clone());
        // What cannot be parsed here says one thing twice.
        if let Ok(query) = Query::parse(&query) {
            prop_assert_eq!(select(&store, &query), Ok(by_looking::select(&products, &query)));
        }
    }
}
