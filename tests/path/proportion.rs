//! What costs in proportion to a change and not to its document: writing it, opening the document, keeping
//! documents open. Bytes and rows are counted, never time.

use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::document::blocks::plain_text;
use quire::document::load::load;
use quire::document::tree::markdown;
use quire::document::trial::DocKey;
use quire::http::create_document;
use tokio::time::Instant;
use tokio_postgres::Client as Database;
use uuid::Uuid;

use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, metric, serve};

/// Keystrokes of a part of which the WAL is measured; of several parts the one with the least counts, for
/// whatever else the database writes now and then.
const PART: usize = 40;
const PARTS: usize = 6;

/// A document with so many paragraphs of some 100 characters.
async fn document(world: &World, paragraphs: usize) -> Uuid {
    let line = "Some words that stand in a paragraph of a document and say what somebody once had to say there.";
    let page = markdown::read(&format!("{line}\n\n").repeat(paragraphs)).expect("a page");
    let client = world.pool.get().await.expect("a connection");
    let owner = world.office.owner.session.account_id;
    let org_id = world.office.org_id;
    let made = create_document(&client, org_id, None, owner, "Long", Some(&page));
    made.await.expect("made")
}

async fn open(world: &World, address: Address, document_id: Uuid) -> Client {
    let room = format!("{}/{document_id}", world.office.org_id);
    let token = world.office.owner.token.reveal();
    let client = Client::start(Options::new(vec![address], &token, &room, "typist"));
    client.joined().await.expect("joined");
    let there = client.document_is(quire::document::model::is_seeded);
    there.await.expect("its text is there");
    client
}

async fn number(database: &Database, sql: &str) -> i64 {
    let row = database.query_one(sql, &[]).await;
    row.unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_keystroke_writes_does_not_grow_with_its_document() {
    let cluster = Cluster::start(Version::usual(), &[("autovacuum", "off")]);
    let world = World::on(cluster.database().await, 1).await;
    let database = world.database.connect().await;
    let position = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
    let (mut least, mut lengths) = (Vec::new(), Vec::new());
    for paragraphs in [1, 3_000] {
        let document_id = document(&world, paragraphs).await;
        let client = open(&world, world.address(0), document_id).await;
        let mut bytes = i64::MAX;
        for _ in 0..PARTS {
            let before = number(&database, position).await;
            for _ in 0..PART {
                client.edit(|editor| editor.insert(0, "x")).expect("typed");
                client.settled().await.expect("acknowledged");
            }
            bytes = bytes.min(number(&database, position).await - before);
        }
        let length = client.read(|doc| plain_text(doc).len());
        lengths.push(length);
        println!(
            "{length} bytes of text: {} bytes of WAL a keystroke",
            bytes / PART as i64
        );
        least.push(bytes);
        client.close().await;
    }
    assert!(lengths[1] > 500 * lengths[0], "{lengths:?}");
    // A page that is touched first after a checkpoint is written whole: the parts after it are not.
    assert!(least[1] < 2 * least[0], "{least:?}");
    assert!(least[1] / (PART as i64) < 4_000, "{least:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_reads_a_snapshot_and_a_short_tail_however_long_the_history() {
    // Of its own: whoever writes for long anywhere in a cluster makes every fold of that time see less, and more
    // is read behind it.
    let cluster = Cluster::start(Version::usual(), &[("autovacuum", "off")]);
    let mut world = World::on(cluster.database().await, 1).await;
    let database = world.database.connect().await;
    let identifier = "select system_identifier from pg_control_system()";
    let identifier = number(&database, identifier).await as u64;
    let key = DocKey {
        org_id: world.office.org_id,
        document_id: world.office.document_id,
    };
    let mut rows = 0;
    for sitting in 0..4 {
        let client = world.client(0, &world.office.owner, "typist").await;
        let there = client.document_is(quire::document::model::is_seeded);
        there.await.expect("its text is there");
        for _ in 0..400 {
            client
                .edit(|editor| editor.insert(0, "words "))
                .expect("typed");
            client.settled().await.expect("acknowledged");
        }
        // What is shown to others came out of the log: the server's copy has it.
        let text = client.text();
        let reader = world.client(0, &world.office.owner, "reader").await;
        crate::kit::server::shows(&reader, &text).await;
        reader.close().await;
        client.close().await;
        world.servers.remove(0).stop().await;
        let loaded = load(&world.pool, key, identifier, &mut Default::default()).await;
        let loaded = loaded.expect("loaded");
        assert_eq!(loaded.live.text().expect("its text"), text);
        rows = number(&database, "select count(*) from quire.edit").await;
        assert!(
            loaded.snapshot_bytes > 0 && loaded.tail_edits < 50,
            "sitting {sitting}, {rows} rows: {} are read",
            loaded.tail_edits
        );
        world.add_server().await;
    }
    assert!(rows > 1_500, "{rows}");
    world.stop().await;
}

/// In a process of its own: what servers in this one hold is counted together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_documents_stay_within_their_memory() {
    const BUDGET: i64 = 512 << 10;
    let world = World::with_servers(0).await;
    let budget = ["--document-bytes".to_owned(), "512KiB".to_owned()];
    let server = serve(&world.database.url, &budget).await;
    let server = server.expect("a server");
    let address = server.address().to_owned();
    let mut most_open = 0;
    for _ in 0..25 {
        let document_id = document(&world, 60).await;
        let client = open(
            &world,
            Address::parse(&address).expect("an address"),
            document_id,
        )
        .await;
        client.edit(|editor| editor.insert(0, "x")).expect("typed");
        client.settled().await.expect("acknowledged");
        most_open = most_open.max(
            metric(&address, "quire_documents_open")
                .await
                .expect("told"),
        );
        client.close().await;
    }
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let bytes = metric(&address, "quire_documents_bytes")
            .await
            .expect("told");
        let open = metric(&address, "quire_documents_open")
            .await
            .expect("told");
        // The server counts once a second.
        if (1..=BUDGET).contains(&bytes) && (1..25).contains(&open) {
            println!("{open} of 25 documents are open, {bytes} bytes; {most_open} at most");
            break;
        }
        assert!(Instant::now() < until, "{open} documents, {bytes} bytes");
        crate::kit::pause().await;
    }
    drop(server);
    world.stop().await;
}
