//! What the port reads of bytes from outside, in one function: it is fuzzed. A panic is a finding.

use bytes::Bytes;

use super::edit::{edit_description, edit_error};
use super::find::{Found, find, may_call};
use super::ledger::{Ask, Ledger, Whose};
use super::message::{Bind, Parse, bind, parse, query, row, second_text};
use super::peer::total;
use super::rewrite::{arguments, inline, json_text, literal, with_parameters};
use super::sign_in;
use super::startup::{self, Opening};

const ASKS: [Ask; 8] = [
    Ask::Parse,
    Ask::Bind,
    Ask::Describe,
    Ask::Execute,
    Ask::Close,
    Ask::Sync,
    Ask::Query,
    Ask::Function,
];

/// The first byte says what the others are: an opening, a statement, messages of a client, messages of
/// a database, asks and answers.
pub(crate) fn read(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    match kind % 5 {
        0 => opening(rest),
        1 => statement(rest, kind & 0x80 == 0),
        2 => requests(rest),
        3 => answers(rest),
        _ => ledger(rest),
    }
}

fn opening(bytes: &[u8]) {
    if let Some(first) = bytes.first_chunk() {
        let length = startup::length(*first);
        assert!(
            length.is_ok_and(|l| (8..=startup::MAX_BYTES).contains(&l))
                || startup::length(*first).is_err()
        );
    }
    let packet = Bytes::copy_from_slice(bytes);
    if let Ok(Opening::Session(startup)) = startup::read(packet.clone(), "quire") {
        assert_eq!(
            (startup.packet, &*startup.database),
            (packet, &b"quire"[..])
        );
        assert!(!startup.user.is_empty());
    }
}

fn statement(text: &[u8], strings_are_standard: bool) {
    let found = match find(text, strings_are_standard) {
        Ok(None) => return,
        Ok(Some(found)) => found,
        Err(refusal) => {
            assert!(may_call(text), "the cheap look misses nothing");
            let position = refusal.position.unwrap_or(1);
            assert!((1..=text.len() + 1).contains(&position));
            return;
        }
    };
    assert!(may_call(text), "the cheap look misses nothing");
    let (long, rewritten) = inline(&found, vec![literal("null", true); found.calls.len()]);
    is_kept(&found, &long);
    let characters = found.sql.chars().count();
    for place in 0..=long.chars().count() + 1 {
        let original = rewritten.original_place(place);
        assert!(original.is_none_or(|place| (1..=characters + 1).contains(&place)));
    }
    let (long, rewritten) = with_parameters(&found, 1);
    is_kept(&found, &long);
    assert!(rewritten.parameters >= found.parameters.max(1));
    for call in &found.calls {
        let (_, _, used) = arguments(&found, call);
        assert!(used.iter().all(|n| usize::from(*n) <= found.parameters));
    }
}

/// What is not a call stands in the new text, in its order.
fn is_kept(found: &Found, text: &str) {
    let (mut at, mut rest) = (0, text);
    for range in found.calls.iter().map(|call| call.range.clone()) {
        assert!(at <= range.start && range.start < range.end);
        let piece = &found.sql[at..range.start];
        let start = rest.find(piece).expect("the piece is there");
        rest = &rest[start + piece.len()..];
        at = range.end;
    }
    assert!(rest.ends_with(&found.sql[at..]));
}

fn requests(mut bytes: &[u8]) {
    while let Some(message) = next(&mut bytes) {
        let body = &message[5..];
        let _ = second_text(body);
        if let Some(read) = Parse::read(body) {
            let again = parse(read.name, read.text, &read.types);
            assert_eq!(Parse::read(&again[5..]), Some(read));
        }
        if let Some(read) = Bind::read(body) {
            let count = read.values.len();
            let more = read.with(count, &["x".to_owned()]);
            let again = Bind::read(&more[5..]).expect("what was written can be read");
            assert_eq!(again.values[..count], read.values[..]);
            assert_eq!(again.statement, read.statement);
            assert!((0..count).all(|index| again.format(index) == read.format(index)));
            let values: Vec<_> = read.values.iter().map(|value| (0, *value)).collect();
            let _ = bind(read.statement, &values);
        }
        let _ = sign_in::password(body);
        let _ = query(body);
    }
}

fn answers(mut bytes: &[u8]) {
    while let Some(message) = next(&mut bytes) {
        let error = edit_error(message, None, Some("a hint"));
        assert_eq!(total(&error), Ok(Some(error.len())));
        let description = edit_description(message, 1);
        assert_eq!(total(&description), Ok(Some(description.len())));
        let _ = row(Bytes::copy_from_slice(&message[5..]));
        let _ = sign_in::unbound(&message[5..]);
        let text = String::from_utf8_lossy(&message[5..]);
        assert!(json_text(&text, false).is_ascii());
    }
}

fn next<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = total(bytes).ok()??;
    let (message, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(message)
}

/// An even byte asks, an odd one answers.
fn ledger(bytes: &[u8]) {
    let mut ledger = Ledger::default();
    for byte in bytes {
        if byte & 1 == 0 {
            let ask = ASKS[usize::from(byte >> 1) % ASKS.len()];
            let whose = if byte & 0x80 == 0 {
                Whose::Client
            } else {
                Whose::Own
            };
            ledger.asked(ask, whose);
        } else {
            const TAGS: &[u8] = b"123CDEGHIKNRSTVZcdnst";
            let tag = TAGS[usize::from(byte >> 1) % TAGS.len()];
            let _ = ledger.needs_whole(tag);
            ledger.answered(tag);
        }
        assert!(!ledger.is_idle() || ledger.is_quiet());
    }
}
