//! From rows of `quire.edit` and `quire.event` to changes. Columns are found by name, so that a
//! newer migration may add some; which types they have is checked once per table, not per row.

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use super::pgoutput::{Relation, Tuple, Value, malformed};
use crate::change::{Change, Edit, Event, EventKind, Placed};
use crate::error::{Error, Kind, Result};

/// Types by their number in `pg_type`.
mod oid {
    pub const BYTEA: u32 = 17;
    pub const INT8: u32 = 20;
    pub const INT4: u32 = 23;
    pub const TEXT: u32 = 25;
    pub const UUID: u32 = 2950;
    pub const JSONB: u32 = 3802;
}

const EDIT: [(&str, u32); 9] = [
    ("org_id", oid::UUID),
    ("document_id", oid::UUID),
    ("edit_id", oid::INT8),
    ("account_id", oid::UUID),
    ("session_id", oid::UUID),
    ("peer_id", oid::INT8),
    ("counter_start", oid::INT4),
    ("counter_end", oid::INT4),
    ("update", oid::BYTEA),
];

const EVENT: [(&str, u32); 6] = [
    ("kind", oid::TEXT),
    ("org_id", oid::UUID),
    ("document_id", oid::UUID),
    ("account_id", oid::UUID),
    ("session_id", oid::UUID),
    ("detail", oid::JSONB),
];

/// The tables that the stream has described so far.
#[derive(Debug, Default)]
pub(super) struct Tables(HashMap<u32, Table>);

#[derive(Debug)]
enum Table {
    Edit(Layout<{ EDIT.len() }>),
    Event(Layout<{ EVENT.len() }>),
    /// Somebody else's, or a partition: rows come under the root's id.
    Other,
}

impl Tables {
    /// Learns how a table's rows look. Errors: kind `Setting`, when a column is missing or of
    /// another type.
    pub fn learn(&mut self, relation: &Relation) -> Result<()> {
        let table = match (&relation.schema[..], &relation.name[..]) {
            (b"quire", b"edit") => Table::Edit(Layout::find(relation, EDIT)?),
            (b"quire", b"event") => Table::Event(Layout::find(relation, EVENT)?),
            _ => Table::Other,
        };
        self.0.insert(relation.relation_id, table);
        Ok(())
    }

    /// The change that an inserted row is; none for tables that are not Quire's.
    pub fn read(&self, relation_id: u32, tuple: &Tuple) -> Result<Option<Change>> {
        match self.0.get(&relation_id) {
            Some(Table::Edit(layout)) => edit(layout.values(tuple)?).map(Some),
            Some(Table::Event(layout)) => event(layout.values(tuple)?).map(Some),
            Some(Table::Other) => Ok(None),
            None => Err(malformed("a row of a table that it did not describe")),
        }
    }
}

/// Where the wanted columns of a table stand.
#[derive(Debug)]
struct Layout<const N: usize> {
    /// For each column of the table: which of the wanted ones it is.
    wanted: Vec<Option<usize>>,
}

impl<const N: usize> Layout<N> {
    fn find(relation: &Relation, columns: [(&str, u32); N]) -> Result<Self> {
        let mut wanted = vec![None; relation.columns.len()];
        for (index, (name, type_oid)) in columns.iter().enumerate() {
            let position = relation
                .columns
                .iter()
                .position(|column| column.name == name.as_bytes() && column.type_oid == *type_oid);
            let position = position.ok_or_else(|| {
                let table = String::from_utf8_lossy(&relation.name);
                Error::new(
                    Kind::Setting,
                    format!("read the feed: quire.{table} has no column {name} of the known type; run quire migrate, and use a Quire as new as the database"),
                )
            })?;
            wanted[position] = Some(index);
        }
        Ok(Self { wanted })
    }

    fn values(&self, tuple: &Tuple) -> Result<[Option<Bytes>; N]> {
        let mut values = [const { None }; N];
        let mut is_binary = true;
        tuple.read(self.wanted.len(), |position, value| {
            if let Some(index) = self.wanted[position] {
                match value {
                    Value::Null => {}
                    Value::Binary(bytes) => values[index] = Some(bytes),
                    Value::Other => is_binary = false,
                }
            }
        })?;
        if !is_binary {
            return Err(malformed("a value as text where binary was asked for"));
        }
        Ok(values)
    }
}

fn edit(values: [Option<Bytes>; EDIT.len()]) -> Result<Change> {
    let [
        org,
        document,
        edit,
        account,
        session,
        peer,
        start,
        end,
        update,
    ] = values;
    Ok(Change::Edit(Edit {
        org_id: uuid(&needed(org)?)?,
        document_id: uuid(&needed(document)?)?,
        edit_id: int8(&needed(edit)?)?,
        account_id: uuid(&needed(account)?)?,
        session_id: session.as_ref().map(uuid).transpose()?,
        // The column holds the 64 bits of the peer as a signed number.
        peer: int8(&needed(peer)?)? as u64,
        counter_start: int4(&needed(start)?)?,
        counter_end: int4(&needed(end)?)?,
        update: needed(update)?,
    }))
}

fn event(values: [Option<Bytes>; EVENT.len()]) -> Result<Change> {
    let [kind, org, document, account, session, detail] = values;
    let kind = needed(kind)?;
    let kind = std::str::from_utf8(&kind).map_err(|_| malformed("text that is not UTF-8"))?;
    let detail = detail_of(&needed(detail)?)?;
    Ok(Change::Event(Event {
        kind: EventKind::parse(kind),
        org_id: org.as_ref().map(uuid).transpose()?,
        document_id: document.as_ref().map(uuid).transpose()?,
        account_id: account.as_ref().map(uuid).transpose()?,
        session_id: session.as_ref().map(uuid).transpose()?,
        title: detail.title,
        placed: detail.state.map(|state| {
            Box::new(Placed {
                state,
                addresses: detail.addresses,
            })
        }),
    }))
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Detail {
    title: Option<String>,
    state: Option<String>,
    addresses: Vec<String>,
}

/// What `detail` says, whose binary form is a version byte and JSON.
fn detail_of(detail: &Bytes) -> Result<Detail> {
    let Some((1, json)) = detail.split_first() else {
        return Err(malformed("jsonb of an unknown version"));
    };
    // Details of a newer Quire may be of another shape; then there is nothing to be had.
    Ok(serde_json::from_slice(json).unwrap_or_default())
}

fn needed(value: Option<Bytes>) -> Result<Bytes> {
    value.ok_or_else(|| malformed("a null where none can be"))
}

fn uuid(bytes: &Bytes) -> Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|_| malformed("a uuid of another length"))
}

fn int8(bytes: &Bytes) -> Result<i64> {
    let bytes = bytes[..].try_into();
    bytes
        .map(i64::from_be_bytes)
        .map_err(|_| malformed("a bigint of another length"))
}

fn int4(bytes: &Bytes) -> Result<i32> {
    let bytes = bytes[..].try_into();
    bytes
        .map(i32::from_be_bytes)
        .map_err(|_| malformed("an integer of another length"))
}
