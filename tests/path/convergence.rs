//! Servers compare what they hold at one position of the log: a difference is found and mended, and
//! where there is none, none is found, whatever goes on.

use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::convergence::Message;
use quire::dev::ServerProcess;
use quire::document::fold;
use quire::document::live::LiveDocument;
use quire::document::load;
use quire::document::trial::DocKey;
use quire::postgres::{Limits, Pool, examine, pool};
use uuid::Uuid;

use super::type_text;
use crate::http::site::exchange;
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::{World, counted, serve, shows};
use crate::kit::socket::Socket;

/// Found and mended: the servers ask each other every 5 s.
const FOUND: Duration = Duration::from_secs(60);

/// Two servers in processes of their own, so that what they count is theirs, and a Postgres of their
/// own: open transactions of others would have them read the tables once more.
struct Pair {
    _cluster: Cluster,
    url: String,
    pool: Pool,
    office: Office,
    servers: Vec<ServerProcess>,
    addresses: Vec<Address>,
}

impl Pair {
    async fn start() -> Self {
        let cluster = Cluster::start(Version::usual(), &[]);
        let url = cluster.database().await.url;
        let pool = pool(&url, 2).expect("a pool");
        let office = Office::open(&pool).await;
        let mut servers = Vec::new();
        for _ in 0..2 {
            let server = serve(&url, &[]).await;
            servers.push(server.expect("a server"));
        }
        let addresses = servers.iter().map(|s| Address::parse(s.address()));
        let addresses = addresses.collect::<Result<_, _>>().expect("addresses");
        Self {
            _cluster: cluster,
            url,
            pool,
            office,
            servers,
            addresses,
        }
    }

    fn document(&self) -> DocKey {
        DocKey {
            org_id: self.office.org_id,
            document_id: self.office.document_id,
        }
    }

    async fn client(&self, server: usize, device: &str) -> Client {
        let (token, room) = (self.office.owner.token.reveal(), self.office.room());
        let addresses = vec![self.addresses[server].clone()];
        let client = Client::start(Options::new(addresses, &token, &room, device));
        client.joined().await.expect("joined");
        client
    }

    /// What both servers have counted.
    async fn counted(&self, name: &str) -> u64 {
        figure(&self.addresses[0], name).await + figure(&self.addresses[1], name).await
    }

    /// Waits until both have compared: from then on neither reads the tables again by itself.
    async fn compares(&self) {
        while self.counted("quire_documents_compared_total").await == 0 {
            ask(&self.pool, self.document(), 1).await;
        }
    }

    /// The difference is noted once, with both servers, and the doctor tells of it.
    async fn check_noted(&self) {
        // It is noted right after it was acted on.
        let noting = async {
            while divergences(&self.pool).await.is_empty() {
                crate::kit::pause().await;
            }
        };
        let in_time = tokio::time::timeout(FOUND, noting).await;
        in_time.expect("it is noted");
        let noted = divergences(&self.pool).await;
        assert_eq!(noted.len(), 1, "{noted:?}");
        let (document_id, mut servers, is_rebuilt) = noted[0].clone();
        servers.sort();
        let mut both: Vec<String> = self.addresses.iter().map(Address::origin).collect();
        both.sort();
        assert_eq!((document_id, servers), (self.office.document_id, both));
        assert!(is_rebuilt);
        assert_eq!(self.counted("quire_documents_diverged_total").await, 1);
        let findings = examine(&self.url, &Limits::default()).await;
        let findings = findings.expect("the doctor gets through");
        let told = findings.iter().find(|f| f.check == "divergence");
        let told = told.expect("the doctor tells of it");
        let id = self.office.document_id.to_string();
        assert!(told.says.contains(&id), "{told:?}");
    }

    async fn stop(mut self) {
        for server in &mut self.servers {
            server.stop().await.expect("it stops");
        }
    }
}

/// What the servers have noted so far.
async fn divergences(pool: &Pool) -> Vec<(Uuid, Vec<String>, bool)> {
    let client = pool.get().await.expect("a connection");
    client
        .query(
            "select document_id, servers, is_rebuilt from quire.divergence order by divergence_id",
            &[],
        )
        .await
        .expect("read")
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_only_one_server_has_is_found_and_comes_to_the_others() {
    let pair = Pair::start().await;
    let (ada, bob) = (pair.client(0, "ada").await, pair.client(1, "bob").await);
    type_text(&ada, "seen by all");
    shows(&bob, "seen by all").await;
    pair.compares().await;
    // A row that no feed brings: it was written while its partition was not logged, which nobody can see.
    let mut admin = pair.pool.get().await.expect("a connection");
    let behind = ada.read(|doc| {
        let copy = doc.fork();
        copy.set_peer_id(77).expect("idle");
        let before = copy.oplog_vv();
        let text = quire::document::model::body(&copy);
        text.insert(0, "and this is not ").expect("inserted");
        copy.commit();
        let updates = loro::ExportMode::updates(&before);
        copy.export(updates).expect("exported")
    });
    let account = pair.office.owner.session.account_id;
    let (org_id, document_id) = (pair.office.org_id, pair.office.document_id);
    let part: String = admin
        .query_one(
            "select tableoid::regclass::text from quire.edit where org_id = $1 limit 1",
            &[&org_id],
        )
        .await
        .expect("a partition")
        .get(0);
    let transaction = admin.transaction().await.expect("a transaction");
    let unlogged = format!("alter table {part} set unlogged");
    transaction.batch_execute(&unlogged).await.expect("set");
    transaction
        .execute(
            "insert into quire.edit (org_id, document_id, account_id, peer_id, counter_start, counter_end, inserted, deleted, update)
             values ($1, $2, $3, 77, 0, 16, 16, 0, $4)",
            &[&org_id, &document_id, &account, &behind],
        )
        .await
        .expect("written");
    let logged = format!("alter table {part} set logged");
    transaction.batch_execute(&logged).await.expect("set back");
    transaction.commit().await.expect("committed");
    // One server reads the tables once more, because somebody begins to write there.
    type_text(&bob, "!");
    let whole = "and this is not seen by all!";
    tokio::time::timeout(FOUND, async {
        shows(&bob, whole).await;
        shows(&ada, whole).await;
    })
    .await
    .expect("it is found and mended");
    pair.check_noted().await;
    type_text(&ada, "!");
    shows(&bob, "and this is not seen by all!!").await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_snapshot_that_lacks_an_edit_is_found_and_not_used_again() {
    let pair = Pair::start().await;
    let key = pair.document();
    let ada = pair.client(0, "ada").await;
    type_text(&ada, "first ");
    ada.settled().await.expect("acknowledged");
    let early = ada.read(|doc| doc.export(loro::ExportMode::Snapshot).expect("exported"));
    type_text(&ada, "second");
    ada.settled().await.expect("acknowledged");
    // It says that it has seen everything, and has not.
    let (_, mut position) = load::read_tail(&pair.pool, key, "0").await.expect("read");
    let next = position
        .seen
        .split(':')
        .nth(1)
        .expect("a number")
        .to_owned();
    position.seen = format!("{next}:{next}:");
    let client = pair.pool.get().await.expect("a connection");
    let identifier: i64 = client
        .query_one("select system_identifier from pg_control_system()", &[])
        .await
        .expect("read")
        .get(0);
    fold::store(
        &pair.pool,
        key,
        0,
        &position,
        identifier as u64,
        &early.into(),
    )
    .await
    .expect("stored");
    // Until then the other server would know the edit from the log.
    while pair.counted("quire_feed_ring_bytes").await > 0 {
        crate::kit::pause().await;
    }
    let bob = pair.client(1, "bob").await;
    let mended = shows(&bob, "first second");
    tokio::time::timeout(FOUND, mended)
        .await
        .expect("it is found and mended");
    pair.check_noted().await;
    let stored = "select snapshot from quire.snapshot where document_id = $1";
    let stored = client.query_opt(stored, &[&key.document_id]).await;
    if let Some(row) = stored.expect("read") {
        let snapshot = LiveDocument::from_snapshot(row.get(0)).expect("it loads");
        assert_eq!(snapshot.text().expect("a text"), "first second");
    }
    pair.stop().await;
}

/// Asks all servers about a document, again and again.
async fn ask(pool: &Pool, document: DocKey, rounds: usize) {
    let client = pool.get().await.expect("a connection");
    // Servers keep the answers to the last 32 probes, and answer within 100 ms.
    let mut turn = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..rounds {
        turn.tick().await;
        let probe = Message::Probe {
            probe_id: Uuid::new_v4(),
            documents: vec![document],
        };
        client
            .execute(
                "select pg_logical_emit_message(true, 'quire', $1::bytea)",
                &[&&probe.encode()[..]],
            )
            .await
            .expect("asked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_difference_is_found_while_people_type_come_and_go_on_two_servers() {
    let world = World::with_servers(2).await;
    let owner = &world.office.owner;
    let document = DocKey {
        org_id: world.office.org_id,
        document_id: world.office.document_id,
    };
    let writers = [
        world.client(0, owner, "one").await,
        world.client(1, owner, "two").await,
    ];
    writers[0].settled().await.expect("acknowledged");
    shows(&writers[1], "").await;
    let has_text = |doc: &loro::LoroDoc| quire::document::model::is_seeded(doc);
    writers[1].document_is(has_text).await.expect("it comes");
    let before = counted("quire_documents_compared_total");
    let typing = |client: Client| async move {
        for _ in 0..400 {
            client.ready().await.expect("ready");
            client.edit(|e| e.insert(0, "word ")).expect("typed");
            crate::kit::pause().await;
        }
        client.settled().await.expect("acknowledged");
        client
    };
    // The document is opened and closed at a third server, so that what is read out of the tables is
    // compared too.
    let visits = async {
        for _ in 0..6 {
            let other = World::server_on(&world.database).await;
            let url = format!("http://{}", other.address());
            let address = quire::client::Address::parse(&url).expect("an address");
            for _ in 0..3 {
                let room = world.office.room();
                drop(Socket::join(&address, &owner.token, &room).await);
            }
            ask(&world.pool, document, 20).await;
            other.stop().await;
        }
    };
    let [one, two] = writers;
    let (one, two, (), ()) = tokio::join!(
        typing(one),
        typing(two),
        visits,
        ask(&world.pool, document, 200)
    );
    // An author may have its acknowledgement before the other's last words.
    let text = "word ".repeat(800);
    for client in [&one, &two] {
        shows(client, &text).await;
    }
    let compared = || counted("quire_documents_compared_total") - before;
    while compared() < 50 {
        ask(&world.pool, document, 1).await;
    }
    let found = divergences(&world.pool).await;
    assert!(found.is_empty(), "{found:?}");
    world.stop().await;
}

/// What a server's `/metrics` says.
pub(super) async fn figure(address: &Address, name: &str) -> u64 {
    let host = address.authority();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = exchange(host.parse().expect("an address"), &request).await;
    let text = String::from_utf8_lossy(&answer.body);
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|number| number.trim().parse().ok())
        .expect("a figure")
}
