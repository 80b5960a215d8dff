//! Connections to Postgres: the pool, migrations, what must hold before Quire serves, the doctor.
//! What is asked of the database stands with the module that asks it.

mod doctor;
mod failure;
mod hosts;
mod lineage;
mod migrate;
mod pool;
mod reading;
mod replicas;
mod tls;
mod topology;

pub use doctor::{Finding, Limits, Severity, Slot, check_safe, examine};
pub use failure::{Failure, constraint, failed, sqlstate};
pub use hosts::places;
pub use lineage::{Identity, Lineage, Server};
pub use migrate::{Migration, State, check_migrated, migrate, migrations, states};
pub use pool::{METRICS, Pool, PoolClient, Reader, config, pool};
pub use replicas::StandbyPosition;
pub use tls::{Tls, authorities, tls};
pub use topology::{Primary, Replica, Stream, Topology, View};
