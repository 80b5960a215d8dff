//! Documents: what an update says about itself, live copies that cannot take the process down, the
//! model of a page, and the trial that every update passes before it becomes a row.

/// The page's text as blocks.
pub mod blocks;
/// Stored snapshots.
pub mod fold;
/// What a document was at any moment, and who did what.
pub mod history;
/// A Loro document that cannot take the process down.
pub mod live;
/// A document out of its rows.
pub mod load;
/// The model of a document: one sequence of text.
pub mod model;
/// Changes that a program asks for, made at the version that it has seen.
pub mod operations;
/// Operations in pieces that stand on their own.
pub mod pieces;
/// A page apart from Loro: what is exported from it and imported into it.
pub mod tree;
/// The trial of updates in a child process.
pub mod trial;
/// What was done, taken back.
pub mod undo;
/// The header of an update and of a version, read without trusting them.
pub mod update;
