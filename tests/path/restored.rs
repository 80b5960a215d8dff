//! A dump in a cluster of its own: transactions count from the beginning again there.

use std::process::{Command, Stdio};

use super::type_text;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, shows};

/// The tools of this version, beside the server's binaries of Debian.
const TOOLS: &str = "/usr/lib/postgresql/15/bin";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_in_a_new_cluster_is_read_whole_and_written_on() {
    // Of its own: a writer of another test in the same cluster would keep the snapshot's numbers low.
    let before = Cluster::start(Version::V15, &[]);
    let old = World::on(before.database().await, 1).await;
    let admin = old.database.connect().await;
    // So that no transaction of the new cluster has a number as high as the snapshot's.
    admin
        .batch_execute("do $$ begin for i in 1..20000 loop perform pg_current_xact_id(); commit; end loop; end $$")
        .await
        .expect("numbers are used up");
    let writer = old.client(0, &old.office.owner, "writer").await;
    // Long enough to be folded when its document is closed.
    let text = "words ".repeat(4000);
    type_text(&writer, &text);
    writer.settled().await.expect("acknowledged");
    // What was shown has come out of the log: the server's copy has all that is to be folded.
    let reader = old.client(0, &old.office.owner, "reader").await;
    shows(&reader, &text).await;
    reader.close().await;
    writer.close().await;
    let World {
        database,
        office,
        pool: _,
        servers,
    } = old;
    for server in servers {
        server.stop().await;
    }
    let folds = "select count(*) from quire.snapshot";
    let folds: i64 = admin.query_one(folds, &[]).await.expect("counted").get(0);
    assert_eq!(folds, 1, "the document was folded");

    let cluster = Cluster::start(Version::V15, &[]);
    // The roles belong to the cluster, not to the dump: a migrated database beside it makes them.
    cluster.database().await;
    let copy = cluster.empty_database().await;
    dump(&database.url, &copy.url);
    let pool = quire::postgres::pool(&copy.url, 4).expect("a pool");
    let mut new = World {
        database: copy,
        pool,
        office,
        servers: Vec::new(),
    };
    new.add_server().await;
    let restored = new.database.connect().await;
    let is_lower =
        "select pg_current_xact_id() < (select min(pg_snapshot_xmin(seen)) from quire.snapshot)";
    let is_lower = restored.query_one(is_lower, &[]).await.expect("compared");
    assert!(is_lower.get::<_, bool>(0), "numbers begin again");
    let owner = &new.office.owner;
    let reader = new.client(0, owner, "reader").await;
    shows(&reader, &text).await;
    type_text(&reader, "and on");
    reader.settled().await.expect("acknowledged");
    reader.close().await;
    // Another server reads what has a lower number than the old snapshot, too.
    new.add_server().await;
    let late = new.client(1, &new.office.owner, "late").await;
    shows(&late, &format!("{text}and on")).await;
    new.stop().await;
}

fn dump(from: &str, to: &str) {
    let mut dump = Command::new(format!("{TOOLS}/pg_dump"))
        .args(["--no-owner", "--dbname", from])
        .stdout(Stdio::piped())
        .spawn()
        .expect("pg_dump of Debian's PostgreSQL 15");
    let dumped = dump.stdout.take().expect("its output");
    let restored = Command::new(format!("{TOOLS}/psql"))
        .args(["-qX", "-v", "ON_ERROR_STOP=1", "--dbname", to])
        .stdin(dumped)
        .stdout(Stdio::null())
        .status()
        .expect("psql runs");
    assert!(dump.wait().expect("it ends").success() && restored.success());
}
