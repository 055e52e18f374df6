//! Politeness towards a live site: two requests a second over all HTTP and TLS probes, three hundred a run, and
//! obedience to Retry-After once (facts of the check catalogue, section 3, rule 3). Must not be used in a rehearsal,
//! where only loopback is met.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::policy::LONGEST_PAUSE;

/// Requests a second, over all HTTP and TLS probes.
pub const PER_SECOND: u32 = 2;
/// The most that a run puts.
pub const REQUESTS_A_RUN: u32 = 300;

const BETWEEN_REQUESTS: Duration = Duration::from_millis(1000 / PER_SECOND as u64);

#[derive(Default)]
pub(super) struct Pace {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Nobody asks before.
    next: Option<Instant>,
    taken: u32,
}

impl Pace {
    /// Waits for a turn; `false` when the run's budget is spent.
    pub(super) async fn turn(&self) -> bool {
        let slot = self.lock().slot(Instant::now());
        if let Some(slot) = slot {
            tokio::time::sleep_until(slot.into()).await;
        }
        slot.is_some()
    }

    /// Nobody who has not had a turn yet asks before `pause` is over.
    pub(super) fn hold(&self, pause: Duration) {
        self.lock().hold_until(Instant::now() + pause);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slot(&mut self, now: Instant) -> Option<Instant> {
        if self.taken == REQUESTS_A_RUN {
            return None;
        }
        self.taken += 1;
        let slot = self.next.map_or(now, |next| next.max(now));
        self.next = Some(slot + BETWEEN_REQUESTS);
        Some(slot)
    }

    fn hold_until(&mut self, until: Instant) {
        self.next = Some(self.next.map_or(until, |next| next.max(until)));
    }
}

/// How long a 429 or 503 asks to stay away: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), when
/// that is at most 30 s.
pub(crate) fn asked_pause(status: u16, retry_after: Option<&str>, now: Timestamp) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    let value = retry_after?.trim();
    let pause = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
            Duration::try_from(date.duration_since(now)).unwrap_or_default()
        }
    };
    (pause <= LONGEST_PAUSE).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_obeyed_within_bounds() {
        let now: Timestamp = "2020-03-22T19:30:00Z".parse().unwrap();
        let pause = |status, value| asked_pause(status, Some(value), now).map(|pause| pause.as_secs());
        assert_eq!(pause(429, "7"), Some(7));
        assert_eq!(pause(503, " 30 "), Some(30));
        assert_eq!(pause(503, "Sun, 22 Mar 2020 19:30:12 GMT"), Some(12));
        assert_eq!(pause(503, "Sun, 22 Mar 2020 19:00:00 GMT"), Some(0));
        assert_eq!(pause(503, "31"), None);
        assert_eq!(pause(429, "soon"), None);
        assert_eq!(pause(429, "99999999999999999999"), None);
        assert_eq!(pause(200, "7"), None);
        assert_eq!(asked_pause(429, None, now), None);
    }

    #[test]
    fn two_requests_a_second_and_three_hundred_a_run() {
        let mut state = State::default();
        let start = Instant::now();
        let after = |slot: Option<Instant>| slot.map(|slot| slot.duration_since(start).as_millis());
        assert_eq!(after(state.slot(start)), Some(0));
        assert_eq!(after(state.slot(start)), Some(500));
        assert_eq!(after(state.slot(start)), Some(1000));
        let later = start + Duration::from_secs(10);
        assert_eq!(after(state.slot(later)), Some(10_000), "idle time is not saved up");
        state.hold_until(later + Duration::from_secs(20));
        assert_eq!(after(state.slot(later)), Some(30_000));
        for _ in 5..REQUESTS_A_RUN {
            assert!(state.slot(later).is_some());
        }
        assert_eq!(state.slot(later), None, "the budget is spent");
    }
}
