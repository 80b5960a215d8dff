//! Organisations, accounts and documents, made directly.

use deadpool_postgres::GenericClient;
use quire::auth::{Session, Token, color_of, start_session};
use quire::http::create_document;
use uuid::Uuid;

/// An organisation of that name.
pub async fn organisation(client: &impl GenericClient, name: &str) -> Uuid {
    let org_id = Uuid::new_v4();
    client
        .execute(
            "insert into quire.organisation (org_id, name) values ($1, $2)",
            &[&org_id, &name],
        )
        .await
        .expect("organisation is added");
    org_id
}

/// Somebody of that name who is signed in and belongs to the organisation.
pub async fn member(
    client: &impl GenericClient,
    org_id: Uuid,
    name: &str,
    role: &str,
) -> (Session, Token) {
    let account_id = Uuid::new_v4();
    client
        .execute(
            "insert into quire.account (account_id, name, color) values ($1, $2, $3)",
            &[&account_id, &name, &color_of(account_id)],
        )
        .await
        .expect("account is added");
    client
        .execute(
            "insert into quire.member (org_id, account_id, role) values ($1, $2, $3)",
            &[&org_id, &account_id, &role],
        )
        .await
        .expect("member is added");
    start_session(client, account_id, "test")
        .await
        .expect("session starts")
}

/// A document of the organisation, made by the account.
pub async fn document(client: &impl GenericClient, org_id: Uuid, created_by: Uuid) -> Uuid {
    create_document(client, org_id, None, created_by, "Minutes", None)
        .await
        .expect("document is made")
}

/// Lets a guest at one document.
pub async fn grant(
    client: &impl GenericClient,
    org_id: Uuid,
    document_id: Uuid,
    account_id: Uuid,
    role: &str,
) {
    client
        .execute(
            "insert into quire.document_grant (org_id, document_id, account_id, role)
             values ($1, $2, $3, $4)",
            &[&org_id, &document_id, &account_id, &role],
        )
        .await
        .expect("grant is given");
}

/// How many rows a query counts.
pub async fn count(client: &impl GenericClient, query: &str) -> i64 {
    client
        .query_one(query, &[])
        .await
        .expect("rows are counted")
        .get(0)
}
