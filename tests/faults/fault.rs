//! What can go wrong: the list, and what goes with what. begun.rs lets it happen.

use super::disk;
use crate::kit::random::Random;

/// One thing that goes wrong. The order is that of the README's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// kill -9 of a server.
    KillServer,
    /// kill -9 of every process of Postgres.
    KillPostgres,
    /// Both at once.
    KillBoth,
    /// A server stands still and goes on.
    StopServer,
    /// Postgres stands still, all of its processes, and goes on.
    StopPostgres,
    /// kill -9 of one connection's process: Postgres restarts them all.
    KillBackend,
    /// kill -9 of the process that sends the log.
    KillWalsender,
    /// The process that sends the log stands still and goes on.
    StopWalsender,
    /// Every connection to the database is ended.
    TerminateConnections,
    /// Postgres is stopped without any farewell, and recovers from its log.
    ImmediateShutdown,
    /// Postgres is restarted in order.
    RestartPostgres,
    /// A server is asked to stop, and started again.
    RestartServer,
    /// What the server answers does not arrive, and the connections are cut: the acks are lost.
    LoseAcks,
    /// What Postgres answers does not arrive, and the connections are cut: COMMITs are in doubt.
    LoseCommits,
    /// The connections between clients and a server are cut, and no new one is to be had.
    CutDoor,
    /// The connections between a server and Postgres are cut, and no new one is to be had.
    CutLine,
    /// What clients and server say arrives late.
    DelayDoor,
    /// What server and Postgres say arrives late.
    DelayLine,
    /// Postgres is heard by its server, and does not hear it.
    OneWayLine,
    /// Few bytes a second between clients and a server.
    ThrottleDoor,
    /// Few bytes a second between a server and Postgres.
    ThrottleLine,
    /// The database lets nobody write.
    ReadOnly,
    /// A transaction stays open while a server starts and wants its slot.
    LongTransaction,
    /// A million rows are written in one transaction, into a table that is not published.
    BulkJob,
    /// Nothing arrives any more between clients and a server, and nobody is told.
    HalfOpenDoor,
    /// The same between a server and Postgres.
    HalfOpenLine,
    /// No byte is free for the tables, or for the log.
    DiskFull,
    /// Each flush of the log takes a tenth of a second.
    SlowDisk,
    /// The slot of a feed goes while its server lives.
    DropSlot,
    /// Some have joined and read nothing, while much is written.
    SlowReader,
    /// Two hundred come at once.
    ReconnectStorm,
    /// A row that Loro cannot apply is put into the table.
    PoisonRow,
    /// kill -9 of the process that tries updates.
    KillTrial,
    /// The process that tries updates stands still and goes on.
    StopTrial,
    /// A server, or its process that tries updates, gets no more memory.
    MemoryPressure,
    /// The clock of Postgres or of a server jumps by hours, ahead or back, and back again.
    ClockJump,
    /// A document is opened while an edit of it is in the stream and not in the tables.
    HiddenCommit,
    /// Documents cannot be loaded from the tables while a server starts.
    FailingLoad,
    /// Postgres dies, and a standby that lacks the last commits is promoted.
    PromoteStandby,
    /// Postgres dies, and a standby that has every commit is promoted.
    PromoteSynchronous,
    /// As promote_standby, and every server dies too: only people's own devices have what is lost.
    PromoteWithoutServers,
    /// Older files of Postgres are put back: the same cluster, further back in its log.
    RestoreBackup,
    /// Nothing goes wrong by it: old edits are folded all the time, and whoever folds may be killed.
    Fold,
}

impl Fault {
    pub const ALL: [Self; 43] = [
        Self::KillServer,
        Self::KillPostgres,
        Self::KillBoth,
        Self::StopServer,
        Self::StopPostgres,
        Self::KillBackend,
        Self::KillWalsender,
        Self::StopWalsender,
        Self::TerminateConnections,
        Self::ImmediateShutdown,
        Self::RestartPostgres,
        Self::RestartServer,
        Self::LoseAcks,
        Self::LoseCommits,
        Self::CutDoor,
        Self::CutLine,
        Self::DelayDoor,
        Self::DelayLine,
        Self::OneWayLine,
        Self::ThrottleDoor,
        Self::ThrottleLine,
        Self::ReadOnly,
        Self::LongTransaction,
        Self::BulkJob,
        Self::HalfOpenDoor,
        Self::HalfOpenLine,
        Self::DiskFull,
        Self::SlowDisk,
        Self::DropSlot,
        Self::SlowReader,
        Self::ReconnectStorm,
        Self::PoisonRow,
        Self::KillTrial,
        Self::StopTrial,
        Self::MemoryPressure,
        Self::ClockJump,
        Self::HiddenCommit,
        Self::FailingLoad,
        Self::PromoteStandby,
        Self::PromoteSynchronous,
        Self::PromoteWithoutServers,
        Self::RestoreBackup,
        Self::Fold,
    ];

    /// Those that can happen on this machine.
    pub fn possible() -> Vec<Self> {
        let is_possible = |fault: &Self| *fault != Self::DiskFull || disk::can_be_had();
        Self::ALL.into_iter().filter(is_possible).collect()
    }

    /// Whether it needs a Postgres and servers that were started for it.
    pub fn is_apart(self) -> bool {
        matches!(self, Self::DiskFull | Self::ClockJump)
    }

    /// Whether its end starts a server.
    pub fn starts_server(self) -> bool {
        matches!(
            self,
            Self::KillServer | Self::KillBoth | Self::RestartServer | Self::MemoryPressure
        )
    }

    /// In which order those of a round begin: what needs a running Postgres comes first.
    fn rank(self) -> u8 {
        match self {
            Self::KillBackend
            | Self::KillWalsender
            | Self::StopWalsender
            | Self::TerminateConnections
            | Self::ReadOnly
            | Self::LongTransaction
            | Self::BulkJob
            | Self::DiskFull
            | Self::SlowDisk
            | Self::DropSlot
            | Self::SlowReader
            | Self::ReconnectStorm
            | Self::PoisonRow
            | Self::HiddenCommit
            | Self::FailingLoad
            | Self::Fold => 0,
            Self::KillServer
            | Self::KillBoth
            | Self::StopServer
            | Self::RestartServer
            | Self::KillTrial
            | Self::StopTrial
            | Self::MemoryPressure => 1,
            Self::KillPostgres
            | Self::StopPostgres
            | Self::ImmediateShutdown
            | Self::RestartPostgres => 3,
            Self::PromoteStandby | Self::PromoteSynchronous => 3,
            Self::PromoteWithoutServers | Self::RestoreBackup => 3,
            _ => 2,
        }
    }

    /// Whether Postgres waits for who reads its log, for a minute, before it stops in order.
    fn holds_walsender(self) -> bool {
        matches!(
            self,
            Self::StopServer
                | Self::StopWalsender
                | Self::LoseCommits
                | Self::OneWayLine
                | Self::ThrottleLine
                | Self::HalfOpenLine
                | Self::DropSlot
        )
    }

    /// Whether two of them can happen in one round.
    fn goes_with(self, other: Self) -> bool {
        // One that stops Postgres or a server finds it running; a slot that waits holds up a start.
        let takes_postgres = |fault: Self| fault.rank() == 3 || fault == Self::KillBoth;
        let holds_up_the_end = |one: Self, two: Self| {
            one.holds_walsender() && two == Self::RestartPostgres
                || one == Self::LongTransaction
                // Postgres may have ended by itself then.
                || one == Self::DiskFull && takes_postgres(two)
        };
        // It is fed by one of the processes that stand still.
        let holds_up_the_standby = |one: Self, two: Self| {
            matches!(one, Self::StopWalsender | Self::DropSlot) && two.changes_cluster()
        };
        // Disks and clocks are those of the cluster that is replaced.
        let has_moved =
            |one: Self, two: Self| one.is_apart() && (two.changes_cluster() || two.loses_commits());
        // Who folds here follows no feed, so nobody tells it of another log.
        let is_of_one_log = |one: Self, two: Self| {
            one == Self::Fold && (two.changes_cluster() || two.loses_commits())
        };
        let has_no_servers =
            |one: Self, two: Self| one == Self::PromoteWithoutServers && two.rank() == 1;
        // It stops Postgres in order, and waits until people have written on.
        let stops_in_order = |one: Self, two: Self| {
            (one.holds_walsender() || one == Self::ReadOnly) && two == Self::RestoreBackup
        };
        // It lasts until all is well, and a server that starts needs its database.
        let holds_up_the_start =
            |one: Self, two: Self| one == Self::HalfOpenLine && two.starts_server();
        // Memory runs out while documents are written, until it has.
        let holds_up_writing = |one: Self, two: Self| {
            one == Self::MemoryPressure
                && matches!(
                    two,
                    Self::StopServer
                        | Self::StopPostgres
                        | Self::StopTrial
                        | Self::ReadOnly
                        | Self::DiskFull
                        | Self::CutLine
                        | Self::OneWayLine
                        | Self::HalfOpenLine
                        | Self::FailingLoad
                        | Self::PromoteWithoutServers
                )
        };
        let is_impossible = self.rank() == other.rank()
            || holds_up_the_start(self, other)
            || holds_up_the_start(other, self)
            || has_moved(self, other)
            || has_moved(other, self)
            || is_of_one_log(self, other)
            || is_of_one_log(other, self)
            || has_no_servers(self, other)
            || has_no_servers(other, self)
            || stops_in_order(self, other)
            || stops_in_order(other, self)
            || holds_up_the_standby(self, other)
            || holds_up_the_standby(other, self)
            || holds_up_writing(self, other)
            || holds_up_writing(other, self)
            || takes_postgres(self) && takes_postgres(other)
            || holds_up_the_end(self, other)
            || holds_up_the_end(other, self);
        !is_impossible
    }

    /// One more that happens in the same round.
    pub fn companion(self, random: &mut Random) -> Option<Self> {
        let possible: Vec<Self> = Self::possible()
            .into_iter()
            .filter(|other| self.goes_with(*other))
            .collect();
        (!possible.is_empty()).then(|| *random.pick(&possible))
    }

    /// Whether the database can be written to meanwhile, by whoever has no link to it.
    pub fn leaves_postgres(self) -> bool {
        self.rank() < 3 && !matches!(self, Self::KillBoth | Self::ReadOnly | Self::DiskFull)
    }

    /// Whether another cluster serves afterwards.
    pub fn changes_cluster(self) -> bool {
        matches!(
            self,
            Self::PromoteStandby | Self::PromoteSynchronous | Self::PromoteWithoutServers
        )
    }

    /// Whether commits are lost that were acknowledged.
    pub fn loses_commits(self) -> bool {
        matches!(
            self,
            Self::PromoteStandby | Self::PromoteWithoutServers | Self::RestoreBackup
        )
    }

    /// Whether all must come right while it lasts: the other server is there for that, or it concerns
    /// nobody but its own guests.
    pub fn lasts(self) -> bool {
        matches!(
            self,
            Self::HalfOpenDoor
                | Self::HalfOpenLine
                | Self::SlowReader
                | Self::ReconnectStorm
                | Self::PoisonRow
        )
    }

    /// Those of a round, in the order in which they begin.
    pub fn in_order(mut faults: Vec<Self>) -> Vec<Self> {
        faults.sort_by_key(|fault| fault.rank());
        faults
    }

    /// `kill_server`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in format!("{self:?}").chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    pub fn parse(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|fault| fault.name() == name);
        found.unwrap_or_else(|| {
            panic!(
                "{name} is no fault; there are {:?}",
                Self::ALL.map(Self::name)
            )
        })
    }
}
