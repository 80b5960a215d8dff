use super::site::{Site, Visitor, exchange};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The key of the example in RFC 6455, 1.3, and the answer to it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake(address: SocketAddr, path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: keep-alive, Upgrade\r\n\
         upgrade: WebSocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\
         {headers}\r\n"
    )
}

/// Opens a WebSocket, sees that it is handed over, and says with whose session.
async fn open(site: &mut Site, path: &str, headers: &str) -> Option<uuid::Uuid> {
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let request = handshake(site.address, path, headers);
    // The first bytes of the WebSocket may come with the handshake and must not be lost.
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains(&format!(
        "sec-websocket-accept: {}",
        ACCEPT.to_ascii_lowercase()
    )));
    assert!(head.contains("upgrade: websocket"));
    let session = site.upgraded.recv().await.unwrap();
    let mut echo = [0; 5];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");
    session.map(|session| session.account_id)
}

fn cookie(visitor: &Visitor) -> String {
    format!("cookie: quire_session={}\r\n", token(visitor))
}

fn token(visitor: &Visitor) -> &str {
    visitor.token.as_deref().unwrap()
}

#[tokio::test]
async fn a_socket_belongs_to_the_session_of_its_cookie_or_its_token() {
    let mut site = Site::start().await;
    let (owner, _) = site.owner().await;
    let account_id = Some(owner.account_id);
    let with_cookie = open(&mut site, "/sync/v1", &cookie(&owner)).await;
    assert_eq!(with_cookie, account_id);
    let body = serde_json::json!({"name": "Backup", "scopes": ["read"], "days": 30});
    let made = owner.post("/api/v1/me/tokens", body).await.json();
    let api_token = made["token"].as_str().unwrap();
    let path = format!("/sync/v1?token={api_token}");
    assert_eq!(open(&mut site, &path, "").await, account_id);
    let path = format!("/sync/v1?v=1&token={api_token}");
    assert_eq!(open(&mut site, &path, "").await, account_id);
    // Addresses stand in logs: a browser's own secret does not count there.
    let path = format!("/sync/v1?token={}", token(&owner));
    assert_eq!(open(&mut site, &path, "").await, None);
}

#[tokio::test]
async fn a_socket_without_a_session_is_accepted_for_the_join_to_sign_in() {
    let mut site = Site::start().await;
    for path in ["/sync/v1", "/sync/v1?token=", "/sync/v1?token=nonsense"] {
        assert_eq!(open(&mut site, path, "").await, None);
    }
}

#[tokio::test]
async fn a_foreign_origin_opens_no_socket() {
    let mut site = Site::start().await;
    let (owner, _) = site.owner().await;
    let port = site.address.port();
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        format!("http://evil.example:{port}"),
        format!("http://127.0.0.1.evil.example:{port}"),
        format!("https://127.0.0.1:{}", port ^ 1),
        "file://".to_owned(),
    ] {
        let headers = format!(
            "{}origin: {origin}\r\nconnection: close\r\n",
            cookie(&owner)
        );
        let request = handshake(site.address, "/sync/v1", &headers);
        let answer = exchange(site.address, &request).await;
        assert_eq!(answer.status, 403, "{origin}");
        answer.detail();
    }
    assert!(site.upgraded.try_recv().is_err());
    site.live(vec!["https://sister.example".into()]);
    for origin in [
        format!("http://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        "https://sister.example".to_owned(),
    ] {
        let headers = format!("origin: {origin}\r\n");
        open(&mut site, "/sync/v1", &headers).await;
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told_what_stands_here() {
    let site = Site::start().await;
    let complete = handshake(site.address, "/sync/v1", "connection: close\r\n");
    for request in [
        complete.replace("upgrade: WebSocket\r\n", ""),
        complete.replace("version: 13", "version: 8"),
        complete.replace(KEY, "short"),
        complete.replace("GET", "HEAD"),
    ] {
        let answer = exchange(site.address, &request).await;
        assert_eq!(answer.status, 426, "{request}");
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
    }
}
