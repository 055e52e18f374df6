//! Sheets for the wall: the arithmetic of the launch, and its people.

use serde::Serialize;

use super::Artifact;
use super::documents::announcement_timezone;
use super::templates::document;
use crate::blueprint::{Blueprint, Site};
use crate::capacity::Section;
use crate::concerns::fragment::{CapacitySheet, PeopleSheet};
use crate::concerns::people::Role;
use crate::language::Language;

#[derive(Debug, Serialize)]
struct CapacityValues {
    title: String,
    source: String,
    sections: Vec<Section>,
}

pub fn capacity(sheet: &CapacitySheet, site: &Site) -> Artifact {
    let values = CapacityValues {
        title: site.title.to_string(),
        source: sheet.source.to_string(),
        sections: sheet.capacity.shown(site.language),
    };
    Artifact { path: "runbook/capacity.md".to_owned(), text: document(site.language, "capacity", &values) }
}

#[derive(Debug, Default, Serialize)]
struct PeopleValues {
    title: String,
    announcement: String,
    roles: Vec<RoleRow>,
    vote_at: String,
    criteria: String,
    voters: String,
    veto: String,
    media_owner: String,
    asked_every: u32,
    slots: Vec<Row>,
    freezes: Vec<Row>,
    channels: Vec<Row>,
    log: String,
    status: String,
    drafted_on: String,
    rollback: String,
    levers: Vec<LeverRow>,
}

#[derive(Debug, Serialize)]
struct RoleRow {
    role: String,
    who: String,
    deputy: String,
}

/// When or which, and what.
#[derive(Debug, Serialize)]
struct Row {
    key: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct LeverRow {
    name: String,
    owner: String,
    page: String,
    drilled_on: String,
}

pub fn people(sheet: &PeopleSheet, blueprint: &Blueprint, site: &Site) -> Artifact {
    let (people, language) = (&sheet.people, site.language);
    let timezone = announcement_timezone(blueprint);
    let at = |moment: crate::blueprint::value::Moment| language.moment(moment.instant(), &timezone);
    let called = |role: Role| role.said().told_in(language).to_owned();
    let whose = |role: Role| match people.holder(role) {
        Some(holder) => format!("{} ({})", holder.who, called(role)),
        None => called(role),
    };
    let listed = |roles: &[Role]| roles.iter().map(|role| called(*role)).collect::<Vec<_>>().join(", ");
    let mut values = PeopleValues {
        title: site.title.to_string(),
        announcement: language.moment(site.announcement, &timezone),
        log: people.log.as_ref().map(ToString::to_string).unwrap_or_default(),
        ..PeopleValues::default()
    };
    values.roles = people
        .roles
        .iter()
        .map(|holder| RoleRow {
            role: called(holder.role),
            who: holder.who.to_string(),
            deputy: holder
                .deputy
                .as_ref()
                .map_or_else(|| language.of("nobody", "personne").to_owned(), ToString::to_string),
        })
        .collect();
    if let Some(vote) = &people.vote {
        values.vote_at = at(vote.at);
        values.criteria = vote.criteria.to_string();
        values.voters = listed(&vote.roles);
        values.veto = listed(&vote.veto);
    }
    if let Some(media) = &people.media {
        values.media_owner = whose(media.owner);
        values.asked_every = media.asked_every_minutes.get();
        values.slots = media.slots.iter().map(|slot| Row { key: at(slot.at), what: slot.what.to_string() }).collect();
    }
    values.freezes = people
        .freezes
        .iter()
        .map(|freeze| Row {
            key: match language {
                Language::En => format!("{} to {}", at(freeze.from), at(freeze.until)),
                Language::Fr => format!("du {} au {}", at(freeze.from), at(freeze.until)),
            },
            what: freeze.protects.to_string(),
        })
        .collect();
    values.channels = people
        .channels
        .iter()
        .map(|channel| Row { key: channel.kind.said().told_in(language).to_owned(), what: channel.place.to_string() })
        .collect();
    if let Some(page) = &people.status_page {
        values.status = page.host.to_string();
        values.drafted_on = page.drafted_on.map(|day| language.day(day.date())).unwrap_or_default();
    }
    values.rollback = people.rollback.as_ref().map(|rollback| whose(rollback.decides)).unwrap_or_default();
    values.levers = people
        .levers
        .iter()
        .map(|lever| LeverRow {
            name: lever.name.to_string(),
            owner: whose(lever.owner),
            page: lever.page.to_string(),
            drilled_on: match lever.drilled_on {
                Some(day) => language.day(day.date()),
                None => language.of("never", "jamais").to_owned(),
            },
        })
        .collect();
    Artifact { path: "runbook/people.md".to_owned(), text: document(language, "people", &values) }
}
