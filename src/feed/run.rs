//! The feed's owner task: connects, streams, and when that is lost connects again, until its
//! consumer is gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backoff::delay;
use super::outlet::{Closed, Outlet};
use super::session::{Session, connect};
use super::shared::Shared;
use super::standby::Sources;
use super::status::State;
use super::stream::Stream;
use super::{Settings, Step};
use crate::change::Lsn;
use crate::error::{Error, Kind};
use crate::postgres::Server;

/// A stream that lasted this long was a good one: the next failure is the first again.
const GOOD: Duration = Duration::from_secs(10);

pub(super) async fn run(settings: Settings, shared: Arc<Shared>, outlet: Outlet) {
    let mut failures = 0;
    let mut lost = None;
    let mut sources = Sources::default();
    loop {
        let connected = tokio::select! {
            biased;
            () = outlet.closed() => return,
            connected = connect(&settings, &shared, &mut sources) => connected,
        };
        let began = Instant::now();
        let failure = match connected {
            Ok(session) => match stream(session, &settings, &shared, &outlet).await {
                Ok(()) => return,
                Err(e) => {
                    shared.count_lost();
                    let lineage = &settings.lineage;
                    lineage.note_reached(lineage.era(), shared.received());
                    lost = None;
                    e
                }
            },
            Err(e) => e,
        };
        sources.note_failure(settings.standby_rest);
        failures = if began.elapsed() > GOOD { 0 } else { failures };
        if let Err(Closed) = lose(failure, &mut lost, &shared, &outlet).await {
            return;
        }
        let random = getrandom::u64().unwrap_or_default();
        tokio::select! {
            biased;
            () = outlet.closed() => return,
            () = tokio::time::sleep(delay(failures, random)) => {}
        }
        failures = failures.saturating_add(1);
    }
}

/// Streams one session to its end; `Ok` when the consumer is gone.
async fn stream(
    session: Session,
    settings: &Settings,
    shared: &Arc<Shared>,
    outlet: &Outlet,
) -> Result<(), Error> {
    let before = shared.status.borrow().server;
    // Documents were read from the tables too, perhaps further than the stream had come.
    let reached = shared.received().max(settings.lineage.reached());
    // Asked after that: the slot may have been made before others read on in the tables.
    let end = session.observer.log_end().await?;
    let mut log_changed = is_another_log(before, reached, session.server, end);
    if let (false, Some(mark)) = (log_changed, shared.last_edit()) {
        // One that was set back and has written since may be as far as it was.
        log_changed = !session.observer.has_edit(&mark).await?;
    }
    if log_changed {
        tracing::warn!(
            system_identifier = session.server.system_identifier,
            timeline = session.server.timeline,
            start = %session.start,
            "the database's log is another one than before (failover or restore): documents are rebuilt"
        );
        shared.ring().clear();
    }
    let (start, server) = (session.start, session.server);
    if let Err(error) = session
        .observer
        .note_timeline(session.server, log_changed)
        .await
    {
        // Read-only or full; nobody is let in to write meanwhile.
        tracing::warn!(%error, "note where the log begins");
    }
    // From here on connections to the log before are of no use, and those to this one are.
    settings.lineage.follow(server, start, log_changed);
    shared.follow(&session.address);
    let epoch = shared.status.borrow().epoch + 1;
    shared.begin(epoch, start);
    let standby = session.standby.as_ref();
    let source = standby.map_or("primary".to_owned(), |standby| standby.address.to_string());
    shared.set(|status| {
        status.state = State::Streaming;
        status.source = source;
        status.epoch = epoch;
        status.settled = false;
        (status.received, status.applied) = (start, start);
        status.server = Some(server);
        status.last_heard = Instant::now();
        status.published = status.last_heard;
    });
    let address = session
        .standby
        .as_ref()
        .map_or(&session.address, |standby| &standby.address);
    tracing::info!(epoch, %start, %address, from_standby = session.standby.is_some(), "the feed streams");
    let mut stream = Stream::new(session, epoch, settings, shared);
    let connected = Step::Connected { epoch, log_changed };
    if outlet.send(connected).await.is_ok() {
        stream.run(outlet, settings).await?;
    }
    stream.end().await;
    Ok(())
}

/// Whether positions of `now` mean something else than those before.
fn is_another_log(before: Option<Server>, reached: Lsn, now: Server, end: Lsn) -> bool {
    // The same cluster further back was restored from a copy of its files.
    before.is_some_and(|before| before != now || end < reached)
}

/// Says that nothing is streamed, once, however many attempts fail after it.
async fn lose(
    failure: Error,
    lost: &mut Option<(Instant, String)>,
    shared: &Shared,
    outlet: &Outlet,
) -> Result<(), Closed> {
    let reason = failure.to_string();
    let is_first = lost.is_none();
    let (since, known) = lost.get_or_insert_with(|| (Instant::now(), String::new()));
    if *known != reason {
        if failure.kind() == Kind::Setting {
            tracing::error!(%reason, "the feed cannot stream until this is mended; trying again");
        } else {
            tracing::warn!(%reason, "the feed is lost; connecting again");
        }
        known.clone_from(&reason);
    }
    shared.set(|status| {
        status.state = State::Lost {
            since: *since,
            reason: reason.clone(),
        };
    });
    if is_first {
        return outlet.send(Step::Lost { reason }).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promotion_another_cluster_and_a_step_back_are_another_log() {
        let server = |system_identifier, timeline| Server {
            system_identifier,
            timeline,
        };
        let old = Some(server(1, 1));
        assert!(!is_another_log(None, Lsn(0), server(1, 1), Lsn(5)));
        assert!(!is_another_log(old, Lsn(5), server(1, 1), Lsn(5)));
        assert!(is_another_log(old, Lsn(6), server(1, 1), Lsn(5)));
        assert!(is_another_log(old, Lsn(5), server(1, 2), Lsn(9)));
        assert!(is_another_log(old, Lsn(5), server(2, 1), Lsn(9)));
    }
}
