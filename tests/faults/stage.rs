//! What a round is played on: a Postgres, servers in processes of their own, and the links between
//! them and to their clients. It outlives its rounds; each has a document of its own.

use std::path::PathBuf;

use quire::client::Address;
use quire::dev::ServerProcess;
use quire::postgres::{Pool, pool};
use rustix::process::{Pid, Signal, kill_process};

use super::link::{Link, Target};
use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Version, connect};

/// How many servers there are.
pub const SERVERS: usize = 2;

pub struct Stage {
    pub cluster: Cluster,
    /// The database, reached without any link.
    pub url: String,
    pub pool: Pool,
    pub office: Office,
    pub servers: Vec<Seat>,
    program: PathBuf,
}

/// A server and its links. It is found at the same address however often it is started.
pub struct Seat {
    process: Option<ServerProcess>,
    /// Between clients and the server.
    pub door: Link,
    /// Between the server and Postgres.
    pub line: Link,
    url: String,
}

impl Stage {
    /// Sets it up. `program` is the binary that the servers run: Quire's own, or one with a bug
    /// planted in it.
    pub async fn set(version: Version, program: PathBuf) -> Self {
        let cluster = Cluster::start(version, &[]);
        let url = cluster.database().await.url;
        let pool = pool(&url, 4).expect("a pool");
        let office = Office::open(&pool).await;
        let mut stage = Self {
            cluster,
            url,
            pool,
            office,
            servers: Vec::new(),
            program,
        };
        for _ in 0..SERVERS {
            let seat = stage.seat().await;
            stage.servers.push(seat);
        }
        stage
    }

    async fn seat(&self) -> Seat {
        let socket = self.cluster.postgres().socket().join(".s.PGSQL.5432");
        let line = Link::to(Target::Unix(socket)).await;
        let database = self.url.rsplit('/').next().expect("a database");
        let url = format!("postgres://quire@{}/{database}", line.address());
        let mut seat = Seat {
            process: None,
            door: Link::to(Target::Tcp("127.0.0.1:0".to_owned())).await,
            line,
            url,
        };
        seat.start(&self.program).await;
        seat
    }

    /// The addresses of all servers, that of `first` first.
    pub fn addresses(&self, first: usize) -> Vec<Address> {
        let mut addresses: Vec<_> = self.servers.iter().map(Seat::address).collect();
        addresses.rotate_left(first % SERVERS);
        addresses
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
        while bystander.query_one("select 1", &[]).await.is_ok() {}
        while tokio_postgres::connect(&self.url, tokio_postgres::NoTls)
            .await
            .is_err()
        {}
    }

    /// Starts a server again that was killed or stopped.
    pub async fn start_server(&mut self, server: usize) {
        self.servers[server].start(&self.program).await;
    }
}

impl Seat {
    fn address(&self) -> Address {
        Address::parse(&format!("http://{}", self.door.address())).expect("an address")
    }

    async fn start(&mut self, program: &std::path::Path) {
        let public_url = format!("http://{}", self.door.address());
        let arguments = ["--public-url", &public_url, "--drain", "2"].map(str::to_owned);
        let process = ServerProcess::spawn(program, &self.url, &arguments)
            .await
            .expect("the server starts");
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
