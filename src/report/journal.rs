//! A launch's journal as an account for those who were not there: what was decided, by whom, on what evidence.
//!
//! From the journal alone; [`State`] says what follows from it. Must not judge anew, and must not make up what a journal
//! does not hold: how long a person took from the question to the answer, and how long a lever took to work, are not in it.

mod page;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use page::{html, markdown, text};

use crate::concerns::people::Role;
use crate::language::Language;
use crate::runbook::fact::{Answer, Document, Evidence, Fact, Moved, Seen};
use crate::runbook::journal::{Entry, Journal};
use crate::runbook::plan::{Item, ItemWork};
use crate::runbook::state::{Standing, State};

/// All that a journal tells, as `golive report --format json` prints it (`schema/report.schema.json`).
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// Version that made the account.
    pub golive: String,
    /// When it was made; nothing but [`Poll::expired`] depends on it.
    pub written: Timestamp,
    pub journal: Source,
    pub site: String,
    pub title: String,
    /// Of the runbook.
    pub runbook_title: String,
    pub language: Language,
    pub announcement: Timestamp,
    pub offset_seconds: i32,
    pub rehearsed: bool,
    /// Version that last opened the launch.
    pub launched_with: String,
    pub blueprint: Document,
    pub runbook: Document,
    pub verdict: Verdict,
    /// One a vote of the runbook.
    pub polls: Vec<Poll>,
    pub waivers: Vec<Waiver>,
    /// What is neither settled nor decided, in the order of the runbook.
    pub open: Vec<Pending>,
    pub skipped: Vec<Pending>,
    /// Empty for a rehearsal: its clock is not the launch's.
    pub deadlines: Vec<Deadline>,
    pub phases: Vec<Phase>,
    /// By time; entries of one moment in the order of the file.
    pub timeline: Vec<Line>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// As the person gave it.
    pub path: String,
    pub entries: usize,
    pub head: String,
    /// More than one: branches that are not joined yet.
    pub branches: usize,
    /// What was never wholly written, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn: Option<String>,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Go,
    NoGo,
    Undecided,
}

#[derive(Debug, Clone, Serialize)]
pub struct Poll {
    pub item: String,
    pub number: String,
    pub verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Timestamp>,
    pub reasons: Vec<String>,
    /// What the decision stands on; before there is one, what a vote would stand on now.
    pub signs: String,
    pub votes: Vec<Ballot>,
    /// Whether what was decided on is still what the journal holds; none before a decision. Time alone does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unchanged: Option<bool>,
    /// Rows of evidence before the poll that have expired by the time of this account, and how many there are.
    pub expired: usize,
    pub evidence: usize,
}

/// The last vote of a role.
#[derive(Debug, Clone, Serialize)]
pub struct Ballot {
    pub role: Role,
    pub by: String,
    pub at: Timestamp,
    pub go: bool,
    pub reason: String,
    pub signs: String,
    /// On exactly what [`Poll::signs`] stands for.
    pub counts: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Waiver {
    pub item: String,
    pub number: String,
    pub title: String,
    pub role: Role,
    pub by: String,
    pub at: Timestamp,
    pub text: String,
    /// The checks that were red or unknown when it was said.
    pub covers: Vec<Covered>,
    /// Not taken back, nor overtaken by another answer or run.
    pub stands: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Covered {
    pub id: String,
    pub subject: String,
    pub verdict: Seen,
}

#[derive(Debug, Clone, Serialize)]
pub struct Pending {
    pub item: String,
    pub number: String,
    pub title: String,
    /// [`Standing::word`].
    pub standing: &'static str,
    pub role: Role,
    pub holder: String,
    pub by: String,
    pub text: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Deadline {
    pub item: String,
    pub number: String,
    pub title: String,
    pub due: Timestamp,
    pub outcome: Outcome,
    /// Since when it is settled; none where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Settled at that moment.
    Kept,
    Missed,
    /// The journal ends before.
    Ahead,
}

#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    pub title: String,
    pub items: Vec<Step>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Step {
    pub item: String,
    pub number: String,
    pub title: String,
    pub role: Role,
    pub holder: String,
    pub gate: bool,
    /// The question, the lever, the criteria; empty for checks.
    pub what: String,
    /// As it stood when the poll after it was decided, else at the end of the journal.
    pub standing: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    pub by: String,
    pub text: String,
    /// The last run of its checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Run {
    pub started: Timestamp,
    pub finished: Timestamp,
    pub milliseconds: i64,
    /// The first row's end; none without rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    pub results: Vec<Evidence>,
}

/// One entry.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// Of the entries in the file, counted from 1.
    pub entry: usize,
    pub hash: String,
    pub at: Timestamp,
    pub by: String,
    /// `opened`, `changed` (another blueprint or runbook), `resumed`, `checked`, `done`, `held`, `skipped`, `waived`, `reopened`, `go`, `no-go` (votes), `decided-go`,
    /// `decided-no-go`, `noted`, `pulled`, `released`, `merged`.
    pub what: &'static str,
    /// Number and title of the item, where there is one; its key where the plan has it no longer.
    pub item: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    pub text: String,
}

/// The account of a journal; `None`: nobody has opened a launch in it. `written` is the moment of the account.
pub fn account(path: &str, journal: &Journal, written: Timestamp) -> Option<Account> {
    let entries = journal.entries();
    let (first, last) = (entries.iter().map(|entry| entry.at).min()?, entries.iter().map(|entry| entry.at).max()?);
    let end = State::replay(entries, last)?;
    let (opened, plan) = (end.opened, end.plan());
    let polls: Vec<Poll> = plan
        .items()
        .filter(|item| matches!(item.work, ItemWork::Vote { .. }))
        .map(|item| poll(item, entries, &end, written))
        .collect();
    let phases: Vec<Phase> = plan
        .phases
        .iter()
        .map(|phase| Phase {
            title: phase.title.clone(),
            items: phase.items.iter().map(|item| step(item, entries, &end)).collect(),
        })
        .collect();
    let steps = || phases.iter().flat_map(|phase| &phase.items);
    let verdict = match polls.iter().map(|poll| poll.verdict).collect::<Vec<_>>().as_slice() {
        [] => Verdict::Undecided,
        verdicts if verdicts.contains(&Verdict::NoGo) => Verdict::NoGo,
        verdicts if verdicts.contains(&Verdict::Undecided) => Verdict::Undecided,
        _ => Verdict::Go,
    };
    let of_standing = |is: fn(&str) -> bool| steps().filter(|step| is(step.standing)).map(pending).collect();
    Some(Account {
        golive: env!("CARGO_PKG_VERSION").to_owned(),
        written,
        journal: Source {
            path: path.to_owned(),
            entries: entries.len(),
            head: journal.head().unwrap_or_default().to_owned(),
            branches: journal.heads(),
            torn: journal.recovered().map(str::to_owned),
            from: first,
            until: last,
        },
        site: opened.site.clone(),
        title: opened.title.clone(),
        runbook_title: plan.title.clone(),
        language: plan.language,
        announcement: opened.announcement,
        offset_seconds: opened.offset_seconds,
        rehearsed: opened.rehearsed,
        launched_with: opened.golive.clone(),
        blueprint: opened.blueprint.clone(),
        runbook: opened.runbook.clone(),
        verdict,
        polls,
        waivers: waivers(entries, &end),
        open: of_standing(|word| matches!(word, "open" | "void" | "red" | "expired" | "held" | "voting" | "no-go")),
        skipped: of_standing(|word| word == "skipped"),
        deadlines: if opened.rehearsed { Vec::new() } else { deadlines(entries, last, steps(), &end) },
        timeline: timeline(entries, &end),
        phases,
    })
}

fn poll(item: &Item, entries: &[Entry], end: &State<'_>, written: Timestamp) -> Poll {
    let mut decision = None;
    for entry in entries {
        match &entry.fact {
            Fact::Decided(of) if of.item == item.key => decision = Some((entry.at, of)),
            Fact::Reopened { item: of, .. } if *of == item.key => decision = None,
            _ => {}
        }
    }
    // Taken up with another blueprint or runbook, nothing is decided any more.
    let decision = decision.filter(|_| matches!(end.standing(item), Standing::Decided { .. }));
    let signs = decision.map_or_else(|| end.signature(item), |(_, of)| of.signs.clone());
    let mut votes: Vec<Ballot> = Vec::new();
    for entry in entries {
        let Fact::Voted(vote) = &entry.fact else { continue };
        if vote.item != item.key {
            continue;
        }
        votes.retain(|before| before.role != vote.role);
        votes.push(Ballot {
            role: vote.role,
            by: entry.by.clone(),
            at: entry.at,
            go: vote.go,
            reason: vote.reason.clone(),
            signs: vote.signs.clone(),
            counts: vote.signs == signs,
        });
    }
    let rows = || {
        let before = end.plan().items().take_while(|other| other.key != item.key);
        before.filter_map(|other| end.evidence(other)).flat_map(|checked| &checked.results)
    };
    Poll {
        item: item.key.clone(),
        number: item.number.clone(),
        verdict: match decision {
            Some((_, of)) if of.go => Verdict::Go,
            Some(_) => Verdict::NoGo,
            None => Verdict::Undecided,
        },
        decided: decision.map(|(at, _)| at),
        reasons: decision.map(|(_, of)| of.reasons.clone()).unwrap_or_default(),
        unchanged: decision.map(|(at, of)| {
            // All that is known now, at the hour of the decision: what has only grown old since is no change.
            State::replay(entries, at).is_some_and(|state| state.signature(item) == of.signs)
        }),
        signs,
        votes,
        expired: rows().filter(|row| row.expires <= written).count(),
        evidence: rows().count(),
    }
}

/// The hour at which an item is looked at: that of the decision which it went into, unless it was taken up again since.
fn looked_at(item: &Item, entries: &[Entry], end: &State<'_>) -> Timestamp {
    let polls = end.plan().items().skip_while(|other| other.key != item.key).skip(1);
    let decided =
        polls.filter(|other| matches!(other.work, ItemWork::Vote { .. })).find_map(|poll| match end.standing(poll) {
            Standing::Decided { at, .. } => Some(at),
            _ => None,
        });
    let touched = entries.iter().filter(|entry| key(&entry.fact) == Some(&item.key)).map(|entry| entry.at).max();
    match decided {
        Some(at) if touched.is_none_or(|touched| touched <= at) => at,
        _ => end.now(),
    }
}

fn key(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Checked(checked) => Some(&checked.item),
        Fact::Answered(answered) => Some(&answered.item),
        Fact::Reopened { item, .. } => Some(item),
        Fact::Voted(vote) => Some(&vote.item),
        Fact::Decided(decision) => Some(&decision.item),
        Fact::Opened(_) | Fact::Noted { .. } | Fact::Pulled(_) | Fact::Released(_) | Fact::Merged => None,
    }
}

fn step(item: &Item, entries: &[Entry], end: &State<'_>) -> Step {
    let at = looked_at(item, entries, end);
    let standing = match at == end.now() {
        true => end.standing(item),
        false => State::replay(entries, at).map_or(Standing::Open, |state| state.standing(item)),
    };
    let (said_at, by, text) = match &standing {
        Standing::Done { by, at, text }
        | Standing::Held { by, at, text }
        | Standing::Skipped { by, at, text }
        | Standing::Waived { by, at, text, .. } => (Some(*at), by.clone(), text.clone()),
        Standing::Green { at, .. } | Standing::Expired { at } => (Some(*at), "golive".to_owned(), String::new()),
        Standing::Decided { at, .. } => (Some(*at), String::new(), String::new()),
        Standing::Void { why } => (None, String::new(), (*why).to_owned()),
        Standing::Red { .. } => (end.evidence(item).map(|run| run.finished), "golive".to_owned(), String::new()),
        Standing::Open | Standing::Voting => (None, String::new(), String::new()),
    };
    Step {
        item: item.key.clone(),
        number: item.number.clone(),
        title: item.title.clone(),
        role: item.role,
        holder: item.holder.clone(),
        gate: item.gate,
        what: match &item.work {
            ItemWork::Ask(text) => text.clone(),
            ItemWork::Lever(name) => name.clone(),
            ItemWork::Vote { criteria, .. } => criteria.clone(),
            ItemWork::Checks(_) => String::new(),
        },
        standing: standing.word(),
        at: said_at,
        by,
        text,
        run: end.evidence(item).map(|run| Run {
            started: run.started,
            finished: run.finished,
            milliseconds: i64::try_from(run.finished.duration_since(run.started).as_millis()).unwrap_or(i64::MAX),
            expires: run.results.iter().map(|row| row.expires).min(),
            results: run.results.clone(),
        }),
    }
}

fn pending(step: &Step) -> Pending {
    Pending {
        item: step.item.clone(),
        number: step.number.clone(),
        title: step.title.clone(),
        standing: step.standing,
        role: step.role,
        holder: step.holder.clone(),
        by: step.by.clone(),
        text: step.text.clone(),
    }
}

fn waivers(entries: &[Entry], end: &State<'_>) -> Vec<Waiver> {
    let mut waivers: Vec<Waiver> = Vec::new();
    let mut red: BTreeMap<&str, Vec<Covered>> = BTreeMap::new();
    for entry in entries {
        match &entry.fact {
            Fact::Checked(checked) => {
                let bad = checked.results.iter().filter(|row| matches!(row.verdict, Seen::Fail | Seen::Unknown));
                let bad =
                    bad.map(|row| Covered { id: row.id.clone(), subject: row.subject.clone(), verdict: row.verdict });
                red.insert(&checked.item, bad.collect());
            }
            Fact::Answered(answered) if answered.answer == Answer::Waived => {
                let item = end.plan().item(&answered.item);
                let stands = item.is_some_and(|item| {
                    let at = looked_at(item, entries, end);
                    let standing = State::replay(entries, at).map(|state| state.standing(item));
                    matches!(standing, Some(Standing::Waived { at, .. }) if at == entry.at)
                });
                waivers.push(Waiver {
                    item: answered.item.clone(),
                    number: item.map(|item| item.number.clone()).unwrap_or_default(),
                    title: item.map_or_else(|| answered.item.clone(), |item| item.title.clone()),
                    role: answered.role,
                    by: entry.by.clone(),
                    at: entry.at,
                    text: answered.text.clone(),
                    covers: red.get(answered.item.as_str()).cloned().unwrap_or_default(),
                    stands,
                });
            }
            _ => {}
        }
    }
    waivers
}

fn deadlines<'a>(
    entries: &[Entry],
    last: Timestamp,
    steps: impl Iterator<Item = &'a Step>,
    end: &State<'_>,
) -> Vec<Deadline> {
    let mut deadlines: Vec<Deadline> = Vec::new();
    for (item, step) in end.plan().items().zip(steps) {
        let Some(due) = item.due else { continue };
        let then = || State::replay(entries.iter().filter(|entry| entry.at <= due), due);
        // What was green and has expired by then had been done in time.
        let was_settled = |state: State<'_>| {
            let standing = state.standing(item);
            standing.is_settled() || matches!(standing, Standing::Expired { .. })
        };
        let is_settled = !matches!(step.standing, "open" | "void" | "red" | "held" | "voting" | "no-go");
        let outcome = match last < due {
            true if is_settled => Outcome::Kept,
            true => Outcome::Ahead,
            false if then().is_some_and(was_settled) => Outcome::Kept,
            false => Outcome::Missed,
        };
        deadlines.push(Deadline {
            item: item.key.clone(),
            number: item.number.clone(),
            title: item.title.clone(),
            due,
            outcome,
            settled: step.at.filter(|_| is_settled),
        });
    }
    deadlines
}

fn timeline(entries: &[Entry], end: &State<'_>) -> Vec<Line> {
    let named = |key: &str| match end.plan().item(key) {
        Some(item) => format!("{} {}", item.number, item.title),
        None => key.to_owned(),
    };
    let mut lines: Vec<Line> = Vec::new();
    let mut opened_with: Option<(&str, &str)> = None;
    for (index, entry) in entries.iter().enumerate() {
        let (what, item, role, text) = match &entry.fact {
            Fact::Opened(opened) => {
                let now = (opened.blueprint.sha256.as_str(), opened.runbook.sha256.as_str());
                let what = match opened_with.replace(now) {
                    None => "opened",
                    Some(before) if before == now => "resumed",
                    Some(_) => "changed",
                };
                let told = |of: &Document| format!("{} ({:.12})", of.path, of.sha256);
                (what, String::new(), None, format!("{}, {}", told(&opened.blueprint), told(&opened.runbook)))
            }
            Fact::Checked(checked) => {
                let count = |seen| checked.results.iter().filter(|row| row.verdict == seen).count();
                let (pass, warn, fail, unknown) =
                    (count(Seen::Pass), count(Seen::Warn), count(Seen::Fail), count(Seen::Unknown));
                let text = format!("{pass} pass, {warn} warn, {fail} fail, {unknown} unknown");
                ("checked", named(&checked.item), None, text)
            }
            Fact::Answered(answered) => {
                let what = match answered.answer {
                    Answer::Done => "done",
                    Answer::Held => "held",
                    Answer::Skipped => "skipped",
                    Answer::Waived => "waived",
                };
                (what, named(&answered.item), Some(answered.role), answered.text.clone())
            }
            Fact::Reopened { item, reason } => ("reopened", named(item), None, reason.clone()),
            Fact::Voted(vote) => {
                (if vote.go { "go" } else { "no-go" }, named(&vote.item), Some(vote.role), vote.reason.clone())
            }
            Fact::Decided(decision) => {
                let what = if decision.go { "decided-go" } else { "decided-no-go" };
                (what, named(&decision.item), None, decision.reasons.join("; "))
            }
            Fact::Noted { text } => ("noted", String::new(), None, text.clone()),
            Fact::Pulled(moved) => ("pulled", moved.lever.clone(), None, came_of(moved)),
            Fact::Released(moved) => ("released", moved.lever.clone(), None, came_of(moved)),
            Fact::Merged => ("merged", String::new(), None, entry.prev.join(" ")),
        };
        let (hash, by) = (entry.hash.clone(), entry.by.clone());
        lines.push(Line { entry: index + 1, hash, at: entry.at, by, what, item, role, text });
    }
    lines.sort_by_key(|line| (line.at, line.entry));
    lines
}

/// What came of moving a lever, and how soon visitors met it.
fn came_of(moved: &Moved) -> String {
    let after = moved.effect_after_ms.map(|ms| format!("seen after {}.{} s", ms / 1000, ms % 1000 / 100));
    let undone = moved.not_done.iter().map(|action| format!("NOT done: {action}"));
    after
        .into_iter()
        .chain(undone)
        .chain((!moved.seen.is_empty()).then(|| moved.seen.clone()))
        .collect::<Vec<_>>()
        .join("; ")
}

/// As JSON, pretty-printed, one final newline.
///
/// # Errors
///
/// None that these types can cause; serde's are passed on.
pub fn json(account: &Account) -> serde_json::Result<String> {
    serde_json::to_string_pretty(account).map(|text| text + "\n")
}
