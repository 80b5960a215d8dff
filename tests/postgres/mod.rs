//! Postgres as Quire needs it: the private one, migrations, what the doctor finds.

mod embedded;
mod migrate;
