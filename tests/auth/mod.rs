//! Sessions, one-time links and access, on a real database.

mod access;
mod links;
mod sessions;
