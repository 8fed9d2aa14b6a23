//! Name servers, and how they are asked: resolv.conf(5).

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ServerOrderingStrategy},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::Name,
};

use super::ResolveError;

/// The name servers of a resolv.conf.
#[derive(Debug)]
pub(super) struct Dns {
    resolv_conf: PathBuf,
    port: u16,
    /// What the file says, as it was last read. Held only to look, never over an await.
    read: Mutex<Option<Arc<Read>>>,
}

#[derive(Debug)]
struct Read {
    text: Vec<u8>,
    resolver: TokioResolver,
    search: Vec<Name>,
    /// A name with fewer dots is looked for in the search list first.
    n_dots: usize,
}

impl Dns {
    pub(super) fn new(resolv_conf: PathBuf, port: u16) -> Self {
        Self { resolv_conf, port, read: Mutex::new(None) }
    }

    /// The addresses of `name`, at least one and in order, and until when they may be used.
    pub(super) async fn look_up(&self, name: &str) -> Result<(Arc<[IpAddr]>, Instant), ResolveError> {
        let read = self.read()?;
        let mut failure = None;
        for candidate in read.candidates(name)? {
            match read.resolver.lookup_ip(candidate).await {
                Ok(found) => {
                    // Name servers shuffle their answers, or do not: turns are taken from one order.
                    let mut addresses: Vec<_> = found.iter().collect();
                    addresses.sort_unstable();
                    addresses.dedup();
                    if !addresses.is_empty() {
                        return Ok((addresses.into(), found.valid_until()));
                    }
                }
                // The rest of the search list would take as long.
                Err(error @ NetError::Timeout) => return Err(error.into()),
                Err(error) => {
                    // "I cannot say" weighs more than "there is none".
                    if failure.as_ref().is_none_or(NetError::is_no_records_found) {
                        failure = Some(error);
                    }
                }
            }
        }
        Err(failure.unwrap_or_else(|| "no address".into()).into())
    }

    /// What the file says now. Without a file, or a name server in it, the one of this machine is asked.
    fn read(&self) -> Result<Arc<Read>, ResolveError> {
        let text = std::fs::read(&self.resolv_conf).unwrap_or_default();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = read.as_ref().filter(|read| read.text == text) {
            return Ok(Arc::clone(read));
        }
        let new = Arc::new(Read::new(text, self.port)?);
        *read = Some(Arc::clone(&new));
        Ok(new)
    }
}

impl Read {
    fn new(text: Vec<u8>, port: u16) -> Result<Self, ResolveError> {
        let (config, mistakes) = resolv_conf::Config::parse_with_errors(&text);
        for mistake in mistakes {
            tracing::warn!(%mistake, "a line of resolv.conf cannot be read");
        }
        let search = config.get_last_search_or_domain();
        let search = search.filter_map(|domain| Name::from_str_relaxed(domain).ok()).collect();
        let servers = config.get_nameservers_or_local();
        let servers = servers.into_iter().map(|address| name_server(address.into(), port, config.use_vc));
        let servers = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let mut builder = TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        // One family where there is one: happy eyeballs would begin with the same family each time.
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        options.edns0 = config.edns0;
        options.timeout = Duration::from_secs(config.timeout.clamp(1, 30).into());
        // hickory counts what comes after the first.
        options.attempts = config.attempts.clamp(1, 5) as usize - 1;
        options.server_ordering_strategy = if config.rotate {
            ServerOrderingStrategy::RoundRobin
        } else {
            ServerOrderingStrategy::UserProvidedOrder
        };
        let n_dots = config.ndots.min(15) as usize;
        Ok(Self { resolver: builder.build()?, text, search, n_dots })
    }

    /// The full names that `name` may stand for, in the order in which they are asked for.
    fn candidates(&self, name: &str) -> Result<Vec<Name>, ResolveError> {
        // "Relaxed": names of Compose's and Swarm's services have underscores.
        let mut as_written = Name::from_str_relaxed(name).map_err(NetError::from)?;
        if as_written.is_fqdn() {
            return Ok(vec![as_written]);
        }
        let longer = self.search.iter().filter_map(|domain| as_written.clone().append_domain(domain).ok());
        let mut candidates: Vec<_> = longer.collect();
        as_written.set_fqdn(true);
        let is_first = name.matches('.').count() >= self.n_dots;
        candidates.insert(if is_first { 0 } else { candidates.len() }, as_written);
        for candidate in &mut candidates {
            candidate.set_fqdn(true);
        }
        Ok(candidates)
    }
}

fn name_server(address: IpAddr, port: u16, is_tcp_only: bool) -> NameServerConfig {
    let mut server =
        if is_tcp_only { NameServerConfig::tcp(address) } else { NameServerConfig::udp_and_tcp(address) };
    for connection in &mut server.connections {
        connection.port = port;
    }
    server
}
