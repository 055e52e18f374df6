//! How long is waited, how often is tried, and what is asked again: one policy for all that leaves this machine. Must not
//! ask.
//!
//! | question | may take | is put again |
//! |-|-|-|
//! | DNS, to one server | a timeout each try | over UDP after silence or garbage, then over TCP |
//! | HTTP GET, TLS handshake, TLS offer | a timeout each try | once after silence; a live GET once more where the site asks to come back within 30 s |
//! | burst, samples | a timeout each request; a burst 30 s | never: what goes wrong is what is measured |
//! | provider's API | a timeout each try | twice after 429, and of reads after silence, 408 and 5xx, with pauses |
//!
//! A refusal, a bad certificate and garbage over TCP were said by somebody, and are not asked for again.

use std::time::Duration;

use super::failure::Unanswered;
use crate::probe::{Failure, FailureKind, Observation};

/// The timeout of a live run: for one connection, handshake or answer.
pub(crate) const LIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The same on the loopback, where a slow answer is a fault.
pub(crate) const REHEARSAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Datagrams of one DNS question.
pub(super) const UDP_TRIES: usize = 2;
/// For what tells of the network here before a run: who takes longer says nothing, and questions find out by themselves.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(3);
/// Longest that one burst may take; what was answered by then counts.
pub(super) const LONGEST_BURST: Duration = Duration::from_secs(30);
/// The longest time that a live run lets pass in one [`crate::probe::Wait`]: five minutes. A copy that lives longer is for a
/// rehearsal to age.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Who asks to come back later than this is not waited for: the answer is taken as it is.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Tries of one request to a provider's API.
pub(crate) const API_TRIES: u32 = 3;
/// Before the second try, and twice that before the third, where the provider does not say.
pub(crate) const API_PAUSE: Duration = Duration::from_millis(500);
/// The same after 429 without Retry-After, which is how Scalingo answers ("Retry later").
pub(crate) const API_PAUSE_WHEN_TOO_MANY: Duration = Duration::from_secs(2);

/// Once more after silence: a single lost packet says nothing (facts of the check catalogue, section 0: unknown is two
/// timeouts).
///
/// # Errors
///
/// Those of the last try.
pub(super) async fn again_after_silence<T>(ask: impl AsyncFn() -> Result<T, Unanswered>) -> Result<T, Unanswered> {
    match ask().await {
        Err(unanswered) if matches!(*unanswered, Observation::Failed(Failure { kind: FailureKind::TimedOut, .. })) => {
            ask().await
        }
        answer => answer,
    }
}
