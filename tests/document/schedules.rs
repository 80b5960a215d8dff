//! Three people write, change blocks and delete in one document, now together, now apart: every letter that
//! somebody typed is in the text, or was deleted by somebody who was shown it.

use std::collections::HashSet;

use loro::{ExportMode, LoroDoc};
use quire::document::blocks::{self, plain_text, read, set_marks};
use quire::document::model::{self, END, body};
use quire::document::operations::{Operation, make};
use quire::document::tree::{Named, Node, markdown};
use serde_json::{Value, json};

use crate::kit::random::{self, Random};

const WRITERS: u64 = 3;

/// Letters that are typed once each.
struct Letters(u32);

impl Letters {
    fn next(&mut self) -> char {
        self.0 += 1;
        char::from_u32(0x4e00 + self.0).expect("a letter")
    }
}

fn is_letter(c: &char) -> bool {
    *c >= '\u{4e00}'
}

fn letters(doc: &LoroDoc) -> HashSet<char> {
    plain_text(doc).chars().filter(is_letter).collect()
}

fn some_keys(random: &mut Random) -> Named {
    let mut keys = Named::new();
    let kinds: [(&str, &[Value]); 6] = [
        ("type", &[json!("heading"), json!("code"), json!("callout")]),
        ("list", &[json!("bullet"), json!("ordered"), json!("task")]),
        ("indent", &[json!(1), json!(2), json!(99)]),
        ("quote", &[json!(1), json!(2), json!("deep")]),
        ("apart", &[json!(0), json!(1)]),
        (
            "object",
            &[json!({"kind": "rule"}), json!({"kind": "chart", "id": "x"})],
        ),
    ];
    for (key, values) in kinds {
        if random.below(4) == 0 {
            keys.insert(key.to_owned(), random.pick(values).clone());
        }
    }
    keys
}

/// What became of letters.
#[derive(Default)]
struct Ledger {
    typed: HashSet<char>,
    deleted: HashSet<char>,
}

/// One thing that somebody does.
fn act(doc: &LoroDoc, random: &mut Random, next: &mut Letters, ledger: &mut Ledger) {
    let text = body(doc);
    let length = text.len_unicode();
    let before = letters(doc);
    match random.below(8) {
        0..=2 => {
            let place = random.below(length + 1);
            text.insert(place, &next.next().to_string()).expect("typed");
        }
        3 => {
            let place = random.below(length + 1);
            text.insert(place, "\n").expect("split");
            set_marks(&text, place, &[(1, some_keys(random))]).expect("marked");
        }
        4 => {
            let ends = |at: &usize| text.char_at(*at).is_ok_and(|c| c == END);
            let ends: Vec<usize> = (0..length).filter(ends).collect();
            if !ends.is_empty() {
                text.delete(*random.pick(&ends), 1).expect("joined");
            }
        }
        5 => {
            let blocks = read(doc);
            let wanted: Vec<(usize, Named)> = blocks
                .iter()
                .flat_map(|block| {
                    let runs = block.runs.iter();
                    let keys = some_keys(random);
                    runs.map(|run| (run.text.chars().count(), run.marks.clone()))
                        .chain([(1, keys)])
                        .collect::<Vec<_>>()
                })
                .collect();
            let all: usize = wanted.iter().map(|(length, _)| length).sum();
            if all == length {
                set_marks(&text, 0, &wanted).expect("marked");
            }
        }
        6 if length > 0 => {
            let place = random.below(length);
            let gone = 1 + random.below((length - place).min(4));
            text.delete(place, gone).expect("deleted");
        }
        _ => {
            let count = read(doc).len();
            let start = random.below(count + 1);
            let end = start + random.below((count - start).min(2) + 1);
            let operation = Operation::ReplaceBlocks {
                place: Some(start..end),
                blocks: markdown::read(&format!("> - {}\n", next.next())).expect("read"),
            };
            let made = make(doc, &doc.oplog_vv(), doc.peer_id(), &[operation]);
            // Blocks are numbered by ends; text before a thing may have none.
            if let Ok(made) = made {
                doc.import(&made.update).expect("imported");
            }
        }
    }
    doc.commit();
    let after = letters(doc);
    ledger.deleted.extend(before.difference(&after));
    ledger.typed.extend(after.difference(&before));
}

fn tell(from: &LoroDoc, to: &LoroDoc) {
    let news = from.export(ExportMode::updates(&to.oplog_vv()));
    to.import(&news.expect("exported")).expect("imported");
}

/// `QUIRE_SCHEDULES` sets another number.
#[test]
fn no_letter_is_lost_whatever_three_writers_do() {
    let count = std::env::var("QUIRE_SCHEDULES").map_or(1_000, |n| n.parse().expect("a number"));
    let first = random::seed();
    for seed in first..first + count {
        let random = &mut Random::new(seed);
        let mut next = Letters(0);
        let seeded = model::seed(1);
        let writers: Vec<LoroDoc> = (0..WRITERS)
            .map(|number| {
                let doc = LoroDoc::new();
                model::configure_text_styles(&doc);
                doc.import(&seeded).expect("a seed");
                doc.set_peer_id(10 + number).expect("a peer");
                doc
            })
            .collect();
        let mut ledger = Ledger::default();
        for _ in 0..24 {
            let writer = random.below(writers.len());
            act(&writers[writer], random, &mut next, &mut ledger);
            if random.below(3) == 0 {
                tell(&writers[writer], random.pick(&writers));
            }
        }
        for one in &writers {
            for other in &writers {
                tell(one, other);
            }
        }
        let there = letters(&writers[0]);
        let lost = ledger.typed.difference(&ledger.deleted);
        let lost: Vec<&char> = lost.filter(|c| !there.contains(c)).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?}");
        let blocks = read(&writers[0]);
        for other in &writers[1..] {
            assert_eq!(read(other), blocks, "seed {seed}");
        }
        // As a tree and back they make a tree that stays as it is: items begin with text in it.
        let page = again(&Node::of(&writers[0]));
        assert_eq!(json!(again(&page)), json!(page), "seed {seed}");
    }
}

/// A page written into a new document and read out of it.
fn again(page: &Node) -> Node {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    blocks::insert(&body(&doc), 0, &page.to_blocks()).expect("written");
    Node::of(&doc)
}
