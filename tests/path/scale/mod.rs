//! What a server costs and how fast it is with much of everything. Small here; with QUIRE_SCALE_CONNECTIONS
//! and QUIRE_SCALE_DOCUMENTS as large as they say, and with figures: `make scale`.

mod cold;
mod connections;
mod documents;
mod filled;

use serde::Serialize;

/// A number that the environment gives, and whether it does.
fn given(name: &str, otherwise: usize) -> (usize, bool) {
    match std::env::var(name) {
        Ok(value) => (value.parse().expect("a number"), true),
        Err(_) => (otherwise, false),
    }
}

/// Prints figures as one line that scripts find.
fn report(name: &str, figures: &impl Serialize) {
    let text = serde_json::to_string(figures).expect("figures");
    println!("scale-{name}: {text}");
}
