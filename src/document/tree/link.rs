//! Which addresses a link may have: the rule of web/src/editor/links.ts.

use super::{Named, Run};

/// Whether a link may lead there: http, https and mail, and nothing that a browser would read as
/// something else.
pub fn is_allowed(href: &str) -> bool {
    let rest = ["http://", "https://", "mailto:"]
        .iter()
        .find_map(|scheme| {
            let start = href.get(..scheme.len())?;
            start
                .eq_ignore_ascii_case(scheme)
                .then(|| &href[scheme.len()..])
        });
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(is_space))
}

/// What JavaScript's `\s` is, and control characters.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}' || c.is_control()
}

/// Where a run leads, if it is a link that may lead there.
pub fn of(run: &Run) -> Option<&str> {
    of_marks(&run.marks)
}

/// The same of marks.
pub fn of_marks(marks: &Named) -> Option<&str> {
    let href = marks.get("link")?.get("href")?.as_str()?;
    is_allowed(href).then_some(href)
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn only_web_and_mail_addresses_are_links() {
        for href in [
            "http://a.example",
            "HTTPS://a.example/b?c#d",
            "mailto:a@b.example",
        ] {
            assert!(is_allowed(href), "{href}");
        }
        for href in [
            "javascript:alert(1)",
            " https://a.example",
            "java\nscript:x",
            "data:text/html,x",
            "http:/a",
            "https://",
            "https://a b",
            "https://a\u{a0}b",
            "mailto:",
            "//a.example",
            "",
            "é",
        ] {
            assert!(!is_allowed(href), "{href}");
        }
    }
}
