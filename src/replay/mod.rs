//! `quire replay`: recorded and synthetic histories, driven through real clients at real servers.

mod bare;
pub mod check;
mod cluster;
/// A copy of the text that holds exactly what its next edit knows.
pub mod copy;
mod figures;
mod journal;
pub mod offline;
mod options;
mod report;
mod run;
pub mod synthetic;
pub mod trace;
mod used;
mod writer;

pub use options::Options;
pub use report::Report;
pub use run::run;
