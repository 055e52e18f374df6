//! What must be observable when `[static_routes]` is live: that the pages come from Varnish, that readers cost the back
//! office nothing, that pages outlive it, and that publishing is the publishers' alone.
//!
//! How often a back office was asked can be counted in a rehearsal alone, where it says so itself ([`FETCH_HEADER`]).
//! The CDN's copies would answer in Varnish's place, so those are purged before each look.

use std::time::Duration;

use super::{Route, StaticRoutes};
use crate::blueprint::Site;
use crate::blueprint::value::UrlPath;
use crate::concerns::answer::{answered, burst, cache_control_text, cookies, http};
use crate::concerns::ask::{NONCE, age, get};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::probe::{
    BurstProbe, Disturbance, FETCH_HEADER, HttpAnswer, HttpProbe, Method, Observation, Probe, Scheme, Target, Visitor,
};

/// A pass about caching is good for an hour.
const VALID_FOR_SECONDS: u32 = 3600;
/// What makes every row about the pages meaningless.
const NO_PAGES: [&str; 3] = ["dns.host.target", "tls.chain", "gate.leftover"];
/// Readers enough to tell one fetch from one each.
const READERS: u8 = 6;

pub fn checks(table: &StaticRoutes, site: &Site) -> OneOrMore<Check> {
    let mut all = Vec::new();
    for route in &table.routes {
        all.extend(route.samples.iter().map(|sample| published(route, sample, site)));
        let Some(sample) = route.samples.first() else { continue };
        all.push(one_fetch(route, sample, site));
        all.push(publisher(route, sample, site));
        all.extend(publish(route, sample, site));
        all.push(stays(route, sample, site));
    }
    OneOrMore(back_office(table, site), all)
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
        safety: Safety::S4,
        blocked_by: NO_PAGES.iter().copied().chain(["static.published"]).collect(),
        disturbs: true,
        ask,
        judge: Box::new(judge),
        remedy: String::new(),
        source: "",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn page(site: &Site, sample: &UrlPath) -> HttpProbe {
    get(Scheme::Https, &site.host, sample.as_str())
}

fn purged() -> Probe {
    Probe::Disturb(Disturbance::EdgePurged)
}

/// One request of Varnish's own methods, by somebody.
fn told(request: HttpProbe, method: Method, visitor: Visitor) -> Probe {
    Probe::Burst(BurstProbe {
        request,
        method,
        count: 1,
        enough_refusals: 0,
        after: Duration::ZERO,
        visitor,
        counts: None,
    })
}

/// The page at each machine, past the CDN; where there is none, where the name leads.
fn at_machines(page: &HttpProbe, site: &Site) -> Vec<HttpProbe> {
    match &site.cdn {
        None => vec![page.clone()],
        Some(cdn) => cdn.origins.iter().map(|origin| page.clone().pinned(*origin)).collect(),
    }
}

/// What Varnish says of its part (RFC 9211); `None`: it had none.
fn by_varnish(answer: &HttpAnswer) -> Option<&str> {
    let members = answer.headers_named("cache-status").flat_map(|line| line.split(','));
    members.map(str::trim).find(|member| member.split(';').next().is_some_and(|name| name.trim() == "varnish"))
}

/// How many times the back office had been asked when it made this page.
fn fetch_of(answer: &HttpAnswer) -> Result<u64, Judgement> {
    let number = answer.header(FETCH_HEADER).and_then(|text| text.parse().ok());
    number.ok_or_else(|| Judgement::unknown("the back office does not say how often it was asked"))
}

/// The pages among what was seen; all must be good.
fn pages(seen: &[Observation]) -> Result<Vec<&HttpAnswer>, Judgement> {
    let mut pages = Vec::new();
    for observation in seen {
        match observation {
            Observation::Done | Observation::Burst(_) => {}
            other => pages.push(http(other)?),
        }
    }
    match pages.iter().find(|page| page.status != 200) {
        Some(bad) => Err(Judgement::fail(format!("a reader gets {}", bad.status))),
        None => Ok(pages),
    }
}

/// `static.published`: the page, from Varnish, with the header that lets CDN and browsers keep it, and nobody's cookie.
fn published(route: &Route, sample: &UrlPath, site: &Site) -> Check {
    let wanted = route.fragment().marking();
    Check {
        safety: Safety::S1,
        blocked_by: NO_PAGES.to_vec(),
        disturbs: false,
        remedy: "let the proxy send the path to Varnish, and Varnish run the generated file".to_owned(),
        source: "ALT-5, ALT-6; RFC 9211",
        ..check("static.published", sample.to_string(), vec![page(site, sample).into()], move |seen| {
            let answer = answered!(http(&seen[0]));
            if answer.status != 200 {
                return Judgement::fail(format!("answers {}", answer.status));
            }
            let Some(said) = by_varnish(answer) else {
                return Judgement::fail("it does not come from Varnish: no Cache-Status of it");
            };
            // The CDN's own, of its waiting room or its bot checks, are no page's.
            if let Some((name, _)) = cookies(answer).iter().find(|(name, _)| !name.starts_with("__cf")) {
                return Judgement::fail(format!("sets the cookie {name}: no cache keeps it, or all visitors share it"));
            }
            let header = cache_control_text(answer);
            match header == format!("Cache-Control: {wanted}") {
                true => Judgement::pass(format!("{header}; Cache-Status: {said}")),
                false => Judgement::fail(format!("not as declared: {header}")),
            }
        })
    }
}

/// `static.one-fetch`: readers with cookies and queries of their own share one page.
fn one_fetch(route: &Route, sample: &UrlPath, site: &Site) -> Check {
    let page = page(site, sample);
    let mut ask = Vec::new();
    for reader in 0..READERS {
        let path = format!("{sample}?golive={NONCE}-{reader}");
        ask.push(purged());
        ask.push(HttpProbe { path, ..page.clone() }.header("cookie", format!("reader={reader}")).into());
    }
    let fresh = f64::from(route.refreshed_every_seconds.get().max(1));
    Check {
        remedy: "compare the VCL that runs with the generated one: query and cookies must not be in the key".to_owned(),
        source: "ALT-6; Varnish docs, users-guide/increasing-your-hitrate",
        ..check("static.one-fetch", route.name.to_string(), ask, move |seen| {
            let pages = answered!(pages(seen));
            let (Some(first), Some(last)) = (pages.first(), pages.last()) else {
                return Judgement::unknown("nothing was asked");
            };
            let fetches = answered!(fetch_of(last)).saturating_sub(answered!(fetch_of(first)));
            // One that had begun before, and one each time the page got old meanwhile.
            let lives = (last.at.duration_since(first.at).as_secs_f64() / fresh).ceil();
            match f64::from(u32::try_from(fetches).unwrap_or(u32::MAX)) > lives.max(1.0) {
                true => Judgement::fail(format!("{} readers cost {fetches} fetches of the back office", pages.len())),
                false => Judgement::pass(format!("{} readers, {fetches} further fetches", pages.len())),
            }
        })
    }
}

/// `static.publisher`: a stranger's REFRESH and PURGE are refused, at the public name and at each machine.
fn publisher(route: &Route, sample: &UrlPath, site: &Site) -> Check {
    let page = page(site, sample);
    let mut places = vec![page.clone()];
    places.extend(at_machines(&page, site).into_iter().filter(|place| place.to != Target::Resolved));
    let stranger = || Visitor::Own("stranger who publishes".to_owned());
    let ask: Vec<Probe> = places
        .iter()
        .flat_map(|place| [Method::Refresh, Method::Purge].map(|method| told(place.clone(), method, stranger())))
        .collect();
    Check {
        remedy: "let the publishers alone say REFRESH and PURGE; shut Varnish's port to all but the proxy".to_owned(),
        source: "ALT-6; Varnish docs, users-guide/purging",
        ..check("static.publisher", route.name.to_string(), ask, |seen| {
            for observation in seen {
                let answer = answered!(burst(observation));
                if let Some(status) = answer.statuses.iter().find(|status| **status < 400) {
                    return Judgement::fail(format!(
                        "a stranger may publish or remove: {status} at {}",
                        answer.connected
                    ));
                }
            }
            Judgement::pass(format!("refused {} times", seen.len()))
        })
    }
}

/// The first address that may publish.
fn first_publisher(route: &Route) -> Option<Visitor> {
    route.publishers.first().map(|range| Visitor::At(range.get().addr()))
}

/// `static.publish`: what a publisher publishes is what the next reader sees.
fn publish(route: &Route, sample: &UrlPath, site: &Site) -> Option<Check> {
    let publisher = first_publisher(route)?;
    let page = page(site, sample);
    let mut ask = vec![purged(), page.clone().into()];
    ask.extend(at_machines(&page, site).into_iter().map(|place| told(place, Method::Refresh, publisher.clone())));
    ask.extend([purged(), page.again(1).into()]);
    Some(Check {
        remedy: "name the publishers' addresses as the site's machines see them".to_owned(),
        source: "ALT-6",
        ..check("static.publish", route.name.to_string(), ask, |seen| {
            for observation in seen.iter().filter(|observation| matches!(observation, Observation::Burst(_))) {
                let answer = answered!(burst(observation));
                if let Some(status) = answer.statuses.iter().find(|status| **status != 200) {
                    return Judgement::fail(format!("a publisher gets {status} at {}", answer.connected));
                }
            }
            let pages = answered!(pages(seen));
            let [before, after] = pages.as_slice() else { return Judgement::unknown("nothing was asked") };
            match answered!(fetch_of(after)) > answered!(fetch_of(before)) {
                true => Judgement::pass("what was published is what the next reader sees"),
                false => Judgement::fail("published, and readers still see the page from before"),
            }
        })
    })
}

/// `static.stays`: with the back office failing or gone readers keep the last good page, a failed REFRESH included.
fn stays(route: &Route, sample: &UrlPath, site: &Site) -> Check {
    let page = page(site, sample);
    let mut ask = vec![purged(), page.clone().into(), Probe::Disturb(Disturbance::OfficeAnswers503)];
    if let Some(publisher) = first_publisher(route) {
        ask.extend(at_machines(&page, site).into_iter().map(|place| told(place, Method::Refresh, publisher.clone())));
    }
    // Old, by less than the grace.
    let old = age(&[&page], route.grace_seconds.get().saturating_sub(1));
    ask.extend([purged(), page.clone().again(1).into(), old]);
    for (nth, ill) in [(2, Disturbance::OfficeAnswers503), (3, Disturbance::OfficeRefuses)] {
        ask.extend([Probe::Disturb(ill), purged(), page.clone().again(nth).into()]);
    }
    ask.push(Probe::Disturb(Disturbance::AppHealthy));
    let grace = route.grace_seconds;
    Check {
        blocked_by: NO_PAGES
            .iter()
            .copied()
            .chain(["static.published", "static.one-fetch", "static.publish"])
            .collect(),
        remedy: "compare the VCL that runs with the generated one: grace, and `abandon` where a fetch fails".to_owned(),
        source: "ALT-6; Varnish docs, users-guide/vcl-grace",
        ..check("static.stays", route.name.to_string(), ask, move |seen| {
            for observation in seen.iter().filter(|observation| matches!(observation, Observation::Burst(_))) {
                let answer = answered!(burst(observation));
                if answer.statuses.contains(&200) {
                    return Judgement::fail("a REFRESH that failed says that it is published");
                }
            }
            let pages = answered!(pages(seen));
            let Some((first, later)) = pages.split_first() else { return Judgement::unknown("nothing was asked") };
            match later.iter().all(|page| page.body.sha256 == first.body.sha256) {
                true => Judgement::pass(format!("the last good page stays, for {grace} s")),
                false => Judgement::fail("readers see another page while the back office is away"),
            }
        })
    }
}

/// `static.back-office`: what is not published does not reach it.
fn back_office(table: &StaticRoutes, site: &Site) -> Check {
    let start = table.routes.iter().flat_map(|route| &route.paths).next();
    let start = start.map_or("", |path| path.as_str().trim_end_matches('/'));
    // Some servers take `..;` for `..` (path parameters, RFC 3986, section 3.3), and nginx does not.
    let paths = [format!("/golive-{NONCE}"), format!("{start}/..;/golive-{NONCE}")];
    let ask = paths.iter().map(|path| get(Scheme::Https, &site.host, path).into()).collect();
    Check {
        // It tries a path as attackers do.
        safety: Safety::S2,
        disturbs: false,
        remedy: "send the published paths alone to Varnish, and let it refuse what it does not know".to_owned(),
        source: "ALT-6",
        ..check("static.back-office", site.host.to_string(), ask, |seen| {
            for (observation, what) in seen.iter().zip(["a path that is not published", "a path that climbs out"]) {
                let answer = answered!(http(observation));
                if let Some(said) = by_varnish(answer) {
                    return Judgement::fail(format!("{what} reaches the back office (Cache-Status: {said})"));
                }
            }
            Judgement::pass("nothing but the published paths gets there")
        })
    }
}
