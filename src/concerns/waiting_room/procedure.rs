//! What a person does about `[waiting_room]`.

use super::WaitingRoom;
use crate::blueprint::Site;
use crate::concerns::Procedure;

pub fn procedure(room: &WaitingRoom, site: &Site) -> Procedure {
    let zone = site.cdn.as_ref().map_or("the zone".to_owned(), |cdn| cdn.zone.to_string());
    let limits = |total: u32, new: u32| format!("{total} at once, {new} anew a minute");
    let mut before = vec![
        format!(
            "See the room {} of {zone} {}, with {}.",
            room.name,
            if room.suspended { "suspended" } else { "open" },
            limits(room.total_active_users, room.new_users_per_minute)
        ),
        "Look at the waiting page once, on a phone, with the room holding everybody on a path nobody knows.".to_owned(),
    ];
    if room.bypass.is_none() {
        before.push(format!(
            "Tell those whose programs call paths below {} that an open room answers them with a page.",
            room.path
        ));
    }
    let mut when_red = Vec::new();
    if room.suspended {
        when_red.push(
            "The site bends: open the room (PATCH /zones/ZONE_ID/waiting_rooms/ID with {\"suspended\":false}, or the \
             dashboard); data centres take about two minutes to agree on the count."
                .to_owned(),
        );
    }
    let mut number = 1;
    for step in &room.steps {
        number += 1;
        when_red.push(format!(
            "Step {number}, {}, when {}: {}.",
            step.name,
            step.when,
            limits(step.total_active_users, step.new_users_per_minute)
        ));
    }
    when_red.push("The site is down: hold everybody ({\"queue_all\":true}), and say so on the status page.".to_owned());
    when_red.push("wait.armed red: the room is not as planned; nobody can count on it on the night.".to_owned());
    Procedure {
        before,
        when_red,
        undo: vec![
            format!(
                "Back to {}, queue_all false, {}.",
                limits(room.total_active_users, room.new_users_per_minute),
                if room.suspended { "suspended" } else { "open" }
            ),
            "Widen in steps and wait five minutes between two: whoever waits comes in at once.".to_owned(),
        ],
    }
}
