//! The account as a page: HTML, Markdown, and lines for a terminal, in the language of the launch's documents.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Account, Deadline, Outcome, Pending, Poll, Step, Verdict, Waiver};
use crate::concerns::people::Role;
use crate::emit::templates::{Syntax, render};
use crate::language::Language;
use crate::plain::plain;
use crate::report::verify::{labelled, paragraph};
use crate::runbook::fact::{Evidence, Seen};

/// One file that needs nothing else, for phones and paper.
pub fn html(account: &Account) -> String {
    render(Syntax::Html, "report.html", &View::of(account))
}

/// For a wiki or a ticket.
pub fn markdown(account: &Account) -> String {
    render(Syntax::Markdown, "report.md", &View::of(account))
}

/// For a terminal of 80 columns: what was decided and what is open, then what happened.
pub fn text(account: &Account) -> String {
    let view = View::of(account);
    let t = view.t;
    let mut out = String::new();
    let bold = anstyle::Style::new().bold();
    paragraph(&mut out, &format!("{bold}{}{bold:#}  ", view.verdict), 2, &view.title);
    labelled(&mut out, "", &format!("{}; {}", view.kind, view.announcement));
    for poll in &view.polls {
        labelled(&mut out, "", &poll.summary);
        for vote in &poll.votes {
            labelled(&mut out, "", &format!("{} {}: {} {}", vote.word, vote.role, vote.by, vote.reason));
        }
    }
    let mut section = |title: &str, lines: Vec<String>| {
        if lines.is_empty() {
            return;
        }
        out.push_str(&format!("\n{bold}{title}{bold:#}\n"));
        for line in lines {
            paragraph(&mut out, "  ", 4, &line);
        }
    };
    section(
        t.waived,
        view.waivers.iter().map(|w| format!("{} {}: {} ({})", w.number, w.title, w.text, w.who)).collect(),
    );
    section(t.open, view.open.iter().map(|p| format!("{} {}: {} {}", p.number, p.title, p.word, p.text)).collect());
    section(t.skipped, view.skipped.iter().map(|p| format!("{} {}: {}", p.number, p.title, p.text)).collect());
    section(
        t.missed,
        view.deadlines
            .iter()
            .filter(|d| d.missed)
            .map(|d| format!("{} {}: {}, {}", d.number, d.title, d.due, d.outcome))
            .collect(),
    );
    section(
        t.timeline,
        view.timeline.iter().map(|l| format!("{} {} {}: {} {}", l.at, l.by, l.what, l.item, l.text)).collect(),
    );
    section(
        t.journal,
        vec![format!("{}: {}, {} {}", view.journal.path, view.journal.entries, t.head, view.journal.head)],
    );
    out
}

/// What templates show: texts in one language, every character of which is harmless on a screen.
#[derive(Debug, Serialize)]
struct View {
    language: &'static str,
    t: Words,
    title: String,
    runbook_title: String,
    verdict: &'static str,
    /// `go`, `no-go` or `undecided`.
    class: &'static str,
    kind: &'static str,
    announcement: String,
    written: String,
    stands: String,
    polls: Vec<PollView>,
    waivers: Vec<WaiverView>,
    open: Vec<PendingView>,
    skipped: Vec<PendingView>,
    deadlines: Vec<DeadlineView>,
    rehearsed: bool,
    phases: Vec<PhaseView>,
    timeline: Vec<LineView>,
    journal: JournalView,
}

#[derive(Debug, Serialize)]
struct PollView {
    summary: String,
    criteria: String,
    signs: String,
    unchanged: String,
    expired: String,
    votes: Vec<VoteView>,
    reasons: Vec<String>,
}

#[derive(Debug, Serialize)]
struct VoteView {
    word: &'static str,
    class: &'static str,
    role: String,
    by: String,
    at: String,
    reason: String,
    counts: &'static str,
}

#[derive(Debug, Serialize)]
struct WaiverView {
    number: String,
    title: String,
    who: String,
    at: String,
    text: String,
    covers: Vec<String>,
    stands: &'static str,
}

#[derive(Debug, Serialize)]
struct PendingView {
    number: String,
    title: String,
    word: &'static str,
    who: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct DeadlineView {
    number: String,
    title: String,
    due: String,
    outcome: String,
    missed: bool,
}

#[derive(Debug, Serialize)]
struct PhaseView {
    title: String,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
struct StepView {
    number: String,
    title: String,
    word: &'static str,
    class: &'static str,
    gate: bool,
    who: String,
    what: String,
    said: String,
    run: String,
    summary: String,
    rows: Vec<RowView>,
}

#[derive(Debug, Serialize)]
struct RowView {
    word: &'static str,
    class: &'static str,
    id: String,
    subject: String,
    because: String,
    remedy: String,
    seen: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LineView {
    entry: usize,
    at: String,
    by: String,
    what: &'static str,
    item: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct JournalView {
    path: String,
    entries: String,
    head: String,
    torn: String,
    blueprint: String,
    blueprint_sha256: String,
    runbook: String,
    runbook_sha256: String,
    versions: String,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Words {
    report: &'static str,
    announced: &'static str,
    as_of: &'static str,
    written: &'static str,
    decision: &'static str,
    criteria: &'static str,
    vote: &'static str,
    role: &'static str,
    by: &'static str,
    when: &'static str,
    reason: &'static str,
    on: &'static str,
    signature: &'static str,
    no_votes: &'static str,
    waived: &'static str,
    no_waivers: &'static str,
    covers: &'static str,
    open: &'static str,
    nothing_open: &'static str,
    skipped: &'static str,
    deadlines: &'static str,
    missed: &'static str,
    no_deadlines: &'static str,
    step: &'static str,
    due: &'static str,
    outcome: &'static str,
    steps: &'static str,
    gate: &'static str,
    remedy: &'static str,
    unprinted: &'static str,
    timeline: &'static str,
    what: &'static str,
    journal: &'static str,
    head: &'static str,
    blueprint: &'static str,
    runbook: &'static str,
    check: &'static str,
    unknowable: &'static str,
}

const ENGLISH: Words = Words {
    report: "Account of a launch",
    announced: "Announced on",
    as_of: "As it stood at the last entry,",
    written: "This account was made on",
    decision: "The decision",
    criteria: "Yes means:",
    vote: "Vote",
    role: "Role",
    by: "Who",
    when: "When",
    reason: "Reason",
    on: "On what",
    signature: "Signature of the evidence (SHA-256):",
    no_votes: "Nobody has voted.",
    waived: "What was waived",
    no_waivers: "Nothing was waived.",
    covers: "Covers:",
    open: "What is open",
    nothing_open: "Nothing is open.",
    skipped: "What was skipped",
    deadlines: "Deadlines",
    missed: "Deadlines missed",
    no_deadlines: "A rehearsal is played in an hour: the deadlines of the launch are not judged.",
    step: "Step",
    due: "Deadline",
    outcome: "Outcome",
    steps: "Step by step",
    gate: "gate",
    remedy: "To do:",
    unprinted: "The evidence, row by row, is in the page on a screen and in the journal.",
    timeline: "What happened, by the hour",
    what: "What",
    journal: "The journal",
    head: "head",
    blueprint: "Blueprint",
    runbook: "Runbook",
    check: "Whoever has the journal can check it: golive journal verify must name the same head.",
    unknowable: "Times are those of the entries. How long somebody took to answer is not in a journal.",
};

const FRENCH: Words = Words {
    report: "Compte rendu de lancement",
    announced: "Annonce au public :",
    as_of: "État à la dernière écriture du journal :",
    written: "Compte rendu établi :",
    decision: "La décision",
    criteria: "Un oui signifie :",
    vote: "Vote",
    role: "Rôle",
    by: "Qui",
    when: "Quand",
    reason: "Motif",
    on: "Sur quoi",
    signature: "Signature des preuves (SHA-256) :",
    no_votes: "Personne n'a voté.",
    waived: "Les dérogations",
    no_waivers: "Aucune dérogation.",
    covers: "Porte sur :",
    open: "Ce qui reste ouvert",
    nothing_open: "Rien ne reste ouvert.",
    skipped: "Ce qui a été laissé de côté",
    deadlines: "Les échéances",
    missed: "Échéances manquées",
    no_deadlines: "Une répétition se joue en une heure : les échéances du lancement ne sont pas jugées.",
    step: "Étape",
    due: "Échéance",
    outcome: "Issue",
    steps: "Étape par étape",
    gate: "obligatoire",
    remedy: "À faire :",
    unprinted: "Le détail des preuves figure dans la page à l'écran et dans le journal.",
    timeline: "Le déroulé, heure par heure",
    what: "Quoi",
    journal: "Le journal",
    head: "dernière empreinte",
    blueprint: "Blueprint",
    runbook: "Runbook",
    check: "Qui détient le journal peut le vérifier : golive journal verify doit donner la même dernière empreinte.",
    unknowable: "Les heures sont celles des écritures. Le temps mis par chacun pour répondre ne figure pas dans un journal.",
};

/// How texts and moments are told.
struct Teller {
    language: Language,
    timezone: TimeZone,
}

impl Teller {
    fn at(&self, instant: Timestamp) -> String {
        self.language.moment(instant, &self.timezone)
    }

    /// Short, for tables: the day and the month by number, and the second.
    fn short(&self, instant: Timestamp) -> String {
        let local = instant.to_zoned(self.timezone.clone());
        local.strftime(self.language.of("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S")).to_string()
    }

    fn role(&self, role: Role) -> String {
        role.said().told_in(self.language).to_owned()
    }

    fn who(&self, role: Role, holder: &str) -> String {
        match holder.is_empty() {
            true => self.role(role),
            false => format!("{} ({})", plain(holder), self.role(role)),
        }
    }

    fn long(&self, length: SignedDuration) -> String {
        let seconds = length.as_secs().abs();
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => format!("{seconds} s"),
            (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
            (0, _, _) => format!("{hours} h {minutes:02} min"),
            _ => format!("{days} {} {hours} h", self.language.of("d", "j")),
        }
    }

    /// A standing or an event, by its word.
    fn word(&self, word: &str) -> &'static str {
        let (english, french) = match word {
            "open" => ("open", "ouvert"),
            "void" => ("void", "caduc"),
            "green" => ("green", "vert"),
            "red" => ("red", "rouge"),
            "expired" => ("expired", "périmé"),
            "done" => ("done", "fait"),
            "held" => ("held", "en attente"),
            "skipped" => ("skipped", "laissé de côté"),
            "waived" => ("waived", "dérogation"),
            "voting" => ("not decided", "non décidé"),
            "go" => ("go", "feu vert"),
            "no-go" => ("no-go", "pas de feu vert"),
            "opened" => ("launch opened", "lancement ouvert"),
            "changed" => ("blueprint or runbook changed", "blueprint ou runbook changé"),
            "resumed" => ("launch taken up again", "lancement repris"),
            "checked" => ("checked", "contrôlé"),
            "reopened" => ("taken up again", "repris"),
            "decided-go" => ("decided: go", "décidé : feu vert"),
            "decided-no-go" => ("decided: no-go", "décidé : pas de feu vert"),
            "noted" => ("note", "note"),
            "pulled" => ("lever pulled", "levier tiré"),
            "released" => ("lever released", "levier relâché"),
            "merged" => ("branches of the journal joined", "branches du journal réunies"),
            "pass" => ("pass", "conforme"),
            "warn" => ("warn", "avertissement"),
            "fail" => ("fail", "échec"),
            _ => ("unknown", "inconnu"),
        };
        self.language.of(english, french)
    }

    fn poll(&self, poll: &Poll, criteria: &str) -> PollView {
        let language = self.language;
        let summary = match poll.decided {
            Some(at) => self.at(at),
            None => language.of("Nothing is decided yet.", "Rien n'est encore décidé.").to_owned(),
        };
        let unchanged = match poll.unchanged {
            None => "",
            Some(true) => language.of(
                "Blueprint, runbook, evidence and answers are still those on which it was decided.",
                "Blueprint, runbook, preuves et réponses sont toujours ceux sur lesquels la décision a été prise.",
            ),
            Some(false) => language.of(
                "Since the decision, some of the evidence or answers on which it stands has changed.",
                "Depuis la décision, une partie des preuves ou des réponses sur lesquelles elle repose a changé.",
            ),
        };
        let (expired, all) = (poll.expired, poll.evidence);
        PollView {
            summary,
            criteria: plain(criteria),
            signs: plain(&poll.signs),
            unchanged: unchanged.to_owned(),
            expired: match language {
                Language::En => {
                    format!("Of {all} rows of evidence, {expired} have expired by the time of this account.")
                }
                Language::Fr => {
                    format!("Sur {all} lignes de preuve, {expired} ont expiré à la date de ce compte rendu.")
                }
            },
            votes: poll
                .votes
                .iter()
                .map(|vote| VoteView {
                    word: self.word(if vote.go { "go" } else { "no-go" }),
                    class: if vote.go { "good" } else { "bad" },
                    role: self.role(vote.role),
                    by: plain(&vote.by),
                    at: self.short(vote.at),
                    reason: plain(&vote.reason),
                    counts: match vote.counts {
                        true => language.of("this evidence", "ces preuves"),
                        false => language.of("other evidence: does not count", "d'autres preuves : ne compte pas"),
                    },
                })
                .collect(),
            reasons: poll.reasons.iter().map(|reason| plain(reason)).collect(),
        }
    }

    fn waiver(&self, waiver: &Waiver) -> WaiverView {
        let Waiver { number, title, role, by, at, text, covers, stands, .. } = waiver;
        WaiverView {
            number: number.clone(),
            title: plain(title),
            who: self.who(*role, by),
            at: self.at(*at),
            text: plain(text),
            covers: covers.iter().map(|row| plain(&format!("{} {}", row.id, row.subject))).collect(),
            stands: match stands {
                true => self.language.of("stands", "toujours valable"),
                false => self.language.of("no longer stands", "n'est plus valable"),
            },
        }
    }

    fn pending(&self, pending: &Pending) -> PendingView {
        let Pending { number, title, standing, role, holder, by, text, .. } = pending;
        let said = match (by.as_str(), text.as_str()) {
            (_, "") => String::new(),
            ("" | "golive", text) => text.to_owned(),
            (by, text) => self.language.of(format!("{by}: {text}"), format!("{by} : {text}")),
        };
        PendingView {
            number: number.clone(),
            title: plain(title),
            word: self.word(standing),
            who: self.who(*role, holder),
            text: plain(&said),
        }
    }

    fn deadline(&self, deadline: &Deadline) -> DeadlineView {
        let Deadline { number, title, due, outcome, settled, .. } = deadline;
        let (language, late) = (self.language, settled.filter(|settled| settled > due));
        let outcome_text = match (outcome, late) {
            (Outcome::Kept, _) => language.of("kept", "tenue").to_owned(),
            (Outcome::Ahead, _) => language.of("ahead", "à venir").to_owned(),
            (Outcome::Missed, Some(settled)) => {
                let by = self.long(settled.duration_since(*due));
                language.of(format!("missed; settled {by} later"), format!("manquée ; réglée {by} après"))
            }
            (Outcome::Missed, None) => language.of("missed", "manquée").to_owned(),
        };
        DeadlineView {
            number: number.clone(),
            title: plain(title),
            due: self.at(*due),
            outcome: outcome_text,
            missed: *outcome == Outcome::Missed,
        }
    }

    fn step(&self, step: &Step) -> StepView {
        let language = self.language;
        let mut said: Vec<String> = Vec::new();
        if !step.by.is_empty() {
            said.push(plain(&step.by));
        }
        said.extend(step.at.map(|at| self.at(at)));
        let mut said = said.join(", ");
        if !step.text.is_empty() {
            said =
                [said, plain(&step.text)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" : ");
        }
        let (mut run, mut summary, mut rows) = (String::new(), String::new(), Vec::new());
        if let Some(of) = &step.run {
            let took = self.language.number(u64::try_from(of.milliseconds).unwrap_or(0));
            let expires = of.expires.map(|at| self.at(at)).unwrap_or_default();
            run = match language {
                Language::En => format!("Took {took} ms; the evidence holds until {expires}."),
                Language::Fr => format!("Durée : {took} ms ; preuves valables jusqu'au {expires}."),
            };
            let green = of.results.iter().filter(|row| matches!(row.verdict, Seen::Pass | Seen::Warn)).count();
            summary = match language {
                Language::En => format!("Evidence: {green} of {} hold", of.results.len()),
                Language::Fr => format!("Preuves : {green} conformes sur {}", of.results.len()),
            };
            rows = of.results.iter().map(|row| self.row(row)).collect();
        }
        StepView {
            number: step.number.clone(),
            title: plain(&step.title),
            word: self.word(step.standing),
            class: match step.standing {
                "green" | "done" | "go" => "good",
                "red" | "no-go" => "bad",
                "skipped" => "plain",
                _ => "wait",
            },
            gate: step.gate,
            who: self.who(step.role, &step.holder),
            what: plain(&step.what),
            said,
            run,
            summary,
            rows,
        }
    }

    fn row(&self, row: &Evidence) -> RowView {
        let (word, class) = match row.verdict {
            Seen::Pass => ("pass", "good"),
            Seen::Warn => ("warn", "wait"),
            Seen::Fail => ("fail", "bad"),
            Seen::Unknown => ("unknown", "wait"),
        };
        let is_wrong = matches!(row.verdict, Seen::Warn | Seen::Fail);
        RowView {
            word: self.word(word),
            class,
            id: plain(&row.id),
            subject: plain(&row.subject),
            because: plain(&row.because),
            remedy: if is_wrong { plain(&row.remedy) } else { String::new() },
            seen: row.seen.iter().map(|line| plain(line)).collect(),
        }
    }
}

impl View {
    fn of(account: &Account) -> Self {
        let language = account.language;
        let timezone = Offset::from_seconds(account.offset_seconds).map_or(TimeZone::UTC, TimeZone::fixed);
        let tell = Teller { language, timezone };
        let criteria = |poll: &Poll| {
            let steps = account.phases.iter().flat_map(|phase| &phase.items);
            steps.into_iter().find(|step| step.item == poll.item).map(|step| step.what.as_str()).unwrap_or_default()
        };
        let source = &account.journal;
        let entries = language.number(source.entries as u64);
        Self {
            language: language.code(),
            t: language.of(ENGLISH, FRENCH),
            title: plain(&account.title),
            runbook_title: plain(&account.runbook_title),
            verdict: match account.verdict {
                Verdict::Go => "GO",
                Verdict::NoGo => "NO-GO",
                Verdict::Undecided => language.of("NOT DECIDED", "NON DÉCIDÉ"),
            },
            class: match account.verdict {
                Verdict::Go => "good",
                Verdict::NoGo => "bad",
                Verdict::Undecided => "wait",
            },
            kind: match account.rehearsed {
                true => language.of(
                    "Rehearsal on the local world: nothing here holds for the live site",
                    "Répétition sur le monde local : rien ici ne vaut pour le site en service",
                ),
                false => language.of("Live site", "Site en service"),
            },
            announcement: tell.at(account.announcement),
            written: tell.at(account.written),
            stands: tell.at(source.until),
            polls: account.polls.iter().map(|poll| tell.poll(poll, criteria(poll))).collect(),
            waivers: account.waivers.iter().map(|waiver| tell.waiver(waiver)).collect(),
            open: account.open.iter().map(|pending| tell.pending(pending)).collect(),
            skipped: account.skipped.iter().map(|pending| tell.pending(pending)).collect(),
            deadlines: account.deadlines.iter().map(|deadline| tell.deadline(deadline)).collect(),
            rehearsed: account.rehearsed,
            phases: account
                .phases
                .iter()
                .map(|phase| PhaseView {
                    title: plain(&phase.title),
                    steps: phase.items.iter().map(|step| tell.step(step)).collect(),
                })
                .collect(),
            timeline: account
                .timeline
                .iter()
                .map(|line| LineView {
                    entry: line.entry,
                    at: tell.short(line.at),
                    by: plain(&line.by),
                    what: tell.word(line.what),
                    item: plain(&line.item),
                    text: plain(&line.text),
                })
                .collect(),
            journal: JournalView {
                path: plain(&source.path),
                entries: match (language, source.entries) {
                    (Language::En, 1) => "1 entry".to_owned(),
                    (Language::En, _) => format!("{entries} entries"),
                    (Language::Fr, 1) => "1 écriture".to_owned(),
                    (Language::Fr, _) => format!("{entries} écritures"),
                },
                head: source.head.clone(),
                torn: source.torn.as_deref().map(plain).unwrap_or_default(),
                blueprint: plain(&account.blueprint.path),
                blueprint_sha256: plain(&account.blueprint.sha256),
                runbook: plain(&account.runbook.path),
                runbook_sha256: plain(&account.runbook.sha256),
                versions: match language {
                    Language::En => {
                        format!(
                            "Launched with golive {}, told by golive {}.",
                            plain(&account.launched_with),
                            account.golive
                        )
                    }
                    Language::Fr => format!(
                        "Lancement mené avec golive {}, compte rendu établi par golive {}.",
                        plain(&account.launched_with),
                        account.golive
                    ),
                },
            },
        }
    }
}
