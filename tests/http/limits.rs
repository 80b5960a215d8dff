use super::site::{Site, exchange};
use quire::http::Timeouts;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn impatient() -> Timeouts {
    Timeouts {
        head: Duration::from_millis(200),
        body: Duration::from_millis(200),
        ..Timeouts::default()
    }
}

#[tokio::test]
async fn a_body_above_64_kib_is_refused() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let path = owner.organisation("/groups");
    let padding = "x".repeat(64 * 1024);
    let body = json!({"name": "Big", "padding": padding});
    let answer = owner.post(&path, body).await;
    assert_eq!(answer.status, 413);
    assert!(answer.detail().contains("64 KiB"));
    let padding = "x".repeat(64 * 1024 - 100);
    let body = json!({"name": "Fits", "padding": padding});
    assert_eq!(owner.post(&path, body).await.status, 201);
}

#[tokio::test]
async fn a_body_that_claims_to_be_huge_is_refused_unread() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let headers = [("x-quire", "1"), ("content-length", "99999999999")];
    let path = owner.organisation("/documents");
    let answer = owner.send("POST", &path, &headers, "{}").await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn the_content_of_somebody_who_is_not_signed_in_is_not_read() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let headers = [("x-quire", "1"), ("content-length", "1000000")];
    let mut stranger = site.stranger();
    stranger.org_id = owner.org_id;
    // It never comes, and is not waited for.
    let path = stranger.organisation("/documents");
    let answer = stranger.send("POST", &path, &headers, "{").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let site = Site::with(impatient(), &[]).await;
    for begun in [
        "",
        "GET / HTT",
        "GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ",
    ] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let closed = tokio::time::timeout(Duration::from_secs(10), read).await;
        assert!(closed.is_ok(), "{begun:?} is still open");
    }
}

#[tokio::test]
async fn a_connection_that_idles_after_its_answer_is_closed() {
    let site = Site::with(impatient(), &[]).await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let closed = tokio::time::timeout(Duration::from_secs(10), read).await;
    closed.expect("it is closed").unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let site = Site::with(impatient(), &[]).await;
    let (owner, _) = site.owner().await;
    let headers = [("x-quire", "1"), ("content-length", "10")];
    let path = owner.organisation("/documents");
    let answer = owner.send("POST", &path, &headers, "{").await;
    assert_eq!(answer.status, 408);
    assert!(answer.detail().contains("in time"));
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_refused() {
    let site = Site::start().await;
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "x".repeat(64 * 1024));
    for headers in [many, large] {
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        let answer = exchange(site.address, &request).await;
        assert_eq!(answer.status, 431);
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let site = Site::start().await;
    let answer = exchange(site.address, "\u{16}\u{3}\u{1} hello\r\n\r\n").await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_server_that_stops_still_answers_and_closes_its_idle_connections() {
    let mut site = Site::start().await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    site.stop.send(true).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    site.ended.wait_for(|ended| *ended == 1).await.unwrap();
}
