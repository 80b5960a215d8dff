//! The one error of Quire. The kind is chosen by what the caller does next; the context says verb
//! and object ("load snapshot"); the source is kept for the log.

use std::fmt;
use std::time::Duration;

/// What went wrong, in the terms of whoever has to react.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The input cannot be right, however often it is sent.
    Invalid,
    /// The input is larger than its limit.
    TooLarge,
    /// Nobody is signed in, or the session has ended.
    SignedOut,
    /// The account may not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// It was there and is gone for good: a used link, a deleted document.
    Gone,
    /// It is served elsewhere; the words say where.
    Elsewhere,
    /// The state moved on: read again and try again.
    Conflict,
    /// A limit of rate or number; later it may work.
    Limited,
    /// A dependency is away (database, feed); the same call may work later.
    Unavailable,
    /// A setting is wrong; somebody must mend it before it can work.
    Setting,
    /// A defect of Quire.
    Internal,
}

/// An error with its kind, what was being done, and the cause.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    context: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything in Quire that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a deeper cause. `context` is a sentence for people.
    pub fn new(kind: Kind, context: impl Into<String>) -> Self {
        Self {
            kind,
            context: context.into(),
            retry_after: None,
            source: None,
        }
    }

    /// An error with its cause. `context` is verb and object: "load snapshot".
    pub fn caused(
        kind: Kind,
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            context: context.into(),
            retry_after: None,
            source: Some(source.into()),
        }
    }

    /// Adds how long to wait before the same call may work.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// How long to wait before the same call may work; `None`: it never will.
    pub fn wait(&self) -> Option<Duration> {
        let usual = self.is_transient().then_some(Duration::from_secs(1));
        self.retry_after.or(usual)
    }

    /// What the caller does next.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the same call may work a moment later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Limited)
    }

    /// The HTTP status that says the same.
    pub fn http_status(&self) -> u16 {
        match self.kind {
            Kind::Invalid => 400,
            Kind::SignedOut => 401,
            Kind::Forbidden => 403,
            Kind::NotFound => 404,
            Kind::Conflict => 409,
            Kind::Gone => 410,
            Kind::TooLarge => 413,
            Kind::Elsewhere => 421,
            Kind::Limited => 429,
            Kind::Setting | Kind::Internal => 500,
            Kind::Unavailable => 503,
        }
    }

    /// What a client may be told: never the cause of what is our own or the database's fault.
    pub fn public_message(&self) -> &str {
        match self.kind {
            Kind::Internal | Kind::Setting => {
                "something went wrong in the server; its log says what"
            }
            Kind::Unavailable => "the server cannot reach its database just now; try again",
            _ => &self.context,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)?;
        let mut cause = self.source.as_deref().map(|e| e as &dyn std::error::Error);
        while let Some(e) = cause {
            write!(f, ": {e}")?;
            cause = e.source();
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as &dyn std::error::Error)
    }
}
