use super::site::{Site, Visitor};
use serde_json::json;
use uuid::Uuid;

#[tokio::test]
async fn an_invitation_brings_in_one_member_at_its_document() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let body = json!({"document_id": document_id});
    let answer = owner.post(&owner.organisation("/invitations"), body).await;
    assert_eq!(answer.status, 201);
    let link = answer.json();
    assert!(link["expires_at"].as_str().unwrap().ends_with('Z'));
    let url = link["url"].as_str().unwrap();
    let prefix = format!("http://{}/welcome#", site.address);
    let token = url.strip_prefix(&prefix).unwrap();

    let body = json!({"token": token});
    let preview = site.stranger().post("/api/v1/welcome/preview", body).await;
    assert_eq!(preview.json()["kind"], "invitation");
    let body = json!({"token": token, "name": "Bob"});
    let welcome = site.stranger().post("/api/v1/welcome", body.clone()).await;
    assert_eq!(welcome.status, 200);
    let welcome = welcome.json();
    assert_eq!(welcome["organisation"]["role"], "member");
    assert_eq!(welcome["document_id"], document_id.to_string());
    let again = site.stranger().post("/api/v1/welcome", body).await;
    assert_eq!(again.status, 410);
}

#[tokio::test]
async fn a_link_leads_to_where_its_author_is() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let sister = "http://127.0.0.1:4999";
    site.live(vec![sister.into()]);
    for (origin, starts) in [(sister, sister), ("http://127.0.0.1:5000", "")] {
        let headers = [("x-quire", "1"), ("origin", origin)];
        let path = owner.organisation("/invitations");
        let answer = owner.send("POST", &path, &headers, "{}").await;
        if starts.is_empty() {
            assert_eq!(answer.status, 403);
        } else {
            let url = answer.json()["url"].as_str().unwrap().to_owned();
            assert!(url.starts_with(&format!("{starts}/welcome#")));
        }
    }
}

#[tokio::test]
async fn an_invitation_names_a_document_that_is_there() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let path = owner.organisation("/invitations");
    let body = json!({"document_id": Uuid::new_v4()});
    let answer = owner.post(&path, body).await;
    assert_eq!(answer.status, 404);
    assert!(answer.detail().starts_with("document_id:"));
    let answer = owner.post(&path, json!({"document_id": "x"})).await;
    assert_eq!(answer.detail(), "document_id: must be a uuid");
}

/// The secret of a new invitation.
async fn invitation(by: &Visitor, role: &str) -> String {
    let path = by.organisation("/invitations");
    let answer = by.post(&path, json!({"role": role})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let url = answer.json()["url"].as_str().expect("a link").to_owned();
    url.rsplit_once('#').expect("a secret").1.to_owned()
}

#[tokio::test]
async fn an_invitation_gives_no_more_than_its_author_may_give_when_it_is_used() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let admin = site.somebody(Some(owner.org_id), "admin").await;
    let for_admin = invitation(&admin, "admin").await;
    let for_member = invitation(&admin, "member").await;
    let member = owner.organisation(&format!("/members/{}", admin.account_id));
    let demoted = owner
        .change("PATCH", &member, json!({"role": "member"}))
        .await;
    assert!(demoted.status < 300, "{demoted:?}");
    let use_it = async |token: &str| {
        let body = json!({"token": token, "name": "Again"});
        site.stranger().post("/api/v1/welcome", body).await.status
    };
    assert_eq!(use_it(&for_admin).await, 410);
    assert_eq!(use_it(&for_member).await, 200, "that he may do still");
    // It fell for good: being an admin again does not bring it back.
    let admin_again = owner
        .change("PATCH", &member, json!({"role": "admin"}))
        .await;
    assert!(admin_again.status < 300, "{admin_again:?}");
    assert_eq!(use_it(&for_admin).await, 410);
    let for_member = invitation(&admin, "member").await;
    let removed = owner.change("DELETE", &member, json!({})).await;
    assert!(removed.status < 300, "{removed:?}");
    assert_eq!(use_it(&for_member).await, 410);
}
