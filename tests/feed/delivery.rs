//! What commits is delivered: all of it, in the order of the commits, and nothing else.

use std::collections::HashMap;

use quire::change::{Change, EventKind};
use quire::feed::Step;
use uuid::Uuid;

use super::{edits, insert, settings, streaming, transaction, within};
use crate::kit::postgres::{Database, Version};
use crate::kit::random::{Random, seed};

#[tokio::test(flavor = "multi_thread")]
async fn edits_events_and_messages_arrive_as_they_were_written() {
    for version in Version::ALL {
        let database = Database::of(version).await;
        let (mut feed, _) = streaming(settings(&database)).await;
        let mut client = database.connect().await;
        let (document_id, session_id) = (Uuid::new_v4(), Uuid::new_v4());
        let open = client.transaction().await.unwrap();
        insert(&open, document_id, -1, 7, b"update").await;
        open.execute(
            "insert into quire.event (kind, session_id, detail) values \
             ('document_renamed', $1, '{\"title\": \"Häuser\", \"more\": [1]}'), ('unheard_of', null, '7')",
            &[&session_id],
        )
        .await
        .unwrap();
        open.execute(
            "select pg_logical_emit_message(true, 'quire', 'here'::bytea)",
            &[],
        )
        .await
        .unwrap();
        open.execute(
            "select pg_logical_emit_message(true, 'other', 'not ours')",
            &[],
        )
        .await
        .unwrap();
        open.commit().await.unwrap();

        let got = transaction(&mut feed).await;
        let [
            Change::Edit(edit),
            Change::Event(renamed),
            Change::Event(other),
            Change::Message(message),
        ] = &got.changes[..]
        else {
            panic!("{got:?}");
        };
        assert_eq!(
            (edit.peer, edit.counter_start, edit.counter_end),
            (u64::MAX, 7, 8)
        );
        assert_eq!((edit.document_id, edit.session_id), (document_id, None));
        assert_eq!(&edit.update[..], b"update");
        assert_eq!(renamed.kind, EventKind::DocumentRenamed);
        assert_eq!(renamed.session_id, Some(session_id));
        assert_eq!(renamed.title.as_deref(), Some("Häuser"));
        assert_eq!((other.kind, &other.title), (EventKind::Other, &None));
        assert_eq!(&message[..], b"here");
        let xid = client
            .query_one(
                "select (xid::text::bigint & 4294967295)::bigint from quire.edit",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(i64::from(got.xid), xid.get::<_, i64>(0));
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_outside_of_a_transaction_comes_by_itself() {
    for version in Version::ALL {
        let database = Database::of(version).await;
        let (mut feed, _) = streaming(settings(&database)).await;
        let client = database.connect().await;
        client
            .execute(
                "select pg_logical_emit_message(false, 'quire', 'ping'::bytea)",
                &[],
            )
            .await
            .unwrap();
        let got = transaction(&mut feed).await;
        assert_eq!(got.xid, 0);
        assert_eq!(got.changes, [Change::Message("ping".into())]);
        feed.stop().await;
    }
}

/// Eight writers at once: single rows, batches, large rows, rollbacks, subtransactions, and tables
/// that are not Quire's. Each writer's edits carry its own counter, so order and gaps show.
#[tokio::test(flavor = "multi_thread")]
async fn eight_writers_are_delivered_whole_and_in_order() {
    let seed = seed();
    for version in Version::ALL {
        let database = Database::of(version).await;
        let client = database.connect().await;
        client
            .batch_execute(
                "create table other (n int); alter publication quire_feed add table other",
            )
            .await
            .unwrap();
        let (mut feed, _) = streaming(settings(&database)).await;
        let document_id = Uuid::new_v4();
        let mut writers = Vec::new();
        for writer in 0..8 {
            let mut client = database.connect().await;
            let mut random = Random::new(seed ^ writer);
            writers.push(tokio::spawn(async move {
                let mut counter = 0;
                for _ in 0..60 {
                    let open = client.transaction().await.unwrap();
                    let rows = 1 + random.below(20) as i32;
                    let size = if random.below(30) == 0 { 300_000 } else { random.below(200) };
                    let update = vec![b'x'; size];
                    for row in 0..rows {
                        insert(&open, document_id, writer as i64, counter + row, &update).await;
                    }
                    match random.below(6) {
                        0 => {
                            open.rollback().await.unwrap();
                            continue;
                        }
                        1 => open
                            .batch_execute("savepoint s; insert into quire.event (kind) values ('gone'); rollback to s")
                            .await
                            .unwrap(),
                        2 => open
                            .batch_execute("truncate other; insert into other values (1); savepoint s")
                            .await
                            .unwrap(),
                        _ => {}
                    }
                    open.commit().await.unwrap();
                    counter += rows;
                }
                counter
            }));
        }
        let mut expected = HashMap::new();
        for (writer, task) in writers.into_iter().enumerate() {
            expected.insert(writer as u64, task.await.unwrap());
        }
        let in_commit_order = client
            .query(
                "select peer_id, counter_start, octet_length(update) from quire.edit",
                &[],
            )
            .await
            .unwrap()
            .len();

        let mut next: HashMap<u64, i32> = HashMap::new();
        let mut delivered = 0;
        let mut end = quire::change::Lsn::default();
        while delivered < in_commit_order {
            let got = transaction(&mut feed).await;
            assert!(got.end_lsn >= end, "positions only grow");
            end = got.end_lsn;
            for edit in edits(&got) {
                let next = next.entry(edit.peer).or_default();
                assert_eq!(edit.counter_start, *next, "writer {}", edit.peer);
                *next += 1;
                delivered += 1;
            }
            assert!(
                edits(&got).count() == got.changes.len(),
                "no rolled back event"
            );
            feed.applied(got.end_lsn);
        }
        assert_eq!(next, expected);
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_in_pieces() {
    for version in Version::ALL {
        let database = Database::of(version).await;
        let mut settings = settings(&database);
        settings.ring_bytes = 8 << 20;
        settings.ahead_bytes = 1 << 20;
        let (mut feed, handle) = streaming(settings).await;
        let client = database.connect().await;
        client
            .batch_execute(
                "insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start, counter_end, inserted, deleted, update) \
                 select o, o, o, 1, n, n + 1, 1, 0, convert_to(repeat('x', 1000), 'UTF8') \
                 from generate_series(0, 29999) n, (select '00000000-0000-0000-0000-000000000000'::uuid o) o",
            )
            .await
            .unwrap();
        let mut pieces = Vec::new();
        let mut next = 0;
        while next < 30_000 {
            let piece = transaction(&mut feed).await;
            assert!(piece.changes.len() <= 1_000);
            for edit in edits(&piece) {
                assert_eq!(edit.counter_start, next);
                next += 1;
            }
            assert!(handle.ring_bytes() <= 10 << 20, "{}", handle.ring_bytes());
            feed.applied(piece.end_lsn);
            pieces.push(piece);
        }
        let last = transaction(&mut feed).await;
        assert!(last.changes.is_empty(), "30 full pieces, then the end");
        assert!(pieces.iter().all(|piece| piece.xid == last.xid));
        assert!(pieces.iter().all(|piece| piece.end_lsn < last.end_lsn));
        feed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_not_lost_when_waiting_for_it_is_given_up() {
    let database = Database::new().await;
    let (mut feed, _) = streaming(settings(&database)).await;
    let client = database.connect().await;
    let document_id = Uuid::new_v4();
    for counter in 0..100 {
        insert(&client, document_id, 1, counter, b"u").await;
    }
    let mut next = 0;
    let reading = async {
        while next < 100 {
            tokio::select! {
                biased;
                () = std::future::ready(()), if next % 2 == 1 => {}
                step = feed.next() => {
                    let Step::Transaction(got) = step else { continue };
                    assert_eq!(edits(&got).next().unwrap().counter_start, next);
                    next += 1;
                    continue;
                }
            }
            // Polled once and dropped.
            let mut once = std::pin::pin!(feed.next());
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(once.as_mut().poll(context)));
            if let std::task::Poll::Ready(Step::Transaction(got)) = polled.await {
                assert_eq!(edits(&got).next().unwrap().counter_start, next);
                next += 1;
            }
        }
    };
    within("all edits", reading).await;
    feed.stop().await;
}
