//! The filters of a query, held against the indexes of a store: of each field, which ranks are wanted.

use std::{
    borrow::Cow,
    ops::Range,
    time::{Duration, Instant},
};

use super::{
    bad_query::BadQuery,
    parameters::{Condition, Query, Value},
};
use sava_service::collation;

use crate::catalog::{Field, Index, Store};

/// The most time that the patterns of one query may take. With the limits on their size it is reached only by hard
/// patterns over large catalogs.
const MAX_TIME: Duration = Duration::from_millis(500);

/// The ranks of one field that a query wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) field: Field,
    /// All that are wanted are in here, and where `only` says nothing, all in here are wanted.
    pub(super) ranks: Range<u32>,
    /// For each rank in `ranks` whether it is wanted.
    only: Option<Vec<bool>>,
}

impl Wanted {
    /// Whether products of this rank are wanted.
    pub(super) fn has(&self, rank: u32) -> bool {
        self.ranks.contains(&rank)
            && self.only.as_ref().is_none_or(|only| only[(rank - self.ranks.start) as usize])
    }

    /// Whether all ranks in the range are wanted.
    pub(super) fn is_whole(&self) -> bool {
        self.only.is_none()
    }

    /// How many products there are at most.
    pub(super) fn at_most(&self, index: &Index) -> usize {
        index.start(self.ranks.end) - index.start(self.ranks.start)
    }
}

/// What limits how long a query takes.
pub(super) struct Clock {
    ends: Instant,
    ticks: u32,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { ends: Instant::now() + MAX_TIME, ticks: 0 }
    }

    /// Looks at the time now and then.
    pub(super) fn tick(&mut self, parameter: &str) -> Result<(), BadQuery> {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(8) && Instant::now() > self.ends {
            return Err(BadQuery::new(
                parameter,
                "takes too long in a catalog of this size; make it simpler",
            ));
        }
        Ok(())
    }
}

/// What the filters of `query` want of each field that they name.
pub(super) fn wanted(store: &Store, query: &Query, clock: &mut Clock) -> Result<Vec<Wanted>, BadQuery> {
    let mut all: Vec<Wanted> = Vec::new();
    for filter in &query.filters {
        let field = filter.field;
        let index = store.index_of(field);
        let position = all.iter().position(|wanted| wanted.field == field).unwrap_or_else(|| {
            all.push(Wanted { field, ranks: 0..index.groups(), only: None });
            all.len() - 1
        });
        let wanted = &mut all[position];
        let rank_of = |value: &Value, past_equal: bool| first_rank(store, field, value, past_equal);
        match &filter.condition {
            Condition::AtLeast(value) => narrow(wanted, rank_of(value, false)..index.groups()),
            Condition::AtMost(value) => narrow(wanted, 0..rank_of(value, true)),
            Condition::Is(values) => {
                let ranks = ranks_of(store, field, values);
                narrow(wanted, ranks.first().map_or(0..0, |first| *first..ranks[ranks.len() - 1] + 1));
                if ranks.len() > 1 {
                    keep(wanted, |rank| Ok(ranks.binary_search(&rank).is_ok()))?;
                }
            }
            Condition::IsNot(values) => {
                let ranks = ranks_of(store, field, values);
                keep(wanted, |rank| Ok(ranks.binary_search(&rank).is_err()))?;
            }
            Condition::Like(patterns) => keep(wanted, |rank| {
                clock.tick(&filter.parameter)?;
                let text: Cow<'_, str> = if field.is_number() {
                    index.number(rank).to_string().into()
                } else {
                    store.text(field, index.group(rank)[0]).unwrap_or_default()
                };
                Ok(patterns.iter().any(|pattern| pattern.is_match(&text)))
            })?,
        }
    }
    Ok(all)
}

/// The ranks of those values that products have, in order.
fn ranks_of(store: &Store, field: Field, values: &[Value]) -> Vec<u32> {
    let group_of = |value| first_rank(store, field, value, false)..first_rank(store, field, value, true);
    let mut ranks: Vec<_> = values.iter().flat_map(group_of).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

/// The rank of the first group that is not less than `value`, or with `past_equal` of the first that is greater.
fn first_rank(store: &Store, field: Field, value: &Value, past_equal: bool) -> u32 {
    let index = store.index_of(field);
    index.partition(|rank| {
        let order = match value {
            Value::Number(value) => index.number(rank).cmp(value),
            Value::Text(value) => {
                let text = store.text(field, index.group(rank)[0]).unwrap_or_default();
                collation::compare(&text, value)
            }
        };
        order.is_lt() || past_equal && order.is_eq()
    })
}

fn narrow(wanted: &mut Wanted, ranks: Range<u32>) {
    let start = wanted.ranks.start.max(ranks.start);
    let end = wanted.ranks.end.min(ranks.end).max(start);
    if let Some(only) = &mut wanted.only {
        let offset = (start - wanted.ranks.start) as usize;
        *only = only.iter().copied().skip(offset).take((end - start) as usize).collect();
    }
    wanted.ranks = start..end;
}

fn keep(wanted: &mut Wanted, mut holds: impl FnMut(u32) -> Result<bool, BadQuery>) -> Result<(), BadQuery> {
    let kept = wanted.ranks.clone().map(|rank| Ok(wanted.has(rank) && holds(rank)?));
    let kept = kept.collect::<Result<Vec<_>, BadQuery>>()?;
    wanted.only = Some(kept);
    Ok(())
}
