//! The switch of `[apps]`: no commit is deployed by itself. A push by hand still is; no platform call forbids that.

use std::time::Duration;

use super::Apps;
use crate::blueprint::Site;
use crate::concerns::Concern;
use crate::concerns::lever::{self, Action, Effect, Lever, Position};
use crate::concerns::people::Role;
use crate::language::{Language, Said};
use crate::probe::{ApiProbe, ApiProvider, Probe};

/// Only the API is asked, which knows at once.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

pub fn levers(apps: &Apps, _: &Site) -> Vec<Lever> {
    let deployed = apps.apps.iter().filter(|app| app.source.as_ref().is_some_and(|source| source.auto_deploy));
    let names: Vec<_> = deployed.map(|app| app.name.clone()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let set = |on: bool| names.iter().map(|app| Action::AutoDeploy { app: app.clone(), on }).collect();
    let told: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let link = |app| {
        Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path: format!("/apps/{app}/scm_repo_link"), nth: 0 })
    };
    vec![Lever {
        name: "freeze-deploys".to_owned(),
        owner: Role::answering_for(apps.key()),
        what: Said::new(
            format!("no commit is deployed by itself any more, to {}", Language::En.list(&told)),
            format!("plus aucun commit n'est déployé de lui-même, sur {}", Language::Fr.list(&told)),
        ),
        symptom: Said::new(
            "The announcement is near, or people are mending: nothing may change by itself.",
            "L'annonce approche, ou l'on répare : rien ne doit changer de soi-même.",
        ),
        pull: set(false),
        release: set(true),
        effect: Effect {
            check: "ppl.freeze",
            within: KNOWN_WITHIN,
            pulled: "the API tells that nothing is deployed by itself".to_owned(),
            released: "the API tells that commits are deployed".to_owned(),
            look: names.iter().map(link).collect(),
            judge: Box::new(|seen| match lever::api(seen)?["scm_repo_link"]["auto_deploy_enabled"].as_bool() {
                Some(true) => Ok(Position::Released),
                Some(false) => Ok(Position::Pulled),
                None => Err("the API does not tell whether commits are deployed".to_owned()),
            }),
        },
    }]
}
