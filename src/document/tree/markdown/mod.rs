//! A page as Markdown (CommonMark with the task lists and the strikethrough of GitHub), and back.
//! What is written is read as the same page. Markdown has no underline and no line break at the end
//! of a block or in a heading below the second level: there the text alone is kept.

mod inline;
mod read;
mod write;

pub use read::read;
pub use write::write;

/// Stands for a paragraph without text, which Markdown does not have.
const EMPTY: &str = "&nbsp;";
/// The same, read.
const EMPTY_TEXT: &str = "\u{a0}";
