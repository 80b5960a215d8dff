//! Whoever comes besides the people of a round, on bare sockets: readers of another document who read
//! nothing for a while, and a crowd that comes to the round's at once.

use std::time::Duration;

use loro::{LoroDoc, VersionVector};
use quire::auth::Token;
use quire::client::{Address, Client, Options};
use quire::protocol::{Message, RoomKind};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::check::{PATIENCE, Rows, Verdict};
use super::stage::Stage;
use crate::kit::server::metric;
use crate::kit::socket::Socket;

/// Readers that read nothing.
const SLOW: usize = 4;
/// What is written meanwhile, until the server has let go of something: more than what the sockets
/// and a bounded outbox hold.
const PAGES: usize = 300;
const PAGE_BYTES: usize = 40_000;
/// So many stay; then a new one takes the place of the last.
const KEPT_PAGES: usize = 90;
/// What an outbox may hold: `--outbox-bytes`, or one longer update, and what is around it.
const OUTBOX_BYTES: i64 = 700 << 10;
/// Of all who have an outbox on one server: these and the people of the round.
const BOUND_BYTES: i64 = (SLOW as i64 + 4) * OUTBOX_BYTES;
/// Those who come at once.
const CROWD: usize = 200;

/// Readers who have joined and read nothing since.
pub struct SlowReaders {
    document_id: Uuid,
    room: String,
    sockets: Vec<Socket>,
    /// The most that waited for all readers of their server.
    most_bytes: i64,
}

impl SlowReaders {
    /// They join at one server, and much is written there.
    pub async fn come(stage: &Stage, server: usize) -> Self {
        let seat = &stage.servers[server];
        let own = seat.own_address();
        let address = Address::parse(&own).expect("an address");
        let token = &stage.office.owner.token;
        // Of its own: pages that people write into meanwhile take Loro long to merge.
        let document_id = stage.document("Pages").await;
        let room = format!("{}/{document_id}", stage.office.org_id);
        let mut sockets = Vec::new();
        for _ in 0..SLOW {
            sockets.push(Socket::join_narrow(&address, token, &room).await);
        }
        let before = metric(&own, "quire_outbox_discards_total").await;
        let options = Options::new(vec![address], &token.reveal(), &room, "pages");
        let writer = Client::start(options);
        let mut most_bytes = 0;
        let writing = async {
            writer.joined().await.expect("joined");
            for page in 0..PAGES {
                writer.ready().await.expect("the writer is not held up");
                let old = if page < KEPT_PAGES { 0 } else { PAGE_BYTES };
                let letter = char::from(b'a' + (page % 26) as u8).to_string();
                writer
                    .edit(|editor| editor.replace(0, old, &letter.repeat(PAGE_BYTES)))
                    .expect("typed");
                let waiting = metric(&own, "quire_outbox_bytes").await;
                most_bytes = most_bytes.max(waiting.unwrap_or(0));
                let discards = metric(&own, "quire_outbox_discards_total").await;
                if discards > before || most_bytes > BOUND_BYTES {
                    break;
                }
            }
            writer.settled().await.expect("acknowledged");
        };
        // Megabytes through a trial that is not optimised take a busy machine long.
        tokio::time::timeout(4 * PATIENCE, writing)
            .await
            .expect("who reads nothing holds up nobody");
        writer.close().await;
        Self {
            document_id,
            room,
            sockets,
            most_bytes,
        }
    }

    /// They read on, and come again if their connection was lost meanwhile.
    pub async fn read_on(self, stage: &Stage, verdict: &mut Verdict) {
        if self.most_bytes > BOUND_BYTES {
            verdict.leaks += 1;
            let most = self.most_bytes;
            verdict.complain(format!("{most} bytes in outboxes, more than {BOUND_BYTES}"));
        }
        let rows = Rows::read(stage, self.document_id).await;
        let guests = self.sockets.into_iter().map(Some);
        let guests = attend(stage, &self.room, guests, rows.version());
        count(guests, "slow reader", verdict).await;
    }
}

/// Somebody comes to a server that cannot load the document, and must be told so.
pub async fn ask_in_vain(stage: &Stage, server: usize, verdict: &mut Verdict) {
    let address = Address::parse(&stage.servers[server].own_address()).expect("an address");
    let token = stage.office.owner.token.reveal();
    let asking = async {
        loop {
            let mut socket = Socket::connect(&address, RoomKind::Document, &stage.room()).await;
            socket.ask_to_join(&token).await;
            match socket.next().await {
                Some(Message::JoinError { app_code, .. }) => return app_code,
                Some(Message::JoinResponseOk { .. }) => return None,
                // One that has just started may let nobody in yet.
                _ => {}
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, asking).await;
    if told.as_ref().ok().and_then(|code| code.as_deref()) != Some("document_unavailable") {
        verdict.divergent += 1;
        verdict.complain(format!(
            "server {server} shows what it cannot load: {told:?}"
        ));
    }
}

/// A crowd on its way in.
pub struct Storm {
    guests: JoinSet<bool>,
}

impl Storm {
    /// All come now; each must get what is in the rows now.
    pub async fn come(stage: &Stage) -> Self {
        let rows = Rows::read(stage, stage.document_id).await;
        let guests = (0..CROWD).map(|_| None);
        Self {
            guests: attend(stage, &stage.room(), guests, rows.version()),
        }
    }

    /// Waits until each had it, and has left.
    pub async fn pass(self, verdict: &mut Verdict) {
        count(self.guests, "guest of the storm", verdict).await;
    }
}

fn attend(
    stage: &Stage,
    room: &str,
    guests: impl Iterator<Item = Option<Socket>>,
    wanted: &VersionVector,
) -> JoinSet<bool> {
    let mut reading = JoinSet::new();
    for (number, socket) in guests.enumerate() {
        let addresses = stage.addresses(number);
        let token = stage.office.owner.token.clone();
        let (room, wanted) = (room.to_owned(), wanted.clone());
        reading.spawn(async move {
            let attending = attend_one(socket, &addresses, &token, &room, &wanted);
            tokio::time::timeout(PATIENCE, attending).await.is_ok()
        });
    }
    reading
}

/// Reads until it has all that is wanted, at one server after the other.
async fn attend_one(
    mut socket: Option<Socket>,
    addresses: &[Address],
    token: &Token,
    room: &str,
    wanted: &VersionVector,
) {
    let mut copy = LoroDoc::new();
    for address in addresses.iter().cycle() {
        if let Some(socket) = &mut socket
            && socket
                .try_read_into(&copy, |copy| copy.oplog_vv().includes_vv(wanted))
                .await
        {
            return;
        }
        copy = LoroDoc::new();
        // A server that does not answer is not waited for: there is another one.
        let joining = Socket::try_join(address, token, room);
        let joined = tokio::time::timeout(Duration::from_secs(5), joining).await;
        socket = joined.ok().flatten();
        if socket.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn count(guests: JoinSet<bool>, whose: &str, verdict: &mut Verdict) {
    let all = guests.len();
    let arrived = guests.join_all().await;
    let late = arrived.iter().filter(|is_current| !**is_current).count();
    if late > 0 {
        verdict.divergent += late;
        verdict.complain(format!("{late} of {all}: a {whose} is not current"));
    }
}
