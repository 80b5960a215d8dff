//! How many connections are let in before anything is known of them: so many in all, so many from
//! one network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use ipnet::IpNet;

use crate::auth::network_of;

/// The places behind one door. Clones share them.
#[derive(Clone)]
pub(crate) struct Places {
    inside: Arc<Inside>,
}

struct Inside {
    most: usize,
    /// From one network; this machine and trusted networks may have more, because many people come
    /// through them.
    from_one: usize,
    trusted: Vec<IpNet>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A place inside, given back when it is dropped.
pub(crate) struct Place {
    inside: Arc<Inside>,
    network: IpAddr,
}

impl Places {
    /// `most` places, of which one network that is not `trusted` may have `from_one`.
    pub fn new(most: usize, from_one: usize, trusted: Vec<IpNet>) -> Self {
        Self {
            inside: Arc::new(Inside {
                most,
                from_one,
                trusted,
                counts: Mutex::default(),
            }),
        }
    }

    /// A place, or which limit is reached: `full` or `address`.
    pub fn enter(&self, address: IpAddr) -> Result<Place, &'static str> {
        let network = network_of(address);
        let inside = &self.inside;
        let has_many_people =
            address.is_loopback() || inside.trusted.iter().any(|n| n.contains(&address));
        let mut counts = inside.counts();
        if counts.all >= inside.most {
            return Err("full");
        }
        let from_there = counts.by_network.entry(network).or_default();
        if *from_there >= inside.from_one && !has_many_people {
            return Err("address");
        }
        *from_there += 1;
        counts.all += 1;
        Ok(Place {
            inside: inside.clone(),
            network,
        })
    }
}

impl Inside {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("nothing panics while it is held")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.inside.counts();
        counts.all -= 1;
        if let Some(from_there) = counts.by_network.get_mut(&self.network) {
            *from_there -= 1;
            if *from_there == 0 {
                counts.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM_ONE: usize = 1_000;

    fn places(most: usize, trusted: &[&str]) -> Places {
        let trusted = trusted.iter().map(|n| n.parse().expect("a network"));
        Places::new(most, FROM_ONE, trusted.collect())
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let inside = places(FROM_ONE + 2, &["192.0.2.1/32"]);
        let from = |address: &str| inside.enter(address.parse().expect("an address"));
        let taken: Vec<Place> = (0..FROM_ONE)
            .map(|n| from(&format!("2001:db8::{n:x}")).expect("one of many"))
            .collect();
        assert_eq!(from("2001:db8::ffff:1").err(), Some("address"));
        let other = from("2001:db8:0:1::1").expect("another network has room");
        let last = from("192.0.2.1").expect("the last place");
        assert_eq!(from("192.0.2.2").err(), Some("full"));
        drop((taken, other, last));
        let counts = inside.inside.counts();
        let left = (counts.all, counts.by_network.len());
        assert_eq!(left, (0, 0), "nothing is left behind");
    }

    #[test]
    fn a_trusted_proxy_brings_many_people() {
        let inside = places(10 * FROM_ONE, &["192.0.2.0/24"]);
        let from = |address: &str| inside.enter(address.parse().expect("an address"));
        let taken: Vec<_> = (0..2 * FROM_ONE).map(|_| from("192.0.2.7")).collect();
        assert!(taken.iter().all(Result::is_ok));
    }
}
