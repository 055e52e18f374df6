use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::super::fact::{Answer, Answered, Decision, Vote};
use super::*;
use crate::concerns::people::Role;

/// A folder with a journal's path in it; in memory where there is such a place, since these tests sync thousands of times
/// (those of `tests/journal.rs` are on the disk).
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = folder.path().join("shop.journal.jsonl");
    (folder, path)
}

/// A journal of these facts, closed again.
fn written(path: &Path, facts: &[Fact]) {
    written_by("Ada", path, facts);
}

/// Who says the same after the same in the same millisecond has said it once: other people are needed for two branches.
fn written_by(who: &str, path: &Path, facts: &[Fact]) {
    let mut journal = Journal::open(path, who).unwrap();
    for fact in facts {
        journal.append(who, fact.clone()).unwrap();
    }
}

fn noted(text: &str) -> Fact {
    Fact::Noted { text: text.to_owned() }
}

fn answered(item: &str, answer: Answer) -> Fact {
    let (item, fingerprint) = (item.to_owned(), "f".to_owned());
    Fact::Answered(Answered { item, fingerprint, role: Role::App, answer, text: String::new() })
}

fn voted(role: Role, go: bool) -> Fact {
    Fact::Voted(Vote { item: "poll".into(), role, go, reason: String::new(), signs: "s".into() })
}

fn decided(go: bool) -> Fact {
    Fact::Decided(Decision { item: "poll".into(), go, signs: "s".into(), reasons: Vec::new() })
}

fn reopened(item: &str) -> Fact {
    Fact::Reopened { item: item.into(), reason: "it broke".into() }
}

fn fault(path: &Path) -> (usize, Fault) {
    match Journal::read(path) {
        Err(JournalError::Line { line, fault, .. }) => (line, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_added_is_read_again() {
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, "Ada").unwrap();
    assert_eq!((journal.head(), journal.entries().len()), (None, 0));
    let all = "é\n\r\u{0}\u{1b}[2J\"\\\u{2028}\u{feff}<<<<<<< {\"hash\":\"";
    for text in ["one", "", all] {
        let entry = journal.append(all, noted(text)).unwrap();
        assert_eq!((entry.by.as_str(), &entry.fact), (all, &noted(text)));
    }
    journal.append("Ada", answered("dns", Answer::Waived)).unwrap();
    let again = Journal::read(&path).unwrap();
    assert_eq!(again.entries(), journal.entries());
    assert_eq!((again.head(), again.recovered()), (journal.head(), None));
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.lines().all(|line| line.get(75..).is_some_and(|rest| rest.starts_with("\"prev\":["))), "{lines}");
}

#[test]
fn cut_anywhere_it_loses_at_most_the_last_entry() {
    let (_folder, path) = place();
    written(&path, &[noted("one"), answered("dns", Answer::Done), noted("zwei ü"), voted(Role::Lead, true)]);
    let bytes = fs::read(&path).unwrap();
    let whole = Journal::read(&path).unwrap().entries().to_vec();
    for length in 0..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let ends = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
        // A whole entry of which only the line's end is missing counts.
        let kept = ends + usize::from(bytes.get(length) == Some(&b'\n'));
        let torn = length > 0 && bytes[length - 1] != b'\n' && kept == ends;
        let read = Journal::read(&path).unwrap();
        assert_eq!((read.entries(), read.recovered().is_some()), (&whole[..kept], torn), "{length}");
        assert_eq!(fs::read(&path).unwrap().len(), length, "to read changes nothing");

        let mut journal = Journal::open(&path, "Ada").unwrap();
        assert_eq!((journal.entries(), journal.recovered().is_some()), (&whole[..kept], torn), "{length}");
        if torn {
            let start = bytes[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let says = format!("{} bytes from byte {start} on", length - start);
            assert!(journal.recovered().unwrap().contains(&says), "{:?}", journal.recovered());
        }
        journal.append("Bob", noted("after")).unwrap();
        let again = Journal::read(&path).unwrap();
        assert_eq!((again.entries(), again.recovered()), (journal.entries(), None));
        assert_eq!(again.entries().len(), kept + 1);
    }
}

#[test]
fn any_bit_flipped_is_noticed() {
    let (_folder, path) = place();
    written(&path, &[noted("one"), answered("dns", Answer::Done), noted("three")]);
    let bytes = fs::read(&path).unwrap();
    let flip = |bytes: &[u8], place: usize, bit: u8| {
        let mut altered = bytes.to_vec();
        altered[place] ^= 1 << bit;
        fs::write(&path, altered).unwrap();
    };
    for place in 0..bytes.len() {
        let line = 1 + bytes[..place].iter().filter(|byte| **byte == b'\n').count();
        for bit in 0..8 {
            flip(&bytes, place, bit);
            let (named, fault) = fault(&path);
            // A line's end in the midst of a line names what is left of it.
            assert_eq!(named, line, "byte {place}, bit {bit}: {fault}");
        }
    }
    // Of a line without its end nobody can tell whether it was altered or never wholly written.
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let unended = &bytes[..bytes.len() - 1];
    for place in last..unended.len() {
        for bit in 0..8 {
            flip(unended, place, bit);
            match Journal::read(&path) {
                Ok(journal) => assert!(journal.recovered().is_some() && journal.entries().len() == 2, "{place} {bit}"),
                Err(JournalError::Line { line: 3, .. }) => {}
                Err(other) => panic!("{place} {bit}: {other}"),
            }
        }
    }
}

#[test]
fn what_is_no_journal_is_told_from_what_was_one() {
    let (folder, path) = place();
    written(&path, &[noted("one"), noted("two"), noted("three")]);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let [one, two, three] = lines.as_slice() else { panic!() };
    let elsewhere = folder.path().join("other.journal.jsonl");
    written(&elsewhere, &[noted("another launch")]);
    let other = fs::read_to_string(&elsewhere).unwrap();
    let first_hash = Journal::read(&path).unwrap().entries()[0].hash.clone();

    type Expected = fn(&Fault) -> bool;
    let cases: [(String, usize, Expected, &str); 11] = [
        (format!("{one}\n\n{two}\n"), 2, |fault| *fault == Fault::Empty, "is empty"),
        (
            format!("{one}\n<<<<<<< HEAD\n{two}\n=======\n{three}\n>>>>>>> night\n"),
            2,
            |fault| *fault == Fault::ConflictMarker("<<<<<<< HEAD".into()),
            "merge=union",
        ),
        (format!("{one}\n{}\n{three}\n", "\0".repeat(512)), 2, |fault| *fault == Fault::Zeros, "power cut"),
        (format!("{one}\r\n{two}\r\n"), 1, |fault| *fault == Fault::CarriageReturn, "autocrlf"),
        (format!("{one}\n[site]\n"), 2, |fault| *fault == Fault::NotAnEntry("[site]".into()), "[site]"),
        (format!("{one}\n{three}\n"), 2, |fault| matches!(fault, Fault::Orphan(_)), "removed or moved"),
        (format!("{two}\n{three}\n"), 1, |fault| matches!(fault, Fault::Orphan(_)), "removed"),
        (format!("{one}\n{three}\n{two}\n"), 2, |fault| matches!(fault, Fault::Orphan(_)), "removed or moved"),
        (format!("{one}\n{other}"), 2, |fault| *fault == Fault::SecondFirst, "two journals"),
        (
            format!("{one}\n{}\n", two.replace("two", "2")),
            2,
            |fault| *fault == Fault::Altered,
            "its hash says otherwise",
        ),
        (format!("{one}\n{two}{three}\n"), 2, |fault| *fault == Fault::Altered, "nothing from there on counts"),
    ];
    for (text, line, expected, says) in cases {
        fs::write(&path, &text).unwrap();
        let (named, fault) = fault(&path);
        assert!(expected(&fault) && named == line, "{named} {fault:?}: {text}");
        let error = Journal::open(&path, "Ada").unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(&format!("shop.journal.jsonl, line {line} ")), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "what does not hold is not touched");
    }
    fs::write(&path, [one.as_bytes(), b"\n\xff\xfe\n"].concat()).unwrap();
    assert_eq!(fault(&path), (2, Fault::NotUtf8));

    // Whole by their hashes, and not of this version.
    let head = format!("\"prev\":[\"{first_hash}\"],\"at\":\"2026-11-27T10:00:00Z\",\"by\":\"Ada\",");
    for (rest, says) in [
        (format!("{head}\"fact\":\"sung\",\"song\":\"x\"}}"), "sung"),
        (format!("{head}\"fact\":\"noted\",\"text\":\"x\",\"loud\":true}}"), "`loud`"),
        (format!("{head}\"fact\":\"noted\"}}"), "text"),
        (format!("{head}\"fact\":\"merged\"}}"), "follows 1"),
        (format!("{head}\"fact\":\"noted\",\"text\":\"x\",\"deep\":{}", "[".repeat(10_000)), "recursion"),
    ] {
        let line = format!("{{\"hash\":\"{}\",{rest}", chain::hash_of(rest.as_bytes()));
        for end in ["", "\n"] {
            fs::write(&path, format!("{one}\n{line}{end}")).unwrap();
            let (named, fault) = fault(&path);
            assert_eq!(named, 2);
            let text = fault.to_string();
            assert!(matches!(fault, Fault::Newer(_)) && text.contains(says) && text.contains("newer golive"), "{text}");
        }
    }
}

#[test]
fn a_power_cut_s_zeros_at_the_end_are_dropped() {
    let (_folder, path) = place();
    written(&path, &[noted("one")]);
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend([0; 4096]);
    fs::write(&path, bytes).unwrap();
    let journal = Journal::open(&path, "Ada").unwrap();
    assert_eq!(journal.entries().len(), 1);
    assert!(journal.recovered().unwrap().contains("4096 bytes"));
}

#[test]
fn only_regular_files_of_a_sane_size_are_journals() {
    let (folder, path) = place();
    assert!(matches!(Journal::read(&path), Err(JournalError::Absent(_))));
    assert!(matches!(Journal::open_to_note(&path), Err(JournalError::Absent(_))));
    assert!(!path.exists());
    let below = folder.path().join("absent/shop.journal.jsonl");
    assert!(matches!(Journal::open(&below, "Ada"), Err(JournalError::NoFolder { .. })));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Journal::open(&file.join("x"), "Ada"), Err(JournalError::NoFolder { .. })));
    assert!(matches!(Journal::open(folder.path(), "Ada"), Err(JournalError::NotAFile(_))));
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    for opened in [Journal::open(&path, "Ada"), Journal::open_to_note(&path), Journal::read(&path)] {
        assert!(matches!(opened, Err(JournalError::NotAFile(_))), "{opened:?}");
    }
    fs::remove_file(&path).unwrap();
    File::create(&path).unwrap().set_len(file::LARGEST + 1).unwrap();
    assert!(matches!(Journal::read(&path), Err(JournalError::TooLarge(_))));
}

#[test]
fn one_launch_at_a_time_and_notes_beside_it() {
    let (folder, path) = place();
    let mut session = Journal::open(&path, "Ada \u{1b}[2J").unwrap();
    let link = folder.path().join("link.journal.jsonl");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for path in [&path, &link] {
        let Err(JournalError::Held { by, .. }) = Journal::open(path, "Bob") else { panic!() };
        assert!(by.starts_with("Ada \\u{1b}[2J on "), "{by}");
        assert!(by.contains(&format!(", process {}, since 20", std::process::id())), "{by}");
    }
    session.append("Ada", noted("one")).unwrap();
    let mut scribe = Journal::open_to_note(&path).unwrap();
    scribe.append("Bob", noted("two")).unwrap();
    session.append("Ada", noted("three")).unwrap();
    scribe.append("Bob", noted("four")).unwrap();
    assert_eq!((scribe.heads(), scribe.entries().len()), (1, 4));
    assert_eq!(Journal::read(&path).unwrap().entries(), scribe.entries());
    let lock = folder.path().join("shop.journal.jsonl.lock");
    drop(session);
    assert_eq!(fs::read(&lock).unwrap(), b"", "the lock's file stays, and says nothing");
    drop(Journal::open(&path, "Bob").unwrap());
    // Its text is overwritten, so it must not lead elsewhere.
    fs::remove_file(&lock).unwrap();
    std::os::unix::fs::symlink(folder.path().join("precious"), &lock).unwrap();
    assert!(matches!(Journal::open(&path, "Bob"), Err(JournalError::NotAFile(_))));
}

#[test]
fn a_file_put_in_its_place_is_followed_when_nothing_is_lost() {
    let (folder, path) = place();
    written(&path, &[noted("one")]);
    let copy = folder.path().join("copy.journal.jsonl");
    fs::copy(&path, &copy).unwrap();
    let mut session = Journal::open(&path, "Ada").unwrap();
    session.append("Ada", noted("ours")).unwrap();
    // git: theirs laid before ours, and renamed over the file.
    written(&copy, &[noted("theirs")]);
    let ours = fs::read_to_string(&path).unwrap();
    let theirs = fs::read_to_string(&copy).unwrap();
    fs::write(&copy, format!("{theirs}{}\n", ours.lines().nth(1).unwrap())).unwrap();
    fs::rename(&copy, &path).unwrap();
    session.append("Ada", noted("after")).unwrap();
    let read = Journal::read(&path).unwrap();
    assert_eq!((read.entries(), read.heads()), (session.entries(), 1));
    assert_eq!(read.entries().len(), 5, "one, theirs, ours, merged, after");

    fs::write(&path, theirs).unwrap();
    let error = session.append("Ada", noted("lost?")).unwrap_err();
    assert!(matches!(error, JournalError::Replaced { lost: 3, .. }), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(matches!(session.append("Ada", noted("lost?")), Err(JournalError::Absent(_))));
}

#[test]
fn a_clock_that_goes_back_does_not_turn_the_order_round() {
    let (_folder, path) = place();
    let later: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    let mut line = chain::line(&[], later, "Ada", &noted("from a clock ahead"));
    line.push(b'\n');
    fs::write(&path, line).unwrap();
    let mut journal = Journal::open(&path, "Ada").unwrap();
    assert_eq!(journal.append("Ada", noted("now")).unwrap().at, later);
    assert_eq!(Journal::read(&path).unwrap().entries(), journal.entries());
}

/// Two copies of a journal, each gone on alone.
fn forked(ours: &[Fact], theirs: &[Fact]) -> (TempDir, PathBuf, PathBuf) {
    let (folder, path) = place();
    let other = folder.path().join("other.journal.jsonl");
    written(&path, &[noted("common"), answered("old", Answer::Done)]);
    fs::copy(&path, &other).unwrap();
    written(&path, ours);
    written_by("Bob", &other, theirs);
    (folder, path, other)
}

fn merged(ours: &[Fact], theirs: &[Fact]) -> (Vec<Conflict>, Vec<Fact>) {
    let (_folder, path, other) = forked(ours, theirs);
    let mut journal = Journal::open(&path, "Ada").unwrap();
    let conflicts = journal.merge("Ada", &Journal::read(&other).unwrap()).unwrap();
    assert_eq!(journal.conflicts(), conflicts);
    assert_eq!(Journal::read(&path).unwrap().entries(), journal.entries());
    let facts = journal.entries().iter().skip(2 + ours.len() + theirs.len()).map(|entry| entry.fact.clone());
    (conflicts, facts.collect())
}

#[test]
fn who_says_the_same_does_not_contradict() {
    for (ours, theirs) in [
        (vec![answered("dns", Answer::Done)], vec![answered("dns", Answer::Done)]),
        (vec![answered("dns", Answer::Done)], vec![answered("mail", Answer::Held)]),
        (vec![answered("dns", Answer::Held), answered("dns", Answer::Done)], vec![answered("dns", Answer::Done)]),
        (vec![reopened("old")], vec![reopened("old")]),
        (vec![reopened("old")], vec![noted("x")]),
        (vec![voted(Role::Lead, true)], vec![voted(Role::Dns, false)]),
        (vec![voted(Role::Lead, true), decided(true)], vec![voted(Role::Lead, true), decided(true)]),
    ] {
        let (conflicts, facts) = merged(&ours, &theirs);
        assert_eq!((conflicts.as_slice(), facts.as_slice()), (&[][..], &[Fact::Merged][..]), "{ours:?} {theirs:?}");
    }
}

#[test]
fn an_item_of_two_answers_is_asked_again() {
    for (item, ours, theirs) in [
        ("dns", vec![answered("dns", Answer::Done)], vec![answered("dns", Answer::Held)]),
        ("old", vec![reopened("old")], vec![answered("old", Answer::Done)]),
        ("poll", vec![voted(Role::Lead, true)], vec![voted(Role::Dns, true), voted(Role::Lead, false)]),
        ("poll", vec![decided(true)], vec![voted(Role::Lead, false)]),
        ("poll", vec![decided(true)], vec![decided(false)]),
    ] {
        for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
            let (conflicts, facts) = merged(ours, theirs);
            let [conflict] = conflicts.as_slice() else { panic!("{ours:?} {theirs:?}: {conflicts:?}") };
            assert_eq!(conflict.item, item);
            assert!(conflict.ours.contains("by Ada, 20") && conflict.theirs.contains("by Bob, 20"), "{conflict:?}");
            let [Fact::Merged, Fact::Reopened { item: again, reason }] = facts.as_slice() else { panic!("{facts:?}") };
            assert_eq!(again, item);
            assert!(reason.contains(&conflict.ours) && reason.contains(&conflict.theirs), "{reason}");
        }
    }
    let (conflicts, _) = merged(&[answered("dns", Answer::Waived)], &[answered("dns", Answer::Done)]);
    assert!(conflicts[0].ours.starts_with("waived for app by Ada"), "{conflicts:?}");
    assert!(conflicts[0].theirs.starts_with("done for app by Bob"), "{conflicts:?}");
}

#[test]
fn branches_laid_behind_one_another_are_joined_when_opened() {
    let (folder, path, other) = forked(&[answered("dns", Answer::Done)], &[answered("dns", Answer::Held)]);
    let third = folder.path().join("third.journal.jsonl");
    let ours = fs::read_to_string(&path).unwrap();
    let common: String = ours.split_inclusive('\n').take(2).collect();
    fs::write(&third, &common).unwrap();
    written_by("Eve", &third, &[noted("third")]);
    let beyond = |path: &Path| fs::read_to_string(path).unwrap().strip_prefix(&common).unwrap().to_owned();
    // The third twice: a merge of git's may do that.
    let union = format!("{ours}{}{}{}", beyond(&third), beyond(&other), beyond(&third));
    fs::write(&path, &union).unwrap();
    let read = Journal::read(&path).unwrap();
    assert_eq!((read.heads(), read.entries().len()), (3, 5));
    let mut note = Journal::open_to_note(&path).unwrap();
    assert_eq!(note.heads(), 3);
    note.append("Bob", noted("after")).unwrap();
    assert_eq!((note.heads(), note.conflicts().len()), (1, 1));
    let facts: Vec<&Fact> = note.entries()[5..].iter().map(|entry| &entry.fact).collect();
    assert!(matches!(facts[..], [Fact::Merged, Fact::Merged, Fact::Reopened { .. }, Fact::Noted { .. }]), "{facts:?}");
    assert!(note.entries()[5..8].iter().all(|entry| entry.by == GOLIVE));
    assert!(fs::read_to_string(&path).unwrap().starts_with(&union), "what was there is not rewritten");
    drop(note);
    let length = fs::metadata(&path).unwrap().len();
    assert!(Journal::open(&path, "Ada").unwrap().conflicts().is_empty());
    assert_eq!(fs::metadata(&path).unwrap().len(), length, "it is joined once");
}

#[test]
fn journals_of_different_launches_are_not_joined() {
    let (folder, path) = place();
    let other = folder.path().join("other.journal.jsonl");
    written(&path, &[noted("a")]);
    written(&other, &[noted("b")]);
    let before = fs::read(&path).unwrap();
    let other = Journal::read(&other).unwrap();
    let mut journal = Journal::open(&path, "Ada").unwrap();
    assert!(matches!(journal.merge("Ada", &other), Err(JournalError::Foreign { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
    journal.append("Ada", noted("it stays usable")).unwrap();
}

/// Three people's copies; each step is a fact of one of them, or one taking another's in.
#[derive(Debug, Clone)]
enum Step {
    Says(usize, Box<Fact>),
    Takes(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let answer = prop_oneof![Just(Answer::Done), Just(Answer::Held)];
    let fact = prop_oneof![
        any::<String>().prop_map(|text| noted(&text)),
        ("[ab]", answer).prop_map(|(item, answer)| answered(&item, answer)),
        any::<bool>().prop_map(|go| voted(Role::Lead, go)),
        "[ab]".prop_map(|item| reopened(&item)),
    ];
    let step = prop_oneof![
        3 => (0..3usize, fact).prop_map(|(who, fact)| Step::Says(who, Box::new(fact))),
        1 => (0..3usize, 0..3usize).prop_map(|(who, whose)| Step::Takes(who, whose)),
    ];
    prop::collection::vec(step, 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn forks_are_joined_without_loss_and_once(steps in steps()) {
        let (folder, path) = place();
        written(&path, &[noted("first")]);
        let copies: Vec<PathBuf> = (0..3).map(|who| folder.path().join(format!("{who}.journal.jsonl"))).collect();
        for copy in &copies {
            fs::copy(&path, copy).unwrap();
        }
        let hashes = |journal: &Journal| -> BTreeSet<String> {
            journal.entries().iter().map(|entry| entry.hash.clone()).collect()
        };
        for step in steps {
            match step {
                Step::Says(who, fact) => written_by(["Ada", "Bob", "Eve"][who], &copies[who], &[*fact]),
                Step::Takes(who, whose) => {
                    let theirs = Journal::read(&copies[whose]).unwrap();
                    let mut ours = Journal::open(&copies[who], "Ada").unwrap();
                    let before = hashes(&ours);
                    ours.merge("Ada", &theirs).unwrap();
                    let after = hashes(&ours);
                    prop_assert!(after.is_superset(&before) && after.is_superset(&hashes(&theirs)));
                    prop_assert_eq!(ours.heads(), 1);
                    let bytes = fs::read(&copies[who]).unwrap();
                    prop_assert_eq!(ours.merge("Bob", &theirs).unwrap(), vec![]);
                    prop_assert_eq!(&fs::read(&copies[who]).unwrap(), &bytes);
                    let read = Journal::read(&copies[who]).unwrap();
                    prop_assert_eq!(read.entries(), ours.entries());
                }
            }
        }
    }

    #[test]
    fn no_bytes_are_too_bad_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_folder, path) = place();
        fs::write(&path, &bytes).unwrap();
        if let Ok(journal) = Journal::read(&path) {
            prop_assert!(journal.entries().is_empty());
        }
    }
}
