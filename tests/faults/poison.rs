//! Rows that Loro cannot apply, put straight into the table behind Quire's back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use loro::{ExportMode, LoroDoc};
use quire::client::Address;
use xxhash_rust::xxh32::xxh32;

use super::check::{PATIENCE, Verdict};
use super::stage::Stage;
use crate::kit::random::Random;
use crate::kit::server::metric;
use crate::kit::socket::Socket;

const SET_ASIDE: &str = "quire_edits_set_aside_total";
/// In Loro's header: the checksum, of everything behind it.
const CHECKSUM: std::ops::Range<usize> = 16..20;
const CHECKSUM_SEED: u32 = u32::from_le_bytes(*b"LORO");

/// A row that every server must set aside.
pub struct Poison {
    /// Each server's process, and what it had set aside before.
    before: Vec<(u32, i64)>,
}

impl Poison {
    /// Puts one into the round's document, under a peer that nobody has.
    pub async fn put(stage: &mut Stage, random: &mut Random) -> Self {
        let mut before = Vec::new();
        for seat in &stage.servers {
            let count = metric(&seat.own_address(), SET_ASIDE).await;
            before.push((seat.pid(), count.expect("counted")));
        }
        let peer = random.bits();
        stage.poisoned.push(peer);
        let update = unfit(random);
        let client = crate::kit::postgres::connect(&stage.url).await;
        let sql = "insert into quire.edit (org_id, document_id, account_id, peer_id, \
             counter_start, counter_end, inserted, deleted, update) \
             values ($1, $2, $3, $4, 0, 1, 1, 0, $5)";
        let account_id = stage.office.owner.session.account_id;
        let (org_id, document_id) = (stage.office.org_id, stage.document_id);
        client
            .execute(
                sql,
                &[&org_id, &document_id, &account_id, &(peer as i64), &update],
            )
            .await
            .expect("a row");
        Self { before }
    }

    /// Whoever opens the document anywhere gets it, and each server says what it left out.
    pub async fn look(self, stage: &Stage, verdict: &mut Verdict) {
        for (number, (pid, before)) in self.before.into_iter().enumerate() {
            let seat = &stage.servers[number];
            let address = Address::parse(&seat.own_address()).expect("an address");
            let is_same = seat.pid() == pid;
            let mut count = None;
            let set_aside = async {
                let token = &stage.office.owner.token;
                while Socket::try_join(&address, token, &stage.room())
                    .await
                    .is_none()
                {
                    crate::kit::pause().await;
                }
                while count <= Some(if is_same { before } else { 0 }) {
                    count = metric(&seat.own_address(), SET_ASIDE).await;
                    crate::kit::pause().await;
                }
            };
            if tokio::time::timeout(PATIENCE, set_aside).await.is_err() {
                verdict.divergent += 1;
                verdict.complain(format!(
                    "server {number} set nothing aside: {count:?}, before {before}"
                ));
            }
        }
    }
}

/// An update that Loro refuses or that makes it panic: noise, one with a wrong checksum, or one that is
/// shorter than it says and has the right one.
fn unfit(random: &mut Random) -> Vec<u8> {
    let whole = honest(random);
    match random.below(3) {
        0 => (0..16 + random.below(200))
            .map(|_| random.bits() as u8)
            .collect(),
        1 => {
            let mut damaged = whole;
            let place = CHECKSUM.end + random.below(damaged.len() - CHECKSUM.end);
            damaged[place] ^= 1;
            damaged
        }
        _ => {
            let mut short = whole;
            loop {
                short.pop();
                let sum = xxh32(&short[CHECKSUM.end..], CHECKSUM_SEED);
                short[CHECKSUM].copy_from_slice(&sum.to_le_bytes());
                if !is_fit(&short) {
                    return short;
                }
            }
        }
    }
}

fn is_fit(update: &[u8]) -> bool {
    let doc = LoroDoc::new();
    let imported = catch_unwind(AssertUnwindSafe(|| doc.import(update).is_ok()));
    if imported.is_err() {
        // Not even dropping it is safe.
        std::mem::forget(doc);
    }
    imported.unwrap_or(false)
}

fn honest(random: &mut Random) -> Vec<u8> {
    let doc = LoroDoc::new();
    doc.set_peer_id(random.bits()).expect("a peer");
    let text = doc.get_text("text");
    for _ in 0..1 + random.below(20) {
        let place = random.below(text.len_unicode() + 1);
        text.insert(place, "poison").expect("inserted");
    }
    doc.commit();
    doc.export(ExportMode::all_updates()).expect("exported")
}
