//! Nothing acknowledged is ever lost: real servers and a real Postgres, people who write through real
//! connections, something that goes wrong, and a checker that knows what everybody was told.
//! README.md says what was found and how to run it.

mod begun;
mod campaign;
mod check;
mod crowd;
mod fault;
mod leaks;
mod link;
mod planted;
mod round;
mod soak;
mod stage;
mod witness;
