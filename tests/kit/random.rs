//! Random numbers that a failed test can have again: it prints its seed, `QUIRE_SEED` sets it.

pub use quire::random::Random;

/// The seed from the environment, else a new one; printed when the test fails.
pub fn seed() -> u64 {
    let seed = match std::env::var("QUIRE_SEED") {
        Ok(seed) => seed.parse().expect("QUIRE_SEED is a number"),
        Err(_) => getrandom::u64().expect("the system has random numbers"),
    };
    println!("QUIRE_SEED={seed}");
    seed
}
