//! The text of each document as a column: right, current soon, written seldom, whoever is killed.

use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::dev::ServerProcess;
use quire::document::live::decode_version;
use quire::http::create_document;
use quire::postgres::pool;
use tokio_postgres::Client as Database;

use super::number;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::{World, serve};

/// The load of a busy machine included; a quiet document is due after 5 s, for a second server 15 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until the office's document has this text, with every edit in it.
async fn text_is(client: &Database, office: &Office, text: &str) {
    let query = "select count(*) from quire.current_text where document_id = $1 and text = $2 and is_current";
    let waiting = async {
        loop {
            let row = client.query_one(query, &[&office.document_id, &text]).await;
            if row.expect("the view").get::<_, i64>(0) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        let rows = client.query(
            "select text, is_current, written_at::text from quire.current_text",
            &[],
        );
        panic!("not {text:?} but {:?}", rows.await);
    }
}

async fn type_word(client: &Client, word: &str) {
    for letter in word.chars() {
        let end = client.text().chars().count();
        let insert = client.edit(|editor| editor.insert(end, &letter.to_string()));
        insert.expect("typed");
    }
    client.settled().await.expect("acknowledged");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_stands_in_the_column_with_its_version_and_goes_with_the_document() {
    let world = World::with_servers(2).await;
    let database = world.database.connect().await;
    let writer = world.client(0, &world.office.owner, "desk").await;
    let count = "
        create table writes (at timestamptz);
        create function count_write() returns trigger language plpgsql as
            'begin insert into writes values (now()); return null; end';
        create trigger count_write after insert or update on quire.document_text
        for each row execute function count_write()";
    database.batch_execute(count).await.expect("counted");
    type_word(&writer, "The budget of the year is not known to anybody.").await;
    text_is(&database, &world.office, &writer.text()).await;
    // Of two servers one writes; a slow machine may make a pause in the typing of it.
    let written = number(&database, "select count(*) from writes").await;
    let edits = number(&database, "select count(*) from quire.edit").await;
    println!("{edits} edits, {written} texts written");
    assert!(edits > 10 * written, "{written} texts for {edits} edits");

    let row = database
        .query_one("select version from quire.document_text", &[])
        .await
        .expect("a row");
    let version = decode_version(row.get(0)).expect("a version");
    assert_eq!(version, writer.read(loro::LoroDoc::oplog_vv));
    let found = "select count(*) from quire.search('\"known to anybody\" -nobody')";
    assert_eq!(number(&database, found).await, 1);

    // In the bin it has none, from the commit on; out of it it has one again.
    let text = writer.text();
    let delete = "update quire.document set deleted_at = now()";
    database.execute(delete, &[]).await.expect("deleted");
    let texts = "select count(*) from quire.document_text";
    assert_eq!(number(&database, texts).await, 0);
    assert_eq!(number(&database, found).await, 0);
    let restore = "update quire.document set deleted_at = null";
    database.execute(restore, &[]).await.expect("restored");
    text_is(&database, &world.office, &text).await;
    // A database in which it was emptied is caught up by whoever looks through it.
    database
        .execute("delete from quire.document_text", &[])
        .await
        .expect("emptied");
    let mut world = world;
    world.add_server().await;
    text_is(&database, &world.office, &text).await;
    world.stop().await;
}

/// The deletion and the writing of the text meet in each order: no text is left.
#[tokio::test]
async fn no_text_is_written_for_what_is_in_the_bin() {
    let cluster = Cluster::shared(Version::usual());
    let database = cluster.database().await;
    let office = Office::open(&database.pool()).await;
    let (mut deleter, writer) = (database.connect().await, database.connect().await);
    let document = DocumentOf(&office);
    let transaction = deleter.transaction().await.expect("begun");
    let delete = "update quire.document set deleted_at = now()";
    transaction.execute(delete, &[]).await.expect("deleted");
    let store = document.store(&writer);
    tokio::pin!(store);
    // It waits for the deletion, and finds the document in the bin.
    tokio::select! {
        stored = &mut store => panic!("stored {stored} rows"),
        () = waits(cluster) => {}
    }
    transaction.commit().await.expect("committed");
    assert_eq!(store.await, 0);
    let restore = "update quire.document set deleted_at = null";
    deleter.execute(restore, &[]).await.expect("restored");
    let transaction = deleter.transaction().await.expect("begun");
    assert_eq!(document.store(transaction.client()).await, 1);
    let deletion = writer.execute(delete, &[]);
    tokio::pin!(deletion);
    tokio::select! {
        _ = &mut deletion => panic!("it does not wait"),
        () = waits(cluster) => {}
    }
    transaction.commit().await.expect("committed");
    deletion.await.expect("deleted");
    assert_eq!(
        number(&writer, "select count(*) from quire.document_text").await,
        0
    );
}

struct DocumentOf<'a>(&'a Office);

impl DocumentOf<'_> {
    /// What a server does when it has read the text.
    async fn store(&self, client: &Database) -> u64 {
        let statement = include_str!("../../sql/store_text.sql");
        let row = client
            .query_one("select pg_current_snapshot()::text", &[])
            .await;
        let seen: String = row.expect("a snapshot").get(0);
        let (org_id, document_id) = (self.0.org_id, self.0.document_id);
        client
            .execute(
                statement,
                &[
                    &org_id,
                    &document_id,
                    &"text",
                    &&b"\0"[..],
                    &seen,
                    &1_i64,
                    &"text",
                ],
            )
            .await
            .expect("it runs")
    }
}

/// Returns when some statement waits for another's transaction.
async fn waits(cluster: &Cluster) {
    let question = "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query ilike '%quire.document%')";
    cluster.wait_until(question, PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_heard_is_written_by_another() {
    let cluster = Cluster::shared(Version::usual());
    let url = cluster.database().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let database = connect(&url).await;
    let mut servers = Vec::new();
    for _ in 0..2 {
        let server = serve(&url, &[]).await;
        servers.push(server.expect("a server"));
    }
    let token = office.owner.token.reveal();
    let client_of = async |server: &ServerProcess| {
        let address = Address::parse(server.address()).expect("an address");
        let client = Client::start(Options::new(vec![address], &token, &office.room(), "desk"));
        client.joined().await.expect("joined");
        client
    };
    let writer = client_of(&servers[0]).await;
    type_word(&writer, "one").await;
    let text = writer.text();
    servers[0].kill9().await;
    text_is(&database, &office, &text).await;
    // And all at once: who starts next finds it in the tables.
    let writer = client_of(&servers[1]).await;
    writer
        .document_is(|doc| quire::document::blocks::plain_text(doc) == text)
        .await
        .expect("there");
    type_word(&writer, " and two").await;
    let text = writer.text();
    servers[1].kill9().await;
    let behind = "select count(*) from quire.current_text where is_current";
    assert_eq!(
        number(&database, behind).await,
        0,
        "it lacks what was typed"
    );
    let server = serve(&url, &[]).await.expect("a server");
    text_is(&database, &office, &text).await;
    drop(server);
}

#[tokio::test]
async fn a_text_of_more_words_than_a_tsvector_holds_is_stored_all_the_same() {
    let client = crate::kit::postgres::Database::new().await.connect().await;
    let words = "
        with long as (select string_agg('word' || i, ' ') as text from generate_series(1, 300000) i)
        select count(*) from long
        where quire.text_words(long.text) @@ 'word1'::tsquery
        and not quire.text_words(long.text) @@ 'word300000'::tsquery";
    assert_eq!(number(&client, words).await, 1);
}

/// Postgres' parser takes time in the square of some texts: for hours, of one page.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_slow_to_take_apart_is_stored_like_any_other() {
    let world = World::with_servers(1).await;
    let database = world.database.connect().await;
    let writer = world.client(0, &world.office.owner, "desk").await;
    for hostile in ["<!--", "a_", "~/", "./"] {
        let text = hostile.repeat(50_000);
        writer
            .edit(|editor| editor.insert(0, &format!("{text}\n")))
            .expect("typed");
        writer.settled().await.expect("acknowledged");
    }
    text_is(&database, &world.office, &writer.text()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_fail_hold_up_no_other() {
    let mut world = World::with_servers(0).await;
    let database = world.database.connect().await;
    let client = world.pool.get().await.expect("a connection");
    let owner = world.office.owner.session.account_id;
    let mut documents = vec![world.office.document_id];
    for _ in 0..4 {
        let made = create_document(&client, world.office.org_id, None, owner, "Notes", None).await;
        documents.push(made.expect("a document"));
    }
    documents.sort();
    let last = documents.pop().expect("one");
    // A statement that takes too long, and one that the database refuses.
    for (number, document) in documents.iter().enumerate() {
        let state = ["57014", "22000"][number % 2];
        let fail = format!(
            "create function fail_{number}() returns trigger language plpgsql as
                'begin raise exception using errcode = ''{state}''; end';
            create trigger fail_{number} before insert on quire.document_text for each row
            when (new.document_id = '{document}') execute function fail_{number}()"
        );
        database.batch_execute(&fail).await.expect("a trigger");
    }
    world.add_server().await;
    let written = format!("select count(*) from quire.document_text where document_id = '{last}'");
    let waiting = async {
        while number(&database, &written).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "the others hold it up");
    world.stop().await;
}
