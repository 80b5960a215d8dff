//! A statement, token by token: which clause stands where, and the calls in it. No I/O.

use std::ops::Range;

use super::find::{Call, place};
use super::function::Function;
use super::refusal::Refusal;
use super::sql::{Kind, Token};

/// Words that may follow a table and are no name for it: reserved, or a function's or type's only.
const NO_ALIAS: &str = "all analyse analyze and any array asc asymmetric both case cast check collate column \
    constraint create cross default deferrable desc distinct do else end except false fetch for \
    foreign freeze from full grant group having ilike in initially inner intersect into is \
    isnull join lateral leading left like limit natural not notnull null offset on only or order \
    outer overlaps placing primary references returning right select similar some symmetric \
    table tablesample then to trailing true union unique using verbose when where window";

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

/// Goes through a statement from token to token.
pub(super) struct Finder<'a> {
    sql: &'a str,
    tokens: &'a [Token],
    scopes: Vec<Scope>,
}

impl<'a> Finder<'a> {
    pub fn new(sql: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            sql,
            tokens,
            scopes: vec![Scope::default()],
        }
    }

    /// All calls, in their order.
    ///
    /// # Errors
    /// What is wrong with a call, with its place.
    pub fn calls(&mut self) -> Result<Vec<Call>, Refusal> {
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
                word != "with" && !NO_ALIAS.split(' ').any(|known| known == word)
            }
            _ => false,
        }
    }
}
