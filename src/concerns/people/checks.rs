//! What people must have agreed. Their duties stand in the blueprint; of the freeze the platform is asked too.

use jiff::{SignedDuration, Timestamp};

use super::{ChannelKind, People, Role};
use crate::blueprint::Site;
use crate::concerns::answer::{answered, api, listed};
use crate::concerns::attest::days_before;
use crate::concerns::{Check, Judgement, OneOrMore, Safety};
use crate::probe::{ApiAnswer, ApiProbe, ApiProvider, Observation, Probe};

const VALID_FOR_SECONDS: u32 = 86_400;
/// The vote comes so long before the announcement that somebody can still act on it.
pub(super) const VOTE_BEFORE: SignedDuration = SignedDuration::from_hours(1);
/// The announcement is on the agenda if some slot is as near to it as this.
pub(super) const SLOT_WITHIN: SignedDuration = SignedDuration::from_mins(15);
const AGENDA_MINUTES: u32 = 60;
/// Undo steps read longer before the announcement than this are not those of what is live; in days.
const ROLLBACK_DAYS: i32 = 7;
/// As is a lever that nobody has pulled for so long.
const LEVER_DAYS: i32 = 30;

pub fn checks(people: &People, site: &Site) -> OneOrMore<Check> {
    let people = site.people.as_ref().unwrap_or(people);
    OneOrMore(
        roles(people, site),
        vec![
            vote(people, site),
            freeze(people, site),
            media(people, site),
            channels(people),
            log(people),
            status(people, site),
            rollback(people, site),
            levers(people, site),
        ],
    )
}

fn duty(id: &'static str, judgement: Judgement, remedy: &str, source: &'static str) -> Check {
    Check {
        id,
        subject: "the team".to_owned(),
        safety: Safety::S0,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(move |_| judgement.clone()),
        remedy: remedy.to_owned(),
        source,
        valid_for_seconds: VALID_FOR_SECONDS,
    }
}

fn names(roles: &[Role]) -> String {
    listed(&roles.iter().map(|role| role.as_str()).collect::<Vec<_>>())
}

/// `ppl.roles`: each part is somebody's, and somebody takes over.
fn roles(people: &People, site: &Site) -> Check {
    let needed = Role::needed_by(site);
    let without = |lacks: &dyn Fn(Role) -> bool| needed.iter().copied().filter(|role| lacks(*role)).collect::<Vec<_>>();
    let empty = without(&|role| people.holder(role).is_none());
    let alone = without(&|role| people.holder(role).is_some_and(|holder| holder.deputy.is_none()));
    let judgement = if !empty.is_empty() {
        Judgement::fail(format!("nobody is {}", names(&empty)))
    } else if !alone.is_empty() {
        Judgement::warn(format!("nobody takes over from {}", names(&alone)))
    } else {
        Judgement::pass(format!("{} roles, each with a deputy", needed.len()))
    };
    duty("ppl.roles", judgement, "name somebody for each role, and a deputy", "JVA-22, DOC-9")
}

/// `ppl.gonogo`: when, on what, by whom, and whose no is enough.
fn vote(people: &People, site: &Site) -> Check {
    let judgement = match &people.vote {
        None => Judgement::fail("no vote is set"),
        Some(vote) => {
            let strangers: Vec<Role> =
                vote.roles.iter().chain(&vote.veto).copied().filter(|role| people.holder(*role).is_none()).collect();
            let before = site.announcement.duration_since(vote.at.instant());
            if vote.roles.is_empty() || vote.veto.is_empty() {
                Judgement::fail("nobody is asked, or nobody's no is enough")
            } else if !strangers.is_empty() {
                Judgement::fail(format!("nobody is {}, whose word counts", names(&strangers)))
            } else if before < SignedDuration::ZERO {
                Judgement::fail("the vote is after the announcement")
            } else if before < VOTE_BEFORE {
                Judgement::warn(format!("the vote is {} minutes before the announcement", before.as_mins()))
            } else {
                Judgement::pass(format!(
                    "{} hours before the announcement; veto of {}",
                    before.as_hours(),
                    names(&vote.veto)
                ))
            }
        }
    };
    duty("ppl.gonogo", judgement, "set the hour, the criteria and the veto of the vote", "JVA-22")
}

/// `ppl.freeze`: a freeze holds over the announcement, and while one holds no commit is deployed by itself.
fn freeze(people: &People, site: &Site) -> Check {
    let freezes: Vec<(Timestamp, Timestamp)> =
        people.freezes.iter().map(|freeze| (freeze.from.instant(), freeze.until.instant())).collect();
    let announcement = site.announcement;
    let apps = site.platform.iter().flat_map(|platform| &platform.apps);
    let linked: Vec<String> = apps.filter(|app| app.source.is_some()).map(|app| app.name.to_string()).collect();
    let ask = linked.iter().map(|app| {
        let path = format!("/apps/{app}/scm_repo_link");
        Probe::Api(ApiProbe { provider: ApiProvider::Scalingo, path, nth: 0 })
    });
    Check {
        ask: ask.collect(),
        judge: Box::new(move |seen| {
            let holds = |at: Timestamp| freezes.iter().any(|(from, until)| (*from..*until).contains(&at));
            if !holds(announcement) {
                return Judgement::fail("no freeze holds over the announcement");
            }
            for (app, observation) in linked.iter().zip(seen) {
                let body = answered!(api(observation));
                let at = if let Observation::Api(ApiAnswer { at, .. }) = observation { *at } else { announcement };
                if holds(at) && body["scm_repo_link"]["auto_deploy_enabled"] != false {
                    return Judgement::fail(format!("a freeze holds, and each commit of {app} is deployed"));
                }
            }
            Judgement::pass("a freeze holds over the announcement; auto-deploy is off while one holds")
        }),
        ..duty(
            "ppl.freeze",
            Judgement::unknown("nothing was asked"),
            "turn auto-deploy off for the freeze, and say so to everybody who pushes",
            "JVA-3, JVA-15: deployed on the day, during the demo",
        )
    }
}

/// `ppl.media`: the announcement is on the agenda, somebody hears of changes, and asks often.
fn media(people: &People, site: &Site) -> Check {
    let judgement = match &people.media {
        None => Judgement::fail("there is no agenda"),
        Some(media) if people.holder(media.owner).is_none() => {
            Judgement::fail(format!("the agenda is that of the {}, and nobody is", media.owner.as_str()))
        }
        Some(media) => {
            let near = |slot: &super::Slot| slot.at.instant().duration_since(site.announcement).abs() <= SLOT_WITHIN;
            let every = media.asked_every_minutes.get();
            if !media.slots.iter().any(near) {
                Judgement::fail("the announcement is not on the agenda: one of them is old")
            } else if every > AGENDA_MINUTES {
                Judgement::warn(format!("the agenda is asked for every {every} minutes, and moves within the hour"))
            } else {
                Judgement::pass(format!("{} slots, asked for every {every} minutes", media.slots.len()))
            }
        }
    };
    duty(
        "ppl.media",
        judgement,
        "write the agenda anew, and name who hears of changes",
        "JVA-20, DOC-1: a second peak after the adverts",
    )
}

/// `ppl.channels`: one place to talk, one to write.
fn channels(people: &People) -> Check {
    let has = |kind| people.channels.iter().any(|channel| channel.kind == kind);
    let judgement = match (has(ChannelKind::Voice), has(ChannelKind::Text)) {
        (true, true) => Judgement::pass("a place to talk and one to write"),
        (true, false) => Judgement::fail("no place to write: what is only spoken is lost"),
        (false, true) => Judgement::warn("no place to talk"),
        (false, false) => Judgement::fail("no place to meet"),
    };
    duty("ppl.channels", judgement, "open a place to talk and one to write, and invite everybody", "JVA-20")
}

/// `ppl.log`
fn log(people: &People) -> Check {
    let judgement = match (&people.log, people.holder(Role::Scribe)) {
        (None, _) => Judgement::fail("decisions are written down nowhere"),
        (Some(_), None) => Judgement::warn("there is a log, and nobody to write it"),
        (Some(log), Some(_)) => Judgement::pass(format!("in {log}")),
    };
    duty("ppl.log", judgement, "say where decisions are written down, and who writes", "JVA-20, DOC-9")
}

/// `ppl.status`: elsewhere than the site, with texts for bad news.
fn status(people: &People, site: &Site) -> Check {
    let judgement = match &people.status_page {
        None => Judgement::fail("there is no status page"),
        Some(page) => match (site.zone_of(&page.host), page.drafted_on) {
            (Some(zone), _) => {
                Judgement::fail(format!("{} is in the zone {}, and goes down with it", page.host, zone.name))
            }
            (None, None) => Judgement::warn(format!("{} is elsewhere, but no texts were agreed", page.host)),
            (None, Some(day)) => Judgement::pass(format!("{}, texts agreed on {day}", page.host)),
        },
    };
    duty("ppl.status", judgement, "have the status page elsewhere, and agree on its texts", "JVA-20, ALT-7")
}

/// `ppl.rollback`: somebody orders it, and its steps were read lately.
fn rollback(people: &People, site: &Site) -> Check {
    let judgement = match &people.rollback {
        None => Judgement::fail("nobody may order the way back"),
        Some(rollback) if people.holder(rollback.decides).is_none() => {
            Judgement::fail(format!("the {} orders the way back, and nobody is", rollback.decides.as_str()))
        }
        Some(rollback) => match days_before(site, rollback.read_on) {
            days if days > ROLLBACK_DAYS => {
                Judgement::warn(format!("its steps were read {days} days before the announcement, of another plan"))
            }
            _ => Judgement::pass(format!("the {} orders it; read on {}", rollback.decides.as_str(), rollback.read_on)),
        },
    };
    duty("ppl.rollback", judgement, "name who orders the way back, and read its steps through", "JVA-22")
}

/// `ppl.levers`: each has an owner and a page, and was pulled for practice.
fn levers(people: &People, site: &Site) -> Check {
    let without = |lacks: &dyn Fn(&super::Lever) -> bool| {
        let names: Vec<&str> =
            people.levers.iter().filter(|lever| lacks(lever)).map(|lever| lever.name.as_str()).collect();
        (!names.is_empty()).then(|| listed(&names))
    };
    let judgement = if people.levers.is_empty() {
        Judgement::fail("there is no lever: nothing can be switched in a crisis")
    } else if let Some(names) = without(&|lever| people.holder(lever.owner).is_none()) {
        Judgement::fail(format!("nobody may pull {names}"))
    } else if let Some(names) = without(&|lever| lever.drilled_on.is_none_or(|day| days_before(site, day) > LEVER_DAYS))
    {
        Judgement::warn(format!("not practised lately: {names}"))
    } else {
        Judgement::pass(format!("{} levers, each with an owner, a page and a day of practice", people.levers.len()))
    };
    duty(
        "ppl.levers",
        judgement,
        "give each lever an owner and a page, and pull it for practice",
        "DOC-4: a cache that existed, and was forgotten",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Verdict;
    use crate::concerns::answer::made_up::{check, sample, verdict};
    use serde_json::json;

    fn judged(id: &str, edits: &[(&str, &str)]) -> Verdict {
        let (blueprint, site) = sample(edits);
        verdict(&check(&blueprint, &site, id, "the team"), &[]).expect("a verdict")
    }

    #[test]
    fn duties_can_fail() {
        assert_eq!(judged("ppl.roles", &[]), Verdict::Pass);
        assert_eq!(judged("ppl.roles", &[("role = \"scribe\"", "role = \"lead\"")]), Verdict::Fail);
        assert_eq!(judged("ppl.gonogo", &[]), Verdict::Pass);
        assert_eq!(
            judged(
                "ppl.gonogo",
                &[("at = 2020-03-22T17:00:00+01:00, criteria", "at = 2020-03-22T20:00:00+01:00, criteria")]
            ),
            Verdict::Warn
        );
        assert_eq!(
            judged(
                "ppl.gonogo",
                &[("at = 2020-03-22T17:00:00+01:00, criteria", "at = 2020-03-22T21:00:00+01:00, criteria")]
            ),
            Verdict::Fail
        );
        assert_eq!(judged("ppl.media", &[]), Verdict::Pass);
        assert_eq!(
            judged(
                "ppl.media",
                &[("announcement = 2020-03-22T20:30:00+01:00", "announcement = 2020-03-22T19:30:00+01:00")]
            ),
            Verdict::Fail
        );
        assert_eq!(judged("ppl.status", &[]), Verdict::Pass);
        assert_eq!(judged("ppl.status", &[("status.example.org", "etat.jeveuxaider.gouv.fr")]), Verdict::Fail);
        assert_eq!(judged("ppl.rollback", &[("read_on = 2020-03-21", "read_on = 2020-03-10")]), Verdict::Warn);
    }

    #[test]
    fn a_freeze_is_asked_for_at_the_platform() {
        let (blueprint, site) = sample(&[]);
        let freeze = check(&blueprint, &site, "ppl.freeze", "the team");
        let said = |at: &str, on: bool| {
            let body = json!({ "scm_repo_link": { "auto_deploy_enabled": on } });
            Observation::Api(ApiAnswer { at: at.parse().expect("an instant"), status: 200, body })
        };
        for (at, on, wanted) in [
            ("2020-03-20T12:00:00Z", true, Verdict::Pass),
            ("2020-03-22T19:00:00Z", true, Verdict::Fail),
            ("2020-03-22T19:00:00Z", false, Verdict::Pass),
        ] {
            assert_eq!(verdict(&freeze, &[said(at, on)]), Some(wanted), "{at} {on}");
        }
        let unasked = Observation::NotAsked { because: "no token".to_owned() };
        assert_eq!(verdict(&freeze, &[unasked]), Some(Verdict::Unknown));
        let (blueprint, site) = sample(&[("until = 2020-03-24T08:00:00+01:00", "until = 2020-03-22T20:00:00+01:00")]);
        let short = check(&blueprint, &site, "ppl.freeze", "the team");
        assert_eq!(verdict(&short, &[said("2020-03-20T12:00:00Z", false)]), Some(Verdict::Fail));
    }
}
