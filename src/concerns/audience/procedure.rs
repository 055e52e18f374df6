//! What a person does about `[audience]`.

use super::Audience;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(audience: &Audience, _site: &Site) -> Procedure {
    Procedure {
        before: vec![
            "Ask who made the estimate again when the media agenda changes; write the new one here, and read \
             runbook/capacity.md."
                .to_owned(),
            "Measure what a container bears with real journeys, in steps, for minutes each, the last one for ten; mail \
             goes to a sink. First tell the CDN, the platform and each vendor, and write `[audience.stop_rule]`; then \
             write what was found into `[[audience.load_tests]]` (JVA-9, JVA-10)."
                .to_owned(),
            format!(
                "Have every container up {} hours before the announcement, and take none away for {} hours after \
                 (DOC-2, DOC-10).",
                audience.prescale_hours_before, audience.prescale_hours_after
            ),
        ],
        when_red: vec![
            "The plan is short: more containers first, then fewer requests a visit, then a waiting room with the \
             numbers of runbook/capacity.md."
                .to_owned(),
            "The line is full: smaller images, a higher share of hits, more containers at the front.".to_owned(),
        ],
        undo: vec![
            "Back to the former number of containers a day after the announcement, on the lead's word.".to_owned(),
        ],
    }
}
