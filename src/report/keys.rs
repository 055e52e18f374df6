//! Every key of a blueprint as a Markdown page, from the schema. Must not know a key.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::blueprint::schema::{Examples, definition};

const HEAD: &str = "\
# The blueprint, key by key

This page is printed by `golive schema --format markdown`, from the types that read a blueprint. Editors that know
JSON Schema complete and check the same keys: let the first line of a blueprint be
`#:schema ../schema/blueprint.schema.json`, a path from the blueprint to that file. What depends on several keys is
said by `golive lint`.

A blueprint is a [TOML](https://toml.io) file. `[[name]]` is a list of tables: each under such a header, or all in
one line as `name = [{ key = value }, { key = value }]`. A key is **required**, or has a default, or may be left out
(`-`); any other key is an error. Units are in the names of keys. Kinds of values, such as [host name](#values), are
described at the end.
";

/// The page of a schema whose tables and values stand in `$defs`.
pub fn markdown(schema: &Value, examples: &Examples) -> String {
    let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    let page = Page { definitions, examples };
    let mut contents = String::new();
    let mut sections = String::new();
    page.tables(schema, &[], &mut contents, &mut sections);
    let mut out = format!("{HEAD}\n| table | holds |\n|-|-|\n{contents}{sections}");
    page.values(&mut out);
    out
}

struct Page<'a> {
    definitions: Map<String, Value>,
    examples: &'a Examples,
}

impl Page<'_> {
    /// A section for each table below this one, and its line in the contents.
    fn tables(&self, table: &Value, path: &[&str], contents: &mut String, sections: &mut String) {
        for (key, schema) in keys(table) {
            let path = [path, &[key.as_str()]].concat();
            let Some((header, inner)) = self.table(schema, &path) else { continue };
            let meaning = text(inner, "description");
            let needed = match (path.len(), is_required(table, key)) {
                (1, true) => " Required.",
                (1, false) => " May be left out.",
                _ => "",
            };
            let _ = writeln!(contents, "| [`{header}`](#{}) | {} |", anchor(&header), cell(meaning));
            let _ = writeln!(sections, "\n## `{header}`\n\n{meaning}{needed}\n");
            sections.push_str("| key | value | default | example | meaning |\n|-|-|-|-|-|\n");
            for (key, schema) in keys(inner) {
                self.row(inner, key, schema, &path, sections);
            }
            self.tables(inner, &path, contents, sections);
        }
    }

    /// The header and the schema of a table or of each table of a list; `None` for any other value.
    fn table<'s>(&'s self, schema: &'s Value, path: &[&str]) -> Option<(String, &'s Value)> {
        let name = path.join(".");
        let (header, inner) = match schema.get("items") {
            Some(items) => (format!("[[{name}]]"), self.meant(items)),
            None => (format!("[{name}]"), self.meant(schema)),
        };
        inner.get("properties").is_some().then_some((header, inner))
    }

    fn meant<'s>(&'s self, schema: &'s Value) -> &'s Value {
        definition(schema, &self.definitions).unwrap_or(schema)
    }

    fn row(&self, table: &Value, key: &str, schema: &Value, path: &[&str], out: &mut String) {
        let path = [path, &[key]].concat();
        let default = match schema.get("default") {
            _ if is_required(table, key) => "**required**".to_owned(),
            Some(default) => code(&default.to_string()),
            None => "-".to_owned(),
        };
        let mut meaning = cell(text(schema, "description"));
        let (value, example) = match self.table(schema, &path) {
            Some((header, inner)) => {
                if meaning.is_empty() {
                    meaning = cell(text(inner, "description"));
                }
                (format!("[`{header}`](#{}){}", anchor(&header), at_least(schema)), String::new())
            }
            None => {
                (self.value(schema), self.examples.at(&path).map(|value| code(&value.to_string())).unwrap_or_default())
            }
        };
        for (word, word_meaning) in alternatives(self.meant(schema)) {
            if !word_meaning.is_empty() {
                let _ = write!(meaning, "<br>{}: {}", code(&word), cell(word_meaning));
            }
        }
        let _ = writeln!(out, "| `{key}` | {value} | {default} | {example} | {meaning} |");
    }

    /// What a value is: its kind or its unit, and its bounds where the kind does not say them.
    fn value(&self, schema: &Value) -> String {
        if let Some(items) = schema.get("items") {
            return format!("list of {}{}", self.value(items), at_least(schema));
        }
        let meant = self.meant(schema);
        let words: Vec<String> = alternatives(meant).map(|(word, _)| code(&word)).collect();
        match (words.split_last(), text(meant, "title")) {
            (Some((last, rest)), _) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            (Some((only, _)), _) => only.clone(),
            (None, kind) if meant != schema => format!("[{kind}](#values)"),
            (None, unit) => {
                let unit = if unit.is_empty() { in_words(text(meant, "type")) } else { unit };
                format!("{unit}{}", bounds(meant))
            }
        }
    }

    /// The kinds of values that several keys share.
    fn values(&self, out: &mut String) {
        out.push_str("\n## Values\n\n| kind | form |\n|-|-|\n");
        let mut kinds: Vec<&Value> = self.definitions.values().filter(|kind| kind.get("title").is_some()).collect();
        kinds.sort_by_key(|kind| text(kind, "title").to_lowercase());
        for kind in kinds {
            let _ = writeln!(out, "| {} | {} |", text(kind, "title"), cell(text(kind, "description")));
        }
    }
}

fn keys(table: &Value) -> impl Iterator<Item = (&String, &Value)> {
    table.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_required(table: &Value, key: &str) -> bool {
    table.get("required").and_then(Value::as_array).is_some_and(|keys| keys.iter().any(|required| required == key))
}

/// The values of an enumeration as TOML writes them, each with its meaning if it has one.
fn alternatives(schema: &Value) -> impl Iterator<Item = (String, &str)> {
    let list = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten();
    let plain = list("enum").map(|word| (word.to_string(), ""));
    let explained =
        list("oneOf").filter_map(|option| Some((option.get("const")?.to_string(), text(option, "description"))));
    plain.chain(explained)
}

fn at_least(list: &Value) -> &'static str {
    if list.get("minItems").is_some() { ", at least one" } else { "" }
}

fn bounds(schema: &Value) -> String {
    let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(crate::capacity::grouped);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(", {least} or more"),
        (None, Some(most)) => format!(", {most} at most"),
        (None, None) => String::new(),
    }
}

fn in_words(kind: &str) -> &str {
    match kind {
        "boolean" => "`true` or `false`",
        "integer" => "whole number",
        other => other,
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// As GitHub and others name a heading.
fn anchor(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).collect()
}
