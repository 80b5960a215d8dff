//! A reader that does not read: nobody waits for it, it costs bounded memory, and when it reads
//! again it is brought up to date.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use quire::document::model::plain_text;
use quire::protocol::{self, Frame, Message, RoomKind, Text};
use tokio_tungstenite::tungstenite::Message as WsMessage;

use crate::kit::server::{World, shows};

const PARTS: usize = 400;
const PART_BYTES: usize = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_delays_nobody_and_catches_up() {
    let world = World::with_servers(1).await;
    let ada = world.client(0, &world.office.owner, "ada").await;
    let other = world.client(0, &world.office.owner, "other").await;
    ada.edit(|editor| editor.create_text()).expect("a text");
    ada.settled().await.expect("acknowledged");

    let token = world.office.owner.token.reveal();
    let (mut slow, _) = tokio_tungstenite::connect_async(world.address(0).sync_url())
        .await
        .expect("connected");
    let join = Frame {
        kind: RoomKind::Document,
        room: Text::from(world.office.room()),
        message: Message::JoinRequest {
            auth: token.into(),
            version: Bytes::new(),
        },
    };
    let join = protocol::encode(&join).expect("encoded");
    slow.send(WsMessage::Binary(join)).await.expect("sent");
    assert!(matches!(
        next(&mut slow).await,
        Some(Message::JoinResponseOk { .. })
    ));

    // Far more than the sockets' buffers and the outbox hold, and the slow one reads nothing of it.
    let discards = "quire_outbox_discards_total";
    let before = metric(discards);
    for part in 0..PARTS {
        ada.ready().await.expect("the writer is not held up");
        let text = char::from(b'a' + (part % 26) as u8)
            .to_string()
            .repeat(PART_BYTES);
        ada.edit(|editor| editor.replace(0, if part > 0 { PART_BYTES } else { 0 }, &text))
            .expect("typed");
    }
    ada.settled().await.expect("acknowledged");
    let text = ada.text();
    shows(&other, &text).await;
    assert!(metric(discards) > before, "its updates were discarded");

    // It reads again.
    let copy = loro::LoroDoc::new();
    let mut reassembly = protocol::Reassembly::default();
    while plain_text(&copy) != text {
        let message = tokio::time::timeout(Duration::from_secs(30), next(&mut slow))
            .await
            .expect("it is brought up to date");
        let room = Text::from(world.office.room());
        let now = std::time::Instant::now();
        match message {
            Some(Message::DocUpdate { updates, .. }) => {
                for update in &updates {
                    copy.import(&update).expect("imported");
                }
            }
            Some(Message::FragmentHeader {
                batch,
                count,
                total_bytes,
            }) => reassembly
                .begin(RoomKind::Document, &room, batch, count, total_bytes, now)
                .expect("begun"),
            Some(Message::Fragment {
                batch,
                index,
                bytes,
            }) => {
                let whole = reassembly.add(RoomKind::Document, &room, batch, index, &bytes);
                if let Some(update) = whole.expect("it fits") {
                    copy.import(&update).expect("imported");
                }
            }
            Some(_) => {}
            None => panic!("the connection ended before it was up to date"),
        }
    }
    drop(slow);
    world.stop().await;
}

/// The next message of the protocol; text messages are passed over.
async fn next<S>(stream: &mut S) -> Option<Message>
where
    S: futures_util::Stream<Item = tokio_tungstenite::tungstenite::Result<WsMessage>> + Unpin,
{
    loop {
        match stream.next().await? {
            Ok(WsMessage::Binary(bytes)) => {
                return Some(protocol::decode(bytes).expect("decoded").message);
            }
            Ok(WsMessage::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

fn metric(name: &str) -> u64 {
    quire::metrics::text()
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or(0)
}
