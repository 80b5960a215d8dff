//! What programs ask for, made at a version: text by its place, blocks by their number.

use super::markdown::page;
use crate::kit::random::{self, Random};
use loro::LoroDoc;
use quire::document::blocks::{plain_text, read};
use quire::document::model;
use quire::document::operations::{Made, Operation, make, version_of};
use quire::document::tree::{Node, markdown};
use quire::error::{Kind, Result};
use serde_json::json;
use std::ops::Range;

fn document(page: &Node) -> LoroDoc {
    let doc = LoroDoc::new();
    model::configure_text_styles(&doc);
    doc.import(&model::seed_with(1, page)).unwrap();
    doc
}

fn of_markdown(text: &str) -> LoroDoc {
    document(&markdown::read(text).unwrap())
}

/// Makes it at the newest version, as another peer, and takes it in.
fn edit(doc: &LoroDoc, operations: &[Operation]) -> Result<Made> {
    let made = make(doc, &doc.oplog_vv(), 2, operations)?;
    if !made.update.is_empty() {
        doc.import(&made.update).unwrap();
    }
    Ok(made)
}

fn replace(place: Range<usize>, text: &str) -> Operation {
    Operation::ReplaceText {
        place,
        text: text.to_owned(),
    }
}

fn find(find: &str, text: &str) -> Operation {
    Operation::FindAndReplace {
        find: find.to_owned(),
        text: text.to_owned(),
    }
}

fn blocks(place: Option<Range<usize>>, text: &str) -> Operation {
    Operation::ReplaceBlocks {
        place,
        blocks: markdown::read(text).unwrap(),
    }
}

fn written(doc: &LoroDoc) -> String {
    markdown::write(&Node::of(doc))
}

#[test]
fn a_text_is_replaced_where_the_plain_text_says() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let mut made = 0;
    for round in 0..1500 {
        let doc = document(&page(&mut random));
        let before: Vec<char> = plain_text(&doc).chars().collect();
        let start = random.below(before.len() + 1);
        let end = start + random.below((before.len() - start).min(6) + 1);
        let text = *random.pick(&["", "x", "né w", "\u{1f469}\u{200d}\u{1f680}"]);
        let blocks_before = read(&doc).len();
        let note = format!("seed {seed}, round {round}: {start}..{end} {text:?}");
        match edit(&doc, &[replace(start..end, text)]) {
            Ok(_) => {
                let mut wanted: String = before[..start].iter().collect();
                wanted.push_str(text);
                wanted.extend(&before[end..]);
                assert_eq!(plain_text(&doc), wanted, "{note}");
                assert_eq!(read(&doc).len(), blocks_before, "{note}");
                made += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), Kind::Invalid, "{note}: {error}");
                assert_eq!(
                    plain_text(&doc).chars().collect::<Vec<_>>(),
                    before,
                    "{note}"
                );
            }
        }
    }
    assert!(made > 700, "most places are within one block: {made}");
}

#[test]
fn a_new_text_looks_like_what_it_replaces() {
    for (before, place, text, after) in [
        ("a **bold** word\n", 2..6, "strong", "a **strong** word\n"),
        ("a **bold** word\n", 0..1, "the", "the **bold** word\n"),
        ("a **bold** word\n", 7..11, "text", "a **bold** text\n"),
        ("a **bold** word\n", 2..11, "x", "a **x**\n"),
        ("a **bold** word\n", 6..6, "er", "a **bolder** word\n"),
        (
            "[a link](https://a.example)\n",
            2..6,
            "name",
            "[a name](https://a.example)\n",
        ),
        ("one\\\ntwo\n", 3..4, " ", "one two\n"),
        ("one\\\ntwo\n", 0..7, "x", "x\n"),
        ("```\na\nb\n```\n", 1..1, "\n\n", "```\na\n\n\nb\n```\n"),
    ] {
        let doc = of_markdown(before);
        edit(&doc, &[replace(place.clone(), text)]).unwrap();
        assert_eq!(written(&doc), after, "{before:?} {place:?} {text:?}");
    }
}

#[test]
fn blocks_are_put_where_they_are_wanted() {
    let three = "# one\n\ntwo\n\n- three\n";
    for (place, text, after) in [
        (None, "four", "# one\n\ntwo\n\n- three\n\nfour\n"),
        (Some(0..0), "zero", "zero\n\n# one\n\ntwo\n\n- three\n"),
        (Some(1..2), "a\n\nb", "# one\n\na\n\nb\n\n- three\n"),
        (Some(0..3), "all", "all\n"),
        (Some(3..3), "end", "# one\n\ntwo\n\n- three\n\nend\n"),
    ] {
        let doc = of_markdown(three);
        edit(&doc, &[blocks(place.clone(), text)]).unwrap();
        assert_eq!(written(&doc), after, "{place:?} {text:?}");
    }
    let doc = of_markdown(three);
    let nothing = Operation::ReplaceBlocks {
        place: Some(0..3),
        blocks: Node::default(),
    };
    edit(&doc, &[nothing]).unwrap();
    let empty = Node::page(Vec::new());
    assert_eq!(json!(Node::of(&doc)), json!(empty), "a page has a block");
}

#[test]
fn each_occurrence_is_replaced_and_each_operation_sees_those_before_it() {
    let doc = of_markdown("teh cat and teh **teh**\n\n> teh\n");
    let operations = [
        find("teh", "the"),
        replace(4..7, "dog"),
        find("the dog", "a the"),
    ];
    edit(&doc, &operations).unwrap();
    assert_eq!(written(&doc), "a the and the **the**\n\n> the\n");
}

#[test]
fn what_cannot_be_made_says_why_and_changes_nothing() {
    for (operation, says) in [
        (
            replace(1..6, "x"),
            "operations[1].end: the block that 1 is in ends at 3;",
        ),
        (
            replace(9..9, "x"),
            "operations[1].start: the text has 8 characters",
        ),
        (
            replace(4..4, "x"),
            "operations[1].start: the block there, rule, has no text",
        ),
        (replace(0..1, "a\nb"), "operations[1].text: has a line end;"),
        (
            find("absent", "x"),
            "operations[1].find: does not occur in the text",
        ),
        (
            blocks(Some(4..4), "x"),
            "operations[1].start: the document has 3 blocks",
        ),
        (
            blocks(Some(2..4), "x"),
            "operations[1].end: the document has 3 blocks",
        ),
    ] {
        let doc = of_markdown("one\n\n---\n\ntwo\n");
        let version = doc.oplog_vv();
        let error = edit(&doc, &[replace(0..3, "ONE"), operation]).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().starts_with(says), "{error} is not {says}");
        assert_eq!(doc.oplog_vv(), version);
    }
}

#[test]
fn what_was_written_since_the_base_stays() {
    let doc = of_markdown("one two three\n");
    let base: Vec<_> = doc.oplog_frontiers().iter().collect();
    edit(&doc, &[replace(0..0, "zero "), replace(9..12, "2")]).unwrap();
    assert_eq!(plain_text(&doc), "zero one 2 three");
    let version = version_of(&doc, &base).expect("the document has it");
    let made = make(&doc, &version, 3, &[replace(8..13, "3")]).unwrap();
    doc.import(&made.update).unwrap();
    assert_eq!(plain_text(&doc), "zero one 2 3");
    // Its own version is one to go on from, without what the other wrote.
    let ends: Vec<_> = made.version.iter().collect();
    let version = version_of(&doc, &ends).expect("the document has it");
    let made = make(&doc, &version, 3, &[find("one two 3", "x")]).unwrap();
    doc.import(&made.update).unwrap();
    assert_eq!(plain_text(&doc), "zero x2");
}

#[test]
fn a_version_that_never_was_is_none() {
    let doc = of_markdown("one\n");
    let mut ends: Vec<_> = doc.oplog_frontiers().iter().collect();
    ends[0].counter += 1;
    assert_eq!(version_of(&doc, &ends), None);
    ends[0].peer = 9;
    assert_eq!(version_of(&doc, &ends), None);
}
