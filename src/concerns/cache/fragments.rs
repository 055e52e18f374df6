//! Configuration that `[cache]` asks for: for each class a marking by the proxy, and a rule at the CDN.

use super::{Cache, Class};
use crate::blueprint::Site;
use crate::blueprint::value::{Seconds, Text};
use crate::concerns::Fragment;
use crate::concerns::fragment::{
    AppVariable, CacheRule, Expression, Marking, ProxyCopies, ResponseClass, Routes, Store,
};

pub fn fragments(cache: &Cache, site: &Site) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> =
        cache.classes.iter().map(|class| Fragment::ResponseClass(response_class(class, cache))).collect();
    if site.cdn.is_some() {
        fragments.extend((0..cache.classes.len()).map(|at| Fragment::CacheRule(cache_rule(&cache.classes, at, site))));
    }
    if let Some(read_cache) = &cache.read_cache
        && let Ok(name) = read_cache.variable.as_str().parse::<Text>()
    {
        fragments.extend(read_cache.apps.iter().map(|app| {
            Fragment::AppVariable(AppVariable {
                app: app.clone(),
                name: name.clone(),
                value: read_cache.off.to_string(),
                switched: true,
                why: format!("{} switches the app's own cache on, {} off", read_cache.on, read_cache.off),
            })
        }));
    }
    fragments
}

fn response_class(class: &Class, cache: &Cache) -> ResponseClass {
    let routes = class.routes();
    let marking = if class.store {
        Marking::Public {
            max_age: class.max_age_seconds.unwrap_or(Seconds::new(0)),
            s_maxage: class.s_maxage_seconds,
            immutable: matches!(routes, Routes::FingerprintedUnder(_)),
            stale_while_revalidate: class.stale_while_revalidate_seconds,
            stale_if_error: class.stale_if_error_seconds,
        }
    } else {
        Marking::NoStore
    };
    let copies = class.proxy_copy_seconds.filter(|_| class.store);
    let copies = copies.map(|fresh| ProxyCopies { fresh, session_cookie: cache.session_cookie.clone() });
    ResponseClass { name: class.name.clone(), routes, marking, copies }
}

/// The rule of class `at`.
///
/// In the blueprint the first class that takes a path wins; at Cloudflare the last rule does, setting by
/// setting. So the default class comes first, the others in reverse, refusals to store at the very end; and a
/// rule steps aside where the later word would be the wrong one.
fn cache_rule(classes: &[Class], at: usize, site: &Site) -> CacheRule {
    let class = &classes[at];
    let mut conditions = vec![Expression::served(site)];
    if !class.paths.is_empty() {
        conditions.push(starts(class));
    }
    let stronger = classes[..at].iter().filter(|other| other.store && overlap(other, class));
    let spared: Vec<Expression> = stronger
        .filter(|other| {
            let refused_after_all = !class.store;
            // No setting takes "ignore the query" back, so it must not be set under a class that reads it.
            let query_lost = class.ignore_query && !other.ignore_query;
            refused_after_all && !class.paths.is_empty() || class.store && query_lost
        })
        .map(starts)
        .collect();
    if !spared.is_empty() {
        conditions.push(Expression::Not(Box::new(Expression::Any(spared))));
    }
    let from_the_end = u16::try_from(classes.len() - at).unwrap_or(u16::MAX - 1);
    CacheRule {
        name: class.name.identifier(),
        description: if class.store {
            format!("{}: kept as the origin says", class.name)
        } else {
            format!("{}: never kept", class.name)
        },
        order: match (class.paths.is_empty(), class.store) {
            (true, _) => 0,
            (false, true) => from_the_end.min(0x7fff),
            (false, false) => 0x8000 | from_the_end.min(0x7fff),
        },
        expression: Expression::All(conditions),
        store: if class.store {
            Store::Yes { edge_ttl: class.edge_ttl_seconds, ignore_query: class.ignore_query }
        } else {
            Store::No
        },
    }
}

fn starts(class: &Class) -> Expression {
    Expression::Any(class.paths.iter().map(|path| Expression::PathStartsWith(path.as_str().to_owned())).collect())
}

/// Whether some path belongs to both.
fn overlap(one: &Class, other: &Class) -> bool {
    other.paths.is_empty()
        || one.paths.iter().any(|a| {
            other.paths.iter().any(|b| a.as_str().starts_with(b.as_str()) || b.as_str().starts_with(a.as_str()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::Blueprint;

    /// The cache rules of the sample site with these classes, in emission order, as (name, stored, spared paths).
    fn rules(classes: &str) -> Vec<(String, bool, Vec<String>)> {
        let sample = include_str!("../../../blueprints/jeveuxaider.toml");
        let mut table: toml::Table = sample.parse().expect("TOML");
        let cache: toml::Table = classes.parse().expect("TOML");
        table.insert("cache".to_owned(), toml::Value::Table(cache));
        let blueprint: Blueprint = table.try_into().expect("a blueprint");
        let site = Site::new(&blueprint, jiff::Timestamp::UNIX_EPOCH);
        let mut rules: Vec<CacheRule> = fragments(blueprint.cache.as_ref().expect("a cache"), &site)
            .into_iter()
            .filter_map(|fragment| match fragment {
                Fragment::CacheRule(rule) => Some(rule),
                _ => None,
            })
            .collect();
        rules.sort_by(|a, b| (a.order, &a.name).cmp(&(b.order, &b.name)));
        rules
            .into_iter()
            .map(|rule| {
                let Expression::All(conditions) = &rule.expression else { panic!("{:?}", rule.expression) };
                let spared = conditions.iter().filter_map(|condition| match condition {
                    Expression::Not(inner) => Some(format!("{inner:?}")),
                    _ => None,
                });
                (rule.name.clone(), rule.store != Store::No, spared.collect())
            })
            .collect()
    }

    #[test]
    fn the_default_comes_first_and_refusals_last() {
        let rules = rules(
            "classes = [{ name = 'files', paths = ['/f/'], max_age_seconds = 9 }, \
             { name = 'api', paths = ['/api/'], store = false }, \
             { name = 'news', paths = ['/news/'], max_age_seconds = 9 }, { name = 'rest', store = false }]",
        );
        let order: Vec<_> = rules.iter().map(|(name, stored, _)| (name.as_str(), *stored)).collect();
        assert_eq!(order, [("rest", false), ("news", true), ("files", true), ("api", false)]);
        assert!(rules.iter().all(|(_, _, spared)| spared.is_empty()), "{rules:?}");
    }

    #[test]
    fn a_rule_steps_aside_where_the_last_word_would_be_wrong() {
        let rules = rules(
            "classes = [{ name = 'public', paths = ['/api/public/'], max_age_seconds = 9 }, \
             { name = 'api', paths = ['/api/'], store = false }, \
             { name = 'rest', max_age_seconds = 9, ignore_query = true }]",
        );
        let spared = |name: &str| rules.iter().find(|rule| rule.0 == name).map(|rule| rule.2.join(""));
        assert_eq!(spared("public").as_deref(), Some(""));
        // The first class that takes a path wins, although refusals come last.
        assert!(spared("api").is_some_and(|text| text.contains("/api/public/")), "{rules:?}");
        // `public` reads its query; under `rest` alone it would lose it.
        assert!(spared("rest").is_some_and(|text| text.contains("/api/public/")), "{rules:?}");
    }
}
