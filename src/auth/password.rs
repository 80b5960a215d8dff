//! Passwords and their hashes. Hashing is slow on purpose: it runs off the async threads, two at a
//! time, so that a flood of sign-ins waits in a line instead of eating memory and CPU. In that line
//! everybody stands once: who wants many hashes waits for his own, and nobody else does.

use super::attempt::network_id;
use crate::error::{Error, Kind, Result};
use crate::fair::Shares;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use std::net::IpAddr;
use std::sync::LazyLock;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Memory of one hash, passes over it and threads: OWASP's Password Storage Cheat Sheet, argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const THREADS: u32 = 1;

/// Hashes computed at the same time.
static HASHERS: Semaphore = Semaphore::const_new(2);
/// Of one account or network address one waits for that.
static LINE: LazyLock<Shares> = LazyLock::new(|| Shares::of(1));

/// For whom a hash is computed.
#[derive(Debug, Clone, Copy)]
pub enum For {
    Account(Uuid),
    /// Nobody is signed in.
    Address(IpAddr),
}

impl For {
    fn place(self) -> Uuid {
        match self {
            Self::Account(account_id) => account_id,
            Self::Address(address) => network_id(address),
        }
    }
}

static ARGON2: LazyLock<Argon2<'static>> = LazyLock::new(|| {
    let parameters =
        Params::new(MEMORY_KIB, PASSES, THREADS, None).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
});

/// The hash of no password, compared when there is none to compare, so that the answer takes as
/// long. Its parameters are those above.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgaGFzaCE$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What comparing a password with a hash gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there is none to compare with.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and its hash was made with other parameters: hash it anew.
    RightButOld,
}

/// Whether a password may be set: 8 to 200 characters.
///
/// # Errors
/// `Invalid`, naming the field `password`.
pub fn check_password(password: &str) -> Result<()> {
    if (8..=200).contains(&password.chars().count()) {
        return Ok(());
    }
    let context = "password: 8 to 200 characters are needed";
    Err(Error::new(Kind::Invalid, context))
}

/// The hash to store, argon2id in PHC form.
///
/// # Errors
/// `Internal` when the operating system has no random numbers or no memory.
pub async fn hash_password(password: &str, whose: For) -> Result<String> {
    let password = password.to_owned();
    run(whose, move || {
        let hash: Result<PasswordHash, _> = ARGON2.hash_password(password.as_bytes());
        hash.map(|hash| hash.to_string())
            .map_err(|e| Error::caused(Kind::Internal, "hash password", e))
    })
    .await
}

/// Compares a password with a stored hash; without one it is wrong, after the same work.
///
/// # Errors
/// `Internal` when the hash cannot be read.
pub async fn verify_password(password: &str, hash: Option<&str>, whose: For) -> Result<Verdict> {
    let password = password.to_owned();
    let is_known = hash.is_some();
    let hash = hash.unwrap_or(NOBODY).to_owned();
    run(whose, move || {
        let hash = PasswordHash::new(&hash)
            .map_err(|e| Error::caused(Kind::Internal, "read password hash", e))?;
        let is_right = ARGON2.verify_password(password.as_bytes(), &hash).is_ok();
        Ok(match is_right && is_known {
            false => Verdict::Wrong,
            true if is_current(&hash) => Verdict::Right,
            true => Verdict::RightButOld,
        })
    })
    .await
}

fn is_current(hash: &PasswordHash) -> bool {
    hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(hash).is_ok_and(|found| {
            let parameters = [found.m_cost(), found.t_cost(), found.p_cost()];
            parameters == [MEMORY_KIB, PASSES, THREADS]
        })
}

/// A caller that goes away does not free its place before its work is done.
async fn run<T: Send + 'static>(
    whose: For,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let turn = LINE.take(whose.place(), 1).await;
    let place = HASHERS.acquire().await.expect("it is never closed");
    let work = move || {
        let _places = (turn, place);
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::caused(Kind::Internal, "hash password", e))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY_HERE: For = For::Account(Uuid::nil());

    #[tokio::test]
    async fn a_hash_knows_its_password_only() {
        let hash = hash_password("correct horse", NOBODY_HERE).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        for (password, verdict) in [
            ("correct horse", Verdict::Right),
            ("correct horse ", Verdict::Wrong),
            ("", Verdict::Wrong),
        ] {
            let found = verify_password(password, Some(&hash), NOBODY_HERE)
                .await
                .unwrap();
            assert_eq!(found, verdict, "{password:?}");
        }
        let again = hash_password("correct horse", NOBODY_HERE).await.unwrap();
        assert_ne!(hash, again, "each hash has its own salt");
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_costs_as_much() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert!(is_current(&nobody));
        let found = verify_password("", None, NOBODY_HERE).await.unwrap();
        assert_eq!(found, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_weaker_hash_is_right_but_old() {
        let weak = Params::new(8, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, weak);
        let hash: PasswordHash = weak.hash_password(b"correct horse").unwrap();
        let hash = hash.to_string();
        let found = verify_password("correct horse", Some(&hash), NOBODY_HERE)
            .await
            .unwrap();
        assert_eq!(found, Verdict::RightButOld);
        let found = verify_password("another", Some(&hash), NOBODY_HERE)
            .await
            .unwrap();
        assert_eq!(found, Verdict::Wrong);
    }

    #[test]
    fn a_password_has_8_to_200_characters() {
        for (characters, is_good) in [(7, false), (8, true), (200, true), (201, false)] {
            let password = "é".repeat(characters);
            assert_eq!(check_password(&password).is_ok(), is_good, "{characters}");
        }
    }

    #[tokio::test]
    async fn who_wants_many_hashes_waits_for_his_own() {
        let many = For::Address("2001:db8::7".parse().unwrap());
        let flood: Vec<_> = (0..40)
            .map(|_| tokio::spawn(hash_password("correct horse", many)))
            .collect();
        tokio::task::yield_now().await;
        let other = For::Address("192.0.2.7".parse().unwrap());
        hash_password("correct horse", other).await.unwrap();
        let waiting = flood.iter().filter(|hash| !hash.is_finished()).count();
        assert!(waiting > 30, "{waiting}");
        for hash in flood {
            hash.abort();
        }
    }
}
