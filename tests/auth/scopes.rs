use crate::kit::server::{World, shows};
use crate::kit::socket::Socket;
use loro::{ExportMode, LoroDoc};
use quire::auth::{Scopes, Token, make_api_token};
use quire::document::model::body;
use quire::protocol::AckStatus;

async fn api_token(world: &World, scopes: &[&str]) -> Token {
    let mut client = world.pool.get().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let scopes = Scopes::parse(scopes).unwrap();
    let session = &world.office.owner.session;
    let (_, token) = make_api_token(&transaction, session, "test", scopes, 1)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    token
}

fn words(base: &LoroDoc, peer: u64) -> Vec<u8> {
    let copy = base.fork();
    copy.set_peer_id(peer).unwrap();
    let before = copy.oplog_vv();
    body(&copy).insert(0, "words ").unwrap();
    copy.commit();
    copy.export(ExportMode::updates(&before)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_edits_only_with_the_scope_write() {
    let world = World::with_servers(1).await;
    let ada = world.client(0, &world.office.owner, "reader").await;
    ada.edit(|editor| editor.insert(0, "text")).unwrap();
    // On top of what the server has read back from the log it can try what is sent to it.
    let other = world.client(0, &world.office.owner, "other").await;
    shows(&other, "text").await;
    let base = other.read(LoroDoc::fork);
    let (address, room) = (world.address(0), world.office.room());

    let reader = api_token(&world, &["read"]).await;
    let mut reader = Socket::join(&address, &reader, &room).await;
    let refused = reader.write(&words(&base, 71)).await;
    assert_eq!(refused, AckStatus::PermissionDenied);

    let writer = api_token(&world, &["read", "write"]).await;
    let mut writer = Socket::join(&address, &writer, &room).await;
    assert_eq!(writer.write(&words(&base, 72)).await, AckStatus::Ok);
    // The database looks itself: a server that has not heard of it yet changes nothing.
    let client = world.pool.get().await.unwrap();
    let narrow = "update quire.session set scopes = '{read}' where kind = 'token'";
    client.execute(narrow, &[]).await.unwrap();
    let refused = writer.write(&words(&base, 73)).await;
    assert_eq!(refused, AckStatus::PermissionDenied);
    drop(client);
    world.stop().await;
}
