//! The feed's slot goes while its server lives: its walsender is ended, or stands still while so much
//! is written that Postgres gives its slot up.

use tokio::task::JoinHandle;

use super::check::PATIENCE;
use super::stage::Stage;

/// Segments of the log, each more than a slot may keep back then.
const SEGMENTS: usize = 4;

/// What a slot may keep back.
const KEPT: &str = "max_slot_wal_keep_size";

/// Slots that were given up while nobody read from them.
pub struct GivenUp {
    names: Vec<String>,
    /// Waits for the walsenders to go.
    checkpoint: JoinHandle<()>,
}

/// Ends every walsender: a temporary slot goes with it.
pub async fn drop_all(stage: &Stage) {
    stage
        .execute(
            "select pg_terminate_backend(active_pid) from pg_replication_slots where temporary",
        )
        .await;
}

impl GivenUp {
    /// The walsenders must stand still.
    pub async fn behind_them(stage: &Stage) -> Self {
        let client = crate::kit::postgres::connect(&stage.url).await;
        let sql = "select slot_name::text from pg_replication_slots where temporary";
        let rows = client.query(sql, &[]).await.expect("slots");
        let names = rows.iter().map(|row| row.get(0)).collect();
        stage.alter(KEPT, "1MB", &client).await;
        for _ in 0..SEGMENTS {
            let sql = "select pg_logical_emit_message(false, 'filler', ''), pg_switch_wal()";
            client.simple_query(sql).await.expect("written");
        }
        let checkpoint = tokio::spawn(async move {
            // Whatever else goes wrong may end it; what it gave up is looked at in the end.
            let _ = client.batch_execute("checkpoint").await;
        });
        Self { names, checkpoint }
    }

    /// The walsenders go on, and must find that they cannot.
    pub async fn are_gone(self, stage: &Stage) {
        let gone = async {
            // Nobody panics in there.
            let _ = self.checkpoint.await;
            let client = crate::kit::postgres::connect(&stage.url).await;
            let sql = "select count(*) from pg_replication_slots where slot_name::text = any($1)";
            let mut left: i64 = -1;
            while left != 0 {
                let row = client.query_one(sql, &[&self.names]).await;
                left = row.expect("counted").get(0);
                crate::kit::pause().await;
            }
        };
        tokio::time::timeout(PATIENCE, gone)
            .await
            .expect("the slots are given up");
        stage.alter_back(KEPT).await;
    }
}
