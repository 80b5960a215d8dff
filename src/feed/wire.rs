//! Messages of the Postgres protocol on a socket, and what the database refuses with.

use bytes::{Bytes, BytesMut};
use postgres_protocol::message::backend::{
    COPY_DONE_TAG, ErrorFields, Header, Message, NOTICE_RESPONSE_TAG, PARAMETER_STATUS_TAG,
};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::{Error, Kind, Result};

/// Read at once where there is more.
const READ_BYTES: usize = 64 << 10;

/// CopyBothResponse, which `postgres-protocol` does not know.
pub(super) const COPY_BOTH: u8 = b'W';
pub(super) const COPY_DONE: u8 = COPY_DONE_TAG;

/// One message, whole.
#[derive(Debug)]
pub(crate) struct Frame {
    pub tag: u8,
    whole: BytesMut,
}

impl Frame {
    /// Takes the first message out of `buffer`, if it is all there.
    fn take(buffer: &mut BytesMut) -> Result<Option<Self>> {
        let Some(header) = Header::parse(buffer).map_err(broken)? else {
            return Ok(None);
        };
        // `len` counts itself and what follows, and is at least 4; only the tag stands before it.
        let total = 1 + header.len() as usize;
        if buffer.len() < total {
            return Ok(None);
        }
        Ok(Some(Self {
            tag: header.tag(),
            whole: buffer.split_to(total),
        }))
    }

    /// What follows the header, without copying.
    pub fn body(self) -> Bytes {
        self.whole.freeze().split_off(5)
    }

    /// The message as `postgres-protocol` reads it; not for [`COPY_BOTH`].
    pub fn message(mut self) -> Result<Message> {
        let message = Message::parse(&mut self.whole).map_err(broken)?;
        Ok(message.expect("a frame is a whole message"))
    }

    /// Whether it may come at any time and asks for nothing.
    fn is_aside(&self) -> bool {
        matches!(self.tag, NOTICE_RESPONSE_TAG | PARAMETER_STATUS_TAG)
    }
}

/// The reading half of a connection.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    pub socket: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub fn new(socket: R) -> Self {
        let buffer = BytesMut::new();
        Self { socket, buffer }
    }

    /// The next message that is not a notice. Cancel-safe. An ErrorResponse is returned like any
    /// other; the end of the connection is an error of kind `Unavailable`.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.ready()? {
                return Ok(frame);
            }
            if self.buffer.capacity() - self.buffer.len() < READ_BYTES / 16 {
                self.buffer.reserve(READ_BYTES);
            }
            let read = self
                .socket
                .read_buf(&mut self.buffer)
                .await
                .map_err(broken)?;
            if read == 0 {
                return Err(Error::new(
                    Kind::Unavailable,
                    "the database closed the connection",
                ));
            }
        }
    }

    /// The next message that is not a notice, if it has been read already.
    pub fn ready(&mut self) -> Result<Option<Frame>> {
        loop {
            match Frame::take(&mut self.buffer)? {
                Some(frame) if frame.is_aside() => {}
                frame => return Ok(frame),
            }
        }
    }

    /// The same reader over another form of its socket.
    pub fn map<S>(self, change: impl FnOnce(R) -> S) -> Frames<S> {
        Frames {
            socket: change(self.socket),
            buffer: self.buffer,
        }
    }
}

/// The connection failed: kind `Unavailable`.
pub(super) fn broken(e: std::io::Error) -> Error {
    Error::caused(Kind::Unavailable, "talk to the database", e)
}

/// The database sent something that cannot come here.
pub(super) fn unexpected(when: &str) -> Error {
    Error::new(
        Kind::Unavailable,
        format!("{when}: unexpected answer; is this Postgres, without a pooler in between?"),
    )
}

/// What an ErrorResponse says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub code: String,
    message: String,
}

impl Refusal {
    pub const LOCK_TIMEOUT: &str = "55P03";

    pub fn read(mut fields: ErrorFields<'_>) -> Self {
        use fallible_iterator::FallibleIterator;
        let mut refusal = Self {
            code: String::new(),
            message: String::new(),
        };
        while let Ok(Some(field)) = fields.next() {
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => refusal.code = value,
                b'M' => refusal.message = value,
                _ => {}
            }
        }
        refusal
    }

    /// The error of `doing`, with the mend where there is one to be named.
    pub fn into_error(self, doing: &str) -> Error {
        let mend = self.mend();
        let is_setting = |class: &&str| self.code.starts_with(*class);
        let kind = match mend.is_some() || ["28", "42", "3D", "55"].iter().any(is_setting) {
            true => Kind::Setting,
            false => Kind::Unavailable,
        };
        let context = match mend {
            Some(mend) => format!("{doing} ({mend})"),
            None => doing.to_owned(),
        };
        Error::caused(kind, context, self)
    }

    fn mend(&self) -> Option<&'static str> {
        let says = |word| self.message.contains(word);
        Some(match self.code.as_str() {
            "55000" if says("wal_level") => {
                "set wal_level = logical in postgresql.conf and restart Postgres"
            }
            "53400" if says("replication slots") => {
                "raise max_replication_slots: each Quire server needs one, then restart Postgres"
            }
            "53300" if says("max_wal_senders") => {
                "raise max_wal_senders: each Quire server needs one, then restart Postgres"
            }
            "42501" => "the role needs REPLICATION: alter role ... replication",
            "42704" if says("publication") => "run quire migrate",
            "28000" => "pg_hba.conf must let this role and host in",
            "28P01" => "the password in DATABASE_URL is not the role's",
            "08P01" | "42601" => "is a pooler in between? the feed needs a direct connection",
            _ => return None,
        })
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_whole_however_they_arrive() {
        let bytes = b"N\0\0\0\x05\0dDUMMY".to_vec();
        let mut bytes = bytes[..6].to_vec();
        bytes.extend(b"d\0\0\0\x07abc");
        bytes.extend(b"d\0\0\0\x04");
        let (client, mut server) = tokio::io::duplex(1);
        let sender = tokio::spawn(async move {
            tokio::io::AsyncWriteExt::write_all(&mut server, &bytes)
                .await
                .unwrap();
        });
        let mut frames = Frames::new(client);
        let first = frames.next().await.unwrap();
        assert_eq!((first.tag, &first.body()[..]), (b'd', &b"abc"[..]));
        assert!(frames.next().await.unwrap().body().is_empty());
        sender.await.unwrap();
        assert_eq!(frames.next().await.unwrap_err().kind(), Kind::Unavailable);
    }

    #[test]
    fn a_refusal_names_the_setting_to_mend() {
        let refusal = |code: &str, message: &str| Refusal {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let wal = refusal(
            "55000",
            "logical decoding requires \"wal_level\" >= \"logical\"",
        );
        let error = wal.into_error("create the slot");
        assert_eq!(error.kind(), Kind::Setting);
        assert!(error.to_string().contains("wal_level = logical"), "{error}");
        let starting = refusal("57P03", "the database system is starting up");
        assert_eq!(starting.into_error("connect").kind(), Kind::Unavailable);
    }
}
