//! What an update's operations claim about the document, checked against it: dependencies, lamport
//! times, roots, sizes. Deletions are checked in `elements`.

use std::collections::HashMap;

use loro::{Counter, Frontiers, ID, LoroDoc, VersionVector};

use super::Refusal;
use super::decode::{Change, Container, Decoded};
use super::operation::Op;
use crate::document::update::UpdateMeta;

/// Characters that one update may insert into one text: Loro is quadratic in concurrent ones.
const MAX_INSERTED: u64 = 1_000_000;
/// Characters that one text may hold.
const MAX_TEXT: usize = 10_000_000;

/// What the document is at, for the trial of one update.
pub struct Base<'a> {
    pub doc: &'a LoroDoc,
    pub durable: &'a VersionVector,
}

/// What is known of an update after the checks.
#[derive(Debug, Default)]
pub struct Checked {
    /// The author had seen exactly what the copy holds.
    pub is_linear: bool,
    pub has_deletions: bool,
    pub has_many_dependencies: bool,
    pub inserted: u32,
    pub deleted: u32,
}

/// Why an update does not pass.
pub enum Failure {
    Missing,
    Refused(Refusal),
}

impl Failure {
    fn harmful<T>() -> Result<T, Self> {
        Err(Self::Refused(Refusal::Harmful))
    }
}

impl Base<'_> {
    /// Checks everything that can be checked before the import.
    pub fn check(&self, update: &Decoded<'_>, meta: UpdateMeta) -> Result<Checked, Failure> {
        let mut checked = Checked::default();
        self.check_changes(update, meta, &mut checked)?;
        check_operations(self.doc, update, &mut checked)?;
        Ok(checked)
    }

    fn check_changes(
        &self,
        update: &Decoded<'_>,
        meta: UpdateMeta,
        checked: &mut Checked,
    ) -> Result<(), Failure> {
        let mut next = meta.counter_start;
        let mut lamport = 0;
        for (i, change) in update.changes.iter().enumerate() {
            if change.id != ID::new(meta.peer, next) {
                return Err(Failure::Refused(Refusal::Malformed));
            }
            let follows = i > 0 && change.depends_on_self;
            let mut least = if follows { lamport } else { 0 };
            if change.depends_on_self && !follows {
                least = self.lamport_after(change.id.inc(-1))?;
            }
            for id in &change.others {
                let known = self.durable.get(&id.peer).copied().unwrap_or(0);
                if id.peer == meta.peer {
                    return Failure::harmful();
                }
                if id.counter >= known {
                    return Err(Failure::Missing);
                }
                least = least.max(self.lamport_after(*id)?);
            }
            if change.lamport != least || least > u32::MAX / 2 {
                return Failure::harmful();
            }
            checked.has_many_dependencies |= change.others.len() > 1;
            if i == 0 {
                checked.is_linear = self.check_first(change)?;
            } else if !change.others.is_empty() || !change.depends_on_self {
                checked.is_linear = false;
            }
            next += change.len;
            lamport = change.lamport + change.len as u32;
        }
        if next != meta.counter_end {
            return Err(Failure::Refused(Refusal::Malformed));
        }
        Ok(())
    }

    /// Whether the author had seen exactly this copy.
    fn check_first(&self, change: &Change) -> Result<bool, Failure> {
        let seen = seen(change);
        let frontiers = Frontiers::from(seen.clone());
        if seen.len() > 1 {
            // Dependencies that follow from others are never written.
            match self.doc.minimize_frontiers(&frontiers) {
                Ok(least) if least.len() == seen.len() => {}
                _ => return Failure::harmful(),
            }
        }
        if frontiers == self.doc.oplog_frontiers() {
            return Ok(true);
        }
        if change.id.counter > 0 && !change.depends_on_self {
            let version = self.doc.frontiers_to_vv(&frontiers);
            let own = version.and_then(|version| version.get(&change.id.peer).copied());
            if own.unwrap_or(0) < change.id.counter {
                return Failure::harmful();
            }
        }
        Ok(false)
    }

    fn lamport_after(&self, id: ID) -> Result<u32, Failure> {
        let change = self.doc.get_change(id).ok_or(Failure::Missing)?;
        let offset = u32::try_from(id.counter - change.id.counter);
        let offset = offset.map_err(|_| Failure::Missing)?;
        Ok(change.lamport + offset + 1)
    }
}

fn check_operations(
    doc: &LoroDoc,
    update: &Decoded<'_>,
    checked: &mut Checked,
) -> Result<(), Failure> {
    if !update.containers.iter().all(Container::is_known) {
        return Failure::harmful();
    }
    let mut open_mark: Option<(usize, Counter)> = None;
    let mut inserted: HashMap<usize, u64> = HashMap::new();
    for operation in &update.operations {
        let at = operation.container;
        let end = open_mark.take();
        if end.is_some() != matches!(operation.kind, Op::MarkEnd)
            || end.is_some_and(|end| end != (at, operation.counter))
        {
            return Failure::harmful();
        }
        match &operation.kind {
            Op::InsertText { len, text, .. } => {
                let sum = inserted.entry(at).or_default();
                *sum += u64::from(*len);
                if *sum > MAX_INSERTED || text.is_empty() {
                    return Err(Failure::Refused(Refusal::TooLarge));
                }
                checked.inserted = checked.inserted.saturating_add(*len);
            }
            Op::Delete { len, .. } => {
                checked.has_deletions = true;
                checked.deleted = checked.deleted.saturating_add(*len);
            }
            Op::MarkStart { len, .. } => {
                if *len == 0 {
                    return Failure::harmful();
                }
                open_mark = Some((at, operation.counter + 1));
            }
            Op::MarkEnd | Op::Set | Op::Unset => {}
        }
    }
    if open_mark.is_some() {
        return Failure::harmful();
    }
    for (at, sum) in inserted {
        if sum > 1000 {
            let text = doc.get_container(update.containers[at].id());
            let there = text.and_then(|text| Some(text.into_text().ok()?.len_unicode()));
            if there.unwrap_or(0) + sum as usize > MAX_TEXT {
                return Err(Failure::Refused(Refusal::TooLarge));
            }
        }
    }
    Ok(())
}

/// All that the author had seen before the change.
pub fn seen(change: &Change) -> Vec<ID> {
    let own = change.depends_on_self.then(|| change.id.inc(-1));
    change.others.iter().copied().chain(own).collect()
}
