//! Watches what is compiled in: the migrations and the page. A clone whose page has not been built
//! yet still compiles; its server then says how to build the page.

use std::path::Path;
use std::{env, fs, io};

const MISSING: &str = "<!doctype html><title>Quire</title>
<p>This Quire was built without its page. Run <code>make web</code>, then build it again.</p>
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=web/dist");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let mut page = Path::new(&root).join("web/dist");
    // An empty folder can be watched; a missing one would mean building anew each time.
    fs::create_dir_all(&page)?;
    if !page.join("index.html").exists() {
        page = Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("page");
        fs::create_dir_all(&page)?;
        fs::write(page.join("index.html"), MISSING)?;
    }
    println!("cargo::rustc-env=QUIRE_PAGE={}", page.display());
    Ok(())
}
