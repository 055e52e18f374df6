//! golive's verdicts beside those of others on the same world: checkdmarc and dkimpy of mail, httplint of headers, BIND of
//! zones.
//!
//! Two readers of one standard differ in places. Each difference stands here with its reason; one that is not listed
//! fails the test, and so does a listed one that has gone.

mod common;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Sample, artifacts, edited, need, need_python, parse, ran, repository, sample};
use golive::concerns::ask::get;
use golive::concerns::fragment::RunsOn;
use golive::concerns::{Drills, Judgement, Verdict};
use golive::probe::{ApiAnswer, Body, HttpAnswer, Observation, Probe, Scheme};
use golive::rehearsal::LocalWorld;
use golive::rehearsal::staging::Staging;
use golive::verify::{self, CheckResult};
use golive::world::{Allowed, Options, World};
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde_json::{Value, json};

/// How bad somebody finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Good,
    /// With a warning.
    Remarked,
    Bad,
}
use Grade::{Bad, Good, Remarked};

/// A case and what it is about: golive's grade and the other's, where they differ.
type Differences = BTreeMap<(String, String), (Grade, Grade)>;

/// The same with the reason.
type Listed = (&'static str, &'static str, Grade, Grade, &'static str);

fn compared(found: &Differences, listed: &[Listed], details: &str) {
    let listed: Differences = listed
        .iter()
        .map(|(case, what, ours, theirs, _)| (((*case).to_owned(), (*what).to_owned()), (*ours, *theirs)))
        .collect();
    let unlisted: Vec<_> = found.iter().filter(|found| !listed.iter().any(|known| known == *found)).collect();
    let gone: Vec<_> = listed.iter().filter(|known| !found.iter().any(|found| found == *known)).collect();
    assert!(unlisted.is_empty() && gone.is_empty(), "not listed: {unlisted:#?}\nlisted: {gone:#?}\n{details}");
}

fn staged(sample: &Sample, drill: Option<&str>) -> Staging {
    let site = sample.site.clone().on_the_eve_of(Timestamp::now());
    let mut staging = Staging::new(site, RunsOn::Scalingo, &artifacts(sample)).expect("staged");
    if let Some(id) = drill {
        let all = sample.blueprint.concerns().into_iter().flat_map(|concern| match concern.drills(&sample.site) {
            Drills::Run(drills) => drills.into_vec(),
            Drills::None { .. } => vec![],
        });
        let drill = all.into_iter().find(|drill| drill.id == id).unwrap_or_else(|| panic!("no drill {id}"));
        (drill.inject)(&mut staging).expect("injected");
    }
    staging
}

fn world_of(local: &LocalWorld, sample: &Sample) -> World {
    World::new(Options {
        routes: local.routes(),
        routed_only: true,
        allowed: Allowed::of(&sample.site),
        resolvers: vec![local.resolver()],
        roots: local.roots(),
        user_agent: "golive-test".to_owned(),
        timeout: Duration::from_secs(3),
        burst_per_second: None,
        stage: Some(local.stage()),
        access: local.access(),
    })
    .expect("a world")
}

/// The rows of these checks. Each id by itself: a red one blocks others, of whatever subject.
async fn verified(local: &LocalWorld, sample: &Sample, ids: &[&str]) -> Vec<CheckResult> {
    let world = world_of(local, sample);
    let mut rows = Vec::new();
    for id in ids {
        let mut checks = golive::ops::verify::checks(&sample.blueprint, &sample.site);
        checks.retain(|(_, check)| check.id == *id);
        rows.extend(verify::run(checks, &world, &verify::Options::rehearsal(), |_| {}).await.results);
    }
    rows
}

const KINDS: [(&str, &[&str]); 3] = [
    ("spf", &["mail.spf.record", "mail.spf.lookups"]),
    ("dmarc", &["mail.dmarc.record", "mail.dmarc.rua"]),
    ("dkim", &["mail.dkim.key"]),
];

/// What golive says, and why.
fn ours(rows: &[CheckResult], domain: &str, kind: &str) -> Option<(Grade, String)> {
    let unknown = rows.iter().find(|row| row.verdict == Verdict::Unknown);
    assert!(unknown.is_none(), "{unknown:?}");
    let ids = KINDS.iter().find(|(known, _)| *known == kind).expect("a kind").1;
    let key = format!("{SELECTOR}._domainkey.{domain}");
    let rows = rows.iter().filter(|row| ids.contains(&row.id) && (row.subject == domain || row.subject == key));
    let told = rows.map(|row| match row.verdict {
        Verdict::Warn => (Remarked, row.because.clone()),
        Verdict::Fail => (Bad, row.because.clone()),
        _ => (Good, row.because.clone()),
    });
    told.max_by_key(|(grade, _)| *grade)
}

/// What the other says, and why.
fn theirs(verdict: &Value) -> (Grade, String) {
    let warnings = verdict["warnings"].as_array().expect("a list");
    match (verdict["valid"].as_bool().expect("a verdict"), warnings.is_empty()) {
        (false, _) => (Bad, verdict["error"].to_string()),
        (true, false) => (Remarked, verdict["warnings"].to_string()),
        (true, true) => (Good, String::new()),
    }
}

const SELECTOR: &str = "mail";

/// golive's rows and the others' lines of these domains.
fn opinions(sample: &Sample, staging: Staging, domains: &[String]) -> (Vec<CheckResult>, Vec<Value>) {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let world = runtime.block_on(LocalWorld::start(staging)).expect("it starts");
    assert!(!world.notes().iter().any(|note| note.contains("does not load")), "{:?}", world.notes());
    let ids = KINDS.map(|(_, ids)| ids).concat();
    let rows = runtime.block_on(verified(&world, sample, &ids));
    let asked = |script: &str, names: Vec<String>| -> Vec<Value> {
        let mut command = Command::new(need_python());
        command.arg(repository().join("tests/contract").join(script)).arg(world.resolver().port().to_string());
        let printed = ran(command.args(&names));
        let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), names.len(), "{printed}");
        lines
    };
    let mut lines = asked("mail.py", domains.to_vec());
    let keys = domains.iter().map(|domain| format!("{SELECTOR}._domainkey.{domain}"));
    for (line, key) in lines.iter_mut().zip(asked("keys.py", keys.collect())) {
        line["dkim"] = key;
    }
    runtime.block_on(world.stop());
    (rows, lines)
}

/// On the sample, healthy and with its faults of mail.
#[test]
fn of_the_sample_and_its_mail_drills() {
    let sample = sample();
    let mail = sample.blueprint.mail.as_ref().expect("the sample sends mail");
    let domains: Vec<String> = mail.domains.iter().map(|domain| domain.name.to_string()).collect();
    let cases = [
        None,
        Some("spf-second-record"),
        Some("spf-eleven-lookups"),
        Some("dkim-cut"),
        Some("ptr-absent"),
        Some("dmarc-two-records"),
        Some("dmarc-on-trial"),
        Some("rua-refused"),
        Some("rua-not-agreed"),
    ];
    let (mut found, mut details, mut bad) = (Differences::new(), String::new(), 0);
    for case in cases {
        let (rows, lines) = opinions(&sample, staged(&sample, case), &domains);
        let case = case.unwrap_or("healthy");
        for (line, domain) in lines.iter().zip(&domains) {
            for (kind, _) in KINDS {
                let Some((ours, because)) = ours(&rows, domain, kind) else { continue };
                let (theirs, why) = theirs(&line[kind]);
                bad += usize::from(ours == Bad && theirs == Bad);
                let what = format!("{kind} of {domain}");
                // What they differ about in health is listed once.
                let differ_anyway = found.get(&("healthy".to_owned(), what.clone())) == Some(&(ours, theirs));
                if ours != theirs && !differ_anyway {
                    details.push_str(&format!("{case} {what}: {ours:?} ({because}); {theirs:?} ({why})\n"));
                    found.insert((case.to_owned(), what), (ours, theirs));
                }
            }
        }
    }
    compared(&found, &DRILLED, &details);
    assert!(bad >= 3, "both must see the faults that both look for: {bad}");
}

const DRILLED: [Listed; 5] = [
    (
        "healthy",
        "dmarc of jeveuxaider.gouv.fr",
        Good,
        Remarked,
        "it misses reports on a domain in whose name nobody sends; the blueprint wants none",
    ),
    (
        "spf-second-record",
        "spf of courriel.reserve-civique.gouv.fr",
        Bad,
        Good,
        "the fault is at the envelope's domain, which golive judges with the domain and checkdmarc was not asked about",
    ),
    (
        "dmarc-on-trial",
        "dmarc of courriel.reserve-civique.gouv.fr",
        Bad,
        Remarked,
        "with t=y receivers do one level less than p says (RFC 9989, 4.7): not what the blueprint declares. Its remark is \
         about the order of tags",
    ),
    (
        "rua-refused",
        "dmarc of courriel.reserve-civique.gouv.fr",
        Bad,
        Remarked,
        "reports that nobody agreed to take are not sent (RFC 9990, 4), and the blueprint wants them",
    ),
    (
        "rua-not-agreed",
        "dmarc of courriel.reserve-civique.gouv.fr",
        Bad,
        Good,
        "it takes two names below one registered name for one organisation, by the list of public suffixes; by the walk up \
         the tree (RFC 9989, 4.10.2) they are two, as no record above both exists",
    ),
];

/// What BIND says of the zones as they are served: whether it loads them, and with what remarks.
fn checkzone(staging: &Staging) -> (Grade, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut worst = (Good, String::new());
    for (zone, text) in staging.name_servers.iter().flat_map(|server| &server.zones) {
        let file = folder.path().join("zone");
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(need("named-checkzone"));
        let output = command.args(["-i", "local", "-k", "warn", zone]).arg(&file).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let grade = match output.status.success() {
            false => Bad,
            // What it loads it counts and approves in two lines.
            true if said.lines().count() > 2 => Remarked,
            true => Good,
        };
        worst = worst.max((grade, said));
    }
    worst
}

/// Of zones, healthy, with their drills, and as people break them.
#[test]
fn of_zones_and_their_faults() {
    need("nginx");
    let mut sample = sample();
    sample.site = sample.site.on_the_eve_of(Timestamp::now());
    let mut ids: Vec<&str> = golive::ops::verify::checks(&sample.blueprint, &sample.site)
        .iter()
        .map(|(_, check)| check.id)
        .filter(|id| id.starts_with("dns."))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let drills = [
        "secondary-stale",
        "lost-dot",
        "aaaa-left",
        "address-forgotten",
        "cname-to-platform",
        "caa-foreign",
        "ttl-86400",
        "record-not-published",
        "wildcard-appears",
        "name-absent-long-miss",
        "null-mx",
    ];
    let host = sample.site.host.to_string();
    let zone = sample.site.zone_of(&sample.site.host).expect("its zone").name.to_string();
    let broken = [
        ("data beside an alias", format!("{host}. 300 IN A 203.0.113.99\n")),
        ("a second SOA", format!("{zone}. 300 IN SOA a. b. 1 2 3 4 5\n")),
        ("no address", format!("www.{zone}. 300 IN A 203.0.113.299\n")),
    ];
    let cases = std::iter::once(("healthy", staged(&sample, None)));
    let cases = cases.chain(drills.map(|drill| (drill, staged(&sample, Some(drill)))));
    let cases = cases.chain(broken.iter().map(|(case, line)| {
        let mut staging = staged(&sample, None);
        for text in staging.name_servers.iter_mut().filter_map(|server| server.zones.get_mut(&zone)) {
            text.push_str(line);
        }
        (*case, staging)
    }));
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let (mut found, mut details, mut bad) = (Differences::new(), String::new(), 0);
    for (case, staging) in cases {
        let (theirs, why) = checkzone(&staging);
        let local = runtime.block_on(LocalWorld::start(staging)).expect("it starts");
        let rows = runtime.block_on(verified(&local, &sample, &ids));
        runtime.block_on(local.stop());
        // Where a server holds no zone, some rows have nothing to judge.
        let judged = rows.iter().filter(|row| row.verdict != Verdict::Unknown);
        let graded = judged.map(|row| (grade(row.verdict), format!("{} {}", row.id, row.because)));
        let (ours, because) = graded.max().expect("rows");
        bad += usize::from(ours == Bad && theirs == Bad);
        if ours != theirs {
            details.push_str(&format!("{case}: {ours:?} ({because}); {theirs:?} ({why})\n"));
            found.insert((case.to_owned(), "zone".to_owned()), (ours, theirs));
        }
    }
    compared(&found, &ZONES, &details);
    assert!(bad >= 3, "both must see a zone that cannot be loaded: {bad}");
}

/// BIND reads a file and knows no launch.
const OF_THE_SITE: &str = "well-formed; that it is not what the launch needs, only a blueprint can say";

const ZONES: [Listed; 11] = [
    ("secondary-stale", "zone", Bad, Good, "each copy is well-formed; golive compares them"),
    ("lost-dot", "zone", Bad, Good, OF_THE_SITE),
    ("aaaa-left", "zone", Bad, Good, OF_THE_SITE),
    ("address-forgotten", "zone", Bad, Good, OF_THE_SITE),
    ("cname-to-platform", "zone", Bad, Good, OF_THE_SITE),
    ("caa-foreign", "zone", Bad, Good, OF_THE_SITE),
    ("ttl-86400", "zone", Bad, Good, OF_THE_SITE),
    ("record-not-published", "zone", Bad, Good, OF_THE_SITE),
    ("wildcard-appears", "zone", Bad, Good, OF_THE_SITE),
    ("name-absent-long-miss", "zone", Bad, Good, OF_THE_SITE),
    ("null-mx", "zone", Bad, Good, OF_THE_SITE),
];

/// What BIND's validator says of each of these, asking the rehearsed resolver, when it believes what the zone above says of
/// the zone's keys: the worst, and its words.
fn delv(local: &LocalWorld, vouched: &str, zone: &str, questions: &[(&str, &str)]) -> (Grade, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let fields: Vec<&str> = vouched.split(' ').collect();
    let [tag, algorithm, kind, digest] = fields.as_slice() else { panic!("{vouched} is no DS") };
    let anchors = folder.path().join("anchors");
    let text = format!("trust-anchors {{ \"{zone}.\" static-ds {tag} {algorithm} {kind} \"{digest}\"; }};\n");
    std::fs::write(&anchors, text).expect("written");
    let resolver = local.resolver();
    let asked = questions.iter().map(|(name, record)| {
        let mut command = Command::new(need("delv"));
        command.arg("-a").arg(&anchors).arg(format!("+root={zone}.")).arg(format!("@{}", resolver.ip()));
        command.args(["-p", &resolver.port().to_string(), &format!("{name}."), record]);
        let output = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        match said.contains("; fully validated") {
            true => (Good, said),
            false => (Bad, said),
        }
    });
    asked.max_by_key(|(grade, _)| *grade).expect("questions")
}

/// Of a signed zone: healthy, with its drills, and as signers break it.
#[test]
fn of_signed_zones_and_their_faults() {
    need("nginx");
    let sample = parse(&sample().source.replace("hostmaster = ", "signed = true\nhostmaster = "));
    let zone = sample.site.zone_of(&sample.site.announced).expect("its zone").name.to_string();
    let ds = format!("{zone}. 3600 IN DS ");
    let host = format!("www.{zone}");
    let questions = [(zone.as_str(), "SOA"), (zone.as_str(), "DNSKEY"), (zone.as_str(), "A"), (host.as_str(), "A")];
    type Break<'a> = &'a dyn Fn(&mut Staging);
    let ended = |staging: &mut Staging| staging.keys.get_mut(&zone).expect("a key").hours_left = -1;
    let not_begun = |staging: &mut Staging| staging.keys.get_mut(&zone).expect("a key").hours_left = 24 * 30;
    let another_key = |staging: &mut Staging| {
        let former = "31406 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";
        for text in staging.parent_servers.iter_mut().flat_map(|server| server.zones.values_mut()) {
            let lines =
                text.lines().map(|line| if line.starts_with(&ds) { format!("{ds}{former}") } else { line.into() });
            *text = lines.collect::<Vec<String>>().join("\n") + "\n";
        }
    };
    let nothing = |_: &mut Staging| {};
    let cases: [(&str, Option<&str>, Break<'_>); 6] = [
        ("healthy", None, &nothing),
        ("signer-stopped", Some("signer-stopped"), &nothing),
        ("changed-unsigned", Some("changed-unsigned"), &nothing),
        ("signatures ended", None, &ended),
        ("signatures not begun", None, &not_begun),
        ("another key above", None, &another_key),
    ];
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let (mut found, mut details, mut bad) = (Differences::new(), String::new(), 0);
    for (case, drill, edit) in cases {
        let mut staging = staged(&sample, drill);
        edit(&mut staging);
        let above = staging.parent_servers.iter().flat_map(|server| server.zones.values());
        let vouched =
            above.flat_map(|text| text.lines()).find_map(|line| line.strip_prefix(&ds)).expect("a DS").to_owned();
        let local = runtime.block_on(LocalWorld::start(staging)).expect("it starts");
        let (theirs, why) = delv(&local, &vouched, &zone, &questions);
        let rows = runtime.block_on(verified(&local, &sample, &["dns.dnssec"]));
        runtime.block_on(local.stop());
        let row = rows.iter().find(|row| row.subject == zone).expect("a row");
        let ours = grade(row.verdict);
        bad += usize::from(ours == Bad && theirs == Bad);
        if ours != theirs {
            details.push_str(&format!("{case}: {ours:?} ({}); {theirs:?} ({why})\n", row.because));
            found.insert((case.to_owned(), "dnssec".to_owned()), (ours, theirs));
        }
    }
    compared(&found, &SIGNED, &details);
    assert_eq!(bad, 4, "both see what does not validate");
}

const SIGNED: [Listed; 1] = [(
    "signer-stopped",
    "dnssec",
    Remarked,
    Good,
    "what is signed until tomorrow validates today; golive warns three days ahead",
)];

/// Text at a name, as a zone file has it: strings of at most 255 bytes (RFC 1035, section 3.3).
fn quoted(text: &str) -> String {
    let chunks = text.as_bytes().chunks(255).map(|chunk| format!("\"{}\"", String::from_utf8_lossy(chunk)));
    chunks.collect::<Vec<_>>().join(" ").replace('\t', "\\009")
}

const REPORTS: &str = "rua=mailto:dmarc@reserve-civique.gouv.fr";

/// Cases, each with what stands at a name of its own in place of the generated records.
fn seeds() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let dmarc = |rest: &str| format!("v=DMARC1; p=quarantine; {rest}");
    let key = sample_key();
    let one = |case, kind, text: String| (case, kind, vec![text]);
    vec![
        one("good", "dmarc", dmarc(REPORTS)),
        ("none", "dmarc", vec![]),
        ("two", "dmarc", vec![dmarc(REPORTS), "v=DMARC1; p=none".to_owned()]),
        ("another text beside", "dmarc", vec![dmarc(REPORTS), "owner=golive".to_owned()]),
        one("misspelt policy", "dmarc", format!("v=DMARC1; p=quarantaine; {REPORTS}")),
        one("no policy", "dmarc", format!("v=DMARC1; {REPORTS}")),
        one("policy last", "dmarc", format!("v=DMARC1; {REPORTS}; p=quarantine")),
        one("version last", "dmarc", format!("p=quarantine; {REPORTS}; v=DMARC1")),
        one("small version", "dmarc", format!("v=dmarc1; p=quarantine; {REPORTS}")),
        one("space before", "dmarc", format!(" {}", dmarc(REPORTS))),
        one("spaces around", "dmarc", format!("v = DMARC1 ; p = quarantine ; {REPORTS} ;")),
        one("per cent", "dmarc", dmarc(&format!("pct=50; {REPORTS}"))),
        one("on trial", "dmarc", dmarc(&format!("t=y; {REPORTS}"))),
        one("open below", "dmarc", dmarc(&format!("sp=none; {REPORTS}"))),
        one("open where nothing is", "dmarc", dmarc(&format!("np=none; {REPORTS}"))),
        one("unknown tag", "dmarc", dmarc(&format!("new=1; {REPORTS}"))),
        one("policy twice", "dmarc", dmarc(&format!("p=reject; {REPORTS}"))),
        one("alignment misspelt", "dmarc", dmarc(&format!("adkim=strict; {REPORTS}"))),
        one("no semicolon", "dmarc", format!("v=DMARC1; p=quarantine {REPORTS}")),
        one("size of reports", "dmarc", dmarc(&format!("{REPORTS}!10m"))),
        one("reports without mailto", "dmarc", dmarc("rua=dmarc@reserve-civique.gouv.fr")),
        one("reports to a stranger", "dmarc", dmarc(&format!("{REPORTS},mailto:a@stranger.example"))),
        one("public suffix", "dmarc", dmarc(&format!("psd=y; {REPORTS}"))),
        one("good", "spf", "v=spf1 include:spf.brevo.com -all".to_owned()),
        ("none", "spf", vec![]),
        ("two", "spf", vec!["v=spf1 include:spf.brevo.com -all".to_owned(), "v=spf1 -all".to_owned()]),
        one("small letters do not matter", "spf", "V=SPF1 INCLUDE:spf.brevo.com -ALL".to_owned()),
        one("everybody", "spf", "v=spf1 include:spf.brevo.com +all".to_owned()),
        one("neutral", "spf", "v=spf1 include:spf.brevo.com ?all".to_owned()),
        one("soft", "spf", "v=spf1 include:spf.brevo.com ~all".to_owned()),
        one("no all", "spf", "v=spf1 include:spf.brevo.com".to_owned()),
        one("ptr", "spf", "v=spf1 include:spf.brevo.com ptr -all".to_owned()),
        one("misspelt term", "spf", "v=spf1 include:spf.brevo.com ipv4:192.0.2.1 -all".to_owned()),
        one("bad address", "spf", "v=spf1 include:spf.brevo.com ip4:192.0.2.300 -all".to_owned()),
        one("address of another kind", "spf", "v=spf1 include:spf.brevo.com ip4:2001:db8::1 -all".to_owned()),
        one("include of nothing", "spf", "v=spf1 include:spf.brevo.com include:nothing.example -all".to_owned()),
        one("loop", "spf", "v=spf1 include:spf.brevo.com include:loop.example -all".to_owned()),
        one(
            "three voids",
            "spf",
            "v=spf1 include:spf.brevo.com a:v1.example a:v2.example a:v3.example -all".to_owned(),
        ),
        one("two voids", "spf", "v=spf1 include:spf.brevo.com a:v1.example a:v2.example -all".to_owned()),
        one(
            "eleven look-ups",
            "spf",
            format!("v=spf1 include:spf.brevo.com {}-all", "include:plain.example ".repeat(10)),
        ),
        one("ten look-ups", "spf", format!("v=spf1 include:spf.brevo.com {}-all", "include:plain.example ".repeat(9))),
        one("redirect", "spf", "v=spf1 include:spf.brevo.com redirect=plain.example".to_owned()),
        one(
            "two redirects",
            "spf",
            "v=spf1 include:spf.brevo.com redirect=plain.example redirect=plain.example".to_owned(),
        ),
        one("unknown modifier", "spf", "v=spf1 include:spf.brevo.com new=1 -all".to_owned()),
        one("a tab for a space", "spf", "v=spf1 include:spf.brevo.com\t-all".to_owned()),
        one("good", "dkim", format!("v=DKIM1; k=rsa; p={key}")),
        ("none", "dkim", vec![]),
        ("two", "dkim", vec![format!("v=DKIM1; k=rsa; p={key}"), "v=DKIM1; p=".to_owned()]),
        one("no version", "dkim", format!("p={key}")),
        one("other version", "dkim", format!("v=DKIM2; p={key}")),
        one("version last", "dkim", format!("k=rsa; p={key}; v=DKIM1")),
        one("revoked", "dkim", "v=DKIM1; p=".to_owned()),
        one("cut", "dkim", format!("v=DKIM1; k=rsa; p={key}")[..255].to_owned()),
        one("other kind", "dkim", format!("v=DKIM1; k=dsa; p={key}")),
        one("old hash", "dkim", format!("v=DKIM1; h=sha1; p={key}")),
        one("not for mail", "dkim", format!("v=DKIM1; s=other; p={key}")),
        one("key twice", "dkim", format!("v=DKIM1; p={key}; p={key}")),
        one("on trial", "dkim", format!("v=DKIM1; t=y; p={key}")),
    ]
}

fn sample_key() -> String {
    let sample = sample();
    let mail = sample.blueprint.mail.as_ref().expect("the sample sends mail");
    mail.domains[0].dkim[0].key.as_ref().expect("a key").to_string()
}

/// A blueprint that has a domain for each case.
fn seeded(seeds: &[(&str, &str, Vec<String>)]) -> (Sample, Vec<String>) {
    let domains: Vec<String> = (0..seeds.len()).map(|n| format!("s{n}.reserve-civique.gouv.fr")).collect();
    let key = sample_key();
    let tables: String = domains
        .iter()
        .map(|name| {
            format!(
                "[[mail.domains]]\nname = \"{name}\"\nexchanges = [\"mx1.example.net\"]\n\
                 spf_includes = [\"spf.brevo.com\"]\n\
                 dmarc = {{ policy = \"quarantine\", report_to = [\"dmarc@reserve-civique.gouv.fr\"] }}\n\
                 [[mail.domains.dkim]]\nselector = \"{SELECTOR}\"\nkey = \"{key}\"\n\n"
            )
        })
        .collect();
    let next = "# The announced name sends nothing";
    (parse(&edited(&[(next, &format!("{tables}{next}"))])), domains)
}

/// On records that nobody generates, most of them wrong.
#[test]
fn of_records_as_people_write_them() {
    let seeds = seeds();
    let (sample, domains) = seeded(&seeds);
    let mut staging = staged(&sample, None);
    for ((_, kind, texts), domain) in seeds.iter().zip(&domains) {
        let owner = match *kind {
            "dmarc" => format!("_dmarc.{domain}"),
            "dkim" => format!("{SELECTOR}._domainkey.{domain}"),
            _ => domain.clone(),
        };
        let lines = |ttl: &str| texts.iter().map(|text| format!("{owner}. {ttl} IN TXT {}", quoted(text))).collect();
        staging.edit_records(&owner, "TXT", |ttl, _| lines(ttl)).expect("a record to replace");
    }
    for (name, policy) in [("plain.example", "v=spf1 -all"), ("loop.example", "v=spf1 include:loop.example -all")] {
        let zone = format!(
            "{name}. 3600 IN SOA ns.{name}. dns.{name}. 1 7200 900 1209600 300\n{name}. 3600 IN NS ns.{name}.\n\
             {name}. 3600 IN TXT \"{policy}\"\n"
        );
        staging.foreign_zones.insert(name.to_owned(), zone);
    }
    let (rows, lines) = opinions(&sample, staging, &domains);
    let (mut found, mut details) = (Differences::new(), String::new());
    for (((case, kind, _), domain), line) in seeds.iter().zip(&domains).zip(&lines) {
        let (ours, because) =
            ours(&rows, domain, kind).unwrap_or_else(|| panic!("golive says nothing of {case} {kind}"));
        let (theirs, why) = theirs(&line[kind]);
        if ours != theirs {
            details.push_str(&format!("{case} {kind}: {ours:?} ({because}); {theirs:?} ({why})\n"));
            found.insert(((*case).to_owned(), (*kind).to_owned()), (ours, theirs));
        }
    }
    compared(&found, &SEEDED, &details);
}

const FORM_ALONE: &str =
    "it reads the form alone; a policy that lets others send is golive's business too (RFC 7208, 5.1)";

const SEEDED: [Listed; 19] = [
    (
        "another text beside",
        "dmarc",
        Good,
        Bad,
        "texts that are no DMARC record are discarded (RFC 9989, 4.10, step 2)",
    ),
    ("no policy", "dmarc", Bad, Remarked, "read as p=none (RFC 9989, 4.7), which is not the declared policy"),
    ("policy last", "dmarc", Good, Remarked, "any order is good after the version (RFC 9989, 4.8)"),
    ("on trial", "dmarc", Bad, Good, "receivers do one level less than p says (RFC 9989, 4.7): not as declared"),
    ("open where nothing is", "dmarc", Remarked, Good, "np=none leaves invented names open (RFC 9989, 4.7)"),
    (
        "alignment misspelt",
        "dmarc",
        Bad,
        Remarked,
        "receivers take the default (RFC 9989, 4.8); whoever wrote it wanted something else, and golive holds a record to \
         its form",
    ),
    ("reports to a stranger", "dmarc", Bad, Remarked, "reports are not sent there (RFC 9990, 4)"),
    (
        "public suffix",
        "dmarc",
        Bad,
        Good,
        "psd=y is for names below which others register (RFC 9989, 4.7): no mail domain is one",
    ),
    (
        "small letters do not matter",
        "spf",
        Good,
        Bad,
        "literal text of the grammar is good in capitals too (RFC 7208, 12; RFC 5234, 2.3)",
    ),
    ("everybody", "spf", Bad, Good, FORM_ALONE),
    ("neutral", "spf", Remarked, Good, FORM_ALONE),
    ("no all", "spf", Remarked, Good, FORM_ALONE),
    ("two voids", "spf", Good, Remarked, "two look-ups may find nothing (RFC 7208, 4.6.4)"),
    ("unknown modifier", "spf", Good, Remarked, "unknown modifiers are passed over (RFC 7208, 6)"),
    ("a tab for a space", "spf", Bad, Good, "terms are parted by spaces (RFC 7208, 4.6.1)"),
    (
        "two",
        "dkim",
        Bad,
        Good,
        "of several records the result is undefined (RFC 6376, 3.6.2.2); dkimpy takes the first",
    ),
    ("version last", "dkim", Bad, Good, "v= stands first if it is there (RFC 6376, 3.6.1)"),
    ("old hash", "dkim", Bad, Good, "h=sha1 forbids the one hash that receivers take (RFC 6376, 3.6.1; RFC 8301, 3.1)"),
    ("on trial", "dkim", Remarked, Good, "t=y makes signed mail as good as unsigned (RFC 6376, 3.6.1)"),
];

/// Classes of answers, with the checks of their headers.
const CLASSES: [(&str, &[&str]); 3] = [
    ("pages", &["cache.cc.html", "cache.set-cookie", "cache.vary"]),
    ("assets", &["cache.cc.assets"]),
    ("api", &["cache.cc.api"]),
];

/// The answers of the edge, each with its class.
async fn answers(local: &LocalWorld, sample: &Sample) -> Vec<(&'static str, Value)> {
    let world = world_of(local, sample);
    let host = &sample.site.host;
    let mut answers = Vec::new();
    let get = async |path: &str| {
        let probe = get(Scheme::Https, host, path);
        let Observation::Http(answer) = world.ask(&probe.clone().into()).await else { panic!("{path}: no answer") };
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| json!([name, value])).collect();
        json!({ "url": probe.url(), "status": answer.status, "headers": headers, "body": answer.body.text })
    };
    for path in ["/", "/missions"] {
        answers.push(("pages", get(path).await));
    }
    let home = answers[0].1["body"].as_str().expect("a page").to_owned();
    let asset = home.split('"').find(|part| part.starts_with("/assets/")).expect("the page links an asset");
    answers.push(("assets", get(asset).await));
    for path in ["/api/user", "/api/missions"] {
        answers.push(("api", get(path).await));
    }
    answers
}

/// httplint's notes on an answer, those that blame something.
fn notes(answers: &[(&'static str, Value)]) -> Vec<Value> {
    let mut command = Command::new(need_python());
    command.arg(repository().join("tests/contract/headers.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let lines: String = answers.iter().map(|(_, answer)| format!("{answer}\n")).collect();
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let notes: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(notes.len(), answers.len(), "{printed}");
    notes
}

/// httplint's one remark on what golive generates: `public` changes nothing for a page without credentials (RFC 9111,
/// 5.2.2.9). It stays: it tells people what the class is, and CDNs that ask for it (JVA-6).
const STANDING: &str = "STORE_PUBLIC_UNNECESSARY";

/// What httplint blames, the standing remark counted apart.
fn blamed<'a>(line: &'a Value, standing: &mut usize) -> Vec<&'a Value> {
    let all = line["notes"].as_array().expect("notes").iter();
    let (known, blamed): (Vec<&Value>, Vec<&Value>) = all.partition(|note| note["note"] == STANDING);
    *standing += known.len();
    blamed
}

/// httplint reads each header by itself; golive holds them to the blueprint.
#[test]
fn of_headers_at_the_edge() {
    let sample = sample();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let cases = [
        None,
        Some("assets-unversioned"),
        Some("s-maxage-beside-stale"),
        Some("session-on-pages"),
        Some("vary-as-guard"),
        Some("api-kept"),
    ];
    let (mut found, mut details, mut standing) = (Differences::new(), String::new(), 0);
    for case in cases {
        let world = runtime.block_on(LocalWorld::start(staged(&sample, case))).expect("it starts");
        let answers = runtime.block_on(answers(&world, &sample));
        let rows = runtime.block_on(verified(&world, &sample, &CLASSES.map(|(_, ids)| ids).concat()));
        runtime.block_on(world.stop());
        let noted = notes(&answers);
        let case = case.unwrap_or("healthy");
        for (class, ids) in CLASSES {
            let of_class = rows.iter().filter(|row| ids.contains(&row.id) && (ids.len() == 1 || is_of(row, class)));
            let ours = of_class.map(|row| grade(row.verdict)).max().expect("a row");
            let mut theirs = Good;
            let mut why = Vec::new();
            for ((_, _), line) in answers.iter().zip(&noted).filter(|((of, _), _)| *of == class) {
                for note in blamed(line, &mut standing) {
                    theirs = theirs.max(if note["level"] == "bad" { Bad } else { Remarked });
                    why.push(format!("{} {}: {}", line["url"], note["note"], note["summary"]));
                }
            }
            if ours != theirs {
                details.push_str(&format!("{case} {class}: {ours:?}; {theirs:?} ({})\n", why.join("; ")));
                found.insert((case.to_owned(), class.to_owned()), (ours, theirs));
            }
        }
    }
    compared(&found, &HEADERS, &details);
    assert!(standing > 0, "{STANDING} is no longer said");
}

/// Whether a row with an id of several classes is about this one.
fn is_of(row: &CheckResult, class: &str) -> bool {
    row.subject.starts_with('/') || row.subject.starts_with(class)
}

fn grade(verdict: Verdict) -> Grade {
    match verdict {
        Verdict::Pass => Good,
        Verdict::Warn => Remarked,
        Verdict::Fail => Bad,
        Verdict::Unknown | Verdict::Waived => panic!("golive says nothing"),
    }
}

const FORM: &str = "well-formed each by itself; golive holds it to the blueprint";

const HEADERS: [Listed; 5] = [
    (
        "assets-unversioned",
        "assets",
        Bad,
        Good,
        "a name without a hash is no header: that a year is too long, only golive sees",
    ),
    (
        "s-maxage-beside-stale",
        "pages",
        Bad,
        Good,
        "s-maxage forbids shared caches to serve stale (RFC 9111, 5.2.2.10 and 4.2.4); httplint does not set both beside",
    ),
    ("session-on-pages", "pages", Bad, Good, FORM),
    ("vary-as-guard", "pages", Bad, Good, "good in HTTP; the edge does not apply it (Cloudflare docs, cache-control)"),
    ("api-kept", "api", Bad, Good, FORM),
];

/// Headers of a page, as people write them.
const WRITTEN: [(&str, &[(&str, &str)]); 18] = [
    ("as declared", &[("cache-control", "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400")]),
    (
        "in two lines",
        &[
            ("cache-control", "public, max-age=30"),
            ("cache-control", "stale-while-revalidate=60, stale-if-error=86400"),
        ],
    ),
    ("capitals", &[("cache-control", "Public, Max-Age=30, Stale-While-Revalidate=60, Stale-If-Error=86400")]),
    ("quoted", &[("cache-control", "public, max-age=\"30\", stale-while-revalidate=60, stale-if-error=86400")]),
    ("age twice", &[("cache-control", "max-age=30, max-age=60, stale-while-revalidate=60, stale-if-error=86400")]),
    ("no number", &[("cache-control", "max-age=half, stale-while-revalidate=60, stale-if-error=86400")]),
    ("semicolons", &[("cache-control", "max-age=30; stale-while-revalidate=60; stale-if-error=86400")]),
    ("another age", &[("cache-control", "max-age=3600, stale-while-revalidate=60, stale-if-error=86400")]),
    ("private", &[("cache-control", "private, max-age=30, stale-while-revalidate=60, stale-if-error=86400")]),
    ("public and private", &[("cache-control", "public, private, max-age=30")]),
    ("no-store", &[("cache-control", "no-store")]),
    ("nothing", &[]),
    ("expires alone", &[("expires", "Thu, 01 Dec 1994 16:00:00 GMT")]),
    (
        "expires is no date",
        &[
            ("cache-control", "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400"),
            ("expires", "in half a minute"),
        ],
    ),
    (
        "vary on everything",
        &[("cache-control", "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400"), ("vary", "*")],
    ),
    (
        "vary on cookies",
        &[("cache-control", "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400"), ("vary", "Cookie")],
    ),
    (
        "entity tag without quotes",
        &[("cache-control", "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400"), ("etag", "abc")],
    ),
    (
        "two entity tags",
        &[
            ("cache-control", "public, max-age=30, stale-while-revalidate=60, stale-if-error=86400"),
            ("etag", "\"a\""),
            ("etag", "\"b\""),
        ],
    ),
];

/// The judges of pages, on answers that no server of the rehearsal gives.
#[test]
fn of_headers_as_people_write_them() {
    let sample = sample();
    let host = &sample.site.host;
    let (mut found, mut details, mut standing) = (Differences::new(), String::new(), 0);
    for (case, headers) in WRITTEN {
        let mut headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        headers.push(("content-type".to_owned(), "text/html; charset=utf-8".to_owned()));
        headers
            .push(("date".to_owned(), strtime::format("%a, %d %b %Y %H:%M:%S GMT", Timestamp::now()).expect("a date")));
        headers.push(("cf-cache-status".to_owned(), "MISS".to_owned()));
        let told: Vec<_> = headers.iter().map(|(name, value)| json!([name, value])).collect();
        let answer =
            json!({ "url": format!("https://{host}/"), "status": 200, "headers": told, "body": "<p>Page</p>" });
        let seen = Observation::Http(HttpAnswer {
            at: Timestamp::UNIX_EPOCH,
            connected: String::new(),
            status: 200,
            headers,
            body: Body { text: "<p>Page</p>".to_owned(), ..Body::default() },
            elapsed: Duration::ZERO,
        });
        let checks = golive::ops::verify::checks(&sample.blueprint, &sample.site);
        let of_home = checks.iter().map(|(_, check)| check).filter(|check| {
            (check.id == "cache.cc.html" && check.subject == "/")
                || (check.id == "cache.vary" && check.subject.starts_with("pages"))
        });
        // Its provider is asked too: the setting is as generated.
        let off = Observation::Api(ApiAnswer {
            at: Timestamp::UNIX_EPOCH,
            status: 200,
            body: json!({ "success": true, "result": { "value": "off" } }),
        });
        let answer_of = |probe: &Probe| match probe {
            Probe::Api(_) => off.clone(),
            _ => seen.clone(),
        };
        let judged = of_home.map(|check| match (check.judge)(&check.ask.iter().map(answer_of).collect::<Vec<_>>()) {
            Judgement::Say(verdict, because) => (grade(verdict), because),
            Judgement::Ask(_) => panic!("{} asks on", check.id),
        });
        let (ours, because) = judged.max_by_key(|(grade, _)| *grade).expect("a judge");
        let noted = notes(&[("pages", answer)]);
        let (mut theirs, mut why) = (Good, Vec::new());
        for note in blamed(&noted[0], &mut standing) {
            theirs = theirs.max(if note["level"] == "bad" { Bad } else { Remarked });
            why.push(note["summary"].to_string());
        }
        if ours != theirs {
            details.push_str(&format!("{case}: {ours:?} ({because}); {theirs:?} ({})\n", why.join("; ")));
            found.insert((case.to_owned(), "page".to_owned()), (ours, theirs));
        }
    }
    compared(&found, &WRITTEN_DIFFER, &details);
    assert!(standing > 0, "{STANDING} is no longer said");
}

const WRITTEN_DIFFER: [Listed; 13] = [
    ("capitals", "page", Good, Remarked, "names of directives know no case (RFC 9111, 5.2)"),
    ("quoted", "page", Good, Remarked, "receivers ought to take both forms (RFC 9111, 5.2)"),
    ("age twice", "page", Bad, Remarked, "caches take either (RFC 9111, 4.2.1); one of them is not as declared"),
    ("another age", "page", Bad, Good, FORM),
    ("private", "page", Bad, Good, FORM),
    ("no-store", "page", Bad, Good, FORM),
    ("nothing", "page", Bad, Remarked, FORM),
    ("expires alone", "page", Bad, Good, FORM),
    ("expires is no date", "page", Good, Bad, "beside max-age nobody reads it (RFC 9111, 5.3)"),
    (
        "vary on everything",
        "page",
        Bad,
        Remarked,
        "never found again in a store (RFC 9110, 12.5.5): a page for a crowd must be",
    ),
    ("vary on cookies", "page", Bad, Good, "good in HTTP; the edge does not apply it (Cloudflare docs, cache-control)"),
    (
        "entity tag without quotes",
        "page",
        Good,
        Remarked,
        "no check reads validators: without one a copy is fetched whole",
    ),
    ("two entity tags", "page", Good, Bad, "no check reads validators: without one a copy is fetched whole"),
];
