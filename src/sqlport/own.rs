//! Statements of the port's own in the client's session, between the client's: within its transaction and
//! with its rights, so that grants and row-level security decide. They are of the extended protocol and
//! without a Sync, so that an error is what it would be for a statement of the client: the transaction
//! fails, and what comes until a Sync is not read.

use bytes::{Bytes, BytesMut};

use super::answers::OwnAnswer;
use super::ledger::{Ask, Whose};
use super::message::{self, FLUSH, SYNC};
use super::peer::End;
use super::refusal::Refusal;
use super::requests::Requests;

/// The name of the port's own statement and portal in a session.
pub(super) const NAME: &[u8] = b"quire_port";
/// Rows that are fetched at once.
const ROWS: u32 = 1_000;

/// A value of a parameter: format, bytes.
pub(super) type Value<'a> = (u16, Option<&'a [u8]>);

/// Why a call has no value.
#[derive(Debug)]
pub(super) enum Stop {
    /// Postgres refused a statement of the port's own, and the client has been told.
    Told,
    /// The client is to be told this.
    Refused(Refusal),
    /// The session is over.
    Over(End),
}

impl From<End> for Stop {
    fn from(end: End) -> Self {
        Self::Over(end)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Requests<'_> {
    /// Runs a statement and gives each row to `each`, which may refuse to have more. Everything before it
    /// must be answered.
    pub(super) async fn own(
        &mut self,
        sql: &str,
        types: &[u32],
        values: &[Value<'_>],
        mut each: impl FnMut(Vec<Option<Bytes>>) -> Result<(), Refusal>,
    ) -> Result<(), Stop> {
        // A former one may have been left behind by an error.
        let begin: [(Ask, Bytes); 4] = [
            (Ask::Close, message::close(b'S', NAME)),
            (Ask::Parse, message::parse(NAME, sql.as_bytes(), types)),
            (Ask::Bind, message::bind(NAME, values)),
            (Ask::Execute, message::execute(NAME, ROWS)),
        ];
        self.send_own(&begin).await?;
        let mut outcome = Ok(());
        loop {
            match self.own.recv().await {
                None | Some(OwnAnswer::Failed) => return Err(Stop::Told),
                Some(OwnAnswer::Message(b'D', body)) if outcome.is_ok() => {
                    let row = message::row(body).ok_or_else(broken);
                    outcome = row.and_then(&mut each);
                }
                Some(OwnAnswer::Message(b's', _)) if outcome.is_ok() => {
                    let more = [(Ask::Execute, message::execute(NAME, ROWS))];
                    self.send_own(&more).await?;
                }
                Some(OwnAnswer::Message(b'C' | b'I' | b's', _)) => break,
                Some(OwnAnswer::Message(..)) => {}
            }
        }
        let end: [(Ask, Bytes); 2] = [
            (Ask::Close, message::close(b'P', NAME)),
            (Ask::Close, message::close(b'S', NAME)),
        ];
        self.send_own(&end).await?;
        for _ in &end {
            if let None | Some(OwnAnswer::Failed) = self.own.recv().await {
                return Err(Stop::Told);
            }
        }
        Ok(outcome?)
    }

    async fn send_own(&mut self, messages: &[(Ask, Bytes)]) -> Result<(), End> {
        let mut bytes = BytesMut::new();
        {
            let mut ledger = self.state.ledger();
            for (ask, message) in messages {
                ledger.asked(*ask, Whose::Own);
                bytes.extend_from_slice(message);
            }
        }
        bytes.extend_from_slice(FLUSH);
        self.write_now(&bytes).await
    }

    /// Ends what was asked for a simple query. As the client's, when it has been told an error: then this
    /// ends its query.
    pub(super) async fn finish_own(&mut self, whose: Whose) -> Result<(), End> {
        let is_own = matches!(whose, Whose::Own);
        self.send(Ask::Sync, whose, SYNC).await?;
        if !is_own {
            return Ok(());
        }
        loop {
            if let Some(OwnAnswer::Message(b'Z', _)) | None = self.own.recv().await {
                return Ok(());
            }
        }
    }
}

fn broken() -> Refusal {
    Refusal::error("08P01", "the SQL port cannot read a row of the database")
}
