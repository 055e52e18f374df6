//! What a person does about `[third_parties]`.

use super::ThirdParties;
use crate::concerns::Procedure;

pub fn procedure(parties: &ThirdParties) -> Procedure {
    let mut before: Vec<String> = parties
        .vendors
        .iter()
        .map(|vendor| format!("Send letters/{}.md; write the promise and its day into the blueprint.", vendor.name))
        .collect();
    before.extend(
        parties.partners.iter().map(|partner| {
            format!("Send letters/{}.md; write the day into the blueprint as `warned_on`.", partner.name)
        }),
    );
    Procedure {
        before,
        when_red: vec![
            "No promise in writing: call, and have the answer mailed while you talk.".to_owned(),
            "The promise is too small: take what needs it out of the journey (mail within 48 hours, search off), or \
             have a second vendor ready."
                .to_owned(),
            "Visitors fall away without errors: call the partners first; one may have throttled them (DOC-6)."
                .to_owned(),
        ],
        undo: vec![
            "Tell vendors and partners when the peak is over, and take their addresses out of the rules.".to_owned(),
        ],
    }
}
