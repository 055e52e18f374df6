//! `golive lint`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Exit, Ui};
use crate::blueprint::load::Source;
use crate::blueprint::{Level, Loaded};
use crate::emit::Artifact;
use crate::ops;
use crate::report;

/// Remarks on a blueprint, without asking the network
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive lint blueprints/jeveuxaider.toml
  golive lint shop.toml --format json | jq '.findings[].rule'

Exit: 0 no error (warnings allowed), 2 an error, or no such file.
What a rule means: golive explain RULE")]
pub struct LintArgs {
    /// The blueprint, a TOML file
    pub blueprint: PathBuf,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people, with the line and a caret
    #[default]
    Text,
    /// For programs; stable
    Json,
}

/// # Errors
///
/// When the file cannot be read, or standard output cannot be written.
pub fn run(args: &LintArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let lint = ops::lint::lint(&args.blueprint)?;
    ui.print(&match args.format {
        TextOrJson::Text => report::findings::text(&lint),
        TextOrJson::Json => report::findings::json(&lint),
    })?;
    Ok(if lint.count(Level::Error) == 0 { Exit::Go } else { Exit::Wrong })
}

/// A blueprint without errors, and what a report says of it.
#[derive(Debug)]
pub struct Read {
    pub loaded: Loaded,
    /// As [`ops::lint::Lint::artifacts`].
    pub artifacts: Vec<Artifact>,
    /// As the person named it.
    pub path: String,
    /// Of the file's bytes, in lower-case hexadecimal.
    pub sha256: String,
}

/// The blueprint for any other command. Its findings are told on standard error; with an error among them there is
/// no blueprint, and the command ends with [`Exit::Wrong`].
///
/// # Errors
///
/// When the file cannot be read.
pub fn read(blueprint: &Path, ui: &mut Ui) -> anyhow::Result<Option<Read>> {
    let lint = ops::lint::lint(blueprint)?;
    if !lint.remarks.is_empty() {
        ui.say(report::findings::text(&lint).trim_end());
    }
    let Source { path, sha256, .. } = lint.source;
    let artifacts = lint.artifacts;
    Ok(lint.loaded.zip(sha256).map(|(loaded, sha256)| Read { loaded, artifacts, path, sha256 }))
}
