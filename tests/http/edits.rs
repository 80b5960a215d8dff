//! Editing documents by requests, beside people who type.

use super::site::{Answer, Visitor};
use crate::kit::people::Person;
use crate::kit::random::{self, Random};
use crate::kit::server::{World, shows};
use quire::client::Client;
use quire::document::blocks::plain_text;
use serde_json::{Value, json};
use std::collections::HashSet;
use uuid::Uuid;

const ROUNDS: usize = 40;

fn visitor(world: &World, server: usize, person: &Person) -> Visitor {
    Visitor {
        address: world.servers[server].address(),
        token: Some(person.token.reveal()),
        org_id: world.office.org_id,
        account_id: person.session.account_id,
    }
}

/// Edits the office's first document for a version; with a key when `key` is not empty.
async fn edit(visitor: &Visitor, document_id: Uuid, base: &str, key: &str, body: &Value) -> Answer {
    let path = visitor.document(document_id, "/edits");
    let mut headers = vec![("x-quire", "1"), ("if-match", base)];
    if !key.is_empty() {
        headers.push(("idempotency-key", key));
    }
    visitor
        .send("POST", &path, &headers, &body.to_string())
        .await
}

/// The text and its version.
async fn read(visitor: &Visitor, document_id: Uuid) -> (String, String) {
    let answer = visitor.get(&visitor.document(document_id, "/text")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let tag = answer.header("etag").unwrap().to_owned();
    (String::from_utf8(answer.body).unwrap(), tag)
}

fn insert(start: usize, text: &str) -> Value {
    json!({"operations": [{"operation": "replace_text", "start": start, "text": text}]})
}

/// Types a word somewhere; each word is written once only.
fn type_word(client: &Client, random: &mut Random, word: &str) {
    let typed = client.edit(|editor| {
        let length = editor.change(|doc| plain_text(doc).chars().count());
        editor.insert(random.below(length + 1), word)
    });
    typed.expect("typed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_through_the_api_and_live_typing_both_stand() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let world = World::with_servers(2).await;
    let document_id = world.office.document_id;
    let ada = &world.office.owner;
    let bob = world.office.member(&world.pool, "Bob").await;
    let typist = world.client(0, ada, "typist").await;
    let reader = world.client(1, &bob, "reader").await;
    let api = visitor(&world, 1, &bob);
    type_word(&typist, &mut random, "<begin>");
    typist.settled().await.expect("acknowledged");
    let mut base = read(&api, document_id).await;
    for round in 0..ROUNDS {
        // Signs that occur in nothing else, so that words which are torn apart are found as well.
        let sign = |offset: usize| char::from_u32(0x4e00 + (round * 2 + offset) as u32).unwrap();
        type_word(&typist, &mut random, &sign(0).to_string());
        if random.below(3) == 0 {
            base = read(&api, document_id).await;
        }
        // Often for a version that others have written since, or with its own edits only.
        let start = random.below(base.0.chars().count() + 1);
        let text = sign(1).to_string();
        let answer = edit(&api, document_id, &base.1, "", &insert(start, &text)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut own: Vec<char> = base.0.chars().collect();
        own.insert(start, sign(1));
        let version = answer.json()["version"].as_str().unwrap().to_owned();
        base = (own.into_iter().collect(), version);
    }
    typist.settled().await.expect("acknowledged");
    let (text, _) = read(&api, document_id).await;
    let signs: Vec<char> = text.chars().filter(|c| *c >= '\u{4e00}').collect();
    let different: HashSet<char> = signs.iter().copied().collect();
    assert_eq!(
        (signs.len(), different.len()),
        (2 * ROUNDS, 2 * ROUNDS),
        "{text}"
    );
    assert_eq!(text.chars().count(), 2 * ROUNDS + "<begin>".len(), "{text}");
    shows(&typist, &text).await;
    shows(&reader, &text).await;
    let client = world.pool.get().await.unwrap();
    let peers = "select count(*) from quire.peer where document_id = $1 and device = 'api'";
    let peers: i64 = client
        .query_one(peers, &[&document_id])
        .await
        .unwrap()
        .get(0);
    assert_eq!(
        peers, 1,
        "whoever goes on from its own version uses its peer again"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_is_sent_again_with_its_key_is_made_once() {
    let world = World::with_servers(2).await;
    let document_id = world.office.document_id;
    let bob = world.office.member(&world.pool, "Bob").await;
    let at = [visitor(&world, 0, &bob), visitor(&world, 1, &bob)];
    let (_, base) = read(&at[0], document_id).await;
    for round in 0..10 {
        let key = format!("edit {round}");
        let body = insert(0, &format!("<{round}>"));
        // At once at both servers: one makes it, the other may be told to ask again.
        let (one, other) = tokio::join!(
            edit(&at[0], document_id, &base, &key, &body),
            edit(&at[1], document_id, &base, &key, &body),
        );
        let statuses = [one.status, other.status];
        assert!(statuses.contains(&200), "{one:?} {other:?}");
        assert!(
            statuses.iter().all(|s| [200, 409].contains(s)),
            "{statuses:?}"
        );
        let made = if one.status == 200 { one } else { other };
        for server in &at {
            let again = edit(server, document_id, &base, &key, &body).await;
            assert_eq!((again.status, again.json()), (200, made.json()));
        }
        let (text, _) = read(&at[0], document_id).await;
        assert_eq!(text.matches(&format!("<{round}>")).count(), 1, "{text}");
    }
    let body = insert(0, "something else");
    let answer = edit(&at[0], document_id, &base, "edit 0", &body).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .detail()
            .starts_with("idempotency-key: another request")
    );
    // Each account has keys of its own.
    let ada = visitor(&world, 0, &world.office.owner);
    let answer = edit(&ada, document_id, &base, "edit 0", &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_whose_server_died_before_its_commit_is_made_by_the_repetition() {
    let world = World::with_servers(1).await;
    let document_id = world.office.document_id;
    let bob = world.office.member(&world.pool, "Bob").await;
    let api = visitor(&world, 0, &bob);
    let (_, base) = read(&api, document_id).await;
    let body = insert(0, "once");
    let first = edit(&api, document_id, &base, "kept", &body).await;
    // What a server leaves behind that dies between keeping the edit and committing it.
    let client = world.pool.get().await.unwrap();
    client
        .batch_execute(
            "begin;
             create temporary table gone on commit drop as
             select org_id, document_id, peer_id, counter_start from quire.idempotency_key;
             delete from quire.edit e using gone g
             where (e.org_id, e.document_id, e.peer_id, e.counter_start)
                 = (g.org_id, g.document_id, g.peer_id, g.counter_start);
             update quire.peer p set next_counter = g.counter_start, lease_id = gen_random_uuid()
             from gone g where (p.org_id, p.document_id, p.peer_id) = (g.org_id, g.document_id, g.peer_id);
             commit",
        )
        .await
        .unwrap();
    let mut world = world;
    world.servers.pop().unwrap().stop().await;
    world.add_server().await;
    let api = visitor(&world, 0, &bob);
    assert_eq!(read(&api, document_id).await.0, "", "it was lost");
    let again = edit(&api, document_id, &base, "kept", &body).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(read(&api, document_id).await.0, "once");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_cannot_be_made_says_why() {
    let world = World::with_servers(1).await;
    let document_id = world.office.document_id;
    let owner = visitor(&world, 0, &world.office.owner);
    let (_, base) = read(&owner, document_id).await;
    let good = insert(0, "x");
    let path = owner.document(document_id, "/edits");
    let answer = owner.change("POST", &path, good.clone()).await;
    assert_eq!(answer.status, 428);
    assert!(answer.detail().starts_with("if-match: name the version"));
    let unknown = "\"AAAAAAAAAAEAAAAB\"";
    for (base, status, says) in [
        (unknown, 412, "if-match: the document has no such version"),
        ("AAAA", 400, "if-match: must be one ETag"),
        ("\"a\", \"b\"", 400, "if-match: must be one ETag"),
    ] {
        let answer = edit(&owner, document_id, base, "", &good).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.detail().starts_with(says), "{}", answer.detail());
    }
    let one = |operation: Value| json!({"operations": [operation]});
    for (body, says) in [
        (json!({}), "operations: must be a list"),
        (json!({"operations": []}), "operations: 1 to 100"),
        (
            json!({"operations": [1]}),
            "operations: must be a list of objects",
        ),
        (one(json!({})), "operations[0].operation: is missing"),
        (
            one(json!({"operation": "erase"})),
            "operations[0].operation: must be one of",
        ),
        (
            one(json!({"operation": "replace_text", "text": "x"})),
            "operations[0].start: is missing",
        ),
        (
            one(json!({"operation": "replace_text", "start": 2, "end": 1})),
            "operations[0].end: must be a whole number from 2",
        ),
        (
            one(json!({"operation": "replace_text", "start": 5, "text": "x"})),
            "operations[0].start: the text has 0 characters",
        ),
        (
            one(json!({"operation": "replace_blocks", "markdown": "> ".repeat(500)})),
            "operations[0].markdown: blocks are nested",
        ),
    ] {
        let answer = edit(&owner, document_id, &base, "", &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(
            answer.detail().starts_with(says),
            "{body}: {}",
            answer.detail()
        );
    }
    let answer = edit(&owner, document_id, &base, &"k".repeat(256), &good).await;
    assert_eq!(answer.status, 400);
    assert!(answer.detail().starts_with("idempotency-key: 1 to 255"));
    assert_eq!(
        read(&owner, document_id).await,
        (String::new(), base.clone())
    );

    // A change of nothing is no edit.
    let nothing = edit(&owner, document_id, "*", "", &insert(0, "")).await;
    assert_eq!(nothing.json()["version"], base);

    let client = world.pool.get().await.unwrap();
    let (_, token) = crate::kit::members::member(&client, owner.org_id, "Guest", "guest").await;
    let guest = Visitor {
        token: Some(token.reveal()),
        ..owner.clone()
    };
    assert_eq!(edit(&guest, document_id, "*", "", &good).await.status, 404);
    owner
        .send(
            "DELETE",
            &owner.document(document_id, ""),
            &[("x-quire", "1")],
            "",
        )
        .await;
    assert_eq!(edit(&owner, document_id, "*", "", &good).await.status, 409);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_asked_for_again_with_its_key_is_made_once() {
    let site = super::site::Site::start().await;
    let (owner, _) = site.owner().await;
    let path = owner.organisation("/documents");
    let headers = [("x-quire", "1"), ("idempotency-key", "a plan")];
    let body = json!({"title": "Plan", "markdown": "# Plan\n"}).to_string();
    let first = owner.send("POST", &path, &headers, &body).await;
    let second = owner.send("POST", &path, &headers, &body).await;
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    assert_eq!(first.json()["document_id"], second.json()["document_id"]);
    let other = owner
        .send("POST", &path, &headers, r#"{"title": "Other"}"#)
        .await;
    assert_eq!(other.status, 400);
    let list = owner.get(&path).await.json();
    let titled = |title: &str| {
        let all = list["documents"].as_array().unwrap().iter();
        all.filter(|document| document["title"] == title).count()
    };
    assert_eq!((titled("Plan"), titled("Other")), (1, 0));
    let client = site.pool.get().await.unwrap();
    client
        .execute(
            "update quire.idempotency_key set created_at = now() - interval '25 hours'",
            &[],
        )
        .await
        .unwrap();
    quire::http::drop_old_keys(&client).await.unwrap();
    let third = owner.send("POST", &path, &headers, &body).await;
    assert_ne!(first.json()["document_id"], third.json()["document_id"]);
}
