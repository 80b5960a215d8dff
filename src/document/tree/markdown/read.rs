//! A page out of Markdown. Raw HTML is text and never markup, and what a link may not lead to stands
//! as text beside it.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde_json::{Value, json};

use super::EMPTY_TEXT;
use crate::document::tree::{Child, Named, Node, Run, link, push_run};
use crate::error::{Error, Kind, Result};

/// Blocks nested deeper than this are refused; a document has at most 100 levels.
const MAX_DEPTH: usize = 40;

/// The page that Markdown describes: a `doc` with at least one block.
///
/// # Errors
/// `Invalid` when blocks are nested too deeply.
pub fn read(markdown: &str) -> Result<Node> {
    let options = Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut reader = Reader {
        stack: vec![Node::new("doc", Vec::new())],
        marks: Named::new(),
        targets: Vec::new(),
        is_html: false,
    };
    // Each of the three ends a line (CommonMark, 2.1); the parser keeps some of them in code.
    let markdown = markdown.replace("\r\n", "\n").replace('\r', "\n");
    for event in Parser::new_ext(&markdown, options) {
        reader.take(event);
        if reader.stack.len() > MAX_DEPTH {
            return Err(Error::new(
                Kind::Invalid,
                format!("markdown: blocks are nested more than {MAX_DEPTH} deep"),
            ));
        }
    }
    // Nothing leaves a paragraph at the end of the page open, but text outside of any block would.
    reader.close_loose_paragraph();
    Ok(Node::page(reader.stack.swap_remove(0).children))
}

struct Reader {
    /// The nodes that are open, the page first.
    stack: Vec<Node>,
    marks: Named,
    /// Links that are open, and what is to be said of those that may not lead there.
    targets: Vec<Option<String>>,
    is_html: bool,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => self.code(&text),
            Event::Html(html) => self.html(&html),
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => {
                let mut node = Node::new("hardBreak", Vec::new());
                node.marks = self.marks.clone();
                self.line().children.push(Child::Node(node));
            }
            Event::Rule => self.block(Node::new("horizontalRule", Vec::new())),
            Event::TaskListMarker(is_checked) => {
                if let Some(item) = self.stack.iter_mut().rev().find(|n| is_item(n)) {
                    item.name = "taskItem".to_owned();
                    item.attributes.insert("checked".into(), json!(is_checked));
                }
            }
            // Nothing else was asked for.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.open("paragraph", None),
            Tag::Heading { level, .. } => {
                self.open("heading", Some(("level", json!(number(level)))));
            }
            Tag::BlockQuote(_) => self.open("blockquote", None),
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next(),
                    CodeBlockKind::Indented => None,
                };
                self.open("codeBlock", language.map(|l| ("language", json!(l))));
            }
            Tag::HtmlBlock => {
                self.open("paragraph", None);
                self.is_html = true;
            }
            Tag::List(None) => self.open("bulletList", None),
            Tag::List(Some(start)) => self.open("orderedList", Some(("start", json!(start)))),
            Tag::Item => self.open("listItem", None),
            Tag::Emphasis => self.mark("italic", json!(true)),
            Tag::Strong => self.mark("bold", json!(true)),
            Tag::Strikethrough => self.mark("strike", json!(true)),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let is_allowed = link::is_allowed(&dest_url);
                // An image within a link: the link counts.
                let is_within = self.marks.contains_key("link");
                self.targets.push(match is_allowed {
                    true => None,
                    false => Some(dest_url.to_string()),
                });
                if is_allowed && !is_within {
                    self.mark("link", json!({"href": dest_url.as_ref()}));
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.unmark("italic"),
            TagEnd::Strong => self.unmark("bold"),
            TagEnd::Strikethrough => self.unmark("strike"),
            TagEnd::Link => self.end_link(),
            TagEnd::Image => self.end_link(),
            TagEnd::HtmlBlock => {
                self.is_html = false;
                self.close();
            }
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::List(_)
            | TagEnd::Item => {
                // An item of a tight list has its text in a paragraph that nobody ends.
                if matches!(tag, TagEnd::Item) {
                    self.close_loose_paragraph();
                }
                self.close();
            }
            _ => {}
        }
    }

    fn end_link(&mut self) {
        match self.targets.pop() {
            Some(Some(target)) if !target.is_empty() => self.text(&format!(" ({target})")),
            Some(None) if self.targets.is_empty() => self.unmark("link"),
            _ => {}
        }
    }

    fn mark(&mut self, name: &str, value: Value) {
        self.marks.insert(name.to_owned(), value);
    }

    fn unmark(&mut self, name: &str) {
        self.marks.remove(name);
    }

    fn text(&mut self, text: &str) {
        let marks = self.marks.clone();
        self.run(text, marks);
    }

    /// Code has no other marks; a link is more than code.
    fn code(&mut self, text: &str) {
        let marks = match self.marks.get("link") {
            Some(link) => Named::from([("link".to_owned(), link.clone())]),
            None => Named::from([("code".to_owned(), json!(true))]),
        };
        self.run(text, marks);
    }

    fn run(&mut self, text: &str, marks: Named) {
        let run = Run {
            text: text.to_owned(),
            marks,
        };
        push_run(&mut self.line().children, run);
    }

    fn html(&mut self, html: &str) {
        // Each line of it comes with its end.
        let (line, has_end) = match html.strip_suffix('\n') {
            Some(line) => (line, true),
            None => (html, false),
        };
        self.text(line);
        if has_end {
            self.take(Event::HardBreak);
        }
    }

    /// The node that takes text now. Items of tight lists have none: they get a paragraph.
    fn line(&mut self) -> &mut Node {
        let holds_blocks = matches!(
            self.top().name.as_str(),
            "doc" | "blockquote" | "listItem" | "taskItem" | "bulletList" | "orderedList"
        );
        if holds_blocks {
            self.stack.push(Node::new(LOOSE, Vec::new()));
        }
        self.top()
    }

    fn open(&mut self, name: &str, attribute: Option<(&str, Value)>) {
        self.close_loose_paragraph();
        let mut node = Node::new(name, Vec::new());
        node.attributes
            .extend(attribute.map(|(name, value)| (name.to_owned(), value)));
        self.stack.push(node);
    }

    fn block(&mut self, node: Node) {
        self.close_loose_paragraph();
        self.top().children.push(Child::Node(node));
    }

    fn close_loose_paragraph(&mut self) {
        if self.top().name == LOOSE {
            self.top().name = "paragraph".to_owned();
            self.close();
        }
    }

    /// Ends the innermost node and gives it to the one around it.
    fn close(&mut self) {
        let Some(mut node) = self.stack.pop() else {
            return;
        };
        finish(&mut node);
        if is_list(&node) {
            for list in split(node) {
                self.top().children.push(Child::Node(list));
            }
        } else {
            self.top().children.push(Child::Node(node));
        }
    }

    fn top(&mut self) -> &mut Node {
        self.stack.last_mut().expect("the page is never closed")
    }
}

/// Name of a paragraph that Markdown does not say the end of, while it is open.
const LOOSE: &str = "";

/// Makes what was read a node as the page has it.
fn finish(node: &mut Node) {
    match node.name.as_str() {
        "paragraph" => {
            // Markdown's line breaks at an end are none.
            while matches!(node.children.last(), Some(Child::Node(last)) if last.name == "hardBreak")
            {
                node.children.pop();
            }
            if matches!(&node.children[..], [Child::Text(run)] if run.text == EMPTY_TEXT) {
                node.children.clear();
            }
        }
        "codeBlock" => {
            if let Some(Child::Text(run)) = node.children.last_mut() {
                if run.text.ends_with('\n') {
                    run.text.pop();
                }
                if run.text.is_empty() {
                    node.children.pop();
                }
            }
        }
        "blockquote" if node.children.is_empty() => node.children.push(empty_paragraph()),
        "listItem" | "taskItem" => {
            let starts_right = matches!(node.children.first(), Some(Child::Node(first)) if matches!(first.name.as_str(), "paragraph" | "heading"));
            if !starts_right {
                node.children.insert(0, empty_paragraph());
            }
        }
        _ => {}
    }
}

/// Items with a box and items without make lists of their own.
fn split(list: Node) -> Vec<Node> {
    let mut lists: Vec<Node> = Vec::new();
    for child in list.children {
        let is_task = matches!(&child, Child::Node(item) if item.name == "taskItem");
        let fits = |last: &Node| (last.name == "taskList") == is_task;
        match lists.last_mut() {
            Some(last) if fits(last) => last.children.push(child),
            _ if is_task => lists.push(Node::new("taskList", vec![child])),
            _ => lists.push(Node {
                name: list.name.clone(),
                attributes: list.attributes.clone(),
                marks: Named::new(),
                children: vec![child],
            }),
        }
    }
    lists
}

fn is_item(node: &Node) -> bool {
    node.name == "listItem"
}

fn is_list(node: &Node) -> bool {
    matches!(node.name.as_str(), "bulletList" | "orderedList")
}

fn empty_paragraph() -> Child {
    Child::Node(Node::new("paragraph", Vec::new()))
}

fn number(level: HeadingLevel) -> u64 {
    level as u64
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    #[test]
    fn raw_html_becomes_text() {
        let page = read("<script>alert(1)</script>\n\nsome <b onclick=x>bold</b>\n").unwrap();
        assert_eq!(
            page.all_text(),
            "<script>alert(1)</script>some <b onclick=x>bold</b>"
        );
        let written = write(&page);
        assert_eq!(
            written,
            "\\<script>alert(1)\\</script>\n\nsome \\<b onclick=x>bold\\</b>\n"
        );
    }

    #[test]
    fn a_link_that_may_not_lead_there_stands_as_text() {
        let page = read("[a](javascript:alert(1)) ![b](https://b.example/i.png)").unwrap();
        assert_eq!(page.all_text(), "a (javascript:alert(1)) b");
        assert_eq!(
            write(&page),
            "a (javascript:alert(1)) [b](https://b.example/i.png)\n"
        );
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        assert!(read(&"> ".repeat(500)).is_err());
        assert!(read(&"- ".repeat(30)).is_ok() || read(&"- ".repeat(15)).is_ok());
    }

    #[test]
    fn boxes_and_points_make_lists_of_their_own() {
        let page = read("- [x] done\n- [ ] to do\n- a point\n").unwrap();
        let names: Vec<&str> = page.nodes().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["taskList", "bulletList"]);
        assert_eq!(write(&page), "- [x] done\n- [ ] to do\n\n* a point\n");
    }
}
