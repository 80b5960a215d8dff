//! Editing a document by a request: what is asked for is made at the version that the caller has
//! seen, and takes the way of all edits, so that what others type meanwhile stays.

use super::answer::{Answer, json, problem};
use super::call::{Call, Fields};
use super::documents::{in_bin, no_document};
use super::etag;
use super::idempotency::{Before, Kept, Key};
use super::text::content;
use crate::auth::{Permission, Session, access};
use crate::commit::lease::{self, Lease, Wish};
use crate::document::operations::{self, Made, Operation};
use crate::document::tree::markdown;
use crate::document::trial::DocKey;
use crate::document::update::update_meta;
use crate::error::{Error, Kind, Result};
use crate::protocol::AckStatus;
use hyper::StatusCode;
use hyper::header::IF_MATCH;
use loro::{ID, VersionVector};
use serde_json::json;
use std::ops::Range;
use uuid::Uuid;

/// Most operations of one request: each looks at the whole document.
const OPERATIONS: usize = 100;
/// No document has a place behind this one.
const LAST_PLACE: i64 = i32::MAX as i64;
/// The device of peers that requests write with: they are used again.
const DEVICE: &str = "api";
/// How often an edit is handed over. The first time its base may be unknown to where it is tried.
const ATTEMPTS: usize = 3;

/// For which version the operations are meant.
pub enum Base {
    /// Whatever it is.
    Current,
    Version(Vec<ID>),
    /// The same as counters by peer.
    Counters(VersionVector),
}

/// What making an edit comes to.
enum Outcome {
    Made(Kept),
    Nothing(String),
    NoSuchVersion,
}

/// `POST …/documents/{document_id}/edits`.
pub async fn edit(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let Some(base) = base(call)? else {
        let detail =
            "if-match: name the version that you have read (the ETag of text and export), or *";
        return Ok(problem(StatusCode::PRECONDITION_REQUIRED, detail));
    };
    let operations = operations(&call.fields()?)?;
    perform(call, org_id, document_id, &base, &operations).await
}

/// Makes operations at a version and commits them, for whoever may edit.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Conflict` when the caller may not or the document is in the bin; else
/// when it cannot be committed.
pub async fn perform(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    base: &Base,
    operations: &[Operation],
) -> Result<Answer> {
    let client = call.client().await?;
    let session = call.session(&client).await?;
    let access = access(&client, session.account_id, org_id, document_id)
        .await?
        .ok_or_else(no_document)?;
    if !access.may_edit {
        return Err(Error::new(
            Kind::Forbidden,
            "you may read this document but not change it",
        ));
    }
    if access.permission == Permission::None {
        return Err(in_bin());
    }
    let key = Key::of(call, &session)?;
    let before = match &key {
        Some(key) => key.before(&client).await?,
        None => None,
    };
    drop(client);
    let edit = Edit {
        call,
        session,
        document: DocKey {
            org_id,
            document_id,
        },
        key,
    };
    if let Some(Before {
        edit: Some(kept), ..
    }) = before
    {
        if kept.is_committed || edit.commit(&kept, None).await? {
            return Ok(done(&kept.version));
        }
        edit.forget(&kept).await?;
    }
    let (kept, lease) = match edit.make(base, operations).await? {
        (Outcome::Made(kept), lease) => (kept, lease),
        (Outcome::Nothing(version), _) => return Ok(done(&version)),
        (Outcome::NoSuchVersion, _) => {
            let detail = "if-match: the document has no such version; read it again";
            return Ok(problem(StatusCode::PRECONDITION_FAILED, detail));
        }
    };
    if edit.commit(&kept, Some(lease)).await? {
        return Ok(done(&kept.version));
    }
    edit.forget(&kept).await?;
    Err(Error::new(
        Kind::Conflict,
        "the edit does not fit what the document is now; read it again",
    ))
}

fn done(version: &str) -> Answer {
    json(
        StatusCode::OK,
        &json!({"version": format!("\"{version}\"")}),
    )
}

/// One edit of one caller.
struct Edit<'a> {
    call: &'a Call<'a>,
    session: Session,
    document: DocKey,
    key: Option<Key>,
}

impl Edit<'_> {
    /// Makes the update, with a peer whose operations the base knows to their end. Gives the lease
    /// back when nothing is to be committed.
    async fn make(&self, base: &Base, operations: &[Operation]) -> Result<(Outcome, Lease)> {
        let mut lease = self.lease(Wish::Any).await?;
        let made = self.make_with(base, operations, &mut lease).await;
        let kept = match &made {
            Ok(Outcome::Made(kept)) => self.keep(kept).await,
            _ => Ok(()),
        };
        if kept.is_err() || !matches!(made, Ok(Outcome::Made(_))) {
            self.release(&lease).await;
        }
        kept?;
        Ok((made?, lease))
    }

    async fn make_with(
        &self,
        base: &Base,
        operations: &[Operation],
        lease: &mut Lease,
    ) -> Result<Outcome> {
        // After the lease: everything that its peer wrote is in the rows.
        let client = self.call.client().await?;
        let live = content(self.call, client, self.document).await?;
        let read = tokio::task::block_in_place(|| {
            live.read(|doc| match base {
                Base::Current => Some(doc.oplog_vv()),
                Base::Version(ends) => operations::version_of(doc, ends),
                Base::Counters(version) => {
                    let has = doc.oplog_vv().includes_vv(version);
                    has.then(|| version.clone())
                }
            })
        })?;
        let Some(version) = read else {
            return Ok(Outcome::NoSuchVersion);
        };
        let needs_new = operations.iter().any(Operation::needs_new_peer);
        let written = lease.next_counter;
        if written > counter_of(&version, lease.peer) || (needs_new && written > 0) {
            // It has written since then: only another one can go on from there.
            let (peer, _) = Uuid::new_v4().as_u64_pair();
            let other = self.lease(Wish::Exactly(peer)).await?;
            self.release(&std::mem::replace(lease, other)).await;
        }
        let Made { update, version } = tokio::task::block_in_place(|| {
            live.read(|doc| operations::make(doc, &version, lease.peer, operations))
        })??;
        let version = etag::version(&version);
        Ok(match update.is_empty() {
            true => Outcome::Nothing(version),
            false => Outcome::Made(Kept {
                peer: lease.peer,
                counter_start: update_meta(&update)?.counter_start,
                update: update.into(),
                version,
                is_committed: false,
            }),
        })
    }

    /// Hands the edit over until it is committed. `false`: it cannot be, as it is.
    async fn commit(&self, kept: &Kept, mut lease: Option<Lease>) -> Result<bool> {
        for _ in 0..ATTEMPTS {
            let held = match lease.take() {
                Some(held) => held,
                None => self.lease(Wish::Exactly(kept.peer)).await?,
            };
            if held.next_counter != kept.counter_start {
                self.release(&held).await;
                // A repetition of the same request may have been faster.
                return self.is_committed().await;
            }
            let status = self.submit(held, kept).await;
            self.release(&held).await;
            let refused = match status? {
                AckStatus::Ok => return Ok(true),
                AckStatus::InvalidUpdate => continue,
                AckStatus::PermissionDenied => {
                    Error::new(Kind::Forbidden, "you may not edit this document any more")
                }
                AckStatus::PayloadTooLarge => Error::new(
                    Kind::TooLarge,
                    "operations: the document would become larger than documents may be",
                ),
                _ => Error::new(Kind::Unavailable, "the document cannot be edited just now"),
            };
            return Err(refused);
        }
        Ok(false)
    }

    async fn submit(&self, lease: Lease, kept: &Kept) -> Result<AckStatus> {
        let update = kept.update.clone();
        (self.call.context.on_edit)(self.document, self.session.clone(), lease, update).await
    }

    async fn is_committed(&self) -> Result<bool> {
        let Some(key) = &self.key else {
            return Ok(false);
        };
        let client = self.call.client().await?;
        let before = key.before(&client).await?;
        let edit = before.and_then(|before| before.edit);
        Ok(edit.is_some_and(|edit| edit.is_committed))
    }

    async fn lease(&self, wish: Wish) -> Result<Lease> {
        let request = lease::Request {
            org_id: self.document.org_id,
            document_id: self.document.document_id,
            session: &self.session,
            device: DEVICE,
            wish,
        };
        lease::take(&self.call.context.pool, &request).await
    }

    async fn release(&self, lease: &Lease) {
        // A lease that is not given back is one peer less to be used again.
        if let Err(error) = lease::release(&self.call.context.pool, lease).await {
            tracing::debug!(%error, "release lease");
        }
    }

    async fn keep(&self, kept: &Kept) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let client = self.call.client().await?;
        key.keep(&client, self.document, Some(kept)).await
    }

    async fn forget(&self, kept: &Kept) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let client = self.call.client().await?;
        key.forget(&client, kept).await
    }
}

fn counter_of(version: &VersionVector, peer: u64) -> i32 {
    version.get(&peer).copied().unwrap_or(0)
}

/// The version that the request was made for; `None`: it does not say.
fn base(call: &Call<'_>) -> Result<Option<Base>> {
    let wrong = || {
        let context = "if-match: must be one ETag of the document's text or of an export, or *";
        Error::new(Kind::Invalid, context)
    };
    let mut values = call.head.headers.get_all(IF_MATCH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| wrong())?.trim();
    if values.next().is_some() {
        return Err(wrong());
    }
    if value == "*" {
        return Ok(Some(Base::Current));
    }
    let tag = value
        .strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'));
    let ends = tag.and_then(etag::read).ok_or_else(wrong)?;
    Ok(Some(Base::Version(ends)))
}

/// What a body asks for.
///
/// # Errors
/// `Invalid`, naming the operation and its field.
pub fn operations(fields: &Fields) -> Result<Vec<Operation>> {
    let objects = fields.objects("operations")?;
    if !(1..=OPERATIONS).contains(&objects.len()) {
        let context = format!("operations: 1 to {OPERATIONS} are needed");
        return Err(Error::new(Kind::Invalid, context));
    }
    let numbered = objects.iter().enumerate();
    let read = numbered.map(|(number, fields)| {
        operation(fields).map_err(|error| {
            let context = format!("operations[{number}].{}", error.public_message());
            Error::new(error.kind(), context)
        })
    });
    read.collect()
}

fn operation(fields: &Fields) -> Result<Operation> {
    const KINDS: [&str; 3] = ["replace_text", "find_and_replace", "replace_blocks"];
    let text = |name| Ok::<_, Error>(fields.secret(name)?.unwrap_or_default().to_owned());
    Ok(match fields.needed_one_of("operation", &KINDS)? {
        "replace_text" => {
            let place = place(fields)?;
            Operation::ReplaceText {
                place: place.ok_or_else(|| Error::new(Kind::Invalid, "start: is missing"))?,
                text: text("text")?,
            }
        }
        "find_and_replace" => {
            let find = text("find")?;
            if find.is_empty() {
                return Err(Error::new(Kind::Invalid, "find: is missing"));
            }
            Operation::FindAndReplace {
                find,
                text: text("text")?,
            }
        }
        _ => Operation::ReplaceBlocks {
            place: place(fields)?,
            blocks: match text("markdown")?.as_str() {
                "" => Default::default(),
                markdown => tokio::task::block_in_place(|| markdown::read(markdown))?,
            },
        },
    })
}

/// From `start` to `end`, which is `start` when it is not there.
fn place(fields: &Fields) -> Result<Option<Range<usize>>> {
    let Some(start) = fields.number("start", 0..=LAST_PLACE)? else {
        return match fields.number("end", 0..=LAST_PLACE)? {
            None => Ok(None),
            Some(_) => Err(Error::new(Kind::Invalid, "start: is missing")),
        };
    };
    let end = fields.number("end", start..=LAST_PLACE)?.unwrap_or(start);
    // Both are in the range of `usize`.
    Ok(Some(start as usize..end as usize))
}
