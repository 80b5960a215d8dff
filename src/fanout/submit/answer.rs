//! What becomes of submissions, and how it is told: to a client in the protocol's words, to a
//! request by the status alone.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Submission;
use crate::commit::{Outcome, Refusal};
use crate::document::trial::{self, DocKey};
use crate::fanout::outbox::Outbox;
use crate::fanout::{Room, Shared};
use crate::protocol::{self, AckStatus, BatchId, Frame, RoomErrorCode, RoomKind, Text};

/// Who is told.
pub enum Respondent {
    /// A connection, about its batch.
    Client { outbox: Outbox, batch: BatchId },
    /// A request, which may have been given up.
    Request(oneshot::Sender<AckStatus>),
}

/// What became of one update, or will.
pub(super) enum Fate {
    Known(Answer),
    Committing(oneshot::Receiver<Outcome>),
}

/// What the client is told of one update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// The batch's status, and the room error that follows it.
    Refused(AckStatus, Mend),
}

/// What a client can do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mend {
    /// Join again: it lacks something, or the lease.
    Rejoin,
    /// Nothing: it has lost its right to the room.
    Nothing,
}

pub(super) struct Receipt {
    pub submission: Submission,
    pub fates: Vec<Fate>,
}

impl Fate {
    /// Waits for what is not known yet.
    pub async fn settle(&mut self, shared: &Shared, key: DocKey) -> Answer {
        let answer = match self {
            Self::Known(answer) => *answer,
            Self::Committing(outcome) => match outcome.await {
                Ok(Outcome::Committed | Outcome::AlreadyThere) => Answer::Done,
                Ok(Outcome::Refused(refusal)) => {
                    // The staging copy holds what the database refused.
                    shared.trial.forget(key);
                    Answer::of(refusal)
                }
                Err(_) => Answer::Refused(AckStatus::AppError, Mend::Rejoin),
            },
        };
        *self = Self::Known(answer);
        answer
    }
}

/// Answers in order, when what was handed over is committed or refused.
pub(super) async fn answer(
    shared: Arc<Shared>,
    key: DocKey,
    mut receipts: mpsc::Receiver<(Receipt, OwnedSemaphorePermit)>,
) {
    let room = Text::from(Room::name(&key));
    while let Some((receipt, place)) = receipts.recv().await {
        let mut whole = Answer::Done;
        let updates = receipt.fates.len();
        for mut fate in receipt.fates {
            let answer = fate.settle(&shared, key).await;
            if whole == Answer::Done {
                whole = answer;
            }
        }
        let Submission {
            respondent,
            permit,
            way,
            ..
        } = receipt.submission;
        match respondent {
            Respondent::Client { outbox, batch } => {
                for message in whole.messages(batch) {
                    let frame = Frame {
                        kind: RoomKind::Document,
                        room: room.clone(),
                        message,
                    };
                    let frame = protocol::encode(&frame);
                    outbox.answer(frame.expect("an answer is far below the limits"));
                }
            }
            Respondent::Request(told) => {
                let status = whole.status();
                if status == AckStatus::InvalidUpdate {
                    // It was made of rows that the trial's copy may lack; the next one has them.
                    shared.trial.forget(key);
                }
                // A request that was given up has nobody to tell.
                let _ = told.send(status);
            }
        }
        if let Some(way) = way {
            way.acknowledged(updates, whole == Answer::Done);
        }
        drop((permit, place));
    }
}

pub(super) fn status_of(refusal: trial::Refusal) -> AckStatus {
    match refusal {
        trial::Refusal::TooLarge => AckStatus::PayloadTooLarge,
        _ => AckStatus::InvalidUpdate,
    }
}

impl Answer {
    fn status(self) -> AckStatus {
        match self {
            Self::Done => AckStatus::Ok,
            Self::Refused(status, _) => status,
        }
    }

    fn of(refusal: Refusal) -> Self {
        let (status, mend) = match refusal {
            Refusal::SignedOut | Refusal::DocumentDeleted => {
                (AckStatus::PermissionDenied, Mend::Nothing)
            }
            // Whoever may not write any more may still read, and whoever writes with somebody
            // else's peer gets one of its own: the join tells.
            Refusal::Forbidden | Refusal::NotOwner => (AckStatus::PermissionDenied, Mend::Rejoin),
            Refusal::LeaseLost | Refusal::OutOfOrder { .. } | Refusal::Busy => {
                (AckStatus::InvalidUpdate, Mend::Rejoin)
            }
            Refusal::Unstorable => (AckStatus::InvalidUpdate, Mend::Rejoin),
            Refusal::LogChanged => (AckStatus::AppError, Mend::Rejoin),
        };
        Self::Refused(status, mend)
    }

    fn messages(self, batch: BatchId) -> Vec<protocol::Message> {
        let ack = |status| protocol::Message::Ack { batch, status };
        match self {
            Self::Done => vec![ack(AckStatus::Ok)],
            Self::Refused(status, mend) => {
                let (code, message) = match mend {
                    Mend::Rejoin => (
                        RoomErrorCode::RejoinSuggested,
                        "an update was refused; join again and send what the server lacks",
                    ),
                    Mend::Nothing => (
                        RoomErrorCode::Evicted,
                        "you may no longer edit this document",
                    ),
                };
                vec![
                    ack(status),
                    protocol::Message::RoomError {
                        code,
                        message: message.into(),
                    },
                ]
            }
        }
    }
}
