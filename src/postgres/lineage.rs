//! Which log this server follows: the cluster and the timeline that its feed streams, and how far that
//! has come. A database that writes another log is neither read nor written until the feed follows it.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;
use tokio_postgres::{Client, Row};

use super::failed;
use crate::change::Lsn;
use crate::error::{Error, Kind, Result};

const SERVER_IDENTITY: &str = include_str!("../../sql/server_identity.sql");

/// One log: two databases that write the same one are the same database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server {
    /// Unique for each cluster since its `initdb`.
    pub system_identifier: u64,
    /// Grows with every promotion of a standby and every recovery to a point in time.
    pub timeline: u32,
}

/// What a database says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The log that it writes; none: it is a standby.
    pub server: Option<Server>,
    /// Whether it lets nobody write, although it is no standby.
    pub is_read_only: bool,
    /// Where its log ends.
    pub position: Lsn,
}

/// The log that one server follows, for all of its connections. Clones share it.
#[derive(Debug, Clone)]
pub struct Lineage {
    followed: Arc<watch::Sender<Followed>>,
}

#[derive(Debug, Clone, Copy)]
struct Followed {
    /// None before the feed streamed for the first time: then any primary will do.
    server: Option<Server>,
    /// How far it was read.
    reached: Lsn,
    /// Counts the changes of the log: what was read in one era may be gone in the next.
    era: u64,
    /// Connections made before are not used any more.
    since: Instant,
}

impl Identity {
    /// Asks the database behind `client`.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn ask(client: &Client) -> Result<Self> {
        let doing = "identify the database";
        let row = client.query_one(SERVER_IDENTITY, &[]).await;
        Self::read(&row.map_err(failed(doing))?)
    }

    /// Out of a row of `server_identity.sql`.
    ///
    /// # Errors
    /// `Internal` when the row is not as it must be.
    pub fn read(row: &Row) -> Result<Self> {
        let timeline: Option<&str> = row.get("timeline_hex");
        let timeline = timeline.map(|hex| u32::from_str_radix(hex, 16)).transpose();
        let timeline =
            timeline.map_err(|e| Error::caused(Kind::Internal, "identify the database", e))?;
        Ok(Self {
            server: timeline.map(|timeline| Server {
                // Postgres shows the 64 bits as a signed number.
                system_identifier: row.get::<_, i64>("system_identifier") as u64,
                timeline,
            }),
            is_read_only: row.get("is_read_only"),
            position: Lsn(row.get::<_, i64>("position") as u64),
        })
    }
}

impl Default for Lineage {
    fn default() -> Self {
        Self {
            followed: Arc::new(watch::Sender::new(Followed {
                server: None,
                reached: Lsn::default(),
                era: 0,
                since: Instant::now(),
            })),
        }
    }
}

impl Lineage {
    /// Counts the changes of the log so far. Read before something is read from the tables, it says
    /// when that is out of date.
    pub fn era(&self) -> u64 {
        self.followed.borrow().era
    }

    /// The log that is followed, once the feed has streamed.
    pub fn server(&self) -> Option<Server> {
        self.followed.borrow().server
    }

    /// Whether a connection made at that time may still be used.
    pub fn is_current(&self, made: Instant) -> bool {
        made >= self.followed.borrow().since
    }

    /// Asks the database behind `client` what it is, and whether it may be read and written. The outer
    /// error: it could not be asked; the inner one, `Unavailable`: what it is instead.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn ask(&self, client: &Client) -> Result<(Identity, Result<()>)> {
        // Noted before it is asked: while its answer is on the way, more is read of the same log.
        let before = *self.followed.borrow();
        let identity = Identity::ask(client).await?;
        let admitted = self.admits(&identity, before);
        Ok((identity, admitted))
    }

    fn admits(&self, identity: &Identity, before: Followed) -> Result<()> {
        let Some(server) = identity.server else {
            return refused("a standby; name the primary's host too");
        };
        let mut followed = *self.followed.borrow();
        if before.era == followed.era {
            followed.reached = before.reached;
        }
        match followed.server {
            Some(known) if known != server => refused(&format!(
                "on timeline {} of cluster {}, and this server follows timeline {} of cluster {}",
                server.timeline, server.system_identifier, known.timeline, known.system_identifier,
            )),
            Some(_) if identity.position < followed.reached => {
                refused("at an earlier place of its log than was already read from it")
            }
            _ => Ok(()),
        }
    }

    /// Whether the feed may follow this log. An older timeline is that of a primary that was replaced
    /// and came back beside its successor.
    ///
    /// # Errors
    /// `Setting` when it is one.
    pub fn may_follow(&self, server: Server) -> Result<()> {
        match self.server() {
            Some(known)
                if known.system_identifier == server.system_identifier
                    && known.timeline > server.timeline =>
            {
                Err(Error::new(
                    Kind::Setting,
                    format!(
                        "the database is on timeline {}, and timeline {} was followed before: it was \
                         replaced and must stay away; if it was restored on purpose, restart Quire",
                        server.timeline, known.timeline
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The feed streams this log from now on; with `has_changed` it is another one than before. All
    /// connections made before are dropped then.
    pub fn follow(&self, server: Server, start: Lsn, has_changed: bool) {
        self.followed.send_modify(|followed| {
            if has_changed || followed.server != Some(server) {
                followed.since = Instant::now();
            }
            followed.era += u64::from(has_changed);
            followed.server = Some(server);
            // Of the same log more may have been read from the tables meanwhile.
            followed.reached = match has_changed {
                true => start,
                false => followed.reached.max(start),
            };
        });
    }

    /// What was read in `era`, from the stream or from the tables, had been written before this place.
    pub fn note_reached(&self, era: u64, position: Lsn) {
        self.followed.send_if_modified(|followed| {
            if followed.era == era {
                followed.reached = followed.reached.max(position);
            }
            false
        });
    }

    /// The furthest place of the log that something was read from.
    pub fn reached(&self) -> Lsn {
        self.followed.borrow().reached
    }

    /// Drops the connections made so far: what they lead to has become read-only.
    pub fn renew(&self) {
        self.followed
            .send_modify(|followed| followed.since = Instant::now());
    }

    /// Wakes when another log is followed or connections are dropped.
    pub async fn changed(&self) {
        // The sender lives as long as this value.
        let _ = self.followed.subscribe().changed().await;
    }
}

fn refused(what: &str) -> Result<()> {
    Err(Error::new(
        Kind::Unavailable,
        format!("the database is {what}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(system_identifier: u64, timeline: u32) -> Server {
        Server {
            system_identifier,
            timeline,
        }
    }

    fn primary(server: Server, position: u64) -> Identity {
        Identity {
            server: Some(server),
            is_read_only: false,
            position: Lsn(position),
        }
    }

    fn admits(lineage: &Lineage, identity: &Identity) -> Result<()> {
        let now = *lineage.followed.borrow();
        lineage.admits(identity, now)
    }

    #[test]
    fn what_is_read_while_a_database_is_asked_does_not_make_it_older() {
        let lineage = Lineage::default();
        lineage.follow(server(1, 1), Lsn(10), false);
        let before = *lineage.followed.borrow();
        let identity = primary(server(1, 1), 15);
        lineage.note_reached(0, Lsn(20));
        assert!(lineage.admits(&identity, before).is_ok());
        assert!(admits(&lineage, &identity).is_err(), "asked after it");
        lineage.follow(server(1, 1), Lsn(18), false);
        assert_eq!(lineage.reached(), Lsn(20), "the same log");
        lineage.follow(server(1, 1), Lsn(17), true);
        assert!(lineage.admits(&identity, before).is_err(), "of another log");
    }

    #[test]
    fn only_the_log_that_the_feed_follows_is_read_and_written() {
        let lineage = Lineage::default();
        let standby = Identity {
            server: None,
            is_read_only: true,
            position: Lsn(10),
        };
        assert!(admits(&lineage, &standby).is_err());
        assert!(admits(&lineage, &primary(server(1, 1), 10)).is_ok());
        lineage.follow(server(1, 2), Lsn(10), false);
        assert!(admits(&lineage, &primary(server(1, 2), 10)).is_ok());
        assert!(admits(&lineage, &primary(server(1, 1), 99)).is_err());
        assert!(admits(&lineage, &primary(server(1, 3), 99)).is_err());
        assert!(admits(&lineage, &primary(server(2, 2), 99)).is_err());
        lineage.note_reached(1, Lsn(30));
        lineage.note_reached(0, Lsn(20));
        assert_eq!(lineage.reached(), Lsn(20), "of this era");
        assert!(
            admits(&lineage, &primary(server(1, 2), 19)).is_err(),
            "set back"
        );
    }

    #[test]
    fn an_older_timeline_of_the_same_cluster_is_never_followed() {
        let lineage = Lineage::default();
        assert!(lineage.may_follow(server(1, 1)).is_ok());
        lineage.follow(server(1, 2), Lsn(10), false);
        assert!(lineage.may_follow(server(1, 1)).is_err());
        assert!(lineage.may_follow(server(1, 2)).is_ok());
        assert!(lineage.may_follow(server(1, 3)).is_ok());
        assert!(lineage.may_follow(server(2, 1)).is_ok());
    }

    #[test]
    fn a_change_of_the_log_ends_the_era_and_every_connection() {
        let lineage = Lineage::default();
        lineage.follow(server(1, 1), Lsn(10), false);
        let made = Instant::now();
        lineage.follow(server(1, 1), Lsn(20), false);
        assert!(lineage.is_current(made), "the same log");
        assert_eq!(lineage.era(), 0);
        lineage.follow(server(1, 2), Lsn(20), true);
        assert!(!lineage.is_current(made));
        assert_eq!(lineage.era(), 1);
    }
}
