//! What a person does about `[waf]`.

use super::Waf;
use super::fragments::UNDER_ATTACK;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(_waf: &Waf, site: &Site) -> Procedure {
    let mut before = vec![
        "Look through Security > Events of the last days: what the rules would have stopped, and whom.".to_owned(),
        "Agree who may switch the challenge on, and try it once on a quiet evening.".to_owned(),
    ];
    for partner in &site.partners {
        before.push(format!(
            "Tell {} the hour, our addresses and whom to call, and have it in writing that they do not filter us.",
            partner.name
        ));
    }
    Procedure {
        before,
        when_red: vec![
            "waf.clean red: programs get a page they cannot pass. Switch off the newest rule first, then ask why."
                .to_owned(),
            "waf.signature red: the managed rules do not run; see whether the phase was applied, and its overrides."
                .to_owned(),
            "One address attacks: block it (Security > WAF > Tools) and note it in the log.".to_owned(),
            format!(
                "Many attack: switch on the rule {UNDER_ATTACK}; an apply of Terraform leaves the switch as it is."
            ),
        ],
        undo: vec![
            format!("Switch {UNDER_ATTACK} off as soon as the curve is calm: it costs every visitor some seconds."),
            "To take a rule back, disable it rather than delete it: its log stays readable.".to_owned(),
        ],
    }
}
