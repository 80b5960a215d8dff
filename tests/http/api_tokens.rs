use super::site::{Answer, Site, Visitor};
use crate::kit::members::count;
use serde_json::{Value, json};

async fn make(owner: &Visitor, scopes: &[&str]) -> Value {
    let body = json!({"name": "Backup", "scopes": scopes, "days": 30});
    let answer = owner.post("/api/v1/me/tokens", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn secret(owner: &Visitor, scopes: &[&str]) -> String {
    let made = make(owner, scopes).await;
    made["token"].as_str().unwrap().to_owned()
}

/// A call of a program: nothing but the token.
async fn call(site: &Site, token: &str, method: &str, path: &str, body: Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let body = if method == "GET" {
        String::new()
    } else {
        body.to_string()
    };
    site.stranger().send(method, path, &headers, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_do_what_its_scopes_say() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let title = json!({"title": "From a program"});
    let documents = owner.organisation("/documents");
    let document = owner.document(document_id, "");
    let calls = [
        ("read", "GET", "/api/v1/me".to_owned(), 200),
        ("read", "GET", documents.clone(), 200),
        ("read", "GET", owner.document(document_id, "/text"), 200),
        ("write", "POST", documents, 201),
        ("write", "PATCH", document.clone(), 200),
        ("write", "DELETE", document, 204),
        (
            "write",
            "POST",
            owner.document(document_id, "/restore"),
            200,
        ),
        ("admin", "POST", owner.organisation("/invitations"), 201),
    ];
    for scope in ["read", "write", "admin"] {
        let token = secret(&owner, &[scope]).await;
        for (needs, method, path, status) in &calls {
            let body = if path.ends_with("/invitations") {
                json!({})
            } else {
                title.clone()
            };
            let answer = call(&site, &token, method, path, body).await;
            if *needs == scope {
                assert_eq!(answer.status, *status, "{scope}: {method} {path}");
            } else {
                assert_eq!(answer.status, 403, "{scope}: {method} {path}");
                assert!(answer.detail().contains(&format!("the scope {needs}")));
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_writes_does_not_give_rights_away() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    let path = owner.document(document_id, "");
    let give = json!({"owner_id": bob.account_id});
    let token = secret(&owner, &["read", "write"]).await;
    for body in [give.clone(), json!({"folder_id": null})] {
        let answer = call(&site, &token, "PATCH", &path, body).await;
        assert_eq!(answer.status, 403);
        assert!(answer.detail().contains("the scope admin"));
    }
    let token = secret(&owner, &["write", "admin"]).await;
    let answer = call(&site, &token, "PATCH", &path, give).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_token_makes_no_sessions_and_no_tokens() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let made = make(&owner, &["read", "write", "admin"]).await;
    let token = made["token"].as_str().unwrap();
    let own = format!("/api/v1/me/tokens/{}", made["session_id"].as_str().unwrap());
    let more = json!({"name": "More", "scopes": ["read"], "days": 1});
    let password = json!({"email": "a@example.org", "password": "correct horse"});
    for (method, path, body) in [
        ("POST", "/api/v1/me/tokens", more),
        ("PUT", "/api/v1/me/password", password),
        ("DELETE", "/api/v1/me/sessions", json!({})),
        ("DELETE", own.as_str(), json!({})),
    ] {
        let answer = call(&site, token, method, path, body).await;
        assert_eq!(answer.status, 403, "{method} {path}");
        assert!(answer.detail().contains("sign in with a browser"));
    }
}

#[tokio::test]
async fn a_token_that_is_not_whole_or_not_live_is_refused() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let me = async |token: &str| {
        let answer = call(&site, token, "GET", "/api/v1/me", json!({})).await;
        answer.status
    };
    let token = secret(&owner, &["read"]).await;
    assert_eq!(me(&token).await, 200);
    let first = if token.starts_with('A') { "B" } else { "A" };
    assert_eq!(me(&format!("{first}{}", &token[1..])).await, 401);
    assert_eq!(me(&token[1..]).await, 401);
    assert_eq!(me("").await, 401);
    // What one door takes the other does not.
    assert_eq!(me(owner.token.as_ref().unwrap()).await, 401);
    let mut browser = site.stranger();
    browser.token = Some(token.clone());
    assert_eq!(browser.get("/api/v1/me").await.status, 401);

    let client = site.pool.get().await.unwrap();
    let expire = "update quire.session set expires_at = now() where kind = 'token'";
    client.execute(expire, &[]).await.unwrap();
    assert_eq!(me(&token).await, 401);

    let made = make(&owner, &["read"]).await;
    let token = made["token"].as_str().unwrap();
    let path = format!("/api/v1/me/tokens/{}", made["session_id"].as_str().unwrap());
    let bob = site.somebody(Some(owner.org_id), "admin").await;
    assert_eq!(bob.change("DELETE", &path, json!({})).await.status, 404);
    assert_eq!(me(token).await, 200);
    assert_eq!(owner.change("DELETE", &path, json!({})).await.status, 204);
    assert_eq!(me(token).await, 401);
}

#[tokio::test]
async fn use_does_not_put_the_end_of_a_token_off() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let token = secret(&owner, &["read"]).await;
    let client = site.pool.get().await.unwrap();
    let back = "update quire.session set last_seen_at = now() - interval '2 hours',
                expires_at = now() + interval '1 hour' where kind = 'token'";
    client.execute(back, &[]).await.unwrap();
    let answer = call(&site, &token, "GET", "/api/v1/me", json!({})).await;
    assert_eq!(answer.status, 200);
    let ends = "select count(*) from quire.session where kind = 'token'
                and last_seen_at > now() - interval '1 hour' and expires_at <= now() + interval '1 hour'";
    assert_eq!(count(&client, ends).await, 1);
}

#[tokio::test]
async fn with_a_cookie_a_change_needs_its_header_all_the_same() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let bearer = format!("Bearer {}", secret(&owner, &["read", "write"]).await);
    let path = owner.organisation("/documents");
    let body = json!({"title": "A"}).to_string();
    let headers = [("authorization", bearer.as_str())];
    let answer = owner.send("POST", &path, &headers, &body).await;
    assert_eq!(answer.status, 403);
    assert!(answer.detail().contains("X-Quire"));
    let headers = [("authorization", bearer.as_str()), ("x-quire", "1")];
    let answer = owner.send("POST", &path, &headers, &body).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn tokens_are_listed_without_their_secrets() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let mut made = make(&owner, &["write", "read"]).await;
    assert_eq!(made["scopes"], json!(["read", "write"]));
    let token = made.as_object_mut().unwrap().remove("token").unwrap();
    let answer = owner.get("/api/v1/me/tokens").await;
    assert_eq!(answer.json(), json!({"tokens": [made]}));
    let browsers = owner.get("/api/v1/me/sessions").await.json();
    assert_eq!(browsers["sessions"].as_array().unwrap().len(), 1);
    let client = site.pool.get().await.unwrap();
    let secret = token.as_str().unwrap();
    let rows = client
        .query("select a::text from quire.audit a", &[])
        .await
        .unwrap();
    assert!(
        rows.iter()
            .all(|row| !row.get::<_, &str>(0).contains(secret))
    );
    let noted = "select count(*) from quire.audit where action = 'token_made'
                 and detail ->> 'name' = 'Backup' and detail -> 'scopes' = '[\"read\", \"write\"]'";
    assert_eq!(count(&client, noted).await, 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    for (name, scopes, days, says) in [
        (json!(""), json!(["read"]), json!(1), "name: 1 to 100"),
        (json!("A"), json!([]), json!(1), "scopes: one or more"),
        (json!("A"), json!(["root"]), json!(1), "scopes: one or more"),
        (
            json!("A"),
            json!("read"),
            json!(1),
            "scopes: must be a list",
        ),
        (json!("A"), json!([1]), json!(1), "scopes: must be a list"),
        (json!("A"), json!(["read"]), json!(0), "days: must be"),
        (json!("A"), json!(["read"]), json!(367), "days: must be"),
        (json!("A"), json!(["read"]), json!("7"), "days: must be"),
    ] {
        let body = json!({"name": name, "scopes": scopes, "days": days});
        let answer = owner.post("/api/v1/me/tokens", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.detail().starts_with(says), "{body}");
    }
}
