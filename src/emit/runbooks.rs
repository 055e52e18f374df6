//! The runbooks that come with golive, resolved for one site as checklists to print, and its deadlines as a table and as
//! a calendar.
//!
//! They are what `golive launch` walks, so [`crate::runbook`] says what is in them; nothing here may add a step. The
//! blueprint's hash stands in none of them: paper on a wall must not go stale with a comment in a file.

use serde::Serialize;

use super::calendar::calendar;
use super::documents::announcement_timezone;
use super::templates::document;
use super::{Artifact, Clock};
use crate::blueprint::{Blueprint, Site};
use crate::concerns::people::Role;
use crate::language::Said;
use crate::runbook::plan::{For, Item, ItemWork, Plan, plan};
use crate::runbook::read::{BUILT_IN, Runbook};
use crate::runbook::timeline::deadlines;

/// The checklists, `deadlines.md` and `deadlines.ics`.
pub fn artifacts(blueprint: &Blueprint, site: &Site) -> Vec<Artifact> {
    let clock = Clock { language: site.language, timezone: announcement_timezone(blueprint) };
    // No hash: fingerprints are of no use on paper.
    let of = For { blueprint, site, blueprint_sha256: "", rehearsed: false };
    let mut artifacts: Vec<Artifact> = BUILT_IN
        .iter()
        .map(|(name, text)| {
            let values = checklist(name, &plan(&runbook(text, blueprint), &of), site, &clock);
            Artifact { path: format!("runbook/{name}.md"), text: document(site.language, "checklist", &values) }
        })
        .collect();
    let deadlines = deadlines(site);
    let rows = deadlines.iter().map(|deadline| DeadlineRow {
        at: clock.at(deadline.at),
        who: who(deadline.role, &holder(deadline.role, site), &clock),
        what: clock.told(&deadline.what),
        why: clock.told(&deadline.why),
        no_return: clock.at(deadline.no_return),
        then: clock.told(&deadline.then),
    });
    let values = DeadlineValues { title: site.title.to_string(), rows: rows.collect() };
    artifacts.push(Artifact {
        path: "runbook/deadlines.md".to_owned(),
        text: document(site.language, "deadlines", &values),
    });
    artifacts.push(Artifact { path: "runbook/deadlines.ics".to_owned(), text: calendar(blueprint, site, &deadlines) });
    artifacts
}

/// One of golive's own, for any site: a lever that this site has not leaves its step out of the plan.
fn runbook(text: &str, blueprint: &Blueprint) -> Runbook {
    let left_out = blueprint.left_out();
    let concerns: Vec<&str> = blueprint.concerns().iter().map(|concern| concern.key()).chain(left_out).collect();
    Runbook::read(text.as_bytes(), &concerns, &["degraded-mode"])
        .unwrap_or_else(|refusals| unreachable!("a runbook of golive's own: {refusals:?}"))
}

fn holder(role: Role, site: &Site) -> String {
    let holder = site.people.as_ref().and_then(|people| people.holder(role));
    holder.map(|holder| holder.who.to_string()).unwrap_or_default()
}

/// `lead (A. Martin)`, or the role alone where nobody is named.
fn who(role: Role, holder: &str, clock: &Clock) -> String {
    let role = clock.told(&role.said());
    if holder.is_empty() { role } else { format!("{role} ({holder})") }
}

#[derive(Debug, Serialize)]
struct DeadlineValues {
    title: String,
    rows: Vec<DeadlineRow>,
}

#[derive(Debug, Serialize)]
struct DeadlineRow {
    at: String,
    who: String,
    what: String,
    why: String,
    no_return: String,
    then: String,
}

#[derive(Debug, Serialize)]
struct Checklist {
    title: String,
    site: String,
    announcement: String,
    /// As `--runbook` takes it.
    name: &'static str,
    phases: Vec<Phase>,
}

#[derive(Debug, Serialize)]
struct Phase {
    number: usize,
    title: String,
    steps: Vec<Step>,
}

/// Items of one step, which have its title, its deadline and its way back.
#[derive(Debug, Serialize)]
struct Step {
    title: String,
    /// Empty where its items are several roles'.
    who: String,
    due: String,
    gate: bool,
    story: String,
    items: Vec<Line>,
    undo: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    number: String,
    /// Empty where the step says it.
    who: String,
    what: String,
}

fn checklist(name: &'static str, plan: &Plan, site: &Site, clock: &Clock) -> Checklist {
    let phases = plan.phases.iter().enumerate().map(|(index, phase)| Phase {
        number: index + 1,
        title: phase.title.clone(),
        steps: phase.items.chunk_by(|a, b| a.step == b.step).map(|items| step(items, clock)).collect(),
    });
    Checklist {
        title: plan.title.clone(),
        site: site.title.to_string(),
        announcement: clock.at(site.announcement),
        name,
        phases: phases.collect(),
    }
}

fn step(items: &[Item], clock: &Clock) -> Step {
    let first = items.first().map(|item| (item.role, item.holder.as_str()));
    let is_ones = items.iter().all(|item| first.is_some_and(|(role, _)| role == item.role));
    let of = |item: &Item| who(item.role, &item.holder, clock);
    let head = items.first();
    Step {
        title: head.map(|item| item.title.clone()).unwrap_or_default(),
        who: head.filter(|_| is_ones).map(of).unwrap_or_default(),
        due: head.and_then(|item| item.due).map(|due| clock.at(due)).unwrap_or_default(),
        gate: items.iter().any(|item| item.gate),
        story: head.and_then(|item| item.story.clone()).unwrap_or_default(),
        items: items
            .iter()
            .map(|item| Line {
                number: item.number.clone(),
                who: if is_ones { String::new() } else { of(item) },
                what: what(&item.work, clock),
            })
            .collect(),
        undo: head.map(|item| item.undo.clone()).unwrap_or_default(),
    }
}

fn what(work: &ItemWork, clock: &Clock) -> String {
    let roles = |roles: &[Role]| {
        let names: Vec<String> = roles.iter().map(|role| clock.told(&role.said())).collect();
        clock.language.list(&names)
    };
    let said = match work {
        ItemWork::Ask(text) => return text.clone(),
        ItemWork::Checks(ids) => {
            let ids = ids.join(", ");
            Said::new(format!("golive checks {ids}"), format!("golive contrôle {ids}"))
        }
        ItemWork::Lever(name) => Said::new(
            format!("The lever {name} was pulled, its effect seen, and it was released again."),
            format!("Le levier {name} a été actionné, son effet constaté, puis il a été relâché."),
        ),
        ItemWork::Vote { criteria, roles: asked, veto } => {
            let (asked, veto) = (roles(asked), roles(veto));
            Said::new(
                format!("Yes means: {criteria}. Asked: {asked}. Whose no is enough: {veto}."),
                format!("Oui signifie : {criteria}. Consultés : {asked}. Un seul non suffit de la part de : {veto}."),
            )
        }
    };
    clock.told(&said)
}
