//! Everything there is to say about a blueprint without asking the network.

use std::cell::LazyCell;
use std::ops::Range;
use std::path::Path;

use super::plan_limits;
use crate::blueprint::load::{self, Read, Source};
use crate::blueprint::spans::SpanIndex;
use crate::blueprint::{Finding, KeyPath, Level, LoadError, Loaded, site_findings, terraform_findings};
use crate::concerns::rules;
use crate::emit::{self, Artifact};

/// A finding and the bytes of [`Source::text`] that it is about.
#[derive(Debug, Clone)]
pub struct Remark {
    pub finding: Finding,
    pub bytes: Range<usize>,
}

/// What linting came to.
#[derive(Debug)]
pub struct Lint {
    pub source: Source,
    /// In the order of the file.
    pub remarks: Vec<Remark>,
    /// Tables that this blueprint leaves out.
    pub left_out: Vec<&'static str>,
    /// `None` as soon as there is one error.
    pub loaded: Option<Loaded>,
    /// What is generated from it, without the manifest: composing is the only way to see every clash.
    pub artifacts: Vec<Artifact>,
}

impl Lint {
    pub fn count(&self, level: Level) -> usize {
        self.remarks.iter().filter(|remark| remark.finding.level == level).count()
    }
}

/// Reads a blueprint and judges it.
///
/// # Errors
///
/// See [`load::load`]; what is wrong inside the file is among the remarks.
pub fn lint(path: &Path) -> Result<Lint, LoadError> {
    load::load(path).map(judge)
}

/// Judges a blueprint that was read: its form, `[site]`, then every concern, then all of them against the CDN's plan.
///
/// An error of form does not silence the rules: each still speaks if it reads no key that had to be replaced.
pub fn judge(read: Read) -> Lint {
    let Read { source, spans, mut findings, draft } = read;
    let mut left_out = Vec::new();
    if let Some(draft) = &draft {
        let blueprint = &draft.loaded.blueprint;
        let mut expert = site_findings::findings(blueprint);
        expert.extend(terraform_findings::findings(blueprint));
        for concern in blueprint.concerns() {
            expert.extend(concern.findings(&draft.loaded.site));
        }
        expert.extend(plan_limits::findings(blueprint, &draft.loaded.site));
        findings.extend(expert.into_iter().filter(|finding| draft.holds_what_it_reads(finding.rule)));
        left_out = blueprint.left_out();
    }
    let is_sound = |findings: &[Finding]| findings.iter().all(|finding| finding.level != Level::Error);
    // Sound tables may still ask for what cannot be had together.
    let mut artifacts = Vec::new();
    if let Some(draft) = &draft
        && is_sound(&findings)
    {
        match emit::compose(&draft.loaded.blueprint, &draft.loaded.site) {
            Ok(composed) => {
                if composed.iter().any(emit::is_overfull) {
                    findings.push(Finding::warning(
                        &rules::PEOPLE_CARD,
                        KeyPath::of(["people"]).key("levers"),
                        "the crisis card does not fit on one A4 page in type that can be read",
                        "shorten what is said of roles, channels and levers",
                    ));
                }
                artifacts = composed;
            }
            Err(clashes) => {
                let remedy = "change one of the two";
                findings.extend(clashes.into_iter().map(|clash| Finding::error(&rules::CLASH, 0..0, clash.0, remedy)));
            }
        }
    }
    let is_sound = is_sound(&findings);
    // Without a finding nobody asks where anything stands.
    let spans = LazyCell::new(|| spans.unwrap_or_else(|| SpanIndex::of(&source.text)));
    let located = |finding: Finding| Remark { bytes: spans.locate(&finding.place), finding };
    let mut remarks: Vec<Remark> = findings.into_iter().map(located).collect();
    remarks.sort_by_key(|remark| (remark.bytes.start, remark.finding.level, remark.finding.rule.id));
    Lint { source, remarks, left_out, loaded: draft.map(|draft| draft.loaded).filter(|_| is_sound), artifacts }
}
