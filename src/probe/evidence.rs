//! One line a question and its answer: what was asked, of whom, when, what came back. Enough to argue about a
//! verdict later, short enough to read. Secrets do not enter it: cookies keep their names alone, credentials
//! nothing. Must not judge.

use std::fmt::{self, Write};

use jiff::Timestamp;

use super::{
    ApiAnswer, ApiProbe, ApiProvider, BurstAnswer, BurstProbe, Certificate, Disturbance, DnsAnswer, DnsProbe,
    DnsRecord, DnsServer, Dnssec, FailureKind, HttpAnswer, HttpProbe, Observation, Probe, Rcode, RecordData,
    RecordType, SamplesAnswer, SamplesProbe, Signatures, Staple, Target, TlsAnswer, TlsOfferAnswer, TlsOfferProbe,
    TlsProbe, Visitor,
};
use crate::plain::plain;

/// Longest line, in characters.
const LONGEST_LINE: usize = 600;
/// Longest value within a line, in characters.
const LONGEST_VALUE: usize = 120;

/// Answer headers that decide something at the edge.
const TOLD_HEADERS: [&str; 15] = [
    "location",
    "cache-control",
    "cdn-cache-control",
    "cf-cache-status",
    "age",
    "expires",
    "vary",
    "set-cookie",
    "content-type",
    "content-encoding",
    "strict-transport-security",
    "retry-after",
    "server",
    "cf-ray",
    "cf-mitigated",
];

/// `at`: when the answer was there.
pub fn line(probe: &Probe, observation: &Observation, at: Timestamp) -> String {
    let at = at.round(jiff::Unit::Second).unwrap_or(at);
    cut(&plain(&format!("{at} {} -> {}", question(probe), answer(observation))), LONGEST_LINE)
}

/// Who would be asked; `None` where nobody is.
pub fn whom(probe: &Probe) -> Option<String> {
    let at = |name: &str, to: Target| match to {
        Target::Resolved => name.to_owned(),
        Target::Pinned(address) => format!("{name} at {address}"),
    };
    match probe {
        Probe::Dns(DnsProbe { server: DnsServer::Authoritative(address), .. }) => {
            Some(format!("name server {address}"))
        }
        Probe::Dns(DnsProbe { server: DnsServer::Resolver, .. }) => Some("resolvers".to_owned()),
        Probe::Dns(DnsProbe { server: DnsServer::Named(address), .. }) => Some(format!("resolver {address}")),
        Probe::Http(probe)
        | Probe::Burst(BurstProbe { request: probe, .. })
        | Probe::Samples(SamplesProbe { request: probe, .. }) => Some(at(&probe.host, probe.to)),
        Probe::Tls(probe) => Some(at(&probe.name, probe.to)),
        Probe::TlsOffer(probe) => Some(at(&probe.name, probe.to)),
        Probe::Api(probe) => Some(format!("{}'s API", probe.provider.as_str())),
        Probe::Purge(_) => Some(format!("{}'s API", ApiProvider::Cloudflare.as_str())),
        Probe::Wait(_) | Probe::Disturb(_) => None,
    }
}

/// The question alone, in words.
pub fn question(probe: &Probe) -> String {
    match probe {
        Probe::Dns(DnsProbe { server, name, record_type, signatures, nth: _ }) => {
            let of = match server {
                DnsServer::Authoritative(address) => address.to_string(),
                DnsServer::Resolver => "a resolver".to_owned(),
                DnsServer::Named(address) => format!("the resolver {address}"),
            };
            let how = match signatures {
                Signatures::NotAsked => "",
                Signatures::Asked => " with its signatures",
                Signatures::Unchecked => " with its signatures, unchecked,",
            };
            format!("{} {name}{how} asked of {of}", record_type.as_str())
        }
        Probe::Http(HttpProbe { scheme, host, host_header, path, to, headers, nth: _ }) => {
            let mut text = format!("GET {}://{host}{path}", scheme.as_str());
            if let Some(alien) = host_header {
                let _ = write!(text, " with Host {alien}");
            }
            for (name, value) in headers {
                let _ = write!(text, " [{name}: {}]", shown(name, value));
            }
            text + &place(*to)
        }
        Probe::Burst(BurstProbe { request, method, count, enough_refusals: _, after, visitor, counts: _ }) => {
            let one = question(&Probe::Http(request.clone()));
            let one = one.strip_prefix("GET").unwrap_or(&one);
            let who = match visitor {
                Visitor::Own(_) => String::new(),
                Visitor::At(address) => format!(" as {address}"),
            };
            let wait = match after.is_zero() {
                true => String::new(),
                false => format!(", after {} s", after.as_secs_f32()),
            };
            format!("up to {count} times {}{one}{who}{wait}", method.as_str())
        }
        Probe::Samples(SamplesProbe { request, count }) => {
            format!("{count} times {}, each on a new connection", question(&Probe::Http(request.clone())))
        }
        Probe::Tls(TlsProbe { name, to, nth: _ }) => format!("TLS handshake with {name}{}", place(*to)),
        Probe::TlsOffer(TlsOfferProbe { name, to, version }) => {
            format!("{} alone offered to {name}{}", version.as_str(), place(*to))
        }
        Probe::Wait(wait) if wait.copies_of.is_empty() => format!("wait {} s", wait.duration.as_secs_f32()),
        Probe::Wait(wait) => {
            let urls = wait.copies_of.join(", ");
            format!("let the copies of {urls} grow {} s older", wait.duration.as_secs_f32())
        }
        Probe::Purge(purge) => format!("purge {} at Cloudflare's API", purge.url),
        Probe::Api(ApiProbe { provider, path, nth: _ }) => format!("GET {path} of {}'s API", provider.as_str()),
        Probe::Disturb(disturbance) => match disturbance {
            Disturbance::AppRefuses => "make the app refuse connections",
            Disturbance::AppAnswers503 => "make the app answer 503",
            Disturbance::AppAnswers500 => "make the app answer 500",
            Disturbance::DatabaseAway => "take the database from the app",
            Disturbance::AppHealthy => "heal what was disturbed",
            Disturbance::ModeOn => "switch the degraded mode on",
            Disturbance::ModeOff => "switch the degraded mode off",
            Disturbance::RoomHoldsAll => "let the waiting room hold everybody",
            Disturbance::EdgePurged => "purge the CDN's copies",
            Disturbance::OfficeRefuses => "make the back offices refuse connections",
            Disturbance::OfficeAnswers503 => "make the back offices answer 503",
        }
        .to_owned(),
    }
}

fn place(to: Target) -> String {
    match to {
        Target::Resolved => String::new(),
        Target::Pinned(address) => format!(" at {address}"),
    }
}

fn answer(observation: &Observation) -> String {
    match observation {
        Observation::Dns(answer) => dns(answer),
        Observation::Http(answer) => http(answer),
        Observation::Burst(answer) => burst(answer),
        Observation::Tls(answer) => tls(answer),
        Observation::TlsOffer(TlsOfferAnswer { at: _, connected, is_taken, said }) => {
            let word = if *is_taken { "taken" } else { "refused" };
            format!("{word} by {connected}: {said}")
        }
        Observation::Samples(answer) => samples(answer),
        // The judgement names the fields that matter; a whole body may hold what nobody should keep.
        Observation::Api(ApiAnswer { status, .. }) => status.to_string(),
        Observation::Done => "done".to_owned(),
        Observation::Failed(failure) => format!("{}: {}", failure.kind.as_str(), failure.message),
        Observation::NotAsked { because } => format!("not asked: {because}"),
    }
}

fn dns(answer: &DnsAnswer) -> String {
    let mut text = format!("{} from {}", answer.rcode, answer.server);
    if answer.authoritative {
        text.push_str(", authoritative");
    }
    if answer.authenticated {
        text.push_str(", signatures checked");
    }
    for DnsRecord { name, ttl, data } in &answer.answers {
        let _ = write!(text, "; {name} {ttl} {}", cut(&data.to_string(), LONGEST_VALUE));
    }
    for DnsRecord { data, .. } in &answer.authority {
        let _ = write!(text, "; in authority {}", cut(&data.to_string(), LONGEST_VALUE));
    }
    text
}

fn http(answer: &HttpAnswer) -> String {
    let mut text = format!("{} from {} in {} ms", answer.status, answer.connected, answer.elapsed.as_millis());
    for (name, value) in &answer.headers {
        if TOLD_HEADERS.contains(&name.as_str()) {
            let _ = write!(text, "; {name}: {}", shown(name, value));
        }
    }
    let _ = write!(text, "; {} bytes", answer.body.wire_length);
    if let Some(sha256) = &answer.body.sha256 {
        let _ = write!(text, ", sha256 {}", cut(sha256, 12));
    }
    if let Some(problem) = &answer.body.problem {
        let _ = write!(text, ", {}", problem.as_str());
    }
    text
}

fn burst(answer: &BurstAnswer) -> String {
    let mut text = format!("from {} within {} ms", answer.connected, answer.sending.as_millis());
    for (status, headers) in &answer.headers {
        let _ = write!(text, "; {} times {status}", answer.count(*status));
        for (name, value) in headers.iter().filter(|(name, _)| TOLD_HEADERS.contains(&name.as_str())) {
            let _ = write!(text, ", {name}: {}", shown(name, value));
        }
    }
    text
}

fn samples(answer: &SamplesAnswer) -> String {
    let mut text = format!("from {}, in ms:", answer.connected);
    for sample in &answer.samples {
        let _ = match &sample.outcome {
            Ok(_) => write!(text, " {}", sample.total.as_millis()),
            Err(kind) => write!(text, " {}", kind.as_str()),
        };
    }
    let _ = match answer.samples.iter().map(|sample| sample.connect).min() {
        Some(connect) => write!(text, "; {} of them to connect", connect.as_millis()),
        None => Ok(()),
    };
    text
}

fn tls(answer: &TlsAnswer) -> String {
    let mut text = format!("{} with {}, {} certificates", answer.protocol, answer.connected, answer.chain_length);
    if let Some(Certificate {
        subject_alternative_names,
        issuer,
        not_before: _,
        not_after,
        sha256,
        ocsp_url,
        must_staple,
    }) = &answer.leaf
    {
        let until = Timestamp::from_second(*not_after).map_or_else(|_| not_after.to_string(), |end| end.to_string());
        let names = cut(&subject_alternative_names.join(" "), LONGEST_VALUE);
        let _ =
            write!(text, "; for {names}; by {}; until {until}; sha256 {}", cut(issuer, LONGEST_VALUE), cut(sha256, 12));
        if *must_staple {
            text.push_str("; must be stapled");
        }
        if let Some(url) = ocsp_url {
            let _ = write!(text, "; OCSP at {}", cut(url, LONGEST_VALUE));
        }
    }
    if let Some(staple) = answer.staple {
        let _ = write!(text, "; staple {}", staple.as_str());
    }
    match &answer.verify_error {
        None => text.push_str("; verifies"),
        Some(error) => {
            let _ = write!(text, "; does not verify: {error}");
        }
    }
    text
}

/// A header value as evidence may hold it.
fn shown(name: &str, value: &str) -> String {
    match name {
        "authorization" | "proxy-authorization" | "cookie2" => "(hidden)".to_owned(),
        "cookie" => value.split(';').map(|pair| hidden_pair(pair.trim())).collect::<Vec<_>>().join("; "),
        "set-cookie" => {
            let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
            let attributes = attributes.split(';').map(str::trim).filter(|attribute| !attribute.is_empty());
            let parts: Vec<String> =
                std::iter::once(hidden_pair(pair.trim())).chain(attributes.map(shown_attribute)).collect();
            cut(&parts.join("; "), LONGEST_VALUE)
        }
        _ => cut(value, LONGEST_VALUE),
    }
}

/// An attribute of a cookie, if it is one: behind the first `;` may stand the rest of a quoted value, or after a
/// comma another cookie of a header that somebody folded.
fn shown_attribute(attribute: &str) -> String {
    const KNOWN: [&str; 9] =
        ["path", "domain", "expires", "max-age", "secure", "httponly", "samesite", "partitioned", "priority"];
    let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
    let is_plain = KNOWN.contains(&name.trim().to_ascii_lowercase().as_str()) && !value.contains(['=', ',', '"']);
    if is_plain { attribute.to_owned() } else { hidden_pair(attribute) }
}

/// A pair without `=` is all value (RFC 6265, section 5.2, drops such a cookie).
fn hidden_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}=(hidden)"),
        None => "(hidden)".to_owned(),
    }
}

/// At most `longest` characters, an ellipsis marking the cut.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl RecordType {
    pub fn as_str(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Caa => "CAA",
            RecordType::Cname => "CNAME",
            RecordType::Dnskey => "DNSKEY",
            RecordType::Ds => "DS",
            RecordType::Https => "HTTPS",
            RecordType::Mx => "MX",
            RecordType::Ns => "NS",
            RecordType::Ptr => "PTR",
            RecordType::Soa => "SOA",
            RecordType::Srv => "SRV",
            RecordType::Txt => "TXT",
        }
    }
}

impl Staple {
    pub fn as_str(self) -> &'static str {
        match self {
            Staple::Good => "good",
            Staple::Revoked => "revoked",
            Staple::Unknown => "without a word on it",
            Staple::Garbled => "that is no OCSP answer",
            Staple::OfAnother => "about another certificate",
            Staple::Unsigned => "that nobody with the right to has signed",
            Staple::OfTheFuture => "that is not valid yet",
            Staple::Ended => "that is no longer valid",
            Staple::Unproven => "that cannot be verified, as the issuer's certificate was not sent",
        }
    }
}

impl FailureKind {
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::Declined => "declined",
            FailureKind::TimedOut => "timed out",
            FailureKind::Refused => "refused",
            FailureKind::Unresolved => "does not resolve",
            FailureKind::Tls => "TLS",
            FailureKind::Garbage => "garbage",
            FailureKind::Closed => "closed",
            FailureKind::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rcode::NoError => f.write_str("NOERROR"),
            Rcode::NxDomain => f.write_str("NXDOMAIN"),
            Rcode::ServFail => f.write_str("SERVFAIL"),
            Rcode::Refused => f.write_str("REFUSED"),
            Rcode::Other(code) => write!(f, "RCODE {code}"),
        }
    }
}

impl fmt::Display for RecordData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordData::A(address) => write!(f, "A {address}"),
            RecordData::Aaaa(address) => write!(f, "AAAA {address}"),
            RecordData::Cname(name) => write!(f, "CNAME {name}"),
            RecordData::Ns(name) => write!(f, "NS {name}"),
            RecordData::Ptr(name) => write!(f, "PTR {name}"),
            RecordData::Soa(soa) => write!(
                f,
                "SOA {} serial {} refresh {} retry {} expire {} minimum {}",
                soa.primary, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum
            ),
            RecordData::Txt(text) => write!(f, "TXT \"{text}\""),
            RecordData::Mx { preference, exchange } => write!(f, "MX {preference} {exchange}"),
            RecordData::Caa { critical, tag, value } => {
                write!(f, "CAA {} {tag} \"{value}\"", u8::from(*critical) * 128)
            }
            RecordData::Srv { priority, weight, port, target } => write!(f, "SRV {priority} {weight} {port} {target}"),
            RecordData::Dnssec(Dnssec::Delegation { key_tag, algorithm, digest_type, digest }) => {
                write!(f, "DS {key_tag} {algorithm} {digest_type} {digest}")
            }
            RecordData::Dnssec(Dnssec::Key { key_tag, algorithm, .. }) => {
                write!(f, "DNSKEY {key_tag} of algorithm {algorithm}")
            }
            RecordData::Dnssec(Dnssec::Signature { covers, algorithm, key_tag, ends }) => {
                write!(f, "RRSIG of {covers} by {key_tag} of algorithm {algorithm} until {ends}")
            }
            RecordData::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::probe::{Body, Scheme};

    fn get(headers: Vec<(String, String)>) -> Probe {
        Probe::Http(HttpProbe {
            scheme: Scheme::Https,
            host: "shop.example.com".into(),
            host_header: None,
            path: "/a?b".into(),
            to: Target::Pinned("203.0.113.10".parse().unwrap()),
            headers,
            nth: 0,
        })
    }

    fn answered(headers: &[(&str, &str)]) -> Observation {
        Observation::Http(HttpAnswer {
            at: Timestamp::UNIX_EPOCH,
            connected: "203.0.113.10:443".into(),
            status: 200,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: Body { wire_length: 3, sha256: Some("abcdef0123456789".into()), ..Body::default() },
            elapsed: Duration::from_millis(12),
        })
    }

    #[test]
    fn a_line_says_what_whom_when_and_the_answer() {
        let line = line(&get(vec![]), &answered(&[("age", "3"), ("x-other", "no")]), Timestamp::UNIX_EPOCH);
        assert_eq!(
            line,
            "1970-01-01T00:00:00Z GET https://shop.example.com/a?b at 203.0.113.10 -> 200 from 203.0.113.10:443 in 12 ms; \
             age: 3; 3 bytes, sha256 abcdef012345…"
        );
    }

    #[test]
    fn no_secret_and_no_control_character_gets_in() {
        let headers = vec![
            ("cookie".to_owned(), "sid=s3cret1; odd".to_owned()),
            ("authorization".to_owned(), "Bearer s3cret2".to_owned()),
        ];
        let answer = answered(&[
            ("set-cookie", "id=s3cret3; Path=/"),
            ("set-cookie", "s3cret4"),
            ("set-cookie", "id=\"a;s3cret5\"; Secure"),
            ("set-cookie", "a=1; Path=/, b=s3cret6; HttpOnly"),
            ("server", "\x1b[2J\u{202e}\u{61c}"),
        ]);
        let line = line(&get(headers), &answer, Timestamp::UNIX_EPOCH);
        assert!(!line.contains("s3cret"), "{line}");
        assert!(line.contains("sid=(hidden)") && line.contains("id=(hidden); Path=/"), "{line}");
        assert!(line.contains(r"\u{1b}[2J\u{202e}\u{61c}"), "{line}");
    }

    #[test]
    fn long_answers_are_cut_on_a_character() {
        let line = line(
            &get(vec![]),
            &answered(&[("location", &"é".repeat(5000)), ("vary", &"é".repeat(5000))]),
            Timestamp::UNIX_EPOCH,
        );
        assert!(line.chars().count() <= LONGEST_LINE + 1);
    }
}
