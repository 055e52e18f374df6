//! Cloudflare's rules language: conditions written with their text quoted (Cloudflare docs,
//! ruleset-engine/rules-language). Quoting for JSON or HCL comes on top, in the writers of those.

use crate::concerns::fragment::Expression;

/// The condition as text.
pub fn write(expression: &Expression) -> String {
    match expression {
        Expression::HostIs(host) => format!("http.host eq {}", quoted(host.as_str())),
        Expression::PathStartsWith(start) => format!("starts_with(http.request.uri.path, {})", quoted(start)),
        Expression::PlainHttp => "not ssl".to_owned(),
        // Nothing to hold is true; nothing that may hold is false.
        Expression::All(parts) if parts.is_empty() => "true".to_owned(),
        Expression::Any(parts) if parts.is_empty() => "false".to_owned(),
        Expression::All(parts) => joined(parts, " and "),
        Expression::Any(parts) => joined(parts, " or "),
        Expression::Not(inner) => match inner.as_ref() {
            Expression::PlainHttp => "ssl".to_owned(),
            Expression::PathStartsWith(_) => format!("not {}", write(inner)),
            other => format!("not ({})", write(other)),
        },
    }
}

/// `and` binds tighter than `or`; parentheses spare the reader from knowing it.
fn joined(parts: &[Expression], operator: &str) -> String {
    if let [only] = parts {
        return write(only);
    }
    let part = |part: &Expression| match part {
        Expression::All(inner) | Expression::Any(inner) if inner.len() > 1 => format!("({})", write(part)),
        _ => write(part),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(operator)
}

/// A quoted string: `"` and `\` escaped, all else as it is.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(start: &str) -> Expression {
        Expression::PathStartsWith(start.to_owned())
    }

    #[test]
    fn groups_are_in_parentheses_only_where_they_need_it() {
        let host = Expression::HostIs("www.example.org".parse().expect("a name"));
        let one = Expression::All(vec![host.clone(), Expression::Any(vec![path("/a/")])]);
        assert_eq!(write(&one), r#"http.host eq "www.example.org" and starts_with(http.request.uri.path, "/a/")"#);
        let two = Expression::All(vec![
            host.clone(),
            Expression::Any(vec![path("/a/"), path("/b/")]),
            Expression::Not(Box::new(Expression::Any(vec![path("/a/c/")]))),
        ]);
        assert_eq!(
            write(&two),
            r#"http.host eq "www.example.org" and (starts_with(http.request.uri.path, "/a/") or "#.to_owned()
                + r#"starts_with(http.request.uri.path, "/b/")) and not (starts_with(http.request.uri.path, "/a/c/"))"#
        );
    }

    #[test]
    fn quotes_and_backslashes_stay_inside_their_string() {
        assert_eq!(
            write(&path(r#"/a" or "1" eq "1\"#)),
            r#"starts_with(http.request.uri.path, "/a\" or \"1\" eq \"1\\")"#
        );
    }

    #[test]
    fn a_plain_request_and_its_opposite() {
        assert_eq!(write(&Expression::PlainHttp), "not ssl");
        assert_eq!(write(&Expression::Not(Box::new(Expression::PlainHttp))), "ssl");
        assert_eq!(write(&Expression::All(vec![])), "true");
        assert_eq!(write(&Expression::Any(vec![])), "false");
    }
}
