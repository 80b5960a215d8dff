//! Postgres as Quire needs it: the private one, migrations, what the doctor finds.

mod doctor;
mod embedded;
mod hosts;
mod migrate;
