//! Names to addresses, without the C library: the binary is static and its image is empty. Nothing is remembered for
//! longer than one connection takes, and the addresses of a name take turns, so that connections spread over pods.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names as `/etc/resolv.conf` and `/etc/hosts` say. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Resolver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// `None` means the system's.
    config: Option<ResolverConfig>,
    /// Made at the first use, within the runtime.
    resolver: OnceLock<TokioResolver>,
    /// Counts the lookups, so that each begins with another address.
    turn: AtomicUsize,
}

impl Resolver {
    /// The resolver of this machine or pod.
    #[must_use]
    pub fn of_the_system() -> Self {
        Self::new(None)
    }

    /// A resolver that asks the name servers of `config`.
    #[must_use]
    pub fn with_config(config: ResolverConfig) -> Self {
        Self::new(Some(config))
    }

    fn new(config: Option<ResolverConfig>) -> Self {
        let shared = Shared { config, resolver: OnceLock::new(), turn: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// The addresses of `name`; each call begins with another one.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let resolver = if let Some(resolver) = self.shared.resolver.get() {
            resolver
        } else {
            let made = self.make()?;
            self.shared.resolver.get_or_init(|| made)
        };
        let mut addresses: Vec<_> = resolver.lookup_ip(name).await?.iter().collect();
        // Name servers shuffle their answers, or do not: turns are taken from one order.
        addresses.sort_unstable();
        addresses.dedup();
        if !addresses.is_empty() {
            let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed) % addresses.len();
            addresses.rotate_left(turn);
        }
        Ok(addresses)
    }

    fn make(&self) -> Result<TokioResolver, NetError> {
        let mut builder = match &self.shared.config {
            Some(config) => {
                TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio()?,
        };
        let options = builder.options_mut();
        // One family where there is one: happy eyeballs would begin with the same family each time.
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        options.cache_size = 0;
        builder.build()
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
