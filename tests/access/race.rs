//! Rights that are taken away while their holder types, over two servers: what is in the log after
//! the revocation, and how soon the other server has acted on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use quire::client::Address;
use quire::postgres::{Pool, pool};
use quire::protocol::{Message, Permission, RoomKind};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::log::{Reading, xid};
use super::report;
use super::revocation::{Revocation, Right};
use super::typist::{ASKED, CONNECTED, JOINED, Manner, type_without_pause};
use crate::kit::members::{member, organisation};
use crate::kit::random::{self, Random};
use crate::kit::server::World;
use crate::kit::socket::Socket;

/// Rounds of a usual test run.
const ROUNDS: usize = 200;
/// Rounds under way at a time, each in an organisation of its own.
const LANES: usize = 4;
/// Who is in a room for so long stays there.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a round left behind.
struct Round {
    number: usize,
    revocation: Revocation,
    document_id: Uuid,
    account_id: Uuid,
    /// The revocation's transaction.
    xid: u32,
    acked: usize,
    /// From the return of COMMIT to the other server's word; none where the other socket was still
    /// joining.
    close: Option<Duration>,
    /// What the other socket was told, if it was the wrong thing.
    complaint: Option<String>,
}

struct Lane {
    pool: Pool,
    addresses: [Address; 2],
    org_id: Uuid,
    keeper: Uuid,
}

/// How a second connection, which only listens, was sent away.
struct Farewell {
    told: Instant,
    close_code: Option<u16>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_in_the_log_after_the_revocation_of_its_author() {
    let rounds = match std::env::var("QUIRE_ACCESS_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("QUIRE_ACCESS_ROUNDS is a number"),
        Err(_) => ROUNDS,
    };
    let seed = random::seed();
    let world = World::with_servers(2).await;
    let reading = Reading::start(&world.database.url).await;
    let next = Arc::new(AtomicUsize::new(0));
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let lane = Lane::open(&world).await;
        let next = next.clone();
        lanes.spawn(async move {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= rounds {
                    return done;
                }
                let random = Random::new(seed.wrapping_add(number as u64));
                let round = tokio::time::timeout(3 * PATIENCE, lane.round(number, random));
                done.push(
                    round
                        .await
                        .unwrap_or_else(|_| panic!("round {number} hangs")),
                );
            }
        });
    }
    let mut done: Vec<Round> = lanes.join_all().await.into_iter().flatten().collect();
    let url = world.database.url.clone();
    // Stopped servers have nothing under way.
    world.stop().await;
    let log = reading
        .end(&crate::kit::postgres::connect(&url).await)
        .await;

    done.sort_by_key(|round| round.number);
    let (mut rows_before, mut rows_after) = (0, 0);
    let mut wrong = Vec::new();
    for round in &done {
        let (before, after) = log.rows(round.document_id, round.account_id, round.xid);
        (rows_before, rows_after) = (rows_before + before, rows_after + after);
        let what = format!("round {} ({:?})", round.number, round.revocation);
        if after > 0 {
            wrong.push(format!("{what}: {after} rows after it"));
        }
        if round.acked > before + after {
            wrong.push(format!("{what}: {} acks for {before} rows", round.acked));
        }
        wrong.extend(round.complaint.as_ref().map(|why| format!("{what}: {why}")));
    }
    let (p50, p99) = (percentile(&done, 50), percentile(&done, 99));
    report(
        "race",
        &json!({
            "rounds": done.len(),
            "rows_before_revocation": rows_before,
            "rows_after_revocation": rows_after,
            "wrong": wrong.len(),
            "close_ms_p50": p50,
            "close_ms_p99": p99,
        }),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows_before > rounds, "they did type");
}

fn percentile(rounds: &[Round], percent: usize) -> f64 {
    let mut all: Vec<Duration> = rounds.iter().filter_map(|round| round.close).collect();
    all.sort();
    let place = (all.len() * percent).div_ceil(100).max(1) - 1;
    (all[place].as_secs_f64() * 10_000.0).round() / 10.0
}

impl Lane {
    async fn open(world: &World) -> Self {
        let pool = pool(&world.database.url, 1).expect("a pool");
        let client = pool.get().await.expect("a connection");
        let org_id = organisation(&client, "Race").await;
        client
            .execute(
                "update quire.organisation set default_role = 'none' where org_id = $1",
                &[&org_id],
            )
            .await
            .expect("members are given nothing");
        let (keeper, _) = member(&client, org_id, "Keeper", "owner").await;
        drop(client);
        Self {
            pool,
            addresses: [world.address(0), world.address(1)],
            org_id,
            keeper: keeper.account_id,
        }
    }

    async fn round(&self, number: usize, mut random: Random) -> Round {
        let mut client = self.pool.get().await.expect("a connection");
        let revocation = *random.pick(&Revocation::ALL);
        let right = Right::give(&client, revocation, self.org_id, self.keeper).await;
        let here = random.below(2);
        let manners = [(); 2].map(|()| *random.pick(&[Manner::Leasing, Manner::Stock]));
        let (typing, mut typed) = watch::channel(0);
        let (watching, mut watched) = watch::channel(0);
        // Most are met while typing; some while they are being let in.
        let meets_joining = random.chance(20);
        let (of_typist, of_watcher) = match meets_joining {
            true => (CONNECTED + random.below(3), random.below(JOINED)),
            false => (JOINED + random.below(60), JOINED),
        };
        let yields = random.below(50);
        let room = right.room();
        let typist = type_without_pause(
            &self.addresses[here],
            &right.token,
            &room,
            manners[0],
            Random::new(random.bits()),
            typing,
        );
        let other = &self.addresses[1 - here];
        let listener = listen(other, &right, manners[1], watching);
        let listener = tokio::time::timeout(PATIENCE, listener);
        let typist = async {
            let typing = tokio::time::timeout(PATIENCE, typist).await;
            typing.unwrap_or_else(|_| panic!("round {number} ({revocation:?}): it types on"))
        };
        let revoker = async {
            typed
                .wait_for(|step| *step >= of_typist)
                .await
                .unwrap_or_else(|_| panic!("{revocation:?} {manners:?} typist"));
            watched
                .wait_for(|step| *step >= of_watcher)
                .await
                .expect("they listen");
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            let was_in = *watched.borrow() >= JOINED;
            let transaction = client.transaction().await.expect("a transaction");
            let sql = "select pg_current_xact_id()::text";
            let row = transaction.query_one(sql, &[]).await.expect("its number");
            right.take(&transaction).await;
            transaction.commit().await.expect("it commits");
            (xid(row.get(0)), was_in, Instant::now())
        };
        let (acked, farewell, (xid, was_in, committed)) = tokio::join!(typist, listener, revoker);
        let farewell = farewell.ok();
        Round {
            number,
            revocation,
            document_id: right.document_id,
            account_id: right.account_id,
            xid,
            acked,
            close: farewell
                .as_ref()
                .filter(|_| was_in)
                .map(|farewell| farewell.told.saturating_duration_since(committed)),
            complaint: complaint(farewell.as_ref(), revocation, was_in),
        }
    }
}

/// What is wrong with how the other connection was sent away, if something is.
fn complaint(farewell: Option<&Farewell>, revocation: Revocation, was_in: bool) -> Option<String> {
    let Some(farewell) = farewell else {
        return Some("it stays in the room".to_owned());
    };
    let is_right = !was_in || !revocation.ends_session() || farewell.close_code == Some(4401);
    (!is_right).then(|| format!("closed with {:?}", farewell.close_code))
}

/// Listens, and asks to be let in again whenever it is sent away, until it is refused.
async fn listen(
    address: &Address,
    right: &Right,
    manner: Manner,
    progress: watch::Sender<usize>,
) -> Farewell {
    let mut socket = Socket::connect(address, RoomKind::Document, &right.room()).await;
    progress.send_replace(CONNECTED);
    let credentials = manner.credentials(&right.token);
    socket.ask_to_join(&credentials).await;
    progress.send_replace(ASKED);
    let (mut told, mut has_joined) = (None, false);
    loop {
        match socket.next().await {
            Some(Message::RoomError { .. }) => {
                told = Some(Instant::now());
                socket.ask_to_join(&credentials).await;
            }
            Some(Message::JoinResponseOk { permission, .. }) => {
                if permission == Permission::Read {
                    break;
                }
                // What it was told concerned something before: that its right was given.
                (told, has_joined) = (None, true);
                progress.send_replace(JOINED);
            }
            // The connection of a session that has ended is closed as well.
            Some(Message::JoinError { .. }) if has_joined && right.revocation.ends_session() => {}
            Some(Message::JoinError { .. }) | None => break,
            Some(_) => {}
        }
    }
    let told = told.filter(|_| !right.revocation.ends_session());
    Farewell {
        told: told.unwrap_or_else(Instant::now),
        close_code: socket.close_code,
    }
}
