use super::site::{Answer, Site};
use quire::auth::{Token, welcome_link};
use serde_json::json;

async fn preview_of(site: &Site, link: &str) -> Answer {
    let body = json!({"token": link});
    site.stranger().post("/api/v1/welcome/preview", body).await
}

#[tokio::test]
async fn the_first_link_signs_in_and_opens_a_document_that_is_not_empty() {
    let site = Site::start().await;
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let preview = preview_of(&site, &link).await;
    assert_eq!(preview.status, 200);
    assert_eq!(
        preview.json(),
        json!({"kind": "first", "organisation_name": "My organisation", "account_name": null})
    );
    let body = json!({"token": link, "name": "Ada"});
    let welcome = site.stranger().post("/api/v1/welcome", body.clone()).await;
    assert_eq!(welcome.status, 200);
    assert_eq!(welcome.header("cache-control"), Some("no-store"));
    let welcome = welcome.json();
    assert_eq!(welcome["account"]["name"], "Ada");
    assert_eq!(welcome["organisation"]["role"], "owner");
    assert!(welcome["document_id"].is_string());

    let again = site.stranger().post("/api/v1/welcome", body).await;
    assert_eq!(again.status, 410);
    assert!(again.detail().contains("used"));
    let preview = preview_of(&site, &link).await;
    assert_eq!(preview.status, 410);
}

#[tokio::test]
async fn raced_links_sign_in_one_person_and_make_one_document() {
    let site = Site::start().await;
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let visitor = site.stranger();
    let uses = (0..6).map(|n| {
        let body = json!({"token": link, "name": format!("Ada {n}")});
        visitor.post("/api/v1/welcome", body)
    });
    let answers = futures_util::future::join_all(uses).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 410, 410, 410, 410, 410]);
    let client = site.pool.get().await.unwrap();
    for table in ["document", "edit", "session", "member"] {
        let query = format!("select count(*) from quire.{table}");
        let count = crate::kit::members::count(&client, &query).await;
        assert_eq!(count, 1, "{table}");
    }
}

#[tokio::test]
async fn a_later_link_needs_no_name() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let preview = preview_of(&site, &link).await;
    assert_eq!(preview.json()["kind"], "return");
    assert_eq!(preview.json()["account_name"], "Ada");
    let body = json!({"token": link});
    let answer = site.stranger().post("/api/v1/welcome", body).await;
    assert_eq!(answer.status, 200);
    let account = &answer.json()["account"];
    assert_eq!(account["account_id"], owner.account_id.to_string());
    assert_eq!(account["name"], "Ada");
}

#[tokio::test]
async fn what_is_wrong_with_a_welcome_is_said() {
    let site = Site::start().await;
    let link = welcome_link(&site.pool).await.unwrap().reveal();
    let unknown = Token::random().reveal();
    for (body, status, says) in [
        (json!({}), 400, "token: is missing"),
        (json!({"token": 5}), 400, "token: must be a text"),
        (json!({"token": "short", "name": "A"}), 410, "link"),
        (json!({"token": unknown, "name": "A"}), 410, "link"),
        (json!({"token": link}), 400, "name: 1 to 100"),
        (json!({"token": link, "name": " "}), 400, "name: 1 to 100"),
        (json!({"token": link, "name": ["A"]}), 400, "name: must be"),
        (json!([1]), 400, "JSON object"),
    ] {
        let answer = site.stranger().post("/api/v1/welcome", body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        let detail = answer.detail();
        assert!(detail.contains(says), "{body}: {detail}");
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn me_is_known_until_sign_out() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let me = owner.get("/api/v1/me").await;
    assert_eq!(me.status, 200);
    let me = me.json();
    assert_eq!(me["account"]["account_id"], owner.account_id.to_string());
    assert_eq!(me["account"]["color"].as_str().unwrap().len(), 7);
    assert_eq!(me["organisations"][0]["org_id"], owner.org_id.to_string());
    assert_eq!(me["organisations"][0]["name"], "My organisation");
    assert_eq!(me["organisations"][0]["role"], "owner");

    let out = owner.change("DELETE", "/api/v1/session", json!({})).await;
    assert_eq!(out.status, 204);
    assert_eq!(out.cookie("quire_session"), Some(""));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    let me = owner.get("/api/v1/me").await;
    assert_eq!(me.status, 401);
    assert!(me.detail().contains("not signed in"));
    // Once more changes nothing.
    let out = owner.change("DELETE", "/api/v1/session", json!({})).await;
    assert_eq!(out.status, 204);
}

#[tokio::test]
async fn strangers_are_told_to_sign_in() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    for visitor_token in [
        None,
        Some("nonsense".into()),
        Some(Token::random().reveal()),
    ] {
        let mut stranger = site.stranger();
        stranger.token = visitor_token;
        for (method, path) in [
            ("GET", "/api/v1/me".to_owned()),
            ("GET", owner.organisation("/documents")),
            ("POST", owner.organisation("/documents")),
            ("POST", owner.organisation("/invitations")),
            ("GET", owner.document(document_id, "")),
            ("PATCH", owner.document(document_id, "")),
            ("DELETE", owner.document(document_id, "")),
            ("POST", owner.document(document_id, "/restore")),
            ("GET", owner.document(document_id, "/text")),
        ] {
            let answer = stranger.change(method, &path, json!({"title": "x"})).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            answer.detail();
        }
    }
}
