//! Whether the site's mail goes out, and is taken, on the day: age of keys and addresses, quota, the rules for bulk
//! senders, bounces. What only a person sees, `[[people.attested]]` says.

use super::{PTR_SOURCE, at_servers, check, climbing, faults_of_ptr, texts};
use crate::blueprint::Site;
use crate::capacity::grouped;
use crate::concerns::answer::{answered, authoritative, listed};
use crate::concerns::attest::{self, Question, attested, days_before};
use crate::concerns::mail::fragments::selector_name;
use crate::concerns::mail::lookup::each;
use crate::concerns::mail::{Domain, Mail, Selector, Sender};
use crate::concerns::unverified::Unverified;
use crate::concerns::{Check, Judgement, Verdict};
use crate::probe::{RecordData, RecordType};

/// A key that is older than a year is due for another. Days.
pub const KEY_DAYS: i32 = 366;
/// From so many days on, receivers know a new address: the six weeks of [`Unverified::WarmUp`].
pub const WARM_DAYS: i32 = 42;
/// A pass about what was promised or seen is good for a day.
const DAY_SECONDS: u32 = 86_400;

/// The checks of the whole table.
pub fn checks(mail: &Mail, site: &Site) -> Vec<Check> {
    let sending: Vec<&Domain> = mail.domains.iter().filter(|domain| domain.sends()).collect();
    if sending.is_empty() {
        return Vec::new();
    }
    let provider = mail.provider.to_string();
    let mut checks: Vec<Check> = sending.iter().flat_map(|domain| of_domain(domain, site)).collect();
    checks.extend(attest::human(Question::MailDmarcAlign, provider, site, "JVA-13; RFC 9989 4.4"));
    // Who names nobody outside has promises elsewhere.
    checks.extend(site.third_parties.as_ref().map(|_| warmup(mail, site)));
    if mail.is_bulk() {
        checks.push(bulk(mail, &sending, site));
    }
    checks
}

fn of_domain(domain: &Domain, site: &Site) -> Vec<Check> {
    let mut checks: Vec<Check> = domain.dkim.iter().map(|selector| rotated(selector, domain, site)).collect();
    checks.extend((domain.provider_proof.is_some() || site.people.is_some()).then(|| verified(domain, site)));
    checks.push(bounces(domain, site));
    checks
}

/// What a program saw, and then what the person saw who was asked; without `[people]` nobody is.
fn completed(site: &Site, question: Question) -> impl Fn(&str) -> Judgement + Send + Sync + 'static {
    let seen_by = site.people.as_ref().map(|_| attested(question, site));
    move |seen| match &seen_by {
        None => Judgement::pass(seen),
        Some(Ok(said)) => Judgement::pass(format!("{seen}; {said}")),
        Some(Err(judgement)) => judgement.clone(),
    }
}

/// `mail.dkim.rotate`: how old the key will be.
fn rotated(selector: &Selector, domain: &Domain, site: &Site) -> Check {
    let judgement = match selector.since {
        None => Judgement::unknown("the blueprint does not say since when the key is in use"),
        Some(since) => match days_before(site, since) {
            days if days > KEY_DAYS => {
                Judgement::warn(format!("made on {since}: {days} days old at the announcement, a year is enough"))
            }
            _ => Judgement::pass(format!("made on {since}")),
        },
    };
    let subject = selector_name(selector, domain);
    let check = check("mail.dkim.rotate", subject, vec![], move |_| judgement.clone()).advised(
        "have a new key made under another selector, and keep the old one for a week",
        "RFC 6376 3.1; M3AAWG, DKIM key rotation",
    );
    Check { valid_for_seconds: DAY_SECONDS, ..check }
}

/// `mail.verified`: the provider's proof is in the DNS, and somebody saw that the provider has read it.
fn verified(domain: &Domain, site: &Site) -> Check {
    let name = domain.name.to_string();
    let proof = domain.provider_proof.as_ref().map(ToString::to_string);
    let ask = proof.as_ref().map(|_| at_servers(site, &domain.name, &name, RecordType::Txt)).unwrap_or_default();
    let complete = completed(site, Question::MailVerified);
    check("mail.verified", name, ask, move |seen| {
        for observation in seen {
            let answer = answered!(authoritative(observation));
            if let Some(proof) = &proof
                && !texts(answer).any(|text| text == proof)
            {
                return Judgement::fail(format!("{} does not have the provider's `{proof}`", answer.server));
            }
        }
        complete(if proof.is_some() { "the provider's record is there" } else { "no record is declared" })
    })
    .advised("publish the provider's TXT record, then have the domain verified there, not a mailbox", "JVA-13")
}

/// `mail.bounce`: somebody takes the bounces, and they come back as events.
fn bounces(domain: &Domain, site: &Site) -> Check {
    let envelope = domain.envelope().to_string();
    let complete = completed(site, Question::MailBounce);
    climbing("mail.bounce", envelope.clone(), move |known| {
        let exchanges: Vec<&String> = known
            .records(&envelope, RecordType::Mx)?
            .into_iter()
            .filter_map(|data| match data {
                RecordData::Mx { exchange, .. } if exchange != "." => Some(exchange),
                _ => None,
            })
            .collect();
        if exchanges.is_empty() {
            return Ok(Judgement::fail(format!("nobody takes the bounces of {envelope}")));
        }
        let reached = each(&exchanges, |name| {
            let addresses = each([RecordType::A, RecordType::Aaaa], |kind| known.records(name, kind))?;
            Ok(addresses.iter().any(|found| !found.is_empty()))
        })?;
        if !reached.contains(&true) {
            return Ok(Judgement::fail(format!("no mail server of {envelope} has an address: {}", listed(&exchanges))));
        }
        Ok(complete(&format!("bounces go to {}", listed(&exchanges))))
    })
    .advised(
        format!(
            "publish the provider's mail server as MX of {}, and send to an address that does not exist",
            domain.envelope()
        ),
        "RFC 5321 4.5.5, 5.1",
    )
}

/// `mail.warmup`: the provider takes what the peak needs, and receivers know the addresses.
fn warmup(mail: &Mail, site: &Site) -> Check {
    let senders: Vec<&Sender> = mail.domains.iter().flat_map(|domain| &domain.senders).collect();
    let judgement = match quota(mail, site) {
        Judgement::Say(Verdict::Pass, because) => match cold(&senders, site) {
            Some(other) => other,
            None if senders.is_empty() => Judgement::pass(because),
            None => {
                let known = format!("{because}; each address has sent for {WARM_DAYS} days or more");
                Unverified::WarmUp.note(Judgement::pass(known))
            }
        },
        other => other,
    };
    let check = check("mail.warmup", mail.provider.to_string(), vec![], move |_| judgement.clone()).advised(
        "have the quota raised, let confirmations wait (24 or 48 hours), and send from addresses that receivers know",
        "JVA-13, JVA-19, DOC-8",
    );
    Check { valid_for_seconds: DAY_SECONDS, ..check }
}

/// What the provider promises against what is sent in the same span of the busiest hour, or of the day.
fn quota(mail: &Mail, site: &Site) -> Judgement {
    let Some((promised, seconds)) = site.mail_quota() else {
        return Judgement::unknown("no vendor of mail in [third_parties] promises anything");
    };
    let (day, hour) = (u64::from(mail.messages_per_day), mail.in_the_busiest_hour());
    let needed = if seconds > 3600 { day } else { scaled(hour, seconds, 3600) };
    let within = |of: u64| format!("{} in {} s", grouped(of), grouped(seconds));
    if promised >= needed {
        return Judgement::pass(format!("{} promised, {} needed", within(promised), within(needed)));
    }
    let too_few = format!("{} promised, {} needed at the peak", within(promised), within(needed));
    let Some(hours) = mail.deferred_hours.map(|hours| u64::from(hours.get())) else {
        return Judgement::fail(format!("{too_few}, and no queue keeps the rest"));
    };
    // All of the day's mail, at the promised rate.
    let takes = scaled(day, seconds, promised.saturating_mul(3600));
    match promised > 0 && takes <= hours {
        true => Judgement::warn(format!("{too_few}: the last message leaves after {takes} hours")),
        false => Judgement::fail(format!("{too_few}, and a queue of {hours} hours does not empty")),
    }
}

/// `number * by / of`, rounded up.
fn scaled(number: u64, by: u64, of: u64) -> u64 {
    number.saturating_mul(by).div_ceil(of.max(1))
}

/// The first address that receivers do not know, or of which nobody says since when they do.
fn cold(senders: &[&Sender], site: &Site) -> Option<Judgement> {
    senders.iter().find_map(|sender| match sender.warm_since {
        None => Some(Judgement::unknown(format!("since when {} sends, the blueprint does not say", sender.address))),
        Some(since) => match days_before(site, since) {
            days if days < WARM_DAYS => {
                let told = format!("{} sends for {days} days only, {WARM_DAYS} are wanted", sender.address);
                Some(Unverified::WarmUp.note(Judgement::warn(told)))
            }
            _ => None,
        },
    })
}

/// `mail.bulk`: what large receivers want of whoever sends them 5,000 messages a day or more. SPF, DKIM and DMARC are
/// judged by checks of their own, without which this one is not.
fn bulk(mail: &Mail, sending: &[&Domain], site: &Site) -> Check {
    let senders: Vec<Sender> = sending.iter().flat_map(|domain| domain.senders.clone()).collect();
    let mut missing: Vec<String> = sending
        .iter()
        .filter(|domain| domain.dkim.is_empty())
        .map(|domain| format!("a DKIM key of {}", domain.name))
        .collect();
    if mail.marketing && !mail.one_click_unsubscribe {
        missing.push("unsubscription by one click".to_owned());
    }
    let complete = completed(site, Question::MailBulk);
    let subject = format!("{} messages a day", grouped(mail.messages_per_day.into()));
    let mut check = climbing("mail.bulk", subject, move |known| {
        let mut missing = missing.clone();
        for (sender, fault) in senders.iter().zip(each(&senders, |sender| faults_of_ptr(known, sender))?) {
            missing.extend(fault.map(|_| format!("the name of {}", sender.address)));
        }
        if !missing.is_empty() {
            let told = format!("missing for bulk senders: {}", listed(&missing));
            return Ok(Unverified::BulkRules.note(Judgement::fail(told)));
        }
        Ok(Unverified::BulkRules.note(complete("nothing is missing of what receivers ask of bulk senders")))
    })
    .advised("have what is missing before the launch: receivers answer 5.7.26 and 5.7.515 until then", PTR_SOURCE);
    check.blocked_by =
        vec!["mail.spf.record", "mail.spf.lookups", "mail.spf.senders", "mail.dkim.key", "mail.dmarc.record"];
    check
}

#[cfg(test)]
mod tests {
    use super::Unverified;
    use crate::concerns::answer::made_up::{check, records, sample, verdict};
    use crate::concerns::{Judgement, Verdict};
    use crate::probe::Rcode;

    const PROMISED: &str = "promised = 2000000\nper = \"day\"";
    const DEFERRED: &str = "deferred_hours = 24\n";

    /// Of the sample with some of its text replaced: the verdict without any answer.
    fn said(id: &str, subject: &str, edits: &[(&str, &str)]) -> Verdict {
        let (blueprint, site) = sample(edits);
        verdict(&check(&blueprint, &site, id, subject), &[]).expect("a verdict")
    }

    #[test]
    fn a_quota_is_compared_in_its_own_span() {
        for (promised, deferred, wanted) in [
            (PROMISED, DEFERRED, Verdict::Pass),
            ("promised = 1080000\nper = \"day\"", "", Verdict::Pass),
            // 600 a second are those of the busiest hour divided by its seconds: 300.
            ("promised = 300\nper = \"second\"", "", Verdict::Pass),
            ("promised = 299\nper = \"second\"", DEFERRED, Verdict::Warn),
            ("promised = 299\nper = \"second\"", "", Verdict::Fail),
            // 1,080,000 at 45,000 an hour are out after a day, at one less not.
            ("promised = 45000\nper = \"hour\"", DEFERRED, Verdict::Warn),
            ("promised = 44999\nper = \"hour\"", DEFERRED, Verdict::Fail),
            ("per = \"day\"", DEFERRED, Verdict::Fail),
        ] {
            let edits = [(PROMISED, promised), (DEFERRED, deferred)];
            assert_eq!(said("mail.warmup", "Brevo", &edits), wanted, "{promised} {deferred}");
        }
        assert_eq!(said("mail.warmup", "Brevo", &[("service = \"mail\"", "service = \"sms\"")]), Verdict::Unknown);
    }

    #[test]
    fn new_addresses_and_old_keys_are_told() {
        let since = "warm_since = 2020-02-03";
        for (day, wanted) in
            [("2020-02-09", Verdict::Pass), ("2020-02-10", Verdict::Warn), ("2020-03-20", Verdict::Warn)]
        {
            let edit = format!("warm_since = {day}");
            assert_eq!(said("mail.warmup", "Brevo", &[(since, &edit)]), wanted, "{day}");
        }
        assert_eq!(said("mail.warmup", "Brevo", &[(", warm_since = 2020-02-03", "")]), Verdict::Unknown);

        let key = "mail._domainkey.info.reserve-civique.gouv.fr";
        for (day, wanted) in [("2019-03-22", Verdict::Pass), ("2019-03-21", Verdict::Warn)] {
            let edit = format!("since = {day}\n");
            assert_eq!(said("mail.dkim.rotate", key, &[("since = 2020-03-18\n", &edit)]), wanted, "{day}");
        }
        assert_eq!(said("mail.dkim.rotate", key, &[("since = 2020-03-18\n", "")]), Verdict::Unknown);
    }

    #[test]
    fn the_rules_for_bulk_senders_hold_from_five_thousand_on() {
        let count = |messages: &str| {
            let edits = [("messages_per_day = 1080000\nmessages_per_hour = 1080000\n", messages)];
            let (blueprint, site) = sample(&edits);
            let all = blueprint.concerns().into_iter().flat_map(|concern| concern.checks(&site).into_vec());
            all.filter(|check| check.id == "mail.bulk").count()
        };
        assert_eq!([count("messages_per_day = 4999\n"), count("messages_per_day = 5000\n")], [0, 1]);
    }

    #[test]
    fn what_is_known_at_second_hand_is_told() {
        let (blueprint, site) = sample(&[]);
        let said = |edits: &[(&str, &str)]| {
            let (blueprint, site) = sample(edits);
            match (check(&blueprint, &site, "mail.warmup", "Brevo").judge)(&[]) {
                Judgement::Say(_, because) => because,
                Judgement::Ask(more) => panic!("{more:?}"),
            }
        };
        for edits in [&[][..], &[("warm_since = 2020-02-03", "warm_since = 2020-03-01")]] {
            let because = said(edits);
            assert!(because.contains(Unverified::WarmUp.said()), "{because}");
        }
        let bulk = check(&blueprint, &site, "mail.bulk", "1,080,000 messages a day");
        // Nobody has a name: that fails, and says by whose rules.
        let mut seen = Vec::new();
        let because = loop {
            match (bulk.judge)(&seen) {
                Judgement::Say(verdict, because) => break format!("{}: {because}", verdict.as_str()),
                Judgement::Ask(more) => seen.extend(more.iter().map(|_| records(Rcode::NxDomain, &[]))),
            }
            assert!(seen.len() < 50, "it asks on");
        };
        assert!(because.starts_with("fail: ") && because.contains(Unverified::BulkRules.said()), "{because}");
    }
}
