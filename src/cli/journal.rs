//! `golive journal`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::note::{self, short, tell, who};
use super::{Exit, Ui};
use crate::plain::plain;
use crate::runbook::journal::{Journal, JournalError};

/// Verify a launch's journal, or take a colleague's in
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive journal verify shop.journal.jsonl
  golive journal merge shop.journal.jsonl /media/usb/shop.journal.jsonl --by Ada
  # Let git merge journals; what it laid behind one another is joined when the
  # journal is next written to:
  echo '*.journal.jsonl -text merge=union' >> .gitattributes
  echo '*.journal.jsonl.lock' >> .gitignore")]
pub struct JournalArgs {
    #[command(subcommand)]
    pub command: JournalCommand,
}

#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    Verify(VerifyArgs),
    Merge(MergeArgs),
}

/// Read every entry, and hold it against its hash and the entry before
///
/// Changes nothing. That entries were cut off the end does not show in the file: compare the head with one that was written
/// down elsewhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  golive journal verify shop.journal.jsonl

Exit: 0 all holds, 1 altered (the line is named), 2 no such file, 3 nothing
altered, but no entry in it or its last line was never wholly written.")]
pub struct VerifyArgs {
    /// The journal
    pub file: PathBuf,
}

/// Take another journal of the same launch in, without loss
///
/// Its entries that are missing are added behind, then one that joins both ends. Items of which both say different things are
/// shown, and asked again. To merge the same again adds nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  golive journal merge shop.journal.jsonl their-copy.journal.jsonl --by Ada

Exit: 0 joined, 1 joined, and some items are asked again, 2 nothing was changed.")]
pub struct MergeArgs {
    /// The journal that is added to
    pub file: PathBuf,
    /// The journal that is taken in; it is only read
    pub other: PathBuf,
    /// Who joins them [default: $USER]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
}

/// # Errors
///
/// A file that cannot be read or written, or for `merge` does not hold.
pub fn run(args: JournalArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    match args.command {
        JournalCommand::Verify(args) => verify(&args.file, ui),
        JournalCommand::Merge(args) => merge(args, ui),
    }
}

/// Says in a line whether a journal holds.
///
/// # Errors
///
/// A file that cannot be read.
pub(super) fn verify(file: &Path, ui: &mut Ui) -> anyhow::Result<Exit> {
    let journal = match Journal::read(file) {
        Ok(journal) => journal,
        Err(error @ JournalError::Line { .. }) => {
            ui.print(&format!("{}\n", plain(&error.to_string())))?;
            return Ok(Exit::NoGo);
        }
        Err(error) => return Err(error.into()),
    };
    let name = plain(&file.display().to_string());
    let entries = journal.entries();
    let (Some(first), Some(last), Some(head)) = (entries.first(), entries.last(), journal.head()) else {
        tell(&journal, ui);
        ui.print(&format!("{name}: no entry\n"))?;
        return Ok(Exit::Untested);
    };
    let count = note::entries(entries.len());
    ui.print(&format!("{name}: {count}, from {:.0} to {:.0}, head {head}\n", first.at, last.at))?;
    if journal.heads() > 1 {
        ui.print(&format!("{} branches: joined when it is next written to\n", journal.heads()))?;
    }
    if journal.recovered().is_some() {
        tell(&journal, ui);
        return Ok(Exit::Untested);
    }
    Ok(Exit::Go)
}

fn merge(args: MergeArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let by = who(args.by)?;
    let other = Journal::read(&args.other)?;
    // To open makes a journal that is not there; to merge into it would hide a slip in its name.
    let before = Journal::read(&args.file)?.entries().len();
    let mut journal = Journal::open(&args.file, &by)?;
    journal.merge(&by, &other)?;
    tell(&other, ui);
    tell(&journal, ui);
    let (added, head) = (journal.entries().len() - before, journal.head().unwrap_or_default());
    let name = plain(&args.file.display().to_string());
    ui.print(&format!(
        "{name}: {} added, {} now, head {}\n",
        note::entries(added),
        journal.entries().len(),
        short(head)
    ))?;
    Ok(if journal.conflicts().is_empty() { Exit::Go } else { Exit::NoGo })
}
