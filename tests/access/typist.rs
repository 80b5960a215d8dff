//! Somebody who types without pause, comes back whenever the server lets them, and does not stop
//! when told to.

use loro::{ExportMode, LoroDoc, VersionVector};
use quire::auth::Token;
use quire::client::Address;
use quire::protocol::{Message, RoomKind};
use serde_json::json;
use tokio::sync::watch;

use crate::kit::random::Random;
use crate::kit::socket::Socket;

/// Updates on their way at a time.
const IN_FLIGHT: usize = 16;
/// Updates sent on after the room is closed.
const DEFIANT: usize = 3;

/// How a client asks to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As Quire's own: it asks for a leased peer.
    Leasing,
    /// As the stock client: the raw token, and a peer of its own choice.
    Stock,
}

impl Manner {
    pub fn credentials(self, token: &Token) -> String {
        match self {
            Self::Leasing => json!({ "token": token.reveal() }).to_string(),
            Self::Stock => token.reveal(),
        }
    }
}

/// How far somebody has come: connected, asked, joined, and one more for each ack.
pub const CONNECTED: usize = 1;
pub const ASKED: usize = 2;
pub const JOINED: usize = 3;

/// Types until the room stays closed. Says how many updates were acknowledged.
pub async fn type_without_pause(
    address: &Address,
    token: &Token,
    room: &str,
    manner: Manner,
    mut random: Random,
    progress: watch::Sender<usize>,
) -> usize {
    let mut socket = Socket::connect(address, RoomKind::Document, room).await;
    progress.send_replace(CONNECTED);
    let mut acked = 0;
    loop {
        socket.ask_to_join(&manner.credentials(token)).await;
        progress.send_modify(|step| *step = ASKED.max(*step));
        let Some(peer) = admitted(&mut socket).await else {
            break;
        };
        progress.send_modify(|step| *step = JOINED.max(*step));
        let mut page = Page::new(peer.unwrap_or_else(|| random.bits() >> 1));
        if !type_on(&mut socket, &mut page, &progress, &mut acked).await {
            break;
        }
    }
    let mut page = Page::new(random.bits() >> 1);
    for _ in 0..DEFIANT {
        socket.send_update(&page.next()).await;
    }
    acked
}

/// Types until the server complains. Answers whether coming back is worth trying.
async fn type_on(
    socket: &mut Socket,
    page: &mut Page,
    progress: &watch::Sender<usize>,
    acked: &mut usize,
) -> bool {
    let mut in_flight = 0;
    loop {
        while in_flight < IN_FLIGHT {
            socket.send_update(&page.next()).await;
            in_flight += 1;
        }
        match socket.next().await {
            Some(Message::Ack { status, .. }) => {
                in_flight -= 1;
                if status == quire::protocol::AckStatus::Ok {
                    *acked += 1;
                    progress.send_modify(|step| *step += 1);
                }
            }
            // A join that rights have overtaken is answered twice.
            Some(Message::RoomError { .. } | Message::JoinError { .. }) => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

/// The answer to a join that was asked for: the leased peer if one was asked for; none when the
/// room stays closed to a writer.
async fn admitted(socket: &mut Socket) -> Option<Option<u64>> {
    use quire::protocol::Permission;
    loop {
        match socket.next().await? {
            Message::JoinResponseOk {
                permission, extra, ..
            } => {
                let extra: serde_json::Value = serde_json::from_slice(&extra).expect("JSON");
                let peer = extra["peer"].as_str();
                let peer = peer.map(|peer| peer.parse().expect("a peer"));
                return (permission == Permission::Write).then_some(peer);
            }
            Message::JoinError { .. } => return None,
            _ => {}
        }
    }
}

/// Where one peer types: each letter is an update.
pub struct Page {
    doc: LoroDoc,
    sent: VersionVector,
}

impl Page {
    pub fn new(peer: u64) -> Self {
        let doc = LoroDoc::new();
        doc.set_peer_id(peer).expect("an empty document");
        Self {
            doc,
            sent: VersionVector::default(),
        }
    }

    pub fn next(&mut self) -> Vec<u8> {
        self.doc.get_text("body").insert(0, "x").expect("typed");
        self.doc.commit();
        let update = self.doc.export(ExportMode::updates(&self.sent));
        self.sent = self.doc.oplog_vv();
        update.expect("exported")
    }
}
