//! A launch on a terminal of 80 columns: the phase, the item with its role and deadline, what was seen, the verdict large.
//! Must not ask, nor decide what is next.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::verify::{labelled, paragraph};
use crate::language::Language;
use crate::plain::plain;
use crate::runbook::fact::{Evidence, Seen};
use crate::runbook::plan::{Item, ItemWork, Plan, PlannedPhase};
use crate::runbook::state::{Standing, State};
use crate::runbook::timeline::Deadline;

/// Lines of evidence shown under one check; the report has them all.
const SEEN_SHOWN: usize = 4;

/// Characters of a task in an overview.
const SHORTENED: usize = 70;

/// How a moment is told: in the document's language, at the announcement's offset from UTC.
#[derive(Debug, Clone)]
pub struct Clock {
    pub language: Language,
    pub timezone: TimeZone,
    pub now: Timestamp,
}

impl Clock {
    pub fn at(&self, instant: Timestamp) -> String {
        self.language.moment(instant, &self.timezone)
    }

    /// `in 3 h 20 min`, `2 d ago`.
    pub fn distance(&self, instant: Timestamp) -> String {
        let ahead = instant.duration_since(self.now);
        let length = rough(ahead.abs(), self.language);
        match (ahead.is_negative(), self.language) {
            (false, Language::En) => format!("in {length}"),
            (true, Language::En) => format!("{length} ago"),
            (false, Language::Fr) => format!("dans {length}"),
            (true, Language::Fr) => format!("il y a {length}"),
        }
    }
}

/// In two units, the larger ones.
fn rough(length: SignedDuration, language: Language) -> String {
    let minutes = length.as_mins();
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let day = language.of("d", "j");
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} {day} {hours} h"),
    }
}

fn bold(colour: AnsiColor) -> Style {
    colour.on_default().bold()
}

/// The head of a phase.
pub fn phase(phase: &PlannedPhase, index: usize, of: usize) -> String {
    let style = Style::new().bold();
    format!("\n{style}== {index}/{of} {}{style:#}\n", plain(&phase.title))
}

/// What is asked of whom, until when; the way back with the first item of its step.
pub fn item(item: &Item, is_first: bool, clock: &Clock) -> String {
    let mut out = String::new();
    let style = Style::new().bold();
    let lead = format!("{style}{:<6}{style:#} ", item.number);
    paragraph(&mut out, &lead, 7, &plain(&format!("{} [{}]", item.title, item.key)));
    let language = clock.language;
    let role = item.role.said().told_in(language).to_owned();
    let who = if item.holder.is_empty() { role } else { format!("{role}: {}", item.holder) };
    labelled(&mut out, language.of("who", "qui"), &who);
    if let Some(due) = item.due {
        let late = if due < clock.now { clock.language.of(", LATE", ", EN RETARD") } else { "" };
        labelled(&mut out, language.of("due", "pour"), &format!("{} ({}{late})", clock.at(due), clock.distance(due)));
    }
    match &item.work {
        ItemWork::Ask(text) => labelled(&mut out, language.of("do", "quoi"), text),
        ItemWork::Lever(name) => {
            let text = language
                .of("was it pulled once, seen, and released again?", "a-t-il été tiré une fois, vu, et relâché ?");
            labelled(&mut out, language.of("do", "quoi"), &format!("{name}: {text}"));
        }
        ItemWork::Vote { criteria, .. } => labelled(&mut out, language.of("yes", "oui"), criteria),
        ItemWork::Checks(_) => {}
    }
    if let Some(story) = &item.story {
        labelled(&mut out, language.of("why", "réf"), story);
    }
    if let Some((first, more)) = item.undo.split_first().filter(|_| is_first) {
        let more = match more.len() {
            0 => String::new(),
            count => format!(" (+ {count})"),
        };
        labelled(&mut out, language.of("undo", "ret."), &format!("{first}{more}"));
    }
    out
}

/// The way back of an item.
pub fn undo(item: &Item, language: Language) -> String {
    let mut out = String::new();
    match item.undo.is_empty() {
        true => labelled(
            &mut out,
            "undo",
            language.of("no way back is written for this step", "aucun retour n'est écrit pour cette étape"),
        ),
        false => item.undo.iter().for_each(|undo| labelled(&mut out, language.of("undo", "ret."), undo)),
    }
    out
}

/// The red and unknown rows of a run, with what to do about them.
pub fn red(rows: &[Evidence]) -> String {
    let mut out = String::new();
    for row in rows {
        evidence(&mut out, row);
        if row.verdict == Seen::Fail {
            labelled(&mut out, "do", &row.remedy);
        }
        labelled(&mut out, "who", row.owner.as_str());
        labelled(&mut out, "why", &row.source);
        for line in row.seen.iter().take(SEEN_SHOWN) {
            labelled(&mut out, "seen", line);
        }
    }
    out
}

/// One check in a line or two.
pub fn evidence(out: &mut String, row: &Evidence) {
    let (word, style) = match row.verdict {
        Seen::Pass => ("pass", AnsiColor::Green.on_default()),
        Seen::Warn => ("warn", bold(AnsiColor::Yellow)),
        Seen::Fail => ("fail", bold(AnsiColor::Red)),
        Seen::Unknown => ("unknown", bold(AnsiColor::Magenta)),
    };
    let text = format!("{} {}: {}", row.id, row.subject, row.because);
    paragraph(out, &format!("{style}{word:<8}{style:#} "), 9, &plain(&text));
}

/// What an item came to, in a line.
pub fn standing(item: &Item, standing: &Standing, clock: &Clock) -> String {
    let by = |by: &str, text: &str| match text.is_empty() {
        true => by.to_owned(),
        false => format!("{by}: {text}"),
    };
    let text = match standing {
        Standing::Open | Standing::Voting => String::new(),
        Standing::Void { why } => (*why).to_owned(),
        Standing::Green { until, .. } => {
            format!("{} {}", clock.language.of("holds until", "valable jusqu'à"), clock.at(*until))
        }
        Standing::Red { rows } => {
            rows.iter().map(|row| format!("{} {}", row.id, row.subject)).collect::<Vec<_>>().join(", ")
        }
        Standing::Expired { at } => format!("{} {}", clock.language.of("was seen", "constaté"), clock.at(*at)),
        Standing::Done { by: who, text, .. }
        | Standing::Held { by: who, text, .. }
        | Standing::Skipped { by: who, text, .. }
        | Standing::Waived { by: who, text, .. } => by(who, text),
        Standing::Decided { at, .. } => clock.at(*at),
    };
    let mut out = String::new();
    let style = match standing {
        Standing::Red { .. } | Standing::Decided { go: false, .. } => bold(AnsiColor::Red),
        Standing::Void { .. } | Standing::Expired { .. } | Standing::Held { .. } | Standing::Waived { .. } => {
            bold(AnsiColor::Yellow)
        }
        Standing::Green { .. } | Standing::Done { .. } | Standing::Decided { go: true, .. } => {
            AnsiColor::Green.on_default()
        }
        Standing::Open | Standing::Voting | Standing::Skipped { .. } => Style::new(),
    };
    let lead = format!("{:<6} {style}{:<8}{style:#} ", item.number, standing.said().told_in(clock.language));
    // Of one task among several, what it is; of a step of its own, its title.
    let what = match &item.work {
        ItemWork::Ask(task) if item.key != item.step => shortened(task),
        _ => item.title.clone(),
    };
    let text = if text.is_empty() { what } else { format!("{what} ({text})") };
    paragraph(&mut out, &lead, 16, &plain(&text));
    out
}

/// As much of a task as names it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHORTENED) {
        None => text.to_owned(),
        Some((end, _)) => {
            let end = text[..end].rfind(' ').unwrap_or(end);
            format!("{} ...", text[..end].trim_end_matches([',', ':', ';', '.']))
        }
    }
}

/// Every phase with every item, and what each came to.
pub fn overview(state: &State<'_>, clock: &Clock) -> String {
    let plan = state.plan();
    let mut out = String::new();
    for (index, of) in plan.phases.iter().enumerate() {
        out.push_str(&phase(of, index + 1, plan.phases.len()));
        for item in &of.items {
            out.push_str(&standing(item, &state.standing(item), clock));
        }
    }
    out
}

/// The steps of a runbook before anything is answered.
pub fn listed(plan: &Plan, clock: &Clock) -> String {
    let mut out = String::new();
    for (index, of) in plan.phases.iter().enumerate() {
        out.push_str(&phase(of, index + 1, plan.phases.len()));
        let mut step = None;
        for one in &of.items {
            out.push_str(&item(one, step.replace(&one.step) != Some(&one.step), clock));
            if let ItemWork::Checks(ids) = &one.work {
                labelled(&mut out, clock.language.of("runs", "voit"), &ids.join(", "));
            }
        }
    }
    out
}

/// GO or NO-GO, large: it is read across a room.
pub fn banner(go: bool) -> String {
    const GO: [&str; 5] = [" ####   ####  ", "#      #    # ", "#  ### #    # ", "#    # #    # ", " ####   ####  "];
    const NO: [&str; 5] = [
        "#    #  ####         ",
        "##   # #    #        ",
        "# #  # #    #  ####  ",
        "#  # # #    #        ",
        "#   ##  ####         ",
    ];
    let style = bold(if go { AnsiColor::Green } else { AnsiColor::Red });
    let mut out = String::from("\n");
    for line in 0..5 {
        let text = if go { GO[line].to_owned() } else { format!("{}{}", NO[line], GO[line]) };
        let _ = writeln!(out, "    {style}{}{style:#}", text.trim_end());
    }
    out.push('\n');
    out
}

/// The deadlines, each with its sum and its point of no return.
pub fn timeline(deadlines: &[Deadline], clock: &Clock) -> String {
    let language = clock.language;
    let mut out = String::new();
    for deadline in deadlines {
        let style = Style::new().bold();
        let when = format!("{} ({})", clock.at(deadline.at), clock.distance(deadline.at));
        let _ = writeln!(out, "{style}{when}{style:#}");
        paragraph(&mut out, "  ", 2, &plain(deadline.what.told_in(language)));
        labelled(&mut out, language.of("who", "qui"), deadline.role.said().told_in(language));
        labelled(&mut out, language.of("why", "car"), deadline.why.told_in(language));
        let last = match deadline.no_return == deadline.at {
            true => language.of("the same moment", "le même moment").to_owned(),
            false => clock.at(deadline.no_return),
        };
        labelled(
            &mut out,
            language.of("last", "fin"),
            &format!("{last}; {}{}", language.of("then ", "ensuite, "), deadline.then.told_in(language)),
        );
    }
    out
}
