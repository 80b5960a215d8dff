//! What servers say to each other about the versions that they hold, through the log and without
//! rows. Pure bytes. Servers of an older version let these messages go.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::document::trial::DocKey;
use crate::fanout::Digest;
use crate::feed::message::{put_bytes, take_array, take_text, take_uuid};

/// Unlike the first byte of any other message.
const FORMAT: u8 = 2;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Whoever has these documents open: say which version you hold where this stands in the log.
    Probe {
        probe_id: Uuid,
        documents: Vec<DocKey>,
    },
    /// One server's answer.
    Answers {
        probe_id: Uuid,
        server_id: Uuid,
        /// Where browsers reach it: its name for people.
        address: String,
        digests: Vec<(DocKey, Digest)>,
    },
}

impl Message {
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(FORMAT);
        match self {
            Self::Probe {
                probe_id,
                documents,
            } => {
                out.put_u8(0);
                out.put_slice(probe_id.as_bytes());
                out.put_u32(documents.len() as u32);
                for document in documents {
                    put_document(&mut out, document);
                }
            }
            Self::Answers {
                probe_id,
                server_id,
                address,
                digests,
            } => {
                out.put_u8(1);
                out.put_slice(probe_id.as_bytes());
                out.put_slice(server_id.as_bytes());
                put_bytes(&mut out, address.as_bytes());
                out.put_u32(digests.len() as u32);
                for (document, digest) in digests {
                    put_document(&mut out, document);
                    out.put_slice(digest);
                }
            }
        }
        out.freeze()
    }

    /// None for anything that is not a whole message of this kind.
    pub fn decode(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u8().ok()? != FORMAT {
            return None;
        }
        let kind = bytes.try_get_u8().ok()?;
        let probe_id = take_uuid(&mut bytes)?;
        match kind {
            0 => {
                let count = bytes.try_get_u32().ok()?;
                // Grows as they are read: the count alone reserves nothing.
                let mut documents = Vec::new();
                for _ in 0..count {
                    documents.push(document(&mut bytes)?);
                }
                Some(Self::Probe {
                    probe_id,
                    documents,
                })
            }
            1 => {
                let server_id = take_uuid(&mut bytes)?;
                let address = take_text(&mut bytes)?;
                let count = bytes.try_get_u32().ok()?;
                let mut digests = Vec::new();
                for _ in 0..count {
                    digests.push((document(&mut bytes)?, take_array(&mut bytes)?));
                }
                Some(Self::Answers {
                    probe_id,
                    server_id,
                    address,
                    digests,
                })
            }
            _ => None,
        }
    }
}

fn put_document(out: &mut BytesMut, document: &DocKey) {
    out.put_slice(document.org_id.as_bytes());
    out.put_slice(document.document_id.as_bytes());
}

fn document(bytes: &mut Bytes) -> Option<DocKey> {
    Some(DocKey {
        org_id: take_uuid(bytes)?,
        document_id: take_uuid(bytes)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_messages_read_as_they_were_written_and_no_part_of_them_does() {
        let document = DocKey {
            org_id: Uuid::from_u128(1),
            document_id: Uuid::from_u128(2),
        };
        let probe_id = Uuid::from_u128(3);
        let probe = Message::Probe {
            probe_id,
            documents: vec![document, document],
        };
        let answers = Message::Answers {
            probe_id,
            server_id: Uuid::from_u128(4),
            address: "http://127.0.0.1:4400".into(),
            digests: vec![(document, [7; 16])],
        };
        for message in [probe, answers] {
            let bytes = message.encode();
            assert_eq!(Message::decode(bytes.clone()), Some(message));
            for len in 0..bytes.len() {
                assert_eq!(Message::decode(bytes.slice(..len)), None);
            }
        }
    }
}
