//! What a session may be used for. A browser's may be used for everything; an API token's scopes are
//! chosen when it is made.

use crate::error::{Error, Kind, Result};
use serde::{Serialize, Serializer};

/// One thing that a session may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read what the account may read.
    Read,
    /// Make, change and bin documents, and edit their content.
    Write,
    /// Everything else: members, grants, links, the account itself.
    Admin,
}

impl Scope {
    const EACH: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As the API and the database write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// What a session may be used for; in JSON a list of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes([bool; 3]);

impl Scopes {
    /// Everything.
    pub const ALL: Self = Self([true; 3]);

    /// Whether `scope` is one of them.
    pub fn allow(self, scope: Scope) -> bool {
        self.0[scope as usize]
    }

    /// The names of them.
    pub fn names(self) -> Vec<&'static str> {
        let allowed = Scope::EACH.into_iter().filter(|scope| self.allow(*scope));
        allowed.map(Scope::name).collect()
    }

    /// Reads a list of names.
    ///
    /// # Errors
    /// `Invalid` when there is none, or one that is not known.
    pub fn parse(names: &[impl AsRef<str>]) -> Result<Self> {
        let invalid = || {
            let context = "scopes: one or more of read, write and admin are needed";
            Error::new(Kind::Invalid, context)
        };
        let mut scopes = Self([false; 3]);
        for name in names {
            let known = Scope::EACH
                .iter()
                .find(|scope| scope.name() == name.as_ref());
            scopes.0[*known.ok_or_else(invalid)? as usize] = true;
        }
        if names.is_empty() {
            return Err(invalid());
        }
        Ok(scopes)
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.names().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_their_own_names() {
        let scopes = Scopes::parse(&["write", "read"]).unwrap();
        assert_eq!(scopes.names(), ["read", "write"]);
        assert!(scopes.allow(Scope::Write) && !scopes.allow(Scope::Admin));
        assert_eq!(Scopes::parse(&Scopes::ALL.names()).unwrap(), Scopes::ALL);
        assert!(Scopes::parse(&["root"]).is_err());
        assert!(Scopes::parse(&[""; 0]).is_err());
    }
}
