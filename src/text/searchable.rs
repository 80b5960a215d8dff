//! What of a text its words are taken from. Postgres' parser goes back and forth over what may be a tag, a
//! path or a host: on some runs of characters its time grows with their square. It is given none of these.

/// Longer runs without a space are no words, paths or addresses that somebody looks for as a whole.
const RUN: usize = 100;

/// The text with spaces for what the parser would be slow on.
pub(super) fn searchable(text: &str) -> String {
    let mut searchable = String::with_capacity(text.len());
    for run in text.split_inclusive(char::is_whitespace) {
        let is_long = run.len() > RUN && run.chars().nth(RUN).is_some();
        searchable.extend(run.chars().map(|char| {
            // A tag may go on over spaces.
            let is_slow = char == '<' || is_long && !char.is_alphanumeric();
            if is_slow && !char.is_whitespace() {
                ' '
            } else {
                char
            }
        }));
    }
    searchable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_addresses_stay_and_tags_become_words() {
        for text in ["", "Grüße an ada@example.org\n1.5 a/b", "日本語 का"] {
            assert_eq!(searchable(text), text);
        }
        assert_eq!(searchable("a<b>c</b>"), "a b>c /b>");
    }

    #[test]
    fn of_a_long_run_only_letters_and_digits_stay() {
        let long = "a_".repeat(60);
        assert_eq!(
            searchable(&format!("x-y\n{long}\nx_y")),
            format!("x-y\n{}\nx_y", "a ".repeat(60))
        );
        assert_eq!(searchable(&"é".repeat(RUN)), "é".repeat(RUN));
        let just = "é.".repeat(RUN / 2);
        assert_eq!(searchable(&just), just);
    }
}
