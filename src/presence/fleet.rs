//! The servers, as their messages in the log describe them. No I/O.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use uuid::Uuid;

use super::message::{Message, Server};
use super::vitals::{Silent, Vitals};

/// From here on a server counts as silent: it speaks every second.
pub(super) const QUIET: Duration = Duration::from_secs(3);
/// The same for versions that do not say how they are: these speak every 5 s.
const QUIET_OLDER: Duration = Duration::from_secs(8);
/// From here on others say so of it: whoever has just begun to listen can wait for what it is.
const LATE: Duration = Duration::from_secs(2);

/// All servers that were heard of lately.
#[derive(Debug, Default)]
pub struct Fleet {
    pub(super) servers: HashMap<Uuid, Known>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Known {
    pub address: String,
    pub heard: Instant,
    pub stand: Stand,
    /// It said that it goes.
    pub is_parted: bool,
    pub vitals: Option<Vitals>,
}

/// What a server is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    TakesClients,
    /// It lives, and takes none.
    Withdrawn,
    /// It is gone. Its pages are still open in browsers for a while.
    Gone,
}

/// How a server is, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub server_id: Uuid,
    /// Where browsers reach it.
    pub address: String,
    pub state: Condition,
    /// It is the one that says so.
    pub is_asked: bool,
    /// How long ago it was heard of, in milliseconds.
    pub heard_ms: u64,
    /// What it said then; none of an older version.
    pub vitals: Option<Vitals>,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    Ready,
    /// It takes no clients; its vitals say why.
    NotReady,
    /// It sees its clients off.
    Draining,
    /// It has said nothing for more than 3 s, and no farewell.
    Silent,
}

impl Fleet {
    /// What a message of the log says of its sender.
    pub(super) fn hear(&mut self, message: &Message, now: Instant) -> Stand {
        let stand = match message.server {
            Server::Lives | Server::Started => Stand::TakesClients,
            Server::Withdraws => Stand::Withdrawn,
            Server::Leaves => Stand::Gone,
        };
        let before = self.servers.remove(&message.server_id);
        let known = Known {
            address: message.address.clone(),
            heard: now,
            stand,
            is_parted: stand == Stand::Gone,
            vitals: (message.vitals.clone()).or(before.and_then(|before| before.vitals)),
        };
        self.servers.insert(message.server_id, known);
        stand
    }

    /// The same for whoever only listens to the log; answers whether it was such a message.
    pub fn listen(&mut self, bytes: &bytes::Bytes, now: Instant) -> bool {
        let message = Message::decode(bytes.clone());
        message.is_some_and(|message| {
            self.hear(&message, now);
            true
        })
    }

    /// How all are, by address. `lag` is how old what was heard is at most: for so much longer nobody
    /// counts as silent.
    pub fn standings(&self, now: Instant, lag: Duration) -> Vec<Standing> {
        let of = |(id, known): (&Uuid, &Known)| Standing {
            server_id: *id,
            address: known.address.clone(),
            state: known.condition(now, lag),
            is_asked: false,
            heard_ms: now.saturating_duration_since(known.heard).as_millis() as u64,
            vitals: known.vitals.clone(),
        };
        let present = |(_, known): &(&Uuid, &Known)| !known.is_parted && !self.is_replaced(known);
        let mut standings: Vec<_> = self.servers.iter().filter(present).map(of).collect();
        let quiet_ms = QUIET.as_millis() as u64;
        for told in self.told_unheard(now) {
            if told.heard_ms >= quiet_ms
                && !standings.iter().any(|known| known.address == told.address)
            {
                standings.push(told);
            }
        }
        standings.sort_by(|a, b| (&a.address, a.server_id).cmp(&(&b.address, b.server_id)));
        standings
    }

    /// Those that have not been heard of for two seconds, without a farewell.
    pub(super) fn unheard(&self, now: Instant, lag: Duration) -> Vec<Silent> {
        let silence = |known: &Known| now.saturating_duration_since(known.heard);
        let is_unheard = |known: &&Known| {
            let late = known.quiet() - (QUIET - LATE);
            !known.is_parted && !self.is_replaced(known) && silence(known) >= late + lag
        };
        let unheard = self.servers.values().filter(is_unheard);
        let mut unheard: Vec<_> = unheard
            .map(|known| Silent {
                address: known.address.clone(),
                silent_ms: silence(known).as_millis() as u64,
            })
            .collect();
        unheard.sort_by(|a, b| a.address.cmp(&b.address));
        unheard
    }

    /// Whether it is still to be seen of somebody whether it is silent.
    pub fn is_in_doubt(&self, now: Instant) -> bool {
        let quiet_ms = QUIET.as_millis() as u64;
        let own = self.servers.values().any(|known| {
            let silence = now.saturating_duration_since(known.heard);
            let is_late = silence >= LATE && silence < known.quiet();
            !known.is_parted && !self.is_replaced(known) && is_late && known.vitals.is_some()
        });
        own || self
            .told_unheard(now)
            .iter()
            .any(|told| told.heard_ms < quiet_ms)
    }

    /// What living servers say of others: whoever has just begun to listen never heard these.
    fn told_unheard(&self, now: Instant) -> Vec<Standing> {
        let lives =
            |known: &&Known| !known.is_parted && now.saturating_duration_since(known.heard) < QUIET;
        let said = self.servers.values().filter(lives).flat_map(|known| {
            let age_ms = now.saturating_duration_since(known.heard).as_millis() as u64;
            let silent = known.vitals.iter().flat_map(|vitals| &vitals.silent);
            silent.map(move |silent| (silent, age_ms))
        });
        let mut told: Vec<Standing> = Vec::new();
        for (silent, age_ms) in said {
            // That it is back is known here already.
            let is_back = (self.servers.values()).any(|known| known.address == silent.address);
            if !is_back && !told.iter().any(|known| known.address == silent.address) {
                told.push(Standing {
                    server_id: Uuid::nil(),
                    address: silent.address.clone(),
                    state: Condition::Silent,
                    is_asked: false,
                    heard_ms: silent.silent_ms + age_ms,
                    vitals: None,
                });
            }
        }
        told
    }

    /// Another one was heard at its address later: it was started again.
    fn is_replaced(&self, known: &Known) -> bool {
        let others = self.servers.values();
        others
            .filter(|other| other.address == known.address)
            .any(|other| other.heard > known.heard)
    }
}

impl Known {
    /// From when on it counts as silent.
    fn quiet(&self) -> Duration {
        match self.vitals {
            Some(_) => QUIET,
            None => QUIET_OLDER,
        }
    }

    fn condition(&self, now: Instant, lag: Duration) -> Condition {
        let silence = now.saturating_duration_since(self.heard);
        let vitals = self.vitals.as_ref();
        if silence >= self.quiet() + lag {
            return Condition::Silent;
        }
        condition(vitals, self.stand == Stand::Withdrawn)
    }
}

/// Of a server that speaks.
pub(super) fn condition(vitals: Option<&Vitals>, is_withdrawn: bool) -> Condition {
    match vitals {
        Some(vitals) if vitals.is_draining => Condition::Draining,
        Some(vitals) if vitals.not_ready.is_some() => Condition::NotReady,
        _ if is_withdrawn => Condition::NotReady,
        _ => Condition::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(server_id: u128, address: &str, server: Server) -> Message {
        Message {
            server_id: Uuid::from_u128(server_id),
            server,
            address: address.into(),
            entries: Vec::new(),
            vitals: Some(Vitals::default()),
        }
    }

    fn states(fleet: &Fleet, now: Instant) -> Vec<(String, Condition)> {
        let standings = fleet.standings(now, Duration::ZERO);
        standings
            .into_iter()
            .map(|s| (s.address, s.state))
            .collect()
    }

    #[test]
    fn a_server_that_falls_silent_shows_until_it_is_back_and_one_that_parts_does_not() {
        let (mut fleet, began) = (Fleet::default(), Instant::now());
        fleet.hear(&message(1, "a", Server::Started), began);
        fleet.hear(&message(2, "b", Server::Lives), began);
        fleet.hear(&message(3, "c", Server::Withdraws), began);
        let said = |states: &[(&str, Condition)]| -> Vec<(String, Condition)> {
            states.iter().map(|(a, s)| ((*a).to_owned(), *s)).collect()
        };
        use Condition::{NotReady, Ready, Silent};
        assert_eq!(
            states(&fleet, began),
            said(&[("a", Ready), ("b", Ready), ("c", NotReady)])
        );
        fleet.hear(&message(3, "c", Server::Leaves), began);
        let later = began + QUIET;
        fleet.hear(&message(2, "b", Server::Lives), later);
        assert_eq!(states(&fleet, later), said(&[("a", Silent), ("b", Ready)]));
        // Who hears late does not take others for silent.
        let late = fleet.standings(later, Duration::from_secs(1));
        assert!(late.iter().all(|standing| standing.state == Ready));
        // It is started again, as another server.
        fleet.hear(&message(4, "a", Server::Started), later);
        assert_eq!(states(&fleet, later), said(&[("a", Ready), ("b", Ready)]));
    }

    #[test]
    fn a_server_of_an_older_version_may_speak_less_often() {
        let (mut fleet, began) = (Fleet::default(), Instant::now());
        let mut older = message(1, "a", Server::Lives);
        older.vitals = None;
        fleet.hear(&older, began);
        let states = |seconds| states(&fleet, began + Duration::from_secs(seconds));
        assert_eq!(states(6), [("a".to_owned(), Condition::Ready)]);
        assert_eq!(states(8), [("a".to_owned(), Condition::Silent)]);
    }

    #[test]
    fn who_has_just_begun_to_listen_is_told_of_silent_servers() {
        let (mut before, began) = (Fleet::default(), Instant::now());
        before.hear(&message(1, "a", Server::Lives), began);
        let later = began + Duration::from_secs(6);
        let mut heartbeat = message(2, "b", Server::Lives);
        heartbeat.vitals = Some(Vitals {
            silent: before.unheard(later, Duration::ZERO),
            ..Vitals::default()
        });
        let mut fleet = Fleet::default();
        assert!(fleet.listen(&heartbeat.encode(), later));
        let standings = fleet.standings(later, Duration::ZERO);
        assert_eq!(standings.len(), 2);
        assert_eq!(standings[0].state, Condition::Silent);
        assert_eq!(standings[0].heard_ms, 6_000);
        fleet.hear(&message(3, "a", Server::Started), later);
        assert_eq!(fleet.standings(later, Duration::ZERO).len(), 2);
        assert!(!fleet.listen(&bytes::Bytes::from_static(b"something"), later));
    }
}
