//! What a person does about `[audience]`.

use super::Audience;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(audience: &Audience, _site: &Site) -> Procedure {
    let (earlier, later) = (audience.prescale_hours_before, audience.prescale_hours_after);
    Procedure {
        before: vec![
            Task::new(
                Role::answering_for(audience.key()),
                "Ask who made the estimate again when the media agenda changes; write the new one into the blueprint, \
                 and read runbook/capacity.md.",
                "Redemander l'estimation à son auteur quand l'agenda médiatique change ; inscrire la nouvelle dans le \
                 blueprint, et lire runbook/capacity.md.",
            ),
            Task::new(
                Role::App,
                "Measure what a container bears with real journeys, in steps, for minutes each, the last one for ten; \
                 mail goes to a sink. First tell the CDN, the platform and each vendor, and write \
                 `[audience.stop_rule]`; then write what was found into `[[audience.load_tests]]` (JVA-9, JVA-10).",
                "Mesurer ce que supporte un conteneur avec de vrais parcours, par paliers de quelques minutes, le \
                 dernier de dix ; les courriels partent vers un puits. Prévenir d'abord le CDN, la plateforme et \
                 chaque fournisseur, et écrire `[audience.stop_rule]` ; inscrire ensuite les résultats dans \
                 `[[audience.load_tests]]` (JVA-9, JVA-10).",
            ),
            Task::new(
                Role::App,
                format!(
                    "Have every container up {earlier} hours before the announcement, and take none away for {later} \
                     hours after (DOC-2, DOC-10)."
                ),
                format!(
                    "Avoir tous les conteneurs démarrés {earlier} heures avant l'annonce, et n'en retirer aucun pendant \
                     {later} heures après (DOC-2, DOC-10)."
                ),
            ),
        ],
        when_red: vec![
            Said::new(
                "The plan is short: more containers first, then fewer requests a visit, then a waiting room with the \
                 numbers of runbook/capacity.md.",
                "Le dimensionnement est insuffisant : d'abord plus de conteneurs, puis moins de requêtes par visite, \
                 puis une salle d'attente avec les nombres de runbook/capacity.md.",
            ),
            Said::new(
                "The line is full: smaller images, a higher share of hits, more containers at the front.",
                "La liaison est saturée : des images plus légères, une part plus grande servie par le cache, plus de \
                 conteneurs frontaux.",
            ),
        ],
        undo: vec![Said::new(
            "Back to the former number of containers a day after the announcement, on the lead's word.",
            "Revenir au nombre de conteneurs antérieur un jour après l'annonce, sur ordre de la direction.",
        )],
    }
}
