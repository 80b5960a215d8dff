//! `quire dev`: the first thing that anybody tries.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use quire::dev::{self, ServerProcess};
use rustix::process::{Pid, Signal, kill_process};

use crate::kit::postgres::{Database, connect};
use crate::kit::server::program;

/// A running `quire dev`; killed when dropped, which takes its Postgres along.
struct Dev {
    process: Child,
    /// What it prints, while somebody listens.
    lines: Option<std::io::Lines<BufReader<ChildStdout>>>,
    /// The one address with the link.
    link: String,
}

impl Dev {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(program())
            .args(["dev", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("quire runs");
        let output = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let link = lines
            .by_ref()
            .map(|line| line.expect("it prints text"))
            .find(|l| l.contains("/welcome#"));
        Self {
            process,
            lines: Some(lines),
            link: link.expect("it prints a link").trim().to_owned(),
        }
    }

    /// The address of the server and the token of the link.
    fn parts(&self) -> (&str, &str) {
        self.link.split_once("/welcome#").expect("it is a link")
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).expect("it runs");
        kill_process(pid, signal).expect("it is ours");
    }

    /// Stops it in order, with nobody left who hears what it prints.
    fn stop(mut self) {
        self.lines = None;
        self.signal(Signal::INT);
        assert!(self.process.wait().expect("it ends").success());
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder for `--data` that goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(dev::temporary().expect("a folder"))
    }

    fn database_url(&self) -> String {
        let socket = self.0.join("postgres/socket").display().to_string();
        format!("postgres://quire@{}:5432/quire", socket.replace('/', "%2F"))
    }

    /// The process of Postgres, while there is one.
    fn postgres(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.0.join("postgres/data/postmaster.pid")).ok()?;
        text.lines().next()?.parse().ok()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn organisations(url: &str) -> Vec<String> {
    let client = connect(url).await;
    let rows = client
        .query("select org_id::text from quire.organisation", &[])
        .await;
    rows.expect("they are read")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_its_documents_and_stops_its_postgres() {
    let folder = Folder::new();
    let first = Dev::start(&folder.0, &[]);
    let (address, token) = first.parts();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    assert_eq!(token.len(), 43, "32 bytes in base64url");
    let made = organisations(&folder.database_url()).await;
    assert_eq!(made.len(), 1);
    first.stop();
    assert_eq!(folder.postgres(), None, "it stopped in order");
    let second = Dev::start(&folder.0, &[]);
    assert_eq!(organisations(&folder.database_url()).await, made);
    second.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_how_to_read_every_edit_with_sql() {
    let folder = Folder::new();
    let mut dev = Dev::start(&folder.0, &["--servers", "2"]);
    let lines = dev.lines.as_mut().expect("somebody listens");
    let line = lines
        .map(|line| line.expect("it prints text"))
        .find_map(|line| Some(line.trim().strip_prefix("psql ")?.to_owned()));
    let url = line.expect("it prints the address of its SQL port");
    // The feed may just be starting, and until then the port cannot know its database.
    let client = loop {
        match tokio_postgres::connect(&url, tokio_postgres::NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                break client;
            }
            Err(error) if error.code().is_some_and(|c| c.code() == "57P03") => {}
            Err(error) => panic!("{error:?}"),
        }
    };
    let sql = "select count(*) from quire.edit, quire.servers()";
    client.query_one(sql, &[]).await.expect("read");
    let trusted = url.replace("dba:", "quire:");
    let refused = tokio_postgres::connect(&trusted, tokio_postgres::NoTls).await;
    let refused = refused.err().expect("refused");
    assert_eq!(refused.code().map(|c| c.code()), Some("28000"));
    drop(client);
    dev.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_it_takes_its_postgres_along_and_starts_again() {
    let folder = Folder::new();
    let mut first = Dev::start(&folder.0, &["--servers", "2"]);
    let made = organisations(&folder.database_url()).await;
    let postgres = folder.postgres().expect("it runs");
    first.signal(Signal::KILL);
    first.process.wait().expect("it is dead");
    // The next one waits for what is left of the first, and finds everything.
    let second = Dev::start(&folder.0, &[]);
    // A dead process that nobody has waited for is in no folder.
    assert!(std::fs::read_link(format!("/proc/{postgres}/cwd")).is_err());
    assert_eq!(organisations(&folder.database_url()).await, made);
    second.stop();
}

#[test]
fn a_second_one_on_the_same_folder_is_told_so() {
    let folder = Folder::new();
    let first = Dev::start(&folder.0, &[]);
    let second = Command::new(program())
        .arg("dev")
        .arg("--data")
        .arg(&folder.0)
        .output();
    let second = second.expect("quire runs");
    assert_eq!(second.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&second.stderr);
    assert!(
        complaint.contains(&format!("process {}", first.process.id())),
        "{complaint}"
    );
    first.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_are_named_and_all_are_ready() {
    let folder = Folder::new();
    let mut dev = Dev::start(&folder.0, &["--servers", "3"]);
    let line = dev
        .lines
        .as_mut()
        .expect("it is heard")
        .by_ref()
        .map(|line| line.expect("text"))
        .find(|line| line.contains("servers are"));
    let line = line.expect("they are named");
    let addresses: Vec<&str> = line
        .split([' ', ','])
        .filter(|word| word.starts_with("http"))
        .collect();
    assert_eq!(addresses.len(), 3, "{line}");
    for address in &addresses {
        let address = address.trim_end_matches('.').trim_start_matches("http://");
        let port: u16 = address
            .rsplit(':')
            .next()
            .expect("a port")
            .parse()
            .expect("a number");
        assert!(port > 1024, "one that the system chose: {line}");
        tokio::net::TcpStream::connect(address)
            .await
            .expect("it listens");
    }
    dev.stop();
}

/// Of two servers one has the log from the primary and one from the standby.
#[tokio::test(flavor = "multi_thread")]
async fn every_second_server_has_its_log_from_a_standby() {
    let folder = Folder::new();
    let dev = Dev::start(&folder.0, &["--servers", "2", "--standbys", "1"]);
    let primary = connect(&folder.database_url()).await;
    let sql = "select count(*) filter (where application_name = 'standby_1'),
                   count(*) filter (where application_name <> 'standby_1')
               from pg_stat_replication";
    let streaming = async {
        loop {
            let row = primary.query_one(sql, &[]).await.expect("asked");
            if (row.get(0), row.get(1)) == (1_i64, 1_i64) {
                return;
            }
            crate::kit::pause().await;
        }
    };
    let streaming = tokio::time::timeout(Duration::from_secs(60), streaming);
    streaming.await.expect("both have their log");
    dev.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_process_ends_with_its_owner() {
    let database = Database::new().await;
    let mut server = ServerProcess::spawn(&program(), &database.url, &[])
        .await
        .expect("it starts");
    assert!(server.address().starts_with("http://127.0.0.1:"));
    assert!(server.stop().await.expect("it stops").success());

    // Closing its input is what our own end would do.
    let mut process = Command::new(program())
        .args(["serve", "--until-stdin-closes", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", &database.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("quire runs");
    let output = process.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines();
    assert!(
        lines
            .next()
            .expect("a line")
            .expect("text")
            .starts_with("listening on http://")
    );
    drop(process.stdin.take());
    assert!(process.wait().expect("it ends").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_is_started_again() {
    let folder = Folder::new();
    let dev = Dev::start(&folder.0, &[]);
    let before = organisations(&folder.database_url()).await;
    let killed = folder.postgres().expect("it runs");
    let pid = Pid::from_raw(killed as i32).expect("a process");
    kill_process(pid, Signal::KILL).expect("it is ours");
    // The new one writes its own number, and `ready` when it can be asked.
    let pid_file = folder.0.join("postgres/data/postmaster.pid");
    loop {
        let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
        if !text.starts_with(&format!("{killed}\n")) && text.contains("ready") {
            break;
        }
        crate::kit::pause().await;
    }
    assert_eq!(organisations(&folder.database_url()).await, before);
    dev.stop();
}
