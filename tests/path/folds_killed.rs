//! Whoever folds old edits is killed, its connection or its process, between any two of its steps.

use quire::dev::ServerProcess;
use quire::replay::check::rebuild;
use quire::retention::{Outcome, fold_document};
use tokio::time::Instant;
use tokio_postgres::Client as Database;

use super::retention::{PATIENCE, fold, keep, key, number, stands};
use super::type_text;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, program, shows};

/// Statements that delete what is folded, and wait for who holds a row.
const WAITS: &str = "from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock' and query like '%delete from quire.edit%'";

/// Holds one of the oldest rows.
const HOLD: &str = "select from quire.edit where edit_id =
    (select edit_id from quire.edit order by xid, edit_id offset $1 limit 1) for update";

/// A world without servers whose document has more edits than one step deletes; all of them are old. In a cluster of
/// its own: what is written while another test writes for long is not folded yet.
async fn old_world() -> (Cluster, World, String) {
    let cluster = Cluster::start(Version::usual(), &[("autovacuum", "off")]);
    let mut world = World::on(cluster.database().await, 1).await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    for number in 0..1_300 {
        type_text(&ada, &format!("{number} "));
        if ada.unacknowledged() > 100 {
            ada.settled().await.expect("acknowledged");
        }
    }
    ada.settled().await.expect("acknowledged");
    let text = ada.text();
    ada.close().await;
    // It would fold by itself.
    world.servers.remove(0).stop().await;
    keep(&world, "0").await;
    (cluster, world, text)
}

async fn is_waited_for(watcher: &Database, is_running: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while number(watcher, &format!("select count(*) {WAITS}")).await == 0 {
        assert!(is_running(), "it has ended");
        assert!(Instant::now() < until, "it waits");
        crate::kit::pause().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_that_is_killed_before_or_after_its_commit_loses_nothing() {
    let (_cluster, mut world, text) = old_world().await;
    let mut holder = world.database.connect().await;
    let watcher = world.database.connect().await;
    let rows = number(&watcher, "select count(*) from quire.edit").await;
    assert!(rows > 1_200, "{rows}");
    for (held, is_stored) in [(500_i64, false), (1_100, true)] {
        // Somebody holds one row, so that the deletion waits there; then the one who waits is killed.
        let hold = holder.transaction().await.expect("begun");
        hold.query(HOLD, &[&held]).await.expect("held");
        let pool = quire::postgres::pool(&world.database.url, 2).expect("a pool");
        let key = key(&world);
        let folding = tokio::spawn(async move {
            loop {
                // Until nothing else is open, and the one that was killed is gone.
                match fold_document(&pool, key).await {
                    Ok(Outcome::Nothing | Outcome::Taken) => crate::kit::pause().await,
                    other => return other,
                }
            }
        });
        is_waited_for(&watcher, || !folding.is_finished()).await;
        let kill = format!("select pg_terminate_backend(pid) {WAITS}");
        watcher.query(&kill, &[]).await.expect("killed");
        assert!(folding.await.expect("no panic").is_err(), "it was killed");
        hold.rollback().await.expect("let go");
        let folds = number(&watcher, "select count(*) from quire.fold").await;
        assert_eq!(folds, i64::from(is_stored));
        let left = number(&watcher, "select count(*) from quire.edit").await;
        assert_eq!(left, if is_stored { rows - 1_000 } else { rows });
        stands(&world, &text).await;
    }
    // What is left is folded the next time, and counted once.
    fold(&world).await;
    let left = number(&watcher, "select count(*) from quire.edit").await;
    assert!(left < 20, "{left}");
    assert_eq!(
        number(&watcher, "select edits from quire.fold").await,
        rows - left
    );
    stands(&world, &text).await;
    world.add_server().await;
    let joiner = world.client(0, &world.office.owner, "joiner").await;
    shows(&joiner, &text).await;
    joiner.close().await;
    world.servers.remove(0).stop().await;

    // What all these looks are worth: rows that went without their fold are missed.
    watcher
        .batch_execute(
            "update quire.fold set edits = 0, update = (select update from quire.edit limit 1)",
        )
        .await
        .expect("planted");
    let (org_id, document_id) = (
        key(&world).org_id.to_string(),
        key(&world).document_id.to_string(),
    );
    assert!(rebuild(&world.pool, &org_id, &document_id).await.is_err());
    watcher
        .batch_execute("delete from quire.fold")
        .await
        .expect("planted");
    assert!(rebuild(&world.pool, &org_id, &document_id).await.is_err());
    assert!(number(&watcher, "select count(*) from quire.integrity()").await > 0);
    world.stop().await;
}

/// Not its connection alone: the whole server, with kill -9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_it_folds_loses_nothing() {
    let (_cluster, mut world, text) = old_world().await;
    let holder = world.database.connect().await;
    let watcher = world.database.connect().await;
    let rows = number(&watcher, "select count(*) from quire.edit").await;
    // The first deletion, which is of the fold's own transaction, waits for whoever holds 1, later ones for 2.
    // A transaction that has written would hold up the slot of a server that starts.
    watcher
        .batch_execute(
            "create function waits() returns trigger language plpgsql as $$
             begin
                 perform pg_advisory_xact_lock_shared(case when old.edits = 0 then 1 else 2 end);
                 return null;
             end $$;
             create trigger waits after update on quire.fold for each row execute function waits()",
        )
        .await
        .expect("planted");
    for (held, is_stored) in [(1_i64, false), (2, true)] {
        let hold = "select pg_advisory_lock($1)";
        holder.query(hold, &[&held]).await.expect("held");
        let drain = ["--drain".to_owned(), "1".to_owned()];
        let server = ServerProcess::spawn(&program(), &world.database.url, &drain).await;
        let mut server = server.expect("it starts");
        is_waited_for(&watcher, || server.pid().is_some()).await;
        server.kill9().await;
        // What Postgres was doing for it ends when it can, with the connection.
        let let_go = "select pg_advisory_unlock($1)";
        holder.query(let_go, &[&held]).await.expect("let go");
        let left = "select count(*) from pg_stat_activity
                    where datname = current_database() and application_name = 'quire'
                    and query like '%delete from quire.edit%'";
        let until = Instant::now() + PATIENCE;
        while number(&watcher, left).await > 0 {
            assert!(Instant::now() < until, "it ends");
            crate::kit::pause().await;
        }
        let folds = number(&watcher, "select count(*) from quire.fold").await;
        assert_eq!(folds, i64::from(is_stored));
        let left = number(&watcher, "select count(*) from quire.edit").await;
        assert!(if is_stored {
            left <= rows - 1_000
        } else {
            left == rows
        });
        stands(&world, &text).await;
    }
    fold(&world).await;
    stands(&world, &text).await;
    world.add_server().await;
    let joiner = world.client(0, &world.office.owner, "joiner").await;
    shows(&joiner, &text).await;
    joiner.close().await;
    world.stop().await;
}
