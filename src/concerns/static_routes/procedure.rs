//! What a person does about `[static_routes]`.

use super::{Route, StaticRoutes};
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};

pub fn procedure(table: &StaticRoutes, site: &Site) -> Procedure {
    let (role, name) = (Role::answering_for(table.key()), &site.name);
    let cache = format!("{}:{}", table.cache.host, table.cache.port);
    let mut before = vec![
        Task::new(
            role,
            format!(
                "Start Varnish with varnish/{name}.vcl on {cache}, and let nobody but the proxy reach that port: whoever \
                 reaches it may publish."
            ),
            format!(
                "Démarrer Varnish avec varnish/{name}.vcl sur {cache}, et ne laisser que le proxy atteindre ce port : \
                 qui l'atteint peut publier."
            ),
        ),
        Task::new(
            role,
            "Close the back office to the public: Varnish alone asks it.",
            "Fermer le back-office au public : seul Varnish l'interroge.",
        ),
        Task::new(
            role,
            "Publish each page once, so that no visitor is the first; see below.",
            "Publier chaque page une fois, pour qu'aucun visiteur ne soit le premier ; voir plus bas.",
        ),
    ];
    before.extend(table.routes.iter().map(|route| {
        let publishers = texts(&route.publishers);
        // Varnish's and the edge's, each once fresh and once while it fetches.
        let seconds = u64::from(route.refreshed_every_seconds.get()) * 4;
        Task::new(
            role,
            format!(
                "{}: agree who publishes, from {}; a visitor sees a new page {seconds} s later at most without anybody \
                 publishing.",
                route.name,
                Language::En.list(&publishers)
            ),
            format!(
                "{} : convenir de qui publie, depuis {} ; sans publication, un visiteur voit la nouvelle page {seconds} \
                 s plus tard au plus.",
                route.name,
                Language::Fr.list(&publishers)
            ),
        )
    }));
    let mut undo: Vec<Said> = table.routes.iter().map(|route| publish(route, site)).collect();
    if site.cdn.is_some() {
        undo.push(Said::new(
            "Then purge the same URLs at the CDN, or its copies live on until they are old.",
            "Purger ensuite les mêmes URL sur le CDN, sinon ses copies vivent jusqu'à leur péremption.",
        ));
    }
    undo.extend([
        Said::new(
            "Back from a wrong page: mend it in the back office and publish again; each publication replaces the last \
             one whole.",
            "Revenir d'une page erronée : la corriger dans le back-office et publier de nouveau ; chaque publication \
             remplace entièrement la précédente.",
        ),
        Said::new(
            "Remove a page at once: the same with PURGE in place of REFRESH, then purge the CDN; the next visitor makes \
             the back office build it again.",
            "Retirer une page aussitôt : la même commande avec PURGE au lieu de REFRESH, puis purger le CDN ; le \
             visiteur suivant la fait reconstruire par le back-office.",
        ),
    ]);
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "static.published red: ask Varnish itself (curl -i with the site's Host), then the back office; the \
                 first one that answers wrongly is the one.",
                "static.published rouge : interroger Varnish lui-même (curl -i avec l'en-tête Host du site), puis le \
                 back-office ; le premier qui répond mal est le fautif.",
            ),
            Said::new(
                "static.stays or static.one-fetch red: the back office meets the crowd; compare the running VCL with \
                 the generated one before anything else.",
                "static.stays ou static.one-fetch rouge : le back-office reçoit la foule ; comparer avant tout la VCL en \
                 service à la VCL générée.",
            ),
            Said::new(
                "static.publisher red: strangers can publish or remove; shut the port of Varnish to all but the proxy, \
                 now.",
                "static.publisher rouge : des inconnus peuvent publier ou retirer ; fermer immédiatement le port de \
                 Varnish à tous sauf au proxy.",
            ),
        ],
        undo,
    }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// How to publish a route now.
fn publish(route: &Route, site: &Site) -> Said {
    let machines = site.cdn.as_ref().map(|cdn| texts(&cdn.origins)).unwrap_or_default();
    let publishers = texts(&route.publishers);
    let samples: Vec<String> = route.samples.iter().map(|path| format!("https://{}{path}", site.host)).collect();
    let command = |language: Language| {
        let pages = match samples.as_slice() {
            [] => language.of("the URL of the page", "URL de la page").to_owned(),
            // As the shell wants them: the words between would be hosts.
            some => some.join(" "),
        };
        let machines = match machines.as_slice() {
            [] => String::new(),
            some => format!(
                "{}{} (--connect-to {}:443:{}:443)",
                language.of(", at each of ", ", sur chacune des machines "),
                language.list(some),
                site.host,
                language.of("ADDRESS", "ADRESSE")
            ),
        };
        format!("curl -X REFRESH {pages}{machines}")
    };
    Said::new(
        format!(
            "Publish {} now, from {}: {}. 200: published; 503: the back office failed, and the old page stays.",
            route.name,
            Language::En.list(&publishers),
            command(Language::En)
        ),
        format!(
            "Publier {} maintenant, depuis {} : {}. 200 : publié ; 503 : le back-office a échoué, et l'ancienne page \
             reste.",
            route.name,
            Language::Fr.list(&publishers),
            command(Language::Fr)
        ),
    )
}
