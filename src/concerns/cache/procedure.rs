//! What a person does about `[cache]`.

use jiff::tz::TimeZone;

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(cache: &Cache, site: &Site) -> Procedure {
    let longest = cache
        .classes
        .iter()
        .filter(|class| !class.fingerprinted)
        .filter_map(|class| class.edge_ttl_seconds.or(class.max_age_seconds))
        .max();
    let mut undo = vec![Said::new(
        format!("Purge the host {} at the CDN: copies go at once, the app takes every request.", site.host),
        format!(
            "Purger l'hôte {} sur le CDN : les copies disparaissent aussitôt, l'application reçoit toutes les requêtes.",
            site.host
        ),
    )];
    if let Some(seconds) = longest {
        undo.push(Said::new(
            format!("Without a purge, a wrong page lives {seconds} s at the edge, and longer where stale is served."),
            format!(
                "Sans purge, une page erronée vit {seconds} s sur le CDN, et plus longtemps là où des copies périmées \
                 sont servies."
            ),
        ));
    }
    for class in &cache.classes {
        let Some(temporary) = &class.temporary else { continue };
        let (end, name, afterwards) = (temporary.until.instant(), &class.name, temporary.afterwards_seconds);
        undo.push(Said::new(
            format!(
                "After {end}: the lifetimes of {name} were made for the launch; set its max_age_seconds to \
                 {afterwards} and generate again."
            ),
            format!(
                "À partir du {} : les durées de vie de la classe {name} étaient faites pour le lancement ; mettre son \
                 max_age_seconds à {afterwards} et régénérer.",
                Language::Fr.moment(end, &TimeZone::UTC)
            ),
        ));
    }
    let mut when_red = vec![
        Said::new(
            "cache.leak.users red: stop the launch, purge, and set store = false for the path.",
            "cache.leak.users rouge : arrêter le lancement, purger, et mettre store = false pour ce chemin.",
        ),
        Said::new(
            "cache.hit-on-second red: read the reason in the check; a cookie or a private header is the usual one.",
            "cache.hit-on-second rouge : lire la raison dans le contrôle ; un cookie ou un en-tête private est la plus \
             courante.",
        ),
    ];
    if let Some(read_cache) = &cache.read_cache {
        let (variable, on, off) = (&read_cache.variable, &read_cache.on, &read_cache.off);
        for app in &read_cache.apps {
            when_red.push(Said::new(
                format!(
                    "The database is too busy with reading: `scalingo --app {app} env-set {variable}={on}` (the app \
                     restarts); answers are then up to {} s old. Back: `{variable}={off}`.",
                    read_cache.seconds
                ),
                format!(
                    "La base est saturée par les lectures : `scalingo --app {app} env-set {variable}={on}` \
                     (l'application redémarre) ; les réponses ont alors jusqu'à {} s d'âge. Retour : \
                     `{variable}={off}`.",
                    read_cache.seconds
                ),
            ));
        }
    }
    let role = Role::answering_for(cache.key());
    Procedure {
        before: vec![
            Task::new(
                role,
                "List with the app's people every path that shows something personal; it belongs to a class with \
                 store = false.",
                "Recenser avec l'équipe applicative tous les chemins qui affichent des données personnelles ; chacun \
                 relève d'une classe avec store = false.",
            ),
            Task::new(
                role,
                "Run the rehearsal: it asks each path as two people and compares.",
                "Lancer la répétition : elle demande chaque chemin sous deux identités et compare.",
            ),
        ],
        when_red,
        undo,
    }
}
