use crate::kit::members::{document, grant, member, organisation};
use crate::kit::postgres::Database;
use quire::auth::{Hold, Permission, hold_authority, permission};
use quire::error::Kind;
use uuid::Uuid;

#[tokio::test]
async fn members_write_and_guests_do_what_they_were_granted() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (owner, _) = member(&client, org_id, "Owner", "owner").await;
    let id = document(&client, org_id, owner.account_id).await;
    for role in ["owner", "admin", "member"] {
        let (session, _) = member(&client, org_id, role, role).await;
        let may = permission(&client, session.account_id, org_id, id).await;
        assert_eq!(may.unwrap(), Permission::Write, "{role}");
    }
    for (granted, expected) in [
        (None, Permission::None),
        (Some("view"), Permission::Read),
        (Some("edit"), Permission::Write),
    ] {
        let (guest, _) = member(&client, org_id, "Guest", "guest").await;
        if let Some(role) = granted {
            grant(&client, org_id, id, guest.account_id, role).await;
        }
        let may = permission(&client, guest.account_id, org_id, id).await;
        assert_eq!(may.unwrap(), expected, "{granted:?}");
    }
}

#[tokio::test]
async fn other_organisations_and_the_bin_give_nothing() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let ours = organisation(&client, "Ours").await;
    let theirs = organisation(&client, "Theirs").await;
    let (owner, _) = member(&client, ours, "Owner", "owner").await;
    let (stranger, _) = member(&client, theirs, "Stranger", "owner").await;
    let id = document(&client, ours, owner.account_id).await;
    // A grant without a membership is worth nothing.
    grant(&client, ours, id, stranger.account_id, "edit").await;
    for (account_id, org_id, document_id) in [
        (stranger.account_id, ours, id),
        (stranger.account_id, theirs, id),
        (owner.account_id, theirs, id),
        (owner.account_id, ours, Uuid::new_v4()),
    ] {
        let may = permission(&client, account_id, org_id, document_id).await;
        assert_eq!(may.unwrap(), Permission::None);
    }
    client
        .execute("update quire.document set deleted_at = now()", &[])
        .await
        .unwrap();
    let may = permission(&client, owner.account_id, ours, id).await;
    assert_eq!(may.unwrap(), Permission::None);
}

#[tokio::test]
async fn a_removal_waits_for_whoever_is_just_acting() {
    let pool = Database::new().await.pool();
    let mut client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (session, _) = member(&client, org_id, "Ada", "member").await;
    let transaction = client.transaction().await.unwrap();
    hold_authority(&transaction, &session, org_id, Hold::Shared)
        .await
        .unwrap();
    let other = pool.get().await.unwrap();
    other
        .batch_execute("set lock_timeout = '100ms'")
        .await
        .unwrap();
    for removal in [
        "delete from quire.member",
        "update quire.session set ended_at = now()",
    ] {
        let error = other.batch_execute(removal).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "55P03", "{removal}");
    }
    transaction.commit().await.unwrap();
    other
        .batch_execute("update quire.session set ended_at = now()")
        .await
        .unwrap();

    let transaction = client.transaction().await.unwrap();
    let error = hold_authority(&transaction, &session, org_id, Hold::Shared)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::SignedOut);
}

#[tokio::test]
async fn access_is_found_by_keys_alone() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let ids = [Uuid::new_v4(); 3].map(|id| id.to_string());
    client
        .batch_execute("set enable_seqscan = off")
        .await
        .unwrap();
    let rows = client
        .query(
            &format!(
                "explain select permission from quire.document_access \
                 where org_id = '{}' and document_id = '{}' and account_id = '{}'",
                ids[0], ids[1], ids[2]
            ),
            &[],
        )
        .await
        .unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(!plan.join("\n").contains("Seq Scan"), "{plan:#?}");
}
