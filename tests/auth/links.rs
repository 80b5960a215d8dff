use crate::kit::members::{count, document, member, organisation};
use crate::kit::postgres::Database;
use quire::auth::{LinkKind, SignIn, Token, invite, look_at_link, use_link, welcome_link};
use quire::error::{Kind, Result};
use quire::postgres::Pool;

async fn use_it(pool: &Pool, token: &Token, name: &str) -> Result<SignIn> {
    let mut client = pool.get().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let sign_in = use_link(&transaction, token, name, "test").await?;
    transaction.commit().await.unwrap();
    Ok(sign_in)
}

#[tokio::test]
async fn the_first_link_makes_the_owner_and_later_ones_sign_them_in() {
    let pool = Database::new().await.pool();
    let first = welcome_link(&pool).await.unwrap();
    let client = pool.get().await.unwrap();
    let preview = look_at_link(&client, &first).await.unwrap();
    assert_eq!(preview.kind, LinkKind::First);
    assert_eq!(preview.account_name, None);
    let owner = use_it(&pool, &first, "  Ada ").await.unwrap();
    assert_eq!(owner.session.name, "Ada");
    assert_eq!(owner.organisation.role, "owner");

    let later = welcome_link(&pool).await.unwrap();
    let preview = look_at_link(&client, &later).await.unwrap();
    assert_eq!(preview.kind, LinkKind::Return);
    assert_eq!(preview.account_name.as_deref(), Some("Ada"));
    let again = use_it(&pool, &later, "").await.unwrap();
    assert_eq!(again.session.account_id, owner.session.account_id);
    assert_ne!(again.session.session_id, owner.session.session_id);
}

#[tokio::test]
async fn of_many_simultaneous_uses_exactly_one_wins() {
    let pool = Database::new().await.pool();
    let token = welcome_link(&pool).await.unwrap();
    let uses = (0..8).map(|_| use_it(&pool, &token, "Ada"));
    let results = futures_util::future::join_all(uses).await;
    let refused: Vec<Kind> = results
        .iter()
        .filter_map(|result| Some(result.as_ref().err()?.kind()))
        .collect();
    assert_eq!(refused, [Kind::Gone; 7]);
    let client = pool.get().await.unwrap();
    let owners = "select count(*) from quire.member where role = 'owner'";
    assert_eq!(count(&client, owners).await, 1);
}

#[tokio::test]
async fn there_is_never_more_than_one_way_to_become_the_owner() {
    let pool = Database::new().await.pool();
    let links = (0..6).map(|_| welcome_link(&pool));
    let links: Vec<Token> = futures_util::future::try_join_all(links).await.unwrap();
    let uses = links.iter().map(|token| use_it(&pool, token, "Ada"));
    let results = futures_util::future::join_all(uses).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let client = pool.get().await.unwrap();
    let organisations = "select count(*) from quire.organisation";
    assert_eq!(count(&client, organisations).await, 1);
}

#[tokio::test]
async fn a_link_survives_a_use_that_was_refused() {
    let pool = Database::new().await.pool();
    let token = welcome_link(&pool).await.unwrap();
    for name in ["", "   ", "a\u{7}", &"é".repeat(101)] {
        let error = use_it(&pool, &token, name).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{name:?}");
        assert!(error.public_message().starts_with("name:"));
    }
    use_it(&pool, &token, &"é".repeat(100)).await.unwrap();
}

#[tokio::test]
async fn an_expired_link_is_gone() {
    let pool = Database::new().await.pool();
    let token = welcome_link(&pool).await.unwrap();
    let client = pool.get().await.unwrap();
    client
        .execute("update quire.invitation set expires_at = now()", &[])
        .await
        .unwrap();
    let looked = look_at_link(&client, &token).await.unwrap_err();
    assert_eq!(looked.kind(), Kind::Gone);
    let used = use_it(&pool, &token, "Ada").await.unwrap_err();
    assert_eq!(used.kind(), Kind::Gone);
}

#[tokio::test]
async fn an_invitation_makes_a_member_and_opens_its_document() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (ada, _) = member(&client, org_id, "Ada", "member").await;
    let document_id = document(&client, org_id, ada.account_id).await;
    let invitation = invite(&client, ada.account_id, org_id, Some(document_id), "member")
        .await
        .unwrap();
    let bob = use_it(&pool, &invitation.token, "Bob").await.unwrap();
    assert_eq!(bob.kind, LinkKind::Invitation);
    assert_eq!(bob.organisation.org_id, org_id);
    assert_eq!(bob.organisation.role, "member");
    assert_eq!(bob.document_id, Some(document_id));
}

#[tokio::test]
async fn an_invitation_is_void_when_its_author_has_left() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Press").await;
    let (ada, _) = member(&client, org_id, "Ada", "member").await;
    let invitation = invite(&client, ada.account_id, org_id, None, "member")
        .await
        .unwrap();
    client
        .execute("delete from quire.member", &[])
        .await
        .unwrap();
    let looked = look_at_link(&client, &invitation.token).await.unwrap_err();
    assert_eq!(looked.kind(), Kind::Gone);
    let used = use_it(&pool, &invitation.token, "Bob").await.unwrap_err();
    assert_eq!(used.kind(), Kind::Gone);
}
