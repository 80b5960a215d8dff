//! Who and what the port refuses, and what it does not let in.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use quire::config::Serve;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;
use tokio_rustls::TlsConnector;

use super::stage::{PASSWORD, Stage, run, said};

const TLS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";
const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/path/tls");

/// A start-up packet.
fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for (name, value) in parameters {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    body.push(0);
    let mut packet = (body.len() as u32 + 4).to_be_bytes().to_vec();
    packet.extend(body);
    packet
}

/// All that is said until the connection is closed.
async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard).await {
        Ok(_) => {}
        // Closed with something unread.
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
            ) => {}
        Err(e) => panic!("{e}"),
    }
    heard
}

/// The SQLSTATE of an error message; nothing when it is none.
fn sqlstate(message: &[u8]) -> String {
    let fields = message.get(5..).unwrap_or_default().split(|b| *b == 0);
    let code = fields.filter_map(|f| f.strip_prefix(b"C")).next();
    String::from_utf8_lossy(code.unwrap_or_default()).into_owned()
}

pub fn with_certificate(settings: &mut Serve) {
    settings.tls_certificate = Some(Path::new(CERTIFICATES).join("one.pem"));
    settings.tls_key = Some(Path::new(CERTIFICATES).join("one.key"));
}

fn connector(protocol: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let file = Path::new(CERTIFICATES).join("one.pem");
    let certificate = CertificateDer::from_pem_file(file).expect("a certificate");
    roots.add(certificate).expect("an authority");
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn quire_test() -> ServerName<'static> {
    ServerName::try_from("quire.test").expect("a name")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_and_oversized_openings_are_refused() {
    let stage = Stage::new().await;
    let name = stage.database().to_owned();
    let dba = ("user", "dba");
    let long = "x".repeat(10_000);
    for (bytes, expected) in [
        (b"\0\0\0\x04".to_vec(), "08P01"),
        (b"\xff\xff\xff\xff".to_vec(), "08P01"),
        (b"\0\0\x27\x11".to_vec(), "08P01"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "08P01"),
        (startup(&[dba, ("database", &long)]), "08P01"),
        (startup(&[dba, ("database", "postgres")]), "3D000"),
        (startup(&[dba]), "3D000"),
        (startup(&[("database", &name)]), "28000"),
        (
            startup(&[dba, ("database", &name), ("replication", "database")]),
            "0A000",
        ),
        (b"\0\0\0\x08\0\x02\0\0".to_vec(), "0A000"),
        (b"\0\0\0\x0c\x04\xd2\x16\x2fmore".to_vec(), "08P01"),
        (b"\0\0\0\x0c\x04\xd2\x16\x2emore".to_vec(), "08P01"),
    ] {
        let mut stream = TcpStream::connect(stage.port).await.expect("connected");
        stream.write_all(&bytes).await.expect("sent");
        let heard = hear(&mut stream).await;
        assert_eq!(sqlstate(&heard), expected, "{bytes:?}: {heard:?}");
    }
    // Encryption that is not there: asked for once each, then it is enough.
    let mut stream = TcpStream::connect(stage.port).await.expect("connected");
    for request in [TLS, GSS] {
        stream.write_all(request).await.expect("asked");
        assert_eq!(stream.read_u8().await.expect("answered"), b'N');
    }
    stream.write_all(TLS).await.expect("asked");
    assert_eq!(sqlstate(&hear(&mut stream).await), "08P01");
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_with_the_request_for_tls_is_never_used() {
    let stage = Stage::with(with_certificate).await;
    let packet = startup(&[("user", "dba"), ("database", stage.database())]);
    for stuffed in [&packet[..], b"x", &[TLS, &packet].concat()] {
        let mut stream = TcpStream::connect(stage.port).await.expect("connected");
        stream
            .write_all(&[TLS, stuffed].concat())
            .await
            .expect("sent");
        let heard = hear(&mut stream).await;
        // Refused at once, or taken for a handshake that fails; never asked for a password.
        let refused = sqlstate(&heard) == "08P01" || heard.first() == Some(&b'S');
        assert!(refused && !heard.contains(&b'R'), "{heard:?}");
    }
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_can_be_asked_for_or_begun_at_once_by_clients_of_postgres_only() {
    let stage = Stage::with(with_certificate).await;
    let packet = startup(&[("user", "dba"), ("database", stage.database())]);
    for (is_direct, protocol, is_let_in) in [
        (false, &b"postgresql"[..], true),
        (true, b"postgresql", true),
        (true, b"http/1.1", false),
    ] {
        let mut stream = TcpStream::connect(stage.port).await.expect("connected");
        if !is_direct {
            stream.write_all(TLS).await.expect("asked");
            assert_eq!(stream.read_u8().await.expect("answered"), b'S');
        }
        let Ok(mut stream) = connector(protocol).connect(quire_test(), stream).await else {
            assert!(!is_let_in, "a handshake");
            continue;
        };
        assert!(is_let_in);
        stream.write_all(&packet).await.expect("sent");
        assert_eq!(stream.read_u8().await.expect("asked for a password"), b'R');
    }
    // libpq through TLS: SCRAM is passed on, since the database's leg has none.
    let mut psql = stage.command("psql", stage.port, "dba");
    psql.env("PGSSLMODE", "require")
        .args(["-Xtc", "select current_user"]);
    let output = run(psql).await;
    assert!(said(&output).contains("dba"), "{}", said(&output));
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_let_in_without_the_password() {
    let stage = Stage::new().await;
    for (role, password, expected) in [
        ("dba", PASSWORD, ""),
        ("md5", PASSWORD, ""),
        // Within this machine it may go in clear.
        ("clear", PASSWORD, ""),
        ("dba", "wrong", "28P01"),
        ("md5", "wrong", "28P01"),
        ("clear", "wrong", "28P01"),
        ("nobody", PASSWORD, "28P01"),
        // Whom the database trusts for Quire's own address.
        ("trusted", PASSWORD, "28000"),
        ("quire", PASSWORD, "28000"),
    ] {
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(stage.port.port())
            .user(role)
            .password(password)
            .dbname(stage.database());
        let code = match config.connect(NoTls).await {
            Ok(_) => String::new(),
            Err(error) => error.code().map_or("none", |c| c.code()).to_owned(),
        };
        assert_eq!(code, expected, "{role} {password}");
    }
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_answers_while_signing_in_are_refused() {
    let stage = Stage::new().await;
    let packet = startup(&[("user", "dba"), ("database", stage.database())]);
    for answer in [
        &b"Q\0\0\0\x0dselect 1\0"[..],
        b"p\xff\xff\xff\xff",
        b"p\0\0\0\x03",
        b"p\0\x01\x00\x01",
        b"p\0\0\0\x04",
        b"p\0\0\0\x18SCRAM-SHA-256\0\0\0\0\x04",
        b"p\0\0\0\x1eSCRAM-SHA-256\0\0\0\0\x0an,,n=,r=ab",
        b"p\0\0\0\x2aSCRAM-SHA-256-PLUS\0\0\0\0\x10p=tls-unique,,n=,",
    ] {
        let mut stream = TcpStream::connect(stage.port).await.expect("connected");
        stream.write_all(&packet).await.expect("sent");
        assert_eq!(stream.read_u8().await.expect("asked"), b'R');
        let mut rest = vec![0; 4];
        stream.read_exact(&mut rest).await.expect("the length");
        let length = u32::from_be_bytes(rest[..4].try_into().expect("four")) as usize;
        stream
            .read_exact(&mut vec![0; length - 4])
            .await
            .expect("the rest");
        stream.write_all(answer).await.expect("sent");
        stream.shutdown().await.expect("no more");
        let heard = hear(&mut stream).await;
        let code = sqlstate(&heard);
        // A challenge may come first; then there is no answer to it.
        assert!(
            code.starts_with("08") || code.starts_with("28") || heard.first() != Some(&b'E'),
            "{answer:?}: {heard:?}"
        );
        assert!(
            !heard.windows(9).any(|w| w == b"R\0\0\0\x08\0\0\0\0"),
            "{answer:?}"
        );
    }
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_cannot_be_end_the_session_and_nothing_else() {
    let stage = Stage::new().await;
    let other = stage.connect(stage.port, "dba").await.expect("signed in");
    for bytes in [
        &b"Q\0\0\0\x03"[..],
        b"Q\xff\xff\xff\xff",
        b"Q\x40\0\0\0",
        b"\0\0\0\0\x08abcd",
        b"Z\0\0\0\x05I",
        b"X\0\0\0\x04Q\0\0\0\x0dselect 1\0",
    ] {
        let mut stream = signed_in(&stage).await;
        stream.write_all(bytes).await.expect("sent");
        stream.shutdown().await.expect("no more");
        hear(&mut stream).await;
    }
    other.simple_query("select 1").await.expect("others go on");
    stage.world.stop().await;
}

/// A connection on which md5 has let somebody in, read to the first ReadyForQuery.
async fn signed_in(stage: &Stage) -> TcpStream {
    let mut stream = TcpStream::connect(stage.port).await.expect("connected");
    let packet = startup(&[("user", "clear"), ("database", stage.database())]);
    stream.write_all(&packet).await.expect("sent");
    let mut password = vec![b'p'];
    password.extend((PASSWORD.len() as u32 + 5).to_be_bytes());
    password.extend([PASSWORD.as_bytes(), b"\0"].concat());
    stream.write_all(&password).await.expect("sent");
    let mut heard = Vec::new();
    while !heard.ends_with(b"Z\0\0\0\x05I") {
        assert!(
            stream.read_buf(&mut heard).await.expect("read") > 0,
            "{heard:?}"
        );
    }
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_key_cancels_nothing() {
    let stage = Stage::new().await;
    let dba = stage.connect(stage.port, "dba").await.expect("signed in");
    let pid: i32 = dba
        .query_one("select pg_backend_pid()", &[])
        .await
        .expect("told")
        .get(0);
    let asking = dba.simple_query("select pg_sleep(0.3)");
    let forging = async {
        for secret in [0_u32, 1, u32::MAX] {
            let mut stream = TcpStream::connect(stage.port).await.expect("connected");
            let mut packet = b"\0\0\0\x10\x04\xd2\x16\x2e".to_vec();
            packet.extend(pid.to_be_bytes());
            packet.extend(secret.to_be_bytes());
            stream.write_all(&packet).await.expect("sent");
            assert_eq!(hear(&mut stream).await, b"");
        }
    };
    let (asked, ()) = tokio::join!(asking, forging);
    asked.expect("it was not cancelled");
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_sessions_than_set_are_let_in_and_a_place_is_given_back() {
    let stage = Stage::with(|settings| settings.sql_connections = 2).await;
    // A place is given back when the port has noticed that its session ended.
    let let_in = async || {
        let asking = async {
            loop {
                match stage.connect(stage.port, "dba").await {
                    Ok(session) => return session,
                    Err(_) => crate::kit::pause().await,
                }
            }
        };
        let patience = std::time::Duration::from_secs(20);
        tokio::time::timeout(patience, asking)
            .await
            .expect("a place is given back")
    };
    let first = let_in().await;
    let second = let_in().await;
    let refused = stage
        .connect(stage.port, "dba")
        .await
        .map(|_| ())
        .expect_err("refused");
    assert_eq!(refused.code().map(|c| c.code()), Some("53300"));
    drop(second);
    let_in().await;
    first.simple_query("select 1").await.expect("it goes on");
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_lets_what_is_under_way_end() {
    let stage = Stage::new().await;
    let idle = stage.connect(stage.port, "dba").await.expect("signed in");
    let busy = stage.connect(stage.port, "dba").await.expect("signed in");
    let observer = stage.connect(stage.direct, "dba").await.expect("signed in");
    let asking = tokio::spawn(async move { busy.simple_query("select pg_sleep(0.5), 7").await });
    let is_asked = "select 1 from pg_stat_activity where query like 'select pg_sleep(0.5)%'";
    while observer
        .query(is_asked, &[])
        .await
        .expect("told")
        .is_empty()
    {
        crate::kit::pause().await;
    }
    stage.world.stop().await;
    asking.await.expect("it ran").expect("it was answered");
    let ended = idle.simple_query("select 1").await.expect_err("ended");
    assert!(ended.is_closed() || ended.code().map(|c| c.code()) == Some("57P01"));
}

/// Places are for those who have signed in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_signs_in_takes_no_place() {
    let stage = Stage::with(|settings| settings.sql_connections = 2).await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(stage.port).await.expect("connected");
        let parameters = [("user", "dba"), ("database", stage.database())];
        stream.write_all(&startup(&parameters)).await.expect("sent");
        // It is asked for its password, and says nothing.
        assert_eq!(stream.read_u8().await.expect("asked"), b'R');
        silent.push(stream);
    }
    let mut sessions = Vec::new();
    let let_in = async {
        // The session that asked whether the port is ready may not have ended yet.
        while sessions.len() < 2 {
            match stage.connect(stage.port, "dba").await {
                Ok(session) => sessions.push(session),
                Err(_) => crate::kit::pause().await,
            }
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(10), let_in).await;
    assert!(in_time.is_ok(), "nobody is let in");
    let refused = stage.connect(stage.port, "dba").await.map(|_| ());
    let refused = refused.expect_err("full");
    assert_eq!(refused.code().map(|c| c.code()), Some("53300"));
    drop((silent, sessions));
    stage.world.stop().await;
}
