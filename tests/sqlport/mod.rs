//! The SQL port: real clients through it and directly, answer by answer; the functions; who is refused.

mod clients;
mod encrypted;
mod failover;
pub mod figures;
mod functions;
mod mutations;
mod orders;
mod past;
mod pgbench;
mod psql;
mod refused;
mod stage;
mod standby;
