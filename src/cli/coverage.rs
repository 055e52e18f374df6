//! `golive coverage`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::lint::TextOrJson;
use super::{Exit, Ui, read};
use crate::{ops, report};

/// Each promise of the blueprint: its files, checks, procedure and drills; and the holes
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive coverage blueprints/jeveuxaider.toml
  golive coverage shop.toml --format json | jq '.holes'

Exit: 0 no hole; 1 a check that no drill turns red, or a promise without file or procedure;
2 the blueprint or the call is wrong.")]
pub struct CoverageArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

/// # Errors
///
/// A file that cannot be read, fragments that clash, or a standard output that cannot be written.
pub fn run(args: &CoverageArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let coverage = match ops::coverage::coverage(&read.loaded) {
        Ok(coverage) => coverage,
        Err(clashes) => bail!("{}", clashes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    ui.print(&match args.format {
        TextOrJson::Text => report::coverage::text(&coverage, &read.loaded.blueprint.left_out()),
        TextOrJson::Json => report::offline_json(&read.path, &read.sha256, &coverage)?,
    })?;
    Ok(if coverage.holes.is_empty() { Exit::Go } else { Exit::NoGo })
}
