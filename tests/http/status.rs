use super::site::Site;
use quire::http::Readiness;
use serde_json::json;

#[tokio::test]
async fn readiness_says_why_not() {
    let site = Site::start().await;
    let visitor = site.stranger();
    assert_eq!(visitor.get("/healthz").await.body, b"ok\n");
    assert_eq!(visitor.get("/readyz").await.status, 200);
    let reason = "the feed is 3 s behind".to_owned();
    site.readiness.send(Readiness::NotReady(reason)).unwrap();
    let answer = visitor.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.body, b"the feed is 3 s behind\n");
    assert_eq!(visitor.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn live_servers_are_listed_and_this_one_comes_first() {
    let site = Site::start().await;
    let own = format!("http://{}", site.address);
    let other = "http://127.0.0.1:4999".to_owned();
    site.live(vec![other.clone(), own.clone()]);
    let answer = site.stranger().get("/api/v1/servers").await;
    assert_eq!(answer.json(), json!({"servers": [own, other]}));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let site = Site::start().await;
    let answer = site.stranger().get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    // Prometheus knows servers by their names within their network.
    let within = [("host", "first:4400")];
    let answer = site.stranger().send("GET", "/metrics", &within, "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn without_its_database_the_server_says_so_and_tells_nothing_else() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    site.pool.close();
    let answer = owner.get("/api/v1/me").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.detail().contains("try again"));
    // What needs no database still works.
    assert_eq!(owner.get("/").await.status, 200);
}
