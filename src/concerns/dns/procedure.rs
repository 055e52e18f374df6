//! What a person does about `[dns]`.

use super::{Dns, RunBy, Zone};
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(dns: &Dns, site: &Site) -> Procedure {
    let role = Role::answering_for(dns.key());
    let (lowered, steady) = (dns.lowered_ttl_seconds, dns.steady_ttl_seconds);
    let mut before: Vec<Task> = dns.zones.iter().map(|zone| Task { role, text: published(zone) }).collect();
    for zone in &dns.zones {
        let name = &zone.name;
        if zone.parent_servers.is_empty() {
            before.push(Task::new(
                role,
                format!(
                    "Compare the name servers that the registrar lists for {name} with those of its zone file: golive \
                     was not told whom to ask."
                ),
                format!(
                    "Comparer les serveurs de noms que le bureau d'enregistrement indique pour {name} à ceux de son \
                     fichier de zone : golive ne sait pas qui interroger."
                ),
            ));
        }
        before.push(match zone.signed {
            true => Task::new(
                role,
                format!(
                    "Keep the DS of {name} at the registrar until its new keys are published; never move its name \
                     servers under an old DS."
                ),
                format!(
                    "Conserver le DS de {name} auprès du bureau d'enregistrement jusqu'à la publication de ses \
                     nouvelles clés ; ne jamais déplacer ses serveurs de noms sous un ancien DS."
                ),
            ),
            false => Task::new(
                role,
                format!("See that the registrar holds no DS for {name}: resolvers that check would answer nothing."),
                format!(
                    "Vérifier que le bureau d'enregistrement ne détient aucun DS pour {name} : les résolveurs qui \
                     valident DNSSEC ne répondraient plus rien."
                ),
            ),
        });
    }
    before.push(Task::new(
        role,
        format!("A day before the announcement, see every launched name at a TTL of {lowered} s or less."),
        format!("Un jour avant l'annonce, constater que chaque nom du lancement a un TTL de {lowered} s au plus."),
    ));
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "Compare what each name server answers (dig @SERVER NAME TYPE +norecurse) with the zone's file in dns/.",
                "Comparer ce que répond chaque serveur de noms (dig @SERVEUR NOM TYPE +norecurse) au fichier de la \
                 zone, dans dns/.",
            ),
            Said::new(
                "Where a resolver keeps an old answer, tell visitors the time at which it is dead; some large ones \
                 forget a name on request.",
                "Quand un résolveur garde une ancienne réponse, indiquer aux visiteurs l'heure à laquelle elle expire ; \
                 certains grands résolveurs oublient un nom sur demande.",
            ),
            Said::new(
                "Answer the ticket with the very line that differs; a doubled zone name means that a final dot was lost.",
                "Répondre au ticket avec la ligne exacte qui diffère ; un nom de zone doublé signifie que le point \
                 final a été perdu.",
            ),
        ],
        undo: vec![Said::new(
            format!(
                "Ask for the former records; the wrong ones live on for their TTL ({lowered} s). A day after the \
                 launch, ask for {steady} s again on {}.",
                site.host
            ),
            format!(
                "Demander le rétablissement des anciens enregistrements ; les mauvais vivent encore pendant leur TTL \
                 ({lowered} s). Un jour après le lancement, redemander {steady} s pour {}.",
                site.host
            ),
        )],
    }
}

/// How the records of a zone come to be published.
fn published(zone: &Zone) -> Said {
    let name = &zone.name;
    match (zone.run_by, &zone.ticket_to) {
        (RunBy::Ticket, Some(whom)) => Said::new(
            format!("Send dns/requests/{name}.md to {whom}; expect hours, and ask for the ticket's number."),
            format!(
                "Envoyer dns/requests/{name}.md (destinataire : {whom}) ; compter plusieurs heures, et demander le \
                 numéro du ticket."
            ),
        ),
        (RunBy::Ticket, None) => Said::new(
            format!("Send dns/requests/{name}.md to whoever runs the zone."),
            format!("Envoyer dns/requests/{name}.md au gestionnaire de la zone."),
        ),
        (RunBy::Octodns, _) => Said::new(
            format!(
                "Run octodns-sync on dns/octodns/config.yaml, read its plan for {name}, and run it again with --doit."
            ),
            format!(
                "Lancer octodns-sync sur dns/octodns/config.yaml, lire son plan pour {name}, puis le relancer avec \
                 --doit."
            ),
        ),
        (RunBy::Cloudflare, _) => Said::new(
            format!("Apply terraform/ for the records of {name}."),
            format!("Appliquer terraform/ pour les enregistrements de {name}."),
        ),
    }
}
