//! Sessions, one-time links and access, on a real database.

mod access;
mod acting;
mod attempts;
mod links;
mod scopes;
mod sessions;
mod upkeep;
