//! Which of the servers does what one of them must do for a document: each document has an order of
//! the servers, so that they share the work and a killed one is stood in for. No I/O.

use sha2::{Digest, Sha256};

use crate::document::trial::DocKey;

/// How many other servers come before the first one of these in the order that they have for a
/// document. They may know each other differently for a moment: then two do it, or one does it later.
pub fn turn(servers: &[String], key: &DocKey) -> u32 {
    let place = |server: &String| -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(server.as_bytes());
        hash.update(key.org_id.as_bytes());
        hash.update(key.document_id.as_bytes());
        hash.finalize().into()
    };
    let Some((own, others)) = servers.split_first() else {
        return 0;
    };
    let own = place(own);
    let before = others.iter().filter(|other| place(other) < own).count();
    u32::try_from(before).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn each_document_has_one_server_that_does_it_first() {
        let names: Vec<String> = (0..3).map(|n| format!("http://server-{n}")).collect();
        let mut first = [0; 3];
        for number in 0..300 {
            let key = DocKey {
                org_id: Uuid::nil(),
                document_id: Uuid::from_u128(number),
            };
            let mut turns: Vec<u32> = Vec::new();
            for own in 0..3 {
                let mut known = names.clone();
                known.swap(0, own);
                turns.push(turn(&known, &key));
            }
            first[turns.iter().position(|turn| *turn == 0).expect("one")] += 1;
            turns.sort_unstable();
            assert_eq!(turns, [0, 1, 2]);
        }
        assert!(first.iter().all(|count| *count > 60), "{first:?}");
    }
}
