//! Documents for people: the request to whoever runs a zone, and the README of the generated folder.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::templates::{Syntax, markdown_row, render};
use super::zone::{self, ZonePlan};
use super::{Artifact, Slots};
use crate::blueprint::{Blueprint, Site};
use crate::concerns::fragment::{MailProvider, RunsOn, TransportPolicy};
use crate::concerns::{Concern, Procedure, Task};
use crate::language::Said;
use crate::probe::reverse_name;

/// Before the announcement by so much, all is published; after it by so much, TTLs may go up again.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Serialize)]
struct RequestValues {
    zone: String,
    to: String,
    contact: String,
    title: String,
    announcement: String,
    record_count: usize,
    /// The rows of the table: a zone may hold thousands of records, and a template takes its time over each.
    rows: String,
    lines: String,
    /// Whether some record has the lowered TTL, to be raised again.
    has_lowered: bool,
    lower_by: String,
    publish_by: String,
    raise_from: String,
    lowered_ttl: u32,
    steady_ttl: u32,
    negative_ttl: u32,
    commands: String,
    soa_commands: Vec<String>,
}

/// The change request of a zone that somebody else runs, and its records alone for copying.
pub fn request(plan: &ZonePlan<'_>, blueprint: &Blueprint, site: &Site) -> [Artifact; 2] {
    let zone = plan.zone;
    let Moments { announcement, lower_by, publish_by, raise_from } = moments(blueprint, site);
    let values = RequestValues {
        zone: zone.name.to_string(),
        to: zone.ticket_to.as_ref().map_or("whoever runs the zone", |to| to.as_str()).to_owned(),
        contact: site.contact.to_string(),
        title: site.title.to_string(),
        announcement,
        record_count: plan.records.len(),
        rows: rows(plan),
        lines: indented(plan.lines.iter()),
        has_lowered: plan.records.iter().any(|record| record.ttl == site.lowered_ttl && record.ttl != site.steady_ttl),
        lower_by,
        publish_by,
        raise_from,
        lowered_ttl: site.lowered_ttl.get(),
        steady_ttl: site.steady_ttl.get(),
        negative_ttl: zone.negative_ttl_seconds.get(),
        commands: indented(dig_commands(plan).iter()),
        soa_commands: zone.servers.iter().map(|server| dig(server.address, zone.name.as_str(), "SOA")).collect(),
    };
    let path = |extension| format!("dns/requests/{}.{extension}", zone.name);
    [
        Artifact { path: path("md"), text: render(Syntax::Markdown, "request.md", &values) },
        Artifact { path: path("zone"), text: zone::extract(plan) },
    ]
}

fn rows(plan: &ZonePlan<'_>) -> String {
    let mut rows = String::new();
    for record in &plan.records {
        let (name, data) = (format!("{}.", record.name), zone::text(&record.data));
        let ttl = record.ttl.get().to_string();
        markdown_row(&mut rows, &[&name, zone::type_name(&record.data), &ttl, &data, &record.why, &record.until]);
    }
    rows
}

/// Lines as code.
fn indented<'a>(lines: impl Iterator<Item = &'a String>) -> String {
    lines.flat_map(|line| ["\n    ", line]).collect()
}

/// One question a name, type and server: each server must answer for itself.
fn dig_commands(plan: &ZonePlan<'_>) -> Vec<String> {
    // Records are in order of name and type, so equal questions stand together.
    let mut questions: Vec<(&str, &str)> =
        plan.records.iter().map(|record| (record.name.as_str(), zone::type_name(&record.data))).collect();
    questions.dedup();
    let servers = &plan.zone.servers;
    questions
        .iter()
        .flat_map(|(name, kind)| servers.iter().map(move |server| dig(server.address, name, kind)))
        .collect()
}

fn dig(server: std::net::IpAddr, name: &str, kind: &str) -> String {
    format!("dig @{server} {name} {kind} +norecurse")
}

/// When the records of the launch change, as people read it.
#[derive(Debug, Clone, Serialize)]
pub struct Moments {
    pub announcement: String,
    /// From then on the TTL must be low, so that the steady one has run out everywhere when records change.
    pub lower_by: String,
    pub publish_by: String,
    pub raise_from: String,
}

pub fn moments(blueprint: &Blueprint, site: &Site) -> Moments {
    let timezone = announcement_timezone(blueprint);
    let moment = |distance: SignedDuration| {
        let instant = site.announcement.checked_add(distance).unwrap_or(site.announcement);
        written(instant, &timezone)
    };
    let steady = SignedDuration::from_secs(i64::from(site.steady_ttl.get()));
    Moments {
        announcement: moment(SignedDuration::ZERO),
        lower_by: moment(-MARGIN - steady),
        publish_by: moment(-MARGIN),
        raise_from: moment(MARGIN),
    }
}

/// The zone of the blueprint's own date-time: the reader of a request lives by it.
pub fn announcement_timezone(blueprint: &Blueprint) -> TimeZone {
    let minutes = match blueprint.site.announcement.offset {
        Some(toml::value::Offset::Custom { minutes }) => minutes,
        Some(toml::value::Offset::Z) | None => 0,
    };
    Offset::from_seconds(i32::from(minutes) * 60).map_or(TimeZone::UTC, TimeZone::fixed)
}

pub(super) fn written(instant: Timestamp, timezone: &TimeZone) -> String {
    instant.to_zoned(timezone.clone()).strftime("%A %-d %B %Y, %H:%M (UTC%:z)").to_string()
}

#[derive(Debug, Serialize)]
struct MailValues {
    provider: String,
    contact: String,
    title: String,
    announcement: String,
    publish_by: String,
    messages_per_day: u32,
    /// Half of the day's messages in one hour: a guess, since confirmations follow the sign-ups at once.
    messages_per_hour: u64,
    domains: Vec<String>,
    senders: Vec<SenderValues>,
}

#[derive(Debug, Serialize)]
struct SenderValues {
    address: String,
    helo: String,
    domain: String,
    envelope: String,
    reverse: String,
    /// `A` or `AAAA`.
    back: &'static str,
}

/// The letter to whoever sends the mail, and the request to whoever owns the addresses it is sent from.
pub fn mail(provider: &MailProvider, blueprint: &Blueprint, site: &Site) -> Vec<Artifact> {
    let timezone = announcement_timezone(blueprint);
    let eve = site.announcement.checked_sub(MARGIN).unwrap_or(site.announcement);
    let senders = provider.senders.iter().map(|sender| SenderValues {
        address: sender.address.to_string(),
        helo: sender.helo.to_string(),
        domain: sender.domain.to_string(),
        envelope: sender.envelope.to_string(),
        reverse: reverse_name(sender.address),
        back: if sender.address.is_ipv4() { "A" } else { "AAAA" },
    });
    let values = MailValues {
        provider: provider.provider.to_string(),
        contact: site.contact.to_string(),
        title: site.title.to_string(),
        announcement: written(site.announcement, &timezone),
        publish_by: written(eve, &timezone),
        messages_per_day: provider.messages_per_day,
        messages_per_hour: provider.messages_per_hour,
        domains: provider.domains.iter().map(ToString::to_string).collect(),
        senders: senders.collect(),
    };
    let document =
        |path: &str, template| Artifact { path: path.to_owned(), text: render(Syntax::Markdown, template, &values) };
    let mut documents = Vec::new();
    if !values.domains.is_empty() {
        documents.push(document("letters/mail-provider.md", "mail_provider.md"));
    }
    if !values.senders.is_empty() {
        documents.push(document("dns/requests/ptr.md", "ptr.md"));
    }
    documents
}

#[derive(Debug, Serialize)]
struct ProceduresValues {
    title: String,
    concerns: Vec<ConcernValues>,
    left_out: String,
}

#[derive(Debug, Serialize)]
struct ConcernValues {
    key: &'static str,
    checks: Vec<&'static str>,
    before: Vec<TaskValues>,
    when_red: Vec<String>,
    undo: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TaskValues {
    who: String,
    what: String,
}

/// What people do, concern by concern.
pub fn procedures(concerns: &[&dyn Concern], blueprint: &Blueprint, site: &Site) -> Artifact {
    let concerns = concerns
        .iter()
        .map(|concern| {
            let Procedure { before, when_red, undo } = concern.procedure(site);
            let told = |said: &Said| said.told_in(site.language).to_owned();
            let task = |task: &Task| TaskValues { who: told(&task.role.said()), what: told(&task.text) };
            let mut checks: Vec<&'static str> = concern.checks(site).iter().map(|check| check.id).collect();
            checks.sort_unstable();
            checks.dedup();
            ConcernValues {
                key: concern.key(),
                checks,
                before: before.iter().map(task).collect(),
                when_red: when_red.iter().map(told).collect(),
                undo: undo.iter().map(told).collect(),
            }
        })
        .collect();
    let values =
        ProceduresValues { title: site.title.to_string(), concerns, left_out: blueprint.left_out().join(", ") };
    Artifact { path: "runbook/procedures.md".to_owned(), text: render(Syntax::Markdown, "procedures.md", &values) }
}

#[derive(Debug, Serialize)]
struct ReadmeValues {
    title: String,
    name: String,
    rows: Vec<Row>,
    steps: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    files: String,
    what: String,
    whose: String,
}

/// What each file is, who puts it where, in which order; only of files that are there.
/// Where the policy of a mail domain stands.
pub fn transport_policy_path(domain: &str) -> String {
    format!("mail/{domain}/mta-sts.txt")
}

pub fn transport_policy(policy: &TransportPolicy) -> Artifact {
    Artifact { path: transport_policy_path(policy.domain.as_str()), text: policy.text.clone() }
}

pub fn readme(slots: &Slots, zones: &[ZonePlan<'_>], artifacts: &[Artifact], site: &Site) -> Artifact {
    let there = |start: &str| artifacts.iter().any(|artifact| artifact.path.starts_with(start));
    let mut rows = Vec::new();
    let mut row = |files: String, what: &str, whose: &str| {
        rows.push(Row { files, what: what.to_owned(), whose: whose.to_owned() });
    };
    let mut steps = Vec::new();
    for plan in zones {
        let name = &plan.zone.name;
        row(
            format!("dns/{name}.zone"),
            "the zone as far as golive knows it; its owner may hold more",
            "nobody: a rehearsal serves it; do not load it over the real zone",
        );
        if there(&format!("dns/requests/{name}.")) {
            row(
                format!("dns/requests/{name}.md"),
                "the records to publish, by when, how to verify and undo",
                "you send it, with the .zone beside it, to whoever runs the zone",
            );
        }
    }
    if there("dns/octodns/") {
        row(
            "dns/octodns/".to_owned(),
            "the records for octoDNS, with a configuration that leaves all other records alone",
            "you run it, with the provider's key in the environment; for another provider change the one block \
             `target` of config.yaml",
        );
        steps.push(
            "Once all that follows is running: in dns/octodns/ run octodns-sync, read what it would change, run it \
             with --doit."
                .to_owned(),
        );
    }
    let requested = zones.iter().any(|plan| there(&format!("dns/requests/{}.", plan.zone.name)));
    if requested {
        steps.push("Send the requests of dns/requests/ at once: they take the longest. Have all that follows running before the \
             records are published: they send the visitors here."
                .to_owned());
    }
    for server in &slots.redirect_servers {
        let folder = format!("nginx/{}/", super::nginx::folder(&server.what));
        row(
            folder.clone(),
            "a redirect machine: nginx.conf, and what belongs to the place in where/",
            "on each of its addresses, with tls/fullchain.pem and tls/privkey.pem beside it",
        );
        steps.push(format!(
            "Start {folder} on its addresses (nginx -p FOLDER/ -c nginx.conf); tokens for certification authorities \
             go to acme/.well-known/acme-challenge/ in it."
        ));
    }
    for asked in &slots.transport_policies {
        let domain = &asked.what.domain;
        row(
            transport_policy_path(domain.as_str()),
            "the rules for whoever brings mail there (MTA-STS)",
            "on the machine that its blueprint names, as https://mta-sts.DOMAIN/.well-known/mta-sts.txt",
        );
    }
    if let Some(proxy) = slots.proxies.first() {
        let (scalingo, server) = match proxy.what.runs_on {
            RunsOn::Scalingo => ("the one in use here", "a way out, not in use here"),
            RunsOn::Server => ("a way out, not in use here", "the one in use here"),
        };
        row(
            "nginx/scalingo/servers.conf.erb".to_owned(),
            &format!("the proxy between CDN and app, for the Scalingo nginx buildpack: {scalingo}"),
            "root of the proxy app's repository, alone: not beside an nginx.conf.erb",
        );
        row(
            "nginx/proxy/".to_owned(),
            &format!("the same proxy for a plain machine: {server}"),
            "a machine of its own, with tls/fullchain.pem and tls/privkey.pem beside it",
        );
        let upstream = &proxy.what.upstream;
        steps.push(match proxy.what.runs_on {
            RunsOn::Scalingo => format!(
                "Deploy the proxy app; its APP_UPSTREAM leads to {}:{}, and nginx follows that name when the app moves.",
                upstream.host, upstream.port
            ),
            RunsOn::Server => format!(
                "Start nginx/proxy/ (nginx -p FOLDER/ -c nginx.conf). nginx looks {} up when it starts: reload it \
                 when the app has moved.",
                upstream.host
            ),
        });
    }
    for cache in &slots.static_caches {
        let at = format!("{}:{}", cache.what.at.host, cache.what.at.port);
        row(
            format!("varnish/{}.vcl", site.name),
            "the pages that back offices publish as static; where those are stands in where/",
            "the machine of Varnish, behind the proxy; nobody but the proxy reaches its port",
        );
        let mut step = format!("Start Varnish on {at}: varnishd -a {at} -f FOLDER/{}.vcl -s malloc,256m.", site.name);
        if there("varnish/relay/") {
            row(
                "varnish/relay/".to_owned(),
                "an nginx that follows the names of back offices, which Varnish does not",
                "the same machine",
            );
            step.push_str(
                " Before it, on the same machine: varnish/relay/ (nginx -p FOLDER/ -c nginx.conf), with the machine's own \
                 resolver in where/resolver.conf.",
            );
        }
        step.push_str(match slots.proxies.first().map(|proxy| proxy.what.runs_on) {
            Some(RunsOn::Scalingo) => " The proxy app finds it by STATIC_UPSTREAM.",
            Some(RunsOn::Server) | None => " The proxy finds it by nginx/proxy/where/static.conf.",
        });
        steps.push(step);
    }
    if there("cloudflare/") {
        row(
            "cloudflare/".to_owned(),
            "settings, rules and records as Cloudflare's API takes them; what Terraform writes is the same",
            "nobody has to: a rehearsal and read-backs use them",
        );
    }
    if there("terraform/") {
        row(
            "terraform/".to_owned(),
            if there("cloudflare/") {
                "the same for Terraform, and the apps; each apply replaces all rules of the phases named in it"
            } else {
                "the apps, for Terraform"
            },
            match (there("terraform/cloudflare.tf"), there("terraform/scalingo.tf")) {
                (true, true) => {
                    "whoever holds both tokens, CLOUDFLARE_API_TOKEN and SCALINGO_API_TOKEN; ids and secrets are variables"
                }
                (false, true) => "whoever holds the token, in SCALINGO_API_TOKEN; secrets are variables",
                (_, false) => "whoever holds the Cloudflare token, in CLOUDFLARE_API_TOKEN; zone ids are variables",
            },
        );
        let mut step = "Run terraform init, plan and apply in terraform/.".to_owned();
        if there("terraform/cloudflare.tf") {
            step.push_str(
                " Name the rulesets that the zone has already in the variable cloudflare_entrypoints: they are taken \
                 over, where a second one of a phase is refused.",
            );
        }
        steps.push(step);
    }
    if there("dns/requests/ptr.md") {
        row(
            "dns/requests/ptr.md".to_owned(),
            "the names that the reverse zones must give the sending addresses",
            "you send it to the owner of the addresses: the mail provider, or its network",
        );
    }
    if there("letters/mail-provider.md") {
        row(
            "letters/mail-provider.md".to_owned(),
            "what to ask of the mail provider: quota, dedicated addresses, return path, whom to call",
            "you send it, weeks before: new addresses must be warmed up",
        );
        steps.push("Send letters/mail-provider.md at once.".to_owned());
    }
    for letter in &slots.letters {
        let path = super::letters::path(&letter.what);
        let (what, whose) = super::letters::purpose(&letter.what);
        row(path, &what, whose);
    }
    if !slots.letters.is_empty() {
        steps.push("Send the other letters at once: support, vendors and partners answer within days.".to_owned());
    }
    if there("terraform/scalingo.tf") {
        steps.push(
            "For Scalingo: connect the repository's keeper in the dashboard once; SCALINGO_API_TOKEN holds the token, \
             the sensitive variables come from the environment (TF_VAR_...). Apply with -parallelism=1: the API takes \
             60 requests a minute, and the provider does not wait when it is told to. What was deleted in the \
             dashboard lingers in the state or breaks the plan: terraform state rm ADDRESS. Then deploy each app \
             once, since linking a repository deploys nothing."
                .to_owned(),
        );
    }
    if there("runbook/capacity.md") {
        row(
            "runbook/capacity.md".to_owned(),
            "visitors to containers, connections and megabits, the sums shown",
            "whoever decides on the size",
        );
    }
    if there("runbook/people.md") {
        row(
            "runbook/people.md".to_owned(),
            "who does what, the vote, the agenda, the freezes",
            "everybody on the team, printed",
        );
    }
    steps.push("Run golive verify on the blueprint, from outside.".to_owned());
    row(
        "runbook/procedures.md".to_owned(),
        "what people do before the launch, when a check is red, and to go back",
        "whoever is on duty",
    );
    row("MANIFEST.json".to_owned(), "the blueprint's hash and that of each file", "nobody");
    let values = ReadmeValues { title: site.title.to_string(), name: site.name.to_string(), rows, steps };
    Artifact { path: "README.md".to_owned(), text: render(Syntax::Markdown, "readme.md", &values) }
}
