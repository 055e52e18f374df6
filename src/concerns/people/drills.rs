//! Faults that `[people]` must catch: a part that is nobody's, a page that is blank or old.

use jiff::SignedDuration;

use super::{People, Role};
use crate::blueprint::Site;
use crate::blueprint::value::Moment;
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::rehearsal::staging::Staging;

pub fn drills(site: &Site) -> Drills {
    let mut rest = vec![
        drill(None, "no-vote", "nobody has set the vote on going live", "ppl.gonogo", |people| people.vote = None),
        drill(None, "agenda-old", "the slot has moved, and the agenda has not", "ppl.media", |people| {
            for slot in people.media.iter_mut().flat_map(|media| &mut media.slots) {
                slot.at = slot.at.later_by(SignedDuration::from_hours(-3));
            }
        }),
        drill(None, "only-spoken", "the team only talks", "ppl.channels", |people| {
            people.channels.retain(|channel| channel.kind == super::ChannelKind::Voice);
        }),
        drill(None, "no-log", "decisions are written down nowhere", "ppl.log", |people| people.log = None),
        drill(None, "no-status-page", "the public has nowhere to look when the site is down", "ppl.status", |people| {
            people.status_page = None;
        }),
        drill(None, "rollback-old", "the way back is that of last month's plan", "ppl.rollback", |people| {
            if let Some(rollback) = &mut people.rollback {
                rollback.read_on = rollback.read_on.later_by(-30);
            }
        }),
        drill(None, "lever-never-pulled", "the levers were written down, and never pulled", "ppl.levers", |people| {
            people.levers.iter_mut().for_each(|lever| lever.drilled_on = None);
        }),
        drill(None, "freeze-ends-early", "the freeze ends before the announcement", "ppl.freeze", |people| {
            for freeze in &mut people.freezes {
                freeze.until = freeze.from;
            }
        }),
    ];
    let linked = site.platform.iter().flat_map(|platform| &platform.apps);
    if linked.filter_map(|app| app.source.as_ref()).any(|source| source.auto_deploy) {
        rest.push(Drill {
            number: Some(73),
            id: "auto-deploy-in-freeze",
            fault: "the freeze has begun, and each commit is still deployed",
            reddens: vec!["ppl.freeze"],
            // The eve is a day before the announcement: let the freeze hold since then.
            inject: Box::new(|staging: &mut Staging| {
                let eve = staging.site.announcement - SignedDuration::from_hours(25);
                let people = staging.site.people.as_mut().ok_or("no people")?;
                let freeze = people.freezes.first_mut().ok_or("no freeze")?;
                freeze.from = Moment::new(eve);
                Ok(())
            }),
        });
    }
    Drills::Run(OneOrMore(
        drill(None, "no-communicator", "nobody speaks with the media", "ppl.roles", |people| {
            // Of the agenda another row would tell, were it left to nobody.
            people.roles.retain(|holder| holder.role != Role::Communicator);
            if let Some(media) = &mut people.media {
                media.owner = Role::Lead;
            }
            if let Some(vote) = &mut people.vote {
                vote.roles.retain(|role| *role != Role::Communicator);
                vote.veto.retain(|role| *role != Role::Communicator);
            }
        }),
        rest,
    ))
}

fn drill(
    number: Option<u16>,
    id: &'static str,
    fault: &'static str,
    reddens: &'static str,
    change: fn(&mut People),
) -> Drill {
    let inject: Inject = Box::new(move |staging: &mut Staging| {
        let people = staging.site.people.as_mut().ok_or("no people")?;
        let before = people.clone();
        change(people);
        if *people == before { Err("the blueprint says so already".to_owned()) } else { Ok(()) }
    });
    Drill { number, id, fault, reddens: vec![reddens], inject }
}
