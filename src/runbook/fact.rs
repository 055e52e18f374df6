//! What a journal records: one fact a line, with all that a reader needs to judge it later. Must not know how lines are
//! chained or written ([`super::journal`]) nor what follows from them ([`super::state`]).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::concerns::people::Role;

/// Something that happened in a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The launch was opened, or taken up again with another blueprint or runbook: what is to be done from here on.
    Opened(Opened),
    /// Checks were run for an item.
    Checked(Checked),
    /// Somebody settled an item, or put it off.
    Answered(Answered),
    /// Somebody went back to an item: what was said of it no longer counts.
    Reopened { item: String, reason: String },
    /// A role votes on exactly what the signature stands for.
    Voted(Vote),
    /// What the poll came to.
    Decided(Decision),
    /// The scribe's line.
    Noted { text: String },
    /// Somebody pulled a lever.
    Pulled(Moved),
    /// Somebody took it back.
    Released(Moved),
    /// Two branches of the journal were joined; the entry's `prev` names both ends.
    Merged,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Version of golive.
    pub golive: String,
    /// `site.name` and `site.title` of the blueprint.
    pub site: String,
    pub title: String,
    /// Path as the person gave it, and SHA-256 of the bytes in lower-case hexadecimal.
    pub blueprint: Document,
    pub runbook: Document,
    /// When the site is announced. Of a rehearsal: made up when it was first opened.
    pub announcement: Timestamp,
    /// How far the announcement's own clock is ahead of UTC, for whoever reads the journal later; 0 where nobody said.
    #[serde(default)]
    pub offset_seconds: i32,
    /// Played on the local world; nothing in it says anything of a live site.
    pub rehearsed: bool,
    pub plan: Plan,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub path: String,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// [`super::plan::Item::key`].
    pub item: String,
    /// [`super::plan::Item::fingerprint`] at that time.
    pub fingerprint: String,
    pub started: Timestamp,
    pub finished: Timestamp,
    pub results: Vec<Evidence>,
}

/// One check, with what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub id: String,
    pub subject: String,
    /// `pass`, `warn`, `fail` or `unknown`.
    pub verdict: Seen,
    pub because: String,
    pub remedy: String,
    pub owner: Role,
    pub source: String,
    /// From then on it says nothing any more (facts of the check catalogue, section 3, rule 12).
    pub expires: Timestamp,
    /// What was asked, of whom, and the answer.
    pub seen: Vec<String>,
}

/// A verdict that a run can come to. Waiving is a person's word, and an [`Answered`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    Pass,
    Warn,
    Fail,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    pub item: String,
    pub fingerprint: String,
    /// In whose place the person spoke.
    pub role: Role,
    pub answer: Answer,
    /// What was said: a ticket's number, a reason; may be empty where the thing is done.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Done,
    /// Not yet; it will be asked again.
    Held,
    /// Not needed here. Not to be had for a gate.
    Skipped,
    /// It is not as it must be, and the launch goes on: by name, with a reason.
    Waived,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub item: String,
    pub role: Role,
    pub go: bool,
    pub reason: String,
    /// [`super::state::Signature`]: SHA-256 over blueprint, runbook and the standing of every item before the vote.
    pub signs: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub item: String,
    pub go: bool,
    pub signs: String,
    /// Why not; empty for a go.
    pub reasons: Vec<String>,
}

/// What came of moving a lever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub lever: String,
    /// Actions in words, in their order; those that needed nothing are among the done.
    pub done: Vec<String>,
    /// The first of them with the reason.
    pub not_done: Vec<String>,
    /// How long after the beginning everybody met the effect, in milliseconds; `None`: it was not seen.
    pub effect_after_ms: Option<u64>,
    /// What was seen, or why nothing was.
    pub seen: String,
}
