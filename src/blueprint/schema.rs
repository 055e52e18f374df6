//! The JSON Schema of a blueprint, from the types that read it, so that editors and readers are told what golive
//! takes and nothing else.
//!
//! A schema knows the form of each value and no more: what depends on another key is for [`crate::ops::lint`]. It
//! refuses nothing that lint accepts.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Blueprint;
use super::load::STAND_IN;

/// As the types give it: tables and kinds of values stand in `$defs`, keys refer to them.
pub fn defined() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Blueprint>().to_value();
    tidy(&mut schema);
    schema
}

/// For editors: each key with its own meaning, the form of its value and an example. No `$ref` is left, since
/// taplo, and whatever else keeps to draft 7, shows nothing of what stands beside one.
pub fn for_editors() -> Value {
    let mut schema = defined();
    let definitions = match schema.as_object_mut().and_then(|root| root.remove("$defs")) {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let mut schema = resolved(&schema, &definitions);
    add_examples(&mut schema, &Examples::default(), &[]);
    if let Some(root) = schema.as_object_mut() {
        // What the file is comes first in it.
        let rank = |key: &String| match key.as_str() {
            "$schema" => 0,
            "title" => 1,
            "description" => 2,
            _ => 3,
        };
        let mut entries: Vec<(String, Value)> = std::mem::take(root).into_iter().collect();
        entries.sort_by_key(|(key, _)| rank(key));
        root.extend(entries);
    }
    schema
}

/// TOML has no null: a key without value is left out. Nor has JSON Schema the formats of Rust's numbers, and where
/// values are listed their bounds say nothing.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            if let Some(Value::Array(either)) = map.get_mut("anyOf") {
                either.retain(|option| option.get("type").is_none_or(|kind| kind != "null"));
                if let [Value::Object(only)] = either.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            if let Some(Value::Array(kinds)) = map.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            let listed = map.get("enum").is_some_and(Value::is_array);
            map.retain(|key, value| match key.as_str() {
                "default" => !value.is_null(),
                "format" => !value.is_string(),
                "minimum" | "maximum" => !(listed && value.is_number()),
                _ => true,
            });
            if let Some(Value::String(text)) = map.get_mut("description") {
                // Lines of the source are not lines of the text.
                *text = text.replace('\n', " ");
            }
            map.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

/// The definition that a schema refers to.
pub fn definition<'a>(schema: &Value, definitions: &'a Map<String, Value>) -> Option<&'a Value> {
    definitions.get(schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?)
}

fn resolved(schema: &Value, definitions: &Map<String, Value>) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| resolved(item, definitions)).collect(),
        Value::Object(map) => {
            let base = definition(schema, definitions).map(|definition| resolved(definition, definitions));
            let mut out = match base {
                Some(Value::Object(base)) => base,
                _ => Map::new(),
            };
            for (key, value) in map.iter().filter(|(key, _)| *key != "$ref") {
                let form = out.get(key).and_then(Value::as_str);
                let value = match (key.as_str(), value.as_str(), form) {
                    // What the key means, then how its value is written.
                    ("description", Some(meaning), Some(form)) => format!("{meaning}\n\n{form}").into(),
                    _ => resolved(value, definitions),
                };
                out.insert(key.clone(), value);
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

/// A value of every key: those which lint's remedies show.
#[derive(Debug)]
pub struct Examples(toml::Table);

impl Default for Examples {
    fn default() -> Self {
        Self(STAND_IN.parse().unwrap_or_default())
    }
}

impl Examples {
    /// The value at a path of keys; in a list of tables, of the first.
    pub fn at(&self, path: &[&str]) -> Option<&toml::Value> {
        let (last, tables) = path.split_last()?;
        let mut table = &self.0;
        for key in tables {
            table = match table.get(*key)? {
                toml::Value::Table(table) => table,
                toml::Value::Array(items) => items.first()?.as_table()?,
                _ => return None,
            };
        }
        table.get(*last)
    }
}

fn add_examples(schema: &mut Value, examples: &Examples, path: &[&str]) {
    let inner = if schema.get("items").is_some() { schema.get_mut("items") } else { Some(&mut *schema) };
    if let Some(Value::Object(keys)) = inner.and_then(|table| table.get_mut("properties")) {
        for (key, value) in keys {
            add_examples(value, examples, &[path, &[key]].concat());
        }
    } else if let (Some(example), Value::Object(schema)) = (examples.at(path), schema) {
        schema.insert("examples".to_owned(), Value::Array(vec![as_json(example)]));
    }
}

/// A date-time becomes its text: JSON has none.
pub fn as_json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(yes) => (*yes).into(),
        toml::Value::Datetime(datetime) => datetime.to_string().into(),
        toml::Value::Array(items) => items.iter().map(as_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
    }
}
