//! Organisations that keep the history of their documents for some time only: older edits are folded. One
//! server does it for each document, slowly, and another one when that one does not. Nothing waits for it.

mod fold;
mod folding;

use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::fold::{Outcome, fold_document};
use crate::document::trial::DocKey;
use crate::error::Result;
use crate::metrics;
use crate::postgres::{Pool, failed};
use crate::presence::{Servers, turn};
use crate::rounds::{Look, Rounds, pass_over};

const RETENTION_PAGE: &str = include_str!("../../sql/retention_page.sql");

/// How often a step of the look through the tables is made.
const EVERY: Duration = Duration::from_secs(1);
/// How long nothing is tried after a failure of the database.
const PAUSE: Duration = Duration::from_secs(30);
/// Documents that are looked at in one step.
const PAGE: i64 = 100;
/// How often all documents of these organisations are looked through.
const LOOK_THROUGH: Duration = Duration::from_secs(300);
/// How much later each further server does it, in case those before it do not.
const TURN: Duration = Duration::from_secs(900);
/// After a document was folded as much time passes, times this, before the next one is.
const REST: u32 = 4;

/// Folds old edits, as the first of `servers` for a document, until `stop`.
pub async fn run(pool: Pool, servers: watch::Receiver<Servers>, stop: CancellationToken) {
    metrics::register(fold::METRICS);
    let mut rounds = Rounds::new(EVERY, PAUSE, stop);
    let mut look = Look::new(LOOK_THROUGH);
    while rounds.next().await {
        // Ended anywhere, it leaves nothing half done: see `fold`.
        let round = step(&mut look, &pool, &servers);
        rounds.play("fold old edits", round).await;
    }
}

async fn step(look: &mut Look, pool: &Pool, servers: &watch::Receiver<Servers>) -> Result<()> {
    // Before the feed has streamed it is not known which database is the right one.
    if pool.lineage().server().is_none() {
        return Ok(());
    }
    let Some(at) = look.next(false) else {
        return Ok(());
    };
    let client = pool.get().await.map_err(failed("look for old edits"))?;
    let rows = client
        .query(RETENTION_PAGE, &[&at.org_id, &at.document_id, &PAGE])
        .await
        .map_err(failed("look for old edits"))?;
    drop(client);
    for row in &rows {
        let Some(late_s) = row.get::<_, Option<f64>>("late_s") else {
            continue;
        };
        let live = servers.borrow().live.clone();
        if late_s <= (TURN * turn(&live, &DocKey::of(row))).as_secs_f64() {
            continue;
        }
        let began = Instant::now();
        if let Err(error) = fold_document(pool, DocKey::of(row)).await {
            pass_over(DocKey::of(row), "fold the old edits of a document", error)?;
        }
        tokio::time::sleep(began.elapsed() * REST).await;
    }
    look.passed(&rows, PAGE);
    Ok(())
}
