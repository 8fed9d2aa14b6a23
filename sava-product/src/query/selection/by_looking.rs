//! A selection without indexes, by looking at each product, as json-server does it: what the other is held against.

use std::cmp::Ordering;

use sava_service::collation;
use serde_json::Value as Json;

use super::{
    super::parameters::{Condition, Query, Value},
    Selection, bounds,
};
use crate::{catalog::Field, decimal::Decimal};

/// The products of a data file that `query` selects, in a store that has all of them.
pub(crate) fn select(products: &[Json], query: &Query) -> Selection {
    let holds = |product: &Json| {
        query.filters.iter().all(|filter| {
            let compare = |wanted: &Value| {
                Some(match wanted {
                    Value::Number(wanted) => number(product, filter.field)?.cmp(wanted),
                    Value::Text(wanted) => collation::compare(text(product, filter.field)?, wanted),
                })
            };
            match &filter.condition {
                Condition::Is(values) => values.iter().any(|value| compare(value) == Some(Ordering::Equal)),
                Condition::IsNot(values) => {
                    values.iter().all(|value| compare(value).is_some_and(Ordering::is_ne))
                }
                Condition::AtLeast(value) => compare(value).is_some_and(Ordering::is_ge),
                Condition::AtMost(value) => compare(value).is_some_and(Ordering::is_le),
                Condition::Like(patterns) => {
                    let number = || number(product, filter.field).map(|number| number.to_string());
                    let text = text(product, filter.field).map(str::to_owned).or_else(number);
                    text.is_some_and(|text| patterns.iter().any(|pattern| pattern.is_match(&text)))
                }
            }
        }) && query.search.as_ref().is_none_or(|search| {
            let fields = [Field::Title, Field::Description, Field::Category];
            search.are_in(&fields.iter().filter_map(|field| text(product, *field)).collect::<Vec<_>>())
        })
    };
    let mut found: Vec<u32> =
        (0..).zip(products).filter(|(_, product)| holds(product)).map(|(position, _)| position).collect();
    found.sort_by(|one, other| {
        let (one, other) = (&products[*one as usize], &products[*other as usize]);
        query.sort.iter().fold(Ordering::Equal, |order, key| {
            order.then_with(|| {
                let order = if key.field.is_number() {
                    last(number(one, key.field), number(other, key.field), Ord::cmp)
                } else {
                    let compare = |one: &&str, other: &&str| collation::compare(one, other);
                    last(text(one, key.field), text(other, key.field), compare)
                };
                if key.descending { order.reverse() } else { order }
            })
        })
    });
    let window = bounds(query.window);
    let total = found.len();
    let within = |place: usize| place.min(total);
    Selection { positions: found[within(window.start)..within(window.end)].to_vec(), total }
}

/// The order of two that may not be there: those that are not come last.
fn last<T>(one: Option<T>, other: Option<T>, compare: impl Fn(&T, &T) -> Ordering) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => compare(&one, &other),
        (one, other) => one.is_none().cmp(&other.is_none()),
    }
}

fn member(product: &Json, field: Field) -> Option<&Json> {
    field.name().split('.').try_fold(product, |at, name| at.get(name))
}

fn number(product: &Json, field: Field) -> Option<Decimal> {
    Decimal::parse(&member(product, field)?.as_number()?.to_string()).ok()
}

fn text(product: &Json, field: Field) -> Option<&str> {
    member(product, field)?.as_str()
}
