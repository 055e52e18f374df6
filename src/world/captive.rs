//! Whether the network here answers in other people's place: a captive portal, or a resolver that sends misses to an
//! advertisement. Must not say so where nothing answers at all.

use super::failure::{Unanswered, not_asked};
use super::{World, policy};
use crate::probe::{DnsProbe, DnsServer, Observation, Probe, RecordData, RecordType, Signatures};

impl World {
    /// Nothing that is seen through such a network is evidence. Asked once a live run: a name below `invalid`, which no
    /// honest resolver has an address for (RFC 6761, section 6.4).
    ///
    /// # Errors
    ///
    /// Says which resolver made a name up.
    pub(super) async fn refuse_if_captive(&self, probe: &Probe) -> Result<(), Unanswered> {
        let goes_out = match probe {
            Probe::Dns(_)
            | Probe::Http(_)
            | Probe::Burst(_)
            | Probe::Tls(_)
            | Probe::TlsOffer(_)
            | Probe::Samples(_) => true,
            // Providers are believed by the system's roots alone, which such a network does not have.
            Probe::Api(_) | Probe::Purge(_) | Probe::Wait(_) | Probe::Disturb(_) => false,
        };
        if self.routed_only || !goes_out {
            return Ok(());
        }
        match self.captive.get_or_init(|| self.made_up()).await {
            Some(resolver) => Err(not_asked(format!(
                "the resolver {resolver} has an address for a name that cannot exist: the network here is captive, or \
                 rewrites answers; log in to it, or take another resolver (--resolver)"
            ))),
            None => Ok(()),
        }
    }

    async fn made_up(&self) -> Option<String> {
        let name = format!("golive-{}.invalid", self.nonce);
        let canary = DnsProbe {
            server: DnsServer::Resolver,
            name: name.clone(),
            record_type: RecordType::A,
            signatures: Signatures::NotAsked,
            nth: 0,
        };
        match tokio::time::timeout(policy::FIRST_LOOK, self.dns(&canary)).await {
            Ok(Ok(Observation::Dns(answer))) => {
                let is_made_up = answer.answers.iter().any(|record| {
                    record.name == name && matches!(record.data, RecordData::A(_) | RecordData::Cname(_))
                });
                is_made_up.then_some(answer.server)
            }
            _ => None,
        }
    }
}
