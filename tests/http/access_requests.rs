//! Asking to be let at a document: what the asker learns, and what becomes of it.

use super::site::{Answer, Site, Visitor};
use crate::kit::members::count;
use serde_json::{Value, json};
use uuid::Uuid;

async fn ask(who: &Visitor, document_id: Uuid, message: &str) -> Answer {
    let path = who.document(document_id, "/access-requests");
    who.post(&path, json!({"message": message})).await
}

async fn requests(who: &Visitor, document_id: Uuid) -> Value {
    let path = who.document(document_id, "/access-requests");
    let answer = who.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["requests"].clone()
}

/// An organisation with a document of which its members know nothing.
async fn private(site: &Site) -> (Visitor, Uuid) {
    let (owner, document_id) = site.owner().await;
    let path = owner.document(document_id, "/grants");
    for grant in owner.get(&path).await.json()["grants"].as_array().unwrap() {
        let grant = format!("{path}/{}", grant["grant_id"].as_str().unwrap());
        assert_eq!(owner.change("DELETE", &grant, json!({})).await.status, 204);
    }
    (owner, document_id)
}

#[tokio::test]
async fn who_asks_for_access_does_not_learn_whether_the_document_exists() {
    let site = Site::start().await;
    let (owner, document_id) = private(&site).await;
    for role in ["member", "guest"] {
        let bob = site.somebody(Some(owner.org_id), role).await;
        let real = ask(&bob, document_id, "please").await;
        let unreal = ask(&bob, Uuid::new_v4(), "please").await;
        assert_eq!((real.status, &real.body), (202, &unreal.body));
        assert_eq!(unreal.status, 202);
        let heads = [real, unreal].map(|answer| answer.header("content-length").map(str::to_owned));
        assert_eq!(heads[0], heads[1]);
        for path in ["/access-requests", ""] {
            assert_eq!(bob.get(&bob.document(document_id, path)).await.status, 404);
        }
    }
    // For everybody else the organisation itself does not exist.
    let mut stranger = site.somebody(None, "member").await;
    stranger.org_id = owner.org_id;
    assert_eq!(ask(&stranger, document_id, "").await.status, 404);
    let nobody = Visitor {
        token: None,
        ..stranger
    };
    assert_eq!(ask(&nobody, document_id, "").await.status, 401);
    assert_eq!(
        requests(&owner, document_id)
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_request_is_seen_by_those_who_may_share_and_ends_with_a_grant() {
    let site = Site::start().await;
    let (owner, document_id) = private(&site).await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    assert_eq!(ask(&bob, document_id, "for the report").await.status, 202);
    // Once more: the same request.
    assert_eq!(
        ask(&bob, document_id, " for the minutes ").await.status,
        202
    );
    let seen = requests(&owner, document_id).await;
    assert_eq!(seen.as_array().unwrap().len(), 1);
    assert_eq!(seen[0]["message"], "for the minutes");
    assert_eq!(seen[0]["account"]["account_id"], bob.account_id.to_string());
    let listed = owner.get(&owner.organisation("/documents")).await.json();
    assert_eq!(listed["documents"][0]["access_requests"], 1);

    let grants = owner.document(document_id, "/grants");
    let grant = json!({"account_id": bob.account_id, "role": "view"});
    assert_eq!(owner.post(&grants, grant).await.status, 201);
    assert_eq!(requests(&owner, document_id).await, json!([]));
    let shown = bob.get(&bob.document(document_id, "")).await.json();
    assert_eq!(
        (&shown["role"], &shown["access_requests"]),
        (&json!("view"), &json!(0))
    );
    // Who may only read it sees no requests, and has nothing to ask for.
    let path = bob.document(document_id, "/access-requests");
    assert_eq!(bob.get(&path).await.status, 403);
    assert_eq!(ask(&bob, document_id, "").await.status, 202);
    assert_eq!(requests(&owner, document_id).await, json!([]));
    let client = site.pool.get().await.unwrap();
    let noted = format!(
        "select count(*) from quire.audit
         where action in ('access_requested', 'access_request_ended')
         and account_id = '{}' and document_id = '{document_id}' and actor_id is not null",
        bob.account_id
    );
    assert_eq!(count(&client, &noted).await, 2);
}

#[tokio::test]
async fn a_request_is_dismissed_and_goes_with_whoever_leaves() {
    let site = Site::start().await;
    let (owner, document_id) = private(&site).await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    ask(&bob, document_id, "").await;
    let path = format!("/access-requests/{}", bob.account_id);
    let path = owner.document(document_id, &path);
    assert_eq!(bob.change("DELETE", &path, json!({})).await.status, 404);
    assert_eq!(owner.change("DELETE", &path, json!({})).await.status, 204);
    assert_eq!(owner.change("DELETE", &path, json!({})).await.status, 404);
    ask(&bob, document_id, "").await;
    let member = owner.organisation(&format!("/members/{}", bob.account_id));
    assert_eq!(owner.change("DELETE", &member, json!({})).await.status, 204);
    assert_eq!(requests(&owner, document_id).await, json!([]));
}

#[tokio::test]
async fn nobody_floods_others_with_requests() {
    let site = Site::start().await;
    let (owner, document_id) = private(&site).await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    let long = ask(&bob, document_id, &"ä".repeat(501)).await;
    assert_eq!(long.status, 400);
    assert!(long.detail().starts_with("message: "), "{long:?}");
    assert_eq!(ask(&bob, document_id, &"ä".repeat(500)).await.status, 202);
    let mut last = ask(&bob, Uuid::new_v4(), "").await;
    for _ in 0..20 {
        last = ask(&bob, Uuid::new_v4(), "").await;
    }
    assert_eq!(last.status, 429);
    assert!(last.header("retry-after").is_some());
    // And of those that exist it is told no more.
    assert_eq!(ask(&bob, document_id, "").await.status, 429);
}
