//! Real Postgres for tests: one cluster a version for the whole run, a database a test, and own
//! clusters for tests that kill them or hold transactions open (a slot waits for those of any database).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use quire::dev::{self, Binaries, EmbeddedPostgres, Reserved, Stop, User};
use quire::postgres::{Pool, migrate, pool};
use tokio::sync::OnceCell;

/// Debian's, and the npm package's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    V15,
    V18,
}

impl Version {
    pub const ALL: [Self; 2] = [Self::V15, Self::V18];

    /// What tests take that do not care: 18, or what QUIRE_TEST_POSTGRES says.
    pub fn usual() -> Self {
        match std::env::var("QUIRE_TEST_POSTGRES").as_deref() {
            Ok("15") => Self::V15,
            _ => Self::V18,
        }
    }

    pub(super) fn binaries(self, user: &User) -> Binaries {
        match self {
            Self::V15 => Binaries::at(Path::new("/usr/lib/postgresql/15/bin"), user)
                .expect("postgresql-15 is installed: `make tools` does that"),
            Self::V18 => Binaries::npm(user, &dev::copies().expect("a folder for copies"))
                .expect("the npm package's programs run")
                .expect("the npm package is installed: `make tools` does that"),
        }
    }
}

/// A Postgres of our own. It and its folder go with the value, and with the process however that ends.
pub struct Cluster {
    postgres: EmbeddedPostgres,
    template: OnceCell<()>,
    databases: AtomicU32,
    /// Its port, kept while it is away.
    reserved: Option<Reserved>,
}

impl Cluster {
    /// The cluster that tests share. They do not stop it, and leave no transaction open in it.
    pub fn shared(version: Version) -> &'static Self {
        static V15: OnceLock<Cluster> = OnceLock::new();
        static V18: OnceLock<Cluster> = OnceLock::new();
        let cluster = match version {
            Version::V15 => &V15,
            Version::V18 => &V18,
        };
        cluster.get_or_init(|| Self::start(version, &[]))
    }

    /// A new cluster, on a Unix socket only, with `settings` besides what Quire needs.
    pub fn start(version: Version, settings: &[(&str, &str)]) -> Self {
        Self::start_in(version, settings, |_, binaries| binaries)
    }

    /// The same, in a folder and with programs that `prepare` has a hand in, before the database's
    /// files come into that folder.
    pub fn start_in(
        version: Version,
        settings: &[(&str, &str)],
        prepare: impl FnOnce(&Path, Binaries) -> Binaries,
    ) -> Self {
        super::keep_log();
        let user = User::ordinary().expect("a user for Postgres");
        let binaries = version.binaries(&user);
        let folder = dev::temporary().expect("a temporary folder");
        let prepared = prepare(&folder, binaries.clone());
        copy(&template_folder(version, &binaries, &user), &folder);
        let mut all = own_settings();
        all.extend(settings);
        let postgres = EmbeddedPostgres::start_temporary(&folder, &prepared, &user, &all)
            .expect("Postgres starts");
        Self::running(postgres)
    }

    /// One that runs already.
    pub(super) fn running(postgres: EmbeddedPostgres) -> Self {
        Self {
            postgres,
            template: OnceCell::new(),
            databases: AtomicU32::new(0),
            reserved: None,
        }
    }

    /// A new cluster that also listens on the loopback address; [`Self::port`] says where.
    pub fn start_with_tcp(version: Version, settings: &[(&str, &str)]) -> Self {
        let reserved = Reserved::several(1).expect("a free port").remove(0);
        let port = reserved.address().port().to_string();
        let mut all = vec![("listen_addresses", "127.0.0.1"), ("port", port.as_str())];
        all.extend(settings);
        let mut cluster = Self::start(version, &all);
        cluster.reserved = Some(reserved);
        cluster
    }

    /// A database of its own, migrated and empty.
    pub async fn database(&self) -> Database {
        self.template
            .get_or_init(|| async {
                self.execute("create database template_quire").await;
                let pool = pool(&self.url("template_quire"), 1).expect("its address is right");
                migrate(&pool).await.expect("migrations run");
                pool.close();
                // A template may have no connections; those just closed may still be ending.
                self.execute(
                    "alter database template_quire is_template true allow_connections false",
                )
                .await;
                self.execute(
                    "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                     where datname = 'template_quire'",
                )
                .await;
            })
            .await;
        self.new_database("template template_quire").await
    }

    /// A database without Quire's tables.
    pub async fn empty_database(&self) -> Database {
        self.new_database("template template0").await
    }

    async fn new_database(&self, how: &str) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.execute(&format!("create database {name} {how}")).await;
        Database {
            url: self.url(&name),
        }
    }

    /// The address of the database `name`.
    pub fn url(&self, name: &str) -> String {
        self.postgres.url(name)
    }

    /// Runs statements in the database `postgres`, as superuser.
    pub async fn execute(&self, sql: &str) {
        let client = connect(&self.url("postgres")).await;
        client
            .batch_execute(sql)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    /// Waits until the answer to `question` is true.
    pub async fn wait_until(&self, question: &str, patience: Duration) {
        let client = connect(&self.url("postgres")).await;
        let answered = async {
            while !client
                .query_one(question, &[])
                .await
                .unwrap_or_else(|e| panic!("{question}: {e:?}"))
                .get::<_, bool>(0)
            {
                super::pause().await;
            }
        };
        tokio::time::timeout(patience, answered)
            .await
            .unwrap_or_else(|_| panic!("{question}: not within {patience:?}"));
    }

    /// The running Postgres, for its folders, its process and its configuration.
    pub fn postgres(&self) -> &EmbeddedPostgres {
        &self.postgres
    }

    /// The port of one that was started with TCP.
    pub fn port(&self) -> u16 {
        self.postgres.port()
    }

    /// Sets `name` from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.postgres.set(name, value);
    }

    /// Kills every process of it at once, as a machine that fails would. Start it again with
    /// [`Self::start_again`].
    pub fn kill9(&mut self) {
        leave_thread(|| self.postgres.kill9());
    }

    /// Stops it properly.
    pub fn stop(&mut self) {
        leave_thread(|| self.postgres.stop(Stop::Fast)).expect("Postgres stops");
    }

    /// Stops it without a farewell: the next start recovers from its log.
    pub fn stop_immediately(&mut self) {
        leave_thread(|| self.postgres.stop(Stop::Immediate)).expect("Postgres stops");
    }

    /// Starts it after [`Self::kill9`] or [`Self::stop`].
    pub fn start_again(&mut self) {
        leave_thread(|| self.postgres.start_again()).expect("Postgres starts again");
    }

    /// Waits until it takes connections, and starts it where it has given up by itself.
    pub async fn recover(&mut self) {
        let url = self.url("postgres");
        let recovering = async {
            loop {
                if leave_thread(|| self.postgres.has_ended()) {
                    self.start_again();
                }
                // One that is about to give up takes a connection and never answers.
                let connecting = tokio_postgres::connect(&url, tokio_postgres::NoTls);
                let connected = tokio::time::timeout(Duration::from_secs(5), connecting).await;
                if connected.is_ok_and(|connected| connected.is_ok()) {
                    return;
                }
                super::pause().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(180), recovering)
            .await
            .expect("Postgres recovers");
    }

    /// Stops it properly and starts it again.
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }
}

/// What every cluster of tests is started with; a standby must have no less than its primary.
pub(super) fn own_settings() -> Vec<(&'static str, &'static str)> {
    vec![
        ("max_connections", "400"),
        ("shared_buffers", "64MB"),
        ("max_wal_senders", "64"),
        ("max_replication_slots", "64"),
        // In its folder: what is in /dev/shm stays there when a Postgres is killed for good.
        ("dynamic_shared_memory_type", "mmap"),
    ]
}

/// Waits without holding up what else runs on this thread: a Postgres that stops waits for those who
/// read its log, and they may be here.
pub fn leave_thread<T>(wait: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

/// One test's database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Its address.
    pub url: String,
}

impl Database {
    /// A migrated database in the shared cluster of the usual version.
    pub async fn new() -> Self {
        Cluster::shared(Version::usual()).database().await
    }

    /// The same in the shared cluster of `version`.
    pub async fn of(version: Version) -> Self {
        Cluster::shared(version).database().await
    }

    /// A pool of up to ten connections to it.
    pub fn pool(&self) -> Pool {
        pool(&self.url, 10).expect("its address is right")
    }

    /// A connection without a pool; dropping it closes it.
    pub async fn connect(&self) -> tokio_postgres::Client {
        connect(&self.url).await
    }
}

/// A connection without a pool; dropping it closes it.
pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap_or_else(|e| panic!("connect to {url}: {e:?}"));
    tokio::spawn(async move {
        // The test that uses the client sees its failure.
        let _ = connection.await;
    });
    client
}

/// A folder with a freshly made cluster that others are copied from. It is made once and kept with
/// what cargo builds.
fn template_folder(version: Version, binaries: &Binaries, user: &User) -> PathBuf {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let owner = rustix::process::geteuid().as_raw();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{version:?}-{owner}"));
    if !kept.exists() {
        let made = dev::temporary().expect("a temporary folder");
        EmbeddedPostgres::init(&made, binaries, user, false).expect("initdb runs");
        let unfinished = kept.with_extension(std::process::id().to_string());
        fs::create_dir_all(&unfinished).expect("target can be written");
        copy(&made, &unfinished);
        fs::remove_dir_all(&made).expect("the temporary folder can be removed");
        // Another run may have been faster; then this one is not needed.
        if fs::rename(&unfinished, &kept).is_err() {
            let _ = fs::remove_dir_all(&unfinished);
        }
    }
    kept
}

/// Copies the database's files with their owner.
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from.join("data"))
        .arg(to)
        .status()
        .expect("cp runs");
    assert!(
        status.success(),
        "cp -a {} {}",
        from.display(),
        to.display()
    );
}
