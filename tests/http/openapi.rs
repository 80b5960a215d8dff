//! The description of the API against the API: its addresses and methods here, and every answer
//! that any test of this folder gets, on its way (see `site`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::site::{Answer, Site};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../docs/openapi.json");
    serde_json::from_str(text).expect("the description is JSON")
});

/// Sees that an answer is one that the description knows, with the body that it says.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or(path);
    let Some(operation) = operation(path, &method.to_ascii_lowercase()) else {
        return;
    };
    let known = &operation["responses"][answer.status.to_string()];
    let known = resolve(known);
    assert!(
        known.is_object(),
        "{method} {path} answers {}, which the description does not know: {answer:?}",
        answer.status
    );
    let Some(content) = known["content"].as_object() else {
        assert!(answer.body.is_empty(), "{method} {path}: {answer:?}");
        return;
    };
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let content = content.get(kind);
    let content = content.unwrap_or_else(|| panic!("{method} {path} sends {kind:?}: {answer:?}"));
    if kind.ends_with("json") && method != "HEAD" {
        let problem = misfit(&content["schema"], &answer.json());
        assert_eq!(problem, None, "{method} {path}: {answer:?}");
    }
}

/// What the description says of a method at an address, if it is there at all.
fn operation(path: &str, method: &str) -> Option<&'static Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let paths = DESCRIPTION["paths"].as_object()?;
    let fits = |pattern: &str| {
        let pattern: Vec<&str> = pattern.split('/').collect();
        pattern.len() == parts.len()
            && pattern
                .iter()
                .zip(&parts)
                .all(|(known, part)| known == part || known.starts_with('{'))
    };
    // An address without parameters comes before one that would fit with them.
    let exact = paths.get(path);
    let item = exact.or_else(|| paths.iter().find(|(p, _)| fits(p)).map(|(_, item)| item))?;
    item.get(method)
}

fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DESCRIPTION
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

/// Where a value is not what its schema says: kinds, words, fields that are missing or too many.
fn misfit(schema: &'static Value, value: &Value) -> Option<String> {
    let schema = resolve(schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| misfit(choice, value).is_none());
        return (!fits).then(|| format!("{value} is none of {choices:?}"));
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let names = parts.iter().flat_map(|part| names(resolve(part)));
        let names: BTreeSet<&str> = names.collect();
        return too_many(value, &names)
            .or_else(|| parts.iter().find_map(|part| missing(resolve(part), value)));
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Some(format!("{value} is no {kinds:?}"));
    }
    if let (Some(words), false) = (schema["enum"].as_array(), value.is_null()) {
        return (!words.contains(value)).then(|| format!("{value} is none of {words:?}"));
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| misfit(&schema["items"], item)),
        Value::Object(_) if schema["properties"].is_object() => {
            too_many(value, &names(schema).collect()).or_else(|| missing(schema, value))
        }
        _ => None,
    }
}

fn names(schema: &'static Value) -> impl Iterator<Item = &'static str> {
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flat_map(|p| p.keys().map(String::as_str))
}

fn too_many(value: &Value, names: &BTreeSet<&str>) -> Option<String> {
    let fields = value.as_object()?;
    let unknown = fields.keys().find(|name| !names.contains(name.as_str()))?;
    Some(format!("the field {unknown} is not described"))
}

fn missing(schema: &'static Value, value: &Value) -> Option<String> {
    let needed = schema["required"].as_array().into_iter().flatten();
    let gone = needed
        .filter_map(Value::as_str)
        .find(|name| value.get(name).is_none());
    if let Some(name) = gone {
        return Some(format!("the field {name} is missing"));
    }
    let properties = schema["properties"].as_object()?;
    properties
        .iter()
        .find_map(|(name, schema)| misfit(schema, value.get(name)?))
}

#[tokio::test]
async fn every_address_and_method_is_described_and_no_other() {
    let site = Site::start().await;
    let stranger = site.stranger();
    let described = DESCRIPTION["paths"].as_object().expect("paths");
    let known: BTreeSet<&str> = quire::http::patterns()
        .iter()
        .map(String::as_str)
        .filter(|pattern| pattern.starts_with("/api/"))
        .collect();
    let paths: BTreeSet<&str> = described.keys().map(String::as_str).collect();
    assert_eq!(paths, known);
    for (pattern, item) in described {
        let parts = pattern.split('/').map(|part| match part.starts_with('{') {
            true => "6e2c1b9e-6d26-4a5d-9d57-0c4a4a2d9a01",
            false => part,
        });
        let path = parts.collect::<Vec<_>>().join("/");
        let answer = stranger.send("OPTIONS", &path, &[], "").await;
        let allow = answer.header("allow").unwrap_or_default().to_lowercase();
        let allowed: BTreeSet<&str> = allow.split(", ").filter(|m| *m != "head").collect();
        let methods = item.as_object().expect("methods").keys();
        let methods: BTreeSet<&str> = methods
            .map(String::as_str)
            .filter(|name| *name != "parameters")
            .collect();
        assert_eq!(methods, allowed, "{pattern}");
    }
}

#[tokio::test]
async fn the_description_is_served() {
    let site = Site::start().await;
    let answer = site.stranger().get("/api/v1/openapi.json").await;
    assert_eq!(answer.json()["openapi"], "3.1.0");
    assert_eq!(answer.json()["info"]["title"], json!("Quire"));
}

#[test]
fn what_does_not_fit_is_seen() {
    let schema = &DESCRIPTION["components"]["schemas"]["Organisation"];
    let good = json!({"org_id": "x", "name": "Press", "role": "owner"});
    assert_eq!(misfit(schema, &good), None);
    for (name, value) in [
        ("role", json!("boss")),
        ("name", json!(7)),
        ("more", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[name] = value;
        assert!(misfit(schema, &bad).is_some(), "{bad}");
    }
    assert!(misfit(schema, &json!({"org_id": "x", "name": "Press"})).is_some());
}
