//! A line of text with marks as Markdown: everything is escaped that would mean something else, and
//! where a delimiter would not be taken for one, its neighbour is written as a reference (`&#97;`).

use crate::document::tree::{Child, Named, link};

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It may have breaks.
    Paragraph,
    /// It has none, and `#` at its end would be lost.
    Heading,
}

/// Something that is opened and closed, the outermost first.
#[derive(Debug, Clone, PartialEq)]
enum Mark {
    Link(String),
    Bold,
    Italic,
    Strike,
}

impl Mark {
    fn opening(&self) -> &'static str {
        match self {
            Mark::Link(_) => "[",
            Mark::Bold => "**",
            Mark::Italic => "_",
            Mark::Strike => "~~",
        }
    }

    fn closing(&self) -> String {
        match self {
            Mark::Link(target) => format!("]({target})"),
            _ => self.opening().to_owned(),
        }
    }
}

/// One thing after another: text, code, or a break.
enum Piece<'a> {
    Text(&'a str),
    Code(&'a str),
    Break,
}

/// A block's children as one line, or several where breaks stand.
pub fn line(children: &[Child], place: Line) -> String {
    let mut pieces = Vec::new();
    flatten(children, &mut pieces);
    while matches!(pieces.last(), Some((Piece::Break, _))) {
        pieces.pop();
    }
    let mut writer = Writer {
        out: String::new(),
        open: Vec::new(),
        last: None,
        refer_to_next: false,
        place,
    };
    // Of each piece the marks of the first one from there on that is no break.
    let mut nexts = vec![None; pieces.len()];
    let mut next = None;
    for (at, (piece, marks)) in pieces.iter().enumerate().rev() {
        if !matches!(piece, Piece::Break) {
            next = Some(marks);
        }
        nexts[at] = next;
    }
    for (at, (piece, marks)) in pieces.iter().enumerate() {
        let marks = match piece {
            // A delimiter beside a line's end is none: what is open goes on over a break, or ends.
            Piece::Break => writer.going_on(marks, nexts[at]),
            _ => marks.clone(),
        };
        let next = match piece {
            Piece::Text(text) => text.chars().next(),
            Piece::Code(_) | Piece::Break => None,
        };
        // A single one may have to become a reference, which begins with a sign.
        let is_short = matches!(piece, Piece::Text(text) if text.chars().nth(1).is_none());
        writer.change_marks(&marks, next, is_short);
        match piece {
            Piece::Text(text) => writer.text(text),
            Piece::Code(text) => writer.code(text),
            Piece::Break if place == Line::Heading => writer.text(" "),
            Piece::Break => writer.line_break(),
        }
    }
    writer.change_marks(&[], None, false);
    writer.end_line();
    writer.out
}

fn flatten<'a>(children: &'a [Child], pieces: &mut Vec<(Piece<'a>, Vec<Mark>)>) {
    for child in children {
        match child {
            Child::Text(run) if run.marks.contains_key("code") && link::of(run).is_none() => {
                pieces.push((Piece::Code(&run.text), Vec::new()));
            }
            Child::Text(run) => pieces.push((Piece::Text(&run.text), marks_of(&run.marks))),
            Child::Node(node) if node.name == "hardBreak" => {
                pieces.push((Piece::Break, marks_of(&node.marks)));
            }
            Child::Node(node) => flatten(&node.children, pieces),
        }
    }
}

fn marks_of(marks: &Named) -> Vec<Mark> {
    let target = link::of_marks(marks).map(|href| Mark::Link(target(href)));
    let simple = [
        ("bold", Mark::Bold),
        ("italic", Mark::Italic),
        ("strike", Mark::Strike),
    ];
    let simple = simple
        .into_iter()
        .filter(|(name, _)| marks.contains_key(*name));
    // A link is the innermost, so that nothing has to be closed and opened again because of it.
    simple.map(|(_, mark)| mark).chain(target).collect()
}

/// The address of a link, in angle brackets when it would end too early without them.
fn target(href: &str) -> String {
    if !href.contains(['(', ')', '<', '>', '\\', '&']) {
        return href.to_owned();
    }
    let mut out = String::from("<");
    for c in href.chars() {
        if "<>\\&".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('>');
    out
}

struct Writer {
    out: String,
    open: Vec<Mark>,
    /// The last character of text and where it was written, if nothing was written after it.
    last: Option<(char, usize)>,
    /// The next character must be written as a reference.
    refer_to_next: bool,
    place: Line,
}

impl Writer {
    /// Which of the open marks a break and the next text have, too.
    fn going_on(&self, own: &[Mark], next: Option<&Vec<Mark>>) -> Vec<Mark> {
        let Some(next) = next else {
            return Vec::new();
        };
        let open = self.open.iter().zip(next);
        open.take_while(|(open, next)| open == next && own.contains(open))
            .map(|(open, _)| open.clone())
            .collect()
    }

    /// Closes and opens what has to be before a piece that begins with `next` (none: it begins with
    /// a sign, or it is the end).
    fn change_marks(&mut self, marks: &[Mark], next: Option<char>, is_short: bool) {
        let kept = self
            .open
            .iter()
            .zip(marks)
            .take_while(|(open, mark)| open == mark)
            .count();
        let closing = self.open.split_off(kept);
        let opening = &marks[kept..];
        if closing.is_empty() && opening.is_empty() {
            return;
        }
        let count = closing.len() + opening.len();
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        // What is written first stands beside the last character, what is written last beside the
        // next one. Brackets are seen wherever they stand.
        if let Some((c, _)) = self.last {
            let needs = match (closing.last(), opening.first()) {
                (Some(Mark::Link(_)), _) | (None, Some(Mark::Link(_)) | None) => false,
                (Some(_), _) => c.is_whitespace(),
                (None, Some(mark)) => {
                    !is_boundary(c)
                        && (*mark == Mark::Italic || count > 1 || is_short || !is_word(next))
                }
            };
            if needs {
                self.refer_to_last();
            }
        }
        let last_is_word = is_word(self.last.map(|(c, _)| c));
        self.refer_to_next = next.is_some_and(|c| match (closing.first(), opening.last()) {
            (_, Some(Mark::Link(_))) | (Some(Mark::Link(_)) | None, None) => false,
            (_, Some(_)) => c.is_whitespace(),
            (Some(mark), None) => {
                !is_boundary(c) && (*mark == Mark::Italic || count > 1 || !last_is_word)
            }
        });
        for mark in closing.iter().rev() {
            self.out.push_str(&mark.closing());
        }
        for mark in opening {
            self.out.push_str(mark.opening());
        }
        self.last = None;
        self.open.extend_from_slice(opening);
    }

    fn text(&mut self, text: &str) {
        let mut chars = text.chars().peekable();
        if std::mem::take(&mut self.refer_to_next)
            && let Some(c) = chars.next()
        {
            self.refer(c);
        }
        let in_link = self.open.iter().any(|mark| matches!(mark, Mark::Link(_)));
        while let Some(c) = chars.next() {
            let at = self.out.len();
            let is_start = self.at_line_start();
            let next = chars.peek().copied();
            match c {
                // Markdown has no way to say it (CommonMark, 2.3).
                '\0' => self.out.push('\u{fffd}'),
                _ if c.is_control() => self.refer(c),
                ' ' if is_start => self.refer(c),
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '&' | '~' => self.escaped(c),
                '#' if is_start || self.place == Line::Heading => self.escaped(c),
                '>' | '+' | '-' | '=' | '|' if is_start => self.escaped(c),
                ':' if is_start => self.escaped(c),
                '.' | ')' if self.follows_number() => self.escaped(c),
                // What some readers take for a link although nothing says so.
                ':' if !in_link && next == Some('/') => self.escaped(c),
                '@' if !in_link && self.last.is_some_and(|(c, _)| !c.is_whitespace()) => {
                    self.escaped(c);
                }
                '.' if !in_link && self.ends_with_www() => self.escaped(c),
                // Before a link it would make it an image.
                '!' if next.is_none() => self.escaped(c),
                c => self.out.push(c),
            }
            self.last = Some((c, at));
        }
    }

    fn code(&mut self, text: &str) {
        let longest = text
            .split(|c| c != '`')
            .map(str::len)
            .max()
            .unwrap_or_default();
        let fence = "`".repeat(longest + 1);
        // One space at each side is not part of it, unless there is nothing else.
        let is_blank = text.chars().all(|c| c == ' ');
        let ends = |c: char| text.starts_with(c) || text.ends_with(c);
        let space = match ends('`') || (ends(' ') && !is_blank) {
            true => " ",
            false => "",
        };
        let text = text.replace(['\n', '\r'], " ");
        self.out
            .push_str(&format!("{fence}{space}{text}{space}{fence}"));
        self.last = None;
    }

    fn line_break(&mut self) {
        self.end_line();
        self.out.push_str("\\\n");
        self.last = None;
    }

    /// A space at the end of a line would be lost.
    fn end_line(&mut self) {
        if self.last.is_some_and(|(c, _)| c == ' ') {
            self.refer_to_last();
        }
    }

    fn escaped(&mut self, c: char) {
        self.out.push('\\');
        self.out.push(c);
    }

    fn refer(&mut self, c: char) {
        let at = self.out.len();
        self.out.push_str(&format!("&#{};", u32::from(c)));
        self.last = Some((';', at));
    }

    fn refer_to_last(&mut self) {
        if let Some((c, at)) = self.last {
            // What was escaped is a sign already.
            if !self.out[at..].starts_with('\\') && !self.out[at..].starts_with("&#") {
                self.out.truncate(at);
                self.refer(c);
            }
        }
    }

    fn at_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    /// Whether the line so far is a number, so that a sign would make it an item of a list.
    fn follows_number(&self) -> bool {
        // One of more digits is none, so that no more of a long line is looked at.
        let before = self.out.bytes().rev();
        let digits = before.take(10).take_while(u8::is_ascii_digit).count();
        let first = self.out.bytes().rev().nth(digits);
        (1..=9).contains(&digits) && first.is_none_or(|byte| byte == b'\n')
    }

    fn ends_with_www(&self) -> bool {
        let tail = self.out.as_bytes();
        tail.len() >= 3 && tail[tail.len() - 3..].eq_ignore_ascii_case(b"www")
    }
}

/// Whether a delimiter beside it is seen whatever stands at its other side.
fn is_boundary(c: char) -> bool {
    c.is_ascii_punctuation() || c == ' ' || c == '\t'
}
