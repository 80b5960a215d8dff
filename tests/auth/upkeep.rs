use crate::kit::members::{count, member, organisation};
use crate::kit::postgres::Database;
use crate::kit::server::World;
use crate::kit::socket::Socket;
use quire::auth::{drop_old_resets, session_by_token};

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_is_closed_on_every_server() {
    let world = World::with_servers(2).await;
    let bob = world.office.member(&world.pool, "Bob").await;
    let room = world.office.room();
    let mut sockets = Vec::new();
    for server in 0..2 {
        let address = world.address(server);
        sockets.push(Socket::join(&address, &bob.token, &room).await);
    }
    let ada = &world.office.owner;
    let mut stays = Socket::join(&world.address(0), &ada.token, &room).await;
    let client = world.pool.get().await.unwrap();
    client
        .execute(
            "update quire.session set expires_at = now() where account_id = $1",
            &[&bob.session.account_id],
        )
        .await
        .unwrap();
    for mut socket in sockets {
        assert_eq!(socket.ended().await, 4401);
    }
    // It is answered, with whatever.
    stays.write(b"no update").await;
    let found = session_by_token(&client, &ada.token).await.unwrap();
    assert!(found.is_some());
    drop(client);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_document_keeps_its_session_alive() {
    let world = World::with_servers(1).await;
    let ada = &world.office.owner;
    let _socket = Socket::join(&world.address(0), &ada.token, &world.office.room()).await;
    let client = world.pool.get().await.unwrap();
    // As if it had been opened two hours ago, and nothing been asked since.
    let back = "update quire.session set last_seen_at = now() - interval '2 hours', \
                expires_at = now() + interval '1 day'";
    client.execute(back, &[]).await.unwrap();
    let is_put_off = "select count(*) from quire.session \
                      where expires_at > now() + interval '13 days' and last_seen_at > now() - interval '1 hour'";
    while crate::kit::members::count(&client, is_put_off).await == 0 {
        crate::kit::pause().await;
    }
    drop(client);
    world.stop().await;
}

#[tokio::test]
async fn links_for_a_new_password_are_dropped_a_day_after_they_end() {
    let pool = Database::new().await.pool();
    let client = pool.get().await.unwrap();
    let org_id = organisation(&client, "Acme").await;
    let (session, _) = member(&client, org_id, "Ada", "owner").await;
    let add = "insert into quire.password_reset (token_hash, account_id, expires_at)
        select sha256(hours::text::bytea), $1, now() - hours * interval '1 hour'
        from unnest(array[-1, 23, 25, 1000]) as hours";
    client.execute(add, &[&session.account_id]).await.unwrap();
    drop_old_resets(&client).await.unwrap();
    let left = "select count(*) from quire.password_reset";
    assert_eq!(count(&client, left).await, 2);
}
