//! Malformed updates with a right checksum: damaged bytes, damaged fields of a block, and
//! well-encoded lies (positions, lengths and ids that no editor would write).

use loro::{ExportMode, IdSpan, LoroDoc};
use quire::document::update::{checksum, update_meta};
use serde_json::Value;

use super::history::{Guarded, History, document};
use crate::kit::random::Random;

const HEADER_BYTES: usize = 22;

/// One candidate of `history`, damaged.
pub fn malformed(history: &History, random: &mut Random) -> Vec<u8> {
    let honest = random.pick(&history.candidates).clone();
    match random.below(10) {
        0..=2 => lie(history, &honest, random).unwrap_or_else(|| damage_bytes(honest, random)),
        3..=6 => {
            let donor = random.pick(&history.candidates).clone();
            damage_field(&honest, &donor, random)
        }
        7 => splice(honest, &random.pick(&history.rows).clone(), random),
        _ => damage_bytes(honest, random),
    }
}

/// Writes the right checksum into a damaged update.
pub fn seal(mut update: Vec<u8>) -> Vec<u8> {
    update.resize(update.len().max(HEADER_BYTES), 0);
    let sum = checksum(&update);
    update[16..20].copy_from_slice(&sum.to_le_bytes());
    update
}

fn damage_bytes(update: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let mut body = update[HEADER_BYTES..].to_vec();
    for _ in 0..1 + random.below(3) {
        damage(&mut body, random);
    }
    if random.below(2) == 0 {
        // Most damage moves the block's end: mend its length, so that more than the frame is tried.
        let mut rest = body.as_slice();
        if let Some(len) = varint(&mut rest) {
            if len != rest.len() as u64 {
                let block = rest.to_vec();
                body = Vec::new();
                put_varint(&mut body, block.len() as u64);
                body.extend(block);
            }
        }
    }
    reseal(&update, &body)
}

fn splice(update: Vec<u8>, donor: &[u8], random: &mut Random) -> Vec<u8> {
    let (mine, other) = (&update[HEADER_BYTES..], &donor[HEADER_BYTES..]);
    let body = match random.below(3) {
        0 => [mine, other].concat(),
        1 => [other, mine].concat(),
        _ => [
            &mine[..random.below(mine.len())],
            &other[random.below(other.len())..],
        ]
        .concat(),
    };
    reseal(&update, &body)
}

/// A block is five numbers and nine byte strings; one of them is damaged, the frame stays right.
fn damage_field(update: &[u8], donor: &[u8], random: &mut Random) -> Vec<u8> {
    let (Some((mut numbers, mut fields)), Some((_, others))) = (block(update), block(donor)) else {
        return damage_bytes(update.to_vec(), random);
    };
    for _ in 0..1 + random.below(2) {
        match random.below(14) {
            i @ 0..=4 => {
                numbers[i] = match random.below(5) {
                    0 => numbers[i].wrapping_add(1),
                    1 => numbers[i].wrapping_sub(1),
                    2 => 0,
                    3 => random.bits() >> random.below(64),
                    _ => numbers[i].wrapping_add(random.below(300) as u64),
                }
            }
            i => {
                let field = i - 5;
                if random.below(5) == 0 {
                    fields[field] = others[field].clone();
                } else {
                    damage(&mut fields[field], random);
                }
            }
        }
    }
    let mut block = Vec::new();
    for number in numbers {
        put_varint(&mut block, number);
    }
    for field in fields {
        put_varint(&mut block, field.len() as u64);
        block.extend(field);
    }
    let mut body = Vec::new();
    put_varint(&mut body, block.len() as u64);
    body.extend(block);
    reseal(update, &body)
}

fn block(update: &[u8]) -> Option<([u64; 5], Vec<Vec<u8>>)> {
    let mut rest = &update[HEADER_BYTES..];
    varint(&mut rest)?;
    let mut numbers = [0; 5];
    for number in &mut numbers {
        *number = varint(&mut rest)?;
    }
    let mut fields = Vec::new();
    for _ in 0..9 {
        let len = varint(&mut rest)? as usize;
        if len > rest.len() {
            return None;
        }
        fields.push(rest[..len].to_vec());
        rest = &rest[len..];
    }
    Some((numbers, fields))
}

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        bytes.push(random.bits() as u8);
        return;
    }
    let at = random.below(bytes.len());
    let end = at + 1 + random.below((bytes.len() - at).min(8));
    match random.below(9) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at] = *random.pick(&[0, 1, 2, 0x7f, 0x80, 0xff]),
        3 => bytes[at] = bytes[at].wrapping_add(random.pick(&[1, 2, 0xff, 0xfe]).to_owned()),
        4 => bytes.truncate(at),
        5 => drop(bytes.drain(at..end)),
        6 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        7 => drop(bytes.splice(at..at + 1, [0xff, 0xff, 0xff, 0xff, 0x0f])),
        _ => {
            let mut huge = Vec::new();
            put_varint(&mut huge, random.bits() >> random.below(64));
            bytes.splice(at..end, huge);
        }
    }
}

/// Decodes the candidate, changes values of its operations, and lets Loro encode the result.
fn lie(history: &History, honest: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let meta = update_meta(honest).ok()?;
    let author = document(3, &history.rows);
    let before = author.oplog_vv();
    author.import(honest).ok()?;
    let json = author
        .export_json_updates_without_peer_compression(&before, &author.oplog_vv())
        .ok()?;
    let mut json = serde_json::to_value(&json).ok()?;
    let changes = json.get_mut("changes")?;
    for _ in 0..1 + random.below(3) {
        let leaves = count_leaves(changes);
        let mut target = random.below(leaves);
        change_leaf(changes, &mut target, random);
    }
    let text = json.to_string();
    std::panic::catch_unwind(|| {
        // Detached, Loro takes operations in without applying them.
        let liar = Guarded::new(document(3, &history.rows));
        liar.detach();
        liar.import_json_updates(text.as_str()).ok()?;
        let end = liar.oplog_vv().get(&meta.peer).copied()?;
        if end <= meta.counter_start {
            return None;
        }
        export_range(&liar, IdSpan::new(meta.peer, meta.counter_start, end))
    })
    .ok()
    .flatten()
}

fn export_range(doc: &LoroDoc, span: IdSpan) -> Option<Vec<u8>> {
    doc.export(ExportMode::updates_in_range(vec![span])).ok()
}

fn count_leaves(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(count_leaves).sum::<usize>().max(1),
        Value::Object(fields) => fields.values().map(count_leaves).sum::<usize>().max(1),
        _ => 1,
    }
}

fn change_leaf(value: &mut Value, target: &mut usize, random: &mut Random) {
    let leaves = count_leaves(value);
    if *target >= leaves {
        *target -= leaves;
        return;
    }
    match value {
        Value::Array(values) if !values.is_empty() => {
            for value in values {
                let leaves = count_leaves(value);
                if *target < leaves {
                    return change_leaf(value, target, random);
                }
                *target -= leaves;
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            for value in fields.values_mut() {
                let leaves = count_leaves(value);
                if *target < leaves {
                    return change_leaf(value, target, random);
                }
                *target -= leaves;
            }
        }
        leaf => lie_about(leaf, random),
    }
}

fn lie_about(leaf: &mut Value, random: &mut Random) {
    match leaf {
        Value::Number(number) => {
            let old = number.as_i64().unwrap_or(0);
            *leaf = match random.below(6) {
                0 => old + 1,
                1 => old - 1,
                2 => 0,
                3 => old + random.below(1000) as i64,
                4 => i64::from(i32::MAX) - random.below(3) as i64,
                _ => -old,
            }
            .into();
        }
        Value::String(text) => {
            // Ids are `counter@peer`, containers `cid:counter@peer:Type` or `cid:root-name:Type`.
            let changed = match text.find('@') {
                Some(at) => {
                    let from = text.rfind(':').filter(|_| !text.starts_with("cid:"));
                    let start =
                        from.map_or(if text.starts_with("cid:") { 4 } else { 0 }, |i| i + 1);
                    let counter: i64 = text
                        .get(start..at)
                        .and_then(|n| n.parse().ok())
                        .unwrap_or(0);
                    let counter = counter + random.below(7) as i64 - 3;
                    let mut rest = text[at..].to_owned();
                    if random.below(3) == 0 {
                        rest = rest.replace("@1", ["@2", "@11", "@1"][random.below(3)]);
                    }
                    if random.below(4) == 0 {
                        rest = rest.replace("Text", ["List", "Map", "Tree"][random.below(3)]);
                    }
                    format!("{}{}{}", &text[..start], counter.max(0), rest)
                }
                None if random.below(2) == 0 => format!("{text}{text}z"),
                None => text.chars().skip(1).collect(),
            };
            *leaf = changed.into();
        }
        Value::Bool(flag) => *leaf = (!*flag).into(),
        _ => *leaf = Value::String("lie".into()),
    }
}

fn reseal(update: &[u8], body: &[u8]) -> Vec<u8> {
    seal([&update[..HEADER_BYTES], body].concat())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for i in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(7 * i).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
