//! Members, groups, folders and grants through the API.

use super::site::{Answer, Site, Visitor, id};
use serde_json::{Value, json};
use uuid::Uuid;

/// Sends a change and sees that it is answered so.
async fn change(who: &Visitor, method: &str, path: &str, body: Value, status: u16) -> Answer {
    let answer = who.change(method, path, body).await;
    assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    answer
}

async fn role_in(who: &Visitor, document_id: Uuid) -> Option<String> {
    let answer = who.get(&who.document(document_id, "")).await;
    match answer.status {
        200 => answer.json()["role"].as_str().map(str::to_owned),
        404 => None,
        _ => panic!("{answer:?}"),
    }
}

/// Takes away what members may do by default, so that only what is granted counts.
async fn make_private(owner: &Visitor, document_id: Uuid) {
    let grants = owner.document(document_id, "/grants");
    let list = owner.get(&grants).await.json();
    let everyone = &list["grants"][0];
    assert_eq!(everyone["everyone"], true, "{list}");
    let path = format!("{grants}/{}", everyone["grant_id"].as_str().unwrap());
    change(owner, "DELETE", &path, json!({}), 204).await;
}

#[tokio::test]
async fn what_is_granted_to_a_member_a_group_or_everyone_holds_and_ends() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    make_private(&owner, document_id).await;
    assert_eq!(role_in(&bob, document_id).await, None);
    let groups = owner.organisation("/groups");
    let group = change(&owner, "POST", &groups, json!({"name": "Editors"}), 201).await;
    let group_id = group.json()["groups"][0]["group_id"].clone();
    let member = format!(
        "/groups/{}/members/{}",
        group_id.as_str().unwrap(),
        bob.account_id
    );
    let member = owner.organisation(&member);
    change(&owner, "PUT", &member, json!({}), 204).await;
    let grants = owner.document(document_id, "/grants");
    for (subject, ends_with_the_group) in [
        (json!({"account_id": bob.account_id}), false),
        (json!({"group_id": group_id}), true),
        (json!({"everyone": true}), false),
    ] {
        for role in ["view", "comment", "edit"] {
            let mut body = subject.clone();
            body["role"] = role.into();
            let grant = change(&owner, "POST", &grants, body, 201).await.json();
            assert_eq!(grant["role"], role);
            assert_eq!(role_in(&bob, document_id).await.as_deref(), Some(role));
        }
        if ends_with_the_group {
            change(&owner, "DELETE", &member, json!({}), 204).await;
            assert_eq!(role_in(&bob, document_id).await, None);
        }
        let list = owner.get(&grants).await.json();
        let grant_id = list["grants"][0]["grant_id"].as_str().unwrap().to_owned();
        change(
            &owner,
            "DELETE",
            &format!("{grants}/{grant_id}"),
            json!({}),
            204,
        )
        .await;
        assert_eq!(role_in(&bob, document_id).await, None, "{subject}");
        change(
            &owner,
            "DELETE",
            &format!("{grants}/{grant_id}"),
            json!({}),
            404,
        )
        .await;
    }
}

#[tokio::test]
async fn a_grant_names_one_member_or_group_of_the_organisation_and_a_role() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let stranger = site.somebody(None, "owner").await;
    let grants = owner.document(document_id, "/grants");
    for body in [
        json!({"role": "edit"}),
        json!({"account_id": owner.account_id}),
        json!({"account_id": owner.account_id, "role": "owner"}),
        json!({"account_id": owner.account_id, "everyone": true, "role": "view"}),
        json!({"account_id": stranger.account_id, "role": "view"}),
        json!({"group_id": Uuid::new_v4(), "role": "view"}),
        json!({"everyone": "yes", "role": "view"}),
    ] {
        change(&owner, "POST", &grants, body, 400).await.detail();
    }
    let guest = site.somebody(Some(owner.org_id), "guest").await;
    let body = json!({"account_id": guest.account_id, "role": "edit"});
    change(&owner, "POST", &grants, body.clone(), 201).await;
    assert_eq!(role_in(&guest, document_id).await.as_deref(), Some("edit"));
    change(&guest, "POST", &grants, body, 403).await.detail();
    let seen = guest.get(&grants).await.json();
    assert_eq!(seen["may_manage"], false);
}

#[tokio::test]
async fn a_folder_hands_its_grants_down_and_documents_take_them_when_they_move() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    make_private(&owner, document_id).await;
    let folders = owner.organisation("/folders");
    let outer = change(&owner, "POST", &folders, json!({"name": "Outer"}), 201).await;
    let outer = id(&outer.json()["folder_id"]);
    let body = json!({"name": "Inner", "parent_id": outer});
    let inner = change(&owner, "POST", &folders, body, 201).await.json();
    let inner = id(&inner["folder_id"]);
    let place = owner.document(document_id, "");
    change(&owner, "PATCH", &place, json!({"folder_id": inner}), 200).await;
    // A folder that lies in none has the organisation's default.
    assert_eq!(role_in(&bob, document_id).await.as_deref(), Some("edit"));
    let list = owner
        .get(&owner.document(document_id, "/grants"))
        .await
        .json();
    assert_eq!(list["grants"][0]["inherited_from"], outer.to_string());
    // Into itself it cannot be moved.
    let path = owner.organisation(&format!("/folders/{outer}"));
    change(&owner, "PATCH", &path, json!({"parent_id": inner}), 409)
        .await
        .detail();
    change(&owner, "DELETE", &path, json!({}), 409)
        .await
        .detail();
    // Out of it, the grants are gone.
    change(&owner, "PATCH", &place, json!({"folder_id": null}), 200).await;
    assert_eq!(role_in(&bob, document_id).await, None);
    let path = owner.organisation(&format!("/folders/{inner}"));
    change(&owner, "DELETE", &path, json!({}), 204).await;
}

#[tokio::test]
async fn owners_and_admins_keep_the_members_and_the_last_owner_stays() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let admin = site.somebody(Some(owner.org_id), "admin").await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    let member = |who: &Visitor| owner.organisation(&format!("/members/{}", who.account_id));
    change(&bob, "PATCH", &member(&bob), json!({"role": "admin"}), 403).await;
    change(
        &admin,
        "PATCH",
        &member(&bob),
        json!({"role": "owner"}),
        403,
    )
    .await;
    change(&admin, "DELETE", &member(&owner), json!({}), 403).await;
    change(&owner, "DELETE", &member(&owner), json!({}), 409).await;
    change(
        &owner,
        "PATCH",
        &member(&owner),
        json!({"role": "member"}),
        409,
    )
    .await;
    change(
        &admin,
        "PATCH",
        &member(&bob),
        json!({"role": "guest"}),
        204,
    )
    .await;
    assert_eq!(bob.get(&owner.organisation("/members")).await.status, 403);
    change(&bob, "DELETE", &member(&bob), json!({}), 204).await;
    assert_eq!(bob.get(&owner.organisation("")).await.status, 404);
    let list = admin.get(&owner.organisation("/members")).await.json();
    assert_eq!(list["members"].as_array().unwrap().len(), 2);
    let body = json!({"default_role": "none", "name": "Press"});
    let changed = change(&admin, "PATCH", &owner.organisation(""), body, 200).await;
    assert_eq!(changed.json()["name"], "Press");
    let made = change(
        &admin,
        "POST",
        &owner.organisation("/documents"),
        json!({}),
        201,
    )
    .await;
    let carla = site.somebody(Some(owner.org_id), "member").await;
    assert_eq!(role_in(&carla, id(&made.json()["document_id"])).await, None);
}

#[tokio::test]
async fn a_document_changes_hands_only_by_its_owner_or_an_admin() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    let carla = site.somebody(Some(owner.org_id), "member").await;
    let guest = site.somebody(Some(owner.org_id), "guest").await;
    let made = change(
        &bob,
        "POST",
        &bob.organisation("/documents"),
        json!({}),
        201,
    )
    .await
    .json();
    assert_eq!(made["owner_id"], bob.account_id.to_string());
    let place = bob.document(id(&made["document_id"]), "");
    let to = |who: &Visitor| json!({"owner_id": who.account_id});
    change(&carla, "PATCH", &place, to(&carla), 403).await;
    change(&bob, "PATCH", &place, to(&guest), 400).await;
    let given = change(&bob, "PATCH", &place, to(&carla), 200).await;
    assert_eq!(given.json()["owner_id"], carla.account_id.to_string());
    change(&bob, "PATCH", &place, to(&bob), 403).await;
    change(&owner, "PATCH", &place, to(&owner), 200).await;
}

#[tokio::test]
async fn the_audit_names_who_did_what_to_whom_and_from_where() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let bob = site.somebody(Some(owner.org_id), "member").await;
    let grants = owner.document(document_id, "/grants");
    let body = json!({"account_id": bob.account_id, "role": "comment"});
    change(&owner, "POST", &grants, body, 201).await;
    // Somebody with SQL leaves a trace as well.
    let client = site.pool.get().await.unwrap();
    let sql = "update quire.member set role = 'guest' where account_id = $1";
    client.execute(sql, &[&bob.account_id]).await.unwrap();
    assert_eq!(bob.get(&owner.organisation("/audit")).await.status, 403);
    let audit = owner
        .get(&owner.organisation("/audit?limit=2"))
        .await
        .json();
    let entries = audit["entries"].as_array().unwrap();
    assert_eq!(audit["more"], true);
    assert_eq!(entries[0]["action"], "member_changed");
    assert_eq!(entries[0]["actor"], Value::Null);
    assert_eq!(entries[0]["database_role"], "quire");
    assert_eq!(
        entries[0]["detail"],
        json!({"role": "guest", "former_role": "member"})
    );
    assert_eq!(entries[1]["action"], "grant_added");
    assert_eq!(
        entries[1]["actor"]["account_id"],
        owner.account_id.to_string()
    );
    assert_eq!(
        entries[1]["account"]["account_id"],
        bob.account_id.to_string()
    );
    assert_eq!(entries[1]["address"], "127.0.0.1");
    let before = &entries[1]["audit_id"];
    let path = owner.organisation(&format!("/audit?format=jsonl&before={before}"));
    let lines = owner.get(&path).await;
    assert_eq!(lines.header("content-type"), Some("application/jsonl"));
    for line in String::from_utf8(lines.body).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert!(entry["audit_id"].as_i64() < before.as_i64());
    }
}
