//! Pages that the server and the browser read alike: `tests/vectors/pages.json` is read by
//! `web/tests/editor/vectors.test.ts`, too.

use loro::LoroDoc;
use quire::document::blocks::{plain_text, read};
use quire::document::model;
use quire::document::tree::{Child, Node, markdown};
use serde_json::{Value, json};

const PAGES: &str = include_str!("../vectors/pages.json");

/// The frames around each leaf of a tree, and as often as it has lines if it is code.
fn frames(node: &Node, around: &mut Vec<String>, found: &mut Vec<Value>) {
    for child in &node.children {
        let Child::Node(child) = child else { continue };
        let frame = match child.name.as_str() {
            "blockquote" => Some("quote"),
            "bulletList" | "orderedList" | "taskList" => Some("list"),
            "listItem" | "taskItem" => Some("item"),
            _ => None,
        };
        if let Some(frame) = frame {
            around.push(frame.to_owned());
            frames(child, around, found);
            around.pop();
        } else {
            let lines = match child.name.as_str() {
                "codeBlock" => child.all_text().split('\n').count(),
                _ => 1,
            };
            found.extend(std::iter::repeat_n(json!(around), lines));
        }
    }
}

#[test]
fn pages_are_the_blocks_that_the_browser_reads() {
    let pages: Vec<Value> = serde_json::from_str(PAGES).expect("JSON");
    assert!(pages.len() > 10);
    for wanted in pages {
        let source = wanted["markdown"].as_str().expect("Markdown");
        let page = markdown::read(source).expect("read");
        let doc = LoroDoc::new();
        model::configure_text_styles(&doc);
        doc.import(&model::seed_with(1, &page)).expect("a seed");
        let mut around = Vec::new();
        let mut all = Vec::new();
        frames(&Node::of(&doc), &mut around, &mut all);
        let blocks: Vec<Value> = read(&doc)
            .into_iter()
            .zip(all)
            .map(
                |(block, frames)| json!({"keys": block.keys, "runs": block.runs, "frames": frames}),
            )
            .collect();
        let is = json!({"markdown": source, "text": plain_text(&doc), "blocks": blocks});
        assert_eq!(is, wanted);
        assert_eq!(
            markdown::write(&Node::of(&doc)),
            source,
            "and written as it was"
        );
    }
}
