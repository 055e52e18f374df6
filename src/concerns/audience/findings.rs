//! Offline remarks on `[audience]`.

use std::collections::HashSet;

use super::Audience;
use super::checks::{LEAST_HOURS_AFTER, LEAST_HOURS_BEFORE, LEAST_PEAK};
use super::load::REDIRECTS;
use crate::blueprint::value::{Label, Percent};
use crate::blueprint::{Finding, KeyPath, Site};
use crate::capacity::{self, grouped};
use crate::concerns::attest::days_before;
use crate::concerns::rules;
use crate::language::Language;

pub fn findings(audience: &Audience, site: &Site) -> Vec<Finding> {
    let at = |key: &str| KeyPath::of(["audience"]).key(key);
    let mut findings = Vec::new();
    let peak = u64::from(audience.peak_percent.get());
    if peak < 100 {
        findings.push(Finding::error(
            &rules::AUDIENCE_PEAK,
            at("peak_percent"),
            format!("the busiest second cannot be {peak} % of the mean"),
            "give 150 or more",
        ));
    } else if peak < LEAST_PEAK {
        findings.push(Finding::warning(
            &rules::AUDIENCE_PEAK,
            at("peak_percent"),
            format!("the busiest second is taken as {peak} % of the mean: launches had 144 to 292 %"),
            "give 150 or more",
        ));
    }
    if audience.low.is_some_and(|low| low > audience.visitors) {
        findings.push(Finding::error(
            &rules::AUDIENCE_LOW,
            at("low"),
            "the low end of the estimate is above the high one",
            "exchange `low` and `visitors`",
        ));
    }
    if audience.prescale_hours_before.get() < LEAST_HOURS_BEFORE
        || audience.prescale_hours_after.get() < LEAST_HOURS_AFTER
    {
        findings.push(Finding::warning(
            &rules::AUDIENCE_PRESCALE,
            at("prescale_hours_before"),
            format!("wanted: {LEAST_HOURS_BEFORE} hours before the announcement, and {LEAST_HOURS_AFTER} after"),
            "have the containers up earlier, and keep them longer",
        ));
    }
    let mut names = HashSet::new();
    let pages = &audience.pages;
    findings.extend(answering(site, &at("pages"), &pages.app, &pages.container, pages.measured_busy_percent));
    for (index, journey) in audience.journeys.iter().enumerate() {
        let at = at("journeys").index(index);
        if !names.insert(&journey.name) {
            findings.push(Finding::error(
                &rules::AUDIENCE_JOURNEY,
                at.clone().key("name"),
                format!("two journeys are called `{}`", journey.name),
                "give each a name of its own",
            ));
        }
        findings.extend(answering(site, &at, &journey.app, &journey.container, journey.measured_busy_percent));
    }
    for (index, test) in audience.load_tests.iter().enumerate() {
        let is_journey = names.contains(&test.of);
        if !is_journey && (test.of.as_str() != REDIRECTS || site.redirected.is_empty()) {
            findings.push(Finding::error(
                &rules::AUDIENCE_LOAD_TEST,
                at("load_tests").index(index).key("of"),
                format!("there is no journey `{}`", test.of),
                "name a journey of `[[audience.journeys]]`, or `redirects` where the blueprint has some",
            ));
        }
        if days_before(site, test.on) < 0 {
            findings.push(Finding::warning(
                &rules::AUDIENCE_LOAD_TEST,
                at("load_tests").index(index).key("on"),
                "a load test after the announcement shows nothing before it",
                "give the day of the test",
            ));
        }
    }
    let Some(capacity) = capacity::of(site) else { return findings };
    for group in &capacity.groups {
        if let Some(planned) = group.planned.filter(|planned| *planned < group.needed) {
            findings.push(Finding::warning(
                &rules::AUDIENCE_SHORT,
                KeyPath::of(["audience"]),
                format!(
                    "{} {}: {} containers needed, {} planned",
                    group.app,
                    group.container,
                    grouped(group.needed),
                    grouped(planned)
                ),
                "see `golive capacity`: more containers, or fewer requests to them",
            ));
        }
    }
    for line in capacity.lines.iter().filter(|line| line.limit > 0 && line.percent >= 60) {
        findings.push(Finding::warning(
            &rules::AUDIENCE_LINE,
            at("pages"),
            format!("{}: {} of {} Mbit/s", line.of.told_in(Language::En), grouped(line.megabits), grouped(line.limit)),
            "see `golive capacity`: more containers there, smaller answers, more of them from the CDN",
        ));
    }
    findings
}

fn answering(site: &Site, at: &KeyPath, app: &Label, container: &Label, busy: Percent) -> Vec<Finding> {
    let mut findings = Vec::new();
    let apps = site.platform.iter().flat_map(|platform| &platform.apps);
    let found = apps.filter(|one| one.name == *app).any(|one| one.container(container).is_some());
    if !found {
        findings.push(Finding::error(
            &rules::AUDIENCE_CONTAINER,
            at.clone().key("app"),
            format!("`[[apps.apps]]` has no `{app}` with containers `{container}`"),
            "name the app and the type of container that answer",
        ));
    }
    if busy.get() == 0 {
        findings.push(Finding::error(
            &rules::AUDIENCE_MEASURED,
            at.clone().key("measured_busy_percent"),
            "a container that was not busy was not measured",
            "give how busy it was, or leave the key out",
        ));
    }
    findings
}
