//! `golive report`, the crisis card and the page of `golive verify`: what they say, and how they look in a browser.
//!
//! Journals are made through the library, with a small plan that was made up.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use common::{artifacts, conforms, edited, need, parse, sample};
use golive::concerns::people::Role;
use golive::language::Language;
use golive::ops::lint;
use golive::report::journal::{self as report, Account, Outcome, Verdict};
use golive::runbook::fact::{Answer, Answered, Checked, Decision, Document, Evidence, Fact, Opened, Seen, Vote};
use golive::runbook::journal::Journal;
use golive::runbook::plan::{Item, ItemWork, Plan, PlannedPhase};
use golive::runbook::state::State;
use jiff::{SignedDuration, Timestamp};

/// Everything that ends a string, starts code, or steers a screen, in some output.
const HOSTILE: &str =
    "<script>alert(1)</script> \"q\" 'a' | `c` [l](http://h) ]]> --> {{ t }} \u{1b}[31m \u{202e}x\u{2066}";

fn item(number: &str, title: &str, work: ItemWork, due: Option<Timestamp>) -> Item {
    let key = title.split_whitespace().next().expect("a word").to_lowercase();
    Item {
        key: key.clone(),
        number: number.to_owned(),
        step: key.clone(),
        title: title.to_owned(),
        role: Role::App,
        holder: "F. Durand".to_owned(),
        due,
        needs: Vec::new(),
        gate: false,
        undo: Vec::new(),
        story: None,
        fingerprint: format!("of {key}"),
        work,
    }
}

/// A launch with a journal in a folder of its own.
struct Night {
    folder: tempfile::TempDir,
    journal: Journal,
    opened: Opened,
}

impl Night {
    /// Steps `asked`, `names` (two checks), `waved`, the vote, and `after`; `more` steps are only there to be many.
    fn begin(language: Language, words: &str, rehearsed: bool, more: usize) -> Self {
        let now = Timestamp::now();
        let (early, late) = (now - SignedDuration::from_hours(1), now + SignedDuration::from_hours(3));
        let vote = ItemWork::Vote {
            criteria: format!("no check is red {words}"),
            roles: vec![Role::Lead, Role::App],
            veto: vec![Role::Lead],
        };
        let mut items = vec![
            item("1.1", &format!("Asked {words}"), ItemWork::Ask(format!("Is it so? {words}")), Some(early)),
            item("1.2", "Names are everywhere", ItemWork::Checks(vec!["dns.a".into(), "dns.b".into()]), Some(late)),
            item("1.3", "Waved through", ItemWork::Ask("Is the ticket closed?".into()), None),
        ];
        for index in 0..more {
            let title = format!("More{index} of what a long launch has, a title that takes its place");
            items.push(item(&format!("1.{}", index + 4), &title, ItemWork::Ask("Was it done?".into()), Some(late)));
        }
        let document = |path: &str, of: &str| Document { path: format!("{path} {words}"), sha256: of.repeat(64) };
        let phases = vec![
            PlannedPhase { id: "before".into(), title: format!("Before {words}"), items },
            PlannedPhase {
                id: "decide".into(),
                title: "Decide".into(),
                items: vec![item("2.1", "Vote of all", vote, None)],
            },
            PlannedPhase {
                id: "after".into(),
                title: "After".into(),
                items: vec![item("3.1", "After the night", ItemWork::Ask("Who stays?".into()), Some(late))],
            },
        ];
        let opened = Opened {
            golive: "0.1.0".into(),
            site: "shop".into(),
            title: format!("The shop {words}"),
            blueprint: document("shop.toml", "a"),
            runbook: document("launch", "b"),
            announcement: "2020-03-22T19:30:00Z".parse().expect("an instant"),
            offset_seconds: 3600,
            rehearsed,
            plan: Plan { title: "Lancement".into(), language, phases },
        };
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("shop.journal.jsonl"), "Ada").expect("opened");
        let mut night = Self { folder, journal, opened };
        night.say("Ada", Fact::Opened(night.opened.clone()));
        night
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("shop.journal.jsonl")
    }

    fn say(&mut self, by: &str, fact: Fact) {
        self.journal.append(by, fact).expect("written");
    }

    fn answer(&mut self, key: &str, answer: Answer, by: &str, text: &str) {
        let fingerprint = format!("of {key}");
        let answered = Answered { item: key.into(), fingerprint, role: Role::App, answer, text: text.into() };
        self.say(by, Fact::Answered(answered));
    }

    fn check(&mut self, words: &str, second: Seen, holds: SignedDuration) {
        let now = Timestamp::now();
        let row = |id: &str, verdict| Evidence {
            id: id.into(),
            subject: format!("shop.example {words}"),
            verdict,
            because: format!("answered as it should {words}"),
            remedy: format!("mend it {words}"),
            owner: Role::Dns,
            source: "JVA-1".into(),
            expires: now + holds,
            seen: vec![format!("asked 192.0.2.53 for shop.example A {words}"), "x".repeat(400)],
        };
        self.say(
            "golive",
            Fact::Checked(Checked {
                item: "names".into(),
                fingerprint: "of names".into(),
                started: now - SignedDuration::from_millis(1234),
                finished: now,
                results: vec![row("dns.a", Seen::Pass), row("dns.b", second)],
            }),
        );
    }

    fn signature(&self) -> String {
        let state = State::replay(self.journal.entries(), Timestamp::now()).expect("opened");
        state.signature(state.plan().item("vote").expect("the poll"))
    }

    fn vote(&mut self, role: Role, go: bool, by: &str, reason: &str) {
        let signs = self.signature();
        self.say(by, Fact::Voted(Vote { item: "vote".into(), role, go, reason: reason.into(), signs }));
    }

    fn decide(&mut self, go: bool, reasons: &[&str]) {
        let signs = self.signature();
        let reasons = reasons.iter().map(ToString::to_string).collect();
        self.say("golive", Fact::Decided(Decision { item: "vote".into(), go, signs, reasons }));
    }

    /// Everything of a launch once, up to a go.
    fn to_a_go(language: Language, words: &str, more: usize) -> Self {
        let mut night = Self::begin(language, words, false, more);
        night.answer("asked", Answer::Done, &format!("Bob {words}"), &format!("ticket 4711 {words}"));
        night.check(words, Seen::Fail, SignedDuration::from_hours(1));
        night.answer("names", Answer::Waived, "Ada", &format!("one server of four, mended tomorrow {words}"));
        night.answer("waved", Answer::Skipped, "Bob", "no ticket was needed");
        for index in 0..more {
            night.answer(&format!("more{index}"), Answer::Done, "Bob", "seen, with a word on how it was seen");
        }
        night.say("Eve", Fact::Noted { text: format!("the presenter says our name {words}") });
        night.vote(Role::App, true, "Bob", "");
        night.vote(Role::Lead, true, "Ada", &format!("with a waiver {words}"));
        night.decide(true, &[]);
        night
    }

    fn account(&self) -> Account {
        report::account("shop.journal.jsonl", &self.journal, Timestamp::now()).expect("a launch")
    }
}

fn golive(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_golive"));
    command.args(arguments).env("NO_COLOR", "1").output().expect("the program starts")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_go_is_told_with_its_votes_waiver_and_deadlines() {
    let night = Night::to_a_go(Language::Fr, "", 0);
    let account = night.account();
    assert_eq!(account.verdict, Verdict::Go);
    let poll = &account.polls[0];
    assert_eq!((poll.unchanged, poll.expired, poll.evidence), (Some(true), 0, 2));
    assert!(poll.votes.len() == 2 && poll.votes.iter().all(|vote| vote.counts && vote.go), "{poll:#?}");
    let waiver = &account.waivers[0];
    assert!(waiver.stands && waiver.covers.len() == 1 && waiver.covers[0].id == "dns.b", "{waiver:#?}");
    let outcomes: Vec<Outcome> = account.deadlines.iter().map(|deadline| deadline.outcome).collect();
    assert_eq!(outcomes, [Outcome::Missed, Outcome::Kept, Outcome::Ahead]);
    assert_eq!(account.phases[0].items[1].run.as_ref().map(|run| run.milliseconds), Some(1234));
    assert_eq!(account.open.iter().map(|open| open.item.as_str()).collect::<Vec<_>>(), ["after"]);
    assert_eq!(account.skipped.len(), 1);
    let html = report::html(&account);
    for part in
        [">GO<", "feu vert", "Site en service", "dimanche 22 mars 2020, 20 h 30 (UTC+01:00)", "manquée ; réglée"]
    {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains("{{") && !html.contains("http://") && !html.contains("https://"), "nothing from elsewhere");
}

#[test]
fn what_changes_after_a_decision_is_told() {
    let mut night = Night::to_a_go(Language::En, "", 0);
    night.say("Bob", Fact::Reopened { item: "asked".into(), reason: "the ticket was another".into() });
    let account = night.account();
    assert_eq!((account.verdict, account.polls[0].unchanged), (Verdict::Go, Some(false)));
    assert!(account.open.iter().any(|open| open.item == "asked"), "{:#?}", account.open);
    // Another blueprint takes the decision away, and the votes were on other evidence.
    let mut opened = night.opened.clone();
    opened.blueprint.sha256 = "c".repeat(64);
    night.say("Ada", Fact::Opened(opened));
    let account = night.account();
    assert_eq!(account.verdict, Verdict::Undecided);
    assert!(account.polls[0].votes.iter().all(|vote| !vote.counts));
    assert!(account.timeline.iter().any(|line| line.what == "changed"));
    assert!(report::markdown(&account).starts_with("# NOT DECIDED: The shop"));
}

#[test]
fn a_no_is_told_with_its_reasons_and_a_rehearsal_says_so() {
    let mut night = Night::begin(Language::En, "", true, 0);
    night.answer("asked", Answer::Held, "Bob", "asks again at six");
    night.vote(Role::Lead, false, "Ada", "the names are not there");
    night.decide(false, &["Ada (lead): the names are not there"]);
    let account = night.account();
    assert_eq!((account.verdict, account.deadlines.len()), (Verdict::NoGo, 0));
    let text = report::text(&account);
    for part in ["NO-GO", "Rehearsal", "the names are not there", "asks again at six"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn evidence_that_has_expired_since_the_vote_is_counted_and_changes_nothing() {
    let mut night = Night::begin(Language::En, "", false, 0);
    night.answer("asked", Answer::Done, "Bob", "");
    night.check("", Seen::Pass, SignedDuration::from_mins(10));
    night.answer("waved", Answer::Done, "Bob", "");
    night.vote(Role::App, true, "Bob", "");
    night.vote(Role::Lead, true, "Ada", "");
    night.decide(true, &[]);
    let later = Timestamp::now() + SignedDuration::from_hours(48);
    let account = report::account("x", &night.journal, later).expect("a launch");
    assert_eq!((account.polls[0].unchanged, account.polls[0].expired), (Some(true), 2));
    assert_eq!(account.phases[0].items[1].standing, "green", "as it was when it was decided");
}

#[test]
fn json_conforms_and_the_program_tells_what_the_library_does() {
    let night = Night::to_a_go(Language::Fr, HOSTILE, 0);
    let path = night.path();
    let path = path.to_str().expect("a name");
    let output = golive(&["report", path, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    conforms(&json, "report");
    assert_eq!((&json["verdict"], &json["title"]), (&"go".into(), &format!("The shop {HOSTILE}").into()));
    let undecided = Night::begin(Language::En, "", true, 1).account();
    conforms(&serde_json::from_str(&report::json(&undecided).expect("JSON")).expect("JSON"), "report");
    for (format, part) in [("text", "GO"), ("markdown", "# GO"), ("html", "<!doctype html>")] {
        assert!(printed(&golive(&["report", path, "--format", format])).contains(part), "{format}");
    }
    // One function says whether it holds.
    let (ours, theirs) = (golive(&["report", path, "--verify"]), golive(&["journal", "verify", path]));
    assert_eq!((printed(&ours), ours.status.code()), (printed(&theirs), Some(0)));
    assert!(printed(&ours).contains(night.journal.head().expect("a head")));
}

#[test]
fn an_altered_journal_is_refused_with_its_line_and_an_empty_one_tells_nothing() {
    let night = Night::to_a_go(Language::En, "", 0);
    let path = night.path();
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains("ticket 4711"));
    std::fs::write(&path, text.replace("ticket 4711", "ticket 4712")).expect("written");
    let name = path.to_str().expect("a name");
    for arguments in [&["report", name, "--format", "html"][..], &["report", name, "--verify"]] {
        let output = golive(arguments);
        let said = printed(&output) + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("line 2 was altered"), "{arguments:?}: {said}");
        assert!(!said.contains("<!doctype"), "nothing is told of it");
    }
    std::fs::write(&path, "").expect("written");
    assert_eq!(golive(&["report", name]).status.code(), Some(2));
    assert_eq!(golive(&["report", "absent.jsonl"]).status.code(), Some(2));
}

#[test]
fn nothing_that_somebody_said_becomes_markup() {
    let night = Night::to_a_go(Language::Fr, HOSTILE, 0);
    let account = night.account();
    for page in [report::html(&account), report::markdown(&account), report::text(&account)] {
        for steers in ['\u{1b}', '\u{202e}', '\u{2066}'] {
            let page = anstream::adapter::strip_str(&page).to_string();
            assert!(!page.contains(steers), "{steers:?}");
        }
    }
    let html = report::html(&account);
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
    // An attribute that a value ended would show as one that the template has not.
    assert!(!html.contains("alert(1)</script>") && !html.contains("\"q\""), "quotes are escaped");
    let markdown = report::markdown(&account);
    assert!(!markdown.contains('<') && !markdown.replace("\\](", "").contains("]("), "{markdown}");
    let quiet = report::markdown(&Night::to_a_go(Language::Fr, "", 0).account());
    let columns = |page: &str| page.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(columns(&markdown), columns(&quiet), "no row splits");
}

#[test]
fn the_calendar_keeps_the_rules_of_rfc_5545() {
    let artifacts = artifacts(&sample());
    let ics = &artifacts.iter().find(|artifact| artifact.path == "runbook/deadlines.ics").expect("a calendar").text;
    assert_eq!(ics.matches('\n').count(), ics.matches("\r\n").count(), "section 3.1: CRLF");
    assert!(ics.split("\r\n").all(|line| line.len() <= 75), "section 3.1: 75 octets a line");
    let unfolded = ics.replace("\r\n ", "");
    let lines: Vec<&str> = unfolded.trim_end().split("\r\n").collect();
    assert_eq!((lines[0], lines[lines.len() - 1]), ("BEGIN:VCALENDAR", "END:VCALENDAR"));
    for property in ["VERSION:2.0", "PRODID:"] {
        assert_eq!(lines.iter().filter(|line| line.starts_with(property)).count(), 1, "{property}");
    }
    let events: Vec<&[&str]> = lines.split(|line| *line == "BEGIN:VEVENT").skip(1).collect();
    assert!(events.len() > 10);
    let mut uids: Vec<&str> = Vec::new();
    for event in &events {
        for property in ["UID:", "DTSTAMP:", "DTSTART:", "DURATION:", "SUMMARY:"] {
            assert_eq!(event.iter().filter(|line| line.starts_with(property)).count(), 1, "{property} in {event:?}");
        }
        uids.extend(event.iter().copied().filter(|line| line.starts_with("UID:")));
        for line in event.iter().filter(|line| line.starts_with("DTSTA")) {
            let at = line.split_once(':').expect("a value").1;
            assert!(at.len() == 16 && at.ends_with('Z') && at.as_bytes()[8] == b'T', "{line}");
        }
        for line in event.iter().filter(|line| line.starts_with("SUMMARY:") || line.starts_with("DESCRIPTION:")) {
            let text = line.replace("\\\\", "").replace("\\,", "").replace("\\;", "").replace("\\n", "");
            let value = text.split_once(':').expect("a value").1;
            assert!(!value.contains([',', ';', '\\']), "section 3.3.11: {line}");
        }
    }
    uids.sort_unstable();
    uids.dedup();
    assert_eq!(uids.len(), events.len(), "section 3.8.4.7: each has its own");
}

#[test]
fn printed_runbooks_hold_no_hash_and_have_every_step() {
    let sample = sample();
    let artifacts = artifacts(&sample);
    for name in ["launch", "crisis", "undo", "demo"] {
        let path = format!("runbook/{name}.md");
        let text = &artifacts.iter().find(|artifact| artifact.path == path).unwrap_or_else(|| panic!("{path}")).text;
        assert!(!text.contains(&sample.sha256()), "{path}");
        assert!(text.matches("- [ ] ").count() > 5 && !text.contains("{{"), "{path}");
        assert!(text.lines().all(|line| line == line.trim()), "{path}: blanks at a line's ends");
    }
}

/// A card with more levers, each with a long page.
fn crowded(levers: usize, length: usize) -> common::Sample {
    let more: String = (0..levers)
        .map(|index| {
            let page = "a long page of what to do ".repeat(length);
            format!("  {{ name = \"lever-{index}\", owner = \"app\", page = \"{}\" }},\n", page.trim())
        })
        .collect();
    parse(&edited(&[("levers = [\n", &format!("levers = [\n{more}"))]))
}

#[test]
fn a_card_that_cannot_fit_says_so_and_is_a_finding() {
    let rules = |sample: &common::Sample| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &sample.source).expect("written");
        let lint = lint::lint(file.path()).expect("read");
        lint.remarks.iter().map(|remark| remark.finding.rule.id).collect::<Vec<_>>()
    };
    let card = |sample: &common::Sample| {
        artifacts(sample).into_iter().find(|a| a.path == "runbook/crisis-card.html").expect("a card").text
    };
    let fits = sample();
    assert!(!rules(&fits).contains(&"people.card-too-long") && !card(&fits).contains("class=\"overfull\""));
    let full = crowded(40, 6);
    assert!(rules(&full).contains(&"people.card-too-long"));
    assert!(card(&full).contains("Trop long pour une page A4"));
}

/// Serves these pages on the loopback until the test ends.
fn serve(pages: Vec<(String, String)>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let pages = Arc::new(pages);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let pages = Arc::clone(&pages);
            thread::spawn(move || answer(stream, &pages));
        }
    });
    address
}

fn answer(mut stream: TcpStream, pages: &[(String, String)]) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length) if length > 0 => request.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = pages.iter().find(|(known, _)| *known == path).map(|(_, body)| body.as_str());
    let (status, body) = body.map_or(("404 Not Found", ""), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // A browser that has left needs no answer.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

/// Starts Chromium with nothing of its own going on; gives its standard output.
fn chromium(folder: &Path, arguments: &[&str]) -> String {
    let profile = tempfile::tempdir_in(folder).expect("a folder");
    let output = Command::new(need("chromium"))
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the browser starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    printed(&output)
}

/// Pages whose width is measured inside a frame of 360 pixels, with all that is folded open; what is wider, by path.
fn wider_than_a_phone(pages: Vec<(String, String)>, folder: &Path) -> String {
    let paths: Vec<String> = pages.iter().map(|(path, _)| format!("{path:?}")).collect();
    let measure = format!(
        r#"<!doctype html><meta charset="utf-8"><body><pre id="found">waiting</pre><script>
const found = [];
let left = 0;
for (const path of [{}]) {{
  left++;
  const frame = document.createElement("iframe");
  frame.style.cssText = "width:360px;height:740px;border:0";
  frame.onload = () => {{
    const page = frame.contentDocument;
    page.querySelectorAll("details").forEach(one => one.open = true);
    const root = page.documentElement;
    const out = [...page.body.querySelectorAll("*")].filter(one => one.getBoundingClientRect().right > root.clientWidth + 1);
    const fits = root.clientWidth <= 360 && root.scrollWidth <= root.clientWidth && out.length === 0;
    found.push(`${{path}} ${{fits}} ${{root.scrollWidth}} ${{out.slice(0, 3).map(one => one.outerHTML.slice(0, 120))}}`);
    if (--left === 0) document.getElementById("found").textContent = found.sort().join("\n");
  }};
  frame.src = path;
  document.body.append(frame);
}}
</script>"#,
        paths.join(", ")
    );
    let address = serve(pages.into_iter().chain([("/measure".to_owned(), measure)]).collect());
    let dom = chromium(folder, &["--virtual-time-budget=20000", "--dump-dom", &format!("http://{address}/measure")]);
    let found = dom.split_once("<pre id=\"found\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    found.expect("a measure").0.to_owned()
}

#[test]
fn no_page_is_wider_than_a_phone() {
    let folder = tempfile::tempdir().expect("a folder");
    let hostile = Night::to_a_go(Language::Fr, &format!("{HOSTILE} {}", "w".repeat(300)), 3);
    let cards = artifacts(&sample());
    let card = cards.iter().find(|a| a.path == "runbook/crisis-card.html").expect("a card").text.clone();
    let verify = golive(&["verify", "blueprints/jeveuxaider.toml", "--resolver", "127.0.0.1:1", "--format", "html"]);
    let wide = "<!doctype html><meta name=viewport content='width=device-width'><div style='width:500px'>x</div>";
    let pages = vec![
        ("/report".to_owned(), report::html(&hostile.account())),
        ("/card".to_owned(), card),
        ("/verify".to_owned(), printed(&verify)),
        ("/wide".to_owned(), wide.to_owned()),
    ];
    let found = wider_than_a_phone(pages, folder.path());
    let fits: Vec<Vec<&str>> = found.lines().map(|line| line.split(' ').take(2).collect()).collect();
    // The last shows that the measure can fail.
    let wanted = [["/card", "true"], ["/report", "true"], ["/verify", "true"], ["/wide", "false"]];
    assert_eq!(fits, wanted, "{found}");
}

/// How many pages a file has in print, as Chromium makes it.
fn pages_in_print(html: &str, folder: &Path) -> usize {
    let (page, pdf) = (folder.join("page.html"), folder.join("page.pdf"));
    std::fs::write(&page, html).expect("written");
    chromium(
        folder,
        &[
            "--no-pdf-header-footer",
            &format!("--print-to-pdf={}", pdf.display()),
            &format!("file://{}", page.display()),
        ],
    );
    let bytes = std::fs::read(&pdf).expect("a PDF");
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count() + text.matches("/Type /Page ").count()
}

#[test]
fn the_card_is_one_page_in_print_and_a_long_report_several() {
    let folder = tempfile::tempdir().expect("a folder");
    let card = |sample: &common::Sample| {
        artifacts(sample).into_iter().find(|a| a.path == "runbook/crisis-card.html").expect("a card").text
    };
    assert_eq!(pages_in_print(&card(&sample()), folder.path()), 1);
    // As full as a card gets without a word about it: the estimate is on the safe side.
    let fullest = (1..40).map(|levers| crowded(levers, 3)).map(|sample| card(&sample));
    let fullest = fullest.take_while(|card| !card.contains("class=\"overfull\"")).last().expect("one fits");
    assert!(fullest.contains("font: 7.5pt"), "in the smallest type");
    assert_eq!(pages_in_print(&fullest, folder.path()), 1);
    let report = report::html(&Night::to_a_go(Language::Fr, "", 120).account());
    assert!(pages_in_print(&report, folder.path()) > 3);
}
