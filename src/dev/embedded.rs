//! A private Postgres: made in a folder, run as an ordinary user, reached over a Unix socket, and
//! stopped with whoever started it, even if that one is killed.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::process::{children, guard, io, private, run, run_with_input, stop_leftover};
use super::{Binaries, User};
use crate::error::{Error, Kind, Result};

/// The port is only part of the socket's name: the folder is private.
const PORT: u16 = 5432;

/// Longer than any crash recovery of a private database.
const START: Duration = Duration::from_secs(120);

/// Longer than what a crash leaves of its processes takes to end.
const LEFTOVERS: Duration = Duration::from_secs(20);

/// Longer than a fast stop takes, which includes a checkpoint.
const STOP: Duration = Duration::from_secs(60);

/// The superuser and the database that [`EmbeddedPostgres::init`] makes.
const NAME: &str = "quire";

/// Settings that Quire needs or that a private server does not need otherwise.
const SETTINGS: &[(&str, &str)] = &[
    ("wal_level", "logical"),
    ("max_wal_senders", "32"),
    ("max_replication_slots", "32"),
    ("max_connections", "200"),
    ("shared_buffers", "128MB"),
    ("max_wal_size", "2GB"),
    ("wal_compression", "on"),
    ("lc_messages", "C"),
];

/// A running Postgres in `folder`: `data` holds the database, `socket` its socket, `postgres.log`
/// what it says. Dropping it stops it.
pub struct EmbeddedPostgres {
    folder: PathBuf,
    user: User,
    binaries: Binaries,
    settings: Vec<(String, String)>,
    server: Child,
    guardian: Child,
    temporary: bool,
}

/// How Postgres is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Connections are cut, everything is written.
    Fast,
    /// Like a crash: the next start recovers from the log.
    Immediate,
}

impl EmbeddedPostgres {
    /// Makes an empty database in `folder` unless there is one. `sync` waits until its files are
    /// on the disk. A folder in which making one was interrupted has none.
    pub fn init(folder: &Path, binaries: &Binaries, user: &User, sync: bool) -> Result<()> {
        let data = folder.join("data");
        if data.exists() {
            return Ok(());
        }
        let unfinished = folder.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).map_err(|e| io("remove", &unfinished, e))?;
        }
        fs::create_dir_all(&unfinished).map_err(|e| io("make", &unfinished, e))?;
        user.give(&unfinished)?;
        user.check_reaches(&unfinished)?;
        let mut initdb = Command::new(binaries.program("initdb"));
        initdb
            .args(["--username", NAME, "--auth", "trust", "--encoding", "UTF8"])
            .args(["--locale", "C.UTF-8", "--no-instructions", "--pgdata"])
            .arg(&unfinished);
        if !sync {
            initdb.arg("--no-sync");
        }
        run(user.runs(&mut initdb))?;
        let mut single = Command::new(binaries.program("postgres"));
        single.args(["--single", "-D"]).arg(&unfinished);
        if !sync {
            single.arg("-F");
        }
        single.arg("postgres");
        run_with_input(user.runs(&mut single), "create database quire\n")?;
        fs::rename(&unfinished, &data).map_err(|e| io("finish", &data, e))
    }

    /// Starts the Postgres that [`init`](Self::init) made in `folder` and waits until it accepts
    /// connections. `settings` go before Quire's own.
    /// Errors: [`Kind::Unavailable`] with the end of its log when it does not come up.
    pub fn start(
        folder: &Path,
        binaries: &Binaries,
        user: &User,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_in(folder, binaries, user, settings, false)
    }

    /// The same for a folder that is removed when it stops for good.
    pub fn start_temporary(
        folder: &Path,
        binaries: &Binaries,
        user: &User,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_in(folder, binaries, user, settings, true)
    }

    fn start_in(
        folder: &Path,
        binaries: &Binaries,
        user: &User,
        settings: &[(&str, &str)],
        temporary: bool,
    ) -> Result<Self> {
        let socket = folder.join("socket");
        fs::create_dir_all(&socket).map_err(|e| io("make", &socket, e))?;
        user.give(&socket)?;
        private(&socket)?;
        check_socket_name(&socket)?;
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        stop_leftover(&folder.join("data"))?;
        let guardian = guard(folder, temporary)?;
        let server = launch(folder, binaries, user, &settings)?;
        let mut postgres = Self {
            folder: folder.to_owned(),
            user: user.clone(),
            binaries: binaries.clone(),
            settings,
            server,
            guardian,
            temporary,
        };
        postgres.settle()?;
        Ok(postgres)
    }

    /// The address of its database `name`, over the socket; [`init`](Self::init) makes `quire` and
    /// `postgres`.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://{NAME}@{}/{name}", self.host())
    }

    /// Host and port as they stand in such an address.
    pub(super) fn host(&self) -> String {
        let socket = self.socket().display().to_string();
        let host = socket
            .replace('%', "%25")
            .replace('/', "%2F")
            .replace(' ', "%20");
        format!("{host}:{}", self.port())
    }

    /// Its port: of TCP too, where the settings make it listen there.
    pub fn port(&self) -> u16 {
        let own = self.settings.iter().rev().find(|(name, _)| name == "port");
        own.and_then(|(_, value)| value.parse().ok())
            .unwrap_or(PORT)
    }

    /// The folder of the socket, for `psql -h`.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// The folder of the database's files.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where it says what happens to it, since its last start.
    pub fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The account that it runs as.
    pub(super) fn user(&self) -> &User {
        &self.user
    }

    /// Its programs.
    pub(super) fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Which version runs.
    pub fn major(&self) -> u32 {
        self.binaries.major
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill9`](Self::kill9).
    pub fn start_again(&mut self) -> Result<()> {
        stop_leftover(&self.data())?;
        // Its lock files name it, and count as long as its number is taken.
        let until = Instant::now() + LEFTOVERS;
        while !self.has_ended() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.server = launch(&self.folder, &self.binaries, &self.user, &self.settings)?;
        self.settle()
    }

    /// Sets `name` from the next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Reads its configuration files again.
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.server.try_wait(), Ok(Some(_)))
    }

    /// Stops it and waits for that.
    pub fn stop(&mut self, how: Stop) -> Result<()> {
        if self.has_ended() {
            return Ok(());
        }
        self.signal(match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        });
        // One that stands still hears it when it goes on.
        self.signal(Signal::CONT);
        let until = Instant::now() + STOP;
        while !self.has_ended() {
            if Instant::now() > until {
                return Err(Error::new(
                    Kind::Internal,
                    "stop Postgres: it did not stop in 60 s",
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Kills it and all its processes with SIGKILL, as a machine that fails would.
    pub fn kill9(&mut self) {
        // One that stands still starts no process that the list would lack: Postgres does not start
        // again while one of the old ones lives.
        self.signal(Signal::STOP);
        let processes = children(self.server.id());
        for process in processes {
            if let Some(pid) = Pid::from_raw(process) {
                // One that has ended meanwhile is as dead as it should be.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        self.signal(Signal::KILL);
        let _ = self.server.wait();
    }

    /// The process of the server, for tests that stop or resume it.
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.server.id() as i32) {
            // It cannot be another process: ours is not reaped before `wait`.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it is ready. What a crash leaves of its processes may hold its memory a moment longer; it
    /// refuses to start beside them, and is started again until they are gone.
    fn settle(&mut self) -> Result<()> {
        let until = Instant::now() + LEFTOVERS;
        loop {
            let ready = self.wait_until_ready();
            let is_held = || self.log_end().contains("pre-existing shared memory block");
            if ready.is_ok() || !is_held() || Instant::now() > until {
                return ready;
            }
            std::thread::sleep(Duration::from_millis(50));
            self.server = launch(&self.folder, &self.binaries, &self.user, &self.settings)?;
        }
    }

    /// Postgres writes `ready` into its pid file; `pg_ctl` waits for the same.
    fn wait_until_ready(&mut self) -> Result<()> {
        let pid_file = self.data().join("postmaster.pid");
        let own = self.server.id().to_string();
        let until = Instant::now() + START;
        loop {
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = text.lines();
            let status = (lines.next() == Some(&own)).then(|| lines.nth(6).map(str::trim));
            // A standby that answers queries calls itself so.
            if matches!(status, Some(Some("ready" | "standby"))) {
                return Ok(());
            }
            let ended = self
                .server
                .try_wait()
                .map_err(|e| Error::caused(Kind::Internal, "wait for Postgres", e))?;
            if ended.is_some() || Instant::now() > until {
                return Err(Error::new(
                    Kind::Unavailable,
                    format!(
                        "Postgres did not start; its log ends with:\n{}",
                        self.log_end()
                    ),
                ));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn log_end(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        let how = if self.temporary {
            Stop::Immediate
        } else {
            Stop::Fast
        };
        // The guardian sees the end of its input and does what is still to be done.
        let _ = self.stop(how);
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}

fn check_socket_name(socket: &Path) -> Result<()> {
    let bytes = socket.join(".s.PGSQL.65535.lock").as_os_str().len();
    if bytes <= 107 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Setting,
        format!(
            "--data {} is too long: a Unix socket in it may have 107 bytes of path, and would have {bytes}",
            socket.parent().unwrap_or(socket).display()
        ),
    ))
}

fn launch(
    folder: &Path,
    binaries: &Binaries,
    user: &User,
    settings: &[(String, String)],
) -> Result<Child> {
    let log = folder.join("postgres.log");
    let log_file = File::create(&log).map_err(|e| io("make", &log, e))?;
    let log_copy = log_file.try_clone().map_err(|e| io("open", &log, e))?;
    let mut command = Command::new(binaries.program("postgres"));
    command.arg("-D").arg(folder.join("data"));
    command.arg("-k").arg(folder.join("socket"));
    command.args(["-p", &PORT.to_string(), "-c", "listen_addresses="]);
    for (name, value) in SETTINGS {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // A group of its own: Ctrl-C in the terminal is for Quire, which stops Postgres last.
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log_copy)
        .stderr(log_file);
    user.runs(&mut command).spawn().map_err(|e| {
        Error::caused(
            Kind::Setting,
            format!("start {}", binaries.program("postgres").display()),
            e,
        )
    })
}
