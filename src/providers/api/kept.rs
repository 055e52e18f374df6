//! What is learnt once in a run and then known: ids, tokens of an hour. Must not learn it itself.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::probe::{Failure, FailureKind, Observation};
use crate::world::failure::Unanswered;

/// Scalingo's tokens live an hour (developers.scalingo.com, authentication); ids for ever.
const HOLDS_FOR: Duration = Duration::from_secs(50 * 60);

type Known<T> = Option<(Instant, Result<T, Observation>)>;

/// By name. Whoever asks while it is being learnt waits for it. A refusal is kept as well: asked again, the provider
/// would refuse again. Silence is not.
pub(super) struct Kept<T>(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known<T>>>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    pub(super) async fn get(
        &self,
        name: &str,
        learn: impl Future<Output = Result<T, Unanswered>>,
    ) -> Result<T, Unanswered> {
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(name.to_owned()).or_default().clone()
        };
        let mut known = slot.lock().await;
        if let Some((since, result)) = &*known
            && since.elapsed() < HOLDS_FOR
        {
            return result.clone().map_err(Box::new);
        }
        let result = learn.await;
        *known = match &result {
            Ok(value) => Some((Instant::now(), Ok(value.clone()))),
            Err(refusal) if is_refusal(refusal) => Some((Instant::now(), Err((**refusal).clone()))),
            Err(_) => None,
        };
        result
    }
}

fn is_refusal(observation: &Observation) -> bool {
    matches!(observation, Observation::Failed(Failure { kind: FailureKind::Declined, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::failure::failed;

    #[tokio::test]
    async fn refusals_are_kept_and_silence_is_not() {
        let kept: Kept<u8> = Kept::default();
        let fail = |kind| async move { Err(failed(kind, "no")) };
        assert!(kept.get("a", fail(FailureKind::TimedOut)).await.is_err());
        assert_eq!(kept.get("a", async { Ok(1) }).await.ok(), Some(1));
        assert_eq!(kept.get("a", async { Ok(2) }).await.ok(), Some(1));
        assert!(kept.get("b", fail(FailureKind::Declined)).await.is_err());
        assert!(kept.get("b", async { Ok(3) }).await.is_err());
    }
}
