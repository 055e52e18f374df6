//! What must be observable when `[apps]` is live: as many containers as planned, the environment as declared, no gate
//! left before the public.

use serde_json::Value;

use super::{App, Apps, Autoscale, Container};
use crate::blueprint::Site;
use crate::concerns::answer::{answered, api, cache_control, cookies, http, is_hit, listed};
use crate::concerns::ask::{NONCE, get};
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Unverified};
use crate::probe::{ApiProbe, ApiProvider, Disturbance, HttpAnswer, Observation, Probe, Scheme, TEST_SESSION};

const VALID_FOR_SECONDS: u32 = 3600;

/// Words that only a framework's debug page, or a stack trace, holds.
const TRACES: [&str; 7] = [
    "Stack trace:",
    "Traceback (most recent call last)",
    "Whoops, looks like something went wrong",
    "NotFoundHttpException",
    "ActionController::RoutingError",
    "DEBUG = True",
    "phpdebugbar",
];

pub fn checks(apps: &Apps, site: &Site) -> OneOrMore<Check> {
    // As a drill left them.
    let apps = site.platform.as_ref().unwrap_or(apps);
    let mut rest = Vec::new();
    for app in &apps.apps {
        for container in &app.containers {
            rest.push(count(app, container));
            rest.push(size(app, container));
            rest.push(quota(app, container));
            rest.extend(container.autoscale.as_ref().map(|autoscale| autoscaler(app, container, autoscale)));
        }
        rest.push(environment(app, site));
        if let Some(path) = &app.health_path {
            rest.push(health(app, path.as_str(), site));
            // The page of an nginx has no database behind it.
            if !app.front && site.database.is_some() {
                rest.push(health_without_database(app, path.as_str(), site));
            }
        }
        if let (Some(path), Some(cookie)) = (&app.logged_in_path, &site.session_cookie) {
            rest.push(sessions(app, path.as_str(), cookie.as_str(), site));
        }
    }
    OneOrMore(gate(apps, site), rest)
}

fn read(path: String) -> Probe {
    Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path, nth: 0 })
}

fn subject(app: &App, container: &Container) -> String {
    format!("{} {}", app.name, container.kind)
}

/// The platform's word on one type of container.
fn formation<'a>(body: &'a Value, kind: &str) -> Result<&'a Value, Judgement> {
    let all = body["containers"].as_array().into_iter().flatten();
    all.into_iter()
        .find(|container| container["name"] == kind)
        .ok_or_else(|| Judgement::fail(format!("the app has no containers `{kind}`")))
}

/// `app.count`: as many are asked for, and run. While a deployment lasts more run.
fn count(app: &App, container: &Container) -> Check {
    let kind = container.kind.to_string();
    let least = container.count.get().min(container.autoscale.as_ref().map_or(u32::MAX, |scale| scale.min.get()));
    let (least, most) = (u64::from(least), u64::from(container.most()));
    Check {
        id: "app.count",
        subject: subject(app, container),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![read(format!("/apps/{}/containers", app.name)), read(format!("/apps/{}/ps", app.name))],
        judge: Box::new(move |seen| {
            let asked_for = answered!(formation(answered!(api(&seen[0])), &kind))["amount"].as_u64().unwrap_or(0);
            if !(least..=most).contains(&asked_for) {
                return Judgement::fail(format!("{asked_for} containers, planned {least} to {most}"));
            }
            let all = answered!(api(&seen[1]))["containers"].as_array().cloned().unwrap_or_default();
            let running = all.iter().filter(|one| one["type"] == kind.as_str() && one["state"] == "running").count();
            let running = u64::try_from(running).unwrap_or(u64::MAX);
            if running < asked_for {
                return Judgement::fail(format!("{asked_for} containers are asked for, {running} run"));
            }
            Judgement::pass(format!("{asked_for} containers are asked for, {running} run"))
        }),
        remedy: format!(
            "scale {} to {} containers of size {}",
            container.kind,
            container.count,
            container.size.as_str()
        ),
        source: "JVA-9; Scalingo API, containers",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `app.size`.
fn size(app: &App, container: &Container) -> Check {
    let (kind, want) = (container.kind.to_string(), container.size.as_str());
    Check {
        id: "app.size",
        subject: subject(app, container),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![read(format!("/apps/{}/containers", app.name))],
        judge: Box::new(move |seen| {
            let found = answered!(formation(answered!(api(&seen[0])), &kind))["size"].as_str().unwrap_or("unknown");
            match found == want {
                true => Judgement::pass(format!("size {found}")),
                false => Judgement::fail(format!("size {found}, planned {want}")),
            }
        }),
        remedy: format!("scale {} to size {want}", container.kind),
        source: "JVA-9; Scalingo API, containers",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `app.quota`: what the platform's support allows is enough. No API tells it: the blueprint holds their word.
fn quota(app: &App, container: &Container) -> Check {
    let (most, allowed) = (container.most(), app.containers_allowed.get());
    Check {
        id: "app.quota",
        subject: subject(app, container),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(move |_| match most <= allowed {
            true => Judgement::pass(format!("{most} at most, {allowed} allowed")),
            false => Judgement::fail(format!("{most} at most, {allowed} allowed: the platform refuses the others")),
        }),
        remedy: format!("ask the platform's support to allow {most} containers of {}", container.kind),
        source: "Scalingo docs, limits: 10 containers of one type; DOC-2",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `app.autoscale`: the platform adds containers, and never goes below what the launch needs. A scale call by hand
/// switches it off.
fn autoscaler(app: &App, container: &Container, autoscale: &Autoscale) -> Check {
    let kind = container.kind.to_string();
    let (min, max) = (u64::from(autoscale.min.get()), u64::from(autoscale.max.get()));
    Check {
        id: "app.autoscale",
        subject: subject(app, container),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![read(format!("/apps/{}/autoscalers", app.name))],
        judge: Box::new(move |seen| {
            let all = answered!(api(&seen[0]))["autoscalers"].as_array().cloned().unwrap_or_default();
            let Some(found) = all.iter().find(|one| one["container_type"] == kind.as_str()) else {
                return Judgement::fail("no autoscaler");
            };
            let number = |key: &str| found[key].as_u64().unwrap_or(0);
            let text = format!("{} to {} containers", number("min_containers"), number("max_containers"));
            if found["disabled"] == true {
                return Judgement::fail("the autoscaler is switched off, as every scale call by hand leaves it");
            }
            match number("min_containers") >= min && number("max_containers") >= max {
                true => Judgement::pass(text),
                false => Judgement::fail(format!("{text}, planned {min} to {max}")),
            }
        }),
        remedy: format!("set the autoscaler of {} to {min} to {max}, and switch it on", container.kind),
        source: "DOC-2; Scalingo API, autoscalers",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `app.health`: the health page says through the CDN how the app is and which build says so, and is nobody's copy.
fn health(app: &App, path: &str, site: &Site) -> Check {
    let must_not_be_stored = site.is_marked_private(path);
    Check {
        id: "app.health",
        subject: app.name.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: false,
        ask: vec![get(Scheme::Https, &site.host, path).into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            if answer.status != 200 {
                return Judgement::fail(format!("the health page answers {}", answer.status));
            }
            if is_hit(answer) {
                return Judgement::fail("the health page comes out of the CDN's store: it says how the app was");
            }
            if !cache_control(answer).contains_key("no-store") {
                let text = "the health page may be stored: it lacks `no-store`";
                return if must_not_be_stored { Judgement::fail(text) } else { Judgement::warn(text) };
            }
            match build(answer) {
                Some(build) => Judgement::pass(format!("200, nobody's copy, of {build}")),
                None => Judgement::warn("the health page does not say which build answers"),
            }
        }),
        remedy: format!(
            "let {path} answer 200 only while the database answers, with the build's id as `build`, and put it in a class \
             with store = false"
        ),
        source: "Scalingo docs: an app is up when its port is open; JVA-14",
        valid_for_seconds: 300,
    }
}

/// What apps call the id of their build, in a header (behind `x-`) or as a member of a JSON body. Nobody's standard.
const BUILD_NAMES: [&str; 8] =
    ["build", "build-id", "commit", "git-sha", "release", "revision", "version", "app-version"];

/// Which build answers, if that is told: its name and what it says.
fn build(answer: &HttpAnswer) -> Option<String> {
    let is_build = |name: &str| BUILD_NAMES.contains(&name.to_ascii_lowercase().replace('_', "-").as_str());
    let said = |name: &str, value: &str| {
        // A build's id is short; a page is not to be copied into a report.
        let value: String = value.trim().chars().filter(|letter| !letter.is_control()).take(40).collect();
        (!value.is_empty()).then(|| format!("{name} {value}"))
    };
    let in_headers = answer
        .headers
        .iter()
        .find_map(|(name, value)| said(name, value).filter(|_| name.strip_prefix("x-").is_some_and(is_build)));
    let in_body = || {
        let body: Value = serde_json::from_str(&answer.body.text).ok()?;
        body.as_object()?.iter().filter(|(name, _)| is_build(name)).find_map(|(name, value)| match value {
            Value::String(text) => said(name, text),
            Value::Number(number) => said(name, &number.to_string()),
            _ => None,
        })
    };
    in_headers.or_else(in_body)
}

/// `app.health` while the database is away: a page that goes on saying 200 is watched for nothing. Only a rehearsal takes a
/// database away (class S4), and it is the stub's: what is seen is that nothing between app and monitor answers in the app's
/// place. Whether the app itself looks at its database, the catalogue's people ask.
fn health_without_database(app: &App, path: &str, site: &Site) -> Check {
    Check {
        id: "app.health",
        subject: format!("{} without its database", app.name),
        safety: Safety::S4,
        blocked_by: vec!["dns.host.target", "tls.chain", "gate.leftover"],
        disturbs: true,
        ask: vec![
            Probe::Disturb(Disturbance::DatabaseAway),
            get(Scheme::Https, &site.host, path).again(1).into(),
            Probe::Disturb(Disturbance::AppHealthy),
        ],
        judge: Box::new(|seen| {
            let Some(observation) = seen.get(1) else { return Judgement::unknown("nothing was asked") };
            match answered!(http(observation)).status {
                status @ 500.. => Judgement::pass(format!("{status} while the database is away")),
                404 => Judgement::unknown("there is no health page"),
                status => Judgement::fail(format!("the health page answers {status} while the database is away")),
            }
        }),
        remedy: format!("let {path} ask the database, answer 503 when that fails, and be nobody's copy"),
        source: "Scalingo docs: an app is up when its port is open; JVA-14",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// Requests of one logged-in visitor, each on a connection of its own.
const VISITS: u8 = 20;
/// The cookie by which the platform's router leads a visitor to the same container again.
const STICKY: &str = "sc-sticky-session";
const STICKY_NAME: Unverified = Unverified("what the platform calls that cookie");

/// `app.sessions`: whichever container answers, one stays logged in.
fn sessions(app: &App, path: &str, cookie: &str, site: &Site) -> Check {
    let visit = get(Scheme::Https, &site.host, path).header("cookie", format!("{cookie}={TEST_SESSION}"));
    Check {
        id: "app.sessions",
        subject: app.name.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: false,
        ask: (0..VISITS).map(|nth| visit.clone().again(nth).into()).collect(),
        judge: Box::new(|seen| {
            let mut known = 0usize;
            let mut other = None;
            for observation in seen {
                let answer = answered!(http(observation));
                // Visitors would not notice where a session is kept, until a container is gone.
                if cookies(answer).iter().any(|(name, _)| *name == STICKY) {
                    return Judgement::fail(format!("the router sets {STICKY}: sticky sessions are on"))
                        .resting_on(STICKY_NAME);
                }
                match answer.status {
                    200 if is_hit(answer) => {
                        return Judgement::fail("a logged-in visitor's page comes out of the CDN's store");
                    }
                    200 => known += 1,
                    429 => return Judgement::unknown("a limit refuses: ask from an address that is exempt"),
                    500.. => return Judgement::unknown(format!("the page answers {}", answer.status)),
                    status => other = Some(status),
                }
            }
            match other {
                None => Judgement::pass(format!("logged in {known} times of {}", seen.len())),
                Some(status) if known == 0 => {
                    Judgement::unknown(format!("the session opens nothing ({status} each time): log in again"))
                }
                Some(status) => {
                    Judgement::fail(format!("logged in {known} times of {}, and else {status}", seen.len()))
                }
            }
        }),
        remedy: "keep sessions in a store that all containers share, and sticky sessions off".to_owned(),
        source: "JVA-4, JVA-9: fifty containers, and none keeps a file",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `app.env`: what the platform holds is what was declared, by name; nothing of it shows outside.
fn environment(app: &App, site: &Site) -> Check {
    let plain: Vec<(String, String)> = app.plain_variables();
    let secrets: Vec<String> = app.secrets.iter().map(ToString::to_string).collect();
    let mut ask = vec![read(format!("/apps/{}/variables", app.name))];
    // The front serves no pages of its own.
    if !app.front {
        ask.push(get(Scheme::Https, &site.host, "/.env").into());
        ask.push(get(Scheme::Https, &site.host, &format!("/golive-{NONCE}-missing")).into());
    }
    Check {
        id: "app.env",
        subject: app.name.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain", "gate.leftover"],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let (variables, pages) = match seen.split_first() {
                Some((variables, pages)) => (variables, pages),
                None => return Judgement::unknown("nothing was asked"),
            };
            // First what the public can see: it counts even where no token lets us read the rest.
            let mut untested = None;
            for page in pages {
                match http(page) {
                    Ok(answer) => {
                        if let Some(leak) = leak(answer) {
                            return Judgement::fail(leak);
                        }
                    }
                    Err(judgement) => drop(untested.get_or_insert(judgement)),
                }
            }
            let held = answered!(api(variables))["variables"].as_array().cloned().unwrap_or_default();
            let value = |name: &str| held.iter().find(|one| one["name"] == name).map(|one| one["value"].clone());
            // Names alone: a value may be a secret that somebody put in the wrong place.
            let missing = secrets.iter().filter(|name| value(name).is_none());
            let wrong = plain.iter().filter(|(name, want)| value(name).is_none_or(|held| held != want.as_str()));
            let bad: Vec<&String> = missing.chain(wrong.map(|(name, _)| name)).collect();
            if !bad.is_empty() {
                return Judgement::fail(format!("not as declared: {}", listed(&bad)));
            }
            untested.unwrap_or_else(|| {
                Judgement::pass(format!("{} variables as declared, nothing of them shows", plain.len() + secrets.len()))
            })
        }),
        remedy: "set the variables as declared and restart; turn debug output off".to_owned(),
        source: "JVA-4, JVA-8; Scalingo API, variables",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn leak(answer: &HttpAnswer) -> Option<String> {
    if let Some(trace) = TRACES.iter().find(|trace| answer.body.text.contains(**trace)) {
        return Some(format!("a page that is not there shows `{trace}`: debug output is on"));
    }
    let is_file = answer.status == 200
        && answer.body.text.lines().any(|line| {
            let name = line.split('=').next().unwrap_or_default();
            line.contains('=') && name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        });
    is_file.then(|| "/.env is served: every secret in it is public".to_owned())
}

/// `gate.leftover`: nothing that kept the public out before is left, on no page and no path of the API.
fn gate(apps: &Apps, site: &Site) -> Check {
    let mut paths: Vec<String> = site.sampled_paths.iter().map(ToString::to_string).collect();
    paths.extend(apps.apps.iter().filter_map(|app| app.health_path.as_ref()).map(ToString::to_string));
    paths.push("/robots.txt".to_owned());
    paths.dedup();
    let ask = paths.iter().map(|path| get(Scheme::Https, &site.host, path).into()).collect();
    Check {
        id: "gate.leftover",
        subject: site.host.to_string(),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: false,
        ask,
        judge: Box::new(move |seen| {
            let mut untested = None;
            for (path, observation) in paths.iter().zip(seen) {
                match gate_of(path, observation) {
                    Ok(None) => {}
                    Ok(Some(gate)) => return Judgement::fail(format!("{path}: {gate}")),
                    Err(judgement) => drop(untested.get_or_insert(judgement)),
                }
            }
            untested.unwrap_or_else(|| Judgement::pass(format!("{} paths, no gate", paths.len())))
        }),
        remedy: "remove basic authentication, `noindex` and `Disallow: /`".to_owned(),
        source: "JVA-14: the demo's calls to the API failed behind basic authentication",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// What keeps the public, or search engines, away from a path.
fn gate_of(path: &str, observation: &Observation) -> Result<Option<String>, Judgement> {
    let answer = http(observation)?;
    // An API may ask for a token: that is no gate before the public.
    let asks = answer.headers_named("www-authenticate").find(|value| {
        let scheme = value.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        matches!(scheme.as_str(), "basic" | "digest" | "negotiate")
    });
    if let Some(scheme) = asks {
        return Ok(Some(format!("asks for a password ({})", scheme.chars().take(40).collect::<String>())));
    }
    let hides = |text: &str| text.to_ascii_lowercase().contains("noindex");
    if answer.headers_named("x-robots-tag").any(hides) {
        return Ok(Some("X-Robots-Tag keeps search engines away".to_owned()));
    }
    let text = &answer.body.text;
    let meta = text.split('<').find(|tag| {
        let tag = tag.to_ascii_lowercase();
        tag.starts_with("meta") && tag.contains("robots") && tag.contains("noindex")
    });
    if meta.is_some() {
        return Ok(Some("a meta element keeps search engines away".to_owned()));
    }
    let shut = path == "/robots.txt"
        && answer.status == 200
        && text.lines().any(|line| {
            let line: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            line.eq_ignore_ascii_case("disallow:/")
        });
    Ok(shut.then(|| "it disallows every path".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, page, sample, verdict};
    use crate::probe::{ApiAnswer, FailureKind};
    use serde_json::json;

    fn said(body: Value) -> Observation {
        Observation::Api(ApiAnswer { at: jiff::Timestamp::UNIX_EPOCH, status: 200, body })
    }

    #[test]
    fn containers_are_those_planned_and_run() {
        let (blueprint, site) = sample(&[]);
        let count = check(&blueprint, &site, "app.count", "jeveuxaider web");
        let running = |number: usize| {
            let one = json!({ "type": "web", "state": "running" });
            said(json!({ "containers": vec![one; number] }))
        };
        let asked_for = |amount: u32| said(json!({ "containers": [{ "name": "web", "amount": amount, "size": "M" }] }));
        for (amount, number, wanted) in [
            (50, 50, Verdict::Pass),
            (60, 60, Verdict::Pass),
            (50, 100, Verdict::Pass),
            (50, 49, Verdict::Fail),
            (49, 49, Verdict::Fail),
            (61, 61, Verdict::Fail),
        ] {
            assert_eq!(verdict(&count, &[asked_for(amount), running(number)]), Some(wanted), "{amount} {number}");
        }
        let unasked = || Observation::NotAsked { because: "no token".to_owned() };
        assert_eq!(verdict(&count, &[unasked(), unasked()]), Some(Verdict::Unknown));
        assert_eq!(verdict(&count, &[said(json!({})), running(50)]), Some(Verdict::Fail));
    }

    #[test]
    fn who_is_logged_in_at_times_is_not() {
        let (blueprint, site) = sample(&[]);
        let sessions = check(&blueprint, &site, "app.sessions", "jeveuxaider");
        for (first, others, wanted) in [
            (200, 200, Verdict::Pass),
            (401, 200, Verdict::Fail),
            (200, 302, Verdict::Fail),
            (401, 401, Verdict::Unknown),
            (200, 429, Verdict::Unknown),
            (502, 200, Verdict::Unknown),
        ] {
            let mut seen = vec![page(first, &[], "")];
            seen.extend(vec![page(others, &[], ""); usize::from(VISITS) - 1]);
            assert_eq!(verdict(&sessions, &seen), Some(wanted), "{first} {others}");
        }
        let stored = page(200, &[("cf-cache-status", "HIT")], "");
        let sticky = page(200, &[("set-cookie", "sc-sticky-session=abc; Path=/")], "");
        for bad in [stored, sticky] {
            assert_eq!(verdict(&sessions, &[bad]), Some(Verdict::Fail));
        }
    }

    #[test]
    fn gates() {
        let gate = |path: &str, headers: &[(&str, &str)], text: &str| {
            gate_of(path, &page(200, headers, text)).expect("an answer").is_some()
        };
        assert!(gate("/", &[("www-authenticate", "Basic realm=\"demo\"")], ""));
        assert!(!gate("/api/user", &[("www-authenticate", "Bearer")], ""));
        assert!(gate("/", &[("x-robots-tag", "noindex, nofollow")], ""));
        assert!(gate("/", &[], "<html><META name=\"robots\" content=\"noindex\">"));
        assert!(!gate("/", &[], "<p>about robots and noindex</p>"));
        assert!(gate("/robots.txt", &[], "User-agent: *\nDisallow: / # soon\n"));
        assert!(!gate("/robots.txt", &[], "User-agent: *\nDisallow: /admin\n"));
    }

    #[test]
    fn what_shows_counts_without_a_token() {
        let (blueprint, site) = sample(&[]);
        let env = check(&blueprint, &site, "app.env", "jeveuxaider");
        let unasked = || Observation::NotAsked { because: "no token".to_owned() };
        let missing = || page(404, &[], "Not found");
        assert_eq!(verdict(&env, &[unasked(), missing(), missing()]), Some(Verdict::Unknown));
        let file = page(200, &[], "APP_NAME=x\nAPP_KEY=base64:x\n");
        assert_eq!(verdict(&env, &[unasked(), file, missing()]), Some(Verdict::Fail));
        let trace = page(404, &[], "NotFoundHttpException in RouteCollection.php");
        assert_eq!(verdict(&env, &[unasked(), failed(FailureKind::TimedOut), trace]), Some(Verdict::Fail));
        let names = ["APP_KEY", "PASSPORT_PRIVATE_KEY", "PASSPORT_PUBLIC_KEY"];
        let values = [
            ("APP_ENV", "production"),
            ("APP_DEBUG", "true"),
            ("SESSION_DRIVER", "redis"),
            ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ];
        let held = |debug: &str| {
            let plain = values.iter().map(
                |(name, value)| json!({ "name": name, "value": if *name == "APP_DEBUG" { debug } else { *value } }),
            );
            said(
                json!({ "variables": plain.chain(names.iter().map(|name| json!({ "name": name, "value": "x" }))).collect::<Vec<_>>() }),
            )
        };
        assert_eq!(verdict(&env, &[held("false"), missing(), missing()]), Some(Verdict::Pass));
        assert_eq!(verdict(&env, &[held("true"), missing(), missing()]), Some(Verdict::Fail));
    }
}
