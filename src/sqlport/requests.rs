//! From the client to Postgres: what one read brings goes on with one write. A statement is held until
//! it is whole and searched for calls of the port's functions; everything else passes unseen.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;

use super::answers::OwnAnswer;
use super::calls::Library;
use super::find;
use super::ledger::{Ask, Whose};
use super::message;
use super::own::{self, Stop};
use super::peer::{End, total};
use super::prepared::Prepared;
use super::rewrite;
use super::session::State;
use crate::feed::Socket;

/// Read at once where there is more.
const READ_BYTES: usize = 16 << 10;
/// Longest statement that is searched for calls, and longest parameters of one that has some, in bytes.
/// Longer ones pass unseen.
const MAX_BYTES: usize = 1 << 20;

/// The way of the requests.
pub(super) struct Requests<'a> {
    pub client: &'a mut ReadHalf<Socket>,
    pub database: &'a mut WriteHalf<Socket>,
    pub buffer: BytesMut,
    pub state: Arc<State>,
    pub own: mpsc::Receiver<OwnAnswer>,
    pub library: Arc<Library>,
    /// Statements with calls, by name.
    pub prepared: HashMap<Bytes, Arc<Prepared>>,
    /// What is left of a message that is passed on unseen.
    pub left: usize,
}

/// Whether a statement of the port's own may stand here.
enum Turn {
    Mine,
    /// Postgres takes no notice of what the client says here, or takes it for something else.
    Unheard,
    /// That cannot be told.
    Lost,
}

/// What to do with a message.
enum Step {
    /// It goes on when there is more of it.
    Wait,
    /// It goes on as it is.
    Pass,
    /// It is a statement with calls, or uses one.
    Call,
}

impl Requests<'_> {
    /// Passes requests on until the client says goodbye or closes the connection.
    pub async fn run(&mut self) -> Result<(), End> {
        loop {
            self.pass().await?;
            self.buffer.reserve(READ_BYTES);
            if self.client.read_buf(&mut self.buffer).await? == 0 {
                // Postgres finishes what it was asked and closes.
                self.database.shutdown().await?;
                return Ok(());
            }
        }
    }

    async fn pass(&mut self) -> Result<(), End> {
        let mut at = 0;
        loop {
            let rest = self.buffer.len() - at;
            let passed = self.left.min(rest);
            (at, self.left) = (at + passed, self.left - passed);
            let Some(total) = total(&self.buffer[at..])? else {
                break;
            };
            let tag = self.buffer[at];
            match self.step(tag, total, &self.buffer[at..]) {
                Step::Wait => break,
                Step::Pass => {
                    self.note(tag);
                    self.left = total;
                }
                Step::Call => {
                    self.write(at).await?;
                    let message = self.buffer.split_to(total).freeze();
                    self.call(tag, message).await?;
                    at = 0;
                }
            }
        }
        self.write(at).await
    }

    async fn write(&mut self, bytes: usize) -> Result<(), End> {
        if bytes > 0 {
            self.database.write_all(&self.buffer[..bytes]).await?;
            self.database.flush().await?;
            self.buffer.advance(bytes);
        }
        Ok(())
    }

    fn step(&self, tag: u8, total: usize, rest: &[u8]) -> Step {
        let may_concern = match tag {
            b'Q' | b'P' => true,
            b'B' | b'D' | b'C' => !self.prepared.is_empty(),
            _ => false,
        };
        if !may_concern || total > MAX_BYTES {
            return Step::Pass;
        }
        let Some(whole) = rest.get(..total) else {
            return Step::Wait;
        };
        let body = &whole[5..];
        let concerns = match tag {
            b'Q' => find::may_call(body),
            b'P' => {
                find::may_call(body)
                    || !self.prepared.is_empty() && self.is_prepared(message::first_text(body))
            }
            b'B' => self.is_prepared(message::second_text(body)),
            b'D' | b'C' => {
                body.first() == Some(&b'S') && self.is_prepared(message::first_text(&body[1..]))
            }
            _ => false,
        };
        if concerns { Step::Call } else { Step::Pass }
    }

    fn is_prepared(&self, name: Option<&[u8]>) -> bool {
        name.is_some_and(|name| self.prepared.contains_key(name))
    }

    /// Notes that a message of the client goes to Postgres.
    fn note(&self, tag: u8) {
        let mut ledger = self.state.ledger();
        match tag {
            b'c' | b'f' => ledger.copied(),
            _ => {
                if let Some(ask) = ask(tag) {
                    ledger.asked(ask, Whose::Client);
                }
            }
        }
    }

    /// Sends a message of the client, or one in its place.
    pub(super) async fn send(&mut self, ask: Ask, whose: Whose, message: &[u8]) -> Result<(), End> {
        self.state.ledger().asked(ask, whose);
        self.write_now(message).await
    }

    pub(super) async fn write_now(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.database.write_all(bytes).await?;
        Ok(self.database.flush().await?)
    }

    /// A message that concerns a statement with calls, or one that may be such a statement.
    async fn call(&mut self, tag: u8, whole: Bytes) -> Result<(), End> {
        if self.state.ledger().is_unheard() {
            return self.send_as_it_is(tag, &whole).await;
        }
        match tag {
            b'Q' => self.query(whole).await,
            b'P' => self.parse(whole).await,
            b'B' => self.bind(whole).await,
            b'D' => {
                let name = message::first_text(&whole[6..]).unwrap_or_default();
                let rewritten = self.prepared.get(name).map(|p| p.rewritten.clone());
                let whose = rewritten.map_or(Whose::Client, Whose::Rewritten);
                self.send(Ask::Describe, whose, &whole).await
            }
            _ => {
                let name = message::first_text(&whole[6..]).unwrap_or_default();
                self.prepared.remove(name);
                self.send_as_it_is(tag, &whole).await
            }
        }
    }

    async fn send_as_it_is(&mut self, tag: u8, whole: &[u8]) -> Result<(), End> {
        self.note(tag);
        self.write_now(whole).await
    }

    async fn query(&mut self, whole: Bytes) -> Result<(), End> {
        let text = &whole[5..whole.len().saturating_sub(1).max(5)];
        let found = find::find(text, self.state.strings_are_standard());
        let found = match found {
            Ok(None) => return self.send_as_it_is(b'Q', &whole).await,
            Ok(Some(found)) => found,
            Err(refusal) => return self.refuse(Ask::Query, &refusal).await,
        };
        match self.my_turn().await {
            Turn::Mine => {}
            Turn::Unheard => return self.send_as_it_is(b'Q', &whole).await,
            Turn::Lost => return self.refuse(Ask::Query, &super::session::lost()).await,
        }
        let mut values = Vec::new();
        for call in &found.calls {
            match self.value(&found, call, None).await {
                Ok(value) => values.push(value),
                Err(Stop::Refused(refusal)) => {
                    self.finish_own(Whose::Own).await?;
                    return self.refuse(Ask::Query, &refusal).await;
                }
                // The client was told, and is now told that the statement is over.
                Err(Stop::Told) => return self.finish_own(Whose::Client).await,
                Err(Stop::Over(end)) => return Err(end),
            }
        }
        self.finish_own(Whose::Own).await?;
        let is_utf8 = self.state.is_utf8();
        let values = values.iter().map(|value| rewrite::literal(value, is_utf8));
        let (text, rewritten) = rewrite::inline(&found, values.collect());
        let message = message::query(text.as_bytes());
        self.send(Ask::Query, Whose::Rewritten(Arc::new(rewritten)), &message)
            .await
    }

    async fn parse(&mut self, whole: Bytes) -> Result<(), End> {
        let Some(parse) = message::Parse::read(&whole[5..]) else {
            return self.send_as_it_is(b'P', &whole).await;
        };
        self.prepared.remove(parse.name);
        let found = match find::find(parse.text, self.state.strings_are_standard()) {
            Ok(None) => return self.send_as_it_is(b'P', &whole).await,
            Ok(Some(found)) => found,
            Err(refusal) => return self.refuse(Ask::Parse, &refusal).await,
        };
        let declared = parse.types.len();
        let (text, rewritten) = rewrite::with_parameters(&found, declared);
        let rewritten = Arc::new(rewritten);
        let mut types = parse.types.clone();
        types.resize(rewritten.parameters, 0);
        types.extend(found.calls.iter().map(|_| rewrite::JSON));
        let message = message::parse(parse.name, text.as_bytes(), &types);
        let prepared = Prepared {
            found,
            rewritten: rewritten.clone(),
            types: parse.types,
        };
        self.prepared
            .insert(Bytes::copy_from_slice(parse.name), Arc::new(prepared));
        self.send(Ask::Parse, Whose::Rewritten(rewritten), &message)
            .await
    }

    async fn bind(&mut self, whole: Bytes) -> Result<(), End> {
        let Some(bind) = message::Bind::read(&whole[5..]) else {
            return self.send_as_it_is(b'B', &whole).await;
        };
        let Some(prepared) = self.prepared.get(bind.statement).cloned() else {
            return self.send_as_it_is(b'B', &whole).await;
        };
        match self.my_turn().await {
            Turn::Mine => {}
            Turn::Unheard => return self.send_as_it_is(b'B', &whole).await,
            Turn::Lost => return self.refuse(Ask::Bind, &super::session::lost()).await,
        }
        let is_utf8 = self.state.is_utf8();
        let mut values = Vec::new();
        for call in &prepared.found.calls {
            let given = Some((&*prepared, &bind));
            match self.value(&prepared.found, call, given).await {
                Ok(value) => values.push(rewrite::json_text(&value, is_utf8)),
                Err(Stop::Refused(refusal)) => return self.refuse(Ask::Bind, &refusal).await,
                // The client was told; Postgres takes no notice of what comes until a Sync.
                Err(Stop::Told) => return Ok(()),
                Err(Stop::Over(end)) => return Err(end),
            }
        }
        let message = bind.with(prepared.rewritten.parameters, &values);
        let whose = Whose::Rewritten(prepared.rewritten.clone());
        self.send(Ask::Bind, whose, &message).await
    }

    /// Lets the statement fail in Postgres, so that the session is in the state that it should be in, and
    /// tells the client the reason.
    async fn refuse(&mut self, ask: Ask, refusal: &super::refusal::Refusal) -> Result<(), End> {
        const WHY: &[u8] = b"refused by the SQL port of Quire";
        let told = Whose::Refused(refusal.message().freeze().to_vec().into());
        match ask {
            Ask::Query => self.send(ask, told, &message::query(WHY)).await,
            // One that has a name leaves the client's own without one alone.
            _ => {
                let message = message::parse(own::NAME, WHY, &[]);
                self.send(Ask::Parse, told, &message).await
            }
        }
    }

    /// Waits until everything before is answered, as far as it will be.
    async fn my_turn(&mut self) -> Turn {
        if !self.state.ledger().is_quiet() {
            // What was sent without a Sync is answered at once.
            if self.write_now(message::FLUSH).await.is_err() {
                return Turn::Lost;
            }
            self.state.quiet().await;
        }
        let ledger = self.state.ledger();
        match (ledger.is_lost(), ledger.is_unheard()) {
            (true, _) => Turn::Lost,
            (false, true) => Turn::Unheard,
            (false, false) => Turn::Mine,
        }
    }
}

/// What Postgres is asked by a message with this tag; none if it does not answer.
fn ask(tag: u8) -> Option<Ask> {
    Some(match tag {
        b'P' => Ask::Parse,
        b'B' => Ask::Bind,
        b'D' => Ask::Describe,
        b'E' => Ask::Execute,
        b'C' => Ask::Close,
        b'S' => Ask::Sync,
        b'Q' => Ask::Query,
        b'F' => Ask::Function,
        _ => return None,
    })
}
