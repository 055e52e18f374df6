//! What a person does about `[rate_limits]`.

use super::RateLimits;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(limits: &RateLimits, site: &Site) -> Procedure {
    let role = Role::answering_for(limits.key());
    let mut before = vec![
        Task::new(
            role,
            "Ask the app's people how often their own pages ask: a limit below that refuses everybody.",
            "Demander à l'équipe applicative à quel rythme ses propres pages envoient des requêtes : une limite \
             inférieure refuse tout le monde.",
        ),
        Task::new(
            role,
            "A mobile operator shows thousands of people as one address: look at the share of 429 in the log of a \
             rehearsal with real traffic before the day, and raise the burst rather than the rate.",
            "Un opérateur mobile présente des milliers de personnes sous une seule adresse : regarder avant le jour J la \
             part de 429 dans le journal d'une répétition en trafic réel, et augmenter la rafale (burst) plutôt que \
             le débit.",
        ),
    ];
    if limits.exempt(site).is_empty() {
        before.push(Task::new(
            role,
            "Nobody is exempt: have the addresses of load injectors added before a load test.",
            "Personne n'est exempté : faire ajouter les adresses des injecteurs avant un test de charge.",
        ));
    }
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "rate.key.client red: all visitors count as one; take the limit out until the address is right.",
                "rate.key.client rouge : tous les visiteurs comptent pour un seul ; retirer la limite tant que l'adresse \
                 n'est pas la bonne.",
            ),
            Said::new(
                "rate.trips red and too many pass: count the machines that run nginx; each counts by itself.",
                "rate.trips rouge et trop de requêtes passent : compter les machines où tourne nginx ; chacune compte \
                 pour elle-même.",
            ),
            Said::new(
                "rate.status red: visitors take the refusal for an outage, caches may keep it.",
                "rate.status rouge : les visiteurs prennent le refus pour une panne, des caches peuvent le garder.",
            ),
        ],
        undo: vec![Said::new(
            "To lift a limit at once, put 0.0.0.0/0 and ::/0 into `exempt`, generate, deploy: nothing is counted.",
            "Pour lever une limite aussitôt, mettre 0.0.0.0/0 et ::/0 dans `exempt`, régénérer, déployer : plus rien \
             n'est compté.",
        )],
    }
}
