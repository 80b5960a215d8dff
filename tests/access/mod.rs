//! Who may do what: held against a table, against time, and against guessing. `make access-check`
//! runs these tests with more rounds and collects their figures.

mod addresses;
mod expected;
mod fence;
mod log;
mod matrix;
mod probes;
mod race;
mod revocation;
mod typist;
mod wall;

use std::path::Path;

/// Prints a test's figures, and leaves them where `make access-check` looks for them.
fn report(name: &str, figures: &serde_json::Value) {
    println!("{name}: {figures}");
    if let Some(folder) = std::env::var_os("QUIRE_ACCESS_FIGURES") {
        let file = Path::new(&folder).join(format!("{name}.json"));
        std::fs::write(file, figures.to_string()).expect("the folder can be written");
    }
}
