//! What a person does about `[waf]`.

use super::Waf;
use super::fragments::UNDER_ATTACK;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(waf: &Waf, site: &Site) -> Procedure {
    let role = Role::answering_for(waf.key());
    let mut before = vec![
        Task::new(
            role,
            "Look through Security > Events of the last days: what the rules would have stopped, and whom.",
            "Parcourir Security > Events des derniers jours : ce que les règles auraient bloqué, et qui.",
        ),
        Task::new(
            role,
            "Agree who may switch the challenge on, and try it once on a quiet evening.",
            "Convenir de qui peut activer le défi aux navigateurs (challenge), et l'essayer une fois un soir calme.",
        ),
    ];
    before.extend(site.partners.iter().map(|partner| {
        Task::new(
            role,
            format!(
                "Tell {} the hour, our addresses and whom to call, and have it in writing that they do not filter us.",
                partner.name
            ),
            format!(
                "Indiquer à {} l'heure, nos adresses et qui appeler, et obtenir par écrit que nous ne serons pas filtrés.",
                partner.name
            ),
        )
    }));
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "waf.clean red: programs get a page they cannot pass. Switch off the newest rule first, then ask why.",
                "waf.clean rouge : des programmes reçoivent une page qu'ils ne peuvent pas franchir. Désactiver d'abord la \
                 règle la plus récente, puis chercher pourquoi.",
            ),
            Said::new(
                "waf.signature red: the managed rules do not run; see whether the phase was applied, and its overrides.",
                "waf.signature rouge : les règles gérées ne s'exécutent pas ; vérifier que la phase a été appliquée, et \
                 ses dérogations (overrides).",
            ),
            Said::new(
                "One address attacks: block it (Security > WAF > Tools) and note it in the log.",
                "Une seule adresse attaque : la bloquer (Security > WAF > Tools) et le noter dans la main courante.",
            ),
            Said::new(
                format!(
                    "Many attack: switch on the rule {UNDER_ATTACK}; an apply of Terraform leaves the switch as it is."
                ),
                format!(
                    "Beaucoup d'adresses attaquent : activer la règle {UNDER_ATTACK} ; un apply de Terraform \
                     laisse l'interrupteur tel quel."
                ),
            ),
        ],
        undo: vec![
            Said::new(
                format!("Switch {UNDER_ATTACK} off as soon as the curve is calm: it costs every visitor some seconds."),
                format!(
                    "Désactiver {UNDER_ATTACK} dès que la courbe est calme : cette règle coûte quelques secondes à chaque \
                     visiteur."
                ),
            ),
            Said::new(
                "To take a rule back, disable it rather than delete it: its log stays readable.",
                "Pour revenir sur une règle, la désactiver plutôt que la supprimer : son journal reste lisible.",
            ),
        ],
    }
}
