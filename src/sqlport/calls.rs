//! The value of a call: its arguments are computed by Postgres, the document's rows come over the
//! client's session, and what they say is worked out beside the threads that pass bytes on.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use uuid::Uuid;

use super::find::{Call, Found};
use super::function::Function;
use super::message::Bind;
use super::own::{Stop, Value};
use super::prepared::Prepared;
use super::reads::broken;
use super::refusal::Refusal;
use super::requests::Requests;
use super::rewrite;
use super::rows;
use super::shelf::{Asked, Key, Moment, Shelf, Work};
use crate::document::history::{self, Budget, Limits};
use crate::postgres::Lineage;
use crate::presence::Presence;
use crate::traces;

const PORT_ROOMS: &str = include_str!("../../sql/port_rooms.sql");

/// Calls that are worked out at the same time.
const AT_ONCE: usize = 2;
/// How long one may take.
const TIME: Duration = Duration::from_secs(120);
/// Longest value in bytes of JSON.
const MAX_BYTES: usize = 96 << 20;

pub(super) const UUID: u32 = 2950;
const UUIDS: u32 = 2951;
pub(super) const BIGINT: u32 = 20;
pub(super) const BYTEA: u32 = 17;
pub(super) const TEXT: u32 = 25;

const HINT: &str = "The arguments of Quire's functions are computed before the statement runs: they cannot use its columns.";

/// Whatever sessions share to work calls out.
pub(super) struct Library {
    presence: Presence,
    lineage: Lineage,
    turns: Arc<Semaphore>,
    shelf: Arc<Shelf>,
}

impl Library {
    pub fn new(presence: Presence, lineage: Lineage) -> Self {
        Self {
            presence,
            lineage,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            shelf: Arc::default(),
        }
    }
}

/// An argument besides the document: its text, unless it is null, and its type.
type Argument = (Option<String>, String);

impl Requests<'_> {
    /// What a call gives, as JSON. Everything before it must be answered.
    pub(super) async fn value(
        &mut self,
        found: &Found,
        call: &Call,
        given: Option<(&Prepared, &Bind<'_>)>,
    ) -> Result<String, Stop> {
        match call.function {
            Function::Presence => return self.presence().await,
            Function::Servers => return self.servers().await,
            _ => {}
        }
        let empty = if call.function.gives_rows() {
            "[]"
        } else {
            "null"
        };
        let (document_id, others) = self.arguments(found, call, given).await?;
        let Some(document_id) = document_id else {
            return Ok(empty.to_owned());
        };
        let Some(document) = self.document(document_id).await? else {
            return Ok(empty.to_owned());
        };
        let mut moments = [
            Moment::At(history::Moment::Now),
            Moment::At(history::Moment::Now),
        ];
        if call.function == Function::Operations {
            moments[0] = Moment::Start;
        }
        for (moment, argument) in moments.iter_mut().zip(others) {
            match argument {
                None => {}
                // As everywhere in SQL: of nothing known nothing is known.
                Some((None, _)) => return Ok(empty.to_owned()),
                Some((Some(text), of)) => *moment = self.moment(&document, text, &of).await?,
            }
        }
        let mut span = traces::root("sql function");
        if let Some(span) = &mut span {
            span.serve();
            span.set("quire.function", call.function.name());
            span.set("quire.document_id", document.document_id);
        }
        let asked = Asked {
            function: call.function,
            title: document.title.clone(),
            moments,
            most_bytes: MAX_BYTES,
        };
        let turn = Arc::new(self.turn().await?);
        let shelf = self.library.shelf.clone();
        let key = Key {
            era: self.library.lineage.era(),
            org_id: document.org_id,
            document_id: document.document_id,
        };
        // What the client sees may not be what was seen before: then all of it is read.
        for since in [shelf.since(key), 0] {
            let (stand, rows) = self.rows(key, since).await?;
            let work = Work {
                key,
                shelf: shelf.clone(),
                since,
                stand,
                rows,
                _turn: turn.clone(),
            };
            if let Some(value) = self.work(asked.clone(), work).await? {
                return Ok(value);
            }
        }
        Err(broken().into())
    }

    /// Waits until one more call may be worked out.
    async fn turn(&mut self) -> Result<OwnedSemaphorePermit, Stop> {
        let turns = self.library.turns.clone();
        let state = self.state.clone();
        let turn = tokio::select! {
            biased;
            () = state.cancelled.notified() => return Err(cancelled().into()),
            turn = timeout(TIME, turns.acquire_owned()) => turn,
        };
        match turn {
            Ok(Ok(turn)) => Ok(turn),
            _ => {
                Err(Refusal::error("53000", "too many documents are being read: try again").into())
            }
        }
    }

    /// The document and the other arguments, computed by Postgres.
    async fn arguments(
        &mut self,
        found: &Found,
        call: &Call,
        given: Option<(&Prepared, &Bind<'_>)>,
    ) -> Result<(Option<Uuid>, [Option<Argument>; 2]), Stop> {
        let (sql, rewritten, used) = rewrite::arguments(found, call);
        let parameters = used.iter().map(|number| match given {
            Some((prepared, bind)) => prepared.given(bind, *number),
            None => (0, (0, None)),
        });
        let (types, values): (Vec<u32>, Vec<Value<'_>>) = parameters.unzip();
        self.state
            .set_own_places((Some(Arc::new(rewritten)), Some(HINT)));
        let mut rows = Vec::new();
        let outcome = self.own(&sql, &types, &values, |row| {
            rows.push(row);
            match rows.len() {
                1 => Ok(()),
                _ => Err(Refusal::error(
                    "21000",
                    "an argument is more than one value",
                )),
            }
        });
        let outcome = outcome.await;
        self.state.set_own_places((None, None));
        outcome?;
        let mut row = rows.pop().unwrap_or_default().into_iter();
        let document_id = row
            .next()
            .flatten()
            .and_then(|id| Uuid::from_slice(&id).ok());
        let text = |value: Option<Option<Bytes>>| {
            value
                .flatten()
                .map(|text| String::from_utf8_lossy(&text).into_owned())
        };
        let mut other = || {
            let (value, of) = (text(row.next()), text(row.next()));
            of.map(|of| (value, of))
        };
        Ok((document_id, [other(), other()]))
    }

    /// Works a call out, off the threads that pass bytes on. None: the rows are not those that they
    /// should be.
    async fn work(&mut self, asked: Asked, work: Work) -> Result<Option<String>, Stop> {
        let budget = Budget::new(Limits::default(), TIME);
        let cancel = budget.cancel();
        let working = tokio::task::spawn_blocking(move || work.value(&asked, &budget));
        let state = self.state.clone();
        let outcome = tokio::select! {
            biased;
            () = state.cancelled.notified() => {
                cancel.store(true, Ordering::Relaxed);
                return Err(cancelled().into());
            }
            outcome = working => outcome,
        };
        let outcome = outcome.unwrap_or_else(|error| {
            tracing::error!(%error, "work out a call of the SQL port");
            Err(Refusal::error("XX000", "the document cannot be read"))
        });
        Ok(outcome?)
    }

    async fn presence(&mut self) -> Result<String, Stop> {
        let people = self.library.presence.people();
        let ids: HashSet<Uuid> = people.iter().map(|person| person.document_id).collect();
        let ids = rows::uuids(ids.into_iter());
        let mut seen = HashSet::new();
        let values = [(1, Some(&ids[..]))];
        self.own(PORT_ROOMS, &[UUIDS], &values, |row| {
            let room = row.iter().flatten().map(|id| Uuid::from_slice(id).ok());
            if let [Some(org_id), Some(document_id)] = room.collect::<Vec<_>>()[..] {
                seen.insert((org_id, document_id));
            }
            Ok(())
        })
        .await?;
        Ok(rows::people(people, |person| {
            seen.contains(&(person.org_id, person.document_id))
        }))
    }

    async fn servers(&mut self) -> Result<String, Stop> {
        // Who may read no document is told nothing of the servers either.
        let none = rows::uuids(std::iter::empty());
        let values = [(1, Some(&none[..]))];
        self.own(PORT_ROOMS, &[UUIDS], &values, |_| Ok(())).await?;
        Ok(rows::servers(self.library.presence.known_servers()))
    }
}

fn cancelled() -> Refusal {
    Refusal::error("57014", "canceling statement due to user request")
}
