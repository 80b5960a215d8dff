//! The process that tries updates, and memory that runs out, of it or of its server.

use std::fs;
use std::time::Duration;

use quire::client::{Address, Client, Options};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::check::PATIENCE;
use super::stage::{Seat, Stage};
use crate::kit::socket::Socket;

/// What is written at once into a document.
const PAGE_BYTES: usize = 100_000;
/// What each who comes to a server without memory brings.
const PARTS: u32 = 40;
const PART_BYTES: usize = 200_000;

/// The server's children that try updates. Any of its threads may have started them.
pub fn processes(seat: &Seat) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", seat.pid()));
    let children = threads.into_iter().flatten().filter_map(|thread| {
        let path = thread.ok()?.path().join("children");
        fs::read_to_string(path).ok()
    });
    let all = children.collect::<Vec<_>>().join(" ");
    let pids = all.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(Pid::from_raw).collect()
}

/// A server gets no more memory than it has, while more and more come to it. Returns when it is dead.
pub async fn starve_server(stage: &Stage, server: usize) {
    let seat = &stage.servers[server];
    let address = Address::parse(&seat.own_address()).expect("an address");
    let (token, room) = (&stage.office.owner.token, stage.room());
    let process = Pid::from_raw(seat.pid() as i32).expect("the number of a process");
    starve(process);
    let mut held = Vec::new();
    let dying = async {
        while is_alive(process) {
            let bringing = async {
                let mut socket = Socket::try_join(&address, token, &room).await?;
                socket.send_unfinished(PARTS, PART_BYTES).await;
                Some(socket)
            };
            held.push(tokio::time::timeout(Duration::from_secs(2), bringing).await);
        }
    };
    tokio::time::timeout(PATIENCE, dying)
        .await
        .expect("who gets no memory dies");
}

/// The server's trials get no more memory than they have, while one document after the other is written.
/// Returns when one of them has died of it and what was written is acknowledged: another is in its place.
pub async fn starve_trial(stage: &Stage, server: usize) {
    let seat = &stage.servers[server];
    let address = Address::parse(&seat.own_address()).expect("an address");
    let token = stage.office.owner.token.reveal();
    let starved = processes(seat);
    for process in &starved {
        starve(*process);
    }
    let dying = async {
        while starved.iter().all(|process| is_alive(*process)) {
            let document_id = stage.document("Pages").await;
            let room = format!("{}/{document_id}", stage.office.org_id);
            let options = Options::new(vec![address.clone()], &token, &room, "pages");
            let writer = Client::start(options);
            writer.joined().await.expect("joined");
            writer
                .edit(|editor| editor.insert(0, &"m".repeat(PAGE_BYTES)))
                .expect("typed");
            writer.settled().await.expect("acknowledged");
            writer.close().await;
        }
    };
    tokio::time::timeout(PATIENCE, dying)
        .await
        .expect("another one takes its place");
}

/// From here on it gets no more. It is what may be written to that is limited: under a limit on what is
/// mapped, what malloc has mapped beforehand would still be given out.
fn starve(process: Pid) {
    let limit = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    prlimit(Some(process), Resource::Data, limit).expect("limited");
}

/// One that was not waited for yet has no memory either.
fn is_alive(process: Pid) -> bool {
    let pages = fs::read_to_string(format!("/proc/{}/statm", process.as_raw_nonzero()));
    pages.is_ok_and(|pages| !pages.starts_with("0 "))
}
