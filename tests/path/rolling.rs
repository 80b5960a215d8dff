//! Servers that are stopped in order: nobody loses anything, people hardly notice, and the stop ends.

use std::cell::Cell;
use std::time::{Duration, Instant};

use quire::client::{Address, Client, Options};
use quire::document::blocks::plain_text;
use rustix::process::{Pid, Signal, kill_process};

use super::faults::{Crowd, say};
use crate::kit::postgres::{Cluster, Version};
use crate::kit::server::serve;
use crate::kit::socket::Socket;

/// Types a word and waits until the reader has it, again and again; the longest time that it took.
async fn longest_delivery(typist: &Client, reader: &Client, is_over: &Cell<bool>) -> Duration {
    let mut longest = Duration::ZERO;
    let mut number = 0;
    while !is_over.get() {
        number += 1;
        let word = format!("[{number}]");
        let typed = Instant::now();
        typist.edit(|e| e.insert(0, &word)).expect("typed");
        reader
            .document_is(|doc| plain_text(doc).contains(&word))
            .await
            .expect("it comes");
        longest = longest.max(typed.elapsed());
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_while_twenty_people_type_loses_nothing() {
    let cluster = Cluster::shared(Version::usual());
    let mut crowd = Crowd::gather(cluster).await;
    let Crowd {
        url,
        office,
        servers,
        clients,
        ..
    } = &mut crowd;
    let mut addresses: Vec<Address> = servers
        .iter()
        .map(|server| Address::parse(server.address()).expect("an address"))
        .collect();
    let mut pair = Vec::new();
    for device in ["typist", "reader"] {
        let token = office.owner.token.reveal();
        let options = Options::new(addresses.clone(), &token, &office.room(), device);
        let client = Client::start(options);
        client.joined().await.expect("joined");
        pair.push(client);
        addresses.rotate_left(1);
    }
    let is_over = Cell::new(false);
    let restart = async {
        for server in servers {
            let address = server.address().to_owned();
            let began = Instant::now();
            let status = server.stop().await.expect("it stops");
            assert!(status.success(), "{status}");
            println!("{address} was stopped in {:?}", began.elapsed());
            let listen = address.trim_start_matches("http://").to_owned();
            let arguments = ["--listen".to_owned(), listen];
            *server = serve(url, &arguments).await.expect("it starts again");
        }
        is_over.set(true);
    };
    let typing = async {
        let mut words = 0;
        while !is_over.get() {
            say(clients, words);
            let client = &clients[words % clients.len()];
            client.settled().await.expect("acknowledged in the end");
            words += 1;
        }
        for client in clients.iter() {
            client.settled().await.expect("acknowledged in the end");
        }
        words
    };
    let delivery = longest_delivery(&pair[0], &pair[1], &is_over);
    let ((), words, longest) = tokio::join!(restart, typing, delivery);
    println!("{words} words of each of 20 people; the longest delivery took {longest:?}");
    assert!(longest < Duration::from_secs(15), "{longest:?}");
    pair[0].settled().await.expect("acknowledged");
    crowd.check(words).await;
}

/// The processes of a Postgres.
fn processes(postmaster: u32) -> Vec<Pid> {
    let mut all = vec![postmaster];
    for entry in std::fs::read_dir("/proc").expect("processes").flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        let parent = after_name
            .split(' ')
            .nth(1)
            .and_then(|p| p.parse::<u32>().ok());
        let own = entry.file_name().to_string_lossy().parse::<u32>();
        if let (Some(parent), Ok(own)) = (parent, own)
            && parent == postmaster
        {
            all.push(own);
        }
    }
    all.iter()
        .filter_map(|pid| Pid::from_raw(*pid as i32))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_stops_in_bounded_time_though_postgres_hangs_and_a_client_reads_nothing() {
    let cluster = Cluster::start(Version::usual(), &[]);
    let url = cluster.database().await.url;
    let pool = quire::postgres::pool(&url, 2).expect("a pool");
    let office = crate::kit::people::Office::open(&pool).await;
    let arguments = ["--drain".to_owned(), "2".to_owned()];
    let mut server = serve(&url, &arguments).await.expect("a server");
    let address = Address::parse(server.address()).expect("an address");
    let token = office.owner.token.reveal();
    let client = Client::start(Options::new(
        vec![address.clone()],
        &token,
        &office.room(),
        "a",
    ));
    client.joined().await.expect("joined");
    client.settled().await.expect("acknowledged");
    let silent = Socket::join(&address, &office.owner.token, &office.room()).await;
    let pid_file = cluster.postgres().data().join("postmaster.pid");
    let pid_file = std::fs::read_to_string(pid_file).expect("it runs");
    let postmaster = pid_file.lines().next().and_then(|pid| pid.parse().ok());
    let all = processes(postmaster.expect("a process"));
    for pid in &all {
        kill_process(*pid, Signal::STOP).expect("it hangs");
    }
    // Under way, and never answered.
    client.edit(|e| e.insert(0, "more")).expect("typed");
    let began = Instant::now();
    let stopped = tokio::time::timeout(Duration::from_secs(60), server.stop()).await;
    let took = began.elapsed();
    for pid in &all {
        let _ = kill_process(*pid, Signal::CONT);
    }
    stopped.expect("in time").expect("it stops");
    println!("stopped in {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    drop(silent);
}
