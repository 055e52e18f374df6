//! `golive trace`.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::lint::TextOrJson;
use super::{Exit, Ui, read};
use crate::ops::trace::{METHODS, Request};
use crate::{ops, report};

/// What one request meets, in order, with the rule that decides
///
/// DNS, TLS, redirect rules, filters, limits, the waiting room, cache rules and the cache key at the edge; then the proxy,
/// its class and its marking, or the machine that redirects. Read from what is generated, with the evaluator that a rehearsal runs; asks no network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive trace blueprints/jeveuxaider.toml GET https://jeveuxaider.gouv.fr/missions?from=tv
  golive trace blueprints/jeveuxaider.toml GET https://covid19.reserve-civique.gouv.fr/missions
  golive trace shop.toml GET https://www.shop.example/basket -H 'Authorization: Bearer x'

Exit: 0, or 2 when the blueprint or the call is wrong, or no record leads the host anywhere.")]
pub struct TraceArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    #[arg(value_parser = PossibleValuesParser::new(METHODS))]
    pub method: String,
    /// The whole URL, as it would be sent
    pub url: String,
    /// A header of the request; may be repeated. CF-IPCountry and CF-Connecting-IP say who asks, as Cloudflare says it
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: TextOrJson,
}

/// # Errors
///
/// A file that cannot be read, what is no request or goes to a foreign host, fragments that clash, or a standard output
/// that cannot be written.
pub fn run(args: &TraceArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let request = Request::parse(&args.method, &args.url, &args.headers).map_err(|why| anyhow!(why))?;
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let trace = ops::trace::trace(&read.loaded, &request)?;
    ui.print(&match args.format {
        TextOrJson::Text => report::trace::text(&trace),
        TextOrJson::Json => report::offline_json(&read.path, &read.sha256, &trace)?,
    })?;
    Ok(Exit::Go)
}
