//! What a person does about `[waiting_room]`.

use super::WaitingRoom;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(room: &WaitingRoom, site: &Site) -> Procedure {
    let role = Role::answering_for(room.key());
    let planned = limits(room.total_active_users, room.new_users_per_minute);
    let state = match room.suspended {
        true => Said::new("suspended", "suspendue"),
        false => Said::new("open", "ouverte"),
    };
    let (english, french) = (Language::En, Language::Fr);
    let zone = match &site.cdn {
        Some(cdn) => Said::new(format!("of {}", cdn.zone), format!("de la zone {}", cdn.zone)),
        None => Said::new("of the zone", "de la zone"),
    };
    let mut before = vec![
        Task::new(
            role,
            format!(
                "See the room {} {} {}, with {}.",
                room.name,
                zone.told_in(english),
                state.told_in(english),
                planned.told_in(english)
            ),
            format!(
                "Constater que la salle {} {} est {}, avec {}.",
                room.name,
                zone.told_in(french),
                state.told_in(french),
                planned.told_in(french)
            ),
        ),
        Task::new(
            role,
            "Look at the waiting page once, on a phone, with the room holding everybody on a path nobody knows.",
            "Regarder une fois la page d'attente, sur un téléphone, la salle retenant tout le monde sur un chemin que \
             personne ne connaît.",
        ),
    ];
    if room.bypass.is_none() {
        before.push(Task::new(
            role,
            format!(
                "Tell those whose programs call paths below {} that an open room answers them with a page.",
                room.path
            ),
            format!(
                "Prévenir ceux dont les programmes appellent des chemins sous {} qu'une salle ouverte leur répond par \
                 une page.",
                room.path
            ),
        ));
    }
    Procedure {
        before,
        when_red: when_red(room),
        undo: vec![
            Said::new(
                format!("Back to {}, queue_all false, {}.", planned.told_in(english), state.told_in(english)),
                format!("Revenir à {}, queue_all false, salle {}.", planned.told_in(french), state.told_in(french)),
            ),
            Said::new(
                "Widen in steps and wait five minutes between two: whoever waits comes in at once.",
                "Élargir par étapes, en attendant cinq minutes entre deux : ceux qui attendent entrent tous d'un coup.",
            ),
        ],
    }
}

fn when_red(room: &WaitingRoom) -> Vec<Said> {
    let mut steps = pulled(room);
    steps.push(Said::new(
        "wait.armed red: the room is not as planned; nobody can count on it on the night.",
        "wait.armed rouge : la salle n'est pas comme prévu ; personne ne peut compter dessus le soir même.",
    ));
    steps
}

/// How the room is opened and narrowed, step by step.
pub(super) fn pulled(room: &WaitingRoom) -> Vec<Said> {
    let mut steps = Vec::new();
    if room.suspended {
        steps.push(Said::new(
            "The site bends: open the room (PATCH /zones/ZONE_ID/waiting_rooms/ID with {\"suspended\":false}, or the \
             dashboard); data centres take about two minutes to agree on the count.",
            "Le site fléchit : ouvrir la salle (PATCH /zones/ZONE_ID/waiting_rooms/ID avec {\"suspended\":false}, ou le \
             tableau de bord) ; les centres de données mettent environ deux minutes à s'accorder sur le décompte.",
        ));
    }
    for (number, step) in (2..).zip(&room.steps) {
        let (name, when, limits) = (&step.name, &step.when, limits(step.total_active_users, step.new_users_per_minute));
        steps.push(Said::new(
            format!("Step {number}, {name}, when {when}: {}.", limits.told_in(Language::En)),
            format!("Étape {number}, {name} (condition : {when}) : {}.", limits.told_in(Language::Fr)),
        ));
    }
    steps.push(Said::new(
        "The site is down: hold everybody ({\"queue_all\":true}), and say so on the status page.",
        "Le site est tombé : retenir tout le monde ({\"queue_all\":true}), et l'annoncer sur la page d'état.",
    ));
    steps
}

fn limits(total: u32, new: u32) -> Said {
    let number = |language: Language, number: u32| language.number(number.into());
    Said::new(
        format!("{} at once, {} anew a minute", number(Language::En, total), number(Language::En, new)),
        format!("{} à la fois, {} nouveaux par minute", number(Language::Fr, total), number(Language::Fr, new)),
    )
}
