//! Nothing acknowledged is ever lost: real servers and a real Postgres, people who write through real
//! connections, something that goes wrong, and a checker that knows what everybody was told.
//! README.md says what was found and how to run it.

mod begun;
mod campaign;
pub(crate) mod check;
mod clock;
pub(crate) mod crowd;
pub(crate) mod disk;
mod failover;
mod fault;
mod folding;
mod guests;
mod hidden;
mod leaks;
pub mod link;
mod planted;
mod poison;
pub(crate) mod round;
mod slots;
mod soak;
mod stage;
mod trial;
pub(crate) mod witness;
