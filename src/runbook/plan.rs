//! A runbook resolved for one site: every step and every task of every concern as an item that is either run or asked.
//!
//! Pure: the same blueprint and runbook give the same items. Must not know what was answered.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::read::{Runbook, Step, Work};
use super::timeline::Moments;
use crate::blueprint::{Blueprint, Site};
use crate::concerns::Safety;
use crate::concerns::people::Role;
use crate::concerns::procedure::{Procedure, Task};
use crate::language::{Language, Said};
use crate::verify::is_selected;

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub title: String,
    pub language: Language,
    pub phases: Vec<PlannedPhase>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedPhase {
    pub id: String,
    pub title: String,
    pub items: Vec<Item>,
}

/// One line of the checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Names the item in the journal: the step's id, followed for one task of several by `/` and the start of its text's
    /// hash, so that a task which is added before it changes nothing.
    pub key: String,
    /// For people: `3.2`.
    pub number: String,
    /// The step that it comes from.
    pub step: String,
    pub title: String,
    pub role: Role,
    /// Who that is, as the blueprint says; empty: nobody is named.
    pub holder: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<Timestamp>,
    /// Steps that must be settled first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub needs: Vec<String>,
    pub work: ItemWork,
    /// Not to be skipped.
    pub gate: bool,
    /// The way back.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub undo: Vec<String>,
    /// Why it is there: a story's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub story: Option<String>,
    /// SHA-256 over all that an answer depends on; what was said of another one is void.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemWork {
    /// golive asks the site: the ids of the checks.
    Checks(Vec<String>),
    /// Somebody does or sees it, and says so.
    Ask(String),
    /// A switch for a crisis, known by its name: it must have been tried.
    Lever(String),
    /// The go/no-go poll: who is asked, and whose no is enough.
    Vote { criteria: String, roles: Vec<Role>, veto: Vec<Role> },
}

impl Plan {
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.phases.iter().flat_map(|phase| &phase.items)
    }

    pub fn item(&self, key: &str) -> Option<&Item> {
        self.items().find(|item| item.key == key)
    }
}

/// SHA-256 over parts that no two different lists share, in lower-case hexadecimal.
pub fn hash_of(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    data_encoding::HEXLOWER.encode(&hasher.finalize())
}

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
pub struct For<'a> {
    pub blueprint: &'a Blueprint,
    pub site: &'a Site,
    /// Of the blueprint's bytes: what checks found of another one is void.
    pub blueprint_sha256: &'a str,
    /// The local world is asked: checks that no live site may see are run too.
    pub rehearsed: bool,
}

/// The steps of a runbook for one site. Where the runbook says that it is complete, the checks and the tasks that it does
/// not mention stand in a phase of their own, before the vote.
pub fn plan(runbook: &Runbook, of: &For<'_>) -> Plan {
    let maker = Maker::new(of);
    let mut phases: Vec<(String, String, Vec<Item>)> = runbook
        .phases
        .iter()
        .map(|phase| {
            let items = phase.steps.iter().flat_map(|step| maker.items(step)).collect();
            (phase.id.to_string(), maker.told(&phase.title), items)
        })
        .collect();
    if runbook.is_complete {
        let forgotten = maker.forgotten(runbook);
        if !forgotten.is_empty() {
            let has_vote = |items: &[Item]| items.iter().any(|item| matches!(item.work, ItemWork::Vote { .. }));
            let at = phases.iter().position(|(_, _, items)| has_vote(items)).unwrap_or(phases.len());
            let title =
                maker.told(&Said::new("What the runbook does not mention", "Ce que le runbook ne mentionne pas"));
            phases.insert(at, ("forgotten".to_owned(), title, forgotten));
        }
    }
    phases.retain(|(_, _, items)| !items.is_empty());
    let numbered = phases.into_iter().enumerate().map(|(phase, (id, title, items))| PlannedPhase {
        id,
        title,
        items: items
            .into_iter()
            .enumerate()
            .map(|(index, item)| Item { number: format!("{}.{}", phase + 1, index + 1), ..item })
            .collect(),
    });
    Plan { title: maker.told(&runbook.title), language: maker.language, phases: numbered.collect() }
}

struct Maker<'a> {
    of: &'a For<'a>,
    language: Language,
    moments: Moments,
    procedures: Vec<(&'static str, Procedure)>,
    /// Of the blueprint's checks, in checklist order, each id once.
    checks: Vec<&'static str>,
}

impl<'a> Maker<'a> {
    fn new(of: &'a For<'a>) -> Self {
        let concerns = of.blueprint.concerns();
        let mut checks = Vec::new();
        for check in concerns.iter().flat_map(|concern| concern.checks(of.site).into_vec()) {
            if !checks.contains(&check.id) && (of.rehearsed || check.safety < Safety::S4) {
                checks.push(check.id);
            }
        }
        Self {
            of,
            language: of.site.language,
            moments: Moments::of(of.site),
            procedures: concerns.iter().map(|concern| (concern.key(), concern.procedure(of.site))).collect(),
            checks,
        }
    }

    fn told(&self, said: &Said) -> String {
        said.told_in(self.language).to_owned()
    }

    fn procedure(&self, concern: &str) -> Option<&Procedure> {
        self.procedures.iter().find(|(key, _)| *key == concern).map(|(_, procedure)| procedure)
    }

    /// None where the step is for sites that have what this one has not.
    fn items(&self, step: &Step) -> Vec<Item> {
        if step.only_with.as_deref().is_some_and(|concern| self.procedure(concern).is_none()) {
            return Vec::new();
        }
        match &step.work {
            Work::Checks(globs) => {
                let ids: Vec<&str> = self.checks.iter().copied().filter(|id| is_selected(id, globs)).collect();
                if ids.is_empty() { Vec::new() } else { vec![self.checked(step, &ids)] }
            }
            Work::Procedure(concern) => {
                self.procedure(concern).map_or_else(Vec::new, |procedure| self.tasks(step, procedure))
            }
            Work::Red(concern) => {
                let texts = self.procedure(concern).map_or(&[][..], |procedure| &procedure.when_red);
                texts.iter().map(|text| self.task(step, step.role, text)).collect()
            }
            Work::UndoOf(concern) => {
                let texts = self.procedure(concern).map_or(&[][..], |procedure| &procedure.undo);
                texts.iter().map(|text| self.task(step, step.role, text)).collect()
            }
            Work::Ask(question) => vec![self.item(step, step.role, ItemWork::Ask(self.told(question)))],
            Work::Lever(name) => {
                let people = self.of.site.people.as_ref();
                match people.and_then(|people| people.levers.iter().find(|lever| lever.name.as_str() == name)) {
                    Some(lever) => vec![self.item(step, lever.owner, ItemWork::Lever(name.clone()))],
                    None => Vec::new(),
                }
            }
            Work::Vote => {
                let vote = self.of.site.people.as_ref().and_then(|people| people.vote.as_ref());
                vote.map(|vote| {
                    let (roles, veto) = (vote.roles.clone(), vote.veto.clone());
                    let work = ItemWork::Vote { criteria: vote.criteria.to_string(), roles, veto };
                    Item { gate: true, ..self.item(step, step.role, work) }
                })
                .into_iter()
                .collect()
            }
        }
    }

    fn item(&self, step: &Step, role: Role, work: ItemWork) -> Item {
        let people = self.of.site.people.as_ref();
        let holder = people.and_then(|people| people.holder(role)).map(|holder| holder.who.to_string());
        let title = self.told(&step.title);
        // A person's word is on the text that was read to them, whatever else changes; a check's, and a vote, on the
        // blueprint from which they were made.
        let fingerprint = match &work {
            ItemWork::Ask(text) => hash_of(&["ask", role.as_str(), &title, text]),
            ItemWork::Lever(name) => hash_of(&["lever", role.as_str(), name]),
            ItemWork::Checks(ids) => hash_of(&["checks", self.of.blueprint_sha256, &ids.join(" ")]),
            ItemWork::Vote { criteria, .. } => hash_of(&["vote", self.of.blueprint_sha256, criteria]),
        };
        Item {
            key: step.id.to_string(),
            number: String::new(),
            step: step.id.to_string(),
            title,
            role,
            holder: holder.unwrap_or_default(),
            due: step.due.and_then(|due| due.at(&self.moments)),
            needs: step.needs.clone(),
            work,
            gate: step.is_gate,
            undo: step.undo.iter().map(|undo| self.told(undo)).collect(),
            story: step.story.clone(),
            fingerprint,
        }
    }

    fn checked(&self, step: &Step, ids: &[&str]) -> Item {
        self.item(step, step.role, ItemWork::Checks(ids.iter().map(|id| (*id).to_owned()).collect()))
    }

    fn task(&self, step: &Step, role: Role, text: &Said) -> Item {
        let item = self.item(step, role, ItemWork::Ask(self.told(text)));
        let short = hash_of(&[text.told_in(Language::En)]);
        Item { key: format!("{}/{}", step.id, &short[..8]), ..item }
    }

    /// What is done before the launch, each task with its concern's way back where the step has none of its own.
    fn tasks(&self, step: &Step, procedure: &Procedure) -> Vec<Item> {
        let way_back: Vec<String> = procedure.undo.iter().map(|undo| self.told(undo)).collect();
        let task = |Task { role, text }: &Task| {
            let item = self.task(step, *role, text);
            if item.undo.is_empty() { Item { undo: way_back.clone(), ..item } } else { item }
        };
        procedure.before.iter().map(task).collect()
    }

    /// What no step of the runbook mentions, as items.
    fn forgotten(&self, runbook: &Runbook) -> Vec<Item> {
        let steps = || runbook.steps().map(|step| &step.work);
        let globs: Vec<String> = steps()
            .filter_map(|work| match work {
                Work::Checks(globs) => Some(globs.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        let mentioned: BTreeSet<&str> = steps()
            .filter_map(|work| match work {
                Work::Procedure(concern) => Some(concern.as_str()),
                _ => None,
            })
            .collect();
        let mut items = Vec::new();
        for (concern, procedure) in self.procedures.iter().filter(|(concern, _)| !mentioned.contains(concern)) {
            let title = Said::new(format!("Before the launch: {concern}"), format!("Avant le lancement : {concern}"));
            let step = added(concern, title, Role::answering_for(concern), Work::Procedure((*concern).to_owned()));
            items.extend(self.tasks(&step, procedure));
        }
        let unseen: Vec<&str> =
            self.checks.iter().copied().filter(|id| globs.is_empty() || !is_selected(id, &globs)).collect();
        if !unseen.is_empty() {
            let title = Said::new("Checks that no step runs", "Contrôles qu'aucune étape ne lance");
            let step = added("forgotten-checks", title, Role::Lead, Work::Checks(Vec::new()));
            items.push(self.checked(&step, &unseen));
        }
        items
    }
}

/// A step that no runbook has.
fn added(id: &str, title: Said, role: Role, work: Work) -> Step {
    let id = format!("added-{}", id.replace('_', "-"));
    Step {
        id: id.parse().unwrap_or_else(|error| unreachable!("{id}: {error}")),
        title,
        role,
        due: None,
        needs: Vec::new(),
        work,
        is_gate: false,
        undo: None,
        story: None,
        only_with: None,
    }
}
