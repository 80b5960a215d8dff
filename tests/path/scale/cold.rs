//! How long it takes to open a document with a long history that no server has open, alone in the
//! tables and among many others.

use std::time::{Duration, Instant};

use loro::LoroDoc;
use quire::client::Address;
use quire::document::blocks::plain_text;
use quire::postgres::pool;
use quire::protocol::RoomKind;
use serde::Serialize;
use tokio_postgres::Client;

use super::filled::{Documents, History};
use super::{given, report};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};
use crate::kit::server::serve;
use crate::kit::socket::Socket;

/// Edits of each of the many.
const SHORT_EDITS: usize = 100;
/// What the room that was here last has left unfolded: less than is folded when a document is unloaded.
const USUAL_TAIL: usize = 100;
/// Servers that the long ones are opened at, one after another.
const ROUNDS: usize = 2;

#[derive(Debug, Serialize)]
struct Figures {
    documents: usize,
    edits: usize,
    characters: usize,
    history_edits: usize,
    alone: Tails,
    among_many: Tails,
    /// Among many, in parts of alone.
    ratio_p50: f64,
    ratio_p99: f64,
}

#[derive(Debug, Serialize)]
struct Tails {
    usual: Times,
    /// The longest tail that folding leaves, of a server that was killed.
    longest: Times,
}

#[derive(Debug, Serialize)]
struct Times {
    tail_edits: usize,
    p50_ms: f64,
    p99_ms: f64,
}

impl Times {
    fn of(tail_edits: usize, mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        let at = |percent: usize| {
            let place = (taken.len() * percent).div_ceil(100) - 1;
            (taken[place].as_secs_f64() * 1e5).round() / 1e2
        };
        Self {
            tail_edits,
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}

/// Long documents in a database, and what they hold.
struct Library<'a> {
    url: &'a str,
    client: &'a Client,
    token: String,
    history: &'a History,
    long: &'a Documents,
    /// Opened first, for what is the server's first time and not the document's.
    first: &'a Documents,
    longest_tail: usize,
}

impl Library<'_> {
    async fn measure(&self) -> Tails {
        Tails {
            longest: self.times(self.longest_tail).await,
            usual: self.times(USUAL_TAIL).await,
        }
    }

    async fn times(&self, tail: usize) -> Times {
        let folded = self.history.edits() - tail;
        for documents in [self.first, self.long] {
            documents.fold(self.client, self.history, folded).await;
        }
        let mut taken = Vec::new();
        for _ in 0..ROUNDS {
            let mut server = serve(self.url, &[]).await.expect("a server");
            let address = Address::parse(server.address()).expect("an address");
            let mut sockets = Vec::new();
            for room in self.first.rooms() {
                sockets.push(self.open(&address, &room).await.1);
            }
            for room in self.long.rooms() {
                let (after, socket) = self.open(&address, &room).await;
                taken.push(after);
                // Nobody leaves meanwhile.
                sockets.push(socket);
            }
            // So that it folds nothing.
            server.kill9().await;
        }
        Times::of(tail, taken)
    }

    /// From asking for a room to having all of it.
    async fn open(&self, address: &Address, room: &str) -> (Duration, Socket) {
        let whole = self.history.document();
        let version = whole.oplog_vv();
        let mut socket = Socket::connect(address, RoomKind::Document, room).await;
        let auth = format!("{{\"token\":\"{}\",\"device\":\"reader\"}}", self.token);
        let copy = LoroDoc::new();
        let asked = Instant::now();
        socket.ask_to_join(&auth).await;
        socket
            .read_into(&copy, |copy| copy.oplog_vv() >= version)
            .await;
        let taken = asked.elapsed();
        assert!(plain_text(&copy) == plain_text(whole), "all of {room}");
        (taken, socket)
    }
}

/// The plan of a statement that any server has used often, in tables of any length: short ones are
/// else read as they are.
async fn plan(client: &Client, statement: &str, arguments: &str) -> String {
    client
        .batch_execute(&format!(
            "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; prepare planned as {statement}"
        ))
        .await
        .expect("prepared");
    let rows = client
        .query(&format!("explain execute planned ({arguments})"), &[])
        .await
        .expect("a plan");
    client
        .batch_execute("deallocate planned")
        .await
        .expect("forgotten");
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_opens_as_fast_among_many_as_alone() {
    let (count, is_large) = given("QUIRE_SCALE_DOCUMENTS", 40);
    let (long_count, edits, characters) = match is_large {
        true => (50, 20_000, 100_000),
        false => (3, 1_000, 5_000),
    };
    let cluster = Cluster::start(Version::usual(), &[]);
    let url = cluster.database().await.url;
    let pool = pool(&url, 2).expect("a pool");
    let office = Office::open(&pool).await;
    let (org_id, account_id) = (office.org_id, office.owner.session.account_id);
    let client = &connect(&url).await;

    let mut history = History::write(1, edits, characters);
    let longest_tail = history.longest_tail();
    for tail in [longest_tail, USUAL_TAIL] {
        history.fold_before(tail);
    }
    let add = |count, history| Documents::add(client, org_id, account_id, count, history);
    let (long, first) = (add(long_count, &history).await, add(3, &history).await);
    client.batch_execute("vacuum analyze").await.expect("done");
    let library = Library {
        url: &url,
        client,
        token: office.owner.token.reveal(),
        history: &history,
        long: &long,
        first: &first,
        longest_tail,
    };
    let alone = library.measure().await;
    let short = History::write(2, SHORT_EDITS, 500);
    add(count, &short).await;
    client.batch_execute("vacuum analyze").await.expect("done");
    let among_many = library.measure().await;

    let arguments = format!("'{org_id}', '{}', '0'", long.ids[0]);
    for (statement, arguments) in [
        (include_str!("../../../sql/load_edits.sql"), &arguments),
        (
            include_str!("../../../sql/load_snapshot.sql"),
            &format!("'{org_id}', '{}', 0", long.ids[0]),
        ),
    ] {
        let plan = plan(client, statement, arguments).await;
        assert!(
            plan.contains("Index") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
    let rows = client
        .query_one("select count(*) from quire.edit", &[])
        .await
        .expect("counted");
    let figures = Figures {
        documents: count + long_count,
        edits: rows.get::<_, i64>(0) as usize,
        characters: plain_text(history.document()).chars().count(),
        history_edits: history.edits(),
        ratio_p50: among_many.usual.p50_ms / alone.usual.p50_ms,
        ratio_p99: among_many.usual.p99_ms / alone.usual.p99_ms,
        alone,
        among_many,
    };
    report("cold", &figures);
}
