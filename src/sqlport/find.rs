//! Where a statement calls the port's functions, and with what. Only as much of the grammar is known here
//! as that takes: whether a call stands in FROM, and whether an alias follows. What the rest means,
//! Postgres says; so a mistake here can make a statement fail and never let it see more. No I/O.

use std::ops::Range;

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

/// Words that may follow a table and are no name for it: reserved, or a function's or type's only.
const NO_ALIAS: [&str; 82] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "using",
    "verbose",
    "when",
    "where",
    "window",
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
    let mut finder = Finder {
        sql,
        tokens: &tokens,
        scopes: vec![Scope::default()],
    };
    let calls = finder.calls()?;
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

/// What is open between two brackets.
#[derive(Debug, Default, Clone, Copy)]
struct Scope {
    clause: Clause,
    /// It has a clause FROM of its own, unlike `extract(year from …)`.
    is_query: bool,
    /// USING in it begins a list of tables.
    is_delete: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Clause {
    #[default]
    Values,
    /// A list of tables.
    From,
    /// The condition of a join within it.
    On,
}

struct Finder<'a> {
    sql: &'a str,
    tokens: &'a [Token],
    scopes: Vec<Scope>,
}

impl Finder<'_> {
    fn calls(&mut self) -> Result<Vec<Call>, Refusal> {
        let mut calls = Vec::new();
        let mut index = 0;
        while index < self.tokens.len() {
            if let Some((call, next)) = self.call_at(index)? {
                calls.push(call);
                index = next;
                continue;
            }
            self.step(index);
            index += 1;
        }
        Ok(calls)
    }

    fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    /// A word in lower case, or a name as it is written; nothing for anything else.
    fn name(&self, index: usize) -> Option<String> {
        let token = self.tokens.get(index)?;
        let text = &self.sql[token.range.clone()];
        match token.kind {
            Kind::Word => Some(text.to_ascii_lowercase()),
            Kind::Quoted => Some(text.trim_matches('"').to_owned()),
            _ => None,
        }
    }

    fn word(&self, index: usize) -> Option<String> {
        (self.kind(index)? == Kind::Word).then(|| self.name(index))?
    }

    fn word_before(&self, index: usize, back: usize) -> Option<String> {
        self.word(index.checked_sub(back)?)
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            // More brackets are closed than opened; Postgres says so.
            self.scopes.push(Scope::default());
        }
        self.scopes.last_mut().expect("one is open")
    }

    /// Follows the clauses of the statement.
    fn step(&mut self, index: usize) {
        match self.tokens[index].kind {
            Kind::Open => {
                let outer = *self.scope();
                let begins_table = index.checked_sub(1).is_none_or(|before| {
                    matches!(self.kind(before), Some(Kind::Open | Kind::Comma))
                        || matches!(
                            self.word(before).as_deref(),
                            Some("from" | "join" | "lateral" | "using")
                        )
                });
                let clause = match outer.clause {
                    Clause::From if begins_table => Clause::From,
                    _ => Clause::Values,
                };
                self.scopes.push(Scope {
                    clause,
                    ..Scope::default()
                });
            }
            Kind::Close => drop(self.scopes.pop()),
            Kind::Comma => {
                let scope = self.scope();
                if scope.clause == Clause::On {
                    scope.clause = Clause::From;
                }
            }
            Kind::Word => self.step_word(index),
            _ => {}
        }
    }

    fn step_word(&mut self, index: usize) {
        let before = self.word_before(index, 1);
        let is_distinct_from = before.as_deref() == Some("distinct")
            && matches!(self.word_before(index, 2).as_deref(), Some("is" | "not"));
        let opens = self.kind(index + 1) == Some(Kind::Open);
        let word = self.word(index).unwrap_or_default();
        // A name, unless it is the query of CREATE TABLE … AS.
        let is_alias = before.as_deref() == Some("as") && word != "select";
        if is_alias || index > 0 && self.kind(index - 1) == Some(Kind::Dot) {
            return;
        }
        let scope = self.scope();
        match &*word {
            "select" | "insert" | "update" => {
                (scope.is_query, scope.clause) = (true, Clause::Values)
            }
            "delete" | "merge" => (scope.is_query, scope.is_delete) = (true, true),
            "from" if scope.is_query && !is_distinct_from => scope.clause = Clause::From,
            "using" if scope.is_delete => scope.clause = Clause::From,
            "join" if scope.clause != Clause::Values => scope.clause = Clause::From,
            "on" if scope.clause == Clause::From => scope.clause = Clause::On,
            "using" if opens && scope.clause == Clause::From => scope.clause = Clause::On,
            "where" | "group" | "having" | "order" | "limit" | "offset" | "fetch" | "for"
            | "window" | "union" | "intersect" | "except" | "returning" | "set" | "values"
            | "when" => scope.clause = Clause::Values,
            _ => {}
        }
    }

    /// A call that begins at this token, and the token after it.
    fn call_at(&mut self, index: usize) -> Result<Option<(Call, usize)>, Refusal> {
        let is_call = self.name(index).as_deref() == Some("quire")
            && self.kind(index + 1) == Some(Kind::Dot)
            && self.kind(index + 3) == Some(Kind::Open)
            && (index == 0 || self.kind(index - 1) != Some(Kind::Dot))
            && self.word_before(index, 1).as_deref() != Some("into");
        let name = self.name(index + 2).filter(|_| is_call);
        let Some(function) = name.and_then(|n| Function::ALL.into_iter().find(|f| f.name() == n))
        else {
            return Ok(None);
        };
        let (given, close) = self.given(index + 3);
        let Some(close) = close else {
            return Ok(None);
        };
        let start = self.tokens[index].range.start;
        let wrong = |message: String| Refusal::error("42883", message).at(place(self.sql, start));
        let arguments = self
            .arguments(function, given)
            .ok_or_else(|| wrong(format!("the arguments are wrong: {}", function.usage())))?;
        let is_in_from = self.scope().clause == Clause::From;
        if function.gives_rows() && !is_in_from {
            let message = format!("quire.{} gives rows: write it in FROM", function.name());
            return Err(Refusal::error("0A000", message).at(place(self.sql, start)));
        }
        let call = Call {
            function,
            range: start..self.tokens[close].range.end,
            is_in_from,
            needs_alias: is_in_from && !self.has_alias(close + 1),
            arguments,
        };
        if self.word(close + 1).as_deref() == Some("with") && function.gives_rows() {
            let message = format!("quire.{} has no WITH ORDINALITY", function.name());
            return Err(Refusal::error("0A000", message).at(place(self.sql, start)));
        }
        Ok(Some((call, close + 1)))
    }

    /// What stands between the commas of a call, in tokens, and its closing bracket; no bracket when it has none.
    fn given(&self, open: usize) -> (Vec<Range<usize>>, Option<usize>) {
        let mut given = Vec::new();
        let (mut depth, mut start) = (0_usize, open + 1);
        for index in open..self.tokens.len() {
            let text = &self.sql[self.tokens[index].range.clone()];
            match self.tokens[index].kind {
                Kind::Open => depth += 1,
                Kind::Other if text == "[" => depth += 1,
                Kind::Other if text == "]" => depth = depth.saturating_sub(1),
                Kind::Comma if depth == 1 => {
                    given.push(start..index);
                    start = index + 1;
                }
                Kind::Close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        if start < index || !given.is_empty() {
                            given.push(start..index);
                        }
                        return (given, Some(index));
                    }
                }
                _ => {}
            }
        }
        (given, None)
    }

    /// The arguments in their order, in bytes; none when they are not as they must be.
    fn arguments(
        &self,
        function: Function,
        given: Vec<Range<usize>>,
    ) -> Option<[Option<Range<usize>>; 3]> {
        let (names, needed) = function.arguments();
        let mut arguments: [Option<Range<usize>>; 3] = Default::default();
        for (number, range) in given.into_iter().enumerate() {
            let is_named = self.kind(range.start + 1) == Some(Kind::Arrow) && range.len() > 2;
            let (place, range) = if is_named {
                let name = self.name(range.start)?;
                let place = names.iter().position(|known| *known == name)?;
                (place, range.start + 2..range.end)
            } else {
                (number, range)
            };
            let (first, last) = (range.start, range.end.checked_sub(1)?);
            if place >= names.len() || range.is_empty() || arguments[place].is_some() {
                return None;
            }
            arguments[place] = Some(self.tokens[first].range.start..self.tokens[last].range.end);
        }
        let is_enough = arguments[..needed].iter().all(Option::is_some);
        is_enough.then_some(arguments)
    }

    fn has_alias(&self, index: usize) -> bool {
        match self.kind(index) {
            Some(Kind::Quoted) => true,
            Some(Kind::Word) => {
                let word = self.word(index).unwrap_or_default();
                word != "with" && !NO_ALIAS.contains(&&*word)
            }
            _ => false,
        }
    }
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
