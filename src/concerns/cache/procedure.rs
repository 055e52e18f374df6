//! What a person does about `[cache]`.

use super::Cache;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(cache: &Cache, site: &Site) -> Procedure {
    let longest = cache
        .classes
        .iter()
        .filter(|class| !class.fingerprinted)
        .filter_map(|class| class.edge_ttl_seconds.or(class.max_age_seconds))
        .max();
    let mut undo =
        vec![format!("Purge the host {} at the CDN: copies go at once, the app takes every request.", site.host)];
    if let Some(seconds) = longest {
        undo.push(format!(
            "Without a purge, a wrong page lives {seconds} s at the edge, and longer where stale is served."
        ));
    }
    for class in &cache.classes {
        let Some(temporary) = &class.temporary else { continue };
        undo.push(format!(
            "After {}: the lifetimes of {} were made for the launch; set its max_age_seconds to {} and generate again.",
            temporary.until.instant(),
            class.name,
            temporary.afterwards_seconds
        ));
    }
    let mut when_red = Vec::new();
    if let Some(read_cache) = &cache.read_cache {
        let (variable, on, off) = (&read_cache.variable, &read_cache.on, &read_cache.off);
        for app in &read_cache.apps {
            when_red.push(format!(
                "The database is too busy with reading: `scalingo --app {app} env-set {variable}={on}` (the app restarts); \
                 answers are then up to {} s old. Back: `{variable}={off}`.",
                read_cache.seconds
            ));
        }
    }
    Procedure {
        before: vec![
            "List with the app's people every path that shows something personal; it belongs to a class with store = false."
                .to_owned(),
            "Run the rehearsal: it asks each path as two people and compares.".to_owned(),
        ],
        when_red: [
            "cache.leak.users red: stop the launch, purge, and set store = false for the path.".to_owned(),
            "cache.hit-on-second red: read the reason in the check; a cookie or a private header is the usual one."
                .to_owned(),
        ]
        .into_iter()
        .chain(when_red)
        .collect(),
        undo,
    }
}
