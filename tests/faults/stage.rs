//! What a round is played on: a Postgres, servers in processes of their own, and the links between
//! them and to their clients. It outlives its rounds; each has a document of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use quire::client::Address;
use quire::dev::ServerProcess;
use quire::http::create_document;
use quire::postgres::{Pool, pool};
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::Client;
use uuid::Uuid;

use super::clock::Clocks;
use super::disk;
use super::failover::Following;
use super::link::{Link, Target};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};

/// How many servers there are.
pub const SERVERS: usize = 2;
/// How long a stage may take for what another fault holds up.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Stage {
    /// The primary.
    pub cluster: Cluster,
    /// Its standby, in rounds that need one.
    pub standby: Option<Following>,
    /// How often another cluster took over.
    pub failovers: usize,
    /// The database, reached without any link.
    pub url: String,
    pub pool: Pool,
    pub office: Office,
    pub servers: Vec<Seat>,
    /// The document that is written.
    pub document_id: Uuid,
    /// What each server's process took after its first round.
    pub memory: HashMap<u32, usize>,
    /// Peers whose rows in it no server can apply.
    pub poisoned: Vec<u64>,
    program: PathBuf,
    /// Where they can be set.
    clocks: Option<Clocks>,
}

/// A server and its links. It is found at the same address however often it is started.
pub struct Seat {
    process: Option<ServerProcess>,
    /// Between clients and the server.
    pub door: Link,
    /// Between the server and the primary.
    pub line: Link,
    /// Between the server and whoever may take over; leads nowhere while nobody may.
    pub spare: Link,
    url: String,
    program: PathBuf,
}

impl Stage {
    /// Sets it up. `program` is the binary that the servers run: Quire's own, or one with a bug
    /// planted in it.
    pub async fn set(version: Version, program: PathBuf) -> Self {
        Self::set_on(Cluster::start(version, &[]), None, program).await
    }

    /// The same on small disks of its own, where this machine has such, and with clocks that can be set.
    pub async fn set_apart(version: Version, program: PathBuf) -> Self {
        let mut clocks = None;
        let cluster = Cluster::start_in(version, &[], |folder, binaries| {
            if disk::can_be_had() {
                disk::put_under(folder);
            }
            clocks.insert(Clocks::put_into(folder)).postgres(&binaries)
        });
        Clocks::forget(cluster.postgres().pid());
        Self::set_on(cluster, clocks, program).await
    }

    async fn set_on(cluster: Cluster, clocks: Option<Clocks>, program: PathBuf) -> Self {
        let url = cluster.database().await.url;
        let pool = pool(&url, 4).expect("a pool");
        let office = Office::open(&pool).await;
        let mut stage = Self {
            cluster,
            standby: None,
            failovers: 0,
            url,
            pool,
            document_id: office.document_id,
            office,
            servers: Vec::new(),
            memory: HashMap::new(),
            poisoned: Vec::new(),
            program,
            clocks,
        };
        for number in 0..SERVERS {
            let seat = stage.seat(number).await;
            stage.servers.push(seat);
        }
        stage
    }

    async fn seat(&self, number: usize) -> Seat {
        let socket = self.cluster.postgres().socket().join(".s.PGSQL.5432");
        let line = Link::to(Target::Unix(socket)).await;
        let spare = Link::to(Target::Unix("nowhere".into())).await;
        let database = self.url.rsplit('/').next().expect("a database");
        let (first, second) = (line.address(), spare.address());
        let url = format!("postgres://quire@{first},{second}/{database}");
        let mut seat = Seat {
            process: None,
            door: Link::to(Target::Tcp("127.0.0.1:0".to_owned())).await,
            line,
            spare,
            url,
            program: match &self.clocks {
                Some(clocks) => clocks.server(number, &self.program),
                None => self.program.clone(),
            },
        };
        seat.start().await;
        seat
    }

    /// The addresses of all servers, that of `first` first.
    pub fn addresses(&self, first: usize) -> Vec<Address> {
        let mut addresses: Vec<_> = self.servers.iter().map(Seat::address).collect();
        addresses.rotate_left(first % SERVERS);
        addresses
    }

    /// One more document of the owner's; another fault may have Postgres restart meanwhile.
    pub async fn document(&self, title: &str) -> Uuid {
        let (org_id, owner) = (self.office.org_id, self.office.owner.session.account_id);
        let making = async {
            loop {
                if let Ok(client) = self.pool.get().await
                    && let Ok(document_id) =
                        create_document(&client, org_id, None, owner, title, None).await
                {
                    return document_id;
                }
                crate::kit::pause().await;
            }
        };
        tokio::time::timeout(PATIENCE, making)
            .await
            .unwrap_or_else(|_| panic!("no document {title} within {PATIENCE:?}"))
    }

    /// The room of the document that is written.
    pub fn room(&self) -> String {
        format!("{}/{}", self.office.org_id, self.document_id)
    }

    /// The clocks of a stage that was set apart.
    pub fn clocks(&self) -> &Clocks {
        self.clocks.as_ref().expect("clocks that can be set")
    }

    /// Sets `name` for all of Postgres, and waits until `client`'s connection has it.
    pub async fn alter(&self, name: &str, value: &str, client: &Client) {
        let sql = format!("alter system set {name} = '{value}'");
        self.cluster.execute(&sql).await;
        self.cluster.postgres().reload();
        let kept = "select current_setting($1)";
        let mut setting = String::new();
        while setting != value {
            let row = client.query_one(kept, &[&name]).await.expect("asked");
            setting = row.get(0);
            crate::kit::pause().await;
        }
    }

    /// Takes that back.
    pub async fn alter_back(&self, name: &str) {
        let sql = format!("alter system reset {name}");
        self.cluster.execute(&sql).await;
        self.cluster.postgres().reload();
    }

    /// Runs statements in the stage's database.
    pub async fn execute(&self, sql: &str) {
        let client = connect(&self.url).await;
        client.batch_execute(sql).await.expect("executed");
    }

    /// Kills processes of Postgres, which restarts all of its others then, and waits until it is back.
    pub async fn crash(&self, processes: &[Pid]) {
        let bystander = connect(&self.url).await;
        // Those that have ended by themselves meanwhile bring nothing down.
        let killed = processes
            .iter()
            .filter(|process| kill_process(**process, Signal::KILL).is_ok())
            .count();
        if killed == 0 {
            return;
        }
        while bystander.query_one("select 1", &[]).await.is_ok() {
            crate::kit::pause().await;
        }
        while tokio_postgres::connect(&self.url, tokio_postgres::NoTls)
            .await
            .is_err()
        {
            crate::kit::pause().await;
        }
    }

    /// Starts a server again that was killed or stopped.
    pub async fn start_server(&mut self, server: usize) {
        self.servers[server].start().await;
    }
}

impl Seat {
    fn address(&self) -> Address {
        Address::parse(&format!("http://{}", self.door.address())).expect("an address")
    }

    async fn start(&mut self) {
        let public_url = format!("http://{}", self.door.address());
        let arguments = [
            ["--public-url", &public_url],
            ["--drain", "2"],
            ["--outbox-bytes", "512KiB"],
        ];
        let arguments = arguments
            .as_flattened()
            .iter()
            .map(|text| (*text).to_owned());
        let arguments: Vec<_> = arguments.collect();
        let process = ServerProcess::spawn(&self.program, &self.url, &arguments)
            .await
            .expect("the server starts");
        Clocks::forget(process.pid().expect("it runs"));
        let authority = process.address().trim_start_matches("http://").to_owned();
        self.door.leads_to(Target::Tcp(authority));
        self.process = Some(process);
    }

    /// Its running process.
    pub fn process(&mut self) -> &mut ServerProcess {
        self.process.as_mut().expect("the server runs")
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process
            .as_ref()
            .and_then(ServerProcess::pid)
            .expect("the server runs")
    }

    /// Where its metrics are, whatever its links do.
    pub fn own_address(&self) -> String {
        let process = self.process.as_ref().expect("the server runs");
        process.address().to_owned()
    }
}
