//! Reading the answers that several concerns read alike. Pure.
//!
//! A time-out, a broken connection or a missing network never counts against the site: it makes a check unknown. A
//! refusal, a bad certificate or bytes that are no answer were given by somebody, and do count.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Judgement;
use crate::language::Language;
use crate::probe::{
    ApiAnswer, BurstAnswer, DnsAnswer, Failure, FailureKind, HttpAnswer, Observation, Rcode, RecordData, SamplesAnswer,
    TlsAnswer, TlsOfferAnswer,
};

/// The HTTP answer, or what its absence means.
///
/// # Errors
///
/// The judgement to return when there is no answer.
pub fn http(observation: &Observation) -> Result<&HttpAnswer, Judgement> {
    match observation {
        Observation::Http(answer) => Ok(answer),
        other => Err(absent(other)),
    }
}

/// The answers of a burst, or what their absence means.
///
/// # Errors
///
/// As [`http`].
pub fn burst(observation: &Observation) -> Result<&BurstAnswer, Judgement> {
    match observation {
        Observation::Burst(answer) => Ok(answer),
        other => Err(absent(other)),
    }
}

/// The DNS answer, or what its absence means.
///
/// # Errors
///
/// As [`http`].
pub fn dns(observation: &Observation) -> Result<&DnsAnswer, Judgement> {
    match observation {
        Observation::Dns(answer) => Ok(answer),
        other => Err(absent(other)),
    }
}

/// The answer of a resolver. One that refuses, or does not understand, says nothing about the site.
///
/// # Errors
///
/// As [`http`].
pub fn resolved(observation: &Observation) -> Result<&DnsAnswer, Judgement> {
    let answer = dns(observation)?;
    match answer.rcode {
        Rcode::NoError | Rcode::NxDomain | Rcode::ServFail => Ok(answer),
        Rcode::Refused | Rcode::Other(_) => {
            Err(Judgement::unknown(format!("the resolver {} answers {}", answer.server, answer.rcode.as_str())))
        }
    }
}

/// The answer of an authoritative server that really speaks for the zone.
///
/// # Errors
///
/// As [`http`]; a server that refuses, fails or is not authoritative is lame: a failure.
pub fn authoritative(observation: &Observation) -> Result<&DnsAnswer, Judgement> {
    let answer = dns(observation)?;
    match answer.rcode {
        Rcode::NoError | Rcode::NxDomain if answer.authoritative => Ok(answer),
        Rcode::NoError | Rcode::NxDomain => {
            Err(Judgement::fail(format!("{} answers without authority for the zone", answer.server)))
        }
        rcode => Err(Judgement::fail(format!("{} answers {} for the zone", answer.server, rcode.as_str()))),
    }
}

/// The same answer, unless the aliases of `owner` lead in a circle: such a name is there and leads nowhere, so nothing
/// can be said of where it leads. What a server outside of the answer may make of the last alias is not known here.
///
/// # Errors
///
/// Unknown, with the circle.
pub fn leading<'a>(answer: &'a DnsAnswer, owner: &str) -> Result<&'a DnsAnswer, Judgement> {
    match circle(answer, owner) {
        Some(circle) => Err(Judgement::unknown(format!("{}: {circle}", answer.server))),
        None => Ok(answer),
    }
}

/// How the aliases of `owner` come back to one of their own, as the middle of a sentence. Resolvers differ in what they make
/// of it: some answer SERVFAIL, some the aliases alone (RFC 1034, section 3.6.2, asks for an error).
pub fn circle(answer: &DnsAnswer, owner: &str) -> Option<String> {
    let mut passed = vec![owner];
    loop {
        let last = *passed.last()?;
        let next = answer.answers.iter().find_map(|record| match &record.data {
            RecordData::Cname(target) if record.name == last => Some(target.as_str()),
            _ => None,
        })?;
        if passed.contains(&next) {
            return Some(format!("the aliases of {owner} lead in a circle, back to {next}"));
        }
        passed.push(next);
    }
}

/// The handshake, or what its absence means.
///
/// # Errors
///
/// As [`http`].
pub fn tls(observation: &Observation) -> Result<&TlsAnswer, Judgement> {
    match observation {
        Observation::Tls(answer) => Ok(answer),
        other => Err(absent(other)),
    }
}

/// What became of an offer, or what its absence means.
///
/// # Errors
///
/// As [`http`].
pub fn tls_offer(observation: &Observation) -> Result<&TlsOfferAnswer, Judgement> {
    match observation {
        Observation::TlsOffer(answer) => Ok(answer),
        other => Err(absent(other)),
    }
}

/// The times that were taken, or what their absence means.
///
/// # Errors
///
/// As [`http`].
pub fn samples(observation: &Observation) -> Result<&SamplesAnswer, Judgement> {
    match observation {
        Observation::Samples(answer) => Ok(answer),
        other => Err(absent(other)),
    }
}

/// What a provider's API answered with success, or what its absence means.
///
/// # Errors
///
/// An unknown wherever the API itself fails or refuses, whichever way: that says nothing of the site. 404 fails: what
/// was generated is not there.
pub fn api(observation: &Observation) -> Result<&Value, Judgement> {
    match observation {
        Observation::Api(ApiAnswer { status: 200..=299, body, .. }) => Ok(body),
        Observation::Api(ApiAnswer { status: 404, .. }) => Err(Judgement::fail("the provider knows no such thing")),
        Observation::Api(ApiAnswer { status, .. }) => Err(Judgement::unknown(format!("the API answers {status}"))),
        Observation::Failed(failure) => Err(Judgement::unknown(failure.message.clone())),
        other => Err(absent(other)),
    }
}

/// The `result` of Cloudflare's envelope.
///
/// # Errors
///
/// As [`api`].
pub fn cloudflare(observation: &Observation) -> Result<&Value, Judgement> {
    let body = api(observation)?;
    body.get("result").ok_or_else(|| Judgement::unknown("the API answers in a form that golive does not know"))
}

fn absent(observation: &Observation) -> Judgement {
    match observation {
        Observation::Failed(Failure { kind, message }) => match kind {
            FailureKind::TimedOut | FailureKind::Closed | FailureKind::Unreachable | FailureKind::Declined => {
                Judgement::unknown(message.clone())
            }
            FailureKind::Refused | FailureKind::Unresolved | FailureKind::Tls | FailureKind::Garbage => {
                Judgement::fail(message.clone())
            }
        },
        Observation::NotAsked { because } => Judgement::unknown(because.clone()),
        Observation::Dns(_)
        | Observation::Http(_)
        | Observation::Burst(_)
        | Observation::Tls(_)
        | Observation::TlsOffer(_)
        | Observation::Samples(_)
        | Observation::Api(_)
        | Observation::Done => {
            Judgement::unknown("golive read an answer of another kind than it asked for; please report it")
        }
    }
}

/// Returns early from a judge with what the absence of an answer means.
macro_rules! answered {
    ($result:expr) => {
        match $result {
            Ok(answer) => answer,
            Err(judgement) => return judgement,
        }
    };
}
pub(crate) use answered;

/// In a loop over several servers: returns a failure, and keeps for later what could not be seen. One server's silence
/// must not hide what another one says.
macro_rules! answered_or_later {
    ($result:expr, $untested:ident) => {
        match $result {
            Ok(answer) => answer,
            Err(fail @ $crate::concerns::Judgement::Say($crate::concerns::Verdict::Fail, _)) => return fail,
            Err(other) => {
                $untested.get_or_insert(other);
                continue;
            }
        }
    };
}
pub(crate) use answered_or_later;

/// How the CDN says that it answered from its store (Cloudflare docs, cache/concepts/cache-responses).
pub fn is_hit(answer: &HttpAnswer) -> bool {
    cache_status(answer).is_some_and(is_from_store)
}

/// Whether this `cf-cache-status` says so.
pub fn is_from_store(status: &str) -> bool {
    matches!(status, "HIT" | "STALE" | "UPDATING" | "REVALIDATED")
}

pub fn cache_status(answer: &HttpAnswer) -> Option<&str> {
    answer.header("cf-cache-status")
}

/// `HIT`, or `no cf-cache-status` for people.
pub fn cache_status_text(answer: &HttpAnswer) -> &str {
    cache_status(answer).unwrap_or("no cf-cache-status")
}

/// Directives of all `Cache-Control` lines, lower case; a value of `None` is a bare directive.
pub fn cache_control(answer: &HttpAnswer) -> BTreeMap<String, Option<String>> {
    answer
        .headers_named("cache-control")
        .flat_map(|line| line.split(','))
        .filter_map(|directive| {
            let directive = directive.trim();
            if directive.is_empty() {
                return None;
            }
            Some(match directive.split_once('=') {
                Some((name, value)) => {
                    (name.trim().to_ascii_lowercase(), Some(value.trim().trim_matches('"').to_owned()))
                }
                None => (directive.to_ascii_lowercase(), None),
            })
        })
        .collect()
}

/// A directive's delta-seconds.
pub fn seconds_of(directives: &BTreeMap<String, Option<String>>, name: &str) -> Option<u64> {
    directives.get(name)?.as_ref()?.parse().ok()
}

/// The header as sent, for messages.
pub fn cache_control_text(answer: &HttpAnswer) -> String {
    let lines: Vec<&str> = answer.headers_named("cache-control").collect();
    if lines.is_empty() { "no Cache-Control".to_owned() } else { format!("Cache-Control: {}", lines.join(", ")) }
}

/// Names of the cookies that an answer sets, with their values.
pub fn cookies(answer: &HttpAnswer) -> Vec<(&str, &str)> {
    answer
        .headers_named("set-cookie")
        .map(|line| {
            let pair = line.split(';').next().unwrap_or_default();
            pair.split_once('=').map_or((pair.trim(), ""), |(name, value)| (name.trim(), value.trim()))
        })
        .collect()
}

/// Record data for people.
pub fn data_text(data: &RecordData) -> String {
    match data {
        RecordData::A(address) => address.to_string(),
        RecordData::Aaaa(address) => address.to_string(),
        RecordData::Cname(name) | RecordData::Ns(name) | RecordData::Ptr(name) => name.clone(),
        RecordData::Soa(soa) => format!("serial {}", soa.serial),
        RecordData::Txt(text) => format!("\"{text}\""),
        RecordData::Mx { preference, exchange } => format!("{preference} {exchange}"),
        RecordData::Caa { critical, tag, value } => format!("{} {tag} \"{value}\"", u8::from(*critical) * 128),
        RecordData::Srv { priority, weight, port, target } => format!("{priority} {weight} {port} {target}"),
        RecordData::Dnssec(_) => data.to_string(),
        RecordData::Other(kind) => kind.clone(),
    }
}

/// `a, b and c`.
pub fn listed<T: AsRef<str>>(items: &[T]) -> String {
    Language::En.list(items)
}

impl Rcode {
    pub fn as_str(self) -> &'static str {
        match self {
            Rcode::NoError => "NOERROR",
            Rcode::NxDomain => "NXDOMAIN",
            Rcode::ServFail => "SERVFAIL",
            Rcode::Refused => "REFUSED",
            Rcode::Other(_) => "an unusual code",
        }
    }
}

/// Answers made up for the judges of checks.
#[cfg(test)]
pub(crate) mod made_up {
    use std::time::Duration;

    use jiff::Timestamp;

    use crate::blueprint::{Blueprint, Site};
    use crate::concerns::{Check, Judgement, Verdict};
    use crate::probe::{Body, DnsAnswer, DnsRecord, Failure, FailureKind, HttpAnswer, Observation, Rcode, RecordData};

    /// The sample blueprint with some of its text replaced.
    pub fn sample(edits: &[(&str, &str)]) -> (Blueprint, Site) {
        let mut source = include_str!("../../blueprints/jeveuxaider.toml").to_owned();
        for (from, to) in edits {
            assert!(source.contains(from), "the sample no longer holds {from:?}");
            source = source.replace(from, to);
        }
        let blueprint: Blueprint = toml::from_str(&source).expect("a blueprint");
        let announcement = blueprint.site.announcement.to_string().parse().expect("an instant");
        let site = Site::new(&blueprint, announcement);
        (blueprint, site)
    }

    /// The one check with this id and subject.
    pub fn check(blueprint: &Blueprint, site: &Site, id: &str, subject: &str) -> Check {
        let mut all = blueprint.concerns().into_iter().flat_map(|concern| concern.checks(site).into_vec());
        all.find(|check| check.id == id && check.subject == subject).unwrap_or_else(|| panic!("no {id} {subject}"))
    }

    pub fn page(status: u16, headers: &[(&str, &str)], text: &str) -> Observation {
        Observation::Http(HttpAnswer {
            at: Timestamp::UNIX_EPOCH,
            connected: "203.0.113.10:443".to_owned(),
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Body { wire_length: text.len(), sha256: None, text: text.to_owned(), problem: None },
            elapsed: Duration::ZERO,
        })
    }

    pub fn records(rcode: Rcode, records: &[(&str, u32, RecordData)]) -> Observation {
        let answers = records.iter().map(|(name, ttl, data)| DnsRecord {
            name: (*name).to_owned(),
            ttl: *ttl,
            data: data.clone(),
        });
        Observation::Dns(DnsAnswer {
            at: Timestamp::UNIX_EPOCH,
            server: "192.0.2.53".to_owned(),
            rcode,
            authoritative: true,
            answers: answers.collect(),
            authenticated: false,
            authority: vec![],
            additional: vec![],
        })
    }

    pub fn failed(kind: FailureKind) -> Observation {
        Observation::Failed(Failure { kind, message: format!("made up: {}", kind.as_str()) })
    }

    /// The verdict; `None` when the judge asks on.
    pub fn verdict(check: &Check, seen: &[Observation]) -> Option<Verdict> {
        match (check.judge)(seen) {
            Judgement::Ask(_) => None,
            Judgement::Say(verdict, _) => Some(verdict),
        }
    }
}
