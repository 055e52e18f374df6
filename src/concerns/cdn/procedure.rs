//! What a person does about `[cdn]`.

use super::{Cdn, Setup};
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(cdn: &Cdn, site: &Site) -> Procedure {
    let (role, host, zone) = (Role::answering_for(cdn.key()), &site.host, &cdn.zone);
    let mut before = vec![
        Task::new(
            role,
            format!("Apply terraform/ to the zone {zone} while no visitor comes through it yet."),
            format!("Appliquer terraform/ à la zone {zone} tant qu'aucun visiteur ne passe encore par elle."),
        ),
        Task::new(
            role,
            format!("See the edge certificate of {host} active before the name moves."),
            format!("Constater que le certificat du CDN pour {host} est actif avant de basculer le nom."),
        ),
    ];
    if cdn.certificate.is_some() && cdn.setup == Setup::Partial {
        before.push(Task::new(
            role,
            format!(
                "Have the CNAME _acme-challenge.{host} published with the target that the certificate order shows \
                 (dcv_delegation_records): without it the certificate stays pending, and renewals fail."
            ),
            format!(
                "Faire publier le CNAME _acme-challenge.{host} avec la cible indiquée par la commande de certificat \
                 (dcv_delegation_records) : sans lui, le certificat reste en attente et les renouvellements échouent."
            ),
        ));
    }
    if cdn.setup == Setup::Partial {
        before.push(Task::new(
            role,
            format!(
                "Have the record cloudflare-verify.{zone} published, and kept for good: without it the CDN lets the \
                 zone go."
            ),
            format!(
                "Faire publier l'enregistrement cloudflare-verify.{zone}, à conserver durablement : sans lui, le CDN \
                 abandonne la zone."
            ),
        ));
    }
    before.push(match cdn.setup {
        Setup::Partial => Task::new(
            role,
            format!("Then have {host} pointed at the CDN by the zone's own people."),
            format!("Faire ensuite pointer {host} vers le CDN par le gestionnaire de la zone."),
        ),
        Setup::Full => Task::new(
            role,
            format!("Then change the name servers of {zone} at the registrar."),
            format!("Changer ensuite les serveurs de noms de {zone} auprès du bureau d'enregistrement."),
        ),
    });
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "dns.host.target red: visitors reach the origin or nothing; nothing else about the edge can be judged.",
                "dns.host.target rouge : les visiteurs atteignent l'origine ou rien ; rien d'autre ne peut être jugé \
                 sur le CDN.",
            ),
            Said::new(
                "tls.chain red: do not announce; a browser shows a warning that nobody can click away under HSTS.",
                "tls.chain rouge : ne pas annoncer ; le navigateur affiche un avertissement que personne ne peut \
                 ignorer sous HSTS.",
            ),
        ],
        undo: vec![Said::new(
            format!(
                "Point {host} back at the platform; the origin must then be open to all (remove the proxy's lock first)."
            ),
            format!(
                "Faire de nouveau pointer {host} vers la plateforme ; l'origine doit alors être ouverte à tous (retirer \
                 d'abord le verrou du proxy)."
            ),
        )],
    }
}
