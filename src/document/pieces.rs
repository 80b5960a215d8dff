//! Operations in pieces that build on those of others only at their start: so each can be sent, tried
//! and stored as soon as what it builds on is there.

use std::ops::Range;

use loro::{ExportMode, ID, IdSpan, LoroDoc, VersionVector};

use crate::error::{Error, Kind, Result};

/// Operations of one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub peer: u64,
    pub counters: Range<i32>,
    /// What the first of them builds on, besides the peer's own before it.
    pub needs: Vec<ID>,
    /// Grows along everything that builds on it.
    pub lamport: u32,
}

impl Piece {
    /// Whether a document of this version has what it builds on, if it has the peer's own before it.
    pub fn fits(&self, version: &VersionVector) -> bool {
        let has = |id: &ID| version.get(&id.peer).is_some_and(|end| *end > id.counter);
        self.needs.iter().all(has)
    }

    /// Its operations as one update.
    ///
    /// # Errors
    /// `Internal` when Loro cannot export.
    pub fn export(&self, document: &LoroDoc) -> Result<Vec<u8>> {
        let span = IdSpan::new(self.peer, self.counters.start, self.counters.end);
        document
            .export(ExportMode::updates_in_range(vec![span]))
            .map_err(|error| Error::caused(Kind::Internal, "export a piece", error))
    }
}

/// What a document has of one peer between counters, in its order.
pub fn pieces_of(document: &LoroDoc, peer: u64, counters: Range<i32>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = counters.start;
    while start < counters.end {
        let Some(change) = document.get_change(ID::new(peer, start)) else {
            break;
        };
        let end = (change.id.counter + change.len as i32).min(counters.end);
        // Within a change each operation builds on the one before it.
        let is_first = change.id.counter == start;
        let needs = change.deps.iter().filter(|id| is_first && id.peer != peer);
        pieces.push(Piece {
            peer,
            counters: start..end,
            needs: needs.collect(),
            lamport: change.lamport + (start - change.id.counter) as u32,
        });
        start = end;
    }
    pieces
}

/// Everything that a document has beyond `version`, each behind what it builds on.
pub fn pieces_beyond(document: &LoroDoc, version: &VersionVector) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = document
        .oplog_vv()
        .iter()
        .flat_map(|(peer, end)| {
            let start = version.get(peer).copied().unwrap_or(0);
            pieces_of(document, *peer, start..*end)
        })
        .collect();
    pieces.sort_by_key(|piece| (piece.lamport, piece.peer));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two people who answer each other, word by word.
    fn in_turns() -> (LoroDoc, LoroDoc) {
        let (one, two) = (LoroDoc::new(), LoroDoc::new());
        one.set_peer_id(1).expect("a peer");
        two.set_peer_id(2).expect("a peer");
        for turn in 0..3 {
            for (from, to) in [(&one, &two), (&two, &one)] {
                let text = from.get_text("text");
                text.insert(text.len_unicode(), &format!("word{turn} "))
                    .expect("inserted");
                from.commit();
                let news = from.export(ExportMode::updates(&to.oplog_vv()));
                to.import(&news.expect("exported")).expect("imported");
            }
        }
        (one, two)
    }

    #[test]
    fn each_piece_can_be_taken_as_soon_as_what_it_builds_on_is_there() {
        let (document, _) = in_turns();
        let pieces = pieces_beyond(&document, &VersionVector::default());
        assert_eq!(pieces.len(), 6, "one for each turn");
        let copy = LoroDoc::new();
        for piece in &pieces {
            assert!(piece.fits(&copy.oplog_vv()), "{piece:?}");
            let status = copy.import(&piece.export(&document).expect("exported"));
            assert!(status.expect("imported").pending.is_none(), "{piece:?}");
        }
        assert_eq!(copy.oplog_vv(), document.oplog_vv());
    }

    #[test]
    fn a_piece_waits_for_what_it_builds_on() {
        let (document, _) = in_turns();
        let version = |ends: &[(u64, i32)]| ends.iter().copied().collect::<VersionVector>();
        let second = &pieces_of(&document, 2, 0..document.oplog_vv()[&2])[0];
        assert!(!second.fits(&version(&[])));
        assert!(!second.fits(&version(&[(1, 5)])), "not all of it");
        assert!(second.fits(&version(&[(1, 6)])));
    }

    #[test]
    fn what_begins_inside_of_a_change_needs_only_the_peers_own() {
        let (document, _) = in_turns();
        let pieces = pieces_of(&document, 2, 2..document.oplog_vv()[&2]);
        assert_eq!((pieces[0].counters.start, pieces[0].needs.len()), (2, 0));
        assert_eq!(pieces[1].needs.len(), 1);
    }
}
