//! Who may sign the certificate of a server.

use std::path::Path;

use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The authorities whose word is taken.
#[derive(Clone, Debug, Default)]
pub struct Authorities {
    /// Those of a file, alone; the public ones where there are none.
    own: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Those whose certificates are in a PEM file.
    ///
    /// # Errors
    /// When it cannot be read, or has none. The message begins with the file's name.
    pub fn of_file(file: &str) -> Result<Self, String> {
        let own = certificates(file)?;
        let mut store = RootCertStore::empty();
        for certificate in &own {
            store
                .add(certificate.clone())
                .map_err(|error| format!("{file:?} has a bad certificate: {error}"))?;
        }
        Ok(Self { own })
    }

    /// What rustls holds certificates against.
    pub(crate) fn anchors(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        if self.own.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        } else {
            store.add_parsable_certificates(self.own.iter().cloned());
        }
        store
    }

    /// Whether this very certificate is one of theirs.
    pub(crate) fn has(&self, certificate: &CertificateDer<'_>) -> bool {
        self.own.iter().any(|own| own == certificate)
    }
}

/// The certificates in a PEM file: at least one.
///
/// # Errors
/// When it cannot be read, or has none. The message begins with the file's name.
pub(crate) fn certificates(file: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(Path::new(file)).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|error| format!("{file:?} cannot be read: {error}"))?;
    if certificates.is_empty() {
        return Err(format!("{file:?} has no certificate: takes a PEM file"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text, why) in [
            ("none.pem", None, "cannot be read"),
            ("empty.pem", Some(""), "has no certificate"),
            ("text.pem", Some("a certificate"), "has no certificate"),
            (
                "bad.pem",
                Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                "bad certificate",
            ),
        ] {
            let file = directory.path().join(name);
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let message = Authorities::of_file(file.to_str().unwrap()).unwrap_err();
            assert!(message.contains(why), "{name}: {message}");
        }
    }
}
