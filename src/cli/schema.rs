//! `golive schema`.

use clap::{Args, ValueEnum};

use super::{Exit, Ui};
use crate::blueprint::schema::{self, Examples};
use crate::report;

/// What a blueprint may hold: every key, for editors or for people
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive schema > blueprint.schema.json
  golive schema --format markdown > blueprint.md

Editors complete and check a blueprint whose first line names the file:
  #:schema blueprint.schema.json")]
pub struct SchemaArgs {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: SchemaFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// JSON Schema, draft 2020-12
    #[default]
    Json,
    /// A page with a table for each table
    Markdown,
}

/// # Errors
///
/// When standard output cannot be written.
pub fn run(args: &SchemaArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    ui.print(&match args.format {
        SchemaFormat::Json => format!("{:#}\n", schema::for_editors()),
        SchemaFormat::Markdown => report::keys::markdown(&schema::defined(), &Examples::default()),
    })?;
    Ok(Exit::Go)
}
