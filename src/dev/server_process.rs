//! Servers in processes of their own, for trying several at once, for replays and for tests that
//! kill them. They end with whoever started them.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::Reserved;
use crate::error::{Error, Kind, Result};

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(60);

/// What is logged when nothing else is asked for: what is wrong, and mail, which without a mail server
/// is read nowhere else.
pub const LOG: &str = "warn,quire::mail=info";

/// What a server prints, before its address, once it listens.
const LISTENING: &str = "listening on ";

/// A running `quire serve`. Dropping it kills it.
pub struct ServerProcess {
    process: Child,
    address: String,
    /// The server stops when this closes, so it does not outlive us.
    _input: Option<ChildStdin>,
}

impl ServerProcess {
    /// Starts a server of `program` (Quire's own binary) on `database_url` and waits until it
    /// listens. `arguments` are further ones of `quire serve`; it takes a free port unless they say
    /// otherwise. What it logs goes where our own standard error goes.
    /// Errors: [`Kind::Unavailable`] when it ends or says nothing for a minute.
    pub async fn spawn(program: &Path, database_url: &str, arguments: &[String]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["serve", "--until-stdin-closes"]);
        if !arguments.iter().any(|argument| argument == "--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut process = command
            .args(arguments)
            .env("DATABASE_URL", database_url)
            .env(
                "QUIRE_LOG",
                std::env::var_os("QUIRE_LOG").unwrap_or(LOG.into()),
            )
            // Its own group: Ctrl-C in the terminal is for us, who stop it in order.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Error::caused(Kind::Setting, format!("start {}", program.display()), e))?;
        let input = process.stdin.take();
        let Some(output) = process.stdout.take() else {
            return Err(Error::new(
                Kind::Internal,
                "a server was started without its output",
            ));
        };
        let mut lines = BufReader::new(output).lines();
        let address = timeout(START, address(&mut lines)).await.map_err(|_| {
            Error::new(
                Kind::Unavailable,
                "a server did not listen within 60 s; its log says why",
            )
        })??;
        // Nobody reads further lines, but the pipe must not fill.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            process,
            address,
            _input: input,
        })
    }

    /// Starts one server for each of `listen`; each knows the others' addresses, which begin with `scheme`.
    /// `more` gives the further arguments of each by its place.
    pub async fn spawn_several(
        program: &Path,
        database_url: &str,
        scheme: &str,
        listen: &[Reserved],
        more: impl Fn(usize) -> Vec<String>,
    ) -> Result<Vec<Self>> {
        let listen: Vec<_> = listen.iter().map(Reserved::address).collect();
        let mut servers = Vec::new();
        for (index, own) in listen.iter().enumerate() {
            let others = listen
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            let addresses = std::iter::once(own).chain(others.map(|(_, other)| other));
            let mut arguments = vec!["--listen".to_owned(), own.to_string()];
            for address in addresses {
                arguments.extend(["--public-url".to_owned(), format!("{scheme}://{address}")]);
            }
            for address in listen.iter().filter(|address| address.ip().is_loopback()) {
                let name = format!("{scheme}://localhost:{}", address.port());
                arguments.extend(["--public-url".to_owned(), name]);
            }
            arguments.extend(more(index));
            servers.push(Self::spawn(program, database_url, &arguments).await?);
        }
        Ok(servers)
    }

    /// Where it listens: `http://127.0.0.1:4400`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process, for tests that hold it up.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Asks it to see its browsers off and stop, and waits for that.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        let ended = self.process.wait().await;
        ended.map_err(|e| Error::caused(Kind::Internal, "wait for a server", e))
    }

    /// Kills it at once and waits until it is gone.
    pub async fn kill9(&mut self) {
        self.signal(Signal::KILL);
        // It cannot refuse, and one that has ended before is as dead.
        let _ = self.process.wait().await;
    }

    fn signal(&self, signal: Signal) {
        let pid = self.process.id().and_then(|pid| Pid::from_raw(pid as i32));
        if let Some(pid) = pid {
            // It is not reaped yet, so the number is its own.
            let _ = kill_process(pid, signal);
        }
    }
}

async fn address(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String> {
    let failed = |e| Error::caused(Kind::Internal, "read what a server prints", e);
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        if let Some(address) = line.strip_prefix(LISTENING) {
            return Ok(address.to_owned());
        }
    }
    Err(Error::new(
        Kind::Unavailable,
        "a server ended before it listened; its log says why",
    ))
}
