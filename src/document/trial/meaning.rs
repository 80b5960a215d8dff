//! What an update's operations claim about the document, checked against it: dependencies, lamport
//! times, containers, sizes. Deletions are checked in `elements`.

use std::collections::HashMap;

use loro::{ContainerID, ContainerType, Counter, Frontiers, ID, LoroDoc, VersionVector};

use super::Refusal;
use super::decode::{Change, Container, Decoded, Type};
use super::operation::Op;
use crate::document::model::MAX_DEPTH;
use crate::document::update::UpdateMeta;

/// Containers that one may stand in: a node is a map, and its children are in a list of it.
const MAX_CONTAINERS: usize = 2 * MAX_DEPTH + 2;

/// Characters that one update may insert into one text: Loro is quadratic in concurrent ones.
const MAX_INSERTED: u64 = 1_000_000;
/// Characters that one text may hold.
const MAX_TEXT: usize = 10_000_000;

/// What the document is at, for the trial of one update.
pub struct Base<'a> {
    pub doc: &'a LoroDoc,
    pub durable: &'a VersionVector,
    /// How deep known containers stand.
    pub depths: &'a mut HashMap<ID, usize>,
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
    pub fn check(&mut self, update: &Decoded<'_>, meta: UpdateMeta) -> Result<Checked, Failure> {
        let mut checked = Checked::default();
        self.check_changes(update, meta, &mut checked)?;
        self.check_operations(update, meta, &mut checked)?;
        Ok(checked)
    }

    fn check_changes(
        &mut self,
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

    fn check_operations(
        &mut self,
        update: &Decoded<'_>,
        meta: UpdateMeta,
        checked: &mut Checked,
    ) -> Result<(), Failure> {
        let version = if checked.is_linear {
            None
        } else {
            let mut version = VersionVector::default();
            for (i, change) in update.changes.iter().enumerate() {
                // What precedes a later change by its author stands in the update itself.
                let seen = if i == 0 {
                    seen(change)
                } else {
                    change.others.clone()
                };
                let frontiers = Frontiers::from(seen);
                let others = self.doc.frontiers_to_vv(&frontiers);
                version.merge(&others.ok_or(Failure::Missing)?);
            }
            Some(version)
        };
        let mut created: HashMap<ID, (Type, usize)> = HashMap::new();
        let mut depths: Vec<Option<usize>> = vec![None; update.containers.len()];
        let mut open_mark: Option<(usize, Counter)> = None;
        let mut inserted: HashMap<usize, u64> = HashMap::new();
        for operation in &update.operations {
            let at = operation.container;
            let container = &update.containers[at];
            let depth = match depths[at] {
                Some(depth) => depth,
                None => {
                    let depth = self.depth(container, meta, &created, version.as_ref())?;
                    *depths[at].insert(depth)
                }
            };
            let end = open_mark.take();
            if end.is_some() != matches!(operation.kind, Op::MarkEnd)
                || end.is_some_and(|end| end != (at, operation.counter))
            {
                return Failure::harmful();
            }
            let mut create = |counter: Counter, kind: Type| {
                if depth + 1 > MAX_CONTAINERS {
                    return Err(Failure::Refused(Refusal::TooLarge));
                }
                created.insert(ID::new(meta.peer, counter), (kind, depth + 1));
                Ok(())
            };
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
                    if container.kind() == Type::Text {
                        checked.deleted = checked.deleted.saturating_add(*len);
                    }
                }
                Op::MarkStart { len, .. } => {
                    if *len == 0 {
                        return Failure::harmful();
                    }
                    open_mark = Some((at, operation.counter + 1));
                }
                Op::InsertList { children, .. } => {
                    for (offset, kind) in children {
                        create(operation.counter + *offset as Counter, *kind)?;
                    }
                }
                Op::Set { child: Some(kind) } => create(operation.counter, *kind)?,
                Op::MarkEnd | Op::Set { child: None } | Op::Unset => {}
            }
        }
        if open_mark.is_some() {
            return Failure::harmful();
        }
        for (at, sum) in inserted {
            if sum > 1000 {
                // A text that the update makes is not there yet.
                let text = self.doc.get_container(container_id(&update.containers[at]));
                let there = text.and_then(|text| Some(text.into_text().ok()?.len_unicode()));
                if there.unwrap_or(0) + sum as usize > MAX_TEXT {
                    return Err(Failure::Refused(Refusal::TooLarge));
                }
            }
        }
        for (id, (_, depth)) in created {
            self.depths.insert(id, depth);
        }
        Ok(())
    }

    /// How deep a container stands. It must be a root, or created by what the author had seen.
    fn depth(
        &mut self,
        container: &Container<'_>,
        meta: UpdateMeta,
        created: &HashMap<ID, (Type, usize)>,
        version: Option<&VersionVector>,
    ) -> Result<usize, Failure> {
        let (id, kind) = match container {
            Container::Root(..) => return Ok(0),
            Container::Normal(id, kind) => (*id, *kind),
        };
        if id.peer == meta.peer && id.counter >= meta.counter_start {
            return match created.get(&id) {
                Some((created, depth)) if *created == kind => Ok(*depth),
                _ => Failure::harmful(),
            };
        }
        let is_seen = id.peer == meta.peer
            || version.is_none_or(|seen| seen.get(&id.peer).is_some_and(|end| id.counter < *end));
        let container = container_id(container);
        if !is_seen || !self.doc.has_container(&container) {
            return Failure::harmful();
        }
        if let Some(depth) = self.depths.get(&id) {
            return Ok(*depth);
        }
        // A deleted container has no path any more; what is put into it cannot be reached.
        let path = self.doc.get_path_to_container(&container);
        let depth = path.map_or(1, |path| path.len());
        self.depths.insert(id, depth);
        Ok(depth)
    }
}

/// All that the author had seen before the change.
pub fn seen(change: &Change) -> Vec<ID> {
    let own = change.depends_on_self.then(|| change.id.inc(-1));
    change.others.iter().copied().chain(own).collect()
}

/// The container as Loro names it.
pub fn container_id(container: &Container<'_>) -> ContainerID {
    let loro_type = |kind: &Type| match kind {
        Type::Map => ContainerType::Map,
        Type::List => ContainerType::List,
        Type::Text => ContainerType::Text,
    };
    match container {
        Container::Root(name, kind) => ContainerID::new_root(name, loro_type(kind)),
        Container::Normal(id, kind) => ContainerID::new_normal(*id, loro_type(kind)),
    }
}
