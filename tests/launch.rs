//! `golive launch` as a team uses it: the real binary in a pseudo-terminal, on the local world, killed and taken up again;
//! and without a terminal, from a file of answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

mod common;

use common::{need, repository};
use golive::runbook::fact::{Answer, Fact};
use golive::runbook::journal::Journal;
use rexpect::ReadUntil;
use rexpect::process::{Signal, WaitStatus};
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

const SAMPLE: &str = "blueprints/jeveuxaider.toml";

/// Longer than anything here takes on a busy machine, in milliseconds; what takes longer hangs.
const PATIENCE: u64 = 120_000;

/// Of the last line of the menu of an item, and of the vote; without accents, which rexpect reads as Latin-1.
const ITEM_MENU: &str = "ter ici, reprendre plus tard";
const VOTE_MENU: &str = "ter ici, voter plus tard";
const WORLD: &str = "starting the local world";

/// A journal in a folder of its own, and how to take its launch up.
struct Night {
    folder: tempfile::TempDir,
}

impl Night {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("night.journal.jsonl")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }

    /// At a terminal of 80 columns.
    fn at_a_terminal(&self, more: &str) -> PtySession {
        let mut command = Command::new("/usr/bin/env");
        // Whoever runs the tests in the background has signals ignored, and children inherit that.
        command.args(["--default-signal=HUP,INT,TERM", "sh", "-c"]);
        command.arg(format!(
            "stty cols 80 rows 24; exec {} launch {SAMPLE} --rehearse --journal {} {more}",
            env!("CARGO_BIN_EXE_golive"),
            self.journal().display()
        ));
        command.current_dir(repository()).env("USER", "test").env_remove("NO_COLOR").env("TERM", "xterm");
        let options = Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(true);
        spawn_with_options(command, options).expect("a pseudo-terminal")
    }

    fn without(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
        command.args(["launch", SAMPLE, "--rehearse", "--journal"]).arg(self.journal()).args(more);
        command.current_dir(repository()).env("USER", "test").env_remove("RUST_BACKTRACE");
        command.output().expect("golive starts")
    }

    fn facts(&self) -> Vec<Fact> {
        let journal = Journal::read(&self.journal()).unwrap_or_else(|error| panic!("{error}"));
        journal.entries().iter().map(|entry| entry.fact.clone()).collect()
    }

    fn answers(&self) -> usize {
        self.facts().iter().filter(|fact| matches!(fact, Fact::Answered(_) | Fact::Voted(_))).count()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout))
}

/// What the program waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Waits {
    /// For an answer to the item of that key.
    Item(String),
    Vote,
    /// Nothing: it has ended.
    End,
    /// It has begun to start the local world.
    World,
}

fn waits(session: &mut PtySession, stop_at_world: bool) -> Waits {
    let mut until =
        vec![ReadUntil::String(ITEM_MENU.to_owned()), ReadUntil::String(VOTE_MENU.to_owned()), ReadUntil::EOF];
    if stop_at_world {
        until.push(ReadUntil::String(WORLD.to_owned()));
    }
    let (before, found) = session.exp_any(until).unwrap_or_else(|error| panic!("{error}"));
    match found.as_str() {
        ITEM_MENU => {
            let (_, rest) = before.rsplit_once('[').unwrap_or_else(|| panic!("no key in {before}"));
            Waits::Item(rest.split(']').next().expect("a key").to_owned())
        }
        VOTE_MENU => Waits::Vote,
        WORLD => Waits::World,
        _ => Waits::End,
    }
}

/// The first choice, and the default of whatever is asked next.
fn accept(session: &mut PtySession, waits: &Waits) {
    let press = |session: &mut PtySession| {
        session.send("\r").expect("sent");
        session.flush().expect("flushed");
    };
    press(session);
    session.exp_string("(peut rester vide)").expect("asked for a text");
    press(session);
    if *waits == Waits::Vote {
        session.exp_string("qui le dit").expect("asked for a name");
        press(session);
    }
}

/// The whole launch of the sample, by a team whose terminal dies at every step: nothing that was answered is asked again,
/// and nothing is lost.
#[test]
fn a_launch_that_is_killed_at_each_step_ends_in_a_signed_go() {
    need("nginx");
    let night = Night::new();
    let (mut given, mut kills) = (0, 0);
    let mut expected: Option<Waits> = None;
    let mut world_was_killed = false;
    loop {
        let mut session = night.at_a_terminal("");
        let mut now = waits(&mut session, !world_was_killed);
        if now == Waits::World {
            // In the middle of what golive does by itself, once for each such step.
            session.process_mut().kill(Signal::SIGKILL).expect("killed");
            (kills, world_was_killed) = (kills + 1, true);
            assert_eq!(night.answers(), given, "what was answered before is there");
            continue;
        }
        world_was_killed = false;
        if let Some(expected) = expected.take() {
            assert_eq!(now, expected, "taken up where it was killed");
        }
        if now == Waits::End {
            break;
        }
        accept(&mut session, &now);
        given += 1;
        now = waits(&mut session, true);
        if now == Waits::End {
            let status = session.process().wait().expect("a child");
            assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");
            break;
        }
        session.process_mut().kill(Signal::SIGKILL).expect("killed");
        kills += 1;
        assert_eq!(night.answers(), given);
        if now != Waits::World {
            expected = Some(now);
        }
    }
    assert!(kills > 60, "only {kills} kills");
    let facts = night.facts();
    let voted = facts.iter().filter_map(|fact| match fact {
        Fact::Voted(vote) => Some((vote.role.as_str(), vote.go, vote.signs.clone())),
        _ => None,
    });
    let voted: Vec<_> = voted.collect();
    let decided = facts.iter().find_map(|fact| match fact {
        Fact::Decided(decision) => Some(decision.clone()),
        _ => None,
    });
    let decided = decided.expect("a decision");
    assert!(decided.go && decided.reasons.is_empty());
    let roles: Vec<&str> = voted.iter().map(|(role, ..)| *role).collect();
    assert_eq!(roles, ["lead", "dns", "cdn", "app", "database"], "each once");
    assert!(voted.iter().all(|(_, go, signs)| *go && *signs == decided.signs), "all on the same evidence");
}

/// At a question, at its text, at a name, at a vote, and while golive checks.
#[test]
fn ctrl_c_ends_it_at_every_prompt_and_the_terminal_is_as_before() {
    need("nginx");
    let night = Night::new();
    let interrupt = |mut session: PtySession| {
        session.send_control('c').expect("sent");
        let rest = session.exp_eof().unwrap_or_else(|error| panic!("{error}"));
        let status = session.process().wait().expect("a child");
        assert!(matches!(status, WaitStatus::Exited(_, 130)), "{status:?}: {rest}");
    };
    let press = |session: &mut PtySession, keys: &str, then: &str| {
        session.send(keys).expect("sent");
        session.flush().expect("flushed");
        session.exp_string(then).unwrap_or_else(|error| panic!("{error}"));
    };
    let mut session = night.at_a_terminal("");
    assert_eq!(waits(&mut session, false), Waits::Item("roles".to_owned()));
    interrupt(session);

    let mut session = night.at_a_terminal("");
    waits(&mut session, false);
    press(&mut session, "\r", "(peut rester vide)");
    interrupt(session);

    let mut session = night.at_a_terminal("");
    waits(&mut session, false);
    // One line down: somebody else says so.
    press(&mut session, "\u{1b}[B\r", "(peut rester vide)");
    press(&mut session, "\r", "qui le dit");
    interrupt(session);
    assert_eq!(night.answers(), 0, "nothing that was not finished counts");

    // While golive checks.
    let checks = "title = \"Checks\"\n[[phases]]\nid = \"one\"\ntitle = \"One\"\n[[phases.steps]]\nid = \"all\"\n\
                  title = \"All\"\nrole = \"dns\"\nchecks = [\"*\"]\n";
    let own = Night::new();
    let mut session = own.at_a_terminal(&format!("--runbook {}", own.file("checks.toml", checks)));
    session.exp_string(WORLD).unwrap_or_else(|error| panic!("{error}"));
    interrupt(session);
    assert_eq!(own.facts().len(), 1, "of checks that were broken off nothing is kept");

    // At the vote.
    let answers = night.file("answers.toml", "[[answers]]\nstep = \"*\"\nanswer = \"done\"\n");
    let output = night.without(&["--answers", &answers]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let answered = night.answers();
    let mut session = night.at_a_terminal("");
    assert_eq!(waits(&mut session, false), Waits::Vote);
    interrupt(session);
    assert_eq!(night.answers(), answered);
}

/// A file in which whoever holds a role says yes to everything, but for these.
fn everything(but: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (step, row) in but.iter().filter(|(_, row)| !row.is_empty()) {
        text.push_str(&format!("[[answers]]\nstep = \"{step}\"\n{row}\n"));
    }
    text.push_str("[[answers]]\nstep = \"vote\"\nanswer = \"go\"\n[[answers]]\nstep = \"*\"\nanswer = \"done\"\n");
    text
}

#[test]
fn answers_lead_through_it_without_a_terminal() {
    need("nginx");
    let night = Night::new();
    // First without the vote.
    let no_vote = night.file("some.toml", "[[answers]]\nstep = \"*\"\nanswer = \"done\"\n");
    let output = night.without(&["--answers", &no_vote]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("no answer for"), "{}", said(&output));
    assert!(!night.facts().iter().any(|fact| matches!(fact, Fact::Decided(_))));

    // One no of somebody with a veto is enough.
    let row = "answer = \"no-go\"\nrole = \"app\"\ntext = \"the queue still grows\"";
    let veto = night.file("veto.toml", &everything(&[("vote", row)]));
    let output = night.without(&["--answers", &veto]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("F. Durand (app): the queue still grows"), "{}", said(&output));
    assert!(matches!(night.facts().last(), Some(Fact::Decided(decision)) if !decision.go));

    // And it stays a no until somebody goes back to it.
    let yes = night.file("yes.toml", &everything(&[]));
    assert_eq!(night.without(&["--answers", &yes]).status.code(), Some(1));
}

#[test]
fn what_is_red_blocks_until_it_is_mended_or_waived_by_name() {
    need("nginx");
    let night = Night::new();
    let answers = night.file("answers.toml", &everything(&[]));
    // The machine that redirects forgets Strict-Transport-Security.
    let generated = tempfile::tempdir().expect("a folder");
    let out = generated.path().to_string_lossy().into_owned();
    let generate = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
        let output = command.current_dir(repository()).args(["generate", SAMPLE, "--force", "--out", &out]).output();
        assert!(output.expect("golive starts").status.success());
    };
    generate();
    let file = generated.path().join("jeveuxaider/nginx/redirect-jeveuxaider.gouv.fr/nginx.conf");
    let sound = fs::read_to_string(&file).expect("generated");
    let faulty: String =
        sound.lines().filter(|line| !line.contains("Strict-Transport-Security")).collect::<Vec<_>>().join("\n");
    assert_ne!(sound.lines().count(), faulty.lines().count());
    fs::write(&file, faulty).expect("written");

    let output = night.without(&["--answers", &answers, "--generated", &out]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("tls.hsts"), "{}", said(&output));
    assert!(!night.facts().iter().any(|fact| matches!(fact, Fact::Voted(_))), "nobody is asked to vote on it");

    // A skip is no way round a check, and no word makes it green.
    let skip = night.file("skip.toml", "[[answers]]\nstep = \"*\"\nanswer = \"skipped\"\ntext = \"no\"\n");
    assert_eq!(night.without(&["--answers", &skip, "--generated", &out]).status.code(), Some(1));

    let waived = "answer = \"waived\"\nby = \"A. Martin\"\ntext = \"no browser has been there yet\"";
    let waive = night.file("waive.toml", &everything(&[("certificates", waived)]));
    let output = night.without(&["--answers", &waive, "--generated", &out]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let told: Vec<String> = said(&output).split_whitespace().map(str::to_owned).collect();
    assert!(told.join(" ").contains("A. Martin: no browser has been there yet"), "{}", said(&output));
}

#[test]
fn another_blueprint_voids_what_checks_saw_and_no_word_of_people() {
    need("nginx");
    let night = Night::new();
    let answers = night.file("answers.toml", &everything(&[]));
    assert_eq!(night.without(&["--answers", &answers]).status.code(), Some(0));
    let count = |night: &Night| {
        let facts = night.facts();
        let checked = facts.iter().filter(|fact| matches!(fact, Fact::Checked(_))).count();
        let done =
            facts.iter().filter(|fact| matches!(fact, Fact::Answered(answered) if answered.answer == Answer::Done));
        (checked, done.count())
    };
    let (checked, done) = count(&night);

    let text = fs::read_to_string(repository().join(SAMPLE)).expect("the sample");
    let other = night.file("other.toml", &(text + "\n# one more line\n"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.args(["launch", &other, "--rehearse", "--journal"]).arg(night.journal()).args(["--answers", &answers]);
    let output = command.current_dir(repository()).output().expect("golive starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(count(&night), (checked * 2, done), "each check anew, no question");
    let decisions = night.facts().iter().filter(|fact| matches!(fact, Fact::Decided(_))).count();
    assert_eq!(decisions, 2, "the vote is on the new one");
}

#[test]
fn a_second_launch_is_told_who_holds_the_journal() {
    let night = Night::new();
    let mut session = night.at_a_terminal("");
    assert_eq!(waits(&mut session, false), Waits::Item("roles".to_owned()));
    let answers = night.file("answers.toml", &everything(&[]));
    let output = night.without(&["--answers", &answers]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("is held by test"), "{}", said(&output));
    session.process_mut().kill(Signal::SIGKILL).expect("killed");
}

#[test]
fn without_a_terminal_and_answers_nobody_is_asked() {
    let night = Night::new();
    let output = night.without(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--answers FILE"), "{}", said(&output));
    assert!(!night.journal().exists(), "nothing was begun");
}

/// A disk that is full: nothing counts that is not on it, and the journal is whole.
#[test]
fn a_full_disk_loses_nothing_that_was_recorded() {
    let night = Night::new();
    let answers = night.file("answers.toml", &everything(&[]));
    // The plan alone is larger than 64 KiB of 512-byte blocks, so that the first entry fits and an answer soon does not.
    let command = format!(
        "trap '' XFSZ; ulimit -f 220; exec {} launch {SAMPLE} --rehearse --journal {} --answers {answers}",
        env!("CARGO_BIN_EXE_golive"),
        night.journal().display()
    );
    let output = Command::new("sh").args(["-c", &command]).current_dir(repository()).output().expect("sh starts");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("nothing counts as recorded"), "{}", said(&output));
    let size = fs::metadata(night.journal()).expect("a journal").len();
    assert!(size <= 220 * 1024, "{size}");
    let known = night.answers();
    assert!(matches!(night.facts().first(), Some(Fact::Opened(_))));
    // With room again it goes on from there.
    let no_vote = night.file("some.toml", "[[answers]]\nstep = \"roles\"\nanswer = \"done\"\n");
    assert!(night.without(&["--answers", &no_vote]).status.code().is_some());
    assert!(night.answers() >= known);
}

fn refused(text: &str) -> String {
    let night = Night::new();
    let runbook = night.file("own.toml", text);
    let output = night.without(&["--runbook", &runbook, "--list"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(output.stdout.is_empty());
    said(&output)
}

#[test]
fn a_runbook_with_mistakes_is_refused_with_all_of_them() {
    let told = refused(
        r#"
title = "Ours"
[[phases]]
id = "one"
title = "One"
[[phases.steps]]
id = "a"
title = "A"
role = "leed"
checks = ["dns.host.targt"]
[[phases.steps]]
id = "b"
title = "B"
role = "dns"
needs = ["c", "d"]
procedur = "dns"
due = "announcment - 2h"
[[phases.steps]]
id = "c"
title = { en = "C" }
role = "dns"
lever = "degraded-mod"
only_with = "wating_room"
"#,
    );
    for part in [
        "unknown variant `leed`",
        "no check is called `dns.host.targt`",
        "did you mean `dns.host.target`?",
        "`b` needs `c`, which comes later",
        "no step is called `d`",
        "`[[phases.steps]]` has no key `procedur`",
        "did you mean `procedure`?",
        "this step says nothing that is done",
        "no moment is called `announcment`",
        "did you mean `waiting_room`?",
        "did you mean `degraded-mode`?",
        "own.toml:10:11",
    ] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
}

#[test]
fn files_of_answers_are_refused_with_their_lines() {
    let night = Night::new();
    let answers = night.file(
        "answers.toml",
        "[[answers]]\nstep = \"a\"\nanswer = \"waived\"\n[[answers]]\nstp = \"b\"\nanswer = \"yes\"\n",
    );
    let output = night.without(&["--answers", &answers]);
    assert_eq!(output.status.code(), Some(2));
    let told = said(&output);
    for part in ["wants a reason", "did you mean `step`?", "unknown variant `yes`", "answers.toml:3:10"] {
        assert!(told.contains(part), "no {part:?} in\n{told}");
    }
}

#[test]
fn the_built_in_launch_mentions_everything_of_the_sample() {
    let night = Night::new();
    let output = night.without(&["--list"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!listed.contains("[added-"), "golive had to add something:\n{listed}");
    assert!(listed.contains("[vote]"));
    assert!(!Path::new(&night.journal()).exists(), "a list begins nothing");
    // One that mentions nothing gets it all.
    let bare = "title = \"Bare\"\ncomplete = true\n[[phases]]\nid = \"one\"\ntitle = \"One\"\n[[phases.steps]]\nid = \"a\"\ntitle = \"A\"\nrole = \"lead\"\nask = \"?\"\n";
    let runbook = night.file("bare.toml", bare);
    let listed = night.without(&["--runbook", &runbook, "--list"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for part in ["[added-forgotten-checks]", "[added-dns/", "[added-waiting-room/", "dns.soa.sync", "cache.stale.error"]
    {
        assert!(listed.contains(part), "no {part:?} in\n{listed}");
    }
}

#[test]
fn every_built_in_runbook_is_sound() {
    let night = Night::new();
    for name in ["launch", "crisis", "undo", "demo"] {
        let output = night.without(&["--runbook", name, "--list"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
    }
    // Without [people], levers, CDN and mail there is less to do, and nothing wrong.
    for name in ["launch", "crisis", "undo", "demo"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
        command.args(["launch", "tests/static_routes/primaries.toml", "--list", "--runbook", name]);
        let output = command.current_dir(repository()).output().expect("golive starts");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", said(&output));
    }
    let output = night.without(&["--runbook", "lunch", "--list"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("launch, crisis, undo, demo"), "{}", said(&output));
}

#[test]
fn the_timeline_counts_back_from_the_announcement() {
    let folder = tempfile::tempdir().expect("a folder");
    let ics = folder.path().join("x.ics");
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.args(["launch", SAMPLE, "--timeline", "--ics"]).arg(&ics).current_dir(repository());
    let output = command.output().expect("golive starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let calendar = fs::read_to_string(&ics).expect("written");
    // 24 hours and the former TTL of an hour before 20:30.
    assert!(calendar.contains("DTSTART:20200321T183000Z"), "{calendar}");
    assert!(calendar.matches("BEGIN:VEVENT").count() >= 12);
}
