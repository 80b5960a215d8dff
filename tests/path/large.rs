//! Documents that are longer than what is sent at once, and how long they may become.

use quire::client::{Address, Client, Options};
use quire::document::blocks::plain_text;
use quire::document::tree::{Child, Node, Run};
use quire::http::create_document;
use quire::postgres::pool;
use quire::random::Random;

use crate::kit::people::Office;
use crate::kit::postgres::Database;
use crate::kit::server::{serve, shows};

/// More than an update may have, and than is sent at once.
const LONG: usize = 18 << 20;

/// A page of so many bytes that cannot be made shorter.
fn page(bytes: usize) -> Node {
    let mut random = Random::new(7);
    // Three bytes each, out of 20,000.
    let mut letter = || char::from_u32(0x4e00 + random.below(20_000) as u32).expect("a letter");
    let paragraphs = bytes / 3 / 100_000;
    let paragraph = |_| {
        let run = Run {
            text: (0..100_000).map(|_| letter()).collect(),
            ..Default::default()
        };
        Child::Node(Node::new("paragraph", vec![Child::Text(run)]))
    };
    Node::new("doc", (0..paragraphs).map(paragraph).collect())
}

fn client(address: &str, office: &Office, room: &str) -> Client {
    let address = Address::parse(address).expect("an address");
    let token = office.owner.token.reveal();
    Client::start(Options::new(vec![address], &token, room, "desk"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_longer_than_an_update_may_be_is_opened_in_parts_and_written_on() {
    let url = Database::new().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let connection = pool.get().await.expect("a connection");
    let owner = office.owner.session.account_id;
    let page = page(LONG);
    let made = create_document(&connection, office.org_id, None, owner, "Long", Some(&page));
    let room = format!("{}/{}", office.org_id, made.await.expect("a document"));
    let server = serve(&url, &[]).await.expect("a server");
    let reader = client(server.address(), &office, &room);
    reader.joined().await.expect("joined");
    let text = page.all_text();
    let is_whole = |text: &str| text.chars().filter(|c| *c != '\n').count();
    let whole = is_whole(&text);
    reader
        .document_is(|doc| is_whole(&plain_text(doc)) == whole)
        .await
        .expect("all of it");
    reader
        .edit(|editor| editor.insert(0, "mine "))
        .expect("typed");
    reader.settled().await.expect("acknowledged");
    let other = client(server.address(), &office, &room);
    other.joined().await.expect("joined");
    other
        .document_is(|doc| is_whole(&plain_text(doc)) == whole + 5)
        .await
        .expect("all of it, and what was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_make_a_document_larger_than_it_may_be_is_refused_and_the_document_stays_open() {
    let url = Database::new().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let most = ["--document-max-bytes".to_owned(), "1MiB".to_owned()];
    let server = serve(&url, &most).await.expect("a server");
    let room = office.room();
    let writer = client(server.address(), &office, &room);
    writer.joined().await.expect("joined");
    writer.settled().await.expect("acknowledged");
    let mut text = String::new();
    let refused = loop {
        let more = page(300_000).all_text();
        writer
            .edit(|editor| editor.insert(0, &more))
            .expect("typed");
        match writer.settled().await {
            Ok(()) => text.insert_str(0, &more),
            Err(error) => break error,
        }
        assert!(text.len() < 2 << 20, "it has no end");
    };
    assert!(refused.to_string().contains("PayloadTooLarge"), "{refused}");
    assert!(text.len() > 600_000, "{}", text.len());
    let reader = client(server.address(), &office, &room);
    reader.joined().await.expect("joined");
    shows(&reader, &text).await;
}
