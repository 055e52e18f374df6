//! Who gets past the edge's filters, limits and waiting room. What decides is in
//! [`crate::providers::cloudflare::firewall`]; here are the counters and the pages.
//!
//! Limits are counted in fixed windows, exactly; the real ones are counted by each data centre and lag some seconds.
//! The waiting room is never full by itself: it holds visitors when it holds all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SET_COOKIE};

use super::{Answer, error_page};
use crate::providers::cloudflare::firewall::{LimitRule, Room, Skips, Stop};
use crate::providers::cloudflare::language::Facts;
use crate::providers::cloudflare::payload::Payloads;
use crate::rehearsal::serve;

/// Seconds after which the page of the waiting room asks again (docs, waiting-room/troubleshooting).
const REFRESH_SECONDS: &str = "20";

/// Counters of the limits, by rule and client.
#[derive(Debug, Default)]
pub struct Counters(Mutex<HashMap<(usize, IpAddr), Counter>>);

#[derive(Debug)]
struct Counter {
    since: Instant,
    count: u32,
    out_until: Option<Instant>,
}

impl Counters {
    /// Counts one request; how long the client stays out, if it does.
    fn count(&self, at: usize, rule: &LimitRule, client: IpAddr, now: Instant) -> Option<Duration> {
        // A panic elsewhere cannot leave a counter half-written.
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counters.entry((at, client)).or_insert(Counter { since: now, count: 0, out_until: None });
        if let Some(until) = counter.out_until {
            if now < until {
                return Some(until - now);
            }
            *counter = Counter { since: now, count: 0, out_until: None };
        }
        if now - counter.since >= Duration::from_secs(rule.period.into()) {
            *counter = Counter { since: now, count: 0, out_until: None };
        }
        counter.count += 1;
        if counter.count <= rule.requests {
            return None;
        }
        let out = Duration::from_secs(rule.blocks_for.into());
        counter.out_until = Some(now + out);
        Some(out)
    }
}

/// What the gate says.
pub enum Gate {
    /// The edge answers itself.
    Shut(Answer),
    /// On it goes; with the cookie of the waiting room.
    Open(Option<HeaderValue>),
}

/// How the waiting room stands at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Door {
    /// It does nothing.
    pub suspended: bool,
    /// Nobody enters.
    pub holds_all: bool,
}

/// `ray`: this request's own.
pub fn gate(payloads: &Payloads, counters: &Counters, door: Door, facts: &Facts<'_>, ray: &str) -> Gate {
    let filtered = payloads.filtered(facts);
    if let Some(stopped) = filtered.stopped {
        return Gate::Shut(match stopped.how {
            Stop::Block => error_page(403, 1020, "Access denied"),
            Stop::Challenge => challenge(),
        });
    }
    let skips = filtered.let_through.map_or(Skips::default(), |(_, skips)| skips);
    if !skips.limits {
        for (at, rule) in payloads.limits_of(facts) {
            if let Some(out) = counters.count(at, rule, facts.client, Instant::now()) {
                return Gate::Shut(limited(rule, out));
            }
        }
    }
    if !skips.managed && payloads.attack(facts).is_some_and(|attack| !attack.only_logged) {
        return Gate::Shut(error_page(403, 1020, "Access denied"));
    }
    match payloads.room_of(facts) {
        Some(room) if !door.suspended && door.holds_all => {
            // Exactly so, and nothing else beside it (docs, waiting-room/how-to/json-response).
            let asks_for_json = facts.headers.get(ACCEPT).is_some_and(|accept| accept == "application/json");
            Gate::Shut(wait(room, ray, room.answers_json && asks_for_json))
        }
        Some(room) if !door.suspended => Gate::Open(cookie(room, ray)),
        _ => Gate::Open(None),
    }
}

fn challenge() -> Answer {
    let mut answer = error_page(403, 1020, "Just a moment...");
    answer.headers_mut().insert(HeaderName::from_static("cf-mitigated"), HeaderValue::from_static("challenge"));
    answer
}

fn limited(rule: &LimitRule, out: Duration) -> Answer {
    let mut answer = match &rule.body {
        Some((kind, content)) => {
            let status = StatusCode::from_u16(rule.status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
            let mut answer = serve::text(status, content.clone());
            if let Ok(kind) = kind.parse() {
                answer.headers_mut().insert(CONTENT_TYPE, kind);
            }
            answer
        }
        None => error_page(rule.status, 1015, "You are being rate limited"),
    };
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(out.as_secs().max(1)));
    answer
}

/// A page that asks again by itself.
fn wait(room: &Room, ray: &str, in_json: bool) -> Answer {
    let status = StatusCode::from_u16(room.status).unwrap_or(StatusCode::OK);
    let (kind, text) = match in_json {
        true => {
            let told = "{\"cfWaitingRoom\":{\"inWaitingRoom\":true,\"refreshIntervalSeconds\":20}}";
            ("application/json", told.to_owned())
        }
        false => {
            let (title, line) = match room.language.as_str() {
                "fr-FR" => ("Salle d'attente", "Vous êtes maintenant dans la file d'attente."),
                _ => ("Waiting Room", "You are now in line."),
            };
            let language = &room.language;
            let page = format!("<!doctype html><html lang=\"{language}\"><title>{title}</title><h1>{line}</h1>\n");
            ("text/html; charset=UTF-8", page)
        }
    };
    let mut answer = serve::text(status, text);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(HeaderName::from_static("refresh"), HeaderValue::from_static(REFRESH_SECONDS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=0, no-store, no-cache, must-revalidate"));
    headers.extend(cookie(room, ray).map(|cookie| (SET_COOKIE, cookie)));
    answer
}

/// Whom the room has seen: another text for everybody.
fn cookie(room: &Room, ray: &str) -> Option<HeaderValue> {
    let secure = if room.secure_cookie { " Secure;" } else { "" };
    format!("__cfwaitingroom={ray}; Path=/; HttpOnly;{secure} SameSite=Lax").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::cloudflare::language::Condition;

    #[test]
    fn a_client_that_was_stopped_stays_out_and_comes_back() {
        let rule = LimitRule {
            name: "login".to_owned(),
            condition: Condition::parse("true").expect("a condition"),
            requests: 2,
            period: 10,
            blocks_for: 60,
            status: 429,
            body: None,
        };
        let (counters, start) = (Counters::default(), Instant::now());
        let client = IpAddr::from([198, 51, 100, 7]);
        let count = |client, seconds| counters.count(0, &rule, client, start + Duration::from_secs(seconds));
        assert_eq!((count(client, 0), count(client, 1)), (None, None));
        assert_eq!(count(client, 2), Some(Duration::from_secs(60)));
        assert_eq!(count(IpAddr::from([198, 51, 100, 8]), 2), None, "another client is counted apart");
        assert_eq!(count(client, 12), Some(Duration::from_secs(50)), "out, also in the next window");
        assert_eq!((count(client, 62), count(client, 63)), (None, None));
        assert_eq!(count(client, 73), None, "a new window");
    }
}
