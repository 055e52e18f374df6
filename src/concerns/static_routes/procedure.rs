//! What a person does about `[static_routes]`.

use super::{Route, StaticRoutes};
use crate::blueprint::Site;
use crate::concerns::Procedure;
use crate::concerns::answer::listed;

pub fn procedure(table: &StaticRoutes, site: &Site) -> Procedure {
    let cache = format!("{}:{}", table.cache.host, table.cache.port);
    let mut before = vec![
        format!(
            "Start Varnish with varnish/{}.vcl on {cache}, and let nobody but the proxy reach that port: whoever \
             reaches it may publish.",
            site.name
        ),
        "Close the back office to the public: Varnish alone asks it.".to_owned(),
        "Publish each page once, so that no visitor is the first; see below.".to_owned(),
    ];
    before.extend(table.routes.iter().map(|route| {
        format!(
            "{}: agree who publishes, from {}; a visitor sees a new page {} s later at most without anybody publishing.",
            route.name,
            listed(&texts(&route.publishers)),
            // Varnish's and the edge's, each once fresh and once while it fetches.
            u64::from(route.refreshed_every_seconds.get()) * 4
        )
    }));
    let mut undo: Vec<String> = table.routes.iter().map(|route| publish(route, site)).collect();
    if site.cdn.is_some() {
        undo.push("Then purge the same URLs at the CDN, or its copies live on until they are old.".to_owned());
    }
    undo.extend([
        "Back from a wrong page: mend it in the back office and publish again; each publication replaces the last one whole."
            .to_owned(),
        "Remove a page at once: the same with PURGE in place of REFRESH, then purge the CDN; the next visitor makes the \
         back office build it again."
            .to_owned(),
    ]);
    Procedure {
        before,
        when_red: vec![
            "static.published red: ask Varnish itself (curl -i with the site's Host), then the back office; the first \
             one that answers wrongly is the one."
                .to_owned(),
            "static.stays or static.one-fetch red: the back office meets the crowd; compare the running VCL with the \
             generated one before anything else."
                .to_owned(),
            "static.publisher red: strangers can publish or remove; shut the port of Varnish to all but the proxy, \
             now."
                .to_owned(),
        ],
        undo,
    }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// How to publish a route now.
fn publish(route: &Route, site: &Site) -> String {
    let machines = site.cdn.as_ref().map(|cdn| texts(&cdn.origins)).unwrap_or_default();
    let machines = match machines.as_slice() {
        [] => String::new(),
        some => format!(", at each of {} (--connect-to {}:443:ADDRESS:443)", listed(some), site.host),
    };
    let pages = match texts(&route.samples) {
        none if none.is_empty() => "the URL of the page".to_owned(),
        some => listed(&some.iter().map(|path| format!("https://{}{path}", site.host)).collect::<Vec<_>>()),
    };
    format!(
        "Publish {} now, from {}: curl -X REFRESH {pages}{machines}. 200: published; 503: the back office failed, and \
         the old page stays.",
        route.name,
        listed(&texts(&route.publishers)),
    )
}
