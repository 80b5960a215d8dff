//! What a primary does with its transactions: a commit is in the log, and may be streamed, before
//! any snapshot sees it. After procarray.c and snapbuild.c of PostgreSQL 15 to 18.

use crate::feed::snapshot::Snapshot;
use crate::random::Random;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Its commit record is in the log, and to every snapshot it is still running.
    Committed,
    /// Visible to every new snapshot.
    Visible,
    Aborted,
}

/// A transaction with one edit, unless it is of no document.
#[derive(Debug, Clone)]
pub struct Written {
    pub xid: u64,
    pub document: usize,
    state: State,
}

impl Written {
    fn is_over(&self) -> bool {
        matches!(self.state, State::Visible | State::Aborted)
    }
}

pub struct Postgres {
    /// The number of the first in `written`.
    first: u64,
    written: Vec<Written>,
    /// Those that committed, in the order of the log.
    log: Vec<usize>,
    /// The highest that is over.
    completed: u64,
}

impl Postgres {
    pub fn new(first: u64) -> Self {
        Self {
            first,
            written: Vec::new(),
            log: Vec::new(),
            completed: first - 1,
        }
    }

    /// The number of the next transaction.
    pub fn next(&self) -> u64 {
        self.first + self.written.len() as u64
    }

    pub fn begin(&mut self, document: usize) {
        self.written.push(Written {
            xid: self.next(),
            document,
            state: State::Running,
        });
    }

    /// One of those that run commits, or is rolled back.
    pub fn commit(&mut self, random: &mut Random) {
        let Some(at) = self.one_that_is(State::Running, random) else {
            return;
        };
        if random.chance(10) {
            self.is_over(at, State::Aborted);
        } else {
            self.written[at].state = State::Committed;
            self.log.push(at);
        }
    }

    /// One of those that have committed becomes visible.
    pub fn end(&mut self, random: &mut Random) {
        if let Some(at) = self.one_that_is(State::Committed, random) {
            self.is_over(at, State::Visible);
        }
    }

    /// A transaction without an edit, as who asks for a number begins one; it is over at once.
    pub fn take_number(&mut self) -> u64 {
        let xid = self.next();
        self.begin(usize::MAX);
        self.is_over(self.written.len() - 1, State::Aborted);
        xid
    }

    /// Everything commits and becomes visible.
    pub fn finish(&mut self) {
        for at in 0..self.written.len() {
            if self.written[at].state == State::Running {
                self.log.push(at);
            }
            if !self.written[at].is_over() {
                self.is_over(at, State::Visible);
            }
        }
    }

    fn one_that_is(&self, state: State, random: &mut Random) -> Option<usize> {
        let all = 0..self.written.len();
        let fitting: Vec<usize> = all.filter(|at| self.written[*at].state == state).collect();
        (!fitting.is_empty()).then(|| *random.pick(&fitting))
    }

    fn is_over(&mut self, at: usize, state: State) {
        self.written[at].state = state;
        self.completed = self.completed.max(self.written[at].xid);
    }

    /// `pg_current_snapshot()`: of what is at or above xmax it says nothing, running or not.
    pub fn snapshot(&self) -> Snapshot {
        let xmax = self.completed + 1;
        let below = self.written.iter().filter(|one| one.xid < xmax);
        let running: Vec<String> = below
            .filter(|one| !one.is_over())
            .map(|one| one.xid.to_string())
            .collect();
        let xmin = running.first().map_or(xmax.to_string(), String::clone);
        let text = format!("{xmin}:{xmax}:{}", running.join(","));
        Snapshot::parse(&text).expect("a snapshot is read")
    }

    /// The edits of a document that a new snapshot sees, from this transaction on.
    pub fn read(&self, document: usize, from: u64) -> impl Iterator<Item = u64> {
        let fits = move |one: &&Written| one.document == document && one.xid >= from;
        let visible = self
            .written
            .iter()
            .filter(|one| one.state == State::Visible);
        visible.filter(fits).map(|one| one.xid)
    }

    /// What stands at this place of the log.
    pub fn at(&self, place: usize) -> Option<&Written> {
        Some(&self.written[*self.log.get(place)?])
    }

    pub fn log_end(&self) -> usize {
        self.log.len()
    }

    /// Those that run, by what the log says of them: also who has committed and is not visible.
    fn running(&self) -> Vec<u64> {
        let running = self.written.iter().filter(|one| !one.is_over());
        running.map(|one| one.xid).collect()
    }

    fn are_over(&self, xids: &[u64]) -> bool {
        xids.iter()
            .all(|xid| self.written[(xid - self.first) as usize].is_over())
    }
}

/// How a slot comes to its consistent point: it waits for who runs, twice, unless nobody does.
#[derive(Debug, Default)]
pub struct NewSlot {
    looks: usize,
    /// Who was running at the last look.
    awaited: Vec<u64>,
}

impl NewSlot {
    /// One look; where the slot begins in the log, once it is there. Who began after the second look
    /// is not waited for: its commit may stand before that place, and it need not be visible.
    pub fn step(&mut self, postgres: &Postgres) -> Option<usize> {
        if !postgres.are_over(&self.awaited) {
            return None;
        }
        self.awaited = postgres.running();
        self.looks += 1;
        (self.awaited.is_empty() || self.looks == 3).then(|| postgres.log_end())
    }
}
