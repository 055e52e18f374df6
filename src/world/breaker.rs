//! Stops a live run when the site suffers (facts of the check catalogue, section 3, rule 7): two server errors in a row
//! from a page that answered before, or answers that take twice as long as at first. Once it has tripped nothing more
//! is asked. Must not judge a check, and must not be used in a rehearsal, which makes its site suffer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::probe::{BurstAnswer, HttpAnswer, HttpProbe};

/// How many answers make a quantile.
const SAMPLE: usize = 20;
/// Below this no answer is slow: twice a few milliseconds is a full moment of somebody's garbage collector.
const SLOW: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By scheme, host and path: whether it ever answered without an error, and errors in a row since.
    pages: HashMap<String, (bool, u32)>,
    /// The 95th percentile of the first answers.
    usual: Option<Duration>,
    latest: VecDeque<Duration>,
    tripped: Option<String>,
}

impl Breaker {
    pub(super) fn tripped(&self) -> Option<String> {
        self.lock().tripped.clone()
    }

    /// The first reason is kept.
    pub(super) fn trip(&self, reason: String) {
        self.lock().tripped.get_or_insert(reason);
    }

    pub(super) fn saw(&self, probe: &HttpProbe, answer: &HttpAnswer) {
        let page = page(probe);
        let mut state = self.lock();
        if state.errs(&page, answer.status) {
            state
                .tripped
                .get_or_insert(format!("{page} answered {} twice in a row, and was well before", answer.status));
        }
        if let Some((usual, now)) = state.slows(answer.elapsed) {
            state.tripped.get_or_insert(format!(
                "answers take {} ms where they took {} ms (95th percentile of {SAMPLE})",
                now.as_millis(),
                usual.as_millis()
            ));
        }
    }

    /// 503 is how some limits refuse; any other server error is the site's.
    pub(super) fn saw_burst(&self, probe: &HttpProbe, answer: &BurstAnswer) {
        let suffers = |status: &u16| *status >= 500 && *status != 503;
        if answer.statuses.windows(2).any(|pair| pair.iter().all(suffers))
            && answer.statuses.first().is_some_and(|first| !suffers(first))
        {
            self.trip(format!("{} answered with errors under a burst", page(probe)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page(probe: &HttpProbe) -> String {
    let path = probe.path.split('?').next().unwrap_or_default();
    format!("{}://{}{path}", probe.scheme.as_str(), probe.host)
}

impl State {
    /// Whether this is the second error in a row of a page that was well.
    fn errs(&mut self, page: &str, status: u16) -> bool {
        let (was_well, errors) = self.pages.entry(page.to_owned()).or_default();
        match status {
            500.. => *errors += 1,
            _ => (*was_well, *errors) = (true, 0),
        }
        *was_well && *errors >= 2
    }

    /// The usual and the present 95th percentile, when the second is twice the first.
    fn slows(&mut self, elapsed: Duration) -> Option<(Duration, Duration)> {
        self.latest.push_back(elapsed);
        if self.latest.len() < SAMPLE {
            return None;
        }
        let mut sorted: Vec<Duration> = self.latest.iter().copied().collect();
        sorted.sort_unstable();
        let now = sorted[SAMPLE * 95 / 100 - 1];
        match self.usual {
            None => {
                self.usual = Some(now);
                self.latest.clear();
                None
            }
            Some(usual) => {
                self.latest.pop_front();
                (now > usual * 2 && now > SLOW).then_some((usual, now))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_errors_in_a_row_of_a_page_that_was_well() {
        let mut state = State::default();
        for (page, status, trips) in [
            ("a", 500, false),
            ("a", 502, false), // never seen well: it may be one that always fails
            ("a", 200, false),
            ("a", 500, false),
            ("b", 200, false),
            ("a", 200, false),
            ("a", 503, false),
            ("b", 500, false),
            ("a", 404, false),
            ("a", 500, false),
            ("a", 500, true),
        ] {
            assert_eq!(state.errs(page, status), trips, "{page} {status}");
        }
    }

    #[test]
    fn answers_twice_as_slow_as_the_first_twenty() {
        let mut state = State::default();
        let ms = Duration::from_millis;
        for _ in 0..SAMPLE {
            assert_eq!(state.slows(ms(600)), None);
        }
        for _ in 0..SAMPLE {
            assert_eq!(state.slows(ms(1200)), None, "twice is not more than twice");
        }
        assert_eq!(state.slows(ms(3000)), None, "one slow answer of twenty is no 95th percentile");
        assert_eq!(state.slows(ms(3000)), Some((ms(600), ms(3000))));

        let mut quick = State::default();
        for elapsed in [ms(3); SAMPLE].into_iter().chain([ms(900); 3 * SAMPLE]) {
            assert_eq!(quick.slows(elapsed), None, "under a second nothing is slow");
        }
    }
}
