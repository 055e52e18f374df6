//! `golive explain`.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;

use super::{Exit, Ui};
use crate::concerns::rules::{self, CHECKS, CheckPage, Rule};
use crate::plain::plain;

/// Widest line of a page, in characters.
const WIDTH: usize = 96;

/// What a rule or a check is about: why, what to do, who says so
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive explain cdn.apex-needs-zone
  golive explain                       every id, one a line

Exit: 0, or 2 when there is no such id.")]
pub struct ExplainArgs {
    /// A rule, as `golive lint` prints it, or a check; all ids when left out
    pub id: Option<String>,
}

/// # Errors
///
/// When there is no such id, or standard output cannot be written.
pub fn run(args: &ExplainArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let page = match &args.id {
        None => list(),
        Some(id) => {
            let check = || CHECKS.iter().find(|page| page.id == id).map(check_page);
            match Rule::named(id).map(rule_page).or_else(check) {
                Some(page) => page,
                None => bail!("{}", unknown(id)),
            }
        }
    };
    ui.print(&page)?;
    Ok(Exit::Go)
}

fn ids() -> impl Iterator<Item = (&'static str, &'static str)> {
    rules::ALL.iter().map(|rule| (rule.id, rule.title)).chain(CHECKS.iter().map(|page| (page.id, page.title)))
}

fn unknown(id: &str) -> String {
    let advice = match crate::keys::nearest(id, ids().map(|(known, _)| known)) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "`golive explain` alone lists all".to_owned(),
    };
    format!("no rule or check is called `{}`: {advice}", plain(id))
}

fn list() -> String {
    let widest = ids().map(|(id, _)| id.len()).max().unwrap_or_default();
    let mut page = String::new();
    let mut part = |name: &str, rows: &mut dyn Iterator<Item = (&'static str, &'static str)>| {
        page.push_str(name);
        page.push('\n');
        for (id, title) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(page, "  {id:<widest$}  {title}");
        }
    };
    part("Rules of golive lint:", &mut rules::ALL.iter().map(|rule| (rule.id, rule.title)));
    part("Checks of golive verify:", &mut CHECKS.iter().map(|page| (page.id, page.title)));
    page
}

fn rule_page(rule: &'static Rule) -> String {
    let mut page = format!("{}: {}\n\n{}\n", rule.id, rule.title, wrapped(rule.why, 0));
    let reads = rule.reads().join(", ");
    for (name, text) in [("Remedy", rule.remedy), ("Source", rule.source), ("Reads", reads.as_str())] {
        push_row(&mut page, name, text);
    }
    page
}

fn check_page(check: &CheckPage) -> String {
    let mut page = format!("{}: {}\n", check.id, check.title);
    let rows = [
        ("Asks", check.asks),
        ("Passes", check.passes),
        ("Fails", check.fails),
        ("Remedy", check.remedy),
        ("Source", check.source),
    ];
    for (name, text) in rows {
        push_row(&mut page, name, text);
    }
    page
}

fn push_row(page: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        let _ = write!(page, "\n{name:<8}{}\n", wrapped(text, 8));
    }
}

/// Lines of at most [`WIDTH`] characters, those after the first indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > indent {
            if column + 1 + width > WIDTH {
                lines.push('\n');
                lines.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else {
                lines.push(' ');
                column += 1;
            }
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fit_the_width() {
        let pages = rules::ALL.iter().map(|rule| rule_page(rule)).chain(CHECKS.iter().map(check_page));
        for page in pages {
            let heading = page.lines().next().unwrap_or_default().to_owned();
            for line in page.lines().skip(1) {
                assert!(line.chars().count() <= WIDTH, "{heading}: {line}");
            }
        }
    }

    #[test]
    fn a_slip_in_an_id_is_recognised() {
        assert!(unknown("cdn.apex-need-zone").contains("did you mean `cdn.apex-needs-zone`?"));
        assert!(unknown("zzz").contains("lists all"));
    }
}
