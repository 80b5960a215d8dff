//! Old edits are folded while people write: nothing is lost, nobody notices, and what is kept stays bounded.

use std::time::Duration;

use quire::client::{Address, Client};
use quire::document::trial::DocKey;
use quire::replay::check::rebuild;
use quire::retention::{Outcome, fold_document};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tokio_postgres::Client as Database;

use super::type_text;
use crate::faults::link::{Link, Target};
use crate::http::site::Visitor;
use crate::kit::random::{self, Random};
use crate::kit::server::{World, shows};

/// How long anything of this may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The organisation keeps history for so long; people set days, a test less.
pub async fn keep(world: &World, interval: &str) {
    let sql = format!(
        "insert into quire.retention values ('{}', '{interval}')
         on conflict (org_id) do update set kept = excluded.kept",
        world.office.org_id
    );
    let database = world.database.connect().await;
    database.batch_execute(&sql).await.expect("set");
}

pub fn key(world: &World) -> DocKey {
    DocKey {
        org_id: world.office.org_id,
        document_id: world.office.document_id,
    }
}

pub async fn number(database: &Database, sql: &str) -> i64 {
    let row = database.query_one(sql, &[]).await;
    row.unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0)
}

/// Folds until at most the newest row is left, by itself or by a server. How many it folded itself.
pub async fn fold(world: &World) -> usize {
    let until = Instant::now() + 4 * PATIENCE;
    let database = world.database.connect().await;
    let mut folded = 0;
    while number(&database, "select count(*) from quire.edit").await > 1 {
        match fold_document(&world.pool, key(world)).await.expect("asked") {
            Outcome::Folded(rows) => folded += rows,
            Outcome::Refused => panic!("a fold was not the same document"),
            // A transaction that is open anywhere in the cluster holds up what is newer than it.
            Outcome::Nothing | Outcome::Taken => {}
        }
        assert!(Instant::now() < until, "never folded: {folded} rows");
        crate::kit::pause().await;
    }
    folded
}

/// What the tables say, without any server, is this text, and they fit together.
pub(super) async fn stands(world: &World, text: &str) {
    let (org_id, document_id) = (
        world.office.org_id.to_string(),
        world.office.document_id.to_string(),
    );
    let rebuilt = rebuild(&world.pool, &org_id, &document_id).await;
    assert_eq!(rebuilt.expect("a whole history").text, text);
    let database = world.database.connect().await;
    let findings = database.query("select * from quire.integrity()", &[]).await;
    let findings = findings.expect("asked");
    assert!(findings.is_empty(), "{findings:?}");
}

/// One thing that somebody does at a random place.
fn edit(client: &Client, random: &mut Random, number: usize) {
    client
        .edit(|editor| {
            let length = editor.change(|doc| quire::document::model::body(doc).len_unicode());
            let place = random.below(length + 1);
            if random.chance(30) && length - place > 3 {
                return editor.delete(place, 3);
            }
            editor.insert(place, &format!("<{number}>"))
        })
        .expect("edited");
}

async fn same(clients: &[&Client]) -> String {
    let newest = clients[0].read(|doc| doc.oplog_vv());
    for client in clients {
        let all = client.document_is(|doc| doc.oplog_vv() >= newest);
        timeout(PATIENCE, all)
            .await
            .expect("in time")
            .expect("all of it");
        let text = clients[0].text();
        assert_eq!(client.text(), text);
    }
    clients[0].text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_that_are_folded_while_people_write_on_two_servers_are_all_there() {
    let mut random = Random::new(random::seed());
    let mut world = World::with_servers(2).await;
    let bob = world.office.member(&world.pool, "Bob").await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    ada.settled().await.expect("acknowledged");
    let bob = world.client(1, &bob, "bob").await;
    // Somebody who writes, goes away, and writes on where nobody hears it.
    let link = Link::to(Target::Tcp(world.servers[0].address().to_string())).await;
    let address = Address::parse(&format!("http://{}", link.address())).expect("an address");
    let carol = world
        .client_of(vec![address], &world.office.owner, "carol")
        .await;
    for client in [&bob, &carol] {
        let there = client.document_is(quire::document::model::is_seeded);
        there.await.expect("they read it");
    }
    for number in 0..20 {
        edit(&carol, &mut random, number);
        carol.settled().await.expect("acknowledged");
    }
    link.cut();
    for number in 0..5 {
        edit(&carol, &mut random, 100 + number);
    }
    keep(&world, "0").await;
    let database = world.database.connect().await;
    let (mut folded, mut written) = (0, 20);
    for round in 0..8 {
        let writing = async {
            for number in 0..25 {
                let person = if random.chance(50) { &ada } else { &bob };
                edit(person, &mut random, 1_000 * (round + 1) + number);
                if random.chance(40) {
                    person.settled().await.expect("acknowledged");
                }
            }
            ada.settled().await.expect("acknowledged");
            bob.settled().await.expect("acknowledged");
        };
        let (rows, ()) = tokio::join!(fold_document(&world.pool, key(&world)), writing);
        let rows = rows.expect("asked");
        if let Outcome::Folded(rows) = rows {
            folded += rows;
        }
        written += 25;
        // Two at once never fold twice.
        let (one, two) = tokio::join!(
            fold_document(&world.pool, key(&world)),
            fold_document(&world.pool, key(&world))
        );
        for outcome in [one, two] {
            let outcome = outcome.expect("asked");
            match outcome {
                Outcome::Folded(rows) => folded += rows,
                Outcome::Refused => panic!("a fold was not the same document"),
                Outcome::Nothing | Outcome::Taken => {}
            }
        }
    }
    edit(&ada, &mut random, 0);
    ada.settled().await.expect("acknowledged");
    folded += fold(&world).await;
    let rows = number(&database, "select count(*) from quire.edit").await;
    // The servers do it, too, when they come to it.
    let counted = number(&database, "select edits from quire.fold").await;
    let ever = number(&database, "select max(edit_id) from quire.edit").await;
    assert!(
        counted >= folded as i64 && counted + rows <= ever,
        "each is counted once"
    );
    assert!(
        rows < 30 && counted > written / 2,
        "{rows} rows, {counted} folded"
    );
    let text = same(&[&ada, &bob]).await;
    stands(&world, &text).await;

    let late = world.client(1, &world.office.owner, "late").await;
    shows(&late, &text).await;
    // What was folded long ago and what was never sent come together.
    link.mend();
    timeout(PATIENCE, carol.settled())
        .await
        .expect("in time")
        .expect("acknowledged");
    let everybody = [&carol, &ada, &bob, &late];
    let text = same(&everybody).await;
    assert!(text.contains("<104>") || text.len() > 100, "{text}");
    stands(&world, &text).await;
    fold(&world).await;
    stands(&world, &text).await;
    for client in [ada, bob, carol, late] {
        client.close().await;
    }
    for server in world.servers.drain(..) {
        server.stop().await;
    }
    world.add_server().await;
    // Without the snapshot, too.
    for drops in [false, true] {
        if drops {
            world.servers.remove(0).stop().await;
            let drop = "delete from quire.snapshot";
            database.batch_execute(drop).await.expect("dropped");
            world.add_server().await;
        }
        let again = world.client(0, &world.office.owner, "again").await;
        shows(&again, &text).await;
        again.close().await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_edited_for_long_keeps_few_rows_and_bytes() {
    let world = World::with_servers(1).await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    ada.settled().await.expect("acknowledged");
    keep(&world, "0").await;
    let database = world.database.connect().await;
    let bytes = "select sum(octet_length(update)) from quire.edit";
    let mut removed = 0;
    for round in 0..10 {
        for number in 0..100 {
            type_text(&ada, &format!("{} ", round * 100 + number));
            // Each keystroke a row of its own.
            ada.settled().await.expect("acknowledged");
        }
        let before = number(&database, bytes).await;
        fold(&world).await;
        removed += before - number(&database, bytes).await;
    }
    // All that was done is in it, for whoever was away; but a row for each keystroke costs more.
    let fold = number(
        &database,
        "select octet_length(update)::bigint from quire.fold",
    )
    .await;
    println!("{removed} bytes in rows became {fold}");
    assert!(fold < removed / 4, "{removed} bytes became {fold}");
    stands(&world, &ada.text()).await;
    world.stop().await;
}

/// Servers do it by themselves, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_fold_what_an_organisation_does_not_keep() {
    let mut world = World::with_servers(1).await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    for number in 0..30 {
        type_text(&ada, &format!("{number} "));
        ada.settled().await.expect("acknowledged");
    }
    keep(&world, "0").await;
    world.add_server().await;
    let database = world.database.connect().await;
    let until = Instant::now() + 2 * PATIENCE;
    while number(&database, "select count(*) from quire.fold").await == 0 {
        assert!(Instant::now() < until, "nobody folded");
        crate::kit::pause().await;
    }
    stands(&world, &ada.text()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_folded_has_no_author_and_no_moments_any_more() {
    let world = World::with_servers(1).await;
    let owner = Visitor {
        address: world.servers[0].address(),
        token: Some(world.office.owner.token.reveal()),
        org_id: world.office.org_id,
        account_id: world.office.owner.session.account_id,
    };
    let document = |rest: &str| owner.document(world.office.document_id, rest);
    let ada = world.client(0, &world.office.owner, "ada").await;
    type_text(&ada, "Old words. ");
    ada.settled().await.expect("acknowledged");
    let database = world.database.connect().await;
    let oldest = number(&database, "select min(edit_id) from quire.edit").await;
    let named = owner
        .post(&document("/versions"), json!({"name": "Draft"}))
        .await;
    let version = named.json()["version_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    type_text(&ada, "Middle words. ");
    ada.settled().await.expect("acknowledged");
    // The history is held in memory, and forgotten there too.
    assert_eq!(
        owner
            .get(&document(&format!("/text?at={oldest}")))
            .await
            .status,
        200
    );

    let settings = owner.organisation("");
    let days = |days: Value| owner.change("PATCH", &settings, json!({"history_days": days}));
    assert_eq!(days(json!(0)).await.status, 400);
    assert_eq!(days(json!(30)).await.json()["history_days"], 30);
    keep(&world, "0").await;
    fold(&world).await;
    keep(&world, "30 days").await;
    type_text(&ada, "New words.");
    ada.settled().await.expect("acknowledged");

    let text = owner.get(&document("/text")).await;
    assert!(String::from_utf8_lossy(&text.body).contains("Old words. Middle words. New words."));
    for moment in [oldest.to_string(), "2001-01-01T00:00:00Z".to_owned()] {
        let gone = owner.get(&document(&format!("/text?at={moment}"))).await;
        assert!(matches!(gone.status, 404 | 410), "{gone:?}");
        assert!(gone.detail().contains("is kept since 20"), "{gone:?}");
    }
    let draft = owner.get(&document(&format!("/text?at={version}"))).await;
    let draft = String::from_utf8_lossy(&draft.body).into_owned();
    assert!(
        draft.contains("Old words.") && !draft.contains("New"),
        "named ones stay: {draft}"
    );
    let blame = owner.get(&document("/history/blame")).await.json();
    let spans = blame["spans"].as_array().expect("spans");
    let author_of = |words: &str| {
        let span = spans
            .iter()
            .find(|span| span["text"].as_str().is_some_and(|t| t.contains(words)));
        span.unwrap_or_else(|| panic!("{words} in {spans:?}"))["account_id"].clone()
    };
    assert_eq!(author_of("Old"), Value::Null);
    assert_eq!(author_of("New"), json!(owner.account_id));
    let history = owner.get(&document("/history")).await.json();
    assert_eq!(history["kept"]["days"], 30);
    assert!(history["kept"]["since"].is_string(), "{history}");
    let compared = owner
        .get(&document(&format!(
            "/history/differences?from={version}&to=now"
        )))
        .await;
    assert_eq!(compared.status, 200, "{compared:?}");
    assert_eq!(days(Value::Null).await.json()["history_days"], Value::Null);
    let audit = "select count(*) from quire.audit where action = 'history_kept_changed'";
    assert!(number(&database, audit).await >= 3);
    world.stop().await;
}

/// A document of which a row cannot be read is left as it is, and the doctor says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_cannot_be_proved_the_same_is_left_alone() {
    let world = World::with_servers(1).await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    for number in 0..5 {
        type_text(&ada, &format!("{number} "));
        ada.settled().await.expect("acknowledged");
    }
    let database = world.database.connect().await;
    let spoil = "update quire.edit set update = '\\x00' where edit_id =
                 (select edit_id from quire.edit order by xid, edit_id offset 2 limit 1)";
    database.batch_execute(spoil).await.expect("spoilt");
    keep(&world, "0").await;
    let rows = number(&database, "select count(*) from quire.edit").await;
    let until = Instant::now() + PATIENCE;
    while fold_document(&world.pool, key(&world))
        .await
        .expect("asked")
        != Outcome::Refused
    {
        assert!(Instant::now() < until, "refused");
        crate::kit::pause().await;
    }
    assert_eq!(
        number(&database, "select count(*) from quire.edit").await,
        rows
    );
    assert_eq!(
        number(&database, "select count(*) from quire.fold").await,
        0
    );
    let limits = quire::postgres::Limits::default();
    let findings = quire::postgres::examine(&world.database.url, &limits)
        .await
        .expect("examined");
    assert!(
        findings.iter().any(|finding| finding.check == "fold"),
        "{findings:?}"
    );
    world.stop().await;
}
