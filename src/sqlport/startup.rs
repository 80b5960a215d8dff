//! The packet with which a client begins, read without trusting it: it asks for TLS, to cancel a
//! statement, or for a session. No I/O.

use bytes::Bytes;

use super::refusal::Refusal;

/// Longest packet in bytes, as in Postgres.
pub const MAX_BYTES: usize = 10_000;
/// A key of protocol 3.2 has 256 bytes at most; before it stand a length, a code and a process.
const MAX_CANCEL_BYTES: usize = 12 + 256;

pub(super) const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// What a client begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It asks whether there is TLS.
    Tls,
    /// It asks whether there is encryption by Kerberos.
    Gss,
    /// It asks to cancel a statement. The process and the secret, as the session was given them.
    Cancel(Bytes),
    Session(Startup),
}

/// The packet that asks for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// As it came, with its length.
    pub packet: Bytes,
    pub user: Bytes,
    pub database: Bytes,
}

/// How long the packet is, out of its first four bytes, which count too.
pub fn length(first: [u8; 4]) -> Result<usize, Refusal> {
    match u32::from_be_bytes(first) as usize {
        length @ 8..=MAX_BYTES => Ok(length),
        _ => Err(Refusal::protocol("invalid length of startup packet")),
    }
}

/// Reads a whole packet, its length included. `database` is the one that the port leads to.
pub fn read(packet: Bytes, database: &str) -> Result<Opening, Refusal> {
    let code = packet
        .get(4..8)
        .and_then(|code| code.try_into().ok())
        .map(u32::from_be_bytes)
        .ok_or_else(|| Refusal::protocol("invalid length of startup packet"))?;
    match code {
        TLS | GSS if packet.len() != 8 => {
            Err(Refusal::protocol("invalid length of startup packet"))
        }
        TLS => Ok(Opening::Tls),
        GSS => Ok(Opening::Gss),
        CANCEL if !(16..=MAX_CANCEL_BYTES).contains(&packet.len()) => {
            Err(Refusal::protocol("invalid length of cancel request packet"))
        }
        CANCEL => Ok(Opening::Cancel(packet.slice(8..))),
        _ if code >> 16 != 3 => Err(Refusal::fatal(
            "0A000",
            format!(
                "unsupported frontend protocol {}.{}: server supports 3.0 and newer of 3",
                code >> 16,
                code & 0xffff
            ),
        )),
        _ => session(packet, database).map(Opening::Session),
    }
}

fn session(packet: Bytes, own: &str) -> Result<Startup, Refusal> {
    let layout =
        || Refusal::protocol("invalid startup packet layout: expected terminator as last byte");
    let mut rest = packet.slice(8..);
    let (mut user, mut database) = (Bytes::new(), Bytes::new());
    loop {
        let name = text(&mut rest).ok_or_else(layout)?;
        if name.is_empty() {
            break;
        }
        let value = text(&mut rest).ok_or_else(layout)?;
        match &*name {
            b"user" => user = value,
            b"database" => database = value,
            // A slot that nobody reads fills the disk, and what a slot shows no grant decides.
            b"replication" if !is_no(&value) => {
                return Err(Refusal::fatal(
                    "0A000",
                    "the SQL port of Quire has no replication connections: connect to Postgres itself",
                ));
            }
            _ => {}
        }
    }
    if !rest.is_empty() {
        return Err(layout());
    }
    if user.is_empty() {
        return Err(Refusal::fatal(
            "28000",
            "no PostgreSQL user name specified in startup packet",
        ));
    }
    if database.is_empty() {
        database = user.clone();
    }
    if database != own.as_bytes() {
        return Err(Refusal::fatal(
            "3D000",
            format!(
                "database \"{}\" is not Quire's: this port leads to \"{own}\" only",
                String::from_utf8_lossy(&database)
            ),
        ));
    }
    Ok(Startup {
        packet,
        user,
        database,
    })
}

/// Takes a text that ends with a zero.
fn text(rest: &mut Bytes) -> Option<Bytes> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let text = rest.split_to(end);
    let _ = rest.split_to(1);
    Some(text)
}

/// Whether Postgres reads it as false.
fn is_no(value: &[u8]) -> bool {
    let no: [&[u8]; 5] = [b"0", b"off", b"false", b"no", b""];
    no.iter().any(|no| value.eq_ignore_ascii_case(no))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u32, rest: &[u8]) -> Bytes {
        let mut packet = ((8 + rest.len()) as u32).to_be_bytes().to_vec();
        packet.extend(code.to_be_bytes());
        packet.extend(rest);
        packet.into()
    }

    fn code(opening: Result<Opening, Refusal>) -> &'static str {
        opening.expect_err("refused").code
    }

    #[test]
    fn a_session_is_asked_for_by_user_and_database() {
        let asks = packet(3 << 16, b"user\0ada\0database\0quire\0\0");
        let Ok(Opening::Session(startup)) = read(asks.clone(), "quire") else {
            panic!("a session");
        };
        assert_eq!((&*startup.user, startup.packet), (&b"ada"[..], asks));
        let unnamed = packet(3 << 16, b"user\0quire\0\0");
        assert!(matches!(read(unnamed, "quire"), Ok(Opening::Session(_))));
    }

    #[test]
    fn what_is_not_a_session_on_this_database_is_refused() {
        for (rest, sqlstate) in [
            (&b"user\0ada\0database\0postgres\0\0"[..], "3D000"),
            (b"user\0ada\0\0", "3D000"),
            (b"user\0quire\0replication\0database\0\0", "0A000"),
            (b"user\0quire\0replication\0true\0\0", "0A000"),
            (b"database\0quire\0\0", "28000"),
            (b"user\0quire\0", "08P01"),
            (b"user\0quire\0\0more", "08P01"),
            (b"user", "08P01"),
            (b"", "08P01"),
        ] {
            assert_eq!(
                code(read(packet(3 << 16, rest), "quire")),
                sqlstate,
                "{rest:?}"
            );
        }
        assert_eq!(
            code(read(packet(2 << 16, b"user\0a\0\0"), "quire")),
            "0A000"
        );
        let off = packet(3 << 16, b"user\0quire\0replication\0off\0\0");
        assert!(read(off, "quire").is_ok());
    }

    #[test]
    fn lengths_are_bounded() {
        for wrong in [0, 7, 10_001, u32::MAX] {
            assert!(length(wrong.to_be_bytes()).is_err(), "{wrong}");
        }
        assert!(read(packet(TLS, b"more"), "quire").is_err());
        assert!(read(packet(CANCEL, b"1234"), "quire").is_err());
        assert!(read(packet(CANCEL, &[0; 300]), "quire").is_err());
        assert_eq!(
            read(packet(CANCEL, b"12345678"), "quire"),
            Ok(Opening::Cancel(Bytes::from_static(b"12345678")))
        );
    }
}
