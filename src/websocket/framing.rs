//! Messages of WebSockets as a server reads and writes them (RFC 6455, 5), without I/O. Headers are read and
//! written by tungstenite; the buffers are our own, because its own are kept for as long as a connection lives.
//! What is being received grows with what has come, and nothing is kept between messages: most connections are idle.

use std::io::Cursor;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Longest payload of a control frame.
const CONTROL_BYTES: u64 = 125;

/// A message from a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Binary(Bytes),
    /// Checked to be UTF-8.
    Text(Bytes),
    Ping(Bytes),
    Pong,
    Close,
}

/// Why nothing can be read any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    TooLarge,
    /// It is not a message of a client, or the connection broke.
    Broken,
}

/// A header that a client sent, and the length of what follows.
type Header = (FrameHeader, u64);

/// Takes a header off the beginning; `None` while not all of it has come.
fn take_header(received: &mut BytesMut) -> Result<Option<Header>, Unreadable> {
    let mut cursor = Cursor::new(&received[..]);
    let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Unreadable::Broken)?;
    let bytes = cursor.position() as usize;
    let Some((header, payload_bytes)) = parsed else {
        return Ok(None);
    };
    // No extension was agreed on, and whatever a client sends is masked.
    let is_extended = header.rsv1 || header.rsv2 || header.rsv3;
    let is_control = matches!(header.opcode, OpCode::Control(_));
    if is_extended
        || header.mask.is_none()
        || is_control && (!header.is_final || payload_bytes > CONTROL_BYTES)
    {
        return Err(Unreadable::Broken);
    }
    received.advance(bytes);
    Ok(Some((header, payload_bytes)))
}

/// Puts messages together from whatever pieces come.
#[derive(Debug)]
pub(super) struct Assembly {
    limit: usize,
    /// What has come and is not read yet.
    received: BytesMut,
    header: Option<Header>,
    /// The beginning of a message that comes in several frames, and what kind it is of.
    begun: Option<(Data, BytesMut)>,
}

impl Assembly {
    /// Of messages of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            received: BytesMut::new(),
            header: None,
            begun: None,
        }
    }

    /// Takes in what has come.
    pub fn add(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next message that is there in full.
    ///
    /// # Errors
    /// What ends the connection; nothing is read after that.
    pub fn next(&mut self) -> Result<Option<Message>, Unreadable> {
        loop {
            if self.header.is_none() {
                self.header = self.header()?;
            }
            let Some((header, payload_bytes)) = &self.header else {
                return Ok(None);
            };
            // The limit was looked at, so it is not longer than memory.
            let length = *payload_bytes as usize;
            if self.received.len() < length {
                return Ok(None);
            }
            let header = header.clone();
            self.header = None;
            let mut payload = self.received.split_to(length);
            if self.received.is_empty() {
                self.received = BytesMut::new();
            }
            unmask(&mut payload, header.mask.unwrap_or_default());
            if let Some(message) = self.take(header, payload)? {
                return Ok(Some(message));
            }
        }
    }

    fn header(&mut self) -> Result<Option<Header>, Unreadable> {
        let header = take_header(&mut self.received)?;
        let before = self.begun.as_ref().map_or(0, |(_, begun)| begun.len());
        let left = self.limit.saturating_sub(before) as u64;
        match header {
            Some((_, payload_bytes)) if payload_bytes > left => Err(Unreadable::TooLarge),
            header => Ok(header),
        }
    }

    fn take(
        &mut self,
        header: FrameHeader,
        payload: BytesMut,
    ) -> Result<Option<Message>, Unreadable> {
        let kind = match header.opcode {
            OpCode::Control(Control::Close) => return Ok(Some(Message::Close)),
            OpCode::Control(Control::Ping) => return Ok(Some(Message::Ping(payload.freeze()))),
            OpCode::Control(Control::Pong) => return Ok(Some(Message::Pong)),
            OpCode::Control(Control::Reserved(_)) => return Err(Unreadable::Broken),
            OpCode::Data(kind) => kind,
        };
        let (kind, whole) = match (kind, self.begun.take()) {
            (Data::Continue, Some((kind, mut begun))) => {
                begun.extend_from_slice(&payload);
                (kind, begun)
            }
            (kind @ (Data::Text | Data::Binary), None) => (kind, payload),
            _ => return Err(Unreadable::Broken),
        };
        if !header.is_final {
            self.begun = Some((kind, whole));
            return Ok(None);
        }
        let whole = whole.freeze();
        match kind {
            Data::Text if std::str::from_utf8(&whole).is_err() => Err(Unreadable::Broken),
            Data::Text => Ok(Some(Message::Text(whole))),
            _ => Ok(Some(Message::Binary(whole))),
        }
    }

    /// Memory that is kept for what is to come.
    #[cfg(test)]
    fn kept_bytes(&self) -> usize {
        self.received.capacity() + self.begun.as_ref().map_or(0, |(_, begun)| begun.capacity())
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide = u64::from_ne_bytes(std::array::from_fn(|place| mask[place % 4]));
    let mut words = payload.chunks_exact_mut(8);
    for word in &mut words {
        let masked = u64::from_ne_bytes(std::array::from_fn(|place| word[place]));
        word.copy_from_slice(&(masked ^ wide).to_ne_bytes());
    }
    for (place, byte) in words.into_remainder().iter_mut().enumerate() {
        *byte ^= mask[place % 4];
    }
}

/// Writes the header of a whole message of a server.
pub(super) fn put_header(to: &mut BytesMut, opcode: OpCode, payload_bytes: usize) {
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    let written = header.format(payload_bytes as u64, &mut to.writer());
    written.expect("memory takes it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;

    const LIMIT: usize = 300_000;

    /// A frame as a client of another make sends it.
    fn sent(opcode: OpCode, is_last: bool, payload: &[u8]) -> Vec<u8> {
        let mut frame = Frame::message(payload.to_vec(), opcode, is_last);
        frame.header_mut().mask = Some([1, 2, 3, 250]);
        let mut bytes = Vec::new();
        frame.format(&mut bytes).expect("written");
        bytes
    }

    fn read(bytes: &[u8], mut cut: impl FnMut(usize) -> usize) -> Vec<Message> {
        let mut assembly = Assembly::new(LIMIT);
        let mut messages = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, others) = rest.split_at(cut(rest.len()));
            assembly.add(part);
            while let Some(message) = assembly.next().expect("readable") {
                messages.push(message);
            }
            rest = others;
        }
        assert_eq!(assembly.kept_bytes(), 0, "nothing is kept when all is read");
        messages
    }

    #[test]
    fn messages_come_out_as_they_were_sent_however_they_are_cut() {
        for seed in 0..50 {
            let mut random = Random::new(seed);
            let mut bytes = Vec::new();
            let mut expected = Vec::new();
            for _ in 0..20 {
                let length = *random.pick(&[0, 1, 7, 8, 125, 126, 127, 65_535, 65_536, LIMIT]);
                let payload: Vec<u8> = (0..length).map(|place| place as u8).collect();
                let ping = sent(OpCode::Control(Control::Ping), true, b"here?");
                match random.below(3) {
                    0 => {
                        let middle = random.below(length + 1);
                        let (first, second) = payload.split_at(middle);
                        bytes.extend(sent(OpCode::Data(Data::Binary), false, first));
                        bytes.extend(ping);
                        bytes.extend(sent(OpCode::Data(Data::Continue), true, second));
                        expected.push(Message::Ping(Bytes::from_static(b"here?")));
                        expected.push(Message::Binary(payload.into()));
                    }
                    1 => {
                        bytes.extend(sent(OpCode::Data(Data::Text), true, "é🙂".as_bytes()));
                        expected.push(Message::Text(Bytes::from_static("é🙂".as_bytes())));
                    }
                    _ => {
                        bytes.extend(sent(OpCode::Data(Data::Binary), true, &payload));
                        expected.push(Message::Binary(payload.into()));
                    }
                }
            }
            let messages = read(&bytes, |rest| (1 + random.below(9_000)).min(rest));
            assert!(messages == expected, "seed {seed}");
            assert!(read(&bytes, |rest| rest) == expected, "seed {seed}");
        }
    }

    #[test]
    fn what_no_client_may_send_ends_the_connection() {
        let binary = OpCode::Data(Data::Binary);
        let whole = sent(binary, true, b"x");
        let changed = |place: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[place] = byte;
            bytes
        };
        let cases = [
            ("unmasked", changed(1, 1)),
            ("an extension", changed(0, 0xc2)),
            ("an unknown opcode", changed(0, 0x83)),
            ("a continuation of nothing", changed(0, 0x80)),
            ("a control frame in parts", changed(0, 0x09)),
            (
                "text that is not UTF-8",
                sent(OpCode::Data(Data::Text), true, &[0xff]),
            ),
            (
                "a long ping",
                sent(OpCode::Control(Control::Ping), true, &[0; 126]),
            ),
            (
                "a message within another",
                [sent(binary, false, b"x"), whole.clone()].concat(),
            ),
        ];
        for (case, bytes) in cases {
            let mut assembly = Assembly::new(LIMIT);
            assembly.add(&bytes);
            assert_eq!(assembly.next(), Err(Unreadable::Broken), "{case}");
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_before_it_has_come() {
        let long = sent(OpCode::Data(Data::Binary), true, &vec![0; LIMIT + 1]);
        let mut assembly = Assembly::new(LIMIT);
        assembly.add(&long[..14]);
        assert_eq!(assembly.next(), Err(Unreadable::TooLarge));
        let mut assembly = Assembly::new(LIMIT);
        assembly.add(&sent(OpCode::Data(Data::Binary), false, &vec![0; LIMIT]));
        assembly.add(&sent(OpCode::Data(Data::Continue), true, b"x"));
        assert_eq!(assembly.next(), Err(Unreadable::TooLarge), "in parts");
        let mut claims = Assembly::new(usize::MAX);
        claims.add(&[
            0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ]);
        assert_eq!(claims.next(), Ok(None));
        assert!(claims.kept_bytes() < 1_000, "a claim costs nothing");
    }
}
