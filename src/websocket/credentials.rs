//! What a joiner says of itself: JSON from Quire's own client, the raw token from others, or nothing
//! when the cookie has said it.

use serde::Deserialize;

use crate::auth::Token;
use crate::error::{Error, Kind, Result};

/// Longest name of a device in bytes.
const MAX_DEVICE_BYTES: usize = 64;

/// The join request's `auth`, read.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    pub token: Option<Token>,
    /// A peer for writing is asked for; the inner value is the one that is preferred.
    pub lease: Option<Option<u64>>,
    pub device: String,
    /// A peer whose lost operations the client is about to write again as another one.
    pub gives_up: Option<u64>,
}

#[derive(Deserialize)]
struct Json {
    token: Option<String>,
    peer: Option<String>,
    #[serde(default)]
    device: String,
    gives_up: Option<String>,
}

impl Credentials {
    /// # Errors
    /// `Invalid` for JSON of another form, `SignedOut` for what cannot be a token.
    pub fn read(auth: &[u8]) -> Result<Self> {
        if auth.is_empty() {
            return Ok(Self::default());
        }
        if auth[0] != b'{' {
            let token = std::str::from_utf8(auth).ok().and_then(Token::parse);
            let token = token.ok_or_else(not_a_token)?;
            return Ok(Self {
                token: Some(token),
                ..Self::default()
            });
        }
        let json: Json = serde_json::from_slice(auth)
            .map_err(|e| Error::caused(Kind::Invalid, "read the join's credentials", e))?;
        if json.device.len() > MAX_DEVICE_BYTES {
            return Err(Error::new(
                Kind::Invalid,
                format!("the device's name is longer than {MAX_DEVICE_BYTES} bytes"),
            ));
        }
        let number = |peer: Option<String>| {
            let peer = peer.map(|peer| peer.parse()).transpose();
            peer.map_err(|e| Error::caused(Kind::Invalid, "read the join's peer", e))
        };
        let token = json
            .token
            .map(|token| Token::parse(&token).ok_or_else(not_a_token));
        Ok(Self {
            token: token.transpose()?,
            lease: Some(number(json.peer)?),
            device: json.device,
            gives_up: number(json.gives_up)?,
        })
    }
}

fn not_a_token() -> Error {
    Error::new(Kind::SignedOut, "this is not a session token; sign in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_understood() {
        let token = Token::random().reveal();
        assert!(Credentials::read(b"").expect("cookie").token.is_none());
        let raw = Credentials::read(token.as_bytes()).expect("raw token");
        assert!(raw.token.is_some() && raw.lease.is_none());
        let json = format!(r#"{{"token":"{token}","peer":"18446744073709551614","device":"d"}}"#);
        let own = Credentials::read(json.as_bytes()).expect("own client");
        assert_eq!(own.lease, Some(Some(u64::MAX - 1)));
        assert_eq!(own.device, "d");
        assert_eq!(
            Credentials::read(b"{}").expect("any peer").lease,
            Some(None)
        );
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (auth, kind) in [
            (&b"short"[..], Kind::SignedOut),
            (b"\xff\xfe", Kind::SignedOut),
            (b"{", Kind::Invalid),
            (br#"{"peer":"-1"}"#, Kind::Invalid),
            (br#"{"gives_up":"x"}"#, Kind::Invalid),
            (br#"{"token":"x"}"#, Kind::SignedOut),
        ] {
            let error = Credentials::read(auth).expect_err("refused");
            assert_eq!(error.kind(), kind, "{auth:?}");
        }
    }
}
