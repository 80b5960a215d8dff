//! What keeps one organisation from taking everything: turns, so that what waits longest is not
//! only one's, and shares, so that nobody fills a bounded place alone. Without I/O.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// A queue in which organisations take turns; what one of them put in keeps its order.
#[derive(Debug)]
pub struct FairQueue<T> {
    waiting: HashMap<Uuid, VecDeque<T>>,
    /// Whose something waits, in the order of their turns.
    turns: VecDeque<Uuid>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
        }
    }
}

impl<T> FairQueue<T> {
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Puts an item behind what waits of the same organisation.
    pub fn push(&mut self, org_id: Uuid, item: T) {
        let own = self.waiting.entry(org_id).or_default();
        if own.is_empty() {
            self.turns.push_back(org_id);
        }
        own.push_back(item);
    }

    /// Puts an item back, to come before everything else.
    pub fn push_front(&mut self, org_id: Uuid, item: T) {
        let own = self.waiting.entry(org_id).or_default();
        if own.is_empty() {
            self.turns.push_front(org_id);
        }
        own.push_front(item);
    }

    /// What [`Self::pop`] would take.
    pub fn peek(&self) -> Option<&T> {
        self.waiting.get(self.turns.front()?)?.front()
    }

    /// Takes the first item of the organisation whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let org_id = self.turns.pop_front()?;
        let own = self.waiting.get_mut(&org_id)?;
        let item = own.pop_front();
        if own.is_empty() {
            self.waiting.remove(&org_id);
        } else {
            self.turns.push_back(org_id);
        }
        item
    }
}

/// A share of the same size for each organisation that uses it.
#[derive(Debug)]
pub struct Shares {
    units: usize,
    /// Alive as long as somebody holds or waits for a part of it.
    by_org: Mutex<HashMap<Uuid, Weak<Semaphore>>>,
}

impl Shares {
    /// Each organisation may hold so many units at the same time.
    pub fn of(units: usize) -> Self {
        Self {
            units,
            by_org: Mutex::default(),
        }
    }

    /// Waits until the organisation's share has room. First come, first served within it. More than
    /// the whole share counts as all of it.
    pub async fn take(&self, org_id: Uuid, units: usize) -> OwnedSemaphorePermit {
        let units = u32::try_from(units.clamp(1, self.units)).unwrap_or(u32::MAX);
        let permit = self.share(org_id).acquire_many_owned(units).await;
        permit.expect("the semaphore is never closed")
    }

    fn share(&self, org_id: Uuid) -> Arc<Semaphore> {
        let mut by_org = self.by_org.lock().expect("nothing panics while it is held");
        if let Some(share) = by_org.get(&org_id).and_then(Weak::upgrade) {
            return share;
        }
        // Before the map would grow, so that it is never much larger than what is in use.
        if by_org.len() == by_org.capacity() {
            by_org.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.units));
        by_org.insert(org_id, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_take_turns_and_keep_their_order() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let mut queue = FairQueue::default();
        for item in ["a1", "a2", "a3"] {
            queue.push(a, item);
        }
        assert_eq!(queue.pop(), Some("a1"));
        queue.push(b, "b1");
        queue.push(b, "b2");
        queue.push_front(b, "b0");
        let order: Vec<&str> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["a2", "b0", "a3", "b1", "b2"]);
        assert!(queue.is_empty());
        assert!(queue.waiting.is_empty(), "nothing is kept of who is done");
    }

    #[test]
    fn what_is_put_back_comes_first() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let mut queue = FairQueue::default();
        queue.push(a, "a1");
        queue.push_front(b, "b0");
        assert_eq!(queue.peek(), Some(&"b0"));
        assert_eq!(queue.pop(), Some("b0"));
        assert_eq!(queue.pop(), Some("a1"));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn whoever_waits_is_served_before_another_is_served_twice() {
        for seed in 0..500 {
            let mut random = crate::random::Random::new(seed);
            let mut queue = FairQueue::default();
            let mut waiting: [VecDeque<usize>; 4] = Default::default();
            // Since when each waits, in pops of each other one.
            let mut passed = [[0; 4]; 4];
            for number in 0..200 {
                if random.chance(55) {
                    let org = random.below(4);
                    if waiting[org].is_empty() {
                        passed[org] = [0; 4];
                    }
                    queue.push(Uuid::from_u128(org as u128), (org, number));
                    waiting[org].push_back(number);
                    continue;
                }
                let Some((org, item)) = queue.pop() else {
                    assert!(waiting.iter().all(VecDeque::is_empty), "seed {seed}");
                    continue;
                };
                assert_eq!(
                    waiting[org].pop_front(),
                    Some(item),
                    "seed {seed}: its order"
                );
                passed[org] = [0; 4];
                for other in (0..4).filter(|other| *other != org && !waiting[*other].is_empty()) {
                    passed[other][org] += 1;
                    assert!(
                        passed[other][org] < 2,
                        "seed {seed}: {org} twice before {other}"
                    );
                }
            }
            while let Some((org, item)) = queue.pop() {
                assert_eq!(waiting[org].pop_front(), Some(item), "seed {seed}");
            }
            assert!(
                waiting.iter().all(VecDeque::is_empty),
                "seed {seed}: nothing is lost"
            );
        }
    }

    #[tokio::test]
    async fn one_that_fills_its_share_holds_up_only_itself() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let shares = Shares::of(4);
        let all = shares.take(a, 100).await;
        let mut more = Box::pin(shares.take(a, 1));
        assert!(futures_util::poll!(&mut more).is_pending());
        drop(shares.take(b, 4).await);
        drop(all);
        drop(more.await);
    }

    #[tokio::test]
    async fn shares_that_nobody_uses_are_forgotten() {
        let shares = Shares::of(1);
        for number in 0..10_000 {
            drop(shares.take(Uuid::from_u128(number), 1).await);
        }
        assert!(shares.by_org.lock().unwrap().len() < 100);
    }
}
