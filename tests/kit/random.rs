//! Random numbers that a failed test can have again: it prints its seed, `QUIRE_SEED` sets it.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    /// The seed from the environment, else a new one; printed when the test fails.
    pub fn seed() -> u64 {
        let seed = match std::env::var("QUIRE_SEED") {
            Ok(seed) => seed.parse().expect("QUIRE_SEED is a number"),
            Err(_) => getrandom::u64().expect("the system has random numbers"),
        };
        println!("QUIRE_SEED={seed}");
        seed
    }

    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
