//! Moments as requests name them: an edit's number, `before:` and an edit's number, a time, the id of
//! a named version, or `now`.

use super::versions::no_version;
use crate::document::history::{Moment, instant};
use crate::document::live::decode_version;
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::http::call::parameter;
use crate::http::route::uuid;
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use hyper::http::request::Parts;
use uuid::Uuid;

/// A moment that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// One that the history finds itself.
    Moment(Moment),
    /// A named version.
    Named(Uuid),
}

impl Wanted {
    /// Everything.
    pub const NOW: Self = Self::Moment(Moment::Now);

    /// The moment that a parameter of the address names; `None`: it is not there.
    ///
    /// # Errors
    /// `Invalid` when it names none.
    pub fn of(head: &Parts, name: &str) -> Result<Option<Self>> {
        parameter(head, name)
            .map(|text| Self::read(name, text))
            .transpose()
    }

    /// # Errors
    /// `Invalid`, naming the field, when the text names no moment.
    pub fn read(name: &str, text: &str) -> Result<Self> {
        let edit = |text: &str| {
            let is_number = text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<i64>().ok().filter(|_| is_number)
        };
        let moment = match text {
            "now" => Some(Self::NOW),
            text if uuid(text).is_some() => uuid(text).map(Self::Named),
            text => match text.strip_prefix("before:") {
                Some(text) => edit(text).map(Moment::Before).map(Self::Moment),
                None => edit(text)
                    .map(Moment::Edit)
                    .or_else(|| instant::read(text).map(Moment::Time))
                    .map(Self::Moment),
            },
        };
        moment.ok_or_else(|| {
            let context = format!(
                "{name}: must be an edit's number, before: and an edit's number, a time in UTC, the id of a named version, or now"
            );
            Error::new(Kind::Invalid, context)
        })
    }

    /// What the history is to look for.
    ///
    /// # Errors
    /// `NotFound` when there is no such named version.
    pub async fn find(&self, client: &impl GenericClient, document: DocKey) -> Result<Moment> {
        let version_id = match self {
            Self::Moment(moment) => return Ok(moment.clone()),
            Self::Named(version_id) => version_id,
        };
        let row = client
            .query_opt(
                include_str!("../../../sql/find_version.sql"),
                &[&document.org_id, &document.document_id, version_id],
            )
            .await
            .map_err(failed("find version"))?
            .ok_or_else(no_version)?;
        let operations: Vec<u8> = row.get("operations");
        Ok(Moment::Version(decode_version(&operations)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_by_its_look() {
        let read = |text| Wanted::read("at", text).ok();
        let moment = |moment| Some(Wanted::Moment(moment));
        assert_eq!(read("now"), moment(Moment::Now));
        assert_eq!(read("17"), moment(Moment::Edit(17)));
        assert_eq!(read("before:17"), moment(Moment::Before(17)));
        assert_eq!(
            read("1970-01-01T00:00:01Z"),
            moment(Moment::Time(1_000_000))
        );
        let id = "0b0d6f6e-3c5c-4f0a-8a3f-1f2e3d4c5b6a";
        assert_eq!(read(id), id.parse().ok().map(Wanted::Named));
        for wrong in ["", "-1", "+1", "before:", "before:now", "yesterday"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
