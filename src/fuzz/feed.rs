//! What the database sends on the replication connection.

use crate::feed::pgoutput::Envelope;
use crate::feed::wire::{Frames, Refusal};
use crate::feed::{Assembly, Output};
use futures_util::FutureExt;
use postgres_protocol::message::backend::Message;

/// CopyData (PostgreSQL's documentation, "Message Formats").
const COPY_DATA: u8 = b'd';

/// The bytes of the connection, from where the stream has begun.
pub fn feed(bytes: &[u8]) {
    let mut frames = Frames::new(bytes);
    let mut assembly = Assembly::new();
    // A slice is always ready.
    while let Some(Ok(frame)) = frames.next().now_or_never() {
        if frame.tag != COPY_DATA {
            if let Ok(Message::ErrorResponse(body)) = frame.message() {
                let _ = Refusal::read(body.fields())
                    .into_error("stream")
                    .to_string();
            }
            continue;
        }
        let Ok(Envelope::Data {
            sent_at_us,
            message,
        }) = Envelope::decode(frame.body())
        else {
            continue;
        };
        // A stream that says something impossible is given up, with its assembly.
        match assembly.take(message, sent_at_us) {
            Ok(Output::Transaction(transaction)) => {
                assert!(
                    transaction.changes.len() <= 1000,
                    "large ones come in pieces"
                );
            }
            Ok(Output::Nothing | Output::Passed(_)) => {}
            Err(_) => return,
        }
    }
}
