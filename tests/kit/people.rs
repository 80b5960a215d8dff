//! People, sessions and documents, put straight into a test's database.

use quire::auth::{self, Session, Token};
use quire::http::create_document;
use quire::postgres::Pool;
use uuid::Uuid;

/// An organisation with its owner and one document.
pub struct Office {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub owner: Person,
}

/// Somebody signed in.
pub struct Person {
    pub session: Session,
    /// The secret of the session.
    pub token: Token,
}

impl Office {
    /// Opens one: the welcome link of a new installation, used.
    pub async fn open(pool: &Pool) -> Self {
        let link = auth::welcome_link(pool).await.expect("a welcome link");
        let owner = arrive(pool, &link, "Ada").await;
        let org_id = owner.1;
        let client = pool.get().await.expect("a connection");
        let document_id = create_document(
            &client,
            org_id,
            None,
            owner.0.session.account_id,
            "First draft",
            None,
        )
        .await
        .expect("a document");
        Self {
            org_id,
            document_id,
            owner: owner.0,
        }
    }

    /// One more member.
    pub async fn member(&self, pool: &Pool, name: &str) -> Person {
        let client = pool.get().await.expect("a connection");
        let owner = self.owner.session.account_id;
        let link = auth::invite(&client, owner, self.org_id, None, "member")
            .await
            .expect("an invitation");
        arrive(pool, &link.token, name).await.0
    }

    /// The room of its first document.
    pub fn room(&self) -> String {
        format!("{}/{}", self.org_id, self.document_id)
    }
}

async fn arrive(pool: &Pool, link: &Token, name: &str) -> (Person, Uuid) {
    let mut client = pool.get().await.expect("a connection");
    let transaction = client.transaction().await.expect("a transaction");
    let sign_in = auth::use_link(&transaction, link, name, "test")
        .await
        .expect("the link works");
    transaction.commit().await.expect("it commits");
    let person = Person {
        session: sign_in.session,
        token: sign_in.token,
    };
    (person, sign_in.organisation.org_id)
}
