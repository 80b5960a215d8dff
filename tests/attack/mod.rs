//! One person against all others: what people of another organisation notice, and what it costs the server.

mod answers;
mod branches;
mod presence;
mod stage;
