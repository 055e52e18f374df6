//! Configuration that `[degraded_mode]` asks for: the variable in each app, and the switch in nginx.

use super::DegradedMode;
use crate::blueprint::Site;
use crate::blueprint::value::Label;
use crate::concerns::fragment::{AppVariable, LeverCard, ModeSwitch};
use crate::concerns::people::Role;
use crate::concerns::{Concern, Fragment};
use crate::language::{Language, Said};

pub fn fragments(mode: &DegradedMode, site: &Site) -> Vec<Fragment> {
    let mut fragments = vec![
        Fragment::LeverCard(lever(mode, site)),
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

fn lever(mode: &DegradedMode, site: &Site) -> LeverCard {
    let cut: Vec<&str> = mode.cut.iter().map(|path| path.as_str()).collect();
    let essential: Vec<&str> = mode.essential.iter().map(|path| path.as_str()).collect();
    let seconds = mode.takes_effect_within_seconds;
    let decided = |language: Language| {
        // A role is called as in the other documents; another name stays as it was written.
        let called = |who: &Label| Role::named(who.as_str()).map(|role| role.said().told_in(language).to_owned());
        let names: Vec<String> =
            mode.decided_by.iter().map(|who| called(who).unwrap_or_else(|| who.to_string())).collect();
        language.list(&names)
    };
    let when = |language: Language| {
        let paths = language.list(&essential);
        let mut when = language.of(
            format!("{paths} slow down or fail although every container runs."),
            format!("{paths} : lenteurs ou échecs alors que tous les conteneurs tournent."),
        );
        if !mode.decided_by.is_empty() {
            when.push_str(language.of(" Decided by: ", " Décision : "));
            when.push_str(&decided(language));
            when.push('.');
        }
        when
    };
    let purge = Said::new(
        format!("Then purge the host {} at the CDN, or its copies of the cut pages live on.", site.host),
        format!(
            "Purger ensuite l'hôte {} sur le CDN, sinon ses copies des pages coupées continuent de vivre.",
            site.host
        ),
    );
    let mut pull = switched(mode, mode.on.as_str());
    let release = switched(mode, mode.off.as_str());
    if site.cdn.is_some() {
        pull.push(purge);
    }
    LeverCard {
        name: "degraded-mode",
        owner: Role::answering_for(mode.key()),
        when: Said::new(when(Language::En), when(Language::Fr)),
        does: Said::new(
            format!(
                "Cuts {}; {} stay. To be seen within {seconds} s.",
                Language::En.list(&cut),
                Language::En.list(&essential)
            ),
            format!(
                "Coupe {} ; restent {}. Effet visible en {seconds} s au plus.",
                Language::Fr.list(&cut),
                Language::Fr.list(&essential)
            ),
        ),
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
