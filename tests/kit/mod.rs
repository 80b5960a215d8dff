//! What tests share: database clusters, servers, clients.

pub mod alloc;
pub mod cache;
pub mod collector;
pub mod idle;
pub mod members;
pub mod people;
pub mod postgres;
pub mod provider;
pub mod random;
pub mod server;
pub mod socket;
pub mod standby;
