//! Statements with calls of the port's functions, written anew so that Postgres can run them: each call
//! becomes a row set made of one JSON value, which stands in the text or is a parameter. No I/O.

use std::ops::Range;

use super::find::{Call, Found};
use super::function::Function;
use super::sql::Kind;

/// The type of the parameters that are added: json.
pub(super) const JSON: u32 = 114;

/// What is known of a statement that was written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// How many parameters are the client's.
    pub parameters: usize,
    /// What stands in it of the client's own statement, in order.
    kept: Vec<Kept>,
}

/// A piece of the client's statement; in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    original: usize,
    new: usize,
    length: usize,
}

impl Rewritten {
    /// Where a place in the new text, in characters from 1, stands in the client's own: what was put in
    /// stands where the call does.
    pub fn original_place(&self, place: usize) -> Option<usize> {
        let place = place.checked_sub(1)?;
        let before = self.kept.partition_point(|kept| kept.new <= place);
        let kept = &self.kept[before.checked_sub(1)?];
        Some(kept.original + (place - kept.new).min(kept.length) + 1)
    }
}

/// The statement with a value for each call in its text.
pub(super) fn inline(found: &Found, literals: Vec<String>) -> (String, Rewritten) {
    let literals = literals
        .into_iter()
        .map(|literal| format!("{literal}::pg_catalog.json"));
    replaced(found, found.parameters, literals)
}

/// The statement with a parameter for each call, behind the client's own, of which `declared` have a
/// type.
pub(super) fn with_parameters(found: &Found, declared: usize) -> (String, Rewritten) {
    let own = found.parameters.max(declared);
    let values = found.calls.iter().enumerate().map(|(number, call)| {
        let value = format!("${}::pg_catalog.json", own + number + 1);
        let mentions = mentions(found, call);
        if mentions.is_empty() {
            return value;
        }
        // Its parameters must be in the text for Postgres to know their types. Nothing is computed.
        format!(
            "case when {} or true then {value} end",
            mentions.join(" or ")
        )
    });
    replaced(found, own, values)
}

/// The arguments that use parameters, so that they say nothing.
fn mentions(found: &Found, call: &Call) -> Vec<String> {
    let arguments = call.arguments.iter().enumerate();
    let used = arguments.filter_map(|(number, range)| {
        let range = range.clone()?;
        let has_parameter = found
            .tokens_in(&range)
            .any(|t| matches!(t.kind, Kind::Parameter(_)));
        let cast = if number == 0 { "uuid" } else { "text" };
        has_parameter.then(|| format!("({})::pg_catalog.{cast} is null", &found.sql[range]))
    });
    used.collect()
}

fn replaced(
    found: &Found,
    parameters: usize,
    values: impl Iterator<Item = String>,
) -> (String, Rewritten) {
    let mut writer = Writer::of(&found.sql);
    let mut at = 0;
    for (call, value) in found.calls.iter().zip(values) {
        writer.keep(at..call.range.start);
        writer.put(&row_set(call, &value));
        at = call.range.end;
    }
    writer.keep(at..found.sql.len());
    writer.finish(parameters)
}

/// What stands for a call.
fn row_set(call: &Call, value: &str) -> String {
    let name = call.function.name();
    let alias = if call.needs_alias {
        format!(" as \"{name}\"")
    } else {
        String::new()
    };
    match call.function.columns() {
        None if call.is_in_from => {
            format!("pg_catalog.json_extract_path_text({value}, variadic '{{}}'){alias}")
        }
        // The name of the column is that of the function, as for any call.
        None => format!("(select {value} operator(pg_catalog.#>>) '{{}}' as \"{name}\")"),
        Some(columns) => format!(
            "(select * from pg_catalog.json_to_recordset({value}) as quire_rows({columns})){alias}"
        ),
    }
}

/// A statement that computes the arguments of a call: the document, and of each other argument its text
/// and its type. The client's parameters that it uses come in the order in which they are returned.
pub(super) fn arguments(found: &Found, call: &Call) -> (String, Rewritten, Vec<u16>) {
    let mut writer = Writer::of(&found.sql);
    let mut used = Vec::new();
    writer.put("select ");
    for (number, range) in call.arguments.iter().enumerate() {
        let Some(range) = range.clone() else {
            let nothing = if number == 0 {
                "null::pg_catalog.uuid"
            } else {
                ", null, null"
            };
            writer.put(nothing);
            continue;
        };
        if number == 0 {
            writer.put("(");
            argument(&mut writer, found, range, &mut used);
            writer.put(")::pg_catalog.uuid");
            continue;
        }
        writer.put(", pg_catalog.convert_to((");
        argument(&mut writer, found, range.clone(), &mut used);
        writer.put(")::pg_catalog.text, 'UTF8'), pg_catalog.convert_to(pg_catalog.pg_typeof(");
        argument(&mut writer, found, range, &mut used);
        writer.put(")::pg_catalog.text, 'UTF8')");
    }
    let (text, rewritten) = writer.finish(used.len());
    (text, rewritten, used)
}

/// An argument, its parameters numbered anew.
fn argument(writer: &mut Writer<'_>, found: &Found, range: Range<usize>, used: &mut Vec<u16>) {
    let mut at = range.start;
    for token in found.tokens_in(&range) {
        if let Kind::Parameter(number) = token.kind {
            writer.keep(at..token.range.start);
            let place = used.iter().position(|known| *known == number);
            let place = place.unwrap_or_else(|| {
                used.push(number);
                used.len() - 1
            });
            writer.put(&format!("${}", place + 1));
            at = token.range.end;
        }
    }
    writer.keep(at..range.end);
}

/// A string constant with this JSON in it, whatever the settings of the session are.
pub(super) fn literal(json: &str, is_utf8: bool) -> String {
    let json = json_text(json, is_utf8);
    let mut literal = String::with_capacity(json.len() + json.len() / 8 + 3);
    literal.push_str("E'");
    for character in json.chars() {
        if matches!(character, '\\' | '\'') {
            literal.push(character);
        }
        literal.push(character);
    }
    literal.push('\'');
    literal
}

/// The JSON; in ASCII for a session in another encoding.
pub(super) fn json_text(json: &str, is_utf8: bool) -> String {
    if is_utf8 || json.is_ascii() {
        return json.to_owned();
    }
    let mut ascii = String::with_capacity(2 * json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    ascii
}

/// Writes a new text out of pieces of another one.
struct Writer<'a> {
    original: &'a str,
    text: String,
    characters: usize,
    kept: Vec<Kept>,
}

impl<'a> Writer<'a> {
    fn of(original: &'a str) -> Self {
        Self {
            original,
            text: String::new(),
            characters: 0,
            kept: Vec::new(),
        }
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.characters += text.chars().count();
    }

    fn keep(&mut self, range: Range<usize>) {
        let piece = &self.original[range.clone()];
        let length = piece.chars().count();
        self.kept.push(Kept {
            original: self.original[..range.start].chars().count(),
            new: self.characters,
            length,
        });
        self.text.push_str(piece);
        self.characters += length;
    }

    fn finish(self, parameters: usize) -> (String, Rewritten) {
        let kept = self.kept;
        (self.text, Rewritten { parameters, kept })
    }
}

impl Function {
    /// Whether it gives rows and not one value.
    pub fn gives_rows(self) -> bool {
        self.columns().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::find::find;
    use super::*;

    fn found(sql: &str) -> Found {
        find(sql.as_bytes(), true)
            .expect("not refused")
            .expect("a call")
    }

    #[test]
    fn a_call_becomes_a_row_set_of_the_same_name() {
        let (text, _) = inline(&found("select quire.text('d') x"), vec!["V".into()]);
        assert_eq!(
            text,
            "select (select V::pg_catalog.json operator(pg_catalog.#>>) '{}' as \"text\") x"
        );
        let (text, _) = inline(&found("select * from quire.text('d')"), vec!["V".into()]);
        assert_eq!(
            text,
            "select * from pg_catalog.json_extract_path_text(V::pg_catalog.json, variadic '{}') as \"text\""
        );
        let (text, _) = with_parameters(&found("select $1 from quire.servers() s"), 0);
        assert!(
            text.starts_with("select $1 from (select * from pg_catalog.json_to_recordset($2::")
        );
        assert!(text.ends_with(")) s"), "{text}");
    }

    #[test]
    fn parameters_of_arguments_stay_known() {
        let (text, rewritten) = with_parameters(&found("select quire.text($2, at => $1)"), 0);
        assert_eq!(rewritten.parameters, 2);
        assert!(text.contains(
            "case when ($2)::pg_catalog.uuid is null or ($1)::pg_catalog.text is null or true then $3::"
        ));
        let found = found("select quire.text($2, at => $1)");
        let (text, _, used) = arguments(&found, &found.calls[0]);
        assert_eq!(used, [2, 1]);
        assert_eq!(
            text,
            "select ($1)::pg_catalog.uuid, pg_catalog.convert_to(($2)::pg_catalog.text, 'UTF8'), \
             pg_catalog.convert_to(pg_catalog.pg_typeof($2)::pg_catalog.text, 'UTF8'), null, null"
        );
    }

    #[test]
    fn places_are_those_of_the_clients_statement() {
        let (text, rewritten) = inline(&found("select quire.text('ä') + nö"), vec!["V".into()]);
        let place = text.chars().position(|c| c == '+').expect("there") + 1;
        assert_eq!(rewritten.original_place(place), Some(24));
        assert_eq!(rewritten.original_place(1), Some(1));
        assert_eq!(rewritten.original_place(12), Some(8), "within the row set");
        assert_eq!(rewritten.original_place(0), None);
    }

    #[test]
    fn values_need_no_setting_of_the_session() {
        assert_eq!(literal(r#""it's \n é""#, true), r#"E'"it''s \\n é"'"#);
        assert_eq!(json_text("\"é🎈\"", false), r#""\u00e9\ud83c\udf88""#);
    }
}
