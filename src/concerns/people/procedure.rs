//! What a person does about `[people]`.

use super::{People, Role};
use crate::blueprint::Site;
use crate::concerns::attest::Question;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(people: &People, site: &Site) -> Procedure {
    let role = Role::answering_for(people.key());
    let mut before = vec![
        Task::new(
            role,
            "Print runbook/people.md for everybody; call each number on it once.",
            "Imprimer runbook/people.md pour tout le monde ; appeler une fois chaque numéro qui y figure.",
        ),
        Task::new(
            Role::App,
            "Turn auto-deploy off when a freeze starts: `scalingo --app APP integration-link-update --no-auto-deploy`. \
             No deployment by hand either: the platform has no freeze of its own.",
            "Couper le déploiement automatique au début de chaque gel : `scalingo --app APP integration-link-update \
             --no-auto-deploy`. Aucun déploiement à la main non plus : la plateforme n'a pas de gel à elle.",
        ),
    ];
    for question in Question::ALL.into_iter().filter(|question| question.concerns(site)) {
        let (id, asks) = (question.id(), question.asks());
        before.push(Task::new(
            question.role(),
            format!("Look, and write what was seen into `[[people.attested]]` ({id}): {}.", asks.told_in(Language::En)),
            format!("À constater, puis à inscrire dans `[[people.attested]]` ({id}) : {}.", asks.told_in(Language::Fr)),
        ));
    }
    if let Some(media) = &people.media {
        let (owner, minutes) = (media.owner.said(), media.asked_every_minutes);
        before.push(Task::new(
            role,
            format!(
                "On the day, ask the {} for the agenda every {minutes} minutes: it moves.",
                owner.told_in(Language::En)
            ),
            format!(
                "Le jour même, redemander l'agenda toutes les {minutes} minutes (rôle : {}) : il bouge.",
                owner.told_in(Language::Fr)
            ),
        ));
    }
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "A role is empty: nobody decides in its place; name somebody, and a deputy, before anything else.",
                "Un rôle est vacant : personne ne décide à sa place ; désigner quelqu'un, et un suppléant, avant toute \
                 autre chose.",
            ),
            Said::new(
                "A decision was spoken: write it down, with the hour and who took it (JVA-20).",
                "Une décision a été prise à l'oral : la consigner, avec l'heure et son auteur (JVA-20).",
            ),
        ],
        undo: vec![Said::new(
            "After the launch: auto-deploy on again, on the lead's word.",
            "Après le lancement : rétablir le déploiement automatique, sur ordre de la direction.",
        )],
    }
}
