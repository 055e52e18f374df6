//! Offline remarks on `[waiting_room]`.

use std::collections::HashSet;

use jiff::SignedDuration;

use super::{Event, WaitingRoom};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::concerns::fragment::{QueueingMethod, RoomLimits};
use crate::concerns::rules;

/// What both numbers may be (Cloudflare docs, waiting-room/reference/configuration-settings).
const USERS: std::ops::RangeInclusive<u32> = 200..=2_147_483_647;
const SESSION_MINUTES: std::ops::RangeInclusive<u32> = 1..=30;
const STATUSES: [u16; 3] = [200, 202, 429];
/// Events of one room.
const MOST_EVENTS: usize = 5;

fn at(key: &str) -> KeyPath {
    KeyPath::of(["waiting_room", key])
}

pub fn findings(room: &WaitingRoom, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(needs_cdn(site));
    findings.extend(bounds(room.limits(), &KeyPath::of(["waiting_room"])));
    findings.extend(other_bounds(room));
    findings.extend(tested(room));
    findings.extend(steps(room));
    findings.extend(events(room, site));
    findings.extend(catches_programs(room, site));
    findings.extend(nobody_bypasses(room, site));
    findings
}

fn needs_cdn(site: &Site) -> Option<Finding> {
    site.cdn.is_none().then(|| {
        Finding::error(
            &rules::ROOM_NEEDS_CDN,
            KeyPath::of(["waiting_room"]),
            "there is no CDN at whose edge somebody could wait",
            "add `[cdn]`, or remove `[waiting_room]`",
        )
        .on_key()
    })
}

fn bounds(limits: RoomLimits, table: &KeyPath) -> Vec<Finding> {
    let RoomLimits { total_active_users: total, new_users_per_minute: new } = limits;
    let mut findings = Vec::new();
    for (key, users) in [("total_active_users", total), ("new_users_per_minute", new)] {
        if !USERS.contains(&users) {
            findings.push(Finding::error(
                &rules::ROOM_BOUNDS,
                table.clone().key(key),
                format!("`{key}` is {users}: Cloudflare takes {} to {}", USERS.start(), USERS.end()),
                format!("take at least {}", USERS.start()),
            ));
        }
    }
    if new > total {
        findings.push(Finding::error(
            &rules::ROOM_BOUNDS,
            table.clone().key("new_users_per_minute"),
            format!("{new} a minute would be let into a room for {total}"),
            format!("take at most {total}"),
        ));
    }
    findings
}

fn other_bounds(room: &WaitingRoom) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !SESSION_MINUTES.contains(&room.session_minutes) {
        findings.push(Finding::error(
            &rules::ROOM_BOUNDS,
            at("session_minutes"),
            format!("a session lasts 1 to 30 minutes, not {}", room.session_minutes),
            "take 5: whoever reads a page is not sent back to the queue",
        ));
    }
    if !STATUSES.contains(&room.status) {
        findings.push(Finding::error(
            &rules::ROOM_BOUNDS,
            at("status"),
            format!("the waiting page cannot answer {}", room.status),
            "take 200, 202 or 429",
        ));
    }
    findings
}

fn tested(room: &WaitingRoom) -> Option<Finding> {
    let tested = room.tested_active_users?;
    let most = three_quarters(tested);
    (room.total_active_users > most).then(|| {
        Finding::warning(
            &rules::ROOM_ABOVE_TESTED,
            at("total_active_users"),
            format!("{} are let in, and {tested} were shown to work", room.total_active_users),
            format!("take at most {most}, three quarters: for two minutes a spike overshoots"),
        )
    })
}

pub fn three_quarters(tested: u32) -> u32 {
    tested / 4 * 3 + tested % 4 * 3 / 4
}

fn steps(room: &WaitingRoom) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, step) in room.steps.iter().enumerate() {
        findings.extend(bounds(step.limits(), &at("steps").index(index)));
    }
    if room.steps.iter().all(|step| step.total_active_users >= room.total_active_users) {
        findings.push(Finding::warning(
            &rules::ROOM_NO_LOWER_STEP,
            at("total_active_users"),
            format!("if {} prove too many, nobody has a lower number ready", room.total_active_users),
            format!("add a `[[waiting_room.steps]]` of, say, {}", (room.total_active_users / 2).max(*USERS.start())),
        ));
    }
    findings
}

fn events(room: &WaitingRoom, site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut names = HashSet::new();
    for (index, event) in room.events.iter().enumerate() {
        let place = at("events").index(index);
        findings.extend(bounds(event.limits(), &place));
        findings.extend(times(event, &place));
        let mut refuse = |key: &str, message: String, remedy: &str| {
            findings.push(Finding::error(&rules::ROOM_EVENT_TIMES, place.clone().key(key), message, remedy));
        };
        if !names.insert(event.name.identifier()) {
            refuse("name", format!("two events are called `{}`", event.name), "rename one");
        }
        let begin = |event: &Event| event.prequeue.unwrap_or(event.start);
        let earlier = room.events[..index].iter();
        if let Some(other) = earlier.clone().find(|other| begin(event) < other.end && begin(other) < event.end) {
            refuse(
                "start",
                format!("`{}` and `{}` overlap", other.name, event.name),
                "one room has one event at a time",
            );
        }
        if index == MOST_EVENTS {
            refuse("name", format!("one room has at most {MOST_EVENTS} events"), "merge some, or remove the oldest");
        }
    }
    if !room.events.is_empty() && room.suspended {
        findings.push(Finding::error(
            &rules::ROOM_SUSPENDED_EVENTS,
            at("suspended"),
            "the room is suspended, and so its events will do nothing",
            "take `suspended = false` and `method = \"passthrough\"`: outside of events everybody passes",
        ));
    }
    if !room.events.is_empty() && !room.suspended && room.method != QueueingMethod::Passthrough {
        let covered = room
            .events
            .iter()
            .any(|event| event.start.instant() <= site.announcement && site.announcement <= event.end.instant());
        if !covered {
            findings.push(Finding::warning(
                &rules::ROOM_EVENT_MISSES,
                at("events"),
                format!("no event covers the announcement, {}", site.announcement),
                "let one start 5 minutes before the announcement and last 3 hours",
            ));
        }
    }
    findings
}

/// Cloudflare docs, waiting-room/additional-options/create-events.
fn times(event: &Event, place: &KeyPath) -> Vec<Finding> {
    let (start, end) = (event.start.instant(), event.end.instant());
    let mut findings = Vec::new();
    let mut refuse = |key: &str, message: String, remedy: &str| {
        findings.push(Finding::error(&rules::ROOM_EVENT_TIMES, place.clone().key(key), message, remedy));
    };
    if end.duration_since(start) < SignedDuration::from_mins(1) {
        refuse("end", format!("`{}` ends less than a minute after its start", event.name), "correct the two instants");
    }
    if let Some(prequeue) = event.prequeue
        && start.duration_since(prequeue.instant()) < SignedDuration::from_mins(5)
    {
        refuse(
            "prequeue",
            format!("`{}` gathers visitors less than 5 minutes before its start", event.name),
            "begin at least 5 minutes before",
        );
    }
    findings
}

/// An open room on the paths of an API: no program passes a page.
fn catches_programs(room: &WaitingRoom, site: &Site) -> Option<Finding> {
    if room.suspended || room.bypass.is_some() {
        return None;
    }
    let room_path = room.path.as_str().trim_end_matches('/');
    let caught = site.private_paths.iter().find(|path| path.as_str().starts_with(room_path))?;
    Some(Finding::warning(
        &rules::ROOM_CATCHES_PROGRAMS,
        at("path"),
        format!("`{}` covers `{caught}`: programs without the room's cookie get a page", room.path),
        "give the room the path of the pages alone; on the plan \"enterprise\" add `[waiting_room.bypass]`",
    ))
}

fn nobody_bypasses(room: &WaitingRoom, site: &Site) -> Option<Finding> {
    let bypass = room.bypass.as_ref()?;
    (bypass.paths.is_empty() && (!bypass.partners || site.partners.is_empty())).then(|| {
        Finding::error(
            &rules::ROOM_EMPTY_BYPASS,
            at("bypass"),
            "nobody bypasses: there is no path, and no partner",
            "name `paths`, or remove the table",
        )
    })
}
