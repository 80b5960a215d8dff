//! What a call reads of the tables, over the client's session: the document, the moment that is meant, and
//! the edits.

use uuid::Uuid;

use super::calls::{BIGINT, BYTEA, TEXT, UUID};
use super::own::Stop;
use super::refusal::Refusal;
use super::requests::Requests;
use super::rows;
use super::shelf::{Key, Moment, Stand};
use crate::document::history::{self, Limits, Row, reads_as_moment};
use crate::document::update::decode_version;

const PORT_DOCUMENT: &str = include_str!("../../sql/port_document.sql");
const PORT_EDITS: &str = include_str!("../../sql/port_edits.sql");

const MAY_READ_VERSIONS: &str = "select coalesce(
    pg_catalog.has_column_privilege(pg_catalog.to_regclass('quire.version'), 'operations', 'select'), false)";
const VERSION: &str = "select operations from quire.version
    where org_id operator(pg_catalog.=) $1
    and document_id operator(pg_catalog.=) $2
    and name operator(pg_catalog.=) pg_catalog.convert_from($3, 'UTF8')
    order by created_at desc
    limit 1";

/// A document that the client may see.
pub(super) struct Document {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub title: String,
}

impl Requests<'_> {
    /// The document, when the client may see it.
    pub(super) async fn document(&mut self, document_id: Uuid) -> Result<Option<Document>, Stop> {
        let mut document = None;
        let values = [(1, Some(&document_id.as_bytes()[..]))];
        self.own(PORT_DOCUMENT, &[UUID], &values, |row| {
            if let [Some(org_id), Some(title)] = &row[..] {
                document = Uuid::from_slice(org_id).ok().map(|org_id| Document {
                    org_id,
                    document_id,
                    title: String::from_utf8_lossy(title).into_owned(),
                });
            }
            Ok(())
        })
        .await?;
        Ok(document)
    }

    /// What an argument says of when.
    pub(super) async fn moment(
        &mut self,
        document: &Document,
        text: String,
        of: &str,
    ) -> Result<Moment, Stop> {
        let edit = || text.parse().map(history::Moment::Edit).map(Moment::At);
        match of {
            "bigint" | "integer" | "smallint" => edit().map_err(|_| no_moment().into()),
            "timestamp with time zone" | "timestamp without time zone" | "date" => {
                self.time(&text).await
            }
            // No name looks like a time or an id, so that none stands for another moment than it says.
            "unknown" if reads_as_moment(&text) => match edit() {
                Ok(edit) => Ok(edit),
                Err(_) => self.time(&text).await,
            },
            "text" | "unknown" | "character varying" | "name" => {
                if let Some(version) = self.version(document, &text).await? {
                    return Ok(version);
                }
                match edit() {
                    Ok(edit) => Ok(edit),
                    Err(_) => self.time(&text).await,
                }
            }
            _ => Err(no_moment().into()),
        }
    }

    /// The version of this name, the last one of several; none where there are no versions, or the client
    /// may not read them.
    async fn version(&mut self, document: &Document, name: &str) -> Result<Option<Moment>, Stop> {
        let mut may_read = false;
        self.own(MAY_READ_VERSIONS, &[], &[], |row| {
            may_read = row.first().is_some_and(|v| v.as_deref() == Some(&[1]));
            Ok(())
        })
        .await?;
        if !may_read {
            return Ok(None);
        }
        let mut version = None;
        let values = [
            (1, Some(&document.org_id.as_bytes()[..])),
            (1, Some(&document.document_id.as_bytes()[..])),
            (1, Some(name.as_bytes())),
        ];
        self.own(VERSION, &[UUID, UUID, BYTEA], &values, |row| {
            let operations = row.first().cloned().flatten().unwrap_or_default();
            version = Some(decode_version(&operations).map_err(|_| broken())?);
            Ok(())
        })
        .await?;
        Ok(version.map(|version| Moment::At(history::Moment::Version(version))))
    }

    /// A time, read by Postgres with the settings of the session.
    async fn time(&mut self, text: &str) -> Result<Moment, Stop> {
        let mut time = None;
        let values = [(0, Some(text.as_bytes()))];
        self.own(
            "select $1::pg_catalog.timestamptz",
            &[TEXT],
            &values,
            |row| {
                let value = row.first().cloned().flatten();
                time = value.and_then(|v| Some(i64::from_be_bytes(*v.first_chunk()?)));
                Ok(())
            },
        )
        .await?;
        let time = time.ok_or_else(no_moment)?;
        Ok(Moment::At(history::Moment::Time(
            time.saturating_add(rows::EPOCH_US),
        )))
    }

    /// What the client sees of a document's edits, and those of transactions from `since` on.
    pub(super) async fn rows(&mut self, key: Key, since: i64) -> Result<(Stand, Vec<Row>), Stop> {
        let limits = Limits::default();
        let since = since.to_be_bytes();
        let values = [
            (1, Some(&key.org_id.as_bytes()[..])),
            (1, Some(&key.document_id.as_bytes()[..])),
            (1, Some(&since[..])),
        ];
        let (mut seen, mut rows, mut bytes) = (Stand::default(), Vec::new(), 0);
        self.own(PORT_EDITS, &[UUID, UUID, BIGINT], &values, |row| {
            let (stand, edit) = rows::edit(&row).ok_or_else(broken)?;
            seen = stand;
            let Some(edit) = edit else { return Ok(()) };
            bytes += edit.update.len();
            if rows.len() >= limits.rows || bytes > limits.bytes {
                let message = format!(
                    "the history is larger than {} edits or {} MiB",
                    limits.rows,
                    limits.bytes >> 20
                );
                return Err(Refusal::error("54000", message));
            }
            rows.push(edit);
            Ok(())
        })
        .await?;
        Ok((seen, rows))
    }
}

fn no_moment() -> Refusal {
    Refusal::error(
        "22023",
        "a moment is a timestamptz, the id of an edit, or the name of a version",
    )
}

pub(super) fn broken() -> Refusal {
    Refusal::error("XX000", "the document's rows are not as they must be")
}
