//! What must be observable when `[cache]` is live.
//!
//! All of it is seen from outside by GETs: what the edge keeps, what it must not keep, and what it does when the
//! copy is old or the app is down.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::{Cache, Class, read_cache};
use crate::blueprint::Site;
use crate::blueprint::value::{HostName, PathPrefix, UrlPath};
use crate::concerns::answer::{
    self, answered, cache_control, cache_control_text, cache_status, cache_status_text, cookies, http, is_hit, listed,
    seconds_of,
};
use crate::concerns::ask::{NONCE, age, cloudflare_zone, get, pause};
use crate::concerns::attest::{self, Question};
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Unverified, Verdict};
use crate::probe::{BodyProblem, Disturbance, HttpAnswer, HttpProbe, Observation, Probe, Purge, Scheme};
use crate::providers::cloudflare;

/// A pass about caching is good for an hour.
const VALID_FOR_SECONDS: u32 = 3600;

/// What makes every row about the edge meaningless.
const NO_EDGE: [&str; 3] = ["dns.host.target", "tls.chain", "gate.leftover"];

const THIRTY_DAYS: u64 = 30 * 86_400;
const A_YEAR: u64 = 365 * 86_400;

/// As the CDN's documents have it, plan by plan; no zone on any of them was asked.
const VARY_BY_PLAN: Unverified = Unverified("on which of the CDN's plans a Vary is applied");
const STALE_BY_PLAN: Unverified =
    Unverified("on which of the CDN's plans a copy that is too old is fetched anew behind the visitor's back");

/// Most questions of one check that wants to meet every machine.
const MOST_LOOKS: u32 = 24;

/// Bodies below this are not worth compressing; above [`WORTH_COMPRESSING`] not to is a failure. Bytes.
const TINY: usize = 1000;
const WORTH_COMPRESSING: usize = 20_000;

pub fn checks(cache: &Cache, site: &Site) -> OneOrMore<Check> {
    let mut all = Vec::new();
    for class in cache.classes.iter().filter(|class| !class.store) {
        all.extend(class.samples.iter().map(|path| never_stored(path, class, site)));
    }
    for class in cache.classes.iter().filter(|class| class.store) {
        if class.fingerprinted {
            all.push(fingerprinted(class, site));
        }
        let Some(sample) = Sample::of(class, site) else { continue };
        if !class.fingerprinted {
            all.extend(class.samples.iter().map(|path| page_header(&site.host, path, path.to_string(), class, site)));
        }
        if site.cdn.is_some() {
            all.push(hit_on_second(&sample, subject(class, site)));
        }
        all.push(set_cookie(&sample, subject(class, site), site));
        all.extend(set_cookie_at_origins(&sample, class, site));
        all.push(vary(&sample, class, site));
        all.push(compressed(&sample, class, site));
        // The rest is about a shared cache, and about answers that change.
        if class.fingerprinted || site.cdn.is_none() {
            continue;
        }
        all.extend(class.samples.first().map(|path| match class.ignore_query {
            true => one_copy_for_trackers(path, class, site),
            false => a_copy_for_each_query(path, class, site),
        }));
        if let (Some(path), Some(ttl)) = (class.samples.first(), class.edge_ttl()) {
            if class.stale_while_revalidate_seconds.is_some() {
                all.push(stale_while_revalidate(path, ttl, class, site).resting_on(STALE_BY_PLAN));
            }
            if class.stale_if_error_seconds.is_some() {
                all.push(stale_if_error(path, class, site));
            }
            if class.proxy_copy_seconds.is_some() && site.has_proxy {
                all.push(kept_by_the_proxy(path, class, site));
            }
        }
    }
    for host in site.hosts.iter().filter(|host| host.name != site.host) {
        all.extend(host.pages.iter().flat_map(|page| of_further_host(&host.name, page, cache, site)));
    }
    all.extend(leak(cache, site));
    all.extend(purge(cache, site));
    all.extend(site.read_cache.as_ref().map(|read_cache| read_cache::check(read_cache, site)));
    if site.cdn.is_some() {
        all.extend(super::ratio::check(cache, site));
        all.extend(attest::human(Question::CacheOffload, site.host.to_string(), site, "JVA-2, JVA-10"));
    }
    all.push(errors_5xx(site));
    OneOrMore(errors_404(site), all)
}

/// Whether a page of a further name is kept like those of the first: one configuration serves them all, so what can
/// differ is the name alone.
fn of_further_host(host: &HostName, page: &UrlPath, cache: &Cache, site: &Site) -> Vec<Check> {
    let Some(class) = cache.class_of(page).filter(|class| class.store && !class.fingerprinted) else {
        return Vec::new();
    };
    let subject = format!("{host}{page}");
    let sample = Sample::Path(get(Scheme::Https, host, page.as_str()));
    let mut all =
        vec![page_header(host, page, subject.clone(), class, site), set_cookie(&sample, subject.clone(), site)];
    if site.cdn.is_some() {
        all.push(hit_on_second(&sample, subject));
    }
    all
}

impl Class {
    /// How long the edge keeps a copy, in seconds: the rule's TTL, else what the header says.
    fn edge_ttl(&self) -> Option<u32> {
        self.edge_ttl_seconds.or(self.s_maxage_seconds).or(self.max_age_seconds).map(|seconds| seconds.get())
    }

    /// How old a copy must be so that the edge no longer serves it while it fetches another, in seconds.
    fn dead_after(&self) -> Option<u32> {
        let stale = self.stale_while_revalidate_seconds.map_or(0, |seconds| seconds.get());
        self.edge_ttl().map(|ttl| ttl.saturating_add(stale).saturating_add(1))
    }
}

fn check(
    id: &'static str,
    subject: String,
    ask: Vec<Probe>,
    judge: impl Fn(&[Observation]) -> Judgement + Send + Sync + 'static,
) -> Check {
    Check {
        id,
        subject,
        safety: Safety::S1,
        blocked_by: NO_EDGE.to_vec(),
        disturbs: false,
        ask,
        judge: Box::new(judge),
        remedy: String::new(),
        source: "",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// Where a class can be sampled: at a path that the blueprint gives, or at an asset that the home page links.
#[derive(Clone)]
enum Sample {
    Path(HttpProbe),
    LinkedFrom { home: HttpProbe, class: Box<Class> },
}

impl Sample {
    fn of(class: &Class, site: &Site) -> Option<Self> {
        if let Some(path) = class.samples.first() {
            return Some(Self::Path(get(Scheme::Https, &site.host, path.as_str())));
        }
        let home = site.pages.first()?;
        class.fingerprinted.then(|| Self::LinkedFrom {
            home: get(Scheme::Https, &site.host, home.as_str()),
            class: Box::new(class.clone()),
        })
    }

    /// Questions to begin with.
    fn first(&self, then: impl Fn(&HttpProbe) -> Vec<Probe>) -> Vec<Probe> {
        match self {
            Self::Path(probe) => then(probe),
            Self::LinkedFrom { home, .. } => vec![home.clone().into()],
        }
    }

    /// The probe of the sampled URL and the answers about it, once the home page has named it.
    fn resolve<'a>(
        &self,
        seen: &'a [Observation],
        then: impl Fn(&HttpProbe) -> Vec<Probe>,
    ) -> Result<(HttpProbe, &'a [Observation]), Judgement> {
        match self {
            Self::Path(probe) => Ok((probe.clone(), seen)),
            Self::LinkedFrom { home, class } => {
                let page = http(&seen[0])?;
                let linked = linked_assets(&page.body.text, &home.host, &class.paths);
                let Some(path) = linked.iter().find(|path| class.has(path)) else {
                    return Err(Judgement::unknown("the home page links no asset of this class"));
                };
                let probe = HttpProbe { path: path.clone(), ..home.clone() };
                if seen.len() == 1 {
                    return Err(Judgement::Ask(then(&probe)));
                }
                Ok((probe, &seen[1..]))
            }
        }
    }
}

/// Paths of the host below the prefixes that the page names in `src` and `href`, in order, each once; with the host
/// before them too, as some frameworks write them.
pub(super) fn linked_assets(html: &str, host: &str, prefixes: &[PathPrefix]) -> Vec<String> {
    static LINK: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?:src|href)=["']?([^"'\s>?#]*)"#).expect("a constant pattern"));
    let own = [format!("https://{host}"), format!("//{host}")];
    let mut found: Vec<String> = Vec::new();
    for capture in LINK.captures_iter(html) {
        let link = &capture[1];
        let path = own.iter().find_map(|start| link.strip_prefix(start.as_str())).unwrap_or(link);
        let fits = prefixes.iter().any(|prefix| path.starts_with(prefix.as_str()));
        if fits && path.parse::<UrlPath>().is_ok() && !found.iter().any(|known| known == path) {
            found.push(path.to_owned());
        }
    }
    found
}

/// `cache.cc.assets`. A shorter life than the blueprint declares is red even above zero, where the catalogue warns: the
/// header is golive's own to send, so another one is not from this configuration.
fn fingerprinted(class: &Class, site: &Site) -> Check {
    let home_path = site.pages.first().cloned().unwrap_or_else(UrlPath::root);
    let home = get(Scheme::Https, &site.host, home_path.as_str());
    let assets = class.clone();
    let ask_assets = home.clone();
    let declared = class.max_age_seconds.map_or(A_YEAR, |seconds| u64::from(seconds.get()));
    Check {
        remedy: "put a content hash into asset names, then let them be kept for a year".to_owned(),
        source: "JVA-6; RFC 8246",
        ..check("cache.cc.assets", class.name.to_string(), vec![home.into()], move |seen| {
            let page = answered!(http(&seen[0]));
            if page.status != 200 {
                return Judgement::unknown(format!("the home page answers {}: no asset to ask", page.status));
            }
            let linked = linked_assets(&page.body.text, &ask_assets.host, &assets.paths);
            if linked.is_empty() {
                return Judgement::unknown("the home page links no asset of this class");
            }
            if let Some(plain) = linked.iter().find(|path| !assets.has(path)) {
                return Judgement::fail(format!("{plain} carries no content hash: a new version keeps the old name"));
            }
            let sampled = &linked[..linked.len().min(3)];
            if seen.len() == 1 {
                return Judgement::Ask(
                    sampled.iter().map(|path| HttpProbe { path: path.clone(), ..ask_assets.clone() }.into()).collect(),
                );
            }
            for (observation, path) in seen[1..].iter().zip(sampled) {
                let answer = answered!(http(observation));
                let directives = cache_control(answer);
                let max_age = seconds_of(&directives, "max-age").unwrap_or(0);
                let refuses = ["no-store", "no-cache", "private"].iter().any(|word| directives.contains_key(*word));
                if answer.status != 200 || refuses || max_age == 0 {
                    let header = cache_control_text(answer);
                    return Judgement::fail(format!("{path} answers {} with {header}", answer.status));
                }
                if max_age < declared {
                    let text = format!("{path} may be kept {max_age} s, {declared} s were declared");
                    return if max_age < THIRTY_DAYS { Judgement::fail(text) } else { Judgement::warn(text) };
                }
            }
            Judgement::pass(format!("{} assets may be kept for {declared} s", sampled.len()))
        })
    }
}

/// `cache.cc.html`: the header that the blueprint declares, and nothing that cancels it: neither another directive nor
/// the CDN's Always Online.
fn page_header(host: &HostName, path: &UrlPath, subject: String, class: &Class, site: &Site) -> Check {
    let class = class.clone();
    let mut ask = vec![get(Scheme::Https, host, path.as_str()).into()];
    if class.stale_while_revalidate_seconds.is_some() || class.stale_if_error_seconds.is_some() {
        ask.extend(cloudflare_zone(site, "/settings/always_online"));
    }
    Check {
        remedy: "send max-age and stale-* as declared; drop s-maxage, set another edge TTL by rule".to_owned(),
        source: "RFC 9111 4.2.4, 5.2.2; RFC 5861; Cloudflare docs, cache/concepts/cache-control",
        ..check("cache.cc.html", subject, ask, move |seen| {
            let answer = answered!(http(&seen[0]));
            let header = cache_control_text(answer);
            if answer.status != 200 {
                return Judgement::fail(format!("answers {}", answer.status));
            }
            let directives = cache_control(answer);
            if let Some(word) = ["no-store", "no-cache", "private"].iter().find(|word| directives.contains_key(**word))
            {
                return Judgement::fail(format!("{word} keeps it out of the cache: {header}"));
            }
            let word = ["must-revalidate", "proxy-revalidate"].into_iter().find(|word| directives.contains_key(*word));
            if let Some(word) = word
                && (class.stale_while_revalidate_seconds.is_some() || class.stale_if_error_seconds.is_some())
            {
                return Judgement::fail(format!("{word} forbids serving stale: {header}"));
            }
            let declared: [(&str, Option<u32>); 4] = [
                ("max-age", class.max_age_seconds.map(|s| s.get())),
                ("s-maxage", class.s_maxage_seconds.map(|s| s.get())),
                ("stale-while-revalidate", class.stale_while_revalidate_seconds.map(|s| s.get())),
                ("stale-if-error", class.stale_if_error_seconds.map(|s| s.get())),
            ];
            for (name, wanted) in declared {
                let found = seconds_of(&directives, name);
                if found == wanted.map(u64::from) {
                    continue;
                }
                return match (found, wanted) {
                    (Some(_), None) if name == "s-maxage" => {
                        Judgement::fail(format!("s-maxage forbids serving stale: {header}"))
                    }
                    (None, Some(wanted)) => Judgement::fail(format!("{name}={wanted} is missing: {header}")),
                    _ => Judgement::fail(format!("{name} is not as declared: {header}")),
                };
            }
            match seen.get(1).map(answer::cloudflare) {
                Some(Ok(setting)) if setting["value"] == "on" => {
                    Judgement::fail(format!("Always Online is on, and cancels the stale serving of: {header}"))
                }
                Some(Err(Judgement::Say(Verdict::Unknown, why))) => {
                    Judgement::unknown(format!("{header}, as declared; whether Always Online cancels it: {why}"))
                }
                Some(Err(judgement)) => judgement,
                Some(Ok(_)) | None => Judgement::pass(header),
            }
        })
    }
}

/// `cache.cc.api`: personal routes and their errors are never stored.
fn never_stored(path: &UrlPath, class: &Class, site: &Site) -> Check {
    let missing = class
        .paths
        .iter()
        .find(|prefix| path.as_str().starts_with(prefix.as_str()))
        .map_or("", |prefix| prefix.as_str().trim_end_matches('/'));
    let missing = format!("{missing}/golive-{NONCE}");
    let sample = get(Scheme::Https, &site.host, path.as_str());
    // Credentials that nobody has: what is told to them is the answer to one person, even where it is an error.
    let known = sample.clone().header("authorization", format!("Bearer golive-{NONCE}"));
    let ask = vec![sample.into(), get(Scheme::Https, &site.host, &missing).into(), known.into()];
    Check {
        remedy: format!("send `Cache-Control: no-store` on {path} and on its errors"),
        source: "RFC 9111 5.2.2.5; JVA-7",
        ..check("cache.cc.api", path.to_string(), ask, |seen| {
            let mut weak = None;
            for (observation, what) in seen.iter().zip(["the answer", "that of a missing path", "that to credentials"])
            {
                let answer = answered!(http(observation));
                let directives = cache_control(answer);
                let header = cache_control_text(answer);
                if is_hit(answer) {
                    return Judgement::fail(format!(
                        "{what} comes from the edge's cache ({})",
                        cache_status_text(answer)
                    ));
                }
                if directives.contains_key("no-store") {
                    continue;
                }
                if directives.contains_key("no-cache") || directives.contains_key("private") {
                    weak = Some(format!("{what} may be kept, by a browser at least: {header}"));
                } else {
                    return Judgement::fail(format!("{what} may be stored: {header}"));
                }
            }
            weak.map_or_else(
                || Judgement::pass("no-store on the answer, on that of a missing path, and on that to credentials"),
                Judgement::warn,
            )
        })
    }
}

/// `cache.hit-on-second`.
fn hit_on_second(sample: &Sample, subject: String) -> Check {
    let thrice = |probe: &HttpProbe| -> Vec<Probe> {
        vec![
            probe.clone().again(1).into(),
            pause(1),
            probe.clone().again(2).into(),
            pause(1),
            probe.clone().again(3).into(),
        ]
    };
    let sample = sample.clone();
    Check {
        remedy: "make the class eligible by a cache rule, and let no cookie or private header through".to_owned(),
        source: "JVA-2, JVA-10; Cloudflare docs, cache/concepts/cache-responses; RFC 9211",
        ..check("cache.hit-on-second", subject, sample.first(thrice), move |seen| {
            let (probe, seen) = answered!(sample.resolve(seen, thrice));
            let answers: Vec<&HttpAnswer> = answered!(
                seen.iter().filter(|o| !matches!(o, Observation::Done)).map(http).collect::<Result<Vec<_>, _>>()
            );
            let statuses: Vec<&str> = answers.iter().map(|answer| cache_status_text(answer)).collect();
            if answers.iter().skip(1).any(|answer| is_hit(answer)) {
                return Judgement::pass(format!("{}: {}", probe.path, listed(&statuses)));
            }
            let last = answers.last().copied();
            let why = match last.and_then(cache_status) {
                Some("DYNAMIC") => "no rule makes it eligible".to_owned(),
                Some("BYPASS") => last.map_or_else(String::new, |answer| {
                    let set: Vec<&str> = cookies(answer).into_iter().map(|(name, _)| name).collect();
                    if set.is_empty() {
                        cache_control_text(answer)
                    } else {
                        format!("it sets the cookie {}", listed(&set))
                    }
                }),
                _ => last.map_or_else(String::new, cache_control_text),
            };
            Judgement::fail(format!("{} is never answered from the edge: {}; {why}", probe.path, listed(&statuses)))
        })
    }
}

fn subject(class: &Class, site: &Site) -> String {
    match class.samples.first() {
        Some(path) => format!("{} {path}", class.name),
        None => format!("{} of {}", class.name, site.host),
    }
}

/// `cache.set-cookie`: a stored answer must plant no cookie, least of all one cookie in two visitors.
fn set_cookie(sample: &Sample, subject: String, site: &Site) -> Check {
    set_cookie_at(sample, subject, site, None)
}

/// The same past the CDN, which may drop a cookie and keep the page that came with it (an edge TTL of one's own does). Only
/// where no proxy of golive's is the origin: that one lets nobody in but the CDN.
fn set_cookie_at_origins(sample: &Sample, class: &Class, site: &Site) -> Vec<Check> {
    let origins = site.cdn.iter().filter(|_| !site.has_proxy).flat_map(|cdn| &cdn.origins);
    origins
        .map(|origin| Check {
            safety: Safety::S2,
            ..set_cookie_at(sample, format!("{} at {origin}", subject(class, site)), site, Some(*origin))
        })
        .collect()
}

fn set_cookie_at(sample: &Sample, subject: String, site: &Site, origin: Option<IpAddr>) -> Check {
    let two = move |probe: &HttpProbe| -> Vec<Probe> {
        let probe = match origin {
            Some(origin) => probe.clone().pinned(origin),
            None => probe.clone(),
        };
        vec![probe.clone().into(), probe.again(4).into()]
    };
    let sample = sample.clone();
    let room_is_open = site.waiting_room_is_open;
    Check {
        remedy: "start sessions later than on pages that everybody sees".to_owned(),
        source: "JVA-7; Cloudflare docs, cache/concepts/cache-behavior",
        ..check("cache.set-cookie", subject, sample.first(two), move |seen| {
            let (probe, seen) = answered!(sample.resolve(seen, two));
            let first = answered!(http(&seen[0]));
            let second = answered!(http(&seen[1]));
            if origin.is_some() && [first, second].iter().any(|answer| matches!(answer.status, 403 | 421)) {
                return Judgement::unknown("the origin lets nobody past the CDN in: what it sets does not show");
            }
            let (one, two) = (cookies(first), cookies(second));
            if let Some((name, _)) = one.iter().find(|cookie| !cookie.1.is_empty() && two.contains(cookie)) {
                return Judgement::fail(format!("{} gives two visitors the same cookie {name}", probe.path));
            }
            let all: BTreeSet<&str> = one.iter().chain(&two).map(|(name, _)| *name).collect();
            let foreign: Vec<&&str> = all.iter().filter(|name| !cloudflare::is_own_cookie(name)).collect();
            if !foreign.is_empty() {
                return Judgement::fail(format!("{} sets the cookie {}", probe.path, listed(&foreign)));
            }
            if all.is_empty() {
                Judgement::pass(format!("{} sets no cookie", probe.path))
            } else if room_is_open && all.iter().all(|name| cloudflare::is_waiting_room_cookie(name)) {
                // Set on the way out, on a stored copy too, and another for everybody.
                Judgement::pass(format!("{} sets the cookie of the waiting room alone", probe.path))
            } else {
                Judgement::warn(format!("{} sets only the CDN's own cookies", probe.path))
            }
        })
    }
}

/// `cache.vary`.
fn vary(sample: &Sample, class: &Class, site: &Site) -> Check {
    let once = |probe: &HttpProbe| -> Vec<Probe> { vec![probe.clone().into()] };
    let sample = sample.clone();
    Check {
        remedy: "send no Vary but Accept-Encoding; Vary is no guard for personal pages at this CDN".to_owned(),
        source: "RFC 9111 4.1; Cloudflare docs, cache/concepts/cache-control",
        ..check("cache.vary", subject(class, site), sample.first(once), move |seen| {
            let (probe, seen) = answered!(sample.resolve(seen, once));
            let answer = answered!(http(&seen[0]));
            let varied: BTreeSet<String> = answer
                .headers_named("vary")
                .flat_map(|line| line.split(','))
                .map(|name| name.trim().to_ascii_lowercase())
                .filter(|name| !name.is_empty() && name != "accept-encoding")
                .collect();
            let names = listed(&varied.iter().collect::<Vec<_>>());
            if varied.iter().any(|name| matches!(name.as_str(), "*" | "cookie" | "user-agent")) {
                return Judgement::fail(format!("{} varies on {names}, which the edge does not apply", probe.path))
                    .resting_on(VARY_BY_PLAN);
            }
            match varied.is_empty() {
                true => Judgement::pass(format!("{} varies on nothing that splits the cache", probe.path)),
                false => Judgement::warn(format!("{} varies on {names}, which the edge does not apply", probe.path))
                    .resting_on(VARY_BY_PLAN),
            }
        })
    }
}

/// `cache.query`, for a class whose answers do not depend on the query: trackers share one copy. A failure, where the
/// catalogue warns: a launch is a campaign (its drill 35). The first link is asked once more with its parameters in the
/// other order, as mail programs and redirects give them.
fn one_copy_for_trackers(path: &UrlPath, class: &Class, site: &Site) -> Check {
    let with = |query: &str| -> Probe { get(Scheme::Https, &site.host, &format!("{path}?{query}")).into() };
    let links = [
        format!("utm_source=golive-{NONCE}-a&utm_medium=mail"),
        format!("utm_source=golive-{NONCE}-b&utm_medium=mail"),
        format!("utm_medium=mail&utm_source=golive-{NONCE}-a"),
    ];
    Check {
        blocked_by: [&NO_EDGE[..], &["cache.hit-on-second"]].concat(),
        remedy: "leave the query string out of this class's cache key".to_owned(),
        source: "JVA-10; Cloudflare docs, cache/how-to/cache-keys",
        ..check("cache.query", subject(class, site), links.iter().map(|link| with(link)).collect(), |seen| {
            let answers: Vec<&HttpAnswer> = answered!(seen.iter().map(http).collect::<Result<Vec<_>, _>>());
            let statuses: Vec<&str> = answers.iter().map(|answer| cache_status_text(answer)).collect();
            let [_, other, reordered] = answers.as_slice() else {
                return Judgement::unknown("three links were asked");
            };
            match (is_hit(other), is_hit(reordered)) {
                (_, true) => Judgement::pass(format!("campaign links share one copy: {}", listed(&statuses))),
                (true, false) => Judgement::warn(format!(
                    "the parameters of a campaign link in another order make a copy of its own: {}",
                    listed(&statuses)
                )),
                (false, false) => {
                    Judgement::fail(format!("each campaign link makes a copy of its own: {}", listed(&statuses)))
                }
            }
        })
    }
}

/// `cache.query`, for a class whose answers depend on the query: a copy of one must not answer another. Whether the order of
/// its parameters makes another copy is told and not judged: that is right and only costs a fetch.
fn a_copy_for_each_query(path: &UrlPath, class: &Class, site: &Site) -> Check {
    let with = |query: &str| -> Probe { get(Scheme::Https, &site.host, &format!("{path}?{query}")).into() };
    let queries = [
        format!("page=golive-{NONCE}-a&sort=name"),
        format!("page=golive-{NONCE}-b&sort=name"),
        format!("sort=name&page=golive-{NONCE}-a"),
    ];
    Check {
        blocked_by: [&NO_EDGE[..], &["cache.hit-on-second"]].concat(),
        remedy: "keep the query string in this class's cache key, or say `ignore_query = true`".to_owned(),
        source: "Cloudflare docs, cache/how-to/cache-keys",
        ..check("cache.query", subject(class, site), queries.iter().map(|query| with(query)).collect(), |seen| {
            let answers: Vec<&HttpAnswer> = answered!(seen.iter().map(http).collect::<Result<Vec<_>, _>>());
            let statuses: Vec<&str> = answers.iter().map(|answer| cache_status_text(answer)).collect();
            let [first, other, reordered] = answers.as_slice() else {
                return Judgement::unknown("three queries were asked");
            };
            if is_hit(first) || is_hit(other) {
                return Judgement::fail(format!("a query that was never asked has a copy: {}", listed(&statuses)));
            }
            let order = match is_hit(reordered) {
                true => "in another order it is the same copy",
                false => "in another order it is fetched again",
            };
            Judgement::pass(format!("each query is fetched for itself, and {order}: {}", listed(&statuses)))
        })
    }
}

/// How long a purged copy may still be served, in seconds: without remark, and at all.
const PURGED_AFTER: (u32, u32) = (30, 60);

/// `cache.purge`: one purge of one URL has an effect. It is all that golive ever changes at a provider.
fn purge(cache: &Cache, site: &Site) -> Option<Check> {
    let class = cache.classes.iter().find(|class| class.store && !class.fingerprinted && !class.samples.is_empty())?;
    let path = class.samples.first()?;
    // Of a class that knows no queries the page itself is meant.
    let query = if class.ignore_query { String::new() } else { format!("?golive=purge-{NONCE}") };
    let page = get(Scheme::Https, &site.host, &format!("{path}{query}"));
    let zone = site.cdn.as_ref()?.zone.to_string();
    let purge = Purge { zone, host: site.host.to_string(), url: page.url() };
    Some(Check {
        safety: Safety::S3,
        blocked_by: [&NO_EDGE[..], &["cache.hit-on-second"]].concat(),
        disturbs: true,
        remedy: "purge with a token of the zone that serves the site, and with the exact URL, its query too".to_owned(),
        source: "Cloudflare docs, cache/how-to/purge-cache",
        ..check(
            "cache.purge",
            subject(class, site),
            vec![page.clone().into(), page.clone().again(1).into(), Probe::Purge(purge), page.clone().again(2).into()],
            move |seen| {
                let before = answered!(http(&seen[1]));
                if !is_hit(before) {
                    let status = cache_status_text(before);
                    return Judgement::unknown(format!("there is no copy to purge: {status} on the second GET"));
                }
                answered!(answer::api(&seen[2]));
                // Then after each pause one more.
                let after = answered!(seen[3..].iter().step_by(2).map(http).collect::<Result<Vec<_>, _>>());
                let statuses: Vec<&str> = after.iter().map(|answer| cache_status_text(answer)).collect();
                match after.iter().position(|answer| !is_hit(answer)) {
                    Some(0 | 1) => Judgement::pass(format!("after the purge: {}", listed(&statuses))),
                    Some(_) => Judgement::warn(format!("only after {} s: {}", PURGED_AFTER.1, listed(&statuses))),
                    None if after.len() < 3 => {
                        let nth = u8::try_from(after.len()).unwrap_or(u8::MAX);
                        Judgement::Ask(vec![pause(PURGED_AFTER.0), page.clone().again(nth.saturating_add(2)).into()])
                    }
                    None => Judgement::fail(format!("{} s after the purge: {}", PURGED_AFTER.1, listed(&statuses))),
                }
            },
        )
    })
}

/// `cache.compress`.
fn compressed(sample: &Sample, class: &Class, site: &Site) -> Check {
    let three = |probe: &HttpProbe| -> Vec<Probe> {
        ["br", "gzip", "identity"]
            .iter()
            .map(|coding| probe.clone().header("accept-encoding", *coding).into())
            .collect()
    };
    let sample = sample.clone();
    // Brotli is the edge's to do.
    let behind_cdn = site.cdn.is_some();
    Check {
        remedy: "enable compression for this type, once".to_owned(),
        source: "RFC 9110 8.4; ALT-4",
        ..check("cache.compress", subject(class, site), sample.first(three), move |seen| {
            let (probe, seen) = answered!(sample.resolve(seen, three));
            let answers: Vec<&HttpAnswer> = answered!(seen.iter().map(http).collect::<Result<Vec<_>, _>>());
            let [br, gzip, identity] = answers.as_slice() else {
                return Judgement::unknown("three answers were asked");
            };
            let coding = |answer: &HttpAnswer| answer.header("content-encoding").unwrap_or("identity").to_owned();
            if coding(identity) != "identity" {
                return Judgement::fail(format!("{} is {} even for who cannot read it", probe.path, coding(identity)));
            }
            for answer in &answers {
                let text = |problem: &str| format!("{} as {}: {problem}", probe.path, coding(answer));
                match &answer.body.problem {
                    // Cut by us or by the network: the rest might be anything.
                    Some(BodyProblem::Cut(problem)) => return Judgement::unknown(text(problem)),
                    Some(BodyProblem::Garbled(problem)) => return Judgement::fail(text(problem)),
                    // What was decoded begins as gzip does (RFC 1952, section 2.3.1), its second byte being no UTF-8.
                    None if answer.body.text.starts_with("\u{1f}\u{fffd}") => {
                        return Judgement::fail(text("compressed twice"));
                    }
                    None => {}
                }
            }
            let plain = identity.body.wire_length;
            if plain < TINY {
                return Judgement::pass(format!("{} has {plain} bytes: nothing to gain", probe.path));
            }
            let same = answers.windows(2).all(|pair| pair[0].body.sha256 == pair[1].body.sha256);
            let sizes = format!("{plain} bytes plain, {} gzip, {} br", gzip.body.wire_length, br.body.wire_length);
            match (coding(br).as_str(), coding(gzip).as_str()) {
                ("br", "gzip") if same => Judgement::pass(format!("{}: {sizes}", probe.path)),
                // nginx as it is packaged knows gzip alone.
                ("gzip" | "identity", "gzip") if !behind_cdn => Judgement::pass(format!("{}: {sizes}", probe.path)),
                ("br", "gzip") => Judgement::warn(format!("{} differs between codings: {sizes}", probe.path)),
                (_, "gzip") => Judgement::warn(format!("{} is gzip only: {sizes}", probe.path)),
                _ if plain > WORTH_COMPRESSING => {
                    Judgement::fail(format!("{} goes out raw: {plain} bytes", probe.path))
                }
                _ => Judgement::warn(format!("{} goes out raw: {plain} bytes", probe.path)),
            }
        })
    }
}

/// `cache.stale.reval`: past its time, the copy is served at once and fetched behind.
fn stale_while_revalidate(path: &UrlPath, ttl: u32, class: &Class, site: &Site) -> Check {
    let probe = get(Scheme::Https, &site.host, &format!("{path}?golive=stale-{NONCE}"));
    let ask = vec![
        probe.clone().again(1).into(),
        probe.clone().again(2).into(),
        age(&[&probe], ttl.saturating_add(1)),
        probe.clone().again(3).into(),
        probe.clone().again(4).into(),
    ];
    Check {
        blocked_by: [&NO_EDGE[..], &["cache.hit-on-second"]].concat(),
        disturbs: true,
        remedy: "send stale-while-revalidate without s-maxage, and keep Always Online off".to_owned(),
        source: "RFC 5861 3; Cloudflare docs, cache/concepts/cache-control, cache/how-to/always-online",
        ..check("cache.stale.reval", subject(class, site), ask, |seen| {
            let answers: Vec<&HttpAnswer> = answered!(
                seen.iter().filter(|o| !matches!(o, Observation::Done)).map(http).collect::<Result<Vec<_>, _>>()
            );
            let [_, kept, old, after] = answers.as_slice() else {
                return Judgement::unknown("four answers were asked");
            };
            let statuses: Vec<&str> = answers.iter().map(|answer| cache_status_text(answer)).collect();
            let seen = listed(&statuses);
            if !is_hit(kept) {
                return Judgement::fail(format!("the copy was not kept to begin with: {seen}"));
            }
            match cache_status(old) {
                Some("STALE" | "UPDATING") if is_hit(after) => {
                    Judgement::pass(format!("old copy served at once: {seen}"))
                }
                Some("STALE" | "UPDATING") => Judgement::fail(format!("old once, then fetched while waiting: {seen}")),
                Some("HIT") => Judgement::unknown(format!("somebody refreshed the copy meanwhile: {seen}")),
                _ => Judgement::fail(format!("the visitor waits for the origin: {seen}")),
            }
        })
    }
}

/// `cache.stale.error`: past its time and with the app gone, then failing, the old copy still answers.
fn stale_if_error(path: &UrlPath, class: &Class, site: &Site) -> Check {
    let probe = get(Scheme::Https, &site.host, &format!("{path}?golive=error-{NONCE}"));
    // Past the window of stale-while-revalidate too, so that stale-if-error alone can explain the answer.
    let past = class.dead_after().unwrap_or(0);
    // nginx may answer from a copy of its own before the edge needs its old one.
    let proxy_copies = class.proxy_copy_seconds.is_some();
    let ask = vec![
        probe.clone().again(1).into(),
        age(&[&probe], past),
        Probe::Disturb(Disturbance::AppRefuses),
        probe.clone().again(2).into(),
        Probe::Disturb(Disturbance::AppAnswers503),
        probe.clone().again(3).into(),
        Probe::Disturb(Disturbance::AppHealthy),
    ];
    Check {
        safety: Safety::S4,
        blocked_by: [&NO_EDGE[..], &["cache.hit-on-second"]].concat(),
        disturbs: true,
        remedy: "send stale-if-error without s-maxage, and test both a dead and a failing app".to_owned(),
        source: "RFC 5861 4; JVA-2",
        ..check("cache.stale.error", subject(class, site), ask, move |seen| {
            let dead = answered!(http(&seen[3]));
            let failing = answered!(http(&seen[5]));
            let text = format!(
                "app refusing: {} {}; app answering 503: {} {}",
                dead.status,
                cache_status_text(dead),
                failing.status,
                cache_status_text(failing)
            );
            // An answer that is no old copy came from an app that was not down.
            if !proxy_copies && [dead, failing].into_iter().any(|answer| answer.status == 200 && !is_hit(answer)) {
                return Judgement::unknown(text);
            }
            match (dead.status, failing.status) {
                (200, 200) => Judgement::pass(text),
                (200, _) => Judgement::warn(text),
                _ => Judgement::fail(text),
            }
        })
    }
}

/// `cache.proxy`: every proxy keeps a copy of its own, and answers from it while the app is gone. The edge's copy is
/// made too old to be served, so that an answer can only be nginx's.
fn kept_by_the_proxy(path: &UrlPath, class: &Class, site: &Site) -> Check {
    let probe = get(Scheme::Https, &site.host, &format!("{path}?golive=proxy-{NONCE}"));
    let stale = class.stale_if_error_seconds.map_or(0, |seconds| seconds.get());
    let too_old = age(&[&probe], class.dead_after().unwrap_or(0).saturating_add(stale));
    // Twice each: the edge asks the addresses in turn, and behind each there may be several.
    let each = u8::try_from(site.proxies.saturating_mul(2).min(MOST_LOOKS)).unwrap_or(u8::MAX);
    let look = |nth: u8| [probe.clone().again(nth).into(), too_old.clone()];
    let mut ask: Vec<Probe> = (0..each).flat_map(look).collect();
    ask.push(Probe::Disturb(Disturbance::AppRefuses));
    ask.extend((each..2 * each).flat_map(look));
    Check {
        safety: Safety::S4,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: true,
        remedy: "look at `proxy_cache` in nginx, and whether the app forbids copies or sets a cookie".to_owned(),
        source: "nginx docs, ngx_http_proxy_module; DOC-4",
        ..check("cache.proxy", subject(class, site), ask, move |seen| {
            let asked = seen.iter().filter(|observation| !matches!(observation, Observation::Done));
            let answers: Vec<&HttpAnswer> = answered!(asked.map(http).collect::<Result<_, _>>());
            let (before, after) = answers.split_at(answers.len() / 2);
            if let Some(ill) = before.iter().find(|answer| answer.status != 200) {
                return Judgement::unknown(format!("answers {} while the app is well", ill.status));
            }
            match after.iter().filter(|answer| answer.status != 200 || is_hit(answer)).count() {
                0 => Judgement::pass(format!("{} times 200 of nginx's own while the app is gone", after.len())),
                failed => Judgement::fail(format!(
                    "{failed} of {} answers were not nginx's own while the app was gone",
                    after.len()
                )),
            }
        })
    }
}

/// `cache.err.404`: a missing page may be remembered for a minute, no longer.
fn errors_404(site: &Site) -> Check {
    let probe = get(Scheme::Https, &site.host, &format!("/golive-{NONCE}-missing"));
    let ask = vec![probe.clone().into(), probe.again(1).into()];
    Check {
        remedy: "send no cache header on a 404, or a minute at most".to_owned(),
        source: "Cloudflare docs, cache/how-to/configure-cache-status-code",
        ..check("cache.err.404", site.host.to_string(), ask, |seen| {
            let first = answered!(http(&seen[0]));
            let second = answered!(http(&seen[1]));
            if first.status >= 500 {
                return Judgement::unknown(format!("a page that does not exist answers {}: ill", first.status));
            }
            if first.status != 404 {
                return Judgement::warn(format!("a page that does not exist answers {}, not 404", first.status));
            }
            let max_age = seconds_of(&cache_control(second), "max-age")
                .filter(|_| !cache_control(second).contains_key("no-store"));
            match (is_hit(second), max_age) {
                (_, Some(seconds)) if seconds > 180 => Judgement::fail(format!("a 404 may be kept for {seconds} s")),
                (true, None) => {
                    Judgement::warn("a 404 is kept as long as the CDN likes, 3 minutes unless a rule says otherwise")
                }
                (_, Some(seconds)) if seconds > 60 => Judgement::warn(format!("a 404 may be kept for {seconds} s")),
                _ => {
                    Judgement::pass(format!("a 404 is not kept longer than a minute ({})", cache_control_text(second)))
                }
            }
        })
    }
}

/// `cache.err.5xx`: an error of the app is never kept.
fn errors_5xx(site: &Site) -> Check {
    let probe = get(Scheme::Https, &site.host, &format!("/golive-{NONCE}-error"));
    let ask = vec![
        Probe::Disturb(Disturbance::AppAnswers500),
        probe.clone().into(),
        probe.clone().again(1).into(),
        Probe::Disturb(Disturbance::AppHealthy),
        probe.again(2).into(),
    ];
    Check {
        safety: Safety::S4,
        disturbs: true,
        remedy: "never send cache headers on errors (`add_header ... always` does, unless a map sees the status)"
            .to_owned(),
        source: "nginx, ngx_http_headers_module; RFC 9111 4",
        ..check("cache.err.5xx", site.host.to_string(), ask, |seen| {
            let (first, second, healed) =
                (answered!(http(&seen[1])), answered!(http(&seen[2])), answered!(http(&seen[4])));
            if first.status < 500 {
                return Judgement::unknown(format!("the failing app answered {}", first.status));
            }
            if second.status >= 500 && is_hit(second) {
                return Judgement::fail(format!(
                    "a {} came from the cache: {}",
                    second.status,
                    cache_control_text(first)
                ));
            }
            if healed.status >= 500 {
                return Judgement::fail(format!("the app is well again and the edge still answers {}", healed.status));
            }
            Judgement::pass(format!("a {} is not kept ({})", first.status, cache_control_text(first)))
        })
    }
}

/// `cache.leak.users`: nobody sees what belongs to somebody else. Copies that are there already have to die first,
/// or they would hide the fault: each path is then asked as Alice, as Bob, without a session, and as Alice again,
/// each session being a random mark. So is a page that does not exist, since errors are kept too, and below each
/// personal path a name that looks like a file, which some caches keep for its looks.
fn leak(cache: &Cache, site: &Site) -> Option<Check> {
    let cookie = cache.session_cookie.as_ref()?;
    let samples = |class: &Class| class.samples.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut paths: Vec<String> = cache.classes.iter().flat_map(samples).collect();
    if paths.is_empty() {
        return None;
    }
    let personal = cache.classes.iter().filter(|class| !class.store).flat_map(samples);
    paths.extend(personal.map(|path| format!("{}/golive-{NONCE}.css", path.trim_end_matches('/'))));
    paths.push(format!("/golive-{NONCE}-nowhere"));
    let sampled: Vec<HttpProbe> = paths.iter().map(|path| get(Scheme::Https, &site.host, path)).collect();
    let oldest = cache.classes.iter().filter(|class| !class.fingerprinted).filter_map(Class::dead_after).max();
    let mut ask = vec![age(&sampled.iter().collect::<Vec<_>>(), oldest.unwrap_or(0))];
    for probe in &sampled {
        let as_whom = |who: &str, nth| -> Probe {
            let session = format!("{cookie}=golive-{who}-{NONCE}");
            probe.clone().again(nth).header("cookie", session).into()
        };
        ask.extend([as_whom("alice", 1), as_whom("bob", 1), probe.clone().into(), as_whom("alice", 2)]);
    }
    Some(Check {
        safety: Safety::S2,
        disturbs: true,
        remedy: "stop: bypass the cache for this path and purge it; then find what ignores the session".to_owned(),
        source: "JVA-7; Cloudflare docs, cache/concepts/cache-control (Vary)",
        ..check("cache.leak.users", site.host.to_string(), ask, move |seen| {
            let [_, seen @ ..] = seen else { return Judgement::unknown("nothing was asked") };
            for (round, probe) in seen.chunks(4).zip(&sampled) {
                let answers: Vec<&HttpAnswer> = answered!(round.iter().map(http).collect::<Result<Vec<_>, _>>());
                if let Some(ill) = answers.iter().find(|answer| answer.status >= 500 || answer.status == 429) {
                    return Judgement::unknown(format!("{} answers {}: nobody's page shows", probe.path, ill.status));
                }
                let expected = [Some("golive-alice-"), Some("golive-bob-"), None, Some("golive-alice-")];
                for (answer, own) in answers.iter().zip(expected) {
                    let shown = |mark: &&str| answer.body.text.contains(*mark);
                    let foreign = ["golive-alice-", "golive-bob-"].into_iter().filter(|mark| Some(*mark) != own);
                    let path = &probe.path;
                    if foreign.clone().any(|mark| shown(&mark)) {
                        return Judgement::fail(format!("{path} showed one visitor's page to another"));
                    }
                    if own.as_ref().is_some_and(shown) && is_hit(answer) {
                        return Judgement::fail(format!(
                            "{path} keeps a personal page ({})",
                            cache_status_text(answer)
                        ));
                    }
                }
            }
            Judgement::pass(format!("{} paths, asked as two people and nobody: no foreign mark", sampled.len()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::concerns::answer::made_up::{check, page, sample, verdict};
    use crate::probe::ApiAnswer;

    fn kept(status: &str) -> Observation {
        page(200, &[("cf-cache-status", status)], "")
    }

    #[test]
    fn the_origin_is_asked_for_cookies_where_it_lets_visitors_in() {
        let (blueprint, mut site) = sample(&[]);
        let subject = "pages / at 203.0.113.10";
        let at_origin = |site: &Site| {
            let all = blueprint.cache.as_ref().map(|cache| super::checks(cache, site).into_vec()).unwrap_or_default();
            all.into_iter().find(|check| check.id == "cache.set-cookie" && check.subject == subject)
        };
        assert!(at_origin(&site).is_none(), "the proxy is locked");
        site.has_proxy = false;
        let at_origin = at_origin(&site).expect("asked");
        assert_eq!(at_origin.safety, Safety::S2);
        let with = |cookie: &str| page(200, &[("set-cookie", cookie)], "");
        let without = || page(200, &[], "");
        assert_eq!(verdict(&at_origin, &[without(), without()]), Some(Verdict::Pass));
        assert_eq!(verdict(&at_origin, &[with("sid=1"), with("sid=2")]), Some(Verdict::Fail));
        assert_eq!(verdict(&at_origin, &[with("__cf_bm=1"), with("__cf_bm=1")]), Some(Verdict::Fail), "one for two");
        assert_eq!(verdict(&at_origin, &[page(403, &[], ""), without()]), Some(Verdict::Unknown));
    }

    #[test]
    fn a_class_that_reads_its_query_has_a_copy_for_each() {
        let (blueprint, site) = sample(&[("ignore_query = true\nsamples", "samples")]);
        let query = check(&blueprint, &site, "cache.query", "pages /");
        let said = |statuses: [&str; 3]| verdict(&query, &statuses.map(kept));
        assert_eq!(said(["MISS", "MISS", "MISS"]), Some(Verdict::Pass));
        assert_eq!(said(["MISS", "MISS", "HIT"]), Some(Verdict::Pass), "the same in another order");
        assert_eq!(said(["MISS", "HIT", "MISS"]), Some(Verdict::Fail));
        assert_eq!(said(["HIT", "MISS", "MISS"]), Some(Verdict::Fail));
        let (blueprint, site) = sample(&[]);
        let query = check(&blueprint, &site, "cache.query", "pages /");
        let said = |statuses: [&str; 3]| verdict(&query, &statuses.map(kept));
        assert_eq!(said(["MISS", "HIT", "HIT"]), Some(Verdict::Pass));
        assert_eq!(said(["MISS", "HIT", "MISS"]), Some(Verdict::Warn), "the order is in the key");
        assert_eq!(said(["MISS", "MISS", "MISS"]), Some(Verdict::Fail));
    }

    #[test]
    fn an_app_that_was_not_down_proves_nothing() {
        let (blueprint, site) = sample(&[]);
        let stale = check(&blueprint, &site, "cache.stale.error", "pages /");
        let done = || Observation::Done;
        for (dead, failing, wanted) in [
            (kept("STALE"), kept("STALE"), Verdict::Pass),
            (kept("STALE"), page(503, &[], ""), Verdict::Warn),
            (page(521, &[], ""), page(503, &[], ""), Verdict::Fail),
            (kept("MISS"), kept("STALE"), Verdict::Unknown),
        ] {
            let seen = [kept("MISS"), done(), done(), dead, done(), failing, done()];
            assert_eq!(verdict(&stale, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn must_revalidate_cancels_stale_serving() {
        let (blueprint, site) = sample(&[]);
        let html = check(&blueprint, &site, "cache.cc.html", "/missions");
        let header = "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400";
        let set = |always_online: &str| {
            let body = serde_json::json!({ "success": true, "result": { "value": always_online } });
            Observation::Api(ApiAnswer { at: jiff::Timestamp::UNIX_EPOCH, status: 200, body })
        };
        let with = |more: &str, setting| [page(200, &[("cache-control", &format!("{header}{more}"))], ""), setting];
        assert_eq!(verdict(&html, &with("", set("off"))), Some(Verdict::Pass));
        assert_eq!(verdict(&html, &with("", set("on"))), Some(Verdict::Fail));
        let unasked = || Observation::NotAsked { because: "no token".to_owned() };
        assert_eq!(verdict(&html, &with("", unasked())), Some(Verdict::Unknown));
        for more in [", must-revalidate", ", s-maxage=30", ", private"] {
            assert_eq!(verdict(&html, &with(more, unasked())), Some(Verdict::Fail), "{more}");
        }
    }

    #[test]
    fn what_is_told_to_credentials_is_stored_nowhere() {
        let (blueprint, site) = sample(&[]);
        let api = check(&blueprint, &site, "cache.cc.api", "/api/user");
        let marked = |value: &str| page(401, &[("cache-control", value)], "");
        for (value, wanted) in
            [("no-store", Verdict::Pass), ("private", Verdict::Warn), ("max-age=5", Verdict::Fail), ("", Verdict::Fail)]
        {
            let seen = [marked("no-store"), marked("no-store"), marked(value)];
            assert_eq!(verdict(&api, &seen), Some(wanted), "{value}");
        }
    }

    #[test]
    fn a_vary_says_what_it_rests_on() {
        let (blueprint, site) = sample(&[]);
        let vary = check(&blueprint, &site, "cache.vary", "pages /");
        let because = |value: &str| match (vary.judge)(&[page(200, &[("vary", value)], "")]) {
            Judgement::Say(verdict, because) => {
                (verdict, because.contains("; unverified: on which of the CDN's plans"))
            }
            Judgement::Ask(_) => panic!("a verdict"),
        };
        assert_eq!(because("Accept-Encoding"), (Verdict::Pass, false));
        assert_eq!(because("Accept-Language"), (Verdict::Warn, true));
        assert_eq!(because("Cookie"), (Verdict::Fail, true));
    }

    #[test]
    fn a_leak_is_sought_where_there_is_a_page_to_ask() {
        let count = |edits: &[(&str, &str)]| {
            let (blueprint, site) = sample(edits);
            let cache = blueprint.cache.as_ref().expect("a cache");
            super::checks(cache, &site).into_vec().iter().filter(|check| check.id == "cache.leak.users").count()
        };
        assert_eq!(count(&[]), 1);
        let no_samples =
            [("samples = [\"/\", \"/missions\"]", ""), ("samples = [\"/api/user\", \"/api/missions\"]", "")];
        assert_eq!(count(&no_samples), 0);
    }

    #[test]
    fn assets_are_found_with_and_without_the_host() {
        let page = r#"<link href=/assets/a.css><script src="https://www.example.org/assets/b.js?v=1"></script>
            <img src='//www.example.org/assets/c.png'><img src="https://cdn.example.com/assets/d.png">
            <img src="//cdn.example.com/assets/e.png"><img src="/assets/a.css"><a href="/other">"#;
        let found = linked_assets(page, "www.example.org", &["/assets/".parse().unwrap()]);
        assert_eq!(found, ["/assets/a.css", "/assets/b.js", "/assets/c.png"]);
    }
}
