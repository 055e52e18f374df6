//! Configuration that `[degraded_mode]` asks for: the variable in each app, and the switch in nginx.

use super::{DegradedMode, levers};
use crate::blueprint::Site;
use crate::concerns::fragment::{AppVariable, LeverCard, ModeSwitch};
use crate::concerns::people::Role;
use crate::concerns::{Concern, Fragment, lever};
use crate::language::Said;

pub fn fragments(mode: &DegradedMode, site: &Site) -> Vec<Fragment> {
    let mut fragments = vec![
        Fragment::LeverCard(card(mode, site)),
        Fragment::ModeSwitch(ModeSwitch {
            variable: mode.variable.clone(),
            on: mode.on.clone(),
            off: mode.off.clone(),
            marker: mode.marker.clone(),
            cut: mode.cut.clone(),
            retry_after: mode.retry_after_seconds,
        }),
    ];
    // A name that is no variable of the platform's was refused when it was read.
    let Ok(name) = mode.variable.as_str().parse() else { return fragments };
    let variable = AppVariable {
        app: site.name.clone(),
        name,
        value: mode.off.to_string(),
        switched: true,
        why: format!("{} is the degraded mode, {} the normal one", mode.on, mode.off),
    };
    fragments.extend(
        mode.apps.iter().map(|app| Fragment::AppVariable(AppVariable { app: app.clone(), ..variable.clone() })),
    );
    fragments
}

fn card(mode: &DegradedMode, site: &Site) -> LeverCard {
    let purge = Said::new(
        format!("Then purge the host {} at the CDN, or its copies of the cut pages live on.", site.host),
        format!(
            "Purger ensuite l'hôte {} sur le CDN, sinon ses copies des pages coupées continuent de vivre.",
            site.host
        ),
    );
    let mut pull = switched(mode, mode.on.as_str());
    let mut release = switched(mode, mode.off.as_str());
    if !mode.apps.is_empty() {
        let [pulls, releases] = lever::commands(levers::NAME);
        pull.insert(0, pulls);
        release.insert(0, releases);
    }
    if site.cdn.is_some() {
        pull.push(purge);
    }
    LeverCard {
        name: levers::NAME,
        owner: Role::answering_for(mode.key()),
        when: levers::symptom(mode),
        does: levers::what(mode),
        pull,
        release,
    }
}

/// The commands that give the mode a value: of the platform where apps run on one, else on the machines.
fn switched(mode: &DegradedMode, value: &str) -> Vec<Said> {
    let variable = &mode.variable;
    if mode.apps.is_empty() {
        return vec![Said::new(
            format!("On each machine: `default \"{value}\";` into where/mode.conf, then `nginx -t`, reload."),
            format!("Sur chaque machine : `default \"{value}\";` dans where/mode.conf, puis `nginx -t`, recharger."),
        )];
    }
    mode.apps
        .iter()
        .flat_map(|app| {
            // A line each: a command that a line's end cuts is typed wrong.
            [format!("`scalingo --app {app} env-set {variable}={value}`"), format!("`scalingo --app {app} restart`")]
        })
        .map(Said::as_written)
        .collect()
}
