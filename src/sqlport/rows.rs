//! What the functions give, as JSON that `json_to_recordset` reads; and a row of `quire.edit` out of its
//! bytes. No I/O.

use std::time::SystemTime;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};
use uuid::Uuid;

use super::shelf::Stand;
use crate::document::history::{Difference, OperationRow, Row, Span};
use crate::presence::{KnownServer, Someone};

/// Microseconds from 1970 to 2000, where Postgres counts from.
pub(super) const EPOCH_US: i64 = 946_684_800_000_000;
const DAY_US: i64 = 86_400_000_000;
/// The type of the elements of an array of uuid.
const UUID: u32 = 2950;

/// A row of `port_edits.sql`: what is seen of the document, and one of its edits.
pub(super) fn edit(row: &[Option<Bytes>]) -> Option<(Stand, Option<Row>)> {
    let eight = |index: usize| {
        Some(i64::from_be_bytes(
            *row.get(index)?.as_ref()?.first_chunk()?,
        ))
    };
    let four = |index: usize| {
        Some(i32::from_be_bytes(
            *row.get(index)?.as_ref()?.first_chunk()?,
        ))
    };
    let uuid = |index: usize| Uuid::from_slice(row.get(index)?.as_ref()?).ok();
    let stand = Stand {
        edits: eight(0)?,
        sum_of_ids: eight(1)?,
        xmin: eight(2)?,
    };
    let Some(edit_id) = eight(3) else {
        return Some((stand, None));
    };
    let edit = Row {
        edit_id,
        account_id: uuid(4)?,
        session_id: uuid(5),
        peer: eight(6)? as u64,
        counter_start: four(7)?,
        counter_end: four(8)?,
        created_us: eight(9)?.saturating_add(EPOCH_US),
        update: row.get(10)?.clone()?,
    };
    Some((stand, Some(edit)))
}

/// An array of uuid in binary.
pub(super) fn uuids(ids: impl Iterator<Item = Uuid>) -> Bytes {
    let ids: Vec<Uuid> = ids.collect();
    let mut bytes = BytesMut::new();
    bytes.put_i32(1);
    bytes.put_i32(0);
    bytes.put_u32(UUID);
    bytes.put_i32(ids.len() as i32);
    bytes.put_i32(1);
    for id in ids {
        bytes.put_i32(16);
        bytes.extend_from_slice(id.as_bytes());
    }
    bytes.freeze()
}

/// A text. Postgres has no zero in texts.
pub(super) fn text(text: &str) -> String {
    Value::from(plain(text)).to_string()
}

fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(super) fn operations(rows: &[OperationRow]) -> String {
    array(rows.iter().map(|row| {
        json!({
            "edit_id": row.edit.edit_id,
            "account_id": row.edit.account_id,
            "session_id": row.edit.session_id,
            "created_at": time(row.edit.created_us),
            "kind": row.kind.name(),
            "position": row.position,
            "text": plain(&row.text),
            "attributes": row.attributes,
        })
    }))
}

pub(super) fn blame(spans: &[Span]) -> String {
    array(spans.iter().map(|span| {
        json!({
            "position": span.start,
            "length": span.end - span.start,
            "text": plain(&span.text),
            "edit_id": (!span.is_folded()).then_some(span.edit_id),
            "account_id": (!span.is_folded()).then_some(span.account_id),
            "session_id": span.session_id,
            "created_at": time(span.from_us),
        })
    }))
}

pub(super) fn differences(differences: &[Difference]) -> String {
    array(differences.iter().map(|difference| {
        // Whose it was that is folded is not known any more.
        let by = difference.by.as_ref().filter(|edit| !edit.is_folded());
        json!({
            "change": difference.change,
            "from_position": difference.from,
            "to_position": difference.to,
            "text": plain(&difference.text),
            "attributes": difference.set,
            "edit_id": by.map(|by| by.edit_id),
            "account_id": by.map(|by| by.account_id),
            "session_id": by.and_then(|by| by.session_id),
            "created_at": by.map(|by| time(by.created_us)),
        })
    }))
}

/// Those in documents that the client may see.
pub(super) fn people(people: Vec<Someone>, is_seen: impl Fn(&Someone) -> bool) -> String {
    let seen = people.iter().filter(|person| is_seen(person));
    array(seen.map(|person| {
        json!({
            "org_id": person.org_id,
            "document_id": person.document_id,
            "account_id": person.account_id,
            "name": person.name.as_deref().map(plain),
            "color": person.color.as_deref().map(plain),
            "server": person.server,
            "heard_at": moment(person.heard_at),
        })
    }))
}

pub(super) fn servers(servers: Vec<KnownServer>) -> String {
    array(servers.iter().map(|server| {
        json!({
            "address": server.address,
            "state": server.state,
            "is_asked": server.is_asked,
            "heard_at": moment(server.heard_at),
        })
    }))
}

fn array(rows: impl Iterator<Item = Value>) -> String {
    let mut array = "[".to_owned();
    for row in rows {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(&row.to_string());
    }
    array.push(']');
    array
}

fn moment(time_of: SystemTime) -> String {
    let since = time_of.duration_since(SystemTime::UNIX_EPOCH);
    time(since.map_or(0, |since| since.as_micros() as i64))
}

/// A time as Postgres reads it, whatever the settings of the session are.
fn time(us: i64) -> String {
    let (days, rest) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
    // The calendar repeats itself every 400 years of 146,097 days; years begin in March here.
    let from_march = days + 719_468;
    let (era, day) = (
        from_march.div_euclid(146_097),
        from_march.rem_euclid(146_097),
    );
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (
        day - (153 * month + 2) / 5 + 1,
        if month < 10 { month + 3 } else { month - 9 },
    );
    let year = year + era * 400 + i64::from(month <= 2);
    let (seconds, us) = (rest / 1_000_000, rest % 1_000_000);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{us:06}Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_the_microsecond() {
        for (us, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (EPOCH_US, "2000-01-01T00:00:00.000000Z"),
            (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
            (1_795_703_696_123_456, "2026-11-26T14:34:56.123456Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(time(us), text);
        }
    }

    #[test]
    fn a_zero_in_a_text_is_replaced() {
        assert_eq!(text("a\0b\n"), "\"a\u{fffd}b\\n\"");
    }
}
