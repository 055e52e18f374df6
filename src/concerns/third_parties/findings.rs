//! Offline remarks on `[third_parties]`.

use std::collections::HashSet;

use super::checks::wanted;
use super::{Service, ThirdParties, Vendor};
use crate::blueprint::value::why_not_public;
use crate::blueprint::{Finding, KeyPath, Site};
use crate::capacity::grouped;
use crate::concerns::rules;

/// Letters that others write.
const TAKEN: [&str; 2] = ["mail-provider", "platform"];

pub fn findings(parties: &ThirdParties, site: &Site) -> Vec<Finding> {
    let at = KeyPath::of(["third_parties"]);
    if parties.vendors.is_empty() && parties.partners.is_empty() {
        return vec![Finding::error(
            &rules::PARTIES_EMPTY,
            at,
            "neither a vendor nor a partner is named",
            "name those who must keep up or know, or remove the table",
        )];
    }
    let mut findings = Vec::new();
    let mut names: HashSet<&str> = TAKEN.into();
    let vendors = parties
        .vendors
        .iter()
        .enumerate()
        .map(|(index, vendor)| (&vendor.name, at.clone().key("vendors").index(index)));
    let partners = parties
        .partners
        .iter()
        .enumerate()
        .map(|(index, partner)| (&partner.name, at.clone().key("partners").index(index)));
    for (name, at) in vendors.chain(partners) {
        if !names.insert(name.as_str()) {
            findings.push(Finding::error(
                &rules::PARTIES_NAME,
                at.key("name"),
                format!("two letters would be called `{name}`"),
                "give each vendor and partner a name of its own; `mail-provider` and `platform` are taken",
            ));
        }
    }
    for (index, vendor) in parties.vendors.iter().enumerate() {
        findings.extend(promise(vendor, &at.clone().key("vendors").index(index), site));
    }
    for (index, partner) in parties.partners.iter().enumerate() {
        let at = at.clone().key("partners").index(index);
        for (index, network) in partner.addresses.iter().enumerate() {
            let why = match network.get().prefix_len() {
                0 => Some("it is everybody"),
                _ => why_not_public(network.get().addr()),
            };
            if let Some(why) = why {
                findings.push(Finding::error(
                    &rules::PARTIES_ADDRESS,
                    at.clone().key("addresses").index(index),
                    format!("no request comes from `{network}` alone: {why}"),
                    "give the addresses that the public Internet sees",
                ));
            }
        }
        if partner.warned_on.is_none() {
            findings.push(Finding::warning(
                &rules::PARTIES_WARNED,
                at.key("name"),
                format!("`{}` was not warned", partner.name),
                format!("send letters/{}.md, and note the day as `warned_on`", partner.name),
            ));
        }
    }
    findings
}

fn promise(vendor: &Vendor, at: &KeyPath, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (per, unit) = (vendor.per.as_str(), &vendor.unit);
    let promised = vendor.promised.map_or(0, |promised| u64::from(promised.get()));
    if promised < wanted(vendor) {
        findings.push(Finding::warning(
            &rules::PARTIES_QUOTA,
            at.clone().key("promised"),
            format!(
                "{} {unit} a {per} promised, {} wanted: half as much again as needed",
                grouped(promised),
                grouped(wanted(vendor))
            ),
            format!("send letters/{}.md", vendor.name),
        ));
    } else if vendor.in_writing_on.is_none() {
        findings.push(Finding::warning(
            &rules::PARTIES_WRITING,
            at.clone().key("promised"),
            "the promise is not in writing",
            format!("send letters/{}.md, and note the day as `in_writing_on`", vendor.name),
        ));
    }
    if let (Service::Mail, Some(mail)) = (vendor.service, &site.mail) {
        let a_day = promised.saturating_mul(86_400 / vendor.per.seconds());
        if a_day < u64::from(mail.table.messages_per_day) {
            findings.push(Finding::warning(
                &rules::PARTIES_MAIL,
                at.clone().key("promised"),
                format!(
                    "{} a day promised, and `[mail]` sends {}",
                    grouped(a_day),
                    grouped(mail.table.messages_per_day.into())
                ),
                "have the quota raised, or defer what need not be sent at once",
            ));
        }
    }
    findings
}
