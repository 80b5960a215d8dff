//! What is looked at once a second: silent servers, idle documents, readiness, rights that the feed
//! could not tell of, and whether the certificate was renewed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::tls::Certificate;
use crate::error::{Error, Kind, Result};
use crate::fanout::Fanout;
use crate::feed::{self, State};
use crate::http::Readiness;
use crate::presence::Presence;
use crate::websocket;

/// How often.
pub(super) const TEND_EVERY: Duration = Duration::from_secs(1);
/// A document that nobody uses is unloaded after this time, whatever the budget says.
const IDLE_DOCUMENT: Duration = Duration::from_secs(300);
/// A server whose feed was silent for so long is not sent new readers.
const FEED_LAG: Duration = Duration::from_secs(10);
/// How long a server goes on when it can learn of no revocation, neither from the log nor from the
/// tables.
const UNSURE: Duration = Duration::from_secs(10);

/// What has to be looked at now and then.
pub(super) struct Tender {
    pub fanout: Fanout,
    pub presence: Presence,
    pub websockets: Arc<websocket::State>,
    /// Since when neither the feed nor the tables have said who may still do what.
    pub unsure_since: Instant,
    pub feed: feed::Handle,
    pub document_bytes: usize,
    pub servers: watch::Sender<Vec<String>>,
    pub readiness: watch::Sender<Readiness>,
    pub certificate: Option<Arc<Certificate>>,
}

impl Tender {
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TEND_EVERY);
        let mut status = self.feed.status();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = tick.tick() => {
                    self.tend();
                    let feed = status.borrow().clone();
                    self.keep_rights_true(&feed).await;
                }
                // A feed that cannot change any more is one that has stopped.
                changed = status.changed() => if changed.is_err() { break },
            }
            let readiness = readiness(&status.borrow_and_update());
            self.readiness.send_if_modified(|told| {
                let is_news = *told != readiness;
                *told = readiness;
                is_news
            });
        }
        self.readiness
            .send_replace(Readiness::NotReady("the server is stopping".into()));
    }

    /// Revocations come with the feed. While there is none they are looked up in the tables; when
    /// these cannot be read either, this server stops serving rather than serve on old rights.
    async fn keep_rights_true(&mut self, feed: &feed::Status) {
        let is_told =
            matches!(feed.state, State::Streaming) && feed.last_heard.elapsed() < FEED_LAG;
        let is_sure = is_told && !self.websockets.is_unsure();
        if is_sure || recheck(&self.websockets, &self.fanout, &self.presence).await {
            self.unsure_since = Instant::now();
        } else if self.unsure_since.elapsed() > UNSURE {
            self.websockets.blind();
        }
    }

    fn tend(&self) {
        if let Some(certificate) = &self.certificate {
            certificate.read_if_changed();
        }
        self.presence.expire();
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
    let asked = async {
        in_time(websockets.recheck()).await?;
        // Before the listeners: whoever joins from here on finds that rights changed.
        fanout.recheck().await;
        in_time(presence.recheck()).await
    };
    match asked.await {
        Ok(()) => true,
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

fn readiness(status: &feed::Status) -> Readiness {
    let not_ready = |why: String| Readiness::NotReady(why);
    match &status.state {
        State::Streaming if status.last_heard.elapsed() < FEED_LAG => Readiness::Ready,
        State::Streaming => not_ready(format!(
            "the feed has heard nothing for {} s",
            status.last_heard.elapsed().as_secs()
        )),
        State::Starting => not_ready("the feed is starting".into()),
        State::WaitingForSlot { .. } => {
            not_ready("the feed waits for open transactions to end".into())
        }
        State::Lost { reason, .. } => not_ready(format!("the feed is lost: {reason}")),
    }
}
