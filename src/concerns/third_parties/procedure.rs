//! What a person does about `[third_parties]`.

use super::ThirdParties;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(parties: &ThirdParties) -> Procedure {
    let role = Role::answering_for(parties.key());
    let vendors = parties.vendors.iter().map(|vendor| {
        Task::new(
            role,
            format!("Send letters/{}.md; write the promise and its day into the blueprint.", vendor.name),
            format!("Envoyer letters/{}.md ; inscrire l'engagement et sa date dans le blueprint.", vendor.name),
        )
    });
    let partners = parties.partners.iter().map(|partner| {
        Task::new(
            role,
            format!("Send letters/{}.md; write the day into the blueprint as `warned_on`.", partner.name),
            format!("Envoyer letters/{}.md ; inscrire la date dans le blueprint (`warned_on`).", partner.name),
        )
    });
    Procedure {
        before: vendors.chain(partners).collect(),
        when_red: vec![
            Said::new(
                "No promise in writing: call, and have the answer mailed while you talk.",
                "Pas d'engagement écrit : appeler, et obtenir la réponse par courriel pendant l'appel.",
            ),
            Said::new(
                "The promise is too small: take what needs it out of the journey (mail within 48 hours, search off), or \
                 have a second vendor ready.",
                "L'engagement est insuffisant : retirer du parcours ce qui en dépend (courriels sous 48 heures, recherche \
                 coupée), ou tenir prêt un second fournisseur.",
            ),
            Said::new(
                "Visitors fall away without errors: call the partners first; one may have throttled them (DOC-6).",
                "Les visiteurs diminuent sans erreur visible : appeler d'abord les partenaires ; l'un d'eux les a \
                 peut-être bridés (DOC-6).",
            ),
        ],
        undo: vec![Said::new(
            "Tell vendors and partners when the peak is over, and take their addresses out of the rules.",
            "Prévenir fournisseurs et partenaires de la fin du pic, et retirer leurs adresses des règles.",
        )],
    }
}
