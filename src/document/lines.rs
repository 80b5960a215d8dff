//! A page as lines: which text stands where. Each block of text is a line, and a hard break begins
//! another one within it. Nodes that Quire does not know are read like those it knows.

use loro::{Container, LoroDoc, LoroList, LoroMap, LoroText, LoroValue, ValueOrContainer};

use super::model::{CHILDREN, MAX_DEPTH, NODE_NAME, ROOT};

/// Nodes that hold other nodes and have no text of their own: empty, they are no line.
const FRAMES: [&str; 7] = [
    "doc",
    "blockquote",
    "bulletList",
    "orderedList",
    "listItem",
    "taskList",
    "taskItem",
];

/// What stands in a line.
pub enum Part {
    Text(LoroText),
    /// A hard break, and the list that it is a child in.
    Break {
        node: LoroMap,
        list: LoroList,
    },
}

/// A block with text, or one that could have some.
pub struct Line {
    pub node: LoroMap,
    pub parts: Vec<Part>,
}

impl Line {
    /// The block's name.
    pub fn name(&self) -> String {
        name(&self.node)
    }

    /// Its text; a hard break is a line's end.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(&text.to_string()),
                Part::Break { .. } => out.push('\n'),
            }
        }
    }

    /// Characters in it.
    pub fn characters(&self) -> usize {
        self.parts.iter().map(Part::characters).sum()
    }
}

impl Part {
    /// Characters in it.
    pub fn characters(&self) -> usize {
        match self {
            Self::Text(text) => text.len_unicode(),
            Self::Break { .. } => 1,
        }
    }
}

/// The page as plain text.
pub fn plain_text(doc: &LoroDoc) -> String {
    let mut out = String::new();
    let mut is_first = true;
    for line in lines(doc) {
        if !is_first {
            out.push('\n');
        }
        is_first = false;
        line.write(&mut out);
    }
    out
}

/// The lines of the page.
pub fn lines(doc: &LoroDoc) -> Vec<Line> {
    let mut lines = Vec::new();
    block(doc.get_map(ROOT), 0, &mut lines);
    lines
}

/// The lines of one block.
pub fn lines_of(node: LoroMap) -> Vec<Line> {
    let mut lines = Vec::new();
    block(node, 1, &mut lines);
    lines
}

/// The nodes of the page's first level, and where each stands in the list of them.
pub fn blocks(doc: &LoroDoc) -> (Option<LoroList>, Vec<usize>) {
    let Some(list) = children(&doc.get_map(ROOT)) else {
        return (None, Vec::new());
    };
    let mut places = Vec::new();
    let mut place = 0;
    list.for_each(|child| {
        if matches!(child, ValueOrContainer::Container(Container::Map(_))) {
            places.push(place);
        }
        place += 1;
    });
    (Some(list), places)
}

fn block(node: LoroMap, depth: usize, lines: &mut Vec<Line>) {
    if depth > MAX_DEPTH {
        return;
    }
    let children = containers(&node);
    if children.iter().any(is_inline) {
        let mut parts = Vec::new();
        inline(&node, children, depth + 1, &mut parts);
        lines.push(Line { node, parts });
    } else if children.is_empty() {
        if depth > 0 && !FRAMES.contains(&name(&node).as_str()) {
            let parts = Vec::new();
            lines.push(Line { node, parts });
        }
    } else {
        for child in children {
            if let Container::Map(child) = child {
                block(child, depth + 1, lines);
            }
        }
    }
}

fn inline(parent: &LoroMap, nodes: Vec<Container>, depth: usize, parts: &mut Vec<Part>) {
    for child in nodes {
        match child {
            Container::Text(text) => parts.push(Part::Text(text)),
            Container::Map(node) if depth <= MAX_DEPTH => {
                if name(&node) == "hardBreak"
                    && let Some(list) = children(parent)
                {
                    parts.push(Part::Break {
                        node: node.clone(),
                        list,
                    });
                }
                let within = containers(&node);
                inline(&node, within, depth + 1, parts);
            }
            _ => {}
        }
    }
}

/// Text, or a node that only stands within text.
fn is_inline(child: &Container) -> bool {
    match child {
        Container::Text(_) => true,
        Container::Map(node) => name(node) == "hardBreak",
        _ => false,
    }
}

fn name(node: &LoroMap) -> String {
    match node.get(NODE_NAME) {
        Some(ValueOrContainer::Value(LoroValue::String(name))) => name.to_string(),
        _ => String::new(),
    }
}

/// A node's list of children.
pub fn children(node: &LoroMap) -> Option<LoroList> {
    match node.get(CHILDREN) {
        Some(ValueOrContainer::Container(Container::List(list))) => Some(list),
        _ => None,
    }
}

fn containers(node: &LoroMap) -> Vec<Container> {
    let Some(list) = children(node) else {
        return Vec::new();
    };
    let mut containers = Vec::with_capacity(list.len());
    list.for_each(|child| {
        if let ValueOrContainer::Container(container) = child {
            containers.push(container);
        }
    });
    containers
}
