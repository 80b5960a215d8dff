use crate::kit::members::{count, member, organisation};
use crate::kit::postgres::Database;
use quire::auth::{Token, end_session, session_by_token, start_session};

#[tokio::test]
async fn a_token_finds_its_session_and_no_other_does() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (session, token) = member(&client, org_id, "Ada", "member").await;
    let found = session_by_token(&client, &token).await.unwrap();
    assert_eq!(found, Some(session));
    let other = session_by_token(&client, &Token::random()).await.unwrap();
    assert_eq!(other, None);
}

#[tokio::test]
async fn an_ended_session_is_gone_and_the_log_says_so_once() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (session, token) = member(&client, org_id, "Ada", "member").await;
    end_session(&client, session.session_id).await.unwrap();
    end_session(&client, session.session_id).await.unwrap();
    assert_eq!(session_by_token(&client, &token).await.unwrap(), None);
    let events = "select count(*) from quire.event where kind = 'session_ended'";
    assert_eq!(count(&client, events).await, 1);
}

#[tokio::test]
async fn an_expired_session_is_gone() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (_, token) = member(&client, org_id, "Ada", "member").await;
    client
        .execute("update quire.session set expires_at = now()", &[])
        .await
        .unwrap();
    assert_eq!(session_by_token(&client, &token).await.unwrap(), None);
}

#[tokio::test]
async fn the_database_never_holds_a_secret() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (session, token) = member(&client, org_id, "Ada", "member").await;
    let agent = "x".repeat(5000);
    start_session(&client, session.account_id, &agent)
        .await
        .unwrap();
    let rows = client
        .query("select s::text, user_agent from quire.session s", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(!row.get::<_, String>(0).contains(&token.reveal()));
        assert!(row.get::<_, String>(1).len() <= 200);
    }
}
