//! What is looked at once a second: silent servers, idle documents, readiness, rights that the feed
//! could not tell of, and whether the certificate was renewed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::tls::Certificate;
use super::vitals::vitals;
use crate::activity::Activity;
use crate::change::Lsn;
use crate::commit;
use crate::error::{Error, Kind, Result};
use crate::fanout::Fanout;
use crate::feed::{self, State};
use crate::http::Readiness;
use crate::metrics::{Gauge, Metric, Seconds};
use crate::overview::Overview;
use crate::presence::{Presence, Servers};
use crate::websocket;

/// How often.
pub(super) const TEND_EVERY: Duration = Duration::from_secs(1);
/// A document that nobody uses is unloaded after this time, whatever the budget says.
const IDLE_DOCUMENT: Duration = Duration::from_secs(300);
/// A server whose feed was silent for so long is not sent new readers.
const FEED_LAG: Duration = Duration::from_secs(10);
/// Connections that are sent to other servers at once, at least.
const SENT_AWAY: usize = 50;
/// How long a server goes on when it can learn of no revocation, neither from the log nor from the
/// tables.
const UNSURE: Duration = Duration::from_secs(10);

static LAG: Seconds = Seconds::new(
    "quire_feed_lag_seconds",
    "Age of the oldest message of this server that has not come back out of the log.",
);
static READY: Gauge = Gauge::new(
    "quire_ready",
    "1 while this server should be sent clients, else 0; /readyz says why not.",
);
pub(super) static METRICS: &[&dyn Metric] = &[&LAG, &READY];

/// What has to be looked at now and then.
pub(super) struct Tender {
    pub fanout: Fanout,
    pub presence: Presence,
    pub websockets: Arc<websocket::State>,
    pub activity: Activity,
    pub overview: Arc<Overview>,
    /// When this server started: seconds since 1970.
    pub started_at: u64,
    /// Since when neither the feed nor the tables have said who may still do what.
    pub unsure_since: Instant,
    /// Since when the feed lags although the database answers.
    pub deaf_since: Option<Instant>,
    /// The server sees its clients off before it stops.
    pub draining: CancellationToken,
    pub feed: feed::Handle,
    pub document_bytes: usize,
    pub servers: watch::Sender<Servers>,
    pub readiness: watch::Sender<Readiness>,
    pub certificate: Option<Arc<Certificate>>,
}

impl Tender {
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TEND_EVERY);
        let mut status = self.feed.status();
        let mut is_draining = false;
        loop {
            let mut has_ticked = false;
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.draining.cancelled(), if !is_draining => {
                    is_draining = true;
                    self.presence.withdraw(true);
                }
                _ = tick.tick() => {
                    has_ticked = true;
                    self.tend();
                    let feed = status.borrow().clone();
                    let is_answered = self.keep_rights_true(&feed).await;
                    if !is_draining {
                        self.leave_rotation(&feed, is_answered);
                    }
                }
                // A feed that cannot change any more is one that has stopped.
                changed = status.changed() => if changed.is_err() { break },
            }
            let readiness = match is_draining {
                true => stopping(),
                false => readiness(&status.borrow_and_update(), self.presence.lag()),
            };
            let is_news = self.readiness.send_if_modified(|told| {
                let is_news = *told != readiness;
                *told = readiness;
                is_news
            });
            READY.set(i64::from(*self.readiness.borrow() == Readiness::Ready));
            if has_ticked || is_news {
                let feed = status.borrow().clone();
                self.presence.report(vitals(&self, &feed, is_draining));
            }
        }
        self.readiness.send_replace(stopping());
    }

    /// Revocations come with the feed. While there is none they are looked up in the tables; when
    /// these cannot be read either, this server stops serving rather than serve on old rights.
    /// Answers whether the tables could be read, if that was needed.
    async fn keep_rights_true(&mut self, feed: &feed::Status) -> bool {
        let is_told = matches!(feed.state, State::Streaming) && self.lag(feed) < FEED_LAG;
        let is_sure = is_told && !self.websockets.is_unsure();
        if is_sure || recheck(&self.websockets, &self.fanout, &self.presence).await {
            self.unsure_since = Instant::now();
            return true;
        }
        if self.unsure_since.elapsed() > UNSURE {
            self.websockets.blind();
        }
        false
    }

    /// How old what the feed has brought is at most.
    fn lag(&self, feed: &feed::Status) -> Duration {
        feed.last_heard.elapsed().max(self.presence.lag())
    }

    /// A server that shows old text while the database answers takes no more clients, and sends those
    /// that it has to one that takes them, a share a second. When the database does not answer, no
    /// other server is better off.
    fn leave_rotation(&mut self, feed: &feed::Status, is_answered: bool) {
        let lag = self.lag(feed);
        if lag < FEED_LAG {
            if self.deaf_since.take().is_some() {
                tracing::info!("the feed has caught up; this server takes clients again");
            }
            return self.presence.withdraw(false);
        }
        if !is_answered {
            return;
        }
        let since = *self.deaf_since.get_or_insert_with(|| {
            tracing::warn!(
                lag_ms = lag.as_millis() as u64,
                "the feed lags while the database answers; clients are sent to other servers"
            );
            Instant::now()
        });
        self.presence.withdraw(true);
        let has_other = self.presence.servers().live.len() > 1;
        if has_other {
            let share = (self.websockets.count() / 4).max(SENT_AWAY);
            self.websockets.send_away(share, since);
        }
    }

    fn tend(&self) {
        let feed = self.feed.status().borrow().clone();
        let flushed = Lsn(feed.received.0 + feed.behind_bytes);
        self.activity
            .mark(commit::committed(), flushed, Instant::now());
        if let Some(certificate) = &self.certificate {
            certificate.read_if_changed();
        }
        self.presence.expire();
        self.overview.rest();
        crate::log::tell_left_out();
        LAG.set(self.presence.lag());
        if let Some(oldest) = Instant::now().checked_sub(IDLE_DOCUMENT) {
            self.fanout.unload(self.document_bytes, oldest);
        }
        let servers = self.presence.servers();
        self.servers.send_if_modified(|told| {
            let is_news = *told != servers;
            *told = servers;
            is_news
        });
    }
}

/// Asks the tables whose sessions have ended and whose rights are not what they were. Answers
/// whether they could be asked.
pub(super) async fn recheck(
    websockets: &websocket::State,
    fanout: &Fanout,
    presence: &Presence,
) -> bool {
    let number = websockets.unsure();
    let asked = async {
        in_time(websockets.recheck()).await?;
        // Before the listeners: whoever joins from here on finds that rights changed.
        fanout.recheck().await;
        in_time(presence.recheck()).await
    };
    match asked.await {
        Ok(()) => {
            websockets.sure(number);
            true
        }
        Err(error) => {
            tracing::warn!(%error, "look up who may still do what; trying again");
            false
        }
    }
}

async fn in_time(asked: impl Future<Output = Result<()>>) -> Result<()> {
    let late = || Error::new(Kind::Unavailable, "the database does not answer in time");
    tokio::time::timeout(TEND_EVERY, asked)
        .await
        .unwrap_or_else(|_| Err(late()))
}

fn stopping() -> Readiness {
    Readiness::NotReady("the server is stopping".into())
}

fn readiness(status: &feed::Status, lag: Duration) -> Readiness {
    let not_ready = |why: String| Readiness::NotReady(why);
    match &status.state {
        State::Streaming if lag >= FEED_LAG => not_ready(format!(
            "the feed is {} s behind: it shows old text",
            lag.as_secs()
        )),
        State::Streaming if status.last_heard.elapsed() >= FEED_LAG => not_ready(format!(
            "the feed has heard nothing for {} s",
            status.last_heard.elapsed().as_secs()
        )),
        State::Streaming if status.published.elapsed() >= FEED_LAG => not_ready(format!(
            "whether the publication brings every edit could not be looked up for {} s",
            status.published.elapsed().as_secs()
        )),
        State::Streaming => Readiness::Ready,
        State::Starting => not_ready("the feed is starting".into()),
        State::WaitingForSlot { .. } => {
            not_ready("the feed waits for open transactions to end".into())
        }
        State::Lost { reason, .. } => not_ready(format!("the feed is lost: {reason}")),
    }
}
