//! The loop that applies the log: each step to rooms, presence and connections, then confirmed.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::tend::recheck;
use crate::activity::Activity;
use crate::change::{Change, EventKind, Transaction};
use crate::convergence::Convergence;
use crate::directory::Directory;
use crate::fanout::Fanout;
use crate::feed::{self, Feed, Step};
use crate::postgres::Pool;
use crate::presence::Presence;
use crate::purge::Purges;
use crate::text::Texts;
use crate::traces::{self, Span};
use crate::websocket;

/// Applies the log, in its order.
pub(super) struct Applier {
    pub pool: Pool,
    pub directory: Directory,
    pub fanout: Fanout,
    pub convergence: Convergence,
    pub presence: Presence,
    pub texts: Texts,
    pub purges: Purges,
    pub websockets: Arc<websocket::State>,
    pub activity: Activity,
    pub handle: feed::Handle,
}

impl Applier {
    pub async fn run(self, mut feed: Feed, stop: CancellationToken) {
        loop {
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                step = feed.next() => step,
            };
            match step {
                Step::Transaction(transaction) => {
                    self.apply(&transaction, feed.read_at()).await;
                    feed.applied(transaction.end_lsn);
                }
                Step::Connected { log_changed, .. } => {
                    self.convergence.unsettled(log_changed);
                    self.presence.connected();
                    let server = self.handle.status().borrow().server;
                    let identifier = server.map_or(0, |server| server.system_identifier);
                    self.fanout.connected(identifier, log_changed).await;
                    self.texts.look_through();
                    self.purges.look_through();
                    self.catch_up().await;
                }
                Step::Settled { .. } => {
                    self.fanout.settled().await;
                    self.texts.look_through();
                    self.purges.look_through();
                    self.convergence.settled();
                    self.catch_up().await;
                }
                Step::Lost { reason } => {
                    self.convergence.unsettled(false);
                    tracing::warn!(
                        reason,
                        "the feed was lost; edits are committed meanwhile and shown later"
                    );
                }
            }
        }
        feed.stop().await;
    }

    /// What was committed while nothing was streamed is looked up in the tables.
    async fn catch_up(&self) {
        if let Err(error) = self.directory.read(&self.pool).await {
            tracing::warn!(%error, "read where organisations are served");
        }
        if recheck(&self.websockets, &self.fanout, &self.presence).await
            && let Err(error) = self.presence.refresh().await
        {
            tracing::warn!(%error, "look up what readers are to be told");
        }
    }

    /// Of a transaction with edits, if it is traced.
    fn delivery(&self, transaction: &Transaction, read: Option<Instant>) -> Option<Span> {
        let is_edit = |change: &&Change| matches!(change, Change::Edit(_));
        // While traces are off nothing was noted.
        read?;
        let edits = transaction.changes.iter().filter(is_edit).count();
        if edits == 0 {
            return None;
        }
        let log = || self.pool.lineage().server();
        let traced = traces::Transaction::of(log, transaction.xid)?;
        let mut span = traced.delivery(read)?;
        span.set("quire.edits", edits);
        Some(span)
    }

    /// Before rooms are told: whoever joins again is answered by it.
    fn place(&self, transaction: &Transaction) {
        for change in &transaction.changes {
            if let Change::Event(event) = change
                && let (Some(org_id), Some(placed)) = (event.org_id, &event.placed)
            {
                self.directory.note(org_id, placed);
            }
        }
    }

    async fn apply(&self, transaction: &Arc<Transaction>, read: Option<Instant>) {
        self.place(transaction);
        let span = self.delivery(transaction, read);
        let place = span.as_ref().map(Span::place);
        self.fanout.deliver(transaction, place).await;
        drop(span);
        self.texts.hear(transaction);
        self.purges.hear(transaction);
        self.activity.hear(transaction, Instant::now());
        for change in &transaction.changes {
            match change {
                Change::Message(bytes) => {
                    let position = transaction.end_lsn;
                    if !self.convergence.receive(bytes, position).await {
                        self.presence.receive(bytes);
                    }
                }
                Change::Event(event) => {
                    if let (EventKind::SessionEnded, Some(session_id)) =
                        (event.kind, event.session_id)
                    {
                        self.websockets.session_ended(session_id);
                    }
                    self.presence.event(event);
                }
                Change::Edit(_) => {}
            }
        }
    }
}
