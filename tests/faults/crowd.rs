//! People who write and people who read, through real connections, and what they remember of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use loro::LoroDoc;
use quire::client::{Address, Client, Event, Options};
use quire::document::blocks::plain_text;
use tokio::sync::watch;

use crate::kit::random::Random;

/// The longest pause between two words of somebody in a hurry.
pub const HURRY_MS: usize = 30;
/// Edits that somebody makes who cannot reach a server: each is at another place of the text, so that taking
/// in what others made meanwhile costs everybody as much as all of it.
const AWAY: usize = 200;

/// Somebody at a document.
pub struct Person {
    pub name: usize,
    pub client: Client,
    pub memory: Arc<Mutex<Memory>>,
    /// What was typed, in order.
    pub words: Vec<Word>,
    random: Random,
}

/// One word, unlike every other and part of none.
pub struct Word {
    pub text: String,
    pub peer: u64,
    /// The counter after it.
    pub counter_end: i32,
    /// Taken back by its author; as which peer, and the counter after that.
    pub deleted: Option<(u64, i32)>,
}

/// What a client was told.
#[derive(Default)]
pub struct Memory {
    /// Up to where each of its peers is acknowledged.
    pub acknowledged: BTreeMap<u64, i32>,
    /// Operations of others, in the order in which they were seen.
    pub seen: Vec<Seen>,
    /// How long it took, from coming back, until the server had again what it had acknowledged.
    pub returns: Vec<Duration>,
    /// Peers that were given up, and from where on: their words were written again as another's.
    pub given_up: BTreeMap<u64, i32>,
    /// Of whom the server has lost something, since when it could have been told, and up to where.
    owed: Option<(u64, Instant, i32)>,
    joins: usize,
    joined: Option<Instant>,
}

/// Operations that came together.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How often the client had joined by then.
    pub join: usize,
    /// When that was.
    pub joined: Instant,
    pub operations: Vec<(u64, i32, i32)>,
}

impl Memory {
    fn note(&mut self, peer: &mut Option<u64>, event: &Event<'_>) {
        match event {
            Event::Joined {
                peer: leased,
                durable,
                ..
            } => {
                *peer = *leased;
                self.joins += 1;
                self.joined = Some(Instant::now());
                if let Some(leased) = *leased {
                    self.is_owed(leased, *durable);
                    self.has_again(leased, *durable);
                }
            }
            Event::Acknowledged { counter_end, .. } => {
                if let Some(peer) = *peer {
                    let known = self.acknowledged.entry(peer).or_insert(0);
                    *known = (*known).max(*counter_end);
                    self.has_again(peer, *counter_end);
                }
            }
            Event::Imported { operations, .. } => {
                let operations: Vec<_> = operations
                    .iter()
                    .map(|(peer, (start, end))| (*peer, *start, *end))
                    .collect();
                if !operations.is_empty() {
                    let join = self.joins;
                    let joined = self.joined.expect("nothing comes before the join");
                    self.seen.push(Seen {
                        join,
                        joined,
                        operations,
                    });
                }
            }
            Event::StartedOver { peer, from } => {
                let told = self.acknowledged.entry(*peer).or_insert(0);
                *told = (*told).min(*from);
                self.given_up.insert(*peer, *from);
                self.owed = None;
            }
            Event::Refused(_) | Event::Lost { .. } => {}
        }
    }
}

/// What is printed with a failure, besides what the servers said.
fn tell(person: usize, event: &Event<'_>) {
    match event {
        Event::Joined { address, .. } => tracing::info!(person, address, "joined"),
        Event::Lost { reason } => tracing::info!(person, reason, "lost its connection"),
        Event::Refused(status) => tracing::info!(person, ?status, "was refused an update"),
        Event::StartedOver { .. } => tracing::info!(person, "starts over"),
        Event::Acknowledged { .. } | Event::Imported { .. } => {}
    }
}

impl Memory {
    /// The server has `durable` of a peer: perhaps it had acknowledged more.
    fn is_owed(&mut self, peer: u64, durable: i32) {
        let told = self.acknowledged.get(&peer).copied().unwrap_or(0);
        if durable < told && self.owed.is_none() {
            self.owed = Some((peer, Instant::now(), told));
        }
    }

    fn has_again(&mut self, peer: u64, end: i32) {
        if let Some((_, since, _)) = self
            .owed
            .take_if(|(of, _, told)| *of == peer && end >= *told)
        {
            self.returns.push(since.elapsed());
        }
    }
}

impl Person {
    /// Comes to the document; [`Client::joined`] says when it is there.
    pub fn arrive(
        name: usize,
        addresses: Vec<Address>,
        token: &str,
        room: &str,
        random: Random,
    ) -> Self {
        let memory = Arc::new(Mutex::new(Memory::default()));
        let noting = memory.clone();
        let mut peer = None;
        let client = Client::start(Options {
            presence: true,
            window: AWAY,
            observer: Box::new(move |event| {
                tell(name, &event);
                lock(&noting).note(&mut peer, &event);
            }),
            ..Options::new(addresses, token, room, &format!("device {name}"))
        });
        Self {
            name,
            client,
            memory,
            words: Vec::new(),
            random,
        }
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(&self.memory)
    }

    /// Types until told to stop, with pauses of up to `pause_ms`.
    pub async fn type_until(mut self, mut stop: watch::Receiver<bool>, pause_ms: usize) -> Self {
        loop {
            let pause = Duration::from_millis(1 + self.random.below(pause_ms) as u64);
            // A pause is what makes a person; it stands for nothing that is waited for.
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return self,
                () = tokio::time::sleep(pause) => {}
            }
            let may_type = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return self,
                ready = self.client.ready() => ready.is_ok(),
            };
            // Whoever was sent away has nothing more to say.
            if !may_type {
                return self;
            }
            self.act();
        }
    }

    fn act(&mut self) {
        match self.random.below(10) {
            0 if self.take_back() => {}
            1 => self
                .client
                .show(loro::loro_value!({"anchor": null, "focus": null})),
            _ => self.say(),
        }
    }

    fn say(&mut self) {
        let text = format!("<{}.{}>", self.name, self.words.len());
        let place = self.random.bits();
        let said = self.client.edit(|editor| {
            let position = editor.change(|doc| boundary(doc, place));
            editor.insert(position, &text)?;
            Ok(editor.change(own_counter))
        });
        if let Ok((peer, counter_end)) = said {
            self.words.push(Word {
                text,
                peer,
                counter_end,
                deleted: None,
            });
        }
    }

    /// Deletes one of its own words; false when none is left.
    fn take_back(&mut self) -> bool {
        let standing: Vec<usize> = (0..self.words.len())
            .filter(|number| self.words[*number].deleted.is_none())
            .collect();
        if standing.is_empty() {
            return false;
        }
        let word = &mut self.words[*self.random.pick(&standing)];
        let deleted = self.client.edit(|editor| {
            let position = editor.change(|doc| place_of(doc, &word.text));
            let Some(position) = position else {
                return Ok(None);
            };
            editor.delete(position, word.text.len())?;
            Ok(Some(editor.change(own_counter)))
        });
        if let Ok(Some(by)) = deleted {
            word.deleted = Some(by);
        }
        true
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().expect("nothing panics with it")
}

fn own_counter(doc: &LoroDoc) -> (u64, i32) {
    let peer = doc.peer_id();
    (peer, doc.oplog_vv().get(&peer).copied().unwrap_or(0))
}

/// A place between two words.
fn boundary(doc: &LoroDoc, random: u64) -> usize {
    let text = plain_text(doc);
    let ends = text
        .char_indices()
        .filter(|(_, c)| *c == '>')
        .map(|(place, _)| place + 1);
    let mut places: Vec<usize> = ends.collect();
    places.push(0);
    places[(random % places.len() as u64) as usize]
}

fn place_of(doc: &LoroDoc, word: &str) -> Option<usize> {
    plain_text(doc).find(word)
}
