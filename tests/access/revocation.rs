//! Every way in which somebody who writes can lose the right to, as SQL straight into the tables.

use deadpool_postgres::GenericClient;
use quire::auth::{Token, start_session};
use quire::http::create_document;
use uuid::Uuid;

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revocation {
    SessionEnded,
    SessionDeleted,
    MemberRemoved,
    RoleLowered,
    GrantRemoved,
    GrantLowered,
    GroupLeft,
    GroupDeleted,
    LinkRevoked,
    DocumentDeleted,
    DocumentMoved,
    DocumentTransferred,
    FolderMoved,
}

impl Revocation {
    pub const ALL: [Self; 13] = [
        Self::SessionEnded,
        Self::SessionDeleted,
        Self::MemberRemoved,
        Self::RoleLowered,
        Self::GrantRemoved,
        Self::GrantLowered,
        Self::GroupLeft,
        Self::GroupDeleted,
        Self::LinkRevoked,
        Self::DocumentDeleted,
        Self::DocumentMoved,
        Self::DocumentTransferred,
        Self::FolderMoved,
    ];

    /// Whether it ends the session, so that sockets close; else their rooms are told.
    pub fn ends_session(self) -> bool {
        matches!(self, Self::SessionEnded | Self::SessionDeleted)
    }

    /// The role in the organisation; none: the person comes by a share link.
    fn role(self) -> Option<&'static str> {
        match self {
            Self::LinkRevoked => None,
            Self::RoleLowered | Self::DocumentTransferred => Some("member"),
            _ => Some("guest"),
        }
    }

    /// Gives the right that will be taken away, and no other.
    fn give(self) -> &'static str {
        match self {
            Self::RoleLowered => {
                "insert into quire.access_grant (org_id, document_id, everyone, role)
                 values ('{org}', '{document}', true, 'edit')"
            }
            Self::GroupLeft | Self::GroupDeleted => {
                "insert into quire.org_group (org_id, group_id, name) values ('{org}', '{inner}', '{inner}');
                 insert into quire.org_group_member (org_id, group_id, account_id)
                 values ('{org}', '{inner}', '{person}');
                 insert into quire.access_grant (org_id, document_id, group_id, role)
                 values ('{org}', '{document}', '{inner}', 'edit')"
            }
            Self::LinkRevoked => {
                "insert into quire.share_link (org_id, link_id, document_id, token_hash, role, created_by)
                 values ('{org}', '{inner}', '{document}', '{inner}', 'edit', '{keeper}');
                 insert into quire.share_link_visit (org_id, link_id, account_id)
                 values ('{org}', '{inner}', '{person}')"
            }
            Self::DocumentTransferred => {
                "update quire.document set owner_id = '{person}'
                 where org_id = '{org}' and document_id = '{document}'"
            }
            Self::DocumentMoved | Self::FolderMoved => {
                "insert into quire.folder (org_id, folder_id, name, created_by)
                 values ('{org}', '{outer}', 'Outer', '{keeper}');
                 insert into quire.folder (org_id, folder_id, parent_id, name, created_by)
                 values ('{org}', '{inner}', '{outer}', 'Inner', '{keeper}');
                 update quire.document set folder_id = '{inner}'
                 where org_id = '{org}' and document_id = '{document}';
                 insert into quire.access_grant (org_id, folder_id, account_id, role)
                 values ('{org}', '{outer}', '{person}', 'edit')"
            }
            _ => {
                "insert into quire.access_grant (org_id, document_id, account_id, role)
                 values ('{org}', '{document}', '{person}', 'edit')"
            }
        }
    }

    fn take(self) -> &'static str {
        match self {
            Self::SessionEnded => {
                "update quire.session set ended_at = now() where session_id = '{session}'"
            }
            Self::SessionDeleted => "delete from quire.session where session_id = '{session}'",
            Self::MemberRemoved => {
                "delete from quire.member where org_id = '{org}' and account_id = '{person}'"
            }
            Self::RoleLowered => {
                "update quire.member set role = 'guest' where org_id = '{org}' and account_id = '{person}'"
            }
            Self::GrantRemoved => {
                "delete from quire.access_grant where org_id = '{org}' and account_id = '{person}'"
            }
            Self::GrantLowered => {
                "update quire.access_grant set role = 'view'
                 where org_id = '{org}' and account_id = '{person}'"
            }
            Self::GroupLeft => {
                "delete from quire.org_group_member where org_id = '{org}' and account_id = '{person}'"
            }
            Self::GroupDeleted => {
                "delete from quire.org_group where org_id = '{org}' and group_id = '{inner}'"
            }
            Self::LinkRevoked => {
                "update quire.share_link set revoked_at = now() where org_id = '{org}' and link_id = '{inner}'"
            }
            Self::DocumentDeleted => {
                "update quire.document set deleted_at = now()
                 where org_id = '{org}' and document_id = '{document}'"
            }
            Self::DocumentMoved => {
                "update quire.document set folder_id = null
                 where org_id = '{org}' and document_id = '{document}'"
            }
            Self::DocumentTransferred => {
                "update quire.document set owner_id = '{keeper}'
                 where org_id = '{org}' and document_id = '{document}'"
            }
            Self::FolderMoved => {
                "update quire.folder set parent_id = null where org_id = '{org}' and folder_id = '{inner}'"
            }
        }
    }
}

/// Somebody who may edit one document, for one reason that can be taken away.
pub struct Right {
    pub revocation: Revocation,
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub account_id: Uuid,
    pub token: Token,
    session_id: Uuid,
    keeper: Uuid,
    inner: Uuid,
    outer: Uuid,
}

impl Right {
    /// Makes the person and the document. The organisation must give its members nothing by itself;
    /// `keeper` owns it.
    pub async fn give(
        client: &impl GenericClient,
        revocation: Revocation,
        org_id: Uuid,
        keeper: Uuid,
    ) -> Self {
        let account_id = Uuid::new_v4();
        let mut sql = format!(
            "insert into quire.account (account_id, name, color) values ('{account_id}', 'Eve', '#123456');"
        );
        if let Some(role) = revocation.role() {
            sql += &format!(
                "insert into quire.member (org_id, account_id, role) values ('{org_id}', '{account_id}', '{role}');"
            );
        }
        client.batch_execute(&sql).await.expect("a person");
        let (session, token) = start_session(client, account_id, "test")
            .await
            .expect("a session");
        let document_id = create_document(client, org_id, None, keeper, "Race", None)
            .await
            .expect("a document");
        let right = Self {
            revocation,
            org_id,
            document_id,
            account_id,
            token,
            session_id: session.session_id,
            keeper,
            inner: Uuid::new_v4(),
            outer: Uuid::new_v4(),
        };
        client
            .batch_execute(&right.filled(revocation.give()))
            .await
            .expect("the right is given");
        right
    }

    /// Takes it away, in the caller's transaction.
    pub async fn take(&self, client: &impl GenericClient) {
        client
            .batch_execute(&self.filled(self.revocation.take()))
            .await
            .unwrap_or_else(|e| panic!("{:?}: {e:?}", self.revocation));
    }

    pub fn room(&self) -> String {
        format!("{}/{}", self.org_id, self.document_id)
    }

    fn filled(&self, sql: &str) -> String {
        [
            ("{org}", self.org_id),
            ("{document}", self.document_id),
            ("{person}", self.account_id),
            ("{session}", self.session_id),
            ("{keeper}", self.keeper),
            ("{inner}", self.inner),
            ("{outer}", self.outer),
        ]
        .iter()
        .fold(sql.to_owned(), |sql, (name, id)| {
            sql.replace(name, &id.to_string())
        })
    }
}
