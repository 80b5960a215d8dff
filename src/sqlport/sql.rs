//! SQL in tokens, by the rules of Postgres's own scanner. What cannot be read to its end (a string that is
//! never closed) has no tokens: Postgres says what is wrong with it. No I/O.

use std::ops::Range;

/// A piece of SQL that is not white space or a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    /// Its bytes.
    pub range: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key word or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string constant of any form.
    Text,
    Number,
    /// `$1`.
    Parameter(u16),
    Open,
    Close,
    Comma,
    Dot,
    Semicolon,
    /// `=>` or `:=`, before an argument.
    Arrow,
    /// Anything else: operators, brackets, casts.
    Other,
}

const OPERATOR: &[u8] = b"+-*/<>=~!@#%^&|`?:";

/// The tokens of `sql`; none when a string, name or comment does not end. With `strings_are_standard` a
/// backslash in a plain string is a character like any other.
pub(super) fn tokens(sql: &str, strings_are_standard: bool) -> Option<Vec<Token>> {
    let mut scanner = Scanner {
        bytes: sql.as_bytes(),
        at: 0,
        strings_are_standard,
    };
    let mut tokens = Vec::new();
    loop {
        scanner.skip_space()?;
        if scanner.at == scanner.bytes.len() {
            return Some(tokens);
        }
        let start = scanner.at;
        let kind = scanner.token()?;
        tokens.push(Token {
            kind,
            range: start..scanner.at,
        });
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    strings_are_standard: bool,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts(&self, text: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(text)
    }

    fn skip_while(&mut self, is_in: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|byte| is_in(*byte)) {
            self.at += 1;
        }
    }

    /// White space and comments. None when a comment does not end.
    fn skip_space(&mut self) -> Option<()> {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c));
            if self.starts(b"--") {
                self.skip_while(|byte| !matches!(byte, b'\n' | b'\r'));
            } else if self.starts(b"/*") {
                self.skip_comment()?;
            } else {
                return Some(());
            }
        }
    }

    /// They stand within each other.
    fn skip_comment(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            if self.starts(b"/*") {
                (depth, self.at) = (depth + 1, self.at + 2);
            } else if self.starts(b"*/") {
                (depth, self.at) = (depth - 1, self.at + 2);
                if depth == 0 {
                    return Some(());
                }
            } else if self.at < self.bytes.len() {
                self.at += 1;
            } else {
                return None;
            }
        }
    }

    fn token(&mut self) -> Option<Kind> {
        let kind = match (self.peek(0), self.peek(1), self.peek(2)) {
            (b'\'', ..) => return self.text(0, !self.strings_are_standard),
            (b'e' | b'E', b'\'', _) => return self.text(1, true),
            (b'b' | b'B' | b'x' | b'X', b'\'', _) => return self.text(1, false),
            (b'n' | b'N', b'\'', _) => return self.text(1, !self.strings_are_standard),
            (b'u' | b'U', b'&', b'\'') => return self.text(2, false),
            (b'u' | b'U', b'&', b'"') => return self.quoted(2),
            (b'"', ..) => return self.quoted(0),
            (b'$', b'0'..=b'9', _) => return Some(self.parameter()),
            (b'$', ..) => return self.dollars(),
            (b'0'..=b'9', ..) | (b'.', b'0'..=b'9', _) => return Some(self.number()),
            (first, ..) if begins_word(first) => {
                self.skip_while(continues_word);
                return Some(Kind::Word);
            }
            (first, ..) if OPERATOR.contains(&first) => return Some(self.operator()),
            (b'(', ..) => Kind::Open,
            (b')', ..) => Kind::Close,
            (b',', ..) => Kind::Comma,
            (b'.', ..) => Kind::Dot,
            (b';', ..) => Kind::Semicolon,
            _ => Kind::Other,
        };
        self.at += 1;
        Some(kind)
    }

    fn text(&mut self, prefix: usize, has_escapes: bool) -> Option<Kind> {
        self.at += prefix;
        self.delimited(b'\'', has_escapes)?;
        Some(Kind::Text)
    }

    fn quoted(&mut self, prefix: usize) -> Option<Kind> {
        self.at += prefix;
        self.delimited(b'"', false)?;
        Some(Kind::Quoted)
    }

    /// From one delimiter to the next that is not doubled.
    fn delimited(&mut self, delimiter: u8, has_escapes: bool) -> Option<()> {
        self.at += 1;
        loop {
            match (self.peek(0), self.peek(1)) {
                _ if self.at >= self.bytes.len() => return None,
                (b'\\', _) if has_escapes => self.at += 2,
                (byte, next) if byte == delimiter && next == delimiter => self.at += 2,
                (byte, _) => {
                    self.at += 1;
                    if byte == delimiter {
                        return Some(());
                    }
                }
            }
        }
    }

    fn parameter(&mut self) -> Kind {
        let start = self.at + 1;
        self.at = start;
        self.skip_while(|byte| byte.is_ascii_digit());
        let digits = std::str::from_utf8(&self.bytes[start..self.at]).ok();
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(number) => Kind::Parameter(number),
            None => Kind::Other,
        }
    }

    /// `$tag$ … $tag$`.
    fn dollars(&mut self) -> Option<Kind> {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| continues_word(byte) && byte != b'$');
        if self.peek(0) != b'$' {
            self.at = start + 1;
            return Some(Kind::Other);
        }
        self.at += 1;
        let tag = &self.bytes[start..self.at];
        let rest = &self.bytes[self.at..];
        let end = rest.windows(tag.len()).position(|window| window == tag)?;
        self.at += end + tag.len();
        Some(Kind::Text)
    }

    /// `1`, `1.5e-3`, `0x1f`, `1_000`; what is glued to it belongs to it.
    fn number(&mut self) -> Kind {
        self.at += 1;
        loop {
            self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let is_exponent = matches!(self.bytes[self.at - 1], b'e' | b'E')
                && matches!(self.peek(0), b'+' | b'-')
                && self.peek(1).is_ascii_digit();
            // Two of them are a range in PL/pgSQL.
            let is_point = self.peek(0) == b'.' && self.peek(1) != b'.';
            if !is_exponent && !is_point {
                return Kind::Number;
            }
            self.at += 1;
        }
    }

    /// As long as it goes; a comment ends it.
    fn operator(&mut self) -> Kind {
        let start = self.at;
        while OPERATOR.contains(&self.peek(0)) && !self.starts(b"--") && !self.starts(b"/*") {
            self.at += 1;
        }
        match &self.bytes[start..self.at] {
            b"=>" | b":=" => Kind::Arrow,
            _ => Kind::Other,
        }
    }
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_word(byte: u8) -> bool {
    begins_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(sql: &str) -> Vec<&str> {
        let tokens = tokens(sql, true).expect("it ends");
        tokens.into_iter().map(|t| &sql[t.range]).collect()
    }

    #[test]
    fn strings_names_and_comments_are_whole() {
        assert_eq!(
            words("a'b''c'\"d\"\"e\"--f\n/*g/*h*/'*/$x$i'$x$ e'\\'j' u&'k' $1"),
            [
                "a",
                "'b''c'",
                "\"d\"\"e\"",
                "$x$i'$x$",
                "e'\\'j'",
                "u&'k'",
                "$1"
            ]
        );
        for open in ["'a", "\"a", "/* /* */", "$$a$", "e'\\'"] {
            assert_eq!(tokens(open, true), None, "{open}");
        }
        assert_eq!(tokens("'\\'", false), None);
        assert!(tokens("'\\'", true).is_some());
    }

    #[test]
    fn operators_and_numbers_are_told_apart() {
        assert_eq!(
            words("a=>1.5e-3,b:=.5::int<=-2--c"),
            [
                "a", "=>", "1.5e-3", ",", "b", ":=", ".5", "::", "int", "<=-", "2"
            ]
        );
        let kinds = tokens("quire.text(1)", true).expect("it ends");
        assert_eq!(kinds[1].kind, Kind::Dot);
    }
}
