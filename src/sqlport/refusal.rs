//! What the port itself refuses with, written as Postgres writes its errors.

use bytes::{BufMut, BytesMut};

/// An ErrorResponse of the port's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    is_fatal: bool,
    /// SQLSTATE.
    pub code: &'static str,
    pub message: String,
    pub hint: Option<&'static str>,
    /// In the statement, in characters from 1.
    pub position: Option<usize>,
}

impl Refusal {
    /// The session ends with it, or never begins.
    pub fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_fatal: true,
            ..Self::error(code, message)
        }
    }

    /// The client does not speak the protocol.
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::fatal("08P01", message)
    }

    /// The statement fails with it, and the session goes on.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            is_fatal: false,
            code,
            message: message.into(),
            hint: None,
            position: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    #[must_use]
    pub fn at(mut self, position: usize) -> Self {
        self.position = Some(position);
        self
    }

    /// As a message of the protocol.
    pub fn message(&self) -> BytesMut {
        let severity = if self.is_fatal { "FATAL" } else { "ERROR" };
        let position = self.position.map(|position| position.to_string());
        let fields = [
            (b'S', Some(severity)),
            (b'V', Some(severity)),
            (b'C', Some(self.code)),
            (b'M', Some(&*self.message)),
            (b'H', self.hint),
            (b'P', position.as_deref()),
        ];
        let mut body = BytesMut::new();
        for (tag, value) in fields {
            let Some(value) = value else { continue };
            body.put_u8(tag);
            // A zero ends the field.
            body.extend(value.bytes().filter(|byte| *byte != 0));
            body.put_u8(0);
        }
        body.put_u8(0);
        let mut message = BytesMut::with_capacity(body.len() + 5);
        message.put_u8(b'E');
        message.put_u32((body.len() + 4) as u32);
        message.extend_from_slice(&body);
        message
    }
}
