//! Politeness towards one provider: what its limit allows in a window of time, less than it grants since people and
//! other tools share it, and obedience to Retry-After. Must not send.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests under way at once.
const AT_ONCE: usize = 4;
/// Requests a run: a checklist asks some dozens of things.
const REQUESTS_A_RUN: usize = 500;

/// So many requests in any window so long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    pub requests: usize,
    pub window: Duration,
}

pub(super) struct Budget {
    /// `None` in a rehearsal, where only loopback is met.
    limit: Option<Limit>,
    at_once: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The latest requests, as many as the limit counts, oldest first.
    latest: VecDeque<Instant>,
    taken: usize,
    /// Nobody asks before.
    held_until: Option<Instant>,
}

impl Budget {
    pub(super) fn new(limit: Option<Limit>) -> Self {
        Self { limit, at_once: Semaphore::new(AT_ONCE), state: Mutex::default() }
    }

    /// Waits for a turn, which lasts until it is dropped; `None` when the run's budget is spent.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.at_once.acquire().await.ok()?;
        let slot = self.lock().slot(Instant::now(), self.limit)?;
        tokio::time::sleep_until(slot.into()).await;
        Some(permit)
    }

    /// Nobody who has not had a turn yet asks before `pause` is over.
    pub(super) fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        state.held_until = Some(state.held_until.map_or(until, |held| held.max(until)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slot(&mut self, now: Instant, limit: Option<Limit>) -> Option<Instant> {
        if self.taken == REQUESTS_A_RUN {
            return None;
        }
        self.taken += 1;
        let mut slot = self.held_until.map_or(now, |held| held.max(now));
        let Some(limit) = limit else { return Some(slot) };
        if self.latest.len() >= limit.requests
            && let Some(oldest) = self.latest.pop_front()
        {
            slot = slot.max(oldest + limit.window);
        }
        self.latest.push_back(slot);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_the_limit_and_no_run_more_than_its_budget() {
        let limit = Limit { requests: 3, window: Duration::from_secs(60) };
        let mut state = State::default();
        let start = Instant::now();
        let mut slots = Vec::new();
        for nth in 0..REQUESTS_A_RUN {
            slots.push(state.slot(start + Duration::from_secs(nth as u64), Some(limit)).unwrap());
        }
        assert_eq!(slots[2].duration_since(start).as_secs(), 2);
        assert_eq!(slots[3].duration_since(start).as_secs(), 60);
        assert!(slots.windows(4).all(|four| four[3] >= four[0] + limit.window));
        assert_eq!(state.slot(start, Some(limit)), None);
    }

    #[test]
    fn whoever_comes_later_waits_too() {
        let mut state = State::default();
        let now = Instant::now();
        state.held_until = Some(now + Duration::from_secs(7));
        assert_eq!(state.slot(now, None), Some(now + Duration::from_secs(7)));
        let later = now + Duration::from_secs(9);
        assert_eq!(state.slot(later, None), Some(later));
    }
}
