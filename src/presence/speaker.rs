//! A server says in the log that it lives, how it is and who is where.

use std::time::Duration;

use super::Presence;
use super::message::{Message, Server};
use super::outgoing::News;
use super::state::State;
use crate::error::Result;
use crate::feed::message::emit;
use crate::metrics::Counter;
use crate::postgres::failed;

/// Changes within this time go into one message.
const TICK: Duration = Duration::from_millis(40);
/// How often a server says that it lives and how it is: one message in the log, some 600 bytes. It is so
/// short that whoever looks sees within 5 s that a server does so no more, or hears its own words late.
const HEARTBEAT: Duration = Duration::from_secs(1);
pub(super) static SENT: Counter = Counter::new(
    "quire_presence_messages_total",
    "Messages with presence or a heartbeat that this server wrote into the log.",
);
pub(super) static FAILED: Counter = Counter::new(
    "quire_presence_failures_total",
    "Messages with presence or a heartbeat that could not be written; what they said is said again.",
);

impl Presence {
    /// Writes messages into the log until `stop` completes, then says that this server leaves.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let emitted = self.emit(|state| state.standing()).await;
            let was_failing = std::mem::replace(&mut self.state().is_failing, emitted.is_err());
            // It is shown late; nothing is lost by that.
            if let Err(error) = emitted {
                FAILED.increment();
                if !was_failing {
                    tracing::warn!(%error, "write presence into the log; it is tried every second");
                }
            }
            let changed = async {
                tokio::time::sleep(TICK).await;
                self.shared.changed.notified().await;
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = tokio::time::timeout(HEARTBEAT, changed) => {}
            }
        }
        if let Err(error) = self.emit(|_| Server::Leaves).await {
            tracing::info!(%error, "say in the log that this server leaves");
        }
    }

    async fn emit(&self, server: impl FnOnce(&mut State) -> Server) -> Result<()> {
        let client = self
            .shared
            .pool
            .get()
            .await
            .map_err(failed("emit presence"))?;
        let (server, entries, vitals) = {
            let mut state = self.state();
            (
                server(&mut state),
                state.outgoing.take(),
                state.take_vitals(),
            )
        };
        let message = Message {
            server_id: self.shared.server_id,
            server,
            address: self.shared.address.clone(),
            entries,
            vitals,
        };
        // Before it is written: it may come back before the answer does.
        self.state().say_now();
        let written = emit(&client, &message.encode()).await;
        match written {
            Ok(()) => {
                SENT.increment();
                if !self.state().outgoing.is_empty() {
                    self.shared.changed.notify_one();
                }
                Ok(())
            }
            Err(error) => {
                let mut state = self.state();
                state.said.pop_back();
                state.is_asking |= server == Server::Started;
                // That somebody left would else be known nowhere until the lease is over.
                for entry in message.entries {
                    let news = News {
                        data: entry.data,
                        is_removal: entry.is_removal,
                    };
                    state.outgoing.say_again((entry.room, entry.key), news);
                }
                Err(error)
            }
        }
    }
}
