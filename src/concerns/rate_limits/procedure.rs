//! What a person does about `[rate_limits]`.

use super::RateLimits;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(limits: &RateLimits, site: &Site) -> Procedure {
    let mut before = vec![
        "Ask the app's people how often their own pages ask: a limit below that refuses everybody.".to_owned(),
        "A mobile operator shows thousands of people as one address: look at the share of 429 in the log of a \
         rehearsal with real traffic before the day, and raise the burst rather than the rate."
            .to_owned(),
    ];
    if limits.exempt(site).is_empty() {
        before.push("Nobody is exempt: have the addresses of load injectors added before a load test.".to_owned());
    }
    Procedure {
        before,
        when_red: vec![
            "rate.key.client red: all visitors count as one; take the limit out until the address is right.".to_owned(),
            "rate.trips red and too many pass: count the machines that run nginx; each counts by itself.".to_owned(),
            "rate.status red: visitors take the refusal for an outage, caches may keep it.".to_owned(),
        ],
        undo: vec![
            "To lift a limit at once, put 0.0.0.0/0 and ::/0 into `exempt`, generate, deploy: nothing is counted."
                .to_owned(),
        ],
    }
}
