//! The stream runs ahead of the tables: a missing synchronous standby makes that last, so what a
//! joiner would miss without the ring is missed every time.

use std::time::Duration;

use bytes::Bytes;
use loro::{ExportMode, LoroDoc};
use quire::commit::lease::{self, Lease, Request, Wish};
use quire::commit::{Commit, Edit, Outcome};
use quire::document::live::update_meta;
use quire::document::model::body;
use quire::postgres::pool;

use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, shows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_misses_nothing_that_was_streamed_before_it_is_visible() {
    for version in Version::ALL {
        // Everybody commits without the standby, but for the writer below.
        let settings = [
            ("synchronous_standby_names", "missing"),
            ("synchronous_commit", "local"),
        ];
        let cluster = Cluster::start(version, &settings);
        let world = World::on(cluster.database().await, 1).await;
        let admin = world.pool.get().await.expect("a connection");
        let ada = &world.office.owner;
        let request = Request {
            org_id: world.office.org_id,
            document_id: world.office.document_id,
            session: &ada.session,
            device: "",
            wish: Wish::Any,
        };
        // A slot waits for every open transaction, so it must be there before the one that stays open.
        wait_for(
            &admin,
            "select count(*) = 1 from pg_stat_replication where state = 'streaming'",
        )
        .await;
        let lease = lease::take(&world.pool, &request).await.expect("a lease");
        let update = write(&world, lease.peer, "not visible yet").await;

        let url = &world.database.url;
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options=-c%20synchronous_commit%3Don");
        let (commit, _committers) = Commit::start(pool(&url, 2).expect("a pool"), 1);
        let waiting = commit
            .submit(edit(&world, &lease, &update))
            .await
            .expect("taken");
        wait_for(
            &admin,
            "select count(*) = 1 from pg_stat_activity where wait_event = 'SyncRep'",
        )
        .await;
        // The server's feed has it, and confirms that it was given to the rooms: none is open. Meanwhile
        // the log goes on, so the place is noted once.
        let place: String = admin
            .query_one("select pg_current_wal_flush_lsn()::text", &[])
            .await
            .expect("a place")
            .get(0);
        wait_for(
            &admin,
            &format!("select count(*) = 1 from pg_stat_replication where flush_lsn >= '{place}'"),
        )
        .await;
        let hidden = "select count(*) = 0 from quire.edit where peer_id = $1";
        let peer = lease.peer as i64;
        let is_hidden = admin.query_one(hidden, &[&peer]).await.expect("counted");
        assert!(
            is_hidden.get::<_, bool>(0),
            "on {version:?} the row must not be visible yet"
        );

        let joined = async {
            let bob = world.client(0, ada, "bob").await;
            shows(&bob, "not visible yet").await;
        };
        tokio::time::timeout(Duration::from_secs(30), joined)
            .await
            .expect("the ring has what the tables do not show");
        // The writer stops waiting for the standby; its row is committed all the same.
        cluster
            .execute(
                "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'",
            )
            .await;
        assert_eq!(waiting.await.expect("answered"), Outcome::Committed);
        drop(admin);
        world.stop().await;
    }
}

fn edit(world: &World, lease: &Lease, update: &Bytes) -> Edit {
    let meta = update_meta(update).expect("an update");
    Edit {
        org_id: world.office.org_id,
        document_id: world.office.document_id,
        peer: lease.peer,
        session_id: world.office.owner.session.session_id,
        lease_id: lease.lease_id,
        era: 0,
        counter_start: meta.counter_start,
        counter_end: meta.counter_end,
        inserted: 15,
        deleted: 0,
        update: update.clone(),
        way: None,
    }
}

/// The update that writes `text` into the empty paragraph of the office's document.
async fn write(world: &World, peer: u64, text: &str) -> Bytes {
    let client = world.pool.get().await.expect("a connection");
    let seed = client
        .query_one("select update from quire.edit", &[])
        .await
        .expect("the seed");
    let doc = LoroDoc::new();
    doc.import(seed.get(0)).expect("imported");
    doc.set_peer_id(peer).expect("a peer");
    let before = doc.oplog_vv();
    body(&doc).insert(0, text).expect("written");
    doc.commit();
    doc.export(ExportMode::updates(&before))
        .expect("exported")
        .into()
}

async fn wait_for(client: &deadpool_postgres::Client, question: &str) {
    let asked = async {
        while !client
            .query_one(question, &[])
            .await
            .expect("asked")
            .get::<_, bool>(0)
        {
            crate::kit::pause().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .unwrap_or_else(|_| panic!("still not: {question}"));
}
