//! Comments on a document: threads, and the answers in them. Whoever may comment sees them; who
//! only reads does not.

use super::act::{Act, Parameters};
use super::answer::{Answer, empty, json_text};
use super::call::{Call, Fields};
use super::documents::{in_bin, no_document};
use super::page::Page;
use crate::auth::{Access, Hold, Permission, access};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deadpool_postgres::GenericClient;
use hyper::StatusCode;
use tokio_postgres::Row;
use uuid::Uuid;

/// Longest comment, in characters (constraint comment_body_length).
const BODY_CHARACTERS: usize = 10_000;
/// Longest quote, in characters (constraint comment_thread_quote_length).
const QUOTE_CHARACTERS: usize = 1_000;
/// Longest cursor, in bytes (constraint comment_thread_anchor).
const ANCHOR_BYTES: usize = 512;
/// Most threads of one answer.
const THREADS: usize = 200;
/// Most comments of one thread.
const COMMENTS: i64 = 500;

/// Somebody who may comment on a document, at work.
struct Commenter<'a> {
    act: Act<'a>,
    access: Access,
    document_id: Uuid,
}

/// `GET …/comments`: the threads, the oldest first.
pub async fn list(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let page = Page::of(call.head, THREADS)?;
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    let rows = commenter.threads(None, &page).await?;
    Ok(page.answer("threads", &rows, "thread_id"))
}

/// `POST …/comments` begins a thread.
pub async fn begin(call: &Call<'_>, org_id: Uuid, document_id: Uuid) -> Result<Answer> {
    let fields = call.fields()?;
    let body = body(&fields)?;
    let anchor = match fields.object("anchor")? {
        None => None,
        Some(anchor) => Some((cursor(&anchor, "start")?, cursor(&anchor, "end")?)),
    };
    let quote = fields.prose("quote", 0..=QUOTE_CHARACTERS)?.unwrap_or("");
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    let thread_id = Uuid::new_v4();
    let (start, end) = anchor.unzip();
    commenter
        .act
        .execute(
            include_str!("../../sql/add_comment_thread.sql"),
            &[
                &org_id,
                &document_id,
                &thread_id,
                &commenter.account_id(),
                &start,
                &end,
                &quote,
                &body,
            ],
        )
        .await?;
    commenter.commit(thread_id, StatusCode::CREATED).await
}

/// `PATCH …/comments/{thread_id}`: resolves it, or opens it again.
pub async fn resolve(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    thread_id: Uuid,
) -> Result<Answer> {
    let fields = call.fields()?;
    if !fields.names("resolved") {
        return Err(Error::new(Kind::Invalid, "resolved: is missing"));
    }
    let resolved = fields.flag("resolved")?;
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    let (act, account_id) = (&commenter.act, commenter.account_id());
    let resolve = include_str!("../../sql/resolve_comment_thread.sql");
    let values: Parameters<'_> = &[&org_id, &document_id, &thread_id, &account_id, &resolved];
    act.execute(resolve, values).await?;
    commenter.commit(thread_id, StatusCode::OK).await
}

/// `DELETE …/comments/{thread_id}`.
pub async fn remove(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    thread_id: Uuid,
) -> Result<Answer> {
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    // The thread belongs to whoever wrote its first comment.
    commenter.may_remove(thread_id, thread_id).await?;
    let remove = include_str!("../../sql/remove_comment_thread.sql");
    let act = &commenter.act;
    act.execute(remove, &[&org_id, &document_id, &thread_id])
        .await?;
    commenter.act.commit().await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `POST …/comments/{thread_id}/replies`.
pub async fn reply(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    thread_id: Uuid,
) -> Result<Answer> {
    let fields = call.fields()?;
    let body = body(&fields)?;
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    commenter.author(thread_id, thread_id).await?;
    let account_id = commenter.account_id();
    let added = commenter
        .act
        .execute(
            include_str!("../../sql/add_comment.sql"),
            &[
                &org_id,
                &document_id,
                &thread_id,
                &account_id,
                &body,
                &COMMENTS,
            ],
        )
        .await?;
    if added == 0 {
        let context = format!("this thread has {COMMENTS} comments; begin another one");
        return Err(Error::new(Kind::Conflict, context));
    }
    commenter.commit(thread_id, StatusCode::CREATED).await
}

/// `PATCH …/comments/{thread_id}/replies/{comment_id}`: its author says it in other words.
pub async fn change(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    thread_id: Uuid,
    comment_id: Uuid,
) -> Result<Answer> {
    let fields = call.fields()?;
    let body = body(&fields)?;
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    if commenter.author(thread_id, comment_id).await? != commenter.account_id() {
        let context = "only its author may change a comment";
        return Err(Error::new(Kind::Forbidden, context));
    }
    let (act, change) = (&commenter.act, include_str!("../../sql/change_comment.sql"));
    let values: Parameters<'_> = &[&org_id, &document_id, &thread_id, &comment_id, &body];
    act.execute(change, values).await?;
    commenter.commit(thread_id, StatusCode::OK).await
}

/// `DELETE …/comments/{thread_id}/replies/{comment_id}`.
pub async fn remove_reply(
    call: &Call<'_>,
    org_id: Uuid,
    document_id: Uuid,
    thread_id: Uuid,
    comment_id: Uuid,
) -> Result<Answer> {
    let mut client = call.client().await?;
    let commenter = Commenter::begin(call, &mut client, org_id, document_id).await?;
    commenter.may_remove(thread_id, comment_id).await?;
    if comment_id == thread_id {
        let context = "the first comment of a thread goes with the whole thread: delete that";
        return Err(Error::new(Kind::Conflict, context));
    }
    let remove = include_str!("../../sql/remove_comment.sql");
    let act = &commenter.act;
    act.execute(remove, &[&org_id, &document_id, &thread_id, &comment_id])
        .await?;
    commenter.commit(thread_id, StatusCode::OK).await
}

impl<'a> Commenter<'a> {
    async fn begin(
        call: &Call<'_>,
        client: &'a mut crate::postgres::PoolClient,
        org_id: Uuid,
        document_id: Uuid,
    ) -> Result<Self> {
        let act = Act::begin(call, client, org_id, Hold::Shared).await?;
        let account_id = act.session.account_id;
        let access = access(&act.transaction, account_id, org_id, document_id)
            .await?
            .ok_or_else(no_document)?;
        if !access.may_comment {
            let context = "you may read this document but not comment on it";
            return Err(Error::new(Kind::Forbidden, context));
        }
        if access.permission == Permission::None {
            return Err(in_bin());
        }
        Ok(Self {
            act,
            access,
            document_id,
        })
    }

    fn account_id(&self) -> Uuid {
        self.act.session.account_id
    }

    /// The threads of a page, or the one that is named.
    async fn threads(&self, thread_id: Option<Uuid>, page: &Page) -> Result<Vec<Row>> {
        self.act
            .transaction
            .query(
                include_str!("../../sql/list_comments.sql"),
                &[
                    &self.act.org_id(),
                    &self.document_id,
                    &self.account_id(),
                    &self.access.may_manage,
                    &thread_id,
                    &page.after.map(|after| after.at),
                    &page.after.map(|after| after.id),
                    &page.rows(),
                ],
            )
            .await
            .map_err(failed("list comments"))
    }

    /// Who wrote a comment; it stays until the transaction ends.
    async fn author(&self, thread_id: Uuid, comment_id: Uuid) -> Result<Uuid> {
        let row = self
            .act
            .transaction
            .query_opt(
                include_str!("../../sql/comment_author.sql"),
                &[
                    &self.act.org_id(),
                    &self.document_id,
                    &thread_id,
                    &comment_id,
                ],
            )
            .await
            .map_err(failed("find comment"))?;
        Ok(row.ok_or_else(no_comment)?.get("account_id"))
    }

    async fn may_remove(&self, thread_id: Uuid, comment_id: Uuid) -> Result<()> {
        let author = self.author(thread_id, comment_id).await?;
        if author == self.account_id() || self.access.may_manage {
            return Ok(());
        }
        Err(Error::new(
            Kind::Forbidden,
            "only its author and whoever manages the document may delete a comment",
        ))
    }

    /// Makes it stand, and answers the thread as it is then.
    async fn commit(self, thread_id: Uuid, status: StatusCode) -> Result<Answer> {
        let one = Page {
            after: None,
            limit: 1,
        };
        let rows = self.threads(Some(thread_id), &one).await?;
        let body = rows.first().ok_or_else(no_comment)?.get("body");
        self.act.commit().await?;
        Ok(json_text(status, body))
    }
}

fn body(fields: &Fields) -> Result<&str> {
    fields
        .prose("body", 1..=BODY_CHARACTERS)?
        .ok_or_else(|| Error::new(Kind::Invalid, "body: is missing"))
}

/// One end of what a thread is on: a cursor that only pages can read.
fn cursor(anchor: &Fields, name: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(anchor.text(name)?.unwrap_or_default())
        .ok()
        .filter(|bytes| (1..=ANCHOR_BYTES).contains(&bytes.len()))
        .ok_or_else(|| {
            let context = format!(
                "anchor.{name}: must be a Loro cursor of 1 to {ANCHOR_BYTES} bytes in base64url"
            );
            Error::new(Kind::Invalid, context)
        })
}

fn no_comment() -> Error {
    Error::new(Kind::NotFound, "there is no such comment")
}
