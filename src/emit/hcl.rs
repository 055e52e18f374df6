//! HCL as `terraform fmt` leaves it. By hand: of the two crates that write HCL one loses `${` and neither is
//! formatted.
//!
//! The rules: two spaces; a run of consecutive attributes is padded to its longest key; an attribute that opens
//! a bracket over several lines ends the run and is itself unpadded; objects over several lines always; a list
//! of plain values on one line, any other with one item a line and trailing commas.

use serde_json::Value;

/// The right-hand side of an attribute.
#[derive(Debug, Clone)]
pub enum Right {
    /// An expression of Terraform's language, as it is: never from a blueprint.
    Reference(String),
    Data(Value),
    /// An object, some of whose values are expressions.
    Map(Vec<(String, Right)>),
}

/// One block of the file, with a remark above it.
#[derive(Debug, Clone)]
pub struct Block {
    pub remark: Option<String>,
    pub kind: &'static str,
    pub labels: Vec<String>,
    pub attributes: Vec<(String, Right)>,
    pub blocks: Vec<Block>,
}

/// An attribute whose value is data: quoted, escaped.
pub fn data(key: &str, value: Value) -> (String, Right) {
    (key.to_owned(), Right::Data(value))
}

/// An attribute whose value is an expression, written as it is: never of a blueprint.
pub fn reference(key: &str, expression: impl Into<String>) -> (String, Right) {
    (key.to_owned(), Right::Reference(expression.into()))
}

/// A block without remark and without blocks of its own.
pub fn block(kind: &'static str, labels: Vec<String>, attributes: Vec<(String, Right)>) -> Block {
    Block { remark: None, kind, labels, attributes, blocks: vec![] }
}

/// A resource of a provider, by its type and our name for it.
pub fn resource(kind: &str, name: impl Into<String>, attributes: Vec<(String, Right)>) -> Block {
    block("resource", vec![kind.to_owned(), name.into()], attributes)
}

/// The blocks, a blank line between two.
pub fn write(blocks: &[Block]) -> String {
    let mut out = String::new();
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        write_block(&mut out, block, 0);
    }
    out
}

fn write_block(out: &mut String, block: &Block, depth: usize) {
    let pad = "  ".repeat(depth);
    if let Some(remark) = &block.remark {
        out.push_str(&format!("{pad}# {}\n", one_line(remark)));
    }
    out.push_str(&format!("{pad}{}", block.kind));
    for label in &block.labels {
        out.push_str(&format!(" {}", quoted(label)));
    }
    out.push_str(" {\n");
    let attributes: Vec<(String, String)> =
        block.attributes.iter().map(|(key, right)| (key.clone(), write_right(right, depth + 1))).collect();
    write_attributes(out, &attributes, depth + 1);
    for inner in &block.blocks {
        write_block(out, inner, depth + 1);
    }
    out.push_str(&format!("{pad}}}\n"));
}

fn write_right(right: &Right, depth: usize) -> String {
    match right {
        Right::Reference(expression) => expression.clone(),
        Right::Data(value) => write_value(value, depth),
        Right::Map(members) if members.is_empty() => "{}".to_owned(),
        Right::Map(members) => {
            let attributes: Vec<(String, String)> =
                members.iter().map(|(key, right)| (object_key(key), write_right(right, depth + 1))).collect();
            let mut out = "{\n".to_owned();
            write_attributes(&mut out, &attributes, depth + 1);
            out + &"  ".repeat(depth) + "}"
        }
    }
}

fn write_attributes(out: &mut String, attributes: &[(String, String)], depth: usize) {
    let pad = "  ".repeat(depth);
    let several_lines = |(_, text): &(String, String)| text.contains('\n');
    let mut rest = attributes;
    while let Some(first) = rest.first() {
        if several_lines(first) {
            out.push_str(&format!("{pad}{} = {}\n", first.0, first.1));
            rest = &rest[1..];
            continue;
        }
        let run = rest.iter().position(several_lines).unwrap_or(rest.len());
        let (now, later) = rest.split_at(run);
        let width = now.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        for (key, text) in now {
            out.push_str(&format!("{pad}{key:width$} = {text}\n"));
        }
        rest = later;
    }
}

fn write_value(value: &Value, depth: usize) -> String {
    let pad = "  ".repeat(depth);
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            let items: Vec<String> = items.iter().map(|item| write_value(item, depth)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Array(items) => {
            let mut out = "[\n".to_owned();
            for item in items {
                out.push_str(&format!("{pad}  {},\n", write_value(item, depth + 1)));
            }
            out + &pad + "]"
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let attributes: Vec<(String, String)> =
                map.iter().map(|(key, value)| (object_key(key), write_value(value, depth + 1))).collect();
            let mut out = "{\n".to_owned();
            write_attributes(&mut out, &attributes, depth + 1);
            out + &pad + "}"
        }
    }
}

fn object_key(key: &str) -> String {
    let plain = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain { key.to_owned() } else { quoted(key) }
}

/// A quoted string. Every `$` and `%` right before `{` is doubled: an existing `$${` becomes `$$${`, else it
/// would come back as `${`.
pub fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if characters.peek() == Some(&'{') => out.extend([c, c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// For comments, which end with their line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn block(attributes: Vec<(String, Right)>) -> Block {
        Block { remark: None, kind: "resource", labels: vec!["a".into(), "b".into()], attributes, blocks: vec![] }
    }

    #[test]
    fn runs_are_padded_and_brackets_end_them() {
        let text = write(&[Block {
            remark: Some("why\nnot".into()),
            ..block(vec![
                ("id".into(), Right::Reference("var.id".into())),
                ("longer".into(), Right::Data(json!(1))),
                ("rules".into(), Right::Data(json!([{ "x": { "y": true }, "abc": "z", "e": {}, "l": [1, "2"] }]))),
                ("z".into(), Right::Data(json!("end"))),
            ])
        }]);
        let want = r#"# why not
resource "a" "b" {
  id     = var.id
  longer = 1
  rules = [
    {
      x = {
        y = true
      }
      abc = "z"
      e   = {}
      l   = [1, "2"]
    },
  ]
  z = "end"
}
"#;
        assert_eq!(text, want);
    }

    proptest! {
            #[test]
            fn any_text_comes_back_from_a_parser(text in "(\\$|%|\\{|\\}|\"|\\\\|[a-z]|<|\n|\t|é|\u{7f}|\u{1}){0,24}") {
                let written = write(&[block(vec![("x".into(), Right::Data(json!(text)))])]);
                let body: hcl_edit::structure::Body = written.parse().expect("HCL");
                let found = body.get_blocks("resource").next().and_then(|b| b.body.get_attribute("x")).map(|a| a.value.clone());
    let read = found.as_ref().and_then(literal);
                prop_assert_eq!(read, Some(text));
            }
        }

    /// What a string expression means: hcl-edit reads escapes, and leaves a template of literals where `${` was
    /// escaped.
    fn literal(value: &hcl_edit::expr::Expression) -> Option<String> {
        use hcl_edit::expr::Expression;
        use hcl_edit::template::Element;
        match value {
            Expression::String(text) => Some(text.to_string()),
            Expression::StringTemplate(template) => template
                .iter()
                .map(|element| match element {
                    Element::Literal(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }
}
