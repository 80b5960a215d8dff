//! The modules stand in an order, and none uses one that stands after it.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order: Vec<String> = fs::read_to_string(source.join("lib.rs"))
        .expect("lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert!(order.len() > 15, "the modules were found");
    let mut upward = Vec::new();
    let mut uses = 0;
    for (place, module) in order.iter().enumerate() {
        for file in files(&source, module) {
            let text = fs::read_to_string(&file).expect("a source file");
            for path in text.split("crate::").skip(1) {
                let name: String = path
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let Some(used) = order.iter().position(|m| *m == name) else {
                    assert!(
                        path.starts_with('{'),
                        "{}: crate::{name} is no module",
                        file.display()
                    );
                    panic!("{}: name the module: crate::module::…", file.display());
                };
                uses += 1;
                if used > place {
                    upward.push(format!("{} uses {name}", file.display()));
                }
            }
        }
    }
    assert!(uses > 100, "uses were found");
    assert!(upward.is_empty(), "{upward:#?}");
}

/// The files of a module, whether it is one or a folder.
fn files(source: &Path, module: &str) -> Vec<PathBuf> {
    let single = source.join(module).with_extension("rs");
    if single.exists() {
        return vec![single];
    }
    let mut all = Vec::new();
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a module's folder") {
            let path = entry.expect("an entry").path();
            match path.extension() {
                Some(extension) if extension == "rs" => all.push(path),
                None => folders.push(path),
                _ => {}
            }
        }
    }
    all
}
