//! The switch of `[waf]`: every browser is challenged once.
//!
//! How soon every data centre follows is not documented; 60 s is a guess.

use std::time::Duration;

use serde_json::json;

use super::Waf;
use super::fragments::UNDER_ATTACK;
use crate::blueprint::Site;
use crate::concerns::Concern;
use crate::concerns::ask::{NONCE, get};
use crate::concerns::lever::{self, Action, Effect, Lever, Position};
use crate::concerns::people::Role;
use crate::language::Said;
use crate::probe::Scheme;

const FOLLOWED_WITHIN: Duration = Duration::from_secs(60);

pub fn levers(waf: &Waf, site: &Site) -> Vec<Lever> {
    let Some(cdn) = &site.cdn else { return Vec::new() };
    let set = |enabled: bool| {
        vec![Action::Rule {
            zone: cdn.zone.clone(),
            phase: "http_request_firewall_custom",
            rule: UNDER_ATTACK,
            members: vec![("enabled", json!(enabled))],
        }]
    };
    let page = get(Scheme::Https, &site.host, &format!("/?golive=lever-{NONCE}"));
    vec![Lever {
        name: "under-attack".to_owned(),
        owner: Role::answering_for(waf.key()),
        what: Said::new(
            "every browser is challenged once, for some seconds; programs stay outside, clean paths aside",
            "chaque navigateur est vérifié une fois, quelques secondes ; les programmes restent dehors, sauf sur les \
             chemins réservés",
        ),
        symptom: Said::new(
            "Many addresses attack, and no rule tells them from visitors.",
            "Beaucoup d'adresses attaquent, et aucune règle ne les distingue des visiteurs.",
        ),
        pull: set(true),
        release: set(false),
        effect: Effect {
            check: "waf.clean",
            within: FOLLOWED_WITHIN,
            pulled: "a program meets the challenge".to_owned(),
            released: "a program meets no challenge".to_owned(),
            look: vec![page.into()],
            judge: Box::new(|seen| {
                let challenged = lever::http(seen)?.header("cf-mitigated") == Some("challenge");
                Ok(if challenged { Position::Pulled } else { Position::Released })
            }),
        },
    }]
}
