//! `golive note`.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::{Exit, Ui};
use crate::plain::plain;
use crate::runbook::fact::Fact;
use crate::runbook::journal::Journal;

/// How the names of journals end.
pub const JOURNALS: &str = ".journal.jsonl";
/// Longest note from standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// Write a line into a launch's journal, at any time, also while the launch is on
///
/// It is on the disk when this returns, with name and time, behind all that was written before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive note \"20:14 the presenter says our name\"
  golive note --by Ada --journal shop.journal.jsonl \"queue at 3,000\"
  dig +short shop.example | golive note -

Exit: 0 written, 2 not written.")]
pub struct NoteArgs {
    /// What happened; `-` reads it from standard input
    pub text: String,
    /// The journal [default: the only *.journal.jsonl in this folder]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Who says it [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// # Errors
///
/// An empty text, a journal that is not there or does not hold, nobody's name, what cannot be written.
pub fn run(args: NoteArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let by = who(args.by)?;
    let path = match args.journal {
        Some(path) => path,
        None => the_only_journal(Path::new("."))?,
    };
    let text = if args.text == "-" { from_stdin()? } else { args.text };
    if text.trim().is_empty() {
        bail!("the note is empty: golive note \"TEXT\"");
    }
    let mut journal = Journal::open_to_note(&path)?;
    let head = journal.append(&by, Fact::Noted { text })?.hash.clone();
    tell(&journal, ui);
    ui.print(&format!(
        "{}: noted by {}, entry {} ({})\n",
        plain(&path.display().to_string()),
        plain(&by),
        journal.entries().len(),
        short(&head)
    ))?;
    Ok(Exit::Go)
}

/// Whose word is written down: the name given, or the one of the login.
///
/// # Errors
///
/// When neither is there.
pub fn who(by: Option<String>) -> anyhow::Result<String> {
    let by = by.or_else(|| std::env::var("USER").ok());
    match by.filter(|by| !by.trim().is_empty()) {
        Some(by) => Ok(by),
        None => bail!("who says it? --by NAME (there is no $USER)"),
    }
}

/// What was recovered and joined when a journal was opened, on standard error.
pub fn tell(journal: &Journal, ui: &mut Ui) {
    if let Some(recovered) = journal.recovered() {
        ui.say(&plain(recovered));
    }
    for conflict in journal.conflicts() {
        let (item, ours, theirs) = (plain(&conflict.item), plain(&conflict.ours), plain(&conflict.theirs));
        ui.say(&format!("conflict: {item} is asked again\n  one side:   {ours}\n  other side: {theirs}"));
    }
}

/// So many entries, in words.
pub fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// A hash as people compare it.
pub fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn from_stdin() -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes).context("cannot read standard input")?;
    if bytes.len() as u64 > LONGEST {
        bail!("standard input is longer than {LONGEST} bytes: a note is what a person reads");
    }
    let mut text = String::from_utf8(bytes).context("standard input is no text (UTF-8)")?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

/// The journal of this folder.
///
/// # Errors
///
/// When there is none, or more than one.
pub fn the_only_journal(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut found = Vec::new();
    for file in folder.read_dir().context("cannot read this folder")? {
        let name = file.context("cannot read this folder")?.file_name();
        if name.to_string_lossy().ends_with(JOURNALS) {
            found.push(PathBuf::from(name));
        }
    }
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("no *{JOURNALS} in this folder: name one with --journal FILE (`golive launch` begins one)"),
        several => {
            let names: Vec<String> = several.iter().map(|path| plain(&path.display().to_string())).collect();
            bail!("which journal? --journal FILE, one of: {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_must_be_the_only_one() {
        let folder = tempfile::tempdir().unwrap();
        let only = || the_only_journal(folder.path()).map_err(|error| error.to_string());
        assert!(only().unwrap_err().contains("--journal FILE"));
        std::fs::write(folder.path().join("b.journal.jsonl"), "").unwrap();
        std::fs::write(folder.path().join("b.journal.jsonl.lock"), "").unwrap();
        assert_eq!(only().unwrap(), Path::new("b.journal.jsonl"));
        std::fs::write(folder.path().join("a.journal.jsonl"), "").unwrap();
        assert!(only().unwrap_err().ends_with("one of: a.journal.jsonl, b.journal.jsonl"));
    }

    #[test]
    fn nobody_says_nothing() {
        assert_eq!(who(Some("Ada".into())).unwrap(), "Ada");
        assert!(who(Some(" ".into())).unwrap_err().to_string().contains("--by NAME"));
    }
}
