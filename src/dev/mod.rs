//! `quire dev`: Quire on its own private Postgres, for trying it and for its tests.

mod binaries;
mod dba;
mod embedded;
mod folder;
mod options;
mod process;
mod run;
mod server_process;
mod user;

pub use binaries::Binaries;
pub use embedded::{EmbeddedPostgres, Stop};
pub use folder::{copies, temporary};
pub use options::Options;
pub use process::children;
pub use run::run;
pub use server_process::{LOG, ServerProcess, free_addresses};
pub use user::User;
