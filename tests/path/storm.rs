//! All clients of a server that died come to another one at once. `QUIRE_STORM=2000` makes it a storm
//! and holds the figures against their bounds.

use std::time::{Duration, Instant};

use quire::client::{Address, Client, Options};
use quire::document::blocks::plain_text;
use quire::http::create_document;
use quire::postgres::pool;
use quire::protocol::RoomKind;

use super::convergence::figure;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{resident_bytes, serve, shows};
use crate::kit::socket::Socket;

/// Text of the document that everybody comes for, in characters.
const TEXT: usize = 200_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_comes_at_once_is_brought_up_to_date_with_few_snapshots() {
    let given = std::env::var("QUIRE_STORM").ok();
    let is_storm = given.is_some();
    let count: usize = given.map_or(200, |count| count.parse().expect("a number"));
    let url = Cluster::shared(Version::usual()).database().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let server = serve(&url, &[]).await.expect("a server");
    let address = Address::parse(server.address()).expect("an address");
    let (room, token) = (office.room(), &office.owner.token);
    let client = |room: &str, device: &str| {
        let options = Options::new(vec![address.clone()], &token.reveal(), room, device);
        Client::start(options)
    };
    let writer = client(&room, "writer");
    writer.joined().await.expect("joined");
    for part in 0..TEXT / 10_000 {
        writer.ready().await.expect("ready");
        let text = format!("{part:02}345678 ").repeat(1_111) + "0123456789";
        writer
            .edit(|e| e.insert(0, &text[..10_000]))
            .expect("typed");
    }
    writer.settled().await.expect("acknowledged");
    let text = writer.text();

    // Two people in another document, whose letters are timed all the while.
    let connection = pool.get().await.expect("a connection");
    let account = office.owner.session.account_id;
    let other = create_document(&connection, office.org_id, None, account, "Other", None)
        .await
        .expect("a document");
    let other = format!("{}/{other}", office.org_id);
    let (one, two) = (client(&other, "one"), client(&other, "two"));
    one.joined().await.expect("joined");
    two.joined().await.expect("joined");
    one.edit(|e| e.insert(0, "x")).expect("typed");
    shows(&two, "x").await;

    let before = resident_bytes(server.pid().expect("it runs"));
    let came = Instant::now();
    let mut arrivals = tokio::task::JoinSet::new();
    for number in 0..count {
        let (address, room, token, text) =
            (address.clone(), room.clone(), token.reveal(), text.clone());
        arrivals.spawn(async move {
            let mut socket = Socket::connect(&address, RoomKind::Document, &room).await;
            let auth = format!("{{\"token\":\"{token}\",\"device\":\"{number}\"}}");
            socket.ask_to_join(&auth).await;
            let copy = loro::LoroDoc::new();
            socket
                .read_into(&copy, |copy| plain_text(copy).len() == text.len())
                .await;
            assert_eq!(plain_text(&copy), text);
            (came.elapsed(), socket)
        });
    }
    let mut letters = Vec::new();
    let mut arrived = Vec::new();
    let mut sockets = Vec::new();
    let mut number = 1;
    while arrived.len() < count {
        let typed = Instant::now();
        number += 1;
        one.edit(|e| e.insert(0, "x")).expect("typed");
        two.document_is(|doc| plain_text(doc).len() == number)
            .await
            .expect("it comes");
        letters.push(typed.elapsed());
        while let Some(came) = arrivals.try_join_next() {
            let (after, socket) = came.expect("it is brought up to date");
            arrived.push(after);
            sockets.push(socket);
        }
    }
    let last = arrived.iter().max().copied().unwrap_or_default();
    letters.sort_unstable();
    let p99 = letters[(letters.len() * 99).div_ceil(100) - 1];
    let grown = resident_bytes(server.pid().expect("it runs")).saturating_sub(before);
    let made = figure(&address, "quire_snapshots_made_total").await;
    println!(
        "{count} came at once: all current after {last:?}; {made} snapshots of {} characters; the server grew by {} MiB; \
         another document's p99 {p99:?} of {} letters",
        text.len(),
        grown >> 20,
        letters.len(),
    );
    assert!(
        made < count as u64 / 10,
        "{made} snapshots for {count} joiners"
    );
    if is_storm {
        assert!(last < Duration::from_secs(10), "{last:?}");
        assert!(p99 < Duration::from_millis(250), "{p99:?}");
        assert!(grown < 512 << 20, "{grown} bytes");
    }
}
