//! Histories and their replay.

mod run;
mod synthetic;
mod trace;
