//! Histories that were read lately, so that the next question about a document reads only what is new. One
//! is used for a client only when that client sees as many edits with the same sum of ids now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::function::Function;
use super::refusal::Refusal;
use super::rows;
use crate::document::history::{self, Budget, History, Row};
use crate::error::{Error, Kind, Result};

/// What all histories on the shelf may take, in bytes of heap.
const MAX_BYTES: usize = 256 << 20;
/// Rows that one call gives at most.
const MAX_ROWS: usize = 500_000;

/// A document in one era of the database's log: after a failover an edit may have the number of one that was
/// lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub era: u64,
    pub org_id: Uuid,
    pub document_id: Uuid,
}

/// The shelf; the least recently used first.
#[derive(Default)]
pub(super) struct Shelf {
    books: Mutex<Vec<(Key, Arc<Mutex<Book>>)>>,
}

/// A history, and what it was read of.
struct Book {
    history: History,
    stand: Stand,
    heap_bytes: usize,
}

/// What somebody sees of a document's edits, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stand {
    pub edits: i64,
    pub sum_of_ids: i64,
    /// Every transaction with a lower number is in it.
    pub xmin: i64,
}

/// When, as a caller says it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Moment {
    /// Before the first edit.
    Start,
    At(history::Moment),
}

/// What is to be worked out.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub function: Function,
    pub title: String,
    pub moments: [Moment; 2],
    /// Of JSON.
    pub most_bytes: usize,
}

/// What it is worked out of.
pub(super) struct Work {
    pub key: Key,
    pub shelf: Arc<Shelf>,
    /// The rows are those of transactions from here on; 0: all.
    pub since: i64,
    pub stand: Stand,
    pub rows: Vec<Row>,
    /// How many are worked out at once is bounded.
    pub _turn: Arc<OwnedSemaphorePermit>,
}

impl Shelf {
    fn books(&self) -> MutexGuard<'_, Vec<(Key, Arc<Mutex<Book>>)>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From which transaction on a document's edits must be read; 0: from the first.
    pub fn since(&self, key: Key) -> i64 {
        self.take_down(key).map_or(0, |book| lock(&book).stand.xmin)
    }

    fn take_down(&self, key: Key) -> Option<Arc<Mutex<Book>>> {
        let mut books = self.books();
        let place = books.iter().position(|(held, _)| *held == key)?;
        let book = books.remove(place);
        books.push(book);
        books.last().map(|(_, book)| book.clone())
    }

    fn put(&self, key: Key, book: Book) {
        let mut books = self.books();
        books.retain(|(held, _)| *held != key);
        books.push((key, Arc::new(Mutex::new(book))));
        let mut all = 0;
        // The newest first; what no longer fits goes.
        let kept = books.iter().rev().take_while(|(_, book)| {
            // One that is being read counts when it is put back.
            all += book.try_lock().map_or(0, |book| book.heap_bytes);
            all <= MAX_BYTES
        });
        let gone = books.len() - kept.count();
        books.drain(..gone);
    }

    fn forget(&self, key: Key) {
        self.books().retain(|(held, _)| *held != key);
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    /// The value, as JSON; none when the rows with those on the shelf are not what the client sees.
    pub fn value(self, asked: &Asked, budget: &Budget) -> Result<Option<String>, Refusal> {
        let (shelf, key) = (self.shelf.clone(), self.key);
        let value = self.try_value(asked, budget).map_err(refused);
        if value.as_ref().is_err_and(|refusal| refusal.code == "XX000") {
            // A panic of Loro may have spoilt it.
            shelf.forget(key);
        }
        value
    }

    fn try_value(self, asked: &Asked, budget: &Budget) -> Result<Option<String>> {
        if self.since == 0 {
            let history = History::of(&self.rows, budget)?;
            let value = value(&history, asked, budget)?;
            let heap_bytes = history.heap_bytes();
            let book = Book {
                history,
                stand: self.stand,
                heap_bytes,
            };
            self.shelf.put(self.key, book);
            return Ok(Some(value));
        }
        let Some(book) = self.shelf.take_down(self.key) else {
            return Ok(None);
        };
        let mut book = lock(&book);
        book.history.extend(&self.rows, budget)?;
        let edits = book.history.edits();
        let sum = edits.iter().map(|edit| edit.edit_id).sum::<i64>();
        let (edits, xmin) = (edits.len() as i64, self.stand.xmin.max(book.stand.xmin));
        book.stand = Stand {
            edits,
            sum_of_ids: sum,
            // Rows between the two were read by others.
            xmin: if book.stand.xmin >= self.since {
                xmin
            } else {
                book.stand.xmin
            },
        };
        if (edits, sum) != (self.stand.edits, self.stand.sum_of_ids) {
            return Ok(None);
        }
        value(&book.history, asked, budget).map(Some)
    }
}

fn value(history: &History, asked: &Asked, budget: &Budget) -> Result<String> {
    let at = |moment: &Moment| match moment {
        Moment::Start => Ok(history.start()),
        Moment::At(moment) => history.at(moment),
    };
    let first = at(&asked.moments[0])?;
    // It begins with its first edit; before that there was none.
    let is_past = asked.moments[0] != Moment::At(history::Moment::Now);
    let is_before = is_past && first.version.is_empty() && first.hanging.is_empty();
    if is_before && !asked.function.gives_rows() {
        return Ok("null".to_owned());
    }
    let second = || at(&asked.moments[1]);
    let json = match asked.function {
        Function::Text => rows::text(&history.text_at(&first, budget)?),
        Function::Markdown => rows::text(&history.markdown_at(&first, budget)?),
        Function::Html => rows::text(&history.html_at(&asked.title, &first, budget)?),
        Function::Operations => {
            let rows = history.operations(&first, &second()?, MAX_ROWS, budget)?;
            rows::operations(&rows)
        }
        Function::Blame => rows::blame(&history.blame(&first, budget)?),
        Function::Diff => {
            let comparison = history.compare(&first, &second()?, budget)?;
            rows::differences(&comparison.differences())
        }
        Function::Presence | Function::Servers => "[]".to_owned(),
    };
    if json.len() > asked.most_bytes {
        return Err(Error::new(
            Kind::TooLarge,
            format!("the answer is longer than {} MiB", asked.most_bytes >> 20),
        ));
    }
    Ok(json)
}

fn refused(error: Error) -> Refusal {
    match error.kind() {
        Kind::NotFound | Kind::Gone | Kind::Invalid => Refusal::error("22023", error.to_string()),
        Kind::TooLarge => Refusal::error("54000", error.to_string()),
        Kind::Limited => Refusal::error("57014", error.to_string()),
        _ => {
            tracing::error!(%error, "work out a call of the SQL port");
            Refusal::error("XX000", "the document cannot be read")
        }
    }
}
