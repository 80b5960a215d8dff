//! The past of documents: looked at, named, and brought back beside people who type.

use super::site::Visitor;
use crate::kit::members::member;
use crate::kit::people::Person;
use crate::kit::random::{self, Random};
use crate::kit::server::{World, shows};
use quire::client::Client;
use quire::document::blocks::plain_text;
use serde_json::{Value, json};
use uuid::Uuid;

fn visitor(world: &World, server: usize, person: &Person) -> Visitor {
    Visitor {
        address: world.servers[server].address(),
        token: Some(person.token.reveal()),
        org_id: world.office.org_id,
        account_id: person.session.account_id,
    }
}

/// Two people with a document: Ada at the first server, Bob at the last.
struct Pair {
    world: World,
    document_id: Uuid,
    ada: Client,
    bob: Client,
    adas: Visitor,
    bobs: Visitor,
}

impl Pair {
    async fn begin(servers: usize) -> Self {
        let world = World::with_servers(servers).await;
        let bob = world.office.member(&world.pool, "Bob").await;
        let ada = &world.office.owner;
        Self {
            document_id: world.office.document_id,
            ada: world.client(0, ada, "ada").await,
            bob: world.client(servers - 1, &bob, "bob").await,
            adas: visitor(&world, 0, ada),
            bobs: visitor(&world, servers - 1, &bob),
            world,
        }
    }

    async fn get(&self, rest: &str) -> Value {
        let answer = self
            .adas
            .get(&self.adas.document(self.document_id, rest))
            .await;
        assert_eq!(answer.status, 200, "{rest}: {answer:?}");
        answer.json()
    }

    async fn post(&self, rest: &str, body: Value) -> Value {
        let path = self.adas.document(self.document_id, rest);
        let answer = self.adas.post(&path, body.clone()).await;
        let is_done = [200, 201].contains(&answer.status);
        assert!(is_done, "{rest} {body}: {answer:?}");
        answer.json()
    }

    async fn text(&self, at: &str) -> String {
        let path = self.bobs.document(self.document_id, &format!("/text{at}"));
        let answer = self.bobs.get(&path).await;
        assert_eq!(answer.status, 200, "{at}: {answer:?}");
        String::from_utf8(answer.body).expect("a text")
    }

    async fn last_edit(&self) -> String {
        let sittings = self.get("/history").await;
        let edit = &sittings["sittings"][0]["last_edit"];
        edit.as_str().expect("an edit").to_owned()
    }
}

/// Types where a text ends, or before it, and waits until it is committed.
async fn write(client: &Client, place: usize, gone: usize, text: &str) {
    let written = client.edit(|editor| editor.replace(place, gone, text));
    written.expect("written");
    client.settled().await.expect("acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wrote_what_is_seen_at_every_moment() {
    let pair = Pair::begin(2).await;
    write(&pair.ada, 0, 0, "Hello world").await;
    shows(&pair.bob, "Hello world").await;
    let first = pair.last_edit().await;
    write(&pair.bob, 6, 5, "Quire").await;
    shows(&pair.ada, "Hello Quire").await;
    write(&pair.ada, 11, 0, "!").await;
    shows(&pair.bob, "Hello Quire!").await;

    let history = pair.get("/history").await;
    let sittings = history["sittings"].as_array().expect("sittings");
    let names: Vec<&str> = sittings
        .iter()
        .map(|sitting| sitting["author"]["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        ["Ada", "Bob", "Ada", "Quire"],
        "the seed is the server's"
    );
    assert_eq!(
        (&sittings[1]["inserted"], &sittings[1]["deleted"]),
        (&json!(5), &json!(5))
    );
    let part = pair.get("/history?limit=3").await;
    assert_eq!(part["sittings"].as_array().map(Vec::len), Some(3));
    let next = part["next"].as_str().expect("more");
    let rest = pair.get(&format!("/history?after={next}")).await;
    assert_eq!(rest["sittings"][0], sittings[3]);
    assert_eq!(rest["next"], Value::Null);

    let bobs = &sittings[1];
    let edit = |name: &str| bobs[name].as_str().expect("an edit");
    assert_eq!(pair.text(&format!("?at={first}")).await, "Hello world");
    let before = format!("before:{}", edit("first_edit"));
    assert_eq!(pair.text(&format!("?at={before}")).await, "Hello world");
    assert_eq!(
        pair.text(&format!("?at={}", edit("last_edit"))).await,
        "Hello Quire"
    );
    assert_eq!(pair.text("?at=1970-01-01T00:00:00Z").await, "");
    assert_eq!(pair.text("?at=now").await, pair.text("").await);
    let query = format!("from={before}&to={}", edit("last_edit"));
    let differences = pair.get(&format!("/history/differences?{query}")).await;
    let changes: Vec<(&str, &str, &Value)> = differences["differences"]
        .as_array()
        .expect("differences")
        .iter()
        .map(|d| {
            let word = |name: &str| d[name].as_str().expect("a word");
            (word("change"), word("text"), &d["by"]["account_id"])
        })
        .collect();
    let bob = json!(pair.bobs.account_id);
    assert_eq!(
        changes,
        [("removed", "world", &bob), ("added", "Quire", &bob)]
    );
    let page = pair.get(&format!("/history/comparison?{query}")).await;
    let runs: Vec<&str> = page["lines"][0]["runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| run["change"].as_str().expect("a change"))
        .collect();
    assert_eq!(runs, ["kept", "removed", "added"]);
    let blame = pair.get("/history/blame").await;
    let spans: Vec<(&str, &Value)> = blame["spans"]
        .as_array()
        .expect("spans")
        .iter()
        .map(|span| (span["text"].as_str().expect("a text"), &span["account_id"]))
        .collect();
    let ada = json!(pair.adas.account_id);
    assert_eq!(spans, [("Hello ", &ada), ("Quire", &bob), ("!", &ada)]);
    for (format, starts) in [
        ("markdown", "Hello world"),
        ("html", "<!doctype html>"),
        ("text", "Hello world"),
        ("json", "{\"content\""),
    ] {
        let export = format!("/export?format={format}&at={first}");
        let answer = pair
            .adas
            .get(&pair.adas.document(pair.document_id, &export))
            .await;
        let body = String::from_utf8(answer.body.clone()).expect("a text");
        assert!(body.starts_with(starts), "{format}: {body}");
        assert!(!body.contains("Hello Quire"), "{format}: {body}");
    }
    pair.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_version_is_restored_while_others_type_and_nothing_of_theirs_is_lost() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let pair = Pair::begin(2).await;
    write(&pair.ada, 0, 0, "The first draft.").await;
    let named = pair.post("/versions", json!({"name": "Draft"})).await;
    let version_id = named["version_id"].as_str().expect("an id").to_owned();
    shows(&pair.bob, "The first draft.").await;
    write(&pair.ada, 4, 5, "second").await;
    write(&pair.ada, 0, 0, "No! ").await;
    shows(&pair.bob, "No! The second draft.").await;
    assert_eq!(
        pair.text(&format!("?at={version_id}")).await,
        "The first draft."
    );

    // Signs that occur in nothing else.
    let mut signs: Vec<char> = Vec::new();
    let mut type_sign = |random: &mut Random| {
        let sign = char::from_u32(0x4e00 + signs.len() as u32).expect("a sign");
        signs.push(sign);
        let typed = pair.bob.edit(|editor| {
            let length = editor.change(|doc| plain_text(doc).chars().count());
            editor.insert(random.below(length + 1), &sign.to_string())
        });
        typed.expect("typed");
    };
    let path = pair.adas.document(pair.document_id, "/history/restore");
    let asked = pair.adas.post(&path, json!({"at": version_id}));
    tokio::pin!(asked);
    let answer = loop {
        type_sign(&mut random);
        tokio::select! {
            answer = &mut asked => break answer,
            () = tokio::task::yield_now() => pair.bob.settled().await.expect("acknowledged"),
        }
    };
    assert_eq!(answer.status, 200, "{answer:?}");
    pair.bob.settled().await.expect("acknowledged");
    let text = pair.text("").await;
    let (theirs, restored): (Vec<char>, Vec<char>) = text.chars().partition(|c| *c >= '\u{4e00}');
    assert_eq!(restored.into_iter().collect::<String>(), "The first draft.");
    // What was typed before the restore was made is no part of the version.
    assert!(theirs.len() <= signs.len());
    assert!(theirs.contains(signs.last().expect("a sign")), "{text}");
    shows(&pair.ada, &text).await;
    let history = pair.get("/history").await;
    assert!(
        history["sittings"].as_array().expect("sittings").len() >= 4,
        "nothing is erased"
    );
    let client = pair.world.pool.get().await.expect("a connection");
    let count = "select count(*) from quire.edit where document_id = $1";
    let count: i64 = client
        .query_one(count, &[&pair.document_id])
        .await
        .expect("a number")
        .get(0);
    assert!(count > signs.len() as i64);
    drop(client);

    let at = format!("/versions/{version_id}");
    let path = pair.adas.document(pair.document_id, &at);
    let renamed = pair
        .adas
        .change("PATCH", &path, json!({"name": "The draft"}))
        .await;
    assert_eq!(renamed.json()["name"], "The draft");
    let versions = pair.get("/versions").await;
    assert_eq!(versions["versions"][0], renamed.json());
    let removed = pair.adas.change("DELETE", &path, json!({})).await;
    assert_eq!(removed.status, 204);
    assert_eq!(pair.get("/versions").await, json!({"versions": []}));
    assert_eq!(
        pair.adas
            .get(
                &pair
                    .adas
                    .document(pair.document_id, &format!("/text?at={version_id}"))
            )
            .await
            .status,
        404
    );
    pair.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_authors_changes_are_taken_back_and_the_others_stay() {
    let pair = Pair::begin(1).await;
    write(&pair.ada, 0, 0, "one two three").await;
    shows(&pair.bob, "one two three").await;
    let from = pair.last_edit().await;
    write(&pair.bob, 0, 3, "uno").await;
    shows(&pair.ada, "uno two three").await;
    write(&pair.ada, 13, 0, " four").await;
    shows(&pair.bob, "uno two three four").await;
    write(&pair.bob, 3, 4, "").await;
    shows(&pair.ada, "uno three four").await;
    let to = pair.last_edit().await;
    // Since then Ada writes in what is about to go and where something is about to come back.
    write(&pair.ada, 3, 0, "?").await;
    write(&pair.ada, 1, 0, "-").await;
    shows(&pair.bob, "u-no? three four").await;
    let body = json!({"from": from, "to": to, "account_id": pair.bobs.account_id});
    pair.post("/history/undo", body).await;
    let text = pair.text("").await;
    shows(&pair.ada, &text).await;
    let mut signs: Vec<char> = text.chars().collect();
    for own in ['-', '?'] {
        let at = signs.iter().position(|c| *c == own);
        signs.remove(at.expect("what was written since stays"));
    }
    assert_eq!(signs.into_iter().collect::<String>(), "one two three four");
    // Everybody's, of the same time: as it was, but for what was written since.
    pair.post("/history/undo", json!({"from": from, "to": to}))
        .await;
    let text = pair.text("").await;
    for own in ["-", "?"] {
        assert!(text.contains(own), "{text}");
    }
    assert!(!text.contains("four"), "{text}");
    pair.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_read_sees_the_past_and_only_who_may_edit_brings_it_back() {
    let pair = Pair::begin(1).await;
    write(&pair.ada, 0, 0, "x").await;
    let client = pair.world.pool.get().await.expect("a connection");
    let (session, token) = member(&client, pair.adas.org_id, "Vic", "guest").await;
    let reader = Visitor {
        token: Some(token.reveal()),
        account_id: session.account_id,
        ..pair.adas.clone()
    };
    drop(client);
    let path = |rest: &str| reader.document(pair.document_id, rest);
    assert_eq!(reader.get(&path("/history")).await.status, 404);
    assert_eq!(reader.get(&path("/text?at=now")).await.status, 404);
    let grant = json!({"account_id": reader.account_id, "role": "view"});
    pair.post("/grants", grant).await;
    for rest in [
        "/history",
        "/history/comparison",
        "/history/differences?from=now",
        "/history/blame",
        "/versions",
        "/text?at=now",
    ] {
        assert_eq!(reader.get(&path(rest)).await.status, 200, "{rest}");
    }
    for (rest, body) in [
        ("/versions", json!({"name": "x"})),
        ("/history/restore", json!({"at": "now"})),
        ("/history/undo", json!({"from": "now"})),
    ] {
        let answer = reader.post(&path(rest), body).await;
        assert_eq!(answer.status, 403, "{rest}: {answer:?}");
    }
    // None may be called like a moment: it would hide that one, or be hidden by it.
    for name in ["2026-12-01", "26090", "now"] {
        let answer = pair
            .adas
            .post(&path("/versions"), json!({"name": name}))
            .await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert!(answer.detail().starts_with("name:"), "{answer:?}");
    }
    for (rest, status, says) in [
        ("/text?at=yesterday", 400, "at: must be an edit's number"),
        ("/text?at=999999", 404, "the document has no such edit"),
        ("/history/differences", 400, "from: is missing"),
        ("/history?after=x", 400, "after: must be"),
        ("/history?limit=0", 400, "limit: must be"),
    ] {
        let answer = reader.get(&path(rest)).await;
        assert_eq!(answer.status, status, "{rest}: {answer:?}");
        assert!(answer.detail().starts_with(says), "{}", answer.detail());
    }
    let path = pair.adas.document(pair.document_id, "/history/restore");
    let answer = pair
        .adas
        .post(&path, json!({"at": "1970-01-01T00:00:00Z"}))
        .await;
    assert_eq!(
        (answer.status, answer.detail()),
        (400, "at: there was nothing yet".into())
    );
    pair.world.stop().await;
}
