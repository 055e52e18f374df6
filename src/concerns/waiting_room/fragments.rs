//! Configuration that `[waiting_room]` asks for.

use super::procedure::{procedure, pulled};
use super::{Bypass, WaitingRoom, levers};
use crate::blueprint::Site;
use crate::concerns::fragment::{self, Expression, LeverCard, RoomEvent, under_any};
use crate::concerns::people::Role;
use crate::concerns::{Concern, Fragment, lever};

pub fn fragments(room: &WaitingRoom, site: &Site) -> Vec<Fragment> {
    if site.cdn.is_none() {
        return Vec::new();
    }
    vec![
        Fragment::LeverCard(card(room, site)),
        Fragment::WaitingRoom(fragment::WaitingRoom {
            name: room.name.clone(),
            host: site.host.clone(),
            path: room.path.clone(),
            limits: room.limits(),
            has_steps: !room.steps.is_empty(),
            session_minutes: room.session_minutes,
            method: room.method,
            status: room.status,
            json: room.json,
            suspended: room.suspended,
            language: site.language,
            bypass: room.bypass.as_ref().and_then(|bypass| who_never_waits(bypass, site)),
            events: room
                .events
                .iter()
                .map(|event| RoomEvent {
                    name: event.name.clone(),
                    prequeue: event.prequeue.map(|at| at.instant()),
                    start: event.start.instant(),
                    end: event.end.instant(),
                    limits: event.limits(),
                })
                .collect(),
        }),
    ]
}

fn card(room: &WaitingRoom, site: &Site) -> LeverCard {
    let (mut pull, mut release) = (pulled(room), procedure(room, site).undo);
    // One that is open already is not opened.
    if room.suspended {
        let [pulls, releases] = lever::commands(levers::DOOR);
        pull.insert(0, pulls);
        release.insert(0, releases);
    }
    LeverCard {
        name: levers::DOOR,
        owner: Role::answering_for(room.key()),
        when: levers::symptom(),
        does: levers::what(room),
        pull,
        release,
    }
}

/// Partners by their addresses: rules of a room know no lists of the account.
fn who_never_waits(bypass: &Bypass, site: &Site) -> Option<Expression> {
    let mut any = Vec::new();
    if !bypass.paths.is_empty() {
        any.push(under_any(&bypass.paths));
    }
    let partners: Vec<_> = site.partners.iter().flat_map(|partner| partner.addresses.clone()).collect();
    if bypass.partners && !partners.is_empty() {
        any.push(Expression::SourceIn(partners));
    }
    (!any.is_empty()).then_some(Expression::Any(any))
}
