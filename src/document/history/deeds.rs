//! What was done between two versions, as far as characters that are gone or look otherwise do not
//! tell it themselves: who deleted, and who set a mark or an attribute.

use std::collections::HashMap;

use loro::{
    ContainerID, ID, IdSpan, JsonChange, JsonListOp, JsonMapOp, JsonOpContent, JsonTextOp,
    LoroValue, VersionVector,
};

use super::budget::Budget;
use super::{Edit, History};
use crate::error::Result;

/// Deeds between two versions.
#[derive(Debug, Default)]
pub struct Deeds {
    /// The operations that were looked at.
    spans: Vec<IdSpan>,
    /// Which operation deleted a character or a block.
    deleted: HashMap<ID, ID>,
    /// Which operations set a key of a container, be it a mark's or a map's.
    set: HashMap<(ContainerID, String), Vec<(ID, LoroValue)>>,
}

impl Deeds {
    /// Reads the operations that `to` has beyond `from`.
    ///
    /// # Errors
    /// `Limited` when the time is over.
    pub fn between(
        history: &History,
        from: &VersionVector,
        to: &VersionVector,
        budget: &Budget,
    ) -> Result<Self> {
        let mut deeds = Self {
            spans: spans(from, to),
            ..Self::default()
        };
        for span in deeds.spans.clone() {
            for change in history.changes(span)? {
                budget.check()?;
                deeds.read(change);
            }
        }
        Ok(deeds)
    }

    fn read(&mut self, change: JsonChange) {
        let peer = change.id.peer;
        for op in change.ops {
            let id = ID::new(peer, op.counter);
            match op.content {
                JsonOpContent::Text(JsonTextOp::Delete { len, start_id, .. })
                | JsonOpContent::List(JsonListOp::Delete { len, start_id, .. }) => {
                    for (by, gone) in deletions(id, start_id, len) {
                        self.deleted.entry(gone).or_insert(by);
                    }
                }
                JsonOpContent::Text(JsonTextOp::Mark {
                    style_key,
                    style_value,
                    ..
                }) => self.set(op.container, style_key, id, style_value),
                JsonOpContent::Map(JsonMapOp::Insert { key, value }) => {
                    self.set(op.container, key, id, value);
                }
                JsonOpContent::Map(JsonMapOp::Delete { key }) => {
                    self.set(op.container, key, id, LoroValue::Null);
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, container: ContainerID, key: String, by: ID, value: LoroValue) {
        self.set
            .entry((container, key))
            .or_default()
            .push((by, value));
    }

    /// Whether an operation is one of these.
    pub fn is_in(&self, id: ID) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|span| {
            span.peer == id.peer && (span.counter.start..span.counter.end).contains(&id.counter)
        })
    }

    /// The edit that deleted a character, or something that it stood in.
    pub fn deleted_by<'h>(
        &self,
        history: &'h History,
        id: Option<ID>,
        containers: impl Iterator<Item = ContainerID>,
    ) -> Option<&'h Edit> {
        let within = containers.filter_map(|container| match container {
            ContainerID::Normal { peer, counter, .. } => Some(ID::new(peer, counter)),
            ContainerID::Root { .. } => None,
        });
        let by = id.into_iter().chain(within);
        let by = by.filter_map(|id| self.deleted.get(&id));
        by.filter_map(|by| history.edit_of(*by)).next()
    }

    /// The last edit that gave one of the keys one of these values, in one of the containers.
    pub fn set_by<'h>(
        &self,
        history: &'h History,
        containers: impl Iterator<Item = ContainerID>,
        keys: &[(String, LoroValue)],
    ) -> Option<&'h Edit> {
        let mut last: Option<&Edit> = None;
        for container in containers {
            for (key, value) in keys {
                let set = self.set.get(&(container.clone(), key.clone()));
                let same = set.into_iter().flatten().filter(|(_, set)| set == value);
                for edit in same.filter_map(|(by, _)| history.edit_of(*by)) {
                    let order = |edit: &Edit| (edit.created_us, edit.edit_id);
                    if last.is_none_or(|last| order(last) < order(edit)) {
                        last = Some(edit);
                    }
                }
            }
        }
        last
    }
}

/// What an operation of deletion deletes: `len` elements, of which `start` is the leftmost. It is
/// negative when each of its steps deleted the one before, as backspace does.
pub fn deletions(by: ID, start: ID, len: i32) -> impl Iterator<Item = (ID, ID)> {
    let count = len.unsigned_abs() as i32;
    (0..count).map(move |step| {
        let offset = if len < 0 { count - 1 - step } else { step };
        (by.inc(step), start.inc(offset))
    })
}

/// What `to` has beyond `from`.
pub fn spans(from: &VersionVector, to: &VersionVector) -> Vec<IdSpan> {
    let mut spans: Vec<IdSpan> = to
        .iter()
        .map(|(peer, end)| IdSpan::new(*peer, from.get(peer).copied().unwrap_or(0), *end))
        .filter(|span| span.counter.start < span.counter.end)
        .collect();
    spans.sort_by_key(|span| (span.peer, span.counter.start));
    spans
}

impl History {
    /// The operations of a span.
    pub(super) fn changes(&self, span: IdSpan) -> Result<Vec<JsonChange>> {
        self.live.read(|doc| doc.export_json_in_id_span(span))
    }
}
