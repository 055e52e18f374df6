//! The crisis card: one A4 page for the wall, with who leads, where to meet, and each lever with its way back.
//!
//! Must not run over its page in silence: the type is made smaller within a bound, and what is still too much is said, on
//! the card and by a finding. No browser is asked; the length is estimated, on the safe side.

use serde::Serialize;

use super::documents::announcement_timezone;
use super::templates::{Syntax, render};
use super::{Artifact, Clock, Slots};
use crate::blueprint::{Blueprint, Site};
use crate::concerns::fragment::{LeverCard, PeopleSheet};
use crate::concerns::people::{Holder, Lever, Role};
use crate::language::{Language, Said};

const PATH: &str = "runbook/crisis-card.html";
/// In half points: the largest reads from some steps away, the smallest still at arm's length.
const LARGEST: u32 = 28;
const SMALLEST: u32 = 15;
/// What an A4 page holds inside margins of 10 mm, in points, less what the estimate may be wrong by.
const WIDTH: u32 = 538;
const HEIGHT: u32 = 785 - 785 / 50;
/// Stands in the page, and only there, when it is too much for one.
const OVERFULL: &str = "<p class=\"overfull\">";

/// Whether an artifact is a card that has too much for one page.
pub fn is_overfull(artifact: &Artifact) -> bool {
    artifact.path == PATH && artifact.text.contains(OVERFULL)
}

pub fn artifacts(sheet: &PeopleSheet, slots: &Slots, blueprint: &Blueprint, site: &Site) -> [Artifact; 2] {
    let card = card(sheet, slots, blueprint, site);
    [
        Artifact { path: PATH.to_owned(), text: render(Syntax::Html, "crisis_card.html", &card) },
        Artifact { path: "runbook/crisis-card.md".to_owned(), text: render(Syntax::Markdown, "crisis_card.md", &card) },
    ]
}

#[derive(Debug, Serialize)]
struct Card {
    language: &'static str,
    t: Words,
    title: String,
    /// Name that was announced, and where it leads if that is another.
    host: String,
    announcement: String,
    /// Points.
    size: String,
    overfull: bool,
    /// Who leads, writes, speaks.
    first: Vec<Part>,
    others: Vec<Part>,
    /// Where to meet, and what else must be known at once.
    facts: Vec<Row>,
    levers: Vec<Switch>,
}

/// The words of the card, in its language.
#[derive(Debug, Serialize)]
struct Words {
    card: &'static str,
    overfull: &'static str,
    announced: &'static str,
    nobody: &'static str,
    deputy: &'static str,
    meet: &'static str,
    status: &'static str,
    log: &'static str,
    rollback: &'static str,
    levers: &'static str,
    no_levers: &'static str,
    when: &'static str,
    does: &'static str,
    pull: &'static str,
    release: &'static str,
    owner: &'static str,
    drilled: &'static str,
    page: &'static str,
    more: &'static str,
}

fn words(language: Language) -> Words {
    match language {
        Language::En => Words {
            card: "Crisis card",
            overfull: "Too much for one A4 page: shorten what the blueprint says of roles, channels and levers.",
            announced: "Announced on",
            nobody: "nobody is named",
            deputy: "then",
            meet: "Meet",
            status: "The public reads",
            log: "Decisions are written in",
            rollback: "Orders the way back",
            levers: "Levers",
            no_levers: "No lever is in this blueprint.",
            when: "When",
            does: "Effect",
            pull: "Pull",
            release: "Release",
            owner: "Whose",
            drilled: "Last practice",
            page: "Its page",
            more: "The long form, cause by cause: crisis.md; the way back: undo.md. A note for the journal at any time: golive note \"TEXT\".",
        },
        Language::Fr => Words {
            card: "Fiche de crise",
            overfull: "Trop long pour une page A4 : raccourcir dans le blueprint ce qui décrit les rôles, les canaux et les leviers.",
            announced: "Annonce :",
            nobody: "personne n'est désigné",
            deputy: "à défaut",
            meet: "Se retrouver",
            status: "Le public consulte",
            log: "Les décisions s'écrivent dans",
            rollback: "Ordonne le retour arrière",
            levers: "Leviers",
            no_levers: "Aucun levier dans ce blueprint.",
            when: "Quand",
            does: "Effet",
            pull: "Actionner",
            release: "Relâcher",
            owner: "Qui",
            drilled: "Dernier exercice",
            page: "Sa fiche",
            more: "Le détail, cause par cause : crisis.md ; le retour arrière : undo.md. Une note au journal, à tout moment : golive note \"TEXTE\".",
        },
    }
}

/// Somebody's part.
#[derive(Debug, Serialize)]
struct Part {
    role: String,
    who: String,
    deputy: String,
}

#[derive(Debug, Serialize)]
struct Row {
    key: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct Switch {
    name: String,
    owner: String,
    drilled: String,
    /// Where golive knows no order to print.
    page: String,
    when: String,
    does: String,
    pull: Vec<Order>,
    release: Vec<Order>,
}

/// An order, cut where commands begin and end.
#[derive(Debug, Serialize)]
struct Order {
    text: String,
    runs: Vec<Run>,
}

#[derive(Debug, Serialize)]
struct Run {
    is_command: bool,
    text: String,
}

fn order(text: &str) -> Order {
    // What is written between backticks is typed as it stands. A stray one in a blueprint's words changes the type's face.
    let runs = text.split('`').enumerate().filter(|(_, run)| !run.is_empty());
    let runs = runs.map(|(index, run)| Run { is_command: index % 2 == 1, text: run.to_owned() });
    Order { text: text.to_owned(), runs: runs.collect() }
}

fn card(sheet: &PeopleSheet, slots: &Slots, blueprint: &Blueprint, site: &Site) -> Card {
    let people = &sheet.people;
    let clock = Clock { language: site.language, timezone: announcement_timezone(blueprint) };
    let t = words(site.language);
    let part = |role: Role| {
        let holder = people.holder(role);
        Part {
            role: clock.told(&does(role)),
            who: holder.map_or_else(|| t.nobody.to_owned(), |holder| holder.who.to_string()),
            deputy: holder.and_then(|holder| holder.deputy.as_ref()).map(ToString::to_string).unwrap_or_default(),
        }
    };
    const FIRST: [Role; 3] = [Role::Lead, Role::Scribe, Role::Communicator];
    let is_other = |holder: &&Holder| !FIRST.contains(&holder.role);
    let named = match site.announced == site.host {
        true => site.host.to_string(),
        false => format!("{} → {}", site.announced, site.host),
    };
    let cards = || slots.lever_cards.iter().map(|asked| &asked.what);
    let mut levers: Vec<Switch> = people
        .levers
        .iter()
        .map(|lever| switch(Some(lever), cards().find(|card| card.name == lever.name.as_str()), sheet, &clock))
        .collect();
    let unlisted = cards().filter(|card| !people.levers.iter().any(|lever| lever.name.as_str() == card.name));
    levers.extend(unlisted.map(|card| switch(None, Some(card), sheet, &clock)));
    let channels = people.channels.iter().map(|channel| Row {
        key: format!("{}, {}", t.meet, clock.told(&channel.kind.said())),
        what: channel.place.to_string(),
    });
    let mut facts: Vec<Row> = channels.collect();
    let mut fact = |key: &str, what: Option<String>| {
        facts.extend(what.map(|what| Row { key: key.to_owned(), what }));
    };
    fact(t.status, people.status_page.as_ref().map(|page| page.host.to_string()));
    fact(t.log, people.log.as_ref().map(ToString::to_string));
    fact(t.rollback, people.rollback.as_ref().map(|rollback| who(rollback.decides, sheet, &clock)));
    let mut card = Card {
        language: site.language.code(),
        title: site.title.to_string(),
        host: named,
        announcement: clock.at(site.announcement),
        size: String::new(),
        overfull: false,
        first: FIRST.map(part).into(),
        others: people.roles.iter().filter(is_other).map(|holder| part(holder.role)).collect(),
        facts,
        levers,
        t,
    };
    let fitting = (SMALLEST..=LARGEST).rev().find(|size| height(&card, *size) <= HEIGHT * 100);
    let size = fitting.unwrap_or(SMALLEST);
    card.size = if size % 2 == 0 { (size / 2).to_string() } else { format!("{}.5", size / 2) };
    card.overfull = fitting.is_none();
    card
}

/// What a role does on the night; the three that every crisis needs, by a verb.
fn does(role: Role) -> Said {
    match role {
        Role::Lead => Said::new("Leads", "Dirige"),
        Role::Scribe => Said::new("Writes", "Écrit"),
        Role::Communicator => Said::new("Speaks", "Parle"),
        Role::Dns | Role::Cdn | Role::App | Role::Database | Role::Mail => role.said(),
    }
}

/// `F. Durand, 01 23 (app)`.
fn who(role: Role, sheet: &PeopleSheet, clock: &Clock) -> String {
    let called = clock.told(&role.said());
    match sheet.people.holder(role) {
        Some(holder) => format!("{} ({called})", holder.who),
        None => called,
    }
}

fn switch(lever: Option<&Lever>, card: Option<&LeverCard>, sheet: &PeopleSheet, clock: &Clock) -> Switch {
    let language = clock.language;
    let orders = |orders: &[Said]| orders.iter().map(|said| order(said.told_in(language))).collect();
    let told = |said: fn(&LeverCard) -> &Said| card.map(|card| clock.told(said(card))).unwrap_or_default();
    let name = lever.map(|lever| lever.name.to_string()).or(card.map(|card| card.name.to_owned()));
    let owner = lever.map(|lever| lever.owner).or(card.map(|card| card.owner)).unwrap_or(Role::Lead);
    let drilled = match lever.map(|lever| lever.drilled_on) {
        Some(Some(day)) => language.day(day.date()),
        Some(None) => language.of("never", "jamais").to_owned(),
        None => language.of("unknown: not in [people.levers]", "inconnu : absent de [people.levers]").to_owned(),
    };
    Switch {
        name: name.unwrap_or_default(),
        owner: who(owner, sheet, clock),
        drilled,
        page: lever.filter(|_| card.is_none()).map(|lever| lever.page.to_string()).unwrap_or_default(),
        when: told(|card| &card.when),
        does: told(|card| &card.does),
        pull: card.map(|card| orders(&card.pull)).unwrap_or_default(),
        release: card.map(|card| orders(&card.release)).unwrap_or_default(),
    }
}

/// How much of the page the card takes in type of that size, in hundredths of a point; the size in half points.
///
/// A character is taken for half of the type's size wide, which is what a sans-serif text has in French, and a line for 1.3
/// of it high; the padding is that of the template.
fn height(card: &Card, half_points: u32) -> u32 {
    let em = half_points * 50;
    let part = |share: u32| em * share / 100;
    let page = WIDTH * 100;
    // In type of so many hundredths of the size.
    let lines = |text: &str, width: u32, scale: u32| {
        let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let a_line = (width / part(50 * scale / 100).max(1)).max(1);
        count.div_ceil(a_line).max(1).saturating_mul(part(130 * scale / 100))
    };
    let body = |text: &str| lines(text, page - part(700), 100);
    let third = |of: &Part| {
        let width = page / 3 - part(100);
        lines(&of.who, width, 118) + lines(&format!("{} {}", card.t.deputy, of.deputy), width, 100)
    };
    // The head, the three, the last line, with their rules and margins.
    let title = format!("{} {}", card.t.card, card.title);
    let mut sum = lines(&title, page, 160) + lines(&format!("{} {}", card.host, card.announcement), page, 100);
    sum += card.first.iter().map(third).max().unwrap_or(0) + part(400) + lines(card.t.more, page, 90);
    let mut add = |more: u32| sum = sum.saturating_add(more);
    for row in pairs(card).chunks(2) {
        add(row.iter().map(|text| lines(text, page / 2 - part(50), 100)).max().unwrap_or(0) + part(10));
    }
    for lever in &card.levers {
        add(lines(&format!("{} {} {} {}", lever.name, lever.owner, card.t.drilled, lever.drilled), page, 110)
            + part(120));
        for text in [&lever.when, &lever.does, &lever.page] {
            add(if text.is_empty() { 0 } else { body(text) + part(10) });
        }
        for order in lever.pull.iter().chain(&lever.release) {
            // Commands stand in type a seventh wider.
            let wide = order.runs.iter().filter(|run| run.is_command).map(|run| run.text.chars().count() / 7).sum();
            add(body(&format!("{}{}", order.text, " ".repeat(wide))) + part(10));
        }
    }
    sum
}

/// What stands two in a row below the three.
fn pairs(card: &Card) -> Vec<String> {
    let t = &card.t;
    let others = card.others.iter().map(|of| format!("{} {}; {} {}", of.role, of.who, t.deputy, of.deputy));
    others.chain(card.facts.iter().map(|row| format!("{} {}", row.key, row.what))).collect()
}
