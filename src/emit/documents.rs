//! Documents for people: the request to whoever runs a zone, and the README of the generated folder.

use jiff::SignedDuration;
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;

use super::templates::{document, markdown_row};
use super::zone::{self, ZonePlan};
use super::{Artifact, Slots};
use crate::blueprint::{Blueprint, Site};
use crate::concerns::fragment::{MailProvider, RunsOn, TransportPolicy};
use crate::concerns::{Concern, Procedure, Task};
use crate::language::{Language, Said};
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
    let (zone, language) = (plan.zone, site.language);
    let Moments { announcement, lower_by, publish_by, raise_from } = moments(blueprint, site, language);
    let values = RequestValues {
        zone: zone.name.to_string(),
        to: zone
            .ticket_to
            .as_ref()
            .map_or(language.of("whoever runs the zone", "le gestionnaire de la zone"), |to| to.as_str())
            .to_owned(),
        contact: site.contact.to_string(),
        title: site.title.to_string(),
        announcement,
        record_count: plan.records.len(),
        rows: rows(plan, language),
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
        Artifact { path: path("md"), text: document(language, "request", &values) },
        Artifact { path: path("zone"), text: zone::extract(plan) },
    ]
}

fn rows(plan: &ZonePlan<'_>, language: Language) -> String {
    let mut rows = String::new();
    for record in &plan.records {
        let (name, data) = (format!("{}.", record.name), zone::text(&record.data));
        let ttl = record.ttl.get().to_string();
        let (why, until) = (record.why.told_in(language), record.until.told_in(language));
        markdown_row(&mut rows, &[&name, zone::type_name(&record.data), &ttl, &data, why, until]);
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

pub fn moments(blueprint: &Blueprint, site: &Site, language: Language) -> Moments {
    let timezone = announcement_timezone(blueprint);
    let moment = |distance: SignedDuration| {
        let instant = site.announcement.checked_add(distance).unwrap_or(site.announcement);
        language.moment(instant, &timezone)
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

#[derive(Debug, Serialize)]
struct MailValues {
    provider: String,
    contact: String,
    title: String,
    announcement: String,
    publish_by: String,
    messages_per_day: String,
    /// Half of the day's messages in one hour: a guess, since confirmations follow the sign-ups at once.
    messages_per_hour: String,
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
    let (language, timezone) = (site.language, announcement_timezone(blueprint));
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
        announcement: language.moment(site.announcement, &timezone),
        publish_by: language.moment(eve, &timezone),
        messages_per_day: language.number(provider.messages_per_day.into()),
        messages_per_hour: language.number(provider.messages_per_hour),
        domains: provider.domains.iter().map(ToString::to_string).collect(),
        senders: senders.collect(),
    };
    let written =
        |path: &str, template| Artifact { path: path.to_owned(), text: document(language, template, &values) };
    let mut documents = Vec::new();
    if !values.domains.is_empty() {
        documents.push(written("letters/mail-provider.md", "mail_provider"));
    }
    if !values.senders.is_empty() {
        documents.push(written("dns/requests/ptr.md", "ptr"));
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
    Artifact { path: "runbook/procedures.md".to_owned(), text: document(site.language, "procedures", &values) }
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

/// Where the policy of a mail domain stands.
pub fn transport_policy_path(domain: &str) -> String {
    format!("mail/{domain}/mta-sts.txt")
}

pub fn transport_policy(policy: &TransportPolicy) -> Artifact {
    Artifact { path: transport_policy_path(policy.domain.as_str()), text: policy.text.clone() }
}

/// What each file is, who puts it where, in which order; only of files that are there.
pub fn readme(slots: &Slots, zones: &[ZonePlan<'_>], artifacts: &[Artifact], site: &Site) -> Artifact {
    let language = site.language;
    let there = |start: &str| artifacts.iter().any(|artifact| artifact.path.starts_with(start));
    let mut rows = Vec::new();
    let mut row = |files: String, what: &Said, whose: &Said| {
        let told = |said: &Said| said.told_in(language).to_owned();
        rows.push(Row { files, what: told(what), whose: told(whose) });
    };
    let mut steps: Vec<Said> = Vec::new();
    for plan in zones {
        let name = &plan.zone.name;
        row(
            format!("dns/{name}.zone"),
            &Said::new(
                "the zone as far as golive knows it; its owner may hold more",
                "la zone telle que golive la connaît ; son titulaire peut en détenir davantage",
            ),
            &Said::new(
                "nobody: a rehearsal serves it; do not load it over the real zone",
                "personne : une répétition la sert ; ne pas la charger à la place de la vraie zone",
            ),
        );
        if there(&format!("dns/requests/{name}.")) {
            row(
                format!("dns/requests/{name}.md"),
                &Said::new(
                    "the records to publish, by when, how to verify and undo",
                    "les enregistrements à publier, pour quand, comment vérifier et revenir en arrière",
                ),
                &Said::new(
                    "you send it, with the .zone beside it, to whoever runs the zone",
                    "à envoyer par vos soins, avec le .zone voisin, au gestionnaire de la zone",
                ),
            );
        }
    }
    if there("dns/octodns/") {
        row(
            "dns/octodns/".to_owned(),
            &Said::new(
                "the records for octoDNS, with a configuration that leaves all other records alone",
                "les enregistrements pour octoDNS, avec une configuration qui ne touche à aucun autre",
            ),
            &Said::new(
                "you run it, with the provider's key in the environment; for another provider change the one block \
                 `target` of config.yaml",
                "à lancer par vos soins, la clé du fournisseur dans l'environnement ; pour un autre fournisseur, changer le \
                 seul bloc `target` de config.yaml",
            ),
        );
        steps.push(Said::new(
            "Once all that follows is running: in dns/octodns/ run octodns-sync, read what it would change, run it \
             with --doit.",
            "Une fois que tout ce qui suit fonctionne : dans dns/octodns/, lancer octodns-sync, lire ce qu'il \
             changerait, le relancer avec --doit.",
        ));
    }
    let requested = zones.iter().any(|plan| there(&format!("dns/requests/{}.", plan.zone.name)));
    if requested {
        steps.push(Said::new(
            "Send the requests of dns/requests/ at once: they take the longest. Have all that follows running before \
             the records are published: they send the visitors here.",
            "Envoyer tout de suite les demandes de dns/requests/ : ce sont les plus longues à traiter. Tout \
             ce qui suit doit fonctionner avant la publication des enregistrements : ils amènent les visiteurs ici.",
        ));
    }
    for server in &slots.redirect_servers {
        let folder = format!("nginx/{}/", super::nginx::folder(&server.what));
        row(
            folder.clone(),
            &Said::new(
                "a redirect machine: nginx.conf, and what belongs to the place in where/",
                "une machine de redirection : nginx.conf, et dans where/ ce qui est propre au lieu",
            ),
            &Said::new(
                "on each of its addresses, with tls/fullchain.pem and tls/privkey.pem beside it",
                "sur chacune de ses adresses, avec tls/fullchain.pem et tls/privkey.pem à côté",
            ),
        );
        steps.push(Said::new(
            format!(
                "Start {folder} on its addresses (nginx -p FOLDER/ -c nginx.conf); tokens for certification authorities \
                 go to acme/.well-known/acme-challenge/ in it."
            ),
            format!(
                "Démarrer {folder} sur ses adresses (nginx -p DOSSIER/ -c nginx.conf) ; les jetons des autorités de \
                 certification y vont dans acme/.well-known/acme-challenge/."
            ),
        ));
    }
    for asked in &slots.transport_policies {
        let domain = &asked.what.domain;
        row(
            transport_policy_path(domain.as_str()),
            &Said::new(
                "the rules for whoever brings mail there (MTA-STS)",
                "les règles pour qui y remet du courrier (MTA-STS)",
            ),
            &Said::new(
                "on the machine that its blueprint names, as https://mta-sts.DOMAIN/.well-known/mta-sts.txt",
                "sur la machine que désigne le blueprint, à l'adresse https://mta-sts.DOMAINE/.well-known/mta-sts.txt",
            ),
        );
    }
    if let Some(proxy) = slots.proxies.first() {
        let in_use = |is: bool| match is {
            true => Said::new("the one in use here", "celui qui est en service ici"),
            false => Said::new("a way out, not in use here", "une issue de secours, pas en service ici"),
        };
        let scalingo = in_use(proxy.what.runs_on == RunsOn::Scalingo);
        let server = in_use(proxy.what.runs_on == RunsOn::Server);
        row(
            "nginx/scalingo/servers.conf.erb".to_owned(),
            &Said::new(
                format!(
                    "the proxy between CDN and app, for the Scalingo nginx buildpack: {}",
                    scalingo.told_in(Language::En)
                ),
                format!(
                    "le proxy entre CDN et application, pour le buildpack nginx de Scalingo : {}",
                    scalingo.told_in(Language::Fr)
                ),
            ),
            &Said::new(
                "root of the proxy app's repository, alone: not beside an nginx.conf.erb",
                "à la racine du dépôt de l'application proxy, seul : pas à côté d'un nginx.conf.erb",
            ),
        );
        row(
            "nginx/proxy/".to_owned(),
            &Said::new(
                format!("the same proxy for a plain machine: {}", server.told_in(Language::En)),
                format!("le même proxy pour une machine ordinaire : {}", server.told_in(Language::Fr)),
            ),
            &Said::new(
                "a machine of its own, with tls/fullchain.pem and tls/privkey.pem beside it",
                "une machine dédiée, avec tls/fullchain.pem et tls/privkey.pem à côté",
            ),
        );
        let upstream = &proxy.what.upstream;
        steps.push(match proxy.what.runs_on {
            RunsOn::Scalingo => Said::new(
                format!(
                    "Deploy the proxy app; its APP_UPSTREAM leads to {}:{}, and nginx follows that name when the app \
                     moves.",
                    upstream.host, upstream.port
                ),
                format!(
                    "Déployer l'application proxy ; son APP_UPSTREAM mène à {}:{}, et nginx suit ce nom quand \
                     l'application se déplace.",
                    upstream.host, upstream.port
                ),
            ),
            RunsOn::Server => Said::new(
                format!(
                    "Start nginx/proxy/ (nginx -p FOLDER/ -c nginx.conf). nginx looks {} up when it starts: reload it \
                     when the app has moved.",
                    upstream.host
                ),
                format!(
                    "Démarrer nginx/proxy/ (nginx -p DOSSIER/ -c nginx.conf). nginx résout {} au démarrage : le \
                     recharger quand l'application s'est déplacée.",
                    upstream.host
                ),
            ),
        });
    }
    for cache in &slots.static_caches {
        let (name, at) = (&site.name, format!("{}:{}", cache.what.at.host, cache.what.at.port));
        row(
            format!("varnish/{name}.vcl"),
            &Said::new(
                "the pages that back offices publish as static; where those are stands in where/",
                "les pages que des back-offices publient en statique ; where/ dit où ils se trouvent",
            ),
            &Said::new(
                "the machine of Varnish, behind the proxy; nobody but the proxy reaches its port",
                "la machine de Varnish, derrière le proxy ; seul le proxy atteint son port",
            ),
        );
        let relay = there("varnish/relay/");
        if relay {
            row(
                "varnish/relay/".to_owned(),
                &Said::new(
                    "an nginx that follows the names of back offices, which Varnish does not",
                    "un nginx qui suit les noms des back-offices, ce que Varnish ne fait pas",
                ),
                &Said::new("the same machine", "la même machine"),
            );
        }
        let runs_on = slots.proxies.first().map(|proxy| proxy.what.runs_on);
        steps.push(start_varnish(name.as_str(), &at, relay, runs_on));
    }
    if there("cloudflare/") {
        row(
            "cloudflare/".to_owned(),
            &Said::new(
                "settings, rules and records as Cloudflare's API takes them; what Terraform writes is the same",
                "réglages, règles et enregistrements tels que l'API de Cloudflare les prend ; Terraform écrit la même \
                 chose",
            ),
            &Said::new(
                "nobody has to: a rehearsal and read-backs use them",
                "personne n'y est tenu : une répétition et les relectures s'en servent",
            ),
        );
    }
    if there("terraform/") {
        let what = match there("cloudflare/") {
            true => Said::new(
                "the same for Terraform, and the apps; each apply replaces all rules of the phases named in it",
                "la même chose pour Terraform, et les applications ; chaque apply remplace toutes les règles des phases \
                 qui y sont nommées",
            ),
            false => Said::new("the apps, for Terraform", "les applications, pour Terraform"),
        };
        let whose = match (there("terraform/cloudflare.tf"), there("terraform/scalingo.tf")) {
            (true, true) => Said::new(
                "whoever holds both tokens, CLOUDFLARE_API_TOKEN and SCALINGO_API_TOKEN; ids and secrets are variables",
                "qui détient les deux jetons, CLOUDFLARE_API_TOKEN et SCALINGO_API_TOKEN ; identifiants et secrets sont \
                 des variables",
            ),
            (false, true) => Said::new(
                "whoever holds the token, in SCALINGO_API_TOKEN; secrets are variables",
                "qui détient le jeton, dans SCALINGO_API_TOKEN ; les secrets sont des variables",
            ),
            (_, false) => Said::new(
                "whoever holds the Cloudflare token, in CLOUDFLARE_API_TOKEN; zone ids are variables",
                "qui détient le jeton Cloudflare, dans CLOUDFLARE_API_TOKEN ; les identifiants de zones sont des \
                 variables",
            ),
        };
        row("terraform/".to_owned(), &what, &whose);
        steps.push(match there("terraform/cloudflare.tf") {
            true => Said::new(
                "Run terraform init, plan and apply in terraform/. Name the rulesets that the zone has already in the \
                 variable cloudflare_entrypoints: they are taken over, where a second one of a phase is refused.",
                "Lancer terraform init, plan et apply dans terraform/. Indiquer dans la variable \
                 cloudflare_entrypoints les rulesets que la zone possède déjà : ils sont repris, alors qu'un second \
                 ruleset de la même phase est refusé.",
            ),
            false => Said::new(
                "Run terraform init, plan and apply in terraform/.",
                "Lancer terraform init, plan et apply dans terraform/.",
            ),
        });
    }
    if there("dns/requests/ptr.md") {
        row(
            "dns/requests/ptr.md".to_owned(),
            &Said::new(
                "the names that the reverse zones must give the sending addresses",
                "les noms que les zones inverses doivent donner aux adresses d'envoi",
            ),
            &Said::new(
                "you send it to the owner of the addresses: the mail provider, or its network",
                "à envoyer par vos soins au détenteur des adresses : le prestataire de messagerie, ou son opérateur réseau",
            ),
        );
    }
    if there("letters/mail-provider.md") {
        row(
            "letters/mail-provider.md".to_owned(),
            &Said::new(
                "what to ask of the mail provider: quota, dedicated addresses, return path, whom to call",
                "ce qu'il faut demander au prestataire de messagerie : quota, adresses dédiées, adresse de retour, qui \
                 appeler",
            ),
            &Said::new(
                "you send it, weeks before: new addresses must be warmed up",
                "à envoyer par vos soins, des semaines avant : la réputation de nouvelles adresses se construit",
            ),
        );
        steps.push(Said::new(
            "Send letters/mail-provider.md at once.",
            "Envoyer tout de suite letters/mail-provider.md.",
        ));
    }
    for letter in &slots.letters {
        let (what, whose) = super::letters::purpose(&letter.what);
        row(super::letters::path(&letter.what), &what, &whose);
    }
    if !slots.letters.is_empty() {
        steps.push(Said::new(
            "Send the other letters at once: support, vendors and partners answer within days.",
            "Envoyer tout de suite les autres lettres : support, fournisseurs et partenaires répondent en quelques jours.",
        ));
    }
    if there("terraform/scalingo.tf") {
        steps.push(Said::new(
            "For Scalingo: connect the repository's keeper in the dashboard once; SCALINGO_API_TOKEN holds the token, \
             the sensitive variables come from the environment (TF_VAR_...). Apply with -parallelism=1: the API takes \
             60 requests a minute, and the provider does not wait when it is told to. What was deleted in the \
             dashboard lingers in the state or breaks the plan: terraform state rm ADDRESS. Then deploy each app \
             once, since linking a repository deploys nothing.",
            "Pour Scalingo : connecter une fois l'hébergeur du dépôt dans le tableau de bord ; SCALINGO_API_TOKEN contient \
             le jeton, les variables sensibles viennent de l'environnement (TF_VAR_...). Appliquer avec \
             -parallelism=1 : l'API accepte 60 requêtes par minute, et le provider n'attend pas quand elle le lui \
             demande. Ce qui a été supprimé dans le tableau de bord reste dans l'état ou casse le plan : terraform \
             state rm ADRESSE. Déployer ensuite chaque application une fois, car lier un dépôt ne déploie rien.",
        ));
    }
    if there("runbook/capacity.md") {
        row(
            "runbook/capacity.md".to_owned(),
            &Said::new(
                "visitors to containers, connections and megabits, the sums shown",
                "des visiteurs aux conteneurs, connexions et mégabits, calculs à l'appui",
            ),
            &Said::new("whoever decides on the size", "qui décide du dimensionnement"),
        );
    }
    if there("runbook/people.md") {
        row(
            "runbook/people.md".to_owned(),
            &Said::new(
                "who does what, the vote, the agenda, the freezes",
                "qui fait quoi, la décision de lancement, l'agenda, les gels",
            ),
            &Said::new("everybody on the team, printed", "toute l'équipe, imprimé"),
        );
    }
    steps.push(Said::new(
        "Run golive verify on the blueprint, from outside.",
        "Lancer golive verify sur le blueprint, depuis l'extérieur.",
    ));
    row(
        "runbook/procedures.md".to_owned(),
        &Said::new(
            "what people do before the launch, when a check is red, and to go back",
            "ce que l'on fait avant le lancement, quand un contrôle est rouge, et pour revenir en arrière",
        ),
        &Said::new("whoever is on duty", "qui est de service"),
    );
    if there("runbook/crisis-card.html") {
        row(
            "runbook/crisis-card.html, crisis-card.md".to_owned(),
            &Said::new(
                "who leads, where to meet, each lever with its command and its way back; one A4 page",
                "qui dirige, où se retrouver, chaque levier avec sa commande et son retour ; une page A4",
            ),
            &Said::new("on the wall of the war room", "au mur de la salle de crise"),
        );
    }
    row(
        "runbook/launch.md, crisis.md, undo.md, demo.md".to_owned(),
        &Said::new(
            "the checklists that golive launch walks: the launch, a crisis, the way back, a demonstration",
            "les listes que parcourt golive launch : lancement, crise, retour arrière, démonstration",
        ),
        &Said::new("everybody on the team, printed", "toute l'équipe, imprimé"),
    );
    row(
        "runbook/deadlines.md, deadlines.ics".to_owned(),
        &Said::new(
            "what must have happened by when, with the point of no return; the same as a calendar",
            "ce qui doit être fait et pour quand, avec le point de non-retour ; les mêmes dates en agenda",
        ),
        &Said::new("everybody on the team; the .ics into phones", "toute l'équipe ; le .ics dans les téléphones"),
    );
    row(
        "MANIFEST.json".to_owned(),
        &Said::new("the blueprint's hash and that of each file", "l'empreinte du blueprint et celle de chaque fichier"),
        &Said::new("nobody", "personne"),
    );
    let values = ReadmeValues {
        title: site.title.to_string(),
        name: site.name.to_string(),
        rows,
        steps: steps.iter().map(|step| step.told_in(language).to_owned()).collect(),
    };
    Artifact { path: "README.md".to_owned(), text: document(language, "readme", &values) }
}

/// How Varnish comes up, and how the proxy finds it.
fn start_varnish(site: &str, at: &str, relay: bool, proxy: Option<RunsOn>) -> Said {
    let told = |language: Language| {
        let folder = language.of("FOLDER", "DOSSIER");
        let start = language.of(format!("Start Varnish on {at}:"), format!("Démarrer Varnish sur {at} :"));
        let mut step = format!("{start} varnishd -a {at} -f {folder}/{site}.vcl -s malloc,256m.");
        if relay {
            step.push_str(language.of(
                " Before it, on the same machine: varnish/relay/ (nginx -p FOLDER/ -c nginx.conf), with the machine's own \
                 resolver in where/resolver.conf.",
                " Avant lui, sur la même machine : varnish/relay/ (nginx -p DOSSIER/ -c nginx.conf), avec le résolveur de \
                 la machine dans where/resolver.conf.",
            ));
        }
        step.push_str(match proxy {
            Some(RunsOn::Scalingo) => language.of(
                " The proxy app finds it by STATIC_UPSTREAM.",
                " L'application proxy le trouve par STATIC_UPSTREAM.",
            ),
            Some(RunsOn::Server) | None => language.of(
                " The proxy finds it by nginx/proxy/where/static.conf.",
                " Le proxy le trouve par nginx/proxy/where/static.conf.",
            ),
        });
        step
    };
    Said::new(told(Language::En), told(Language::Fr))
}
