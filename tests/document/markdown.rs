//! Random pages through Markdown, and through a Loro document, and back.

use crate::kit::random::{self, Random};
use loro::LoroDoc;
use quire::document::model;
use quire::document::tree::{Child, Named, Node, Run, markdown, push_run};
use serde_json::{Value, json};

const ROUNDS: usize = 3000;

#[test]
fn what_is_written_as_markdown_is_read_as_the_same_page() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let failures = (0..ROUNDS).filter_map(|_| {
        let page = page(&mut random);
        let written = markdown::write(&page);
        let read = markdown::read(&written).unwrap();
        (read != page).then_some((written, page, read))
    });
    // The shortest says most.
    if let Some((written, page, read)) = failures.min_by_key(|(written, ..)| written.len()) {
        panic!("{written}\nwas {}\nis  {}", json!(page), json!(read));
    }
}

#[test]
fn what_is_written_into_a_document_is_read_out_of_it() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    for round in 0..300 {
        let page = page(&mut random);
        let doc = LoroDoc::new();
        model::configure_text_styles(&doc);
        doc.import(&model::seed_with(1, &page)).unwrap();
        assert_eq!(
            json!(Node::of(&doc)),
            json!(page),
            "seed {seed}, round {round}"
        );
    }
}

pub fn page(random: &mut Random) -> Node {
    Node::new("doc", blocks(random, 1, 3))
}

fn blocks(random: &mut Random, least: usize, depth: usize) -> Vec<Child> {
    let count = least + random.below(4);
    (0..count).map(|_| block(random, depth)).collect()
}

fn block(random: &mut Random, depth: usize) -> Child {
    let kinds = if depth == 0 { 4 } else { 8 };
    Child::Node(match random.below(kinds) {
        0 => Node::new("paragraph", Vec::new()),
        1 => paragraph(random),
        2 => {
            let level = 1 + random.below(6);
            let children = line(random, level <= 2);
            with(Node::new("heading", children), "level", json!(level))
        }
        3 => code(random),
        4 => match random.below(2) {
            0 => Node::new("horizontalRule", Vec::new()),
            _ => Node::new("blockquote", blocks(random, 1, depth - 1)),
        },
        5 => Node::new("bulletList", items(random, "listItem", depth)),
        6 => Node::new("taskList", items(random, "taskItem", depth)),
        _ => {
            let start = *random.pick(&[0, 1, 1, 1, 7, 98]);
            let items = items(random, "listItem", depth);
            with(Node::new("orderedList", items), "start", json!(start))
        }
    })
}

fn paragraph(random: &mut Random) -> Node {
    Node::new("paragraph", line(random, true))
}

fn code(random: &mut Random) -> Node {
    let mut text = String::new();
    for _ in 0..random.below(8) {
        text.push_str(random.pick::<&str>(CODE));
    }
    let mut children = Vec::new();
    let marks = Named::new();
    push_run(&mut children, Run { text, marks });
    let node = Node::new("codeBlock", children);
    match random.below(2) {
        0 => node,
        _ => with(node, "language", json!("rust")),
    }
}

fn items(random: &mut Random, name: &str, depth: usize) -> Vec<Child> {
    let count = 1 + random.below(3);
    let item = |random: &mut Random| {
        let first = match random.below(5) {
            0 => Node::new("paragraph", Vec::new()),
            _ => paragraph(random),
        };
        let mut children = vec![Child::Node(first)];
        if random.below(3) == 0 {
            children.extend(blocks(random, 0, depth - 1));
        }
        let item = Node::new(name, children);
        match name {
            "taskItem" => with(item, "checked", json!(random.below(2) == 1)),
            _ => item,
        }
    };
    (0..count).map(|_| Child::Node(item(random))).collect()
}

fn with(mut node: Node, name: &str, value: Value) -> Node {
    node.attributes.insert(name.to_owned(), value);
    node
}

/// What means something in Markdown, or nearly.
const SIGNS: &[&str] = &[
    "a",
    "b",
    "word",
    "é",
    "日本",
    "🦀",
    "e\u{301}",
    " ",
    "  ",
    "\u{a0}x",
    "\t",
    "*",
    "**",
    "_",
    "__",
    "~",
    "~~",
    "`",
    "``",
    "\\",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "<b>",
    "&amp;",
    "&",
    "#",
    "##",
    "-",
    "+",
    "=",
    "---",
    "1.",
    "2)",
    "12",
    "!",
    "|",
    ":",
    ".",
    ",",
    "\"",
    "'",
    "http://a.example",
    "www.",
    "a@b.example",
    "[x] ",
    "[^1]",
    "$x$",
    "“",
    "”",
    "—",
    "/",
    "{#a}",
    "\u{200b}",
];

const CODE: &[&str] = &[
    "a", "let x", "`", "```", "````", "\n", "\n\n", "  ", "\t", "~~~", "<b>", "&amp;", "\\", "- x",
    "> y", "é",
];

const TARGETS: &[&str] = &[
    "https://a.example",
    "http://a.example/b_c*d?e=f&amp;g=h",
    "https://a.example/(x)",
    "https://a.example/<y>\\z",
    "mailto:a@b.example",
];

/// Runs and breaks of one line; never only what stands for an empty one, no break at its end.
fn line(random: &mut Random, has_breaks: bool) -> Vec<Child> {
    let mut children: Vec<Child> = Vec::new();
    for _ in 0..1 + random.below(6) {
        if has_breaks && random.below(6) == 0 {
            children.push(Child::Node(Node::new("hardBreak", Vec::new())));
        }
        let mut text = String::new();
        for _ in 0..1 + random.below(3) {
            text.push_str(random.pick::<&str>(SIGNS));
        }
        let marks = marks(random);
        push_run(&mut children, Run { text, marks });
    }
    mark_breaks(&mut children);
    children
}

fn marks(random: &mut Random) -> Named {
    let mut marks = Named::new();
    if random.below(8) == 0 {
        marks.insert("code".into(), json!(true));
        return marks;
    }
    for mark in ["bold", "italic"] {
        if random.below(4) == 0 {
            marks.insert(mark.into(), json!(true));
        }
    }
    // The reader mistakes struck text that is also bold or italic when signs stand all around it.
    if marks.is_empty() && random.below(4) == 0 {
        marks.insert("strike".into(), json!(true));
    }
    if random.below(6) == 0 {
        let target: &str = random.pick::<&str>(TARGETS);
        marks.insert("link".into(), json!({"href": target}));
    }
    marks
}

/// Breaks have the marks that go on over them. Their own marks are never seen; those that could only be
/// kept by another nesting are not.
fn mark_breaks(children: &mut [Child]) {
    let marks_of = |child: &Child| match child {
        Child::Text(run) if run.marks.contains_key("code") => Some(Named::new()),
        Child::Text(run) => Some(run.marks.clone()),
        Child::Node(_) => None,
    };
    for at in 0..children.len() {
        let before = children[..at].iter().rev().find_map(marks_of);
        let after = children[at..].iter().find_map(marks_of);
        if let (Child::Node(node), Some(before), Some(after)) = (&mut children[at], before, after) {
            let both = ["bold", "italic", "strike", "link"]
                .into_iter()
                .take_while(|mark| before.get(*mark) == after.get(*mark))
                .filter_map(|mark| Some((mark.to_owned(), before.get(mark)?.clone())));
            node.marks = both.collect();
        }
    }
}

/// Were one of them to take time in the square, it would be hours: nobody would see this test end.
#[test]
fn two_million_of_any_characters_are_written_and_read() {
    const MANY: usize = 2_000_000;
    let run = |text: String| {
        Child::Text(Run {
            text,
            ..Default::default()
        })
    };
    let of = |text: &str| run(text.repeat(MANY / text.len()));
    let mut pages: Vec<Vec<Child>> = Vec::new();
    for text in [
        ".", ")", "1.", "1", "#", ":/", "@a", "www.", "&", "<", "[", "]", "![", "](", "*", "**a",
        "_", "~", "`", "` ", "\\", "\n", " ", "- ", "> ", "|", "\t", "é", "a.b@c.d ", "<!--",
        "<a ",
    ] {
        pages.push(vec![of(text)]);
    }
    pages.push(vec![run("1".repeat(MANY / 2)), of(".")]);
    let breaks = (0..MANY / 20).map(|_| Child::Node(Node::new("hardBreak", Vec::new())));
    pages.push(breaks.chain([run("end".to_owned())]).collect());
    for children in pages {
        let start: String = Node::new("paragraph", children.clone())
            .all_text()
            .chars()
            .take(8)
            .collect();
        println!("{start:?}");
        let paragraph = Node::new("paragraph", children);
        let page = Node::new("doc", vec![Child::Node(paragraph)]);
        let written = markdown::write(&page);
        // Some of them are more than a page may have when they are read.
        let _ = markdown::read(&written);
    }
}
