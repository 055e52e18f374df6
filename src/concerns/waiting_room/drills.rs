//! Faults that `[waiting_room]` must catch.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::WaitingRoom;
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::emit::event_time;
use crate::language::Language;
use crate::rehearsal::staging::Staging;

pub fn drills(room: &WaitingRoom, site: &Site) -> Drills {
    let other_language = site.language.of(Language::Fr, Language::En).tag();
    let other_status = if room.status == 429 { 200 } else { 429 };
    let mut rest = vec![
        Drill {
            number: None,
            id: "room-threshold-doubled",
            fault: "the room lets in 800,000 where 400,000 were planned",
            reddens: vec!["wait.threshold"],
            inject: Box::new(|staging| {
                edit_room(staging, |room| {
                    let total = room["total_active_users"].as_u64().unwrap_or(0);
                    room["total_active_users"] = json!(total * 2);
                })
            }),
        },
        Drill {
            number: None,
            id: "waiting-page-status",
            fault: "somebody gives the waiting page another status, and programs take it for the page or for an error",
            reddens: vec!["wait.page"],
            inject: Box::new(move |staging| {
                edit_room(staging, |room| room["queueing_status_code"] = json!(other_status))
            }),
        },
        Drill {
            number: None,
            id: "waiting-page-in-another-language",
            fault: "the waiting page is left in another language than the site's",
            reddens: vec!["wait.page"],
            inject: Box::new(move |staging| {
                edit_room(staging, |room| room["default_template_language"] = json!(other_language))
            }),
        },
        Drill {
            number: None,
            id: "room-cookie-not-secure",
            fault: "the room's cookie is sent over plain http too",
            reddens: vec!["wait.cookie"],
            inject: Box::new(|staging| edit_room(staging, |room| room["cookie_attributes"]["secure"] = json!("never"))),
        },
    ];
    if room.suspended {
        rest.push(Drill {
            number: None,
            id: "room-holds-all",
            fault: "queue_all was left on after a trial: once the room is open, nobody enters",
            reddens: vec!["wait.armed"],
            inject: Box::new(|staging| edit_room(staging, |room| room["queue_all"] = json!(true))),
        });
    }
    if !room.events.is_empty() {
        rest.push(Drill {
            number: Some(64),
            id: "room-suspended-with-event",
            fault: "the room is suspended, and its event will not start",
            reddens: vec!["wait.armed", "wait.event"],
            inject: Box::new(|staging| edit_room(staging, |room| room["suspended"] = json!(true))),
        });
        rest.push(Drill {
            number: Some(65),
            id: "event-in-local-time",
            fault: "the event's local time was typed in as UTC",
            reddens: vec!["wait.event"],
            inject: Box::new(|staging| {
                edit(staging, |whole| {
                    let event = &mut whole["events"][0];
                    for key in ["prequeue_start_time", "event_start_time", "event_end_time"] {
                        let Some(at) = event[key].as_str().and_then(|at| at.parse::<Timestamp>().ok()) else {
                            continue;
                        };
                        let late = at.checked_add(SignedDuration::from_hours(1)).map_err(|error| error.to_string())?;
                        event[key] = json!(event_time(late));
                    }
                    Ok(())
                })
            }),
        });
    }
    if room.json {
        rest.push(Drill {
            number: None,
            id: "room-answers-html",
            fault: "JSON was not switched on: programs are told to wait by a page that they cannot read",
            reddens: vec!["wait.json"],
            inject: Box::new(|staging| edit_room(staging, |room| room["json_response_enabled"] = json!(false))),
        });
    }
    if room.bypass.is_some() {
        rest.push(Drill {
            number: Some(66),
            id: "room-catches-webhook",
            fault: "the rule that spares programs was not applied: a webhook is made to wait",
            reddens: vec!["wait.bypass"],
            inject: Box::new(|staging| {
                edit(staging, |whole| match whole.as_object_mut().and_then(|whole| whole.remove("rules")) {
                    Some(_) => Ok(()),
                    None => Err("the room has no rules".to_owned()),
                })
            }),
        });
    }
    Drills::Run(OneOrMore(
        Drill {
            number: None,
            id: "room-on-other-path",
            fault: "the room was made for another path, and holds nobody on the one that is announced",
            reddens: match room.json {
                true => vec!["wait.armed", "wait.cookie", "wait.json", "wait.page"],
                false => vec!["wait.armed", "wait.cookie", "wait.page"],
            },
            inject: Box::new(|staging| edit_room(staging, |room| room["path"] = json!("/golive-nowhere"))),
        },
        rest,
    ))
}

fn edit(staging: &mut Staging, edit: impl FnOnce(&mut Value) -> Result<(), String>) -> Result<(), String> {
    staging.edit_cdn("cloudflare/waiting_room.json", edit)
}

fn edit_room(staging: &mut Staging, change: impl FnOnce(&mut Value)) -> Result<(), String> {
    edit(staging, |whole| {
        change(&mut whole["waiting_room"]);
        Ok(())
    })
}
