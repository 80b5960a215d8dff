//! A server's address, and when to try the next one.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// The shortest and the longest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// `http://host:port`. This client is for tests and measurements: it speaks no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    authority: String,
}

impl Address {
    /// Reads `http://host:port`, with or without a path, which is ignored.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn parse(url: &str) -> Result<Self> {
        let authority = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split(['/', '?', '#']).next())
            .filter(|authority| !authority.is_empty() && !authority.contains('@'));
        let Some(authority) = authority else {
            let text = format!("address {url:?} is not of the form http://host:port");
            return Err(Error::new(Kind::Invalid, text));
        };
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if has_port { "" } else { ":80" };
        Ok(Self {
            authority: format!("{authority}{port}"),
        })
    }

    /// `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The origin that a browser at this server would send.
    pub fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// The address of the sync protocol.
    pub fn sync_url(&self) -> String {
        format!("ws://{}/sync/v1", self.authority)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

/// How long to wait before try number `attempt`, the first being 0 and at once: twice as long each
/// time, of which `random` takes away up to half, so that many do not come at the same moment.
pub fn pause(attempt: u32, random: u32) -> Duration {
    if attempt == 0 {
        return Duration::ZERO;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(16));
    let share = 1.0 - f64::from(random) / f64::from(u32::MAX) / 2.0;
    doubled.min(LONGEST_PAUSE).mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_any_page_of_the_server() {
        let address = Address::parse("http://127.0.0.1:4400/welcome#token").unwrap();
        assert_eq!(address.authority(), "127.0.0.1:4400");
        assert_eq!(address.sync_url(), "ws://127.0.0.1:4400/sync/v1");
        let named = Address::parse("http://quire.example").unwrap();
        assert_eq!(named.authority(), "quire.example:80");
        assert!(Address::parse("https://quire.example").is_err());
        assert!(Address::parse("http://").is_err());
    }

    #[test]
    fn pauses_double_to_a_limit_and_differ() {
        assert_eq!(pause(0, 7), Duration::ZERO);
        assert_eq!(pause(1, 0), FIRST_PAUSE);
        assert_eq!(pause(3, 0), FIRST_PAUSE * 4);
        assert_eq!(pause(3, u32::MAX), FIRST_PAUSE * 2);
        assert_eq!(pause(u32::MAX, 0), LONGEST_PAUSE);
    }
}
