//! A server of the model: the feed's stream, its consumer and its rooms, over the real ring and the
//! real order of steps. A room holds the numbers of the transactions that it took in.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use uuid::Uuid;

use super::postgres::{NewSlot, Postgres, Written};
use super::{DOCUMENTS, Without};
use crate::change::{Change, Edit, Lsn, Transaction};
use crate::error::Result;
use crate::feed::Handle;
use crate::feed::shared::Shared;
use crate::feed::snapshot::Snapshot;
use crate::random::Random;

/// What a room holds: the numbers' low 32 bits, as in the stream.
type Held = BTreeSet<u32>;

/// A reading of the tables: what was there, and from where to read next time.
type Reading = (Held, u64);

enum Feed {
    Lost,
    /// A slot is being made.
    Connecting(NewSlot),
    Streams {
        place: usize,
        settles_at: u64,
        has_settled: bool,
    },
}

/// What waits for the consumer.
enum Step {
    Transaction(Arc<Transaction>),
    ReadAgain,
}

enum Message {
    Changes(Arc<Transaction>),
    ReadAgain,
}

type Opening = Pin<Box<dyn Future<Output = Result<(Reading, Vec<Arc<Transaction>>)>>>>;

struct Room {
    waiting: VecDeque<Message>,
    state: RoomState,
}

enum RoomState {
    Opening(Opening, Tables),
    Open { held: Held, from: u64 },
}

/// Where the model puts what a reading finds, at the moment of the schedule's choice.
type Tables = Rc<RefCell<Option<Reading>>>;

pub struct Server {
    without: Without,
    shared: Arc<Shared>,
    feed: Feed,
    steps: VecDeque<Step>,
    /// What the observer has read and not reported yet.
    seen: Option<Snapshot>,
    rooms: [Option<Room>; DOCUMENTS],
    /// Stored snapshots of documents, and the number below which they hold everything.
    folded: [Reading; DOCUMENTS],
}

impl Server {
    pub fn new(without: Without) -> Self {
        Self {
            without,
            shared: Arc::new(Shared::new()),
            feed: Feed::Lost,
            steps: VecDeque::new(),
            seen: None,
            rooms: Default::default(),
            folded: Default::default(),
        }
    }

    /// The next thing that the feed does: connect, or take in one transaction.
    pub fn stream(&mut self, postgres: &mut Postgres) {
        match &mut self.feed {
            Feed::Lost => self.feed = Feed::Connecting(NewSlot::default()),
            Feed::Connecting(slot) => {
                let Some(place) = slot.step(postgres) else {
                    return;
                };
                let settles_at = match self.without {
                    Without::Number => postgres.snapshot().xmax,
                    _ => postgres.take_number(),
                };
                self.steps.push_back(Step::ReadAgain);
                self.feed = Feed::Streams {
                    place,
                    settles_at,
                    has_settled: false,
                };
            }
            Feed::Streams { place, .. } => {
                let Some(written) = postgres.at(*place) else {
                    return;
                };
                *place += 1;
                let transaction = Arc::new(transaction(written));
                if self.without != Without::Ring {
                    self.shared.hand_over(&transaction);
                }
                self.steps.push_back(Step::Transaction(transaction));
            }
        }
    }

    /// The connection breaks, and its slot is gone.
    pub fn lose(&mut self) {
        (self.feed, self.seen) = (Feed::Lost, None);
    }

    /// The observer asks for a snapshot, or reports what it has read.
    pub fn watch(&mut self, postgres: &Postgres, random: &mut Random) {
        let Feed::Streams {
            settles_at,
            has_settled,
            ..
        } = &mut self.feed
        else {
            return;
        };
        let Some(snapshot) = self.seen.take() else {
            self.seen = Some(postgres.snapshot());
            return;
        };
        if self.without == Without::Visibility && random.chance(20) {
            let next = postgres.next();
            let all = Snapshot::parse(&format!("{next}:{next}:")).expect("a snapshot is read");
            self.shared.evict(&all, Lsn(0));
        }
        self.shared.evict(&snapshot, Lsn(0));
        if snapshot.has_passed(*settles_at) && !*has_settled {
            *has_settled = true;
            if self.without != Without::SecondRead {
                self.steps.push_back(Step::ReadAgain);
            }
        }
    }

    /// The consumer takes the next step and gives it to the rooms that are in the map.
    pub fn consume(&mut self) {
        match self.steps.pop_front() {
            Some(Step::Transaction(transaction)) => {
                let document = document_of(&transaction);
                if let Some(room) = &mut self.rooms[document] {
                    room.waiting.push_back(Message::Changes(transaction));
                }
            }
            Some(Step::ReadAgain) => {
                for room in self.rooms.iter_mut().flatten() {
                    room.waiting.push_back(Message::ReadAgain);
                }
            }
            None => {}
        }
    }

    /// Somebody wants a document: its room stands in the map from here on.
    pub fn open(&mut self, document: usize, postgres: &Postgres) {
        if self.rooms[document].is_some() {
            return;
        }
        let tables = Tables::default();
        let handle = Handle {
            shared: self.shared.clone(),
        };
        let id = Uuid::from_u128(document as u128);
        let read = until_read(tables.clone());
        let opening: Opening = match self.without {
            Without::Order => Box::pin(async move {
                let reading = read.await?;
                Ok((reading, handle.recent(Uuid::nil(), id)))
            }),
            _ => Box::pin(async move { handle.reading(Uuid::nil(), id, read).await }),
        };
        self.rooms[document] = Some(Room {
            waiting: VecDeque::new(),
            state: RoomState::Opening(opening, tables),
        });
        // Begun now or with its first turn.
        if document == 0 {
            self.work(document, postgres);
        }
    }

    /// Nobody has it open any more.
    pub fn close(&mut self, document: usize) {
        if let Some(Room {
            state: RoomState::Open { .. },
            ..
        }) = self.rooms[document]
        {
            self.rooms[document] = None;
        }
    }

    /// The room's next step.
    pub fn work(&mut self, document: usize, postgres: &Postgres) {
        let Some(room) = &mut self.rooms[document] else {
            return;
        };
        match &mut room.state {
            RoomState::Opening(opening, tables) => {
                let polled = opening
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()));
                if let Poll::Ready(opened) = polled {
                    let ((mut held, from), recent) = opened.expect("the model's tables are read");
                    held.extend(recent.iter().map(|transaction| transaction.xid));
                    room.state = RoomState::Open { held, from };
                } else if tables.borrow().is_none() {
                    // It waits for the tables, which answer with what is visible now.
                    let (mut held, from) = self.folded[document].clone();
                    held.extend(postgres.read(document, from).map(|xid| xid as u32));
                    *tables.borrow_mut() = Some((held, postgres.snapshot().xmin));
                }
            }
            RoomState::Open { held, from } => match room.waiting.pop_front() {
                Some(Message::Changes(transaction)) => drop(held.insert(transaction.xid)),
                Some(Message::ReadAgain) => {
                    held.extend(postgres.read(document, *from).map(|xid| xid as u32));
                    *from = postgres.snapshot().xmin;
                }
                None => {}
            },
        }
    }

    /// The room reads its tail and stores what it holds.
    pub fn fold(&mut self, document: usize, postgres: &Postgres) {
        if let Some(Room {
            state: RoomState::Open { held, from },
            ..
        }) = &mut self.rooms[document]
        {
            held.extend(postgres.read(document, *from).map(|xid| xid as u32));
            *from = postgres.snapshot().xmin;
            self.folded[document] = (held.clone(), *from);
        }
    }

    /// Whether every open document has all that is in the tables, which show everything now.
    pub fn compare(&self, postgres: &Postgres) -> Result<(), String> {
        for (document, room) in self.rooms.iter().enumerate() {
            let Some(room) = room else { continue };
            let RoomState::Open { held, .. } = &room.state else {
                return Err(format!("document {document} is not open yet"));
            };
            let all: Held = postgres.read(document, 0).map(|xid| xid as u32).collect();
            if *held != all {
                let lacks: Vec<_> = all.difference(held).collect();
                return Err(format!("document {document} lacks {lacks:?}"));
            }
        }
        Ok(())
    }
}

/// The reading of the tables: waits until the model has put something there.
async fn until_read(tables: Tables) -> Result<Reading> {
    std::future::poll_fn(|_| match tables.borrow().clone() {
        Some(reading) => Poll::Ready(Ok(reading)),
        None => Poll::Pending,
    })
    .await
}

fn transaction(written: &Written) -> Transaction {
    let edit = Edit {
        org_id: Uuid::nil(),
        document_id: Uuid::from_u128(written.document as u128),
        edit_id: written.xid as i64,
        account_id: Uuid::nil(),
        session_id: None,
        peer: written.xid,
        counter_start: 0,
        counter_end: 1,
        update: Bytes::new(),
    };
    Transaction {
        xid: written.xid as u32,
        end_lsn: Lsn(written.xid),
        committed_at_us: 0,
        changes: vec![Change::Edit(edit)],
    }
}

fn document_of(transaction: &Transaction) -> usize {
    match &transaction.changes[..] {
        [Change::Edit(edit)] => edit.document_id.as_u128() as usize,
        _ => unreachable!("the model's transactions have one edit"),
    }
}
