//! The functions on long histories, against what the histories say themselves: recorded ones where
//! `QUIRE_TRACES` names a folder with them, else a made-up one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use loro::VersionVector;
use quire::document::blocks::plain_text;
use quire::document::history::Row;
use quire::random::Random;
use quire::replay::synthetic;
use quire::replay::trace::{Edit, Trace};
use tokio_postgres::Client;
use uuid::Uuid;

use super::figures::note;
use super::stage::Stage;
use crate::document::past::made::{account, plain_import, rows_at_once, rows_in_turns};
use crate::kit::random;

/// Rows that are written with one statement.
const CHUNK: usize = 10_000;
/// Edits whose operations are asked for: each costs some 0.2 ms.
const OPERATIONS: usize = if cfg!(debug_assertions) {
    30_000
} else {
    usize::MAX
};

fn trace(name: &str, made_up: usize) -> (Trace, bool) {
    let folder = std::env::var_os("QUIRE_TRACES").map(PathBuf::from);
    match folder
        .map(|folder| folder.join(name))
        .filter(|f| f.exists())
    {
        Some(file) => (Trace::read(&file).expect("a recorded history"), true),
        None => {
            println!(
                "skipped: QUIRE_TRACES names no folder with {name}; a made-up history stands for it"
            );
            (synthetic::trace(7, 2, made_up), false)
        }
    }
}

/// Puts rows into the table as a document of their own.
async fn insert(stage: &Stage, rows: &[Row]) -> Uuid {
    let db = stage.connect(stage.direct, "dba").await.expect("signed in");
    let document_id = Uuid::new_v4();
    let office = &stage.world.office;
    let (org_id, owner) = (office.org_id, office.owner.session.account_id);
    db.execute(
        "insert into quire.document (org_id, document_id, title, created_by, owner_id)
         values ($1, $2, 'Past', $3, $3)",
        &[&org_id, &document_id, &owner],
    )
    .await
    .expect("made");
    for rows in rows.chunks(CHUNK) {
        let of = |value: fn(&Row) -> i64| rows.iter().map(value).collect::<Vec<i64>>();
        let accounts: Vec<Uuid> = rows.iter().map(|row| row.account_id).collect();
        let updates: Vec<&[u8]> = rows.iter().map(|row| &row.update[..]).collect();
        db.execute(
            "insert into quire.edit (org_id, document_id, edit_id, account_id, peer_id, counter_start,
                 counter_end, inserted, deleted, created_at, update)
             overriding system value
             select $1, $2, e, a, p, s::int, n::int, 0, 0, 'epoch'::timestamptz + t * interval '1 us', u
             from unnest($3::bigint[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[])
                 as r(e, a, p, s, n, t, u)",
            &[
                &org_id,
                &document_id,
                &of(|row| 1_000_000 + row.edit_id),
                &accounts,
                &of(|row| row.peer as i64),
                &of(|row| i64::from(row.counter_start)),
                &of(|row| i64::from(row.counter_end)),
                &of(|row| row.created_us),
                &updates,
            ],
        )
        .await
        .expect("written");
    }
    document_id
}

async fn timed<T>(what: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = what.await;
    (result, start.elapsed())
}

async fn text(client: &Client, document_id: Uuid, row: &Row) -> String {
    let sql = "select quire.text($1, $2)";
    let at = (1_000_000 + row.edit_id).to_string();
    let row = client.query_one(sql, &[&document_id, &at]).await;
    row.expect("a text").get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_at_a_hundred_moments_is_what_it_was_then() {
    let (trace, _) = trace("automerge-paper.json.gz", 3_000);
    let rows = rows_in_turns(&trace);
    let stage = Stage::new().await;
    let document_id = insert(&stage, &rows).await;
    let client = stage.connect(stage.port, "dba").await.expect("signed in");
    let random = &mut Random::new(random::seed());
    let mut moments: Vec<usize> = (0..100)
        .map(|_| random.below(trace.edits.len() + 1))
        .collect();
    let (_, cold) = timed(text(&client, document_id, &rows[moments[0]])).await;
    moments.sort_unstable();
    let (mut now, mut done, mut wrong, mut times) = (Vec::new(), 0, 0, Vec::new());
    for moment in moments {
        for edit in &trace.edits[done..moment] {
            synthetic::apply(&mut now, edit);
        }
        done = moment;
        let (then, time) = timed(text(&client, document_id, &rows[moment])).await;
        wrong += usize::from(then != now.iter().collect::<String>());
        times.push(time);
    }
    times.sort_unstable();
    named_version(&stage, document_id, &rows[..rows.len() / 2]).await;
    println!(
        "text of {} edits: cold {cold:?}, then median {:?}, longest {:?}",
        rows.len(),
        times[50],
        times[99]
    );
    note("text_at", "moments", 100);
    note("text_at", "wrong", wrong);
    note("text_at", "cold_ms", cold.as_millis());
    note("text_at", "longest_ms", times[99].as_millis());
    assert_eq!(wrong, 0);
    let some = rows.len().min(OPERATIONS);
    {
        let sql = "select count(distinct edit_id), count(*) from quire.operations($1, to => $2)";
        let to = (1_000_000 + rows[some - 1].edit_id).to_string();
        let (row, time) = timed(client.query_one(sql, &[&document_id, &to])).await;
        let row = row.expect("operations");
        let (edits, operations): (i64, i64) = (row.get(0), row.get(1));
        println!("operations: {operations} of {edits} edits in {time:?}");
        note("all", "operations_edits_missing", some as i64 - edits);
        assert_eq!(edits, some as i64);
    }
    stage.world.stop().await;
}

/// A version is found by its name, the last of several.
async fn named_version(stage: &Stage, document_id: Uuid, rows: &[Row]) {
    let db = stage.connect(stage.port, "dba").await.expect("signed in");
    db.batch_execute(
        "create table if not exists quire.version (org_id uuid, document_id uuid, version_id uuid, name text,
             created_by uuid, created_at timestamptz not null default clock_timestamp(), written_at timestamptz,
             operations bytea)",
    )
    .await
    .expect("there");
    let owner = stage.world.office.owner.session.account_id;
    for rows in [&rows[..2], rows] {
        let ends = rows.iter().map(|row| (row.peer, row.counter_end));
        let version: VersionVector = ends.collect();
        db.execute(
            "insert into quire.version (org_id, document_id, version_id, name, created_by, written_at, operations)
             values ($1, $2, gen_random_uuid(), 'Entwürfe', $3, now(), $4)",
            &[&stage.world.office.org_id, &document_id, &owner, &version.encode()],
        )
        .await
        .expect("named");
    }
    let last = &rows[rows.len() - 1];
    let named: String = db
        .query_one("select quire.text($1, at => 'Entwürfe')", &[&document_id])
        .await
        .expect("a text")
        .get(0);
    assert_eq!(named, text(&db, document_id, last).await);
}

/// The oracle: the same history with each author's own letter in the place of what was typed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blame_names_the_author_of_every_character() {
    let (trace, is_recorded) = trace("friendsforever.json.gz", 1_000);
    let letter = |edit: &Edit| Edit {
        inserted: edit
            .inserted
            .chars()
            .map(|_| char::from(b'A' + edit.author as u8))
            .collect(),
        ..edit.clone()
    };
    let rows = match is_recorded {
        true => rows_at_once(&trace, Edit::clone),
        false => rows_in_turns(&trace),
    };
    let mut lettered = trace.clone();
    lettered.edits = trace.edits.iter().map(letter).collect();
    let (lettered, _) = plain_import(&match is_recorded {
        true => rows_at_once(&trace, letter),
        false => rows_in_turns(&lettered),
    });
    let letters = plain_text(&lettered);
    let stage = Stage::new().await;
    let document_id = insert(&stage, &rows).await;
    let client = stage.connect(stage.port, "dba").await.expect("signed in");
    let sql = "select length, account_id, text from quire.blame($1) order by position";
    let spans = client.query(sql, &[&document_id]).await.expect("blame");
    let mut named = Vec::new();
    let mut text = String::new();
    for span in spans {
        let (length, account_id): (i32, Uuid) = (span.get(0), span.get(1));
        text.push_str(span.get(2));
        named.extend(std::iter::repeat_n(account_id, length as usize));
    }
    assert_eq!(named.len(), letters.chars().count());
    let of = |letter: char| account(usize::from(letter as u8 - b'A'));
    let wrong = named
        .iter()
        .zip(letters.chars())
        .filter(|(named, letter)| **named != of(*letter));
    let wrong = wrong.count();
    note("all", "blame_wrong", wrong);
    assert_eq!(wrong, 0, "of {}", named.len());
    let sql = "select quire.text($1)";
    let now: String = client
        .query_one(sql, &[&document_id])
        .await
        .expect("a text")
        .get(0);
    assert_eq!(now, text);
    stage.world.stop().await;
}
