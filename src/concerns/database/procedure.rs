//! What a person does about `[database]`.

use super::Database;
use crate::blueprint::Site;
use crate::concerns::people::Role;
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;

pub fn procedure(database: &Database, _site: &Site) -> Procedure {
    let (role, pool) = (Role::answering_for(database.key()), database.connections_per_container);
    Procedure {
        before: vec![
            Task::new(
                role,
                "Restore the last backup to another database, and read it: a backup that nobody restored is a hope. \
                 Note the day as `restore_tried_on`.",
                "Restaurer la dernière sauvegarde dans une autre base, et la lire : une sauvegarde que personne n'a \
                 restaurée n'est qu'un espoir. Noter le jour dans `restore_tried_on`.",
            ),
            Task::new(
                role,
                "Order point-in-time recovery days before: its first base copy may take a day, and a restore starts \
                 the window anew.",
                "Commander la restauration à un instant donné (PITR) plusieurs jours avant : sa première copie de base \
                 peut prendre une journée, et une restauration remet la fenêtre à zéro.",
            ),
            Task::new(
                role,
                "Load the tables as full as they will be on the night before the load test: an index that is missing \
                 shows only then (JVA-9).",
                "Avant le test de charge, remplir les tables comme elles le seront le soir même : un index manquant ne \
                 se voit qu'à ce moment-là (JVA-9).",
            ),
        ],
        when_red: vec![
            Said::new(
                format!(
                    "Too many connections: lower the pool of each container below {pool}, then restart; fewer \
                     connections are often faster."
                ),
                format!(
                    "Trop de connexions : réduire le pool de chaque conteneur sous {pool}, puis redémarrer ; moins de \
                     connexions est souvent plus rapide."
                ),
            ),
            Said::new(
                "A larger plan of the same class needs no stop; from `starter` to `business` neither. Processor, not \
                 memory, was the limit (JVA-5).",
                "Un plan plus grand de la même gamme n'exige pas d'arrêt ; passer de `starter` à `business` non plus. \
                 C'est le processeur, et non la mémoire, qui était la limite (JVA-5).",
            ),
            Said::new(
                "No backup in a day: make one by hand before anything else, then ask the platform why.",
                "Aucune sauvegarde depuis un jour : en faire une à la main avant toute autre chose, puis demander \
                 pourquoi à la plateforme.",
            ),
        ],
        undo: vec![Said::new(
            "Point-in-time recovery stops the database and resets the window: only on the lead's word, with the moment \
             written down.",
            "La restauration à un instant donné arrête la base et remet la fenêtre à zéro : uniquement sur ordre de la \
             direction, l'instant choisi étant consigné par écrit.",
        )],
    }
}
