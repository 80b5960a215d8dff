use super::site::{Site, Visitor, id};
use crate::kit::members::{count, grant};
use quire::document::live::LiveDocument;
use serde_json::{Value, json};
use uuid::Uuid;

async fn create(visitor: &Visitor, title: &str) -> Uuid {
    let body = json!({"title": title});
    let answer = visitor
        .post(&visitor.organisation("/documents"), body)
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    id(&answer.json()["document_id"])
}

async fn titles(visitor: &Visitor, query: &str) -> Vec<String> {
    let path = visitor.organisation(&format!("/documents{query}"));
    let answer = visitor.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let documents = answer.json()["documents"].as_array().unwrap().clone();
    let titles = documents.iter().map(|one| one["title"].as_str().unwrap());
    titles.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_new_document_is_seeded_by_the_server_in_one_transaction() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let body = json!({"title": "  Minutes "});
    let answer = owner.post(&owner.organisation("/documents"), body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let document = answer.json();
    let document_id = id(&document["document_id"]);
    let place = owner.document(document_id, "");
    assert_eq!(answer.header("location"), Some(place.as_str()));
    assert_eq!(document["title"], "Minutes");
    assert_eq!(document["created_by"], "Ada");
    assert_eq!(document["deleted_at"], Value::Null);
    assert_eq!(document["role"], "edit");
    assert_eq!(document["org_id"], owner.org_id.to_string());
    for time in ["created_at", "edited_at"] {
        let time = document[time].as_str().unwrap();
        assert_eq!(time.len(), "2026-11-24T09:00:00.000Z".len(), "{time}");
        assert!(time.ends_with('Z'));
    }
    assert_eq!(owner.get(&place).await.json(), document);

    let client = site.pool.get().await.unwrap();
    let row = client
        .query_one(
            "select e.update, e.counter_start, e.counter_end = p.next_counter, e.session_id is null,
                e.account_id = p.account_id and p.account_id::text = s.value
             from quire.edit e
             join quire.peer p using (org_id, document_id, peer_id)
             join quire.setting s on s.name = 'server_account'
             join quire.document d using (org_id, document_id)
             where document_id = $1",
            &[&document_id],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i32>(1), 0);
    assert!((2..5).all(|column| row.get::<_, bool>(column)));
    let mut live = LiveDocument::empty();
    live.import(row.get(0)).unwrap();
    assert_eq!(live.text().unwrap(), "");
    let created = "select count(*) from quire.event where kind = 'document_created'";
    assert_eq!(count(&client, created).await, 2);
}

#[tokio::test]
async fn a_document_without_a_title_gets_one() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    for body in [json!({}), json!({"title": null})] {
        let answer = owner.post(&owner.organisation("/documents"), body).await;
        assert_eq!(answer.json()["title"], "Untitled document");
    }
    let headers = [("x-quire", "1")];
    let path = owner.organisation("/documents");
    let answer = owner.send("POST", &path, &headers, "").await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn titles_are_checked_and_the_field_is_named() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let long = "é".repeat(301);
    for (title, says) in [
        (json!(""), "title: 1 to 300"),
        (json!("  "), "title: 1 to 300"),
        (json!(long), "title: 1 to 300"),
        (json!("a\nb"), "title: 1 to 300"),
        (json!(7), "title: must be a text"),
    ] {
        for (method, path) in [
            ("POST", owner.organisation("/documents")),
            ("PATCH", owner.document(document_id, "")),
        ] {
            let answer = owner.change(method, &path, json!({"title": title})).await;
            assert_eq!(answer.status, 400, "{method} {title}");
            assert!(answer.detail().starts_with(says));
        }
    }
    let path = owner.document(document_id, "");
    let missing = owner.change("PATCH", &path, json!({})).await;
    assert_eq!(
        missing.detail(),
        "name at least one of title, folder_id and owner_id"
    );
    let headers = [("x-quire", "1")];
    let broken = owner.send("PATCH", &path, &headers, "{\"title\":").await;
    assert_eq!(broken.status, 400);
    assert!(broken.detail().contains("not JSON"));
    let fits = "é".repeat(300);
    let answer = owner.change("PATCH", &path, json!({"title": fits})).await;
    assert_eq!(answer.json()["title"], fits);
}

#[tokio::test]
async fn the_document_edited_last_is_listed_first() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let one = create(&owner, "one").await;
    create(&owner, "two").await;
    assert_eq!(titles(&owner, "").await, ["two", "one", "Welcome to Quire"]);
    let client = site.pool.get().await.unwrap();
    client
        .execute(
            "insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start,
                counter_end, inserted, deleted, update)
             values ($1, $2, $3, 7, 0, 1, 1, 0, '')",
            &[&owner.org_id, &one, &owner.account_id],
        )
        .await
        .unwrap();
    assert_eq!(titles(&owner, "").await, ["one", "two", "Welcome to Quire"]);
}

#[tokio::test]
async fn long_lists_come_in_parts_without_a_gap() {
    let site = Site::start().await;
    let (owner, first) = site.owner().await;
    for number in 0..6 {
        let body = json!({"title": number.to_string()});
        owner.post(&owner.organisation("/documents"), body).await;
    }
    for _ in 0..4 {
        site.somebody(Some(owner.org_id), "member").await;
    }
    let rename = owner.document(first, "");
    for (path, name, all) in [("/documents", "documents", 7), ("/members", "members", 5)] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let part = owner
                .get(&owner.organisation(&format!("{path}?limit=2{after}")))
                .await
                .json();
            let entries = part[name].as_array().unwrap();
            assert!((1..=2).contains(&entries.len()), "{part}");
            seen.extend(entries.clone());
            match part["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
            // What changes meanwhile moves nothing else.
            let body = json!({"title": format!("after {}", seen.len())});
            owner.change("PATCH", &rename, body).await;
        }
        assert_eq!(seen.len(), all, "{seen:?}");
        let key = if name == "members" {
            "account_id"
        } else {
            "document_id"
        };
        let ids: std::collections::HashSet<_> = seen.iter().map(|e| e[key].to_string()).collect();
        assert_eq!(ids.len(), all, "{seen:?}");
        let wrong = owner.organisation(&format!("{path}?limit=1001"));
        assert_eq!(owner.get(&wrong).await.status, 400);
    }
}

#[tokio::test]
async fn the_list_does_not_scan_the_edits() {
    let site = Site::start().await;
    let (owner, _) = site.owner().await;
    let client = site.pool.get().await.unwrap();
    let list = include_str!("../../sql/list_documents.sql")
        .replace("$1", &format!("'{}'", owner.org_id))
        .replace("$2", &format!("'{}'", owner.account_id))
        .replace("$3", "false")
        .replace("$4", "1001")
        .replace("$5", "null")
        .replace("$6", "null")
        .replace("$7", "null");
    let plan = client.query(&format!("explain {list}"), &[]).await.unwrap();
    let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan Backward using edit_"), "{plan}");
    assert!(!plan.contains("Seq Scan on edit"), "{plan}");
}

#[tokio::test]
async fn renaming_is_seen_by_all_and_told_by_the_log() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let colleague = site.somebody(Some(owner.org_id), "member").await;
    let path = owner.document(document_id, "");
    let answer = colleague
        .change("PATCH", &path, json!({"title": "Plans"}))
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["title"], "Plans");
    assert_eq!(owner.get(&path).await.json()["title"], "Plans");
    let client = site.pool.get().await.unwrap();
    let told = "select count(*) from quire.event
        where kind = 'document_renamed' and detail->>'title' = 'Plans'";
    assert_eq!(count(&client, told).await, 1);
}

#[tokio::test]
async fn what_is_in_the_bin_is_listed_there_and_comes_back() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let path = owner.document(document_id, "");
    for _ in 0..2 {
        let answer = owner.change("DELETE", &path, json!({})).await;
        assert_eq!(answer.status, 204);
        assert!(answer.body.is_empty());
    }
    assert_eq!(titles(&owner, "").await, Vec::<String>::new());
    assert_eq!(titles(&owner, "?bin=true").await, ["Welcome to Quire"]);
    assert!(owner.get(&path).await.json()["deleted_at"].is_string());
    let rename = owner.change("PATCH", &path, json!({"title": "x"})).await;
    assert_eq!(rename.status, 409);
    assert!(rename.detail().contains("bin"));
    let text = owner.get(&owner.document(document_id, "/text")).await;
    assert_eq!(text.status, 409);

    let restore = owner.document(document_id, "/restore");
    for _ in 0..2 {
        let answer = owner.post(&restore, json!({})).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["deleted_at"], Value::Null);
    }
    assert_eq!(titles(&owner, "").await, ["Welcome to Quire"]);
    let client = site.pool.get().await.unwrap();
    for kind in ["document_deleted", "document_restored"] {
        let told = format!("select count(*) from quire.event where kind = '{kind}'");
        assert_eq!(count(&client, &told).await, 1, "{kind}");
    }
    let wrong = owner.get(&owner.organisation("/documents?bin=1")).await;
    assert_eq!(wrong.detail(), "bin: must be true or false");
}

#[tokio::test]
async fn other_organisations_cannot_tell_what_exists() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let stranger = site.somebody(None, "owner").await;
    let nowhere = Uuid::new_v4();
    let invented = owner.document(nowhere, "");
    let unknown_org = format!("/api/v1/organisations/{nowhere}");
    for (method, real, unreal) in [
        ("GET", owner.document(document_id, ""), invented.clone()),
        ("PATCH", owner.document(document_id, ""), invented.clone()),
        ("DELETE", owner.document(document_id, ""), invented.clone()),
        (
            "POST",
            owner.document(document_id, "/restore"),
            format!("{invented}/restore"),
        ),
        (
            "GET",
            owner.document(document_id, "/text"),
            format!("{invented}/text"),
        ),
        (
            "GET",
            owner.organisation("/documents"),
            format!("{unknown_org}/documents"),
        ),
        (
            "POST",
            owner.organisation("/documents"),
            format!("{unknown_org}/documents"),
        ),
        (
            "POST",
            owner.organisation("/invitations"),
            format!("{unknown_org}/invitations"),
        ),
    ] {
        let body = json!({"title": "x"});
        let real = stranger.change(method, &real, body.clone()).await;
        let unreal = stranger.change(method, &unreal, body).await;
        assert_eq!(real.status, 404, "{method}");
        assert_eq!(real.body, unreal.body, "{method}");
        // The right document under the wrong organisation is not there either.
        let path = stranger.document(document_id, "");
        assert_eq!(stranger.get(&path).await.status, 404);
    }
    let still = owner.get(&owner.document(document_id, "")).await;
    assert_eq!(still.json()["title"], "Welcome to Quire");
    assert_eq!(still.json()["deleted_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_see_and_do_only_what_they_were_granted() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let other = create(&owner, "Other").await;
    let guest = site.somebody(Some(owner.org_id), "guest").await;
    assert_eq!(titles(&guest, "").await, Vec::<String>::new());
    assert_eq!(
        guest.get(&guest.document(document_id, "")).await.status,
        404
    );
    let client = site.pool.get().await.unwrap();
    grant(&client, owner.org_id, document_id, guest.account_id, "view").await;
    grant(&client, owner.org_id, other, guest.account_id, "edit").await;

    let seen = guest.get(&guest.document(document_id, "")).await;
    assert_eq!(seen.json()["role"], "view");
    let text = guest.get(&guest.document(document_id, "/text")).await;
    assert_eq!(text.status, 200);
    assert_eq!(titles(&guest, "").await, ["Other", "Welcome to Quire"]);
    for (method, path, status) in [
        ("PATCH", guest.document(document_id, ""), 403),
        ("DELETE", guest.document(document_id, ""), 403),
        ("DELETE", guest.document(other, ""), 403),
        ("POST", guest.document(other, "/restore"), 403),
        ("POST", guest.organisation("/documents"), 403),
        ("POST", guest.organisation("/invitations"), 403),
        ("PATCH", guest.document(other, ""), 200),
    ] {
        let answer = guest.change(method, &path, json!({"title": "x"})).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_is_what_is_committed() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let path = owner.document(document_id, "/text");
    let empty = owner.get(&path).await;
    assert_eq!(empty.status, 200);
    assert_eq!(
        empty.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(empty.header("cache-control"), Some("no-store"));
    assert!(empty.body.is_empty());

    write(&site, &owner, document_id, "Grüße").await;
    assert_eq!(owner.get(&path).await.body, "Grüße".as_bytes());
}

/// Writes text at the start of the first paragraph, as a row.
async fn write(site: &Site, owner: &Visitor, document_id: Uuid, text: &str) {
    let client = site.pool.get().await.unwrap();
    let rows = client
        .query(
            "select update from quire.edit where document_id = $1 order by xid, edit_id",
            &[&document_id],
        )
        .await
        .unwrap();
    let mut live = LiveDocument::empty();
    for row in &rows {
        live.import(row.get(0)).unwrap();
    }
    let before = live.version().unwrap();
    let update = live
        .read(|doc| {
            quire::document::model::body(doc).insert(0, text).unwrap();
            doc.commit();
            doc.export(loro::ExportMode::updates(&before)).unwrap()
        })
        .unwrap();
    client
        .execute(
            "insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start,
                counter_end, inserted, deleted, update)
             values ($1, $2, $3, 7, 0, 1, 1, 0, $4)",
            &[&owner.org_id, &document_id, &owner.account_id, &update],
        )
        .await
        .unwrap();
}
