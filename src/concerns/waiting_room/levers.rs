//! The switches of `[waiting_room]`: the door, the steps, and nobody in.
//!
//! How soon every data centre follows a change is not documented; 60 s is a guess, above the 50 s by which the room's own
//! status lags.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Step, WaitingRoom};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::ask::{NONCE, cloudflare_zone, get};
use crate::concerns::lever::{self, Action, Effect, Judge, Lever, Position};
use crate::concerns::people::Role;
use crate::concerns::{Concern, fragment};
use crate::language::{Language, Said};
use crate::probe::{HttpAnswer, Scheme};
use crate::providers::cloudflare::is_waiting_room_cookie;

/// The lever that opens the room.
pub const DOOR: &str = "waiting-room";

const FOLLOWED_WITHIN: Duration = Duration::from_secs(60);

pub fn levers(room: &WaitingRoom, site: &Site) -> Vec<Lever> {
    let Some(cdn) = &site.cdn else { return Vec::new() };
    let mut levers = Vec::new();
    if room.suspended {
        levers.push(door(room, site, &cdn.zone));
    }
    levers.extend(room.steps.iter().map(|step| taken(step, room, site, &cdn.zone)));
    levers.push(nobody(room, site, &cdn.zone));
    levers
}

fn set(room: &WaitingRoom, zone: &HostName, members: &[(&'static str, Value)]) -> Vec<Action> {
    vec![Action::Room { zone: zone.clone(), room: room.name.clone(), members: members.to_vec() }]
}

fn limits(limits: fragment::RoomLimits) -> [(&'static str, Value); 2] {
    [
        ("total_active_users", limits.total_active_users.into()),
        ("new_users_per_minute", limits.new_users_per_minute.into()),
    ]
}

/// A new visitor, who is asked whether the room sees him.
fn visit(room: &WaitingRoom, site: &Site, check: &'static str, pulled: &str, released: &str, judge: Judge) -> Effect {
    let page = get(Scheme::Https, &site.host, &format!("{}?golive=lever-{NONCE}", room.path));
    Effect {
        check,
        within: FOLLOWED_WITHIN,
        pulled: pulled.to_owned(),
        released: released.to_owned(),
        look: vec![page.header("accept", "text/html").into()],
        judge,
    }
}

fn has_cookie(answer: &HttpAnswer) -> bool {
    answer.headers_named("set-cookie").any(|line| {
        let name = line.split('=').next().unwrap_or_default().trim();
        is_waiting_room_cookie(name)
    })
}

fn position(pulled: bool) -> Position {
    if pulled { Position::Pulled } else { Position::Released }
}

/// What the open room does to visitors.
pub fn what(room: &WaitingRoom) -> Said {
    let (total, new) = (room.total_active_users, room.new_users_per_minute);
    let [en, fr] =
        [Language::En, Language::Fr].map(|language| (language.number(total.into()), language.number(new.into())));
    Said::new(
        format!("Visitors of {} wait at the CDN: {} are in at once, {} come in a minute.", room.path, en.0, en.1),
        format!(
            "Les visiteurs de {} attendent sur le CDN : {} à la fois, {} nouveaux par minute.",
            room.path, fr.0, fr.1
        ),
    )
}

/// What is seen when it is time to open the room.
pub fn symptom() -> Said {
    Said::new(
        "The site bends under visitors, and more containers do not help, or come too late.",
        "Le site fléchit sous les visiteurs, et d'autres conteneurs n'y changent rien ou arrivent trop tard.",
    )
}

fn door(room: &WaitingRoom, site: &Site, zone: &HostName) -> Lever {
    Lever {
        name: DOOR.to_owned(),
        owner: Role::answering_for(room.key()),
        what: what(room),
        symptom: symptom(),
        pull: set(room, zone, &[("suspended", json!(false))]),
        release: set(room, zone, &[("suspended", json!(true))]),
        effect: visit(
            room,
            site,
            "wait.armed",
            "answers set the room's cookie",
            "no answer sets the room's cookie",
            Box::new(|seen| Ok(position(has_cookie(lever::http(seen)?)))),
        ),
    }
}

/// Who waits is seen when the room is full, and not before: here the API alone is asked.
fn taken(step: &Step, room: &WaitingRoom, site: &Site, zone: &HostName) -> Lever {
    let (name, wanted) = (room.name.to_string(), limits(step.limits()));
    let (total, new) = (step.total_active_users, step.new_users_per_minute);
    let told = |limits: fragment::RoomLimits| {
        format!("the API tells {} at once, {} anew a minute", limits.total_active_users, limits.new_users_per_minute)
    };
    let judge: Judge = Box::new(move |seen| {
        let rooms = lever::cloudflare(seen)?.as_array().map(Vec::as_slice).unwrap_or_default();
        let found = rooms.iter().find(|room| room["name"] == name.as_str());
        let found = found.ok_or_else(|| format!("the zone has no waiting room {name}"))?;
        Ok(position(wanted.iter().all(|(key, value)| found[*key] == *value)))
    });
    Lever {
        name: format!("room-step-{}", step.name),
        owner: Role::answering_for(room.key()),
        what: Said::new(
            format!("the waiting room lets in less: {total} at once, {new} anew a minute"),
            format!("la salle d'attente laisse entrer moins : {total} à la fois, {new} nouveaux par minute"),
        ),
        symptom: Said::as_written(step.when.to_string()),
        pull: set(room, zone, &limits(step.limits())),
        release: set(room, zone, &limits(room.limits())),
        effect: Effect {
            check: "wait.threshold",
            within: FOLLOWED_WITHIN,
            pulled: told(step.limits()),
            released: "the API tells other limits".to_owned(),
            look: cloudflare_zone(site, "/waiting_rooms"),
            judge,
        },
    }
}

fn nobody(room: &WaitingRoom, site: &Site, zone: &HostName) -> Lever {
    let mut pull = vec![("queue_all", json!(true))];
    if room.suspended {
        // A suspended room holds nobody.
        pull.push(("suspended", json!(false)));
    }
    Lever {
        name: "hold-all".to_owned(),
        owner: Role::answering_for(room.key()),
        what: Said::new("nobody new comes in: all wait", "plus personne n'entre : tous attendent"),
        symptom: Said::new(
            "The site is down, or about to be, and must be mended in peace.",
            "Le site est tombé, ou va tomber, et doit être réparé au calme.",
        ),
        pull: set(room, zone, &pull),
        // The door stays as it is: letting it stand open is safe, and shutting it is a lever of its own.
        release: set(room, zone, &[("queue_all", json!(false))]),
        effect: visit(
            room,
            site,
            "wait.page",
            "a new visitor meets the waiting page",
            "a new visitor meets the site",
            Box::new(|seen| {
                let answer = lever::http(seen)?;
                let waits = answer.header("cf-cache-status").is_none() && answer.header("refresh").is_some();
                Ok(position(waits && has_cookie(answer)))
            }),
        ),
    }
}
