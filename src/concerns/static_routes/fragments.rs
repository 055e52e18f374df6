//! Configuration that `[static_routes]` asks for: Varnish behind the proxy, and a rule at the CDN.

use super::StaticRoutes;
use crate::blueprint::Site;
use crate::concerns::Fragment;
use crate::concerns::fragment::{AppVariable, CacheRule, Expression, StaticCache, Store, upstream_variable};

/// Behind the classes of `[cache]` that are kept, of which the last word counts; before what nobody may keep.
const ORDER: u16 = 0x7fff;

pub fn fragments(table: &StaticRoutes, site: &Site) -> Vec<Fragment> {
    let cache = StaticCache {
        host: site.host.clone(),
        at: table.cache.clone(),
        routes: table.routes.iter().map(super::Route::fragment).collect(),
    };
    let mut fragments = vec![Fragment::StaticCache(cache)];
    // Letters and underscores are a name.
    if let (Some(front), Ok(name)) = (&site.front, "STATIC_UPSTREAM".parse()) {
        fragments.push(Fragment::AppVariable(AppVariable {
            app: front.clone(),
            name,
            value: upstream_variable(&table.cache),
            switched: false,
            why: "where nginx finds Varnish".to_owned(),
        }));
    }
    if site.cdn.is_some() {
        let starts = table.routes.iter().flat_map(|route| &route.paths);
        let starts = starts.map(|path| Expression::PathStartsWith(path.as_str().to_owned())).collect();
        fragments.push(Fragment::CacheRule(CacheRule {
            name: "static_routes".to_owned(),
            description: "published as static: kept as Varnish says".to_owned(),
            order: ORDER,
            expression: Expression::All(vec![Expression::served(site), Expression::Any(starts)]),
            store: Store::Yes { edge_ttl: None, ignore_query: true },
        }));
    }
    fragments
}
