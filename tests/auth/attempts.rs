use crate::kit::postgres::Database;
use quire::auth::{Subject, count_attempt, drop_old_attempts, forgive_attempt};
use quire::error::Kind;
use std::net::IpAddr;

const ADDRESS: &str = "192.0.2.7";

#[tokio::test]
async fn the_eleventh_guess_waits_for_the_end_of_its_window() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let ada = [Subject::email("ada@example.org")];
    for _ in 0..10 {
        count_attempt(&client, &ada).await.unwrap();
    }
    let error = count_attempt(&client, &ada).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Limited);
    let wait_s = error.wait().unwrap().as_secs();
    assert!((890..=900).contains(&wait_s), "{wait_s}");
    count_attempt(&client, &[Subject::email("bob@example.org")])
        .await
        .unwrap();
    // Being refused does not make the window longer.
    let back = "update quire.attempt set started_at = started_at - interval '14 minutes'";
    client.execute(back, &[]).await.unwrap();
    let error = count_attempt(&client, &ada).await.unwrap_err();
    assert!(error.wait().unwrap().as_secs() <= 60);
    let back = "update quire.attempt set started_at = started_at - interval '1 minute'";
    client.execute(back, &[]).await.unwrap();
    count_attempt(&client, &ada).await.unwrap();
}

#[tokio::test]
async fn guesses_at_the_same_time_do_not_get_past_the_limit() {
    let pool = Database::new().await.pool();
    let guesses = (0..30).map(|_| async {
        let client = pool.get().await.unwrap();
        count_attempt(&client, &[Subject::email("ada@example.org")]).await
    });
    let results = futures_util::future::join_all(guesses).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
}

#[tokio::test]
async fn a_right_guess_clears_its_account_and_not_its_neighbours() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let address: IpAddr = ADDRESS.parse().unwrap();
    let ada = Subject::email("ada@example.org");
    let both = [ada.clone(), Subject::address(address)];
    for _ in 0..10 {
        count_attempt(&client, &both).await.unwrap();
    }
    forgive_attempt(&client, &ada, address).await.unwrap();
    let rows = client
        .query("select subject, failures from quire.attempt", &[])
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, &str>(0), format!("address:{ADDRESS}"));
    assert_eq!(rows[0].get::<_, i32>(1), 9);
}

#[tokio::test]
async fn what_does_not_count_any_more_is_dropped() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let [old, new] = ["old", "new"].map(|name| [Subject::email(name)]);
    count_attempt(&client, &old).await.unwrap();
    let back = "update quire.attempt set started_at = started_at - interval '15 minutes'";
    client.execute(back, &[]).await.unwrap();
    count_attempt(&client, &new).await.unwrap();
    drop_old_attempts(&client).await.unwrap();
    let left = "select count(*) from quire.attempt";
    assert_eq!(crate::kit::members::count(&client, left).await, 1);
}
