//! `golive coverage`: which promise is kept by which files, checks, procedures and drills, and where there is none.
//!
//! Derived, not declared: a file belongs to a concern if it is another one, or none, once the concern asks for
//! nothing. Must not run anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::blueprint::Loaded;
use crate::concerns::Drills;
use crate::emit::{self, Artifact, Clash};

#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    pub concerns: Vec<ConcernCoverage>,
    /// What no drill can redden although it is a promise, and promises that nothing is generated for.
    pub holes: Vec<Hole>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ConcernCoverage {
    pub concern: &'static str,
    /// Paths below the site's folder.
    pub artifacts: Vec<String>,
    pub checks: Vec<CheckCoverage>,
    pub procedure: Steps,
    /// Ids of its own drills.
    pub drills: Vec<&'static str>,
    /// Why it has none.
    pub no_drills: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct CheckCoverage {
    pub id: &'static str,
    /// How many names, addresses or classes it is put to.
    pub subjects: usize,
    /// Drills, of whichever concern, that turn it red.
    pub drills: Vec<&'static str>,
}

/// How many steps a person finds for each occasion.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Steps {
    pub before: usize,
    pub when_red: usize,
    pub undo: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hole {
    pub concern: &'static str,
    /// The check, where it is about one.
    pub check: Option<&'static str>,
    pub because: String,
}

/// # Errors
///
/// Fragments that cannot all be obeyed.
pub fn coverage(loaded: &Loaded) -> Result<Coverage, Vec<Clash>> {
    let (blueprint, site) = (&loaded.blueprint, &loaded.site);
    let concerns = blueprint.concerns();
    let whole = emit::compose(blueprint, site)?;
    let mut reddened: BTreeMap<&'static str, Vec<&'static str>> = BTreeMap::new();
    let mut own = Vec::new();
    for concern in &concerns {
        let (ids, because) = match concern.drills(site) {
            Drills::Run(drills) => {
                for drill in drills.iter() {
                    for check in &drill.reddens {
                        reddened.entry(check).or_default().push(drill.id);
                    }
                }
                (drills.iter().map(|drill| drill.id).collect(), None)
            }
            Drills::None { because } => (Vec::new(), Some(because)),
        };
        own.push((ids, because));
    }

    let mut rows = Vec::new();
    for (at, (concern, (drills, no_drills))) in concerns.iter().zip(own).enumerate() {
        let mut others = concerns.clone();
        others.remove(at);
        let without = emit::compose_of(&others, blueprint, site)?;
        let mut checks: BTreeMap<&'static str, usize> = BTreeMap::new();
        for check in concern.checks(site).iter() {
            *checks.entry(check.id).or_default() += 1;
        }
        let procedure = concern.procedure(site);
        rows.push(ConcernCoverage {
            concern: concern.key(),
            artifacts: changed(&whole, &without),
            checks: checks
                .into_iter()
                .map(|(id, subjects)| CheckCoverage {
                    id,
                    subjects,
                    drills: reddened.get(id).cloned().unwrap_or_default(),
                })
                .collect(),
            procedure: Steps {
                before: procedure.before.len(),
                when_red: procedure.when_red.len(),
                undo: procedure.undo.len(),
            },
            drills,
            no_drills,
        });
    }
    let holes = holes(&rows, &reddened);
    Ok(Coverage { concerns: rows, holes })
}

/// Files about everything, which prove nothing of one promise.
fn is_common(path: &str) -> bool {
    matches!(path, "README.md" | "runbook/procedures.md")
}

/// Paths of the files that are not the same, or not there, in `without`.
fn changed(whole: &[Artifact], without: &[Artifact]) -> Vec<String> {
    whole
        .iter()
        .filter(|artifact| !is_common(&artifact.path) && !without.contains(artifact))
        .map(|artifact| artifact.path.clone())
        .collect()
}

fn holes(rows: &[ConcernCoverage], reddened: &BTreeMap<&'static str, Vec<&'static str>>) -> Vec<Hole> {
    let mut holes = Vec::new();
    for row in rows {
        let mut hole =
            |check, because: &str| holes.push(Hole { concern: row.concern, check, because: because.to_owned() });
        if row.artifacts.is_empty() {
            hole(None, "no generated file comes from it");
        }
        let Steps { before, when_red, undo } = row.procedure;
        if before + when_red + undo == 0 {
            hole(None, "its procedure has no step");
        }
        // A concern that has no drills says why, and the reason is shown: a decision is no hole.
        for check in row.checks.iter().filter(|check| check.drills.is_empty() && row.no_drills.is_none()) {
            hole(Some(check.id), "no drill turns it red");
        }
        for id in &row.drills {
            let promised = reddened.iter().filter(|(_, drills)| drills.contains(id)).map(|(check, _)| *check);
            for check in promised.filter(|check| !rows.iter().any(|row| row.checks.iter().any(|c| c.id == *check))) {
                hole(Some(check), &format!("the drill {id} promises to turn it red, and nobody makes this check"));
            }
        }
    }
    holes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(artifacts: &[&str], drills: &[&'static str], no_drills: Option<&'static str>) -> ConcernCoverage {
        ConcernCoverage {
            concern: "mail",
            artifacts: artifacts.iter().map(ToString::to_string).collect(),
            checks: vec![CheckCoverage { id: "mail.spf", subjects: 1, drills: drills.to_vec() }],
            procedure: Steps { before: 1, when_red: 1, undo: 0 },
            drills: drills.to_vec(),
            no_drills,
        }
    }

    fn reasons(row: ConcernCoverage, reddened: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let reddened = reddened.iter().map(|(check, drills)| (*check, drills.to_vec())).collect();
        holes(&[row], &reddened).into_iter().map(|hole| hole.because).collect()
    }

    #[test]
    fn a_check_that_nothing_reddens_is_a_hole_unless_the_concern_says_why() {
        assert_eq!(reasons(row(&["a"], &[], None), &[]), ["no drill turns it red"]);
        assert_eq!(reasons(row(&["a"], &[], Some("nothing to break")), &[]), Vec::<String>::new());
        assert_eq!(reasons(row(&["a"], &["spf-lost"], None), &[("mail.spf", &["spf-lost"])]), Vec::<String>::new());
    }

    #[test]
    fn a_promise_without_file_and_a_drill_of_an_unknown_check_are_holes() {
        assert_eq!(reasons(row(&[], &["d"], None), &[("mail.spf", &["d"])]), ["no generated file comes from it"]);
        let found = reasons(row(&["a"], &["d"], None), &[("mail.spf", &["d"]), ("mail.gone", &["d"])]);
        assert_eq!(found, ["the drill d promises to turn it red, and nobody makes this check"]);
    }

    #[test]
    fn a_procedure_without_a_step_is_a_hole() {
        let mut row = row(&["a"], &["d"], None);
        row.procedure = Steps { before: 0, when_red: 0, undo: 0 };
        assert_eq!(reasons(row, &[("mail.spf", &["d"])]), ["its procedure has no step"]);
    }
}
