//! Links that let whoever has them at a document or a folder.

use super::act::Act;
use super::answer::{Answer, json, with};
use super::call::Call;
use super::cookie;
use super::grants::{Object, take_back};
use super::guard::page_origin;
use crate::auth::{
    For, Hold, Session, Subject, Token, Verdict, acting, acting_unknown, add_account,
    check_password, count_attempt, forgive_attempt, hash_password, start_session, verify_password,
};
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use hyper::StatusCode;
use hyper::header::SET_COOKIE;
use serde::Serialize;
use serde_json::json as value;
use tokio_postgres::Row;
use uuid::Uuid;

/// Longest life of a link, in days.
const MOST_DAYS: i64 = 3650;
/// What somebody is called who gives no name.
const NO_NAME: &str = "Guest";

/// `POST …/links` with a role, and if wanted days and a password. The secret is told only now.
pub async fn create(call: &Call<'_>, org_id: Uuid, object: Object) -> Result<Answer> {
    let fields = call.fields()?;
    let role = fields.needed_one_of("role", &["view", "comment", "edit"])?;
    let days = fields.number("days", 1..=MOST_DAYS)?;
    let days = days.map(|days| i32::try_from(days).expect("in range"));
    let password_hash = match fields.secret("password")? {
        None => None,
        Some(password) => {
            check_password(password)?;
            let client = call.client().await?;
            let session = call.session(&client).await?;
            count_attempt(&client, &[Subject::passwords(session.account_id)]).await?;
            drop(client);
            Some(hash_password(password, For::Account(session.account_id)).await?)
        }
    };
    let mut client = call.client().await?;
    let act = Act::begin(call, &mut client, org_id, Hold::Shared).await?;
    let own = act.session.account_id;
    object.manage(&act.transaction, org_id, own).await?;
    let token = Token::random();
    let (document_id, folder_id) = (object.document_id(), object.folder_id());
    let row = act
        .transaction
        .query_one(
            include_str!("../../sql/add_share_link.sql"),
            &[
                &org_id,
                &document_id,
                &folder_id,
                &token.hash(),
                &password_hash,
                &role,
                &own,
                &days,
            ],
        )
        .await
        .map_err(failed("add share link"))?;
    let link = value!({
        "link_id": row.get::<_, Uuid>("link_id"),
        "role": role,
        "has_password": password_hash.is_some(),
        "created_at": row.get::<_, String>("created_at"),
        "created_by": {
            "account_id": own,
            "name": act.session.name,
            "color": act.session.color,
        },
        "expires_at": row.get::<_, Option<String>>("expires_at"),
        "inherited_from": null,
        // In the fragment, which browsers send to nobody.
        "url": format!("{}/share#{}", page_origin(call.context, call.head), token.reveal()),
    });
    act.commit().await?;
    Ok(json(StatusCode::CREATED, &link))
}

/// `DELETE …/links/{link_id}`: whoever came in by it is out at once.
pub async fn revoke(
    call: &Call<'_>,
    org_id: Uuid,
    object: Object,
    link_id: Uuid,
) -> Result<Answer> {
    let revoke = include_str!("../../sql/revoke_share_link.sql");
    take_back(call, org_id, object, (revoke, link_id, "link")).await
}

/// `POST /api/v1/share-links/preview`: what a link leads to. The title is told only to whoever
/// needs no password.
pub async fn preview(call: &Call<'_>) -> Result<Answer> {
    #[derive(Serialize)]
    struct Preview<'a> {
        organisation_name: &'a str,
        title: Option<&'a str>,
        role: &'a str,
        is_folder: bool,
        needs_password: bool,
        is_signed_in: bool,
    }
    let fields = call.fields()?;
    let token = link_token(fields.needed_text("token")?)?;
    let client = call.client().await?;
    let link = find(&client, &token).await?;
    let needs_password = link.get::<_, Option<&str>>("password_hash").is_some();
    let is_signed_in = match call.session(&client).await {
        Ok(_) => true,
        Err(error) if error.kind() == Kind::SignedOut => false,
        Err(error) => return Err(error),
    };
    let preview = Preview {
        organisation_name: link.get("organisation_name"),
        title: (!needs_password).then(|| link.get("title")),
        role: link.get("role"),
        is_folder: link.get::<_, Option<Uuid>>("folder_id").is_some(),
        needs_password,
        is_signed_in,
    };
    Ok(json(StatusCode::OK, &preview))
}

/// `POST /api/v1/share-links/open`: lets whoever is signed in at what the link leads to; for
/// somebody who is not, an account that belongs to no organisation is made.
pub async fn open(call: &Call<'_>) -> Result<Answer> {
    let fields = call.fields()?;
    let token = link_token(fields.needed_text("token")?)?;
    let name = fields.name("name", 100)?.unwrap_or(NO_NAME);
    let mut client = call.client().await?;
    let link = find(&client, &token).await?;
    let (org_id, link_id): (Uuid, Uuid) = (link.get("org_id"), link.get("link_id"));
    call.context.directory.check(org_id)?;
    if let Some(hash) = link.get::<_, Option<&str>>("password_hash") {
        let subject = Subject::share_link(link_id, call.address);
        let password = fields.secret("password")?.unwrap_or("");
        let all = Subject::share_link_altogether(link_id);
        let counted = [Subject::address(call.address), subject.clone(), all];
        count_attempt(&client, &counted).await?;
        let whose = For::Address(call.address);
        if verify_password(password, Some(hash), whose).await? == Verdict::Wrong {
            return Err(Error::new(Kind::Forbidden, "the password is wrong"));
        }
        forgive_attempt(&client, &subject, call.address).await?;
    }
    let known = match call.session(&client).await {
        Ok(session) => Some(session),
        Err(error) if error.kind() == Kind::SignedOut => None,
        Err(error) => return Err(error),
    };
    let transaction = client.transaction().await.map_err(failed("open link"))?;
    // A revocation that comes meanwhile waits, or has been seen.
    transaction
        .execute(include_str!("../../sql/share_authority.sql"), &[&org_id])
        .await
        .map_err(failed("hold authority"))?;
    find(&transaction, &token).await?;
    let (session, new_token): (Session, Option<Token>) = match known {
        Some(session) => {
            acting(&transaction, &session, call.address).await?;
            (session, None)
        }
        None => {
            acting_unknown(&transaction, call.address).await?;
            let account_id = add_account(&transaction, name).await?;
            let (session, token) =
                start_session(&transaction, account_id, call.user_agent()).await?;
            acting(&transaction, &session, call.address).await?;
            (session, Some(token))
        }
    };
    transaction
        .execute(
            include_str!("../../sql/add_visit.sql"),
            &[&org_id, &link_id, &session.account_id],
        )
        .await
        .map_err(failed("note visit"))?;
    transaction.commit().await.map_err(failed("commit visit"))?;
    let answer = json(
        StatusCode::OK,
        &value!({
            "account": {
                "account_id": session.account_id,
                "name": session.name,
                "color": session.color,
            },
            "org_id": org_id,
            "document_id": link.get::<_, Option<Uuid>>("document_id"),
            "folder_id": link.get::<_, Option<Uuid>>("folder_id"),
        }),
    );
    Ok(match new_token {
        Some(token) => with(answer, SET_COOKIE, &cookie::signed_in(call, &token)),
        None => answer,
    })
}

async fn find(client: &impl GenericClient, token: &Token) -> Result<Row> {
    client
        .query_opt(
            include_str!("../../sql/find_share_link.sql"),
            &[&token.hash()],
        )
        .await
        .map_err(failed("find share link"))?
        .ok_or_else(gone)
}

fn link_token(text: &str) -> Result<Token> {
    Token::parse(text).ok_or_else(gone)
}

fn gone() -> Error {
    Error::new(
        Kind::Gone,
        "this link does not work any more, or is not complete; ask for a new one",
    )
}
