//! A reader that does not read: nobody waits for it, it costs bounded memory, and when it reads
//! again it is brought up to date.

use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::document::blocks::plain_text;
use quire::postgres::pool;

use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, counted, metric, serve, shows};
use crate::kit::socket::Socket;

const PARTS: usize = 200;
const PART_BYTES: usize = 50_000;

/// Far more than the sockets' buffers and the outbox hold: each time another page of text.
async fn type_much(writer: &Client) {
    for part in 0..PARTS {
        writer.ready().await.expect("the writer is not held up");
        let text = char::from(b'a' + (part % 26) as u8)
            .to_string()
            .repeat(PART_BYTES);
        let deleted = if part > 0 { PART_BYTES } else { 0 };
        writer
            .edit(|editor| editor.replace(0, deleted, &text))
            .expect("typed");
    }
    writer.settled().await.expect("acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_delays_nobody_and_catches_up() {
    let world = World::with_servers(1).await;
    let owner = &world.office.owner;
    let ada = world.client(0, owner, "ada").await;
    let other = world.client(0, owner, "other").await;
    let room = world.office.room();
    let mut slow = Socket::join(&world.address(0), &owner.token, &room).await;

    let discards = "quire_outbox_discards_total";
    let before = counted(discards);
    type_much(&ada).await;
    let text = ada.text();
    shows(&other, &text).await;
    assert!(counted(discards) > before, "its updates were discarded");

    // It reads again.
    let copy = loro::LoroDoc::new();
    let reads = slow.read_into(&copy, |copy| plain_text(copy) == text);
    tokio::time::timeout(Duration::from_secs(60), reads)
        .await
        .expect("it is brought up to date");
    drop(slow);
    world.stop().await;
}

const SLOW_READERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stop_reading_cost_a_server_bounded_memory() {
    let cluster = Cluster::shared(Version::usual());
    let url = cluster.database().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let (room, token) = (office.room(), &office.owner.token);
    // The second is as good as without a bound: it shows what the first would hold then.
    let mut servers = Vec::new();
    for bound in ["1MiB", "1GiB"] {
        let arguments = ["--outbox-bytes".to_owned(), bound.to_owned()];
        let server = serve(&url, &arguments).await;
        servers.push(server.expect("a server"));
    }
    let addresses: Vec<Address> = servers
        .iter()
        .map(|server| Address::parse(server.address()).expect("an address"))
        .collect();
    let mut slow = Vec::new();
    let mut readers = Vec::new();
    for address in &addresses {
        for _ in 0..SLOW_READERS {
            slow.push(Socket::join(address, token, &room).await);
        }
        let options = Options::new(vec![address.clone()], &token.reveal(), &room, "reader");
        readers.push(Client::start(options));
    }
    let options = Options::new(addresses.clone(), &token.reveal(), &room, "writer");
    let writer = Client::start(options);
    writer.joined().await.expect("joined");
    type_much(&writer).await;
    let text = writer.text();
    let mut waiting = Vec::new();
    for (reader, server) in readers.iter().zip(&servers) {
        shows(reader, &text).await;
        let bytes = metric(server.address(), "quire_outbox_bytes").await;
        waiting.push(bytes.expect("a number of bytes") as usize);
    }
    let typed = PARTS * PART_BYTES;
    println!("{typed} bytes were typed; in the outboxes of {SLOW_READERS}: {waiting:?}");
    // The bound, or one part of a catch-up.
    let most = SLOW_READERS * (1100 << 10);
    assert!(waiting[0] <= most, "no more than the bound");
    assert!(
        waiting[1] > SLOW_READERS * typed / 4,
        "which the other lacks"
    );
}
