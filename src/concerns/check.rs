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

/// What no document says for certain, and nobody has tried. A verdict that rests on it says so, in the words of
/// [`Judgement::resting_on`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unverified(pub &'static str);

impl Unverified {
    /// No document of Scalingo's says which; a rehearsal's router appends.
    pub const ROUTER_FORWARDS: Self = Self("whether the platform's router appends to X-Forwarded-For or replaces it");
    /// Launches had them (JVA-2, JVA-12); the host's present documents do not name them.
    pub const DEDICATED_ADDRESSES: Self = Self("that the platform still gives an app inbound addresses of its own");
}

impl Judgement {
    /// The same, which says at its end that it rests on what is not verified. What could not be tested rests on nothing.
    #[must_use]
    pub fn resting_on(self, Unverified(what): Unverified) -> Self {
        match self {
            Self::Say(verdict @ (Verdict::Pass | Verdict::Warn | Verdict::Fail), because) => {
                Self::Say(verdict, format!("{because}; unverified: {what}"))
            }
            other => other,
        }
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

impl Check {
    /// The same check, of which each verdict rests on this.
    #[must_use]
    pub fn resting_on(self, what: Unverified) -> Self {
        let judge = self.judge;
        Self { judge: Box::new(move |seen| judge(seen).resting_on(what)), ..self }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Check({} {})", self.id, self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rests_on_a_guess_says_so_and_what_was_not_tested_rests_on_nothing() {
        let guess = Unverified("whether the moon is made of cheese");
        let Judgement::Say(Verdict::Fail, because) = Judgement::fail("it melts").resting_on(guess) else { panic!() };
        assert_eq!(because, "it melts; unverified: whether the moon is made of cheese");
        let Judgement::Say(_, because) = Judgement::unknown("no token").resting_on(guess) else { panic!() };
        assert_eq!(because, "no token");
    }
}
