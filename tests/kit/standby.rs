//! Standbys: a copy of a running cluster that follows it by streaming, and is promoted when the
//! cluster is gone. Made by hand, because not every installation has pg_basebackup.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use quire::dev::{self, EmbeddedPostgres, User};

use super::postgres::{Cluster, Version, connect, leave_thread, own_settings};

/// How long a standby may take to do what it is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// As the primary knows it.
const NAME: &str = "standby";

/// A standby that follows a cluster.
pub struct Standby {
    pub cluster: Cluster,
}

impl Standby {
    /// Copies `primary` and follows it, through `conninfo` (`host=… port=…`). Answers when it has
    /// everything.
    pub async fn of(primary: &Cluster, version: Version, conninfo: &str) -> Self {
        let user = User::ordinary().expect("a user for Postgres");
        let folder = dev::temporary().expect("a temporary folder");
        back_up(primary, &folder, &user).await;
        let signal = folder.join("data/standby.signal");
        fs::write(&signal, "").expect("the folder can be written");
        user.give(&signal).expect("given");
        let conninfo = format!("{conninfo} user=quire application_name={NAME}");
        let mut settings = own_settings();
        settings.extend([
            ("primary_conninfo", conninfo.as_str()),
            ("wal_retrieve_retry_interval", "100ms"),
            // Without it a slot on it would end with the primary's first vacuum.
            ("hot_standby_feedback", "on"),
        ]);
        let binaries = version.binaries(&user);
        // It is ready when it has read some of the log, through a link that may run on this thread.
        let postgres = leave_thread(|| {
            EmbeddedPostgres::start_temporary(&folder, &binaries, &user, &settings)
        });
        let postgres = postgres.expect("the standby starts");
        let standby = Self {
            cluster: Cluster::running(postgres),
        };
        standby.catch_up(primary).await;
        standby
    }

    /// Waits until it has everything that the primary has flushed by now.
    pub async fn catch_up(&self, primary: &Cluster) {
        let client = connect(&primary.url("postgres")).await;
        let sql = "select pg_current_wal_flush_lsn()::text";
        let end: String = client.query_one(sql, &[]).await.expect("a place").get(0);
        let sql = format!("select coalesce(pg_last_wal_replay_lsn() >= '{end}'::pg_lsn, false)");
        self.cluster.wait_until(&sql, PATIENCE).await;
    }

    /// From now on the primary acknowledges nothing that this standby has not flushed.
    pub async fn becomes_synchronous(&self, primary: &Cluster) {
        let sql = format!("alter system set synchronous_standby_names = '{NAME}'");
        primary.execute(&sql).await;
        primary.postgres().reload();
        let sql = "select exists (select from pg_stat_replication where sync_state = 'sync')";
        primary.wait_until(sql, PATIENCE).await;
    }

    /// Makes a primary of it.
    pub async fn promote(self) -> Cluster {
        let client = connect(&self.cluster.url("postgres")).await;
        let row = client.query_one("select pg_promote(true, 60)", &[]).await;
        assert!(row.expect("asked").get::<_, bool>(0), "it is promoted");
        self.cluster
    }
}

/// Copies the files of a running cluster, so that who starts on them has all of it.
pub async fn back_up(cluster: &Cluster, folder: &Path, user: &User) {
    let client = connect(&cluster.url("postgres")).await;
    let sql = "select pg_backup_start('copy', true)::text";
    client.query_one(sql, &[]).await.expect("a backup begins");
    let from = cluster.postgres().data();
    // What goes while it is copied is complained of, and comes with the log.
    let copied = leave_thread(|| Command::new("cp").arg("-a").arg(&from).arg(folder).output());
    let complaints = String::from_utf8(copied.expect("cp runs").stderr).expect("text");
    let is_harmless = |line: &str| line.contains("No such file or directory");
    assert!(complaints.lines().all(is_harmless), "{complaints}");
    let sql = "select labelfile from pg_backup_stop(false)";
    let label: String = client
        .query_one(sql, &[])
        .await
        .expect("it ends")
        .get("labelfile");
    let data = folder.join("data");
    for own in ["postmaster.pid", "postmaster.opts"] {
        fs::remove_file(data.join(own)).expect("a running cluster has it");
    }
    // Slots are the primary's own.
    for slot in fs::read_dir(data.join("pg_replslot")).expect("its folder") {
        fs::remove_dir_all(slot.expect("a slot").path()).expect("removed");
    }
    let path = data.join("backup_label");
    fs::write(&path, label).expect("the folder can be written");
    user.give(&path).expect("given");
}
