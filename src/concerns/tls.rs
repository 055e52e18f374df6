//! Checks on TLS that several concerns make of their own names: the end of a certificate, its revocation, the versions
//! spoken, and HSTS.
//!
//! They live here since concerns must not import each other.

use jiff::{SignedDuration, Timestamp};

use crate::blueprint::value::{HostName, Seconds};
use crate::concerns::answer::{answered, answered_or_later, http, listed, tls, tls_offer};
use crate::concerns::ask::{each_version, handshake};
use crate::concerns::{Check, Judgement, Safety};
use crate::probe::{HttpProbe, Staple, Target, TlsVersion};

/// A pass about TLS is good for 6 hours.
pub const VALID_FOR_SECONDS: u32 = 6 * 3600;

/// Where certification authorities look for their proof, over plain http (RFC 8555, section 8.3).
pub const ACME_PATH: &str = "/.well-known/acme-challenge/";

const A_YEAR: u64 = 365 * 86_400;

/// `tls.hsts`: the answer carries Strict-Transport-Security with the declared max-age. Below a year, declared or not,
/// is a warning: the catalogue's six months are no better founded than five.
pub fn hsts(subject: String, ask: HttpProbe, declared: Seconds, blocked_by: Vec<&'static str>) -> Check {
    let remedy = format!("send `Strict-Transport-Security: max-age={declared}` on https of {subject}");
    Check {
        id: "tls.hsts",
        subject,
        safety: Safety::S1,
        blocked_by,
        disturbs: false,
        ask: vec![ask.into()],
        judge: Box::new(move |seen| {
            let answer = answered!(http(&seen[0]));
            let lines: Vec<&str> = answer.headers_named("strict-transport-security").collect();
            let Some(line) = lines.first() else {
                return Judgement::fail("no Strict-Transport-Security header over https");
            };
            let directives: Vec<String> = line.split(';').map(|part| part.trim().to_ascii_lowercase()).collect();
            let max_age = directives
                .iter()
                .find_map(|part| part.strip_prefix("max-age=").and_then(|n| n.trim_matches('"').parse::<u64>().ok()));
            let declared = u64::from(declared.get());
            match max_age {
                None => Judgement::fail(format!("`{line}` has no readable max-age: browsers ignore it")),
                Some(_) if directives.iter().any(|part| part == "preload") => {
                    Judgement::fail(format!("`{line}` asks for preloading, which the blueprint does not declare"))
                }
                Some(found) if found != declared => {
                    Judgement::fail(format!("max-age is {found}, the blueprint declares {declared}"))
                }
                Some(0) => Judgement::warn("max-age is 0 as declared: browsers are told to forget"),
                Some(_) if lines.len() > 1 => Judgement::warn("the header is sent twice: browsers read the first"),
                Some(_) if directives.iter().any(|part| part == "includesubdomains") => {
                    Judgement::warn(format!("`{line}` binds every name below, which the blueprint does not declare"))
                }
                Some(found) if found < A_YEAR => Judgement::warn(format!("max-age is {found}, less than a year")),
                Some(found) => Judgement::pass(format!("max-age is {found} as declared")),
            }
        }),
        remedy,
        source: "RFC 6797 6.1, 7.2; Internet.nl",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `tls.expiry`: the certificate outlives the launch by a week and has a quarter of its life left. Shares of a life and not
/// days: public certificates shrink to 47 days by 2029 (CA/Browser Forum ballot SC-081).
pub fn expiry(
    name: &HostName,
    to: Target,
    subject: String,
    announcement: Timestamp,
    blocked_by: Vec<&'static str>,
) -> Check {
    Check {
        id: "tls.expiry",
        subject,
        safety: Safety::S1,
        blocked_by,
        disturbs: false,
        ask: vec![handshake(name, to, 0)],
        judge: Box::new(move |seen| {
            let answer = answered!(tls(&seen[0]));
            let Some(leaf) = &answer.leaf else {
                return Judgement::fail(format!("{} sends a certificate that cannot be read", answer.connected));
            };
            let Ok(ends) = Timestamp::from_second(leaf.not_after) else {
                return Judgement::fail("the certificate's end is no date");
            };
            let now = answer.at;
            let needed = announcement.max(now) + SignedDuration::from_hours(7 * 24);
            let days = ends.duration_since(now).as_hours() / 24;
            if ends < needed {
                return Judgement::fail(format!("{days} days left: it ends {ends}, needed until {needed}"));
            }
            let life = (leaf.not_after - leaf.not_before).max(1);
            let left = leaf.not_after - now.as_second();
            if left * 4 < life {
                return Judgement::warn(format!("{days} days left, less than a quarter of its life"));
            }
            Judgement::pass(format!("{days} days left, until {ends}"))
        }),
        remedy: format!("renew the certificate of {name} before the announcement"),
        source: "CA/Browser Forum SC-081; JVA-2",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `tls.versions`: each version is offered alone. The forbidden ones are refused (RFC 8996), one of the others is taken;
/// TLS 1.3 missing is a warning. A refusal of any form counts, a closed connection too, since the other versions show
/// that somebody is there.
pub fn versions(name: &HostName, to: Target, subject: String, blocked_by: Vec<&'static str>) -> Check {
    Check {
        id: "tls.versions",
        subject,
        safety: Safety::S1,
        blocked_by,
        disturbs: false,
        ask: each_version(name, to),
        judge: Box::new(|seen| {
            let mut taken = Vec::new();
            let mut untested = None;
            for (version, observation) in TlsVersion::ALL.into_iter().zip(seen) {
                let answer = answered_or_later!(tls_offer(observation), untested);
                if answer.is_taken {
                    taken.push(version);
                }
            }
            let old: Vec<&str> =
                taken.iter().filter(|version| **version < TlsVersion::Tls12).map(|version| version.as_str()).collect();
            if !old.is_empty() {
                return Judgement::fail(format!("it takes {}", listed(&old)));
            }
            let spoken: Vec<&str> = taken.iter().map(|version| version.as_str()).collect();
            match untested {
                Some(untested) => untested,
                None if taken.is_empty() => Judgement::fail("no version from TLS 1.0 to 1.3 is taken"),
                None if taken.contains(&TlsVersion::Tls13) => Judgement::pass(format!("only {}", listed(&spoken))),
                None => Judgement::warn(format!("only {}: TLS 1.3 saves each visitor a round trip", listed(&spoken))),
            }
        }),
        remedy: format!("let {name} speak TLS 1.2 and 1.3 alone"),
        source: "RFC 8996; RFC 9325 3.1.1",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `tls.ocsp`: a certificate that must be stapled is, and no staple says that it was revoked. A staple counts only if it
/// is about this certificate, signed by its issuer or a delegate of that one, and of now. The authority itself is not
/// asked, since the blueprint does not name it; so a certificate with an OCSP address and without a staple passes, as no
/// visitor is promised one.
pub fn ocsp(name: &HostName, to: Target, subject: String, blocked_by: Vec<&'static str>) -> Check {
    Check {
        id: "tls.ocsp",
        subject,
        safety: Safety::S1,
        blocked_by,
        disturbs: false,
        ask: vec![handshake(name, to, 0)],
        judge: Box::new(move |seen| {
            let answer = answered!(tls(&seen[0]));
            let Some(leaf) = &answer.leaf else {
                return Judgement::fail(format!("{} sends a certificate that cannot be read", answer.connected));
            };
            match (answer.staple, leaf.must_staple, &leaf.ocsp_url) {
                (Some(Staple::Revoked), ..) => Judgement::fail("the authority has revoked the certificate"),
                (Some(Staple::Good), ..) => Judgement::pass("stapled: good, and signed for this certificate"),
                // The chain is incomplete: whether browsers that have the rest would believe the staple, nobody knows.
                (Some(staple @ Staple::Unproven), ..) => Judgement::unknown(format!("a staple {}", staple.as_str())),
                (None, true, _) => Judgement::fail("the certificate must be stapled and is not: browsers refuse it"),
                (Some(staple), true, _) => Judgement::fail(format!(
                    "the certificate must be stapled, and the staple is one {}: browsers refuse it",
                    staple.as_str()
                )),
                (Some(staple), false, _) => Judgement::warn(format!("a staple {}", staple.as_str())),
                (None, false, None) => Judgement::pass("no OCSP, as is usual today"),
                (None, false, Some(_)) => Judgement::pass("no staple, and none is required"),
            }
        }),
        remedy: format!(
            "have the certificate of {name} issued anew without must-staple; several authorities ended OCSP"
        ),
        source: "RFC 7633; RFC 6066 8; RFC 6960 3.2",
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, failed, sample, verdict};
    use crate::probe::{Certificate, FailureKind, Observation, TlsAnswer, TlsOfferAnswer};

    #[test]
    fn forbidden_versions_fail_and_what_could_not_be_offered_never_passes() {
        let (blueprint, site) = sample(&[]);
        let versions = check(&blueprint, &site, "tls.versions", "covid19.reserve-civique.gouv.fr");
        let offer = |is_taken| {
            let (at, said) = (Timestamp::UNIX_EPOCH, "made up".to_owned());
            Observation::TlsOffer(TlsOfferAnswer { at, connected: "192.0.2.1:443".to_owned(), is_taken, said })
        };
        let silent = || failed(FailureKind::TimedOut);
        for (seen, wanted) in [
            ([offer(false), offer(false), offer(true), offer(true)], Verdict::Pass),
            ([offer(false), offer(false), offer(false), offer(true)], Verdict::Pass),
            ([offer(false), offer(false), offer(true), offer(false)], Verdict::Warn),
            ([offer(false), offer(true), offer(true), offer(true)], Verdict::Fail),
            ([offer(true), silent(), silent(), silent()], Verdict::Fail),
            ([offer(false), offer(false), offer(false), offer(false)], Verdict::Fail),
            ([silent(), offer(false), offer(true), offer(true)], Verdict::Unknown),
            ([failed(FailureKind::Refused), offer(false), offer(true), offer(true)], Verdict::Fail),
        ] {
            assert_eq!(verdict(&versions, &seen), Some(wanted), "{seen:?}");
        }
    }

    #[test]
    fn a_promised_staple_must_be_there_and_good() {
        let (blueprint, site) = sample(&[]);
        let ocsp = check(&blueprint, &site, "tls.ocsp", "covid19.reserve-civique.gouv.fr");
        let seen = |staple, must_staple, url: Option<&str>| {
            [Observation::Tls(TlsAnswer {
                at: Timestamp::UNIX_EPOCH,
                connected: "192.0.2.1:443".to_owned(),
                protocol: "TLSv1.3".to_owned(),
                verify_error: None,
                leaf: Some(Certificate {
                    subject_alternative_names: vec![],
                    issuer: String::new(),
                    not_before: 0,
                    not_after: 1,
                    sha256: String::new(),
                    ocsp_url: url.map(str::to_owned),
                    must_staple,
                }),
                chain_length: 2,
                staple,
            })]
        };
        let url = Some("http://ocsp.example");
        for (seen, wanted) in [
            (seen(None, false, None), Verdict::Pass),
            (seen(None, false, url), Verdict::Pass),
            (seen(Some(Staple::Good), true, url), Verdict::Pass),
            (seen(Some(Staple::Good), false, url), Verdict::Pass),
            (seen(None, true, url), Verdict::Fail),
            (seen(Some(Staple::Garbled), true, url), Verdict::Fail),
            (seen(Some(Staple::Unknown), false, url), Verdict::Warn),
            (seen(Some(Staple::Revoked), false, url), Verdict::Fail),
            (seen(Some(Staple::Ended), true, url), Verdict::Fail),
            (seen(Some(Staple::Unsigned), true, url), Verdict::Fail),
            (seen(Some(Staple::OfAnother), false, url), Verdict::Warn),
            (seen(Some(Staple::OfTheFuture), false, url), Verdict::Warn),
            (seen(Some(Staple::Unproven), true, url), Verdict::Unknown),
        ] {
            assert_eq!(verdict(&ocsp, &seen), Some(wanted), "{seen:?}");
        }
    }
}
