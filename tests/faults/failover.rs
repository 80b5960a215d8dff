//! A standby takes over, with every commit or without the last ones; older files are put back.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use quire::dev;
use quire::postgres::pool;
use tokio_postgres::Client;

use super::check::PATIENCE;
use super::link::{Link, Target};
use super::stage::Stage;
use crate::kit::postgres::{Cluster, connect, leave_thread};
use crate::kit::random::Random;
use crate::kit::standby::Standby;

/// A standby, and the link through which it follows.
pub struct Following {
    standby: Standby,
    link: Link,
}

impl Stage {
    /// Gives the primary a standby, which the servers can reach too.
    pub async fn add_standby(&mut self, is_synchronous: bool) {
        let link = Link::to(socket(&self.cluster)).await;
        let (host, port) = link.address().split_once(':').expect("host and port");
        let conninfo = format!("host={host} port={port}");
        let standby = Standby::of(&self.cluster, &conninfo).await;
        if is_synchronous {
            standby.becomes_synchronous(&self.cluster).await;
        }
        for seat in &self.servers {
            seat.spare.leads_to(socket(&standby.cluster));
        }
        self.standby = Some(Following { standby, link });
    }

    /// The primary dies with all that it has, and the standby takes over: with every commit, or
    /// without those of the last moment.
    pub async fn fail_over(&mut self, loses_commits: bool, random: &mut Random) {
        let Following { standby, link } = self.standby.take().expect("a standby was added");
        if loses_commits {
            self.fall_behind(&standby, &link, random).await;
        }
        self.cluster.kill9();
        let promoted = standby.promote().await;
        self.take_over(promoted);
    }

    /// The same without the commits of the last moment, and nobody but the clients has those.
    pub async fn fail_over_without_servers(&mut self, random: &mut Random) {
        let Following { standby, link } = self.standby.take().expect("a standby was added");
        self.fall_behind(&standby, &link, random).await;
        for seat in &mut self.servers {
            seat.process().kill9().await;
        }
        self.cluster.kill9();
        let promoted = standby.promote().await;
        self.take_over(promoted);
        for server in 0..self.servers.len() {
            self.start_server(server).await;
        }
    }

    /// What the round needs comes to the standby; what is written for a moment after it does not.
    async fn fall_behind(&self, standby: &Standby, link: &Link, random: &mut Random) {
        standby.catch_up(&self.cluster).await;
        link.cut();
        write_on(random).await;
    }

    /// The files of the cluster are kept, people write on, and then the files are put back.
    pub async fn restore_backup(&mut self, random: &mut Random) {
        let kept = dev::temporary().expect("a temporary folder");
        self.cluster.stop();
        leave_thread(|| copy(&self.cluster.postgres().data(), &kept));
        self.cluster.start_again();
        let client = connect(&self.url).await;
        let before = last_edit(&client).await;
        let written = async {
            while last_edit(&client).await == before {
                crate::kit::pause().await;
            }
        };
        let written = tokio::time::timeout(PATIENCE, written).await;
        written.expect("people write on what was started again");
        write_on(random).await;
        self.cluster.kill9();
        let data = self.cluster.postgres().data();
        leave_thread(|| {
            std::fs::remove_dir_all(&data).expect("the files go");
            copy(&kept.join("data"), data.parent().expect("its folder"));
            std::fs::remove_dir_all(&kept).expect("the copy goes");
        });
        self.cluster.start_again();
        // The witness's slot came back with the files, but not what it had seen.
        let sql = "select pg_drop_replication_slot(slot_name) from pg_replication_slots \
             where slot_name like 'witness%'";
        self.cluster.execute(sql).await;
        self.failovers += 1;
    }

    /// Plays on with another primary.
    fn take_over(&mut self, cluster: Cluster) {
        let database = self.url.rsplit('/').next().expect("a database");
        self.url = cluster.url(database);
        self.pool = pool(&self.url, 4).expect("a pool");
        for seat in &mut self.servers {
            seat.spare.leads_to(socket(&cluster));
            std::mem::swap(&mut seat.line, &mut seat.spare);
        }
        let before = std::mem::replace(&mut self.cluster, cluster);
        leave_thread(|| drop(before));
        self.failovers += 1;
    }
}

/// The number that the last edit got; it is committed or about to be.
async fn last_edit(client: &Client) -> i64 {
    let sql =
        "select pg_sequence_last_value(pg_get_serial_sequence('quire.edit', 'edit_id')::regclass)";
    client.query_one(sql, &[]).await.expect("asked").get(0)
}

/// People write for a while; how long is part of the plan.
async fn write_on(random: &mut Random) {
    let while_ms = 50 + random.below(200) as u64;
    tokio::time::sleep(Duration::from_millis(while_ms)).await;
}

/// Copies a folder into another, with its owner.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success(), "cp -a");
}

fn socket(cluster: &Cluster) -> Target {
    Target::Unix(cluster.postgres().socket().join(".s.PGSQL.5432"))
}
