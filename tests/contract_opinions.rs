//! golive's verdicts beside those of others on the same world: checkdmarc and dkimpy of mail, httplint of headers.
//!
//! Two readers of one standard differ in places. Each difference stands here with its reason; one that is not listed
//! fails the test, and so does a listed one that has gone.

mod common;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use common::{Sample, artifacts, edited, need_python, parse, ran, repository, sample};
use golive::concerns::fragment::RunsOn;
use golive::concerns::{Drills, Verdict};
use golive::rehearsal::LocalWorld;
use golive::rehearsal::staging::Staging;
use golive::verify::{self, CheckResult};
use golive::world::{Allowed, Options, World};
use jiff::Timestamp;
use serde_json::Value;

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
    let mut command = Command::new(need_python());
    command.arg(repository().join("tests/contract/mail.py")).arg(world.resolver().port().to_string());
    let printed = ran(command.arg(SELECTOR).args(domains));
    runtime.block_on(world.stop());
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), domains.len(), "{printed}");
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
