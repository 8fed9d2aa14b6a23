//! What the certificate of a PostgreSQL server has to be.
//!
//! sqlx has TLS of its own, which is not used: it takes any certificate of the public authorities beside those of
//! `sslrootcert`, so that `verify-ca` would let in whoever owns a domain; it ignores `sslrootcert` with `require`, and
//! takes `allow` for `disable`.

use std::sync::Arc;

use tokio_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use crate::authorities::Authorities;

#[derive(Debug)]
pub(super) struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Without them any certificate will do.
    authorities: Option<(Authorities, RootCertStore)>,
    /// Whether it has to be for the server's name.
    is_by_name: bool,
}

impl Verifier {
    /// Takes what one of the `authorities` has signed, whatever there is where there are none.
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        authorities: Option<Authorities>,
        is_by_name: bool,
    ) -> Self {
        let authorities = authorities.map(|authorities| {
            let anchors = authorities.anchors();
            (authorities, anchors)
        });
        Self { provider, authorities, is_by_name }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some((authorities, anchors)) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let signed = verify_server_cert_signed_by_trust_anchor(
            &certificate,
            anchors,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        );
        match signed {
            // `openssl req -x509` makes a certificate that may sign others, which webpki takes for no server's;
            // PostgreSQL's manual has it made like that ("Creating Certificates"). It is trusted where it is itself in
            // sslrootcert. Whether it has expired was looked at before.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if authorities.has(end_entity) => {}
            other => other?,
        }
        if self.is_by_name {
            verify_server_name(&certificate, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
