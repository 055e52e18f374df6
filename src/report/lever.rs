//! Levers as text. Must not move one.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use crate::concerns::lever::{Action, Lever};
use crate::concerns::people::Role;
use crate::language::Language;
use crate::ops::lever::{Direction, Outcome, Seen, Standing, Step, Switched};
use crate::plain::plain;
use crate::providers::api::write::Undone;

/// Who may pull a lever, as a line says it.
pub fn who(role: Role, holder: Option<&str>) -> String {
    match holder {
        Some(holder) => format!("{} ({})", role.as_str(), plain(holder)),
        None => role.as_str().to_owned(),
    }
}

/// One line a lever, and what it does below.
pub fn listed(levers: &[(&Lever, String)]) -> String {
    let mut text = String::new();
    for (lever, owner) in levers {
        let what = plain(lever.what.told_in(Language::En));
        let _ = writeln!(text, "{}  {owner}\n    {what}", lever.name);
    }
    text
}

/// All of one lever; `requests`: each action of pulling and releasing it, as it would be sent.
pub fn shown(lever: &Lever, owner: &str, pull: &str, release: &str) -> String {
    let said = |text: &crate::language::Said| plain(text.told_in(Language::En));
    let mut text = format!(
        "{}: {}\n  when      {}\n  who       {owner}\n  effect    {} (as {} looks), within {} s\n\npull:\n{pull}",
        lever.name,
        said(&lever.what),
        said(&lever.symptom),
        lever.effect.pulled,
        lever.effect.check,
        lever.effect.within.as_secs(),
    );
    if release.is_empty() {
        text.push_str("\nNothing is left that could be taken back.\n");
    } else {
        let _ = write!(text, "\nrelease:\n{release}");
    }
    text
}

/// One action with its request.
pub fn request(nth: usize, action: &Action, request: &str) -> String {
    let request: String = request.lines().map(|line| format!("     {}\n", plain(line))).collect();
    format!("  {nth}. {}\n{request}", plain(&action.told()))
}

/// One action that came to an end.
pub fn step(step: &Step) -> String {
    let action = plain(&step.action);
    match &step.outcome {
        Outcome::Done => format!("done        {action}"),
        Outcome::AlreadySo => format!("already so  {action}"),
        Outcome::Failed(Undone { because, maybe: false }) => format!("NOT DONE    {action}: {}", plain(because)),
        Outcome::Failed(Undone { because, maybe: true }) => {
            format!("NOT KNOWN   {action}: it may be done or not: {}", plain(because))
        }
        Outcome::NotTried => format!("not tried   {action}"),
    }
}

/// What came of it, and how to go on; `again` and `back` are the commands for both ways.
pub fn switched(lever: &Lever, direction: Direction, switched: &Switched, again: &str, back: &str) -> String {
    let (verb, effect) = match direction {
        Direction::Pull => ("pulled", &lever.effect.pulled),
        Direction::Release => ("released", &lever.effect.released),
    };
    let mut text = format!("{}:\n", lever.name);
    for one in &switched.steps {
        let _ = writeln!(text, "  {}", step(one));
    }
    let promised = lever.effect.within;
    let _ = match &switched.seen {
        Seen::After(time) => {
            let late = if *time > promised { ", later than promised" } else { "" };
            writeln!(
                text,
                "{verb}: {effect}, {} after the beginning; {} s are promised{late}",
                took(*time),
                promised.as_secs()
            )
        }
        Seen::Already => writeln!(text, "{verb} already: {effect}; nothing was sent"),
        Seen::Not(seen) => {
            writeln!(text, "NOT SEEN within {} s, twice what is promised: {}", 2 * promised.as_secs(), plain(seen))
        }
        Seen::Unknown(why) => writeln!(text, "all is done, and nobody could look: {}", plain(why)),
        Seen::NotLooked => writeln!(text, "NOT {verb}: the first of these that is not done says why"),
    };
    if !matches!(switched.seen, Seen::After(_) | Seen::Already) {
        let _ = writeln!(text, "try again, which sends only what is missing:  {again}");
    }
    if direction == Direction::Pull && !lever.release.is_empty() {
        let _ = writeln!(text, "the way back:  {back}");
    }
    text
}

/// How one lever stands; `since`: who moved it last, when, and whether that was a pull, as the journal says.
pub fn standing(lever: &Lever, standing: &Standing, since: Option<(&str, Timestamp, bool)>) -> String {
    let set = match &standing.set {
        Ok(true) if lever.release.is_empty() => "has no state".to_owned(),
        Ok(true) => "pulled".to_owned(),
        Ok(false) => "released".to_owned(),
        Err(why) => format!("unknown: {}", plain(why)),
    };
    let mut text = format!("{}  {set}\n    seen: {}\n", lever.name, plain(&standing.look.told(&lever.effect)));
    if let Some((by, at, pulled)) = since {
        let verb = if pulled { "pulled" } else { "released" };
        let _ = writeln!(text, "    {verb} by {} at {at:.0}, as the journal says", plain(by));
    }
    text
}

fn took(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}
