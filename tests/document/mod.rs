//! Documents: live copies, the model of a page, and the trial.

mod harmless;
pub mod history;
mod honest;
mod malformed;
mod markdown;
mod operations;
pub mod past;
mod schedules;
mod steps;
mod trial;
mod vectors;
