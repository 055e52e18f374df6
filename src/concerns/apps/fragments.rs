//! Configuration that `[apps]` asks for.

use super::Apps;
use crate::concerns::Fragment;
use crate::concerns::fragment::{Letter, PlatformApp, PlatformRequest};

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
    fragments
}
