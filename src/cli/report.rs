//! `golive report`.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{Exit, Ui, journal};
use crate::plain::plain;
use crate::report::journal as report;
use crate::runbook::journal::{Journal, JournalError};

/// Tell a launch from its journal: what was decided, by whom, on what evidence
///
/// From the journal alone, which is verified first: nothing is told of one that was altered. In the language of the
/// launch's documents; what checks saw stays in English.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # For everybody: one page that needs nothing else, on a phone or printed
  golive report shop-launch.journal.jsonl --format html > report.html
  golive report shop-launch.journal.jsonl --format json | jq .verdict
  # Only whether it holds, as golive journal verify says it
  golive report shop-launch.journal.jsonl --verify

Exit: 0 told, 1 the journal was altered (the line is named), 2 no such file or no
launch in it, 3 told, but the journal's last line was never wholly written.")]
pub struct ReportArgs {
    /// The journal
    pub journal: PathBuf,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Only say whether the journal holds
    #[arg(long, conflicts_with = "format")]
    pub verify: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal
    #[default]
    Text,
    /// For a wiki or a ticket
    Markdown,
    /// One page without scripts, for phones and paper
    Html,
    /// For programs; stable (schema/report.schema.json)
    Json,
}

/// # Errors
///
/// A file that cannot be read, a journal in which nobody opened a launch, standard output that cannot be written.
pub fn run(args: &ReportArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    if args.verify {
        return journal::verify(&args.journal, ui);
    }
    let journal = match Journal::read(&args.journal) {
        Ok(journal) => journal,
        Err(error @ JournalError::Line { .. }) => {
            ui.say(&plain(&error.to_string()));
            return Ok(Exit::NoGo);
        }
        Err(error) => return Err(error.into()),
    };
    let path = args.journal.display().to_string();
    let Some(account) = report::account(&path, &journal, Timestamp::now()) else {
        bail!("{}: nobody has opened a launch in this journal", plain(&path));
    };
    ui.print(&match args.format {
        Format::Text => report::text(&account),
        Format::Markdown => report::markdown(&account),
        Format::Html => report::html(&account),
        Format::Json => report::json(&account)?,
    })?;
    Ok(if account.journal.torn.is_some() { Exit::Untested } else { Exit::Go })
}
