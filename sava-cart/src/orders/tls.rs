//! TLS to PostgreSQL, as libpq means it: `sslmode`, `sslrootcert`, `sslcert` and `sslkey` (PostgreSQL's manual, "SSL
//! Support" of libpq).

use std::{io, path::Path, sync::Arc};

use reqwest::Url;
use sqlx::postgres::PgSslMode;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error,
    client::Resumption,
    crypto::ring,
    pki_types::{PrivateKeyDer, ServerName, pem::PemObject as _},
};

use super::certificate::Verifier;
use crate::authorities::{Authorities, certificates};

/// How connections to a server are encrypted, and what its certificate has to be.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    mode: PgSslMode,
    /// The host as the URL has it.
    host: String,
    /// The same, as `verify-full` finds it in the certificate.
    name: ServerName<'static>,
    authorities: Option<Trusted>,
    /// The files of a certificate of our own, and of its key.
    own: Option<(String, String)>,
}

/// Whose word is taken for the server's certificate.
#[derive(Clone, Debug)]
enum Trusted {
    /// The public authorities.
    Public,
    /// Those in a file.
    File(String),
}

/// What a URL says of TLS. Its messages say what is wrong, and hold nothing that may be a password.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    mode: Option<PgSslMode>,
    authorities: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Parameters {
    /// Reads them from the URL, or else from the variables of libpq, as sqlx does the others.
    ///
    /// # Errors
    /// When one is not libpq's, or asks for a protection that would not be there.
    pub(super) fn read(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut mode = variable("PGSSLMODE");
        let mut authorities = variable("PGSSLROOTCERT");
        let (mut certificate, mut key) = (variable("PGSSLCERT"), variable("PGSSLKEY"));
        for (parameter, value) in url.query_pairs() {
            let place = match &*parameter {
                // The second names are sqlx's.
                "sslmode" | "ssl-mode" => &mut mode,
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => &mut authorities,
                "sslcert" | "ssl-cert" => &mut certificate,
                "sslkey" | "ssl-key" => &mut key,
                // Whoever asks for a protection must not be left without it in silence.
                "channel_binding" if value == "require" => {
                    return Err("channel_binding=require is not supported: sslmode=verify-full, with sslrootcert, also \
                                makes sure of the server"
                        .to_owned());
                }
                // Both are what is so: no compression, and the name is sent.
                "sslcompression" | "sslsni" => continue,
                other if other.starts_with("ssl") => {
                    return Err(format!(
                        "{other} is not supported: of TLS it takes sslmode, sslrootcert, sslcert and sslkey"
                    ));
                }
                _ => continue,
            };
            *place = Some(value.into_owned());
        }
        let mode = mode.map(|mode| mode.parse()).transpose();
        let mode =
            mode.map_err(|_| "sslmode takes disable, allow, prefer, require, verify-ca or verify-full")?;
        Ok(Self { mode, authorities, certificate, key })
    }

    /// How to connect to `host`; `None` is a connection without TLS. Saying nothing is `prefer`, as to libpq.
    ///
    /// # Errors
    /// When something is missing for the mode, or a file is not what it has to be.
    pub(super) fn for_host(self, host: &str) -> Result<Option<Tls>, String> {
        const SYSTEM: &str = "sslrootcert=system, which stands for the public authorities, goes with \
                              sslmode=verify-full alone: they sign for anybody's name";
        let Self { mode, authorities, certificate, key } = self;
        let is_public = authorities.as_deref() == Some("system");
        let mode = match mode {
            Some(PgSslMode::Disable) => return Ok(None),
            Some(mode) => mode,
            None if is_public => PgSslMode::VerifyFull,
            None => PgSslMode::Prefer,
        };
        let is_strict = matches!(mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull);
        let authorities = match authorities {
            Some(_) if is_public && !matches!(mode, PgSslMode::VerifyFull) => return Err(SYSTEM.to_owned()),
            Some(_) if is_public => Some(Trusted::Public),
            Some(file) => Some(Trusted::File(file)),
            None if is_strict => {
                return Err("sslmode=verify-ca and verify-full need sslrootcert: a file of the authorities, in PEM, that \
                            may have signed the server's certificate; with verify-full, system stands for the public ones"
                    .to_owned());
            }
            None => None,
        };
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                return Err(
                    "sslcert and sslkey go together: the one is the certificate of the other".to_owned()
                );
            }
        };
        let name = host.trim_matches(['[', ']']).trim_end_matches('.').to_owned();
        let name = ServerName::try_from(name).map_err(|_| {
            "the host is neither a name nor an address that a certificate can be for; without TLS, by \
                          sslmode=disable, it need not be"
        })?;
        let tls = Tls { mode, host: host.to_owned(), name, authorities, own };
        // So that a mistake in a file shows at the start.
        tls.config()?;
        Ok(Some(tls))
    }
}

impl Tls {
    pub(super) fn mode(&self) -> PgSslMode {
        self.mode
    }

    /// The name that is sent to the server, and found in its certificate.
    pub(super) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    /// Reads the files anew: certificates are replaced while the store front runs.
    ///
    /// # Errors
    /// The message names the file and says what is wrong with it.
    pub(super) fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let authorities = match &self.authorities {
            Some(Trusted::File(file)) => {
                Some(Authorities::of_file(file).map_err(|error| format!("sslrootcert: {error}"))?)
            }
            Some(Trusted::Public) => Some(Authorities::default()),
            None => None,
        };
        let is_by_name = matches!(self.mode, PgSslMode::VerifyFull);
        let verifier = Verifier::new(Arc::clone(&provider), authorities, is_by_name);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.own {
            Some((certificate, key)) => {
                let chain = certificates(certificate).map_err(|error| format!("sslcert: {error}"))?;
                config.with_client_auth_cert(chain, private_key(key)?).map_err(|error| {
                    format!("sslkey: {key:?} is not the key of the certificate in sslcert: {error}")
                })?
            }
            None => config.with_no_client_auth(),
        };
        // Each connection has a configuration of its own.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// What failed, in words for whoever has set it up.
    pub(super) fn explain(&self, error: &io::Error) -> String {
        let host = &self.host;
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            Some(Error::InvalidCertificate(reason)) => {
                format!("the certificate of {host} {}", self.explain_certificate(reason))
            }
            Some(Error::AlertReceived(
                alert @ (AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
                | AlertDescription::UnsupportedCertificate),
            )) => {
                let what = if self.own.is_some() {
                    "does not accept the certificate in sslcert"
                } else {
                    "asks for a certificate of the store front's: set sslcert and sslkey"
                };
                format!("{host} {what} (it answered {alert:?})")
            }
            Some(other) => format!("there is no TLS with {host}: {other}"),
            None if error.kind() == io::ErrorKind::UnexpectedEof => format!("{host} closed the connection"),
            None => format!("the connection to {host} broke: {error}"),
        }
    }

    /// What is wrong with the server's certificate, as the rest of a sentence.
    fn explain_certificate(&self, reason: &CertificateError) -> String {
        let host = &self.host;
        match reason {
            CertificateError::UnknownIssuer => match &self.authorities {
                Some(Trusted::File(file)) => {
                    format!("was signed by none of the authorities in sslrootcert ({file})")
                }
                Some(Trusted::Public) | None => "was signed by no public authority".to_owned(),
            },
            CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                format!("has no subjectAltName, where sslmode=verify-full looks for {host}")
            }
            CertificateError::NotValidForNameContext { presented, .. } => {
                format!("is not for that name, but for {}", presented.join(", "))
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "is not valid yet, or the clock of this machine is wrong".to_owned()
            }
            other => format!("is not accepted: {other}"),
        }
    }
}

fn private_key(file: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(Path::new(file)).map_err(|error| {
        format!("sslkey: {file:?} cannot be read as a private key in PEM without a password: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_goes_before_the_variables() {
        let read = |query: &str, variables: &[(&str, &str)]| {
            let url = Url::parse(&format!("postgres://db/shop{query}")).unwrap();
            let variable = |name: &str| {
                variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
            };
            Parameters::read(&url, variable)
        };
        let (mode, file) = (("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/ca.crt"));
        let parameters = read("", &[mode, file]).unwrap();
        assert!(matches!(parameters.mode, Some(PgSslMode::VerifyFull)));
        assert_eq!(parameters.authorities.as_deref(), Some("/ca.crt"));
        let parameters = read("?sslmode=disable&sslrootcert=/other.crt", &[mode, file]).unwrap();
        assert!(matches!(parameters.mode, Some(PgSslMode::Disable)));
        assert_eq!(parameters.authorities.as_deref(), Some("/other.crt"));
        assert!(read("", &[("PGSSLMODE", "")]).unwrap().mode.is_none());
        assert!(read("", &[("PGSSLMODE", "on")]).unwrap_err().starts_with("sslmode takes"));
    }
}
