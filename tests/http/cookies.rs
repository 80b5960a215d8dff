use super::site::Site;
use quire::auth::welcome_link;
use quire::http::Timeouts;
use serde_json::json;

async fn cookie_at(site: &Site, host: &str) -> String {
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let body = json!({"token": link, "name": "Ada"}).to_string();
    let headers = [("host", host), ("x-quire", "1")];
    let answer = site
        .stranger()
        .send("POST", "/api/v1/welcome", &headers, &body)
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("set-cookie").unwrap().to_owned()
}

#[tokio::test]
async fn a_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let site = Site::start().await;
    let cookie = cookie_at(&site, &site.address.to_string()).await;
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("quire_session="));
    assert_eq!(
        attributes,
        "Path=/; HttpOnly; SameSite=Lax; Max-Age=7776000"
    );
}

#[tokio::test]
async fn with_https_a_cookie_is_bound_to_its_host() {
    let site = Site::with(Timeouts::default(), &["https://quire.example"]).await;
    let cookie = cookie_at(&site, "quire.example").await;
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(
        attributes,
        "Path=/; HttpOnly; SameSite=Lax; Max-Age=7776000; Secure"
    );
    let stranger = site.stranger();
    let headers = [("host", "quire.example")];
    let by_https = stranger.send("GET", "/", &headers, "").await;
    assert_eq!(
        by_https.header("strict-transport-security"),
        Some("max-age=31536000"),
        "the browser never comes without TLS again"
    );
    let by_http = site.stranger().get("/").await;
    assert_eq!(by_http.header("strict-transport-security"), None);
    let token = pair.strip_prefix("__Host-quire_session=").unwrap();
    // A cookie without the prefix could have been set by a neighbouring host: it is not taken.
    for (name, status) in [("__Host-quire_session", 200), ("quire_session", 401)] {
        let cookie = format!("{name}={token}");
        let headers = [("host", "quire.example"), ("cookie", cookie.as_str())];
        let me = site
            .stranger()
            .send("GET", "/api/v1/me", &headers, "")
            .await;
        assert_eq!(me.status, status, "{name}");
    }
}
