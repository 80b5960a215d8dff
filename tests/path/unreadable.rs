//! Documents whose rows or snapshot were damaged behind Quire's back.

use quire::protocol::{JoinErrorCode, Message, RoomKind};

use super::type_text;
use crate::kit::server::{World, shows};
use crate::kit::socket::Socket;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_cannot_be_read_refuses_and_nobody_loses_anything() {
    let mut world = World::with_servers(3).await;
    let owner = &world.office.owner;
    let addresses = vec![world.address(0), world.address(2)];
    let ada = world.client_of(addresses, owner, "ada").await;
    type_text(&ada, "Kept");
    ada.settled().await.expect("acknowledged");

    // A snapshot is derived: one that cannot be read is no loss.
    let admin = world.database.connect().await;
    let ids: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
        [&world.office.org_id, &world.office.document_id];
    let damage = "insert into quire.snapshot (org_id, document_id, seen, system_identifier, bytes, snapshot) \
         select $1, $2, pg_current_snapshot(), system_identifier, 4, 'loro' from pg_control_system()";
    admin.execute(damage, &ids).await.expect("damaged");
    let reader = world.client(1, owner, "reader").await;
    shows(&reader, "Kept").await;
    reader.close().await;

    admin
        .batch_execute("create table aside as select * from quire.edit; delete from quire.edit")
        .await
        .expect("the rows are gone");
    let first = world.servers.remove(0);
    first.stop().await;
    // The last server has not opened it yet.
    let address = world.address(1);
    let refused = async || {
        let room = world.office.room();
        let mut socket = Socket::connect(&address, RoomKind::Document, &room).await;
        socket.ask_to_join(&owner.token.reveal()).await;
        match socket.next().await {
            Some(Message::JoinError { code, app_code, .. }) => {
                assert_eq!(code, JoinErrorCode::AppError);
                assert_eq!(app_code.as_deref(), Some("document_unavailable"));
            }
            other => panic!("nobody is shown an empty document: {other:?}"),
        }
    };
    refused().await;
    // Without a snapshot there is nothing at all, and that is no empty document either.
    admin
        .batch_execute("delete from quire.snapshot")
        .await
        .expect("deleted");
    refused().await;
    type_text(&ada, " and more");
    assert_eq!(ada.text(), "Kept and more", "who had it keeps it");
    let rows = "select (select count(*) from quire.edit) + (select count(*) from quire.snapshot)";
    let written: i64 = admin.query_one(rows, &[]).await.expect("counted").get(0);
    assert_eq!(written, 0, "what cannot be read is not written");

    admin
        .batch_execute("insert into quire.edit overriding system value select * from aside")
        .await
        .expect("the rows are back");
    ada.settled().await.expect("acknowledged");
    let late = world.client(1, owner, "late").await;
    shows(&late, "Kept and more").await;
    world.stop().await;
}
