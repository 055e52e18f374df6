//! The substitutions that the Scalingo nginx buildpack makes in a generated `servers.conf.erb` when a
//! container starts. Any other embedded Ruby is refused: the rehearsal could not tell what it does.

/// What stands for the address of the container's resolver among the variables.
pub const RESOLVER: &str = "File.read('/etc/resolv.conf')[/^nameserver\\s+([0-9.]+)/, 1]";

/// # Errors
///
/// Names the tag that is neither `<%= ENV['PORT'] %>`, nor another variable given here, nor [`RESOLVER`].
pub fn render(text: &str, variables: &[(&str, &str)]) -> Result<String, String> {
    let mut rendered = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once("<%") {
        let Some((code, after)) = tag.split_once("%>") else {
            return Err("`<%` is not closed".to_owned());
        };
        let expression = code.trim_start_matches('=').trim();
        let variable = expression.strip_prefix("ENV['").and_then(|name| name.strip_suffix("']"));
        let name = if expression == RESOLVER { Some(RESOLVER) } else { variable };
        let value = variables.iter().find(|(known, _)| code.starts_with('=') && name == Some(*known));
        let Some((_, value)) = value else {
            return Err(format!("the rehearsal does not render `<%{}%>`", code.escape_debug()));
        };
        rendered.push_str(before);
        rendered.push_str(value);
        rest = after;
    }
    rendered.push_str(rest);
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::{RESOLVER, render};

    #[test]
    fn only_known_variables_are_rendered() {
        let variables = [("PORT", "8080"), ("APP_UPSTREAM", "127.0.0.1:9000"), (RESOLVER, "127.0.0.53")];
        let cases = [
            ("listen <%= ENV['PORT'] %>;", Ok("listen 8080;")),
            ("a <%=ENV['PORT']%> b <%= ENV['APP_UPSTREAM'] %> c", Ok("a 8080 b 127.0.0.1:9000 c")),
            (
                "resolver <%= File.read('/etc/resolv.conf')[/^nameserver\\s+([0-9.]+)/, 1] %>;",
                Ok("resolver 127.0.0.53;"),
            ),
            ("<%= File.read('/etc/passwd') %>", Err("does not render")),
            ("plain", Ok("plain")),
            ("<%= ENV['HOME'] %>", Err("does not render")),
            ("<% ENV['PORT'] %>", Err("does not render")),
            ("<%= `id` %>", Err("does not render")),
            ("<%= ENV['PORT'] ", Err("not closed")),
        ];
        for (text, expected) in cases {
            match (render(text, &variables), expected) {
                (Ok(rendered), Ok(expected)) => assert_eq!(rendered, expected),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
                (result, _) => panic!("{text}: {result:?}"),
            }
        }
    }
}
