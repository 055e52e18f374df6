//! Cloudflare's rules language: conditions written with their text quoted (Cloudflare docs,
//! ruleset-engine/rules-language). Quoting for JSON or HCL comes on top, in the writers of those.

use ipnet::IpNet;

use crate::concerns::fragment::Expression;

/// The condition as text.
pub fn write(expression: &Expression) -> String {
    match expression {
        Expression::HostIs(host) => format!("http.host eq {}", quoted(host.as_str())),
        Expression::PathStartsWith(start) => format!("starts_with(http.request.uri.path, {})", quoted(start)),
        Expression::MethodIn(methods) => format!("http.request.method in {}", set(methods.iter().map(|m| quoted(m)))),
        Expression::CountryIn(countries) => {
            format!("ip.src.country in {}", set(countries.iter().map(|country| quoted(country.as_str()))))
        }
        Expression::SourceIn(ranges) => format!("ip.src in {}", set(ranges.iter().map(|range| address(*range)))),
        Expression::SourceInList(name) => format!("ip.src in ${name}"),
        Expression::UserAgentContains(part) => {
            format!("lower(http.user_agent) contains {}", quoted(&part.to_ascii_lowercase()))
        }
        Expression::KnownBot => "cf.client.bot".to_owned(),
        Expression::PlainHttp => "not ssl".to_owned(),
        // Nothing to hold is true; nothing that may hold is false.
        Expression::All(parts) if parts.is_empty() => "true".to_owned(),
        Expression::Any(parts) if parts.is_empty() => "false".to_owned(),
        Expression::All(parts) => joined(parts, " and "),
        Expression::Any(parts) => joined(parts, " or "),
        Expression::Not(inner) => match inner.as_ref() {
            Expression::PlainHttp => "ssl".to_owned(),
            Expression::PathStartsWith(_) | Expression::KnownBot => format!("not {}", write(inner)),
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

/// `{...}`, its members separated by blanks.
fn set(members: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
}

/// A single address stands without its length.
pub fn address(range: IpNet) -> String {
    if range.prefix_len() == range.max_prefix_len() { range.addr().to_string() } else { range.to_string() }
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
    fn sets_quote_texts_and_leave_addresses_bare() {
        let ranges = vec!["198.51.100.0/24".parse().expect("a range"), "2001:db8::7/128".parse().expect("an address")];
        let cases = [
            (Expression::MethodIn(vec!["POST".to_owned()]), r#"http.request.method in {"POST"}"#),
            (
                Expression::CountryIn(vec!["FR".parse().expect("a code"), "T1".parse().expect("Tor")]),
                r#"ip.src.country in {"FR" "T1"}"#,
            ),
            (Expression::SourceIn(ranges), "ip.src in {198.51.100.0/24 2001:db8::7}"),
            (Expression::SourceInList("shop_partners".to_owned()), "ip.src in $shop_partners"),
            (Expression::UserAgentContains("A\"b".to_owned()), r#"lower(http.user_agent) contains "a\"b""#),
            (Expression::Not(Box::new(Expression::KnownBot)), "not cf.client.bot"),
        ];
        for (expression, text) in cases {
            assert_eq!(write(&expression), text);
        }
    }

    #[test]
    fn a_plain_request_and_its_opposite() {
        assert_eq!(write(&Expression::PlainHttp), "not ssl");
        assert_eq!(write(&Expression::Not(Box::new(Expression::PlainHttp))), "ssl");
        assert_eq!(write(&Expression::All(vec![])), "true");
        assert_eq!(write(&Expression::Any(vec![])), "false");
    }
}
