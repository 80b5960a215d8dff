//! One round: people write, something goes wrong, it is put right, and everything is looked at.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::begun::Begun;
use super::check::{PATIENCE, Rows, Verdict, check_log, unborn};
use super::crowd::{HURRY_MS, Memory, Person, Word};
use super::fault::Fault;
use super::leaks;
use super::stage::Stage;
use super::witness::{Log, Witness};
use crate::kit::people;
use crate::kit::random::Random;

/// How long a round may be wrong after all is settled. A client that gives its copy up does so after some
/// seconds on a server, and must find one first.
const REGRET: Duration = Duration::from_secs(30);

/// People who write.
const WRITERS: usize = 4;

/// A round's plan follows from its number and the seed.
pub struct Round {
    pub number: usize,
    pub faults: Vec<Fault>,
    random: Random,
    /// Whether an author is always lost with what goes wrong, and one loses its right meanwhile.
    is_severe: bool,
}

/// Somebody who types, and how to stop that.
pub(crate) struct Typing {
    task: JoinHandle<Person>,
    stop: watch::Sender<bool>,
}

/// An author who is gone, with everything that was not sent.
struct Gone {
    name: usize,
    words: Vec<Word>,
    memory: Arc<Mutex<Memory>>,
}

/// Whoever took part in a round.
struct People {
    writers: Vec<Person>,
    reader: Person,
    gone: Vec<Gone>,
    /// A failover has lost commits: whoever is gone, or may not write any more, cannot bring them back.
    lost_commits: bool,
    /// Nothing else went wrong that would hold up what comes back.
    is_alone: bool,
}

impl People {
    /// Holds everything against the rows, until it is right or stays wrong: a server goes on trying to commit
    /// what an author had sent before it was lost, and whose copy holds what a failover has lost
    /// waits for who brings it back before it starts over.
    async fn judge(&self, stage: &Stage) -> Verdict {
        let last = Instant::now() + REGRET;
        let mut rows = Rows::read(stage, stage.document_id).await;
        loop {
            let verdict = self.hold_against(&rows, stage).await;
            let now = Rows::read(stage, stage.document_id).await;
            let is_over = Instant::now() >= last && now.version() == rows.version();
            if verdict.is_right() || is_over {
                return verdict;
            }
            rows = now;
            crate::kit::pause().await;
        }
    }

    async fn hold_against(&self, rows: &Rows, stage: &Stage) -> Verdict {
        let mut verdict = Verdict::default();
        rows.check(&mut verdict);
        rows.check_copy("the reader", &self.reader.client, &mut verdict)
            .await;
        for writer in &self.writers {
            self.check_writer(rows, writer, &mut verdict);
            if writer.name < WRITERS {
                let whose = format!("writer {}", writer.name);
                rows.check_copy(&whose, &writer.client, &mut verdict).await;
            }
        }
        for gone in &self.gone {
            let memory = gone.memory.lock().expect("nobody panics");
            let (name, words) = (gone.name, &gone.words);
            rows.check_author(name, &memory, words, self.lost_commits, &mut verdict);
        }
        rows.check_servers(stage, &stage.room(), &mut verdict).await;
        self.with_memories(|memories| {
            for unborn in unborn(rows, memories, &self.excused(memories)) {
                verdict.divergent += 1;
                verdict.complain(unborn);
            }
        });
        verdict
    }

    fn check_writer(&self, rows: &Rows, writer: &Person, verdict: &mut Verdict) {
        let (name, memory) = (writer.name, writer.memory());
        let may_be_lost = self.lost_commits && name > WRITERS;
        rows.check_author(name, &memory, &writer.words, may_be_lost, verdict);
        verdict.note_returns(name, &memory, self.is_alone);
    }

    /// Peers whose words a failover may have lost although they were shown.
    fn excused(&self, memories: &[&Memory]) -> HashSet<u64> {
        if !self.lost_commits {
            return HashSet::new();
        }
        let gone = self.gone.iter().flat_map(|gone| &gone.words);
        let revoked = self.writers.iter().filter(|writer| writer.name > WRITERS);
        gone.chain(revoked.flat_map(|writer| &writer.words))
            .map(|word| word.peer)
            // Their words stand there as another peer's.
            .chain(memories.iter().flat_map(|m| m.given_up.keys().copied()))
            .collect()
    }

    fn check_log(&self, log: &Log, since: Instant, verdict: &mut Verdict) {
        self.with_memories(|memories| check_log(log, since, memories, verdict));
    }

    /// Of those who are still there.
    fn with_memories(&self, look: impl FnOnce(&[&Memory])) {
        let people = self.writers.iter().chain([&self.reader]);
        let memories: Vec<_> = people.map(Person::memory).collect();
        look(&memories.iter().map(|memory| &**memory).collect::<Vec<_>>());
    }
}

impl Round {
    pub fn new(number: usize, seed: u64, fault: Fault, is_combined: bool) -> Self {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
        let mut faults = vec![fault];
        if is_combined {
            faults.extend(fault.companion(&mut random));
        }
        Self {
            number,
            faults: Fault::in_order(faults),
            random,
            is_severe: false,
        }
    }

    /// One in which everything happens that the checker looks for.
    pub fn severe(number: usize, seed: u64, faults: &[Fault]) -> Self {
        Self {
            faults: faults.to_vec(),
            is_severe: true,
            ..Self::new(number, seed, faults[0], false)
        }
    }

    /// `round 7 (kill_server, cut_door)`.
    pub fn title(&self) -> String {
        let names: Vec<String> = self.faults.iter().map(|fault| fault.name()).collect();
        format!("round {} ({})", self.number, names.join(", "))
    }

    pub async fn play(mut self, stage: &mut Stage) -> Verdict {
        let mut verdict = Verdict::default();
        let loses_commits = self.faults.iter().any(|fault| fault.loses_commits());
        if self.faults.iter().any(|fault| fault.changes_cluster()) {
            stage.add_standby(!loses_commits).await;
        }
        let victim = match self.random.chance(30) || self.is_severe {
            true => Some(stage.office.member(&stage.pool, "Victim").await),
            false => None,
        };
        let document_id = stage.document("Round").await;
        stage.document_id = document_id;
        stage.poisoned.clear();
        let room = stage.room();
        let client = stage.pool.get().await.expect("a connection");
        let mut witness = Witness::call(&client, &format!("{}", self.number)).await;
        drop(client);
        let failovers = stage.failovers;

        let reader = self.person(stage, WRITERS, &stage.office.owner, &room);
        let mut writers: Vec<Person> = (0..WRITERS)
            .map(|name| self.person(stage, name, &stage.office.owner, &room))
            .collect();
        if let Some(victim) = &victim {
            writers.push(self.person(stage, WRITERS + 1, victim, &room));
        }
        assemble(&reader, &writers).await;

        let mut typing: Vec<_> = writers
            .into_iter()
            .map(|writer| Typing::start(writer, HURRY_MS))
            .collect();
        self.pause(200).await;
        let revoked_first = self.random.chance(50) && !self.is_severe;
        if revoked_first {
            revoke(stage, victim.as_ref()).await;
        }
        let mut begun = Vec::new();
        for fault in self.faults.clone() {
            begun.push(Begun::begin(fault, stage, &mut self.random).await);
            self.pause(100).await;
        }
        if stage.failovers > failovers {
            // The slot died with its cluster. The order is looked at from here on: what was written
            // before the new one is there, the log does not tell.
            let client = stage.pool.get().await.expect("a connection");
            witness = Witness::call(&client, &format!("{}", self.number)).await;
        }
        // Sometimes an author goes down with all that.
        let mut gone = Vec::new();
        if self.random.chance(25) || self.is_severe {
            gone.push(typing.remove(0).crash().await);
        }
        let is_reachable = self.faults.iter().all(|fault| fault.leaves_postgres());
        if !revoked_first && is_reachable {
            revoke(stage, victim.as_ref()).await;
        }
        self.pause(400).await;
        let (lasting, passing): (Vec<_>, Vec<_>) =
            begun.into_iter().partition(|begun| begun.fault.lasts());
        // Postgres first, and servers last: whoever puts something right needs the one, and they need
        // everything.
        for begun in &passing {
            begun.start_postgres(stage);
        }
        let (servers, others): (Vec<_>, Vec<_>) = passing
            .into_iter()
            .partition(|begun| begun.fault.starts_server());
        for begun in others.into_iter().rev().chain(servers) {
            begun.end(stage, &mut verdict).await;
        }
        if !revoked_first && !is_reachable {
            revoke(stage, victim.as_ref()).await;
        }
        self.pause(200).await;
        let mut writers = Vec::new();
        for typing in typing {
            writers.push(typing.stop().await);
        }
        for writer in &writers {
            let may_be_refused = writer.name > WRITERS;
            settle(writer, may_be_refused, &mut verdict).await;
        }
        let rows = Rows::read(stage, stage.document_id).await;
        rows.check_reaches("the reader", &reader.client, &mut verdict)
            .await;
        for begun in lasting.into_iter().rev() {
            begun.end(stage, &mut verdict).await;
        }
        let people = People {
            writers,
            reader,
            gone,
            lost_commits: loses_commits,
            is_alone: self.faults.len() == 1,
        };
        verdict.add(people.judge(stage).await);
        let client = stage.pool.get().await.expect("a connection");
        let since = witness.since;
        let log = witness.testify(&client, document_id).await;
        drop(client);
        people.check_log(&log, since, &mut verdict);
        for person in people.writers.into_iter().chain([people.reader]) {
            person.client.close().await;
        }
        leaks::check(stage, &mut verdict).await;
        verdict
    }

    fn person(&mut self, stage: &Stage, name: usize, who: &people::Person, room: &str) -> Person {
        let random = Random::new(self.random.bits());
        Person::arrive(
            name,
            stage.addresses(name),
            &who.token.reveal(),
            room,
            random,
        )
    }

    /// When something happens is part of the plan.
    async fn pause(&mut self, up_to_ms: usize) {
        let pause = Duration::from_millis(1 + self.random.below(up_to_ms) as u64);
        tokio::time::sleep(pause).await;
    }
}

/// Everybody is there, and has the page.
pub(crate) async fn assemble(reader: &Person, writers: &[Person]) {
    for person in writers.iter().chain([reader]) {
        person.client.joined().await.expect("joined");
    }
    for person in writers.iter().chain([reader]) {
        let there = person.client.document_is(quire::document::model::is_seeded);
        there.await.expect("the page");
    }
}

async fn revoke(stage: &Stage, victim: Option<&people::Person>) {
    let Some(victim) = victim else { return };
    let client = crate::kit::postgres::connect(&stage.url).await;
    let sql = "delete from quire.member where org_id = $1 and account_id = $2";
    let (org_id, account_id) = (stage.office.org_id, victim.session.account_id);
    client
        .execute(sql, &[&org_id, &account_id])
        .await
        .expect("revoked");
}

impl Typing {
    pub(crate) fn start(person: Person, pause_ms: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(person.type_until(stopped, pause_ms));
        Self { task, stop }
    }

    pub(crate) async fn stop(self) -> Person {
        self.stop.send_replace(true);
        self.task.await.expect("nobody panics")
    }

    /// The author's machine dies: what it had not sent is gone with it.
    async fn crash(self) -> Gone {
        let Person {
            name,
            words,
            memory,
            client,
            ..
        } = self.stop().await;
        drop(client);
        Gone {
            name,
            words,
            memory,
        }
    }
}

pub(crate) async fn settle(writer: &Person, may_be_refused: bool, verdict: &mut Verdict) {
    let settled = tokio::time::timeout(PATIENCE, writer.client.settled()).await;
    let problem = match settled {
        Ok(Ok(())) => return,
        Ok(Err(_)) if may_be_refused => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("{} edits wait for ever", writer.client.unacknowledged()),
    };
    verdict.divergent += 1;
    verdict.complain(format!("writer {} does not settle: {problem}", writer.name));
}
