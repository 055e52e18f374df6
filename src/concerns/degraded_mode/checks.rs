//! What must be observable when `[degraded_mode]` is live: that the switch is where it says, that it cuts what it must
//! and nothing else, that it goes back, and that every machine follows.
//!
//! A copy at the edge knows no mode, so that what is asked is a path below a cut one that nobody has asked before.

use super::DegradedMode;
use crate::blueprint::Site;
use crate::concerns::answer::{answered, api, http};
use crate::concerns::ask::{NONCE, get};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::probe::{ApiProbe, ApiProvider, Disturbance, HttpAnswer, HttpProbe, Observation, Probe, Scheme};

/// A pass is good until the next deploy; nothing tells when that is.
const VALID_FOR_SECONDS: u32 = 3600;

/// Questions enough to meet each machine, since the edge asks them in turn.
const LOOKS_A_MACHINE: u32 = 2;
/// Most looks: a check has a budget.
const MOST_LOOKS: u32 = 24;

pub fn checks(mode: &DegradedMode, site: &Site) -> OneOrMore<Check> {
    let mut all = vec![off(mode, site), marker(mode, site), on(mode, site), time(mode, site)];
    if !mode.apps.is_empty() {
        all.push(state(mode, site));
    }
    OneOrMore(who(site), all)
}

fn check(id: &'static str, subject: String, ask: Vec<Probe>) -> Check {
    Check {
        id,
        subject,
        safety: Safety::S4,
        blocked_by: vec!["dns.host.target", "tls.chain"],
        disturbs: true,
        ask,
        judge: Box::new(|_| Judgement::unknown("nothing was asked")),
        remedy: String::new(),
        source: "",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn switch(on: bool) -> Probe {
    Probe::Disturb(if on { Disturbance::ModeOn } else { Disturbance::ModeOff })
}

pub(super) fn looks(site: &Site) -> u8 {
    u8::try_from((site.proxies * LOOKS_A_MACHINE).clamp(2, MOST_LOOKS)).unwrap_or(u8::MAX)
}

/// Paths below each cut one, that nobody keeps a copy of.
pub(super) fn cut_paths(mode: &DegradedMode, word: &str) -> Vec<String> {
    let starts = mode.cut.iter().map(|start| start.as_str().trim_end_matches('/'));
    starts.map(|start| format!("{start}/golive-{NONCE}-{word}")).collect()
}

fn asked(site: &Site, path: &str, nth: u8) -> HttpProbe {
    get(Scheme::Https, &site.host, path).again(nth)
}

/// `deg.who`: somebody may decide it, and somebody else if that one sleeps.
fn who(site: &Site) -> Check {
    let deciders: Vec<String> =
        site.degraded.iter().flat_map(|facts| &facts.decided_by).map(ToString::to_string).collect();
    Check {
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        judge: Box::new(move |_| match deciders.as_slice() {
            [] => Judgement::fail("nobody is named who may decide the degraded mode"),
            [one] => Judgement::fail(format!("{one} alone may decide the degraded mode")),
            some => Judgement::pass(format!("{} may decide it", some.join(", "))),
        }),
        remedy: "name two roles in `decided_by`".to_owned(),
        source: "JVA-18, JVA-22",
        ..check("deg.who", site.name.to_string(), vec![])
    }
}

/// `deg.state`: the variable of each app, and what the site does, agree.
fn state(mode: &DegradedMode, site: &Site) -> Check {
    let health = site.health_path.clone();
    let health = health.as_ref().map_or("/", |path| path.as_str());
    let mut ask: Vec<Probe> = vec![get(Scheme::Https, &site.host, health).into()];
    ask.extend(mode.apps.iter().map(|app| {
        let path = format!("/apps/{app}/variables");
        Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path, nth: 0 })
    }));
    let (apps, facts, marker) = (mode.apps.clone(), mode.facts(), mode.marker.to_string().to_ascii_lowercase());
    Check {
        safety: Safety::S0,
        disturbs: false,
        judge: Box::new(move |seen| {
            let Some((page, answers)) = seen.split_first() else { return Judgement::unknown("nothing was asked") };
            let is_degraded = answered!(http(page)).header(&marker).is_some();
            let does = if is_degraded { "degraded" } else { "normal" };
            for (observation, app) in answers.iter().zip(&apps) {
                let body = answered!(api(observation));
                let value = value_of(body, facts.variable.as_str());
                let says = match &value {
                    Some(value) if value == facts.on.as_str() => true,
                    Some(value) if value == facts.off.as_str() => false,
                    other => {
                        let other = other.as_deref().unwrap_or("missing");
                        return Judgement::fail(format!(
                            "{} of {app} is {other}, which is neither mode",
                            facts.variable
                        ));
                    }
                };
                if says != is_degraded {
                    let value = value.unwrap_or_default();
                    return Judgement::fail(format!("{} of {app} is {value}, and the site is {does}", facts.variable));
                }
            }
            Judgement::pass(format!("the site is {does}, as {} says", facts.variable))
        }),
        remedy: format!("restart what reads {}: a variable alone changes nothing", mode.variable),
        source: "JVA-18; Scalingo docs, api, environment variables",
        ..check("deg.state", mode.variable.to_string(), ask)
    }
}

/// The value of one variable; the others are nobody's business here.
fn value_of(body: &serde_json::Value, name: &str) -> Option<String> {
    let all = body.get("variables")?.as_array()?;
    let one = all.iter().find(|variable| variable["name"] == name)?;
    one["value"].as_str().map(str::to_owned)
}

/// `deg.off`: after the way back nothing is left of the mode.
fn off(mode: &DegradedMode, site: &Site) -> Check {
    let mut ask = vec![switch(true), switch(false)];
    for path in cut_paths(mode, "off") {
        ask.extend((0..looks(site)).map(|nth| asked(site, &format!("{path}-{nth}"), nth).into()));
    }
    let marker = mode.marker.to_string().to_ascii_lowercase();
    Check {
        remedy: format!("set {} back and restart everything that reads it", mode.variable),
        source: "JVA-18",
        judge: Box::new(move |seen| {
            for answer in answered!(answers(seen)) {
                if answer.header(&marker).is_some() {
                    return Judgement::fail("the marker is still there after the way back");
                }
                if answer.status == 503 {
                    return Judgement::fail("a cut path is still cut after the way back");
                }
            }
            Judgement::pass("nothing is left of it after the way back")
        }),
        ..check("deg.off", site.host.to_string(), ask)
    }
}

/// `deg.marker`: the marker is there in the mode, and only then.
fn marker(mode: &DegradedMode, site: &Site) -> Check {
    let path = cut_paths(mode, "marker").into_iter().next().unwrap_or_else(|| "/".to_owned());
    let each = looks(site);
    let mut ask: Vec<Probe> = (0..each).map(|nth| asked(site, &format!("{path}-{nth}"), nth).into()).collect();
    ask.push(switch(true));
    ask.extend((each..2 * each).map(|nth| Probe::from(asked(site, &format!("{path}-{nth}"), nth))));
    let marker = mode.marker.to_string().to_ascii_lowercase();
    Check {
        blocked_by: vec!["dns.host.target", "tls.chain", "deg.off"],
        remedy: format!("let nginx read {}, and add {} to every answer", mode.variable, mode.marker),
        source: "JVA-18",
        judge: Box::new(move |seen| {
            let answers = answered!(answers(seen));
            let (before, after) = answers.split_at(answers.len() / 2);
            let marked = |answers: &[&HttpAnswer]| answers.iter().filter(|a| a.header(&marker).is_some()).count();
            match (marked(before), marked(after)) {
                (0, 0) => Judgement::fail("switched on, and no answer is marked"),
                (0, _) => Judgement::pass("marked in the mode, and only then"),
                (some, _) => Judgement::fail(format!("{some} answers are marked in the normal mode")),
            }
        }),
        ..check("deg.marker", mode.marker.to_string(), ask)
    }
}

/// `deg.on`: in the mode, what is essential answers as before, and what is cut is refused politely. Of machines that
/// have switched: whether all have is [`time`]'s.
fn on(mode: &DegradedMode, site: &Site) -> Check {
    let essential: Vec<String> = mode.essential.iter().map(ToString::to_string).collect();
    let mut ask: Vec<Probe> = essential.iter().map(|path| asked(site, path, 0).into()).collect();
    ask.push(switch(true));
    let each = looks(site);
    for path in &essential {
        ask.extend((1..=each).map(|nth| Probe::from(asked(site, path, nth))));
    }
    for path in cut_paths(mode, "on") {
        ask.extend((0..each).map(|nth| Probe::from(asked(site, &format!("{path}-{nth}"), nth))));
    }
    let marker = mode.marker.to_string().to_ascii_lowercase();
    let cuts = mode.cut.clone();
    Check {
        blocked_by: vec!["dns.host.target", "tls.chain", "deg.off", "deg.marker"],
        remedy: "cut less, or mend what the cut broke".to_owned(),
        source: "JVA-18, JVA-19",
        judge: Box::new(move |seen| {
            let answers = answered!(answers(seen));
            let (normal, rest) = answers.split_at(essential.len().min(answers.len()));
            let (living, cut) = rest.split_at((essential.len() * usize::from(each)).min(rest.len()));
            for ((path, before), after) in essential.iter().zip(normal).zip(living.chunks(each.into())) {
                if let Some(other) = after.iter().find(|answer| answer.status != before.status) {
                    let (before, after) = (before.status, other.status);
                    return Judgement::fail(format!("{path} must live: {before} before, {after} in the mode"));
                }
            }
            for (path, answers) in cuts.iter().zip(cut.chunks(each.into())) {
                for answer in answers.iter().filter(|answer| answer.header(&marker).is_some()) {
                    let kept = answer.header("cache-control").unwrap_or_default();
                    if answer.status != 503 || answer.header("retry-after").is_none() || !kept.contains("no-store") {
                        return Judgement::fail(format!(
                            "{path}... is cut, and answers {} (Retry-After: {}, Cache-Control: {kept})",
                            answer.status,
                            answer.header("retry-after").unwrap_or("none")
                        ));
                    }
                }
            }
            Judgement::pass(format!("{} paths live as before, {} are cut with 503", essential.len(), cuts.len()))
        }),
        ..check("deg.on", site.host.to_string(), ask)
    }
}

/// `deg.time`: every machine has switched within the promised time.
fn time(mode: &DegradedMode, site: &Site) -> Check {
    let path = cut_paths(mode, "time").into_iter().next().unwrap_or_else(|| "/".to_owned());
    let mut ask = vec![switch(true)];
    ask.extend((0..looks(site)).map(|nth| Probe::from(asked(site, &format!("{path}-{nth}"), nth))));
    let promised = mode.takes_effect_within_seconds;
    let marker = mode.marker.to_string().to_ascii_lowercase();
    Check {
        blocked_by: vec!["dns.host.target", "tls.chain", "deg.off", "deg.marker"],
        remedy: "restart every container and machine that reads the variable".to_owned(),
        source: "JVA-18",
        judge: Box::new(move |seen| {
            let answers = answered!(answers(seen));
            let (Some(first), Some(last)) = (answers.first(), answers.last()) else {
                return Judgement::unknown("nothing was asked");
            };
            let normal = answers.iter().filter(|answer| answer.header(&marker).is_none()).count();
            let seconds = last.at.duration_since(first.at).as_secs_f64();
            match normal {
                0 if seconds > f64::from(promised.get()) => {
                    Judgement::fail(format!("took {seconds:.0} s, {promised} s are promised"))
                }
                0 => Judgement::pass(format!(
                    "{} looks, every one in the mode; {promised} s are promised",
                    answers.len()
                )),
                some => Judgement::fail(format!(
                    "{some} of {} looks still meet the normal mode: a machine was not restarted",
                    answers.len()
                )),
            }
        }),
        ..check("deg.time", site.host.to_string(), ask)
    }
}

/// The HTTP answers among what was seen.
fn answers(seen: &[Observation]) -> Result<Vec<&HttpAnswer>, Judgement> {
    for observation in seen {
        if let Observation::NotAsked { because } = observation {
            return Err(Judgement::unknown(because.clone()));
        }
    }
    seen.iter().filter(|observation| !matches!(observation, Observation::Done)).map(http).collect()
}
