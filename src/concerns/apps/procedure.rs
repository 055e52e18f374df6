//! What a person does about `[apps]`.

use super::Apps;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(apps: &Apps) -> Procedure {
    let role = Role::answering_for(apps.key());
    let mut before = vec![
        Task::new(
            role,
            "Give each secret to Terraform through the environment (TF_VAR_...); none is in a file. The state holds \
             them: keep it where few can read it.",
            "Fournir chaque secret à Terraform par l'environnement (TF_VAR_...) ; aucun ne figure dans un fichier. \
             L'état Terraform les contient : le conserver là où peu de personnes peuvent le lire.",
        ),
        Task::new(
            role,
            "Take the load test's numbers for the containers, and have every one of them up two hours before: those \
             that are started by load come too late (DOC-2).",
            "Reprendre pour les conteneurs les nombres du test de charge, et les avoir tous démarrés deux heures avant : \
             ceux que la charge fait démarrer arrivent trop tard (DOC-2).",
        ),
        Task::new(
            role,
            "Remove basic authentication, `noindex` and `Disallow: /` from every path, those of the API too (JVA-14).",
            "Retirer l'authentification HTTP basique, `noindex` et `Disallow: /` de tous les chemins, y compris ceux \
             de l'API (JVA-14).",
        ),
    ];
    let most = apps.apps.iter().flat_map(|app| &app.containers).map(super::Container::most).max().unwrap_or(0);
    if most > 10 {
        before.insert(
            0,
            Task::new(
                role,
                "Send letters/platform.md: more than ten containers of one type take a word from support.",
                "Envoyer letters/platform.md : au-delà de dix conteneurs d'un même type, il faut l'accord du support.",
            ),
        );
    }
    Procedure {
        before,
        when_red: vec![
            Said::new(
                "Too few containers: `scalingo --app APP scale web:N:SIZE`. A scale call by hand switches the \
                 autoscaler off: look at it after.",
                "Trop peu de conteneurs : `scalingo --app APP scale web:N:SIZE`. Un changement manuel désactive \
                 l'autoscaler : le vérifier ensuite.",
            ),
            Said::new(
                "A variable is wrong: set it, then restart; setting alone changes nothing in what runs. Debug output \
                 on the public site comes first of all.",
                "Une variable est fausse : la corriger, puis redémarrer ; la correction seule ne change rien à ce qui \
                 tourne. Un affichage de débogage sur le site public passe avant tout le reste.",
            ),
            Said::new(
                "The health page is red, the containers run: look at what the page asks, the database above all.",
                "La page de santé est rouge alors que les conteneurs tournent : regarder ce que cette page interroge, \
                 la base de données d'abord.",
            ),
        ],
        undo: vec![
            Said::new(
                "Deploy the commit before: `scalingo --app APP deployments` names it. Auto-deploy off first, or the \
                 next commit undoes it.",
                "Déployer le commit précédent : `scalingo --app APP deployments` le donne. Couper d'abord le \
                 déploiement automatique, sinon le prochain commit annule ce retour.",
            ),
            Said::new(
                "Containers are taken away by decision alone, and not within a day of the announcement (DOC-10).",
                "Des conteneurs ne sont retirés que sur décision, et jamais à moins d'un jour de l'annonce (DOC-10).",
            ),
        ],
    }
}
