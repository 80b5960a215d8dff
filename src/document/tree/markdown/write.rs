//! Blocks as Markdown.

use super::EMPTY;
use super::inline::{Line, line};
use crate::document::tree::Node;

/// The largest number that an item of a list may have in Markdown.
const LARGEST_NUMBER: i64 = 999_999_999;

/// A page as Markdown, ending with a line's end unless it is empty.
pub fn write(page: &Node) -> String {
    let blocks = blocks_of(page);
    // The page that a new document has.
    if let [only] = blocks[..] {
        if only.name == "paragraph" && only.children.is_empty() {
            return String::new();
        }
    }
    let mut out = lines(&blocks).join("\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The blocks of a node that Markdown can say: what it cannot is opened up, so that its text stays.
fn blocks_of(node: &Node) -> Vec<&Node> {
    let mut blocks = Vec::new();
    for child in node.nodes() {
        let is_known = matches!(
            child.name.as_str(),
            "paragraph"
                | "heading"
                | "blockquote"
                | "bulletList"
                | "orderedList"
                | "taskList"
                | "codeBlock"
                | "horizontalRule"
        );
        if is_known || child.is_line() {
            blocks.push(child);
        } else {
            blocks.extend(blocks_of(child));
        }
    }
    blocks
}

fn lines(blocks: &[&Node]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // Two lists that follow each other are told apart by their markers.
    let mut last_list: Option<(bool, bool)> = None;
    for block in blocks {
        let list = match block.name.as_str() {
            "bulletList" | "taskList" => Some(false),
            "orderedList" => Some(true),
            _ => None,
        };
        let list = list.map(|is_ordered| {
            let is_other = last_list == Some((is_ordered, false));
            (is_ordered, is_other)
        });
        let block = match list {
            Some((is_ordered, is_other)) => list_lines(block, is_ordered, is_other),
            None => block_lines(block),
        };
        // A list without items is nothing.
        if block.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(block);
        last_list = list;
    }
    lines
}

fn block_lines(node: &Node) -> Vec<String> {
    match node.name.as_str() {
        "heading" => heading(node),
        "codeBlock" => code(node),
        "horizontalRule" => vec!["---".to_owned()],
        "blockquote" if !node.is_line() => {
            let mut inner = lines(&blocks_of(node));
            if inner.is_empty() {
                inner.push(EMPTY.to_owned());
            }
            inner.iter().map(|line| prefixed("> ", line)).collect()
        }
        _ => paragraph(node),
    }
}

fn paragraph(node: &Node) -> Vec<String> {
    let text = line(&node.children, Line::Paragraph);
    match text.is_empty() {
        true => vec![EMPTY.to_owned()],
        false => text.split('\n').map(str::to_owned).collect(),
    }
}

fn heading(node: &Node) -> Vec<String> {
    let level = node.number("level").unwrap_or(1).clamp(1, 6);
    if level <= 2 {
        let text = line(&node.children, Line::Paragraph);
        if text.contains('\n') {
            let underline = if level == 1 { "===" } else { "---" };
            return text
                .split('\n')
                .chain([underline])
                .map(str::to_owned)
                .collect();
        }
    }
    let hashes = "#".repeat(usize::try_from(level).unwrap_or(1));
    let text = line(&node.children, Line::Heading);
    match text.is_empty() {
        true => vec![hashes],
        false => vec![format!("{hashes} {text}")],
    }
}

fn code(node: &Node) -> Vec<String> {
    let text = node.all_text();
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let language = node.attributes.get("language").and_then(|l| l.as_str());
    // Whatever would end the fence or mean something in it is no language.
    let language: String = language
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace() && !c.is_control() && !"`\\&".contains(*c))
        .collect();
    let mut lines = vec![format!("{fence}{language}")];
    if !text.is_empty() {
        lines.extend(text.split('\n').map(str::to_owned));
    }
    lines.push(fence);
    lines
}

fn list_lines(list: &Node, is_ordered: bool, is_other: bool) -> Vec<String> {
    let start = list.number("start").unwrap_or(1);
    let start = match (0..=LARGEST_NUMBER).contains(&start) {
        true => start,
        false => 1,
    };
    let is_tight = list.nodes().all(is_tight);
    let mut lines = Vec::new();
    for (place, item) in (0..).zip(list.nodes()) {
        let marker = match (is_ordered, is_other) {
            (false, false) => "- ".to_owned(),
            (false, true) => "* ".to_owned(),
            (true, is_other) => {
                let number = (start + place).min(LARGEST_NUMBER);
                format!("{number}{} ", if is_other { ')' } else { '.' })
            }
        };
        let task = match item.attributes.get("checked") {
            _ if list.name != "taskList" => "",
            Some(checked) if *checked == true => "[x] ",
            _ => "[ ] ",
        };
        if !lines.is_empty() && !is_tight {
            lines.push(String::new());
        }
        let indent = " ".repeat(marker.len());
        let inner = item_lines(item, is_tight);
        for (at, line) in inner.iter().enumerate() {
            lines.push(match at {
                0 => format!("{marker}{task}{line}"),
                _ => prefixed(&indent, line),
            });
        }
    }
    lines
}

/// What stands in an item: a paragraph first, and under it whatever else.
fn item_lines(item: &Node, is_tight: bool) -> Vec<String> {
    if item.is_line() {
        return paragraph(item);
    }
    let blocks = blocks_of(item);
    let (first, rest) = match blocks.split_first() {
        Some((first, rest)) if first.name == "paragraph" => (paragraph(first), rest),
        Some((first, rest)) if first.name == "heading" => (heading(first), rest),
        _ => (vec![EMPTY.to_owned()], &blocks[..]),
    };
    let mut out = first;
    let rest = lines(rest);
    if !rest.is_empty() {
        if !is_tight {
            out.push(String::new());
        }
        out.extend(rest);
    }
    out
}

/// Whether an item may stand without empty lines around: a paragraph, and perhaps a list that may
/// follow a paragraph directly.
fn is_tight(item: &Node) -> bool {
    if item.is_line() {
        return true;
    }
    let blocks = blocks_of(item);
    let Some((first, rest)) = blocks.split_first() else {
        return true;
    };
    first.name == "paragraph"
        && rest.len() <= 1
        && rest.iter().all(|block| match block.name.as_str() {
            "bulletList" | "taskList" => block.nodes().all(is_tight),
            "orderedList" => {
                matches!(block.number("start"), None | Some(1)) && block.nodes().all(is_tight)
            }
            _ => false,
        })
}

fn prefixed(prefix: &str, line: &str) -> String {
    match line.is_empty() {
        true => prefix.trim_end().to_owned(),
        false => format!("{prefix}{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tree::{Child, Run};

    #[test]
    fn what_markdown_does_not_know_keeps_its_text() {
        let text = |text: &str| {
            Child::Text(Run {
                text: text.to_owned(),
                ..Default::default()
            })
        };
        let cell = Node::new("cell", vec![text("in a cell")]);
        let table = Node::new("table", vec![Child::Node(cell)]);
        let mention = Child::Node(Node::new("mention", vec![text("@Ada")]));
        let paragraph = Node::new("paragraph", vec![text("hello "), mention]);
        let page = Node::new("doc", vec![Child::Node(table), Child::Node(paragraph)]);
        assert_eq!(write(&page), "in a cell\n\nhello @Ada\n");
    }
}
