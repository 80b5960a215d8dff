//! The standbys that a database has: before the target is opened each of them has what decides where the
//! organisation is served, so that none that takes over serves what is served elsewhere.

use std::time::{Duration, Instant};

use super::side::Side;
use crate::error::{Error, Kind, Result};
use crate::postgres::PoolClient;

const MOVE_STANDBYS: &str = include_str!("../../sql/move_standbys.sql");

/// How long they may take; in the last second nobody can write meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// From here on it is told who is waited for.
const SLOW: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// Who a standby is, as far as the database knows: what it calls itself, and where it is.
type Who = (String, String);

/// The standbys that followed a database when the move began. One that is not there in the end may have taken
/// over without what has been written since.
pub(super) struct Standbys {
    attached: Vec<Who>,
}

/// One that follows now.
struct Standby {
    who: Who,
    follows: bool,
    has_all: bool,
}

impl Standbys {
    /// Those that follow now.
    ///
    /// # Errors
    /// `Setting` when the role may not see how far they are.
    pub async fn of(side: &Side) -> Result<Self> {
        let client = side.client().await?;
        let standbys = look(side, &client, "0/0").await?;
        let following = standbys.into_iter().filter(|standby| standby.follows);
        Ok(Self {
            attached: following.map(|standby| standby.who).collect(),
        })
    }

    /// Returns when all of them, and whoever else follows now, have flushed and replayed what was committed
    /// before this was called. `client` is the connection on which that was done: another one may lead to
    /// another server since. `told` hears whom it waits for, if that takes long.
    ///
    /// # Errors
    /// `Unavailable` when one has not in time, or is not there any more.
    pub async fn have_all(
        &self,
        side: &Side,
        client: &PoolClient,
        mut told: impl FnMut(String),
    ) -> Result<()> {
        let sql = "select pg_current_wal_flush_lsn()::text";
        let row = client.query_one(sql, &[]).await;
        let position: String = row.map_err(side.failed("ask for the position"))?.get(0);
        let began = Instant::now();
        let mut is_told = false;
        loop {
            let now = look(side, client, &position).await?;
            let Some(lacking) = self.lacking(&now) else {
                return Ok(());
            };
            if began.elapsed() > PATIENCE {
                return Err(side_lacks(side, &lacking));
            }
            if began.elapsed() > SLOW && !std::mem::replace(&mut is_told, true) {
                told(lacking.says());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Who holds it up.
    fn lacking(&self, now: &[Standby]) -> Option<Lacking> {
        let mut here: Vec<&Who> = now.iter().map(|standby| &standby.who).collect();
        for who in &self.attached {
            match here.iter().position(|one| *one == who) {
                Some(at) => {
                    here.swap_remove(at);
                }
                None => return Some(Lacking::Gone(who.clone())),
            }
        }
        let behind = now.iter().find(|standby| !standby.has_all);
        behind.map(|standby| Lacking::Behind(standby.who.clone()))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Lacking {
    Behind(Who),
    Gone(Who),
}

impl Lacking {
    fn says(&self) -> String {
        match self {
            Self::Behind((name, address)) => {
                format!("the standby {name} ({address}) has not replayed what was written last")
            }
            Self::Gone((name, address)) => format!(
                "the standby {name} ({address}) followed when the move began and does not any more"
            ),
        }
    }
}

fn side_lacks(side: &Side, lacking: &Lacking) -> Error {
    let mend = match lacking {
        Lacking::Behind(_) => {
            "let it catch up (is it paused, delayed or cut off?), or take it out of service"
        }
        Lacking::Gone(_) => {
            "make sure that it has not taken over, and that nothing can fail over to it"
        }
    };
    let says = format!(
        "{}: {}; whoever failed over to it would serve the organisation in two places. The move goes no further: {mend}, then run the command again, or give the move up with `quire org undo`",
        side.name,
        lacking.says()
    );
    Error::new(Kind::Unavailable, says)
}

async fn look(side: &Side, client: &PoolClient, position: &str) -> Result<Vec<Standby>> {
    let rows = client
        .query(MOVE_STANDBYS, &[&position])
        .await
        .map_err(side.failed("look for standbys"))?;
    let standbys = rows.iter().map(|row| {
        let Some(state) = row.get::<_, Option<String>>("state") else {
            let says = format!(
                "{}: the role may not see how far standbys are: grant pg_read_all_stats to it",
                side.name
            );
            return Err(Error::new(Kind::Setting, says));
        };
        Ok(Standby {
            who: (row.get("name"), row.get("address")),
            follows: matches!(state.as_str(), "streaming" | "catchup"),
            has_all: row.get("is_flushed") && row.get("is_replayed"),
        })
    });
    standbys.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Who {
        (name.to_owned(), "local".to_owned())
    }

    fn standby(name: &str, has_all: bool) -> Standby {
        Standby {
            who: who(name),
            follows: true,
            has_all,
        }
    }

    #[test]
    fn each_that_was_there_must_be_there_and_each_that_is_there_have_all() {
        let standbys = Standbys {
            attached: vec![who("a"), who("a")],
        };
        let lacking = |now: &[Standby]| standbys.lacking(now);
        let (all, behind) = (standby("a", true), standby("b", false));
        assert_eq!(lacking(&[]), Some(Lacking::Gone(who("a"))));
        let one = [all];
        assert_eq!(lacking(&one), Some(Lacking::Gone(who("a"))), "of two");
        assert_eq!(lacking(&[standby("a", true), standby("a", true)]), None);
        // One that came meanwhile.
        let now = [standby("a", true), behind, standby("a", true)];
        assert_eq!(lacking(&now), Some(Lacking::Behind(who("b"))));
    }
}
