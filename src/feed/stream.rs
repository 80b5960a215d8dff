//! The loop over a running stream: reads a message, keeps it in the ring, hands it over. It reads
//! no faster than the consumer takes; the database keeps the rest.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::backend::{COPY_DATA_TAG, ERROR_RESPONSE_TAG, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::address::Socket;
use super::assembly::{Assembly, Output};
use super::confirm::{Wishes, confirm};
use super::outlet::{Closed, Outlet};
use super::pgoutput::Envelope;
use super::session::Session;
use super::shared::Shared;
use super::standby::{await_standby, follow};
use super::visibility::{Goal, watch};
use super::wire::{COPY_DONE, Frame, Frames, Refusal, unexpected};
use super::{Settings, Step};
use crate::config::FeedSource;
use crate::error::{Error, Kind, Result};

/// How often the database hears from us, at most.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// How long an orderly end may take; after it the connection is dropped.
const FAREWELL: Duration = Duration::from_secs(3);

/// A stream with the tasks that belong to it.
pub(super) struct Stream {
    frames: Frames<ReadHalf<Socket>>,
    assembly: Assembly,
    shared: Arc<Shared>,
    wishes: Arc<Wishes>,
    confirming: JoinHandle<Result<WriteHalf<Socket>>>,
    watching: JoinHandle<()>,
    settled: Option<oneshot::Receiver<()>>,
    /// Where standbys may stream: looks whether this is still the right source.
    following: Option<JoinHandle<()>>,
    /// Why the stream must not go on.
    failed: mpsc::Receiver<Error>,
    epoch: u64,
}

impl Stream {
    /// Starts the tasks around `session`.
    pub fn new(session: Session, epoch: u64, settings: &Settings, shared: &Arc<Shared>) -> Self {
        let wishes = Arc::new(Wishes::default());
        let timeout = session.observer.sender_timeout;
        let interval = timeout.map_or(STATUS_INTERVAL, |timeout| STATUS_INTERVAL.min(timeout / 4));
        let (settle, settled) = oneshot::channel();
        let (fail, failed) = mpsc::channel(2);
        let following = (settings.source == FeedSource::Standby).then(|| {
            let (server, settings, shared) = (session.server, settings.clone(), shared.clone());
            let fail = fail.clone();
            match session.standby {
                Some(standby) => {
                    tokio::spawn(follow(standby.observer, server, settings, shared, fail))
                }
                None => tokio::spawn(await_standby(server, settings, shared, fail)),
            }
        });
        let goal = Goal {
            settles_at: session.settles_at,
            settled: Some(settle),
            publication: session.publication,
            changed: fail,
        };
        Self {
            frames: session.frames,
            assembly: Assembly::new(),
            shared: shared.clone(),
            wishes: wishes.clone(),
            confirming: tokio::spawn(confirm(session.writer, shared.clone(), wishes, interval)),
            watching: tokio::spawn(watch(
                session.observer,
                session.address,
                settings.clone(),
                shared.clone(),
                goal,
            )),
            settled: Some(settled),
            following,
            failed,
            epoch,
        }
    }

    /// Reads until the consumer is gone (`Ok`) or the stream is lost (the error says why).
    pub async fn run(&mut self, outlet: &Outlet, settings: &Settings) -> Result<()> {
        let mut was_asked = false;
        loop {
            self.check_source()?;
            let next = match self.ready(settings)? {
                Some(frame) => Next::Frame(frame),
                None => tokio::select! {
                    biased;
                    () = outlet.closed() => return Ok(()),
                    next = self.wait(settings) => next?,
                },
            };
            let handed = match next {
                Next::Frame(frame) => {
                    was_asked = false;
                    self.shared.heard();
                    self.take(frame, outlet).await?
                }
                Next::Settled => {
                    self.shared.set(|status| status.settled = true);
                    tracing::debug!(epoch = self.epoch, "the feed has settled");
                    outlet.send(Step::Settled { epoch: self.epoch }).await
                }
                Next::Silence if was_asked => {
                    return Err(Error::new(
                        Kind::Unavailable,
                        "the database has not been heard of for too long",
                    ));
                }
                Next::Silence => {
                    was_asked = true;
                    self.wishes.ask.notify_one();
                    Ok(())
                }
            };
            if let Err(Closed) = handed {
                return Ok(());
            }
        }
    }

    /// Errors: when the standby that streams is not fit for it any more, or the publication has changed.
    fn check_source(&mut self) -> Result<()> {
        self.failed.try_recv().map_or(Ok(()), Err)
    }

    /// A message that was read already, if it may be taken: a shorter way under load.
    fn ready(&mut self, settings: &Settings) -> Result<Option<Frame>> {
        if self.shared.ring().bytes() >= settings.ring_bytes {
            return Ok(None);
        }
        self.frames.ready()
    }

    /// What comes next. Cancel-safe.
    async fn wait(&mut self, settings: &Settings) -> Result<Next> {
        self.shared.has_room(settings.ring_bytes).await;
        let settled = async {
            match &mut self.settled {
                Some(settled) => settled.await.is_ok(),
                None => std::future::pending().await,
            }
        };
        let is_settled = tokio::select! {
            biased;
            is_settled = settled => is_settled,
            failed = self.failed.recv() => return Err(failed.unwrap_or_else(|| ended("watches the source"))),
            frame = self.frames.next() => return frame.map(Next::Frame),
            // Counts only while somebody reads: a held-up reader proves nothing.
            () = tokio::time::sleep(settings.silence) => return Ok(Next::Silence),
        };
        self.settled = None;
        if is_settled {
            return Ok(Next::Settled);
        }
        Err(ended("watches visibility"))
    }

    async fn take(&mut self, frame: Frame, outlet: &Outlet) -> Result<Result<(), Closed>> {
        match frame.tag {
            COPY_DATA_TAG => match Envelope::decode(frame.body())? {
                Envelope::Keepalive { lsn, wants_reply } => {
                    // Inside of a transaction, the log before its commit says nothing new.
                    if !self.assembly.is_inside() {
                        self.shared.pass(lsn);
                    }
                    if wants_reply {
                        self.wishes.answer.notify_one();
                    }
                    Ok(Ok(()))
                }
                Envelope::Data {
                    sent_at_us,
                    message,
                } => match self.assembly.take(message, sent_at_us)? {
                    Output::Nothing => Ok(Ok(())),
                    Output::Passed(lsn) => {
                        self.shared.pass(lsn);
                        Ok(Ok(()))
                    }
                    Output::Transaction(transaction) => {
                        let transaction = Arc::new(transaction);
                        // Into the ring first: whoever registers a document after this finds it there.
                        self.shared.hand_over(&transaction);
                        Ok(outlet.send(Step::Transaction(transaction)).await)
                    }
                },
            },
            COPY_DONE => Err(Error::new(
                Kind::Unavailable,
                "the database ended the stream",
            )),
            ERROR_RESPONSE_TAG => match frame.message()? {
                Message::ErrorResponse(body) => {
                    Err(Refusal::read(body.fields()).into_error("stream"))
                }
                _ => Err(unexpected("stream")),
            },
            _ => Err(unexpected("stream")),
        }
    }

    /// Ends the stream in order and waits until the database has dropped the slot.
    pub async fn end(mut self) {
        self.wishes.end.notify_one();
        let farewell = async {
            let mut writer = match (&mut self.confirming).await {
                Ok(Ok(writer)) => writer,
                // The connection is broken, so the database ends it by itself.
                Ok(Err(_)) | Err(_) => return,
            };
            // What is still on its way comes first, then the database's own CopyDone.
            while let Ok(frame) = self.frames.next().await {
                if frame.tag == COPY_DONE {
                    let mut out = BytesMut::new();
                    frontend::terminate(&mut out);
                    if writer.write_all(&out).await.is_err() {
                        return;
                    }
                }
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::debug!("the database did not end the stream in time; dropping it");
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.confirming.abort();
        self.watching.abort();
        if let Some(following) = &self.following {
            following.abort();
        }
    }
}

fn ended(what: &str) -> Error {
    Error::new(Kind::Internal, format!("the task that {what} has ended"))
}

enum Next {
    Frame(Frame),
    Settled,
    Silence,
}
