//! Histories and their replay.

mod synthetic;
mod trace;
