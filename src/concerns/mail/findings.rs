//! Offline remarks on `[mail]`.

use std::collections::HashSet;

use super::checks::{KEY_DAYS, WARM_DAYS};
use super::spf::LOOKUPS;
use super::transport::LONGEST_AGE;
use super::{Domain, Mail, Policy};
use crate::blueprint::value::{HostName, KeyKind, why_not_public};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::attest::days_before;
use crate::concerns::rules;
use crate::probe::report_permission;

pub fn findings(mail: &Mail, site: &Site) -> Vec<Finding> {
    let at = KeyPath::of(["mail", "domains"]);
    if mail.domains.is_empty() {
        return vec![Finding::error(
            &rules::MAIL_NO_DOMAIN,
            at,
            "no domain is named, so there is nothing to protect and nothing to check",
            "name the domain that stands behind the @, or remove the table",
        )];
    }
    let mut findings = volume(mail);
    let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
    for (index, domain) in mail.domains.iter().enumerate() {
        let at = at.clone().index(index);
        for (name, at) in names_of(domain, &at) {
            if !names.insert(name) {
                findings.push(Finding::error(
                    &rules::MAIL_TWO_SPF,
                    at,
                    format!("`{name}` would have two SPF records"),
                    "give each domain, bounce domain and HELO name once",
                ));
            }
        }
        for (index, sender) in domain.senders.iter().enumerate() {
            let at = at.clone().key("senders").index(index).key("address");
            if !addresses.insert(sender.address) {
                findings.push(Finding::error(
                    &rules::MAIL_ADDRESS_TWICE,
                    at.clone(),
                    format!("{} sends under two names, and the reverse zone can give it one", sender.address),
                    "give each name an address of its own",
                ));
            }
            if let Some(why) = why_not_public(sender.address) {
                findings.push(Finding::error(
                    &rules::MAIL_ADDRESS,
                    at,
                    format!("no receiver ever sees mail from {}: {why}", sender.address),
                    "give the address that receivers see",
                ));
            }
        }
        findings.extend(places(domain, &at, site));
        findings.extend(directions(domain, &at));
        findings.extend(signatures(domain, &at, mail));
        findings.extend(ages(domain, &at, mail, site));
        findings.extend(transport(domain, &at));
        findings.extend(reports(domain, &at, site));
    }
    findings
}

/// How much is sent, and what.
fn volume(mail: &Mail) -> Vec<Finding> {
    let at = |key: &str| KeyPath::of(["mail"]).key(key);
    let mut findings = Vec::new();
    if let Some(hour) = mail.messages_per_hour
        && hour.get() > mail.messages_per_day
    {
        findings.push(Finding::error(
            &rules::MAIL_HOUR,
            at("messages_per_hour"),
            format!("{hour} in an hour, and {} in the whole day", mail.messages_per_day),
            "give the busiest hour's share of the day",
        ));
    }
    if mail.marketing && !mail.one_click_unsubscribe {
        let finding = Finding::warning(
            &rules::MAIL_UNSUBSCRIBE,
            at("marketing"),
            "readers cannot take themselves off the list with one click",
            "have messages carry both headers of RFC 8058, then set `one_click_unsubscribe = true`",
        );
        let level = if mail.is_bulk() { crate::blueprint::Level::Error } else { finding.level };
        findings.push(Finding { level, ..finding });
    }
    findings
}

fn transport(domain: &Domain, at: &KeyPath) -> Vec<Finding> {
    let Some(declared) = &domain.transport else { return Vec::new() };
    let at = |key: &str| at.clone().key("transport").key(key);
    let mut findings = Vec::new();
    if declared.max_age_seconds.get() > LONGEST_AGE {
        findings.push(Finding::error(
            &rules::MAIL_MTA_STS_AGE,
            at("max_age_seconds"),
            format!("{} s, and senders take {LONGEST_AGE} at most", declared.max_age_seconds),
            "take some weeks: 604800 is one",
        ));
    }
    if let Some(why) = why_not_public(declared.served_at) {
        findings.push(Finding::error(
            &rules::MAIL_ADDRESS,
            at("served_at"),
            format!("no sender reaches the policy at {}: {why}", declared.served_at),
            "give the address that the public sees",
        ));
    }
    findings
}

/// Keys that are old, and addresses that are new, on the day of the announcement.
fn ages(domain: &Domain, at: &KeyPath, mail: &Mail, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, selector) in domain.dkim.iter().enumerate() {
        if let Some(since) = selector.since
            && days_before(site, since) > KEY_DAYS
        {
            findings.push(Finding::warning(
                &rules::MAIL_DKIM_OLD,
                at.clone().key("dkim").index(index).key("since"),
                format!("the key will be {} days old", days_before(site, since)),
                "have a new key made under another selector, and keep the old one for a week",
            ));
        }
    }
    for (index, sender) in domain.senders.iter().enumerate() {
        if let Some(since) = sender.warm_since
            && mail.is_bulk()
            && days_before(site, since) < WARM_DAYS
        {
            findings.push(Finding::warning(
                &rules::MAIL_COLD,
                at.clone().key("senders").index(index).key("warm_since"),
                format!("{} days before the announcement", days_before(site, since)),
                "send from addresses that receivers know, or less from these in the first weeks",
            ));
        }
    }
    findings
}

/// Every name that gets an SPF record, with its place.
fn names_of<'a>(domain: &'a Domain, at: &KeyPath) -> Vec<(&'a HostName, KeyPath)> {
    let mut names = vec![(&domain.name, at.clone().key("name"))];
    names.extend(domain.bounce.iter().map(|bounce| (&bounce.name, at.clone().key("bounce").key("name"))));
    let helo = |(index, sender): (usize, &'a super::Sender)| {
        (&sender.helo, at.clone().key("senders").index(index).key("helo"))
    };
    names.extend(domain.senders.iter().enumerate().map(helo));
    names
}

fn places(domain: &Domain, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    if site.zone_of(&domain.name).is_none() {
        findings.push(Finding::error(
            &rules::MAIL_DOMAIN_WITHOUT_ZONE,
            at.clone().key("name"),
            format!("no zone of `[[dns.zones]]` holds `{}`", domain.name),
            "add the zone of this name, with whoever runs it",
        ));
    }
    for (name, at) in names_of(domain, at).into_iter().filter(|(name, _)| !name.is_within(&domain.name)) {
        findings.push(Finding::error(
            &rules::MAIL_NAME_OUTSIDE,
            at,
            format!("`{name}` is not within `{}`", domain.name),
            format!("take a name within it, for example `mta1.{}`", domain.name),
        ));
    }
    findings
}

fn directions(domain: &Domain, at: &KeyPath) -> Vec<Finding> {
    let mut findings = Vec::new();
    if domain.receives && domain.exchanges.is_empty() {
        findings.push(Finding::error(
            &rules::MAIL_NO_EXCHANGE,
            at.clone().key("name"),
            format!("no mail server takes the answers and bounces of `{}`", domain.name),
            "add `exchanges`, or `receives = false` if the domain has no mail at all",
        ));
    }
    let has_mail = domain.sends()
        || !domain.exchanges.is_empty()
        || !domain.dkim.is_empty()
        || domain.bounce.is_some()
        || domain.transport.is_some();
    if !domain.receives && has_mail {
        findings.push(Finding::error(
            &rules::MAIL_NULL_MX_SENDER,
            at.clone().key("receives"),
            format!("`{}` says that it has no mail, and has some", domain.name),
            "remove `receives = false`, or the senders, includes, keys, exchanges and bounce domain",
        ));
    }
    if domain.spf_includes.len() > LOOKUPS {
        findings.push(Finding::error(
            &rules::MAIL_LOOKUPS,
            at.clone().key("spf_includes"),
            format!(
                "{} includes are at least as many look-ups, and receivers make {LOOKUPS}",
                domain.spf_includes.len()
            ),
            "drop those that send nothing on the day, or send under sub-domains",
        ));
    }
    findings
}

fn signatures(domain: &Domain, at: &KeyPath, mail: &Mail) -> Vec<Finding> {
    let mut findings = Vec::new();
    if domain.sends() && domain.dkim.is_empty() {
        let finding = Finding::warning(
            &rules::MAIL_UNSIGNED,
            at.clone().key("name"),
            format!("mail of `{}` carries no DKIM signature", domain.name),
            "add `dkim`, with the selector and key that the provider shows",
        );
        findings.push(match mail.is_bulk() {
            true => Finding {
                level: crate::blueprint::Level::Error,
                message: format!("{}: with {} a day it is refused", finding.message, mail.messages_per_day),
                ..finding
            },
            false => finding,
        });
    }
    let mut selectors = HashSet::new();
    for (index, selector) in domain.dkim.iter().enumerate() {
        let at = at.clone().key("dkim").index(index);
        if !selectors.insert(&selector.selector) {
            findings.push(Finding::error(
                &rules::MAIL_SELECTOR_TWICE,
                at.clone().key("selector"),
                format!("the selector `{}` has two keys", selector.selector),
                "give each key a selector of its own",
            ));
        }
        if selector.key.is_some() == selector.key_at.is_some() {
            findings.push(Finding::error(
                &rules::MAIL_DKIM_SOURCE,
                at.clone().key("selector"),
                format!("the selector `{}` needs either `key` or `key_at`", selector.selector),
                "give `key` where the provider shows a TXT record, `key_at` where it shows a CNAME",
            ));
        }
        if let Some(KeyKind::Rsa { bits }) = selector.key.as_ref().map(|key| key.kind())
            && bits < 2048
        {
            findings.push(Finding::warning(
                &rules::MAIL_DKIM_SHORT,
                at.key("key"),
                format!("the key has {bits} bits"),
                "ask the provider for 2,048 bits",
            ));
        }
    }
    findings
}

fn reports(domain: &Domain, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let at = at.clone().key("dmarc");
    let mut findings = Vec::new();
    if domain.dmarc.policy == Policy::None {
        findings.push(Finding::warning(
            &rules::MAIL_DMARC_NONE,
            at.clone().key("policy"),
            "`none` asks receivers to do nothing about forged mail",
            "read the reports, then take `quarantine` before the launch",
        ));
    }
    for (index, mailbox) in domain.dmarc.report_to.iter().enumerate() {
        let is_ours = |host: HostName| host == domain.name || site.zone_of(&host).is_some();
        if !mailbox.host().parse().is_ok_and(is_ours) {
            findings.push(Finding::warning(
                &rules::MAIL_REPORTS_ELSEWHERE,
                at.clone().key("report_to").index(index),
                format!("`{}` must have agreed to take reports on `{}`", mailbox.host(), domain.name),
                format!(
                    "see that its owner publishes `{}. IN TXT \"v=DMARC1\"`",
                    report_permission(domain.name.as_str(), mailbox.host())
                ),
            ));
        }
    }
    findings
}
