//! One-time links: the welcome link of an installation, and invitations. A link signs one person
//! in, once; of two simultaneous uses exactly one wins.

use super::access::{Permission, member_role, permission};
use super::{Session, Token, add_account, start_session};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Pool, failed};
use deadpool_postgres::{GenericClient, Transaction};
use serde::Serialize;
use uuid::Uuid;

/// How long the very first link of an installation can be used.
const FIRST_LINK_S: f64 = 24.0 * 3600.0;
/// How long a later link that signs the owner in can be used.
const RETURN_LINK_S: f64 = 3600.0;
/// How long an invitation can be used.
const INVITATION_S: f64 = 7.0 * 24.0 * 3600.0;

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// Makes the owner of a new installation.
    First,
    /// Signs an existing account in.
    Return,
    /// Makes a new account that joins the organisation.
    Invitation,
}

/// What the welcome page says before the link is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkPreview {
    /// What the link does.
    pub kind: LinkKind,
    /// Where it leads.
    pub organisation_name: String,
    /// Whom it signs in, when it is known.
    pub account_name: Option<String>,
}

/// An organisation as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Organisation {
    /// Identity of the organisation.
    pub org_id: Uuid,
    /// Its name.
    pub name: String,
    /// The member's role: owner, admin, member or guest.
    pub role: String,
}

/// What using a link gave.
#[derive(Debug)]
pub struct SignIn {
    /// What the link did.
    pub kind: LinkKind,
    /// The new session.
    pub session: Session,
    /// The secret of the new session.
    pub token: Token,
    /// Where the link led.
    pub organisation: Organisation,
    /// The document to open first.
    pub document_id: Option<Uuid>,
}

/// Who uses a link that lets somebody new in.
#[derive(Debug, Clone, Copy)]
pub enum Comer<'a> {
    /// Somebody who has no account yet, and is called so.
    New(&'a str),
    /// An account that is there.
    Known(Uuid),
}

/// A fresh invitation.
#[derive(Debug)]
pub struct Invitation {
    /// The secret of the link.
    pub token: Token,
    /// Until when it can be used, RFC 3339.
    pub expires_at: String,
}

/// The link that signs the owner of this installation in. The first call makes the organisation;
/// the owner is made when the link is used. A first link that nobody used is void afterwards, so
/// there is never more than one way to become the owner.
///
/// # Errors
/// When the database cannot be asked.
pub async fn welcome_link(pool: &Pool) -> Result<Token> {
    let mut client = pool
        .get()
        .await
        .map_err(failed("connect for welcome_link"))?;
    let transaction = client
        .transaction()
        .await
        .map_err(failed("begin welcome_link"))?;
    // The row of the setting is locked from here on: two servers that start at once take turns.
    let org_id: Uuid = transaction
        .query_one(include_str!("../../sql/home_organisation.sql"), &[])
        .await
        .map_err(failed("find home organisation"))?
        .get("org_id");
    transaction
        .execute(
            include_str!("../../sql/add_organisation.sql"),
            &[&org_id, &"My organisation"],
        )
        .await
        .map_err(failed("add organisation"))?;
    // This waits for whoever is just using an older first link; the owner is looked for after it.
    transaction
        .execute(include_str!("../../sql/drop_first_links.sql"), &[&org_id])
        .await
        .map_err(failed("drop first links"))?;
    let owner_id: Option<Uuid> = transaction
        .query_opt(include_str!("../../sql/first_owner.sql"), &[&org_id])
        .await
        .map_err(failed("find owner"))?
        .map(|row| row.get("account_id"));
    let lifetime_s = match owner_id {
        None => FIRST_LINK_S,
        Some(_) => RETURN_LINK_S,
    };
    let link = NewLink {
        org_id,
        document_id: None,
        account_id: owner_id,
        role: "owner",
        created_by: None,
        lifetime_s,
    };
    let invitation = add_link(&transaction, &link).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit welcome_link"))?;
    Ok(invitation.token)
}

/// A link that makes one new member. The caller has asked whether `created_by` may invite; when
/// that account leaves the organisation, the link is void.
///
/// # Errors
/// When the database cannot be asked.
pub async fn invite(
    client: &impl GenericClient,
    created_by: Uuid,
    org_id: Uuid,
    document_id: Option<Uuid>,
    role: &'static str,
) -> Result<Invitation> {
    let link = NewLink {
        org_id,
        document_id,
        account_id: None,
        role,
        created_by: Some(created_by),
        lifetime_s: INVITATION_S,
    };
    add_link(client, &link).await
}

/// What a link would do; nothing is used up.
///
/// # Errors
/// `Gone` when it was used, has expired or never was.
pub async fn look_at_link(client: &impl GenericClient, token: &Token) -> Result<LinkPreview> {
    let row = client
        .query_opt(include_str!("../../sql/look_at_link.sql"), &[&token.hash()])
        .await
        .map_err(failed("look at link"))?
        .ok_or_else(link_is_gone)?;
    Ok(LinkPreview {
        kind: kind_of(row.get("account_id"), row.get("role")),
        organisation_name: row.get("organisation_name"),
        account_name: row.get("account_name"),
    })
}

/// Uses a link: signs in the account that it names, or makes one called `name`. The caller
/// commits; until then the link is held, and after a rollback it can be used again.
///
/// # Errors
/// `Gone` when the link was used, has expired or never was; `Invalid` when a new account is to be
/// made and `name` is not one to 100 characters.
pub async fn use_link(
    transaction: &Transaction<'_>,
    token: &Token,
    name: &str,
    user_agent: &str,
) -> Result<SignIn> {
    use_link_hash(transaction, &token.hash(), Comer::New(name), user_agent).await
}

/// The same of a link whose secret is not at hand any more, by somebody who may have an account.
///
/// # Errors
/// As [`use_link`].
pub async fn use_link_hash(
    transaction: &Transaction<'_>,
    token_hash: &[u8],
    who: Comer<'_>,
    user_agent: &str,
) -> Result<SignIn> {
    let row = transaction
        .query_opt(include_str!("../../sql/use_link.sql"), &[&token_hash])
        .await
        .map_err(failed("use link"))?
        .ok_or_else(link_is_gone)?;
    let org_id: Uuid = row.get("org_id");
    let known_account: Option<Uuid> = row.get("account_id");
    let kind = kind_of(known_account, row.get("role"));
    let account_id = match known_account {
        Some(account_id) => account_id,
        None => add_member(transaction, org_id, who, row.get("role")).await?,
    };
    // An account that has left the organisation since is not let in again by an old link.
    let role = member_role(transaction, account_id, org_id)
        .await?
        .ok_or_else(link_is_gone)?;
    transaction
        .execute(
            include_str!("../../sql/link_used_by.sql"),
            &[&token_hash, &account_id],
        )
        .await
        .map_err(failed("note who used the link"))?;
    let (session, session_token) = start_session(transaction, account_id, user_agent).await?;
    let document_id = match row.get("document_id") {
        Some(document_id) => {
            let permission = permission(transaction, account_id, org_id, document_id).await?;
            (permission != Permission::None).then_some(document_id)
        }
        None => None,
    };
    Ok(SignIn {
        kind,
        session,
        token: session_token,
        organisation: Organisation {
            org_id,
            name: row.get("organisation_name"),
            role,
        },
        document_id,
    })
}

/// The organisations that an account belongs to, oldest membership first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn organisations_of(
    client: &impl GenericClient,
    account_id: Uuid,
) -> Result<Vec<Organisation>> {
    let rows = client
        .query(
            include_str!("../../sql/list_organisations.sql"),
            &[&account_id],
        )
        .await
        .map_err(failed("list organisations"))?;
    let organisations = rows.iter().map(|row| Organisation {
        org_id: row.get("org_id"),
        name: row.get("name"),
        role: row.get("role"),
    });
    Ok(organisations.collect())
}

async fn add_member(
    transaction: &Transaction<'_>,
    org_id: Uuid,
    who: Comer<'_>,
    role: &str,
) -> Result<Uuid> {
    let account_id = match who {
        Comer::New(name) => add_account(transaction, name).await?,
        // Whoever belongs to the organisation already keeps their role.
        Comer::Known(account_id) => account_id,
    };
    transaction
        .execute(
            include_str!("../../sql/add_member.sql"),
            &[&org_id, &account_id, &role],
        )
        .await
        .map_err(failed("add member"))?;
    Ok(account_id)
}

struct NewLink {
    org_id: Uuid,
    document_id: Option<Uuid>,
    account_id: Option<Uuid>,
    role: &'static str,
    created_by: Option<Uuid>,
    lifetime_s: f64,
}

async fn add_link(client: &impl GenericClient, link: &NewLink) -> Result<Invitation> {
    let token = Token::random();
    let row = client
        .query_one(
            include_str!("../../sql/add_link.sql"),
            &[
                &token.hash(),
                &link.org_id,
                &link.document_id,
                &link.account_id,
                &link.role,
                &link.created_by,
                &link.lifetime_s,
            ],
        )
        .await
        .map_err(failed("add link"))?;
    Ok(Invitation {
        token,
        expires_at: row.get("expires_at"),
    })
}

fn kind_of(account_id: Option<Uuid>, role: &str) -> LinkKind {
    match (account_id, role) {
        (Some(_), _) => LinkKind::Return,
        (None, "owner") => LinkKind::First,
        (None, _) => LinkKind::Invitation,
    }
}

fn link_is_gone() -> Error {
    Error::new(
        Kind::Gone,
        "this link has been used or has expired; ask for a new one",
    )
}
