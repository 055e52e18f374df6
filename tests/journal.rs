//! The journal as programs meet it: notes beside a launch, kills, full and read-only disks, git.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use common::need;
use golive::runbook::fact::{Answer, Answered, Fact};
use golive::runbook::journal::{Journal, JournalError};
use tempfile::TempDir;

const NAME: &str = "shop.journal.jsonl";
/// Names the journal to the helpers below, which are this program once more.
const JOURNAL: &str = "GOLIVE_TEST_JOURNAL";

fn noted(text: &str) -> Fact {
    Fact::Noted { text: text.to_owned() }
}

fn texts(journal: &Journal) -> Vec<&str> {
    let facts = journal.entries().iter().map(|entry| &entry.fact);
    let notes = facts.map(|fact| if let Fact::Noted { text } = fact { Some(text.as_str()) } else { None });
    notes.flatten().collect()
}

/// A folder with a journal of one entry.
fn begun() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    Journal::open(&path, "Ada").unwrap().append("Ada", noted("first")).unwrap();
    (folder, path)
}

fn golive(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.current_dir(folder).args(arguments).env("NO_COLOR", "1").env("USER", "ada").stdin(Stdio::null());
    command
}

/// Exit code, standard output and standard error.
fn ran(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("it was not killed"), text(stdout), text(stderr))
}

/// This program once more, as one of the helpers.
fn helper(name: &str, journal: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(JOURNAL, journal);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn journal_of_helper() -> PathBuf {
    std::env::var_os(JOURNAL).expect("a helper of the other tests, which name the journal").into()
}

/// A helper that runs, and what it says.
struct Helper {
    child: Child,
    said: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Helper {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("this program starts");
        let said = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Self { child, said }
    }

    fn hear(&mut self, expected: &str) {
        let line = self.said.next().expect("it still speaks").expect("it speaks UTF-8");
        assert_eq!(line, expected);
    }

    fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was started");
        self.said.by_ref().map_while(Result::ok).collect()
    }
}

#[test]
#[ignore = "a helper: holds the session's lock until its standard input ends"]
fn holds_the_session() {
    let _journal = Journal::open(&journal_of_helper(), "Bob").unwrap();
    eprintln!("held");
    std::io::stdin().lines().for_each(drop);
}

#[test]
#[ignore = "a helper: appends until it is killed"]
fn appends_for_ever() {
    let mut journal = Journal::open(&journal_of_helper(), "Bob").unwrap();
    for number in 0_u64.. {
        // Of several blocks at times, so that a kill may meet a write of half of it.
        let text = format!("{number}:{}", "x".repeat((number as usize % 7) * 3000));
        journal.append("Bob", noted(&text)).unwrap();
        eprintln!("{number}");
    }
}

#[test]
#[ignore = "a helper: meets a limit of the file's size, and goes on"]
fn meets_a_full_disk() {
    let path = journal_of_helper();
    let mut journal = Journal::open(&path, "Bob").unwrap();
    let before = (fs::read(&path).unwrap(), journal.entries().to_vec(), journal.head().map(str::to_owned));
    let error = journal.append("Bob", noted(&"x".repeat(8192))).unwrap_err();
    assert!(matches!(error, JournalError::NotWritten { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(NAME) && text.contains("File too large") && text.contains("nothing counts as recorded"),
        "{text}"
    );
    assert_eq!(fs::read(&path).unwrap(), before.0);
    assert_eq!((journal.entries(), journal.head()), (before.1.as_slice(), before.2.as_deref()));
    journal.append("Bob", noted("smaller")).unwrap();
}

#[test]
fn a_note_is_written_while_a_launch_is_on_and_no_second_launch_begins() {
    let (folder, path) = begun();
    let mut holder = Helper::start(helper("holds_the_session", &path));
    holder.hear("held");
    let process = holder.child.id();

    let Err(JournalError::Held { by, .. }) = Journal::open(&path, "Ada") else { panic!("two sessions") };
    assert!(by.starts_with("Bob on ") && by.contains(&format!(", process {process}, since 20")), "{by}");
    let (code, said, error) = ran(&mut golive(folder.path(), &["journal", "merge", NAME, NAME]));
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(error.contains("is held by Bob on") && error.contains(&process.to_string()), "{error}");

    let (code, said, error) = ran(&mut golive(folder.path(), &["note", "20:14 the presenter says our name"]));
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(said.starts_with(&format!("{NAME}: noted by ada, entry 2 (")), "{said}");

    holder.kill();
    let lock = fs::read_to_string(folder.path().join(format!("{NAME}.lock"))).unwrap();
    assert!(lock.contains(&process.to_string()), "what was killed could not empty its lock: {lock}");
    let journal = Journal::open(&path, "Ada").expect("a lock ends with its process");
    assert_eq!(texts(&journal), ["first", "20:14 the presenter says our name"]);
}

#[test]
fn notes_are_what_was_said_by_whom() {
    let (folder, path) = begun();
    let note = |arguments: &[&str]| ran(&mut golive(folder.path(), &[&["note"], arguments].concat()));
    let all = "é\n\"\\ $(id) `id` \u{1b}[2J <<<<<<<";
    let (code, said, _) = note(&[all, "--by", all, "--journal", path.to_str().unwrap()]);
    assert_eq!(code, 0);
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let mut piped = golive(folder.path(), &["note", "-"]);
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"two\nlines\n").unwrap();
    assert!(child.wait().unwrap().success());
    let journal = Journal::read(&path).unwrap();
    assert_eq!(texts(&journal), ["first", all, "two\nlines"]);
    let by: Vec<&str> = journal.entries().iter().map(|entry| entry.by.as_str()).collect();
    assert_eq!(by, ["Ada", all, "ada"]);

    let before = fs::read(&path).unwrap();
    for (arguments, says) in [
        (&["", "--by", "Ada"][..], "the note is empty"),
        (&[" \n", "--by", "Ada"], "the note is empty"),
        (&["-"], "the note is empty"),
        (&["x", "--by", ""], "--by NAME"),
        (&["x", "--journal", "absent.journal.jsonl"], "there is no journal absent.journal.jsonl"),
        (&["x", "--journal", "."], "not a regular file"),
    ] {
        let (code, said, error) = note(arguments);
        assert_eq!((code, said.as_str()), (2, ""), "{arguments:?}");
        assert!(error.contains(says), "{error}");
    }
    let (code, _, error) = ran(golive(folder.path(), &["note", "x"]).env_remove("USER"));
    assert!(code == 2 && error.contains("--by NAME"), "{error}");
    fs::write(folder.path().join("b.journal.jsonl"), "").unwrap();
    let (code, _, error) = note(&["x"]);
    assert!(code == 2 && error.contains("one of: b.journal.jsonl, shop.journal.jsonl"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!folder.path().join("absent.journal.jsonl").exists());
}

#[test]
fn killed_while_it_writes_it_keeps_all_that_was_acknowledged() {
    const ROUNDS: u64 = 30;
    let (_folder, path) = begun();
    let mut kept = 1;
    for round in 0..ROUNDS {
        let mut writer = Helper::start(helper("appends_for_ever", &path));
        let acknowledged = 1 + round % 4;
        for number in 0..acknowledged {
            writer.hear(&number.to_string());
        }
        // Anywhere in the next write or two; whatever is met must hold.
        thread::sleep(Duration::from_micros(round * 131 % 4000));
        let more = writer.kill().iter().filter(|line| line.parse::<u64>().is_ok()).count();
        let least = kept + acknowledged as usize + more;
        let journal = Journal::open(&path, "Ada").unwrap_or_else(|error| panic!("round {round}: {error}"));
        let whole = journal.entries().len();
        // One may be written and not yet acknowledged.
        assert!((least..=least + 1).contains(&whole), "round {round}: {whole} entries, {least} acknowledged");
        assert_eq!(journal.heads(), 1);
        kept = whole;
        let again = Journal::read(&path).unwrap();
        assert_eq!((again.entries().len(), again.recovered()), (whole, None));
    }
}

#[test]
fn processes_that_note_at_once_do_not_tear_each_other_s_lines() {
    let (folder, path) = begun();
    let notes: Vec<String> = (0..8).map(|number| format!("note {number} {}", "x".repeat(5000))).collect();
    let children: Vec<Child> = notes
        .iter()
        .map(|note| golive(folder.path(), &["note", note]).stdout(Stdio::null()).spawn().expect("the program starts"))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let journal = Journal::read(&path).unwrap();
    assert_eq!((journal.heads(), journal.entries().len()), (1, 9));
    let mut found = texts(&journal)[1..].to_vec();
    found.sort_unstable();
    assert_eq!(found, notes);
}

#[test]
fn a_full_disk_leaves_the_journal_as_it_was() {
    let (folder, path) = begun();
    let before = fs::read(&path).unwrap();
    // Eight blocks of 512 bytes. The signal would end the process.
    let limited = |program: &str| format!("trap '' XFSZ; ulimit -f 8; exec {program} \"$@\"");
    let big = "x".repeat(8192);
    let mut shell = Command::new("sh");
    shell.current_dir(folder.path()).env("USER", "ada").stdin(Stdio::null());
    shell.args(["-c", &limited("\"$0\""), env!("CARGO_BIN_EXE_golive"), "note", &big]);
    let (code, said, error) = ran(&mut shell);
    assert_eq!((code, said.as_str()), (2, ""));
    assert!(error.contains(NAME) && error.contains("File too large"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);

    let once_more = helper("meets_a_full_disk", &path);
    let mut shell = Command::new("sh");
    shell.args(["-c", &limited("\"$0\"")]).arg(once_more.get_program()).args(once_more.get_args());
    let output = shell.env(JOURNAL, &path).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(texts(&Journal::read(&path).unwrap()), ["first", "smaller"]);

    let full = folder.path().join("full.journal.jsonl");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let (code, _, error) = ran(&mut golive(folder.path(), &["note", "x", "--journal", "full.journal.jsonl"]));
    assert!(code == 2 && error.contains("full.journal.jsonl is not a regular file"), "{error}");
}

/// A command for which permissions count: of root, what overrides them is taken away.
fn bound(command: &Command) -> Command {
    if !rustix::process::geteuid().is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return same;
    }
    let mut bound = Command::new(need("setpriv"));
    bound.args(["--bounding-set=-all", "--inh-caps=-all", "--"]).arg(command.get_program()).args(command.get_args());
    bound
}

#[test]
fn a_journal_that_is_read_only_is_read_and_not_written() {
    let (folder, path) = begun();
    let before = fs::read(&path).unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    let run = |arguments: &[&str]| {
        ran(bound(&golive(folder.path(), arguments)).current_dir(folder.path()).env("USER", "ada").stdin(Stdio::null()))
    };
    let (code, _, error) = run(&["note", "x"]);
    assert!(code == 2 && error.contains(NAME) && error.contains("Permission denied"), "{code} {error}");
    assert!(error.contains("nothing counts as recorded"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(run(&["journal", "verify", NAME]).0, 0);
}

#[test]
fn verify_names_the_line() {
    let (folder, path) = begun();
    let verify = |name: &str| ran(&mut golive(folder.path(), &["journal", "verify", name]));
    Journal::open(&path, "Ada").unwrap().append("Ada", noted("second")).unwrap();
    let journal = Journal::read(&path).unwrap();
    let (first, last) = (journal.entries()[0].at, journal.entries()[1].at);
    let expected = format!("{NAME}: 2 entries, from {first:.0} to {last:.0}, head {}\n", journal.head().unwrap());
    assert_eq!(verify(NAME), (0, expected, String::new()));

    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("second", "other!")).unwrap();
    let (code, said, _) = verify(NAME);
    assert_eq!(code, 1);
    assert!(said.starts_with(&format!("{NAME}, line 2 was altered: its hash says otherwise")), "{said}");
    fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    let (code, said, remark) = verify(NAME);
    assert_eq!(code, 3);
    assert!(
        said.contains("1 entry, from") && remark.contains("the last line was not wholly written"),
        "{said}{remark}"
    );
    fs::write(&path, "").unwrap();
    assert_eq!(verify(NAME), (3, format!("{NAME}: no entry\n"), String::new()));
    let (code, _, error) = verify("absent.journal.jsonl");
    assert!(code == 2 && error.contains("there is no journal absent"), "{error}");
}

#[test]
fn merge_shows_what_is_asked_again() {
    let (folder, path) = begun();
    let theirs = folder.path().join("theirs.journal.jsonl");
    fs::copy(&path, &theirs).unwrap();
    let answered = |answer| {
        let (item, fingerprint, text) = ("dns \u{1b}[2J".to_owned(), "f".to_owned(), "ticket 12".to_owned());
        Fact::Answered(Answered { item, fingerprint, role: golive::concerns::people::Role::Dns, answer, text })
    };
    Journal::open(&path, "Ada").unwrap().append("Ada", answered(Answer::Done)).unwrap();
    Journal::open(&theirs, "Bob").unwrap().append("Bob", answered(Answer::Held)).unwrap();
    let copy = fs::read(&theirs).unwrap();
    let merge = || ran(&mut golive(folder.path(), &["journal", "merge", NAME, "theirs.journal.jsonl", "--by", "Ada"]));
    let (code, said, remark) = merge();
    assert_eq!(code, 1);
    assert!(said.starts_with(&format!("{NAME}: 3 entries added, 5 now, head ")), "{said}");
    assert!(remark.contains("conflict: dns \\u{1b}[2J is asked again\n"), "{remark}");
    assert!(remark.contains("done for dns by Ada, 20") && remark.contains("held for dns by Bob, 20"), "{remark}");
    let (code, said, _) = merge();
    assert!(code == 0 && said.starts_with(&format!("{NAME}: 0 entries added, 5 now")), "{said}");
    assert_eq!(fs::read(&theirs).unwrap(), copy);

    let other = folder.path().join("other.journal.jsonl");
    Journal::open(&other, "Ada").unwrap().append("Ada", noted("another launch")).unwrap();
    let (code, _, error) = ran(&mut golive(folder.path(), &["journal", "merge", NAME, "other.journal.jsonl"]));
    assert!(code == 2 && error.contains("journals of different launches"), "{error}");
    let (code, _, _) = ran(&mut golive(folder.path(), &["journal", "merge", "typo.journal.jsonl", NAME]));
    assert_eq!((code, folder.path().join("typo.journal.jsonl").exists()), (2, false));
}

#[test]
fn two_clones_that_git_merges_lose_nothing() {
    let git = need("git");
    let folder = tempfile::tempdir().unwrap();
    let run = |place: &Path, arguments: &[&str]| {
        let mut command = Command::new(&git);
        command.current_dir(place).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null());
        let (code, said, error) = ran(&mut command);
        assert_eq!(code, 0, "git {arguments:?}: {said}{error}");
    };
    let place = |name: &str| folder.path().join(name);
    fs::create_dir(place("origin")).unwrap();
    run(&place("origin"), &["init", "-q", "-b", "main"]);
    fs::write(place("origin").join(".gitattributes"), "*.journal.jsonl -text merge=union\n").unwrap();
    fs::write(place("origin").join(".gitignore"), "*.journal.jsonl.lock\n").unwrap();
    Journal::open(&place("origin").join(NAME), "Ada").unwrap().append("Ada", noted("first")).unwrap();
    run(&place("origin"), &["add", "."]);
    run(&place("origin"), &["commit", "-qm", "begin"]);
    for name in ["ada", "bob"] {
        run(folder.path(), &["clone", "-q", "origin", name]);
        for number in 0..3 {
            let note = ran(&mut golive(&place(name), &["note", &format!("{name} {number}"), "--by", name]));
            assert_eq!(note.0, 0, "{note:?}");
        }
        run(&place(name), &["commit", "-qam", name]);
    }
    // Both ways round, and then both results again.
    run(&place("ada"), &["pull", "-q", "--no-rebase", "--no-edit", "../bob", "main"]);
    assert_eq!(Journal::read(&place("ada").join(NAME)).unwrap().heads(), 2);
    let merged = Journal::open(&place("ada").join(NAME), "Ada").unwrap();
    assert_eq!((merged.heads(), merged.entries().len(), merged.conflicts()), (1, 8, &[][..]));
    drop(merged);
    run(&place("bob"), &["pull", "-q", "--no-rebase", "--no-edit", "../ada", "main"]);
    drop(Journal::open(&place("bob").join(NAME), "Bob").unwrap());
    for name in ["ada", "bob"] {
        run(&place(name), &["commit", "-qam", "joined"]);
    }
    run(&place("ada"), &["pull", "-q", "--no-rebase", "--no-edit", "../bob", "main"]);
    let journal = Journal::open(&place("ada").join(NAME), "Ada").unwrap();
    assert_eq!(journal.heads(), 1);
    let mut found = texts(&journal);
    found.sort_unstable();
    assert_eq!(found, ["ada 0", "ada 1", "ada 2", "bob 0", "bob 1", "bob 2", "first"]);
}
