//! Configuration that `[apps]` asks for.

use super::Apps;
use crate::concerns::fragment::{Letter, LeverCard, PlatformApp, PlatformRequest};
use crate::concerns::people::Role;
use crate::concerns::{Concern, Fragment};
use crate::language::Said;

/// Containers of one type that every app may have (Scalingo, platform internals).
const ALLOWED_TO_ALL: u32 = 10;

pub fn fragments(apps: &Apps) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = apps
        .apps
        .iter()
        .map(|app| {
            Fragment::PlatformApp(PlatformApp { region: apps.region, project: apps.project.clone(), app: app.clone() })
        })
        .collect();
    let containers: Vec<_> = apps
        .apps
        .iter()
        .flat_map(|app| app.containers.iter().map(move |container| (app, container)))
        .filter(|(_, container)| container.most() > ALLOWED_TO_ALL)
        .map(|(app, container)| {
            (app.name.clone(), container.kind.clone(), container.most(), app.containers_allowed.get())
        })
        .collect();
    if !containers.is_empty() {
        let request = PlatformRequest { region: apps.region, containers };
        fragments.push(Fragment::Letter(Letter::Platform(request)));
    }
    fragments.extend(scale_up(apps).map(Fragment::LeverCard));
    fragments
}

/// More containers for visitors, up to what the platform allows; none where nothing more is allowed.
fn scale_up(apps: &Apps) -> Option<LeverCard> {
    let web = || apps.apps.iter().flat_map(|app| app.containers.iter().map(move |container| (app, container)));
    let mut pull = Vec::new();
    let mut release = Vec::new();
    for (app, container) in web().filter(|(_, container)| container.kind.as_str() == "web") {
        let (name, most, size) = (&app.name, app.containers_allowed.get(), container.size.as_str());
        if most <= container.count.get() {
            continue;
        }
        pull.push(Said::new(
            format!(
                "`scalingo --app {name} scale web:{most}:{size}` (as planned {}; {most} are allowed)",
                container.count
            ),
            format!("`scalingo --app {name} scale web:{most}:{size}` (prévu : {} ; permis : {most})", container.count),
        ));
        release.push(Said::as_written(format!("`scalingo --app {name} scale web:{}:{size}`", container.count)));
    }
    if pull.is_empty() {
        return None;
    }
    if web().any(|(_, container)| container.autoscale.is_some()) {
        release.push(Said::new(
            "Switch the autoscaler on again: to scale by hand switched it off.",
            "Réactiver l'autoscaler : le changement manuel l'a désactivé.",
        ));
    }
    release.push(Said::new(
        "By decision alone, and not within a day of the announcement (DOC-10).",
        "Sur décision seulement, et jamais à moins d'un jour de l'annonce (DOC-10).",
    ));
    Some(LeverCard {
        name: "scale-up",
        owner: Role::answering_for(apps.key()),
        when: Said::new(
            "Answers slow down, or errors 5xx rise, and the database is not what is busy.",
            "Les réponses ralentissent ou les erreurs 5xx montent, sans que la base soit saturée.",
        ),
        does: Said::new("Starts more containers, without a break.", "Démarre d'autres conteneurs, sans interruption."),
        pull,
        release,
    })
}
