//! Names to addresses, without the C library: the binary is static and its image is empty.
//!
//! What the C library does by default is done here too, because that is what people know: `/etc/hosts` first (hosts(5)),
//! then the name servers of `/etc/resolv.conf` with its search list as written, `ndots`, `rotate`, `timeout` and
//! `attempts` (resolv.conf(5)). Both files are read again when they change. hickory's own reader of the system's files puts
//! the part behind the first dot of the host's name before the search list, which in a pod whose name has dots is no
//! domain at all, and asks `/etc/hosts` last; so hickory is given one name at a time here.

mod dns;
mod hosts;
mod http_client;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use hickory_resolver::net::NetError;

use self::dns::Dns;

/// An answer is used this long without asking again: those who connect at the same time ask once.
const FRESH: Duration = Duration::from_millis(100);
/// Where there is an answer whose time to live has not ended, a name server has this long to give a newer one.
const PATIENCE: Duration = Duration::from_millis(100);

/// Resolves names as `/etc/hosts` and `/etc/resolv.conf` say. A handle, cheap to clone.
///
/// Every connection asks again, so a pod that is gone is not connected to for as long as a time to live. Nothing that a
/// name server says is thrown away for being late: a look-up goes on when nobody waits for it any more, and its answer
/// serves for its time to live while the name server is slow or away.
///
/// Resolution are kept for each name that was asked for, so names are to come from settings, not from requests.
#[derive(Clone, Debug)]
pub struct Resolver {
    parts: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hosts: PathBuf,
    dns: Dns,
    names: Mutex<HashMap<String, NameEntry>>,
    /// Counts the look-ups, so that each begins with another address.
    turn: AtomicUsize,
}

/// What is known of a name.
#[derive(Debug, Default)]
struct NameEntry {
    look_up: Option<LookUp>,
    answer: Option<Resolution>,
}

type LookUp = Shared<BoxFuture<'static, Result<Arc<[IpAddr]>, ResolveError>>>;

/// What name servers said.
#[derive(Clone, Debug)]
struct Resolution {
    /// At least one, in order.
    addresses: Arc<[IpAddr]>,
    came: Instant,
    /// The end of the records' time to live.
    valid_until: Instant,
}

/// Why a name has no address.
#[derive(Clone, Debug)]
pub struct ResolveError(Arc<NetError>);

impl ResolveError {
    /// Whether name servers answered, and know no address of the name.
    #[must_use]
    pub(crate) fn is_not_found(&self) -> bool {
        self.0.is_no_records_found()
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl std::error::Error for ResolveError {}

impl<E: Into<NetError>> From<E> for ResolveError {
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl Resolver {
    /// The resolver of this machine or pod.
    #[must_use]
    pub fn of_the_system() -> Self {
        Self::of_files("/etc/hosts", "/etc/resolv.conf", 53)
    }

    /// A resolver that reads these files, and asks name servers at `port`.
    #[must_use]
    pub fn of_files(hosts: impl Into<PathBuf>, resolv_conf: impl Into<PathBuf>, port: u16) -> Self {
        let parts = Inner {
            hosts: hosts.into(),
            dns: Dns::new(resolv_conf.into(), port),
            names: Mutex::default(),
            turn: AtomicUsize::new(0),
        };
        Self { parts: Arc::new(parts) }
    }

    /// The addresses of `name`, of one family where it has IPv4 addresses; each call begins with another one.
    ///
    /// # Errors
    /// When neither `/etc/hosts` nor a name server knows an address of it, or none answers.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let mut addresses = self.look_up(name).await?.to_vec();
        // Two families are those of one place, localhost: the first is tried first.
        if addresses.iter().all(|address| address.is_ipv4() == addresses[0].is_ipv4()) {
            let turn = self.parts.turn.fetch_add(1, Ordering::Relaxed) % addresses.len();
            addresses.rotate_left(turn);
        }
        Ok(addresses)
    }

    /// Waits until `name` is resolved, so that connecting, which has a time limit of its own, need not wait for it.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub async fn prepare(&self, name: &str) -> Result<(), ResolveError> {
        self.look_up(name).await.map(drop)
    }

    async fn look_up(&self, name: &str) -> Result<Arc<[IpAddr]>, ResolveError> {
        let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        if let Ok(address) = literal.parse() {
            return Ok(Arc::new([address]));
        }
        let addresses = hosts::look_up(&self.parts.hosts, name);
        if !addresses.is_empty() {
            return Ok(addresses.into());
        }
        if is_localhost(name) {
            return Ok(Arc::new([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]));
        }
        let (look_up, valid) = {
            let mut names = self.parts.names();
            let known = names.entry(name.to_owned()).or_default();
            let answer = known.answer.as_ref();
            if let Some(answer) = answer.filter(|answer| answer.came.elapsed() < FRESH) {
                return Ok(Arc::clone(&answer.addresses));
            }
            let valid = answer.filter(|answer| Instant::now() < answer.valid_until);
            let valid = valid.map(|answer| Arc::clone(&answer.addresses));
            let look_up =
                known.look_up.get_or_insert_with(|| Inner::ask(Arc::clone(&self.parts), name.to_owned()));
            (look_up.clone(), valid)
        };
        let Some(valid) = valid else { return look_up.await };
        match tokio::time::timeout(PATIENCE, look_up).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) if error.is_not_found() => Err(error),
            Ok(Err(_)) | Err(_) => Ok(valid),
        }
    }
}

impl Inner {
    /// Begins a look-up in a task of its own, which goes on when nobody waits for it any more.
    fn ask(self: Arc<Self>, name: String) -> LookUp {
        let task = tokio::spawn(async move {
            let result = self.dns.look_up(&name).await;
            let mut names = self.names();
            let known = names.entry(name).or_default();
            known.look_up = None;
            let (addresses, valid_until) = result?;
            let answer = Resolution { addresses, came: Instant::now(), valid_until };
            let addresses = Arc::clone(&answer.addresses);
            known.answer = Some(answer);
            Ok(addresses)
        });
        async move { task.await.unwrap_or_else(|_| Err("the look-up ended too early".into())) }
            .boxed()
            .shared()
    }

    /// Held only to look, never over an await.
    fn names(&self) -> MutexGuard<'_, HashMap<String, NameEntry>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// These names are the machine's own, whatever name servers say (RFC 6761 §6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}
