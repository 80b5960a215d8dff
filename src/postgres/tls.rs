//! TLS to the database, the same for ordinary connections and the feed's.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Kind, Result};

/// Makes TLS sessions for `tokio-postgres` and for the feed.
pub type Tls = MakeRustlsConnect;

/// What `sslmode` asks for. With `require` the database must show a certificate that the machine's
/// authorities signed (`SSL_CERT_FILE` names others) for the host's name. With `prefer`, the
/// default, any certificate does: whoever could put a false one in between could as well refuse TLS.
///
/// Errors: [`Kind::Setting`] when `require` is asked for and the machine has no authorities.
pub fn tls(config: &tokio_postgres::Config) -> Result<Tls> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::caused(Kind::Internal, "choose the versions of TLS", e))?;
    let client = if config.get_ssl_mode() == SslMode::Require {
        builder.with_root_certificates(authorities("sslmode=require")?)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    };
    Ok(MakeRustlsConnect::new(client.with_no_client_auth()))
}

/// The machine's certificate authorities; `SSL_CERT_FILE` names others. `wanted` says what asks for
/// them.
///
/// Errors: [`Kind::Setting`] when there are none.
pub fn authorities(wanted: &str) -> Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable == 0 {
        return Err(Error::new(
            Kind::Setting,
            format!(
                "{wanted}, but no certificate authorities were found on this machine: install \
                 ca-certificates, or let SSL_CERT_FILE name a file with the authority"
            ),
        ));
    }
    Ok(roots)
}

/// Encrypts without asking to whom. Only for `sslmode=prefer`.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
