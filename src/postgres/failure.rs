//! What a failure in the database means to the caller: one place that turns SQLSTATEs into kinds.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::error::{Error, Kind};

/// A failure of the database or of the pool in front of it.
pub struct Failure(Box<dyn std::error::Error + Send + Sync>, Kind);

impl From<tokio_postgres::Error> for Failure {
    fn from(e: tokio_postgres::Error) -> Self {
        let kind = kind(&e);
        Self(Box::new(e), kind)
    }
}

impl From<PoolError> for Failure {
    fn from(e: PoolError) -> Self {
        match e {
            PoolError::Backend(e) => e.into(),
            // A hook refuses a database that is not the one that is followed.
            PoolError::Timeout(_) | PoolError::Closed | PoolError::PostCreateHook(_) => {
                Self(Box::new(e), Kind::Unavailable)
            }
            _ => Self(Box::new(e), Kind::Internal),
        }
    }
}

/// For `map_err`: says what was being done (`"load snapshot"`) and finds the kind of the failure.
///
/// ```text
/// let client = pool.get().await.map_err(failed("load snapshot"))?;
/// let row = client.query_one(&statement, &[]).await.map_err(failed("load snapshot"))?;
/// ```
pub fn failed<E: Into<Failure>>(context: &str) -> impl FnOnce(E) -> Error + '_ {
    move |e| {
        let Failure(source, kind) = e.into();
        Error::caused(kind, context, source)
    }
}

/// The SQLSTATE that the database gave, if it was the database that failed.
pub fn sqlstate(error: &Error) -> Option<&SqlState> {
    database_error(error)?.code()
}

/// The name of the constraint that was violated, as the migrations name it.
pub fn constraint(error: &Error) -> Option<&str> {
    database_error(error)?.as_db_error()?.constraint()
}

fn database_error(error: &Error) -> Option<&tokio_postgres::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn kind(error: &tokio_postgres::Error) -> Kind {
    if let Some(code) = error.code() {
        return kind_of_code(code.code());
    }
    if error.is_closed() {
        return Kind::Unavailable;
    }
    let mut source = std::error::Error::source(error);
    while let Some(e) = source {
        if e.is::<std::io::Error>() {
            return Kind::Unavailable;
        }
        source = e.source();
    }
    Kind::Internal
}

/// The kind of a SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn kind_of_code(code: &str) -> Kind {
    match code {
        // Read-only (a standby, or made so), transaction cut off, statement or lock timed out.
        "25006" | "25P03" | "25P04" | "57014" | "55P03" => Kind::Unavailable,
        // Insufficient privilege, no such password, database or schema; table missing.
        "42501" | "42P01" | "3D000" | "3F000" => Kind::Setting,
        // Unique and exclusion constraints: somebody else was first.
        "23505" | "23P01" => Kind::Conflict,
        "23503" => Kind::NotFound,
        "23514" => Kind::Invalid,
        _ => match &code[..2] {
            // Connection, rolled back by serialisation or deadlock, out of disk, memory or
            // connections, taken down by an operator, input or output of the machine.
            "08" | "40" | "53" | "57" | "58" => Kind::Unavailable,
            "28" => Kind::Setting,
            "22" => Kind::Invalid,
            _ => Kind::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_unavailable() {
        for code in [
            "08006", "57P01", "57P03", "25006", "53100", "53300", "40P01", "55P03", "57014",
        ] {
            assert_eq!(kind_of_code(code), Kind::Unavailable, "{code}");
        }
    }

    #[test]
    fn what_somebody_must_mend_is_a_setting() {
        for code in ["28P01", "3D000", "42501", "42P01"] {
            assert_eq!(kind_of_code(code), Kind::Setting, "{code}");
        }
    }
}
