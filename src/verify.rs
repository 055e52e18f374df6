//! Runs checks against a world: each distinct probe once, a red parent blocking its children, checks that
//! disturb the site last and alone. Must not know what a concern
//! asks.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use crate::concerns::people::Role;
use crate::concerns::{Check, Judgement, Safety, Verdict};
use crate::probe::{Disturbance, DnsProbe, DnsServer, Observation, Probe, evidence};
use crate::world::World;

/// Checks in flight at once. The site's own pace is kept by the world.
const AT_ONCE: usize = 16;
/// A judge that is not content after this many further rounds, or further probes, never will be. What a check asks
/// at first is as long as the blueprint makes it. The longest climb is that of SPF: ten includes may stand one below
/// the other (RFC 7208, section 4.6.4), each known only from the one above.
const ROUNDS: usize = 12;
const PROBES: usize = 200;

/// Why a check may not be run, if it may not.
pub type Permits = Box<dyn Fn(&Check) -> Result<(), String> + Send + Sync>;

pub struct Options {
    /// Why a check may not be run, as the end of a sentence that names its class; it is `unknown` then.
    pub permits: Permits,
    /// Checks of class S4 are run; elsewhere they are left out, and named.
    pub is_rehearsal: bool,
    /// Ids whose failure says that visitors are harmed: a live run ends with it (facts of the check catalogue, section
    /// 3, rule 7).
    pub alarms: &'static [&'static str],
    /// Nothing more is asked after the first failure.
    pub fail_fast: bool,
}

impl Options {
    /// Looking and no more: classes S0 and S1.
    pub fn looking() -> Self {
        let permits = |check: &Check| match check.safety {
            Safety::S0 | Safety::S1 => Ok(()),
            _ => Err("needs the owner's consent".to_owned()),
        };
        Self { permits: Box::new(permits), is_rehearsal: false, alarms: &[], fail_fast: false }
    }

    /// Every check, on a site that is nobody's.
    pub fn rehearsal() -> Self {
        Self { permits: Box::new(|_| Ok(())), is_rehearsal: true, alarms: &[], fail_fast: false }
    }
}

/// What one check came to.
#[derive(Debug, Clone)]
pub struct CheckResult {
    pub id: &'static str,
    pub concern: &'static str,
    pub subject: String,
    pub verdict: Verdict,
    pub because: String,
    pub evidence: Vec<String>,
    pub remedy: String,
    /// Who answers for it.
    pub owner: Role,
    pub source: &'static str,
    pub safety: Safety,
    pub expires: Timestamp,
    /// Of a verdict that is not good: when the last answer that a resolver gave from memory runs out. Before, asking again
    /// may find the same old answer (RFC 1035, section 7.4; RFC 2308, section 5).
    pub old_until: Option<Timestamp>,
    pub milliseconds: u64,
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub started: Timestamp,
    pub finished: Timestamp,
    /// In the order of the checks given.
    pub results: Vec<CheckResult>,
    /// Ids that only a rehearsal can run (S4), left out of a live run and named.
    pub rehearsal_only: Vec<&'static str>,
    /// Why the run was ended before its time: the site suffered.
    pub stopped: Option<String>,
}

/// How many checks came to each verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    pub pass: usize,
    pub warn: usize,
    pub fail: usize,
    pub unknown: usize,
    pub waived: usize,
}

impl Outcome {
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for result in &self.results {
            let count = match result.verdict {
                Verdict::Pass => &mut summary.pass,
                Verdict::Warn => &mut summary.warn,
                Verdict::Fail => &mut summary.fail,
                Verdict::Unknown => &mut summary.unknown,
                Verdict::Waived => &mut summary.waived,
            };
            *count += 1;
        }
        summary
    }
}

/// Progress, for whoever shows it.
#[derive(Debug, Clone)]
pub enum Event {
    Started { total: usize },
    Finished(CheckResult),
}

/// Whether `id` matches one of the patterns (`*`: any text, `?`: one character); no pattern matches everything.
pub fn is_selected(id: &str, patterns: &[String]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern.as_bytes(), id.as_bytes()))
}

/// Linear in `text` times the number of stars: only the last star is ever widened.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == b'?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, widened)) = star {
            star = Some((at, widened + 1));
            p = at + 1;
            t = widened + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Runs every check once and reports each as it ends.
///
/// A check waits for those of `checks` that it names as `blocked_by`; ids that are not among them are ignored.
pub async fn run(
    checks: Vec<(&'static str, Check)>,
    world: &World,
    options: &Options,
    on_event: impl Fn(Event) + Send + Sync,
) -> Outcome {
    let started = Timestamp::now();
    let (left_out, checks): (Vec<_>, Vec<_>) =
        checks.into_iter().partition(|(_, check)| check.safety == Safety::S4 && !options.is_rehearsal);
    let mut rehearsal_only: Vec<&'static str> = Vec::new();
    for (_, check) in &left_out {
        if !rehearsal_only.contains(&check.id) {
            rehearsal_only.push(check.id);
        }
    }

    on_event(Event::Started { total: checks.len() });
    let memo = Memo { world, cells: Mutex::default() };
    let mut board = Board::new(&checks);
    let mut first_failure = None;
    // First everything that leaves the site as it is, together; then the rest one by one.
    for alone in [false, true] {
        let mut running = FuturesUnordered::new();
        let at_once = if alone { 1 } else { AT_ONCE };
        loop {
            while running.len() < at_once
                && let Some(index) = board.take_ready(alone)
            {
                let (concern, check) = &checks[index];
                let stopped = world.stopped().map(|reason| format!("stopped: {reason}"));
                let blocker =
                    stopped.or_else(|| first_failure.clone()).or_else(|| board.blocker(check, &options.permits));
                let memo = (!alone).then_some(&memo);
                running.push(async move { (index, one(concern, check, blocker, world, memo, options).await) });
            }
            let Some((index, result)) = running.next().await else { break };
            if result.verdict == Verdict::Fail {
                if options.alarms.contains(&result.id) {
                    world.stop(format!("{} failed, and visitors are harmed", result.id));
                }
                if options.fail_fast {
                    first_failure.get_or_insert(format!("not asked after {} failed (--fail-fast)", result.id));
                }
            }
            on_event(Event::Finished(result.clone()));
            board.finish(index, result);
        }
    }
    // Only checks that wait for one another are left.
    for index in board.waiting() {
        let (concern, check) = &checks[index];
        let ids = check.blocked_by.join(", ");
        let because = format!("golive's own fault: it waits for {ids}, which wait for it");
        let result = result(concern, check, Verdict::Unknown, because, Vec::new(), Instant::now());
        on_event(Event::Finished(result.clone()));
        board.finish(index, result);
    }
    Outcome {
        started,
        finished: Timestamp::now(),
        results: board.into_results(),
        rehearsal_only,
        stopped: world.stopped(),
    }
}

/// Who is done, and what came of it.
struct Board<'a> {
    checks: &'a [(&'static str, Check)],
    taken: Vec<bool>,
    results: Vec<Option<CheckResult>>,
    indexes: BTreeMap<&'static str, Vec<usize>>,
}

impl<'a> Board<'a> {
    fn new(checks: &'a [(&'static str, Check)]) -> Self {
        let mut indexes: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
        for (index, (_, check)) in checks.iter().enumerate() {
            indexes.entry(check.id).or_default().push(index);
        }
        Self { checks, taken: vec![false; checks.len()], results: vec![None; checks.len()], indexes }
    }

    fn parents<'b>(&'b self, check: &'b Check) -> impl Iterator<Item = usize> + 'b {
        check.blocked_by.iter().filter_map(|id| self.indexes.get(id)).flatten().copied()
    }

    /// The first check whose parents are all done; those that disturb only when nobody else is about.
    fn take_ready(&mut self, disturbing: bool) -> Option<usize> {
        let index = (0..self.checks.len()).find(|&index| {
            let check = &self.checks[index].1;
            !self.taken[index]
                && (disturbing || !runs_alone(check))
                && self.parents(check).all(|parent| self.results[parent].is_some())
        })?;
        self.taken[index] = true;
        Some(index)
    }

    /// The first parent, in the order given, that did not hold. One that nobody permitted said nothing, as one that was
    /// not chosen.
    fn blocker(&self, check: &Check, permits: &Permits) -> Option<String> {
        let asked = self.parents(check).filter(|parent| permits(&self.checks[*parent].1).is_ok());
        asked.filter_map(|parent| self.results[parent].as_ref()).find_map(|result| {
            let how = match result.verdict {
                Verdict::Fail => "failed",
                Verdict::Unknown => "unknown",
                Verdict::Pass | Verdict::Warn | Verdict::Waived => return None,
            };
            let whom = if result.subject == check.subject { String::new() } else { format!(" for {}", result.subject) };
            Some(format!("blocked by {} ({how}{whom})", result.id))
        })
    }

    fn waiting(&self) -> Vec<usize> {
        (0..self.checks.len()).filter(|&index| !self.taken[index]).collect()
    }

    fn finish(&mut self, index: usize, result: CheckResult) {
        self.results[index] = Some(result);
    }

    fn into_results(self) -> Vec<CheckResult> {
        self.results.into_iter().flatten().collect()
    }
}

/// Whether it runs after the others and by itself: it changes what they see, or measures what they would slow down.
pub fn runs_alone(check: &Check) -> bool {
    check.disturbs
        || check.safety >= Safety::S4
        || check.ask.iter().any(|probe| match probe {
            Probe::Wait(wait) => !wait.copies_of.is_empty(),
            Probe::Disturb(_) | Probe::Burst(_) | Probe::Purge(_) => true,
            Probe::Dns(_) | Probe::Http(_) | Probe::Tls(_) | Probe::TlsOffer(_) | Probe::Samples(_) | Probe::Api(_) => {
                false
            }
        })
}

/// When the answer was there, and the answer.
type Answered = (Timestamp, Observation);

/// Answers shared by the checks of one run, each asked for once.
///
/// Not used by checks that disturb: once a copy has been aged or the app has failed, earlier answers are history.
struct Memo<'a> {
    world: &'a World,
    cells: Mutex<HashMap<Probe, Arc<OnceCell<Answered>>>>,
}

impl Memo<'_> {
    async fn ask(&self, probe: &Probe) -> Answered {
        let cell = {
            let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
            cells.entry(probe.clone()).or_default().clone()
        };
        cell.get_or_init(|| ask(self.world, probe)).await.clone()
    }
}

async fn ask(world: &World, probe: &Probe) -> Answered {
    let observation = world.ask(probe).await;
    (Timestamp::now(), observation)
}

async fn one(
    concern: &'static str,
    check: &Check,
    blocker: Option<String>,
    world: &World,
    memo: Option<&Memo<'_>>,
    options: &Options,
) -> CheckResult {
    let start = Instant::now();
    let unknown = |because| result(concern, check, Verdict::Unknown, because, Vec::new(), start);
    if let Some(because) = blocker {
        return unknown(because);
    }
    if let Err(because) = (options.permits)(check) {
        return unknown(format!("class {}: {because}", check.safety.as_str()));
    }

    let Judged { verdict, because, evidence, remembered_until } = judge(check, world, memo).await;
    CheckResult {
        old_until: remembered_until.filter(|_| matches!(verdict, Verdict::Fail | Verdict::Warn)),
        ..result(concern, check, verdict, because, evidence, start)
    }
}

/// What a judge said, and on what.
struct Judged {
    verdict: Verdict,
    because: String,
    evidence: Vec<String>,
    /// When the longest-lived answer of a resolver runs out.
    remembered_until: Option<Timestamp>,
}

/// How long whoever asked a resolver keeps this answer.
fn remembered(probe: &Probe, observation: &Observation) -> Option<Timestamp> {
    let (Probe::Dns(DnsProbe { server: DnsServer::Resolver | DnsServer::Named(_), .. }), Observation::Dns(answer)) =
        (probe, observation)
    else {
        return None;
    };
    let ttls = answer.answers.iter().map(|record| record.ttl);
    let negative = answer.authority_soa().map(|soa| soa.minimum);
    let seconds = ttls.max().or(negative)?;
    answer.at.checked_add(SignedDuration::from_secs(seconds.into())).ok()
}

/// Asks until the judge is content.
async fn judge(check: &Check, world: &World, memo: Option<&Memo<'_>>) -> Judged {
    let mut observations = Vec::new();
    let mut lines = Vec::new();
    let mut remembered_until = None;
    let mut questions = check.ask.clone();
    let (mut ill, mut degraded) = (false, false);
    let mut rounds = 0;
    let (verdict, because) = loop {
        if rounds > ROUNDS || observations.len() + questions.len() > check.ask.len() + PROBES {
            let because = format!("golive's own fault: no verdict after {} answers", observations.len());
            break (Verdict::Unknown, because);
        }
        rounds += 1;
        for question in &questions {
            let probe = &question.filled(world.nonce());
            let shared = memo.filter(|_| !matches!(probe, Probe::Wait(_) | Probe::Disturb(_)));
            let (at, observation) = match shared {
                Some(memo) => memo.ask(probe).await,
                None => ask(world, probe).await,
            };
            match probe {
                Probe::Disturb(Disturbance::ModeOn) => degraded = true,
                Probe::Disturb(Disturbance::ModeOff) => degraded = false,
                // Nothing is ill without its copies.
                Probe::Disturb(Disturbance::EdgePurged) => {}
                Probe::Disturb(disturbance) => ill = *disturbance != Disturbance::AppHealthy,
                _ => {}
            }
            // What was not asked is no evidence; the judge says why it was not.
            if !matches!(observation, Observation::NotAsked { .. }) {
                lines.push(evidence::line(probe, &observation, at));
            }
            remembered_until = remembered_until.max(remembered(probe, &observation));
            observations.push(observation);
        }
        // A judge reads answers that anybody may have written.
        match catch_unwind(AssertUnwindSafe(|| (check.judge)(&observations))) {
            Ok(Judgement::Say(verdict, because)) => break (verdict, because),
            Ok(Judgement::Ask(more)) => questions = more,
            Err(_) => {
                let because = "golive's own fault: the check broke on these answers; please report it".to_owned();
                break (Verdict::Unknown, because);
            }
        }
    };
    // Whatever the judge concluded early, the next check must find a healthy app in its normal mode.
    if degraded {
        ask(world, &Probe::Disturb(Disturbance::ModeOff)).await;
    }
    if ill {
        ask(world, &Probe::Disturb(Disturbance::AppHealthy)).await;
    }
    Judged { verdict, because, evidence: lines, remembered_until }
}

fn result(
    concern: &'static str,
    check: &Check,
    verdict: Verdict,
    because: String,
    evidence: Vec<String>,
    start: Instant,
) -> CheckResult {
    let now = Timestamp::now();
    CheckResult {
        id: check.id,
        concern,
        subject: check.subject.clone(),
        verdict,
        because,
        evidence,
        remedy: check.remedy.clone(),
        owner: Role::answering_for(concern),
        source: check.source,
        safety: check.safety,
        expires: now.checked_add(SignedDuration::from_secs(check.valid_for_seconds.into())).unwrap_or(Timestamp::MAX),
        old_until: None,
        milliseconds: start.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let selected = |pattern: &str, id| is_selected(id, &[pattern.to_owned()]);
        assert!(is_selected("dns.caa", &[]));
        for (pattern, id) in
            [("dns.*", "dns.caa"), ("*", ""), ("*.a*a", "dns.apex.a.aa"), ("dns.?aa", "dns.caa"), ("a**", "a")]
        {
            assert!(selected(pattern, id), "{pattern} {id}");
        }
        for (pattern, id) in [("dns", "dns.caa"), ("dns.?", "dns.caa"), ("", "a"), ("*b", "ba"), ("?", "")] {
            assert!(!selected(pattern, id), "{pattern} {id}");
        }
        assert!(!selected(&"*a".repeat(500), &"a".repeat(400)), "no exponential time");
    }
}
