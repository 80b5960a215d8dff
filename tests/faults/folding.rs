//! Old edits are folded, as fast as that goes, while everything else goes wrong.

use std::time::{Duration, Instant};

use quire::document::trial::DocKey;
use quire::retention::{Outcome, fold_document};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::check::Verdict;
use super::stage::Stage;

/// How long it may take until a fold is there.
const PATIENCE: Duration = Duration::from_secs(45);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Somebody who folds the document of the round, again and again.
pub struct Folding {
    stop: watch::Sender<bool>,
    task: JoinHandle<Verdict>,
}

impl Folding {
    /// Nothing is kept from now on. Servers that are started fold, too.
    pub async fn begin(stage: &Stage) -> Self {
        let org_id = stage.office.org_id;
        let keep = format!(
            "insert into quire.retention values ('{org_id}', '0') on conflict (org_id) do update set kept = '0'"
        );
        stage.execute(&keep).await;
        let document = DocKey {
            org_id,
            document_id: stage.document_id,
        };
        let pool = stage.pool.clone();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut verdict = Verdict::default();
            let began = Instant::now();
            let (mut has_folded, mut is_over) = (false, false);
            // Once more at least when everything is right again.
            while !(is_over && has_folded) {
                is_over = *stopped.borrow();
                match fold_document(&pool, document).await {
                    Ok(Outcome::Folded(_)) => has_folded = true,
                    Ok(Outcome::Refused) => {
                        verdict.divergent += 1;
                        verdict.complain("a fold was not the same document".to_owned());
                        break;
                    }
                    // Postgres may be away, and a transaction that is open holds up what is newer.
                    Ok(Outcome::Nothing | Outcome::Taken) | Err(_) => {}
                }
                if is_over && began.elapsed() > PATIENCE {
                    verdict.divergent += 1;
                    verdict.complain("nothing was ever folded".to_owned());
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            verdict
        });
        Self { stop, task }
    }

    /// All is kept again. The fold stays, and is looked at with the rows.
    pub async fn end(self, stage: &Stage, verdict: &mut Verdict) {
        self.stop.send_replace(true);
        verdict.add(self.task.await.expect("nobody panics"));
        let keep = format!(
            "delete from quire.retention where org_id = '{}'",
            stage.office.org_id
        );
        stage.execute(&keep).await;
    }
}
