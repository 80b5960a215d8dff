use super::site::Site;
use serde_json::json;

#[tokio::test]
async fn a_change_that_no_page_of_quire_asked_for_is_refused() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let own = format!("http://{}", site.address);
    let path = owner.document(document_id, "");
    let body = json!({"title": "Forged"}).to_string();
    let refused: [&[(&str, &str)]; 9] = [
        &[],
        &[("x-quire", "0")],
        &[("x-quire", "1"), ("x-quire", "1")],
        &[("x-quire", "1"), ("origin", "https://evil.example")],
        &[("x-quire", "1"), ("origin", "null")],
        &[("x-quire", "1"), ("origin", &own), ("origin", &own)],
        &[("x-quire", "1"), ("sec-fetch-site", "cross-site")],
        &[("x-quire", "1"), ("sec-fetch-site", "same-site")],
        &[("origin", &own), ("sec-fetch-site", "same-origin")],
    ];
    for headers in refused {
        let answer = owner.send("PATCH", &path, headers, &body).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        answer.detail();
    }
    for (method, path) in [
        ("POST", "/api/v1/welcome".to_owned()),
        ("DELETE", "/api/v1/session".to_owned()),
        ("POST", owner.organisation("/documents")),
        ("POST", owner.organisation("/invitations")),
        ("DELETE", owner.document(document_id, "")),
        ("POST", owner.document(document_id, "/restore")),
    ] {
        let answer = owner.send(method, &path, &[], "{}").await;
        assert_eq!(answer.status, 403, "{method} {path}");
    }
    let title = &owner.get(&path).await.json()["title"];
    assert_eq!(title, "Welcome to Quire");
    let allowed: [&[(&str, &str)]; 2] = [
        &[("x-quire", "1"), ("origin", &own)],
        &[
            ("x-quire", "1"),
            ("origin", &own),
            ("sec-fetch-site", "same-origin"),
        ],
    ];
    for headers in allowed {
        let answer = owner.send("PATCH", &path, headers, &body).await;
        assert_eq!(answer.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn a_page_of_another_server_may_ask_this_one() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let sister = "http://127.0.0.1:4999";
    let path = owner.document(document_id, "");
    let asked = |headers: Vec<(&'static str, &'static str)>| {
        let (owner, path) = (owner.clone(), path.clone());
        async move { owner.send("OPTIONS", &path, &headers, "").await }
    };
    let preflight = vec![
        ("origin", sister),
        ("access-control-request-method", "PATCH"),
    ];
    let before = asked(preflight.clone()).await;
    assert_eq!(before.header("access-control-allow-origin"), None);
    assert_eq!(before.header("access-control-allow-methods"), None);

    site.live(vec![sister.into()]);
    let answer = asked(preflight).await;
    assert_eq!(answer.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", sister),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, PATCH, DELETE, HEAD"),
        ("access-control-allow-headers", "content-type, x-quire"),
        ("vary", "origin"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    let headers = [
        ("x-quire", "1"),
        ("origin", sister),
        ("sec-fetch-site", "same-site"),
    ];
    let body = json!({"title": "From there"}).to_string();
    let answer = owner.send("PATCH", &path, &headers, &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(sister));
}

#[tokio::test]
async fn a_foreign_page_can_read_nothing() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let headers = [("origin", "https://evil.example")];
    let answer = owner.send("GET", "/api/v1/me", &headers, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_is_refused() {
    let site = Site::with(
        quire::http::Timeouts::default(),
        &["https://quire.example:443"],
    )
    .await;
    let port = site.address.port();
    let visitor = site.stranger();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        "localhost.evil.example".to_owned(),
        String::new(),
        "quire.example:444".to_owned(),
    ] {
        for path in ["/", "/api/v1/servers", "/metrics", "/sync/v1"] {
            let answer = visitor.send("GET", path, &[("host", &host)], "").await;
            assert_eq!(answer.status, 421, "{host} {path}");
            answer.detail();
        }
        // A balancer's probe may use any name.
        let probe = visitor
            .send("GET", "/healthz", &[("host", &host)], "")
            .await;
        assert_eq!(probe.status, 200);
    }
    for host in [
        "localhost".to_owned(),
        format!("LOCALHOST:{port}"),
        format!("quire.localhost:{port}"),
        format!("127.0.0.1:{port}"),
        format!("192.0.2.7:{port}"),
        format!("[::1]:{port}"),
        "Quire.example".to_owned(),
    ] {
        let headers = [("host", host.as_str())];
        let answer = visitor.send("GET", "/api/v1/servers", &headers, "").await;
        assert_eq!(answer.status, 200, "{host}");
    }
    let twice = [("host", "localhost"), ("host", "evil.example")];
    let answer = visitor.send("GET", "/api/v1/servers", &twice, "").await;
    assert!(answer.status == 421 || answer.status == 400);
}
