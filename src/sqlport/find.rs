//! Where a statement calls the port's functions, and with what. Only as much of the grammar is known here
//! as that takes: whether a call stands in FROM, and whether an alias follows. What the rest means,
//! Postgres says; so a mistake here can make a statement fail and never let it see more. No I/O.

use std::ops::Range;

use super::finder::Finder;
use super::function::Function;
use super::refusal::Refusal;
use super::sql::{Kind, Token, tokens};

/// A statement with calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub sql: String,
    tokens: Vec<Token>,
    pub calls: Vec<Call>,
    /// The highest number of a parameter in it.
    pub parameters: usize,
}

/// A call of one of the port's functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub function: Function,
    /// From `quire` to the closing bracket, in bytes.
    pub range: Range<usize>,
    /// It is a table of FROM, and not a value.
    pub is_in_from: bool,
    /// It is one, and has no other name.
    pub needs_alias: bool,
    /// The document and what else is given, each without its name.
    pub arguments: [Option<Range<usize>>; 3],
}

/// What a statement may begin with to have calls. Others that would keep the call (views, functions,
/// `prepare`) would keep what it gave then.
const MAY_CALL: [&str; 13] = [
    "select", "with", "values", "table", "insert", "update", "delete", "merge", "explain", "copy",
    "declare", "create", "(",
];

/// Whether a statement may have a call: a cheap look that is never wrong about one that has.
pub(super) fn may_call(text: &[u8]) -> bool {
    contains(text, b"quire")
        && Function::ALL
            .iter()
            .any(|f| contains(text, f.name().as_bytes()))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    let mut windows = text.windows(word.len());
    windows.any(|window| window.eq_ignore_ascii_case(word))
}

/// The calls of a statement; none when it has none. What Postgres will refuse in any case has none.
///
/// # Errors
/// What is wrong with a call, with its place.
pub(super) fn find(text: &[u8], strings_are_standard: bool) -> Result<Option<Found>, Refusal> {
    let Some((sql, tokens)) = std::str::from_utf8(text)
        .ok()
        .and_then(|sql| Some((sql, tokens(sql, strings_are_standard)?)))
    else {
        return Ok(None);
    };
    let calls = Finder::new(sql, &tokens).calls()?;
    let Some(first) = calls.first() else {
        return Ok(None);
    };
    check_statement(sql, &tokens, first)?;
    let parameters = tokens.iter().map(|token| match token.kind {
        Kind::Parameter(number) => usize::from(number),
        _ => 0,
    });
    Ok(Some(Found {
        parameters: parameters.max().unwrap_or(0),
        sql: sql.to_owned(),
        calls,
        tokens,
    }))
}

impl Found {
    /// The tokens within a range.
    pub fn tokens_in(&self, range: &Range<usize>) -> impl Iterator<Item = &Token> {
        let (start, end) = (range.start, range.end);
        let first = self.tokens.partition_point(|t| t.range.start < start);
        let rest = self.tokens[first..].iter();
        rest.take_while(move |token| token.range.end <= end)
    }
}

fn check_statement(sql: &str, tokens: &[Token], call: &Call) -> Result<(), Refusal> {
    let mut rest = tokens.iter().skip_while(|t| t.kind != Kind::Semicolon);
    let name = call.function.name();
    if rest.any(|token| token.kind != Kind::Semicolon) {
        return Err(Refusal::error(
            "0A000",
            format!(
                "a statement with quire.{name} must be sent alone, not with others in one message"
            ),
        )
        .at(place(sql, call.range.start)));
    }
    let first = tokens.first().map_or("", |t| &sql[t.range.clone()]);
    let first = first.to_ascii_lowercase();
    let word = |index: usize| tokens.get(index).map_or("", |t| &sql[t.range.clone()]);
    let keeps = first == "create"
        && (1..5).any(|i| {
            ["view", "function", "procedure", "rule", "recursive"]
                .iter()
                .any(|w| word(i).eq_ignore_ascii_case(w))
        })
        && !word(1).eq_ignore_ascii_case("materialized");
    if MAY_CALL.contains(&&*first) && !keeps {
        return Ok(());
    }
    Err(Refusal::error(
        "0A000",
        format!("quire.{name} cannot be used in this kind of statement"),
    )
    .hint("The SQL port of Quire computes it where it is asked for; the database cannot, and so it cannot be kept in a view, a function or PREPARE.")
    .at(place(sql, call.range.start)))
}

/// A place in characters from 1.
pub(super) fn place(sql: &str, byte: usize) -> usize {
    sql[..byte].chars().count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In FROM, without a name of its own: `(true, true)`.
    fn places(sql: &str) -> Vec<(bool, bool)> {
        let found = find(sql.as_bytes(), true).expect("not refused");
        let calls = found.map(|found| found.calls).unwrap_or_default();
        calls
            .iter()
            .map(|c| (c.is_in_from, c.needs_alias))
            .collect()
    }

    #[test]
    fn calls_are_found_wherever_they_stand() {
        for (sql, expected) in [
            ("select quire.text('d')", &[(false, false)][..]),
            ("SELECT 1 FROM \"quire\" . TEXT ( 'd' )", &[(true, true)]),
            (
                "select * from quire.blame('d') b where b.text = quire.text('e')",
                &[(true, false), (false, false)],
            ),
            ("select * from a, quire.blame('d') as b", &[(true, false)]),
            (
                "select * from a join quire.blame('d') on quire.text('d') = 'x', quire.diff('d', 1, 2)",
                &[(true, true), (false, false), (true, true)],
            ),
            (
                "select * from (quire.blame('d') cross join quire.servers())",
                &[(true, true), (true, true)],
            ),
            (
                "select * from (select * from quire.blame('d') limit 1) x",
                &[(true, true)],
            ),
            (
                "select extract(year from quire.text('d')::date) from t",
                &[(false, false)],
            ),
            (
                "select a is distinct from quire.text('d') from t",
                &[(false, false)],
            ),
            (
                "with x as (select quire.text('d')) select * from x, lateral quire.servers() union select 1 from quire.presence()",
                &[(false, false), (true, true), (true, true)],
            ),
            (
                "delete from t using quire.blame('d') b where t.x = b.text",
                &[(true, false)],
            ),
            (
                "insert into t select * from quire.operations('d', now() - interval '1 h', to => now())",
                &[(true, true)],
            ),
            (
                "select 'quire.text(1)', \"quire.text\"(2), /* quire.text(3) */ x.quire.text(4)",
                &[],
            ),
            ("select quire.text('d'", &[]),
            ("select quire.other('text')", &[]),
            (
                "create table t as select * from quire.blame('d')",
                &[(true, true)],
            ),
            (
                "select x as set, quire.text('d') from t as where_",
                &[(false, false)],
            ),
        ] {
            assert_eq!(places(sql), expected, "{sql}");
        }
    }

    #[test]
    fn arguments_come_by_place_or_by_name() {
        let sql = "select quire.text(at => f(1, '2'), document => 'd' /* ) */)";
        let found = find(sql.as_bytes(), true)
            .expect("not refused")
            .expect("a call");
        let argument = |n: usize| found.calls[0].arguments[n].clone().map(|r| &sql[r]);
        assert_eq!((argument(0), argument(1)), (Some("'d'"), Some("f(1, '2')")));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (sql, code, at) in [
            ("select quire.text()", "42883", 8),
            ("select quire.text('d', 1, 2)", "42883", 8),
            ("select quire.text('d', then => 1)", "42883", 8),
            ("select * from quire.diff('d')", "42883", 15),
            ("select ü, quire.blame('d')", "0A000", 11),
            ("select quire.text('d'); select 1", "0A000", 8),
            ("create view v as select quire.text('d')", "0A000", 25),
            (
                "create or replace view v as select quire.text('d')",
                "0A000",
                36,
            ),
            ("prepare p as select quire.text('d')", "0A000", 21),
        ] {
            let refusal = find(sql.as_bytes(), true).expect_err(sql);
            assert_eq!((refusal.code, refusal.position), (code, Some(at)), "{sql}");
        }
        assert!(
            find(b"create table t as select quire.text('d');", true).is_ok_and(|f| f.is_some())
        );
        assert!(
            find(
                b"create materialized view t as select quire.text('d')",
                true
            )
            .is_ok()
        );
    }

    #[test]
    fn the_cheap_look_misses_no_call() {
        assert!(may_call(b"select QUIRE.Text('d')"));
        assert!(!may_call(b"select * from quire.edit"));
        assert!(!may_call(b"select text from t"));
    }
}
