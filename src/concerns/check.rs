//! A check: what to ask, and the pure judgement of the answers.

use std::fmt;

use crate::probe::{Observation, Probe};

/// Safety class of a check (what it may do to a production site).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Safety {
    /// DNS and API reads.
    S0,
    /// At most 30 plain GETs at no more than 2 a second.
    S1,
    /// Looks like an attack, or goes to the origin directly, or hundreds of requests: owner's consent.
    S2,
    /// Trips limits, loads or changes state: written consent and a stop button.
    S3,
    /// Rehearsal only.
    S4,
}

impl Safety {
    pub fn as_str(self) -> &'static str {
        match self {
            Safety::S0 => "S0",
            Safety::S1 => "S1",
            Safety::S2 => "S2",
            Safety::S3 => "S3",
            Safety::S4 => "S4",
        }
    }
}

/// The outcome of a check. `Unknown` (could not test) is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    Pass,
    Warn,
    Fail,
    Unknown,
    Waived,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
            Verdict::Waived => "waived",
        }
    }
}

/// What a judgement comes to: a verdict, or more questions.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// Not yet decided: ask these too, in order, after one another; their answers are appended.
    Ask(Vec<Probe>),
    /// Decided.
    Say(Verdict, String),
}

impl Judgement {
    pub fn pass(because: impl Into<String>) -> Self {
        Self::Say(Verdict::Pass, because.into())
    }
    pub fn warn(because: impl Into<String>) -> Self {
        Self::Say(Verdict::Warn, because.into())
    }
    pub fn fail(because: impl Into<String>) -> Self {
        Self::Say(Verdict::Fail, because.into())
    }
    pub fn unknown(because: impl Into<String>) -> Self {
        Self::Say(Verdict::Unknown, because.into())
    }
}

type Judge = Box<dyn Fn(&[Observation]) -> Judgement + Send + Sync>;

/// One row of the launch checklist.
pub struct Check {
    /// Id of the catalogue: `<concern>.<what>`; one id may have several subjects.
    pub id: &'static str,
    /// What this instance is about: a name, an address, a class of routes.
    pub subject: String,
    pub safety: Safety,
    /// Ids whose failure (on any subject that matters to this one) makes this check unknown and not red.
    pub blocked_by: Vec<&'static str>,
    /// Whether the judge may ask later to age a copy or to disturb the app, or the check must not meet others for
    /// another reason. Such checks run last and one by one, as do those whose first questions already say so.
    pub disturbs: bool,
    /// First questions. They are put one after another, so that a second GET may find the first one's copy.
    pub ask: Vec<Probe>,
    /// Pure: same observations, same judgement.
    pub judge: Judge,
    /// What to do when it is red.
    pub remedy: String,
    /// Why somebody cares: story ids, RFC sections, vendor documents.
    pub source: &'static str,
    /// How long a pass may be relied upon, in seconds (checks age: DNS 15 min, TLS 6 h, cache 1 h).
    pub valid_for_seconds: u32,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({} {})", self.id, self.subject)
    }
}
