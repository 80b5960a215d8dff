//! Moves while the source has a standby: it is waited for, and when it takes over the organisation is lost
//! nowhere and served once.

use std::sync::OnceLock;
use std::time::Duration;

use quire::client::{Address, Client, Options};
use quire::moving::{self, Settings, Step};
use quire::postgres::pool;
use rustix::process::{Pid, Signal, kill_process};
use uuid::Uuid;

use super::cut_off::STEPS;
use crate::faults::link::{Link, Target};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Database, Version, connect};
use crate::kit::server::{World, shows};
use crate::kit::standby::Standby;

const PATIENCE: Duration = Duration::from_secs(30);

/// A source with a standby, reached through links, and a target with a server.
struct Scene {
    primary: Cluster,
    standby: Standby,
    /// What the standby follows through.
    stream: Link,
    /// To the primary and to the standby: the source's address.
    doors: [Link; 2],
    name: String,
    source: String,
    office: Office,
    to: World,
}

impl Scene {
    async fn set(version: Version) -> Self {
        let primary = Cluster::start(version, &[]);
        let url = primary.database().await.url;
        let name = url.rsplit('/').next().expect("a name").to_owned();
        let office = Office::open(&pool(&url, 2).expect("a pool")).await;
        let stream = Link::to(socket(&primary)).await;
        let (host, port) = stream.address().split_once(':').expect("host and port");
        let standby = Standby::of(&primary, &format!("host={host} port={port}")).await;
        let doors = [
            Link::to(socket(&primary)).await,
            Link::to(socket(&standby.cluster)).await,
        ];
        let hosts = format!("{},{}", doors[0].address(), doors[1].address());
        let source = format!("postgres://quire@{hosts}/{name}");
        Self {
            primary,
            standby,
            stream,
            doors,
            name,
            source,
            office,
            to: World::on(Database::of(Version::V18).await, 1).await,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            from: self.source.clone(),
            to: self.to.database.url.clone(),
            org_id: self.office.org_id,
            addresses: vec![format!("http://{}", self.to.servers[0].address())],
        }
    }

    /// Somebody writes at a server of the source, which is stopped then: what is there must come along.
    async fn write(&self) {
        let database = Database {
            url: self.source.clone(),
        };
        let server = World::server_on(&database).await;
        let address = Address::parse(&format!("http://{}", server.address()));
        let client = come(&self.office, address.expect("an address")).await;
        client
            .edit(|editor| editor.insert(0, "words"))
            .expect("typed");
        client.settled().await.expect("acknowledged");
        client.close().await;
        server.stop().await;
        self.standby.catch_up(&self.primary).await;
    }

    async fn placed_at_target(&self) -> Option<String> {
        placed(&self.to.database.url, self.office.org_id).await
    }

    async fn placed_at_standby(&self) -> Option<String> {
        placed(&self.standby.cluster.url(&self.name), self.office.org_id).await
    }
}

/// The owner, at a server.
async fn come(office: &Office, address: Address) -> Client {
    let (token, room) = (office.owner.token.reveal(), office.room());
    let client = Client::start(Options::new(vec![address], &token, &room, "ada"));
    client.joined().await.expect("joined");
    client
}

/// What was written at the source is read at the target.
async fn is_whole(to: &World, office: &Office) {
    let reader = come(office, to.address(0)).await;
    shows(&reader, "words").await;
    reader.close().await;
    let report = quire::integrity::verify(&to.database.url, Some(office.org_id)).await;
    assert_eq!(report.expect("it is read").findings, []);
}

fn socket(cluster: &Cluster) -> Target {
    Target::Unix(cluster.postgres().socket().join(".s.PGSQL.5432"))
}

async fn placed(url: &str, org_id: Uuid) -> Option<String> {
    let client = connect(url).await;
    let sql = "select state from quire.placement where org_id = $1";
    let row = client.query_opt(sql, &[&org_id]).await.expect("asked");
    row.map(|row| row.get(0))
}

/// Whether servers of this database serve the organisation.
async fn serves(url: &str, org_id: Uuid) -> bool {
    let client = connect(url).await;
    let sql = "select exists (select from quire.organisation where org_id = $1)";
    let row = client.query_one(sql, &[&org_id]).await.expect("asked");
    let state = placed(url, org_id).await;
    row.get::<_, bool>(0) && !matches!(state.as_deref(), Some("moved" | "arriving"))
}

/// Does something that waits, where a step is told.
fn meanwhile<T>(doing: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(doing))
}

/// Waits until the organisation is about to be closed, which waits for what this answers.
async fn closing_waits<'a>(
    holder: &'a mut tokio_postgres::Client,
    scene: &Scene,
) -> tokio_postgres::Transaction<'a> {
    let hold = holder.transaction().await.expect("begun");
    let lock = "select pg_advisory_xact_lock(quire.authority_lock($1))";
    let of = scene.office.org_id;
    hold.execute(lock, &[&of]).await.expect("locked");
    let waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted)";
    scene.primary.wait_until(waits, PATIENCE).await;
    hold
}

/// How a standby is kept from having the mark.
#[derive(Debug, Clone, Copy)]
enum Held {
    /// It receives and does not replay.
    Replay,
    /// It does not receive.
    Receiving,
}

impl Held {
    async fn hold(self, standby: &Standby) -> Option<Pid> {
        let client = connect(&standby.cluster.url("postgres")).await;
        match self {
            Self::Replay => {
                let sql = "select pg_wal_replay_pause()";
                client.batch_execute(sql).await.expect("it is paused");
                None
            }
            Self::Receiving => {
                let sql = "select pid from pg_stat_activity where backend_type = 'walreceiver'";
                let row = client.query_one(sql, &[]).await.expect("it receives");
                let receiver = Pid::from_raw(row.get(0)).expect("a process");
                kill_process(receiver, Signal::STOP).expect("it stands still");
                Some(receiver)
            }
        }
    }

    async fn let_go(standby: &Standby, held: Option<Pid>) {
        match held {
            None => {
                let client = connect(&standby.cluster.url("postgres")).await;
                let sql = "select pg_wal_replay_resume()";
                client.batch_execute(sql).await.expect("it goes on");
            }
            Some(receiver) => kill_process(receiver, Signal::CONT).expect("it goes on"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_target_is_not_opened_before_the_sources_standby_has_the_mark() {
    for (version, how) in [
        (Version::V15, Held::Receiving),
        (Version::V18, Held::Replay),
    ] {
        let scene = Scene::set(version).await;
        scene.write().await;
        let held = OnceLock::new();
        let mut steps = Vec::new();
        let settings = scene.settings();
        let moving = moving::run(&settings, |step| {
            match &step {
                Step::Waits { says } => {
                    assert!(says.contains("has not replayed"), "{says}");
                    let target = meanwhile(scene.placed_at_target());
                    assert_eq!(target.as_deref(), Some("arriving"));
                    let held = *held.get().expect("it is held");
                    meanwhile(Held::let_go(&scene.standby, held));
                }
                Step::Opened { .. } => {
                    let standby = meanwhile(scene.placed_at_standby());
                    assert_eq!(standby.as_deref(), Some("moved"));
                }
                _ => {}
            }
            steps.push(step);
        });
        let holding = async {
            let mut holder = connect(&scene.primary.url(&scene.name)).await;
            let hold = closing_waits(&mut holder, &scene).await;
            held.set(how.hold(&scene.standby).await).expect("once");
            hold.rollback().await.expect("let go");
        };
        let (moved, ()) = tokio::join!(moving, holding);
        moved.unwrap_or_else(|error| panic!("{how:?}: {error}"));
        let waited = steps.iter().any(|step| matches!(step, Step::Waits { .. }));
        assert!(waited, "{how:?}: {steps:?}");
        is_whole(&scene.to, &scene.office).await;
        scene.to.stop().await;
    }
}

/// The standby takes over without the mark while the primary lives on: nobody can tell the command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_without_the_mark_has_the_move_give_up() {
    let mut scene = Scene::set(Version::V18).await;
    scene.write().await;
    let (org_id, settings) = (scene.office.org_id, scene.settings());
    let moving = tokio::spawn({
        let settings = settings.clone();
        async move { moving::run(&settings, |_| {}).await }
    });
    let mut holder = connect(&scene.primary.url(&scene.name)).await;
    let hold = closing_waits(&mut holder, &scene).await;
    scene.stream.cut();
    let promoted = scene.standby.promote().await;
    hold.rollback().await.expect("let go");
    let error = moving.await.expect("no panic").expect_err("it gives up");
    let says = error.to_string();
    assert!(says.contains("does not any more"), "{says}");
    assert!(says.contains("quire org undo"), "{says}");
    assert!(!serves(&settings.to, org_id).await, "nor anybody else");
    assert!(serves(&promoted.url(&scene.name), org_id).await);
    // With the one that took over it is gone on with, when the other one is gone for good.
    scene.primary.kill9();
    moving::run(&settings, |_| {}).await.expect("it moves");
    assert!(!serves(&promoted.url(&scene.name), org_id).await);
    assert!(serves(&settings.to, org_id).await);
    is_whole(&scene.to, &scene.office).await;
    scene.to.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_over_at_any_step_is_served_once_and_moves_whole() {
    for (number, at) in STEPS.into_iter().enumerate() {
        let version = Version::ALL[number % 2];
        let scene = Scene::set(version).await;
        scene.write().await;
        let (org_id, settings) = (scene.office.org_id, scene.settings());
        let Scene {
            mut primary,
            standby,
            name,
            office,
            to,
            stream: _stream,
            doors: _doors,
            ..
        } = scene;
        let (mut standby, mut promoted) = (Some(standby), None);
        let failed = moving::run(&settings, |step| {
            if at(&step) {
                let standby = standby.take().expect("it fails over once");
                primary.kill9();
                promoted = Some(meanwhile(standby.promote()));
            }
        })
        .await;
        let promoted = promoted.expect("it failed over");
        let source = promoted.url(&name);
        let served = [
            serves(&source, org_id).await,
            serves(&settings.to, org_id).await,
        ];
        println!("{number} on {version:?}: {failed:?}, served: {served:?}");
        assert_ne!(served, [true, true], "{number}: served twice");
        let left = failed.expect_err("its connection is gone").to_string();
        assert!(served[0], "{number}: the source serves on: {left}");
        moving::run(&settings, |_| {}).await.expect("it moves");
        let served = [
            serves(&source, org_id).await,
            serves(&settings.to, org_id).await,
        ];
        assert_eq!(served, [false, true], "{number}");
        is_whole(&to, &office).await;
        to.stop().await;
    }
}
