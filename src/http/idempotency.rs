//! Requests that a client sends again because it does not know what became of the first: with the
//! same `Idempotency-Key` it gets what the first one made, and nothing is made twice.

use super::call::Call;
use crate::auth::Session;
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use bytes::Bytes;
use deadpool_postgres::GenericClient;
use hyper::header::IF_MATCH;
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use uuid::Uuid;

/// Longest key, in characters (constraint idempotency_key_length).
const KEY_CHARACTERS: usize = 255;
const HEADER: &str = "idempotency-key";

/// A request that may come again.
pub struct Key {
    account_id: Uuid,
    name: String,
    digest: Vec<u8>,
}

/// What the first request of a key made, or was about to make.
pub struct Before {
    pub document: DocKey,
    /// None: the document itself was made.
    pub edit: Option<Kept>,
}

/// An edit as it was to be committed.
#[derive(Debug, Clone)]
pub struct Kept {
    pub peer: u64,
    pub counter_start: i32,
    pub update: Bytes,
    /// What is answered.
    pub version: String,
    pub is_committed: bool,
}

impl Key {
    /// The key that a request names; `None`: it names none.
    ///
    /// # Errors
    /// `Invalid` when it is too long, or not of visible ASCII characters.
    pub fn of(call: &Call<'_>, session: &Session) -> Result<Option<Self>> {
        let Some(value) = call.head.headers.get(HEADER) else {
            return Ok(None);
        };
        let name = value
            .to_str()
            .ok()
            .filter(|name| (1..=KEY_CHARACTERS).contains(&name.len()))
            .ok_or_else(|| {
                let context =
                    format!("idempotency-key: 1 to {KEY_CHARACTERS} ASCII characters are needed");
                Error::new(Kind::Invalid, context)
            })?;
        let mut digest = Sha256::new();
        let base = call
            .head
            .headers
            .get(IF_MATCH)
            .map_or(&b""[..], |v| v.as_bytes());
        for part in [
            call.head.method.as_str().as_bytes(),
            call.head.uri.path().as_bytes(),
            base,
            &call.body,
        ] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Ok(Some(Self {
            account_id: session.account_id,
            name: name.to_owned(),
            digest: digest.finalize().to_vec(),
        }))
    }

    /// What the first request with this key made.
    ///
    /// # Errors
    /// `Invalid` when that was another request; otherwise when the database cannot be asked.
    pub async fn before(&self, client: &impl GenericClient) -> Result<Option<Before>> {
        let row = client
            .query_opt(
                include_str!("../../sql/find_idempotency_key.sql"),
                &[&self.account_id, &self.name],
            )
            .await
            .map_err(failed("find idempotency key"))?;
        match row {
            None => Ok(None),
            Some(row) if row.get::<_, Vec<u8>>("request_digest") == self.digest => {
                Ok(Some(Before::from(&row)))
            }
            Some(_) => Err(Error::new(
                Kind::Invalid,
                "idempotency-key: another request had this key; take a new one",
            )),
        }
    }

    /// Notes what the request makes, before or together with making it.
    ///
    /// # Errors
    /// `Conflict` when the same request is under way elsewhere.
    pub async fn keep(
        &self,
        client: &impl GenericClient,
        document: DocKey,
        edit: Option<&Kept>,
    ) -> Result<()> {
        let added = client
            .execute(
                include_str!("../../sql/add_idempotency_key.sql"),
                &[
                    &self.account_id,
                    &self.name,
                    &self.digest,
                    &document.org_id,
                    &document.document_id,
                    // Postgres keeps the 64 bits as a signed number.
                    &edit.map(|edit| edit.peer as i64),
                    &edit.map(|edit| edit.counter_start),
                    &edit.map(|edit| &edit.update[..]),
                    &edit.map(|edit| &edit.version),
                ],
            )
            .await
            .map_err(failed("keep idempotency key"))?;
        match added {
            0 => Err(Error::new(
                Kind::Conflict,
                "idempotency-key: the same request is under way; ask again when it has ended",
            )),
            _ => Ok(()),
        }
    }

    /// Forgets an edit that can never be committed as it was kept.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn forget(&self, client: &impl GenericClient, edit: &Kept) -> Result<()> {
        client
            .execute(
                include_str!("../../sql/remove_idempotency_key.sql"),
                &[&self.account_id, &self.name, &&edit.update[..]],
            )
            .await
            .map_err(failed("forget idempotency key"))?;
        Ok(())
    }
}

impl From<&Row> for Before {
    fn from(row: &Row) -> Self {
        let edit = row.get::<_, Option<i64>>("peer_id").map(|peer| Kept {
            peer: peer as u64,
            counter_start: row.get("counter_start"),
            update: row.get::<_, Vec<u8>>("update").into(),
            version: row.get("version"),
            is_committed: row.get("is_committed"),
        });
        Self {
            document: DocKey::of(row),
            edit,
        }
    }
}

/// Forgets keys that are a day old.
///
/// # Errors
/// When the database cannot be asked.
pub async fn drop_old_keys(client: &impl GenericClient) -> Result<()> {
    client
        .execute(include_str!("../../sql/drop_old_idempotency_keys.sql"), &[])
        .await
        .map_err(failed("drop old idempotency keys"))?;
    Ok(())
}
