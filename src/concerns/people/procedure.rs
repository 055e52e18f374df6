//! What a person does about `[people]`.

use super::People;
use crate::blueprint::Site;
use crate::concerns::Procedure;
use crate::concerns::attest::Question;

pub fn procedure(people: &People, site: &Site) -> Procedure {
    let mut before = vec![
        "Print runbook/people.md for everybody; call each number on it once.".to_owned(),
        "Turn auto-deploy off when a freeze starts: `scalingo --app APP integration-link-update --no-auto-deploy`. No \
         deployment by hand either: the platform has no freeze of its own."
            .to_owned(),
    ];
    for question in Question::ALL.into_iter().filter(|question| question.concerns(site)) {
        let (role, id, asks) = (question.role().as_str(), question.id(), question.asks());
        before.push(format!("The {role} looks, and `[[people.attested]]` keeps what was seen ({id}): {asks}."));
    }
    if let Some(media) = &people.media {
        before.push(format!(
            "On the day, ask the {} for the agenda every {} minutes: it moves.",
            media.owner.as_str(),
            media.asked_every_minutes
        ));
    }
    Procedure {
        before,
        when_red: vec![
            "A role is empty: nobody decides in its place; name somebody, and a deputy, before anything else."
                .to_owned(),
            "A decision was spoken: write it down, with the hour and who took it (JVA-20).".to_owned(),
        ],
        undo: vec!["After the launch: auto-deploy on again, on the lead's word.".to_owned()],
    }
}
