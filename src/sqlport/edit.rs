//! Messages of Postgres about a statement that was rewritten, as if it had not been. No I/O.

use bytes::{BufMut, BytesMut};

use super::rewrite::Rewritten;

/// An error with its place moved to where it stands in the client's own statement; without `rewritten`
/// the place is left out, because the client has no such statement. `hint` is added where there is none.
pub(super) fn edit_error(
    message: &[u8],
    rewritten: Option<&Rewritten>,
    hint: Option<&str>,
) -> BytesMut {
    let mut body = BytesMut::new();
    let mut has_hint = false;
    for field in fields(&message[5..]) {
        let Some((tag, value)) = field.split_first() else {
            continue;
        };
        if *tag == b'P' {
            let place = std::str::from_utf8(value).ok().and_then(|p| p.parse().ok());
            let moved = rewritten.zip(place).and_then(|(r, p)| r.original_place(p));
            if let Some(place) = moved {
                put(&mut body, b'P', place.to_string().as_bytes());
            }
            continue;
        }
        has_hint |= *tag == b'H';
        put(&mut body, *tag, value);
    }
    if let (false, Some(hint)) = (has_hint, hint) {
        put(&mut body, b'H', hint.as_bytes());
    }
    body.put_u8(0);
    framed(message[0], &body)
}

/// The parameters of a statement without those that the port has added behind them.
pub(super) fn edit_description(message: &[u8], parameters: usize) -> BytesMut {
    let types = message.get(7..).unwrap_or_default();
    let kept = &types[..types.len().min(4 * parameters)];
    let mut body = BytesMut::new();
    body.put_u16((kept.len() / 4) as u16);
    body.extend_from_slice(kept);
    framed(message[0], &body)
}

/// Tag and value of each field.
fn fields(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|byte| *byte == 0)
}

fn put(body: &mut BytesMut, tag: u8, value: &[u8]) {
    body.put_u8(tag);
    body.extend_from_slice(value);
    body.put_u8(0);
}

fn framed(tag: u8, body: &[u8]) -> BytesMut {
    let mut message = BytesMut::with_capacity(5 + body.len());
    message.put_u8(tag);
    message.put_u32(4 + body.len() as u32);
    message.extend_from_slice(body);
    message
}
