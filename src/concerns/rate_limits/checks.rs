//! What must be observable when `[rate_limits]` is live: that a limit acts where it should, on whom it should, and
//! says so as it should.
//!
//! Each check is a visitor of its own ([`Visitor::Own`]) and asks a path that nobody keeps. The arithmetic is that of
//! nginx (`ngx_http_limit_req_module`): n requests in T seconds let 1 + burst + rate x T through on each machine.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Limit, RateLimits};
use crate::blueprint::Site;
use crate::blueprint::value::Label;
use crate::concerns::answer::{answered, api, burst, cloudflare};
use crate::concerns::ask::{NONCE, cloudflare_entrypoint, get};
use crate::concerns::fragment::LimitedAt;
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Unverified};
use crate::emit::blocks_for;
use crate::probe::{
    ApiProbe, ApiProvider, BurstAnswer, BurstProbe, HttpProbe, Method, NTH, Observation, Probe, Scheme, Visitor,
};

/// A pass about limits is good for an hour.
const VALID_FOR_SECONDS: u32 = 3600;

const NO_EDGE: [&str; 2] = ["dns.host.target", "tls.chain"];

/// Refusals after which a burst has shown that the limit acts.
const ENOUGH: u16 = 20;
/// Most requests of one burst. A limit that lets more through is not tried.
const LARGEST_BURST: u64 = 2000;
/// For how long a burst may have to go on until it outruns the rate. Seconds.
const PATIENCE: u64 = 10;
/// By how much the number of requests let through may differ from the arithmetic.
const TOLERANCE: f64 = 0.1;

/// Somebody who is no visitor of any other check: of the range for benchmarks (RFC 2544).
const SOMEBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 18, 64, 1));

pub fn checks(limits: &RateLimits, site: &Site) -> OneOrMore<Check> {
    let mut all = Vec::new();
    let at_proxy = limits.limits.iter().filter(|limit| limit.at == LimitedAt::Proxy && site.has_proxy);
    for limit in at_proxy.clone() {
        let tried = Tried::of(limit, site);
        all.extend([trips(&tried), status(&tried)]);
        all.extend(recovers(&tried));
        all.extend(assets(&tried, site));
    }
    // Who is counted is one for all limits: where the fewest requests show it.
    if let Some(narrowest) = at_proxy.min_by_key(|limit| limit.burst.unwrap_or(0)) {
        let tried = Tried::of(narrowest, site);
        let counted = [client(&tried), spoof(&tried)];
        all.extend(counted.map(|check| match &site.front {
            Some(_) => check.resting_on(Unverified::ROUTER_FORWARDS),
            None => check,
        }));
        all.extend(partner(limits, &tried, site));
    }
    for limit in &limits.limits {
        match limit.at {
            LimitedAt::Redirects => all.extend(at_redirects(limit, site)),
            LimitedAt::Edge if site.cdn.is_some() => all.push(window(limit, limits, site)),
            LimitedAt::Edge | LimitedAt::Proxy => {}
        }
    }
    let counts = limits.limits.iter().any(|limit| limit.at == LimitedAt::Proxy && site.has_proxy);
    all.extend(site.front.as_ref().filter(|_| counts).map(|front| instances(front, site)));
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => OneOrMore(first, all.collect()),
        None => OneOrMore(nothing_to_trip(site), vec![]),
    }
}

/// `rate.edge.window`: what the CDN counts, read back. That it counts, each data centre by itself and some seconds late,
/// no request can show exactly.
fn window(limit: &Limit, limits: &RateLimits, site: &Site) -> Check {
    let name = limit.name.identifier();
    let wanted = [
        ("period", limit.per_seconds.get()),
        ("requests_per_period", limit.requests),
        ("mitigation_timeout", blocks_for(limits.retry_after_seconds)),
    ];
    Check {
        id: "rate.edge.window",
        subject: limit.name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: cloudflare_entrypoint(site, "http_ratelimit"),
        judge: Box::new(move |seen| {
            let rules = answered!(cloudflare(&seen[0]))["rules"].as_array().cloned().unwrap_or_default();
            let Some(rule) = rules.iter().find(|rule| rule["ref"] == name.as_str()) else {
                return Judgement::fail(format!("the zone has no limit {name}"));
            };
            if rule["enabled"] == false || rule["action"] != "block" {
                return Judgement::fail(format!("the limit {name} is switched off, or does not block"));
            }
            let rate = &rule["ratelimit"];
            for (key, value) in wanted {
                if rate[key] != value {
                    return Judgement::fail(format!("{name}: {key} is {}, not {value}", rate[key]));
                }
            }
            let counted = rate["characteristics"].as_array().map(Vec::as_slice).unwrap_or_default();
            match counted.iter().any(|by| by == "ip.src") && counted.len() == 2 {
                true => Judgement::pass(format!("{} in {} s for each address", wanted[1].1, wanted[0].1)),
                false => Judgement::fail(format!("{name} counts by {}", rate["characteristics"])),
            }
        }),
        remedy: "apply terraform/ again, and find out who changed the limit by hand".to_owned(),
        source: "Cloudflare docs, waf/rate-limiting-rules/parameters",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// For a table of which no limit is counted anywhere, which lint has refused.
fn nothing_to_trip(site: &Site) -> Check {
    let judge = Box::new(|_: &[Observation]| Judgement::unknown("nobody counts for any limit of this blueprint"));
    Check { ask: vec![], judge, ..check("rate.trips", site.host.to_string(), Method::Get) }
}

/// A limit of the proxy, and how it is tried.
struct Tried<'a> {
    limit: &'a Limit,
    /// Machines that count, each by itself.
    machines: u64,
    method: Method,
    site: &'a Site,
}

impl<'a> Tried<'a> {
    fn of(limit: &'a Limit, site: &'a Site) -> Self {
        let gets = limit.methods.is_empty() || limit.methods.contains(&Method::Get);
        let method = if gets { Method::Get } else { limit.methods.first().copied().unwrap_or(Method::Get) };
        Self { limit, machines: u64::from(site.proxies.max(1)), method, site }
    }

    fn burst(&self) -> u64 {
        u64::from(self.limit.burst.unwrap_or(0))
    }

    /// Requests a second.
    fn rate(&self) -> f64 {
        f64::from(self.limit.requests) / f64::from(self.limit.per_seconds.get().max(1))
    }

    /// A path that the limit takes, that nobody keeps, and that no other check asks.
    fn path(&self, word: &str) -> String {
        let start = self.limit.paths.first().map_or("", |start| start.as_str().trim_end_matches('/'));
        format!("{start}/golive-{NONCE}-{word}-{}-{NTH}", self.limit.name)
    }

    /// At most how many requests trip the limit on every machine.
    fn enough(&self) -> u64 {
        let rate = u64::from(self.limit.requests).div_ceil(u64::from(self.limit.per_seconds.get().max(1)));
        self.machines * (1 + self.burst() + rate * PATIENCE) + self.burst() + u64::from(ENOUGH)
    }

    fn probe(&self, word: &str, count: u64) -> BurstProbe {
        BurstProbe {
            request: get(Scheme::Https, &self.site.host, &self.path(word)),
            method: self.method,
            count: u16::try_from(count.min(LARGEST_BURST)).unwrap_or(u16::MAX),
            // One machine may be tripped long before another that has more of the work.
            enough_refusals: u16::try_from(self.burst()).unwrap_or(u16::MAX).saturating_add(ENOUGH),
            after: Duration::ZERO,
            visitor: Visitor::Own(format!("{word} {}", self.limit.name)),
            counts: None,
        }
    }

    fn trip(&self, word: &str) -> BurstProbe {
        self.probe(word, self.enough())
    }

    /// A few requests more, which a machine that has room lets through and one that has none does not.
    fn few(&self, word: &str) -> BurstProbe {
        BurstProbe { enough_refusals: 0, ..self.probe(word, self.machines * self.burst().clamp(1, 4)) }
    }

    /// How many the arithmetic lets through in this time.
    fn allowed(&self, sending: Duration) -> f64 {
        let each = 1.0 + f64::from(self.limit.burst.unwrap_or(0)) + self.rate() * sending.as_secs_f64();
        each * f64::from(u32::try_from(self.machines).unwrap_or(u32::MAX))
    }

    fn check(
        &self,
        id: &'static str,
        ask: Vec<BurstProbe>,
        judge: impl Fn(&[&BurstAnswer]) -> Judgement + Send + Sync + 'static,
    ) -> Check {
        Check {
            ask: ask.into_iter().map(Probe::Burst).collect(),
            blocked_by: vec![NO_EDGE[0], NO_EDGE[1], "rate.trips"],
            judge: Box::new(move |seen| {
                let bursts: Vec<&BurstAnswer> = answered!(seen.iter().map(burst).collect::<Result<_, _>>());
                judge(&bursts)
            }),
            ..check(id, self.limit.name.to_string(), self.method)
        }
    }
}

fn check(id: &'static str, subject: String, method: Method) -> Check {
    Check {
        id,
        subject,
        safety: if method == Method::Get { Safety::S3 } else { Safety::S4 },
        blocked_by: NO_EDGE.to_vec(),
        disturbs: true,
        ask: vec![],
        judge: Box::new(|_| Judgement::unknown("nothing was asked")),
        remedy: String::new(),
        source: "",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// How many of the requests that followed a burst were let through: all that are not answered as the burst's last one,
/// a refusal.
fn let_through(after: &BurstAnswer, tripped: &BurstAnswer) -> usize {
    after.statuses.iter().filter(|status| Some(*status) != tripped.statuses.last()).count()
}

/// `rate.trips`: about as many pass as the blueprint says, and no more.
fn trips(tried: &Tried<'_>) -> Check {
    let (least, most) = (tried.allowed(Duration::ZERO), {
        let tried = Tried { limit: tried.limit, machines: tried.machines, method: tried.method, site: tried.site };
        let (rate, each) = (tried.rate(), tried.allowed(Duration::ZERO));
        let machines = f64::from(u32::try_from(tried.machines).unwrap_or(u32::MAX));
        move |sending: Duration| each + machines * rate * sending.as_secs_f64()
    });
    let machines = tried.machines;
    let too_large = tried.enough() > LARGEST_BURST;
    Check {
        // Without one of the machines there are fewer to count.
        blocked_by: vec![NO_EDGE[0], NO_EDGE[1], "origin.pool", "origin.ips.health", "origin.spread"],
        remedy: "compare rate, burst and number of machines with what is deployed".to_owned(),
        source: "nginx docs, ngx_http_limit_req_module; JVA-6",
        ..tried.check("rate.trips", vec![tried.trip("trips")], move |seen| {
            let Some(answer) = seen.first() else { return Judgement::unknown("nothing was asked") };
            let refused = answer.refused();
            let passed = answer.statuses.len() - refused;
            let (passed_exactly, most) = (passed as f64, most(answer.sending));
            let expected = format!("{least} to {most:.0} by {machines} machines");
            if refused == 0 && (too_large || passed_exactly <= most) {
                return Judgement::unknown(format!("{passed} requests were too few, or too slow, to trip it"));
            }
            if refused == 0 || passed_exactly > most * (1.0 + TOLERANCE) {
                return Judgement::fail(format!("{passed} requests pass, expected {expected}"));
            }
            if passed_exactly < least * (1.0 - TOLERANCE) {
                return Judgement::fail(format!("refused after {passed} requests, expected {expected}"));
            }
            Judgement::pass(format!("{passed} requests pass, expected {expected}; then refused"))
        })
    }
}

/// `rate.status`: a refusal is one, says when to come back, and nobody keeps it.
fn status(tried: &Tried<'_>) -> Check {
    Check {
        remedy: "answer 429 with Retry-After and no-store".to_owned(),
        source: "RFC 6585 4; nginx docs, limit_req_status",
        ..tried.check("rate.status", vec![BurstProbe { enough_refusals: 1, ..tried.trip("status") }], |seen| {
            let Some(answer) = seen.first() else { return Judgement::unknown("nothing was asked") };
            judge_refusal(answer)
        })
    }
}

fn judge_refusal(answer: &BurstAnswer) -> Judgement {
    let first = answer.statuses.first().copied().unwrap_or_default();
    let Some((status, headers)) = answer.headers.iter().find(|(status, _)| **status == 429 || **status != first) else {
        return Judgement::unknown("nothing was refused");
    };
    if *status != 429 {
        return Judgement::fail(format!("refuses with {status}, which visitors and caches read as another thing"));
    }
    let header = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let kept = header("cache-control").unwrap_or_default().to_ascii_lowercase();
    if !kept.contains("no-store") {
        return Judgement::fail(format!("a cache may keep the refusal: `Cache-Control: {kept}`"));
    }
    match header("retry-after").and_then(|value| value.trim().parse::<u32>().ok()) {
        Some(seconds) if seconds >= 1 => Judgement::pass(format!("429, Retry-After: {seconds}, kept by nobody")),
        _ => Judgement::warn("429 without a useful Retry-After: clients come back at once"),
    }
}

/// `rate.recovers`: the limit refills as fast as its rate says. Of limits that refill soon ([`Limit::refill`]).
fn recovers(tried: &Tried<'_>) -> Option<Check> {
    let (requests, seconds) = tried.limit.refill()?;
    let wait = Duration::from_secs_f64(seconds);
    let count = tried.machines * u64::from(requests);
    let again = BurstProbe { after: wait, enough_refusals: 0, ..tried.probe("recovers", count) };
    Some(Check {
        remedy: "compare the rate with what is deployed".to_owned(),
        source: "nginx docs, ngx_http_limit_req_module",
        ..tried.check("rate.recovers", vec![tried.trip("recovers"), again], move |seen| {
            let [tripped, again] = seen else { return Judgement::unknown("nothing was asked") };
            if tripped.refused() == 0 {
                return Judgement::unknown("the limit was not tripped");
            }
            let passed = let_through(again, tripped);
            let text = format!("{} of {} pass {} s later", passed, again.statuses.len(), wait.as_secs_f32());
            match passed * 2 > again.statuses.len() {
                true => Judgement::pass(text),
                false => Judgement::fail(format!("{text}: it refills slower than declared")),
            }
        })
    })
}

/// `rate.key.client`: who asks too often is refused, and the next visitor is not.
fn client(tried: &Tried<'_>) -> Check {
    let other = BurstProbe { visitor: Visitor::At(SOMEBODY), ..tried.few("client") };
    Check {
        remedy: "let nginx believe the CDN's header about the visitor, from the CDN's ranges alone".to_owned(),
        source: "JVA-8",
        ..tried.check("rate.key.client", vec![tried.trip("client"), other], |seen| {
            let [tripped, other] = seen else { return Judgement::unknown("nothing was asked") };
            if tripped.refused() == 0 {
                return Judgement::unknown("the first visitor was not refused");
            }
            match other.statuses.len() - let_through(other, tripped) {
                0 => match spent_before(other) {
                    Some((spent, limit)) if spent > OWN_REQUESTS => Judgement::fail(format!(
                        "another visitor's first answer says that {spent} of {limit} are spent (X-RateLimit-Remaining): \
                         the app's own limiter counts somebody else than the visitor"
                    )),
                    Some(_) => Judgement::pass(
                        "another visitor passes while the first one is refused, and X-RateLimit-Remaining says so too",
                    ),
                    None => Judgement::pass("another visitor passes while the first one is refused"),
                },
                refused => Judgement::fail(format!(
                    "another visitor is refused {refused} times: the limit counts somebody else than the visitor"
                )),
            }
        })
    }
}

/// What a visitor may have spent when the first answer comes: that request, and one more for who counts from 1.
const OWN_REQUESTS: u64 = 2;

/// What the app's own limiter says in the first answer of a burst: how much is spent, and of how much. Two headers that
/// frameworks send and no standard describes (JVA-8: Laravel's).
fn spent_before(burst: &BurstAnswer) -> Option<(u64, u64)> {
    let headers = burst.headers.get(burst.statuses.first()?)?;
    let number = |wanted: &str| {
        let (_, value) = headers.iter().find(|(name, _)| name == wanted)?;
        value.trim().parse::<u64>().ok()
    };
    let limit = number("x-ratelimit-limit")?;
    Some((limit.saturating_sub(number("x-ratelimit-remaining")?), limit))
}

/// `rate.key.spoof`: who is refused cannot become somebody else by a header.
fn spoof(tried: &Tried<'_>) -> Check {
    let mut forged = tried.few("spoof");
    for header in ["x-forwarded-for", "cf-connecting-ip", "x-real-ip", "true-client-ip"] {
        forged.request = forged.request.header(header, SOMEBODY.to_string());
    }
    Check {
        remedy: "take the address from what the CDN says, never from what the visitor sends".to_owned(),
        source: "Scalingo nginx buildpack; Cloudflare docs, fundamentals/reference/http-headers",
        ..tried.check("rate.key.spoof", vec![tried.trip("spoof"), forged], |seen| {
            let [tripped, forged] = seen else { return Judgement::unknown("nothing was asked") };
            if tripped.refused() == 0 {
                return Judgement::unknown("the limit was not tripped");
            }
            let passed = let_through(forged, tripped);
            match passed * 2 > forged.statuses.len() {
                true => Judgement::fail(format!("{passed} of {} pass under a forged address", forged.statuses.len())),
                false => Judgement::pass("a forged address is refused like the true one"),
            }
        })
    }
}

/// `rate.partner`: partners are not counted.
fn partner(limits: &RateLimits, tried: &Tried<'_>, site: &Site) -> Option<Check> {
    let partner = limits.exempt(site).first()?.addr();
    let count = 2 * tried.machines * (1 + tried.burst());
    let probe = BurstProbe { visitor: Visitor::At(partner), enough_refusals: 1, ..tried.probe("partner", count) };
    Some(Check {
        remedy: "put the partner's ranges into `exempt`".to_owned(),
        source: "DOC-6",
        ..tried.check("rate.partner", vec![probe], move |seen| never_refused(seen, &format!("{partner}, exempt,")))
    })
}

/// `rate.assets`: a page's files do not use up its visitor's allowance.
fn assets(tried: &Tried<'_>, site: &Site) -> Option<Check> {
    let start = site.fingerprinted_paths.first().filter(|_| tried.limit.paths.is_empty())?;
    // Of a file that is not there: one that is would come from the edge's cache, and nothing would be counted.
    let path = format!("{}{NTH}-0123456789abcdef.js", start.as_str());
    let count = tried.machines * (1 + tried.burst()) + u64::from(ENOUGH);
    let mut probe = BurstProbe { enough_refusals: 1, ..tried.probe("assets", count) };
    probe.request = HttpProbe { path, ..probe.request };
    Some(Check {
        safety: Safety::S2,
        remedy: "let the limit pass files with a hash in their names".to_owned(),
        source: "nginx docs, ngx_http_limit_req_module: it counts what is answered from a cache too",
        ..tried.check("rate.assets", vec![probe], |seen| never_refused(seen, "a visitor who loads files"))
    })
}

fn never_refused(seen: &[&BurstAnswer], who: &str) -> Judgement {
    let Some(answer) = seen.first() else { return Judgement::unknown("nothing was asked") };
    match answer.refused() {
        0 => Judgement::pass(format!("{who} is not refused in {} requests", answer.statuses.len())),
        _ => Judgement::fail(format!("{who} is refused after {} requests", answer.statuses.len() - 1)),
    }
}

/// `rate.instances`: as many containers count as the arithmetic says; each counts by itself.
fn instances(front: &Label, site: &Site) -> Check {
    let path = format!("/apps/{front}/containers");
    let declared = u64::from(site.proxies);
    Check {
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path, nth: 0 })],
        judge: Box::new(move |seen| {
            let body = answered!(api(&seen[0]));
            let types = body["containers"].as_array().into_iter().flatten();
            let amounts = types.filter(|one| one["name"] == "web").filter_map(|one| one["amount"].as_u64());
            match amounts.sum::<u64>() {
                0 => Judgement::unknown("the platform names no `web` container of it"),
                running if running == declared => Judgement::pass(format!("{running} containers count, as declared")),
                running => Judgement::fail(format!(
                    "{running} containers count, {declared} were declared: a visitor may ask {running} times the limit"
                )),
            }
        }),
        remedy: format!("scale {front} to {declared} `web` containers, or divide the limits"),
        source: "nginx docs, ngx_http_limit_req_module; Scalingo docs, api, containers",
        ..check("rate.instances", front.to_string(), Method::Get)
    }
}

/// `rate.redirect.phase`: the machines that redirect limit too. `return` answers before nginx has counted.
fn at_redirects(limit: &Limit, site: &Site) -> Vec<Check> {
    let tried = Tried { machines: 1, ..Tried::of(limit, site) };
    let servers = site.redirected.iter().filter_map(|server| Some((server.names.first()?, server.addresses.first()?)));
    let each = servers.map(|(name, address)| {
        let start = limit.paths.first().map_or("/", |start| start.as_str());
        let probe = BurstProbe { request: get(Scheme::Https, name, start).pinned(*address), ..tried.trip("redirect") };
        let too_large = tried.enough() > LARGEST_BURST;
        let allowed = tried.allowed(Duration::ZERO);
        let rate = tried.rate();
        Check {
            subject: format!("{} at {address}", limit.name),
            blocked_by: vec!["tls.redirect.ips"],
            remedy: "redirect from a named location behind `try_files`, not by a `return` beside the limit".to_owned(),
            source: "nginx docs, development guide, phases; JVA-17",
            ..tried.check("rate.redirect.phase", vec![probe], move |seen| {
                let Some(answer) = seen.first() else { return Judgement::unknown("nothing was asked") };
                let refused = answer.count(429);
                let passed = answer.statuses.len() - refused;
                let most = allowed + rate * answer.sending.as_secs_f64();
                if refused == 0 && (too_large || passed as f64 <= most) {
                    return Judgement::unknown(format!("{passed} requests were too few, or too slow, to trip it"));
                }
                if refused == 0 || passed as f64 > most * (1.0 + TOLERANCE) {
                    return Judgement::fail(format!("{passed} redirects for one visitor, at most {most:.0} expected"));
                }
                Judgement::pass(format!("refuses after {passed} redirects"))
            })
        }
    });
    each.collect()
}
