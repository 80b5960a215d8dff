//! Made-up histories that look like people's: bursts, corrections, jumps, pastes. Pure.

use super::trace::{Edit, Trace};
use crate::random::Random;

/// What gets typed: a few scripts, line ends, characters outside the basic plane.
const WORDS: &[&str] = &[
    "the ",
    "editor ",
    "of ",
    "a ",
    "paper ",
    "that ",
    "nobody ",
    "reads",
    ". ",
    ", ",
    "\n",
    "über ",
    "straße ",
    "naïve ",
    "слово ",
    "文字",
    "だ。",
    "🙂 ",
    "👩‍🚀 ",
    "e\u{301}t ",
    "x = 1;\n",
];

/// A history of several people who take turns, with the text that results.
pub fn trace(seed: u64, authors: usize, edits: usize) -> Trace {
    let mut random = Random::new(seed);
    let mut typists: Vec<_> = (0..authors).map(|_| Typist::new(random.bits())).collect();
    let mut text = Vec::new();
    let mut author = 0;
    let mut turn = 0;
    let mut list = Vec::with_capacity(edits);
    for _ in 0..edits {
        if turn == 0 {
            author = random.below(authors);
            turn = 20 + random.below(180);
        }
        turn -= 1;
        let mut edit = typists[author].next_edit(text.len());
        edit.author = author;
        apply(&mut text, &edit);
        for (other, typist) in typists.iter_mut().enumerate() {
            if other != author {
                typist.make_room(&edit);
            }
        }
        list.push(edit);
    }
    Trace::in_turns(authors, list, text.into_iter().collect())
}

/// Applies an edit to a text of code points.
pub fn apply(text: &mut Vec<char>, edit: &Edit) {
    let gone = edit.position..edit.position + edit.deleted;
    text.splice(gone, edit.inserted.chars());
}

/// One person at one text. Knows only its length, so that it can also type into a live document.
#[derive(Debug, Clone)]
pub struct Typist {
    random: Random,
    cursor: usize,
    doing: Doing,
}

#[derive(Debug, Clone)]
enum Doing {
    /// The rest of a word, one code point an edit.
    Typing(Vec<char>),
    /// So many backspaces are to come.
    Correcting(usize),
}

impl Typist {
    /// The person of this seed, at the beginning of the text.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            cursor: 0,
            doing: Doing::Typing(Vec::new()),
        }
    }

    /// What this person does next to a text of `length` code points. The edit's author is 0.
    pub fn next_edit(&mut self, length: usize) -> Edit {
        self.cursor = self.cursor.min(length);
        match &mut self.doing {
            Doing::Typing(rest) => match rest.pop() {
                Some(next) => self.insert(next.to_string()),
                None => self.begin(length),
            },
            Doing::Correcting(left) => {
                *left -= 1;
                if *left == 0 || self.cursor == 0 {
                    self.doing = Doing::Typing(Vec::new());
                }
                match self.cursor {
                    0 => self.begin(length),
                    _ => self.delete(1),
                }
            }
        }
    }

    /// Another's edit moves this person's cursor as an editor would.
    pub fn make_room(&mut self, edit: &Edit) {
        if edit.position < self.cursor {
            let gone = edit.deleted.min(self.cursor - edit.position);
            self.cursor = self.cursor - gone + edit.inserted.chars().count();
        }
    }

    fn begin(&mut self, length: usize) -> Edit {
        if self.random.chance(6) {
            self.cursor = self.random.below(length + 1);
        }
        match self.random.below(100) {
            0..3 => self.paste(),
            3..5 => self.cut(length),
            5..15 if self.cursor > 0 => {
                let count = 1 + self.random.below(6);
                self.doing = Doing::Correcting(count);
                self.next_edit(length)
            }
            _ => {
                let word = *self.random.pick(WORDS);
                self.doing = Doing::Typing(word.chars().rev().collect());
                self.next_edit(length)
            }
        }
    }

    fn paste(&mut self) -> Edit {
        let words = 3 + self.random.below(40);
        let text = (0..words).map(|_| *self.random.pick(WORDS)).collect();
        self.insert(text)
    }

    /// Takes a selection out, or types over it.
    fn cut(&mut self, length: usize) -> Edit {
        let count = (1 + self.random.below(30)).min(length - self.cursor);
        let mut edit = self.delete_ahead(count);
        if count == 0 || self.random.chance(50) {
            edit.inserted = (*self.random.pick(WORDS)).to_owned();
            self.cursor += edit.inserted.chars().count();
        }
        edit
    }

    fn insert(&mut self, inserted: String) -> Edit {
        let position = self.cursor;
        self.cursor += inserted.chars().count();
        Edit {
            author: 0,
            position,
            deleted: 0,
            inserted,
        }
    }

    fn delete(&mut self, count: usize) -> Edit {
        self.cursor -= count;
        self.delete_ahead(count)
    }

    fn delete_ahead(&self, count: usize) -> Edit {
        Edit {
            author: 0,
            position: self.cursor,
            deleted: count,
            inserted: String::new(),
        }
    }
}
