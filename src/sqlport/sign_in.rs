//! Signing in is between the client and Postgres: their messages are passed on one by one, and the port
//! adds what keeps it from being an easier way in than a direct connection.
//!
//! Postgres sees Quire's address, not the client's. So nobody is let in whom it trusts without a
//! password (`trust`, `peer`, `ident`): those rules mean Quire itself. A password goes in clear only
//! over TLS or within this machine. SCRAM with TLS on both legs cannot be passed on, because it is bound to
//! the one session of TLS: there the client is asked for its password, over TLS, and the port signs in by SCRAM.

use bytes::{BufMut, Bytes, BytesMut};
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;

use super::peer::{End, Message, Peer};
use super::refusal::Refusal;

/// Longest message of signing in, in bytes, as in Postgres.
const MAX_BYTES: usize = 65_536;

const OK: u32 = 0;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// Asks the client for its password.
const ASK: &[u8] = b"R\0\0\0\x08\0\0\0\x03";

/// How the two legs are protected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Legs {
    pub client_is_tls: bool,
    /// The client is on this machine.
    pub client_is_local: bool,
    pub database_is_tls: bool,
}

/// Signs in, until Postgres says that it is done, and takes a place then. Whatever follows is passed on as it
/// comes.
pub(super) async fn sign_in<P>(
    client: &mut Peer,
    database: &mut Peer,
    legs: Legs,
    place: impl FnOnce() -> Result<P, Refusal>,
) -> Result<P, End> {
    let mut has_proved = false;
    loop {
        let message = database.message(MAX_BYTES).await?;
        if message.tag != b'R' {
            // An error ends it; a notice or the negotiation of the version does not.
            client.send(&message.whole).await?;
            if message.tag == b'E' {
                return Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into());
            }
            continue;
        }
        match code(&message) {
            OK if has_proved => {
                let place = place()?;
                client.send(&message.whole).await?;
                return Ok(place);
            }
            OK => return Err(unproved().into()),
            CLEARTEXT if legs.client_is_tls || legs.client_is_local => {
                client.send(&message.whole).await?;
                pass_answer(client, database).await?;
                has_proved = true;
            }
            CLEARTEXT => return Err(in_clear().into()),
            MD5 => {
                client.send(&message.whole).await?;
                pass_answer(client, database).await?;
                has_proved = true;
            }
            SASL if legs.database_is_tls && legs.client_is_tls => {
                client.send(ASK).await?;
                let password = password(answer(client).await?.body())?;
                scram(client, database, &password).await?;
                has_proved = true;
            }
            SASL => {
                client.send(&unbound(message.body())?).await?;
                pass_answer(client, database).await?;
            }
            SASL_CONTINUE => {
                client.send(&message.whole).await?;
                pass_answer(client, database).await?;
                has_proved = true;
            }
            SASL_FINAL => client.send(&message.whole).await?,
            _ => {
                return Err(Refusal::fatal(
                    "0A000",
                    "the database asks for a way of signing in that cannot be passed on",
                )
                .hint("scram-sha-256, md5 and password work through the SQL port of Quire.")
                .into());
            }
        }
    }
}

fn code(message: &Message) -> u32 {
    let code = message.body().first_chunk();
    code.map_or(u32::MAX, |code| u32::from_be_bytes(*code))
}

async fn answer(client: &mut Peer) -> Result<Message, End> {
    let answer = client.message(MAX_BYTES).await?;
    match answer.tag {
        b'p' => Ok(answer),
        tag => Err(Refusal::protocol(format!(
            "expected password response, got message type {tag}"
        ))
        .into()),
    }
}

async fn pass_answer(client: &mut Peer, database: &mut Peer) -> Result<(), End> {
    let answer = answer(client).await?;
    Ok(database.send(&answer.whole).await?)
}

pub(super) fn password(body: &[u8]) -> Result<Bytes, Refusal> {
    match body {
        [password @ .., 0] if !password.contains(&0) => Ok(Bytes::copy_from_slice(password)),
        _ => Err(Refusal::protocol("invalid password packet size")),
    }
}

/// The mechanisms without those that are bound to a session of TLS: the client has another session, or none.
pub(super) fn unbound(body: &[u8]) -> Result<BytesMut, Refusal> {
    let names = body.get(4..).unwrap_or_default();
    let names = names.split(|byte| *byte == 0);
    let mut kept = BytesMut::new();
    for name in names.filter(|name| !name.is_empty() && !name.ends_with(b"-PLUS")) {
        kept.extend_from_slice(name);
        kept.put_u8(0);
    }
    if kept.is_empty() {
        return Err(Refusal::fatal(
            "0A000",
            "the database asks for a way of signing in that cannot be passed on",
        ));
    }
    kept.put_u8(0);
    let mut out = BytesMut::new();
    out.put_u8(b'R');
    out.put_u32(8 + kept.len() as u32);
    out.put_u32(SASL);
    out.extend_from_slice(&kept);
    Ok(out)
}

/// Signs in with the client's password; Postgres proves in turn that it knows it.
async fn scram(client: &mut Peer, database: &mut Peer, password: &[u8]) -> Result<(), End> {
    let broken = |_| {
        Refusal::fatal(
            "08P01",
            "the database and the SQL port disagree about SCRAM",
        )
    };
    let mut scram = ScramSha256::new(password, ChannelBinding::unsupported());
    let mut out = BytesMut::new();
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut out)?;
    database.send(&out).await?;
    for step in [SASL_CONTINUE, SASL_FINAL] {
        let message = database.message(MAX_BYTES).await?;
        if message.tag != b'R' || code(&message) != step {
            // What Postgres says of a wrong password.
            client.send(&message.whole).await?;
            return Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into());
        }
        let data = &message.body()[4..];
        if step == SASL_FINAL {
            scram.finish(data).map_err(broken)?;
            continue;
        }
        scram.update(data).map_err(broken)?;
        let mut out = BytesMut::new();
        frontend::sasl_response(scram.message(), &mut out)?;
        database.send(&out).await?;
    }
    Ok(())
}

fn unproved() -> Refusal {
    Refusal::fatal(
        "28000",
        "the SQL port of Quire lets nobody in without a password",
    )
    .hint(
        "The database trusts Quire's own address here (trust, peer or ident in pg_hba.conf). Give the role a password \
         and a rule with scram-sha-256 before that one.",
    )
}

fn in_clear() -> Refusal {
    Refusal::fatal(
        "28000",
        "the database asks for the password in clear, and this connection is not encrypted",
    )
    .hint("Connect with sslmode=require; the server needs --tls-certificate.")
}
