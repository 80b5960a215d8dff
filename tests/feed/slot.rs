//! Creating the slot: it waits for open transactions, says so, and leaves nothing behind.

use std::time::Duration;

use quire::feed::{Feed, State};
use uuid::Uuid;

use super::{connected, insert, is_waiting_for_slot, settings, slots, status, transaction, until};
use crate::kit::postgres::{Cluster, Version};

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_holds_the_slot_up_visibly_and_not_for_ever() {
    for version in Version::ALL {
        let cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        let mut client = database.connect().await;
        let open = client.transaction().await.unwrap();
        insert(&open, Uuid::new_v4(), 1, 0, b"before").await;

        let mut settings = settings(&database);
        settings.slot_wait = Duration::from_millis(100);
        let (mut feed, handle) = Feed::start(settings);
        is_waiting_for_slot(&handle).await;
        // Longer than one attempt: the wait is taken up again, and the state stays.
        let waited = async || {
            let State::WaitingForSlot { since } = handle.status().borrow().state else {
                panic!("{:?}", handle.status().borrow().state);
            };
            since.elapsed() > Duration::from_millis(350)
        };
        until("several attempts", waited).await;

        open.commit().await.unwrap();
        assert_eq!(connected(&mut feed).await, (1, false));
        insert(&client, Uuid::new_v4(), 1, 1, b"after").await;
        let got = transaction(&mut feed).await;
        let edit = super::edits(&got).next().unwrap();
        assert_eq!(
            &edit.update[..],
            b"after",
            "what committed before is in the tables"
        );
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_feed_leaves_no_slot() {
    for version in Version::ALL {
        let cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        let client = database.connect().await;
        let (mut feed, _) = Feed::start(settings(&database));
        connected(&mut feed).await;
        assert_eq!(slots(&client).await, 1);
        feed.stop().await;
        assert_eq!(
            slots(&client).await,
            0,
            "stop returns when the slot is gone"
        );

        let (mut feed, _) = Feed::start(settings(&database));
        connected(&mut feed).await;
        drop(feed);
        until("no slot", async || slots(&client).await == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_the_database_is_said_with_its_mend_and_mended_without_a_restart() {
    let mut cluster = Cluster::start(Version::V15, &[("wal_level", "replica")]);
    let database = cluster.database().await;
    let (mut feed, handle) = Feed::start(settings(&database));
    let reason = |status: &quire::feed::Status| match &status.state {
        State::Lost { reason, .. } => reason.clone(),
        _ => String::new(),
    };
    status(&handle, "the missing wal_level", |status| {
        reason(status).contains("wal_level = logical")
    })
    .await;
    cluster.set("wal_level", "logical");
    cluster.restart();
    connected(&mut feed).await;
    feed.stop().await;

    let client = database.connect().await;
    client
        .batch_execute("alter publication quire_feed drop table quire.event")
        .await
        .unwrap();
    let (mut feed, handle) = Feed::start(settings(&database));
    status(&handle, "the changed publication", |status| {
        reason(status).contains("quire doctor")
    })
    .await;
    client
        .batch_execute("alter publication quire_feed add table quire.event")
        .await
        .unwrap();
    connected(&mut feed).await;
    feed.stop().await;
}
