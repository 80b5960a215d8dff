//! How often somebody may guess a password: counted in the database, so for all servers together.
//! A guess is counted before it is looked at; many at once do not get past the limit.

use crate::error::{Error, Kind, Result};
use crate::postgres::failed;
use deadpool_postgres::GenericClient;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use uuid::Uuid;

/// The time in which guesses are counted together, in seconds.
const WINDOW_S: f64 = 15.0 * 60.0;

/// What guesses are counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    name: String,
    /// Wrong guesses in a window.
    limit: i32,
}

impl Subject {
    /// Guesses at one account, whether it exists or not. The address itself is not stored.
    pub fn email(email: &str) -> Self {
        Self {
            name: format!("email:{}", email_digest(email)),
            limit: 10,
        }
    }

    /// Guesses from one network address.
    pub fn address(address: IpAddr) -> Self {
        Self {
            name: format!("address:{}", network_of(address)),
            limit: 100,
        }
    }

    /// Requests of one account to be let at a document, which are counted like guesses.
    pub fn access_requests(account_id: Uuid) -> Self {
        Self {
            name: format!("access:{account_id}"),
            limit: 20,
        }
    }

    /// Passwords that one account sets, for itself or for links: each costs a hash.
    pub fn passwords(account_id: Uuid) -> Self {
        Self {
            name: format!("passwords:{account_id}"),
            limit: 30,
        }
    }

    /// Guesses at the password of one share link from one network address: who guesses closes the link for
    /// himself.
    pub fn share_link(link_id: Uuid, address: IpAddr) -> Self {
        Self {
            name: format!("link:{link_id}:{}", network_of(address)),
            limit: 10,
        }
    }

    /// Guesses at the password of one share link from everywhere.
    pub fn share_link_altogether(link_id: Uuid) -> Self {
        Self {
            name: format!("link:{link_id}"),
            limit: 1_000,
        }
    }
}

/// What counts as one network address: a household has 2^64 of IPv6.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

/// The same as a number, for what is shared by it.
pub fn network_id(address: IpAddr) -> Uuid {
    let network = match network_of(address) {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Uuid::from_bytes(network.octets())
}

/// SHA-256 of a mail address, in hex.
pub(super) fn email_digest(email: &str) -> String {
    let digest = Sha256::digest(email.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Counts a guess by every subject.
///
/// # Errors
/// `Limited`, with the time to wait, when there were too many; otherwise when the database cannot
/// be asked.
pub async fn count_attempt(client: &impl GenericClient, subjects: &[Subject]) -> Result<()> {
    for subject in subjects {
        let counted = client
            .query_opt(
                include_str!("../../sql/count_attempt.sql"),
                &[&subject.name, &subject.limit, &WINDOW_S],
            )
            .await
            .map_err(failed("count attempt"))?;
        if counted.is_none() {
            return Err(limited(wait_s(client, subject).await?));
        }
    }
    Ok(())
}

/// Takes a guess back that was right: the account begins anew, its network address has one less.
///
/// # Errors
/// When the database cannot be asked.
pub async fn forgive_attempt(
    client: &impl GenericClient,
    own: &Subject,
    address: IpAddr,
) -> Result<()> {
    forget_attempts(client, own).await?;
    forgive_address(client, address).await
}

/// The same for what is counted by the network address alone.
///
/// # Errors
/// When the database cannot be asked.
pub async fn forgive_address(client: &impl GenericClient, address: IpAddr) -> Result<()> {
    let statement = include_str!("../../sql/forgive_attempt.sql");
    client
        .execute(statement, &[&Subject::address(address).name])
        .await
        .map_err(failed("forgive attempt"))?;
    Ok(())
}

/// Lets a subject begin anew.
///
/// # Errors
/// When the database cannot be asked.
pub async fn forget_attempts(client: &impl GenericClient, subject: &Subject) -> Result<()> {
    client
        .execute(
            include_str!("../../sql/forget_attempts.sql"),
            &[&subject.name],
        )
        .await
        .map_err(failed("forget attempts"))?;
    Ok(())
}

/// Drops what does not count any more.
///
/// # Errors
/// When the database cannot be asked.
pub async fn drop_old_attempts(client: &impl GenericClient) -> Result<()> {
    client
        .execute(
            include_str!("../../sql/drop_old_attempts.sql"),
            &[&WINDOW_S],
        )
        .await
        .map_err(failed("drop old attempts"))?;
    Ok(())
}

async fn wait_s(client: &impl GenericClient, subject: &Subject) -> Result<u64> {
    let row = client
        .query_opt(
            include_str!("../../sql/attempt_wait.sql"),
            &[&subject.name, &WINDOW_S],
        )
        .await
        .map_err(failed("look up attempts"))?;
    // The window may have ended, or the right password come, in between.
    let wait_s: i32 = row.map_or(1, |row| row.get("wait_s"));
    Ok(wait_s.max(1).unsigned_abs().into())
}

fn limited(wait_s: u64) -> Error {
    let context = match wait_s.div_ceil(60) {
        0 | 1 => "too many attempts; try again in a minute".to_owned(),
        minutes => format!("too many attempts; try again in {minutes} minutes"),
    };
    Error::new(Kind::Limited, context).retry_after(Duration::from_secs(wait_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let of = |text: &str| Subject::address(text.parse().unwrap()).name;
        assert_eq!(of("192.0.2.7"), "address:192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "address:192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3::4"), "address:2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:f::9"), of("2001:db8:1:2:3::4"));
        assert_ne!(of("2001:db8:1:3:3::4"), of("2001:db8:1:2:3::4"));
    }

    #[test]
    fn a_mail_address_is_not_in_its_subject() {
        let subject = Subject::email("ada@example.org");
        assert!(!subject.name.contains("ada"));
        assert_eq!(subject.name.len(), "email:".len() + 64);
    }
}
