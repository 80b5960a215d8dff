//! The decoder on bytes that PostgreSQL 15 and 18 sent (`recorded/`, one message a line, in hex).
//!
//! `QUIRE_RECORD=1 cargo test a_recording_decodes` records them anew.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use quire::change::{Change, Edit, Event, EventKind, Lsn, Transaction};
use quire::feed::{Assembly, Output};
use uuid::Uuid;

use crate::kit::postgres::{Cluster, Version};
use crate::kit::random::{self, Random};

/// What was done while it was recorded: each line a transaction of its own.
const STATEMENTS: &[&str] = &[
    "insert into quire.edit (org_id, document_id, account_id, session_id, peer_id, counter_start, counter_end, inserted, deleted, update) \
     values ('00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000c', \
     '00000000-0000-0000-0000-00000000000d', -2, 3, 5, 2, 0, '\\x00ff10'), \
     ('00000000-0000-0000-0000-0000000000aa', '00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-00000000000c', \
     null, 9223372036854775807, 0, 2147483647, 0, 0, '')",
    "insert into quire.event (kind, org_id, document_id, detail) values ('document_renamed', \
     '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b', '{\"title\": \"Ünïcode 🎈\"}')",
    // Nothing of this reaches anybody.
    "begin; insert into quire.event (kind) values ('gone'); rollback",
    // A part of this is undone.
    "begin; insert into quire.event (kind) values ('session_ended'); savepoint s; \
     insert into quire.event (kind) values ('gone'); rollback to s; \
     select pg_logical_emit_message(true, 'quire', '\\x0102'::bytea), pg_logical_emit_message(true, 'other', 'x'); commit",
    "select pg_logical_emit_message(false, 'quire', 'ping'::bytea)",
    // Tables of others, with types of their own, and what is not an insert.
    "create type mood as enum ('fine'); create table other (n int primary key, m mood); alter table other replica identity full; \
     alter publication quire_feed set (publish = 'insert, update, delete, truncate'); alter publication quire_feed add table other",
    "begin; insert into other values (1, 'fine'); update other set m = null; delete from other; truncate other; commit",
    // A later migration adds a column.
    "alter table quire.event add column later text default 'x'",
    "insert into quire.event (kind, account_id) values ('of a later time', '00000000-0000-0000-0000-00000000000c')",
];

fn path(version: Version) -> PathBuf {
    let name = match version {
        Version::V15 => "postgres-15.hex",
        Version::V18 => "postgres-18.hex",
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/feed/recorded")
        .join(name)
}

/// The messages of a recording, in order.
pub fn messages(version: Version) -> Vec<Bytes> {
    let text = fs::read_to_string(path(version)).expect("the recording is there");
    let decode = |line: &str| -> Bytes {
        let digits = line.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.map(byte).collect()
    };
    text.lines().map(decode).collect()
}

async fn record(version: Version) {
    let cluster = Cluster::start(version, &[]);
    let client = cluster.database().await.connect().await;
    let create = "select pg_create_logical_replication_slot('recorded', 'pgoutput')";
    client.execute(create, &[]).await.unwrap();
    for statement in STATEMENTS {
        client.batch_execute(statement).await.unwrap();
    }
    let read = "select encode(data, 'hex') from pg_logical_slot_get_binary_changes('recorded', null, null, \
                'proto_version', '1', 'publication_names', 'quire_feed', 'binary', 'true', 'messages', 'true')";
    let rows = client.query(read, &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    fs::create_dir_all(path(version).parent().unwrap()).unwrap();
    fs::write(path(version), lines.join("\n") + "\n").unwrap();
}

/// Everything that comes out; the positions at which nothing came are left out.
fn assemble(messages: &[Bytes]) -> Vec<Transaction> {
    let mut assembly = Assembly::new();
    let outputs = messages
        .iter()
        .map(|message| assembly.take(message.clone(), 7).expect("it can be read"));
    outputs
        .filter_map(|output| match output {
            Output::Transaction(transaction) => Some(transaction),
            Output::Nothing | Output::Passed(_) => None,
        })
        .collect()
}

fn id(low: u128) -> Uuid {
    Uuid::from_u128(low)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_decodes_to_what_was_done() {
    for version in Version::ALL {
        if std::env::var_os("QUIRE_RECORD").is_some() {
            record(version).await;
        }
        let transactions = assemble(&messages(version));
        let edit = |org,
                    edit_id,
                    session: Option<u128>,
                    peer,
                    range: (i32, i32),
                    update: &'static [u8]| {
            Change::Edit(Edit {
                org_id: id(org),
                document_id: id(0xb),
                edit_id,
                account_id: id(0xc),
                session_id: session.map(id),
                peer,
                counter_start: range.0,
                counter_end: range.1,
                update: Bytes::from_static(update),
            })
        };
        let event = |kind| Event {
            kind,
            org_id: None,
            document_id: None,
            account_id: None,
            session_id: None,
            title: None,
            placed: None,
        };
        let expected: &[&[Change]] = &[
            &[
                edit(0xa, 1, Some(0xd), u64::MAX - 1, (3, 5), &[0, 255, 16]),
                edit(0xaa, 2, None, i64::MAX as u64, (0, i32::MAX), &[]),
            ],
            &[Change::Event(Event {
                org_id: Some(id(0xa)),
                document_id: Some(id(0xb)),
                title: Some("Ünïcode 🎈".to_owned()),
                ..event(EventKind::DocumentRenamed)
            })],
            &[
                Change::Event(event(EventKind::SessionEnded)),
                Change::Message(Bytes::from_static(&[1, 2])),
            ],
            &[Change::Message(Bytes::from_static(b"ping"))],
            &[Change::Event(Event {
                account_id: Some(id(0xc)),
                ..event(EventKind::Other)
            })],
        ];
        let changes: Vec<&[Change]> = transactions.iter().map(|one| &one.changes[..]).collect();
        assert_eq!(changes, expected, "{version:?}");
        assert!(transactions.is_sorted_by(|a, b| a.end_lsn < b.end_lsn));
        for transaction in &transactions {
            let is_alone = transaction.changes == expected[3];
            assert_eq!(transaction.xid == 0, is_alone);
            // After 2026 began; of a message outside of a transaction, when it was sent.
            let is_recent = transaction.committed_at_us > 1_767_225_600_000_000;
            assert!(is_recent != is_alone && (!is_alone || transaction.committed_at_us == 7));
        }
    }
}

#[test]
fn no_bytes_make_the_decoder_panic_or_reserve_what_is_only_announced() {
    let mut random = Random::new(random::seed());
    for version in Version::ALL {
        let whole = messages(version);
        let total: usize = whole.iter().map(Bytes::len).sum();
        let mut refused = 0;
        for _ in 0..5_000 {
            let mut mutated = whole.clone();
            for _ in 0..=random.below(3) {
                mutate(&mut random, &mut mutated);
            }
            let (outcome, allocated) = crate::kit::alloc::measure(|| {
                let mut assembly = Assembly::new();
                let taken = mutated
                    .iter()
                    .map(|message| assembly.take(message.clone(), 0));
                taken.filter(Result::is_err).count()
            });
            refused += usize::from(outcome > 0);
            assert!(allocated < 100 * total, "{allocated} bytes");
        }
        assert!(refused > 1_000, "mutations are noticed: {refused}");
    }
}

fn mutate(random: &mut Random, messages: &mut Vec<Bytes>) {
    let index = random.below(messages.len());
    let mut bytes = messages[index].to_vec();
    if bytes.is_empty() {
        return;
    }
    let position = random.below(bytes.len());
    match random.below(6) {
        0 => bytes[position] ^= 1 << random.below(8),
        1 => bytes.truncate(position),
        2 => bytes.extend_from_slice(&messages[0]),
        3 => {
            let end = (position + 4).min(bytes.len());
            bytes[position..end].fill(0xFF);
        }
        4 => drop(messages.remove(index)),
        _ => messages.swap(index, 0),
    }
    if index < messages.len() {
        messages[index] = bytes.into();
    }
}

#[test]
fn a_position_is_written_as_postgres_writes_it() {
    let lsn: Lsn = "16/B374D848".parse().unwrap();
    assert_eq!(
        (lsn.0, lsn.to_string().as_str()),
        (0x16_B374_D848, "16/B374D848")
    );
    for wrong in ["", "16", "16/", "x/1", "1/123456789"] {
        assert!(wrong.parse::<Lsn>().is_err(), "{wrong}");
    }
}
