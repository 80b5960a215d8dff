use super::site::{Options, Site, Visitor};
use crate::kit::members::count;
use quire::auth::welcome_link;
use serde_json::{Value, json};

/// One more browser of the owner.
async fn another_browser(site: &Site, owner: &Visitor) -> Visitor {
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let body = json!({"token": link}).to_string();
    let headers = [("x-quire", "1"), ("user-agent", "Another/1.0")];
    let stranger = site.stranger();
    let answer = stranger
        .send("POST", "/api/v1/welcome", &headers, &body)
        .await;
    assert_eq!(answer.status, 200);
    owner.after(&answer)
}

async fn devices(visitor: &Visitor) -> Vec<Value> {
    let answer = visitor.get("/api/v1/me/sessions").await;
    assert_eq!(answer.status, 200);
    answer.json()["sessions"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_account_sees_where_it_is_signed_in_and_ends_one() {
    let site = Site::start().await;
    let (here, _) = site.owner().await;
    let there = another_browser(&site, &here).await;
    let bob = site.somebody(Some(here.org_id), "member").await;
    let found = devices(&here).await;
    assert_eq!(found.len(), 2);
    let (current, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|one| one["is_current"] == true);
    assert_eq!(current.len(), 1);
    let other = &others[0];
    assert_eq!(other["user_agent"], "Another/1.0");
    assert_eq!(other["address"], "127.0.0.1");
    for time in ["created_at", "last_seen_at", "expires_at"] {
        assert!(other[time].as_str().unwrap().ends_with('Z'), "{time}");
    }
    let path = format!(
        "/api/v1/me/sessions/{}",
        other["session_id"].as_str().unwrap()
    );
    let answer = bob.change("DELETE", &path, json!({})).await;
    assert_eq!(answer.status, 404, "it is not Bob's");
    assert_eq!(there.get("/api/v1/me").await.status, 200);
    let answer = here.change("DELETE", &path, json!({})).await;
    assert_eq!(answer.status, 204);
    assert_eq!(there.get("/api/v1/me").await.status, 401);
    assert_eq!(devices(&here).await.len(), 1);
    let answer = here.change("DELETE", &path, json!({})).await;
    assert_eq!(answer.status, 404, "it has ended");
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_browsers_through_the_log() {
    let site = Site::start().await;
    let (here, _) = site.owner().await;
    let there = another_browser(&site, &here).await;
    let bob = site.somebody(Some(here.org_id), "member").await;
    let answer = here
        .change("DELETE", "/api/v1/me/sessions", json!({}))
        .await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.cookie("quire_session"), Some(""));
    for gone in [&here, &there] {
        assert_eq!(gone.get("/api/v1/me").await.status, 401);
    }
    assert_eq!(bob.get("/api/v1/me").await.status, 200);
    let client = site.pool.get().await.unwrap();
    let events = "select count(*) from quire.event where kind = 'session_ended'";
    assert_eq!(count(&client, events).await, 2);
    let noted = "select count(*) from quire.audit
                 where action = 'session_ended' and actor_id = account_id";
    assert_eq!(count(&client, noted).await, 2);
}

#[tokio::test]
async fn a_session_that_expires_is_signed_out_and_not_listed() {
    let site = Site::start().await;
    let (here, _) = site.owner().await;
    let there = another_browser(&site, &here).await;
    let client = site.pool.get().await.unwrap();
    let expire = "update quire.session set expires_at = now() where user_agent = 'Another/1.0'";
    client.execute(expire, &[]).await.unwrap();
    assert_eq!(there.get("/api/v1/me").await.status, 401);
    assert_eq!(devices(&here).await.len(), 1);
}

#[tokio::test]
async fn the_address_of_a_device_is_the_one_that_a_trusted_proxy_names() {
    for (trusted, address) in [
        ("127.0.0.0/8", "203.0.113.9"),
        ("192.0.2.0/24", "127.0.0.1"),
    ] {
        let site = Site::with_options(Options {
            trusted_proxies: vec![trusted.parse().unwrap()],
            ..Options::default()
        })
        .await;
        let link = welcome_link(&site.pool).await.unwrap().reveal();
        let body = json!({"token": link, "name": "Ada"}).to_string();
        let headers = [
            ("x-quire", "1"),
            ("x-forwarded-for", "1.2.3.4, 203.0.113.9"),
        ];
        let stranger = site.stranger();
        let answer = stranger
            .send("POST", "/api/v1/welcome", &headers, &body)
            .await;
        let ada = stranger.after(&answer);
        assert_eq!(devices(&ada).await[0]["address"], address, "{trusted}");
    }
}
