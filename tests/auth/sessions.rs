use crate::kit::members::{count, member, organisation};
use crate::kit::postgres::Database;
use quire::auth::{Token, end_expired, end_session, session_by_token, start_session};

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

#[tokio::test]
async fn use_puts_the_end_off_hourly_and_never_beyond_the_latest() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (_, token) = member(&client, org_id, "Ada", "member").await;
    let days_left = async || -> (i32, i32) {
        let row = client
            .query_one(
                "select round(extract(epoch from expires_at - now()) / 86400)::integer,
                        round(extract(epoch from latest_end - now()) / 86400)::integer
                 from quire.session",
                &[],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!(days_left().await, (14, 90));
    // As if it had begun earlier and not been used since.
    let back = async |days: i32| {
        client
            .execute(
                "update quire.session
                 set last_seen_at = last_seen_at - make_interval(days => $1),
                     expires_at = expires_at - make_interval(days => $1),
                     latest_end = latest_end - make_interval(days => $1)",
                &[&days],
            )
            .await
            .unwrap();
        session_by_token(&client, &token).await.unwrap().is_some()
    };
    assert!(back(13).await);
    assert_eq!(days_left().await, (14, 77));
    assert!(back(12).await);
    assert!(back(13).await);
    assert!(back(13).await);
    assert!(back(13).await);
    assert!(back(13).await);
    assert_eq!(days_left().await, (13, 13));

    // It has just been noted.
    let sooner = "update quire.session set expires_at = now() + interval '1 day'";
    client.execute(sooner, &[]).await.unwrap();
    assert!(session_by_token(&client, &token).await.unwrap().is_some());
    assert_eq!(days_left().await, (1, 13));
    assert!(!back(13).await);
}

#[tokio::test]
async fn what_expires_ends_through_the_log() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (session, token) = member(&client, org_id, "Ada", "member").await;
    let (_, other) = member(&client, org_id, "Bob", "member").await;
    assert_eq!(end_expired(&client).await.unwrap(), 0);
    client
        .execute(
            "update quire.session set expires_at = now() where session_id = $1",
            &[&session.session_id],
        )
        .await
        .unwrap();
    assert_eq!(end_expired(&client).await.unwrap(), 1);
    assert_eq!(end_expired(&client).await.unwrap(), 0);
    let events = "select count(*) from quire.event where kind = 'session_ended'";
    assert_eq!(count(&client, events).await, 1);
    assert_eq!(session_by_token(&client, &token).await.unwrap(), None);
    assert!(session_by_token(&client, &other).await.unwrap().is_some());
}
