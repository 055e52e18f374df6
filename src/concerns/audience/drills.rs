//! Faults that `[audience]` must catch.

use super::Audience;
use crate::blueprint::Site;
use crate::blueprint::value::Count;
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::rehearsal::staging::Staging;

pub fn drills(_audience: &Audience, _site: &Site) -> Drills {
    Drills::Run(OneOrMore(
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
    ))
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
