//! The oracle: it remembers what shoppers were promised, and compares it with what the database has.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::database::StoredOrder;

/// A page is promised within two seconds, whatever the product service does; the rest is for a machine that has other
/// work as well.
const BUDGET: Duration = Duration::from_secs(5);
/// Pages that need the orders' database wait for one that is well for eight seconds, and for an answer to what they try
/// again for another three, so that an order that can be placed is placed.
const BUDGET_WITH_ORDERS: Duration = Duration::from_secs(14);
/// More would be the same again.
const MAX_FINDINGS: usize = 20;

/// An order of which a shopper was told that it is placed.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) number: String,
    /// The name in its address: each shopper has their own.
    pub(crate) shopper: String,
    /// The key of the form that placed it.
    pub(crate) form_key: String,
    /// The digits of the total that the form's page showed.
    pub(crate) total: String,
    /// When the shopper had read it.
    pub(crate) at: SystemTime,
}

/// What all shoppers of a run saw, and what must not be.
#[derive(Debug, Default)]
pub(crate) struct Oracle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    promises: Vec<Promise>,
    /// The keys of all forms that were sent, by shopper.
    sent: HashMap<String, String>,
    figures: BTreeMap<&'static str, u64>,
    findings: Vec<String>,
}

impl Oracle {
    /// One more of what `figure` counts.
    pub(crate) fn count(&self, figure: &'static str) {
        self.add(figure, 1);
    }

    pub(crate) fn add(&self, figure: &'static str, count: u64) {
        *self.lock().figures.entry(figure).or_default() += count;
    }

    /// The most of what `figure` measures.
    pub(crate) fn peak(&self, figure: &'static str, value: u64) {
        let mut state = self.lock();
        let peak = state.figures.entry(figure).or_default();
        *peak = value.max(*peak);
    }

    /// What was counted of `figure` so far.
    pub(crate) fn figure(&self, figure: &str) -> u64 {
        self.lock().figures.get(figure).copied().unwrap_or_default()
    }

    /// How many orders were acknowledged so far.
    pub(crate) fn promised(&self) -> usize {
        self.lock().promises.len()
    }

    /// Adds up what another oracle counted, and takes over what it found in `part` of this run.
    pub(crate) fn take(&self, other: &Self, part: &str) {
        let (figures, findings) = {
            let other = other.lock();
            (other.figures.clone(), other.findings.clone())
        };
        for (figure, count) in figures {
            if figure.starts_with("ms ") {
                self.peak(figure, count);
            } else {
                self.add(figure, count);
            }
        }
        for finding in findings {
            self.find(format!("{part}: {finding}"));
        }
    }

    /// Something that must not be.
    pub(crate) fn find(&self, finding: impl Into<String>) {
        let mut state = self.lock();
        if state.findings.len() < MAX_FINDINGS {
            state.findings.push(finding.into());
        }
    }

    /// A page took so long.
    pub(crate) fn page_took(&self, path: &str, took: Duration) {
        self.count("pages");
        self.peak("ms for the slowest page", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let has_orders = path == "POST /checkout" || path.starts_with("/orders");
        if took > if has_orders { BUDGET_WITH_ORDERS } else { BUDGET } {
            self.find(format!("{path} took {:.1} s", took.as_secs_f64()));
        }
    }

    /// A shopper sends this form, and perhaps never learns what became of it.
    pub(crate) fn is_sent(&self, form_key: &str, shopper: &str) {
        self.lock().sent.insert(form_key.to_owned(), shopper.to_owned());
    }

    /// A shopper was told that this order is placed.
    pub(crate) fn is_promised(&self, promise: Promise) {
        let mut state = self.lock();
        *state.figures.entry("orders acknowledged").or_default() += 1;
        state.promises.push(promise);
    }

    /// Compares what was promised with all orders that there are.
    pub(crate) fn compare(&self, stored: &[StoredOrder]) {
        let findings = self.lock().compare(None, stored);
        self.lock().figures.insert("orders in the database", stored.len() as u64);
        for finding in findings {
            self.find(finding);
        }
    }

    /// What is wrong with these orders, if they are all that there were at this time (or at the end).
    pub(crate) fn compare_until(&self, time: Option<SystemTime>, stored: &[StoredOrder]) -> Vec<String> {
        self.lock().compare(time, stored)
    }

    /// What was counted and what was found.
    pub(crate) fn into_parts(self) -> (BTreeMap<&'static str, u64>, Vec<String>) {
        let state = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        (state.figures, state.findings)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn compare(&self, until: Option<SystemTime>, stored: &[StoredOrder]) -> Vec<String> {
        let mut findings = Vec::new();
        let mut numbers: HashMap<&str, Vec<&StoredOrder>> = HashMap::new();
        let mut form_keys = HashSet::new();
        for order in stored {
            numbers.entry(&order.number).or_default().push(order);
            if !form_keys.insert(&order.form_key) {
                findings.push(format!("the form of {} placed two orders", order.number));
            }
            match self.sent.get(&order.form_key) {
                None => findings.push(format!("nobody sent the form of {}", order.number)),
                Some(shopper) if *shopper != order.name => {
                    findings.push(format!("{} of {shopper} is kept as one of {}", order.number, order.name));
                }
                Some(_) => {}
            }
        }
        for promise in self.promises.iter().filter(|promise| until.is_none_or(|until| promise.at < until)) {
            let Promise { number, shopper, form_key, total, .. } = promise;
            match numbers.get(number.as_str()).map(Vec::as_slice) {
                None => findings.push(format!("{number} of {shopper} was acknowledged and is lost")),
                Some([order]) => {
                    if order.form_key != *form_key || order.name != *shopper {
                        findings.push(format!("{number} is not the order that {shopper} placed"));
                    }
                    if order.total.to_string() != *total {
                        findings.push(format!("{number} has the total {}, shown was {total}", order.total));
                    }
                }
                Some(orders) => findings.push(format!("{number} is there {} times", orders.len())),
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(number: &str, form_key: &str) -> StoredOrder {
        StoredOrder {
            number: number.to_owned(),
            form_key: form_key.to_owned(),
            name: "Shopper 1".to_owned(),
            total: 750,
        }
    }

    /// One promised order, with the number "IE-1", of the form "a"; the form "b" was sent, too.
    fn found(stored: &[StoredOrder]) -> Vec<String> {
        let oracle = Oracle::default();
        oracle.is_sent("a", "Shopper 1");
        oracle.is_sent("b", "Shopper 1");
        oracle.is_promised(Promise {
            number: "IE-1".to_owned(),
            shopper: "Shopper 1".to_owned(),
            form_key: "a".to_owned(),
            total: "750".to_owned(),
            at: SystemTime::UNIX_EPOCH,
        });
        oracle.compare(stored);
        oracle.into_parts().1
    }

    #[test]
    fn what_is_kept_as_promised_is_no_finding() {
        assert_eq!(found(&[order("IE-1", "a")]), [""; 0]);
        assert_eq!(found(&[order("IE-1", "a"), order("IE-2", "b")]), [""; 0], "an answer may be lost");
    }

    #[test]
    fn each_broken_promise_is_found() {
        let other_total = StoredOrder { total: 751, ..order("IE-1", "a") };
        let other_name = StoredOrder { name: "Shopper 2".to_owned(), ..order("IE-1", "a") };
        for (stored, says) in [
            (vec![], "acknowledged and is lost"),
            (vec![order("IE-1", "a"), order("IE-1", "b")], "is there 2 times"),
            (vec![order("IE-1", "a"), order("IE-2", "a")], "placed two orders"),
            (vec![order("IE-1", "b")], "is not the order that Shopper 1 placed"),
            (vec![order("IE-1", "a"), order("IE-2", "c")], "nobody sent the form of IE-2"),
            (vec![other_total], "has the total 751, shown was 750"),
            (vec![other_name], "is kept as one of Shopper 2"),
        ] {
            let findings = found(&stored);
            assert!(findings.iter().any(|finding| finding.contains(says)), "{says}: {findings:?}");
        }
    }

    #[test]
    fn a_page_beyond_its_budget_is_found() {
        let oracle = Oracle::default();
        oracle.page_took("/", BUDGET);
        oracle.page_took("/cart", BUDGET + Duration::from_millis(1));
        oracle.page_took("/orders", BUDGET_WITH_ORDERS);
        let (figures, findings) = oracle.into_parts();
        assert_eq!(figures["pages"], 3);
        assert_eq!(findings, ["/cart took 5.0 s"]);
    }
}
