//! The SQL port: real clients through it and directly, answer by answer; the functions; who is refused.

mod functions;
mod psql;
mod stage;
