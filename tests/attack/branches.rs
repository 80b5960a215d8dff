//! Who writes what takes long to merge.

use bytes::Bytes;
use loro::{ExportMode, LoroDoc, VersionVector};
use tokio::task::JoinSet;

use super::stage::Stage;
use crate::kit::pause;
use crate::kit::socket::Socket;

/// Without optimisation all takes some twenty times as long; `make attack` measures with it.
const IS_SLOW: bool = cfg!(debug_assertions);
/// Attackers, each with a document of its own.
const ATTACKERS: usize = if IS_SLOW { 4 } else { 10 };
/// Insertions of each branch, alternately at the start and at the end: merging takes their square.
const OPERATIONS: usize = if IS_SLOW { 200 } else { 4_000 };

/// Pairs of branches that each of them sends.
const PAIRS: u64 = if IS_SLOW { 5 } else { 20 };

/// An update of each of two writers who have not seen the other's.
fn branches(copy: &LoroDoc, text: &str, peers: [u64; 2], operations: usize) -> [Bytes; 2] {
    peers.map(|peer| {
        let branch = copy.fork();
        branch.set_peer_id(peer).expect("a peer");
        let before: VersionVector = branch.oplog_vv();
        let text = branch.get_text(text);
        for number in 0..operations {
            let at = if number % 2 == 0 {
                0
            } else {
                text.len_unicode()
            };
            text.insert(at, "x").expect("inserted");
        }
        branch.commit();
        let update = branch.export(ExportMode::updates(&before));
        update.expect("exported").into()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_what_takes_long_to_merge_waits_for_it_and_others_do_not() {
    let nothing = LoroDoc::new();
    let updates: Vec<Bytes> = (1..=PAIRS)
        .flat_map(|pair| branches(&nothing, "body", [2 * pair, 2 * pair + 1], OPERATIONS))
        .collect();
    let stage = Stage::set().await;
    let alone = stage.type_on().await;
    let mut attacks = JoinSet::new();
    for room in stage.rooms(ATTACKERS).await {
        let (address, token) = (stage.address(), stage.attacker.token.clone());
        let updates = updates.clone();
        attacks.spawn(async move {
            loop {
                let Some(mut socket) = Socket::try_join(&address, &token, &room).await else {
                    pause().await;
                    continue;
                };
                // Whatever the answers are: sent again and again, also when it is put out of the room.
                for update in &updates {
                    if socket.try_write(update).await.is_none() {
                        break;
                    }
                }
            }
        });
    }
    let attacked = stage.type_on().await;
    assert!(attacks.try_join_next().is_none(), "an attacker gave up");
    stage.end("branches", &alone, &attacked).await;
}
