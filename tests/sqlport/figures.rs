//! What `make sql-check` prints: figures in files of the folder QUIRE_SQL_FIGURES, a line each.

use std::io::Write;

/// Whether somebody asks for them.
pub fn is_wanted() -> bool {
    std::env::var_os("QUIRE_SQL_FIGURES").is_some()
}

/// Notes one figure: which object it belongs to, its name and its value as JSON or text.
pub fn note(object: &str, name: &str, value: impl ToString) {
    let Some(folder) = std::env::var_os("QUIRE_SQL_FIGURES") else {
        return;
    };
    let file = std::path::Path::new(&folder).join(object);
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(file)
        .expect("the folder of the figures");
    writeln!(file, "{name}\t{}", value.to_string()).expect("written");
}
