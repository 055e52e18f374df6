//! `golive rehearse`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::verify::Format;
use super::{Exit, Ui, interruptible, read};
use crate::ops::rehearse::{self as work, Drilled};
use crate::plain::plain;
use crate::report::{drills, verify as report};
use crate::verify::{Event, Outcome};

const EXAMPLES: &str = "\
Examples:
  golive rehearse blueprints/jeveuxaider.toml
  golive rehearse blueprints/jeveuxaider.toml --drill redirect-drops-query
  golive rehearse blueprints/jeveuxaider.toml --drill all
  golive rehearse blueprints/jeveuxaider.toml --list-drills

Exit status: 0 all green, or every drill caught; 1 something failed, or a drill was
missed; 2 wrong call or blueprint; 3 something could not be tested; 130 interrupted.";

/// Run the generated configuration on this machine and check it as if it were live
///
/// Starts DNS servers, a CDN edge, the real nginx and a stub app on the loopback, all from the files in
/// generated/SITE, then runs the whole checklist against them. Needs nginx and nothing else.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RehearseArgs {
    /// The site's TOML file
    pub blueprint: PathBuf,
    /// Inject this fault, and see which checks turn red; `all` for one after the other
    #[arg(long, value_name = "ID")]
    pub drill: Vec<String>,
    /// Name the drills of this blueprint, and stop
    #[arg(long, conflicts_with = "drill")]
    pub list_drills: bool,
    /// Where the generated folders are
    #[arg(long, value_name = "DIR", default_value = "generated")]
    pub generated: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
///
/// A blueprint with errors, an unknown drill, files that were not generated, a world that does not start.
pub fn run(args: RehearseArgs, ui: &mut Ui) -> anyhow::Result<Exit> {
    let RehearseArgs { blueprint: path, drill, list_drills, generated, format } = args;
    let Some(read) = read(&path, ui)? else { return Ok(Exit::Wrong) };
    let loaded = &read.loaded;

    let all = work::drills(loaded);
    if list_drills {
        let mut out = String::new();
        for (concern, drill) in &all {
            let number = drill.number.map_or_else(|| "-".to_owned(), |number| number.to_string());
            out.push_str(&format!("{:<26} {number:>3}  {concern:<9}  {}\n", drill.id, drill.fault));
        }
        ui.print(&out)?;
        return Ok(Exit::Go);
    }

    if !drill.is_empty() && !matches!(format, Format::Text | Format::Json) {
        bail!("drills are told as text or json");
    }
    let artifacts = work::artifacts_on_disk(loaded, &generated.join(loaded.site.name.as_str()))?;
    let left_out = loaded.blueprint.left_out();
    let holders: &[_] = loaded.blueprint.people.as_ref().map_or(&[], |people| &people.roles);
    let report_of = |outcome| report::Report {
        blueprint_path: &read.path,
        blueprint_sha256: &read.sha256,
        consent_sha256: None,
        left_out: &left_out,
        holders,
        outcome,
    };

    if drill.is_empty() {
        let bar = ui.start_progress(0, "rehearsing");
        let done = interruptible(work::healthy(loaded, &artifacts, |event| match event {
            Event::Started { total } => bar.set_length(total as u64),
            Event::Finished(result) => {
                bar.set_message(format!("{} {}", result.verdict.as_str(), result.id));
                bar.inc(1);
            }
        }))?;
        ui.end_progress();
        let Some(rehearsed) = done else { return Ok(Exit::Interrupted) };
        let rehearsed = rehearsed?;
        for note in &rehearsed.notes {
            ui.say(&plain(&format!("note: {note}")));
        }
        let report = report_of(&rehearsed.outcome);
        ui.print(&format.of(&report)?)?;
        return Ok(Exit::of(&rehearsed.outcome.summary()));
    }

    let chosen = choose(all, &drill)?;
    let bar = ui.start_progress(chosen.len() as u64, "drilling");
    let started = jiff::Timestamp::now();
    let done = interruptible(work::drill(loaded, &artifacts, &chosen, |drilled| {
        bar.set_message(drilled.id);
        bar.inc(1);
    }))?;
    ui.end_progress();
    let Some(drilled) = done else { return Ok(Exit::Interrupted) };
    let drilled: Vec<Drilled> = drilled?;
    ui.print(&match (format, drilled.as_slice()) {
        (Format::Text, [one]) => drills::detailed(one, holders),
        (Format::Text, many) => drills::text(many),
        (Format::Json, many) => {
            let outcome = Outcome {
                started,
                finished: jiff::Timestamp::now(),
                results: vec![],
                rehearsal_only: vec![],
                stopped: None,
            };
            drills::json(&report_of(&outcome), many)?
        }
        (_, _) => unreachable!("refused above"),
    })?;
    Ok(if drilled.iter().all(Drilled::is_caught) { Exit::Go } else { Exit::NoGo })
}

type Chosen = Vec<(&'static str, crate::concerns::Drill)>;

fn choose(all: Chosen, wanted: &[String]) -> anyhow::Result<Chosen> {
    if wanted.iter().any(|id| id == "all") {
        return Ok(all);
    }
    for id in wanted {
        if all.iter().any(|(_, drill)| drill.id == id) {
            continue;
        }
        let near = crate::keys::nearest(id, all.iter().map(|(_, drill)| drill.id));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        bail!("no drill `{}` in this blueprint{hint} (--list-drills names them)", id.escape_debug());
    }
    Ok(all.into_iter().filter(|(_, drill)| wanted.iter().any(|id| id == drill.id)).collect())
}
