//! What moves and what stays; what the source says and does afterwards.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use loro::{ExportMode, LoroDoc};
use quire::client::{Address, Client, Options};
use quire::moving::tables::{EDIT, STAYING, TABLES};
use quire::moving::{self, Settings};
use serde_json::Value;
use uuid::Uuid;

use crate::kit::postgres::{Database, Version};
use crate::kit::server::{World, program, shows};

#[tokio::test]
async fn every_table_of_organisations_moves_or_stays_for_a_reason() {
    let client = Database::new().await.connect().await;
    let sql = "select c.relname::text from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
               where c.relnamespace = 'quire'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition";
    let rows = client.query(sql, &[]).await.expect("tables");
    let there: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let moving = TABLES.iter().chain([&EDIT]).map(|table| table.name);
    let known = moving.chain(STAYING.iter().map(|(name, _)| *name));
    let known: BTreeSet<String> = known.map(str::to_owned).collect();
    assert_eq!(
        there, known,
        "a new table goes to TABLES or STAYING in src/moving/tables.rs"
    );
}

/// Columns that name accounts, which must come along.
#[tokio::test]
async fn every_account_that_is_named_moves() {
    let client = Database::new().await.connect().await;
    let sql = "select c.relname::text, a.attname::text
               from pg_constraint k
               join pg_class c on c.oid = k.conrelid
               join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
               where k.contype = 'f' and k.confrelid = 'quire.account'::regclass";
    let rows = client.query(sql, &[]).await.expect("references");
    let statement = include_str!("../../sql/move_accounts.sql");
    for row in rows {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        if !TABLES.iter().any(|one| one.name == table) {
            continue;
        }
        let part = statement
            .split("union")
            .find(|part| part.contains(&format!("from quire.{table} ")));
        let part = part.unwrap_or_else(|| panic!("{table} is not asked"));
        assert!(part.contains(&column), "{table}.{column} is not asked");
    }
}

/// Two worlds, of which the first has an organisation with some of everything.
struct Worlds {
    from: World,
    to: World,
    settings: Settings,
}

impl Worlds {
    async fn with_everything() -> Self {
        let from = World::on(Database::of(Version::V15).await, 1).await;
        let to = World::on(Database::of(Version::V18).await, 1).await;
        let settings = Settings {
            from: from.database.url.clone(),
            to: to.database.url.clone(),
            org_id: from.office.org_id,
            addresses: vec![format!("http://{}", to.servers[0].address())],
        };
        let client = from.database.connect().await;
        let (org, document) = (from.office.org_id, from.office.document_id);
        let ada = from.office.owner.session.account_id;
        client
            .batch_execute(&format!(
                "insert into quire.org_group (org_id, name) values ('{org}', 'All');
                 insert into quire.org_group_member (org_id, group_id, account_id) select org_id, group_id, '{ada}' from quire.org_group;
                 insert into quire.folder (org_id, name, created_by) values ('{org}', 'Plans', '{ada}');
                 insert into quire.share_link (org_id, document_id, token_hash, role, created_by) values ('{org}', '{document}', 'x', 'view', '{ada}');
                 insert into quire.share_link_visit (org_id, link_id, account_id) select org_id, link_id, '{ada}' from quire.share_link;
                 insert into quire.access_request (org_id, document_id, account_id) values ('{org}', '{document}', '{ada}');
                 insert into quire.comment_thread (org_id, document_id, thread_id, created_by) values ('{org}', '{document}', '{document}', '{ada}');
                 insert into quire.comment (org_id, document_id, thread_id, comment_id, account_id, body) values ('{org}', '{document}', '{document}', '{document}', '{ada}', 'Well');
                 insert into quire.version (org_id, document_id, version_id, name, created_by, written_at, operations) values ('{org}', '{document}', '{document}', 'One', '{ada}', now(), '\\x00');
                 insert into quire.retention (org_id, kept) values ('{org}', '1 year');
                 insert into quire.publication (org_id, document_id, publication_id, published_by) values ('{org}', '{document}', '{document}', '{ada}');
                 insert into quire.given_up_peer (org_id, document_id, peer_id, account_id) values ('{org}', '{document}', 7, '{ada}');
                 insert into quire.idempotency_key (account_id, idempotency_key, request_digest, org_id, document_id) values ('{ada}', 'k', 'x', '{org}', '{document}');
                 insert into quire.login (account_id, email, password_hash) values ('{ada}', 'ada@example.com', 'x');
                 insert into quire.invitation (token_hash, org_id, role, created_by, expires_at) values ('y', '{org}', 'guest', '{ada}', 'infinity')"
            ))
            .await
            .expect("some of everything");
        // A fold of nothing.
        let nothing = LoroDoc::new().export(ExportMode::all_updates());
        let nothing = nothing.expect("exported");
        let sql = "insert into quire.fold (org_id, document_id, through, through_at, peers, counters, update)
                   values ($1, $2, '3', now(), '{}', '{}', $3)";
        let document_id = from.office.document_id;
        client
            .execute(sql, &[&from.office.org_id, &document_id, &nothing])
            .await
            .expect("a fold");
        Self { from, to, settings }
    }
}

/// The owner, come with another device to a server of the other cluster.
async fn come_late(from: &World, to: &World) -> Client {
    let (token, room) = (from.office.owner.token.reveal(), from.office.room());
    let options = Options::new(vec![to.address(0)], &token, &room, "late");
    let client = Client::start(options);
    client.joined().await.expect("joined");
    client
}

async fn rows(client: &tokio_postgres::Client, table: &str, org_id: Uuid) -> i64 {
    let sql = format!("select count(*) from quire.{table} where org_id = $1");
    client
        .query_one(&sql, &[&org_id])
        .await
        .expect("counted")
        .get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_an_organisation_moves_and_is_forgotten_only_on_demand() {
    let worlds = Worlds::with_everything().await;
    let (from, to, settings) = (&worlds.from, &worlds.to, &worlds.settings);
    let org_id = settings.org_id;
    let (here, there) = (from.database.connect().await, to.database.connect().await);
    let writer = from.client(0, &from.office.owner, "desk").await;
    writer.settled().await.expect("acknowledged");
    moving::forget(settings)
        .await
        .expect_err("it has not moved");
    moving::run(settings, |_| {}).await.expect("it moves");
    for table in TABLES.iter().chain([&EDIT]) {
        let (before, after) = (
            rows(&here, table.name, org_id).await,
            rows(&there, table.name, org_id).await,
        );
        assert!(before > 0, "{}: a row was made", table.name);
        // That it has been opened is noted there too.
        let noted = i64::from(table.name == "audit");
        assert_eq!(after, before + noted, "{}", table.name);
    }
    // No trigger has written anything of its own for what came as it was.
    let events =
        "select count(*) from quire.event where kind <> 'organisation_placed' and org_id = $1";
    let events = there.query_one(events, &[&org_id]).await.expect("counted");
    assert_eq!(events.get::<_, i64>(0), 0);
    // The same client writes on, with the same peer, at a server of the other cluster.
    let peer = writer.peer();
    writer.edit(|editor| editor.insert(0, "on")).expect("typed");
    writer.settled().await.expect("acknowledged");
    assert_eq!(writer.peer(), peer);
    let ids = "select max(edit_id) = (select edit_id from quire.edit where org_id = $1 order by created_at desc limit 1) from quire.edit";
    let is_last = there.query_one(ids, &[&org_id]).await.expect("asked");
    assert!(
        is_last.get::<_, bool>(0),
        "new edits come last by their ids"
    );
    let late = come_late(from, to).await;
    shows(&late, "on").await;
    // Nobody writes at the source, with SQL either.
    for sql in [
        "update quire.document set title = 'x' where org_id = $1",
        "delete from quire.member where org_id = $1",
        "update quire.comment set body = 'x' where org_id = $1",
        "insert into quire.org_group (org_id, name) values ($1, 'x')",
    ] {
        let error = here.execute(sql, &[&org_id]).await.expect_err("refused");
        let error = error.as_db_error().expect("by the database").to_owned();
        assert_eq!(
            error.constraint(),
            Some("organisation_served_here"),
            "{sql}"
        );
    }
    here.execute("select quire.end_expired()", &[])
        .await
        .expect("what ends elsewhere is left");
    // The API says where it is.
    let answer = ask(&from.address(0), &format!("/api/v1/organisations/{org_id}")).await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    let problem: Value =
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    let detail = problem["detail"].as_str().expect("a sentence");
    assert!(detail.contains(&settings.addresses[0]), "{detail}");
    // What the target lacks is not forgotten.
    let lose = "update quire.peer set next_counter = next_counter - 1 where org_id = $1 and next_counter > 0";
    there.execute(lose, &[&org_id]).await.expect("lost");
    let kept = moving::forget(settings)
        .await
        .expect_err("something is missing");
    assert!(kept.to_string().contains("lacks edits"), "{kept}");
    there
        .execute(&lose.replace("- 1", "+ 1"), &[&org_id])
        .await
        .expect("found");
    moving::forget(settings).await.expect("forgotten");
    for table in TABLES.iter().chain([&EDIT]) {
        assert_eq!(rows(&here, table.name, org_id).await, 0, "{}", table.name);
    }
    let answer = ask(&from.address(0), &format!("/api/v1/organisations/{org_id}")).await;
    assert!(
        answer.starts_with("HTTP/1.1 421"),
        "it still says where: {answer}"
    );
    writer.close().await;
    late.close().await;
    let Worlds { from, to, .. } = worlds;
    from.stop().await;
    to.stop().await;
}

async fn ask(address: &Address, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address.authority())
        .await
        .expect("connected");
    let host = address.authority();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_that_has_moved_can_come_back() {
    let worlds = Worlds::with_everything().await;
    let (from, to) = (&worlds.from, &worlds.to);
    let writer = from.client(0, &from.office.owner, "desk").await;
    let mut text = String::new();
    let way = worlds.settings.clone();
    let back = Settings {
        from: way.to.clone(),
        to: way.from.clone(),
        addresses: vec![format!("http://{}", from.servers[0].address())],
        ..way.clone()
    };
    for (number, settings) in [&way, &back, &way].into_iter().enumerate() {
        moving::run(settings, |_| {}).await.expect("it moves");
        writer
            .edit(|editor| editor.insert(text.len(), &number.to_string()))
            .expect("typed");
        text += &number.to_string();
        writer.settled().await.expect("acknowledged");
    }
    let late = come_late(from, to).await;
    shows(&late, &text).await;
    let report = quire::integrity::verify(&way.to, Some(way.org_id)).await;
    assert_eq!(report.expect("it is read").findings, []);
    writer.close().await;
    late.close().await;
    let Worlds { from, to, .. } = worlds;
    from.stop().await;
    to.stop().await;
}

/// The command as whoever runs it sees it; killed by its process, it is run again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_is_killed_and_run_again() {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let worlds = Worlds::with_everything().await;
    let settings = &worlds.settings;
    let org_id = settings.org_id.to_string();
    let arguments = [
        "org",
        "move",
        "--database-url",
        &settings.from,
        "--to-database-url",
        &settings.to,
        "--org",
        &org_id,
        "--to-url",
        &settings.addresses[0],
    ];
    let mut command = tokio::process::Command::new(program());
    let command = command
        .args(arguments)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true);
    let mut process = command.spawn().expect("it runs");
    let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
    let first = lines.next_line().await.expect("it says something");
    assert_eq!(first.as_deref(), Some("begun: copying while people write"));
    process.kill().await.expect("killed");
    let began = Instant::now();
    let last = loop {
        let output = Command::new(program())
            .args(arguments)
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            break said;
        }
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(why.contains("another command"), "{why}");
        assert!(began.elapsed() < Duration::from_secs(60), "{why}");
    };
    assert!(
        last.contains("moved 1 documents with 1 edits") || last.contains("it had moved before"),
        "{last}"
    );
    let forget = Command::new(program())
        .args(["org", "forget"])
        .args(&arguments[2..8])
        .output();
    let forget = forget.expect("it runs");
    assert!(forget.status.success(), "{forget:?}");
    let Worlds { from, to, .. } = worlds;
    from.stop().await;
    to.stop().await;
}
