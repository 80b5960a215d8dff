//! A commit that is under way when a right is taken away: it comes before the revocation in the log,
//! because the revocation takes the lease from the row that the commit holds. Without that it comes
//! after; so the race can fail.

use quire::protocol::AckStatus;
use tokio_postgres::Client;

use super::log::{Reading, xid};
use super::revocation::{Revocation, Right};
use super::typist::Page;
use crate::kit::members::{member, organisation};
use crate::kit::server::World;
use crate::kit::socket::Socket;

/// Edits wait, after the statement has read who may do what, for as long as somebody holds this.
const HELD: &str = "
    create function hold_edits() returns trigger language plpgsql as $$
    begin
        if new.session_id is not null then
            perform set_config('lock_timeout', '0', true);
            perform pg_advisory_xact_lock_shared(4711);
        end if;
        return new;
    end
    $$;
    create trigger hold_edits before insert on quire.edit for each row execute function hold_edits();";

/// An edit of this database waits.
const EDIT_WAITS: &str = "exists (
    select from pg_locks l join pg_database d on d.oid = l.database
    where d.datname = current_database() and l.locktype = 'advisory' and l.objid = 4711 and not l.granted)";

async fn until(client: &Client, condition: &str) {
    let sql = format!("select {condition}");
    while !client
        .query_one(&sql, &[])
        .await
        .expect("it can be asked")
        .get::<_, bool>(0)
    {
        crate::kit::pause().await;
    }
}

/// Takes the taking away of leases out of every trigger.
async fn take_the_fence_down(client: &Client) {
    let sql = "select pg_get_functiondef(oid) from pg_proc
               where pronamespace = 'quire'::regnamespace and prosrc like '%set lease_id = null%'";
    let functions = client.query(sql, &[]).await.expect("functions");
    assert!(functions.len() >= 4, "sessions, members, grants, documents");
    for function in functions {
        let source: String = function.get(0);
        let without = source
            .replace("p.lease_id is not null", "false")
            .replace("lease_id is not null", "false");
        assert_ne!(source, without);
        client.batch_execute(&without).await.expect("replaced");
    }
}

/// How many rows each revocation found before and after it, of one that was being committed.
async fn rows_of_a_commit_under_way(has_fence: bool) -> Vec<(Revocation, (usize, usize))> {
    let world = World::with_servers(1).await;
    let reading = Reading::start(&world.database.url).await;
    let client = world.pool.get().await.expect("a connection");
    let org_id = organisation(&client, "Fence").await;
    let nothing = "update quire.organisation set default_role = 'none'";
    client
        .batch_execute(&format!("{nothing};{HELD}"))
        .await
        .expect("edits can be held");
    let keeper = member(&client, org_id, "Keeper", "owner").await.0;
    let holder = world.database.connect().await;
    let mut revoker = world.pool.get().await.expect("a connection");
    if !has_fence {
        take_the_fence_down(&holder).await;
    }
    let pid = revoker.query_one("select pg_backend_pid()", &[]).await;
    let pid: i32 = pid.expect("its process").get(0);
    let revoker_waits = format!("cardinality(pg_blocking_pids({pid})) > 0");
    let mut rights = Vec::new();
    for revocation in Revocation::ALL {
        let right = Right::give(&client, revocation, org_id, keeper.account_id).await;
        let mut socket = Socket::join(&world.address(0), &right.token, &right.room()).await;
        // Of its own peer, which it holds from here on.
        let mut page = Page::new(1);
        assert_eq!(socket.write(&page.next()).await, AckStatus::Ok);
        let hold = holder.batch_execute("select pg_advisory_lock(4711)");
        hold.await.expect("held");
        socket.send_update(&page.next()).await;
        until(&holder, EDIT_WAITS).await;
        let revoke = async {
            let transaction = revoker.transaction().await.expect("a transaction");
            let sql = "select pg_current_xact_id()::text";
            let row = transaction.query_one(sql, &[]).await.expect("its number");
            right.take(&transaction).await;
            transaction.commit().await.expect("it commits");
            xid(row.get(0))
        };
        let release = async {
            holder
                .batch_execute("select pg_advisory_unlock(4711)")
                .await
                .expect("released");
        };
        let xid = match has_fence {
            // It waits for the commit.
            true => {
                let release = async {
                    until(&holder, &revoker_waits).await;
                    release.await;
                };
                tokio::join!(revoke, release).0
            }
            false => {
                let xid = revoke.await;
                release.await;
                xid
            }
        };
        rights.push((right, xid));
    }
    drop((client, revoker));
    world.stop().await;
    let log = reading.end(&holder).await;
    rights
        .iter()
        .map(|(right, xid)| {
            let (before, after) = log.rows(right.document_id, right.account_id, *xid);
            (right.revocation, (before, after))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_under_way_comes_before_the_revocation() {
    for (revocation, rows) in rows_of_a_commit_under_way(true).await {
        assert_eq!(rows, (2, 0), "{revocation:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_fence_it_comes_after_and_is_noticed() {
    for (revocation, rows) in rows_of_a_commit_under_way(false).await {
        assert_eq!(rows, (1, 1), "{revocation:?}");
    }
}
