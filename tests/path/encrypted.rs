//! TLS in the server itself: what browsers get, and a certificate that is renewed while it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quire::config::Serve;
use quire::postgres::pool;
use quire::server::Server;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::kit::people::Office;
use crate::kit::postgres::Database;
use crate::kit::server::program;

pub(super) const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/path/tls");

/// Puts one of the certificates where the server looks for its own.
fn install(folder: &Path, name: &str) {
    for extension in ["key", "pem"] {
        let from = Path::new(CERTIFICATES).join(name).with_extension(extension);
        let made = folder.join("new");
        std::fs::copy(from, &made).expect("copied");
        std::fs::rename(made, folder.join("quire").with_extension(extension)).expect("renamed");
    }
}

fn certificate(name: &str) -> CertificateDer<'static> {
    let file = Path::new(CERTIFICATES).join(name).with_extension("pem");
    CertificateDer::from_pem_file(file).expect("a certificate")
}

/// Trusts the authorities of both certificates.
pub(super) fn trusting() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for name in ["one", "two"] {
        roots.add(certificate(name)).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn connect(address: std::net::SocketAddr) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("connected");
    let name = ServerName::try_from("quire.test").expect("a name");
    trusting().connect(name, stream).await.expect("a handshake")
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let chain = stream.get_ref().1.peer_certificates().expect("a chain");
    chain[0].clone().into_owned()
}

async fn ask(stream: &mut TlsStream<TcpStream>, address: std::net::SocketAddr) -> String {
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut answer = Vec::new();
    // A server that closes without saying so in TLS is heard out all the same.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let database = Database::new().await;
    Office::open(&pool(&database.url, 2).expect("a pool")).await;
    let folder: PathBuf = std::env::temp_dir().join(format!("quire-tls-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).expect("a folder");
    install(&folder, "one");
    let mut settings = Serve::with_defaults(&database.url);
    settings.tls_certificate = Some(folder.join("quire.pem"));
    settings.tls_key = Some(folder.join("quire.key"));
    settings.drain = Duration::from_secs(1);
    let server = Server::start(&settings, program()).await.expect("started");
    let address = server.address();

    let mut former = connect(address).await;
    assert_eq!(shown(&former), certificate("one"));
    install(&folder, "two");
    let renewed = async {
        while shown(&connect(address).await) != certificate("two") {
            crate::kit::pause().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), renewed)
        .await
        .expect("the new one is shown");
    // Who was connected before goes on.
    let answer = ask(&mut former, address).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"));

    // Without TLS nothing is told.
    let mut plain = TcpStream::connect(address).await.expect("connected");
    plain
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("asked");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    server.stop().await;
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn a_certificate_with_another_key_is_refused_at_the_start() {
    let database = Database::new().await;
    let file = |name: &str| Some(Path::new(CERTIFICATES).join(name));
    let mut settings = Serve::with_defaults(&database.url);
    settings.tls_certificate = file("one.pem");
    for (key, reason) in [
        ("two.key", "are not a certificate and its key"),
        ("three.key", "three.key (--tls-key, QUIRE_TLS_KEY)"),
    ] {
        settings.tls_key = file(key);
        let refused = Server::start(&settings, program()).await;
        let error = refused.err().expect("refused").to_string();
        assert!(error.contains(reason), "{error}");
    }
}
