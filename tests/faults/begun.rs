//! What goes wrong, and how it is put right.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::check::Verdict;
use super::clock::{Clocks, Whose};
use super::disk::Disk;
use super::fault::Fault;
use super::folding::Folding;
use super::guests::{self, SlowReaders, Storm};
use super::link::Manner;
use super::poison::Poison;
use super::slots::{self, GivenUp};
use super::stage::Stage;
use super::{hidden, trial};
use crate::kit::random::Random;

/// A commit waits for so many microseconds before its flush.
const SLOW_DISK: [(&str, &str); 2] = [("commit_siblings", "0"), ("commit_delay", "100000")];

/// A fault that has begun, and what it needs to end.
pub struct Begun {
    pub fault: Fault,
    server: usize,
    processes: Vec<Pid>,
    transaction: Option<tokio_postgres::Client>,
    aside: Aside,
    /// What it found itself.
    verdict: Verdict,
}

/// What one kind of them needs to end.
enum Aside {
    Nothing,
    Disk(Disk),
    GivenUp(GivenUp),
    SlowReaders(SlowReaders),
    Storm(Storm),
    Poison(Poison),
    Folding(Folding),
    Clock(Whose),
    /// The server got no memory any more.
    Starved,
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
            aside: Aside::Nothing,
            verdict: Verdict::default(),
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
            Fault::PromoteStandby | Fault::PromoteSynchronous => {
                stage.fail_over(fault.loses_commits(), random).await;
            }
            Fault::PromoteWithoutServers => stage.fail_over_without_servers(random).await,
            Fault::RestoreBackup => stage.restore_backup(random).await,
            Fault::DiskFull => {
                let disk = Disk::one(random);
                disk.fill(&stage.cluster).await;
                begun.aside = Aside::Disk(disk);
            }
            Fault::SlowDisk => {
                let client = crate::kit::postgres::connect(&stage.url).await;
                for (name, value) in SLOW_DISK {
                    stage.alter(name, value, &client).await;
                }
            }
            Fault::DropSlot if random.chance(50) => slots::drop_all(stage).await,
            Fault::DropSlot => {
                let list = processes(stage, "backend_type = 'walsender'").await;
                begun.hold(list);
                begun.aside = Aside::GivenUp(GivenUp::behind_them(stage).await);
            }
            Fault::SlowReader => {
                begun.aside = Aside::SlowReaders(SlowReaders::come(stage, server).await);
            }
            Fault::ReconnectStorm => begun.aside = Aside::Storm(Storm::come(stage).await),
            Fault::PoisonRow => begun.aside = Aside::Poison(Poison::put(stage, random).await),
            Fault::Fold => begun.aside = Aside::Folding(Folding::begin(stage).await),
            Fault::KillTrial => {
                for process in trial::processes(seat) {
                    // It may be gone before.
                    let _ = kill_process(process, Signal::KILL);
                }
            }
            Fault::StopTrial => begun.hold(trial::processes(seat)),
            Fault::MemoryPressure if random.chance(50) => trial::starve_trial(stage, server).await,
            Fault::MemoryPressure => {
                trial::starve_server(stage, server).await;
                begun.aside = Aside::Starved;
            }
            Fault::ClockJump => {
                let whose = *random.pick(&[Whose::Postgres, Whose::Server(server)]);
                stage.clocks().set(whose, Clocks::jump(random));
                begun.aside = Aside::Clock(whose);
            }
            Fault::HiddenCommit => hidden::open(stage, server, &mut begun.verdict).await,
            Fault::FailingLoad => {
                stage
                    .execute("alter table quire.snapshot rename to snapshot_away")
                    .await;
                stage.servers[server].process().kill9().await;
                stage.start_server(server).await;
                guests::ask_in_vain(stage, server, &mut begun.verdict).await;
            }
        }
        begun
    }

    /// Starts Postgres again, where it is down for this.
    pub fn start_postgres(&self, stage: &mut Stage) {
        if let Fault::KillPostgres
        | Fault::KillBoth
        | Fault::ImmediateShutdown
        | Fault::RestartPostgres = self.fault
        {
            stage.cluster.start_again();
        }
    }

    /// Puts it right again, once Postgres runs. What takes time to notice takes it.
    pub async fn end(self, stage: &mut Stage, verdict: &mut Verdict) {
        verdict.add(self.verdict);
        for process in &self.processes {
            // It may have been killed by another fault.
            let _ = kill_process(*process, Signal::CONT);
        }
        let seat = &mut stage.servers[self.server];
        match self.fault {
            Fault::KillServer | Fault::RestartServer | Fault::KillBoth => {
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
                // A failover has exchanged them.
                seat.spare.mend();
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
            Fault::KillPostgres
            | Fault::ImmediateShutdown
            | Fault::RestartPostgres
            | Fault::StopServer
            | Fault::StopPostgres
            | Fault::KillBackend
            | Fault::KillWalsender
            | Fault::StopWalsender
            | Fault::TerminateConnections
            | Fault::BulkJob
            | Fault::PromoteStandby
            | Fault::PromoteSynchronous
            | Fault::PromoteWithoutServers
            | Fault::RestoreBackup
            | Fault::Fold
            | Fault::KillTrial
            | Fault::StopTrial
            | Fault::HiddenCommit
            | Fault::DiskFull
            | Fault::DropSlot
            | Fault::SlowReader
            | Fault::ReconnectStorm
            | Fault::PoisonRow
            | Fault::MemoryPressure
            | Fault::ClockJump => {}
            Fault::SlowDisk => {
                for (name, _) in SLOW_DISK {
                    stage.alter_back(name).await;
                }
            }
            Fault::FailingLoad => {
                stage
                    .execute("alter table quire.snapshot_away rename to snapshot")
                    .await;
            }
        }
        match self.aside {
            Aside::Nothing => {}
            Aside::Disk(disk) => disk.clear(&mut stage.cluster).await,
            Aside::GivenUp(slots) => slots.are_gone(stage).await,
            Aside::SlowReaders(readers) => readers.read_on(stage, verdict).await,
            Aside::Storm(storm) => storm.pass(verdict).await,
            Aside::Poison(poison) => poison.look(stage, verdict).await,
            Aside::Folding(folding) => folding.end(stage, verdict).await,
            Aside::Clock(whose) => stage.clocks().set(whose, 0),
            Aside::Starved => {
                stage.servers[self.server].process().kill9().await;
                stage.start_server(self.server).await;
            }
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
