//! The switch of `[degraded_mode]`, where apps of the platform read the variable. On plain machines a person edits a file,
//! as the procedure says.

use std::time::Duration;

use super::DegradedMode;
use super::checks::{cut_paths, looks};
use crate::blueprint::Site;
use crate::blueprint::value::Label;
use crate::concerns::ask::get;
use crate::concerns::lever::{Action, Effect, Lever, Position};
use crate::concerns::people::Role;
use crate::concerns::{Concern, lever};
use crate::language::{Language, Said};
use crate::probe::Scheme;

pub const NAME: &str = "degraded-mode";

pub fn levers(mode: &DegradedMode, site: &Site) -> Vec<Lever> {
    if mode.apps.is_empty() {
        return Vec::new();
    }
    vec![Lever {
        name: NAME.to_owned(),
        owner: Role::answering_for(mode.key()),
        what: what(mode),
        symptom: symptom(mode),
        pull: switched(mode, mode.on.as_str()),
        release: switched(mode, mode.off.as_str()),
        effect: effect(mode, site),
    }]
}

/// What it does to visitors, and how soon.
pub fn what(mode: &DegradedMode) -> Said {
    let told = |language: Language| {
        let (cut, stay) = (paths(&mode.cut, language), paths(&mode.essential, language));
        let seconds = mode.takes_effect_within_seconds;
        language.of(
            format!("Cuts {cut}; {stay} stay. To be seen within {seconds} s."),
            format!("Coupe {cut} ; restent {stay}. Effet visible en {seconds} s au plus."),
        )
    };
    Said::new(told(Language::En), told(Language::Fr))
}

/// What is seen when it is time, and whose decision it is.
pub fn symptom(mode: &DegradedMode) -> Said {
    let told = |language: Language| {
        // A role is called as in the other documents; another name stays as it was written.
        let called = |who: &Label| Role::named(who.as_str()).map(|role| role.said().told_in(language).to_owned());
        let names: Vec<String> =
            mode.decided_by.iter().map(|who| called(who).unwrap_or_else(|| who.to_string())).collect();
        let stay = paths(&mode.essential, language);
        let mut told = language.of(
            format!("{stay} slow down or fail although every container runs."),
            format!("{stay} : lenteurs ou échecs alors que tous les conteneurs tournent."),
        );
        if !names.is_empty() {
            let names = language.list(&names);
            told.push_str(&language.of(format!(" Decided by: {names}."), format!(" Décision : {names}.")));
        }
        told
    };
    Said::new(told(Language::En), told(Language::Fr))
}

fn paths<T: ToString>(paths: &[T], language: Language) -> String {
    language.list(&paths.iter().map(ToString::to_string).collect::<Vec<_>>())
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
