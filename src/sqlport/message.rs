//! Messages of the extended protocol, as far as the port reads and writes them. No I/O.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Asks Postgres to send what it has answered.
pub(super) const FLUSH: &[u8] = b"H\0\0\0\x04";
/// Ends what was asked in the extended protocol.
pub(super) const SYNC: &[u8] = b"S\0\0\0\x04";

/// Parse, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parse<'a> {
    pub name: &'a [u8],
    pub text: &'a [u8],
    /// Of parameters; 0: Postgres finds out.
    pub types: Vec<u32>,
}

/// Bind, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bind<'a> {
    pub portal: &'a [u8],
    pub statement: &'a [u8],
    pub formats: Vec<u16>,
    pub values: Vec<Option<&'a [u8]>>,
    /// The formats of results, as they came.
    results: &'a [u8],
}

/// The text at the beginning, which a zero ends.
pub(super) fn first_text(body: &[u8]) -> Option<&[u8]> {
    let end = body.iter().position(|byte| *byte == 0)?;
    Some(&body[..end])
}

/// The text after it.
pub(super) fn second_text(body: &[u8]) -> Option<&[u8]> {
    let first = first_text(body)?;
    first_text(&body[first.len() + 1..])
}

impl<'a> Parse<'a> {
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let name = first_text(body)?;
        let text = second_text(body)?;
        let mut rest = body.get(name.len() + text.len() + 2..)?;
        let count = rest.try_get_u16().ok()?;
        let types = (0..count).map(|_| rest.try_get_u32().ok());
        Some(Self {
            name,
            text,
            types: types.collect::<Option<_>>()?,
        })
    }
}

impl<'a> Bind<'a> {
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let portal = first_text(body)?;
        let statement = second_text(body)?;
        let mut rest = body.get(portal.len() + statement.len() + 2..)?;
        let count = rest.try_get_u16().ok()?;
        let formats = (0..count).map(|_| rest.try_get_u16().ok());
        let formats = formats.collect::<Option<_>>()?;
        let count = rest.try_get_u16().ok()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(match rest.try_get_i32().ok()? {
                -1 => None,
                length => {
                    let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                    rest = after;
                    Some(value)
                }
            });
        }
        Some(Self {
            portal,
            statement,
            formats,
            values,
            results: rest,
        })
    }

    /// The format of a parameter: 0 text, 1 binary.
    pub fn format(&self, index: usize) -> u16 {
        match self.formats[..] {
            [] => 0,
            [all] => all,
            ref each => each.get(index).copied().unwrap_or(0),
        }
    }

    /// The message with further parameters, in text, behind its first `parameters`.
    pub fn with(&self, parameters: usize, further: &[String]) -> Bytes {
        let mut body = BytesMut::new();
        put_text(&mut body, self.portal);
        put_text(&mut body, self.statement);
        let all = parameters + further.len();
        body.put_u16(all as u16);
        for index in 0..all {
            let is_own = index < parameters;
            body.put_u16(if is_own { self.format(index) } else { 0 });
        }
        body.put_u16(all as u16);
        for index in 0..parameters {
            put_value(&mut body, self.values.get(index).copied().flatten());
        }
        for value in further {
            put_value(&mut body, Some(value.as_bytes()));
        }
        body.extend_from_slice(self.results);
        framed(b'B', &body)
    }
}

pub(super) fn query(text: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    put_text(&mut body, text);
    framed(b'Q', &body)
}

pub(super) fn parse(name: &[u8], text: &[u8], types: &[u32]) -> Bytes {
    let mut body = BytesMut::new();
    put_text(&mut body, name);
    put_text(&mut body, text);
    body.put_u16(types.len() as u16);
    for oid in types {
        body.put_u32(*oid);
    }
    framed(b'P', &body)
}

/// Binds the statement `name` to a portal of the same name; its results come in binary.
pub(super) fn bind(name: &[u8], values: &[(u16, Option<&[u8]>)]) -> Bytes {
    let mut body = BytesMut::new();
    put_text(&mut body, name);
    put_text(&mut body, name);
    body.put_u16(values.len() as u16);
    for (format, _) in values {
        body.put_u16(*format);
    }
    body.put_u16(values.len() as u16);
    for (_, value) in values {
        put_value(&mut body, *value);
    }
    body.put_u16(1);
    body.put_u16(1);
    framed(b'B', &body)
}

/// Runs the portal `name` for so many rows.
pub(super) fn execute(name: &[u8], rows: u32) -> Bytes {
    let mut body = BytesMut::new();
    put_text(&mut body, name);
    body.put_u32(rows);
    framed(b'E', &body)
}

/// Closes a statement (`S`) or portal (`P`), whether there is one or not.
pub(super) fn close(kind: u8, name: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(kind);
    put_text(&mut body, name);
    framed(b'C', &body)
}

/// The values of a row.
pub(super) fn row(mut body: Bytes) -> Option<Vec<Option<Bytes>>> {
    let count = body.try_get_u16().ok()?;
    let values = (0..count).map(|_| match body.try_get_i32().ok()? {
        -1 => Some(None),
        length => {
            let length = usize::try_from(length).ok().filter(|l| *l <= body.len())?;
            Some(Some(body.split_to(length)))
        }
    });
    values.collect()
}

fn put_text(body: &mut BytesMut, text: &[u8]) {
    body.extend_from_slice(text);
    body.put_u8(0);
}

fn put_value(body: &mut BytesMut, value: Option<&[u8]>) {
    match value {
        None => body.put_i32(-1),
        Some(value) => {
            body.put_i32(value.len() as i32);
            body.extend_from_slice(value);
        }
    }
}

fn framed(tag: u8, body: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(5 + body.len());
    message.put_u8(tag);
    message.put_u32(4 + body.len() as u32);
    message.extend_from_slice(body);
    message.freeze()
}
