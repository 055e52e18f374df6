//! The switch of `[degraded_mode]`, where apps of the platform read the variable. On plain machines a person edits a file,
//! as the procedure says.

use std::time::Duration;

use super::DegradedMode;
use super::checks::{cut_paths, looks};
use crate::blueprint::Site;
use crate::concerns::ask::get;
use crate::concerns::lever::{Action, Effect, Lever, Position};
use crate::concerns::people::Role;
use crate::concerns::{Concern, lever};
use crate::language::{Language, Said};
use crate::probe::Scheme;

pub fn levers(mode: &DegradedMode, site: &Site) -> Vec<Lever> {
    if mode.apps.is_empty() {
        return Vec::new();
    }
    let cut: Vec<&str> = mode.cut.iter().map(|path| path.as_str()).collect();
    vec![Lever {
        name: "degraded-mode".to_owned(),
        owner: Role::answering_for(mode.key()),
        what: Said::new(
            format!("{} is cut, so that the rest lives", Language::En.list(&cut)),
            format!("{} est coupé, pour que le reste vive", Language::Fr.list(&cut)),
        ),
        symptom: Said::new(
            "The apps or the database cannot follow, and more containers do not help.",
            "Les applications ou la base ne suivent plus, et davantage de conteneurs n'y changent rien.",
        ),
        pull: switched(mode, mode.on.as_str()),
        release: switched(mode, mode.off.as_str()),
        effect: effect(mode, site),
    }]
}

/// All variables first: an app that crashes and comes back by itself then comes back in the mode.
fn switched(mode: &DegradedMode, value: &str) -> Vec<Action> {
    let set = mode.apps.iter().map(|app| Action::SetVariable {
        app: app.clone(),
        name: mode.variable.clone(),
        value: value.to_owned(),
    });
    set.chain(mode.apps.iter().map(|app| Action::Restart { app: app.clone() })).collect()
}

/// A copy at the edge knows no mode: what is asked lies below a cut path, and nobody has asked for it before.
fn effect(mode: &DegradedMode, site: &Site) -> Effect {
    let path = cut_paths(mode, "lever").into_iter().next().unwrap_or_else(|| "/".to_owned());
    let (host, count) = (site.host.clone(), looks(site));
    let marker = mode.marker.to_string().to_ascii_lowercase();
    Effect {
        check: "deg.marker",
        within: Duration::from_secs(mode.takes_effect_within_seconds.get().into()),
        pulled: format!("answers carry {}", mode.marker),
        released: format!("no answer carries {}", mode.marker),
        look: (0..count).map(|nth| get(Scheme::Https, &host, &format!("{path}-{nth}")).again(nth).into()).collect(),
        judge: Box::new(move |seen| {
            let is_marked = lever::http(seen)?.header(&marker).is_some();
            Ok(if is_marked { Position::Pulled } else { Position::Released })
        }),
    }
}
