//! Not one byte is free under Postgres: nothing is acknowledged meanwhile, nothing is lost, and nobody
//! has to start Quire again.

use std::time::{Duration, Instant};

use quire::dev::ServerProcess;

use super::faults::{Crowd, say};
use crate::faults::disk::{self, Disk};
use crate::kit::postgres::{Cluster, Version};
use crate::kit::random::{self, Random};
use crate::kit::server::metric;

/// How long saving what waited may take once there is space and Postgres runs.
const SOON: Duration = Duration::from_secs(5);
/// How long things may take that are no part of the claim.
const PATIENCE: Duration = Duration::from_secs(60);
/// Attempts in vain: with the pauses between them more than the 10 s after which a server that can ask
/// nobody sends its clients away.
const ATTEMPTS: i64 = 16;
/// People who type then.
const TYPING: usize = 6;
/// What each of them types, in letters: more than a page of a table holds.
const LETTERS: usize = 12_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_while_the_disk_is_full_and_all_of_it_soon_after() {
    if !disk::can_be_had() {
        println!("skipped: it needs root, and to mount a disk");
        return;
    }
    let mut random = Random::new(random::seed());
    for disk in [Disk::Files, Disk::Log] {
        let mut cluster = Cluster::start_in(Version::usual(), &[], |folder, binaries| {
            disk::put_under(folder);
            binaries
        });
        let crowd = Crowd::gather(&cluster).await;
        say(&crowd.clients, 0);
        for client in &crowd.clients {
            client.settled().await.expect("acknowledged");
        }
        let processes = || crowd.servers.iter().map(ServerProcess::pid);
        let started: Vec<_> = processes().collect();

        disk.fill(&cluster).await;
        let typing = &crowd.clients[..TYPING];
        for client in typing {
            let noise: String = (0..LETTERS)
                .map(|_| char::from(b'!' + random.below(94) as u8))
                // What is no letter here are the brackets of words.
                .map(|c| if c == '<' || c == '>' { '.' } else { c })
                .collect();
            client
                .edit(|editor| editor.insert(0, &noise))
                .expect("typed");
        }
        let retries = async || {
            let mut all = 0;
            for server in &crowd.servers {
                let own = metric(server.address(), "quire_commit_retries_total").await;
                all += own.expect("counted");
            }
            all
        };
        let before = retries().await;
        let tried = async {
            while retries().await < before + ATTEMPTS {
                crate::kit::pause().await;
            }
        };
        tokio::time::timeout(PATIENCE, tried)
            .await
            .expect("it is tried again and again");
        let waiting = typing.iter().filter(|c| c.unacknowledged() > 0).count();
        assert_eq!(
            waiting, TYPING,
            "{disk:?}: nobody was told that it is saved"
        );
        let large = "select count(*) from quire.edit where octet_length(update) > 8000";
        let full = Instant::now();
        disk.clear(&mut cluster).await;
        let recovered = Instant::now();
        for client in &crowd.clients {
            client.settled().await.expect("acknowledged");
        }
        let saved = recovered.elapsed();
        println!(
            "{disk:?}: Postgres runs {:?} after there is space, all is saved {saved:?} later",
            recovered - full
        );
        assert!(saved < SOON, "{disk:?}: all is saved after {saved:?}");
        assert!(started.iter().copied().eq(processes()), "the same servers");
        crowd.check(1).await;
        let client = crowd.pool.get().await.expect("a connection");
        let rows: i64 = client.query_one(large, &[]).await.expect("counted").get(0);
        assert_eq!(rows as usize, TYPING, "each large edit once");
        drop(client);

        let data = cluster.postgres().data();
        drop((crowd, cluster));
        let mounts = std::fs::read_to_string("/proc/mounts").expect("read");
        assert!(!mounts.contains(&*data.to_string_lossy()), "unmounted");
        assert!(!data.exists(), "removed");
    }
}
