//! A product service that is reached by https, for a client that speaks no TLS.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{net::UnixStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, crypto::ring, pki_types::ServerName},
};

use crate::{
    authorities::Authorities,
    relay::{Relay, Server},
};

/// The handshake takes no longer.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a connection goes on by TLS.
struct Tunnel {
    server: Server,
    connector: TlsConnector,
    /// Whom the server has to be.
    name: ServerName<'static>,
    /// Why the last connection failed, so that only news is logged. Held only to look, never over an await.
    failure: Mutex<Option<String>>,
}

/// Begins to relay what comes to `server`, which is the one that it is taken for by the word of the `authorities`.
///
/// # Errors
/// When its host is neither a name nor an address that a certificate can be for, or the socket cannot be made.
pub(super) fn relay(server: Server, authorities: &Authorities) -> io::Result<Relay> {
    let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(authorities.anchors())
        .with_no_client_auth();
    let port = server.port;
    let connector = TlsConnector::from(Arc::new(config));
    let tunnel = Arc::new(Tunnel { server, connector, name, failure: Mutex::default() });
    Relay::start(port, move |stream| {
        let tunnel = Arc::clone(&tunnel);
        async move {
            let failure = tunnel.carry(stream).await.err().map(|error| error.to_string());
            tunnel.report(failure);
        }
    })
}

impl Tunnel {
    /// Carries what comes on `stream` to the server, and back, until either side ends.
    async fn carry(&self, mut stream: UnixStream) -> io::Result<()> {
        let server = self.server.connect().await?;
        let shaken = self.connector.connect(self.name.clone(), server);
        let mut server = timeout(HANDSHAKE_TIMEOUT, shaken).await.map_err(io::Error::from).flatten()?;
        self.report(None);
        // How they end is for the two to see.
        let _ended = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
        Ok(())
    }

    fn report(&self, failure: Option<String>) {
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failure.as_ref().filter(|failure| last.as_ref() != Some(failure)) {
            let Server { host, port, .. } = &self.server;
            tracing::warn!(error, host, port, "the product service cannot be connected to by https");
        }
        *last = failure;
    }
}
