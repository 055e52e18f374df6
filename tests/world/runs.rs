//! Runs of checks: shared probes, blocking, disturbing checks alone and last, judges that misbehave, and the report.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use golive::cli::Exit;
use golive::concerns::{Check, Judgement, Safety, Verdict};
use golive::ops::rehearse::Drilled;
use golive::probe::{Disturbance, HttpProbe, Observation, Probe, Visitor, Wait};
use golive::report::drills;
use golive::report::verify::{Report, json, text};
use golive::verify::{self, Event, Outcome, run};
use golive::world::{Options, Stage, World};
use serde_json::Value;

use crate::common::conforms;
use crate::support::*;

/// A check that passes on any answer.
fn check(id: &'static str) -> Check {
    Check {
        id,
        subject: "shop".to_owned(),
        safety: Safety::S1,
        blocked_by: vec![],
        disturbs: false,
        ask: vec![],
        judge: Box::new(|_| Judgement::pass("held")),
        remedy: "put it right".to_owned(),
        source: "JVA-1",
        valid_for_seconds: 900,
    }
}

fn judged(id: &'static str, judge: impl Fn(&[Observation]) -> Judgement + Send + Sync + 'static) -> Check {
    Check { judge: Box::new(judge), ..check(id) }
}

async fn run_all(checks: Vec<Check>, world: &World, max_safety: Safety) -> Outcome {
    let checks = checks.into_iter().map(|check| ("cache", check)).collect();
    run(checks, world, &verify::Options { max_safety }, |_| {}).await
}

fn verdicts(outcome: &Outcome) -> Vec<(&'static str, Verdict)> {
    outcome.results.iter().map(|result| (result.id, result.verdict)).collect()
}

async fn server() -> Server {
    Server::start(|_| ok(&["set-cookie: sid=s3cret; Path=/"], b"hello")).await
}

fn get_nth(path: &str, nth: u8) -> Probe {
    Probe::Http(HttpProbe { nth, ..get(path) })
}

#[tokio::test]
async fn a_probe_that_checks_share_is_put_once_and_others_each() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let seen = |n: usize| {
        move |seen: &[Observation]| {
            assert!(seen.len() == n && seen.iter().all(|o| matches!(o, Observation::Http(_))));
            Judgement::pass("held")
        }
    };
    let checks = vec![
        Check { ask: vec![get_nth("/", 0), get_nth("/", 1)], ..judged("a", seen(2)) },
        Check { ask: vec![get_nth("/", 0)], ..judged("b", seen(1)) },
        Check { ask: vec![get_nth("/", 1), get_nth("/other", 0)], ..judged("c", seen(2)) },
    ];
    let outcome = run_all(checks, &world, Safety::S1).await;
    assert_eq!(verdicts(&outcome), ["a", "b", "c"].map(|id| (id, Verdict::Pass)));
    assert_eq!(server.heads().len(), 3);
    assert_eq!(outcome.results[0].evidence.len(), 2);
    assert!(outcome.results[1].evidence[0].contains("GET http://shop.example.com/ at 203.0.113.10 -> 200"));
    assert!(!format!("{outcome:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_red_or_unknown_parent_makes_its_children_unknown_by_name() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let child = |id, parent| Check { blocked_by: vec![parent], ask: vec![get_nth("/", 0)], ..check(id) };
    let checks = vec![
        child("grandchild", "child"),
        child("child", "red"),
        Check { subject: "the door".into(), ..judged("red", |_| Judgement::fail("broken")) },
        check("green"),
        child("of-green", "green"),
        child("of-warned", "warned"),
        judged("warned", |_| Judgement::warn("hm")),
        child("of-absent", "not.selected"),
        // One id, two subjects: one of them is enough.
        judged("green", |_| Judgement::unknown("no idea")),
    ];
    let outcome = run_all(checks, &world, Safety::S1).await;
    use Verdict::{Fail, Pass, Unknown, Warn};
    assert_eq!(
        verdicts(&outcome),
        [
            ("grandchild", Unknown),
            ("child", Unknown),
            ("red", Fail),
            ("green", Pass),
            ("of-green", Unknown),
            ("of-warned", Pass),
            ("warned", Warn),
            ("of-absent", Pass),
            ("green", Unknown),
        ]
    );
    assert_eq!(outcome.results[0].because, "blocked by child (unknown)");
    assert_eq!(outcome.results[1].because, "blocked by red (failed for the door)");
    assert_eq!(server.heads().len(), 1, "blocked checks ask nothing");
}

#[tokio::test]
async fn checks_that_wait_for_one_another_do_not_hang_the_run() {
    let world = World::new(routed_to("127.0.0.1:1".parse().unwrap())).unwrap();
    let blocked = |id, parent| Check { blocked_by: vec![parent], ..check(id) };
    let checks = vec![blocked("a", "b"), blocked("b", "a"), blocked("self", "self"), check("free")];
    let outcome = run_all(checks, &world, Safety::S1).await;
    use Verdict::{Pass, Unknown};
    assert_eq!(verdicts(&outcome), [("a", Unknown), ("b", Unknown), ("self", Unknown), ("free", Pass)]);
    assert!(outcome.results[0].because.contains("golive's own fault"));
}

#[tokio::test]
async fn what_was_not_asked_is_no_evidence() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let alien = Probe::Http(HttpProbe { host: "evil.example".into(), ..get("/") });
    let outcome = run_all(vec![Check { ask: vec![alien, get_nth("/", 0)], ..check("a") }], &world, Safety::S1).await;
    assert_eq!(outcome.results[0].evidence.len(), 1);
    assert!(outcome.results[0].evidence[0].contains("-> 200"));
}

#[tokio::test]
async fn what_nobody_consented_to_is_not_run() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let of = |id, safety| Check { safety, ask: vec![get_nth("/", 0)], ..check(id) };
    let all = || vec![of("s1", Safety::S1), of("s2", Safety::S2), of("s4", Safety::S4), of("s4", Safety::S4)];
    let outcome = run_all(all(), &world, Safety::S1).await;
    assert_eq!(verdicts(&outcome), [("s1", Verdict::Pass), ("s2", Verdict::Unknown)]);
    assert_eq!(outcome.results[1].because, "class S2: needs the owner's consent");
    assert_eq!(outcome.rehearsal_only, ["s4"]);
    assert_eq!(server.heads().len(), 1);
    let outcome = run_all(all(), &world, Safety::S4).await;
    assert!(outcome.results.iter().all(|result| result.verdict == Verdict::Pass) && outcome.results.len() == 4);
    assert!(outcome.rehearsal_only.is_empty());
}

#[tokio::test]
async fn judges_may_ask_on_but_not_for_ever_and_may_not_kill_the_run() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let thrice = |seen: &[Observation]| match u8::try_from(seen.len()) {
        Ok(n @ 0..3) => Judgement::Ask(vec![get_nth("/", n)]),
        _ => Judgement::pass(format!("{} answers", seen.len())),
    };
    let many = || Judgement::Ask((0..=200).map(|nth| get_nth("/many", nth)).collect());
    let rounds = Arc::new(AtomicUsize::new(0));
    let count = rounds.clone();
    let checks = vec![
        judged("thrice", thrice),
        judged("for-ever", move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Judgement::Ask(vec![])
        }),
        judged("too-many", move |_| many()),
        judged("broken", |seen| Judgement::pass(format!("{:?}", seen[7]))),
        check("healthy"),
    ];
    let outcome = run_all(checks, &world, Safety::S1).await;
    use Verdict::{Pass, Unknown};
    assert_eq!(
        verdicts(&outcome),
        [("thrice", Pass), ("for-ever", Unknown), ("too-many", Unknown), ("broken", Unknown), ("healthy", Pass)]
    );
    assert_eq!(outcome.results[0].because, "3 answers");
    assert_eq!(rounds.load(Ordering::SeqCst), 13, "the first judgement and twelve rounds");
    for broken in &outcome.results[1..4] {
        assert!(broken.because.starts_with("golive's own fault"), "{}", broken.because);
    }
    assert_eq!(server.heads().len(), 3);
}

/// A redirect server of many names asks more at first than any judge may ask later.
#[tokio::test]
async fn first_questions_are_as_many_as_the_blueprint_makes_them() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let ask = (0..250).map(|nth| get_nth("/", nth)).collect();
    let outcome = run_all(vec![Check { ask, ..check("a") }], &world, Safety::S1).await;
    assert_eq!(verdicts(&outcome), [("a", Verdict::Pass)]);
}

/// A stage that notes what it is told, and whether anybody else was about.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Stage for Notes {
    fn age_copy(&self, url: &str, by: Duration) {
        self.0.lock().unwrap().push(format!("{url} {}", by.as_secs()));
    }
    async fn disturb(&self, disturbance: Disturbance) -> Result<(), String> {
        self.0.lock().unwrap().push(format!("{disturbance:?}"));
        Ok(())
    }
    fn pretend(&self, _: SocketAddr, _: &Visitor) -> Box<dyn Send + Sync> {
        Box::new(())
    }
}

#[tokio::test]
async fn checks_that_disturb_run_last_one_by_one_on_fresh_answers() {
    let server = server().await;
    let notes = Arc::new(Notes::default());
    let world = World::new(Options { stage: Some(notes.clone()), ..routed_to(server.address) }).unwrap();
    let age =
        Probe::Wait(Wait { duration: Duration::from_secs(31), copies_of: vec!["https://shop.example.com/".into()] });
    let note = |text: &'static str| {
        let notes = notes.clone();
        move |_: &[Observation]| {
            notes.0.lock().unwrap().push(text.to_owned());
            Judgement::pass("held")
        }
    };
    let checks = vec![
        Check { ask: vec![get_nth("/", 0), age, get_nth("/", 1)], ..judged("ages", note("ages")) },
        Check {
            ask: vec![Probe::Disturb(Disturbance::AppRefuses), get_nth("/", 1)],
            ..judged("disturbs", note("disturbs"))
        },
        Check { blocked_by: vec!["late"], ..judged("child", note("child")) },
        Check { disturbs: true, ..judged("late", note("late")) },
        Check { ask: vec![get_nth("/", 0), get_nth("/", 1)], ..judged("quiet", note("quiet")) },
    ];
    let order = Mutex::new(Vec::new());
    let outcome = run(
        checks.into_iter().map(|check| ("cache", check)).collect(),
        &world,
        &verify::Options { max_safety: Safety::S4 },
        |event| match event {
            Event::Started { total } => order.lock().unwrap().push(total.to_string()),
            Event::Finished(result) => order.lock().unwrap().push(result.id.to_owned()),
        },
    )
    .await;
    assert_eq!(order.into_inner().unwrap(), ["5", "quiet", "ages", "disturbs", "late", "child"]);
    assert_eq!(
        *notes.0.lock().unwrap(),
        ["quiet", "https://shop.example.com/ 31", "ages", "AppRefuses", "disturbs", "AppHealthy", "late", "child"],
        "and the app is healed after a check that left it ill"
    );
    // Two for the quiet check, then each probe anew.
    assert_eq!(server.heads().len(), 2 + 2 + 1);
    let ids: Vec<&str> = outcome.results.iter().map(|result| result.id).collect();
    assert_eq!(ids, ["ages", "disturbs", "child", "late", "quiet"], "results keep the order given");
}

/// All five verdicts, and texts that nobody should print as they are.
async fn mixed() -> Outcome {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let long = "a sentence that is long enough to be wrapped at the edge of a terminal that is eighty columns wide";
    let checks = vec![
        Check { ask: vec![get_nth("/", 0)], ..check("dns.apex.a") },
        judged("cache.vary", |_| Judgement::warn("it varies")),
        Check {
            ask: vec![get_nth("/", 0)],
            ..judged("cache.query", move |_| Judgement::fail(format!("\x1b[31m{long} {long}")))
        },
        judged("waived", |_| Judgement::Say(Verdict::Waived, "by the lead".into())),
        Check { blocked_by: vec!["cache.query"], ..check("cache.ratio") },
        Check { safety: Safety::S4, ..check("cache.stale.error") },
    ];
    run_all(checks, &world, Safety::S1).await
}

fn report(outcome: &Outcome) -> Report<'_> {
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    Report { blueprint_path: "shop.toml", blueprint_sha256: SHA256, left_out: &["waiting_room"], outcome }
}

#[tokio::test]
async fn the_text_fits_80_columns_and_explains_what_is_red() {
    let outcome = mixed().await;
    let text = anstream::adapter::strip_str(&text(&report(&outcome))).to_string();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!text.contains('\x1b'));
    let red = text.split_once("\nfail").unwrap().1.split_once("\nwaived").unwrap().0;
    for part in [r"cache.query shop: \u{1b}[31ma sentence", "do   put it right", "why  JVA-1", "seen 20"] {
        assert!(red.contains(part), "{part} in {text}");
    }
    let green = text.lines().next().unwrap();
    assert_eq!(green, "pass     dns.apex.a shop: held");
    assert_eq!(text.matches("put it right").count(), 1, "a blocked check has its parent's remedy: {text}");
    assert!(text.contains("only a rehearsal can check: cache.stale.error\n"), "{text}");
    assert!(text.contains("waiting_room: not in this blueprint\n"), "{text}");
    assert!(text.ends_with("no-go: 1 failed, 1 unknown, 1 warned, 1 waived, 1 passed\n"), "{text}");
}

#[tokio::test]
async fn the_exit_code_is_the_worst_verdict() {
    let world = World::new(routed_to("127.0.0.1:1".parse().unwrap())).unwrap();
    let fail = || judged("red", |_| Judgement::fail("broken"));
    let unknown = || judged("unknown", |_| Judgement::unknown("no idea"));
    let warn = || judged("warned", |_| Judgement::warn("hm"));
    for (checks, exit, word) in [
        (vec![check("a"), warn()], Exit::Go, "go: "),
        (vec![check("a"), warn(), unknown()], Exit::Untested, "untested: "),
        (vec![unknown(), fail()], Exit::NoGo, "no-go: "),
    ] {
        let outcome = run_all(checks, &world, Safety::S1).await;
        assert_eq!(Exit::of(&outcome.summary()), exit);
        let text = anstream::adapter::strip_str(&text(&report(&outcome))).to_string();
        assert!(text.lines().last().unwrap().starts_with(word), "{text}");
    }
}

#[tokio::test]
async fn the_json_is_what_the_schema_promises() {
    let outcome = mixed().await;
    let document: Value = serde_json::from_str(&json(&report(&outcome)).unwrap()).unwrap();
    conforms(&document, "verify");
    assert_eq!(document["summary"], serde_json::json!({"pass": 1, "warn": 1, "fail": 1, "unknown": 1, "waived": 1}));
    assert_eq!(
        document["checks"][2]["because"].as_str().unwrap().chars().next(),
        Some('\x1b'),
        "JSON escapes by itself"
    );
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["golive", "blueprint", "started", "finished", "summary", "checks"]);
    let keys: Vec<&String> = document["checks"][0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["id", "concern", "subject", "verdict", "because", "evidence", "remedy", "source", "safety", "expires", "ms"]
    );
}

#[tokio::test]
async fn drills_are_what_the_schema_promises() {
    let outcome = Outcome { results: vec![], ..mixed().await };
    let drilled = Drilled {
        number: Some(7),
        id: "old-address-left",
        fault: "an old address is left",
        expected: vec!["dns.apex.a"],
        red: vec!["dns.ttl.lowered"],
        missed: vec!["dns.apex.a"],
        unexpected: vec!["dns.ttl.lowered"],
        rows: vec![],
        unknown: 0,
    };
    let document: Value = serde_json::from_str(&drills::json(&report(&outcome), &[drilled]).unwrap()).unwrap();
    conforms(&document, "verify");
    assert_eq!(document["drills"][0]["missed"], serde_json::json!(["dns.apex.a"]));
}
