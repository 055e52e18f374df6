//! Offline remarks on `[people]`.

use std::collections::HashSet;

use super::checks::{SLOT_WITHIN, VOTE_BEFORE};
use super::{People, Role};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::answer::listed;
use crate::concerns::attest::days_before;
use crate::concerns::rules;

pub fn findings(people: &People, site: &Site) -> Vec<Finding> {
    let at = |key: &str| KeyPath::of(["people"]).key(key);
    let mut findings = Vec::new();
    let mut held = HashSet::new();
    for (index, holder) in people.roles.iter().enumerate() {
        if !held.insert(holder.role) {
            findings.push(Finding::error(
                &rules::PEOPLE_ROLE_TWICE,
                at("roles").index(index).key("role"),
                format!("`{}` is two people's, and so nobody's", holder.role.as_str()),
                "give it to one, and let the other be the deputy",
            ));
        }
    }
    let empty: Vec<&str> =
        Role::needed_by(site).into_iter().filter(|role| !held.contains(role)).map(Role::as_str).collect();
    if people.roles.is_empty() {
        findings.push(Finding::error(
            &rules::PEOPLE_NOBODY,
            at("roles"),
            "nobody has a role",
            "name at least who leads",
        ));
    } else if !empty.is_empty() {
        findings.push(Finding::warning(
            &rules::PEOPLE_ROLES,
            at("roles"),
            format!("nobody is {}", listed(&empty)),
            "name somebody for each, and a deputy",
        ));
    }
    if let Some(vote) = &people.vote {
        let place = at("vote");
        if vote.roles.is_empty() || vote.veto.is_empty() {
            findings.push(Finding::error(
                &rules::PEOPLE_VOTE,
                place.clone(),
                "nobody is asked, or nobody's no is enough",
                "name whom to ask, and whose no is enough",
            ));
        }
        if site.announcement.duration_since(vote.at.instant()) < VOTE_BEFORE {
            findings.push(Finding::warning(
                &rules::PEOPLE_VOTE,
                place.key("at"),
                "the vote leaves less than an hour until the announcement, or comes after it",
                "vote while somebody can still act on it",
            ));
        }
    }
    for (index, freeze) in people.freezes.iter().enumerate() {
        if freeze.from.instant() >= freeze.until.instant() {
            findings.push(Finding::error(
                &rules::PEOPLE_FREEZE,
                at("freezes").index(index).key("until"),
                "the freeze ends before it begins",
                "let `until` be after `from`",
            ));
        }
    }
    let holds = |freeze: &super::Freeze| (freeze.from.instant()..freeze.until.instant()).contains(&site.announcement);
    if !people.freezes.iter().any(holds) {
        findings.push(Finding::warning(
            &rules::PEOPLE_FREEZE,
            at("freezes"),
            "no freeze holds over the announcement",
            "let nothing be deployed from some hours before until the morning after",
        ));
    }
    if let Some(media) = &people.media
        && !media.slots.iter().any(|slot| slot.at.instant().duration_since(site.announcement).abs() <= SLOT_WITHIN)
    {
        let finding = match media.slots.is_empty() {
            true => Finding::error(
                &rules::PEOPLE_AGENDA,
                at("media").key("slots"),
                "the agenda is empty",
                "write the announcement into it",
            ),
            false => Finding::warning(
                &rules::PEOPLE_AGENDA,
                at("media").key("slots"),
                "the announcement of `[site]` is not on the agenda: one of them is old",
                "set `announcement`, or the slot, to the hour that holds",
            ),
        };
        findings.push(finding);
    }
    if let Some(page) = &people.status_page
        && let Some(zone) = site.zone_of(&page.host)
    {
        findings.push(Finding::warning(
            &rules::PEOPLE_STATUS,
            at("status_page").key("host"),
            format!("`{}` is in the zone `{}`, and goes down with it", page.host, zone.name),
            "have it elsewhere, under a name of somebody else's",
        ));
    }
    for (index, answer) in people.attested.iter().enumerate() {
        if !answer.check.concerns(site) {
            findings.push(Finding::warning(
                &rules::PEOPLE_ATTESTED,
                at("attested").index(index).key("check"),
                format!("nobody asks `{}` of this site", answer.check.id()),
                "take the answer out, or declare what it is about",
            ));
        }
        if days_before(site, answer.on) < 0 {
            findings.push(Finding::warning(
                &rules::PEOPLE_ATTESTED,
                at("attested").index(index).key("on"),
                "what was seen after the announcement helps nobody before it",
                "give the day on which somebody looked",
            ));
        }
    }
    let mut names = HashSet::new();
    for (index, lever) in people.levers.iter().enumerate().filter(|(_, lever)| !names.insert(&lever.name)) {
        findings.push(Finding::error(
            &rules::PEOPLE_LEVER,
            at("levers").index(index).key("name"),
            format!("two levers are called `{}`", lever.name),
            "give each a name of its own",
        ));
    }
    findings
}
