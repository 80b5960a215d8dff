//! What the port reads of bytes from outside, on damaged bytes. `make fuzz TARGET=sql` looks longer.

use std::fs;
use std::path::Path;

use quire::fuzz::sql;
use quire::random::Random;

use crate::kit::random;

/// How many inputs are made, unless QUIRE_MUTATIONS says otherwise.
const INPUTS: usize = 20_000;

#[test]
fn damaged_openings_statements_and_messages_go_wrong_nowhere() {
    let seed = random::seed();
    println!("seed {seed}");
    let random = &mut Random::new(seed);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/sql");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a corpus")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|f| fs::read(f).expect("read")).collect();
    let words: [&[u8]; 14] = [
        b"quire.text(",
        b")",
        b"(",
        b",",
        b"'",
        b"\"",
        b"$q$",
        b"--",
        b"/*",
        b"\n",
        b" from ",
        b"=>",
        b"\xc3\xa9",
        b"$1",
    ];
    let inputs = std::env::var("QUIRE_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok());
    for _ in 0..inputs.unwrap_or(INPUTS) {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..1 + random.below(6) {
            let at = random.below(input.len() + 1);
            match random.below(5) {
                0 if at < input.len() => input[at] = random.below(256) as u8,
                1 if at < input.len() => drop(input.remove(at)),
                2 => input.insert(at, random.below(256) as u8),
                3 => drop(input.splice(at..at, words[random.below(words.len())].iter().copied())),
                _ => {
                    let other = &corpus[random.below(corpus.len())];
                    let from = random.below(other.len());
                    input.truncate(at);
                    input.extend(&other[from..]);
                }
            }
        }
        // Shown when it goes wrong.
        let shown = String::from_utf8_lossy(&input).into_owned();
        let outcome = std::panic::catch_unwind(|| sql(&input));
        assert!(outcome.is_ok(), "{input:?} {shown}");
    }
}
