//! What goes wrong, and how it is put right.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::fault::Fault;
use super::link::Manner;
use super::stage::Stage;
use crate::kit::random::Random;

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
