//! Standbys: a copy of a running cluster that follows it by streaming, and is promoted when the
//! cluster is gone.

use std::time::Duration;

use quire::dev;

use super::postgres::{Cluster, connect, own_settings};

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
    pub async fn of(primary: &Cluster, conninfo: &str) -> Self {
        let folder = dev::temporary().expect("a temporary folder");
        let postgres = primary.postgres();
        let standby = dev::start_standby(postgres, folder, NAME, conninfo, &own_settings()).await;
        let standby = Self {
            cluster: Cluster::running(standby.expect("the standby starts")),
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
