//! The templates, one engine a syntax, each with its own escaper.
//!
//! Escaping is on for every template: a value is text of its syntax wherever it lands.

use std::io::{self, Write};
use std::sync::LazyLock;

use serde::Serialize;
use tera::{Context, Tera};

use crate::language::Language;

/// What a template writes, which says how its values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Values stand inside `"..."`. `$` has no escape there: no value that may hold one is given to a directive
    /// which interpolates.
    Nginx,
    Markdown,
    /// Values are text of elements, or stand inside `"..."`.
    Html,
}

static NGINX: LazyLock<Tera> = LazyLock::new(|| {
    let templates = [
        ("limits.nginx", include_str!("templates/limits.nginx")),
        ("proxy.nginx", include_str!("templates/proxy.nginx")),
        ("redirect.nginx", include_str!("templates/redirect.nginx")),
    ];
    engine(".nginx", escape_nginx, templates)
});

/// Each document in every language, side by side.
macro_rules! in_each_language {
    ($($name:literal),+ $(,)?) => {
        [$(
            (concat!($name, ".en.md"), include_str!(concat!("templates/", $name, ".en.md"))),
            (concat!($name, ".fr.md"), include_str!(concat!("templates/", $name, ".fr.md"))),
        )+]
    };
}

const DOCUMENTS: [(&str, &str); 24] = in_each_language![
    "capacity",
    "checklist",
    "deadlines",
    "mail_provider",
    "partner",
    "people",
    "platform",
    "procedures",
    "ptr",
    "readme",
    "request",
    "vendor",
];

static MARKDOWN: LazyLock<Tera> = LazyLock::new(|| {
    // The words of these are values.
    let others = [
        ("crisis_card.md", include_str!("templates/crisis_card.md")),
        ("report.md", include_str!("templates/report.md")),
        ("verify.md", include_str!("templates/verify.md")),
    ];
    engine(".md", escape_markdown, DOCUMENTS.into_iter().chain(others))
});

static HTML: LazyLock<Tera> = LazyLock::new(|| {
    let templates = [
        ("crisis_card.html", include_str!("templates/crisis_card.html")),
        ("report.html", include_str!("templates/report.html")),
        ("verify.html", include_str!("templates/verify.html")),
    ];
    engine(".html", tera::escape_html, templates)
});

fn engine(
    suffix: &'static str,
    escaper: tera::EscapeFn,
    templates: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> Tera {
    let mut engine = Tera::new();
    engine.set_escape_fn(escaper);
    engine.autoescape_on([suffix]);
    // The templates are this crate's own: any test that renders parses them all.
    engine.add_raw_templates(templates).unwrap_or_else(|error| unreachable!("{suffix}: {error}"));
    engine
}

/// Renders one of the templates of this crate.
pub fn render<T: Serialize>(syntax: Syntax, name: &str, values: &T) -> String {
    let engine = match syntax {
        Syntax::Nginx => &*NGINX,
        Syntax::Markdown => &*MARKDOWN,
        Syntax::Html => &*HTML,
    };
    let rendered = Context::from_serialize(values).and_then(|context| engine.render(name, &context));
    // So are the values' types: a member that a template lacks fails for every blueprint.
    rendered.unwrap_or_else(|error| unreachable!("{name}: {error}"))
}

/// Renders a document for people in one of the languages.
pub fn document<T: Serialize>(language: Language, name: &str, values: &T) -> String {
    render(Syntax::Markdown, &format!("{name}.{}.md", language.code()), values)
}

/// A row of a Markdown table, on a line of its own before which the last one ends.
pub fn markdown_row(rows: &mut String, cells: &[&str]) {
    let mut row = b"\n|".to_vec();
    for cell in cells {
        row.push(b' ');
        // A vector takes all that is written to it, and the escaper writes whole characters.
        let _ = escape_markdown(cell, &mut row);
        row.extend_from_slice(b" |");
    }
    rows.push_str(&String::from_utf8_lossy(&row));
}

/// The entries of nginx's map, a literal name and a value each, on lines of their own.
pub fn nginx_map<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut lines = Vec::new();
    for (name, value) in entries {
        lines.extend_from_slice(b"\n    \"");
        // As above.
        let _ = escape_nginx(name, &mut lines);
        lines.extend_from_slice(b"\" \"");
        let _ = escape_nginx(value, &mut lines);
        lines.extend_from_slice(b"\";");
    }
    String::from_utf8_lossy(&lines).into_owned()
}

/// For the inside of `"..."`; regular expressions too (nginx takes one backslash of two away).
fn escape_nginx(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '"']) {
        let (plain, marked) = rest.split_at(at);
        out.write_all(plain.as_bytes())?;
        out.write_all(b"\\")?;
        out.write_all(&marked.as_bytes()[..1])?;
        rest = &marked[1..];
    }
    out.write_all(rest.as_bytes())
}

/// For running text and table cells: neither Markdown nor the HTML in it nor a mail reader sees a mark.
fn escape_markdown(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = text;
    // What needs no escape goes out in one piece: tables have thousands of cells.
    let is_mark = |c| {
        matches!(c, '<' | '>' | '&' | '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$') || char::is_control(c)
    };
    while let Some(at) = rest.find(is_mark) {
        let (plain, marked) = rest.split_at(at);
        out.write_all(plain.as_bytes())?;
        let mut marked = marked.chars();
        match marked.next() {
            Some('<') => out.write_all(b"&lt;")?,
            Some('>') => out.write_all(b"&gt;")?,
            Some('&') => out.write_all(b"&amp;")?,
            Some(c) if c.is_control() => out.write_all(b" ")?,
            Some(c) => write!(out, "\\{c}")?,
            None => {}
        }
        rest = marked.as_str();
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn escaped(escaper: tera::EscapeFn, text: &str) -> String {
        let mut out = Vec::new();
        escaper(text, &mut out).expect("a vector takes it");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn nginx_values_stay_inside_their_quotes() {
        assert_eq!(escaped(escape_nginx, r#"a"; } b\"#), r#"a\"; } b\\"#);
    }

    /// What a template asks of its values, in any order: a translation may turn a sentence round.
    fn tags(template: &str) -> BTreeSet<&str> {
        let mut tags = BTreeSet::new();
        for (open, close) in [("{{", "}}"), ("{%", "%}")] {
            for part in template.split(open).skip(1) {
                let (tag, _) = part.split_once(close).expect("a tag that ends");
                tags.insert(tag.trim_matches(['-', ' ']));
            }
        }
        tags
    }

    #[test]
    fn translations_say_the_same_values() {
        for pair in DOCUMENTS.chunks(2) {
            let [(english, en), (_, fr)] = pair else { panic!("a document without its translation") };
            assert!(tags(en).len() > 1, "{english}");
            assert_eq!(tags(en), tags(fr), "{english} and its translation");
        }
    }

    #[test]
    fn markdown_values_have_no_marks() {
        assert_eq!(
            escaped(escape_markdown, "a|b `c` <script> [x](y) *z*\n--> ]]>"),
            r"a\|b \`c\` &lt;script&gt; \[x\](y) \*z\* --&gt; \]\]&gt;"
        );
    }
}
