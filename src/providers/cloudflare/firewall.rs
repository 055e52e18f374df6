//! Who is stopped at the edge, and by which rule: custom rules, limits, managed rules, the waiting room, in the order
//! of Cloudflare's phases (docs, ruleset-engine/reference/phases-list). Pure: counters belong to whoever plays.
//!
//! Where the waiting room stands is not settled in the documents (the list of phases has it before the filters, the
//! questions and answers behind them): here it comes last, as the answers say.

use hyper::header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::language::{Condition, Facts};
use super::payload::Payloads;

#[derive(Debug)]
pub struct CustomRule {
    /// Its `ref`, else its number.
    pub name: String,
    pub condition: Condition,
    pub action: CustomAction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomAction {
    Skip(Skips),
    Block,
    Challenge,
    Log,
}

/// What a rule lets its visitors past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skips {
    /// The custom rules after it.
    pub custom: bool,
    pub limits: bool,
    pub managed: bool,
}

#[derive(Debug)]
pub struct ManagedRule {
    pub name: String,
    pub condition: Condition,
    pub only_logs: bool,
    pub enabled: bool,
}

#[derive(Debug)]
pub struct LimitRule {
    pub name: String,
    pub condition: Condition,
    /// So many requests pass in a period.
    pub requests: u32,
    /// Seconds.
    pub period: u32,
    /// Seconds that a client stays out once it was stopped.
    pub blocks_for: u32,
    pub status: u16,
    /// Type and content; none: Cloudflare's own page.
    pub body: Option<(String, String)>,
}

#[derive(Debug)]
pub struct HeaderRule {
    pub name: String,
    pub condition: Condition,
    /// Headers to set, or to remove.
    pub changes: Vec<(HeaderName, Option<HeaderValue>)>,
}

#[derive(Debug)]
pub struct Room {
    pub name: String,
    pub host: String,
    pub path: String,
    pub status: u16,
    pub suspended: bool,
    pub holds_all: bool,
    pub answers_json: bool,
    /// Of the standard page, as HTML names it.
    pub language: String,
    pub secure_cookie: bool,
    pub bypass: Vec<Condition>,
}

impl Room {
    /// Whether a request belongs here and may be made to wait. The path counts with its capitals and covers what is
    /// below it (docs, waiting-room/reference/configuration-settings).
    pub fn takes(&self, facts: &Facts<'_>) -> bool {
        let below = facts.path.strip_prefix(self.path.trim_end_matches('/'));
        facts.host == self.host
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && !self.bypass.iter().any(|condition| condition.holds(facts))
    }
}

/// What the custom rules make of a request.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Filtered<'a> {
    /// The rule that let it through, and past what.
    pub let_through: Option<(&'a str, Skips)>,
    /// Rules that only told the log.
    pub logged: Vec<&'a str>,
    pub stopped: Option<Stopped<'a>>,
}

/// Who was stopped, how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped<'a> {
    pub by: &'a str,
    pub how: Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// 403.
    Block,
    /// 403 with `cf-mitigated: challenge` (docs, cloudflare-challenges/.../detect-response).
    Challenge,
}

/// An attack that a managed ruleset knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Attack<'a> {
    pub by: &'a str,
    /// What was found.
    pub found: &'static str,
    pub only_logged: bool,
}

impl Payloads {
    /// The first rule that blocks or challenges decides; one that skips ends the phase.
    pub fn filtered(&self, facts: &Facts<'_>) -> Filtered<'_> {
        let mut filtered = Filtered::default();
        for rule in self.custom.iter().filter(|rule| rule.condition.holds(facts)) {
            let name = rule.name.as_str();
            match rule.action {
                CustomAction::Skip(skips) => {
                    filtered.let_through = Some((name, skips));
                    if skips.custom {
                        break;
                    }
                }
                CustomAction::Log => filtered.logged.push(name),
                CustomAction::Block => {
                    filtered.stopped = Some(Stopped { by: name, how: Stop::Block });
                    break;
                }
                CustomAction::Challenge => {
                    filtered.stopped = Some(Stopped { by: name, how: Stop::Challenge });
                    break;
                }
            }
        }
        filtered
    }

    /// Limits that count this request, with their place in the list.
    pub fn limits_of(&self, facts: &Facts<'_>) -> impl Iterator<Item = (usize, &LimitRule)> {
        self.limits.iter().enumerate().filter(|(_, rule)| rule.condition.holds(facts))
    }

    /// The managed ruleset that knows this request for an attack.
    pub fn attack(&self, facts: &Facts<'_>) -> Option<Attack<'_>> {
        let found = signature(facts)?;
        let mut rules = self.managed.iter().filter(|rule| rule.enabled && rule.condition.holds(facts));
        let logged = rules.clone().find(|rule| rule.only_logs);
        let rule = rules.find(|rule| !rule.only_logs).or(logged)?;
        Some(Attack { by: &rule.name, found, only_logged: rule.only_logs })
    }

    /// The room in which this request may have to wait.
    pub fn room_of(&self, facts: &Facts<'_>) -> Option<&Room> {
        self.room.as_ref().filter(|room| room.takes(facts))
    }
}

/// Three of the thousands of signatures of Cloudflare's managed rulesets, the ones that the check `waf.signature`
/// probes: a script in an argument, an always-true condition of SQL, a way out of the folder. Which of the real
/// rulesets knows which is not published, so each of them knows all three here.
fn signature(facts: &Facts<'_>) -> Option<&'static str> {
    let sent = facts.uri().replace('+', " ");
    let decoded = percent_decode_str(&sent).decode_utf8_lossy().to_ascii_lowercase();
    [("<script", "a script in the URL"), ("' or 1=1", "SQL in the URL"), ("../../", "a way out of the folder")]
        .into_iter()
        .find(|(text, _)| decoded.contains(text))
        .map(|(_, found)| found)
}
