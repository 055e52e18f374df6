//! Whether the plan bears the audience. Arithmetic alone: nothing is asked.

use super::{Audience, load};
use crate::blueprint::Site;
use crate::capacity::{self, Capacity, GroupNeed, LineNeed, grouped};
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::language::Language;

const VALID_FOR_SECONDS: u32 = 86_400;
/// The least that the busiest second is, against the mean, in per cent.
pub(super) const LEAST_PEAK: u64 = 150;
/// The share of a line that may be used, in per cent, and the one at which it is full.
const LINE_PERCENT: u64 = 60;
const FULL_PERCENT: u64 = 100;
pub(super) const LEAST_HOURS_BEFORE: u32 = 2;
pub(super) const LEAST_HOURS_AFTER: u32 = 24;

pub fn checks(audience: &Audience, site: &Site) -> OneOrMore<Check> {
    let audience = site.audience.as_ref().unwrap_or(audience);
    let capacity = capacity::of(site);
    let groups =
        capacity.iter().flat_map(|capacity| capacity.groups.iter().map(move |group| containers(group, capacity)));
    let lines = capacity.iter().flat_map(|capacity| &capacity.lines).map(line);
    OneOrMore(prescale(audience), groups.chain(lines).chain(load::checks(audience, site)).collect())
}

pub(super) fn check(
    id: &'static str,
    subject: String,
    judgement: Judgement,
    remedy: String,
    source: &'static str,
) -> Check {
    Check {
        id,
        subject,
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(move |_| judgement.clone()),
        remedy,
        source,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

/// `cap.arith`: as many containers are planned as the busiest second needs.
fn containers(group: &GroupNeed, capacity: &Capacity) -> Check {
    let planned = group.planned.unwrap_or(0);
    let text = format!("{} needed, {} planned", grouped(group.needed), grouped(planned));
    let judgement = if planned < group.needed {
        Judgement::fail(text)
    } else if capacity.peak_percent < LEAST_PEAK {
        Judgement::warn(format!("{text}; but the busiest second is taken as {} % of the mean", capacity.peak_percent))
    } else {
        Judgement::pass(text)
    };
    check(
        "cap.arith",
        format!("{} {}", group.app, group.container),
        judgement,
        format!("plan {} containers, or have the CDN answer more; see `golive capacity`", group.needed),
        "JVA-1, JVA-9, DOC-1: peaks of 1.4 to 2.9 times the mean",
    )
}

/// `cap.bandwidth`
fn line(line: &LineNeed) -> Check {
    let text = format!("{} of {} Mbit/s, {} %", grouped(line.megabits), grouped(line.limit), grouped(line.percent));
    // Nothing goes over a line that is not there, and there is nothing to be full.
    let judgement = if line.limit == 0 || line.percent >= FULL_PERCENT {
        Judgement::fail(text)
    } else if line.percent >= LINE_PERCENT {
        Judgement::warn(text)
    } else {
        Judgement::pass(text)
    };
    check(
        "cap.bandwidth",
        line.of.told_in(Language::En).to_owned(),
        judgement,
        "more containers at the front, smaller answers, more of them from the CDN".to_owned(),
        "ALT-4; Scalingo docs, platform internals: 20 MB/s a container",
    )
}

/// `cap.prescale`: every container runs before the public comes, and stays.
fn prescale(audience: &Audience) -> Check {
    let (before, after) = (audience.prescale_hours_before.get(), audience.prescale_hours_after.get());
    let text = format!("from {before} h before to {after} h after");
    let judgement = match before >= LEAST_HOURS_BEFORE && after >= LEAST_HOURS_AFTER {
        true => Judgement::pass(text),
        false => {
            Judgement::fail(format!("{text}; wanted {LEAST_HOURS_BEFORE} h before and {LEAST_HOURS_AFTER} h after"))
        }
    };
    check(
        "cap.prescale",
        "all containers".to_owned(),
        judgement,
        "have all containers up two hours before, and for a day after".to_owned(),
        "DOC-2, DOC-10: hundreds of servers take minutes to start",
    )
}

#[cfg(test)]
mod tests {
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, sample, verdict};

    fn judged(id: &str, subject: &str, edits: &[(&str, &str)]) -> Verdict {
        let (blueprint, site) = sample(edits);
        verdict(&check(&blueprint, &site, id, subject), &[]).expect("a verdict")
    }

    #[test]
    fn the_plan_bears_the_audience_or_not() {
        assert_eq!(judged("cap.arith", "jeveuxaider web", &[]), Verdict::Pass);
        assert_eq!(judged("cap.arith", "jeveuxaider web", &[("per_second = 600", "per_second = 601")]), Verdict::Fail);
        assert_eq!(
            judged("cap.arith", "jeveuxaider web", &[("peak_percent = 150", "peak_percent = 149")]),
            Verdict::Warn
        );
    }

    #[test]
    fn lines() {
        let link = |size: &str| format!("window_minutes = 30\nlink_megabits_per_second = {size}");
        assert_eq!(judged("cap.bandwidth", "jeveuxaider-front web", &[]), Verdict::Pass);
        assert_eq!(judged("cap.bandwidth", "your line", &[("window_minutes = 30", &link("100"))]), Verdict::Fail);
        assert_eq!(judged("cap.bandwidth", "your line", &[("window_minutes = 30", &link("300"))]), Verdict::Warn);
        assert_eq!(judged("cap.bandwidth", "your line", &[("window_minutes = 30", &link("10000"))]), Verdict::Pass);
    }
}
