//! The parent's side: one task that owns the child, keeps the requests that it has not answered,
//! and finds the one that killed it.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::lanes::Lanes;
use super::process::Process;
use super::queue::{Command, Queue};
use super::wire::{self, Kind, put_request, take_answer};
use super::{DocKey, Refusal, Settings, Verdict};

/// Requests in bytes that wait for the child's pipe or for its answer; more stay in the queue, where
/// organisations take turns. It is milliseconds of the child's work.
const AHEAD_BYTES: usize = 128 << 10;
/// Requests that a child died of once; a second time they are refused.
const SUSPECTS: usize = 64;
const RESTART_DELAY: Duration = Duration::from_millis(500);
/// A child that got no processor time is not blamed until this many time-outs have passed.
const PATIENCE: u32 = 10;

/// The task that owns the child.
pub struct Driver {
    exe: PathBuf,
    settings: Settings,
    queue: Arc<Queue>,
    child: Process,
    out: BytesMut,
    input: BytesMut,
    sequence: u64,
    unanswered: VecDeque<Unanswered>,
    unanswered_bytes: usize,
    suspects: VecDeque<u64>,
    fingerprints: RandomState,
    watch: Watch,
    /// Of a quick child: where documents go that are too slow for it.
    way_out: Option<Arc<Lanes>>,
    /// What was answered last: a child may end after the answer, of what it was about.
    answered: Option<(u64, DocKey)>,
}

struct Unanswered {
    sequence: u64,
    doc: DocKey,
    is_seed: bool,
    payload: Bytes,
    answer: oneshot::Sender<Verdict>,
    _room: OwnedSemaphorePermit,
}

/// Since when the child works on the same request.
#[derive(Default)]
struct Watch {
    sequence: u64,
    since: Option<(Instant, Option<Duration>)>,
}

/// Why the child is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Died,
    TooSlow,
}

impl Driver {
    pub fn new(
        exe: PathBuf,
        settings: Settings,
        queue: Arc<Queue>,
        child: Process,
        way_out: Option<Arc<Lanes>>,
    ) -> Self {
        Self {
            exe,
            settings,
            queue,
            child,
            out: BytesMut::new(),
            input: BytesMut::with_capacity(64 * 1024),
            sequence: 0,
            unanswered: VecDeque::new(),
            unanswered_bytes: 0,
            suspects: VecDeque::new(),
            fingerprints: RandomState::new(),
            watch: Watch::default(),
            way_out,
            answered: None,
        }
    }

    /// Processor time that a request may take.
    fn budget(&self) -> Duration {
        match self.way_out {
            Some(_) => self.settings.budget.min(self.settings.timeout),
            None => self.settings.timeout,
        }
    }

    /// Runs until it is aborted.
    pub async fn run(mut self) {
        loop {
            let end = self.serve().await;
            self.replace_child(end).await;
        }
    }

    /// Moves requests and answers until the child is no more.
    async fn serve(&mut self) -> End {
        let tick = (self.budget() / 8).max(Duration::from_millis(1));
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.encode_waiting();
            // Everything here is cancel-safe: what was read or written is in the buffers.
            tokio::select! {
                biased;
                read = self.child.stdout.read_buf(&mut self.input) => match read {
                    Ok(bytes) if bytes > 0 => self.take_answers(),
                    _ => return End::Died,
                },
                written = self.child.stdin.write(&self.out), if !self.out.is_empty() => match written {
                    Ok(bytes) if bytes > 0 => self.out.advance(bytes),
                    _ => return self.read_rest().await,
                },
                // The next round takes it.
                () = self.queue.wait(), if self.has_room() => {}
                _ = ticks.tick(), if !self.unanswered.is_empty() => {
                    if self.is_too_slow() {
                        return End::TooSlow;
                    }
                }
            }
        }
    }

    /// An answer or a written byte makes room, and both lead to the next round.
    fn has_room(&self) -> bool {
        self.out.len() + self.unanswered_bytes < AHEAD_BYTES
    }

    fn encode_waiting(&mut self) {
        while self.has_room() {
            let Some(command) = self.queue.take() else {
                return;
            };
            match command {
                Command::Submit {
                    doc,
                    update,
                    answer,
                    room,
                } => self.request(doc, update, false, answer, room),
                Command::Seed {
                    doc,
                    snapshot,
                    answer,
                    room,
                } => self.request(doc, snapshot, true, answer, room),
                Command::Committed { doc, update } => {
                    put_request(&mut self.out, Kind::Committed, 0, doc, &update);
                }
                Command::Forget { doc } => put_request(&mut self.out, Kind::Forget, 0, doc, &[]),
            }
        }
    }

    fn request(
        &mut self,
        doc: DocKey,
        payload: Bytes,
        is_seed: bool,
        answer: oneshot::Sender<Verdict>,
        room: OwnedSemaphorePermit,
    ) {
        self.sequence += 1;
        let kind = if is_seed { Kind::Seed } else { Kind::Submit };
        put_request(&mut self.out, kind, self.sequence, doc, &payload);
        self.unanswered_bytes += payload.len();
        self.unanswered.push_back(Unanswered {
            sequence: self.sequence,
            doc,
            is_seed,
            payload,
            answer,
            _room: room,
        });
    }

    fn take_answers(&mut self) {
        while let Some((sequence, verdict)) = take_answer(&mut self.input) {
            let request = self
                .unanswered
                .pop_front()
                .filter(|request| request.sequence == sequence)
                .expect("the child answers in order");
            self.unanswered_bytes -= request.payload.len();
            self.answered = Some((sequence, request.doc));
            // Whoever asked may have gone.
            let _ = request.answer.send(verdict);
        }
        self.input.reserve(wire::ANSWER_BYTES);
    }

    /// The child closed its end: it may have answered before.
    async fn read_rest(&mut self) -> End {
        while let Ok(1..) = self.child.stdout.read_buf(&mut self.input).await {
            self.take_answers();
        }
        End::Died
    }

    fn is_too_slow(&mut self) -> bool {
        let sequence = self.child.sequence();
        let is_in_work = self
            .unanswered
            .front()
            .is_some_and(|request| request.sequence == sequence);
        if !is_in_work || sequence != self.watch.sequence {
            self.watch = Watch {
                sequence,
                since: None,
            };
        }
        if !is_in_work {
            return false;
        }
        let cpu_time = self.child.cpu_time();
        let (since, cpu_then) = *self
            .watch
            .since
            .get_or_insert_with(|| (Instant::now(), cpu_time));
        let took = cpu_time
            .unwrap_or_default()
            .saturating_sub(cpu_then.unwrap_or_default());
        let timeout = self.budget();
        // On a busy machine the child may get no processor at all, which is not the update's fault.
        took >= timeout || since.elapsed() >= timeout * PATIENCE
    }

    /// Answers what the dead child left, and starts another.
    async fn replace_child(&mut self, end: End) {
        let culprit = self.child.sequence();
        let child = loop {
            match Process::start(&self.exe, &self.settings) {
                Ok(child) => break child,
                Err(error) => {
                    tracing::error!(%error, "restart the trial; trying again");
                    self.give_up();
                    tokio::time::sleep(RESTART_DELAY).await;
                }
            }
        };
        let dead = std::mem::replace(&mut self.child, child);
        let status = dead.end().await;
        self.out.clear();
        self.input.clear();
        self.watch = Watch::default();
        self.unanswered_bytes = 0;
        let answered = self.answered.take().filter(|(last, _)| *last == culprit);
        let mut blamed = answered.map(|(_, doc)| doc);
        if let (Some(doc), Some(lanes)) = (blamed, &self.way_out) {
            lanes.slow_down(doc, Instant::now());
        }
        for request in std::mem::take(&mut self.unanswered) {
            let verdict = if request.sequence == culprit {
                blamed = Some(request.doc);
                self.blame(&request, end)
            } else {
                Verdict::NeedsDocument
            };
            let _ = request.answer.send(verdict);
        }
        match blamed {
            Some(doc) => tracing::warn!(
                document_id = %doc.document_id, status, too_slow = end == End::TooSlow,
                "an update ended the trial's process; restarted"
            ),
            None => tracing::info!(status, "the trial's process ended; restarted"),
        }
    }

    /// The child died in this request. It may have been killed from outside, so the first time
    /// the request is only suspected.
    fn blame(&mut self, request: &Unanswered, end: End) -> Verdict {
        if let Some(lanes) = &self.way_out {
            lanes.slow_down(request.doc, Instant::now());
            return Verdict::NeedsDocument;
        }
        if end == End::TooSlow {
            return Verdict::Refused(Refusal::TooSlow);
        }
        // A document that does not fit is the same document at its next snapshot.
        let payload = if request.is_seed {
            &[][..]
        } else {
            &request.payload[..]
        };
        let fingerprint = self
            .fingerprints
            .hash_one((request.doc, request.is_seed, payload));
        if self.suspects.contains(&fingerprint) {
            return Verdict::Refused(Refusal::Killed);
        }
        if self.suspects.len() == SUSPECTS {
            self.suspects.pop_front();
        }
        self.suspects.push_back(fingerprint);
        Verdict::NeedsDocument
    }

    /// Without a child nothing is tried: whoever waits hears that it is unavailable.
    fn give_up(&mut self) {
        self.unanswered.clear();
        self.queue.clear();
    }
}
