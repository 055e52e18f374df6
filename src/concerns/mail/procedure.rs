//! What a person does about `[mail]`.

use super::Mail;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(mail: &Mail, site: &Site) -> Procedure {
    let role = Role::answering_for(mail.key());
    let mut before = vec![
        Task::new(
            role,
            format!("Send letters/mail-provider.md to {}: quotas and new addresses take weeks.", mail.provider),
            format!(
                "Envoyer letters/mail-provider.md (destinataire : {}) : quotas et nouvelles adresses demandent des \
                 semaines.",
                mail.provider
            ),
        ),
        Task::new(
            role,
            "Where a name has an SPF record already, merge its terms into ours: two records are as good as none.",
            "Si un nom a déjà un enregistrement SPF, fusionner ses termes avec les nôtres : deux enregistrements \
             équivalent à aucun.",
        ),
    ];
    for domain in mail.domains.iter().filter(|domain| domain.transport.is_some()) {
        let name = &domain.name;
        before.push(Task::new(
            role,
            format!(
                "Serve mail/{name}/mta-sts.txt as https://mta-sts.{name}/.well-known/mta-sts.txt, then have the record \
                 published with its id; again after each change of the mail servers, the policy first."
            ),
            format!(
                "Servir mail/{name}/mta-sts.txt à l'adresse https://mta-sts.{name}/.well-known/mta-sts.txt, puis faire \
                 publier l'enregistrement avec son id ; recommencer après chaque changement des serveurs de \
                 messagerie, la politique d'abord."
            ),
        ));
    }
    if mail.domains.iter().any(|domain| !domain.senders.is_empty()) {
        before.push(Task::new(
            role,
            "Send dns/requests/ptr.md to the owner of the addresses.",
            "Envoyer dns/requests/ptr.md au détenteur des adresses.",
        ));
    }
    if mail.sends() {
        before.push(Task::new(
            role,
            "Weeks before, send a little more each day from each dedicated address, and note the first day as \
             `warm_since`. A key that is more than a year old: have another made under a second selector, switch, and \
             take the old one out a week later.",
            "Des semaines avant, envoyer chaque jour un peu plus depuis chaque adresse dédiée, et noter le premier jour \
             dans `warm_since`. Une clé a plus d'un an : en faire créer une autre sous un second sélecteur, basculer, \
             et retirer l'ancienne une semaine plus tard.",
        ));
        before.push(Task::new(
            role,
            format!(
                "{} messages are expected in a day: have what need not be read at once wait in the site's own queue.",
                Language::En.number(mail.messages_per_day.into())
            ),
            format!(
                "Messages attendus en un jour : {} ; faire attendre dans la file du site ce qui n'a pas à être lu tout de \
                 suite.",
                Language::Fr.number(mail.messages_per_day.into())
            ),
        ));
    }
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "SPF: `dig NAME TXT` at each name server; one record starts with v=spf1. Too many look-ups: drop the \
                 include that is not used on the day.",
                "SPF : `dig NOM TXT` sur chaque serveur de noms ; un seul enregistrement commence par v=spf1. Trop de \
                 résolutions DNS : retirer l'include qui ne sert pas ce jour-là.",
            ),
            Said::new(
                "DKIM: compare the published `p=` with the provider's page, to its last character.",
                "DKIM : comparer le `p=` publié à la page du prestataire, jusqu'au dernier caractère.",
            ),
            Said::new(
                "4xx or 5.7.x answers in the provider's log: read which rule of the receiver they name, and slow down \
                 before that is mended.",
                "Réponses 4xx ou 5.7.x dans le journal du prestataire : lire quelle règle du destinataire elles citent, \
                 et ralentir tant que ce n'est pas corrigé.",
            ),
            Said::new(
                "Mail is refused on the day: let the site confirm later (within 24 or 48 hours) rather than send from \
                 other addresses.",
                "Des courriels sont refusés le jour même : laisser le site confirmer plus tard (sous 24 ou 48 heures) \
                 plutôt que d'envoyer depuis d'autres adresses.",
            ),
        ],
        undo: vec![Said::new(
            format!(
                "Ask for the former records. A DMARC policy that costs wanted mail goes back to p=none first; receivers \
                 keep the old one for {} s.",
                site.steady_ttl
            ),
            format!(
                "Demander le rétablissement des anciens enregistrements. Une politique DMARC qui fait perdre des \
                 courriels légitimes revient d'abord à p=none ; les destinataires gardent l'ancienne pendant {} s.",
                site.steady_ttl
            ),
        )],
    }
}
