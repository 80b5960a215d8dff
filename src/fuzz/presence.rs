//! What clients say of themselves, and what servers tell each other through the log.

use bytes::Bytes;

use crate::presence::entry::{self, Said};
use crate::presence::message::Message;

/// An entry of a client, or a message of a server when the first byte is even.
pub fn presence(bytes: &[u8]) {
    match bytes.split_first() {
        Some((kind, message)) if kind % 2 == 0 => server(Bytes::copy_from_slice(message)),
        Some((_, update)) => client(update),
        None => {}
    }
}

fn server(message: Bytes) {
    if let Some(message) = Message::decode(message) {
        let again = Message::decode(message.encode());
        assert_eq!(again, Some(message), "it reads as it was written");
    }
}

fn client(update: &[u8]) {
    if let Said::Here(key, values) = entry::read(update, |key| key != "8") {
        assert_ne!(key, "8", "an entry under another's key is let go");
        // What goes to the readers can be read by them.
        let shown = entry::write(&key, values);
        assert_ne!(entry::read(&shown, |_| true), Said::Gone);
    }
}
