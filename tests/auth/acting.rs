use crate::kit::members::{member, organisation};
use crate::kit::postgres::Database;
use quire::auth::{acting, acting_unknown};
use std::net::IpAddr;
use uuid::Uuid;

#[tokio::test]
async fn the_audit_knows_who_acted_and_only_in_that_transaction() {
    let pool = Database::new().await.pool();
    let mut client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (session, _) = member(&client, org_id, "Ada", "owner").await;
    let address: IpAddr = "2001:db8::7".parse().unwrap();
    let note = "select quire.note('tried', null, null, null, null, '{}')";

    let transaction = client.transaction().await.unwrap();
    acting(&transaction, &session, address).await.unwrap();
    transaction.execute(note, &[]).await.unwrap();
    transaction.commit().await.unwrap();
    client.execute(note, &[]).await.unwrap();
    let transaction = client.transaction().await.unwrap();
    acting_unknown(&transaction, address).await.unwrap();
    transaction.execute(note, &[]).await.unwrap();
    transaction.commit().await.unwrap();

    let rows = client
        .query(
            "select actor_id, session_id, address from quire.audit
             where action = 'tried' order by audit_id",
            &[],
        )
        .await
        .unwrap();
    let found: Vec<(Option<Uuid>, Option<Uuid>, Option<IpAddr>)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let ada = (
        Some(session.account_id),
        Some(session.session_id),
        Some(address),
    );
    assert_eq!(
        found,
        [ada, (None, None, None), (None, None, Some(address))]
    );
}
