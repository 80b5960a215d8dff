//! What processor a replay's own processes use, read from /proc.

use std::fs;

use serde::Serialize;

use crate::dev::children;

/// Processor time in seconds.
#[derive(Debug, Clone, Serialize)]
pub struct Used {
    /// The primary.
    pub primary: DatabaseUsed,
    /// Each of the standbys.
    pub standbys: Vec<DatabaseUsed>,
    /// All servers together, with their children.
    pub servers_s: f64,
}

/// Processor time of one Postgres in seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DatabaseUsed {
    /// All its processes.
    pub all_s: f64,
    /// Those of them that send its log, to servers and standbys.
    pub walsenders_s: f64,
}

impl Used {
    /// What was used since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let standbys = self.standbys.iter().zip(&before.standbys);
        Self {
            primary: self.primary.since(before.primary),
            standbys: standbys.map(|(now, then)| now.since(*then)).collect(),
            servers_s: self.servers_s - before.servers_s,
        }
    }
}

impl DatabaseUsed {
    /// The processes of the postmaster `pid` that live now.
    pub fn by(pid: u32) -> Self {
        let is_walsender = |pid: &u32| {
            let title = fs::read_to_string(format!("/proc/{pid}/cmdline"));
            title.is_ok_and(|title| title.contains("walsender"))
        };
        let family = family(pid);
        Self {
            all_s: family.iter().map(|pid| seconds(*pid)).sum(),
            walsenders_s: family
                .iter()
                .filter(|pid| is_walsender(pid))
                .map(|pid| seconds(*pid))
                .sum(),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            all_s: self.all_s - before.all_s,
            walsenders_s: self.walsenders_s - before.walsenders_s,
        }
    }
}

/// What a process and its children have used, those that live now.
pub fn seconds_of_tree(pid: u32) -> f64 {
    family(pid).into_iter().map(seconds).sum()
}

fn family(pid: u32) -> Vec<u32> {
    let children = children(pid).into_iter().map(|pid| pid as u32);
    std::iter::once(pid).chain(children).collect()
}

/// Of all threads of a process. One that has ended counts nothing.
fn seconds(pid: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0.0;
    };
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    nanoseconds.sum::<u64>() as f64 / 1e9
}
