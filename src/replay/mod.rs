//! Recorded and synthetic editing histories, driven through real clients at real servers.

pub mod random;
pub mod synthetic;
pub mod trace;
