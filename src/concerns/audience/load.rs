//! Whether load tests have shown that the peak is borne. The tests are run by people, against written consent: what they
//! found stands in the blueprint, and is judged here.

use super::checks::check;
use super::{Audience, LoadTest};
use crate::blueprint::Site;
use crate::blueprint::value::Label;
use crate::capacity::{self, grouped};
use crate::concerns::attest::days_before;
use crate::concerns::{Check, Judgement, Verdict};

/// What [`LoadTest::of`] calls the names that only redirect.
pub(super) const REDIRECTS: &str = "redirects";
/// How long before the announcement a load test may be, in days.
const HOLDS_FOR_DAYS: i32 = 14;
/// How long the highest step is held, in minutes: a journey fills tables and queues, a redirect none.
const JOURNEY_MINUTES: u32 = 10;
const REDIRECT_MINUTES: u32 = 5;
/// How busy the busiest container may be, in per cent.
const BUSY_PERCENT: u8 = 70;
/// How busy the database may be at the target, in per cent: without remark, and at all.
const DATABASE_PERCENT: (u64, u64) = (50, 75);
/// The loosest rule for breaking off: errors in per cent, 95th percentile in milliseconds, the database in per cent.
const STOP: (u8, u32, u8) = (1, 3000, 85);

pub fn checks(audience: &Audience, site: &Site) -> Vec<Check> {
    let mut all: Vec<Check> = audience.journeys.iter().map(|journey| ramp(audience, site, journey)).collect();
    if !audience.journeys.is_empty() {
        if let Some(database) = &site.database {
            all.push(headroom(audience, site, format!("{} of {}", database.engine.as_str(), database.app)));
        }
        if site.platform.is_some() {
            all.push(queue(audience, site));
        }
    }
    if !site.redirected.is_empty() {
        all.push(redirects(audience, site));
    }
    all.push(stop_rule(audience));
    all
}

/// The last test of this, if it is recent.
fn last<'a>(audience: &'a Audience, site: &Site, of: &str) -> Result<&'a LoadTest, Judgement> {
    let Some(test) = audience.load_tests.iter().rev().find(|test| test.of.as_str() == of) else {
        return Err(Judgement::unknown(format!("no load test of {of} is on record in audience.load_tests")));
    };
    match days_before(site, test.on) {
        days if days > HOLDS_FOR_DAYS => Err(Judgement::unknown(format!(
            "the load test of {} was {days} days before the announcement, of another site",
            test.on
        ))),
        _ => Ok(test),
    }
}

fn borne(test: &LoadTest, needed: u64, minutes: u32) -> Judgement {
    let requests = u64::from(test.per_second.get()) * u64::from(test.minutes.get()) * 60;
    let (errors, busy) = (u64::from(test.errors.get()), test.busy_percent.get());
    let seen = format!(
        "on {} {} a second for {} minutes, {} errors, {busy} % busy ({})",
        test.on,
        grouped(test.per_second.get().into()),
        test.minutes,
        grouped(errors),
        test.record
    );
    if u64::from(test.per_second.get()) < needed {
        Judgement::fail(format!("{} a second are needed, and no more was shown than: {seen}", grouped(needed)))
    } else if errors.saturating_mul(1000) > requests {
        Judgement::fail(format!("more than one answer in a thousand was an error: {seen}"))
    } else if busy > BUSY_PERCENT {
        Judgement::fail(format!("nothing is left for what the mean hides: {seen}"))
    } else if test.minutes.get() < minutes {
        Judgement::fail(format!("not held for {minutes} minutes: {seen}"))
    } else {
        Judgement::pass(seen)
    }
}

/// `cap.ramp`: the journey's peak was borne for ten minutes.
fn ramp(audience: &Audience, site: &Site, journey: &super::Journey) -> Check {
    let judgement = last(audience, site, journey.name.as_str())
        .map_or_else(|unknown| unknown, |test| borne(test, journey.per_second.get().into(), JOURNEY_MINUTES));
    check(
        "cap.ramp",
        journey.name.to_string(),
        judgement,
        "find what bends first (an index, the database's plan, a vendor's quota), mend it, and load again in steps"
            .to_owned(),
        "JVA-9: an index at 75 a second, the database's plan at 150",
    )
}

/// `redir.load`: the busiest second of the announced name was borne.
fn redirects(audience: &Audience, site: &Site) -> Check {
    let needed = capacity::of(site).map_or(0, |capacity| capacity.visits_peak);
    let judgement =
        last(audience, site, REDIRECTS).map_or_else(|unknown| unknown, |test| borne(test, needed, REDIRECT_MINUTES));
    check(
        "redir.load",
        "the announced names".to_owned(),
        judgement,
        "more machines or routers before the redirect, then load it again".to_owned(),
        "JVA-17: slow from 4,000 a second until more routing servers were added",
    )
}

/// `cap.db`: processors of the database are left at the peak, taken in proportion.
fn headroom(audience: &Audience, site: &Site, subject: String) -> Check {
    let mut worst: Option<(u64, &Label)> = None;
    let mut untested = None;
    for journey in &audience.journeys {
        match last(audience, site, journey.name.as_str()) {
            Err(unknown) => untested = untested.or(Some(unknown)),
            Ok(test) => match test.database_busy_percent {
                None => {
                    let because = format!("how busy the database was under {} is not on record", journey.name);
                    untested = untested.or(Some(Judgement::unknown(because)));
                }
                Some(busy) => {
                    let work = u64::from(busy.get()).saturating_mul(journey.per_second.get().into());
                    let percent = work.div_ceil(test.per_second.get().into());
                    if worst.is_none_or(|(most, _)| percent > most) {
                        worst = Some((percent, &journey.name));
                    }
                }
            },
        }
    }
    let judged = worst.map(|(percent, name)| {
        let text = format!("{percent} % busy at the peak of {name}");
        match percent {
            percent if percent > DATABASE_PERCENT.1 => Judgement::fail(text),
            percent if percent > DATABASE_PERCENT.0 => Judgement::warn(text),
            _ => Judgement::pass(text),
        }
    });
    let judgement = match (judged, untested) {
        (Some(Judgement::Say(Verdict::Fail, text)), _) => Judgement::fail(text),
        (_, Some(untested)) => untested,
        (Some(judged), None) => judged,
        (None, None) => Judgement::unknown("no journey is declared"),
    };
    check(
        "cap.db",
        subject,
        judgement,
        "a larger plan, or fewer and cheaper writes: memory does not help a busy processor".to_owned(),
        "JVA-9: 16 of 32 processors at 600 a second; DOC-2",
    )
}

/// `origin.queue`: the platform's router turned nobody away.
fn queue(audience: &Audience, site: &Site) -> Check {
    let mut untested = None;
    let mut refused = 0u64;
    for journey in &audience.journeys {
        match last(audience, site, journey.name.as_str()) {
            Ok(test) => refused = refused.saturating_add(test.refused.get().into()),
            Err(unknown) => untested = untested.or(Some(unknown)),
        }
    }
    let judgement = match untested {
        _ if refused > 0 => Judgement::fail(format!("the router answered 502, 503 or 504 {} times", grouped(refused))),
        Some(untested) => untested,
        None => Judgement::pass("the router refused nothing under load"),
    };
    check(
        "origin.queue",
        "the platform's router".to_owned(),
        judgement,
        "more containers: 50 requests wait for each, and one that is not begun within 30 s is given up".to_owned(),
        "Scalingo docs, platform internals: 50 queued requests a container, 30 s to the first byte",
    )
}

/// `cap.abort`: when a load test is broken off is written down before it starts.
fn stop_rule(audience: &Audience) -> Check {
    let judgement = match &audience.stop_rule {
        None => Judgement::fail("nobody has said when a load test is broken off"),
        Some(rule) => {
            let (errors, slow, busy) =
                (rule.errors_percent.get(), rule.p95_milliseconds.get(), rule.database_busy_percent.get());
            let text = format!(
                "errors above {errors} %, 95th percentile above {} ms, database above {busy} %, or anybody asks; the {} \
                 says stop",
                grouped(slow.into()),
                rule.said_by.as_str()
            );
            match errors > STOP.0 || slow > STOP.1 || busy > STOP.2 {
                true => Judgement::warn(format!("late: {text}")),
                false => Judgement::pass(text),
            }
        }
    };
    check(
        "cap.abort",
        "load tests".to_owned(),
        judgement,
        "write audience.stop_rule before the next load test, and tell everybody on the call".to_owned(),
        "JVA-9, JVA-21: a vendor's 429 is somebody else's production",
    )
}

#[cfg(test)]
mod tests {
    use crate::concerns::Verdict::{self, Fail, Pass, Unknown, Warn};
    use crate::concerns::answer::made_up::{check, sample, verdict};

    #[test]
    fn a_load_test_shows_the_peak_or_does_not() {
        let signing_up = "of = \"inscription\"\non = 2020-03-20\nper_second = 600\nminutes = 10\nerrors = 40";
        let redirected = "of = \"redirects\"\non = 2020-03-21\nper_second = 8000\nminutes = 5\nerrors = 0";
        let cases: &[(&str, &str, &str, &str, &str, Verdict)] = &[
            ("cap.ramp", "inscription", signing_up, "", "", Pass),
            ("cap.ramp", "inscription", signing_up, "per_second = 600", "per_second = 599", Fail),
            ("cap.ramp", "inscription", signing_up, "errors = 40", "errors = 361", Fail),
            ("cap.ramp", "inscription", signing_up, "errors = 40", "errors = 360", Pass),
            ("cap.ramp", "inscription", signing_up, "minutes = 10", "minutes = 9", Fail),
            ("cap.ramp", "inscription", signing_up, "2020-03-20", "2020-03-07", Unknown),
            ("cap.ramp", "inscription", signing_up, "of = \"inscription\"", "of = \"redirects\"", Unknown),
            ("cap.db", "postgresql of jeveuxaider", signing_up, "per_second = 600", "per_second = 500", Warn),
            ("cap.db", "postgresql of jeveuxaider", signing_up, "per_second = 600", "per_second = 300", Fail),
            ("redir.load", "the announced names", redirected, "per_second = 8000", "per_second = 2500", Pass),
            ("redir.load", "the announced names", redirected, "per_second = 8000", "per_second = 2499", Fail),
            ("redir.load", "the announced names", redirected, "minutes = 5", "minutes = 4", Fail),
        ];
        for (id, subject, of, from, to, wanted) in cases {
            let (blueprint, site) = sample(&[(of, &of.replace(from, to))]);
            let said = verdict(&check(&blueprint, &site, id, subject), &[]);
            assert_eq!(said, Some(*wanted), "{id} {from} -> {to}");
        }
    }

    #[test]
    fn the_stop_rule_is_written_and_not_late() {
        for (from, to, wanted) in [
            ("errors_percent = 1", "errors_percent = 1", Pass),
            ("errors_percent = 1", "errors_percent = 2", Warn),
            ("p95_milliseconds = 3000", "p95_milliseconds = 3001", Warn),
        ] {
            let (blueprint, site) = sample(&[(from, to)]);
            assert_eq!(verdict(&check(&blueprint, &site, "cap.abort", "load tests"), &[]), Some(wanted), "{to}");
        }
    }
}
