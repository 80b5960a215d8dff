//! What the doctor finds, each thing caused for real.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use quire::dev::User;
use quire::error::Kind;
use quire::postgres::{Finding, Limits, Severity, check_safe, examine, pool};

use crate::kit::postgres::{Cluster, Database, Version, connect};

async fn findings(url: &str) -> Vec<Finding> {
    examine(url, &Limits::default())
        .await
        .expect("the doctor gets through")
}

/// The finding of `check`, which must be there.
fn the<'a>(check: &str, findings: &'a [Finding]) -> &'a Finding {
    findings
        .iter()
        .find(|finding| finding.check == check)
        .unwrap_or_else(|| panic!("{check} is not among {findings:#?}"))
}

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

async fn refusal(url: &str) -> String {
    let pool = pool(url, 1).expect("its address is right");
    let error = check_safe(&pool).await.expect_err("it is refused");
    assert_eq!(error.kind(), Kind::Setting);
    error.to_string()
}

/// A role of its own for one test; roles belong to the whole cluster.
async fn role(cluster: &Cluster, name: &str, rights: &str) {
    cluster
        .execute(&format!("create role {name} login {rights}"))
        .await;
}

fn as_role(url: &str, role: &str) -> String {
    url.replacen("//quire@", &format!("//{role}@"), 1)
}

#[tokio::test]
async fn a_migrated_database_is_well() {
    for version in Version::ALL {
        let database = Database::of(version).await;
        let findings = findings(&database.url).await;
        assert!(errors(&findings).is_empty(), "{findings:#?}");
        check_safe(&database.pool()).await.expect("it is safe");
    }
}

#[tokio::test]
async fn synchronous_commit_off_is_refused_wherever_it_is_set() {
    let cluster = Cluster::shared(Version::usual());
    let client = connect(&cluster.url("postgres")).await;
    for place in ["database", "role"] {
        let database = cluster.database().await;
        let name = database
            .url
            .rsplit('/')
            .next()
            .expect("it has a name")
            .to_owned();
        let mut url = database.url.clone();
        if place == "role" {
            role(cluster, "hasty", "superuser").await;
            url = as_role(&url, "hasty");
        }
        let owner = if place == "role" { "hasty" } else { &name };
        let set = format!("alter {place} {owner} set synchronous_commit = off");
        client.batch_execute(&set).await.expect("it is set");
        assert_eq!(
            the("synchronous_commit", &findings(&url).await).severity,
            Severity::Error
        );
        assert!(
            refusal(&url).await.contains("synchronous_commit is off"),
            "{place}"
        );
    }
}

#[tokio::test]
async fn settings_of_the_server_are_found() {
    let settings = [
        ("wal_level", "replica"),
        ("max_replication_slots", "0"),
        ("max_wal_senders", "0"),
        ("fsync", "off"),
        ("synchronous_commit", "off"),
    ];
    let cluster = Cluster::start(Version::V15, &settings);
    let database = cluster.database().await;
    let findings = findings(&database.url).await;
    for check in [
        "wal_level",
        "replication_slots",
        "wal_senders",
        "synchronous_commit",
    ] {
        assert_eq!(the(check, &findings).severity, Severity::Error, "{check}");
    }
    assert_eq!(the("fsync", &findings).severity, Severity::Warning);
    assert!(
        refusal(&database.url)
            .await
            .contains("wal_level is replica")
    );
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let database = Database::new().await;
    let url = format!(
        "{}?options=-c%20default_transaction_read_only%3Don",
        database.url
    );
    assert_eq!(
        the("read_only", &findings(&url).await).severity,
        Severity::Error
    );
    assert!(refusal(&url).await.contains("read only"));
}

#[tokio::test]
async fn a_role_without_rights_is_found() {
    let cluster = Cluster::shared(Version::usual());
    let database = cluster.database().await;
    role(cluster, "stranger", "").await;
    let url = as_role(&database.url, "stranger");
    let found = findings(&url).await;
    assert!(the("replication", &found).mend.contains("stranger"));
    assert!(the("privileges", &found).says.contains("schema quire"));
    let client = database.connect().await;
    client
        .batch_execute("grant usage on schema quire to stranger")
        .await
        .expect("granted");
    assert!(
        the("privileges", &findings(&url).await)
            .says
            .contains("edit")
    );
    let all = "grant select, insert, update, delete on all tables in schema quire to stranger";
    client.batch_execute(all).await.expect("granted");
    client
        .batch_execute("alter role stranger replication")
        .await
        .expect("altered");
    let findings = findings(&url).await;
    assert!(errors(&findings).is_empty(), "{findings:#?}");
}

#[tokio::test]
async fn missing_edited_and_newer_migrations_are_told_apart() {
    let cluster = Cluster::shared(Version::usual());
    let empty = cluster.empty_database().await;
    assert!(
        the("migrations", &findings(&empty.url).await)
            .mend
            .contains("quire migrate")
    );
    let database = cluster.database().await;
    let client = database.connect().await;
    for (sql, says) in [
        (
            "insert into quire.migration (name, checksum) values ('9999_later', 'x')",
            "newer Quire",
        ),
        (
            "update quire.migration set checksum = 'other' where name = '0001_path'",
            "other statements",
        ),
        (
            "delete from quire.migration where name = '0001_path'",
            "has not run",
        ),
    ] {
        client.batch_execute(sql).await.expect("it is changed");
        let found = findings(&database.url).await;
        assert!(
            found
                .iter()
                .any(|f| f.check == "migrations" && f.says.contains(says)),
            "{found:#?}"
        );
    }
}

#[tokio::test]
async fn a_publication_that_lacks_something_is_found() {
    let database = Database::new().await;
    let client = database.connect().await;
    for (sql, says) in [
        (
            "alter publication quire_feed drop table quire.event",
            "lacks quire.event",
        ),
        ("alter publication quire_feed add table quire.event", ""),
        (
            "alter publication quire_feed set table quire.edit where (edit_id > 10), quire.event",
            "lacks quire.edit",
        ),
        (
            "alter publication quire_feed set table quire.edit, quire.event (event_id)",
            "lacks quire.event",
        ),
        (
            "alter publication quire_feed set table quire.edit, quire.event",
            "",
        ),
        (
            "alter publication quire_feed set (publish = 'update')",
            "does not publish inserts",
        ),
        ("drop publication quire_feed", "is missing"),
    ] {
        client.batch_execute(sql).await.expect("it is changed");
        let found = findings(&database.url).await;
        if says.is_empty() {
            assert!(errors(&found).is_empty(), "{found:#?}");
        } else {
            assert!(the("publication", &found).says.contains(says), "{found:#?}");
        }
    }
}

#[tokio::test]
async fn a_slot_that_nobody_reads_is_found() {
    let cluster = Cluster::start(Version::V18, &[("max_prepared_transactions", "2")]);
    let database = cluster.database().await;
    let client = database.connect().await;
    let make = "select pg_create_logical_replication_slot('forgotten', 'pgoutput')";
    client.batch_execute(make).await.expect("a slot is made");
    let write = "select pg_logical_emit_message(false, 'x', repeat('x', 1000000)) from generate_series(1, 3)";
    client.batch_execute(write).await.expect("the log grows");
    assert!(errors(&findings(&database.url).await).is_empty());
    let limits = Limits {
        idle_slot_bytes: 2_000_000,
        ..Limits::default()
    };
    let found = examine(&database.url, &limits)
        .await
        .expect("the doctor gets through");
    let finding = the("idle_slot", &found);
    assert!(
        finding
            .mend
            .contains("pg_drop_replication_slot('forgotten')"),
        "{finding:?}"
    );
}

#[tokio::test]
async fn an_open_transaction_is_found_and_its_end_named() {
    let cluster = Cluster::start(Version::V15, &[("max_prepared_transactions", "2")]);
    let database = cluster.database().await;
    let (open, prepared) = (database.connect().await, database.connect().await);
    open.batch_execute("begin; select pg_current_xact_id()")
        .await
        .expect("it is open");
    let prepare = "begin; select pg_current_xact_id(); prepare transaction 'half'";
    prepared
        .batch_execute(prepare)
        .await
        .expect("it is prepared");
    let limits = Limits {
        transaction_s: 0.0,
        ..Limits::default()
    };
    let found = examine(&database.url, &limits)
        .await
        .expect("the doctor gets through");
    let mends: Vec<&str> = found
        .iter()
        .filter(|f| f.check == "open_transaction")
        .map(|f| f.mend.as_str())
        .collect();
    assert!(
        mends
            .iter()
            .any(|mend| mend.contains("pg_terminate_backend(")),
        "{mends:?}"
    );
    assert!(
        mends
            .iter()
            .any(|mend| mend.contains("rollback prepared 'half'")),
        "{mends:?}"
    );
}

#[tokio::test]
async fn a_missing_synchronous_standby_is_found_and_does_not_stop_the_start() {
    let cluster = Cluster::start(Version::V18, &[]);
    let database = cluster.database().await;
    cluster
        .execute("alter system set synchronous_standby_names = 'elsewhere'")
        .await;
    cluster.execute("select pg_reload_conf()").await;
    // The reload reaches a new connection's process before its first statement or after it.
    loop {
        let found = findings(&database.url).await;
        if let Some(finding) = found.iter().find(|f| f.check == "synchronous_standbys") {
            assert!(finding.says.contains("every commit hangs"), "{finding:?}");
            break;
        }
        crate::kit::pause().await;
    }
    check_safe(&database.pool())
        .await
        .expect("a server may wait for it");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_a_finding_with_its_mend() {
    let cluster = Cluster::shared(Version::usual());
    for (url, mend) in [
        (
            "postgres://quire@127.0.0.1:1/quire".to_owned(),
            "Start Postgres there",
        ),
        (cluster.url("nowhere"), "create database \"nowhere\""),
        (
            as_role(&cluster.url("postgres"), "nobody_here"),
            "Create the role",
        ),
    ] {
        let found = findings(&url).await;
        let finding = the("connection", &found);
        assert!(finding.mend.contains(mend), "{finding:?}");
        assert_eq!(found.len(), 1);
    }
}

/// PgBouncer in front of `cluster`; killed when dropped.
struct Pooler {
    process: Child,
    url: String,
}

impl Pooler {
    fn start(cluster: &Cluster, database: &Database, extra: &str) -> Self {
        let folder = cluster
            .postgres()
            .socket()
            .parent()
            .expect("it has one")
            .join("pooler");
        std::fs::create_dir(&folder).expect("a folder");
        let user = User::ordinary().expect("a user");
        user.give(&folder).expect("it is given");
        let name = database.url.rsplit('/').next().expect("it has a name");
        let config = format!(
            "[databases]\n{name} = host={socket} port=5432 user=quire\n\
             [pgbouncer]\nlisten_addr =\nunix_socket_dir = {folder}\nlisten_port = 6432\n\
             auth_type = any\npool_mode = transaction\n{extra}\n",
            socket = cluster.postgres().socket().display(),
            folder = folder.display(),
        );
        std::fs::write(folder.join("config"), config).expect("it is written");
        let program = Path::new("/usr/sbin/pgbouncer");
        let mut command = Command::new(program);
        command
            .arg(folder.join("config"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut process = user
            .runs(&mut command)
            .spawn()
            .expect("pgbouncer is installed: `make tools`");
        let socket = folder.join(".s.PGSQL.6432");
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            let ended = process.try_wait().expect("it is our process");
            assert!(ended.is_none(), "pgbouncer ended: {ended:?}");
            std::thread::sleep(crate::kit::PAUSE);
        }
        let host = folder.display().to_string().replace('/', "%2F");
        Self {
            process,
            url: format!("postgres://quire@{host}:6432/{name}"),
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_pooler_in_between_is_found() {
    // One refuses what Quire says at the start of a connection; the other swallows it.
    for extra in ["", "ignore_startup_parameters = options"] {
        let cluster = Cluster::start(Version::V15, &[]);
        let database = cluster.database().await;
        let pooler = Pooler::start(&cluster, &database, extra);
        let found = findings(&pooler.url).await;
        assert!(
            the("pooler", &found).mend.contains("Postgres itself"),
            "{extra}: {found:#?}"
        );
    }
}

#[tokio::test]
async fn a_move_that_was_left_in_the_middle_is_found_when_no_command_is_at_it() {
    let database = Database::new().await;
    let client = database.connect().await;
    let place = "insert into quire.placement (org_id, state, move_id, since)
                 select gen_random_uuid(), state, gen_random_uuid(), now() - age
                 from unnest(
                     array['moving', 'arriving', 'moving', 'here'],
                     array['3 hours', '50 hours', '5 minutes', '50 hours']::interval[]
                 ) as p (state, age)
                 returning org_id::text";
    let rows = client.query(place, &[]).await.expect("placed");
    let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let moves = async || -> Vec<String> {
        let found = findings(&database.url).await;
        let moves = found.into_iter().filter(|finding| finding.check == "move");
        moves
            .map(|finding| {
                assert!(finding.mend.contains("quire org undo"), "{finding:?}");
                finding.says
            })
            .collect()
    };
    let left = moves().await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0].contains(&ids[1]) && left[0].contains("2 days ago (arriving)"));
    assert!(left[1].contains(&ids[0]) && left[1].contains("3 hours ago (moving)"));
    // As the command does while it runs.
    let lock = "select pg_advisory_lock(hashtextextended($1, 14))";
    for id in &ids[..2] {
        client.query(lock, &[id]).await.expect("locked");
    }
    assert_eq!(moves().await, Vec::<String>::new());
}
