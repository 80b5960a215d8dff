//! Hears the servers' heartbeats, and counts edits, out of the log, by a feed of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::activity::Activity;
use crate::change::{Change, Lsn, Transaction};
use crate::error::Result;
use crate::feed::{self, Feed, Step};
use crate::overview::{Hearing, Servers};
use crate::presence::Fleet;

/// After so long every server that lives was heard: they speak every second.
const HEARD: Duration = Duration::from_millis(1_400);
/// How often it is looked whether that is so.
const LOOK: Duration = Duration::from_millis(100);

/// A running one.
pub(super) struct Listener {
    ears: Arc<Ears>,
    stop: tokio::sync::oneshot::Sender<()>,
    task: JoinHandle<()>,
}

struct Ears {
    fleet: Mutex<Fleet>,
    /// Since when the stream has come.
    since: Mutex<Option<Instant>>,
    feed: feed::Handle,
}

impl Listener {
    /// Begins. Errors: `Setting` when the address cannot be read.
    pub fn start(database_url: &str, activity: Activity) -> Result<Self> {
        let mut settings = feed::Settings::new(database_url)?;
        settings.application_name = "quire_top".to_owned();
        let (feed, handle) = Feed::start(settings);
        let ears = Arc::new(Ears {
            fleet: Mutex::default(),
            since: Mutex::default(),
            feed: handle,
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(listen(ears.clone(), feed, activity, stopped));
        Ok(Self { ears, stop, task })
    }

    /// How the servers are, as far as they were heard.
    pub fn servers(&self) -> Servers {
        let ears = self.ears.clone();
        Box::new(move || Hearing {
            servers: lock(&ears.fleet).standings(Instant::now(), Duration::ZERO),
            deaf: ears.deaf(),
        })
    }

    /// Waits until all servers were heard, and of each is known whether it is silent; `patience` at most.
    pub async fn heard(&self, patience: Duration) {
        let ends = Instant::now() + patience;
        while Instant::now() < ends
            && (self.ears.deaf().is_some() || lock(&self.ears.fleet).is_in_doubt(Instant::now()))
        {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the stream; its slot is gone afterwards.
    pub async fn stop(self) {
        // It may have ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

impl Ears {
    /// Why servers were not heard for long enough; none: they were.
    fn deaf(&self) -> Option<String> {
        let since = *lock(&self.since);
        match since {
            Some(since) if since.elapsed() >= HEARD => None,
            Some(_) => Some("they are being listened for since a moment".into()),
            None => Some(match &self.feed.status().borrow().state {
                feed::State::WaitingForSlot { since } => format!(
                    "the slot has been waiting for {} s for open transactions to end",
                    since.elapsed().as_secs()
                ),
                feed::State::Lost { reason, .. } => reason.clone(),
                _ => "the log is being connected to".into(),
            }),
        }
    }

    fn hear(&self, transaction: &Transaction) {
        let mut fleet = lock(&self.fleet);
        for change in &transaction.changes {
            if let Change::Message(bytes) = change {
                fleet.listen(bytes, Instant::now());
            }
        }
    }
}

async fn listen(
    ears: Arc<Ears>,
    mut feed: Feed,
    activity: Activity,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        let step = tokio::select! {
            biased;
            _ = &mut stopped => break,
            _ = second.tick() => {
                let status = ears.feed.status().borrow().clone();
                let flushed = Lsn(status.received.0 + status.behind_bytes);
                activity.mark(0, flushed, Instant::now());
                continue;
            }
            step = feed.next() => step,
        };
        match step {
            Step::Transaction(transaction) => {
                ears.hear(&transaction);
                activity.hear(&transaction, Instant::now());
                feed.applied(transaction.end_lsn);
            }
            Step::Connected { .. } => *lock(&ears.since) = Some(Instant::now()),
            Step::Lost { .. } => *lock(&ears.since) = None,
            Step::Settled { .. } => {}
        }
    }
    feed.stop().await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
