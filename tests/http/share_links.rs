//! Share links: who comes in by them, and when they let nobody in any more.

use super::site::{Answer, Site, Visitor, id};
use serde_json::{Value, json};
use uuid::Uuid;

const OPEN: &str = "/api/v1/share-links/open";
const PREVIEW: &str = "/api/v1/share-links/preview";

struct Link {
    path: String,
    token: String,
}

/// Makes a link to a document of the organisation.
async fn link(owner: &Visitor, document_id: Uuid, body: Value) -> Link {
    let links = owner.document(document_id, "/links");
    let answer = owner.post(&links, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let link = answer.json();
    let url = link["url"].as_str().unwrap();
    let (page, token) = url.split_once('#').expect("the secret is in the fragment");
    assert!(page.ends_with("/share"));
    Link {
        path: format!("{links}/{}", link["link_id"].as_str().unwrap()),
        token: token.to_owned(),
    }
}

async fn open(who: &Visitor, link: &Link, password: Option<&str>) -> Answer {
    let body = json!({"token": link.token, "password": password, "name": "Vera"});
    who.post(OPEN, body).await
}

/// Comes in by a link, and is somebody then.
async fn come_in(site: &Site, link: &Link) -> Visitor {
    let answer = open(&site.stranger(), link, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let opened = answer.json();
    assert_eq!(opened["account"]["name"], "Vera");
    let mut visitor = site.stranger();
    visitor.token = Some(answer.cookie("quire_session").unwrap().to_owned());
    visitor.org_id = id(&opened["org_id"]);
    visitor.account_id = id(&opened["account"]["account_id"]);
    visitor
}

#[tokio::test]
async fn a_link_lets_in_with_its_role_until_it_is_revoked() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    for role in ["view", "comment", "edit"] {
        let link = link(&owner, document_id, json!({"role": role})).await;
        let preview = site
            .stranger()
            .post(PREVIEW, json!({"token": link.token}))
            .await;
        assert_eq!(preview.json()["title"], "Welcome to Quire");
        assert_eq!(preview.json()["is_folder"], false);
        let vera = come_in(&site, &link).await;
        let place = vera.document(document_id, "");
        let seen = vera.get(&place).await;
        assert_eq!(seen.json()["role"], role);
        assert_eq!(seen.json()["may_manage"], false);
        // Of the organisation the visitor sees nothing else, and shares nothing on.
        for rest in [
            "",
            "/members",
            "/groups",
            "/folders",
            "/documents",
            "/audit",
        ] {
            assert_eq!(
                vera.get(&vera.organisation(rest)).await.status,
                404,
                "{rest}"
            );
        }
        let grants = vera.document(document_id, "/links");
        assert_eq!(
            vera.post(&grants, json!({"role": "view"})).await.status,
            403
        );
        // Once more by the same link: the same account, no new one.
        let again = open(&vera, &link, None).await;
        assert_eq!(id(&again.json()["account"]["account_id"]), vera.account_id);
        assert_eq!(again.cookie("quire_session"), None);

        let revoked = owner.change("DELETE", &link.path, json!({})).await;
        assert_eq!(revoked.status, 204);
        assert_eq!(vera.get(&place).await.status, 404);
        assert_eq!(open(&site.stranger(), &link, None).await.status, 410);
        let gone = owner.change("DELETE", &link.path, json!({})).await;
        assert_eq!(gone.status, 404);
    }
}

#[tokio::test]
async fn a_password_is_asked_for_and_cannot_be_guessed_for_ever() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let body = json!({"role": "view", "password": "correct horse"});
    let link = link(&owner, document_id, body).await;
    let preview = site
        .stranger()
        .post(PREVIEW, json!({"token": link.token}))
        .await;
    assert_eq!(preview.json()["needs_password"], true);
    assert_eq!(
        preview.json()["title"],
        Value::Null,
        "the title is kept back"
    );
    assert_eq!(open(&site.stranger(), &link, None).await.status, 403);
    let right = open(&site.stranger(), &link, Some("correct horse")).await;
    assert_eq!(right.status, 200);
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(
            open(&site.stranger(), &link, Some("wrong horse"))
                .await
                .status,
        );
    }
    assert_eq!(answers[0], 403);
    assert_eq!(answers.last(), Some(&429));
    let too_late = open(&site.stranger(), &link, Some("correct horse")).await;
    assert_eq!(too_late.status, 429, "not even the right one");
    // Who guesses closes it for himself: others are at another address.
    let client = site.pool.get().await.unwrap();
    let elsewhere =
        "update quire.attempt set subject = subject || '8' where subject like 'link:%:127.0.0.1'";
    assert_eq!(client.execute(elsewhere, &[]).await.unwrap(), 1);
    let right = open(&site.stranger(), &link, Some("correct horse")).await;
    assert_eq!(right.status, 200, "{right:?}");
    assert!(too_late.header("retry-after").is_some());
}

#[tokio::test]
async fn an_expired_link_is_gone_for_those_inside_too() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let link = link(&owner, document_id, json!({"role": "edit", "days": 1})).await;
    let vera = come_in(&site, &link).await;
    let client = site.pool.get().await.unwrap();
    let past = "update quire.share_link set expires_at = now() - interval '1 second'";
    client.execute(past, &[]).await.unwrap();
    assert_eq!(vera.get(&vera.document(document_id, "")).await.status, 404);
    assert_eq!(open(&site.stranger(), &link, None).await.status, 410);
    let ended = client
        .query_one("select quire.end_expired()", &[])
        .await
        .unwrap();
    assert_eq!(ended.get::<_, i32>(0), 1);
    let last = "select kind from quire.event order by event_id desc limit 1";
    let event = client.query_one(last, &[]).await.unwrap();
    assert_eq!(event.get::<_, &str>("kind"), "grant_changed");
}

#[tokio::test]
async fn what_is_no_link_or_no_role_is_refused() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let links = owner.document(document_id, "/links");
    for body in [
        json!({}),
        json!({"role": "own"}),
        json!({"role": "view", "days": 0}),
        json!({"role": "view", "days": "7"}),
        json!({"role": "view", "password": "short"}),
    ] {
        assert_eq!(owner.post(&links, body.clone()).await.status, 400, "{body}");
    }
    for token in ["", "x", &"A".repeat(43), &"A".repeat(100_000 / 2)] {
        let answer = site.stranger().post(OPEN, json!({"token": token})).await;
        assert_eq!(answer.status, 410);
    }
}

#[tokio::test]
async fn a_visitor_with_a_link_to_a_folder_sees_what_lies_in_it_and_nothing_else() {
    let site = Site::start().await;
    let (owner, elsewhere) = site.owner().await;
    let folders = owner.organisation("/folders");
    let mut made = Vec::new();
    for name in ["Outer", "Shared", "Inner"] {
        let body = json!({"name": name, "parent_id": made.last()});
        made.push(id(&owner.post(&folders, body).await.json()["folder_id"]));
    }
    let documents = owner.organisation("/documents");
    let body = json!({"title": "Within", "folder_id": made[1]});
    let within = id(&owner.post(&documents, body).await.json()["document_id"]);
    let links = owner.organisation(&format!("/folders/{}/links", made[1]));
    let link = owner.post(&links, json!({"role": "view"})).await.json();
    let token = link["url"].as_str().unwrap().split_once('#').unwrap().1;
    let link = Link {
        path: format!("{links}/{}", link["link_id"].as_str().unwrap()),
        token: token.to_owned(),
    };
    let body = json!({"token": link.token});
    let preview = site.stranger().post(PREVIEW, body).await.json();
    assert_eq!(
        (&preview["title"], &preview["is_folder"]),
        (&json!("Shared"), &json!(true))
    );
    let vera = come_in(&site, &link).await;
    let folder = |who: &Visitor, at: usize| who.organisation(&format!("/folders/{}", made[at]));
    let seen = vera.get(&folder(&vera, 1)).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let seen = seen.json();
    assert_eq!(
        (&seen["name"], &seen["role"]),
        (&json!("Shared"), &json!("view"))
    );
    assert_eq!(seen["may_manage"], false);
    assert_eq!(
        seen["path"],
        json!([]),
        "what lies above is not theirs to know"
    );
    assert_eq!(
        seen["folders"],
        json!([{"folder_id": made[2], "name": "Inner"}])
    );
    assert_eq!(seen["documents"][0]["document_id"], within.to_string());
    assert_eq!(seen["documents"].as_array().unwrap().len(), 1);
    assert_eq!(vera.get(&folder(&vera, 2)).await.status, 200);
    assert_eq!(vera.get(&folder(&vera, 0)).await.status, 404);
    assert_eq!(vera.get(&vera.document(elsewhere, "")).await.status, 404);
    let own = owner.get(&folder(&owner, 2)).await.json();
    let path =
        json!([{"folder_id": made[0], "name": "Outer"}, {"folder_id": made[1], "name": "Shared"}]);
    assert_eq!(own["path"], path);

    let revoked = owner.change("DELETE", &link.path, json!({})).await;
    assert_eq!(revoked.status, 204);
    assert_eq!(vera.get(&folder(&vera, 1)).await.status, 404);
}

/// Else he would come back in by it, with the rights that were taken away.
#[tokio::test]
async fn who_leaves_the_organisation_takes_his_links_along() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    for (method, body) in [("DELETE", json!({})), ("PATCH", json!({"role": "guest"}))] {
        let admin = site.somebody(Some(owner.org_id), "admin").await;
        let his = link(&admin, document_id, json!({"role": "edit"})).await;
        let hers = link(&owner, document_id, json!({"role": "edit"})).await;
        let (by_his, by_hers) = (come_in(&site, &his).await, come_in(&site, &hers).await);
        let member = owner.organisation(&format!("/members/{}", admin.account_id));
        let gone = owner.change(method, &member, body).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        let place = owner.document(document_id, "");
        assert_eq!(by_his.get(&place).await.status, 404, "{method}");
        assert_eq!(by_hers.get(&place).await.status, 200, "{method}");
        assert_eq!(open(&admin, &his, None).await.status, 410);
        assert_eq!(open(&site.stranger(), &his, None).await.status, 410);
    }
}
