//! Branches of a journal: what they say differently, and the entries that join them. Pure. Must not decide which side is
//! right: the item is asked again.

use std::collections::BTreeMap;

use super::super::fact::{Answer, Fact, Seen};
use super::chain::Chain;
use super::{Entry, Fault};

/// So much is quoted of what somebody said, in characters: a conflict of conflicts quotes them in turn.
const QUOTED: usize = 200;

/// Both sides said something of an item since they parted, and what stands would depend on which is laid behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// [`crate::runbook::plan::Item::key`].
    pub item: String,
    /// What was said, by whom and when; for people.
    pub ours: String,
    pub theirs: String,
}

/// Joins all ends, two at a time, each pair by a [`Fact::Merged`] and a [`Fact::Reopened`] for every conflict.
///
/// # Errors
///
/// As [`Chain::add`].
pub fn join(chain: &mut Chain, by: &str) -> Result<Vec<Conflict>, (usize, Fault)> {
    let mut found = Vec::new();
    let heads: Vec<String> = chain.heads().map(|entry| entry.hash.clone()).collect();
    let mut heads = heads.into_iter();
    let Some(mut ours) = heads.next() else { return Ok(found) };
    for theirs in heads {
        let conflicts = conflicts(chain, &ours, &theirs);
        chain.add(&[ours, theirs], by, &Fact::Merged)?;
        ours = last(chain);
        for Conflict { item, ours: one, theirs: other } in &conflicts {
            let reason = format!("two branches say different things: {one}; {other}");
            chain.add(&[ours], by, &Fact::Reopened { item: item.clone(), reason })?;
            ours = last(chain);
        }
        found.extend(conflicts);
    }
    Ok(found)
}

fn last(chain: &Chain) -> String {
    chain.entries().last().map(|entry| entry.hash.clone()).unwrap_or_default()
}

/// By item, in the order of their keys.
fn conflicts(chain: &Chain, ours: &str, theirs: &str) -> Vec<Conflict> {
    let (behind_ours, behind_theirs) = (chain.behind(ours), chain.behind(theirs));
    let mut items: BTreeMap<&str, (Vec<&Entry>, Vec<&Entry>)> = BTreeMap::new();
    for ((entry, ours), theirs) in chain.entries().iter().zip(behind_ours).zip(behind_theirs) {
        let Some(item) = item(&entry.fact) else { continue };
        match (ours, theirs) {
            (true, false) => items.entry(item).or_default().0.push(entry),
            (false, true) => items.entry(item).or_default().1.push(entry),
            _ => {}
        }
    }
    // One order is ours, the other that of whoever merges the other way round.
    items.retain(|_, (ours, theirs)| {
        standing(ours.iter().chain(&*theirs).copied()) != standing(theirs.iter().chain(&*ours).copied())
    });
    let conflict = |(item, (ours, theirs)): (&str, (Vec<&Entry>, Vec<&Entry>))| Conflict {
        item: item.to_owned(),
        ours: told(&ours, &theirs),
        theirs: told(&theirs, &ours),
    };
    items.into_iter().map(conflict).collect()
}

fn item(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Checked(checked) => Some(&checked.item),
        Fact::Answered(answered) => Some(&answered.item),
        Fact::Reopened { item, .. } => Some(item),
        Fact::Voted(vote) => Some(&vote.item),
        Fact::Decided(decision) => Some(&decision.item),
        Fact::Opened(_) | Fact::Noted { .. } | Fact::Pulled(_) | Fact::Released(_) | Fact::Merged => None,
    }
}

/// What of an entry decides: who said the same of the same thing in other words does not contradict.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said<'a> {
    Checked { fingerprint: &'a str, verdicts: Vec<(&'a str, &'a str, &'static str)> },
    Answered { fingerprint: &'a str, answer: &'static str },
    Voted { role: &'static str, go: bool, signs: &'a str },
    Decided { go: bool, signs: &'a str },
}

fn said(fact: &Fact) -> Option<Said<'_>> {
    match fact {
        Fact::Checked(checked) => {
            let verdict = |seen| match seen {
                Seen::Pass => "pass",
                Seen::Warn => "warn",
                Seen::Fail => "fail",
                Seen::Unknown => "unknown",
            };
            let of = checked.results.iter().map(|one| (one.id.as_str(), one.subject.as_str(), verdict(one.verdict)));
            Some(Said::Checked { fingerprint: &checked.fingerprint, verdicts: of.collect() })
        }
        Fact::Answered(given) => Some(Said::Answered { fingerprint: &given.fingerprint, answer: answer(given.answer) }),
        Fact::Voted(vote) => Some(Said::Voted { role: vote.role.as_str(), go: vote.go, signs: &vote.signs }),
        Fact::Decided(decision) => Some(Said::Decided { go: decision.go, signs: &decision.signs }),
        Fact::Opened(_)
        | Fact::Reopened { .. }
        | Fact::Noted { .. }
        | Fact::Pulled(_)
        | Fact::Released(_)
        | Fact::Merged => None,
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Done => "done",
        Answer::Held => "held",
        Answer::Skipped => "skipped",
        Answer::Waived => "waived",
    }
}

/// What is left of these entries of one item when each is laid on those before it.
fn standing<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Said<'a>> {
    let mut standing: Vec<Said> = Vec::new();
    for entry in entries {
        let Some(said) = said(&entry.fact) else {
            standing.clear();
            continue;
        };
        standing.retain(|before| match (before, &said) {
            // Who votes after a decision takes it up again.
            (Said::Decided { .. }, Said::Voted { .. }) => false,
            (Said::Voted { role: before, .. }, Said::Voted { role, .. }) => before != role,
            (before, said) => std::mem::discriminant(before) != std::mem::discriminant(said),
        });
        standing.push(said);
    }
    standing.sort();
    standing
}

/// What one side says that the other does not say too; its last word where that is nothing.
fn told(side: &[&Entry], other: &[&Entry]) -> String {
    let (stands, same) = (standing(side.iter().copied()), standing(other.iter().copied()));
    let told = |entry: &&&Entry| said(&entry.fact).is_some_and(|said| stands.contains(&said) && !same.contains(&said));
    let mut words: Vec<String> = side.iter().filter(told).map(|entry| in_words(entry)).collect();
    if words.is_empty() {
        words.extend(side.last().map(|entry| in_words(entry)));
    }
    words.join(", ")
}

fn in_words(entry: &Entry) -> String {
    let go = |go: bool| if go { "go" } else { "no-go" };
    let (what, text) = match &entry.fact {
        Fact::Checked(checked) => {
            let bad = checked.results.iter().filter(|one| one.verdict != Seen::Pass);
            let bad: Vec<&str> = bad.map(|one| one.id.as_str()).collect();
            (format!("checked, {} of {} not green", bad.len(), checked.results.len()), bad.join(" "))
        }
        Fact::Answered(given) => (format!("{} for {}", answer(given.answer), given.role.as_str()), given.text.clone()),
        Fact::Reopened { reason, .. } => ("opened again".to_owned(), reason.clone()),
        Fact::Voted(vote) => (format!("{} of {}", go(vote.go), vote.role.as_str()), vote.reason.clone()),
        Fact::Decided(decision) => (format!("decided {}", go(decision.go)), decision.reasons.join("; ")),
        Fact::Opened(_) | Fact::Noted { .. } | Fact::Pulled(_) | Fact::Released(_) | Fact::Merged => {
            (String::new(), String::new())
        }
    };
    let text: String = text.chars().take(QUOTED).collect();
    let text = if text.is_empty() { text } else { format!(": {text}") };
    format!("{what} by {}, {:.0}{text}", entry.by, entry.at)
}
