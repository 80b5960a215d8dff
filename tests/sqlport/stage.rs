//! A server with its SQL port on a Postgres that asks for passwords, and clients of both.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use quire::config::Serve;
use quire::dev;
use quire::postgres::pool;
use quire::server::Server;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::kit::people::Office;
use crate::kit::postgres::{Cluster, Database, Version};
use crate::kit::server::{World, program};

/// The password of every role.
pub const PASSWORD: &str = "pass word's";

/// Quire itself comes over the socket and is trusted there, like anybody who asks from its address and says that
/// he is `trusted`.
pub const HBA: &str = "\
local all quire trust
local all trusted trust
local all md5 md5
local all clear password
local all all scram-sha-256
host all quire 127.0.0.1/32 trust
host all md5 127.0.0.1/32 md5
host all clear 127.0.0.1/32 password
host all all 127.0.0.1/32 scram-sha-256
";

/// Roles: one that may everything in its database, one that reads, one that may nothing.
pub const ROLES: &str = "\
create role dba superuser login password 'pass word''s';
create role reader login password 'pass word''s';
create role stranger login password 'pass word''s';
create role clear login password 'pass word''s';
create role trusted superuser login;
set password_encryption = 'md5';
create role md5 login password 'pass word''s';";

/// The cluster that these tests share.
pub async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    static ROLES_ARE_MADE: OnceCell<()> = OnceCell::const_new();
    let cluster = CLUSTER.get_or_init(|| {
        let hba = hba(HBA);
        Cluster::start_with_tcp(
            Version::usual(),
            &[("hba_file", hba.to_str().expect("a name"))],
        )
    });
    ROLES_ARE_MADE
        .get_or_init(|| async { cluster.execute(ROLES).await })
        .await;
    cluster
}

/// A file with these rules, for `hba_file`.
pub fn hba(rules: &str) -> PathBuf {
    let folder = dev::temporary().expect("a folder");
    let file = folder.join("pg_hba.conf");
    fs::write(&file, rules).expect("written");
    file
}

/// A server with its port.
pub struct Stage {
    pub world: World,
    pub port: SocketAddr,
    /// Where Postgres listens itself.
    pub direct: SocketAddr,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings.
    pub async fn with(change: impl FnOnce(&mut Serve)) -> Self {
        let cluster = cluster().await;
        let database = cluster.database().await;
        Self::on(cluster, database, change).await
    }

    pub async fn on(
        cluster: &Cluster,
        database: Database,
        change: impl FnOnce(&mut Serve),
    ) -> Self {
        let pool = pool(&database.url, 4).expect("a pool");
        let office = Office::open(&pool).await;
        let mut settings = Serve::with_defaults(&database.url);
        settings.drain = Duration::from_secs(2);
        settings.sql_listen = Some("127.0.0.1:0".parse().expect("an address"));
        change(&mut settings);
        let server = Server::start(&settings, program()).await.expect("started");
        let port = server.sql_address().expect("it listens");
        let world = World {
            database,
            pool,
            office,
            servers: vec![server],
        };
        let stage = Self {
            world,
            port,
            direct: ([127, 0, 0, 1], cluster.port()).into(),
        };
        stage.ready().await;
        stage
    }

    /// Waits until the port knows its database.
    async fn ready(&self) {
        let ready = async {
            while self.connect(self.port, "dba").await.is_err() {
                crate::kit::pause().await;
            }
        };
        let ready = tokio::time::timeout(Duration::from_secs(30), ready);
        ready.await.expect("the port lets people in");
    }

    /// The name of its database.
    pub fn database(&self) -> &str {
        let (_, name) = self.world.database.url.rsplit_once('/').expect("a name");
        name.split('?').next().expect("a name")
    }

    /// The address of a role's session.
    pub fn url(&self, at: SocketAddr, role: &str) -> String {
        let password = PASSWORD.replace(' ', "%20").replace('\'', "%27");
        let database = self.database();
        format!("postgres://{role}:{password}@{at}/{database}?sslmode=disable")
    }

    /// A client of `tokio-postgres`.
    pub async fn connect(
        &self,
        at: SocketAddr,
        role: &str,
    ) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url(at, role), NoTls).await?;
        tokio::spawn(async move {
            // Whoever uses the client sees its end.
            let _ = connection.await;
        });
        Ok(client)
    }

    /// A program that finds its session in the environment.
    pub fn command(&self, program: &str, at: SocketAddr, role: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("PGHOST", at.ip().to_string())
            .env("PGPORT", at.port().to_string())
            .env("PGDATABASE", self.database())
            .env("PGUSER", role)
            .env("PGPASSWORD", PASSWORD)
            .env("PGAPPNAME", "test")
            .env("PGSSLMODE", "disable")
            .env("PGCONNECT_TIMEOUT", "20")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }
}

/// What a program says and how it ends.
pub async fn run(mut command: Command) -> Output {
    let running = tokio::task::spawn_blocking(move || command.output());
    running.await.expect("it runs").expect("it is installed")
}

/// Both outputs and the status, for comparing.
pub fn said(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
