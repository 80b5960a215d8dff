//! Frames to bytes, into buffers of exactly the right size.

use bytes::{BufMut, Bytes, BytesMut};

use super::updates::body_bytes;
use super::{
    BatchId, Frame, MAX_FRAGMENTS, MAX_MESSAGE_BYTES, MAX_REASSEMBLED_BYTES, MAX_ROOM_BYTES,
    MAX_UPDATES_PER_MESSAGE, Message, RoomKind,
};
use crate::error::{Error, Kind, Result};

/// Writes one message.
///
/// # Errors
/// `TooLarge` when the message or its room id is over the protocol's limit.
pub fn encode(frame: &Frame) -> Result<Bytes> {
    let body = message_bytes(&frame.message);
    let mut out = start(frame.kind, &frame.room, type_byte(&frame.message), body)?;
    let exact = out.capacity();
    put_message(&mut out, &frame.message);
    debug_assert_eq!(out.len(), exact, "the size was computed exactly");
    Ok(out.freeze())
}

/// Writes updates as few messages, to be shared by all who are sent the same: as many updates a
/// message as fit, and an update that fits into none as header and fragments. `next_batch` names
/// each batch, whole or fragmented, when told how many updates it has: they are acknowledged
/// together.
///
/// # Errors
/// `TooLarge` for an update over [`MAX_REASSEMBLED_BYTES`] or a room id over its limit; then
/// nothing is sent.
pub fn encode_updates<U: AsRef<[u8]>>(
    kind: RoomKind,
    room: &str,
    updates: &[U],
    mut next_batch: impl FnMut(usize) -> BatchId,
) -> Result<Vec<Bytes>> {
    check_room(room)?;
    let body_limit = MAX_MESSAGE_BYTES - envelope_bytes(room);
    let mut frames = Vec::new();
    let mut rest = updates;
    while !rest.is_empty() {
        let (count, list_bytes) = fitting(rest, body_limit);
        let (now, later) = rest.split_at(count.max(1));
        rest = later;
        if count == 0 {
            put_fragments(&mut frames, kind, room, now[0].as_ref(), next_batch(1))?;
            continue;
        }
        let mut out = start(kind, room, 0x03, body_bytes(count, list_bytes))?;
        put_number(&mut out, count as u64);
        for update in now {
            put_bytes(&mut out, update.as_ref());
        }
        out.put_slice(&next_batch(count).0);
        frames.push(out.freeze());
    }
    Ok(frames)
}

/// How many of the first updates fit into one message, and the length of their list.
fn fitting<U: AsRef<[u8]>>(updates: &[U], limit: usize) -> (usize, usize) {
    let mut list_bytes = 0;
    let mut count = 0;
    for update in updates.iter().take(MAX_UPDATES_PER_MESSAGE) {
        let longer = list_bytes + sized(update.as_ref().len());
        if body_bytes(count + 1, longer) > limit {
            break;
        }
        list_bytes = longer;
        count += 1;
    }
    (count, list_bytes)
}

fn put_fragments(
    frames: &mut Vec<Bytes>,
    kind: RoomKind,
    room: &str,
    update: &[u8],
    batch: BatchId,
) -> Result<()> {
    if update.len() > MAX_REASSEMBLED_BYTES {
        let length = update.len();
        let text = format!("update of {length} bytes: at most {MAX_REASSEMBLED_BYTES} are allowed");
        return Err(Error::new(Kind::TooLarge, text));
    }
    // Batch id, index and length take at most 8 + 2 + 3 bytes.
    let piece_bytes = MAX_MESSAGE_BYTES - envelope_bytes(room) - 13;
    let pieces = update.chunks(piece_bytes);
    let count = pieces.len() as u64;
    debug_assert!(count <= MAX_FRAGMENTS as u64);
    let total = update.len() as u64;
    let mut out = start(
        kind,
        room,
        0x04,
        8 + number_bytes(count) + number_bytes(total),
    )?;
    out.put_slice(&batch.0);
    put_number(&mut out, count);
    put_number(&mut out, total);
    frames.push(out.freeze());
    for (index, piece) in pieces.enumerate() {
        let index = index as u64;
        let body = 8 + number_bytes(index) + sized(piece.len());
        let mut out = start(kind, room, 0x05, body)?;
        out.put_slice(&batch.0);
        put_number(&mut out, index);
        put_bytes(&mut out, piece);
        frames.push(out.freeze());
    }
    Ok(())
}

/// Magic, room id and message type; the limits stand here.
fn start(kind: RoomKind, room: &str, type_byte: u8, body: usize) -> Result<BytesMut> {
    check_room(room)?;
    let length = envelope_bytes(room) + body;
    if length > MAX_MESSAGE_BYTES {
        let text = format!("message of {length} bytes: at most {MAX_MESSAGE_BYTES} are allowed");
        return Err(Error::new(Kind::TooLarge, text));
    }
    let mut out = BytesMut::with_capacity(length);
    out.put_slice(&kind.magic());
    put_bytes(&mut out, room.as_bytes());
    out.put_u8(type_byte);
    Ok(out)
}

fn check_room(room: &str) -> Result<()> {
    if room.len() > MAX_ROOM_BYTES {
        let length = room.len();
        let text = format!("room id of {length} bytes: at most {MAX_ROOM_BYTES} are allowed");
        return Err(Error::new(Kind::TooLarge, text));
    }
    Ok(())
}

fn envelope_bytes(room: &str) -> usize {
    4 + sized(room.len()) + 1
}

fn type_byte(message: &Message) -> u8 {
    match message {
        Message::JoinRequest { .. } => 0x00,
        Message::JoinResponseOk { .. } => 0x01,
        Message::JoinError { .. } => 0x02,
        Message::DocUpdate { .. } => 0x03,
        Message::FragmentHeader { .. } => 0x04,
        Message::Fragment { .. } => 0x05,
        Message::RoomError { .. } => 0x06,
        Message::Leave => 0x07,
        Message::Ack { .. } => 0x08,
    }
}

/// The length of what [`put_message`] writes.
fn message_bytes(message: &Message) -> usize {
    match message {
        Message::JoinRequest { auth, version } => sized(auth.len()) + sized(version.len()),
        Message::JoinResponseOk {
            permission,
            version,
            extra,
        } => sized(permission.word().len()) + sized(version.len()) + sized(extra.len()),
        Message::JoinError {
            message,
            version,
            app_code,
            ..
        } => {
            1 + sized(message.len())
                + version.as_ref().map_or(0, |v| sized(v.len()))
                + app_code.as_ref().map_or(0, |c| sized(c.len()))
        }
        Message::DocUpdate { updates, .. } => body_bytes(updates.len(), updates.list().len()),
        Message::FragmentHeader {
            count, total_bytes, ..
        } => 8 + number_bytes(*count) + number_bytes(*total_bytes),
        Message::Fragment { index, bytes, .. } => 8 + number_bytes(*index) + sized(bytes.len()),
        Message::RoomError { message, .. } => 1 + sized(message.len()),
        Message::Leave => 0,
        Message::Ack { .. } => 9,
    }
}

fn put_message(out: &mut BytesMut, message: &Message) {
    match message {
        Message::JoinRequest { auth, version } => {
            put_bytes(out, auth);
            put_bytes(out, version);
        }
        Message::JoinResponseOk {
            permission,
            version,
            extra,
        } => {
            put_bytes(out, permission.word().as_bytes());
            put_bytes(out, version);
            put_bytes(out, extra);
        }
        Message::JoinError {
            code,
            message,
            version,
            app_code,
        } => {
            out.put_u8(code.byte());
            put_bytes(out, message.bytes());
            if let Some(version) = version {
                put_bytes(out, version);
            }
            if let Some(app_code) = app_code {
                put_bytes(out, app_code.bytes());
            }
        }
        Message::DocUpdate { updates, batch } => {
            put_number(out, updates.len() as u64);
            out.put_slice(updates.list());
            out.put_slice(&batch.0);
        }
        Message::FragmentHeader {
            batch,
            count,
            total_bytes,
        } => {
            out.put_slice(&batch.0);
            put_number(out, *count);
            put_number(out, *total_bytes);
        }
        Message::Fragment {
            batch,
            index,
            bytes,
        } => {
            out.put_slice(&batch.0);
            put_number(out, *index);
            put_bytes(out, bytes);
        }
        Message::RoomError { code, message } => {
            out.put_u8(code.byte());
            put_bytes(out, message.bytes());
        }
        Message::Leave => {}
        Message::Ack { batch, status } => {
            out.put_slice(&batch.0);
            out.put_u8(status.byte());
        }
    }
}

/// The length of an unsigned LEB128 number.
pub(super) fn number_bytes(number: u64) -> usize {
    (number | 1).ilog2() as usize / 7 + 1
}

/// The length of bytes with their length before them.
pub(super) fn sized(length: usize) -> usize {
    number_bytes(length as u64) + length
}

fn put_number(out: &mut BytesMut, mut number: u64) {
    while number > 0x7f {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

/// Bytes with their length before them.
pub(super) fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.put_slice(bytes);
}
