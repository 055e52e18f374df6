//! `golive launch`: a runbook walked for one site, on the live site or on the local world, with everything in the journal.
//!
//! Must not ask a person: the caller does, and hands the answer in.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::blueprint::{Blueprint, Loaded, Site};
use crate::concerns::Verdict;
use crate::concerns::people::Role;
use crate::emit::{self, Artifact};
use crate::ops::{self, rehearse};
use crate::runbook::fact::{Checked, Document, Evidence, Fact, Opened, Seen};
use crate::runbook::journal::{Entry, Journal, JournalError};
use crate::runbook::plan::{self, For, Item, ItemWork};
use crate::runbook::read::Runbook;
use crate::runbook::state::State;
use crate::verify::{CheckResult, Event, Outcome};

/// The eve on which a rehearsal is played: so long before the announcement.
const EVE: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{journal} is the journal of {found}, and this is {wanted}: name another with --journal")]
    Other { journal: String, found: String, wanted: String },
}

/// What is launched.
pub struct Subject<'a> {
    pub loaded: &'a Loaded,
    pub blueprint: Document,
    pub runbook: &'a Runbook,
    pub runbook_file: Document,
    /// Played on the local world.
    pub rehearsed: bool,
}

/// A launch with its journal open: nobody else walks it meanwhile.
pub struct Launch<'a> {
    loaded: &'a Loaded,
    journal: Journal,
    announcement: Timestamp,
    rehearsed: bool,
}

impl<'a> Launch<'a> {
    /// Begins a journal or takes it up where it ends. What the blueprint or the runbook asks for now, if that is other
    /// than before, becomes its next entry.
    ///
    /// # Errors
    ///
    /// A journal of something else, or as [`Journal::open`].
    pub fn open(subject: &Subject<'a>, journal: &Path, who: &str, now: Timestamp) -> Result<Self, Error> {
        let name = journal.display().to_string();
        let journal = Journal::open(journal, who)?;
        let before = last_opened(journal.entries());
        let announcement = match (subject.rehearsed, before) {
            (false, _) => subject.loaded.site.announcement,
            (true, Some(before)) => before.announcement,
            (true, None) => now.saturating_add(EVE).unwrap_or(now),
        };
        let mut launch = Self { loaded: subject.loaded, journal, announcement, rehearsed: subject.rehearsed };
        let site = launch.site();
        let of = For {
            blueprint: &subject.loaded.blueprint,
            site: &site,
            blueprint_sha256: &subject.blueprint.sha256,
            rehearsed: subject.rehearsed,
        };
        let opened = Opened {
            golive: env!("CARGO_PKG_VERSION").to_owned(),
            site: site.name.to_string(),
            title: site.title.to_string(),
            blueprint: subject.blueprint.clone(),
            runbook: subject.runbook_file.clone(),
            announcement,
            offset_seconds: emit::announcement_timezone(&subject.loaded.blueprint).to_offset(announcement).seconds(),
            rehearsed: subject.rehearsed,
            plan: plan::plan(subject.runbook, &of),
        };
        if let Some(before) = last_opened(launch.journal.entries())
            && what(before) != what(&opened)
        {
            return Err(Error::Other { journal: name, found: what(before), wanted: what(&opened) });
        }
        if last_opened(launch.journal.entries()) != Some(&opened) {
            launch.record(who, Fact::Opened(opened))?;
        }
        Ok(launch)
    }

    /// The site as it is launched; of a rehearsal, with the announcement that its first opening made up.
    pub fn site(&self) -> Site {
        match self.rehearsed {
            true => self.loaded.site.clone().on_the_eve_of(self.eve()),
            false => self.loaded.site.clone(),
        }
    }

    /// A day before the announcement.
    pub fn eve(&self) -> Timestamp {
        self.announcement.saturating_sub(EVE).unwrap_or(self.announcement)
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn state(&self, now: Timestamp) -> State<'_> {
        let state = State::replay(self.journal.entries(), now);
        state.unwrap_or_else(|| unreachable!("a launch that is open has an entry that opened it"))
    }

    /// On the disk when this returns.
    ///
    /// # Errors
    ///
    /// As [`Journal::append`]; nothing is recorded then, and it may be tried again.
    pub fn record(&mut self, by: &str, fact: Fact) -> Result<(), JournalError> {
        self.journal.append(by, fact).map(drop)
    }
}

/// What a journal is of, in words.
fn what(opened: &Opened) -> String {
    let how = if opened.rehearsed { "a rehearsal" } else { "a launch" };
    format!("{how} of {} by the runbook {}", opened.site, opened.runbook.path)
}

fn last_opened(entries: &[Entry]) -> Option<&Opened> {
    entries.iter().rev().find_map(|entry| match &entry.fact {
        Fact::Opened(opened) => Some(opened),
        _ => None,
    })
}

/// Where checks are put.
pub enum Ground {
    Live(Box<ops::verify::Request>),
    Local(Box<rehearse::Stage>),
}

impl Ground {
    /// The local world, on the eve of the launch's announcement.
    ///
    /// # Errors
    ///
    /// As [`rehearse::Stage::healthy`].
    pub async fn local(loaded: &Loaded, artifacts: &[Artifact], eve: Timestamp) -> Result<Self, rehearse::Error> {
        Ok(Self::Local(Box::new(rehearse::Stage::healthy(loaded, artifacts, eve).await?)))
    }

    /// Runs the checks of these ids.
    ///
    /// # Errors
    ///
    /// As [`ops::verify::verify`].
    pub async fn check(
        &self,
        blueprint: &Blueprint,
        site: &Site,
        ids: &[String],
        on_event: impl Fn(Event) + Send + Sync,
    ) -> anyhow::Result<Outcome> {
        match self {
            Ground::Live(request) => {
                let request = ops::verify::Request { only: ids.to_vec(), ..(**request).clone() };
                ops::verify::verify(blueprint, site, request, on_event).await
            }
            Ground::Local(stage) => Ok(stage.check(blueprint, ids, on_event).await),
        }
    }

    /// Ends what was started for it.
    pub async fn leave(self) {
        if let Ground::Local(stage) = self {
            stage.stop().await;
        }
    }
}

/// What a run of an item's checks came to. A check that was to be run and was not is unknown.
pub fn checked(item: &Item, outcome: &Outcome) -> Fact {
    let mut results: Vec<Evidence> = outcome.results.iter().map(evidence).collect();
    if let ItemWork::Checks(ids) = &item.work {
        for id in ids.iter().filter(|id| !results.iter().any(|result| result.id == **id)).cloned().collect::<Vec<_>>() {
            results.push(Evidence {
                id,
                subject: String::new(),
                verdict: Seen::Unknown,
                because: "it was not run".to_owned(),
                remedy: String::new(),
                owner: Role::Lead,
                source: String::new(),
                expires: outcome.finished,
                seen: Vec::new(),
            });
        }
    }
    Fact::Checked(Checked {
        item: item.key.clone(),
        fingerprint: item.fingerprint.clone(),
        started: outcome.started,
        finished: outcome.finished,
        results,
    })
}

fn evidence(result: &CheckResult) -> Evidence {
    let CheckResult { id, subject, verdict, because, remedy, owner, source, expires, evidence, .. } = result;
    Evidence {
        id: (*id).to_owned(),
        subject: subject.clone(),
        verdict: match verdict {
            Verdict::Pass => Seen::Pass,
            Verdict::Warn => Seen::Warn,
            Verdict::Fail => Seen::Fail,
            // A run waives nothing.
            Verdict::Unknown | Verdict::Waived => Seen::Unknown,
        },
        because: because.clone(),
        remedy: remedy.clone(),
        owner: *owner,
        source: (*source).to_owned(),
        expires: *expires,
        seen: evidence.clone(),
    }
}
