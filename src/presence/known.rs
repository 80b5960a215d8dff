//! Who is where and which servers live, as others than a room ask for it.

use std::time::{Instant, SystemTime};

use uuid::Uuid;

use super::fleet::{Stand, Standing, condition};
use super::{Presence, SERVER_SILENCE, entry};

/// Somebody who is in a document now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Someone {
    pub org_id: Uuid,
    pub document_id: Uuid,
    pub account_id: Option<Uuid>,
    pub name: Option<String>,
    pub color: Option<String>,
    /// The address of the server that the connection is on.
    pub server: Option<String>,
    /// When that was last said, by this server's clock.
    pub heard_at: SystemTime,
}

/// A server that was heard of lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownServer {
    pub address: String,
    /// `takes clients`, `takes none`, `silent` or `gone`.
    pub state: &'static str,
    /// It is the one that says so.
    pub is_asked: bool,
    pub heard_at: SystemTime,
}

impl Presence {
    /// Who is in which document, by all that servers said.
    pub fn people(&self) -> Vec<Someone> {
        let state = self.state();
        let address = |id: &Uuid| {
            state
                .fleet
                .servers
                .get(id)
                .map(|known| known.address.clone())
        };
        let rooms = state.rooms.iter();
        let all = rooms.flat_map(|(room, places)| places.people.values().map(move |p| (room, p)));
        all.map(|(room, person)| {
            let user = entry::user(&person.data);
            Someone {
                org_id: room.org_id,
                document_id: room.document_id,
                account_id: user.account_id,
                name: user.name,
                color: user.color,
                server: address(&person.server_id),
                heard_at: SystemTime::now() - person.heard.elapsed(),
            }
        })
        .collect()
    }

    /// The servers that were heard of lately, as they said of themselves.
    pub fn known_servers(&self) -> Vec<KnownServer> {
        let state = self.state();
        let servers = state.fleet.servers.iter().map(|(id, known)| KnownServer {
            address: known.address.clone(),
            state: match known.stand {
                Stand::Gone => "gone",
                _ if known.heard.elapsed() >= SERVER_SILENCE => "silent",
                Stand::TakesClients => "takes clients",
                Stand::Withdrawn => "takes none",
            },
            is_asked: *id == self.shared.server_id,
            heard_at: SystemTime::now() - known.heard.elapsed(),
        });
        let mut servers: Vec<_> = servers.collect();
        if !servers.iter().any(|server| server.is_asked) {
            // It has not heard itself yet.
            servers.push(KnownServer {
                address: self.shared.address.clone(),
                state: "takes clients",
                is_asked: true,
                heard_at: SystemTime::now(),
            });
        }
        servers.sort_by(|a, b| a.address.cmp(&b.address));
        servers
    }

    /// How all servers are. This one says of itself what it knows, not what came back out of the log:
    /// that may be what is late.
    pub fn standings(&self) -> Vec<Standing> {
        let state = self.state();
        let now = Instant::now();
        let mut standings = state.fleet.standings(now, self.lag_of(&state));
        let own = self.shared.server_id;
        standings.retain(|standing| standing.server_id != own);
        standings.push(Standing {
            server_id: own,
            address: self.shared.address.clone(),
            state: condition(state.vitals.as_ref(), state.is_withdrawn),
            is_asked: true,
            heard_ms: 0,
            vitals: state.vitals.clone(),
        });
        standings.sort_by(|a, b| (&a.address, a.server_id).cmp(&(&b.address, b.server_id)));
        standings
    }
}
