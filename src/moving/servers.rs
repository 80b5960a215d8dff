//! The servers of both databases, as their heartbeats in the log tell it: while an organisation moves all of
//! them must know where it is served, and somebody must serve it afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Settings;
use crate::change::{Change, Transaction};
use crate::error::{Error, Kind, Result};
use crate::feed::{self, Feed, State, Step};
use crate::presence::{Condition, Fleet, Standing};

/// After so long every server of this version was heard: they speak every second.
pub(super) const AT_FIRST: Duration = Duration::from_millis(1_500);
/// After so long every server was heard: versions that do not say how they are speak every 5 s.
pub(super) const IN_THE_END: Duration = Duration::from_secs(6);
/// After so long a target is without servers: some that lost their database for a moment wait 5 s before they
/// speak again.
const NOBODY: Duration = Duration::from_secs(8);
/// How long it may take until the log comes.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// The first version that knows of placements.
const KNOWS_PLACEMENTS: [u64; 3] = [0, 1, 0];

/// Who is heard in both.
pub(super) struct Servers {
    source: Ears,
    target: Ears,
}

/// One database's log, listened to until this is dropped.
struct Ears {
    name: &'static str,
    heard: Arc<Mutex<Heard>>,
    feed: feed::Handle,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Heard {
    fleet: Fleet,
    /// Since when the stream has come.
    since: Option<Instant>,
}

impl Servers {
    /// Begins. Errors: `Setting` when an address cannot be read.
    pub fn listen(settings: &Settings) -> Result<Self> {
        Ok(Self {
            source: Ears::open("the source", &settings.from)?,
            target: Ears::open("the target", &settings.to)?,
        })
    }

    /// Refuses servers that do not know where an organisation is served: they would go on serving it at the
    /// source, or begin to at the target before all of it is there. And a target without servers, where nobody
    /// would serve it. At the source there may be none: then nobody writes. Looks when both logs have been
    /// listened to for so long.
    ///
    /// # Errors
    /// `Setting`, with the servers; `Unavailable` when they cannot be heard.
    pub async fn check(&self, listened: Duration) -> Result<()> {
        for ears in [&self.source, &self.target] {
            ears.listened(listened).await?;
            ears.introduced().await?;
            ears.check_versions()?;
        }
        self.target.serves().await
    }

    /// Ends both streams; their slots are gone afterwards.
    pub async fn stop(self) {
        for ears in [self.source, self.target] {
            // It may have ended already.
            let _ = ears.stop.send(());
            let _ = ears.task.await;
        }
    }
}

impl Ears {
    fn open(name: &'static str, database_url: &str) -> Result<Self> {
        let mut settings = feed::Settings::new(database_url)?;
        settings.application_name = "quire_org_move".to_owned();
        let (feed, handle) = Feed::start(settings);
        let heard = Arc::new(Mutex::default());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen(heard.clone(), feed, stopped));
        Ok(Self {
            name,
            heard,
            feed: handle,
            stop,
            task,
        })
    }

    async fn listened(&self, wanted: Duration) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let since = lock(&self.heard).since;
            if since.is_some_and(|since| since.elapsed() >= wanted) {
                return Ok(());
            }
            if Instant::now() > until {
                let why = match &self.feed.status().borrow().state {
                    State::WaitingForSlot { .. } => "open transactions hold up its slot".to_owned(),
                    State::Lost { reason, .. } => reason.clone(),
                    _ => "its log does not come".to_owned(),
                };
                let says = format!("{}: its servers cannot be heard: {why}", self.name);
                return Err(Error::new(Kind::Unavailable, says));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until everybody who was heard has said its version, which need not be part of a server's first
    /// message; older ones never do.
    async fn introduced(&self) -> Result<()> {
        loop {
            self.listened(Duration::ZERO).await?;
            let since = lock(&self.heard).since;
            let is_over = since.is_some_and(|since| since.elapsed() >= IN_THE_END);
            if is_over || !self.standings().iter().any(is_unknown) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn check_versions(&self) -> Result<()> {
        let standings = self.standings();
        let old = standings.iter().filter(|standing| is_too_old(standing));
        let names: Vec<String> = old.map(named).collect();
        if names.is_empty() {
            return Ok(());
        }
        let says = format!(
            "{}: these servers are too old to know where an organisation is served: {}; bring them to this version, or stop them and wait 10 s",
            self.name,
            names.join(", ")
        );
        Err(Error::new(Kind::Setting, says))
    }

    async fn serves(&self) -> Result<()> {
        let serves =
            |standing: &Standing| matches!(standing.state, Condition::Ready | Condition::NotReady);
        loop {
            self.listened(Duration::ZERO).await?;
            if self.standings().iter().any(serves) {
                return Ok(());
            }
            let since = lock(&self.heard).since;
            if since.is_some_and(|since| since.elapsed() >= NOBODY) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let says = format!(
            "{}: no server was heard, so nobody would serve the organisation there: start one",
            self.name
        );
        Err(Error::new(Kind::Setting, says))
    }

    fn standings(&self) -> Vec<Standing> {
        lock(&self.heard)
            .fleet
            .standings(Instant::now(), Duration::ZERO)
    }
}

/// One that was heard, and did not say that it is of a version that is new enough. Of one that others only
/// miss nothing is known, and it does nothing.
fn is_too_old(standing: &Standing) -> bool {
    match &standing.vitals {
        Some(vitals) => version(&vitals.version).is_none_or(|version| version < KNOWS_PLACEMENTS),
        None => is_unknown(standing),
    }
}

/// It was heard, and did not say its version.
fn is_unknown(standing: &Standing) -> bool {
    standing.vitals.is_none() && standing.state != Condition::Silent
}

fn named(standing: &Standing) -> String {
    let version = standing.vitals.as_ref().map(|vitals| &vitals.version);
    let version = version.map_or("an older one", String::as_str);
    format!("{} ({version})", standing.address)
}

/// `1.2.3`, and whatever stands behind it.
fn version(text: &str) -> Option<[u64; 3]> {
    let text = text.split(['-', '+']).next()?;
    let parts: Vec<u64> = text
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    parts.try_into().ok()
}

async fn listen(heard: Arc<Mutex<Heard>>, mut feed: Feed, mut stopped: oneshot::Receiver<()>) {
    loop {
        let step = tokio::select! {
            biased;
            _ = &mut stopped => break,
            step = feed.next() => step,
        };
        match step {
            Step::Transaction(transaction) => {
                hear(&heard, &transaction);
                feed.applied(transaction.end_lsn);
            }
            Step::Connected { .. } => lock(&heard).since = Some(Instant::now()),
            Step::Lost { .. } => lock(&heard).since = None,
            Step::Settled { .. } => {}
        }
    }
    feed.stop().await;
}

fn hear(heard: &Mutex<Heard>, transaction: &Transaction) {
    let mut heard = lock(heard);
    for change in &transaction.changes {
        if let Change::Message(bytes) = change {
            heard.fleet.listen(bytes, Instant::now());
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::presence::Vitals;
    use uuid::Uuid;

    fn standing(version: Option<&str>, state: Condition) -> Standing {
        Standing {
            server_id: Uuid::nil(),
            address: "http://a".to_owned(),
            state,
            is_asked: false,
            heard_ms: 0,
            vitals: version.map(|version| Vitals {
                version: version.to_owned(),
                ..Vitals::default()
            }),
        }
    }

    #[test]
    fn who_does_not_say_a_version_that_is_new_enough_is_too_old() {
        use Condition::{Ready, Silent};
        let known = [
            (Some("0.1.0"), Ready, false),
            (Some("0.1.0-rc.1+5"), Ready, false),
            (Some("1.0.0"), Silent, false),
            (Some("0.0.9"), Ready, true),
            (Some("0.0.9"), Silent, true),
            (Some(""), Ready, true),
            (Some("new"), Ready, true),
            (None, Ready, true),
            (None, Silent, false),
        ];
        for (version, state, expected) in known {
            let standing = standing(version, state);
            assert_eq!(is_too_old(&standing), expected, "{version:?} {state:?}");
        }
        assert_eq!(named(&standing(Some("0.0.9"), Ready)), "http://a (0.0.9)");
    }
}
