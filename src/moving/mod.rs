//! An organisation into another database, while people write in it; ARCHITECTURE.md says why nothing is lost
//! and why never both serve it. What decides is one row of the target: whether it is open there.

mod accounts;
mod check;
mod close;
mod copy;
mod forget;
mod round;
mod servers;
mod side;
mod standbys;
mod step;
pub mod tables;

use std::time::{Duration, Instant};

use uuid::Uuid;

pub use forget::forget;
pub use step::Step;

use self::round::Rounds;
use self::servers::{AT_FIRST, IN_THE_END, Servers};
use self::side::{Placed, Side, check_alike};
use self::standbys::Standbys;
use crate::error::{Error, Kind, Result};
use crate::postgres::PoolClient;

/// How long the target is asked whether the organisation was opened there, when the answer was lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two of these questions.
const PAUSE: Duration = Duration::from_millis(250);

/// Which organisation moves, from where, to where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The database that it is served from.
    pub from: String,
    /// The one that it is to be served from.
    pub to: String,
    /// The organisation.
    pub org_id: Uuid,
    /// Public addresses of the servers there, which clients are told.
    pub addresses: Vec<String>,
}

/// What a move came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Documents that moved.
    pub documents: u64,
    /// Their edits.
    pub edits: u64,
    /// How long nobody could write; zero: it had moved before.
    pub closed_for: Duration,
}

/// Moves an organisation. Run again after it was cut off, it goes on from what it finds: it moves it, or
/// finds it moved. `told` hears of each step when it is done.
///
/// # Errors
/// `Setting` when something must be mended first, `NotFound` when there is no such organisation, `Conflict`
/// when it is there already or accounts are in each other's way, else as the databases fail. Unless the
/// message says otherwise the source serves the organisation as before.
pub async fn run(settings: &Settings, mut told: impl FnMut(Step)) -> Result<Moved> {
    if settings.addresses.is_empty() {
        return Err(Error::new(
            Kind::Setting,
            "name an address of the servers there",
        ));
    }
    let org_id = settings.org_id;
    let from = Side::reach("the source", &settings.from).await?;
    let to = Side::reach("the target", &settings.to).await?;
    check_alike(&from, &to).await?;
    copy::check_may_copy(&to).await?;
    let _alone = both_alone(&from, &to, org_id).await?;
    let (source, target) = (from.placed(org_id).await?, to.placed(org_id).await?);
    if source.is("moved") && target.is("here") && source.move_id == target.move_id {
        tracing::info!("the organisation has moved already");
        return Ok(Moved {
            documents: 0,
            edits: 0,
            closed_for: Duration::ZERO,
        });
    }
    let known = prepare(&from, &to, org_id, &source, &target).await?;
    let standbys = (Standbys::of(&from).await?, Standbys::of(&to).await?);
    let servers = Servers::listen(settings)?;
    let moving = Moving {
        settings,
        from: &from,
        to: &to,
        servers: &servers,
        standbys,
    };
    let moved = moving.run(&known, &mut told).await;
    servers.stop().await;
    moved
}

/// A move that nothing is in the way of.
struct Moving<'a> {
    settings: &'a Settings,
    from: &'a Side,
    to: &'a Side,
    servers: &'a Servers,
    /// Of the source and of the target.
    standbys: (Standbys, Standbys),
}

impl Moving<'_> {
    async fn run(&self, known: &[Uuid], told: &mut impl FnMut(Step)) -> Result<Moved> {
        let (from, to, org_id) = (self.from, self.to, self.settings.org_id);
        // Before anything is noted, when all are known, and once more right before anything is closed.
        self.servers.check(AT_FIRST).await?;
        let move_id = begin(from, to, org_id, known).await?;
        told(Step::Begun);
        // Whoever wants to end the command here can.
        tokio::task::yield_now().await;
        let mut rounds = Rounds::new(from, to, org_id).await?;
        let copied = rounds.until_little_is_left().await?;
        told(Step::Copied { edits: copied });
        tokio::task::yield_now().await;
        self.servers.check(IN_THE_END).await?;
        rounds.compare().await?;
        told(Step::Compared);
        tokio::task::yield_now().await;
        self.servers.check(IN_THE_END).await?;
        // One that is far behind must not hold up people who write.
        self.standbys_have_all(&rounds, told).await?;
        let closed = Instant::now();
        match self.last_second(move_id, &mut rounds, told).await {
            Ok(()) => {}
            Err(error) => return Err(after_failure(from, to, org_id, move_id, error).await),
        }
        let closed_for = closed.elapsed();
        told(Step::Opened { closed_for });
        Ok(Moved {
            documents: rounds.documents(),
            edits: rounds.edits_moved(),
            closed_for,
        })
    }

    async fn last_second(
        &self,
        move_id: Uuid,
        rounds: &mut Rounds<'_>,
        told: &mut impl FnMut(Step),
    ) -> Result<()> {
        rounds.close(move_id, &self.settings.addresses).await?;
        told(Step::Closed);
        tokio::task::yield_now().await;
        rounds.writers_ended().await?;
        let bytes = rounds.last().await?;
        told(Step::Complete { bytes });
        tokio::task::yield_now().await;
        // A standby of the source that took over without the mark would serve the organisation besides, and
        // one of the target without the last edits in their place.
        self.standbys_have_all(rounds, told).await?;
        if rounds.open(move_id).await? {
            return Ok(());
        }
        let says = "somebody else has taken the move over at the target";
        Err(Error::new(Kind::Conflict, says))
    }

    async fn standbys_have_all(
        &self,
        rounds: &Rounds<'_>,
        told: &mut impl FnMut(Step),
    ) -> Result<()> {
        let (reader, writer) = rounds.connections();
        let ((source, target), mut waits) = (&self.standbys, |says| told(Step::Waits { says }));
        source.have_all(self.from, reader, &mut waits).await?;
        target.have_all(self.to, writer, &mut waits).await
    }
}

/// Gives a move up: the source serves the organisation, and what was copied of it is deleted. The accounts
/// that came along stay.
///
/// # Errors
/// `Conflict` when it has moved; else as the databases fail.
pub async fn undo(settings: &Settings) -> Result<()> {
    let org_id = settings.org_id;
    let from = Side::reach("the source", &settings.from).await?;
    let to = Side::reach("the target", &settings.to).await?;
    let _alone = both_alone(&from, &to, org_id).await?;
    let (source, target) = (from.placed(org_id).await?, to.placed(org_id).await?);
    // Only a target that was to have it can say that it does not serve it.
    let is_closed = source.is("moved") && !target.is("arriving");
    if source.move_id.is_none() || is_closed || target.is_there && !target.is("arriving") {
        let says = "there is no move that could be given up: the organisation is served from the target, or never left, or this is not the target";
        return Err(Error::new(Kind::Conflict, says));
    }
    let move_id = Uuid::new_v4();
    if target.is("arriving") {
        let known = target.known_accounts.unwrap_or_default();
        to.place(org_id, "arriving", move_id, &known).await?;
    }
    from.place(org_id, "here", move_id, &[]).await?;
    if target.state.is_some() {
        let mut client = to.client().await?;
        copy::clear(&to, &mut client, org_id).await?;
        client
            .execute(
                "delete from quire.placement where org_id = $1 and state = 'arriving'",
                &[&org_id],
            )
            .await
            .map_err(to.failed("forget the move"))?;
    }
    Ok(())
}

/// Holds both databases against a second command for this organisation, until it is dropped.
///
/// # Errors
/// `Setting` when they are the same; `Conflict` when there is another command.
async fn both_alone(from: &Side, to: &Side, org_id: Uuid) -> Result<(PoolClient, PoolClient)> {
    let (source, target) = (from.placed(org_id).await?, to.placed(org_id).await?);
    if source.identity == target.identity {
        let says = "the source and the target are the same database";
        return Err(Error::new(Kind::Setting, says));
    }
    Ok((alone(from, org_id).await?, alone(to, org_id).await?))
}

async fn alone(side: &Side, org_id: Uuid) -> Result<PoolClient> {
    let client = side.client().await?;
    let row = client
        .query_one(
            "select pg_try_advisory_lock(hashtextextended($1::uuid::text, 14))",
            &[&org_id],
        )
        .await
        .map_err(side.failed("lock the move"))?;
    if row.get(0) {
        return Ok(client);
    }
    let says = format!(
        "{}: another command moves this organisation just now",
        side.name
    );
    Err(Error::new(Kind::Conflict, says))
}

/// Whether it can move; answers which of its accounts the target has already.
///
/// # Errors
/// `NotFound` and `Conflict`, as [`run`] says.
async fn prepare(
    from: &Side,
    to: &Side,
    org_id: Uuid,
    source: &Placed,
    target: &Placed,
) -> Result<Vec<Uuid>> {
    if !source.is_there || source.is("arriving") {
        let says = format!("the source serves no organisation {org_id}");
        return Err(Error::new(Kind::NotFound, says));
    }
    let is_ours = target.is("arriving")
        // It comes back: what was left behind there is older than what is here.
        || target.is("moved") && source.is("here") && source.move_id == target.move_id;
    if source.is("moved") && !target.is("arriving") {
        let says = "the organisation has moved, and not to this target";
        return Err(Error::new(Kind::Conflict, says));
    }
    if target.is_there && !is_ours {
        let says = format!("the target has an organisation {org_id} already");
        return Err(Error::new(Kind::Conflict, says));
    }
    let mut reader = from.client().await?;
    let reading = copy::moment(from, &mut reader).await?;
    let mut writer = to.client().await?;
    accounts::check(from, &reading, to, &mut writer, org_id).await?;
    reading.rollback().await.map_err(from.failed("end"))?;
    match &target.known_accounts {
        Some(known) if target.is("arriving") => Ok(known.clone()),
        _ => accounts::known(to, &accounts::named(from, org_id).await?).await,
    }
}

/// Takes the move over: first at the target, so that an earlier attempt can open it no more, and only then
/// does the source serve again.
async fn begin(from: &Side, to: &Side, org_id: Uuid, known: &[Uuid]) -> Result<Uuid> {
    let move_id = Uuid::new_v4();
    to.place(org_id, "arriving", move_id, known).await?;
    from.place(org_id, "moving", move_id, &[]).await?;
    copy::clear(to, &mut to.client().await?, org_id).await?;
    Ok(move_id)
}

/// Finds out where the organisation is after something failed, and lets the source serve again unless the
/// target does.
async fn after_failure(from: &Side, to: &Side, org_id: Uuid, move_id: Uuid, error: Error) -> Error {
    let until = Instant::now() + PATIENCE;
    loop {
        // Whoever claims the row first has decided it: the opening, or this.
        match claim(to, org_id, move_id).await {
            Ok(true) => break,
            Ok(false) => {
                return Error::caused(
                    error.kind(),
                    "the organisation is served from the target, or another command has taken the move over; run it again to see",
                    error,
                );
            }
            Err(failure) if Instant::now() > until => {
                tracing::error!(%failure, "ask the target what became of the move");
                return Error::caused(
                    error.kind(),
                    "the target cannot be asked whether it serves the organisation, so nobody does: run the command again when it can be reached",
                    error,
                );
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    loop {
        let mine = ["moved", "moving"];
        let mut undone = Ok(false);
        for state in mine {
            undone = match undone {
                Ok(false) => from.go_on(org_id, move_id, state, "here").await,
                undone => undone,
            };
        }
        match undone {
            Ok(_) => return error,
            Err(failure) if Instant::now() > until => {
                tracing::error!(%failure, "let the source serve again");
                return Error::caused(
                    error.kind(),
                    "the source cannot be told to serve the organisation again: run the command again when it can be reached",
                    error,
                );
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Makes sure that this move opens nothing any more; false: it has, or it is somebody else's.
async fn claim(to: &Side, org_id: Uuid, move_id: Uuid) -> Result<bool> {
    let client = to.client().await?;
    let changed = client
        .execute(
            "update quire.placement set move_id = gen_random_uuid() where org_id = $1 and move_id = $2 and state = 'arriving'",
            &[&org_id, &move_id],
        )
        .await
        .map_err(to.failed("take the move over"))?;
    Ok(changed == 1)
}
