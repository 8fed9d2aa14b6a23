//! How many orders one client may place in a while.

use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use ipnet::IpNet;
use quick_cache::sync::Cache;
use sava_service::settings::positive_duration;

use crate::client::Client;

/// Clients that are remembered; of more, those that came once and long ago begin anew. They take half a megabyte.
const MAX_CLIENTS: usize = 4096;

/// So often the log says that clients are refused.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// What a client may order: so many at once, which come back evenly over a period; or as much as it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckoutQuota(Option<Quota>);

impl Default for CheckoutQuota {
    /// What holds where none is set: room for two hundred phones behind one proxy on a stage.
    fn default() -> Self {
        const COUNT: NonZeroU32 = NonZeroU32::new(600).expect("more than none");
        Self(Some(Quota::per_minute(COUNT)))
    }
}

impl FromStr for CheckoutQuota {
    type Err = &'static str;

    /// `600/1m`: a count and a period of up to a day; or `off`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const LONGEST: Duration = Duration::from_hours(24);
        let text = text.trim();
        if text == "off" {
            return Ok(Self(None));
        }
        let quota = text.split_once('/').and_then(|(count, period)| {
            let count: NonZeroU32 = count.parse().ok()?;
            let period = positive_duration(period).ok().filter(|period| *period <= LONGEST)?;
            Some(Quota::with_period(period / count.get())?.allow_burst(count))
        });
        quota
            .map(|quota| Self(Some(quota)))
            .ok_or("takes COUNT/DURATION, such as 600/1m, of up to 1d; or off")
    }
}

/// The limit, and what each client has left of it.
pub(crate) struct CheckoutLimit {
    limiter: Option<RateLimiter<Client, Clients, DefaultClock>>,
    /// Whether this machine itself may order as much as it likes.
    spares_this_machine: bool,
    log: DefaultDirectRateLimiter,
}

impl CheckoutLimit {
    /// The limit of this quota, which nobody has used yet. The default one is not for this machine itself: whoever loads a
    /// shop there, to see what it can do, is its operator; unless one of the `trusted` proxies is there.
    pub(crate) fn new(quota: Option<CheckoutQuota>, trusted: &[IpNet]) -> Self {
        let is_local = |network: &IpNet| {
            network.contains(&IpAddr::from(Ipv4Addr::LOCALHOST))
                || network.contains(&IpAddr::from(Ipv6Addr::LOCALHOST))
        };
        let spares_this_machine = quota.is_none() && !trusted.iter().any(is_local);
        let CheckoutQuota(quota) = quota.unwrap_or_default();
        let clients = || Clients(Cache::new(MAX_CLIENTS));
        let log = Quota::with_period(LOG_INTERVAL).expect("it is longer than nothing");
        Self {
            limiter: quota.map(|quota| RateLimiter::new(quota, clients(), DefaultClock::default())),
            spares_this_machine,
            log: RateLimiter::direct(log),
        }
    }

    /// Lets a client place one order.
    ///
    /// # Errors
    /// When it has placed as many as it may: how long it has to wait for the next.
    pub(crate) fn take_one(&self, client: Client) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.spares_this_machine && client.is_this_machine() {
            return Ok(());
        }
        limiter.check_key(&client).map_err(|refused| {
            if self.log.check().is_ok() {
                tracing::warn!(
                    %client,
                    "a client orders more than CHECKOUT_LIMIT allows; if it is a proxy, TRUSTED_PROXIES can name it"
                );
            }
            refused.wait_time_from(limiter.clock().now())
        })
    }
}

impl fmt::Debug for CheckoutLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckoutLimit").finish_non_exhaustive()
    }
}

/// What is known of each client.
struct Clients(Cache<Client, Arc<InMemoryState>>);

impl StateStore for Clients {
    type Key = Client;

    fn measure_and_replace<T, F, E>(&self, client: &Client, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Ok(state) = self.0.get_or_insert_with(client, || Ok::<_, Infallible>(Arc::default()));
        state.measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    fn quota(text: &str) -> CheckoutQuota {
        text.parse().unwrap()
    }

    fn client(number: u32) -> Client {
        Client::of(std::net::Ipv4Addr::from(number).into(), &HeaderMap::new(), &[])
    }

    #[test]
    fn quotas_are_a_count_in_a_time() {
        for right in ["600/1m", "1/1d", "5/500ms", " off ", "4294967295/10s"] {
            assert!(right.parse::<CheckoutQuota>().is_ok(), "{right}");
        }
        for wrong in ["", "600", "0/1m", "-1/1m", "600/0s", "600/", "/1m", "1/2d", "600/m", "5/1ns", "on"] {
            assert!(wrong.parse::<CheckoutQuota>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_client_has_its_own() {
        let limit = CheckoutLimit::new(Some(quota("3/1h")), &[]);
        for _ in 0..3 {
            assert_eq!(limit.take_one(client(1)), Ok(()));
        }
        let wait = limit.take_one(client(1)).unwrap_err();
        assert!(wait <= Duration::from_mins(20), "{wait:?}");
        assert_eq!(limit.take_one(client(2)), Ok(()));
        let off = CheckoutLimit::new(Some(quota("off")), &[]);
        assert!((0..10_000).all(|_| off.take_one(client(1)).is_ok()));
    }

    #[test]
    fn the_default_is_for_other_machines() {
        let placed = |limit: &CheckoutLimit, address: &str| {
            let client = Client::of(address.parse().unwrap(), &HeaderMap::new(), &[]);
            (0..2000).take_while(|_| limit.take_one(client).is_ok()).count()
        };
        let limit = CheckoutLimit::new(None, &[]);
        assert_eq!((placed(&limit, "127.0.0.1"), placed(&limit, "::1")), (2000, 2000));
        for other in ["127.0.0.6", "192.0.2.1", "2001:db8::1"] {
            assert!((600..2000).contains(&placed(&limit, other)), "{other}");
        }
        // What comes by a sidecar on this machine is anybody, also where the sidecar does not say who.
        let limit = CheckoutLimit::new(None, &["127.0.0.1/32".parse().unwrap()]);
        assert!(placed(&limit, "127.0.0.1") < 2000);
        let limit = CheckoutLimit::new(Some(quota("5/1h")), &[]);
        assert_eq!(placed(&limit, "127.0.0.1"), 5, "a limit that is set is for everybody");
    }

    #[test]
    fn a_number_of_clients_is_remembered() {
        let limit = CheckoutLimit::new(Some(quota("2/1h")), &[]);
        for _ in 0..3 {
            let _ = limit.take_one(client(0));
        }
        for number in 1..100_000 {
            limit.take_one(client(number)).unwrap();
            // One that comes again and again keeps its place among those that come once.
            assert!(number % 100 > 0 || limit.take_one(client(0)).is_err(), "{number}");
        }
        assert!(limit.limiter.unwrap().into_state_store().0.len() <= MAX_CLIENTS);
    }
}
