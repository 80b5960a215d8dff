//! `quire verify`: each kind of damage is planted, found, and mended as the finding says.

use std::process::{Command, Output};

use quire::document::fold;
use quire::document::load::{Loaded, load};
use quire::document::trial::DocKey;
use quire::integrity::{Finding, verify};
use quire::postgres::pool;
use quire::retention::{Outcome, fold_document};
use tokio_postgres::Client;

use crate::kit::postgres::{Cluster, Database, Version};
use crate::kit::server::{World, program, shows};
use crate::kit::standby::Standby;

const STORE_TEXT: &str = include_str!("../sql/store_text.sql");

/// An office whose document has edits of two people, a snapshot and a text with edits after them.
struct Archive {
    database: Database,
    key: DocKey,
    admin: Client,
}

impl Archive {
    async fn of(database: Database) -> Self {
        let world = World::on(database, 1).await;
        let bob = world.office.member(&world.pool, "Bob").await;
        let ada = world.client(0, &world.office.owner, "ada").await;
        let bob = world.client(0, &bob, "bob").await;
        ada.settled().await.expect("acknowledged");
        let key = DocKey {
            org_id: world.office.org_id,
            document_id: world.office.document_id,
        };
        let mut text = String::new();
        for (writer, reader, from) in [(&ada, &bob, "a"), (&bob, &ada, "b")] {
            for _ in 0..3 {
                writer
                    .edit(|editor| editor.insert(text.len(), from))
                    .expect("typed");
                text += from;
                writer.settled().await.expect("acknowledged");
                shows(reader, &text).await;
            }
            // Between the two: what is derived has rows after it.
            if from == "a" {
                store_derived(&world, key).await;
            }
        }
        let database = world.database.clone();
        let admin = database.connect().await;
        shows(&bob, &text).await;
        ada.close().await;
        bob.close().await;
        world.stop().await;
        Self {
            database,
            key,
            admin,
        }
    }

    async fn findings(&self) -> Vec<Finding> {
        let report = verify(&self.database.url, None).await.expect("it is read");
        report.findings
    }

    fn database_name(&self) -> &str {
        let path = self.database.url.split('?').next().unwrap_or_default();
        path.rsplit('/').next().expect("it has a name")
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = format!("select count(*) from quire.{table}");
        self.admin
            .query_one(&sql, &[])
            .await
            .expect("counted")
            .get(0)
    }

    async fn execute(&self, sql: &str) {
        self.admin
            .batch_execute(sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    /// `{doc}` is what the rows of the document have.
    fn filled(&self, sql: &str) -> String {
        let document = format!(
            "org_id = '{}' and document_id = '{}'",
            self.key.org_id, self.key.document_id
        );
        sql.replace("{doc}", &document)
    }

    /// Spoils something, and says what is then found about the document.
    async fn found(&self, spoil: &str) -> Finding {
        self.execute(&self.filled(spoil)).await;
        let findings = self.findings().await;
        let [finding] = &findings[..] else {
            panic!("{spoil}: {findings:#?}");
        };
        assert_eq!(finding.document_id, self.key.document_id, "{spoil}");
        assert_eq!(finding.org_id, self.key.org_id, "{spoil}");
        finding.clone()
    }
}

async fn store_derived(world: &World, key: DocKey) {
    let client = world.pool.get().await.expect("a connection");
    let row = client
        .query_one("select system_identifier from pg_control_system()", &[])
        .await
        .expect("asked");
    let system_identifier: i64 = row.get(0);
    let Loaded { live, position, .. } = load(
        &world.pool,
        key,
        system_identifier as u64,
        &mut Default::default(),
    )
    .await
    .expect("loaded");
    let snapshot = live.snapshot().expect("a snapshot").into();
    let era = world.pool.lineage().era();
    fold::store(
        &world.pool,
        key,
        era,
        &position,
        system_identifier as u64,
        &snapshot,
    )
    .await
    .expect("stored");
    let (text, version) = (live.text().expect("a text"), live.version_bytes());
    client
        .execute(
            STORE_TEXT,
            &[
                &key.org_id,
                &key.document_id,
                &text,
                &version.expect("a version"),
                &position.seen,
                &system_identifier,
                &text,
            ],
        )
        .await
        .expect("stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_written_by_servers_is_well() {
    for version in Version::ALL {
        let archive = Archive::of(Database::of(version).await).await;
        for derived in ["snapshot", "document_text"] {
            assert_eq!(archive.count(derived).await, 1, "{derived}");
        }
        let report = verify(&archive.database.url, Some(archive.key.org_id)).await;
        let report = report.expect("it is read");
        assert_eq!(report.findings, []);
        assert_eq!(report.documents, 1);
        assert_eq!(report.edits, archive.count("edit").await as u64);
        let nobody = verify(&archive.database.url, Some(uuid::Uuid::max())).await;
        assert_eq!(nobody.expect("it is read").documents, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_damage_to_what_is_derived_is_found_and_mended_as_the_finding_says() {
    // Of its own: while another test writes for long in the same cluster, no snapshot can claim to have seen the
    // newest rows, and then it lacks nothing.
    let cluster = Cluster::start(Version::usual(), &[]);
    let archive = Archive::of(cluster.database().await).await;
    archive
        .execute("create table public.kept_snapshot as select * from quire.snapshot; create table public.kept_text as select * from quire.document_text")
        .await;
    for (check, spoil, says) in [
        (
            "snapshot",
            "update quire.snapshot set snapshot = set_byte(snapshot, length(snapshot) / 2, 255 - get_byte(snapshot, length(snapshot) / 2))",
            "cannot be read",
        ),
        (
            "snapshot",
            // It claims to have seen what was written later.
            "update quire.snapshot set seen = pg_current_snapshot()",
            "lacks 3 operations",
        ),
        (
            "snapshot",
            "update quire.snapshot set seen = (txid_current() + 1000 || ':' || txid_current() + 1000 || ':')::pg_snapshot",
            "yet to come",
        ),
        (
            "text",
            "update quire.document_text set text = text || '!'",
            "is not what the edits",
        ),
        (
            "text",
            "update quire.document_text set version = '\\x00'",
            "lacks",
        ),
        (
            "text",
            "update quire.document_text set seen = pg_current_snapshot()",
            "lacks 3 operations",
        ),
        (
            "text",
            "update quire.document_text set version = '\\xff'",
            "cannot be read",
        ),
        (
            "text",
            "update quire.document_text set seen = (txid_current() + 1000 || ':' || txid_current() + 1000 || ':')::pg_snapshot",
            "yet to come",
        ),
    ] {
        let finding = archive.found(spoil).await;
        assert_eq!(finding.check, check, "{spoil}: {finding:#?}");
        assert!(finding.says.contains(says), "{spoil}: {}", finding.says);
        let mend = finding.mend.split(": it is derived").next().expect("SQL");
        archive.execute(mend).await;
        assert_eq!(archive.findings().await, [], "{mend}");
        archive
            .execute("delete from quire.snapshot; insert into quire.snapshot select * from kept_snapshot; delete from quire.document_text; insert into quire.document_text select * from kept_text")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_damage_to_rows_is_found_and_nothing_else_is() {
    let archive = Archive::of(Database::new().await).await;
    // Derived data that lacks the damage would be found as well.
    archive
        .execute("delete from quire.snapshot; delete from quire.document_text")
        .await;
    archive
        .execute("create table public.kept_edit as select * from quire.edit; create table public.kept_peer as select * from quire.peer; create table public.kept_document as select * from quire.document")
        .await;
    let last = "edit_id = (select max(edit_id) from quire.edit)";
    let middle = "edit_id = (select max(edit_id) - 1 from quire.edit)";
    for (check, spoil) in [
        ("peer", format!("delete from quire.edit where {last}")),
        ("peer", "update quire.peer set next_counter = next_counter - 1 where peer_id = (select peer_id from quire.edit order by edit_id desc limit 1)".into()),
        ("unreadable_edit", format!("update quire.edit set update = set_byte(update, 30, 255 - get_byte(update, 30)) where {last}")),
        ("unreadable_edit", format!("update quire.edit set update = '\\x00' where {last}")),
        ("mislabelled_edit", format!("update quire.edit set update = (select update from quire.edit where {middle}) where {last}")),
        ("no_edits", "delete from quire.edit; delete from quire.peer".into()),
        ("no_document", "delete from quire.document".into()),
        ("edits", format!("insert into quire.edit overriding system value select org_id, document_id, pg_current_xact_id(), edit_id + 1, account_id, session_id, peer_id, counter_start, counter_end, inserted, deleted, created_at, update from quire.edit where {last}")),
    ] {
        archive.execute("set session_replication_role = replica").await;
        let spoilt = archive.filled(&spoil);
        archive.execute(&spoilt).await;
        let findings = archive.findings().await;
        let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
        match check {
            // The operations that it should have are nowhere then.
            "mislabelled_edit" => assert_eq!(checks, [check, "hanging_edit"], "{spoil}"),
            _ => assert_eq!(checks, [check], "{spoil}: {findings:#?}"),
        }
        if findings[0].mend.starts_with("update ") {
            archive.execute(&findings[0].mend).await;
            assert_eq!(archive.findings().await, [], "{spoil}");
        }
        archive
            .execute(
                "delete from quire.edit; insert into quire.edit overriding system value select * from kept_edit;
                 delete from quire.peer; insert into quire.peer select * from kept_peer;
                 delete from quire.document; insert into quire.document select * from kept_document",
            )
            .await;
        assert_eq!(archive.findings().await, [], "after {spoil}");
    }
    // A gap: what comes after it hangs in the air.
    let gap = format!("delete from quire.edit where {middle}");
    archive.execute(&gap).await;
    let findings = archive.findings().await;
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, ["edits", "hanging_edit"], "{findings:#?}");
}

fn quire_verify(url: &str, more: &[&str]) -> Output {
    Command::new(program())
        .args(["verify", "--database-url", url])
        .args(more)
        .env_clear()
        .output()
        .expect("quire runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_says_what_it_found_on_a_standby_too() {
    let version = Version::usual();
    let cluster = Cluster::start_with_tcp(version, &[]);
    let archive = Archive::of(cluster.database().await).await;
    let conninfo = format!("host=127.0.0.1 port={}", cluster.port());
    let standby = Standby::of(&cluster, &conninfo).await;
    let there = standby.cluster.url(archive.database_name());
    let well = quire_verify(&there, &[]);
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    assert!(well.status.success(), "{said} {well:?}");
    assert!(said.starts_with("All is well: 1 documents"), "{said}");
    archive
        .execute("update quire.document_text set text = ''")
        .await;
    standby.catch_up(&cluster).await;
    let spoilt = quire_verify(
        &there,
        &["--json", "--org", &archive.key.org_id.to_string()],
    );
    assert_eq!(spoilt.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&spoilt.stdout).expect("JSON");
    assert_eq!(report["findings"][0]["check"], "text");
    assert_eq!(report["documents"], 1);
    assert_eq!(quire_verify("mysql://x", &[]).status.code(), Some(2));
}

/// What is folded is part of the document, and rows that are folded and not deleted yet are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_is_verified_like_the_rows_that_it_took_the_place_of() {
    let archive = Archive::of(Database::new().await).await;
    archive
        .execute(&archive.filled(
            "create table public.before as select * from quire.edit where {doc};
             insert into quire.retention (org_id, kept) select org_id, interval '0' from quire.organisation",
        ))
        .await;
    let pool = pool(&archive.database.url, 2).expect("a pool");
    let folded = fold_document(&pool, archive.key).await.expect("folded");
    assert!(matches!(folded, Outcome::Folded(1..)), "{folded:?}");
    assert_eq!(archive.findings().await, []);
    // As after a crash between two steps.
    let columns = "org_id, document_id, xid, edit_id, account_id, session_id, peer_id, counter_start, counter_end,
                   inserted, deleted, created_at, update";
    archive
        .execute(&format!(
            "insert into quire.edit ({columns}) overriding system value
             select {columns} from public.before b
             where not exists (select from quire.edit e where e.edit_id = b.edit_id)"
        ))
        .await;
    assert_eq!(archive.findings().await, []);
    archive
        .execute(&archive.filled(
            "delete from quire.edit where {doc} and edit_id < (select max(edit_id) from quire.edit)",
        ))
        .await;
    archive
        .execute(&archive.filled("update quire.fold set counters[1] = counters[1] + 1 where {doc}"))
        .await;
    let findings = archive.findings().await;
    assert!(
        findings.iter().any(|finding| finding.check == "fold"),
        "{findings:#?}"
    );
}
