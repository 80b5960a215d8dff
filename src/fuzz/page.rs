//! What programs send to be put into a document: Markdown, and operations as JSON.

use loro::LoroDoc;

use super::update::{base, is_good};
use crate::document::operations;
use crate::document::tree::{Child, Node, html, link, markdown as form};
use crate::http::call::Fields;
use crate::http::edits::operations as read_operations;

/// A peer that has not written in the base document.
const PEER: u64 = 77;

/// Markdown becomes a page, and whatever it is, its exports run nothing and can be read.
pub fn markdown(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(page) = form::read(&text) else {
        return;
    };
    check_links(&page);
    let shown = html::html(&text, &page).to_lowercase();
    assert!(!shown.contains("<script"), "{shown}");
    let written = form::write(&page);
    // Deeper than the limit it may be written, when what was read is at the limit.
    if let Ok(again) = form::read(&written) {
        let twice = form::write(&again);
        assert_eq!(form::read(&twice).ok(), Some(again), "{written}\n{twice}");
    }
}

/// No link of a page leads elsewhere than to the web or to mail.
fn check_links(node: &Node) {
    for child in &node.children {
        match child {
            Child::Node(node) => check_links(node),
            Child::Text(run) => {
                let href = run.marks.get("link").map(|link| link["href"].as_str());
                assert!(href.is_none_or(|href| href.is_some_and(link::is_allowed)));
            }
        }
    }
}

/// The body of a request for edits. What is made of it in a document passes the trial: the server
/// refuses nothing that it has made itself.
pub fn edits(body: &[u8]) {
    let Ok(fields) = Fields::read(body) else {
        return;
    };
    let Ok(operations) = read_operations(&fields) else {
        return;
    };
    let live = base();
    let made = live.read(|doc: &LoroDoc| operations::make(doc, &doc.oplog_vv(), PEER, &operations));
    let Ok(made) = made.expect("the document is not poisoned") else {
        return;
    };
    if !made.update.is_empty() {
        assert!(is_good(&made.update), "an edit of our own is refused");
    }
}
