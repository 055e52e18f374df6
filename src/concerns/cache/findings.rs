//! Offline remarks on `[cache]`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{Cache, Class};
use crate::blueprint::value::UrlPath;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::rules;

/// Below this lifetime, in seconds, files that never change are asked for again for nothing: 30 days.
const SHORT: u32 = 30 * 86_400;

impl Cache {
    /// The class to which a path belongs: the first that takes it.
    pub fn class_of(&self, path: &UrlPath) -> Option<&Class> {
        let decoded = decoded(path.as_str());
        self.classes.iter().find(|class| class.has(&decoded))
    }
}

/// Percent-decoded, as nginx compares it; bytes that are no UTF-8 match no prefix, which is plain ASCII.
fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let encoded = (*first == b'%').then(|| others.get(..2)).flatten();
        let value =
            encoded.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match value {
            Some(value) => {
                bytes.push(value);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn at(index: usize) -> KeyPath {
    KeyPath::of(["cache", "classes"]).index(index)
}

/// Longest life of nginx's own copies, in seconds. A purge at the CDN does not reach them.
pub const LONGEST_PROXY_COPY: u32 = 60;

pub fn findings(cache: &Cache, site: &Site) -> Vec<Finding> {
    let mut findings = order(cache);
    findings.extend(too_many(cache, site));
    findings.extend(needs_proxy(site));
    findings.extend(cache.read_cache.iter().flat_map(|read_cache| super::read_cache::findings(read_cache, site)));
    let mut names = HashSet::new();
    for (index, class) in cache.classes.iter().enumerate() {
        if !names.insert(&class.name) {
            findings.push(Finding::error(
                &rules::CACHE_DUPLICATE_NAME,
                at(index).key("name"),
                format!("two classes are called `{}`", class.name),
                "rename one",
            ));
        }
        if class.fingerprinted && class.paths.is_empty() {
            findings.push(Finding::error(
                &rules::CACHE_FINGERPRINTED_DEFAULT,
                at(index).key("fingerprinted"),
                format!("`{}` has no `paths`, so it takes pages too, whose names carry no hash", class.name),
                "give it the `paths` of the assets, and end with a class for the pages",
            ));
        }
        findings.extend(match class.store {
            true => lifetime(class, index),
            false => no_lifetime(class, index),
        });
        findings.extend(edge_ttl(class, index, site));
        findings.extend(proxy_copy(class, index, site));
        findings.extend(personal_at_the_edge(class, index, site));
        findings.extend(temporary(class, index, site));
        findings.extend(samples(cache, index));
    }
    findings.extend(unreachable(cache));
    findings
}

/// First match wins, so exactly one class takes the rest, and it is the last.
fn order(cache: &Cache) -> Vec<Finding> {
    let mut findings = Vec::new();
    let last = cache.classes.len().saturating_sub(1);
    for (index, class) in cache.classes.iter().enumerate().filter(|(_, class)| class.paths.is_empty()) {
        if index != last {
            findings.push(Finding::error(
                &rules::CACHE_DEFAULT_LAST,
                at(index).key("name"),
                format!("`{}` has no `paths`, so it takes every request before the classes below it", class.name),
                "give it `paths`, or move it to the end",
            ));
        }
    }
    if cache.classes.iter().all(|class| !class.paths.is_empty()) {
        findings.push(Finding::error(
            &rules::CACHE_NO_DEFAULT,
            KeyPath::of(["cache", "classes"]),
            "no class takes the paths that the others leave",
            "end with a class that has no `paths`",
        ));
    }
    findings
}

fn too_many(cache: &Cache, site: &Site) -> Option<Finding> {
    let plan = site.cdn.as_ref()?.plan;
    // One cache rule a class.
    (cache.classes.len() > plan.cache_rules()).then(|| {
        Finding::error(
            &rules::CACHE_TOO_MANY_RULES,
            at(plan.cache_rules()),
            format!(
                "{} classes need as many cache rules; the plan \"{}\" has {}",
                cache.classes.len(),
                plan.as_str(),
                plan.cache_rules()
            ),
            "merge classes that keep the same time, or take a higher plan",
        )
    })
}

fn needs_proxy(site: &Site) -> Option<Finding> {
    (!site.has_proxy).then(|| {
        Finding::warning(
            &rules::CACHE_NEEDS_PROXY,
            KeyPath::of(["cache"]),
            "without `[proxy]` nobody sends the headers of these classes",
            "add `[proxy]`, or make the app send them itself",
        )
        .on_key()
    })
}

fn lifetime(class: &Class, index: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    match class.max_age_seconds {
        None => findings.push(Finding::error(
            &rules::CACHE_STORE_WITHOUT_TTL,
            at(index).key("name"),
            format!("`{}` is stored, for how long is not said", class.name),
            "add `max_age_seconds`, or `store = false`",
        )),
        Some(seconds) if class.fingerprinted && seconds.get() < SHORT => findings.push(Finding::warning(
            &rules::CACHE_FINGERPRINTED_SHORT,
            at(index).key("max_age_seconds"),
            format!("`{}` never change, yet are kept for {seconds} s", class.name),
            "take 31536000, a year",
        )),
        Some(_) => {}
    }
    let counts_on_stale = class.stale_while_revalidate_seconds.is_some() || class.stale_if_error_seconds.is_some();
    if class.s_maxage_seconds.is_some() && counts_on_stale {
        findings.push(Finding::error(
            &rules::CACHE_S_MAXAGE,
            at(index).key("s_maxage_seconds"),
            format!("`s-maxage` cancels the stale serving of `{}`", class.name),
            "remove `s_maxage_seconds`; another lifetime at the edge is `edge_ttl_seconds`",
        ));
    }
    findings
}

fn no_lifetime(class: &Class, index: usize) -> Vec<Finding> {
    let given = [
        ("fingerprinted", class.fingerprinted),
        ("max_age_seconds", class.max_age_seconds.is_some()),
        ("proxy_copy_seconds", class.proxy_copy_seconds.is_some()),
        ("edge_ttl_seconds", class.edge_ttl_seconds.is_some()),
        ("s_maxage_seconds", class.s_maxage_seconds.is_some()),
        ("stale_while_revalidate_seconds", class.stale_while_revalidate_seconds.is_some()),
        ("stale_if_error_seconds", class.stale_if_error_seconds.is_some()),
    ];
    given
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(key, _)| {
            Finding::error(
                &rules::CACHE_TTL_ON_NO_STORE,
                at(index).key(key),
                format!("`{}` is never stored, yet `{key}` is given", class.name),
                format!("remove `{key}`, or `store = false`"),
            )
        })
        .collect()
}

fn proxy_copy(class: &Class, index: usize, site: &Site) -> Option<Finding> {
    let seconds = class.proxy_copy_seconds?.get();
    let message = if !site.has_proxy {
        "this blueprint has no [proxy]: nobody keeps these copies".to_owned()
    } else if !(1..=LONGEST_PROXY_COPY).contains(&seconds) {
        format!("{seconds} s is not a time from 1 to {LONGEST_PROXY_COPY}")
    } else {
        return None;
    };
    let remedy = "take a few seconds, or leave it out";
    Some(Finding::error(&rules::CACHE_PROXY_COPY, at(index).key("proxy_copy_seconds"), message, remedy))
}

fn edge_ttl(class: &Class, index: usize, site: &Site) -> Option<Finding> {
    let plan = site.cdn.as_ref()?.plan;
    let seconds = class.edge_ttl_seconds?;
    (seconds.get() < plan.shortest_edge_ttl()).then(|| {
        Finding::error(
            &rules::CACHE_EDGE_TTL,
            at(index).key("edge_ttl_seconds"),
            format!(
                "an edge TTL of {seconds} s does not exist on the plan \"{}\": {} s at least",
                plan.as_str(),
                plan.shortest_edge_ttl()
            ),
            "take a plan that has it, or leave the edge TTL out: the edge then follows `max_age_seconds`",
        )
    })
}

/// With a TTL of its own the edge no longer reads what nginx says of one answer.
fn personal_at_the_edge(class: &Class, index: usize, site: &Site) -> Option<Finding> {
    let applies = site.cdn.is_some() && class.store && class.edge_ttl_seconds.is_some() && !class.fingerprinted;
    applies.then(|| {
        Finding::warning(
            &rules::CACHE_EDGE_TTL_KEEPS_PERSONAL,
            at(index).key("edge_ttl_seconds"),
            format!(
                "an answer of `{}` that sets a cookie is marked no-store by the proxy, and kept by the edge all the same",
                class.name
            ),
            "leave `edge_ttl_seconds` out: the edge then follows what the proxy says of each answer",
        )
    })
}

fn temporary(class: &Class, index: usize, site: &Site) -> Option<Finding> {
    let temporary = class.temporary.as_ref()?;
    let at = at(index).key("temporary");
    if !class.store {
        return Some(Finding::error(
            &rules::CACHE_TEMPORARY,
            at,
            format!("`{}` is never stored, so it has no lifetime that could end", class.name),
            "take `temporary` out",
        ));
    }
    (temporary.until.instant() <= site.announcement).then(|| {
        Finding::error(
            &rules::CACHE_TEMPORARY,
            at.key("until"),
            format!("the lifetimes of `{}` made for the launch end before it", class.name),
            "give an instant after `site.announcement`",
        )
    })
}

/// Starts of paths that an earlier class takes whole. A fingerprinted class takes only some files under its paths.
/// Linear in the characters of all paths: each start of a path is looked up.
fn unreachable(cache: &Cache) -> Vec<Finding> {
    let mut findings = Vec::new();
    // For each start of paths, the first class that takes all under it, and the first that takes the fingerprinted.
    let mut takers: HashMap<&str, [Option<usize>; 2]> = HashMap::new();
    for (index, class) in cache.classes.iter().enumerate() {
        for (number, path) in class.paths.iter().enumerate() {
            let path = path.as_str();
            let starts = (1..=path.len()).filter_map(|end| takers.get(path.get(..end)?));
            let taker = starts.filter_map(|[all, some]| match class.fingerprinted {
                true => all.iter().chain(some).min(),
                false => all.as_ref(),
            });
            if let Some(other) = taker.min().map(|taker| &cache.classes[*taker]) {
                findings.push(Finding::error(
                    &rules::CACHE_UNREACHABLE,
                    at(index).key("paths").index(number),
                    format!("`{path}` never reaches `{}`: the class `{}` above takes it first", class.name, other.name),
                    format!("put `{}` above `{}`", class.name, other.name),
                ));
            }
        }
        for path in &class.paths {
            takers.entry(path.as_str()).or_default()[usize::from(class.fingerprinted)].get_or_insert(index);
        }
    }
    findings
}

fn samples(cache: &Cache, index: usize) -> Vec<Finding> {
    let class = &cache.classes[index];
    if class.samples.is_empty() && !class.fingerprinted {
        return vec![Finding::warning(
            &rules::CACHE_NO_SAMPLES,
            at(index).key("name"),
            format!("no check can ask `{}`: it has no sample", class.name),
            "add `samples` with one or two real paths",
        )];
    }
    let mut findings = Vec::new();
    for (number, sample) in class.samples.iter().enumerate() {
        let holder = cache.class_of(sample);
        if holder.is_some_and(|holder| std::ptr::eq(holder, class)) {
            continue;
        }
        let whose = match holder {
            Some(holder) => format!("it belongs to `{}`", holder.name),
            None => "no class takes it".to_owned(),
        };
        findings.push(Finding::error(
            &rules::CACHE_SAMPLE_OUTSIDE,
            at(index).key("samples").index(number),
            format!("`{sample}` is no path of `{}`: {whose}", class.name),
            "move the sample to its class, or correct the paths",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_decoded() {
        assert_eq!(decoded("/a%2Fb%20c"), "/a/b c");
        assert_eq!(decoded("/a%"), "/a%");
        assert_eq!(decoded("/%ff"), "/\u{fffd}");
    }
}
