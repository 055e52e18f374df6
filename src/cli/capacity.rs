//! `golive capacity`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::lint::TextOrJson;
use super::{Exit, Ui, read};
use crate::{capacity, report};

/// Visitors to requests, containers, connections and megabits: the sums, and whether the plan bears them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive capacity blueprints/jeveuxaider.toml
  golive capacity shop.toml --format json | jq '.groups[] | {app, container, needed, planned}'

Exit: 0 the plan suffices; 1 containers, a line or the database's connections fall short;
2 the blueprint or the call is wrong.")]
pub struct CapacityArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

/// # Errors
///
/// A file that cannot be read, a blueprint without `[audience]`, or a standard output that cannot be written.
pub fn run(args: &CapacityArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let Some(capacity) = capacity::of(&read.loaded.site) else {
        bail!("{} has no [audience]: add it, with the visitors expected and in how long", read.path);
    };
    ui.print(&match args.format {
        TextOrJson::Text => report::capacity::text(&capacity),
        TextOrJson::Json => report::offline_json(&read.path, &read.sha256, &capacity)?,
    })?;
    Ok(if capacity.is_enough() { Exit::Go } else { Exit::NoGo })
}
