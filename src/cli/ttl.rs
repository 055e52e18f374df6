//! `golive ttl`.

use std::path::PathBuf;

use clap::Args;

use super::lint::TextOrJson;
use super::{Exit, Ui, read};
use crate::blueprint::value::UrlPath;
use crate::{ops, report};

/// How long answers live, layer by layer, and which directive wins
///
/// For each class of routes: what app, proxy, CDN and browser do with an answer, and the oldest page that a visitor can
/// see. For each launched name: how long an old DNS answer lives. Read from what is generated; asks no network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive ttl blueprints/jeveuxaider.toml
  golive ttl blueprints/jeveuxaider.toml /assets/logo.png
  golive ttl shop.toml --format json | jq '.routes[] | {class, oldest}'

Exit: 0, or 2 when the blueprint or the call is wrong.")]
pub struct TtlArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// One path of the site, percent-encoded, without query; all classes when left out
    pub path: Option<UrlPath>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

/// # Errors
///
/// A file that cannot be read, fragments that clash, or a standard output that cannot be written.
pub fn run(args: &TtlArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let lifetimes = ops::ttl::ttl(&read.loaded, args.path.as_ref())?;
    ui.print(&match args.format {
        TextOrJson::Text => report::ttl::text(&lifetimes),
        TextOrJson::Json => report::offline_json(&read.path, &read.sha256, &lifetimes)?,
    })?;
    Ok(Exit::Go)
}
