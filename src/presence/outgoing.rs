//! What this server says next of who is where: the newest of each key, organisations in turns, and within
//! one whoever has waited longest. However much one of them says, the others' is in the next message.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;
use uuid::Uuid;

use super::message::Entry;
use crate::document::trial::DocKey;

/// Bytes of one message, the last entry not counted; what is more goes into the next one.
const MESSAGE_BYTES: usize = 64 * 1024;
/// What an entry takes besides its key and its data, at most.
const ENTRY_BYTES: usize = 48;

/// One key in one room.
pub(super) type Place = (DocKey, String);

/// What is said of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub data: Bytes,
    pub is_removal: bool,
}

#[derive(Debug, Default)]
pub(super) struct Outgoing {
    news: HashMap<Place, News>,
    /// Of each organisation the places with news, oldest first.
    waiting: BTreeMap<Uuid, VecDeque<Place>>,
    /// Whose turn was last.
    last: Uuid,
}

impl Outgoing {
    /// Says this of the place, whatever was to be said before.
    pub fn say(&mut self, place: Place, news: News) {
        if self.news.insert(place.clone(), news).is_none() {
            let waiting = self.waiting.entry(place.0.org_id).or_default();
            waiting.push_back(place);
        }
    }

    /// Says this of the place, unless something is to be said that is newer.
    pub fn say_again(&mut self, place: Place, news: News) {
        if !self.news.contains_key(&place) {
            self.say(place, news);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.news.is_empty()
    }

    /// What the next message says.
    pub fn take(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut bytes = 0;
        while bytes < MESSAGE_BYTES
            && let Some((place, news)) = self.next()
        {
            bytes += place.1.len() + news.data.len() + ENTRY_BYTES;
            entries.push(Entry {
                room: place.0,
                key: place.1,
                data: news.data,
                is_removal: news.is_removal,
            });
        }
        entries
    }

    fn next(&mut self) -> Option<(Place, News)> {
        let after = (Bound::Excluded(self.last), Bound::Unbounded);
        let org_id = match self.waiting.range(after).next() {
            Some((org_id, _)) => *org_id,
            None => *self.waiting.first_key_value()?.0,
        };
        self.last = org_id;
        let waiting = self.waiting.get_mut(&org_id)?;
        let place = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&org_id);
        }
        let place = place?;
        let news = self.news.remove(&place)?;
        Some((place, news))
    }

    #[cfg(test)]
    pub fn news(&self) -> impl Iterator<Item = &News> {
        self.news.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(org: u128, document: u128, key: usize) -> Place {
        let room = DocKey {
            org_id: Uuid::from_u128(org),
            document_id: Uuid::from_u128(document),
        };
        (room, key.to_string())
    }

    fn news(bytes: usize) -> News {
        News {
            data: vec![0; bytes].into(),
            is_removal: false,
        }
    }

    #[test]
    fn the_newest_of_each_key_is_said_once() {
        let mut outgoing = Outgoing::default();
        outgoing.say(place(1, 1, 1), news(1));
        outgoing.say(place(1, 1, 1), news(2));
        outgoing.say_again(place(1, 1, 1), news(3));
        let said = outgoing.take();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].data.len(), 2);
        assert!(outgoing.is_empty() && outgoing.take().is_empty());
    }

    #[test]
    fn who_says_much_holds_up_neither_others_nor_its_own_documents() {
        let mut outgoing = Outgoing::default();
        for key in 0..10_000 {
            outgoing.say(place(1, 1, key), news(1_000));
        }
        outgoing.say(place(1, 2, 0), news(100));
        outgoing.say(place(2, 1, 0), news(100));
        outgoing.say(place(0, 1, 0), news(100));
        let first = outgoing.take();
        let orgs: Vec<u128> = first.iter().map(|e| e.room.org_id.as_u128()).collect();
        assert!(orgs.contains(&0) && orgs.contains(&2), "{orgs:?}");
        let bytes: usize = first.iter().map(|entry| entry.data.len()).sum();
        assert!(bytes < MESSAGE_BYTES + 1_000, "{bytes}");
        // The one that is said again and again waits behind those that have waited.
        let mut messages = 1;
        loop {
            outgoing.say(place(1, 1, 0), news(1_000));
            messages += 1;
            let is_it = |entry: &Entry| entry.room.document_id == Uuid::from_u128(2);
            if outgoing.take().iter().any(is_it) {
                break;
            }
            assert!(messages < 200, "it never comes");
        }
    }
}
