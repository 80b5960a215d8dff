//! What every change in an organisation begins with: who asks, that nobody can take their right
//! away before it is done, and that the audit knows whose doing it is.

use super::answer::{Answer, json_text};
use super::call::Call;
use super::documents::no_organisation;
use crate::auth::{Hold, Session, act_in, acting, hold_authority, member_role};
use crate::error::{Error, Kind, Result};
use crate::postgres::{PoolClient, failed};
use deadpool_postgres::{GenericClient, Transaction};
use hyper::StatusCode;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

/// The parameters of a statement.
pub type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Somebody at work in an organisation.
pub struct Act<'a> {
    /// Who.
    pub session: Session,
    /// Where the work is done; nothing stands before [`Act::commit`].
    pub transaction: Transaction<'a>,
    org_id: Uuid,
    role: Option<String>,
}

impl<'a> Act<'a> {
    /// Begins. `Hold::Alone` is for whoever changes rights.
    ///
    /// # Errors
    /// `SignedOut`; otherwise when the database cannot be asked.
    pub async fn begin(
        call: &Call<'_>,
        client: &'a mut PoolClient,
        org_id: Uuid,
        hold: Hold,
    ) -> Result<Self> {
        let session = call.session(client).await?;
        let transaction = client
            .transaction()
            .await
            .map_err(failed("begin request"))?;
        hold_authority(&transaction, &session, org_id, hold).await?;
        acting(&transaction, &session, call.address).await?;
        act_in(&transaction, org_id).await?;
        let role = member_role(&transaction, session.account_id, org_id).await?;
        Ok(Self {
            session,
            transaction,
            org_id,
            role,
        })
    }

    /// The same for whoever only reads: nothing is held up.
    ///
    /// # Errors
    /// As [`Act::begin`].
    pub async fn look(call: &Call<'_>, client: &'a mut PoolClient, org_id: Uuid) -> Result<Self> {
        let session = call.session(client).await?;
        let transaction = client
            .build_transaction()
            .read_only(true)
            .start()
            .await
            .map_err(failed("begin look"))?;
        act_in(&transaction, org_id).await?;
        let role = member_role(&transaction, session.account_id, org_id).await?;
        Ok(Self {
            session,
            transaction,
            org_id,
            role,
        })
    }

    /// The caller's role in the organisation.
    ///
    /// # Errors
    /// `NotFound` when it does not belong to it.
    pub fn member(&self) -> Result<&str> {
        self.role.as_deref().ok_or_else(no_organisation)
    }

    /// Lets owners and admins pass.
    ///
    /// # Errors
    /// `NotFound` for whoever does not belong to the organisation, `Forbidden` for its members.
    pub fn admin(&self) -> Result<&str> {
        let role = self.member()?;
        if is_admin(role) {
            return Ok(role);
        }
        Err(Error::new(
            Kind::Forbidden,
            "only owners and admins of the organisation may do this",
        ))
    }

    /// Runs a statement; answers how many rows it changed.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn execute(&self, sql: &str, parameters: Parameters<'_>) -> Result<u64> {
        self.transaction
            .execute(sql, parameters)
            .await
            .map_err(failed("change the organisation"))
    }

    /// The organisation that is worked in.
    pub fn org_id(&self) -> Uuid {
        self.org_id
    }

    /// Makes it stand.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn commit(self) -> Result<()> {
        self.transaction
            .commit()
            .await
            .map_err(failed("commit request"))
    }
}

/// Whether a role administers its organisation.
pub fn is_admin(role: &str) -> bool {
    matches!(role, "owner" | "admin")
}

/// The column `body` of a statement's only row; `None` without a row.
pub async fn body(
    client: &impl GenericClient,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Option<String>> {
    let row = client
        .query_opt(sql, parameters)
        .await
        .map_err(failed("read the organisation"))?;
    Ok(row.map(|row| row.get("body")))
}

/// The same as an answer; `missing` when there is no row.
pub async fn answer(
    status: StatusCode,
    client: &impl GenericClient,
    sql: &str,
    parameters: Parameters<'_>,
    missing: fn() -> Error,
) -> Result<Answer> {
    let body = body(client, sql, parameters).await?.ok_or_else(missing)?;
    Ok(json_text(status, body))
}
