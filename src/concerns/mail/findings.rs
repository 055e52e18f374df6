//! Offline remarks on `[mail]`.

use std::collections::HashSet;

use super::spf::LOOKUPS;
use super::{Domain, Mail, Policy};
use crate::blueprint::value::{HostName, KeyKind, why_not_public};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::rules;
use crate::probe::report_permission;

/// From so many messages a day to one receiver, the rules for bulk senders hold.
const BULK: u32 = 5000;

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
    let mut findings = Vec::new();
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
        findings.extend(signatures(domain, &at, mail.messages_per_day));
        findings.extend(reports(domain, &at, site));
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
    let has_mail = domain.sends() || !domain.exchanges.is_empty() || !domain.dkim.is_empty() || domain.bounce.is_some();
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

fn signatures(domain: &Domain, at: &KeyPath, messages_per_day: u32) -> Vec<Finding> {
    let mut findings = Vec::new();
    if domain.sends() && domain.dkim.is_empty() {
        let finding = Finding::warning(
            &rules::MAIL_UNSIGNED,
            at.clone().key("name"),
            format!("mail of `{}` carries no DKIM signature", domain.name),
            "add `dkim`, with the selector and key that the provider shows",
        );
        findings.push(match messages_per_day > BULK {
            true => Finding {
                level: crate::blueprint::Level::Error,
                message: format!("{}: with {messages_per_day} a day it is refused", finding.message),
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
