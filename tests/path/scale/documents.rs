//! What documents cost a server in which nobody works: those that somebody has open, and those that
//! nobody has.

use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::dev::ServerProcess;
use quire::http::create_document;
use quire::postgres::pool;
use tokio::time::timeout;

use crate::kit::people::Office;
use crate::kit::postgres::Database;
use crate::kit::server::{metric, serve};
use crate::kit::socket::Socket;

/// How long a server may take for what it does every second or every 10 s, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a metric of the server is as wanted.
async fn shows(server: &ServerProcess, name: &str, mut wanted: impl FnMut(i64) -> bool) {
    let shown = async {
        while !metric(server.address(), name)
            .await
            .is_some_and(&mut wanted)
        {
            crate::kit::pause().await;
        }
    };
    let shown = timeout(PATIENCE, shown).await;
    shown.unwrap_or_else(|_| panic!("{name} does not become what it should"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_open_is_unloaded_over_the_budget_and_what_somebody_has_is_not() {
    let url = Database::new().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let (account, token) = (office.owner.session.account_id, &office.owner.token);
    let client = pool.get().await.expect("a connection");
    let other = create_document(&client, office.org_id, None, account, "Other", None)
        .await
        .expect("a document");
    let other = format!("{}/{other}", office.org_id);
    let budget = ["--document-bytes".to_owned(), "1".to_owned()];
    let server = serve(&url, &budget).await.expect("a server");
    let address = Address::parse(server.address()).expect("an address");

    let held = Socket::join(&address, token, &office.room()).await;
    let left = Socket::join(&address, token, &other).await;
    shows(&server, "quire_documents_open", |open| open == 2).await;
    drop(left);
    shows(&server, "quire_documents_open", |open| open == 1).await;
    let again = Socket::join(&address, token, &office.room()).await;
    let opened = metric(server.address(), "quire_documents_opened_total").await;
    assert_eq!(opened, Some(2), "the one that was held stayed open");
    let back = Socket::join(&address, token, &other).await;
    let opened = metric(server.address(), "quire_documents_opened_total").await;
    assert_eq!(opened, Some(3), "the other one is loaded again");
    drop((held, again, back));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_document_keeps_no_snapshot_for_joiners() {
    const TEXT_BYTES: i64 = 200_000;
    let url = Database::new().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let (room, token) = (office.room(), &office.owner.token);
    let server = serve(&url, &[]).await.expect("a server");
    let address = Address::parse(server.address()).expect("an address");
    let options = Options::new(vec![address.clone()], &token.reveal(), &room, "writer");
    let writer = Client::start(options);
    writer.joined().await.expect("joined");
    // Not the same again and again, or it would be compressed to nothing.
    let text: String = (0..TEXT_BYTES / 8)
        .map(|n| format!("{:08x}", n * 2_654_435_761 % 4_294_967_291))
        .collect();
    writer.edit(|e| e.insert(0, &text)).expect("typed");
    writer.settled().await.expect("acknowledged");

    let mut most = 0;
    let is_let_go = |bytes: i64| {
        most = most.max(bytes);
        bytes < most - TEXT_BYTES / 3
    };
    // Looked at from before: on a busy machine it may be over soon after the answer.
    let (reader, ()) = tokio::join!(
        Socket::join(&address, token, &room),
        shows(&server, "quire_documents_bytes", is_let_go)
    );
    drop(reader);
}
