//! Between a page's blocks, of which none stands in another, and the tree that other forms have.

use serde_json::{Value, json};

use super::{Child, Named, Node, Run, push_run};
use crate::document::blocks::Block;
use crate::document::model::{BREAK, OBJECT_KEY};

/// Quotes, and items of lists, that a block may stand in; more count as so many.
const DEEPEST: i64 = 20;

/// Something that holds blocks, the outermost first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Frame {
    Quote,
    List(Kind),
    Item(Kind),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bullet,
    Ordered,
    Task,
}

impl Kind {
    fn of(block: &Block) -> Option<Self> {
        match block.word("list")? {
            "bullet" => Some(Self::Bullet),
            "ordered" => Some(Self::Ordered),
            "task" => Some(Self::Task),
            // A kind that is yet to come is an item, too.
            _ => Some(Self::Bullet),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Bullet => "bullet",
            Self::Ordered => "ordered",
            Self::Task => "task",
        }
    }

    fn list(self) -> &'static str {
        match self {
            Self::Bullet => "bulletList",
            Self::Ordered => "orderedList",
            Self::Task => "taskList",
        }
    }

    fn of_list(name: &str) -> Option<Self> {
        let all = [Self::Bullet, Self::Ordered, Self::Task];
        all.into_iter().find(|kind| kind.list() == name)
    }

    fn item(self) -> &'static str {
        match self {
            Self::Bullet | Self::Ordered => "listItem",
            Self::Task => "taskItem",
        }
    }
}

/// How deep a block stands: in quotes, and in items besides the one that it is itself.
fn depths(block: &Block) -> (i64, i64) {
    let depth = |key| block.number(key).unwrap_or(0).clamp(0, DEEPEST);
    (depth("quote"), depth("indent"))
}

/// How many of the open frames go on with a block.
fn kept(open: &[Frame], block: &Block) -> usize {
    let (quotes, items) = depths(block);
    let most = block.number("apart").map_or(open.len(), |most| {
        usize::try_from(most).unwrap_or(0).min(open.len())
    });
    let (mut in_quotes, mut in_items) = (0, 0);
    let mut kept = 0;
    for (at, frame) in open[..most].iter().enumerate() {
        match frame {
            Frame::Quote if in_quotes < quotes => in_quotes += 1,
            Frame::Item(_) if in_items < items => in_items += 1,
            // A list alone holds no block.
            Frame::List(_) => continue,
            _ => break,
        }
        kept = at + 1;
    }
    // An item goes on with the list that is open there.
    let goes_on = in_quotes == quotes && !block.keys.contains_key("start");
    let list = open[..most].get(kept).copied();
    match Kind::of(block) {
        Some(kind) if goes_on && list == Some(Frame::List(kind)) => kept + 1,
        _ => kept,
    }
}

/// What a block opens besides what it keeps.
fn opened(open: &mut Vec<Frame>, block: &Block) {
    let (quotes, _) = depths(block);
    let there = open.iter().filter(|frame| **frame == Frame::Quote).count();
    for _ in there..usize::try_from(quotes).unwrap_or(0) {
        open.push(Frame::Quote);
    }
    if let Some(kind) = Kind::of(block) {
        if open.last() != Some(&Frame::List(kind)) {
            open.push(Frame::List(kind));
        }
        open.push(Frame::Item(kind));
    }
}

/// Blocks as a tree.
pub fn nested(blocks: &[Block]) -> Vec<Child> {
    let mut frames: Vec<Frame> = Vec::new();
    // For each frame its node, behind the page itself.
    let mut nodes = vec![Node::default()];
    let mut code: Option<&Block> = None;
    for block in blocks {
        let kept = kept(&frames, block);
        let was = frames.len();
        close(&mut nodes, kept);
        frames.truncate(kept);
        opened(&mut frames, block);
        for frame in &frames[kept..] {
            nodes.push(node_of(*frame, block));
        }
        let goes_on = kept == was && frames.len() == was && continues(code, block);
        let top = &mut nodes.last_mut().expect("the page is never closed").children;
        match top.last_mut() {
            Some(Child::Node(node)) if goes_on => {
                let text = block.runs.iter().map(|run| run.text.as_str());
                let text = std::iter::once("\n").chain(text).collect();
                let marks = Named::new();
                push_run(&mut node.children, Run { text, marks });
            }
            _ => top.push(Child::Node(leaf(block))),
        }
        code = block.is_code().then_some(block);
    }
    close(&mut nodes, 0);
    nodes.swap_remove(0).children
}

/// Ends all but the outermost frames.
fn close(nodes: &mut Vec<Node>, kept: usize) {
    while nodes.len() > kept + 1 {
        let node = nodes.pop().expect("there are more");
        let parent = nodes.last_mut().expect("the page is never closed");
        parent.children.push(Child::Node(node));
    }
}

/// Whether a line of code belongs to the same block of code as the one before it.
fn continues(before: Option<&Block>, block: &Block) -> bool {
    let is_alone = block.keys.contains_key("apart") || block.keys.contains_key("list");
    before.is_some_and(|before| before.keys.get("lang") == block.keys.get("lang"))
        && block.is_code()
        && !is_alone
}

fn node_of(frame: Frame, block: &Block) -> Node {
    let (name, attribute) = match frame {
        Frame::Quote => ("blockquote", None),
        Frame::List(Kind::Ordered) => {
            let start = block.number("start").unwrap_or(1);
            (Kind::Ordered.list(), Some(("start", json!(start))))
        }
        Frame::List(kind) => (kind.list(), None),
        Frame::Item(Kind::Task) => {
            let is_checked = block.keys.get("checked") == Some(&Value::Bool(true));
            (Kind::Task.item(), Some(("checked", json!(is_checked))))
        }
        Frame::Item(kind) => (kind.item(), None),
    };
    let mut node = Node::new(name, Vec::new());
    let attribute = attribute.map(|(key, value)| (key.to_owned(), value));
    node.attributes.extend(attribute);
    node
}

/// A block without what it stands in.
fn leaf(block: &Block) -> Node {
    let mut attributes = block.keys.clone();
    for key in [
        "type", "level", "list", "checked", "start", "indent", "quote", "lang", "apart",
    ] {
        attributes.remove(key);
    }
    let name = match (block.object(), block.word("type")) {
        (Some("rule"), _) => {
            attributes.remove(OBJECT_KEY);
            "horizontalRule"
        }
        (Some(_), _) => "object",
        (None, None) => "paragraph",
        (None, Some("heading")) => {
            let level = block.number("level").unwrap_or(1).clamp(1, 6);
            attributes.insert("level".to_owned(), json!(level));
            "heading"
        }
        (None, Some("code")) => {
            let language = block.keys.get("lang");
            attributes.extend(language.map(|lang| ("language".to_owned(), lang.clone())));
            "codeBlock"
        }
        (None, Some(other)) => other,
    };
    let mut node = Node::new(name, Vec::new());
    node.attributes = attributes;
    for run in &block.runs {
        push_line(&mut node.children, run);
    }
    node
}

/// A run as text and breaks.
fn push_line(children: &mut Vec<Child>, run: &Run) {
    for (number, text) in run.text.split(BREAK).enumerate() {
        if number > 0 {
            let mut node = Node::new("hardBreak", Vec::new());
            node.marks = run.marks.clone();
            children.push(Child::Node(node));
        }
        push_run(
            children,
            Run {
                text: text.to_owned(),
                marks: run.marks.clone(),
            },
        );
    }
}

/// A tree as blocks that make the same tree.
pub fn flattened(page: &Node) -> Vec<Block> {
    let mut flat = Flat::default();
    flat.children(page, 0, 0, &mut None);
    flat.blocks
}

#[derive(Default)]
struct Flat {
    blocks: Vec<Block>,
    /// The frames of the last block in the tree, each by a number of its own.
    path: Vec<u32>,
    /// Those of the block to come.
    next: Vec<u32>,
    numbers: u32,
    /// The frames of the last block as they are read again.
    frames: Vec<Frame>,
}

/// The item whose first block is to come.
type Item = Option<Named>;

impl Flat {
    fn children(&mut self, parent: &Node, quotes: i64, items: i64, item: &mut Item) {
        for node in parent.nodes() {
            self.node(node, quotes, items, item);
        }
    }

    fn within(&mut self, work: impl FnOnce(&mut Self)) {
        self.numbers += 1;
        self.next.push(self.numbers);
        work(self);
        self.next.pop();
    }

    fn node(&mut self, node: &Node, quotes: i64, items: i64, item: &mut Item) {
        if let Some(kind) = Kind::of_list(&node.name) {
            self.begin(quotes, items, item);
            return self.within(|flat| flat.list(kind, node, quotes, items));
        }
        if node.name == "blockquote" && !node.is_line() {
            self.begin(quotes, items, item);
            return self.within(|flat| flat.children(node, quotes + 1, items, &mut None));
        }
        let is_line = node.is_line() || node.nodes().next().is_none();
        if !is_line {
            // What is not known is opened up, so that its text stays.
            return self.children(node, quotes, items, item);
        }
        let mut keys = node.attributes.clone();
        match node.name.as_str() {
            "paragraph" | "blockquote" | "listItem" | "taskItem" => {}
            "heading" => {
                keys.insert("type".to_owned(), json!("heading"));
            }
            "codeBlock" => {
                self.begin(quotes, items, item);
                return self.code(node, quotes, items);
            }
            "horizontalRule" => {
                keys.insert(OBJECT_KEY.to_owned(), json!({"kind": "rule"}));
            }
            "object" => {}
            other => {
                keys.insert("type".to_owned(), json!(other));
            }
        }
        if !matches!(node.name.as_str(), "paragraph" | "heading") {
            self.begin(quotes, items, item);
        }
        let mut block = Block {
            keys,
            runs: Vec::new(),
        };
        runs(&node.children, &mut block.runs);
        self.push(block, quotes, items, item);
    }

    /// An item begins with a paragraph or a heading: before anything else stands an empty one.
    fn begin(&mut self, quotes: i64, items: i64, item: &mut Item) {
        if item.is_some() {
            self.push(Block::default(), quotes, items, item);
        }
    }

    fn list(&mut self, kind: Kind, list: &Node, quotes: i64, items: i64) {
        for (place, child) in list.nodes().enumerate() {
            let mut keys = Named::from([("list".to_owned(), json!(kind.word()))]);
            if kind == Kind::Task && child.attributes.get("checked") == Some(&Value::Bool(true)) {
                keys.insert("checked".to_owned(), json!(true));
            }
            match list.number("start") {
                Some(start) if place == 0 && start != 1 && kind == Kind::Ordered => {
                    keys.insert("start".to_owned(), json!(start));
                }
                _ => {}
            }
            self.within(|flat| {
                let mut item = Some(keys);
                match child.is_line() {
                    true => flat.node(child, quotes, items + 1, &mut item),
                    false => flat.children(child, quotes, items + 1, &mut item),
                }
                flat.begin(quotes, items + 1, &mut item);
            });
        }
    }

    fn code(&mut self, node: &Node, quotes: i64, items: i64) {
        let follows = self.blocks.last().cloned();
        for (number, line) in node.all_text().split('\n').enumerate() {
            let mut keys = node.attributes.clone();
            keys.insert("type".to_owned(), json!("code"));
            if let Some(language) = keys.remove("language") {
                keys.insert("lang".to_owned(), language);
            }
            let mut block = Block {
                keys,
                runs: Vec::new(),
            };
            if !line.is_empty() {
                block.runs.push(Run {
                    text: line.to_owned(),
                    marks: Named::new(),
                });
            }
            let is_joined = number == 0
                && self.path == self.next
                && follows.as_ref().is_some_and(|last| {
                    last.is_code() && last.keys.get("lang") == block.keys.get("lang")
                });
            if is_joined {
                let frames = self.frames.len();
                block.keys.insert("apart".to_owned(), json!(frames));
            }
            self.push(block, quotes, items, &mut None);
        }
    }

    /// Adds a block, and says how much it shares with the one before it where that would be read wrongly.
    fn push(&mut self, mut block: Block, quotes: i64, items: i64, item: &mut Item) {
        // The item that it is does not count as one around it.
        let items = items - i64::from(item.is_some());
        block.keys.extend(item.take().unwrap_or_default());
        for (key, depth) in [("quote", quotes), ("indent", items)] {
            if depth > 0 {
                block.keys.insert(key.to_owned(), json!(depth.min(DEEPEST)));
            }
        }
        let both = self.path.iter().zip(&self.next);
        let shared = both.take_while(|(one, other)| one == other).count();
        let mut kept = kept(&self.frames, &block);
        if kept > shared {
            block.keys.insert("apart".to_owned(), json!(shared));
            kept = self::kept(&self.frames, &block);
        }
        self.frames.truncate(kept);
        opened(&mut self.frames, &block);
        self.path.clone_from(&self.next);
        self.blocks.push(block);
    }
}

/// What stands in a line, as runs.
fn runs(children: &[Child], into: &mut Vec<Run>) {
    for child in children {
        let run = match child {
            Child::Text(run) => Run {
                text: run.text.replace('\n', &BREAK.to_string()),
                marks: run.marks.clone(),
            },
            Child::Node(node) if node.name == "hardBreak" => Run {
                text: BREAK.to_string(),
                marks: node.marks.clone(),
            },
            Child::Node(node) => {
                runs(&node.children, into);
                continue;
            }
        };
        match into.last_mut() {
            _ if run.text.is_empty() => {}
            Some(last) if last.marks == run.marks => last.text.push_str(&run.text),
            _ => into.push(run),
        }
    }
}
