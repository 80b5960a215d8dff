//! Who asks to join a room, what they may do there, and with which peer they write.

use std::sync::Arc;

use super::connection::Connection;
use super::credentials::Credentials;
use crate::auth::{self, Scope, Session};
use crate::commit::lease::{self, Lease, Wish};
use crate::document::trial::DocKey;
use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use crate::protocol::Permission;

impl Connection {
    /// Asks once more when a change of rights was applied since `authority`: it may have told the
    /// room's readers just before this one was among them.
    pub(super) async fn unless_changed(
        &self,
        authority: u64,
        session: &Session,
        key: DocKey,
        permission: Permission,
    ) -> Result<()> {
        if self.state.fanout.authority() == authority
            || self.permission(session, key).await? == permission
        {
            return Ok(());
        }
        Err(Error::new(
            Kind::Unavailable,
            "your rights changed while you joined; join again",
        ))
    }

    /// Who asks: the token in the join, else whoever the connection belongs to.
    pub(super) async fn session_of(&mut self, credentials: &Credentials) -> Result<Arc<Session>> {
        if let Some(token) = &credentials.token {
            let client = self
                .state
                .pool
                .get()
                .await
                .map_err(failed("look up session"))?;
            let session = auth::session_by_token(&client, token)
                .await?
                .ok_or_else(signed_out)?;
            match &self.session {
                // A connection belongs to one session: what one is ended must close.
                Some(own) if own.session_id != session.session_id => {
                    return Err(Error::new(
                        Kind::Forbidden,
                        "this connection belongs to another session; open a new one",
                    ));
                }
                Some(_) => {}
                None => self.signed_in(session),
            }
        }
        self.session.clone().ok_or_else(signed_out)
    }

    /// What the session may do with the document. Asked when no revocation is being committed: the
    /// log may bring one a moment before the tables show it.
    pub(super) async fn permission(&self, session: &Session, key: DocKey) -> Result<Permission> {
        self.state.directory.check(key.org_id)?;
        let mut client = self
            .state
            .pool
            .get()
            .await
            .map_err(failed("look up access"))?;
        let transaction = client
            .transaction()
            .await
            .map_err(failed("look up access"))?;
        auth::share_authority(&transaction, key.org_id).await?;
        let account_id = session.account_id;
        let access = auth::access(&transaction, account_id, key.org_id, key.document_id).await?;
        transaction
            .commit()
            .await
            .map_err(failed("look up access"))?;
        let permission = access.ok_or_else(no_document)?.permission;
        if !session.scopes.allow(Scope::Read) {
            let context = "this API token lacks the scope read";
            return Err(Error::new(Kind::Forbidden, context));
        }
        match permission {
            auth::Permission::Write if session.scopes.allow(Scope::Write) => Ok(Permission::Write),
            auth::Permission::Write | auth::Permission::Read => Ok(Permission::Read),
            auth::Permission::None => Err(Error::new(Kind::Gone, "the document is in the bin")),
        }
    }

    /// The peer to write with; and where the one ends that is given up for it, if that was asked.
    pub(super) async fn lease(
        &self,
        session: &Session,
        key: DocKey,
        permission: Permission,
        credentials: &Credentials,
    ) -> Result<(Option<Lease>, Option<i32>)> {
        let Some(preferred) = credentials.lease else {
            return Ok((None, None));
        };
        if permission == Permission::Read {
            return Ok((None, None));
        }
        let wish = preferred.map_or(Wish::Any, Wish::Preferably);
        let request = lease::Request {
            org_id: key.org_id,
            document_id: key.document_id,
            session,
            device: &credentials.device,
            wish,
        };
        let gave_up = match credentials.gives_up {
            Some(peer) => Some(lease::give_up(&self.state.pool, &request, peer).await?),
            None => None,
        };
        let lease = lease::take(&self.state.pool, &request).await?;
        Ok((Some(lease), gave_up))
    }
}

pub(super) fn no_document() -> Error {
    Error::new(
        Kind::NotFound,
        "there is no such document, or you have no access to it",
    )
}

fn signed_out() -> Error {
    Error::new(Kind::SignedOut, "sign in first: the session has ended")
}
