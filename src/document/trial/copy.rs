//! One staging copy: the document as it will be when everything in the pipe has been committed, and
//! how an update is tried on it.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::panic::catch_unwind;

use loro::{Frontiers, LoroDoc, PeerID, VersionVector};

use super::decode::{Decoded, decode};
use super::elements::{Expectation, expect};
use super::meaning::{Base, Checked, Failure, seen};
use super::operation::Op;
use super::{Good, Refusal, Verdict};
use crate::document::live::LiveDocument;
use crate::document::update::{Block, UpdateMeta, blocks, update_meta};
use crate::error::Result;

/// Authors whose view of the document is kept.
const MAX_REPLICAS: usize = 4;

/// A staging copy.
pub struct Copy {
    live: LiveDocument,
    /// What authors had seen whose edits crossed those of others, by peer.
    replicas: HashMap<PeerID, LiveDocument>,
    /// Everything in it.
    staged: VersionVector,
    /// What of it came out of the feed.
    durable: VersionVector,
    /// What passed the trial and is not durable, oldest first. Whoever sends the same range again
    /// must send the same bytes: others were never tried.
    pending: VecDeque<(UpdateMeta, u64)>,
    fingerprints: RandomState,
    is_spoiled: bool,
    is_poisoned: bool,
    submits: u32,
    bytes: usize,
    /// Length of the document as it came, and of all updates since.
    encoded_bytes: usize,
}

impl Copy {
    /// Loads a snapshot; everything in it is durable. The error says whether Loro panicked.
    pub fn load(snapshot: &[u8]) -> Result<Self, bool> {
        let live = LiveDocument::from_snapshot(snapshot).map_err(|_| true)?;
        let version = live.version().map_err(|_| true)?;
        Ok(Self {
            bytes: live.bytes() + snapshot.len(),
            encoded_bytes: snapshot.len(),
            live,
            replicas: HashMap::new(),
            durable: version.clone(),
            pending: VecDeque::new(),
            fingerprints: RandomState::new(),
            staged: version,
            is_spoiled: false,
            is_poisoned: false,
            submits: 0,
        })
    }

    /// Roughly the heap that it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the copy must not be used again.
    pub fn is_spoiled(&self) -> bool {
        self.is_spoiled || self.is_poisoned
    }

    pub fn has_panicked(&self) -> bool {
        self.is_poisoned
    }

    /// An update came out of the feed: usually one that was tried here.
    pub fn committed(&mut self, update: &[u8]) {
        let Ok(meta) = update_meta(update) else {
            // The log holds a row that no trial let through: somebody else's copy decides.
            self.is_spoiled = true;
            return;
        };
        if meta.counter_end > counter(&self.staged, meta.peer) {
            match self.live.import(update) {
                Ok(imported) if !imported.pending => {
                    self.staged.insert(meta.peer, meta.counter_end);
                }
                // It builds on a row that was not told here, as while the feed was away. The tables have both.
                Ok(_) => {
                    self.is_spoiled = true;
                    return;
                }
                Err(_) => return self.spoil(),
            }
        }
        if meta.counter_end > counter(&self.durable, meta.peer) {
            self.durable.insert(meta.peer, meta.counter_end);
        }
        // A peer's own stand in its order, and nearly always the first of them is meant.
        while let Some(at) = self.pending.iter().position(|(p, _)| p.peer == meta.peer)
            && self.pending[at].0.counter_end <= meta.counter_end
        {
            self.pending.remove(at);
        }
    }

    /// Tries an update; a good one stays in the copy, which it must not make larger than `most_bytes`.
    pub fn submit(&mut self, update: &[u8], most_bytes: usize) -> Verdict {
        let Ok(meta) = update_meta(update) else {
            return Verdict::Refused(Refusal::Malformed);
        };
        let staged = counter(&self.staged, meta.peer);
        if meta.counter_end <= counter(&self.durable, meta.peer) {
            return Verdict::Known { durable: true };
        }
        if meta.counter_end <= staged {
            let sent_again = (meta, self.fingerprints.hash_one(update));
            if self.pending.contains(&sent_again) {
                return Verdict::Known { durable: false };
            }
            return Verdict::Refused(Refusal::Overlap);
        }
        if meta.counter_start < staged {
            return Verdict::Refused(Refusal::Overlap);
        }
        if meta.counter_start > staged {
            return Verdict::MissingDependencies;
        }
        if self.encoded_bytes + update.len() > most_bytes {
            return Verdict::Refused(Refusal::TooLarge);
        }
        let verdict = self.try_import(update, meta).unwrap_or_else(|_| {
            self.spoil();
            Verdict::Refused(Refusal::Harmful)
        });
        if let Verdict::Good(_) = verdict {
            self.staged.insert(meta.peer, meta.counter_end);
            let fingerprint = self.fingerprints.hash_one(update);
            self.pending.push_back((meta, fingerprint));
            self.bytes += 2 * update.len();
            self.encoded_bytes += update.len();
            self.submits += 1;
            if self.submits % 1024 == 0 {
                self.bytes = self.bytes.max(self.live.bytes());
            }
        }
        verdict
    }

    fn try_import(&mut self, update: &[u8], meta: UpdateMeta) -> Result<Verdict> {
        let decoded = match catch_unwind(|| decode(update)) {
            Ok(Ok(decoded)) => decoded,
            // The columns' decoder panics on some damage; it keeps no state.
            Ok(Err(_)) | Err(_) => return Ok(Verdict::Refused(Refusal::Malformed)),
        };
        let durable = &self.durable;
        let checked = self
            .live
            .read(|doc| Base { doc, durable }.check(&decoded, meta))?;
        let checked = match checked {
            Ok(checked) => checked,
            Err(Failure::Missing) => return Ok(Verdict::MissingDependencies),
            Err(Failure::Refused(refusal)) => return Ok(Verdict::Refused(refusal)),
        };
        let is_honest = if checked.is_linear || !checked.has_deletions {
            apply(
                &mut self.live,
                update,
                &decoded,
                meta,
                checked.has_deletions,
            )?
        } else {
            // The author's deletions name positions in what the author saw.
            self.import_as_author(update, &decoded, meta)?
        };
        if !is_honest || !self.reads_back(update, meta, &checked)? {
            self.is_spoiled = true;
            return Ok(Verdict::Refused(Refusal::Harmful));
        }
        Ok(Verdict::Good(Good {
            peer: meta.peer,
            counter_start: meta.counter_start,
            counter_end: meta.counter_end,
            inserted: checked.inserted,
            deleted: checked.deleted,
        }))
    }

    /// Tries the update change by change on a replica of what its author saw, then imports it here.
    fn import_as_author(
        &mut self,
        update: &[u8],
        decoded: &Decoded<'_>,
        meta: UpdateMeta,
    ) -> Result<bool> {
        if !apply(&mut self.live, update, decoded, meta, false)? {
            return Ok(false);
        }
        let mut replica = match self.replicas.remove(&meta.peer) {
            Some(replica) => replica,
            None => LiveDocument::empty(),
        };
        for change in &decoded.changes {
            let frontiers = Frontiers::from(seen(change));
            let Some(version) = self.live.read(|doc| doc.frontiers_to_vv(&frontiers))? else {
                return Ok(false);
            };
            if !version.includes_vv(&replica.version()?) {
                replica = LiveDocument::empty();
            }
            let news = self.live.export_between(&replica.version()?, &version)?;
            if let Some(news) = news {
                if replica.import(&news)?.pending {
                    return Ok(false);
                }
            }
            let end = change.id.counter + change.len;
            let span = UpdateMeta {
                peer: meta.peer,
                counter_start: change.id.counter,
                counter_end: end,
            };
            let part = self.live.export_range(meta.peer, change.id.counter..end)?;
            if !apply(&mut replica, &part, decoded, span, true)? {
                return Ok(false);
            }
        }
        if self.replicas.len() >= MAX_REPLICAS {
            self.replicas.clear();
        }
        self.replicas.insert(meta.peer, replica);
        Ok(true)
    }

    /// Whether Loro writes the same bytes again, so that whoever gets the update second hand gets
    /// the same. If it does not, everything is replayed from scratch and compared.
    fn reads_back(&self, update: &[u8], meta: UpdateMeta, checked: &Checked) -> Result<bool> {
        let again = self
            .live
            .export_range(meta.peer, meta.counter_start..meta.counter_end)?;
        // Loro writes dependencies on several peers in any order.
        if again == update || (checked.has_many_dependencies && is_alike(&again, update)) {
            return Ok(true);
        }
        let all = self.live.export_from(&VersionVector::default())?;
        let mut replay = LiveDocument::empty();
        if replay.import(&all)?.pending || replay.version()? != self.live.version()? {
            return Ok(false);
        }
        Ok(self.live.read(LoroDoc::get_deep_value)? == replay.read(LoroDoc::get_deep_value)?)
    }

    fn spoil(&mut self) {
        self.is_spoiled = true;
        self.is_poisoned |= self.live.is_poisoned();
    }
}

fn counter(version: &VersionVector, peer: u64) -> i32 {
    version.get(&peer).copied().unwrap_or(0)
}

/// Imports the update's operations between the counters of `span`. With `is_checked`, `live` must
/// be at exactly what the author saw: then the deletions are checked. False when they lie.
fn apply(
    live: &mut LiveDocument,
    update: &[u8],
    decoded: &Decoded<'_>,
    span: UpdateMeta,
    is_checked: bool,
) -> Result<bool> {
    let mut expectations: Vec<Expectation> = Vec::new();
    if is_checked {
        let found = live.read(|doc| expectations_of(doc, decoded, span))?;
        match found {
            Some(found) => expectations = found,
            None => return Ok(false),
        }
    }
    if live.import(update)?.pending {
        return Ok(false);
    }
    live.read(|doc| expectations.iter().all(|e| e.is_met(doc)))
}

fn expectations_of(
    doc: &LoroDoc,
    decoded: &Decoded<'_>,
    span: UpdateMeta,
) -> Option<Vec<Expectation>> {
    let counters = span.counter_start..span.counter_end;
    let operations = || {
        let counters = counters.clone();
        decoded
            .operations
            .iter()
            .filter(move |op| counters.contains(&op.counter))
    };
    let mut touched: Vec<_> = operations()
        .filter(|op| matches!(op.kind, Op::Delete { .. }))
        .map(|op| decoded.containers[op.container])
        .collect();
    touched.sort_unstable_by_key(|container| format!("{container:?}"));
    touched.dedup();
    let mut expectations = Vec::with_capacity(touched.len());
    for container in touched {
        let of_it = operations().filter(|op| decoded.containers[op.container] == container);
        expectations.push(expect(
            doc,
            container.id(),
            span.peer,
            counters.clone(),
            of_it,
        )?);
    }
    Some(expectations)
}

/// Whether two updates differ in nothing but the order of dependencies.
fn is_alike(a: &[u8], b: &[u8]) -> bool {
    let (Ok(a), Ok(b)) = (blocks(a), blocks(b)) else {
        return false;
    };
    a.zip(b).all(|(a, b)| {
        let (Ok(Ok(a)), Ok(Ok(b))) = (a.map(Block::read), b.map(Block::read)) else {
            return false;
        };
        a.without_header() == b.without_header() && a.header.len().abs_diff(b.header.len()) < 64
    })
}
