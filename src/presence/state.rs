//! What all servers said of who is where, and what this one says next. No I/O: readers are reached
//! through their outboxes, each frame encoded once for all of them.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use uuid::Uuid;

use super::entry;
use super::fleet::Fleet;
use super::message::Server;
use super::outgoing::{News, Outgoing};
use super::vitals::Vitals;
use crate::document::trial::DocKey;
use crate::fanout::outbox::Outbox;
use crate::fanout::{ReaderId, Room};
use crate::protocol::{BatchId, RoomKind, encode_updates};

/// Messages that may be on their way through the log; of more it is not noted when they were written.
const SAID: usize = 4_096;

#[derive(Default)]
pub(super) struct State {
    pub rooms: HashMap<DocKey, Places>,
    /// What the next message says.
    pub outgoing: Outgoing,
    pub fleet: Fleet,
    /// How this server is, as it said last.
    pub vitals: Option<Vitals>,
    /// Whether that is not in the log yet.
    pub is_vitals_due: bool,
    /// The last message could not be written; the next attempt is not hurried by news of this server.
    pub is_failing: bool,
    /// When this server wrote what has not come back out of the log yet.
    pub said: VecDeque<Instant>,
    /// Whom this server showed and who left, and when; until nobody can show them any more.
    pub parted: HashMap<(DocKey, String), Instant>,
    /// Others are to repeat what they said: this server did not hear all of it.
    pub is_asking: bool,
    /// Whether this server wants no more clients.
    pub is_withdrawn: bool,
}

#[derive(Default)]
pub(super) struct Places {
    pub people: HashMap<String, Person>,
    pub readers: HashMap<ReaderId, Listener>,
}

/// A connection that is told who is where.
pub(super) struct Listener {
    pub account_id: Uuid,
    pub outbox: Outbox,
    /// The key that it shows; one is enough for whoever has one caret.
    pub shown: Option<String>,
}

pub(super) struct Person {
    pub server_id: Uuid,
    /// The connection that said it, on the server that is `server_id`.
    pub reader: Option<ReaderId>,
    pub data: Bytes,
    pub heard: Instant,
}

impl Places {
    /// Sends an entry to everybody who listens.
    pub fn tell(&self, room: DocKey, key: &str, data: &Bytes) {
        tell(&self.readers, room, key, data);
    }
}

fn tell(readers: &HashMap<ReaderId, Listener>, room: DocKey, key: &str, data: &Bytes) {
    if readers.is_empty() {
        return;
    }
    let Some(frame) = frame(&room, data) else {
        return;
    };
    for listener in readers.values() {
        listener.outbox.presence(room, key, frame.clone());
    }
}

impl State {
    /// A message of this server is being written.
    pub fn say_now(&mut self) {
        if self.said.len() < SAID {
            self.said.push_back(Instant::now());
        }
    }

    /// What the next message says of this server.
    pub fn standing(&mut self) -> Server {
        // Whoever is withdrawn does not hear the log, or goes: it asks when it is back.
        match (self.is_withdrawn, self.is_asking) {
            (true, _) => Server::Withdraws,
            (false, true) => {
                self.is_asking = false;
                Server::Started
            }
            (false, false) => Server::Lives,
        }
    }

    /// How this server is, where it was not said since it was looked at.
    pub fn take_vitals(&mut self) -> Option<Vitals> {
        let is_due = std::mem::take(&mut self.is_vitals_due);
        self.vitals.clone().filter(|_| is_due)
    }

    /// The keys that a connection of this server shows in a room.
    pub fn shown_by(&self, room: DocKey, reader: ReaderId) -> Vec<String> {
        let people = self.rooms.get(&room).map(|places| &places.people);
        people
            .into_iter()
            .flatten()
            .filter(|(_, person)| person.reader == Some(reader))
            .map(|(key, _)| key.clone())
            .collect()
    }

    pub fn show(
        &mut self,
        from: Uuid,
        own: Uuid,
        room: DocKey,
        key: String,
        data: Bytes,
        is_removal: bool,
    ) {
        let places = self.rooms.entry(room).or_default();
        if is_removal {
            let held = places.people.get(&key);
            // A person may have come back, here or on another server, since it was said.
            let is_meant = held.is_some_and(|person| person.server_id == from)
                && (from != own || self.parted.contains_key(&(room, key.clone())));
            if !is_meant {
                return;
            }
            places.people.remove(&key);
        } else if from != own {
            let person = Person {
                server_id: from,
                reader: None,
                data: data.clone(),
                heard: Instant::now(),
            };
            places.people.insert(key.clone(), person);
        }
        places.tell(room, &key, &data);
    }

    pub fn forget_server(&mut self, server_id: Uuid) {
        self.forget(|person| person.server_id == server_id);
    }

    pub fn forget(&mut self, is_gone: impl Fn(&Person) -> bool) {
        for (room, places) in &mut self.rooms {
            let Places { people, readers } = places;
            people.retain(|key, person| {
                let is_gone = is_gone(person);
                if is_gone {
                    tell(readers, *room, key, &entry::remove(key));
                }
                !is_gone
            });
        }
    }

    /// Says again everything that this server said, and who left.
    pub fn repeat(&mut self, own: Uuid) {
        for place in self.parted.keys() {
            let news = News {
                data: entry::remove(&place.1),
                is_removal: true,
            };
            self.outgoing.say_again(place.clone(), news);
        }
        for (room, places) in &self.rooms {
            for (key, person) in &places.people {
                if person.server_id == own {
                    let news = News {
                        data: person.data.clone(),
                        is_removal: false,
                    };
                    self.outgoing.say_again((*room, key.clone()), news);
                }
            }
        }
    }
}

/// An entry as its readers get it; none when it cannot be sent at all.
pub(super) fn frame(room: &DocKey, data: &Bytes) -> Option<Bytes> {
    let frames = encode_updates(
        RoomKind::Ephemeral,
        &Room::name(room),
        std::slice::from_ref(data),
        |_| BatchId::from(0),
    );
    match frames {
        // An entry is far below the length of a message, so it is one frame.
        Ok(frames) => frames.into_iter().next(),
        Err(error) => {
            tracing::error!(%error, "encode presence");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    /// Somebody who is shown in a room by `server_id`.
    fn shown_by(server_id: Uuid) -> State {
        let mut state = State::default();
        let person = Person {
            server_id,
            reader: None,
            data: Bytes::from_static(b"here"),
            heard: Instant::now(),
        };
        let places = state.rooms.entry(DocKey::BEFORE_ALL).or_default();
        places.people.insert("7".to_owned(), person);
        state
    }

    /// Whether a removal that `from` said takes that person away.
    fn is_taken_away(state: &mut State, from: Uuid) -> bool {
        let key = "7".to_owned();
        state.show(from, OWN, DocKey::BEFORE_ALL, key, entry::remove("7"), true);
        state.rooms[&DocKey::BEFORE_ALL].people.is_empty()
    }

    fn part(state: &mut State) {
        let place = (DocKey::BEFORE_ALL, "7".to_owned());
        state.parted.insert(place, Instant::now());
    }

    #[test]
    fn who_came_back_is_not_gone_by_what_was_said_before() {
        assert!(!is_taken_away(&mut shown_by(OTHER), OWN), "elsewhere");
        assert!(!is_taken_away(&mut shown_by(OWN), OWN), "here");
        assert!(is_taken_away(&mut shown_by(OTHER), OTHER));
        let mut gone = shown_by(OWN);
        part(&mut gone);
        assert!(is_taken_away(&mut gone, OWN));
    }

    #[test]
    fn who_is_here_and_who_left_is_said_again() {
        let said = |mut state: State| -> Vec<bool> {
            state.repeat(OWN);
            state.outgoing.news().map(|said| said.is_removal).collect()
        };
        assert_eq!(said(shown_by(OWN)), [false]);
        assert!(said(shown_by(OTHER)).is_empty());
        let mut gone = shown_by(OWN);
        part(&mut gone);
        assert_eq!(said(gone), [true], "not both");
    }

    #[test]
    fn it_asks_once_and_not_while_it_takes_no_clients() {
        let mut state = State {
            is_asking: true,
            is_withdrawn: true,
            ..State::default()
        };
        assert_eq!(state.standing(), Server::Withdraws);
        state.is_withdrawn = false;
        assert_eq!(state.standing(), Server::Started);
        assert_eq!(state.standing(), Server::Lives);
    }
}
