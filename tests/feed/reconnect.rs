//! A lost stream: it comes back by itself, says so, and confirms only what was applied.

use std::time::{Duration, Instant};

use quire::change::Lsn;
use quire::feed::{Feed, Settings, Step};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    connected, edits, insert, is_waiting_for_slot, settings, slots, status, streaming, transaction,
    until, within,
};
use crate::kit::postgres::{Cluster, Version};

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_stream_comes_back_with_a_new_slot() {
    for version in Version::ALL {
        let cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        let client = database.connect().await;
        let (mut feed, handle) = Feed::start(settings(&database));
        assert_eq!(connected(&mut feed).await, (1, false));
        settled(&mut feed, 1).await;
        assert!(handle.status().borrow().settled);
        let server = handle.status().borrow().server;

        let terminate = "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots";
        client.execute(terminate, &[]).await.unwrap();
        let lost = within("its loss", async {
            loop {
                if let Step::Lost { reason } = feed.next().await {
                    return reason;
                }
            }
        });
        assert!(lost.await.contains("terminating connection"));
        // While nothing streams, a row is written: the tables have it, the new stream does not.
        insert(&client, Uuid::new_v4(), 1, 0, b"between").await;
        assert_eq!(connected(&mut feed).await, (2, false), "the same log");
        settled(&mut feed, 2).await;
        assert_eq!(handle.status().borrow().server, server);
        insert(&client, Uuid::new_v4(), 1, 1, b"after").await;
        let got = transaction(&mut feed).await;
        assert!(edits(&got).all(|edit| !edit.update.is_empty()));
        assert_eq!(
            slots(&client).await,
            1,
            "the old slot went with its connection"
        );
        feed.stop().await;
        assert_eq!(slots(&client).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_postgres_is_found_again() {
    for version in Version::ALL {
        let mut cluster = Cluster::start(version, &[]);
        let database = cluster.database().await;
        let (mut feed, handle) = streaming(settings(&database)).await;
        cluster.kill9();
        let lost =
            |status: &quire::feed::Status| matches!(status.state, quire::feed::State::Lost { .. });
        status(&handle, "its loss", lost).await;
        cluster.start_again();
        let (epoch, log_changed) = connected(&mut feed).await;
        assert_eq!((epoch, log_changed), (2, false));
        let client = database.connect().await;
        insert(&client, Uuid::new_v4(), 1, 0, b"alive").await;
        transaction(&mut feed).await;
        feed.stop().await;
    }
}

/// Postgres waits in a fast stop until the feed has confirmed all of its log.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_feed_does_not_hold_up_a_stop_of_postgres() {
    let mut cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let (mut feed, _) = streaming(settings(&database)).await;
    let client = database.connect().await;
    client
        .batch_execute("create table unpublished as select 1")
        .await
        .unwrap();
    drop(client);
    let began = Instant::now();
    tokio::task::spawn_blocking(move || {
        cluster.stop();
    })
    .await
    .unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    within("its loss", async {
        while !matches!(feed.next().await, Step::Lost { .. }) {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_held_up_keeps_its_stream_and_confirms_nothing() {
    for version in Version::ALL {
        let timeout_ms = 1_500;
        let setting = timeout_ms.to_string();
        let cluster = Cluster::start(version, &[("wal_sender_timeout", &setting)]);
        let database = cluster.database().await;
        let mut settings = settings(&database);
        settings.ahead_bytes = 100_000;
        let (mut feed, handle) = streaming(settings).await;
        let client = database.connect().await;
        let document_id = Uuid::new_v4();
        insert(&client, document_id, 1, 0, b"first").await;
        let first = transaction(&mut feed).await;
        feed.applied(first.end_lsn);
        // Much more than may be read ahead and than fits into the socket's buffers.
        let update = vec![b'x'; 200_000];
        for counter in 1..100 {
            insert(&client, document_id, 1, counter, &update).await;
        }
        let began = Instant::now();
        let held_up = async || {
            assert!(handle.status().borrow().applied <= first.end_lsn);
            let confirmed = confirmed(&client).await;
            assert!(confirmed <= first.end_lsn, "{confirmed} was not applied");
            began.elapsed() > Duration::from_millis(3 * timeout_ms)
        };
        until("three time-outs", held_up).await;
        for counter in 1..100 {
            // No Connected in between: it is the same stream.
            let step = within("the rest", feed.next()).await;
            let got = match step {
                Step::Transaction(got) => got,
                Step::Settled { .. } => transaction(&mut feed).await,
                other => panic!("{other:?}"),
            };
            assert_eq!(edits(&got).next().unwrap().counter_start, counter);
            feed.applied(got.end_lsn);
        }
        assert_eq!(handle.status().borrow().epoch, 1);
        // Idle again: everything is confirmed, what others write too.
        client
            .batch_execute("create table unpublished as select 1")
            .await
            .unwrap();
        let end = flushed(&client).await;
        until("the end of the log is confirmed", async || {
            confirmed(&client).await >= end
        })
        .await;
        feed.stop().await;
    }
}

/// A claim counts only for what `next` returned; a transaction that waits behind it is not covered.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_beyond_what_was_returned_is_not_confirmed() {
    let cluster = Cluster::start(Version::usual(), &[("wal_sender_timeout", "400")]);
    let database = cluster.database().await;
    let (mut feed, handle) = streaming(settings(&database)).await;
    let client = database.connect().await;
    let document_id = Uuid::new_v4();
    for counter in 0..3 {
        insert(&client, document_id, 1, counter, b"u").await;
    }
    let first = transaction(&mut feed).await;
    feed.applied(Lsn(u64::MAX));
    until("the first is confirmed", async || {
        confirmed(&client).await >= first.end_lsn
    })
    .await;
    let mut watch = handle.status();
    let began = watch.borrow_and_update().last_heard;
    // Several more status updates.
    until("time has passed", async || {
        assert!(confirmed(&client).await <= first.end_lsn);
        assert!(handle.status().borrow().applied <= first.end_lsn);
        handle.status().borrow().last_heard > began + Duration::from_millis(400)
    })
    .await;
    feed.stop().await;
}

/// A slot waits for whoever writes, and documents are read from the tables meanwhile: from further on than
/// the log had come when the feed's connection was made.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_while_the_slot_is_waited_for_does_not_make_it_another_log() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let database = cluster.database().await;
    let settings = settings(&database);
    let lineage = settings.lineage.clone();
    let (mut feed, handle) = streaming(settings).await;
    let mut writer = database.connect().await;
    let open = writer.transaction().await.unwrap();
    insert(&open, Uuid::new_v4(), 1, 0, b"open").await;
    let client = database.connect().await;
    let terminate = "select pg_terminate_backend(active_pid, 10000) from pg_replication_slots";
    client.execute(terminate, &[]).await.unwrap();
    is_waiting_for_slot(&handle).await;

    insert(&client, Uuid::new_v4(), 2, 0, b"read from the tables").await;
    lineage.note_reached(lineage.era(), flushed(&client).await);
    open.commit().await.unwrap();
    assert_eq!(connected(&mut feed).await, (2, false));
    assert_eq!(lineage.era(), 0);
    feed.stop().await;
}

/// Positions and transaction numbers of one cluster mean nothing in another; nor do they in an
/// earlier copy of the same one, as which tests' clusters of one version start.
#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_or_an_earlier_copy_at_the_same_address_is_another_log() {
    for after in Version::ALL {
        let mut old = Cluster::start_with_tcp(Version::V15, &[]);
        let port = old.port().to_string();
        let database = old.database().await;
        let name = database.url.rsplit('/').next().unwrap();
        let url = format!("postgres://quire@127.0.0.1:{port}/{name}");
        let (mut feed, handle) = Feed::start(Settings::new(&url).unwrap());
        assert_eq!(connected(&mut feed).await, (1, false));
        let client = database.connect().await;
        // Further on than the copy will be.
        insert(&client, Uuid::new_v4(), 1, 0, &[0; 8 << 20]).await;
        transaction(&mut feed).await;
        drop(client);
        old.kill9();

        let same_port = [("listen_addresses", "127.0.0.1"), ("port", port.as_str())];
        let new = Cluster::start(after, &same_port);
        let database = new.database().await;
        assert_eq!(database.url.rsplit('/').next().unwrap(), name);
        assert_eq!(connected(&mut feed).await, (2, true), "{after:?}");
        // A late claim about the old log says nothing about this one.
        feed.applied(Lsn(u64::MAX));
        let client = database.connect().await;
        insert(&client, Uuid::new_v4(), 1, 0, b"new").await;
        let got = transaction(&mut feed).await;
        assert_eq!(&edits(&got).next().unwrap().update[..], b"new");
        until("the ring is empty", async || handle.ring_bytes() == 0).await;
        feed.stop().await;
    }
}

/// A network that swallows everything ends no connection; only silence tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_asked_and_then_given_up() {
    let cluster = Cluster::start_with_tcp(Version::usual(), &[]);
    let database = cluster.database().await;
    let name = database.url.rsplit('/').next().unwrap();
    let proxy = Proxy::start(cluster.port()).await;
    let url = format!("postgres://quire@127.0.0.1:{}/{name}", proxy.port);
    let mut settings = Settings::new(&url).unwrap();
    settings.silence = Duration::from_millis(200);
    let (mut feed, handle) = Feed::start(settings);
    connected(&mut feed).await;
    let heard = handle.status().borrow().last_heard;
    // Postgres itself says nothing for half a minute; it is heard because it is asked.
    until("several answers", async || {
        handle.status().borrow().last_heard > heard + Duration::from_secs(1)
    })
    .await;
    assert_eq!(handle.status().borrow().epoch, 1);
    proxy.freeze.send_replace(true);
    let lost = within("its loss", async {
        loop {
            if let Step::Lost { reason } = feed.next().await {
                return reason;
            }
        }
    });
    assert!(lost.await.contains("heard"));
    proxy.freeze.send_replace(false);
    assert_eq!(connected(&mut feed).await, (2, false));
    feed.stop().await;
}

/// Passes bytes on to Postgres, until it is frozen: connections of that time stay dead.
struct Proxy {
    port: u16,
    freeze: watch::Sender<bool>,
}

impl Proxy {
    async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let freeze = watch::Sender::new(false);
        let frozen = freeze.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut frozen = frozen.subscribe();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                        _ = frozen.wait_for(|frozen| *frozen) => {}
                    }
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { port, freeze }
    }
}

async fn settled(feed: &mut Feed, epoch: u64) {
    let settling = async {
        loop {
            match feed.next().await {
                Step::Settled { epoch } => return epoch,
                Step::Transaction(_) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(within("settled", settling).await, epoch);
}

async fn confirmed(client: &tokio_postgres::Client) -> Lsn {
    lsn(
        client,
        "select confirmed_flush_lsn::text from pg_replication_slots",
    )
    .await
}

async fn flushed(client: &tokio_postgres::Client) -> Lsn {
    lsn(client, "select pg_current_wal_flush_lsn()::text").await
}

async fn lsn(client: &tokio_postgres::Client, sql: &str) -> Lsn {
    let row = client.query_one(sql, &[]).await.unwrap();
    row.get::<_, &str>(0).parse().unwrap()
}
