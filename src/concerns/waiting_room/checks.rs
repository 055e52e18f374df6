//! What must be observable when `[waiting_room]` is live. A live run reads the API alone: nobody closes the door of a
//! site to see whether it shuts. The page and its cookie are looked at in a rehearsal.

use std::net::{IpAddr, Ipv4Addr};

use hyper::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::WaitingRoom;
use super::findings::three_quarters;
use crate::blueprint::Site;
use crate::concerns::answer::{answered, cloudflare, http, listed};
use crate::concerns::ask::{NONCE, cloudflare_zone, get};
use crate::concerns::{Check, Judgement, OneOrMore, Safety, Unverified};
use crate::emit::event_time;
use crate::probe::{Disturbance, HttpAnswer, Observation, Probe, Scheme};
use crate::providers::cloudflare::is_waiting_room_cookie;
use crate::providers::cloudflare::language::{Condition, Facts};

/// A pass about the room is good for an hour.
const VALID_FOR_SECONDS: u32 = 3600;

pub fn checks(room: &WaitingRoom, site: &Site) -> OneOrMore<Check> {
    let mut rest = vec![nobody_waits(room, site), threshold(room, site), page(room, site), cookie(room, site)];
    if !room.events.is_empty() {
        rest.push(event(room, site));
    }
    if room.json {
        rest.push(json_for_programs(room, site));
    }
    if room.bypass.is_some() {
        rest.push(bypass(room, site));
    }
    OneOrMore(armed(room, site), rest)
}

/// The room as the API lists it.
fn room_named<'a>(seen: &'a Observation, name: &str) -> Result<&'a Value, Judgement> {
    let rooms = cloudflare(seen)?.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = rooms.iter().find(|room| room["name"] == name);
    found.ok_or_else(|| Judgement::fail(format!("the zone has no waiting room {name}")))
}

fn api_check(
    id: &'static str,
    room: &WaitingRoom,
    ask: Vec<Probe>,
    judge: impl Fn(&[Observation]) -> Judgement + Send + Sync + 'static,
) -> Check {
    Check {
        id,
        subject: room.name.to_string(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask,
        judge: Box::new(judge),
        remedy: "apply terraform/, and set by hand what it leaves alone: suspended, queue_all, the numbers".to_owned(),
        source: "DOC-5; Cloudflare docs, waiting-room",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `wait.armed`: the room is in the state from which the plan starts. On plans with events that is open and letting
/// pass; on the others a room that is always open would count everybody for weeks, so it is suspended, and opened by
/// hand.
fn armed(room: &WaitingRoom, site: &Site) -> Check {
    let (name, path, method, suspended) =
        (room.name.to_string(), room.path.to_string(), room.method.as_str(), room.suspended);
    let host = site.host.to_string();
    api_check("wait.armed", room, cloudflare_zone(site, "/waiting_rooms"), move |seen| {
        let found = answered!(room_named(&seen[0], &name));
        if found["queue_all"] == true {
            return Judgement::fail("it holds everybody (queue_all): once it is open, nobody enters");
        }
        for (key, wanted) in [("host", host.as_str()), ("path", &path), ("queueing_method", method)] {
            if found[key] != wanted {
                return Judgement::fail(format!("its {key} is {}, not {wanted}", found[key]));
            }
        }
        match (found["suspended"].as_bool().unwrap_or(false), suspended) {
            (true, false) => Judgement::fail("it is suspended: its events will not start"),
            (false, true) => Judgement::warn("it is open already, and was to be opened on the night"),
            (true, true) => Judgement::pass("suspended as planned: opening it is one call"),
            (false, false) => Judgement::pass("open as planned"),
        }
    })
}

/// `wait.armed`, as a visitor sees it: whatever the API says, which lags, nobody waits yet.
fn nobody_waits(room: &WaitingRoom, site: &Site) -> Check {
    let visit = get(Scheme::Https, &site.host, &format!("{}?golive=armed-{NONCE}", room.path));
    Check {
        subject: format!("{} as a visitor sees it", room.name),
        safety: Safety::S1,
        blocked_by: vec!["dns.host.target", "tls.chain", "gate.leftover"],
        remedy: "switch queue_all off, or raise the limits: visitors are made to wait now".to_owned(),
        ..api_check("wait.armed", room, vec![visit.header("accept", "text/html").into()], |seen| {
            let answer = answered!(http(&seen[0]));
            if is_waiting_page(answer) {
                return Judgement::fail(format!("a visitor is made to wait: {} instead of the page", answer.status));
            }
            match answer.status {
                200..=399 | 404 => Judgement::pass(format!("a visitor does not wait: {}", answer.status)),
                status => Judgement::unknown(format!("a visitor gets {status}: whether one would wait does not show")),
            }
        })
    }
}

/// The page of a room asks again by itself, names the visitor by the room's cookie, and is no copy of anything.
fn is_waiting_page(answer: &HttpAnswer) -> bool {
    let mut names = answer.headers_named("set-cookie").filter_map(|line| line.split('=').next());
    answer.header("refresh").is_some()
        && answer.header("cf-cache-status").is_none()
        && names.any(|name| is_waiting_room_cookie(name.trim()))
}

/// `wait.threshold`.
fn threshold(room: &WaitingRoom, site: &Site) -> Check {
    let (name, limits, minutes) = (room.name.to_string(), room.limits(), room.session_minutes);
    let steps: Vec<_> = room.steps.iter().map(|step| (step.name.to_string(), step.limits())).collect();
    let tested = room.tested_active_users;
    api_check("wait.threshold", room, cloudflare_zone(site, "/waiting_rooms"), move |seen| {
        let found = answered!(room_named(&seen[0], &name));
        let number = |key: &str| found[key].as_u64().unwrap_or(0);
        let (total, new) = (number("total_active_users"), number("new_users_per_minute"));
        let told = format!("{total} at once, {new} anew a minute");
        if number("session_duration") != u64::from(minutes) {
            return Judgement::fail(format!("a session lasts {} minutes, not {minutes}", found["session_duration"]));
        }
        if let Some(most) = tested.map(three_quarters).filter(|most| total > u64::from(*most)) {
            return Judgement::fail(format!("{told}: above {most}, three quarters of what was tested"));
        }
        let is = |limits: crate::concerns::fragment::RoomLimits| {
            total == u64::from(limits.total_active_users) && new == u64::from(limits.new_users_per_minute)
        };
        if is(limits) {
            return match steps.iter().any(|(_, step)| step.total_active_users < limits.total_active_users) {
                true => Judgement::pass(told),
                false => Judgement::warn(format!("{told}; no lower step is ready")),
            };
        }
        match steps.iter().find(|(_, step)| is(*step)) {
            Some((step, _)) => Judgement::warn(format!("{told}: the step {step} is taken already")),
            None => Judgement::fail(format!(
                "{told}; planned: {} at once, {} anew a minute",
                limits.total_active_users, limits.new_users_per_minute
            )),
        }
    })
}

/// `wait.event`.
fn event(room: &WaitingRoom, site: &Site) -> Check {
    let name = room.name.to_string();
    let wanted: Vec<(String, [(&'static str, Value); 5])> = room
        .events
        .iter()
        .map(|event| {
            let prequeue = event.prequeue.map_or(Value::Null, |at| event_time(at.instant()).into());
            let limits = event.limits();
            let members = [
                ("prequeue_start_time", prequeue),
                ("event_start_time", event_time(event.start.instant()).into()),
                ("event_end_time", event_time(event.end.instant()).into()),
                ("total_active_users", limits.total_active_users.into()),
                ("new_users_per_minute", limits.new_users_per_minute.into()),
            ];
            (event.name.to_string(), members)
        })
        .collect();
    let mut ask = cloudflare_zone(site, "/waiting_rooms");
    ask.extend(cloudflare_zone(site, &format!("/waiting_rooms/{}/events", room.name)));
    Check {
        remedy: "correct the event; Cloudflare's times are UTC".to_owned(),
        ..api_check("wait.event", room, ask, move |seen| {
            let found = answered!(room_named(&seen[0], &name));
            let events = answered!(cloudflare(&seen[1])).as_array().map(Vec::as_slice).unwrap_or_default();
            if found["suspended"] == true {
                return Judgement::fail("the room is suspended: no event of it starts");
            }
            for (event, members) in &wanted {
                let Some(found) = events.iter().find(|found| found["name"] == event.as_str()) else {
                    return Judgement::fail(format!("the room has no event {event}"));
                };
                if found["suspended"] == true {
                    return Judgement::fail(format!("the event {event} is suspended"));
                }
                for (key, value) in members {
                    if !is_same(&found[key], value) {
                        return Judgement::fail(format!("{event}: {key} is {}, planned {value} (UTC)", found[key]));
                    }
                }
            }
            Judgement::pass(format!("{} events as planned", wanted.len()))
        })
    }
}

/// Whether two members say the same: the API may write an instant with a fraction of a second that we leave out.
fn is_same(found: &Value, wanted: &Value) -> bool {
    let instant = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    found == wanted || instant(found).is_some_and(|found| Some(found) == instant(wanted))
}

/// `wait.bypass`: by what the rule means.
fn bypass(room: &WaitingRoom, site: &Site) -> Check {
    let host = site.host.to_string();
    let bypass = room.bypass.as_ref();
    let paths: Vec<String> = bypass.iter().flat_map(|b| &b.paths).map(ToString::to_string).collect();
    let partners: Vec<(String, IpAddr)> = match bypass.is_some_and(|bypass| bypass.partners) {
        true => site
            .partners
            .iter()
            .flat_map(|partner| partner.addresses.iter().map(|range| (partner.name.to_string(), range.addr())))
            .collect(),
        false => vec![],
    };
    Check {
        remedy: "add the path to the bypass rule; its capitals count".to_owned(),
        ..api_check(
            "wait.bypass",
            room,
            cloudflare_zone(site, &format!("/waiting_rooms/{}/rules", room.name)),
            move |seen| {
                let rules = answered!(cloudflare(&seen[0])).as_array().map(Vec::as_slice).unwrap_or_default();
                let mut conditions = Vec::new();
                for rule in rules.iter().filter(|rule| rule["enabled"] != false) {
                    let text = rule["expression"].as_str().unwrap_or_default();
                    match Condition::parse(text) {
                        Ok(condition) => conditions.push(condition),
                        Err(error) => return Judgement::unknown(format!("golive cannot read `{text}`: {error}")),
                    }
                }
                let anybody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
                let passes = |path: &str, client| {
                    let headers = HeaderMap::new();
                    let visit = visit(&host, path, client, &headers);
                    conditions.iter().any(|condition| condition.holds(&visit))
                };
                let mut waiting: Vec<&str> =
                    paths.iter().filter(|path| !passes(path, anybody)).map(String::as_str).collect();
                waiting.extend(partners.iter().filter(|(_, ip)| !passes("/", *ip)).map(|(name, _)| name.as_str()));
                if !waiting.is_empty() {
                    return Judgement::fail(format!("made to wait: {}", listed(&waiting)));
                }
                match passes("/", anybody) {
                    true => Judgement::fail("everybody bypasses the room"),
                    false => Judgement::pass(format!("{} paths and {} ranges never wait", paths.len(), partners.len())),
                }
            },
        )
    }
}

fn visit<'a>(host: &'a str, path: &'a str, client: IpAddr, headers: &'a HeaderMap) -> Facts<'a> {
    Facts { method: "GET", https: true, host, path, query: None, headers, client, country: "XX" }
}

/// Shut, asked, opened.
fn shut_and_asked(room: &WaitingRoom, site: &Site, accept: &str, what: &str) -> Vec<Probe> {
    let visit = get(Scheme::Https, &site.host, &format!("{}?golive={what}-{NONCE}", room.path));
    vec![
        Probe::Disturb(Disturbance::RoomHoldsAll),
        visit.header("accept", accept).into(),
        Probe::Disturb(Disturbance::AppHealthy),
    ]
}

fn waiting_check(
    id: &'static str,
    room: &WaitingRoom,
    ask: Vec<Probe>,
    judge: impl Fn(&[Observation]) -> Judgement + Send + Sync + 'static,
) -> Check {
    Check {
        safety: Safety::S4,
        blocked_by: vec!["dns.host.target", "tls.chain", "waf.clean"],
        disturbs: true,
        remedy: "correct the room in cloudflare/waiting_room.json by the blueprint, and apply".to_owned(),
        ..api_check(id, room, ask, judge)
    }
}

/// The answer of a room that holds everybody.
fn shut_out(seen: &[Observation]) -> Result<&HttpAnswer, Judgement> {
    match seen.get(1) {
        Some(observation) => http(observation),
        None => Err(Judgement::unknown("nothing was asked")),
    }
}

/// Seconds after which Cloudflare's page asks again (docs, waiting-room/troubleshooting); a limit must allow as much.
const ASKS_AGAIN: u32 = 20;
const PAGE_LANGUAGE: Unverified = Unverified("that Cloudflare's page names its language in its `lang`");

/// `wait.page`: what those who wait are told, in the site's language, and that the page asks again by itself. A contact and a
/// code of one's own, which the catalogue wants on it, need a template, which only the advanced waiting room has: golive
/// generates none, and the verdict says so.
fn page(room: &WaitingRoom, site: &Site) -> Check {
    let wanted = room.status;
    let language = site.language;
    waiting_check("wait.page", room, shut_and_asked(room, site, "text/html", "page"), move |seen| {
        let answer = answered!(shut_out(seen));
        if answer.header("cf-cache-status").is_some() {
            return Judgement::fail("the room holds nobody: the site itself answers");
        }
        if answer.status != wanted {
            return Judgement::fail(format!("the waiting page answers {}, not {wanted}", answer.status));
        }
        let Some(refresh) = answer.header("refresh") else {
            return Judgement::fail("the waiting page does not ask again by itself");
        };
        if !answer.header("cache-control").is_some_and(|value| value.contains("no-store")) {
            return Judgement::fail("the waiting page may be stored: visitors would wait for ever");
        }
        let seconds: Option<u32> = refresh.split(';').next().and_then(|seconds| seconds.trim().parse().ok());
        if seconds.is_none_or(|seconds| seconds == 0) {
            return Judgement::fail(format!("the waiting page asks again after `{}`", refresh.escape_debug()));
        }
        match page_language(&answer.body.text) {
            Some(spoken) if !spoken.eq_ignore_ascii_case(language.code()) => {
                return Judgement::fail(format!(
                    "the waiting page is in `{spoken}`, the site in `{}`",
                    language.code()
                ))
                .resting_on(PAGE_LANGUAGE);
            }
            Some(_) => {}
            None => {
                return Judgement::warn("the waiting page does not say in which language it is")
                    .resting_on(PAGE_LANGUAGE);
            }
        }
        if seconds.is_some_and(|seconds| seconds != ASKS_AGAIN) {
            return Judgement::warn(format!("the waiting page asks again after {refresh} s, not {ASKS_AGAIN} s"));
        }
        Judgement::pass(format!(
            "{wanted}, in `{}`, asks again after {refresh} s, stored nowhere; it is Cloudflare's standard page, without a \
             contact or a code of yours",
            language.code()
        ))
        .resting_on(PAGE_LANGUAGE)
    })
}

/// The language of a page, without its region: `fr` of `<html lang="fr-FR">`.
fn page_language(html: &str) -> Option<String> {
    let (_, tag) = html.split_once("<html")?;
    let (tag, _) = tag.split_once('>')?;
    let (_, value) = tag.split_once("lang=")?;
    let value = value.trim_start_matches(['"', '\'']);
    let language: String = value.chars().take_while(char::is_ascii_alphabetic).take(8).collect();
    (!language.is_empty()).then_some(language)
}

/// `wait.cookie`: by it the room knows again whom it has seen; without it one waits for ever.
fn cookie(room: &WaitingRoom, site: &Site) -> Check {
    waiting_check("wait.cookie", room, shut_and_asked(room, site, "text/html", "cookie"), |seen| {
        let answer = answered!(shut_out(seen));
        let mut lines = answer.headers_named("set-cookie");
        let line = lines.find(|line| {
            let name = line.split('=').next().unwrap_or_default().trim();
            is_waiting_room_cookie(name)
        });
        let Some(line) = line else {
            return Judgement::fail("no cookie of the room: whoever waits is nobody each time");
        };
        match line.split(';').any(|part| part.trim().eq_ignore_ascii_case("secure")) {
            true => Judgement::pass("the room's cookie is there, for https alone"),
            false => Judgement::fail("the room's cookie goes over plain http too (no Secure)"),
        }
    })
}

/// `wait.json`: a program that asks for JSON, and for nothing else, is told in JSON that it waits.
fn json_for_programs(room: &WaitingRoom, site: &Site) -> Check {
    let ask = shut_and_asked(room, site, "application/json", "json");
    waiting_check("wait.json", room, ask, |seen| {
        let answer = answered!(shut_out(seen));
        let told: Option<Value> = serde_json::from_str(&answer.body.text).ok();
        let Some(told) = told.as_ref().and_then(|body| body.get("cfWaitingRoom")) else {
            let kind = answer.header("content-type").unwrap_or("no Content-Type");
            return Judgement::fail(format!("a program that asks for JSON gets {} {kind}", answer.status));
        };
        match told["inWaitingRoom"] == true && told["refreshIntervalSeconds"].is_u64() {
            true => Judgement::pass(format!("told to ask again every {} s", told["refreshIntervalSeconds"])),
            false => Judgement::fail("cfWaitingRoom does not say that one waits, or when to ask again"),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, page, sample, verdict};

    #[test]
    fn who_is_made_to_wait_before_the_night_is_told() {
        let (blueprint, site) = sample(&[]);
        let armed = check(&blueprint, &site, "wait.armed", "launch as a visitor sees it");
        let cookie = ("set-cookie", "__cfwaitingroom=x; Path=/; Secure");
        let queued = || page(200, &[("refresh", "20"), cookie], "");
        assert_eq!(verdict(&armed, &[queued()]), Some(Verdict::Fail));
        // The cookie alone is there whenever the room is open.
        assert_eq!(verdict(&armed, &[page(200, &[cookie, ("cf-cache-status", "HIT")], "")]), Some(Verdict::Pass));
        assert_eq!(verdict(&armed, &[page(403, &[], "")]), Some(Verdict::Unknown));
    }

    #[test]
    fn the_waiting_page_speaks_the_sites_language() {
        let (blueprint, site) = sample(&[]);
        let shown = check(&blueprint, &site, "wait.page", "launch");
        let said = |refresh: &str, html: &str| {
            let headers = [("refresh", refresh), ("cache-control", "no-store")];
            verdict(&shown, &[Observation::Done, page(200, &headers, html), Observation::Done])
        };
        assert_eq!(said("20", "<html lang=\"fr-FR\">"), Some(Verdict::Pass));
        assert_eq!(said("20", "<html class=a lang=FR>"), Some(Verdict::Pass));
        assert_eq!(said("20", "<html lang='en'>"), Some(Verdict::Fail));
        assert_eq!(said("20", "<html><p lang=\"fr\">"), Some(Verdict::Warn));
        assert_eq!(said("60", "<html lang=fr>"), Some(Verdict::Warn));
        assert_eq!(said("soon", "<html lang=fr>"), Some(Verdict::Fail));
    }

    #[test]
    fn instants_are_compared_and_not_their_spelling() {
        let wanted = json!("2026-09-20T18:40:00Z");
        for same in [&wanted, &json!("2026-09-20T18:40:00.000Z"), &json!("2026-09-20T20:40:00+02:00")] {
            assert!(is_same(same, &wanted), "{same}");
        }
        for other in [json!("2026-09-20T18:41:00Z"), json!("soon"), json!(null), json!(7)] {
            assert!(!is_same(&other, &wanted), "{other}");
        }
        assert!(is_same(&json!(null), &json!(null)) && !is_same(&json!("soon"), &json!("later")));
    }
}
