use super::site::{Options, Site};
use serde_json::{Value, json};

fn form(email: &str) -> Value {
    json!({"name": "Ada", "email": email, "password": "correct horse", "organisation": "Press"})
}

#[tokio::test]
async fn nobody_signs_up_unless_it_is_open() {
    let site = Site::start().await;
    let stranger = site.stranger();
    let told = stranger.get("/api/v1/sign-up").await;
    assert_eq!(told.json(), json!({"is_open": false}));
    let answer = stranger
        .post("/api/v1/sign-up", form("a@example.org"))
        .await;
    assert_eq!(answer.status, 403);
    assert!(answer.detail().contains("invitation"));
}

#[tokio::test]
async fn where_it_is_open_one_gets_an_organisation_of_ones_own() {
    let site = Site::with_options(Options {
        open_sign_up: true,
        ..Options::default()
    })
    .await;
    let visitor = site.stranger();
    let told = visitor.get("/api/v1/sign-up").await;
    assert_eq!(told.json(), json!({"is_open": true}));
    let answer = visitor
        .post("/api/v1/sign-up", form("ada@example.org"))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let welcome = answer.json();
    assert_eq!(welcome["account"]["name"], "Ada");
    assert_eq!(welcome["organisation"]["name"], "Press");
    assert_eq!(welcome["organisation"]["role"], "owner");
    let mut ada = visitor.after(&answer);
    ada.org_id = super::site::id(&welcome["organisation"]["org_id"]);
    let document = ada.document(super::site::id(&welcome["document_id"]), "");
    assert_eq!(ada.get(&document).await.json()["role"], "edit");
    let body = json!({"email": "ada@example.org", "password": "correct horse"});
    assert_eq!(visitor.post("/api/v1/session", body).await.status, 200);

    let again = visitor
        .post("/api/v1/sign-up", form("Ada@example.org"))
        .await;
    assert_eq!(again.status, 409);
    for (field, value, says) in [
        ("organisation", "", "organisation: 1 to 200"),
        ("name", "", "name: 1 to 100"),
        ("email", "ada", "email: this"),
        ("password", "short", "password: 8"),
    ] {
        let mut body = form("bob@example.org");
        body[field] = value.into();
        let answer = visitor.post("/api/v1/sign-up", body).await;
        assert_eq!(answer.status, 400, "{field}");
        assert!(answer.detail().starts_with(says), "{field}");
    }
}
