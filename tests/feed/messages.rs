//! Messages of the plugin, written here by hand after PostgreSQL's documentation ("Logical Replication
//! Message Formats") and read by the decoder.

use bytes::{BufMut, Bytes};
use quire::change::Lsn;
use quire::feed::pgoutput::{Column, Message, Relation, Value};

use crate::kit::random::{self, Random};

/// Seconds from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH_S: i64 = 946_684_800;

/// A message as bytes, what it must be read as, and the columns of a row.
type Written = (Vec<u8>, Message, Option<Vec<Value>>);

#[test]
fn a_message_is_read_as_it_was_written_and_no_part_of_it_is() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    for round in 0..5_000 {
        let (bytes, expected, row) = message(&mut random);
        let told = format!("seed {seed}, round {round}: {bytes:?}");
        let read = Message::decode(Bytes::from(bytes.clone())).expect(&told);
        match (&read, row) {
            (Message::Insert { relation_id, tuple }, Some(row)) => {
                assert_eq!(relation_id.to_be_bytes(), bytes[1..5], "{told}");
                let mut values = Vec::new();
                let width = row.len();
                tuple
                    .read(width, |_, value| values.push(value))
                    .expect(&told);
                assert_eq!(values, row, "{told}");
                assert!(tuple.read(width + 1, |_, _| ()).is_err(), "{told}");
            }
            _ => assert_eq!(read, expected, "{told}"),
        }
        for length in 0..bytes.len() {
            let part = Message::decode(Bytes::copy_from_slice(&bytes[..length]));
            match part {
                Err(_) => {}
                // Its columns are read later.
                Ok(Message::Insert { tuple, .. }) => {
                    let width = usize::from(u16::from_be_bytes([bytes[6], bytes[7]]));
                    assert!(tuple.read(width, |_, _| ()).is_err(), "{length} {told}");
                }
                Ok(part) => panic!("{length} bytes are read as {part:?}: {told}"),
            }
        }
    }
}

fn message(random: &mut Random) -> Written {
    let mut out = Vec::new();
    let message = match random.below(5) {
        0 => {
            // Within the years that PostgreSQL has.
            let at_us = (random.bits() >> 4) as i64;
            let (lsn, xid) = (random.bits(), random.bits() as u32);
            out.put_u8(b'B');
            out.put_u64(lsn);
            out.put_i64(at_us);
            out.put_u32(xid);
            Message::Begin {
                commit_lsn: Lsn(lsn),
                committed_at_us: at_us + EPOCH_S * 1_000_000,
                xid,
            }
        }
        1 => {
            let end = random.bits();
            out.put_slice(b"C\0");
            out.put_u64(random.bits());
            out.put_u64(end);
            out.put_i64(0);
            // The decoder needs nothing behind the end.
            out.truncate(1 + 1 + 8 + 8);
            Message::Commit { end_lsn: Lsn(end) }
        }
        2 => relation(random, &mut out),
        3 => return insert(random),
        _ => {
            let (flags, lsn) = (random.below(2) as u8, random.bits());
            let (prefix, content) = (text(random), bytes(random));
            out.put_u8(b'M');
            out.put_u8(flags);
            out.put_u64(lsn);
            out.put_slice(&prefix);
            out.put_u8(0);
            out.put_u32(content.len() as u32);
            out.put_slice(&content);
            Message::Logical {
                is_transactional: flags == 1,
                lsn: Lsn(lsn),
                prefix,
                content,
            }
        }
    };
    (out, message, None)
}

fn relation(random: &mut Random, out: &mut Vec<u8>) -> Message {
    let relation_id = random.bits() as u32;
    let (schema, name) = (text(random), text(random));
    out.put_u8(b'R');
    out.put_u32(relation_id);
    for text in [&schema, &name] {
        out.put_slice(text);
        out.put_u8(0);
    }
    out.put_u8(b'd');
    let columns: Vec<Column> = (0..random.below(20))
        .map(|_| Column {
            name: text(random),
            type_oid: random.bits() as u32,
        })
        .collect();
    out.put_u16(columns.len() as u16);
    for column in &columns {
        out.put_u8(1);
        out.put_slice(&column.name);
        out.put_u8(0);
        out.put_u32(column.type_oid);
        out.put_i32(-1);
    }
    Message::Relation(Relation {
        relation_id,
        schema,
        name,
        columns,
    })
}

fn insert(random: &mut Random) -> Written {
    let mut out = vec![b'I'];
    out.put_u32(random.bits() as u32);
    out.put_u8(b'N');
    let width = 1 + random.below(10);
    out.put_u16(width as u16);
    let mut row = Vec::new();
    for _ in 0..width {
        let content = bytes(random);
        let form = *random.pick(b"nubt");
        out.put_u8(form);
        if matches!(form, b'b' | b't') {
            out.put_u32(content.len() as u32);
            out.put_slice(&content);
        }
        row.push(match form {
            b'n' => Value::Null,
            b'b' => Value::Binary(content),
            _ => Value::Other,
        });
    }
    (out, Message::Harmless, Some(row))
}

/// Without a zero byte, which ends it.
fn text(random: &mut Random) -> Bytes {
    (0..random.below(12))
        .map(|_| 1 + random.below(255) as u8)
        .collect()
}

fn bytes(random: &mut Random) -> Bytes {
    (0..random.below(40)).map(|_| random.bits() as u8).collect()
}
