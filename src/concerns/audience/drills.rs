//! Faults that `[audience]` must catch.

use super::Audience;
use super::load::REDIRECTS;
use crate::blueprint::Site;
use crate::blueprint::value::{Count, Percent, Tally};
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::rehearsal::staging::Staging;

pub fn drills(audience: &Audience, site: &Site) -> Drills {
    let journeys = || audience.journeys.iter().map(|journey| journey.name.as_str());
    let tested = |of: &str| audience.load_tests.iter().any(|test| test.of.as_str() == of);
    let mut under_load = Vec::new();
    if audience.stop_rule.is_some() {
        under_load.push(drill(
            "no-stop-rule",
            "nobody has said when a load test is broken off",
            "cap.abort",
            |audience| audience.stop_rule = None,
        ));
    }
    if journeys().any(tested) {
        under_load.push(drill(
            "errors-at-the-peak",
            "at the last step of the load test one answer in a hundred was an error",
            "cap.ramp",
            |audience| {
                for test in audience.load_tests.iter_mut().filter(|test| test.of.as_str() != REDIRECTS) {
                    test.errors = Tally::new(test.per_second.get().saturating_mul(test.minutes.get()));
                }
            },
        ));
        if site.database.is_some() {
            under_load.push(drill(
                "database-nine-tenths-busy",
                "the peak was borne, and left the database a tenth of its processors",
                "cap.db",
                |audience| {
                    for test in audience.load_tests.iter_mut().filter(|test| test.of.as_str() != REDIRECTS) {
                        test.database_busy_percent = Some(Percent::new(90));
                    }
                },
            ));
        }
        if site.platform.is_some() {
            under_load.push(drill(
                "router-gave-up",
                "the platform's router answered 504 in the load test, before the app could",
                "origin.queue",
                |audience| audience.load_tests.iter_mut().for_each(|test| test.refused = Tally::new(40)),
            ));
        }
    }
    if tested(REDIRECTS) {
        under_load.push(drill(
            "redirect-bends",
            "the redirect bends at a tenth of what is coming",
            "redir.load",
            |audience| {
                for test in audience.load_tests.iter_mut().filter(|test| test.of.as_str() == REDIRECTS) {
                    test.per_second = Count::new(test.per_second.get() / 10);
                }
            },
        ));
    }
    let arithmetic = arithmetic();
    Drills::Run(OneOrMore(arithmetic.0, arithmetic.1.into_iter().chain(under_load).collect()))
}

fn arithmetic() -> OneOrMore<Drill> {
    OneOrMore(
        drill(
            "mean-for-peak",
            "the mean of the window is planned for, as if it were the peak",
            "cap.arith",
            |audience| {
                audience.peak_percent = Count::new(100);
            },
        ),
        vec![
            drill(
                "measured-on-empty-tables",
                "the rate was measured on an empty database; a container bears one a second",
                "cap.arith",
                |audience| {
                    audience.pages.measured_per_second = Count::new(1);
                    audience.journeys.iter_mut().for_each(|journey| journey.measured_per_second = Count::new(1));
                },
            ),
            drill("line-too-thin", "the machines stand behind a line of 10 Mbit/s", "cap.bandwidth", |audience| {
                audience.link_megabits_per_second = Some(Count::new(10));
            }),
            drill(
                "scaled-at-the-hour",
                "the containers are added an hour before, with the first visitors",
                "cap.prescale",
                |audience| {
                    audience.prescale_hours_before = Count::new(1);
                },
            ),
        ],
    )
}

fn drill(id: &'static str, fault: &'static str, reddens: &'static str, change: fn(&mut Audience)) -> Drill {
    let inject: Inject = Box::new(move |staging: &mut Staging| {
        let audience = staging.site.audience.as_mut().ok_or("no audience")?;
        let before = audience.clone();
        change(audience);
        if *audience == before { Err("the blueprint says so already".to_owned()) } else { Ok(()) }
    });
    Drill { number: None, id, fault, reddens: vec![reddens], inject }
}
