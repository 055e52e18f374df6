//! A runbook as a TOML file: readable and editable by the team, every mistake told at once with its place.
//!
//! Must not know a site: what a step comes to for one is [`super::plan`].

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::due::Due;
use crate::blueprint::value::Label;
use crate::concerns::people::Role;
use crate::concerns::rules::CHECKS;
use crate::keys::{self, Keys, Refusal, nearest};
use crate::language::Said;
use crate::verify::is_selected;

/// The runbooks that come with golive, by name; `golive launch --runbook` takes these names and paths.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("launch", include_str!("../../runbooks/launch.toml")),
    ("crisis", include_str!("../../runbooks/crisis.toml")),
    ("undo", include_str!("../../runbooks/undo.toml")),
    ("demo", include_str!("../../runbooks/demo.toml")),
];

/// Levers that a runbook may name whether or not the blueprint has them; a step of one that it has not is left out.
pub const LEVERS: [&str; 8] = [
    "degraded-mode",
    "waiting-room",
    "read-cache",
    "purge",
    "scale-up",
    "freeze-deploys",
    "under-attack",
    "defer-mail",
];

/// Where an example stands.
const HELP: &str = "examples: runbooks/launch.toml, golive launch --help";

/// The keys of `[[phases.steps]]` that say what is done; a step has one of them.
const WORKS: &str = "`checks`, `procedure`, `red`, `undo_of`, `ask`, `lever` or `vote`";

/// The ordered whole.
#[derive(Debug, Clone)]
pub struct Runbook {
    pub title: Said,
    /// Whatever this runbook does not mention of a blueprint's procedures and checks is added to it.
    pub is_complete: bool,
    pub phases: Vec<Phase>,
}

/// A group of steps.
#[derive(Debug, Clone)]
pub struct Phase {
    pub id: Label,
    pub title: Said,
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the runbook; the journal names it.
    pub id: Label,
    pub title: Said,
    /// Who answers for it.
    pub role: Role,
    /// The last moment at which it is in time.
    pub due: Option<Due>,
    /// Ids of steps that must be settled first.
    pub needs: Vec<String>,
    pub work: Work,
    /// Not to be skipped.
    pub is_gate: bool,
    /// How to take it back.
    pub undo: Option<Said>,
    /// Why it is there: ids of the launches' stories, or a document.
    pub story: Option<String>,
    /// The step is there only where the blueprint has this table.
    pub only_with: Option<String>,
}

/// What a step is.
#[derive(Debug, Clone)]
pub enum Work {
    /// golive runs the checks whose ids match.
    Checks(Vec<String>),
    /// What a concern's people do before the launch, a task each.
    Procedure(String),
    /// What they do when one of its checks is red.
    Red(String),
    /// How they go back.
    UndoOf(String),
    /// Somebody does or sees it, and says so.
    Ask(Said),
    /// A switch for a crisis, which must have been tried.
    Lever(String),
    /// The go/no-go poll of `[people.vote]`.
    Vote,
}

/// A text in one language for all, or one in each.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Told {
    Once(String),
    Each { en: String, fr: String },
}

impl From<Told> for Said {
    fn from(told: Told) -> Self {
        match told {
            Told::Once(text) => Said::new(text.clone(), text),
            Told::Each { en, fr } => Said::new(en, fr),
        }
    }
}

impl Runbook {
    /// One of those that come with golive.
    pub fn built_in(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Reads a runbook for blueprints that may have these tables, and levers of these names beside [`LEVERS`].
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(bytes: &[u8], concerns: &[&str], levers: &[&str]) -> Result<Self, Vec<Refusal>> {
        let (document, whole) = keys::document(bytes)?;
        let mut refusals = Vec::new();
        let mut table = Keys::new(document, whole, "the runbook", HELP, &mut refusals);
        let title: Option<Told> = table.take("title");
        let is_complete: Option<bool> = table.take_if_there("complete");
        let groups = table.take_tables("phases");
        table.refuse_the_rest();

        let mut phases = Vec::new();
        let mut names = Names::default();
        for (group, at) in groups {
            let mut keys = Keys::new(group, at, "`[[phases]]`", HELP, &mut refusals);
            let id: Option<Spanned<Label>> = keys.take("id");
            let title: Option<Told> = keys.take("title");
            let tables = keys.take_tables("steps");
            keys.refuse_the_rest();
            let mut steps = Vec::new();
            for (table, at) in tables {
                let keys = Keys::new(table, at, "`[[phases.steps]]`", HELP, &mut refusals);
                steps.extend(step(keys, concerns, levers, &mut names));
            }
            if let (Some(id), Some(title)) = (id, title) {
                names.add(&id, &mut refusals);
                phases.push(Phase { id: id.into_inner(), title: title.into(), steps });
            }
        }
        names.resolve(&mut refusals);
        refusals.sort_by_key(|refusal| refusal.bytes.start);
        match title {
            Some(title) if refusals.is_empty() => {
                Ok(Self { title: title.into(), is_complete: is_complete.unwrap_or(false), phases })
            }
            _ => Err(refusals),
        }
    }

    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }
}

/// The ids of a runbook, and who refers to them.
#[derive(Default)]
struct Names {
    /// Where each stands, in the order of the file.
    known: BTreeMap<String, usize>,
    /// By whom, which, where.
    needed: Vec<(String, Spanned<String>)>,
}

impl Names {
    fn add(&mut self, id: &Spanned<Label>, refusals: &mut Vec<Refusal>) {
        let text = id.get_ref().to_string();
        if self.known.insert(text.clone(), id.span().start).is_some() {
            refusals.push(Refusal::new(id.span(), format!("the id `{text}` is there twice"), "give each its own"));
        }
    }

    /// What is needed exists, and stands before: so there is no circle either.
    fn resolve(&self, refusals: &mut Vec<Refusal>) {
        for (by, needed) in &self.needed {
            let (name, own) = (needed.get_ref(), self.known.get(by));
            match self.known.get(name) {
                Some(at) if own.is_some_and(|own| at >= own) => {
                    let message = format!("`{by}` needs `{name}`, which comes later");
                    refusals.push(Refusal::new(needed.span(), message, "move that step before this one"));
                }
                Some(_) => {}
                None => {
                    let remedy = match nearest(name, self.known.keys().map(String::as_str)) {
                        Some(known) => format!("did you mean `{known}`?"),
                        None => "name the id of a step".to_owned(),
                    };
                    refusals.push(Refusal::new(needed.span(), format!("no step is called `{name}`"), remedy));
                }
            }
        }
    }
}

fn step(mut keys: Keys<'_, '_>, concerns: &[&str], levers: &[&str], names: &mut Names) -> Option<Step> {
    let at = keys.at();
    let id: Option<Spanned<Label>> = keys.take("id");
    let title: Option<Told> = keys.take("title");
    let role: Option<Role> = keys.take("role");
    let due: Option<Spanned<String>> = keys.take_if_there("due");
    let needs: Option<Vec<Spanned<String>>> = keys.take_if_there("needs");
    let is_gate: Option<bool> = keys.take_if_there("gate");
    let undo: Option<Told> = keys.take_if_there("undo");
    let story: Option<String> = keys.take_if_there("story");
    let only_with: Option<Spanned<String>> = keys.take_if_there("only_with");

    let mut works: Vec<Work> = Vec::new();
    if let Some(globs) = keys.take_if_there::<Spanned<Vec<Spanned<String>>>>("checks") {
        works.push(checks(&mut keys, globs));
    }
    for (key, make) in
        [("procedure", Work::Procedure as fn(String) -> Work), ("red", Work::Red), ("undo_of", Work::UndoOf)]
    {
        if let Some(concern) = keys.take_if_there::<Spanned<String>>(key) {
            known(&mut keys, &concern, concerns, "no table of a blueprint is called");
            works.push(make(concern.into_inner()));
        }
    }
    if let Some(told) = keys.take_if_there::<Told>("ask") {
        works.push(Work::Ask(told.into()));
    }
    if let Some(lever) = keys.take_if_there::<Spanned<String>>("lever") {
        let all: Vec<&str> = LEVERS.iter().chain(levers).copied().collect();
        known(&mut keys, &lever, &all, "no lever is called");
        works.push(Work::Lever(lever.into_inner()));
    }
    if let Some(is_vote) = keys.take_if_there::<Spanned<bool>>("vote") {
        if !is_vote.get_ref() {
            keys.refuse(is_vote.span(), "a step that is no vote does not say so", "remove it");
        }
        works.push(Work::Vote);
    }
    if let Some(only_with) = &only_with {
        known(&mut keys, only_with, concerns, "no table of a blueprint is called");
    }
    let due = due.and_then(|due| match due.get_ref().parse::<Due>() {
        Ok(parsed) => Some(parsed),
        Err(message) => {
            keys.refuse(due.span(), message, "for example `announcement - 24h`, `vote - 30m`, `raise-ttl`");
            None
        }
    });
    let work = match (works.len(), works.pop()) {
        (1, work) => work,
        (0, _) => {
            keys.refuse(at, "this step says nothing that is done", format!("add one of {WORKS}"));
            None
        }
        _ => {
            keys.refuse(at, "this step is several things at once", format!("keep one of {WORKS}, make a step of each"));
            None
        }
    };
    let mut told = Vec::new();
    if let Some(id) = &id {
        names.needed.extend(needs.iter().flatten().map(|needed| (id.get_ref().to_string(), needed.clone())));
        names.add(id, &mut told);
    }
    for Refusal { bytes, message, remedy } in told {
        keys.refuse(bytes, message, remedy);
    }
    keys.refuse_the_rest();
    Some(Step {
        id: id?.into_inner(),
        title: title?.into(),
        role: role?,
        due,
        needs: needs.into_iter().flatten().map(Spanned::into_inner).collect(),
        work: work?,
        is_gate: is_gate.unwrap_or(false),
        undo: undo.map(Said::from),
        story,
        only_with: only_with.map(Spanned::into_inner),
    })
}

/// Patterns that match no check of golive's can only be slips.
fn checks(keys: &mut Keys<'_, '_>, globs: Spanned<Vec<Spanned<String>>>) -> Work {
    if globs.get_ref().is_empty() {
        keys.refuse(globs.span(), "this step runs no check", "name checks, as in `checks = [\"dns.*\"]`");
    }
    for glob in globs.get_ref() {
        let pattern = [glob.get_ref().clone()];
        if CHECKS.iter().any(|page| is_selected(page.id, &pattern)) {
            continue;
        }
        let remedy = match nearest(glob.get_ref(), CHECKS.iter().map(|page| page.id)) {
            Some(id) => format!("did you mean `{id}`?"),
            None => "golive explain lists them".to_owned(),
        };
        keys.refuse(glob.span(), format!("no check is called `{}`", glob.get_ref()), remedy);
    }
    Work::Checks(globs.into_inner().into_iter().map(Spanned::into_inner).collect())
}

fn known(keys: &mut Keys<'_, '_>, word: &Spanned<String>, all: &[&str], says: &str) {
    let (written, at): (&str, Range<usize>) = (word.get_ref(), word.span());
    if all.contains(&written) {
        return;
    }
    let remedy = match nearest(written, all.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("one of {}", all.join(", ")),
    };
    keys.refuse(at, format!("{says} `{written}`"), remedy);
}
