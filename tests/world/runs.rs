//! Runs of checks: shared probes, blocking, disturbing checks alone and last, judges that misbehave, and the report.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use golive::cli::Exit;
use golive::concerns::{Check, Judgement, Safety, Verdict};
use golive::ops::rehearse::Drilled;
use golive::probe::{BurstProbe, Disturbance, HttpProbe, Method, Observation, Probe, Visitor, Wait};
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

async fn run_all(checks: Vec<Check>, world: &World, options: verify::Options) -> Outcome {
    let checks = checks.into_iter().map(|check| ("cache", check)).collect();
    run(checks, world, &options, |_| {}).await
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
    let outcome = run_all(checks, &world, verify::Options::looking()).await;
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
    let outcome = run_all(checks, &world, verify::Options::looking()).await;
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

/// Three links of 300 ms beside forty checks of 300 ms: one after another they would take 13 s, and sixteen at a time, as
/// they go, a chain of three is the longest.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_takes_about_as_long_as_its_slowest_chain() {
    const SLOW: Duration = Duration::from_millis(300);
    let slow = Script::Drip(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n".to_vec(), vec![b'x'], SLOW);
    let server = Server::start(move |_| slow.clone()).await;
    let world = World::new(routed_to(server.address)).unwrap();
    let link = |id, parent: Option<&'static str>, nth| Check {
        blocked_by: parent.into_iter().collect(),
        ask: vec![get_nth("/chain", nth)],
        ..check(id)
    };
    let mut checks = vec![link("first", None, 0), link("second", Some("first"), 1), link("third", Some("second"), 2)];
    checks.extend((0..40).map(|nth| Check { ask: vec![get_nth("/beside", nth)], ..check("beside") }));
    let begun = std::time::Instant::now();
    let outcome = run_all(checks, &world, verify::Options::looking()).await;
    let took = begun.elapsed();
    assert!(outcome.results.iter().all(|result| result.verdict == Verdict::Pass));
    assert_eq!(server.heads().len(), 43);
    assert!((3 * SLOW..6 * SLOW).contains(&took), "{took:?}");
}

/// Whatever could not be tested is unknown, and says why; see also those of no consent and, in `tests/bad_nights.rs`, of no
/// token.
#[tokio::test]
async fn what_could_not_be_tested_is_unknown_with_its_reason() {
    let silent = Server::start(|_| Script::Hang).await;
    let asks = || Check {
        ask: vec![get_nth("/", 0)],
        ..judged("asks", |seen| match golive::concerns::answer::http(&seen[0]) {
            Ok(answer) => Judgement::pass(format!("{}", answer.status)),
            Err(judgement) => judgement,
        })
    };
    let outcome = run_all(vec![asks()], &impatient(routed_to(silent.address)), verify::Options::looking()).await;
    assert_eq!(outcome.results[0].verdict, Verdict::Unknown);
    assert_eq!(outcome.results[0].because, "http://shop.example.com at 203.0.113.10:80: no answer in time");

    // A resolver that has an address for every name.
    let (udp, server) = (tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap(), server().await);
    let portal = udp.local_addr().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        use hickory_resolver::proto::op::{Message, MessageType, OpCode};
        use hickory_resolver::proto::rr::{RData, Record, rdata::A};
        let mut buffer = vec![0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
            answer.queries = query.queries.clone();
            let name = query.queries[0].name().clone();
            answer.answers = vec![Record::from_rdata(name, 60, RData::A(A::new(203, 0, 113, 10)))];
            udp.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        }
    });
    let world = World::new(Options { resolvers: vec![portal], ..live(&server) }).unwrap();
    let outcome = run_all(vec![asks()], &world, verify::Options::looking()).await;
    assert_eq!(outcome.results[0].verdict, Verdict::Unknown);
    assert!(outcome.results[0].because.contains("the network here is captive"), "{}", outcome.results[0].because);
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn checks_that_wait_for_one_another_do_not_hang_the_run() {
    let world = World::new(routed_to("127.0.0.1:1".parse().unwrap())).unwrap();
    let blocked = |id, parent| Check { blocked_by: vec![parent], ..check(id) };
    let checks = vec![blocked("a", "b"), blocked("b", "a"), blocked("self", "self"), check("free")];
    let outcome = run_all(checks, &world, verify::Options::looking()).await;
    use Verdict::{Pass, Unknown};
    assert_eq!(verdicts(&outcome), [("a", Unknown), ("b", Unknown), ("self", Unknown), ("free", Pass)]);
    assert!(outcome.results[0].because.contains("golive's own fault"));
}

#[tokio::test]
async fn what_was_not_asked_is_no_evidence() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let alien = Probe::Http(HttpProbe { host: "evil.example".into(), ..get("/") });
    let outcome =
        run_all(vec![Check { ask: vec![alien, get_nth("/", 0)], ..check("a") }], &world, verify::Options::looking())
            .await;
    assert_eq!(outcome.results[0].evidence.len(), 1);
    assert!(outcome.results[0].evidence[0].contains("-> 200"));
}

#[tokio::test]
async fn what_nobody_consented_to_is_not_run() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let of = |id, safety| Check { safety, ask: vec![get_nth("/", 0)], ..check(id) };
    let all = || vec![of("s1", Safety::S1), of("s2", Safety::S2), of("s4", Safety::S4), of("s4", Safety::S4)];
    let outcome = run_all(all(), &world, verify::Options::looking()).await;
    assert_eq!(verdicts(&outcome), [("s1", Verdict::Pass), ("s2", Verdict::Unknown)]);
    assert_eq!(outcome.results[1].because, "class S2: needs the owner's consent");
    assert_eq!(outcome.rehearsal_only, ["s4"]);
    assert_eq!(server.heads().len(), 1);
    let outcome = run_all(all(), &world, verify::Options::rehearsal()).await;
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
    let outcome = run_all(checks, &world, verify::Options::looking()).await;
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
    let outcome = run_all(vec![Check { ask, ..check("a") }], &world, verify::Options::looking()).await;
    assert_eq!(verdicts(&outcome), [("a", Verdict::Pass)]);
}

/// A stage that notes what it is told, and whether anybody else was about.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Stage for Notes {
    async fn age_copy(&self, url: &str, by: Duration) {
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
        &verify::Options::rehearsal(),
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
    run_all(checks, &world, verify::Options::looking()).await
}

/// Of nothing.
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn report(outcome: &Outcome) -> Report<'_> {
    Report {
        blueprint_path: "shop.toml",
        blueprint_sha256: SHA256,
        consent_sha256: None,
        left_out: &["waiting_room"],
        holders: &[],
        outcome,
    }
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
        let outcome = run_all(checks, &world, verify::Options::looking()).await;
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
    let stopped = Outcome { stopped: Some("it suffers".to_owned()), ..outcome.clone() };
    let agreed = Report { consent_sha256: Some(SHA256), ..report(&stopped) };
    let told: Value = serde_json::from_str(&json(&agreed).unwrap()).unwrap();
    conforms(&told, "verify");
    assert_eq!((told["stopped"].as_str(), told["consent"].as_str()), (Some("it suffers"), Some(SHA256)));
    let text = anstream::adapter::strip_str(&text(&agreed)).to_string();
    assert!(
        text.contains("\nstopped: it suffers\n") && text.contains(&format!("\nconsent: sha256 {SHA256}\n")),
        "{text}"
    );
    let keys: Vec<&String> = document["checks"][0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "id", "concern", "subject", "verdict", "because", "evidence", "remedy", "owner", "source", "safety",
            "expires", "ms"
        ]
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

/// A live world, so that it can be stopped; what it asks is routed to this server.
fn live(server: &Server) -> Options {
    Options { routed_only: false, ..routed_to(server.address) }
}

#[tokio::test]
async fn a_live_run_ends_when_the_site_suffers() {
    let broken = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(move |n| if n == 0 { ok(&[], b"") } else { say(broken) }).await;
    let world = World::new(live(&server)).unwrap();
    let asks = |id, nths: std::ops::Range<u8>| Check { ask: nths.map(|nth| get_nth("/", nth)).collect(), ..check(id) };
    let late = Check { blocked_by: vec!["first"], ..asks("late", 10..12) };
    let outcome = run_all(vec![asks("first", 0..6), late], &world, verify::Options::looking()).await;
    assert_eq!(verdicts(&outcome), [("first", Verdict::Pass), ("late", Verdict::Unknown)]);
    let reason = outcome.stopped.clone().expect("stopped");
    assert!(reason.contains("http://shop.example.com/ answered 500 twice in a row"), "{reason}");
    assert_eq!(outcome.results[1].because, format!("stopped: {reason}"));
    assert_eq!(server.heads().len(), 3, "nothing is asked after the second error");

    let world = World::new(routed_to(server.address)).unwrap();
    let outcome = run_all(vec![asks("first", 0..6)], &world, verify::Options::rehearsal()).await;
    assert_eq!((outcome.stopped, server.heads().len()), (None, 9), "a rehearsal goes on");
}

#[tokio::test]
async fn a_live_run_ends_when_visitors_are_harmed_and_a_rehearsal_does_not() {
    let server = server().await;
    for (options, goes_on) in [(live(&server), false), (routed_to(server.address), true)] {
        let world = World::new(options).unwrap();
        let checks = vec![
            judged("leak", |_| Judgement::fail("somebody else's page")),
            Check { blocked_by: vec!["green"], ..check("last") },
            Check { ask: vec![get_nth("/", 0)], ..check("green") },
        ];
        let alarmed = verify::Options { alarms: &["leak"], ..verify::Options::looking() };
        let outcome = run_all(checks, &world, alarmed).await;
        let last = if goes_on { Verdict::Pass } else { Verdict::Unknown };
        assert_eq!((outcome.results[1].verdict, outcome.stopped.is_none()), (last, goes_on));
    }
}

#[tokio::test]
async fn fail_fast_asks_nothing_more_and_says_so() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let checks = vec![
        judged("red", |_| Judgement::fail("broken")),
        Check { blocked_by: vec!["parent"], ask: vec![get_nth("/", 0)], ..check("child") },
        check("parent"),
    ];
    let outcome = run_all(checks, &world, verify::Options { fail_fast: true, ..verify::Options::looking() }).await;
    assert_eq!(outcome.results[1].because, "not asked after red failed (--fail-fast)");
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn what_is_not_permitted_is_unknown_with_its_class_and_the_reason() {
    let server = server().await;
    let world = World::new(routed_to(server.address)).unwrap();
    let checks = vec![
        check("looks"),
        Check { safety: Safety::S2, ask: vec![get_nth("/", 0)], ..check("attacks") },
        Check { safety: Safety::S4, ..check("disturbs") },
    ];
    let outcome = run_all(checks, &world, verify::Options::looking()).await;
    assert_eq!(verdicts(&outcome), [("looks", Verdict::Pass), ("attacks", Verdict::Unknown)]);
    assert_eq!(outcome.results[1].because, "class S2: needs the owner's consent");
    assert_eq!(outcome.rehearsal_only, ["disturbs"]);
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn a_burst_at_a_live_site_has_the_pace_that_was_agreed_to() {
    let server = server().await;
    let burst = Probe::Burst(BurstProbe {
        request: get("/"),
        method: Method::Get,
        count: 5,
        enough_refusals: 0,
        after: Duration::ZERO,
        visitor: Visitor::Own("me".to_owned()),
        counts: None,
    });
    let refused = World::new(live(&server)).unwrap().ask(&burst).await;
    assert!(
        matches!(&refused, Observation::NotAsked { because } if because == "nobody agreed to a burst"),
        "{refused:?}"
    );
    assert!(server.heads().is_empty());
    let agreed = World::new(Options { burst_per_second: NonZeroU32::new(20), ..live(&server) }).unwrap();
    let Observation::Burst(answer) = agreed.ask(&burst).await else { panic!("no answer") };
    assert_eq!(answer.statuses, [200; 5]);
    assert!(answer.sending >= Duration::from_millis(200), "the fifth leaves four gaps of 50 ms later: {answer:?}");
}
