//! The stream runs ahead of what a reader of the tables sees; the ring bridges exactly that.

use quire::feed::{Feed, Step};
use tokio_postgres::Client;
use uuid::Uuid;

use super::{edits, insert, settings, streaming, transaction, until, within};
use crate::kit::postgres::{Cluster, Database, Version};

/// A cluster whose commits are flushed and streamed, and stay invisible until `release`.
struct Held {
    cluster: Cluster,
    database: Database,
    client: Client,
}

impl Held {
    async fn new(version: Version) -> Self {
        let cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        let client = database.connect().await;
        Self {
            cluster,
            database,
            client,
        }
    }

    async fn hold(&self) {
        self.cluster
            .execute("alter system set synchronous_standby_names = 'missing'")
            .await;
        self.reload("missing").await;
        // Commits wait once the checkpointer has read it as well, which nothing tells but one that waits.
        for number in 0.. {
            let probe = self.database.connect().await;
            let pid: i32 = {
                let row = probe.query_one("select pg_backend_pid()", &[]).await;
                row.unwrap().get(0)
            };
            let writes = format!("create table probe_{number} ()");
            let committing = tokio::spawn(async move { probe.batch_execute(&writes).await });
            let is_waiting = "select exists (select from pg_stat_activity where pid = $1 and wait_event = 'SyncRep')";
            while !committing.is_finished() {
                let row = self.client.query_one(is_waiting, &[&pid]).await.unwrap();
                if row.get(0) {
                    // It is committed, and no longer waits.
                    let cancel = "select pg_cancel_backend($1)";
                    self.client.execute(cancel, &[&pid]).await.unwrap();
                    committing.await.unwrap().unwrap();
                    return;
                }
                crate::kit::pause().await;
            }
        }
    }

    async fn release(&self) {
        self.cluster
            .execute("alter system reset synchronous_standby_names")
            .await;
        self.reload("").await;
    }

    async fn reload(&self, expected: &str) {
        self.client
            .execute("select pg_reload_conf()", &[])
            .await
            .unwrap();
        until("the setting", async || {
            // A new process reads the file itself; waiting ones are woken by the checkpointer.
            let row = self
                .client
                .query_one("show synchronous_standby_names", &[])
                .await;
            row.unwrap().get::<_, &str>(0) == expected
        })
        .await;
    }

    /// An edit whose author does not get an answer until `release`.
    async fn insert(&self, document_id: Uuid, counter: i32) -> tokio::task::JoinHandle<()> {
        let client = self.database.connect().await;
        tokio::spawn(async move { insert(&client, document_id, 1, counter, b"u").await })
    }

    /// Waits until one process of the cluster is as `condition` says.
    async fn waits(&self, condition: &str) {
        let sql = format!("select count(*) from pg_stat_activity where {condition}");
        until(condition, async || {
            self.client
                .query_one(&sql, &[])
                .await
                .unwrap()
                .get::<_, i64>(0)
                == 1
        })
        .await;
    }

    /// A transaction that has a number, and the number. Its commit waits for nobody.
    async fn open(&self) -> (Client, String) {
        let client = self.database.connect().await;
        client
            .batch_execute("set synchronous_commit = local; begin")
            .await
            .unwrap();
        let sql = "select pg_current_xact_id()::xid::text";
        let row = client.query_one(sql, &[]).await.unwrap();
        (client, row.get(0))
    }

    async fn slot_waits_for(&self, xid: &str) {
        let locks =
            format!("select pid from pg_locks where not granted and transactionid = '{xid}'");
        self.waits(&format!("backend_type = 'walsender' and pid in ({locks})"))
            .await;
    }

    async fn visible(&self) -> i64 {
        let sql = "select count(*) from quire.edit";
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ring_keeps_what_is_streamed_and_invisible_and_nothing_else() {
    for version in Version::ALL {
        let held = Held::new(version).await;
        let (mut feed, handle) = streaming(settings(&held.database)).await;
        held.hold().await;
        let document_id = Uuid::new_v4();
        let writing = held.insert(document_id, 0).await;
        let got = transaction(&mut feed).await;
        assert_eq!(held.visible().await, 0, "streamed, and not visible");
        // Many rounds of the eviction, with later transactions that are visible at once.
        for round in 0..10 {
            held.client
                .batch_execute(
                    "set synchronous_commit = local; insert into quire.event (kind) values ('x')",
                )
                .await
                .unwrap();
            insert(&held.client, Uuid::new_v4(), 2, round, b"u").await;
            transaction(&mut feed).await;
            transaction(&mut feed).await;
            until("the visible one has left", async || {
                handle.ring_bytes() == edits(&got).map(|_| got.changes[0].bytes()).sum::<usize>()
            })
            .await;
            let kept = handle.recent(Uuid::nil(), document_id);
            assert_eq!(kept, std::slice::from_ref(&got));
            assert!(handle.recent(Uuid::nil(), Uuid::new_v4()).is_empty());
        }
        assert!(
            !writing.is_finished(),
            "the author is still without an answer"
        );
        held.release().await;
        writing.await.unwrap();
        until("the ring is empty", async || handle.ring_bytes() == 0).await;
        assert_eq!(held.visible().await, 11);
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_committed_before_the_slot_is_visible_once_it_has_settled() {
    for version in Version::ALL {
        let held = Held::new(version).await;
        held.hold().await;
        // Committed before the slot, so never streamed; and not visible to a first read.
        let writing = held.insert(Uuid::new_v4(), 0).await;
        held.waits("backend_type = 'client backend' and wait_event = 'SyncRep'")
            .await;
        let (mut feed, handle) = Feed::start(settings(&held.database));
        // Postgres takes what is invisible for running, so the slot waits for it.
        held.waits("backend_type = 'walsender' and wait_event = 'transactionid'")
            .await;
        assert!(!handle.status().borrow().settled);
        assert_eq!(held.visible().await, 0);
        held.release().await;
        writing.await.unwrap();
        within("settled", async {
            while !matches!(feed.next().await, Step::Settled { epoch: 1 }) {}
        })
        .await;
        assert_eq!(held.visible().await, 1);
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_has_not_settled_while_the_newest_before_the_slot_is_hidden() {
    for version in Version::ALL {
        let held = Held::new(version).await;
        held.hold().await;
        // The slot waits for `first`, then for `second`, and no longer for who began after that.
        let first = held.open().await;
        let mut settings = settings(&held.database);
        // It does not begin anew while the test is at it.
        settings.slot_wait = super::PATIENCE;
        let (mut feed, handle) = Feed::start(settings);
        held.slot_waits_for(&first.1).await;
        let second = held.open().await;
        first.0.batch_execute("commit").await.unwrap();
        held.slot_waits_for(&second.1).await;
        // No snapshot tells of it: it has the highest number of all.
        let writing = held.insert(Uuid::new_v4(), 0).await;
        held.waits("backend_type = 'client backend' and wait_event = 'SyncRep'")
            .await;
        second.0.batch_execute("commit").await.unwrap();
        super::connected(&mut feed).await;
        // Two looks at what is visible, so that one is over that could have settled it.
        held.client
            .batch_execute("set synchronous_commit = local")
            .await
            .unwrap();
        for counter in 0..2 {
            insert(&held.client, Uuid::new_v4(), 2, counter, b"u").await;
            transaction(&mut feed).await;
            until("it is looked at", async || handle.ring_bytes() == 0).await;
        }
        assert_eq!(held.visible().await, 2, "the one before the slot is hidden");
        assert!(!handle.status().borrow().settled);
        held.release().await;
        writing.await.unwrap();
        within("settled", async {
            while !matches!(feed.next().await, Step::Settled { epoch: 1 }) {}
        })
        .await;
        assert_eq!(held.visible().await, 3);
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_ring_stops_the_reading_until_it_empties() {
    let held = Held::new(Version::usual()).await;
    let mut settings = settings(&held.database);
    settings.ring_bytes = 1_000;
    let (mut feed, handle) = streaming(settings).await;
    held.hold().await;
    let document_id = Uuid::new_v4();
    let mut writing = Vec::new();
    for counter in 0..50 {
        writing.push(held.insert(document_id, counter).await);
    }
    until("the ring is full", async || handle.ring_bytes() >= 1_000).await;
    assert!(handle.ring_bytes() < 2_000, "{}", handle.ring_bytes());
    held.release().await;
    for _ in 0..50 {
        transaction(&mut feed).await;
    }
    for task in writing {
        task.await.unwrap();
    }
    feed.stop().await;
}
