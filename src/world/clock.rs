//! Whether the clock here can be believed where certificates and signatures are judged by it. Must not say so where
//! nobody tells the time.

use hyper::header::{AGE, DATE};
use jiff::{SignedDuration, Timestamp};

use super::failure::{Unanswered, not_asked};
use super::{World, policy};
use crate::probe::{HttpAnswer, HttpProbe, Observation, Probe, Scheme, Signatures, Target};

/// Certificates and signatures live for days; a copy in a cache may be some minutes older than its `Age` says.
const TOO_FAR: SignedDuration = SignedDuration::from_hours(1);

impl World {
    /// A certificate or a signature is not judged by a clock that is wrong. Asked once a live run, of the site itself,
    /// over plain http, where no certificate has to be believed.
    ///
    /// # Errors
    ///
    /// Says whose clock is how far away.
    pub(super) async fn refuse_if_clock_is_wrong(&self, probe: &Probe) -> Result<(), Unanswered> {
        let is_judged_by_it = match probe {
            Probe::Tls(_) => true,
            Probe::Dns(probe) => probe.signatures != Signatures::NotAsked,
            Probe::Http(_)
            | Probe::Burst(_)
            | Probe::TlsOffer(_)
            | Probe::Samples(_)
            | Probe::Wait(_)
            | Probe::Disturb(_)
            | Probe::Api(_)
            | Probe::Purge(_) => false,
        };
        if self.routed_only || !is_judged_by_it {
            return Ok(());
        }
        match self.clock.get_or_init(|| self.compared()).await {
            Some(apart) => Err(not_asked(apart)),
            None => Ok(()),
        }
    }

    async fn compared(&self) -> Option<String> {
        let host = self.allowed.hosts.first()?.clone();
        let probe = HttpProbe {
            scheme: Scheme::Http,
            host: host.clone(),
            host_header: None,
            path: "/".to_owned(),
            to: Target::Resolved,
            headers: Vec::new(),
            nth: 0,
        };
        let asked = tokio::time::timeout(policy::FIRST_LOOK, self.http(&probe)).await.ok()?.ok()?;
        let Observation::Http(answer) = asked else { return None };
        let apart = answer.at.duration_since(time_of(&answer)?);
        (apart.abs() > TOO_FAR).then(|| {
            let (hours, way) = (apart.abs().as_hours(), if apart.is_positive() { "ahead of" } else { "behind" });
            format!(
                "the clock here is {hours} hours {way} that of {host}: one of them is wrong, and no certificate or \
                 signature is judged by it"
            )
        })
    }
}

/// When the answer was sent: a stored one says when it was made, and how old it is (RFC 9110, section 6.6.1; RFC 9111,
/// section 5.1).
fn time_of(answer: &HttpAnswer) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::parse(answer.header(DATE.as_str())?.trim()).ok()?.timestamp();
    let age = answer.header(AGE.as_str()).and_then(|age| age.trim().parse::<u32>().ok()).unwrap_or(0);
    date.checked_add(SignedDuration::from_secs(age.into())).ok()
}
