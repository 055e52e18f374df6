//! What a person does about `[proxy]`.

use super::Proxy;
use crate::blueprint::Site;
use crate::concerns::fragment::{RunsOn, upstream_variable};
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(proxy: &Proxy, site: &Site) -> Procedure {
    let role = Role::answering_for(proxy.key());
    let deploy = match proxy.runs_on {
        RunsOn::Scalingo => {
            let upstream = upstream_variable(&proxy.upstream);
            Task::new(
                role,
                format!(
                    "Deploy nginx/scalingo/ as an app of its own with the nginx buildpack, \
                     APP_UPSTREAM=\"{upstream}\" in its environment."
                ),
                format!(
                    "Déployer nginx/scalingo/ comme une application à part avec le buildpack nginx, \
                     APP_UPSTREAM=\"{upstream}\" dans son environnement."
                ),
            )
        }
        RunsOn::Server => Task::new(
            role,
            "Copy nginx/proxy/ to the machine, put the certificate into tls/, run `nginx -t -p DIR -c nginx.conf`.",
            "Copier nginx/proxy/ sur la machine, placer le certificat dans tls/, lancer \
             `nginx -t -p DOSSIER -c nginx.conf`.",
        ),
    };
    let domain = Task::new(
        role,
        format!("Add {} as a domain of the proxy, not of the app.", site.host),
        format!("Ajouter {} comme domaine du proxy, et non de l'application.", site.host),
    );
    Procedure {
        before: vec![deploy, domain],
        when_red: vec![
            Said::new(
                "origin.lock red: visitors can walk round the CDN, its cache and its limits; look at who may connect.",
                "origin.lock rouge : on peut contourner le CDN, son cache et ses limites ; regarder qui peut se \
                 connecter.",
            ),
            Said::new(
                "origin.host red: the default server answers for names that are not yours.",
                "origin.host rouge : le serveur par défaut répond pour des noms qui ne sont pas les vôtres.",
            ),
        ],
        undo: vec![Said::new(
            "Point the CDN's origin records at the app itself; cache headers are then the app's.",
            "Faire pointer les enregistrements d'origine du CDN vers l'application elle-même ; les en-têtes de cache \
             sont alors ceux de l'application.",
        )],
    }
}
