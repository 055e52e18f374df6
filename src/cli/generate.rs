//! `golive generate`.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Ui, read};
use crate::blueprint::Loaded;
use crate::ops::generate;
use crate::plain::plain;

/// Write the configuration, requests and documents of a blueprint.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  golive generate blueprints/jeveuxaider.toml            write generated/jeveuxaider/
  golive generate blueprints/jeveuxaider.toml --check    exit 1 when it is not up to date
  golive generate blueprints/jeveuxaider.toml --diff     show what would change")]
pub struct GenerateArgs {
    /// The blueprint
    pub blueprint: PathBuf,
    /// Folder that holds one folder a site
    #[arg(long, value_name = "DIR", default_value = "generated")]
    pub out: PathBuf,
    /// Write nothing; list the files that differ and exit 1 if there are any
    #[arg(long)]
    pub check: bool,
    /// Write nothing; print what would change as a unified diff and exit 1 if anything would
    #[arg(long)]
    pub diff: bool,
    /// Overwrite files that were edited by hand
    #[arg(long, conflicts_with_all = ["check", "diff"])]
    pub force: bool,
}

/// Runs the command.
///
/// # Errors
///
/// When the blueprint cannot be generated from, or the folder cannot be read or written.
pub fn run(args: &GenerateArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let Some(read) = read(&args.blueprint, ui)? else { return Ok(Exit::Wrong) };
    let Loaded { site, .. } = &read.loaded;
    let artifacts = match generate::with_manifest(read.artifacts, &read.sha256) {
        Ok(artifacts) => artifacts,
        Err(clashes) => {
            for clash in clashes {
                ui.say(&plain(&format!("error: {clash}")));
            }
            return Ok(Exit::Wrong);
        }
    };
    let folder = args.out.join(site.name.as_str());
    if args.check || args.diff {
        let differences = generate::compare(&folder, &artifacts)?;
        for difference in &differences {
            if args.diff {
                ui.print(&difference.unified())?;
            } else {
                ui.print(&format!("{}\n", folder.join(&difference.path).display()))?;
            }
        }
        return Ok(if differences.is_empty() { Exit::Go } else { Exit::NoGo });
    }
    let written = generate::write(&folder, &artifacts, args.force)?;
    for path in &written.removed {
        ui.say(&plain(&format!("removed {}: no longer generated", folder.join(path).display())));
    }
    for path in &written.foreign {
        ui.say(&plain(&format!("left alone {}: not written by golive", folder.join(path).display())));
    }
    ui.print(&format!("{}: {} files, {} new or changed\n", folder.display(), artifacts.len(), written.changed.len()))?;
    Ok(Exit::Go)
}
