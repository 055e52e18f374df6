//! The deadlines of a launch as a calendar file (RFC 5545), for the team's phones. Must not decide a deadline.

use icalendar::{Calendar, Component, Event};
use jiff::Timestamp;

use super::Clock;
use super::documents::announcement_timezone;
use crate::blueprint::{Blueprint, Site};
use crate::language::Language;
use crate::runbook::plan::hash_of;
use crate::runbook::timeline::Deadline;

/// One event a deadline. Pure: the stamp is the announcement's, so that the same blueprint
/// gives the same bytes and a new import replaces the old one.
pub fn calendar(blueprint: &Blueprint, site: &Site, deadlines: &[Deadline]) -> String {
    let language = site.language;
    let clock = Clock { language, timezone: announcement_timezone(blueprint) };
    let mut calendar = Calendar::new();
    calendar.name(site.title.as_str());
    for deadline in deadlines {
        let what = deadline.what.told_in(language);
        let role = deadline.role.said();
        let last = language.of("Point of no return:", "Point de non-retour :");
        let then = language.of("Then:", "Ensuite :");
        let description = format!(
            "{}\n{last} {}\n{then} {}",
            deadline.why.told_in(language),
            clock.at(deadline.no_return),
            deadline.then.told_in(language)
        );
        // A name of its own that outlives a moved announcement: calendars replace the event.
        let uid = hash_of(&[site.name.as_str(), deadline.what.told_in(Language::En)]);
        let event = Event::new()
            .uid(&format!("{}@{}", &uid[..16], site.host))
            .add_property("DTSTAMP", utc(site.announcement))
            .add_property("DTSTART", utc(deadline.at))
            .add_property("DURATION", "PT15M")
            .summary(&format!("{what} ({})", role.told_in(language)))
            .description(&description)
            .done();
        calendar.push(event);
    }
    calendar.to_string()
}

fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y%m%dT%H%M%SZ").to_string()
}
