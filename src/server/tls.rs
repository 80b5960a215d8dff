//! TLS for browsers: a certificate from two files, read again when they change, so that a renewed
//! one needs no restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::error::{Error, Kind, Result};

/// The certificate that browsers are shown.
#[derive(Debug)]
pub(super) struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    /// What the files looked like when they were last read.
    seen: Mutex<Stamp>,
    current: RwLock<Arc<CertifiedKey>>,
}

/// When the two files were last changed, and how long they are; none that cannot be seen.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads it from PEM files: the chain, its own certificate first, and the private key.
    ///
    /// # Errors
    /// `Setting`, naming the file or saying that the two do not belong together.
    pub fn read(chain: &Path, key: &Path) -> Result<Self> {
        let seen = stamp(chain, key);
        Ok(Self {
            current: RwLock::new(Arc::new(certified(chain, key)?)),
            chain: chain.to_owned(),
            key: key.to_owned(),
            seen: Mutex::new(seen),
        })
    }

    /// Reads the files again when they have changed. What cannot be used is logged, and the former
    /// certificate stays: one of the two may just be in the making.
    pub fn read_if_changed(&self) {
        let stamp = stamp(&self.chain, &self.key);
        let mut seen = self.seen.lock().expect("nothing panics while it is held");
        if *seen == stamp {
            return;
        }
        *seen = stamp;
        match certified(&self.chain, &self.key) {
            Ok(certified) => {
                *self
                    .current
                    .write()
                    .expect("nothing panics while it is held") = Arc::new(certified);
                tracing::info!(file = %self.chain.display(), "the certificate was read again");
            }
            Err(error) => {
                tracing::warn!(%error, "read the certificate again; the former one stays")
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self
            .current
            .read()
            .expect("nothing panics while it is held");
        Some(current.clone())
    }
}

/// Speaks TLS 1.2 and 1.3 with this certificate, and within it `protocol`.
///
/// # Errors
/// `Internal` when the library cannot.
pub(super) fn acceptor(certificate: Arc<Certificate>, protocol: &[u8]) -> Result<TlsAcceptor> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::caused(Kind::Internal, "choose the versions of TLS", e))?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certified(chain: &Path, key: &Path) -> Result<CertifiedKey> {
    let wrong = |file: &Path, setting: &str| {
        let context = format!("read {} ({setting})", file.display());
        move |error| Error::caused(Kind::Setting, context, error)
    };
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(wrong(chain, "--tls-certificate, QUIRE_TLS_CERTIFICATE"))?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(wrong(key, "--tls-key, QUIRE_TLS_KEY"))?;
    CertifiedKey::from_der(certificates, private, &ring::default_provider()).map_err(|error| {
        let context = format!(
            "{} and {} are not a certificate and its key (--tls-certificate, --tls-key)",
            chain.display(),
            key.display()
        );
        Error::caused(Kind::Setting, context, error)
    })
}

fn stamp(chain: &Path, key: &Path) -> Stamp {
    [chain, key].map(|file| {
        let meta = std::fs::metadata(file).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}
