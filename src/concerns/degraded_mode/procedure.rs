//! What a person does about `[degraded_mode]`.

use super::DegradedMode;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(mode: &DegradedMode, site: &Site) -> Procedure {
    let role = Role::answering_for(mode.key());
    let cut: Vec<&str> = mode.cut.iter().map(|path| path.as_str()).collect();
    let (on, off) = (switched(mode, mode.on.as_str()), switched(mode, mode.off.as_str()));
    let (english, french) = (Language::En, Language::Fr);
    Procedure {
        before: vec![
            Task::new(
                role,
                format!(
                    "Agree in writing on what is cut ({}) and who may decide it; try it once on the site.",
                    english.list(&cut)
                ),
                format!(
                    "Convenir par écrit de ce qui est coupé ({}) et de qui peut en décider ; l'essayer une fois sur le \
                     site.",
                    french.list(&cut)
                ),
            ),
            Task::new(
                role,
                "See with the app's people what the app itself does less of in this mode.",
                "Voir avec l'équipe applicative ce que l'application elle-même fait en moins dans ce mode.",
            ),
        ],
        when_red: vec![
            Said::new(
                "deg.state red: the variable and the site disagree; restart what was not restarted.",
                "deg.state rouge : la variable et le site se contredisent ; redémarrer ce qui ne l'a pas été.",
            ),
            Said::new(
                format!(
                    "deg.on red: a journey that must live is cut; {}. Then correct the blueprint.",
                    off.told_in(english)
                ),
                format!(
                    "deg.on rouge : un parcours essentiel est coupé ; {}. Corriger ensuite le blueprint.",
                    off.told_in(french)
                ),
            ),
        ],
        undo: vec![
            Said::new(format!("On: {}.", on.told_in(english)), format!("Activer : {}.", on.told_in(french))),
            Said::new(
                format!("Then purge the host {} at the CDN, or its copies of the cut pages live on.", site.host),
                format!(
                    "Purger ensuite l'hôte {} sur le CDN, sinon ses copies des pages coupées continuent de vivre.",
                    site.host
                ),
            ),
            Said::new(format!("Off: {}.", off.told_in(english)), format!("Désactiver : {}.", off.told_in(french))),
        ],
    }
}

/// How the mode is given a value.
fn switched(mode: &DegradedMode, value: &str) -> Said {
    let apps: Vec<&str> = mode.apps.iter().map(|app| app.as_str()).collect();
    let variable = &mode.variable;
    match apps.as_slice() {
        [] => Said::new(
            format!("on each machine write `default \"{value}\";` into where/mode.conf, run `nginx -t`, reload"),
            format!(
                "sur chaque machine, écrire `default \"{value}\";` dans where/mode.conf, lancer `nginx -t`, recharger"
            ),
        ),
        apps => Said::new(
            format!(
                "set {variable}={value} in {}, then restart each: a variable alone changes nothing",
                Language::En.list(apps)
            ),
            format!(
                "mettre {variable}={value} dans {}, puis redémarrer chaque application : une variable seule ne change \
                 rien",
                Language::Fr.list(apps)
            ),
        ),
    }
}
