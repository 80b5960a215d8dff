//! Comments: who sees and writes them, what is kept of them, and that open pages hear of them.

use super::site::{Site, Visitor, id};
use crate::kit::server::World;
use loro::LoroValue;
use serde_json::{Value, json};
use uuid::Uuid;

/// A guest to whom the document was shared.
async fn guest(site: &Site, owner: &Visitor, document_id: Uuid, role: &str) -> Visitor {
    let guest = site.somebody(Some(owner.org_id), "guest").await;
    let body = json!({"account_id": guest.account_id, "role": role});
    let path = owner.document(document_id, "/grants");
    assert_eq!(owner.post(&path, body).await.status, 201);
    guest
}

async fn begun(visitor: &Visitor, document_id: Uuid, body: &str) -> Value {
    let path = visitor.document(document_id, "/comments");
    let answer = visitor.post(&path, json!({"body": body})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn threads(visitor: &Visitor, document_id: Uuid) -> Vec<Value> {
    let path = visitor.document(document_id, "/comments");
    let answer = visitor.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["threads"].as_array().unwrap().clone()
}

fn said(thread: &Value) -> Vec<&str> {
    let comments = thread["comments"].as_array().unwrap().iter();
    comments.map(|c| c["body"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_begun_answered_resolved_and_deleted() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let guest = guest(&site, &owner, document_id, "comment").await;
    let path = owner.document(document_id, "/comments");
    let body = json!({
        "body": "Is this <b>so</b>?\nReally?",
        "quote": "a claim",
        "anchor": {"start": "AAEC_-8", "end": "_w"},
    });
    let answer = guest.post(&path, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let thread = answer.json();
    assert_eq!(thread["anchor"], json!({"start": "AAEC_-8", "end": "_w"}));
    assert_eq!(thread["quote"], "a claim");
    assert_eq!(said(&thread), ["Is this <b>so</b>?\nReally?"]);
    let thread_id = id(&thread["thread_id"]);
    let replies = format!("{path}/{thread_id}/replies");
    let answer = owner.post(&replies, json!({"body": "Yes."})).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let comment = answer.json()["comments"][1].clone();
    assert_eq!(comment["author"]["account_id"], json!(owner.account_id));
    let reply = format!("{replies}/{}", id(&comment["comment_id"]));

    // Each sees what it may do: the owner manages, the guest has only what it wrote.
    let rights = |thread: &Value| {
        let comments = thread["comments"].as_array().unwrap().iter();
        let of = |name: &str| {
            comments
                .clone()
                .map(|c| c[name] == true)
                .collect::<Vec<_>>()
        };
        (
            of("may_change"),
            of("may_delete"),
            thread["may_delete"] == true,
        )
    };
    let as_owner = threads(&owner, document_id).await;
    assert_eq!(
        rights(&as_owner[0]),
        (vec![false, true], vec![false, true], true)
    );
    let as_guest = threads(&guest, document_id).await;
    assert_eq!(
        rights(&as_guest[0]),
        (vec![true, false], vec![false, false], true)
    );

    let other = json!({"body": "Yes, see above."});
    assert_eq!(
        guest.change("PATCH", &reply, other.clone()).await.status,
        403
    );
    assert_eq!(guest.change("DELETE", &reply, json!({})).await.status, 403);
    let changed = owner.change("PATCH", &reply, other).await.json();
    assert_eq!(changed["comments"][1]["body"], "Yes, see above.");
    assert!(changed["comments"][1]["edited_at"].is_string());

    let place = format!("{path}/{thread_id}");
    for (resolved, by) in [(true, json!(guest.account_id)), (false, Value::Null)] {
        let answer = guest
            .change("PATCH", &place, json!({"resolved": resolved}))
            .await;
        let thread = answer.json();
        assert_eq!(thread["resolved_at"].is_string(), resolved);
        assert_eq!(thread["resolved_by"]["account_id"], by);
    }

    let first = format!("{replies}/{thread_id}");
    assert_eq!(guest.change("DELETE", &first, json!({})).await.status, 409);
    let left = owner.change("DELETE", &reply, json!({})).await.json();
    assert_eq!(said(&left).len(), 1);
    let another = begun(&owner, document_id, "The owner's.").await;
    let another = format!("{path}/{}", id(&another["thread_id"]));
    assert_eq!(
        guest.change("DELETE", &another, json!({})).await.status,
        403
    );
    for gone in [&place, &another] {
        assert_eq!(owner.change("DELETE", gone, json!({})).await.status, 204);
        assert_eq!(owner.change("DELETE", gone, json!({})).await.status, 404);
        let answer = owner
            .post(&format!("{gone}/replies"), json!({"body": "x"}))
            .await;
        assert_eq!(answer.status, 404);
    }
    assert!(threads(&owner, document_id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_reads_sees_no_comments() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    begun(&owner, document_id, "Between us.").await;
    let reader = guest(&site, &owner, document_id, "view").await;
    let path = reader.document(document_id, "/comments");
    let answer = reader.get(&path).await;
    assert_eq!(answer.status, 403);
    assert!(!String::from_utf8_lossy(&answer.body).contains("Between us"));
    assert_eq!(reader.post(&path, json!({"body": "x"})).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_that_cannot_be_kept_are_refused_by_the_field() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let path = owner.document(document_id, "/comments");
    let long = "x".repeat(10_001);
    let anchor = "A".repeat(700);
    for (body, field) in [
        (json!({}), "body: "),
        (json!({"body": " \n "}), "body: "),
        (json!({"body": "a\u{0}b"}), "body: "),
        (json!({"body": long}), "body: "),
        (json!({"body": "x", "quote": "q".repeat(1001)}), "quote: "),
        (json!({"body": "x", "anchor": "AA"}), "anchor: "),
        (
            json!({"body": "x", "anchor": {"start": "AA"}}),
            "anchor.end: ",
        ),
        (
            json!({"body": "x", "anchor": {"start": "+/==", "end": "AA"}}),
            "anchor.start: ",
        ),
        (
            json!({"body": "x", "anchor": {"start": anchor, "end": "AA"}}),
            "anchor.start: ",
        ),
    ] {
        let answer = owner.post(&path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(
            answer.detail().starts_with(field),
            "{body}: {}",
            answer.detail()
        );
    }
    assert!(threads(&owner, document_id).await.is_empty());
    let longest = "ä".repeat(10_000);
    assert_eq!(said(&begun(&owner, document_id, &longest).await), [longest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_threads_come_in_parts_without_a_gap() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    for number in 0..7 {
        begun(&owner, document_id, &number.to_string()).await;
    }
    let path = owner.document(document_id, "/comments");
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let answer = owner.get(&format!("{path}?limit=3{after}")).await.json();
        let part = answer["threads"].as_array().unwrap();
        seen.extend(part.iter().map(|thread| said(thread)[0].to_owned()));
        assert!(part.len() <= 3);
        match answer["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
        // What comes meanwhile stands at the end.
        if seen.len() == 3 {
            begun(&owner, document_id, "7").await;
        }
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    for wrong in ["limit=0", "limit=201", "limit=x", "after=AAAA"] {
        let answer = owner.get(&format!("{path}?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_has_an_end() {
    let site = Site::start().await;
    let (owner, document_id) = site.owner().await;
    let thread = begun(&owner, document_id, "first").await;
    let thread_id = id(&thread["thread_id"]);
    let client = site.pool.get().await.unwrap();
    client
        .execute(
            "insert into quire.comment (org_id, document_id, thread_id, comment_id, account_id, body)
             select $1, $2, $3, gen_random_uuid(), $4, n::text from generate_series(2, 499) n",
            &[&owner.org_id, &document_id, &thread_id, &owner.account_id],
        )
        .await
        .unwrap();
    let path = owner.document(document_id, &format!("/comments/{thread_id}/replies"));
    assert_eq!(owner.post(&path, json!({"body": "500"})).await.status, 201);
    let answer = owner.post(&path, json!({"body": "501"})).await;
    assert_eq!(answer.status, 409);
    assert_eq!(
        answer.detail(),
        "this thread has 500 comments; begin another one"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_pages_at_every_server_hear_that_comments_changed() {
    let world = World::with_servers(2).await;
    let document_id = world.office.document_id;
    let ada = &world.office.owner;
    let reader = world.client(1, ada, "reader").await;
    let api = Visitor {
        address: world.servers[0].address(),
        token: Some(ada.token.reveal()),
        org_id: world.office.org_id,
        account_id: ada.session.account_id,
    };
    let changed = |shown: &[(String, LoroValue)]| {
        let (_, value) = shown.iter().find(|(key, _)| key == "quire:comments")?;
        Some(value.clone())
    };
    reader
        .shown_is(|shown| shown.iter().any(|(key, _)| key == "quire:document"))
        .await
        .expect("it listens");
    let before = changed(&reader.shown());
    let thread = begun(&api, document_id, "first").await;
    reader
        .shown_is(|shown| changed(shown) != before)
        .await
        .expect("it hears");
    let place = api.document(
        document_id,
        &format!("/comments/{}", id(&thread["thread_id"])),
    );
    for (method, body) in [("PATCH", json!({"resolved": true})), ("DELETE", json!({}))] {
        let before = changed(&reader.shown());
        api.change(method, &place, body).await;
        let hears = reader.shown_is(|shown| changed(shown) != before);
        hears
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"));
    }
    world.stop().await;
}
