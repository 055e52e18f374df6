//! `golive lint`: each rule raised and not raised, many errors at once, and files that are no blueprint.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use common::{PUBLISHED, edited};
use golive::blueprint::load;
use golive::blueprint::{Finding, Level};
use golive::concerns::rules;
use golive::ops::lint::{Lint, judge};
use golive::report::findings::{json, text};
use proptest::prelude::*;
use snapbox::{IntoData, assert_data_eq, str};

const SAMPLE: &str = include_str!("../blueprints/jeveuxaider.toml");

fn lint(toml: &str) -> Lint {
    judge(load::read("shop.toml".to_owned(), toml.as_bytes()))
}

fn raised(lint: &Lint) -> Vec<&'static str> {
    lint.remarks.iter().map(|remark| remark.finding.rule.id).collect()
}

fn finding<'a>(lint: &'a Lint, rule: &str) -> Option<&'a Finding> {
    lint.remarks.iter().map(|remark| &remark.finding).find(|finding| finding.rule.id == rule)
}

/// As it is printed where nobody sees styles.
fn printed(lint: &Lint) -> String {
    anstream::adapter::strip_str(&text(lint)).to_string()
}

#[test]
fn the_sample_has_no_finding() {
    let lint = lint(SAMPLE);
    assert_eq!(printed(&lint), "shop.toml: no finding\nstatic_routes: not in this blueprint\n");
    assert!(lint.loaded.is_some());
}

const PAGES: &str = "name = \"pages\"\nmax_age_seconds = 30\n";
const TICKET: &str = "run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n";
const FULL: (&str, &str) = ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n");
const BY_CLOUDFLARE: (&str, &str) = (TICKET, "run_by = \"cloudflare\"\n");
const REDIRECT_END: &str = "status = 308\nhsts_max_age_seconds = 31536000\n";

const OWNER: &str = "courriel.reserve-civique.gouv.fr";
const RECORD: &str = "name = \"courriel.reserve-civique.gouv.fr\"\ntype = \"TXT\"\n";
const RECORD_END: &str = "values = [\"brevo-code:5f1c0a7be2d94c3f8a6b10d27e94c3f8\"]\nwhy = \"prouve à Brevo que ce domaine est le nôtre\"\n";

const DKIM: &str = "selector = \"mail\"\nkey";
/// 1,024 bits.
const SHORT_KEY: &str = "\"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDN68Wc631qWzPR35ZUw2Gc/pkuYgHJYCf4fT0G46f7eMAcea6qnfoELoMZ5F+3qLj6G6il4iEXJa42efPXuCevuxF3W2pfk5beJ/QLTu2lAUxWeRQ2Z9rne1f69KBvlHqEuXKXS2CJFpoih8amJnjp4VnkjSHZ+vAInmR2ut0YlQIDAQAB\"";

/// The beginning and the end of the sample's rule of the filter.
const RULE: &str = "[[waf.rules]]\nname = \"no-wordpress\"\n";
const RULE_END: &str = "action = \"block\"\n";
/// An event of the sample's waiting room.
const EVENT: &str = "events = [{ name = \"tv\", start = 2020-03-22T20:00:00+01:00, end = 2020-03-22T23:30:00+01:00, \
                     total_active_users = 400, new_users_per_minute = 300 }]\n";

/// The first DKIM key of the sample, quoted.
fn long_key() -> String {
    let key = SAMPLE.split("\nkey = ").nth(1).and_then(|rest| rest.lines().next());
    key.expect("the sample has a key").to_owned()
}

fn includes(count: u8) -> String {
    let names: Vec<String> = (0..count).map(|n| format!("\"spf{n}.example.net\"")).collect();
    format!("[{}]", names.join(", "))
}

/// For each rule: an edit of the sample, the level, and what the caret underlines.
fn cases() -> Vec<(&'static str, Level, String, String)> {
    use Level::{Error, Warning};
    let second_redirect = |names: &str, to: &str| {
        format!(
            "{REDIRECT_END}\n[[redirects.servers]]\nnames = [{names}]\naddresses = [\"198.51.100.21\"]\nto = \"{to}\"\n\
             hsts_max_age_seconds = 1\n"
        )
    };
    let classes: String = (0..50)
        .map(|n| {
            format!("[[cache.classes]]\nname = \"c{n}\"\npaths = [\"/c{n}/\"]\nstore = false\nsamples = [\"/c{n}/\"]\n")
        })
        .collect();
    // Another record in the place of the sample's first.
    let record = |rule, level, underlined: &str, name: &str, kind: &str, values: &str| {
        let set = format!("name = \"{name}\"\ntype = \"{kind}\"\nvalues = {values}\n");
        let sample =
            format!("name = \"{OWNER}\"\ntype = \"TXT\"\nvalues = [\"brevo-code:5f1c0a7be2d94c3f8a6b10d27e94c3f8\"]\n");
        (rule, level, underlined.to_owned(), edited(&[(&sample, &set)]))
    };
    let paths = |rule, level, underlined: &str, paths: &str| {
        (rule, level, underlined.to_owned(), edited(&[("[redirects]\n", &format!("[redirects]\npaths = [{paths}]\n"))]))
    };
    let own =
        |rule, level, underlined: &str, edits: &[(&str, &str)]| (rule, level, underlined.to_owned(), edited(edits));
    vec![
        ("blueprint.empty", Error, String::new(), "# nothing\n".to_owned()),
        ("blueprint.syntax", Error, "=".to_owned(), edited(&[("title = ", "title = = ")])),
        own("blueprint.unknown-key", Error, "titel", &[("title = ", "titel = ")]),
        own("blueprint.missing-key", Error, "site", &[("contact = ", "# ")]),
        own("blueprint.bad-value", Error, "\"HOST\"", &[("\"covid19.reserve-civique.gouv.fr\"", "\"HOST\"")]),
        own("site.announcement", Error, "2020-03-22T20:30:00", &[("+01:00", "")]),
        own("site.no-pages", Error, "[]", &[("[\"/\", \"/missions\"]", "[]")]),
        own("site.page-order", Warning, "\"/missions\"", &[("[\"/\", \"/missions\"]", "[\"/missions\", \"/\"]")]),
        own(
            "site.duplicate-host",
            Error,
            "\"covid19.reserve-civique.gouv.fr\"",
            &[("pages = [\"/\", \"/missions\"]", "hosts = [{ name = \"covid19.reserve-civique.gouv.fr\" }]")],
        ),
        own(
            "site.upstream-without-proxy",
            Error,
            "\"app.example.org:80\"",
            &[
                (
                    "pages = [\"/\", \"/missions\"]",
                    "hosts = [{ name = \"aide.reserve-civique.gouv.fr\", upstream = \"app.example.org:80\" }]",
                ),
                (
                    "[proxy]\nruns_on = \"scalingo\"\n\
                     upstream = \"web.ap-5f1e.pn-7c2d.private-network.internal:8080\"\n",
                    "",
                ),
            ],
        ),
        own(
            "cache.edge-ttl-keeps-personal",
            Warning,
            "30",
            &[("max_age_seconds = 30\n", "max_age_seconds = 60\nedge_ttl_seconds = 30\n")],
        ),
        own(
            "cache.temporary",
            Error,
            "2020-03-22T20:00:00+01:00",
            &[("until = 2020-03-25T09:00:00+01:00", "until = 2020-03-22T20:00:00+01:00")],
        ),
        own("site.private-page", Warning, "\"/api/x\"", &[("[\"/\", \"/missions\"]", "[\"/\", \"/api/x\"]")]),
        own(
            "dns.host-without-zone",
            Error,
            "\"covid19.reserve-civique.gouv.fr\"",
            &[("name = \"reserve-civique.gouv.fr\"", "name = \"elsewhere.gouv.fr\"")],
        ),
        own(
            "dns.duplicate-zone",
            Error,
            "\"reserve-civique.gouv.fr\"",
            &[("name = \"jeveuxaider.gouv.fr\"\nrun_by", "name = \"reserve-civique.gouv.fr\"\nrun_by")],
        ),
        own("dns.ttl-order", Error, "300", &[("steady_ttl_seconds = 3600", "steady_ttl_seconds = 299")]),
        own("dns.lowered-too-high", Warning, "301", &[("lowered_ttl_seconds = 300", "lowered_ttl_seconds = 301")]),
        own("dns.ticket-to", Error, "\"ticket\"", &[(TICKET, "run_by = \"ticket\"\n")]),
        own(
            "dns.servers",
            Warning,
            "[",
            &[("  { name = \"ns2.dns.example.net\", address = \"198.51.100.53\" },\n", "")],
        ),
        own("dns.serial-zero", Error, "0", &[("serial = 2020031801", "serial = 0")]),
        own("dns.negative-ttl", Warning, "3601", &[("negative_ttl_seconds = 300", "negative_ttl_seconds = 3601")]),
        own("dns.caa-value", Error, "\"ssl com\"", &[("\"ssl.com\"", "\"ssl com\"")]),
        own("dns.address-not-public", Error, "\"10.0.0.53\"", &[("192.0.2.53", "10.0.0.53")]),
        own("dns.address-not-public", Error, "\"10.0.0.54\"", &[("192.0.2.54", "10.0.0.54")]),
        own("dns.address-not-public", Error, "\"10.0.0.1\"", &[("192.0.2.201", "10.0.0.1")]),
        own("dns.resolvers", Warning, "[", &[("  { name = \"public-c\", address = \"192.0.2.203\" },\n", "")]),
        own("dns.resolvers", Error, "\"192.0.2.201\"", &[("192.0.2.202", "192.0.2.201")]),
        own("dns.resolvers", Error, "\"operator-a\"", &[("operator-b", "operator-a")]),
        own("dns.resolvers", Error, "\"198.51.100.53\"", &[("192.0.2.203", "198.51.100.53")]),
        own("dns.parent-servers", Error, "\"192.0.2.53\"", &[("192.0.2.54", "192.0.2.53")]),
        own("dns.parent-servers", Error, "\"192.0.2.54\"", &[("198.51.100.54", "192.0.2.54")]),
        record("blueprint.clash", Error, "", "covid19.reserve-civique.gouv.fr", "A", "[\"192.0.2.9\"]"),
        record("dns.record-outside-zone", Error, "\"a.example.org\"", "a.example.org", "TXT", "[\"x\"]"),
        own(
            "dns.record-twice",
            Error,
            "\"courriel.reserve-civique.gouv.fr\"",
            &[(RECORD_END, &format!("{RECORD_END}\n[[dns.zones.records]]\n{RECORD}values = [\"x\"]\n"))],
        ),
        record(
            "dns.record-alias",
            Error,
            "[\"a.example\", \"b.example\"]",
            OWNER,
            "CNAME",
            "[\"a.example\", \"b.example\"]",
        ),
        record("dns.record-value", Error, "\"10.0.0.1\"", OWNER, "A", "[\"10.0.0.1\"]"),
        own(
            "dns.record-octodns",
            Error,
            "\"a\\\\b\"",
            &[
                (TICKET, "run_by = \"octodns\"\n"),
                ("[\"brevo-code:5f1c0a7be2d94c3f8a6b10d27e94c3f8\"]", "[\"a\\\\b\"]"),
            ],
        ),
        own(
            "cdn.apex-needs-zone",
            Error,
            "\"reserve-civique.gouv.fr\"",
            &[("host = \"covid19.reserve-civique.gouv.fr\"", "host = \"reserve-civique.gouv.fr\"")],
        ),
        own("cdn.partial-needs-business", Error, "\"pro\"", &[("\"business\"", "\"pro\"")]),
        own(
            "cdn.zone-of-host",
            Error,
            "\"ivique.gouv.fr\"",
            &[("zone = \"reserve-civique.gouv.fr\"", "zone = \"ivique.gouv.fr\"")],
        ),
        own("cdn.verification-key", Error, "\"partial\"", &[("verification_key = ", "# ")]),
        own("cdn.always-online-cancels-stale", Warning, "true", &[("always_online = false", "always_online = true")]),
        own("cdn.no-origins", Error, "[]", &[("[\"203.0.113.10\", \"203.0.113.11\"]", "[]")]),
        own("cdn.setup-vs-zone", Error, "\"full\"", &[FULL]),
        own("cdn.caa-excludes-edge", Warning, "[", &[("  \"ssl.com\",\n", "")]),
        own("cdn.address-not-public", Error, "\"fd00::1\"", &[("203.0.113.10", "fd00::1")]),
        own("cache.no-default-class", Error, "[[cache.classes]]", &[(PAGES, &format!("{PAGES}paths = [\"/\"]\n"))]),
        own(
            "cache.read-cache",
            Error,
            "\"/missions\"",
            &[("session_cookie = \"laravel_session\"\n", &READ_CACHE.replace("/api/missions", "/missions"))],
        ),
        own("cache.default-class-last", Error, "\"api\"", &[("paths = [\"/api/\", \"/oauth/\", \"/health\"]\n", "")]),
        own("cache.duplicate-name", Error, "\"assets\"", &[("name = \"api\"", "name = \"assets\"")]),
        own(
            "cache.unreachable-class",
            Error,
            "\"/api/public/\"",
            &[(
                "[[cache.classes]]\nname = \"pages\"",
                "[[cache.classes]]\nname = \"open\"\npaths = [\"/open/\", \"/api/public/\"]\nmax_age_seconds = 9\n\
             samples = [\"/open/a\"]\n[[cache.classes]]\nname = \"pages\"",
            )],
        ),
        own("cache.store-without-ttl", Error, "\"pages\"", &[(PAGES, "name = \"pages\"\n")]),
        own("cache.ttl-on-no-store", Error, "5", &[("store = false\n", "store = false\nmax_age_seconds = 5\n")]),
        own(
            "cache.edge-ttl-below-plan",
            Error,
            "7199",
            &[("\"business\"", "\"free\""), (PAGES, &format!("{PAGES}edge_ttl_seconds = 7199\n"))],
        ),
        own("cache.s-maxage-cancels-stale", Error, "30", &[(PAGES, &format!("{PAGES}s_maxage_seconds = 30\n"))]),
        own(
            "cache.fingerprinted-but-short",
            Warning,
            "2591999",
            &[("max_age_seconds = 31536000\nignore", "max_age_seconds = 2591999\nignore")],
        ),
        own(
            "cache.fingerprinted-default",
            Error,
            "true",
            &[(PAGES, "name = \"pages\"\nfingerprinted = true\nmax_age_seconds = 30\n")],
        ),
        own("cache.too-many-rules", Error, "[[cache.classes]]", &[("[cache]\n", &format!("[cache]\n{classes}"))]),
        ("cache.needs-proxy", Warning, "cache".to_owned(), without("[proxy]", "[cache]")),
        own("cache.no-samples", Warning, "\"api\"", &[("samples = [\"/api/user\", \"/api/missions\"]\n", "")]),
        own(
            "cache.sample-outside-class",
            Error,
            "\"/api/user\"",
            &[("samples = [\"/\", \"/missions\"]", "samples = [\"/\", \"/api/user\"]")],
        ),
        ("waf.needs-cdn", Error, "waf".to_owned(), without("[cdn]\n", "[waf]\n")),
        own(
            "waf.two-country-lists",
            Error,
            "[\"KP\", \"T1\"]",
            &[("block_countries = ", "allow_countries = [\"DE\"]\nblock_countries = ")],
        ),
        own("waf.unknown-country", Error, "\"UK\"", &[("[\"KP\", \"T1\"]", "[\"UK\"]")]),
        own(
            "waf.france-overseas",
            Error,
            "[\"FR\", \"BE\"]",
            &[("block_countries = [\"KP\", \"T1\"]", "allow_countries = [\"FR\", \"BE\"]")],
        ),
        own(
            "waf.duplicate-name",
            Error,
            "\"no-wordpress\"",
            &[(RULE, &format!("{RULE}paths = [\"/x\"]\naction = \"block\"\n\n{RULE}"))],
        ),
        own(
            "waf.rule-takes-all",
            Error,
            "\"no-wordpress\"",
            &[("paths = [\"/wp-admin/\", \"/wp-login.php\", \"/xmlrpc.php\"]\n", "")],
        ),
        own(
            "waf.host-outside-zone",
            Error,
            "\"www.example.org\"",
            &[(RULE, &format!("{RULE}hosts = [\"www.example.org\"]\n"))],
        ),
        own(
            "waf.challenge-on-clean-paths",
            Error,
            "[\"/api/x\"]",
            &[(
                "paths = [\"/wp-admin/\", \"/wp-login.php\", \"/xmlrpc.php\"]\naction = \"block\"",
                "paths = [\"/api/x\"]\naction = \"challenge\"",
            )],
        ),
        ("waiting_room.needs-cdn", Error, "waiting_room".to_owned(), without("[cdn]\n", "[waiting_room]\n")),
        own("waiting_room.bounds", Error, "199", &[("new_users_per_minute = 36000", "new_users_per_minute = 199")]),
        own(
            "waiting_room.above-tested",
            Warning,
            "60000",
            &[("suspended = true\n", "suspended = true\ntested_active_users = 79999\n")],
        ),
        own(
            "waiting_room.no-lower-step",
            Warning,
            "60000",
            &[
                ("total_active_users = 30000", "total_active_users = 90000"),
                ("total_active_users = 15000", "total_active_users = 70000"),
            ],
        ),
        own(
            "waiting_room.suspended-events",
            Error,
            "true",
            &[("suspended = true\n", &format!("suspended = true\n{EVENT}"))],
        ),
        own(
            "waiting_room.event-times",
            Error,
            "2020-03-22T20:00:00+01:00",
            &[("suspended = true\n", &format!("suspended = false\n{}", EVENT.replace("23:30", "20:00")))],
        ),
        own(
            "waiting_room.event-misses",
            Warning,
            EVENT.replace("23:30", "20:29").trim_start_matches("events = ").trim_end(),
            &[("suspended = true\n", &format!("suspended = false\n{}", EVENT.replace("23:30", "20:29")))],
        ),
        own("waiting_room.catches-programs", Warning, "\"/\"", &[("suspended = true\n", "suspended = false\n")]),
        own(
            "waiting_room.empty-bypass",
            Error,
            "{ paths = [] }",
            &[("suspended = true\n", "suspended = true\nbypass = { paths = [] }\n")],
        ),
        own(
            "cdn.certificate-days",
            Error,
            "365",
            &[("authority = \"google\"\n", "authority = \"google\"\nvalidity_days = 365\n")],
        ),
        own("cdn.monitor-interval", Error, "9", &[("interval_seconds = 60", "interval_seconds = 9")]),
        own("cdn.response-header", Error, "\"Server\"", &[("\"X-Powered-By\"", "\"Server\"")]),
        own("cdn.plan-feature", Error, "\"launch\"", &[("plan = \"business\"", "plan = \"pro\"")]),
        own("cdn.plan-value", Error, "10", &[("interval_seconds = 60", "interval_seconds = 10")]),
        own(
            "cdn.plan-count",
            Error,
            "[[waf.rules]]",
            &[
                ("plan = \"business\"", "plan = \"free\""),
                (
                    RULE_END,
                    &((0..4)
                        .map(|n| format!("{RULE_END}\n[[waf.rules]]\nname = \"r{n}\"\npaths = [\"/r{n}\"]\n"))
                        .collect::<String>()
                        + RULE_END),
                ),
            ],
        ),
        own(
            "cdn.edge-period",
            Error,
            "[[rate_limits.limits]]",
            &[("requests = 20\nper_seconds = 10", "requests = 20\nper_seconds = 45")],
        ),
        own("proxy.body-limit", Error, "76", &[("[proxy]\n", "[proxy]\nbody_limit_mib = 76\n")]),
        own("proxy.read-timeout", Error, "30", &[("[proxy]\n", "[proxy]\nread_timeout_seconds = 30\n")]),
        own(
            "redirects.cycle",
            Error,
            "\"www.jeveuxaider.gouv.fr\"",
            &[("to = \"covid19.reserve-civique.gouv.fr\"", "to = \"www.jeveuxaider.gouv.fr\"")],
        ),
        own(
            "redirects.chain",
            Warning,
            "\"www.jeveuxaider.gouv.fr\"",
            &[(REDIRECT_END, &second_redirect("\"old.jeveuxaider.gouv.fr\"", "www.jeveuxaider.gouv.fr"))],
        ),
        own("redirects.status", Error, "302", &[("status = 308", "status = 302")]),
        own("redirects.no-address", Error, "[]", &[("[\"198.51.100.21\", \"198.51.100.22\"]", "[]")]),
        own("redirects.no-name", Error, "[]", &[("[\"jeveuxaider.gouv.fr\", \"www.jeveuxaider.gouv.fr\"]", "[]")]),
        own(
            "redirects.duplicate-name",
            Error,
            "\"jeveuxaider.gouv.fr\"",
            &[(REDIRECT_END, &second_redirect("\"jeveuxaider.gouv.fr\"", "covid19.reserve-civique.gouv.fr"))],
        ),
        own(
            "redirects.name-without-zone",
            Error,
            "\"aider.gouv.fr\"",
            &[("\"www.jeveuxaider.gouv.fr\"]", "\"aider.gouv.fr\"]")],
        ),
        own(
            "redirects.nothing",
            Error,
            "[redirects]",
            &[("[redirects]\n", "[redirects]\n[elsewhere]\n"), ("[[redirects.servers]]", "[[elsewhere.servers]]")],
        ),
        (
            "redirects.paths-without-proxy",
            Error,
            "\"/a\"".to_owned(),
            without("[proxy]", "[cache]")
                .replace("[redirects]\n", "[redirects]\npaths = [{ from = \"/a\", to = \"/b\" }]\n"),
        ),
        paths("redirects.path-never-asked", Error, "\"/a%ff\"", "{ from = \"/a%ff\", to = \"/b\" }"),
        paths("redirects.path-of-page", Error, "\"/%6Dissions\"", "{ from = \"/%6Dissions\", to = \"/b\" }"),
        paths(
            "redirects.duplicate-path",
            Error,
            "\"/A\"",
            "{ from = \"/a\", to = \"/b\" }, { from = \"/A\", to = \"/c\" }",
        ),
        paths(
            "redirects.path-loop",
            Error,
            "\"/b\"",
            "{ from = \"/a\", to = \"/b\" }, { from = \"/b\", to = \"/%61\" }",
        ),
        paths(
            "redirects.path-chain",
            Warning,
            "\"/b\"",
            "{ from = \"/a\", to = \"/b\" }, { from = \"/b\", to = \"/c\" }",
        ),
        own(
            "redirects.announced-nowhere",
            Error,
            "\"jeveuxaidons.gouv.fr\"",
            &[("announced = \"jeveuxaider", "announced = \"jeveuxaidons")],
        ),
        own(
            "redirects.www-forgotten",
            Warning,
            "\"jeveuxaider.gouv.fr\"",
            &[("\"jeveuxaider.gouv.fr\", \"www.jeveuxaider.gouv.fr\"]", "\"jeveuxaider.gouv.fr\"]")],
        ),
        own(
            "redirects.shadows-site",
            Error,
            "\"covid19.reserve-civique.gouv.fr\"",
            &[("\"www.jeveuxaider.gouv.fr\"]", "\"covid19.reserve-civique.gouv.fr\"]")],
        ),
        own("redirects.address-not-public", Error, "\"127.0.0.1\"", &[("198.51.100.21", "127.0.0.1")]),
        ("mail.no-domain", Error, "[]".to_owned(), {
            let start = SAMPLE.find("[mail]").expect("there");
            format!("{}[mail]\nprovider = \"x\"\nmessages_per_day = 1\ndomains = []\n", &SAMPLE[..start])
        }),
        own(
            "mail.domain-without-zone",
            Error,
            "\"info.example.org\"",
            &[("name = \"info.reserve-civique.gouv.fr\"\nexch", "name = \"info.example.org\"\nexch")],
        ),
        own(
            "mail.two-spf-records",
            Error,
            "\"courriel.reserve-civique.gouv.fr\"",
            &[("envoi1.courriel.reserve-civique.gouv.fr", "courriel.reserve-civique.gouv.fr")],
        ),
        own("mail.address-twice", Error, "\"192.0.2.131\"", &[("192.0.2.132", "192.0.2.131")]),
        own("mail.address-not-public", Error, "\"10.0.0.1\"", &[("192.0.2.131", "10.0.0.1")]),
        own(
            "mail.name-outside",
            Error,
            "\"envoi2.reserve-civique.gouv.fr\"",
            &[("envoi2.info.reserve-civique.gouv.fr", "envoi2.reserve-civique.gouv.fr")],
        ),
        own(
            "mail.no-exchange",
            Error,
            "\"courriel.reserve-civique.gouv.fr\"",
            &[("exchanges = [\"mx1.example.net\", \"mx2.example.net\"]\n", "")],
        ),
        own("mail.null-mx-sender", Error, "false", &[("exchanges = [\"mx1", "receives = false\nexchanges = [\"mx1")]),
        own("mail.too-many-lookups", Error, &includes(11), &[("[\"spf.brevo.com\"]", &includes(11))]),
        (
            "mail.unsigned",
            Error,
            "\"courriel.reserve-civique.gouv.fr\"".to_owned(),
            without("[[mail.domains.dkim]]", "[[mail.domains]]\nname = \"info"),
        ),
        own(
            "mail.selector-twice",
            Error,
            "\"mail\"",
            &[(DKIM, &format!("{DKIM}_at = \"k.example.net\"\n\n[[mail.domains.dkim]]\n{DKIM}"))],
        ),
        own("mail.dkim-source", Error, "\"mail\"", &[(DKIM, &format!("{DKIM}_at = \"k.example.net\"\nkey"))]),
        own("mail.dkim-short-key", Warning, SHORT_KEY, &[(&long_key(), SHORT_KEY)]),
        own("mail.dkim-old-key", Warning, "2019-03-21", &[("since = 2020-03-18", "since = 2019-03-21")]),
        own("mail.cold-address", Warning, "2020-02-24", &[("warm_since = 2020-02-03", "warm_since = 2020-02-24")]),
        own("mail.hour-above-day", Error, "1080001", &[("messages_per_hour = 1080000", "messages_per_hour = 1080001")]),
        own("mail.no-unsubscribe", Error, "true", &[("deferred_hours = 24\n", "marketing = true\n")]),
        own("mail.mta-sts-age", Error, "31557601", &[("max_age_seconds = 604800", "max_age_seconds = 31557601")]),
        own("mail.dmarc-none", Warning, "\"none\"", &[("\"quarantine\"", "\"none\"")]),
        own(
            "mail.reports-elsewhere",
            Warning,
            "\"dmarc@example.net\"",
            &[("\"dmarc@reserve-civique.gouv.fr\"", "\"dmarc@example.net\"")],
        ),
    ]
}

/// As [`cases`], of apps, database, audience, third parties and people.
fn platform_cases() -> Vec<(&'static str, Level, String, String)> {
    use Level::{Error, Warning};
    let own =
        |rule, level, underlined: &str, edits: &[(&str, &str)]| (rule, level, underlined.to_owned(), edited(edits));
    // The table of a header, without its lists.
    let emptied = |rule, header: &str, next: &str, line: &str| {
        let (start, end) = (SAMPLE.find(header).expect("there"), SAMPLE.find(next).expect("there"));
        let toml = format!("{}{header}{line}\n{}", &SAMPLE[..start], &SAMPLE[end..]);
        let underlined = if line.is_empty() { header.trim().to_owned() } else { "[]".to_owned() };
        (rule, Error, underlined, toml)
    };
    vec![
        emptied(
            "apps.no-app",
            "[apps]\n",
            "# Asked about their capacity",
            "platform = \"scalingo\"\nregion = \"osc-fr1\"\nproject = \"x\"\napps = []",
        ),
        emptied("third_parties.empty", "[third_parties]\n", "# The plan of the load test", ""),
        emptied("people.nobody", "[people]\n", "vote = {", "roles = []"),
        own("terraform.backend", Error, "\"local\"", &[("[apps]\n", "[terraform]\nbackend = \"local\"\n\n[apps]\n")]),
        own(
            "terraform.credential",
            Error,
            "\"secret_key\"",
            &[(
                "[apps]\n",
                "[terraform]\nbackend = \"s3\"\nsettings = [{ name = \"secret_key\", value = \"x\" }]\n\n[apps]\n",
            )],
        ),
        own("apps.name", Error, "\"front\"", &[("name = \"jeveuxaider-front\"", "name = \"front\"")]),
        own("apps.app-twice", Error, "\"jeveuxaider\"", &[("name = \"jeveuxaider-front\"", "name = \"jeveuxaider\"")]),
        own(
            "apps.no-container",
            Error,
            "[]",
            &[("containers = [{ type = \"web\", count = 4, size = \"L\" }]", "containers = []")],
        ),
        own(
            "apps.container-twice",
            Error,
            "\"worker\"",
            &[(
                "{ type = \"worker\", count = 2, size = \"M\" }",
                "{ type = \"worker\", count = 2, size = \"M\" },\n  { type = \"worker\", count = 2, size = \"M\" }",
            )],
        ),
        own("apps.quota", Error, "50", &[("containers_allowed = 60", "containers_allowed = 59")]),
        own("apps.autoscale-bounds", Error, "50", &[("{ min = 50, max = 60", "{ min = 60, max = 50")]),
        own("apps.variable", Error, "\"APP_ENV\"", &[("name = \"APP_DEBUG\"", "name = \"APP_ENV\"")]),
        own(
            "apps.secret-in-plain",
            Error,
            "\"REDIS_PASSWORD\"",
            &[("name = \"SESSION_DRIVER\"", "name = \"REDIS_PASSWORD\"")],
        ),
        own("apps.debug", Warning, "\"true\"", &[("value = \"false\"", "value = \"true\"")]),
        own("apps.trusted-proxies", Error, "\"0.0.0.0/0\"", &[("[\"10.0.0.0/8\"]", "[\"0.0.0.0/0\"]")]),
        own("apps.logged-in-page", Error, "\"/user\"", &[("\"/api/user/profile\"", "\"/user\"")]),
        own("apps.health", Warning, "\"/health\"", &[("\"/oauth/\", \"/health\"]", "\"/oauth/\"]")]),
        own(
            "apps.domain",
            Error,
            "\"covid19.reserve-civique.gouv.fr\"",
            &[(
                "domains = [\"covid19.reserve-civique.gouv.fr\"]",
                "domains = [\"covid19.reserve-civique.gouv.fr\", \"covid19.reserve-civique.gouv.fr\"]",
            )],
        ),
        own(
            "apps.front",
            Error,
            "true",
            &[("name = \"jeveuxaider\"\nsource", "name = \"jeveuxaider\"\nfront = true\nsource")],
        ),
        own(
            "apps.alert",
            Error,
            "\"cron\"",
            &[("{ container = \"web\", metric = \"5XX\"", "{ container = \"cron\", metric = \"5XX\"")],
        ),
        own(
            "apps.log-drain",
            Error,
            "\"syslog\"",
            &[("host = \"logs.example.net\", port = 6514", "host = \"logs.example.net\"")],
        ),
        own("apps.stack-ends", Warning, "\"scalingo-22\"", &[("stack = \"scalingo-24\"", "stack = \"scalingo-22\"")]),
        own(
            "database.app",
            Error,
            "\"jeveux\"",
            &[("engine = \"postgresql\"\napp = \"jeveuxaider\"", "engine = \"postgresql\"\napp = \"jeveux\"")],
        ),
        own("database.nodes", Error, "3", &[("nodes = 2", "nodes = 3")]),
        own(
            "database.one-node",
            Warning,
            "\"postgresql-starter-65536\"",
            &[("postgresql-business-65536", "postgresql-starter-65536"), ("nodes = 2", "nodes = 1")],
        ),
        own(
            "database.recovery",
            Error,
            "30",
            &[("point_in_time_recovery_days = 7", "point_in_time_recovery_days = 30")],
        ),
        own("database.restore", Warning, "\"postgresql-business-65536\"", &[("restore_tried_on = 2020-03-20\n", "")]),
        own(
            "database.connections",
            Error,
            "100",
            &[("connections_per_container = 20", "connections_per_container = 100")],
        ),
        own("audience.peak", Warning, "100", &[("peak_percent = 150", "peak_percent = 100")]),
        own("audience.low-high", Error, "5000000", &[("low = 500000", "low = 5000000")]),
        own(
            "audience.prescale",
            Warning,
            "1",
            &[("peak_percent = 150", "peak_percent = 150\nprescale_hours_before = 1")],
        ),
        own(
            "audience.journey-twice",
            Error,
            "\"inscription\"",
            &[(
                "[[audience.journeys]]",
                "[[audience.journeys]]\nname = \"inscription\"\nper_second = 1\nrequests = 1\nkilobytes = 1\napp = \"jeveuxaider\"\ncontainer = \"worker\"\nmeasured_per_second = 12\n\n[[audience.journeys]]",
            )],
        ),
        own(
            "audience.container",
            Error,
            "\"jeveux\"",
            &[("kilobytes = 5\napp = \"jeveuxaider\"", "kilobytes = 5\napp = \"jeveux\"")],
        ),
        own("audience.measured", Error, "0", &[("measured_busy_percent = 70", "measured_busy_percent = 0")]),
        own("audience.capacity", Warning, "[audience]", &[("per_second = 600", "per_second = 601")]),
        own("audience.line", Warning, "[audience.pages]", &[("kilobytes = 20", "kilobytes = 80")]),
        own("third_parties.name", Error, "\"algolia\"", &[("name = \"brevo\"", "name = \"algolia\"")]),
        own("third_parties.quota", Warning, "599", &[("promised = 1000", "promised = 599")]),
        own("third_parties.in-writing", Warning, "1000", &[("in_writing_on = 2020-03-20\n", "")]),
        own(
            "third_parties.mail-quota",
            Warning,
            "1000000",
            &[("needed = 1080000\npromised = 2000000", "needed = 600000\npromised = 1000000")],
        ),
        own("third_parties.address", Error, "\"10.0.0.0/28\"", &[("\"192.0.2.192/28\"", "\"10.0.0.0/28\"")]),
        own("third_parties.warned", Warning, "\"associations-hub\"", &[("warned_on = 2020-03-21\n", "")]),
        own(
            "people.roles",
            Warning,
            "[",
            &[("{ role = \"scribe\", who = \"D. Robert, +33 1 99 00 44 44\", deputy = \"C. Petit\" },\n", "")],
        ),
        own("people.role-twice", Error, "\"lead\"", &[("role = \"scribe\"", "role = \"lead\"")]),
        own(
            "people.vote",
            Warning,
            "2020-03-22T20:00:00+01:00",
            &[("vote = { at = 2020-03-22T17:00:00", "vote = { at = 2020-03-22T20:00:00")],
        ),
        own("people.freeze", Warning, "[", &[("until = 2020-03-24T08:00:00", "until = 2020-03-22T08:00:00")]),
        own("people.agenda", Warning, "[", &[("{ at = 2020-03-22T20:30:00+01:00", "{ at = 2020-03-22T20:00:00+01:00")]),
        own(
            "people.status-page",
            Warning,
            "\"status.jeveuxaider.gouv.fr\"",
            &[("\"status.example.org\"", "\"status.jeveuxaider.gouv.fr\"")],
        ),
        own("audience.load-test", Error, "\"redirect\"", &[("of = \"redirects\"", "of = \"redirect\"")]),
        own(
            "people.attested",
            Warning,
            "2020-03-23",
            &[("by = \"database\"\non = 2020-03-21", "by = \"database\"\non = 2020-03-23")],
        ),
        own("people.lever-twice", Error, "\"degraded-mode\"", &[("name = \"scale-up\"", "name = \"degraded-mode\"")]),
    ]
}

/// A cache inside the app, in the place of the session cookie's line.
const READ_CACHE: &str = r#"session_cookie = "laravel_session"
read_cache = { apps = ["jeveuxaider"], variable = "READ_CACHE", on = "1", off = "0", path = "/api/missions", seconds = 30, drilled_on = 2020-03-20 }
"#;

/// The sample with a page that is published as static, some of which is replaced.
fn published(edits: &[(&str, &str)]) -> String {
    format!("{SAMPLE}{}", common::published(edits))
}

/// Another route below it.
fn second_route(name: &str, path: &str) -> String {
    let (_, route) = PUBLISHED.split_once("6081\"\n").expect("a route");
    let route = route.replace("/figures", path).replace("name = \"figures\"", &format!("name = \"{name}\""));
    published(&[]) + &route
}

/// For each rule of published pages: as [`cases`].
fn static_cases() -> Vec<(&'static str, Level, String, String)> {
    use Level::{Error, Warning};
    let own =
        |rule, level, underlined: &str, edits: &[(&str, &str)]| (rule, level, underlined.to_owned(), published(edits));
    let no_proxy = without("# The app sent no cache header", "# The framework's own limiter") + PUBLISHED;
    vec![
        ("static_routes.needs-proxy", Error, "[[static_routes.routes]]".to_owned(), no_proxy),
        own("static_routes.in-container", Error, "\"127.0.0.1:6081\"", &[("192.0.2.61", "127.0.0.1")]),
        own("static_routes.public", Error, "\"203.0.113.10:6081\"", &[("192.0.2.61", "203.0.113.10")]),
        own("static_routes.nothing", Error, "[]", &[("paths = [\"/figures\"]", "paths = []")]),
        ("static_routes.duplicate-name", Error, "\"figures\"".to_owned(), second_route("figures", "/turnout")),
        ("static_routes.unreachable", Error, "\"/figures/late\"".to_owned(), second_route("late", "/figures/late")),
        own("static_routes.takes-others", Error, "\"/mis\"", &[("paths = [\"/figures\"]", "paths = [\"/mis\"]")]),
        own(
            "static_routes.office-public",
            Error,
            "\"jeveuxaider.gouv.fr:8080\"",
            &[("192.0.2.80:8080", "jeveuxaider.gouv.fr:8080")],
        ),
        own("static_routes.lifetime", Error, "30", &[("= 30\n", "= 30\ngrace_seconds = 30\n")]),
        own("static_routes.publishers", Error, "\"192.0.0.0/15\"", &[("192.0.2.40", "192.0.0.0/15")]),
        own("static_routes.no-samples", Warning, "\"figures\"", &[("samples = [\"/figures\"]\n", "")]),
        own("static_routes.sample", Error, "\"/turnout\"", &[("samples = [\"/figures\"]", "samples = [\"/turnout\"]")]),
    ]
}

/// Each place that can be wrong in more than one way.
#[test]
fn every_way_in_which_a_published_page_is_wrong() {
    let raises = |rule: &str, edits: &[(&str, &str)]| {
        let lint = lint(&published(edits));
        assert!(raised(&lint).contains(&rule), "{edits:?}: {:?}", raised(&lint));
    };
    for cache in ["covid19.reserve-civique.gouv.fr", "www.jeveuxaider.gouv.fr", "198.51.100.22"] {
        raises("static_routes.public", &[("192.0.2.61", cache)]);
    }
    raises("static_routes.office-public", &[("192.0.2.80:8080", "192.0.2.61:6081")]);
    for path in ["/", "/api", "/api/x", "/assets/", "/__health", "/health"] {
        raises("static_routes.takes-others", &[("paths = [\"/figures\"]", &format!("paths = [\"{path}\"]"))]);
    }
    raises("static_routes.lifetime", &[("= 30\n", "= 0\n")]);
    raises("static_routes.publishers", &[("[\"192.0.2.40\"]", "[]")]);
    raises("static_routes.publishers", &[("192.0.2.40", "2001:db8::/47")]);
    for sample in ["/figures/..;", "/figures//1", "/figures/%2e%2e", "/figures%2F1", "/%66igures"] {
        let sample = format!("samples = [\"{sample}\"]");
        raises("static_routes.sample", &[("samples = [\"/figures\"]", &sample)]);
    }
}

/// The sample without what stands between two headers.
fn without(from: &str, to: &str) -> String {
    let (start, end) = (SAMPLE.find(from).expect("there"), SAMPLE.find(to).expect("there"));
    format!("{}{}", &SAMPLE[..start], &SAMPLE[end..])
}

/// For each rule of limits, modes and copies at the proxy: as [`cases`].
fn proxy_cases() -> Vec<(&'static str, Level, String, String)> {
    use Level::{Error, Warning};
    let own =
        |rule, level, underlined: &str, edits: &[(&str, &str)]| (rule, level, underlined.to_owned(), edited(edits));
    let no_proxy =
        ("[proxy]\nruns_on = \"scalingo\"\nupstream = \"web.ap-5f1e.pn-7c2d.private-network.internal:8080\"\n", "");
    let cut = "cut = [\"/missions/search\", \"/login\"]";
    let first = SAMPLE.find("[[rate_limits.limits]]").expect("limits");
    let last = SAMPLE.find("# Behind a variable of the environment").expect("the next table");
    let no_limit = format!("{}limits = []\n\n{}", &SAMPLE[..first], &SAMPLE[last..]);
    vec![
        ("rate_limits.no-limit", Error, "[]".to_owned(), no_limit),
        own(
            "rate_limits.duplicate-name",
            Error,
            "\"pages\"",
            &[("name = \"sign-up\"\nat = \"proxy\"", "name = \"pages\"\nat = \"proxy\"")],
        ),
        own("rate_limits.nobody-counts", Error, "\"proxy\"", &[no_proxy]),
        own("rate_limits.requests", Error, "0", &[("requests = 5\n", "requests = 0\n")]),
        own("rate_limits.edge-burst", Error, "7", &[("per_seconds = 10\n", "per_seconds = 10\nburst = 7\n")]),
        own("rate_limits.no-burst", Error, "\"pages\"", &[("per_seconds = 1\nburst = 20\n", "per_seconds = 1\n")]),
        own("rate_limits.period", Error, "9", &[("per_seconds = 1\nburst = 20\n", "per_seconds = 9\nburst = 20\n")]),
        own("rate_limits.small-burst", Warning, "9", &[("burst = 20\n", "burst = 9\n")]),
        own(
            "rate_limits.truncated",
            Warning,
            "1",
            &[("requests = 10\nper_seconds = 60\n", "requests = 1\nper_seconds = 60\n")],
        ),
        own(
            "rate_limits.retry-after",
            Warning,
            "1",
            &[("exempt = [\"192.0.2.64/27\"]\n", "exempt = [\"192.0.2.64/27\"]\nretry_after_seconds = 1\n")],
        ),
        own("degraded_mode.needs-proxy", Error, "[\"/missions/search\", \"/login\"]", &[no_proxy]),
        own("degraded_mode.nothing", Error, "[]", &[(cut, "cut = []")]),
        own(
            "degraded_mode.cuts-essential",
            Error,
            "\"/login/now\"",
            &[("essential = [\"/\", \"/api/users\"]", "essential = [\"/\", \"/login/now\"]")],
        ),
        own("degraded_mode.same-value", Error, "\"0\"", &[(cut, &format!("{cut}\non = \"0\""))]),
        own(
            "degraded_mode.unknown-app",
            Error,
            "\"nobody\"",
            &[("apps = [\"jeveuxaider\", \"jeveuxaider-front\"]", "apps = [\"jeveuxaider\", \"nobody\"]")],
        ),
        own("cache.proxy-copy", Error, "0", &[(PAGES, &format!("{PAGES}proxy_copy_seconds = 0\n"))]),
        own(
            "proxy.containers",
            Error,
            "[[apps.apps]]",
            &[("{ type = \"web\", count = 4, size = \"L\" }", "{ type = \"web\", count = 1, size = \"L\" }")],
        ),
    ]
}

#[test]
fn every_rule_is_raised_where_it_should() {
    for (rule, level, underlined, toml) in
        cases().into_iter().chain(platform_cases()).chain(proxy_cases()).chain(static_cases())
    {
        let lint = lint(&toml);
        let Some(remark) = lint.remarks.iter().find(|remark| remark.finding.rule.id == rule) else {
            panic!("{rule} is not raised but {:?}\n{toml}", raised(&lint));
        };
        assert_eq!(remark.finding.level, level, "{rule}");
        let shown = lint.source.text[remark.bytes.clone()].lines().next().unwrap_or_default();
        assert_eq!(shown, underlined, "{rule}");
        assert_eq!(lint.loaded.is_none(), lint.count(Level::Error) > 0, "{rule}");
    }
}

/// A rule without a case here would be a rule that nobody has seen.
#[test]
fn every_rule_has_a_case() {
    let mut seen: BTreeSet<&str> = cases()
        .into_iter()
        .chain(platform_cases())
        .chain(proxy_cases())
        .chain(static_cases())
        .map(|(rule, ..)| rule)
        .collect();
    // These have tests of their own below.
    seen.extend(["blueprint.too-large", "blueprint.not-utf8", "blueprint.too-many-findings"]);
    // No edit of a line makes it: tests/report.rs has it, with its neighbour that fits.
    seen.insert("people.card-too-long");
    let all: BTreeSet<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    assert_eq!(seen, all);
}

/// The nearest values that are still right.
#[test]
fn no_rule_is_raised_where_it_should_not() {
    let quiet = |what: &str, toml: String| {
        let lint = lint(&toml);
        assert_eq!(raised(&lint), Vec::<&str>::new(), "{what}\n{}", printed(&lint));
    };
    quiet("a published page", published(&[]));
    quiet("the narrowest grace", published(&[("= 30\n", "= 30\ngrace_seconds = 31\n")]));
    quiet("an organisation's ranges", published(&[("\"192.0.2.40\"", "\"192.0.0.0/16\", \"2001:db8::/48\"")]));
    quiet("beside a private path", published(&[("paths = [\"/figures\"]", "paths = [\"/figures\", \"/apis\"]")]));
    quiet(
        "on a machine Varnish may stand beside nginx",
        published(&[("192.0.2.61", "127.0.0.1")]).replacen("runs_on = \"scalingo\"", "runs_on = \"server\"", 1),
    );
    quiet(
        "a sample with an encoded letter",
        published(&[("samples = [\"/figures\"]", "samples = [\"/figures/d%C3%A9\"]")]),
    );
    let pages_with = |line: &str| edited(&[(PAGES, &format!("{PAGES}{line}\n"))]);
    let paths = |paths: &str| edited(&[("[redirects]\n", &format!("[redirects]\npaths = [{paths}]\n"))]);
    quiet("a TTL of 300 on both sides", edited(&[("steady_ttl_seconds = 3600", "steady_ttl_seconds = 300")]));
    quiet("an hour of negative TTL", edited(&[("negative_ttl_seconds = 300", "negative_ttl_seconds = 3600")]));
    quiet("the first serial", edited(&[("serial = 2020031801", "serial = 1")]));
    quiet("nobody may issue in the redirect's zone", edited(&[("[\"letsencrypt.org\"]", "[\";\"]")]));
    quiet(
        "no CAA at all",
        edited(&[(
            "certificate_authorities = [\n  \"letsencrypt.org\",\n  \"pki.goog; cansignhttpexchanges=yes\",\n  \"ssl.com\",\n  \
         \"sectigo.com\",\n]\n",
            "",
        )]),
    );
    quiet("a full zone", edited(&[FULL, BY_CLOUDFLARE]));
    quiet(
        "a full zone with one authority: Cloudflare adds its own",
        edited(&[FULL, BY_CLOUDFLARE, ("  \"ssl.com\",\n", "")]),
    );
    quiet(
        "an apex in a full zone",
        edited(&[
            FULL,
            BY_CLOUDFLARE,
            ("host = \"covid19.reserve-civique.gouv.fr\"", "host = \"reserve-civique.gouv.fr\""),
        ]),
    );
    let on_pro =
        [FULL, BY_CLOUDFLARE, ("\"business\"", "\"pro\""), (PAGES, &format!("{PAGES}edge_ttl_seconds = 3600\n"))];
    // Nor a waiting room, nor limits that look at methods.
    let without_room = |toml: String| {
        let toml = toml
            .replace("at = \"edge\"", "at = \"proxy\"\nburst = 20")
            .replace("requests = 20\nper_seconds = 10", "requests = 20\nper_seconds = 60");
        let (start, end) = (toml.find("[waiting_room]").expect("there"), toml.find("[proxy]\n").expect("there"));
        format!("{}{}", &toml[..start], &toml[end..])
    };
    for at_the_floor in [pages_with("edge_ttl_seconds = 1"), without_room(edited(&on_pro))] {
        let lint = lint(&at_the_floor);
        assert_eq!(raised(&lint), ["cache.edge-ttl-keeps-personal"], "and no word on the plan\n{}", printed(&lint));
    }
    quiet(
        "30 days of fingerprinted files",
        edited(&[("max_age_seconds = 31536000\nignore", "max_age_seconds = 2592000\nignore")]),
    );
    quiet(
        "s-maxage without stale serving",
        edited(&[("stale_while_revalidate_seconds = 60\nstale_if_error_seconds = 86400\n", "s_maxage_seconds = 30\n")]),
    );
    quiet(
        "Always Online without stale serving",
        edited(&[
            ("always_online = false", "always_online = true"),
            ("stale_while_revalidate_seconds = 60\nstale_if_error_seconds = 86400\n", ""),
        ]),
    );
    quiet(
        "a wide class below a narrow one",
        edited(&[(
            "[[cache.classes]]\nname = \"pages\"",
            "[[cache.classes]]\nname = \"rest\"\npaths = [\"/assets/\"]\nstore = false\nsamples = [\"/assets/a.js\"]\n\
         [[cache.classes]]\nname = \"pages\"",
        )]),
    );
    quiet(
        "the largest body and the longest wait",
        edited(&[("[proxy]\n", "[proxy]\nbody_limit_mib = 75\nread_timeout_seconds = 29\n")]),
    );
    quiet("a plain server may wait", edited(&[("\"scalingo\"", "\"server\"\nread_timeout_seconds = 60")]));
    quiet("301 and an IPv6 address", edited(&[("status = 308", "status = 301"), ("198.51.100.22", "2001:db8::22")]));
    quiet(
        "two servers to one name",
        edited(&[
            ("announced = \"jeveuxaider.gouv.fr\"", "announced = \"www.jeveuxaider.gouv.fr\""),
            ("[\"jeveuxaider.gouv.fr\", \"www.jeveuxaider.gouv.fr\"]", "[\"www.jeveuxaider.gouv.fr\"]"),
        ]),
    );
    quiet("`${` in a text for people", edited(&[("title = \"", "title = \"${HOME} %{if} $(id) `id` \\\" ; } ")]));
    quiet("ten includes", edited(&[("[\"spf.brevo.com\"]", &includes(10))]));
    quiet("a sender over IPv6", edited(&[("192.0.2.131", "2001:db8::25")]));
    quiet("softfail", edited(&[("spf_includes", "spf_others = \"softfail\"\nspf_includes")]));
    quiet("a key that the provider keeps", edited(&[(&format!("key = {}", long_key()), "key_at = \"k.example.net\"")]));
    quiet("an Ed25519 key", edited(&[(&long_key(), "\"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"")]));
    quiet("reports in the same organisation", edited(&[("\"dmarc@", "\"dmarc@post.")]));
    quiet(
        "a path that is moved, with another below it",
        paths("{ from = \"/a\", to = \"/a/b\" }, { from = \"/c/\", to = \"/c\" }"),
    );
    quiet("a zone that octoDNS runs", edited(&[(TICKET, "run_by = \"octodns\"\n")]));
    quiet(
        "records of each type",
        edited(&[(
            RECORD_END,
            &format!(
                "{RECORD_END}{}",
                [
                    ("a", "A", "192.0.2.9"),
                    ("a", "AAAA", "2001:db8::9"),
                    ("c", "CNAME", "_x.validations.example"),
                    ("*.w", "MX", "10 mx.example.net"),
                    ("_imaps._tcp", "SRV", "0 0 0 ."),
                    ("a", "CAA", "0 iodef mailto:a@example.org"),
                    ("sub", "NS", "ns1.example.net"),
                ]
                .map(|(owner, kind, value)| format!(
                    "\n[[dns.zones.records]]\nname = \"{owner}.reserve-civique.gouv.fr\"\ntype = \"{kind}\"\nvalues = \
                     [\"{value}\"]\n"
                ))
                .concat()
            ),
        )]),
    );
    quiet("as many containers as are allowed", edited(&[("containers_allowed = 60", "containers_allowed = 60 # all")]));
    quiet(
        "an autoscaler of two",
        edited(&[(
            "count = 2, size = \"M\" }",
            "count = 2, size = \"M\", autoscale = { min = 2, max = 2, metric = \"cpu\", target = 100 } }",
        )]),
    );
    quiet(
        "the largest pool that deploys within 80 %",
        edited(&[("connections_per_container = 20", "connections_per_container = 24")]),
    );
    quiet("a promise of half as much again", edited(&[("promised = 1000", "promised = 600")]));
    quiet(
        "a quota for the day, counted by the second",
        edited(&[(
            "needed = 1080000\npromised = 2000000\nper = \"day\"",
            "needed = 9\npromised = 14\nper = \"second\"",
        )]),
    );
    quiet(
        "a vote an hour before",
        edited(&[("vote = { at = 2020-03-22T17:00:00", "vote = { at = 2020-03-22T19:30:00")]),
    );
    quiet(
        "a slot a quarter of an hour off",
        edited(&[("{ at = 2020-03-22T20:30:00+01:00", "{ at = 2020-03-22T20:45:00+01:00")]),
    );
    quiet("a name that is no secret", edited(&[("name = \"SESSION_DRIVER\"", "name = \"SESSION_DOMAIN\"")]));
    quiet(
        "a shared state",
        format!("{SAMPLE}\n[terraform]\nbackend = \"gcs\"\nsettings = [{{ name = \"bucket\", value = \"x\" }}]\n"),
    );
    quiet("a byte-order mark", format!("\u{feff}{SAMPLE}"));
    quiet("lines that end with CRLF", SAMPLE.replace('\n', "\r\n"));
}

#[test]
fn levels_follow_what_is_at_stake() {
    let none = edited(&[(
        "  \"letsencrypt.org\",\n  \"pki.goog; cansignhttpexchanges=yes\",\n  \"ssl.com\",\n  \"sectigo.com\",\n",
        "\";\"",
    )]);
    let excluded = lint(&none);
    assert_eq!(finding(&excluded, "cdn.caa-excludes-edge").map(|finding| finding.level), Some(Level::Error));
    let full = edited(&[("setup = \"partial\"", "setup = \"full\""), BY_CLOUDFLARE]);
    assert_eq!(finding(&lint(&full), "cdn.verification-key").map(|finding| finding.level), Some(Level::Warning));
    let unsigned = without("[[mail.domains.dkim]]", "[[mail.domains]]\nname = \"info").replace("1080000", "4999");
    assert_eq!(finding(&lint(&unsigned), "mail.unsigned").map(|finding| finding.level), Some(Level::Warning));
    let servers = SAMPLE.find("servers = [").expect("there");
    let end = servers + SAMPLE[servers..].find("]\n").expect("there");
    let no_server = format!("{}servers = [{}", &SAMPLE[..servers], &SAMPLE[end..]);
    assert_eq!(finding(&lint(&no_server), "dns.servers").map(|finding| finding.level), Some(Level::Error));
    let partial_run_by_cloudflare = lint(&edited(&[BY_CLOUDFLARE]));
    assert_eq!(raised(&partial_run_by_cloudflare), ["cdn.setup-vs-zone"]);
}

#[test]
fn a_circle_over_several_servers_is_named_once_and_chains_into_it_apart() {
    let mut toml = SAMPLE.replace("to = \"covid19.reserve-civique.gouv.fr\"", "to = \"b.jeveuxaider.gouv.fr\"");
    for (name, to) in [("b", "c"), ("c", "www"), ("d", "b")] {
        toml.push_str(&format!(
            "\n[[redirects.servers]]\nnames = [\"{name}.jeveuxaider.gouv.fr\"]\naddresses = [\"198.51.100.21\"]\n\
             to = \"{to}.jeveuxaider.gouv.fr\"\nhsts_max_age_seconds = 1\n"
        ));
    }
    let lint = lint(&toml);
    assert_eq!(raised(&lint), ["redirects.cycle", "redirects.chain"]);
    let cycle = finding(&lint, "redirects.cycle").expect("raised");
    assert_eq!(
        cycle.message,
        "these redirects lead in a circle: `b.jeveuxaider.gouv.fr`, `c.jeveuxaider.gouv.fr`, \
         `www.jeveuxaider.gouv.fr`, and again"
    );
}

const MANY: &str = r#"
[site]
name = "My Shop"
titel = "The shop"
host = "Shop.Example.org"
announcement = "tomorrow"
contact = "ops@example.org"

[dns]
lowered_ttl_minutes = 5

[[dns.zones]]
name = "example.org"
run_by = "tickets"
servers = "ns1.example.net"
serial = 2030011501
hostmaster = "hostmaster.example.org"

[cdn]
provider = "cloudflare"
plan = "pro"
zone = "example.org"
setup = "full"
origins = ["203.0.113.10", "here"]
hsts_max_age_seconds = 31536000

[[cache.classes]]
name = "pages"
max_age = 30
edge_ttl_seconds = 30
samples = ["/"; } location / {"]
"#;

#[test]
fn many_errors_are_all_shown_at_once() {
    // First the syntax, since a line that cannot be read may hide others.
    assert_data_eq!(
        printed(&lint(MANY)),
        str![[r#"
error[blueprint.syntax]: missing comma between array elements, expected `,`
  --> shop.toml:31:15
   |
31 | samples = ["/"; } location / {"]
   |               ^
   |
help: correct the line; values are judged once the whole file can be read

shop.toml: 1 error
Why a rule is there: golive explain blueprint.syntax

"#]]
        .raw()
    );
    let readable = MANY.replace(r#"["/"; } location / {"]"#, r#"["/\"; } location / {", "/${a}"]"#);
    assert_data_eq!(printed(&lint(&readable)), str![[r#"
error[blueprint.bad-value]: `name`: `My Shop` is not a short name: 1 to 40 lower-case letters, digits and single inner hyphens, a letter first
 --> shop.toml:3:8
  |
3 | name = "My Shop"
  |        ^^^^^^^^^
  |
help: for example `name = "shop"`

error[blueprint.unknown-key]: `[site]` has no key `titel`
 --> shop.toml:4:1
  |
4 | titel = "The shop"
  | ^^^^^
  |
help: did you mean `title`?

error[blueprint.bad-value]: `host`: `Shop.Example.org` is not a host name: write it in lower case, `shop.example.org`
 --> shop.toml:5:8
  |
5 | host = "Shop.Example.org"
  |        ^^^^^^^^^^^^^^^^^^
  |
help: for example `host = "www.example.org"`

error[blueprint.bad-value]: `announcement` is the text "tomorrow", expected a date-time without quotes
 --> shop.toml:6:16
  |
6 | announcement = "tomorrow"
  |                ^^^^^^^^^^
  |
help: for example `announcement = 2030-01-15T20:00:00+01:00`

error[blueprint.unknown-key]: `[dns]` has no key `lowered_ttl_minutes`
  --> shop.toml:10:1
   |
10 | lowered_ttl_minutes = 5
   | ^^^^^^^^^^^^^^^^^^^
   |
help: did you mean `lowered_ttl_seconds`?

error[blueprint.bad-value]: `run_by` is "tickets", expected "cloudflare", "ticket" or "octodns"
  --> shop.toml:14:10
   |
14 | run_by = "tickets"
   |          ^^^^^^^^^
   |
help: did you mean "ticket"?

error[blueprint.bad-value]: `servers` is the text "ns1.example.net", expected a list
  --> shop.toml:15:11
   |
15 | servers = "ns1.example.net"
   |           ^^^^^^^^^^^^^^^^^
   |
help: for example `servers = [{ name = "ns1.example.net", address = "192.0.2.53" }]`

error[blueprint.bad-value]: `origins`: `here` is not an IP address
  --> shop.toml:24:28
   |
24 | origins = ["203.0.113.10", "here"]
   |                            ^^^^^^
   |
help: for example `origins = ["203.0.113.10"]`

warning[cache.needs-proxy]: without `[proxy]` nobody sends the headers of these classes
  --> shop.toml:27:3
   |
27 | [[cache.classes]]
   |   ^^^^^
   |
help: add `[proxy]`, or make the app send them itself

error[blueprint.unknown-key]: `[[cache.classes]]` has no key `max_age`
  --> shop.toml:29:1
   |
29 | max_age = 30
   | ^^^^^^^
   |
help: did you mean `max_age_seconds`?

error[cache.edge-ttl-below-plan]: an edge TTL of 30 s does not exist on the plan "pro": 3600 s at least
  --> shop.toml:30:20
   |
30 | edge_ttl_seconds = 30
   |                    ^^
   |
help: take a plan that has it, or leave the edge TTL out: the edge then follows `max_age_seconds`

error[blueprint.bad-value]: `samples`: `/\"; } location / {` is not a path: percent-encode what RFC 3986 section 3.3 does not allow as it is
  --> shop.toml:31:12
   |
31 | samples = ["/\"; } location / {", "/${a}"]
   |            ^^^^^^^^^^^^^^^^^^^^^
   |
help: for example `samples = ["/"]`

error[blueprint.bad-value]: `samples`: `/${a}` is not a path: percent-encode what RFC 3986 section 3.3 does not allow as it is
  --> shop.toml:31:35
   |
31 | samples = ["/\"; } location / {", "/${a}"]
   |                                   ^^^^^^^
   |
help: for example `samples = ["/"]`

shop.toml: 12 errors, 1 warning
waf: not in this blueprint
waiting_room: not in this blueprint
proxy: not in this blueprint
redirects: not in this blueprint
rate_limits: not in this blueprint
degraded_mode: not in this blueprint
static_routes: not in this blueprint
mail: not in this blueprint
apps: not in this blueprint
database: not in this blueprint
audience: not in this blueprint
third_parties: not in this blueprint
people: not in this blueprint
Why a rule is there: golive explain blueprint.bad-value

"#]].raw());
}

#[test]
fn json_is_what_the_documentation_says() {
    let document = json(&lint(include_str!("bad_blueprints/circle.toml")));
    let document = document.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    assert_data_eq!(
        document,
        str![[r#"
{
  "golive": "VERSION",
  "blueprint": {
    "path": "shop.toml",
    "sha256": "1e24aba172cfd0af761f45daaaeb82c587519589e138b4fc44ea150813fab9b6"
  },
  "findings": [
    {
      "rule": "redirects.cycle",
      "level": "error",
      "message": "these redirects lead in a circle: `shop.example.org`, `example.org`, and again",
      "span": {
        "line": 28,
        "column": 6,
        "length": 13
      },
      "remedy": "send every name straight to the site's own",
      "source": "RFC 9110, section 15.4; JVA-16"
    }
  ]
}

"#]]
        .raw()
    );
}

/// An error of form does not silence the rules, save those that read the malformed value.
#[test]
fn rules_speak_beside_errors_of_form_but_never_about_stand_ins() {
    let both = edited(&[
        ("always_online = false", "always_online = true"),
        ("contact = ", "contcat = "),
        ("status = 308", "status = \"308\""),
    ]);
    assert_eq!(
        raised(&lint(&both)),
        ["blueprint.unknown-key", "cdn.always-online-cancels-stale", "blueprint.bad-value"]
    );
    // The stand-in's host is in no zone of the sample, its plan is another.
    for edits in [
        [("host = \"covid19", "host = \"Covid19")],
        [("\"business\"", "\"busines\"")],
        [("name = \"reserve-civique.gouv.fr\"\n", "name = \"-\"\n")],
        [("max_age_seconds = 30\n", "max_age = 30\n")],
        [("address = \"192.0.2.53\"", "address = \"x\"")],
    ] {
        let lint = lint(&edited(&edits));
        assert_eq!(lint.remarks.len(), 1, "{edits:?}: {:?}", raised(&lint));
        assert!(lint.loaded.is_none());
    }
}

/// A misspelt key is read as the one meant, so its value is judged too, at its own place.
#[test]
fn the_value_of_a_misspelt_key_is_judged() {
    let lint = lint(&edited(&[("always_online = false", "alway_online = true")]));
    assert_eq!(raised(&lint), ["blueprint.unknown-key", "cdn.always-online-cancels-stale"]);
    assert_eq!(&lint.source.text[lint.remarks[1].bytes.clone()], "true");
}

#[test]
fn each_missing_key_is_named() {
    let lint = lint("[site]\n[dns]\n[cdn]\n[proxy]\n[cache]\n[mail]\n");
    let missing: Vec<&str> = lint
        .remarks
        .iter()
        .map(|remark| {
            assert_eq!(remark.finding.rule.id, "blueprint.missing-key");
            remark.finding.message.as_str()
        })
        .collect();
    assert_data_eq!(
        missing.join("\n"),
        str![[r#"
`[site]` has no `name`
`[site]` has no `title`
`[site]` has no `host`
`[site]` has no `announcement`
`[site]` has no `contact`
the table `[[dns.zones]]` is missing
`[cdn]` has no `provider`
`[cdn]` has no `plan`
`[cdn]` has no `zone`
`[cdn]` has no `setup`
`[cdn]` has no `origins`
`[cdn]` has no `hsts_max_age_seconds`
`[proxy]` has no `runs_on`
`[proxy]` has no `upstream`
the table `[[cache.classes]]` is missing
`[mail]` has no `provider`
`[mail]` has no `messages_per_day`
the table `[[mail.domains]]` is missing
"#]]
        .raw()
    );
}

#[test]
fn the_smallest_blueprint_is_what_the_empty_one_is_told() {
    let smallest = r#"
        [site]
        name = "shop"
        title = "The shop"
        host = "www.example.org"
        announcement = 2030-01-15T20:00:00+01:00
        contact = "ops@example.org"
        [dns]
        [[dns.zones]]
        name = "example.org"
        run_by = "cloudflare"
        servers = [
          { name = "a.ns.example.net", address = "192.0.2.53" },
          { name = "b.ns.example.net", address = "198.51.100.53" },
        ]
        hostmaster = "hostmaster.example.org"
        serial = 1
    "#;
    let lint = lint(smallest);
    assert_eq!(raised(&lint), Vec::<&str>::new());
    let all = [
        "cdn",
        "waf",
        "waiting_room",
        "cache",
        "proxy",
        "redirects",
        "rate_limits",
        "degraded_mode",
        "static_routes",
        "mail",
        "apps",
        "database",
        "audience",
        "third_parties",
        "people",
    ];
    assert_eq!(lint.left_out, all);
    assert!(printed(&lint).ends_with("people: not in this blueprint\n"));
}

#[test]
fn dates_that_are_no_instant() {
    for date in ["2020-03-22", "20:30:00", "2020-03-22T20:30:00", "2020-03-22 20:30"] {
        let lint = lint(&edited(&[("2020-03-22T20:30:00+01:00", date)]));
        assert_eq!(raised(&lint), ["site.announcement"], "{date}");
    }
    for date in ["2020-03-22T20:30:00Z", "2020-03-22 20:30:00.5-03:30", "2020-03-22T20:30Z", "0001-01-01T00:00:00Z"] {
        let lint = lint(&edited(&[("2020-03-22T20:30:00+01:00", date)]));
        // What the team has agreed on holds for the sample's own hour, and so do the ages of addresses.
        let agreed =
            |rule: &&str| rule.starts_with("people.") || matches!(*rule, "audience.load-test" | "mail.cold-address");
        let of_form: Vec<&str> = raised(&lint).into_iter().filter(|rule| !agreed(rule)).collect();
        assert_eq!(of_form, Vec::<&str>::new(), "{date}");
    }
}

#[test]
fn values_that_would_escape_their_quotes_are_refused_where_they_stand() {
    let refused = [
        ("samples = [\"/\"", "samples = [\"/\\\"; } location / {\""),
        ("samples = [\"/\"", "samples = [\"/${HOME}\""),
        ("samples = [\"/\"", "samples = [\"/a\\nb\""),
        ("paths = [\"/api/\"", "paths = [\"/api/%2e\""),
        ("title = \"", "title = \"\\u0007"),
        ("title = \"", "title = \"\\u009b31m"),
        ("upstream = \"web.", "upstream = \"web;."),
        ("host = \"covid19", "host = \"covid19\\u0000"),
        ("name = \"jeveuxaider\"", "name = \"../etc\""),
    ];
    for (from, to) in refused {
        let lint = lint(&edited(&[(from, to)]));
        assert_eq!(raised(&lint), ["blueprint.bad-value"], "{to}");
        let printed = printed(&lint);
        assert!(printed.chars().all(|c| c == '\n' || !c.is_control()), "{to}: {printed:?}");
        assert!(json(&lint).chars().all(|c| c == '\n' || !c.is_control()), "{to}");
    }
}

#[test]
fn raw_control_characters_never_reach_the_terminal() {
    for control in ['\u{0}', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}'] {
        for toml in [
            edited(&[("title = \"", &format!("title = \"{control}"))]),
            edited(&[("title = \"", &format!("\"{control}\" = \""))]),
            edited(&[("title = ", &format!("{control} = "))]),
        ] {
            let printed = printed(&lint(&toml));
            let steers = |c: char| c != '\n' && c.is_control() || c == '\u{202e}';
            assert!(!printed.contains(steers), "{control:?}: {printed:?}");
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for toml in [
        format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]\nb = 1", vec!["a"; 100_000].join(".")),
        vec!["[[a]]\n"; 50_000].concat(),
    ] {
        let lint = lint(&toml);
        assert!(lint.loaded.is_none() && lint.count(Level::Error) > 0);
        assert!(printed(&lint).len() < 100_000);
    }
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let lint = lint(&edited(&[("contact = ", "contact = \"a@example.org\"\ncontact = ")]));
    assert_eq!(raised(&lint), ["blueprint.syntax"]);
    assert_eq!(lint.remarks[0].finding.message, "this key is there twice");
}

#[test]
fn a_list_of_errors_ends() {
    let toml = (0..500).fold(SAMPLE.to_owned(), |toml, n| format!("{toml}zzzz{n} = 1\n"));
    let lint = lint(&toml);
    assert_eq!(lint.remarks.len(), 101);
    assert!(finding(&lint, "blueprint.too-many-findings").is_some());
    let syntax = "= \n".repeat(500);
    assert_eq!(judge(load::read(String::new(), syntax.as_bytes())).remarks.len(), 101);
}

fn golive() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("golive"));
    command.env_clear();
    command
}

fn run_on(folder: &Path, name: &str, bytes: &[u8]) -> (i32, String) {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a writable folder");
    let output = golive().current_dir(folder).args(["lint", name]).output().expect("golive runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
    (output.status.code().expect("no signal"), String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn files_that_are_no_blueprint() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_blueprints");
    let bytes = |name: &str| fs::read(bad.join(name)).expect("a fixture");

    let (code, out) = run_on(folder.path(), "latin1.toml", &bytes("latin1.toml"));
    assert_eq!(code, 2);
    assert_data_eq!(
        out,
        str![[r#"
error[blueprint.not-utf8]: the byte 0xe9 at offset 4 is not UTF-8
 --> latin1.toml:1:5
  |
1 | # L'�t�
  |     ^
  |
help: save the file as UTF-8

latin1.toml: 1 error
Why a rule is there: golive explain blueprint.not-utf8

"#]]
        .raw()
    );

    let (code, out) = run_on(folder.path(), "empty.toml", b"");
    assert_eq!(code, 2);
    assert_data_eq!(out, str![[r#"
error[blueprint.empty]: the blueprint holds no table
 --> empty.toml:1:1
  |
1 |
  | ^
  |
help: the smallest one holds `[site]` (name, title, host, announcement, contact) and `[dns]` with one `[[dns.zones]]` (name, run_by, servers, hostmaster, serial)

empty.toml: 1 error
Why a rule is there: golive explain blueprint.empty

"#]].raw());

    let (code, out) = run_on(folder.path(), "large.toml", &vec![b'#'; 10 << 20]);
    assert_eq!(code, 2);
    assert_data_eq!(
        out,
        str![[r#"
error[blueprint.too-large]: the file is larger than 4 MiB and was not read
 --> large.toml:1:1
  |
1 |
  | ^
  |
help: name the blueprint, or move out of it what is data and not promise

large.toml: 1 error
Why a rule is there: golive explain blueprint.too-large

"#]]
        .raw()
    );

    let (code, out) = run_on(folder.path(), "circle.toml", &bytes("circle.toml"));
    assert_eq!(code, 2);
    assert_data_eq!(
        out,
        str![[r#"
error[redirects.cycle]: these redirects lead in a circle: `shop.example.org`, `example.org`, and again
  --> circle.toml:28:6
   |
28 | to = "example.org"
   |      ^^^^^^^^^^^^^
   |
help: send every name straight to the site's own

circle.toml: 1 error
cdn: not in this blueprint
waf: not in this blueprint
waiting_room: not in this blueprint
cache: not in this blueprint
proxy: not in this blueprint
rate_limits: not in this blueprint
degraded_mode: not in this blueprint
static_routes: not in this blueprint
mail: not in this blueprint
apps: not in this blueprint
database: not in this blueprint
audience: not in this blueprint
third_parties: not in this blueprint
people: not in this blueprint
Why a rule is there: golive explain redirects.cycle

"#]]
        .raw()
    );

    let (code, out) = run_on(folder.path(), "utf16.toml", b"\xff\xfe[\0s\0i\0");
    assert_eq!(code, 2);
    assert!(out.contains("the byte 0xff at offset 0 is not UTF-8"), "{out}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, says) in
        [("gone.toml", "No such file"), (".", "it is a folder"), ("/dev/null", "it is a pipe or a device")]
    {
        let output = golive().current_dir(folder.path()).args(["lint", name]).output().expect("golive runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(said.contains(name) && said.contains(says), "{said}");
        assert!(output.stdout.is_empty(), "{name}");
    }
}

#[test]
fn warnings_alone_are_a_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let toml = edited(&[("always_online = false", "always_online = true")]);
    let (code, out) = run_on(folder.path(), "warned.toml", toml.as_bytes());
    assert_eq!(code, 0);
    assert!(
        out.contains("warning[cdn.always-online-cancels-stale]") && out.contains("warned.toml: 1 warning\n"),
        "{out}"
    );
}

#[test]
fn explain_knows_rules_and_checks() {
    let page = golive().args(["explain", "cdn.apex-needs-zone"]).output().expect("golive runs");
    assert_eq!(page.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&page.stdout).contains("JVA-16"));
    let unknown = golive().args(["explain", "cdn.apex"]).output().expect("golive runs");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean"));
    let list = golive().arg("explain").output().expect("golive runs");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(rules::ALL.iter().all(|rule| list.contains(rule.id)));
    assert!(rules::CHECKS.iter().all(|page| list.contains(page.id)));
    let check = golive().args(["explain", rules::CHECKS[0].id]).output().expect("golive runs");
    assert!(String::from_utf8_lossy(&check.stdout).contains(rules::CHECKS[0].title));
}

#[test]
fn completions_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = golive().args(["completions", shell]).output().expect("golive runs");
        assert!(output.status.success(), "{shell}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("golive"), "{shell}");
    }
}

/// One thing that happens to files.
#[derive(Debug, Clone)]
enum Damage {
    Flip(usize, u8),
    Delete(usize, usize),
    Repeat(usize, usize),
    SwapLines(usize, usize),
    Insert(usize, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || 0..SAMPLE.len();
    let stuff = prop_oneof![
        Just("\"".to_owned()),
        Just("[[".to_owned()),
        Just(" = ".to_owned()),
        Just("\u{0}".to_owned()),
        Just("-1".to_owned()),
        Just("{ a = [".to_owned()),
        ".{0,8}",
    ];
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (at(), 1..80_usize).prop_map(|(at, length)| Damage::Delete(at, length)),
        (at(), 1..300_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (0..100_usize, 0..100_usize).prop_map(|(one, other)| Damage::SwapLines(one, other)),
        (at(), stuff).prop_map(|(at, stuff)| Damage::Insert(at, stuff)),
    ]
}

fn damaged(damages: &[Damage]) -> Vec<u8> {
    let mut bytes = SAMPLE.as_bytes().to_vec();
    for damage in damages {
        let range = |at: usize, length: usize| at.min(bytes.len())..(at + length).min(bytes.len());
        match damage {
            Damage::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(*at) {
                    *byte ^= bits;
                }
            }
            Damage::Delete(at, length) => {
                bytes.drain(range(*at, *length));
            }
            Damage::Repeat(at, length) => {
                let range = range(*at, *length);
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, again);
            }
            Damage::SwapLines(one, other) => {
                let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
                if *one < lines.len() && *other < lines.len() {
                    lines.swap(*one, *other);
                }
                bytes = lines.join(&b'\n');
            }
            Damage::Insert(at, stuff) => {
                let at = (*at).min(bytes.len());
                bytes.splice(at..at, stuff.bytes());
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes: no panic, an end, places inside the text, nothing raw on the terminal.
    #[test]
    fn damaged_blueprints_are_judged_without_panic(damages in prop::collection::vec(damage(), 1..6)) {
        let lint = judge(load::read("damaged.toml".to_owned(), &damaged(&damages)));
        prop_assert_eq!(lint.loaded.is_none(), lint.count(Level::Error) > 0);
        for remark in &lint.remarks {
            prop_assert!(lint.source.text.get(remark.bytes.clone()).is_some(), "{:?}", remark);
        }
        let printed = printed(&lint);
        prop_assert!(printed.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", printed);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&json(&lint)).is_ok());
    }
}
