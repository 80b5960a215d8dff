//! What goes wrong, and how it is put right.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::link::Manner;
use super::stage::Stage;
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
}

impl Fault {
    pub const ALL: [Self; 26] = [
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
    ];

    /// Whether its end starts a server.
    pub fn starts_server(self) -> bool {
        matches!(
            self,
            Self::KillServer | Self::KillBoth | Self::RestartServer
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
            | Self::BulkJob => 0,
            Self::KillServer | Self::KillBoth | Self::StopServer | Self::RestartServer => 1,
            Self::KillPostgres
            | Self::StopPostgres
            | Self::ImmediateShutdown
            | Self::RestartPostgres => 3,
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
        )
    }

    /// Whether two of them can happen in one round.
    fn goes_with(self, other: Self) -> bool {
        // One that stops Postgres or a server finds it running; a slot that waits holds up a start.
        let takes_postgres = |fault: Self| fault.rank() == 3 || fault == Self::KillBoth;
        let holds_up_the_end = |one: Self, two: Self| {
            one.holds_walsender() && two == Self::RestartPostgres || one == Self::LongTransaction
        };
        let is_impossible = self.rank() == other.rank()
            || takes_postgres(self) && takes_postgres(other)
            || holds_up_the_end(self, other)
            || holds_up_the_end(other, self);
        !is_impossible
    }

    /// One more that happens in the same round.
    pub fn companion(self, random: &mut Random) -> Option<Self> {
        let possible: Vec<Self> = Self::ALL
            .into_iter()
            .filter(|other| self.goes_with(*other))
            .collect();
        (!possible.is_empty()).then(|| *random.pick(&possible))
    }

    /// Whether the database can be written to meanwhile, by whoever has no link to it.
    pub fn leaves_postgres(self) -> bool {
        self.rank() < 3 && !matches!(self, Self::KillBoth | Self::ReadOnly)
    }

    /// Whether all must come right while it lasts: the other server is there for that.
    pub fn lasts(self) -> bool {
        matches!(self, Self::HalfOpenDoor | Self::HalfOpenLine)
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

/// A fault that has begun, and what it needs to end.
pub struct Begun {
    pub fault: Fault,
    server: usize,
    processes: Vec<Pid>,
    transaction: Option<tokio_postgres::Client>,
}

impl Begun {
    /// Lets it happen, to one server or to what all of them need.
    pub async fn begin(fault: Fault, stage: &mut Stage, random: &mut Random) -> Self {
        let server = random.below(stage.servers.len());
        let mut begun = Self {
            fault,
            server,
            processes: Vec::new(),
            transaction: None,
        };
        let seat = &mut stage.servers[server];
        match fault {
            Fault::KillServer => seat.process().kill9().await,
            Fault::KillPostgres => stage.cluster.kill9(),
            Fault::KillBoth => {
                seat.process().kill9().await;
                stage.cluster.kill9();
            }
            Fault::StopServer => begun.hold(vec![pid(seat.pid() as i32)]),
            Fault::StopPostgres => {
                let own = stage.cluster.postgres().pid();
                let mut all = quire::dev::children(own);
                all.push(own as i32);
                begun.hold(all.into_iter().map(pid).collect());
            }
            Fault::KillBackend => {
                let list = processes(stage, "application_name = 'quire'").await;
                let victim = *random.pick(&list);
                stage.crash(&[victim]).await;
            }
            Fault::KillWalsender => {
                let list = processes(stage, "backend_type = 'walsender'").await;
                stage.crash(&list).await;
            }
            Fault::StopWalsender => {
                let list = processes(stage, "backend_type = 'walsender'").await;
                begun.hold(list);
            }
            Fault::TerminateConnections => {
                let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
                     where pid <> pg_backend_pid() and application_name like 'quire%'";
                stage.cluster.execute(sql).await;
            }
            Fault::ImmediateShutdown => {
                stage.cluster.stop_immediately();
            }
            Fault::RestartPostgres => stage.cluster.stop(),
            Fault::RestartServer => {
                seat.process().stop().await.expect("it stops");
            }
            Fault::HalfOpenDoor => seat.door.behave(Manner::Swallows, Manner::Swallows),
            Fault::HalfOpenLine => seat.line.behave(Manner::Swallows, Manner::Swallows),
            Fault::LoseAcks => seat.door.behave(Manner::Passes, Manner::Swallows),
            Fault::LoseCommits => seat.line.behave(Manner::Passes, Manner::Swallows),
            Fault::CutDoor => seat.door.cut(),
            Fault::CutLine => seat.line.cut(),
            Fault::DelayDoor => {
                let delay = Manner::Delays(Duration::from_millis(10 + random.below(200) as u64));
                seat.door.behave(delay, delay);
            }
            Fault::DelayLine => {
                let delay = Manner::Delays(Duration::from_millis(10 + random.below(100) as u64));
                seat.line.behave(delay, delay);
            }
            Fault::OneWayLine => seat.line.behave(Manner::Swallows, Manner::Passes),
            Fault::ThrottleDoor => {
                let slow = Manner::Throttles(2_000 + random.below(20_000) as u32);
                seat.door.behave(slow, slow);
            }
            Fault::ThrottleLine => {
                let slow = Manner::Throttles(20_000 + random.below(100_000) as u32);
                seat.line.behave(slow, slow);
            }
            Fault::ReadOnly => {
                let sql = "alter system set default_transaction_read_only = on";
                stage.cluster.execute(sql).await;
                stage.cluster.postgres().reload();
            }
            Fault::LongTransaction => {
                let client = crate::kit::postgres::connect(&stage.url).await;
                let sql = "begin; select pg_current_xact_id()";
                client.batch_execute(sql).await.expect("a transaction");
                begun.transaction = Some(client);
                seat.process().kill9().await;
                stage.start_server(server).await;
            }
            Fault::BulkJob => {
                let sql = "create table if not exists bulk (number int, filler text); \
                     insert into bulk select n, repeat('x', 100) from generate_series(1, 1000000) n; \
                     truncate bulk";
                stage.execute(sql).await;
            }
        }
        begun
    }

    /// Puts it right again. What takes time to notice takes it.
    pub async fn end(self, stage: &mut Stage) {
        for process in &self.processes {
            // It may have been killed by another fault.
            let _ = kill_process(*process, Signal::CONT);
        }
        let seat = &mut stage.servers[self.server];
        match self.fault {
            Fault::KillServer | Fault::RestartServer => stage.start_server(self.server).await,
            Fault::KillPostgres | Fault::ImmediateShutdown | Fault::RestartPostgres => {
                stage.cluster.start_again();
            }
            Fault::KillBoth => {
                stage.cluster.start_again();
                stage.start_server(self.server).await;
            }
            Fault::HalfOpenDoor
            | Fault::LoseAcks
            | Fault::CutDoor
            | Fault::DelayDoor
            | Fault::ThrottleDoor => {
                seat.door.mend();
            }
            Fault::HalfOpenLine
            | Fault::LoseCommits
            | Fault::CutLine
            | Fault::DelayLine
            | Fault::OneWayLine
            | Fault::ThrottleLine => {
                seat.line.mend();
            }
            Fault::ReadOnly => {
                // Who puts it right writes all the same.
                let client = crate::kit::postgres::connect(&stage.url).await;
                let sql = "set default_transaction_read_only = off";
                client.batch_execute(sql).await.expect("set");
                let sql = "alter system reset default_transaction_read_only";
                client.batch_execute(sql).await.expect("reset");
                stage.cluster.postgres().reload();
            }
            Fault::LongTransaction => drop(self.transaction),
            Fault::StopServer
            | Fault::StopPostgres
            | Fault::KillBackend
            | Fault::KillWalsender
            | Fault::StopWalsender
            | Fault::TerminateConnections
            | Fault::BulkJob => {}
        }
    }

    fn hold(&mut self, processes: Vec<Pid>) {
        for process in &processes {
            // One that has ended meanwhile stands still enough.
            let _ = kill_process(*process, Signal::STOP);
        }
        self.processes = processes;
    }
}

fn pid(number: i32) -> Pid {
    Pid::from_raw(number).expect("the number of a process")
}

/// Processes of this stage's Postgres.
async fn processes(stage: &Stage, which: &str) -> Vec<Pid> {
    let client = crate::kit::postgres::connect(&stage.url).await;
    let sql = format!("select pid from pg_stat_activity where pid <> pg_backend_pid() and {which}");
    let rows = client.query(&sql, &[]).await.expect("processes");
    rows.iter().map(|row| pid(row.get(0))).collect()
}
