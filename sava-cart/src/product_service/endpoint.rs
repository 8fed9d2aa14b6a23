//! Where the product service is, and what all connections to it have in common.

use std::{io, sync::Arc, time::Duration};

use axum::http::HeaderMap;
use reqwest::{ClientBuilder, Url};
use sava_service::resolver::{ResolveError, Resolver};

use super::{
    https,
    preview_release::{PreviewRelease, X_SAVA_PREVIEW},
};
use crate::{
    authorities::Authorities,
    relay::{Relay, Server},
};

/// Connecting takes no longer, once the name is resolved.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// One request takes no longer, all attempts and the body included.
pub(crate) const DEADLINE: Duration = Duration::from_millis(1500);

/// Where the product service is. A handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Ends in a slash.
    base: Url,
    resolver: Resolver,
    /// The way to a service that speaks TLS.
    relay: Option<Arc<Relay>>,
    /// The release that each request asks a router to send it to.
    preview: Option<PreviewRelease>,
}

impl Endpoint {
    /// The product service below `base`, an http or https URL, whose host `resolver` finds; by https it is one that the
    /// `authorities` vouch for.
    ///
    /// # Errors
    /// When there is no way to a service by https.
    pub fn new(base: &Url, resolver: Resolver, authorities: &Authorities) -> io::Result<Self> {
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let relay = if base.scheme() == "https" {
            let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let port = base.port_or_known_default().unwrap_or(443);
            let relay = https::relay(Server { resolver: resolver.clone(), host, port }, authorities)?;
            // To the relay it is plain.
            base = format!("http{}", base.as_str().trim_start_matches("https"))
                .parse()
                .map_err(io::Error::other)?;
            base.set_port(Some(port)).map_err(|()| io::Error::other("it has no port"))?;
            Some(Arc::new(relay))
        } else {
            None
        };
        Ok(Self { base, resolver, relay, preview: None })
    }

    /// The same, where each request asks for that release.
    pub(crate) fn previewing(&self, release: &PreviewRelease) -> Self {
        Self { preview: Some(release.clone()), ..self.clone() }
    }

    /// The release that each request asks for, for log lines.
    pub(crate) fn preview(&self) -> Option<&str> {
        self.preview.as_ref().map(PreviewRelease::as_str)
    }

    /// The URL of `path`, which is of plain segments, without a slash before them.
    pub(crate) fn url(&self, path: &str) -> Result<Url, String> {
        self.base.join(path).map_err(|error| error.to_string())
    }

    /// Waits for the addresses of the service, as long as name servers take: connecting then need not wait for them.
    pub(crate) async fn prepare(&self) -> Result<(), ResolveError> {
        self.resolver.prepare(self.base.host_str().unwrap_or_default()).await
    }

    /// A client that has no connection yet. Another host is not the product service, so redirects are not followed; and
    /// the environment's proxy is not for inside a cluster.
    pub(crate) fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder()
            .dns_resolver(self.resolver.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .default_headers(self.default_headers());
        match &self.relay {
            Some(relay) => builder.unix_socket(relay.socket()),
            None => builder,
        }
    }

    fn default_headers(&self) -> HeaderMap {
        self.preview.iter().map(|release| (X_SAVA_PREVIEW, release.header_value())).collect()
    }
}
