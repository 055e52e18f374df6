//! What a person does about `[redirects]`.

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(redirects: &Redirects, site: &Site) -> Procedure {
    let role = Role::answering_for(redirects.key());
    let mut before = Vec::new();
    for server in &redirects.servers {
        if let Some(name) = server.names.first() {
            let addresses: Vec<String> = server.addresses.iter().map(ToString::to_string).collect();
            before.push(Task::new(
                role,
                format!(
                    "Copy nginx/redirect-{name}/ to the machines that have {}; on each, keep its own addresses in \
                     where/.",
                    Language::En.list(&addresses)
                ),
                format!(
                    "Copier nginx/redirect-{name}/ sur les machines qui portent {} ; sur chacune, conserver ses propres \
                     adresses dans where/.",
                    Language::Fr.list(&addresses)
                ),
            ));
            before.push(Task::new(
                role,
                format!("Install one certificate for all names of {name} on every machine, then start nginx."),
                format!(
                    "Installer sur chaque machine un même certificat pour tous les noms de {name}, puis démarrer nginx."
                ),
            ));
        }
    }
    if !redirects.paths.is_empty() {
        let count = redirects.paths.len();
        before.push(Task::new(
            role,
            format!("Deploy the proxy, which holds the {count} moved paths."),
            format!("Déployer le proxy, qui porte les {count} chemins déplacés."),
        ));
    }
    if !redirects.servers.is_empty() {
        before.push(Task::new(
            role,
            "Only then have the names pointed at these addresses.",
            "Ensuite seulement, faire pointer les noms vers ces adresses.",
        ));
    }
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "tls.redirect.ips red on one address: copy certificate and key from the machine that is well.",
                "tls.redirect.ips rouge sur une adresse : copier le certificat et la clé depuis la machine saine.",
            ),
            Said::new(
                "redir.ips red on one address: take it out of DNS if it does not recover within a TTL.",
                "redir.ips rouge sur une adresse : la retirer du DNS si elle ne se rétablit pas en l'espace d'un TTL.",
            ),
        ],
        undo: vec![Said::new(
            format!(
                "Browsers remember a 301 or 308: to take a redirect back, answer 302 to {} first and keep it for weeks.",
                site.host
            ),
            format!(
                "Les navigateurs mémorisent un 301 ou un 308 : pour revenir sur une redirection, répondre d'abord 302 \
                 vers {} et le maintenir des semaines.",
                site.host
            ),
        )],
    }
}
