//! The rules of `golive lint`: what each remark means, why it is made, what to do, who says so.
//!
//! A [`Rule`] can be made only here, and a [`crate::blueprint::Finding`] only from a `Rule`: no remark exists
//! without its page. This module must not judge; that is each concern's `findings.rs`.

use std::fmt;

pub use super::pages::{CHECKS, CheckPage};

/// The page of one rule.
#[derive(PartialEq, Eq)]
pub struct Rule {
    /// Stable: `<concern>.<words-with-hyphens>`.
    pub id: &'static str,
    /// What is remarked, in one line.
    pub title: &'static str,
    /// What happens to a site that ignores it.
    pub why: &'static str,
    /// What to do in general; each finding says it for its own values.
    pub remedy: &'static str,
    /// Story ids of the launches, RFC sections, vendor documents.
    pub source: &'static str,
    /// Private, so that a rule outside [`ALL`] does not compile.
    reads: &'static [&'static str],
}

impl Rule {
    /// The rule with this id.
    pub fn named(id: &str) -> Option<&'static Rule> {
        ALL.iter().copied().find(|rule| rule.id == id)
    }

    /// Keys of the blueprint that the rule reads, without indexes. While one of them is malformed the rule says
    /// nothing: it would speak about a value that nobody wrote.
    pub fn reads(&self) -> &'static [&'static str] {
        self.reads
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.id)
    }
}

macro_rules! rules {
    ($($name:ident = $id:literal {
        title: $title:literal,
        why: $why:literal,
        remedy: $remedy:literal,
        source: $source:literal,
        reads: [$($key:literal),* $(,)?],
    })*) => {
        $(
            #[doc = $title]
            pub static $name: Rule = Rule {
                id: $id,
                title: $title,
                why: $why,
                remedy: $remedy,
                source: $source,
                reads: &[$($key),*],
            };
        )*

        /// Every rule, by subject.
        pub static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The file itself.
    TOO_LARGE = "blueprint.too-large" {
        title: "the file is larger than a blueprint can be",
        why: "A blueprint is read as a whole and every remark quotes it. The largest useful ones, with thousands of \
              redirects, stay far below 4 MiB: a larger file is most likely another file, named by mistake.",
        remedy: "Name the blueprint; move what is data and not promise out of it.",
        source: "golive: limit of 4 MiB",
        reads: [],
    }
    NOT_UTF8 = "blueprint.not-utf8" {
        title: "the file is not UTF-8",
        why: "TOML is UTF-8 and nothing else. An editor that saves in Latin-1 or UTF-16 writes bytes that mean \
              another character, or none, to every tool that reads the file later.",
        remedy: "Save the file as UTF-8.",
        source: "TOML 1.0, section Spec",
        reads: [],
    }
    EMPTY = "blueprint.empty" {
        title: "the blueprint is empty",
        why: "Nothing is promised, so nothing could be generated or checked. The smallest blueprint says what the \
              launch is called, which name the public will type and when, and who answers for the zone of that name.",
        remedy: "Write `[site]` and one `[[dns.zones]]`, or start from a sample of `blueprints/`.",
        source: "golive: the blueprint",
        reads: [],
    }
    SYNTAX = "blueprint.syntax" {
        title: "the file is not TOML",
        why: "A line that cannot be read may hide others, so the values of the file are judged once all of it can be \
              read. Every syntax error is shown at once.",
        remedy: "Correct the line; texts and host names stand between double quotes.",
        source: "TOML 1.0",
        reads: [],
    }
    UNKNOWN_KEY = "blueprint.unknown-key" {
        title: "no such key in this table",
        why: "A misspelt key that is passed over in silence is a promise that nobody keeps: the default rules instead, \
              and the difference shows on the day. So every key is known or refused.",
        remedy: "Take the key that is suggested, or remove the line.",
        source: "golive: the blueprint",
        reads: [],
    }
    MISSING_KEY = "blueprint.missing-key" {
        title: "a key is missing that has no default",
        why: "Some facts cannot be guessed: names, addresses, a date, who runs a zone. A default would put somebody \
              else's value into the configuration of a public site.",
        remedy: "Add the key.",
        source: "golive: the blueprint",
        reads: [],
    }
    BAD_VALUE = "blueprint.bad-value" {
        title: "the value has another type or another form",
        why: "Values end in Terraform, nginx, zone files and shell. Each has a narrow form, checked before anything is \
              written, so that no value can escape its quotes or be read differently by two tools.",
        remedy: "Write the value in the form that is asked for.",
        source: "golive: the blueprint",
        reads: [],
    }
    CLASH = "blueprint.clash" {
        title: "two tables ask for what cannot be had together",
        why: "Each table is right by itself, yet a name cannot have a CNAME and an address, a setting two values, a set of \
              records two TTLs. Which of the two was meant, only you know; nothing is generated until it is one.",
        remedy: "Change one of the two tables that the message names.",
        source: "RFC 1034, section 3.6.2; RFC 2181, section 5.2",
        reads: [],
    }
    TOO_MANY = "blueprint.too-many-findings" {
        title: "too many errors: the rest is not shown",
        why: "Beyond a hundred errors the file is of another kind or another version, and a longer list helps nobody.",
        remedy: "Correct these first, then lint again.",
        source: "golive: limit of 100",
        reads: [],
    }

    // [site]
    SITE_ANNOUNCEMENT = "site.announcement" {
        title: "the announcement is not an instant",
        why: "Deadlines are counted back from the announcement: the last moment to lower a TTL, the freeze, the votes. \
              A date without time, or a time without offset from UTC, is another instant on each machine.",
        remedy: "Write date, time and offset: `2020-03-22T20:30:00+01:00`.",
        source: "RFC 3339, section 5.6; JVA-11, JVA-20",
        reads: ["site.announcement"],
    }
    SITE_NO_PAGES = "site.no-pages" {
        title: "no page is named",
        why: "The checks of cache, TLS and redirects ask real pages. Without one nothing that visitors see would be \
              verified.",
        remedy: "Name the pages that everybody will open, the home page first; or leave the key out for `/` alone.",
        source: "JVA-10",
        reads: ["site.pages"],
    }
    SITE_PAGE_ORDER = "site.page-order" {
        title: "the first page is not the home page",
        why: "The first page is the one that is announced, and most checks ask it alone. Almost every visitor of a \
              launch arrives on the home page.",
        remedy: "Put `/` first.",
        source: "JVA-10",
        reads: ["site.pages"],
    }
    SITE_PRIVATE_PAGE = "site.private-page" {
        title: "a public page lies under paths that nothing may store",
        why: "Pages are those that every visitor may see, and that the CDN should answer. Under a class with \
              `store = false` each visit goes to the app, which is what the class of pages is there to prevent.",
        remedy: "Take the page out of `pages`, or its path out of the class.",
        source: "JVA-10; RFC 9111, section 5.2.2.5",
        reads: [
            "site.pages", "site.hosts.pages", "cache.classes.paths", "cache.classes.store",
            "cache.classes.fingerprinted",
        ],
    }
    SITE_DUPLICATE_HOST = "site.duplicate-host" {
        title: "a public name is given twice",
        why: "One name has one list of pages and one app behind it; of two, nginx would take one and say nothing.",
        remedy: "Keep one entry a name; the name of `site.host` needs none in `[[site.hosts]]`.",
        source: "ALT-2",
        reads: ["site.host", "site.hosts.name"],
    }
    SITE_UPSTREAM_WITHOUT_PROXY = "site.upstream-without-proxy" {
        title: "a name has an app of its own, and no proxy that would lead there",
        why: "The nginx of `[proxy]` sends each name to its app. Without it nothing that golive generates knows the \
              app, and visitors of the name would get the other one.",
        remedy: "Add `[proxy]`, or take `upstream` out.",
        source: "ALT-2",
        reads: ["site.hosts.upstream", "proxy"],
    }

    // [dns]
    DNS_HOST_WITHOUT_ZONE = "dns.host-without-zone" {
        title: "no zone of the blueprint holds the site's name",
        why: "The record that sends visitors to the site is the first thing a launch needs. If no zone holds the name, \
              nobody is asked for that record and no check looks for it.",
        remedy: "Add the zone of the name to `[[dns.zones]]`, with whoever runs it.",
        source: "JVA-11",
        reads: ["site.host", "site.hosts.name", "dns.zones.name"],
    }
    DNS_DUPLICATE_ZONE = "dns.duplicate-zone" {
        title: "a zone is described twice",
        why: "Two zone files or two change requests for one zone contradict each other, and whoever receives them \
              takes one.",
        remedy: "Keep one `[[dns.zones]]` a zone.",
        source: "RFC 1034, section 4.2",
        reads: ["dns.zones.name"],
    }
    DNS_TTL_ORDER = "dns.ttl-order" {
        title: "the lowered TTL is above the steady one",
        why: "The TTL is lowered before the launch so that a wrong record dies soon. Above the steady value it does the \
              opposite: an error made on the day stays longer than on any other day.",
        remedy: "Lower `lowered_ttl_seconds`, or raise `steady_ttl_seconds`.",
        source: "RFC 1035, section 3.2.1; JVA-11",
        reads: ["dns.lowered_ttl_seconds", "dns.steady_ttl_seconds"],
    }
    DNS_LOWERED_TOO_HIGH = "dns.lowered-too-high" {
        title: "the lowered TTL is above five minutes",
        why: "In the hour of the announcement every minute of a wrong record counts. Five minutes is what resolvers \
              bear without harm and what a team can wait for.",
        remedy: "Take 300 seconds or less.",
        source: "RFC 1035, section 3.2.1; JVA-11, JVA-16",
        reads: ["dns.lowered_ttl_seconds"],
    }
    DNS_TICKET_TO = "dns.ticket-to" {
        title: "the change request has no addressee",
        why: "Where somebody else types the records in, the request is the deliverable. In March 2020 three such \
              requests took hours each; one without addressee is not sent at all.",
        remedy: "Say with `ticket_to` who receives it.",
        source: "JVA-11",
        reads: ["dns.zones.run_by", "dns.zones.ticket_to"],
    }
    DNS_SERVERS = "dns.servers" {
        title: "fewer than two distinct name servers",
        why: "A zone answers from at least two servers, so that one may fail. Checks ask each server that is listed: \
              one that is left out may serve the old zone to a part of the public, unseen.",
        remedy: "List every authoritative server of the zone, each once.",
        source: "RFC 1034, section 4.1; RFC 2182, section 5",
        reads: ["dns.zones.servers"],
    }
    DNS_SERIAL_ZERO = "dns.serial-zero" {
        title: "the zone's serial is 0",
        why: "Secondary servers copy a zone when its serial has grown. Some software takes 0 for `unset` and replaces \
              it, and no check could tell an old copy from a new one.",
        remedy: "Take a date and a counter: `2020031801`.",
        source: "RFC 1912, section 2.2; RFC 1982, section 3",
        reads: ["dns.zones.serial"],
    }
    DNS_NEGATIVE_TTL = "dns.negative-ttl" {
        title: "a missing name is remembered for more than an hour",
        why: "Whoever asks for the name before its record exists, and testers do, is told for so long that there is no \
              such name, by everybody who shares that resolver.",
        remedy: "Take 300 seconds; never ask for the name before its record is there.",
        source: "RFC 2308, section 5",
        reads: ["dns.zones.negative_ttl_seconds"],
    }
    DNS_CAA_VALUE = "dns.caa-value" {
        title: "not the form of a CAA value",
        why: "A certification authority that cannot read a CAA record must refuse to issue. The error shows when the \
              certificate is renewed, weeks after the record was written.",
        remedy: "Write the authority's domain, then `; name=value` for each parameter; `;` alone forbids everybody.",
        source: "RFC 8659, sections 4.1 and 4.2",
        reads: ["dns.zones.certificate_authorities"],
    }
    DNS_RESOLVERS = "dns.resolvers" {
        title: "fewer than three distinct resolvers, or one that is a name server of ours",
        why: "One resolver may be slow, another one may be somebody's own: what visitors are told is judged on three or \
              more. The zone's own servers never tell an old answer from memory, and say nothing about those that do.",
        remedy: "Name three or more that the visitors' operators run, each once; or none, and nothing is compared.",
        source: "RFC 1035, section 7.4; RFC 8767",
        reads: ["dns.resolvers", "dns.zones.servers"],
    }
    DNS_PARENT_SERVERS = "dns.parent-servers" {
        title: "a server of the zone above is listed as the zone's own, or twice",
        why: "The zone above says to whom it delegates; the zone's own servers cannot tell, and would only be compared \
              with themselves.",
        remedy: "List the servers of the zone above, each once: `dig NS` of the name without its first label.",
        source: "RFC 1034, section 4.2.2",
        reads: ["dns.zones.parent_servers", "dns.zones.servers"],
    }
    DNS_ADDRESS = "dns.address-not-public" {
        title: "the address of a name server or resolver is not public",
        why: "The public cannot reach it, so the zone would not answer through this server, and nobody is told anything \
              by this resolver.",
        remedy: "Give its public address.",
        source: "RFC 6890, section 2.2",
        reads: ["dns.zones.servers", "dns.zones.parent_servers", "dns.resolvers"],
    }
    DNS_RECORD_OUTSIDE = "dns.record-outside-zone" {
        title: "a record is not in the zone that lists it",
        why: "A name server refuses a zone with names of others, or leaves them out without a word; and where a zone \
              below is delegated, nobody asks the upper one for its names.",
        remedy: "List the record in the zone that holds its name, named in full.",
        source: "RFC 1034, section 4.2.1",
        reads: ["dns.zones.records", "dns.zones.name"],
    }
    DNS_RECORD_TWICE = "dns.record-twice" {
        title: "records of one name and type are listed twice",
        why: "They are one set, with one TTL, given as a whole in each answer. Two entries with different values read \
              as a choice, and some tools take the last one.",
        remedy: "Put all values of one name and type into one entry, each once.",
        source: "RFC 2181, section 5",
        reads: ["dns.zones.records", "dns.zones.name"],
    }
    DNS_RECORD_ALIAS = "dns.record-alias" {
        title: "a CNAME that does not stand alone",
        why: "An alias stands for the whole name: beside it no other record may be, not even a second alias, nor can it \
              stand at the top of a zone. Servers refuse the whole zone, with all its names.",
        remedy: "Keep the alias, or the other records.",
        source: "RFC 1034, section 3.6.2; RFC 2181, section 10.1",
        reads: ["dns.zones.records", "dns.zones.name"],
    }
    DNS_RECORD_VALUE = "dns.record-value" {
        title: "the data does not fit the type of the record",
        why: "One line that a name server cannot read makes it refuse the zone, or keep the old one. Data that it can \
              read and that means something else, as an address that is private or a target without its zone, shows \
              on the day.",
        remedy: "Write the data as a zone file has it, without final dots and quotes: golive adds them.",
        source: "RFC 1035, section 3.3; RFC 2782; RFC 8659, section 4",
        reads: ["dns.zones.records"],
    }
    DNS_RECORD_OCTODNS = "dns.record-octodns" {
        title: "octoDNS cannot carry this text",
        why: "octoDNS keeps TXT data as text with escapes of its own: quotes at its start, `\" \"` inside and backslashes \
              come out changed, and what is not ASCII is refused.",
        remedy: "Write the text otherwise, or have the zone run by a provider or by ticket.",
        source: "octoDNS 1.22, octodns/record/chunked.py",
        reads: ["dns.zones.records", "dns.zones.run_by"],
    }

    // [cdn]
    CDN_APEX_NEEDS_ZONE = "cdn.apex-needs-zone" {
        title: "an apex name cannot be put behind a CDN that is not given the zone",
        why: "In a partial setup a name reaches the CDN by a CNAME. The apex of a zone holds SOA and NS records, beside \
              which no CNAME may stand, so its own name servers would refuse it. The day before the launch of 2020 the \
              announced name became such an apex; the zone could not be delegated, and two addresses of the team's own \
              had to redirect it.",
        remedy: "Serve the site on a name below the apex and send the apex there with `[redirects]`, or delegate the \
                 zone to the CDN and take `setup = \"full\"`.",
        source: "JVA-16; RFC 1034, section 3.6.2; RFC 1912, section 2.4; Cloudflare docs, dns/zone-setups/partial-setup",
        reads: ["site.host", "site.hosts.name", "cdn.setup", "cdn.zone", "dns.zones.name"],
    }
    CDN_PARTIAL_NEEDS_BUSINESS = "cdn.partial-needs-business" {
        title: "the plan has no partial setup",
        why: "Cloudflare lets a zone stay with another DNS host from the Business plan on. Below, the zone is delegated \
              or the site is not behind it.",
        remedy: "Take `plan = \"business\"`, or delegate the zone and take `setup = \"full\"`.",
        source: "Cloudflare docs, dns/zone-setups/partial-setup; JVA-2",
        reads: ["cdn.plan", "cdn.setup"],
    }
    CDN_ZONE_OF_HOST = "cdn.zone-of-host" {
        title: "the site's name is not in the CDN's zone",
        why: "A CDN answers for names of the zones it knows. For another name its edge has neither certificate nor \
              route, and shows an error page of its own.",
        remedy: "Give the zone that holds the site's name.",
        source: "Cloudflare docs, dns/concepts",
        reads: ["cdn.zone", "site.host", "site.hosts.name"],
    }
    CDN_VERIFICATION_KEY = "cdn.verification-key" {
        title: "the verification key does not go with the setup",
        why: "A partial zone is active as long as the TXT record `cloudflare-verify.<zone>` holds the key; without the \
              record it is deactivated later, with the site behind it. A full zone has no such key.",
        remedy: "With `setup = \"partial\"` give the key that the dashboard shows; with `\"full\"` remove it.",
        source: "Cloudflare docs, dns/zone-setups/partial-setup",
        reads: ["cdn.verification_key", "cdn.setup"],
    }
    CDN_ALWAYS_ONLINE = "cdn.always-online-cancels-stale" {
        title: "Always Online cancels stale serving",
        why: "While it is on, Cloudflare ignores `stale-while-revalidate` and `stale-if-error`. It helps only when the \
              origin cannot be reached, not when it answers 500 or 503, and only with pages that the Internet Archive \
              holds: none, for a site that opens today.",
        remedy: "Take `always_online = false` and keep the stale times.",
        source: "Cloudflare docs, cache/troubleshooting/always-online; JVA-2",
        reads: ["cdn.always_online", "cache.classes.stale_while_revalidate_seconds", "cache.classes.stale_if_error_seconds"],
    }
    CDN_NO_ORIGINS = "cdn.no-origins" {
        title: "the CDN has no origin",
        why: "What the edge cannot answer itself has nowhere to go: every visit that misses the cache ends in an error.",
        remedy: "Give the addresses of the servers that answer for the site.",
        source: "JVA-12",
        reads: ["cdn.origins"],
    }
    CDN_SETUP_VS_ZONE = "cdn.setup-vs-zone" {
        title: "the CDN's setup contradicts who runs the zone",
        why: "Full means that Cloudflare's name servers answer for the zone; partial means that somebody else's do. \
              The records are generated for the one and asked from the other: with a contradiction they arrive nowhere.",
        remedy: "`setup = \"full\"` goes with `run_by = \"cloudflare\"`, `\"partial\"` with any other.",
        source: "Cloudflare docs, dns/zone-setups; JVA-11",
        reads: ["cdn.setup", "dns.zones.run_by", "dns.zones.name", "site.host"],
    }
    CDN_CAA_EXCLUDES_EDGE = "cdn.caa-excludes-edge" {
        title: "CAA records keep the CDN from its certificate",
        why: "Cloudflare takes edge certificates from several authorities and changes between them. In a full zone it \
              adds its CAA records itself; in a partial zone it cannot, and an authority that is not listed must refuse, \
              at the first order or at a renewal.",
        remedy: "List letsencrypt.org, `pki.goog; cansignhttpexchanges=yes`, ssl.com and sectigo.com, or no CAA at all.",
        source: "Cloudflare docs, ssl/reference/certificate-authorities; RFC 8659, section 3",
        reads: ["dns.zones.certificate_authorities", "dns.zones.name", "cdn.setup", "site.host"],
    }
    CDN_ADDRESS = "cdn.address-not-public" {
        title: "the address of an origin is not public",
        why: "The CDN reaches origins over the Internet. A private address leads nowhere from its edge, and is refused \
              when the record is created.",
        remedy: "Give the address that the hosting shows to the Internet.",
        source: "RFC 6890, section 2.2; JVA-12",
        reads: ["cdn.origins"],
    }

    // [cache]
    CACHE_NO_DEFAULT = "cache.no-default-class" {
        title: "no class takes the paths that are left",
        why: "A request belongs to the first class that takes its path. Without a class for the rest, pages that nobody \
              thought of are served without any instruction, and each cache on the way guesses.",
        remedy: "End the classes with one that has no `paths`.",
        source: "RFC 9111, section 4.2.2; JVA-6",
        reads: ["cache.classes.paths"],
    }
    CACHE_DEFAULT_LAST = "cache.default-class-last" {
        title: "a class without paths is not the last one",
        why: "It takes every request, so the classes after it are never reached.",
        remedy: "Give it `paths`, or move it to the end.",
        source: "golive: first match wins",
        reads: ["cache.classes.paths"],
    }
    CACHE_DUPLICATE_NAME = "cache.duplicate-name" {
        title: "two classes have one name",
        why: "The name is the reference of a rule at the CDN and of a variable in nginx, where it must be unique; and \
              no report could say which of the two is red.",
        remedy: "Rename one.",
        source: "Cloudflare docs, ruleset-engine, rule references",
        reads: ["cache.classes.name"],
    }
    CACHE_UNREACHABLE = "cache.unreachable-class" {
        title: "an earlier class takes these paths first",
        why: "A request belongs to the first class that takes its path, so this one is never asked. What it promises, \
              no-store for instance, does not happen.",
        remedy: "Put the narrower class first.",
        source: "golive: first match wins; JVA-7",
        reads: ["cache.classes.paths", "cache.classes.fingerprinted"],
    }
    CACHE_STORE_WITHOUT_TTL = "cache.store-without-ttl" {
        title: "a class is stored, for how long is not said",
        why: "Without a lifetime each cache takes its own: a tenth of the age of the file, two hours, or nothing. The \
              load on the app then depends on who asks.",
        remedy: "Give `max_age_seconds`, or take `store = false`.",
        source: "RFC 9111, section 4.2.2; JVA-6",
        reads: ["cache.classes.store", "cache.classes.max_age_seconds"],
    }
    CACHE_TTL_ON_NO_STORE = "cache.ttl-on-no-store" {
        title: "a lifetime is given to what nothing may store",
        why: "`no-store` and a lifetime contradict each other. Either answers of one person may be shown to another, or \
              the lifetime is an error that hides what was meant.",
        remedy: "Remove the lifetime, or `store = false`.",
        source: "RFC 9111, section 5.2.2.5; JVA-7",
        reads: ["cache.classes.store", "cache.classes.fingerprinted", "cache.classes.max_age_seconds", "cache.classes.proxy_copy_seconds", "cache.classes.edge_ttl_seconds", "cache.classes.s_maxage_seconds", "cache.classes.stale_while_revalidate_seconds", "cache.classes.stale_if_error_seconds"],
    }
    CACHE_EDGE_TTL_KEEPS_PERSONAL = "cache.edge-ttl-keeps-personal" {
        title: "a lifetime set at the edge covers answers that are somebody's own",
        why: "A rule with a TTL of its own overrides the origin: Cloudflare then keeps an answer although it is marked \
              no-store, and strips the cookie that it sets. The page of the first visitor, made for that visitor, is \
              then everybody's. Without the rule the edge obeys the proxy, which marks such answers.",
        remedy: "Leave `edge_ttl_seconds` out and give the class the lifetime itself; or be sure that the app sets no \
                 cookie and greets nobody on these paths, which cache.set-cookie and cache.leak.users look for.",
        source: "JVA-7; Cloudflare docs, cache/concepts/cache-behavior",
        reads: ["cache.classes.edge_ttl_seconds", "cache.classes.store", "cache.classes.fingerprinted", "cdn"],
    }
    CACHE_TEMPORARY = "cache.temporary" {
        title: "lifetimes made for the launch end before it, or are none",
        why: "A short lifetime is the price of a launch: afterwards it costs the app a request every few seconds for \
              nothing, and somebody must take it back. An end before the announcement would have it taken back too soon.",
        remedy: "Give `until` an instant after the announcement, in a class that is stored.",
        source: "DOC-4; DOC-10",
        reads: ["cache.classes.temporary.until", "cache.classes.store", "site.announcement"],
    }
    CACHE_PROXY_COPY = "cache.proxy-copy" {
        title: "nginx cannot keep copies so",
        why: "nginx's own copies save the app from many who miss the edge's at once; seconds are enough for that. No \
              purge at the CDN reaches them, and they make each copy there so much older.",
        remedy: "Take a few seconds, at most 60; without `[proxy]` leave it out.",
        source: "nginx docs, ngx_http_proxy_module; DOC-4",
        reads: ["cache.classes.proxy_copy_seconds", "proxy"],
    }
    CACHE_EDGE_TTL = "cache.edge-ttl-below-plan" {
        title: "the plan has no such short edge TTL",
        why: "A cache rule of Cloudflare sets at least 2 hours on Free, 1 hour on Pro, 1 second on Business and \
              Enterprise. The API refuses less, on the day when the rule is first applied.",
        remedy: "Take the plan that has it, or leave the edge TTL out: the edge then follows `max_age_seconds`.",
        source: "Cloudflare docs, cache/how-to/edge-browser-cache-ttl; JVA-2",
        reads: ["cache.classes.edge_ttl_seconds", "cdn.plan"],
    }
    CACHE_S_MAXAGE = "cache.s-maxage-cancels-stale" {
        title: "s-maxage cancels stale serving",
        why: "`s-maxage` carries the meaning of `proxy-revalidate`: a shared cache may not serve an answer past its time, \
              whatever `stale-while-revalidate` and `stale-if-error` allow. When the app slows down, everybody waits.",
        remedy: "Remove `s_maxage_seconds`; another lifetime at the edge is `edge_ttl_seconds`.",
        source: "RFC 9111, sections 4.2.4 and 5.2.2.10; Cloudflare docs, cache/concepts/cache-control",
        reads: [
            "cache.classes.s_maxage_seconds",
            "cache.classes.stale_while_revalidate_seconds",
            "cache.classes.stale_if_error_seconds",
        ],
    }
    CACHE_FINGERPRINTED_SHORT = "cache.fingerprinted-but-short" {
        title: "files that never change are kept for a short time",
        why: "A name with a hash of the content never means another content, so a copy is good for ever. A short \
              lifetime makes each returning visitor ask again for nothing.",
        remedy: "Take 31536000, a year.",
        source: "RFC 8246; RFC 9111, section 5.2.2.1",
        reads: ["cache.classes.fingerprinted", "cache.classes.max_age_seconds"],
    }
    CACHE_FINGERPRINTED_DEFAULT = "cache.fingerprinted-default" {
        title: "the class of all other paths calls itself fingerprinted",
        why: "A class without `paths` takes pages too, whose names carry no hash: kept for a year as their lifetime \
              then says, a page could not be corrected. And no check knows under which path to look for assets.",
        remedy: "Give the class the `paths` of the assets, and end with a class for the pages.",
        source: "RFC 8246; JVA-6",
        reads: ["cache.classes.fingerprinted", "cache.classes.paths"],
    }
    CACHE_TOO_MANY_RULES = "cache.too-many-rules" {
        title: "more classes than the plan has cache rules",
        why: "Each class becomes a cache rule: 10 on Free, 25 on Pro, 50 on Business, 300 on Enterprise. The API \
              refuses the whole list when it is longer.",
        remedy: "Merge classes that keep the same time, or take a higher plan.",
        source: "Cloudflare docs, cache/how-to/cache-rules",
        reads: ["cache.classes.name", "cdn.plan"],
    }
    CACHE_NEEDS_PROXY = "cache.needs-proxy" {
        title: "nobody sends the cache headers",
        why: "The classes become `Cache-Control` headers in the nginx of `[proxy]`. Without it the app must send them \
              itself, to the letter; the app of 2020 sent none.",
        remedy: "Add `[proxy]`, or make the app send what each class says: the checks will tell.",
        source: "JVA-6",
        reads: ["cache.classes.name", "proxy"],
    }
    CACHE_NO_SAMPLES = "cache.no-samples" {
        title: "no check can ask this class",
        why: "A check needs a real path of the class. Without one nothing shows that these routes are kept, or that \
              they are not.",
        remedy: "Give one or two real paths as `samples`.",
        source: "golive: nothing without a check; DOC-4",
        reads: ["cache.classes.samples", "cache.classes.fingerprinted"],
    }
    CACHE_READ_CACHE = "cache.read-cache" {
        title: "the app's own cache cannot be switched, be seen, or be remembered",
        why: "A cache of thirty seconds was ready on the night that needed it, and everybody had forgotten it.",
        remedy: "Name the apps that read the switch and an answer of the app itself, and switch it for practice.",
        source: "DOC-4",
        reads: ["cache.read_cache", "cache.classes", "apps.apps.name", "site.announcement"],
    }
    CACHE_SAMPLE_OUTSIDE = "cache.sample-outside-class" {
        title: "a sample belongs to another class",
        why: "The check would ask a path of one class and expect the headers of another: red while all is well, or \
              green while it is not.",
        remedy: "Move the sample to its class, or correct the paths.",
        source: "golive: first match wins",
        reads: ["cache.classes.samples", "cache.classes.paths", "cache.classes.fingerprinted"],
    }

    // [proxy]
    PROXY_BODY_LIMIT = "proxy.body-limit" {
        title: "the limit of request bodies is outside 1 to 75 MiB",
        why: "0 means `no limit` to nginx. Scalingo's router answers 413 above 75 MB whatever nginx allows, so a higher \
              limit promises what does not work.",
        remedy: "Take the largest upload that the site really has, 1 to 75.",
        source: "Scalingo docs, platform/networking/public; nginx docs, client_max_body_size",
        reads: ["proxy.body_limit_mib"],
    }
    PROXY_READ_TIMEOUT = "proxy.read-timeout" {
        title: "nginx waits as long as the router before it",
        why: "Scalingo's router answers 504 when the first byte takes 30 s. An nginx that waits longer never answers \
              itself: no stale copy, no error page of the site, no line in its log.",
        remedy: "Take less than 30 seconds, 25 for instance.",
        source: "Scalingo docs, platform/networking/public",
        reads: ["proxy.read_timeout_seconds", "proxy.runs_on"],
    }

    PROXY_CONTAINERS = "proxy.containers" {
        title: "fewer containers of nginx than addresses",
        why: "The CDN spreads visitors over the addresses of the site so that one of them may fail. A single container \
              behind them all fails for all of them, and each deployment of it is an outage.",
        remedy: "Run at least as many `web` containers of the front as there are origins.",
        source: "JVA-12; Scalingo docs, platform/internals",
        reads: ["apps.apps.containers", "apps.apps.front", "proxy.runs_on", "cdn.origins"],
    }

    // [rate_limits]
    RATE_LIMITS_NONE = "rate_limits.no-limit" {
        title: "`[rate_limits]` has no limit",
        why: "A table without limits limits nothing, yet reads as if somebody had seen to it.",
        remedy: "Give a limit, or remove the table.",
        source: "JVA-6",
        reads: ["rate_limits.limits"],
    }
    RATE_LIMITS_DUPLICATE_NAME = "rate_limits.duplicate-name" {
        title: "two limits have one name",
        why: "The name is that of nginx's memory and of the CDN's rule, where it must be unique; and no report could \
              say which of the two is red.",
        remedy: "Rename one.",
        source: "nginx docs, limit_req_zone",
        reads: ["rate_limits.limits.name"],
    }
    RATE_LIMITS_NOBODY_COUNTS = "rate_limits.nobody-counts" {
        title: "a limit where nothing counts",
        why: "A limit is counted by the CDN, by the nginx before the app, or by the machines that redirect. Without that \
              table it is written nowhere.",
        remedy: "Add the table, or let another place count.",
        source: "JVA-6",
        reads: ["rate_limits.limits.at", "cdn", "proxy", "redirects"],
    }
    RATE_LIMITS_REQUESTS = "rate_limits.requests" {
        title: "the number of requests is no limit",
        why: "nginx refuses a rate of 0, which would let nobody in. Above a hundred thousand nothing is limited.",
        remedy: "Give what one visitor needs, with a margin.",
        source: "nginx docs, limit_req_zone",
        reads: ["rate_limits.limits.requests", "rate_limits.limits.burst"],
    }
    RATE_LIMITS_PERIOD = "rate_limits.period" {
        title: "nginx has no such period",
        why: "nginx counts in requests a second or a minute, and knows no other unit.",
        remedy: "Take `per_seconds = 1` or `60`.",
        source: "nginx docs, limit_req_zone",
        reads: ["rate_limits.limits.at", "rate_limits.limits.per_seconds"],
    }
    RATE_LIMITS_TRUNCATED = "rate_limits.truncated" {
        title: "nginx rounds the rate down",
        why: "It keeps thousandths of a request a second and cuts the rest off: one a minute becomes one in 62.5 s, and \
              a check that counts finds too few.",
        remedy: "Take 3, 6 or another number of which a minute gives whole thousandths.",
        source: "nginx, ngx_http_limit_req_module.c",
        reads: ["rate_limits.limits.at", "rate_limits.limits.requests", "rate_limits.limits.per_seconds"],
    }
    RATE_LIMITS_RETRY_AFTER = "rate_limits.retry-after" {
        title: "visitors are told to come back too soon",
        why: "Retry-After is one number for all limits of an nginx. Shorter than the time in which a limit lets one \
              more request in, it sends polite clients into a second refusal.",
        remedy: "Take at least the slowest limit's time for one request.",
        source: "RFC 6585, section 4; RFC 9110, section 10.2.3",
        reads: ["rate_limits.retry_after_seconds", "rate_limits.limits.requests", "rate_limits.limits.per_seconds"],
    }
    RATE_LIMITS_NO_BURST = "rate_limits.no-burst" {
        title: "a limit without burst",
        why: "Requests never come evenly. Without a burst, nginx refuses the second of two that come together, even \
              far below the rate: of 40 requests at exactly the rate, 6 were refused.",
        remedy: "Give `burst`, twice the rate or more.",
        source: "nginx docs, ngx_http_limit_req_module",
        reads: ["rate_limits.limits.at", "rate_limits.limits.burst"],
    }
    RATE_LIMITS_SMALL_BURST = "rate_limits.small-burst" {
        title: "the burst is below twice the rate",
        why: "A page asks for what it shows all at once, and a person opens two. A small burst refuses them in the \
              first second.",
        remedy: "Take at least twice what passes in a second.",
        source: "nginx docs, ngx_http_limit_req_module",
        reads: ["rate_limits.limits.at", "rate_limits.limits.burst", "rate_limits.limits.requests", "rate_limits.limits.per_seconds"],
    }
    RATE_LIMITS_EDGE_BURST = "rate_limits.edge-burst" {
        title: "the CDN's limits have no burst",
        why: "The edge counts requests in whole periods and knows no burst: the key would promise what nobody keeps.",
        remedy: "Remove `burst`.",
        source: "Cloudflare docs, waf/rate-limiting-rules/parameters",
        reads: ["rate_limits.limits.at", "rate_limits.limits.burst"],
    }

    // [degraded_mode]
    DEGRADED_NEEDS_PROXY = "degraded_mode.needs-proxy" {
        title: "nobody cuts what the degraded mode cuts",
        why: "The cut paths are answered by the nginx of `[proxy]`, so that they cost the app nothing. Without it the \
              switch would rest on an app that is in trouble.",
        remedy: "Add `[proxy]`.",
        source: "JVA-18",
        reads: ["degraded_mode.cut", "proxy"],
    }
    DEGRADED_SAME_VALUE = "degraded_mode.same-value" {
        title: "one value means both modes",
        why: "The switch would switch nothing.",
        remedy: "Give `on` and `off` different values.",
        source: "JVA-18",
        reads: ["degraded_mode.on", "degraded_mode.off"],
    }
    DEGRADED_NOTHING = "degraded_mode.nothing" {
        title: "the mode cuts nothing, or nothing must live",
        why: "A mode that cuts nothing relieves nobody. One of which nobody knows what must live cannot be tried: what \
              is it that must still work?",
        remedy: "Name both.",
        source: "JVA-19",
        reads: ["degraded_mode.essential", "degraded_mode.cut"],
    }
    DEGRADED_CUTS_ESSENTIAL = "degraded_mode.cuts-essential" {
        title: "the mode cuts what must live",
        why: "A start of paths takes everything below it. The journey for which the mode exists, sign-up in 2020, would \
              be lost in the hour in which it is needed; a cut health path makes the platform restart the site.",
        remedy: "Make the cut narrower.",
        source: "JVA-18, JVA-19",
        reads: ["degraded_mode.essential", "degraded_mode.cut", "proxy.health_path"],
    }
    DEGRADED_UNKNOWN_APP = "degraded_mode.unknown-app" {
        title: "no app of the blueprint has this name",
        why: "The variable is set in the apps that read it. One that is not described gets no variable, and stays in the \
              normal mode.",
        remedy: "Name an app of `[[apps.apps]]`.",
        source: "JVA-18",
        reads: ["degraded_mode.apps"],
    }

    // [redirects]
    REDIRECTS_CYCLE = "redirects.cycle" {
        title: "the redirects lead in a circle",
        why: "A browser gives up after some twenty hops with an error that blames the site, and a permanent redirect \
              stays in the browser's cache: correcting the server does not heal it.",
        remedy: "Send every name straight to the site's own.",
        source: "RFC 9110, section 15.4; JVA-16",
        reads: ["redirects.servers.names", "redirects.servers.to"],
    }
    REDIRECTS_CHAIN = "redirects.chain" {
        title: "a redirect leads to another redirect",
        why: "Each hop is a connection, a handshake and a request more, at the moment when most people come; the \
              redirect of 2020 was sized for 8,000 requests a second and a chain doubles that.",
        remedy: "Send the name straight to the last one.",
        source: "JVA-17; RFC 9110, section 15.4",
        reads: ["redirects.servers.names", "redirects.servers.to"],
    }
    REDIRECTS_STATUS = "redirects.status" {
        title: "not a permanent redirect",
        why: "301 and 308 are permanent: browsers and search engines learn the new name. Others are asked again each \
              time (302, 307), change the method (303), or are no redirect.",
        remedy: "Take 308, which keeps method and body, or 301.",
        source: "RFC 9110, sections 15.4.2 and 15.4.9",
        reads: ["redirects.servers.status"],
    }
    REDIRECTS_NO_ADDRESS = "redirects.no-address" {
        title: "no address answers for these names",
        why: "The names get A and AAAA records with these addresses; without one they do not exist for the public.",
        remedy: "Give the addresses of the servers that redirect, two of them if one may fail.",
        source: "JVA-16, JVA-17",
        reads: ["redirects.servers.addresses"],
    }
    REDIRECTS_NO_NAME = "redirects.no-name" {
        title: "the server redirects no name",
        why: "A server without names answers nobody: the table does nothing, and what it was written for is missing.",
        remedy: "Give the names, or remove the table.",
        source: "golive: the blueprint",
        reads: ["redirects.servers.names"],
    }
    REDIRECTS_DUPLICATE_NAME = "redirects.duplicate-name" {
        title: "a name is redirected twice",
        why: "Two servers of one name: which one answers is left to the order of their files.",
        remedy: "Keep one.",
        source: "nginx docs, server names",
        reads: ["redirects.servers.names"],
    }
    REDIRECTS_NAME_WITHOUT_ZONE = "redirects.name-without-zone" {
        title: "no zone of the blueprint holds the redirected name",
        why: "The name needs address records before anybody can be redirected. If no zone holds it, nobody is asked \
              for them and no check looks for them.",
        remedy: "Add the zone of the name to `[[dns.zones]]`.",
        source: "JVA-11, JVA-16",
        reads: ["redirects.servers.names", "dns.zones.name"],
    }
    REDIRECTS_ANNOUNCED = "redirects.announced-nowhere" {
        title: "the announced name leads nowhere",
        why: "The public types what it was told. A name that was chosen late is in no certificate, no zone and no \
              redirect unless somebody puts it there.",
        remedy: "Add the name to `[[redirects.servers]]`.",
        source: "JVA-16, JVA-17",
        reads: ["redirects.servers.names", "site.announced", "site.host", "site.hosts.name"],
    }
    REDIRECTS_WWW = "redirects.www-forgotten" {
        title: "the announced name with www leads nowhere",
        why: "Of those who type a name that they heard, some put www before it.",
        remedy: "Add the name with www to the same redirect.",
        source: "JVA-16",
        reads: ["dns.zones.name", "redirects.servers.names", "site.announced", "site.host", "site.hosts.name"],
    }
    REDIRECTS_NOTHING = "redirects.nothing" {
        title: "the table redirects nothing",
        why: "A promise without content gives no configuration and no check, and reads as if there were one.",
        remedy: "Add names or paths, or remove the table.",
        source: "golive: the blueprint",
        reads: ["redirects.servers", "redirects.paths"],
    }
    REDIRECTS_PATHS_WITHOUT_PROXY = "redirects.paths-without-proxy" {
        title: "paths are moved and nothing stands before the app",
        why: "The table of moved paths is kept by the nginx of `[proxy]`. Without it no file holds the table, and old \
              links end at the app, which does not know them.",
        remedy: "Add `[proxy]`, or let the app redirect.",
        source: "JVA-6",
        reads: ["redirects.paths", "proxy"],
    }
    REDIRECTS_PATH_NEVER_ASKED = "redirects.path-never-asked" {
        title: "no request has this path",
        why: "nginx compares the decoded path with dot segments resolved and slashes merged; what is no UTF-8 cannot be \
              written to its file, and `<%` would be run by the buildpack. Such a line would never redirect anybody.",
        remedy: "Write the path as browsers show it.",
        source: "nginx docs, $uri and merge_slashes; Scalingo nginx buildpack",
        reads: ["redirects.paths"],
    }
    REDIRECTS_PATH_OF_PAGE = "redirects.path-of-page" {
        title: "a page of the blueprint is moved away",
        why: "`pages` and the samples of cache classes are asked by checks as pages that answer. Moved, every one of \
              them would be red, or the page is still announced and should not move.",
        remedy: "Take the path out of the pages and samples, or out of the table.",
        source: "JVA-10",
        reads: ["redirects.paths", "site.pages", "cache.classes.samples"],
    }
    REDIRECTS_DUPLICATE_PATH = "redirects.duplicate-path" {
        title: "a path is moved twice",
        why: "nginx compares the keys of a map decoded and without regard to case, and refuses to start with two equal \
              ones: `/Old` and `/old` are one.",
        remedy: "Keep one of the two.",
        source: "nginx docs, ngx_http_map_module",
        reads: ["redirects.paths"],
    }
    REDIRECTS_PATH_LOOP = "redirects.path-loop" {
        title: "moved paths lead in a circle",
        why: "A browser follows some twenty redirects and shows an error. Permanent ones it remembers: who was sent in \
              a circle once may stay there after the table was mended.",
        remedy: "Let one of the paths answer.",
        source: "RFC 9110, sections 15.4 and 15.4.9",
        reads: ["redirects.paths"],
    }
    REDIRECTS_PATH_CHAIN = "redirects.path-chain" {
        title: "a path is moved to one that has moved too",
        why: "Each hop costs a visitor on a phone a round trip, and the server a request.",
        remedy: "Send the path straight to the last one.",
        source: "RFC 9110, section 15.4",
        reads: ["redirects.paths"],
    }
    REDIRECTS_SHADOWS_SITE = "redirects.shadows-site" {
        title: "the site's own name is redirected",
        why: "The name would have to be the site and not to be it: its record leads to one or to the other, and in the \
              second case the site is never reached.",
        remedy: "Remove the name from the redirect, or give the site another host.",
        source: "golive: the blueprint",
        reads: ["redirects.servers.names", "site.host", "site.hosts.name"],
    }
    REDIRECTS_ADDRESS = "redirects.address-not-public" {
        title: "the address of a redirect is not public",
        why: "Visitors reach these servers straight, without CDN. A private address in public DNS leads each visitor \
              into a network of their own.",
        remedy: "Give the address that the hosting shows to the Internet.",
        source: "RFC 6890, section 2.2; JVA-17",
        reads: ["redirects.servers.addresses"],
    }

    // Mail.
    MAIL_NO_DOMAIN = "mail.no-domain" {
        title: "`[mail]` names no domain",
        why: "A table without domains publishes nothing and proves nothing, yet reads as if mail had been seen to.",
        remedy: "Name the domain behind the @, or remove the table.",
        source: "JVA-13",
        reads: ["mail.domains"],
    }
    MAIL_DOMAIN_WITHOUT_ZONE = "mail.domain-without-zone" {
        title: "a mail domain is in no zone of the blueprint",
        why: "SPF, DKIM and DMARC are records of the domain. Without its zone nobody is asked for them.",
        remedy: "Add the zone, with whoever runs it.",
        source: "JVA-11, JVA-13",
        reads: ["mail.domains.name", "dns.zones.name"],
    }
    MAIL_TWO_SPF = "mail.two-spf-records" {
        title: "a name would have two SPF records",
        why: "A receiver that finds two SPF records at one name believes neither: permerror, and the mail counts \
              as unauthenticated.",
        remedy: "Describe each domain, bounce domain and HELO name once; merge their senders.",
        source: "RFC 7208, section 4.5",
        reads: ["mail.domains.name", "mail.domains.bounce.name", "mail.domains.senders.helo"],
    }
    MAIL_ADDRESS_TWICE = "mail.address-twice" {
        title: "an address sends under two names",
        why: "Receivers compare the name of HELO with the one of the reverse zone, and an address has one name \
              there.",
        remedy: "Give each name an address of its own.",
        source: "JVA-13; RFC 1912, section 2.1",
        reads: ["mail.domains.senders.address"],
    }
    MAIL_ADDRESS = "mail.address-not-public" {
        title: "a sending address is not public",
        why: "SPF and the reverse zone speak of the address that receivers see. A private one is never seen.",
        remedy: "Give the public address from which the provider sends.",
        source: "RFC 6890, section 2.2",
        reads: ["mail.domains.senders.address", "mail.domains.transport.served_at"],
    }
    MAIL_NAME_OUTSIDE = "mail.name-outside" {
        title: "a HELO or bounce name is outside its domain",
        why: "SPF counts for DMARC only where the envelope's domain belongs to the domain behind the @, and golive \
              can write the address of a HELO name only there.",
        remedy: "Take a name within the domain.",
        source: "RFC 9989; JVA-13",
        reads: ["mail.domains.name", "mail.domains.bounce.name", "mail.domains.senders.helo"],
    }
    MAIL_NO_EXCHANGE = "mail.no-exchange" {
        title: "a domain that receives mail has no mail server",
        why: "Without MX, senders try the domain's own address, which is a web server or nothing: answers and \
              bounces are lost, and some receivers refuse mail from a domain that cannot be answered.",
        remedy: "Name the mail servers, or declare `receives = false`.",
        source: "RFC 5321, section 5.1; RFC 7505",
        reads: ["mail.domains.receives", "mail.domains.exchanges"],
    }
    MAIL_NULL_MX_SENDER = "mail.null-mx-sender" {
        title: "a domain without mail sends mail",
        why: "`receives = false` publishes a null MX and an SPF policy that allows nobody. Receivers refuse mail \
              from such a domain.",
        remedy: "Let the domain receive, or take its senders away.",
        source: "RFC 7505, section 4.2",
        reads: ["mail.domains.receives", "mail.domains.senders", "mail.domains.spf_includes", "mail.domains.exchanges", "mail.domains.dkim", "mail.domains.bounce"],
    }
    MAIL_LOOKUPS = "mail.too-many-lookups" {
        title: "SPF includes more policies than receivers look up",
        why: "A receiver stops after ten look-ups, those inside the included policies counted, and the whole \
              policy is a permerror.",
        remedy: "Drop includes, or send under sub-domains with policies of their own.",
        source: "RFC 7208, section 4.6.4",
        reads: ["mail.domains.spf_includes"],
    }
    MAIL_UNSIGNED = "mail.unsigned" {
        title: "mail is sent without DKIM",
        why: "SPF breaks when mail is forwarded; DKIM carries DMARC then. From 5,000 messages a day on the large \
              receivers refuse what lacks either.",
        remedy: "Add the selector that the provider shows.",
        source: "JVA-13; Google and Yahoo 2024, Microsoft 2025, rules for bulk senders",
        reads: ["mail.messages_per_day", "mail.domains.dkim", "mail.domains.senders", "mail.domains.spf_includes"],
    }
    MAIL_SELECTOR_TWICE = "mail.selector-twice" {
        title: "a DKIM selector has two keys",
        why: "A receiver that finds two keys under one selector may take either, so that good signatures fail at \
              random.",
        remedy: "Give each key a selector of its own.",
        source: "RFC 6376, section 3.6.2.2",
        reads: ["mail.domains.dkim.selector"],
    }
    MAIL_DKIM_SOURCE = "mail.dkim-source" {
        title: "a selector has no key, or two sources of it",
        why: "The record is either the key itself (TXT) or the name at which the provider keeps it (CNAME); a \
              CNAME stands alone.",
        remedy: "Give `key` or `key_at`.",
        source: "RFC 6376, section 3.6; RFC 1034, section 3.6.2",
        reads: ["mail.domains.dkim.key", "mail.domains.dkim.key_at"],
    }
    MAIL_DKIM_SHORT = "mail.dkim-short-key" {
        title: "a DKIM key is shorter than 2,048 bits",
        why: "1,024 bits are the least that receivers take; signers should use 2,048. Some providers still hand \
              out the short ones.",
        remedy: "Ask the provider for a key of 2,048 bits.",
        source: "RFC 8301, section 3.2",
        reads: ["mail.domains.dkim.key"],
    }
    MAIL_DKIM_OLD = "mail.dkim-old-key" {
        title: "a DKIM key is more than a year old",
        why: "Whoever got hold of a key signs in the site's name for as long as it is published. A key that nobody has \
              changed is one that nobody knows how to change.",
        remedy: "Have a new key made under another selector; keep the old one for a week.",
        source: "M3AAWG, DKIM key rotation; RFC 6376, section 3.1",
        reads: ["mail.domains.dkim.since", "site.announcement"],
    }
    MAIL_COLD = "mail.cold-address" {
        title: "a sending address is new",
        why: "Receivers do not know it and take little from it at first, more from week to week. All that the launch \
              sends on one evening is deferred or refused.",
        remedy: "Take addresses that receivers know, start weeks before, or send less at once.",
        source: "JVA-13",
        reads: ["mail.domains.senders.warm_since", "mail.messages_per_day", "site.announcement"],
    }
    MAIL_HOUR = "mail.hour-above-day" {
        title: "the busiest hour holds more mail than its day",
        why: "One of the two numbers is wrong, and both go into the letter to the provider.",
        remedy: "Give the busiest hour's share of the day.",
        source: "golive",
        reads: ["mail.messages_per_day", "mail.messages_per_hour"],
    }
    MAIL_UNSUBSCRIBE = "mail.no-unsubscribe" {
        title: "advertising without unsubscription by one click",
        why: "From 5,000 a day on, Google and Yahoo want both headers of RFC 8058 on whatever is not an answer to what \
              the reader has just done. Without them readers press the other button, and the complaints count.",
        remedy: "Have messages carry both headers, then set `one_click_unsubscribe = true`.",
        source: "RFC 8058; Google and Yahoo, rules for bulk senders 2024",
        reads: ["mail.marketing", "mail.messages_per_day", "mail.one_click_unsubscribe"],
    }
    MAIL_MTA_STS_AGE = "mail.mta-sts-age" {
        title: "an MTA-STS policy is to be remembered for more than a year",
        why: "Senders take no policy whose max_age is above 31,557,600 seconds: there would be none.",
        remedy: "Take some weeks.",
        source: "RFC 8461, section 3.2",
        reads: ["mail.domains.transport.max_age_seconds"],
    }
    MAIL_DMARC_NONE = "mail.dmarc-none" {
        title: "DMARC asks for nothing",
        why: "`none` only collects reports. An announced site is worth forging, and forged mail in its name is \
              delivered.",
        remedy: "Read the reports, then take `quarantine` before the launch.",
        source: "RFC 9989; JVA-13",
        reads: ["mail.domains.dmarc.policy"],
    }
    MAIL_REPORTS_ELSEWHERE = "mail.reports-elsewhere" {
        title: "DMARC reports go to another organisation",
        why: "Receivers send reports elsewhere only if the other side agreed by a record of its own. Without it \
              the reports are silently not sent.",
        remedy: "See that the owner of the mailbox publishes the record.",
        source: "RFC 9990",
        reads: ["dns.zones.name", "mail.domains.name", "mail.domains.dmarc.report_to"],
    }

    // [cdn], beyond its zone.
    CDN_CERTIFICATE_DAYS = "cdn.certificate-days" {
        title: "the authority does not sign for so long",
        why: "Let's Encrypt signs for 90 days, Google for 14, 30 or 90, SSL.com for these and, on the largest plan, for \
              365. An order for another time is refused when Terraform is applied.",
        remedy: "Take 90 days.",
        source: "Cloudflare docs, ssl/reference/certificate-validity-periods",
        reads: ["cdn.certificate"],
    }
    CDN_MONITOR_INTERVAL = "cdn.monitor-interval" {
        title: "origins cannot be asked so often, or so seldom",
        why: "Cloudflare asks an origin every 10 seconds at most and every hour at least.",
        remedy: "Take 60 seconds: two bad answers in a row take an origin out after two minutes.",
        source: "Cloudflare docs, load-balancing/reference/limitations",
        reads: ["cdn.load_balancer.interval_seconds"],
    }
    CDN_HEADER = "cdn.response-header" {
        title: "a response header that the edge cannot set",
        why: "Caching, cookies, redirects and HSTS are decided by other keys, and a second voice at the edge would \
              overrule them unseen; Cloudflare keeps some headers to itself; a header is named once and is ASCII.",
        remedy: "Remove the entry, or write its value in ASCII.",
        source: "Cloudflare docs, rules/transform/response-header-modification; RFC 9110, section 5.5",
        reads: ["cdn.response_headers"],
    }

    // Limits of the CDN's plan.
    PLAN_COUNT = "cdn.plan-count" {
        title: "more of something than the plan holds",
        why: "Each plan of Cloudflare holds so many rules of a kind, lists and origins. Terraform plans more without a \
              word, and the API refuses the whole phase when they are applied: none of its rules is there then.",
        remedy: "Take the plan that is named, or leave some out.",
        source: "Cloudflare docs, the plan table of each product",
        reads: ["cdn", "waf", "rate_limits", "third_parties"],
    }
    PLAN_VALUE = "cdn.plan-value" {
        title: "a value that the plan does not have",
        why: "The smaller plans count over shorter times, keep out for shorter times and ask origins less often. The API \
              refuses other values when they are applied.",
        remedy: "Take the plan that is named, or a value that the present one has.",
        source: "Cloudflare docs, waf/rate-limiting-rules; load-balancing/reference/limitations",
        reads: ["cdn", "rate_limits"],
    }
    PLAN_FEATURE = "cdn.plan-feature" {
        title: "something that the plan does not have",
        why: "Waiting rooms, events, managed rulesets or the action that only logs exist from some plan on. What is \
              promised without it would be refused when it is applied, in the night before.",
        remedy: "Take the plan that is named, or do without.",
        source: "Cloudflare docs, the plan table of each product",
        reads: ["cdn", "waf", "waiting_room", "rate_limits"],
    }
    EDGE_PERIOD = "cdn.edge-period" {
        title: "a limit counts over a time that the edge does not know",
        why: "Cloudflare counts over 10, 60, 120, 300, 600 or 3600 seconds, as far as the plan has them. It refuses any \
              other time, and with it every limit of the zone.",
        remedy: "Take one of these times, or count at the proxy.",
        source: "Cloudflare docs, waf/rate-limiting-rules/parameters",
        reads: ["cdn", "rate_limits"],
    }

    // [waf]
    WAF_NEEDS_CDN = "waf.needs-cdn" {
        title: "a filter without a CDN",
        why: "The rules run at the CDN's edge. Without one nobody would execute them, and the blueprint would promise a \
              filter that does not exist.",
        remedy: "Add `[cdn]`, or remove `[waf]`.",
        source: "JVA-2",
        reads: ["cdn", "waf"],
    }
    WAF_TWO_COUNTRY_LISTS = "waf.two-country-lists" {
        title: "countries are both blocked and allowed",
        why: "A list of those who come in says all there is to say; a second list beside it either repeats it or \
              contradicts it, and nobody can tell which is meant.",
        remedy: "Keep `block_countries` or `allow_countries`.",
        source: "golive: the blueprint",
        reads: ["waf.block_countries", "waf.allow_countries"],
    }
    WAF_UNKNOWN_COUNTRY = "waf.unknown-country" {
        title: "a country code that is assigned to no country",
        why: "Cloudflare takes any two letters and compares them with what it believes of the visitor: a wrong code \
              never fits, so the country stays open, or shut.",
        remedy: "Take the code of ISO 3166-1 alpha-2; T1 is the Tor network.",
        source: "ISO 3166-1; Cloudflare docs, ruleset-engine/rules-language/fields",
        reads: ["waf.block_countries", "waf.allow_countries", "waf.rules.countries"],
    }
    WAF_FRANCE_OVERSEAS = "waf.france-overseas" {
        title: "overseas France has country codes of its own",
        why: "FR is the mainland and Corsica alone. Two and a half million people in Guadeloupe, Martinique, French \
              Guiana, Reunion, Mayotte and the other overseas territories come under GP, MQ, GF, RE, YT, NC, PF and \
              others, and a rule that names FR shuts them out of a public service.",
        remedy: "Name all of them wherever FR is named.",
        source: "JVA-2; ISO 3166-1",
        reads: ["waf.block_countries", "waf.allow_countries"],
    }
    WAF_DUPLICATE_NAME = "waf.duplicate-name" {
        title: "two rules have one name",
        why: "The name is the `ref` by which Terraform and Cloudflare's log know the rule; Cloudflare refuses two alike.",
        remedy: "Give each rule a name of its own.",
        source: "Cloudflare docs, ruleset-engine/rulesets-api",
        reads: ["waf.rules.name"],
    }
    WAF_RULE_TAKES_ALL = "waf.rule-takes-all" {
        title: "a rule blocks or challenges everybody",
        why: "A rule without a condition fits every request to the site. It would be applied with the rest, and the \
              site be gone for all visitors, or behind a page for each of them.",
        remedy: "Give the rule a condition that some requests do not fit. To challenge everybody in an attack there is \
                 the lever `golive_under_attack`, which is generated switched off.",
        source: "JVA-2",
        reads: [
            "waf.rules.name", "waf.rules.action", "waf.rules.paths", "waf.rules.methods", "waf.rules.countries",
            "waf.rules.addresses", "waf.rules.user_agent_contains",
        ],
    }
    WAF_HOST_OUTSIDE = "waf.host-outside-zone" {
        title: "a rule names a host outside the CDN's zone",
        why: "Rules are kept in a zone and see its hosts alone. One for another name never fits anything.",
        remedy: "Name hosts of the zone.",
        source: "Cloudflare docs, waf/custom-rules",
        reads: ["waf.rules.hosts", "cdn.zone"],
    }
    WAF_CHALLENGE_ON_CLEAN = "waf.challenge-on-clean-paths" {
        title: "a challenge stands only on paths that are never challenged",
        why: "`clean_paths` are left out of every challenge, since programs ask for them and no program passes one. A \
              rule about these paths alone does nothing.",
        remedy: "Block instead of challenging, or take the path out of `clean_paths`.",
        source: "Cloudflare docs, cloudflare-challenges",
        reads: ["waf.clean_paths", "waf.rules.action", "waf.rules.paths"],
    }

    // [waiting_room]
    STATIC_NEEDS_PROXY = "static_routes.needs-proxy" {
        title: "nobody sends the published paths to Varnish",
        why: "Varnish stands behind the nginx of [proxy]. Without it the paths lead to the app, and the back office's pages \
              to nobody.",
        remedy: "Add [proxy].",
        source: "ALT-3, ALT-6",
        reads: ["static_routes.routes", "proxy"],
    }
    STATIC_IN_CONTAINER = "static_routes.in-container" {
        title: "Varnish is looked for in nginx's own container",
        why: "The nginx buildpack brings nginx and nothing else. On the loopback of that container nobody listens, and every \
              published page would be 502.",
        remedy: "Run Varnish on a machine or in an app of its own, and name that.",
        source: "Scalingo docs, platform/deployment/buildpacks/nginx",
        reads: ["static_routes.cache", "proxy.runs_on"],
    }
    STATIC_PUBLIC = "static_routes.public" {
        title: "Varnish listens where the public goes",
        why: "Varnish believes what the proxy says of a client. Whoever reaches it without the proxy says it himself, and \
              publishes or removes what he likes.",
        remedy: "Let it listen where the proxy alone reaches it.",
        source: "ALT-6",
        reads: [
            "static_routes.cache",
            "site.host",
            "site.hosts.name",
            "cdn.origins",
            "redirects.servers.names",
            "redirects.servers.addresses",
        ],
    }
    STATIC_NOTHING = "static_routes.nothing" {
        title: "nothing is published",
        why: "A table without routes, or a route without paths, asks for a Varnish that nobody uses.",
        remedy: "Name what is published, or leave it out.",
        source: "ALT-5",
        reads: ["static_routes.routes", "static_routes.routes.paths"],
    }
    STATIC_DUPLICATE_NAME = "static_routes.duplicate-name" {
        title: "two routes have one name",
        why: "The name decides how long a page is kept and by whom it is published; of two, one would be lost.",
        remedy: "Rename one.",
        source: "ALT-5",
        reads: ["static_routes.routes.name"],
    }
    STATIC_UNREACHABLE = "static_routes.unreachable" {
        title: "an earlier route takes the paths of a later one",
        why: "The first route that takes a path has it. The later one's back office is never asked.",
        remedy: "Put the narrower route first.",
        source: "ALT-5",
        reads: ["static_routes.routes.paths"],
    }
    STATIC_TAKES_OTHERS = "static_routes.takes-others" {
        title: "a published path takes what another table promises",
        why: "Published is one copy for everybody, without cookie and without query. What is private would be the same for \
              all, what says how the site is would be old, and the checks of a class would look for a header that \
              Varnish does not send.",
        remedy: "Make the route's path longer, or take the path out of the other table.",
        source: "ALT-5, JVA-7",
        reads: [
            "static_routes.routes.paths",
            "cache.classes.paths",
            "cache.classes.samples",
            "cache.classes.store",
            "cache.classes.fingerprinted",
            "proxy.health_path",
            "apps.apps.health_path",
            "site.hosts.pages",
        ],
    }
    STATIC_OFFICE_PUBLIC = "static_routes.office-public" {
        title: "the back office is a public place",
        why: "Visitors never reach the back office: that is why it stands on the night. One that has a public name of the \
              site would ask itself, in a circle.",
        remedy: "Name it where Varnish alone reaches it.",
        source: "ALT-6",
        reads: [
            "static_routes.routes.back_office",
            "static_routes.cache",
            "site.host",
            "site.hosts.name",
            "cdn.origins",
            "redirects.servers.names",
            "redirects.servers.addresses",
        ],
    }
    STATIC_LIFETIME = "static_routes.lifetime" {
        title: "a page is too short-lived to be published",
        why: "With no life at all visitors are served one after the other, each by a build of the back office. With less \
              grace than life a back office that misses two refreshes takes its pages along.",
        remedy: "Give a life of some seconds and a grace of a day.",
        source: "ALT-6; Varnish docs, users-guide/vcl-grace",
        reads: ["static_routes.routes.refreshed_every_seconds", "static_routes.routes.grace_seconds"],
    }
    STATIC_PUBLISHERS = "static_routes.publishers" {
        title: "nobody may publish, or too many may",
        why: "A wrong page must be replaced at once, by whoever made it. Whoever else can do it can have pages built at will, \
              or take them away.",
        remedy: "Name the publishers' own addresses.",
        source: "ALT-6; Varnish docs, users-guide/purging",
        reads: ["static_routes.routes.publishers"],
    }
    STATIC_NO_SAMPLES = "static_routes.no-samples" {
        title: "a route has no path that checks could ask for",
        why: "Checks ask for real paths. Without one nobody sees before the visitors whether the route works.",
        remedy: "Add one or two.",
        source: "ALT-6",
        reads: ["static_routes.routes.samples"],
    }
    STATIC_SAMPLE = "static_routes.sample" {
        title: "a sample is no path of its route",
        why: "The check would ask somebody else, and say something of that.",
        remedy: "Correct the sample, or the paths.",
        source: "ALT-6",
        reads: ["static_routes.routes.samples", "static_routes.routes.paths"],
    }
    ROOM_NEEDS_CDN = "waiting_room.needs-cdn" {
        title: "a waiting room without a CDN",
        why: "Visitors wait at the CDN's edge. Without one they reach the site, all of them.",
        remedy: "Add `[cdn]`, or remove `[waiting_room]`.",
        source: "DOC-5",
        reads: ["cdn", "waiting_room"],
    }
    ROOM_BOUNDS = "waiting_room.bounds" {
        title: "a number that Cloudflare does not take",
        why: "Both numbers of users are 200 at least, no more may come in a minute than there is room for, a session \
              lasts 1 to 30 minutes, and the page answers 200, 202 or 429. Terraform plans other values, and the API \
              refuses them when they are applied.",
        remedy: "Take a number within the bounds.",
        source: "Cloudflare docs, waiting-room/reference/configuration-settings",
        reads: [
            "waiting_room.total_active_users", "waiting_room.new_users_per_minute", "waiting_room.session_minutes",
            "waiting_room.status", "waiting_room.steps", "waiting_room.events",
        ],
    }
    ROOM_ABOVE_TESTED = "waiting_room.above-tested" {
        title: "the room lets in more than was shown to work",
        why: "Data centres take about two minutes to agree on the count, so that a spike overshoots. At the number \
              that the load campaign reached there is no room left for that.",
        remedy: "Let in three quarters of what was tested.",
        source: "DOC-5; Cloudflare docs, waiting-room/troubleshooting",
        reads: ["waiting_room.total_active_users", "waiting_room.tested_active_users"],
    }
    ROOM_NO_LOWER_STEP = "waiting_room.no-lower-step" {
        title: "no lower number is ready",
        why: "Nobody knows the right number before the night. At Doctolib 800,000 were too many and 400,000 let people \
              finish: bookings a second tripled. Whoever must find that number in the crisis loses minutes.",
        remedy: "Add a step with less, and what is seen when it is time for it.",
        source: "DOC-5",
        reads: ["waiting_room.total_active_users", "waiting_room.steps"],
    }
    ROOM_SUSPENDED_EVENTS = "waiting_room.suspended-events" {
        title: "events of a suspended room",
        why: "A suspended room does nothing, its events included, and says so nowhere: the page is the site's, and on the \
              night everybody comes in.",
        remedy: "Let the room be open and pass everybody through outside of events.",
        source: "Cloudflare docs, waiting-room/additional-options/create-events",
        reads: ["waiting_room.suspended", "waiting_room.events"],
    }
    ROOM_EVENT_TIMES = "waiting_room.event-times" {
        title: "times of events that Cloudflare refuses",
        why: "An event lasts a minute at least, gathers visitors from 5 minutes before its start or earlier, and overlaps \
              no other of its room, which has five at most.",
        remedy: "Correct the instants.",
        source: "Cloudflare docs, waiting-room/additional-options/create-events",
        reads: ["waiting_room.events"],
    }
    ROOM_EVENT_MISSES = "waiting_room.event-misses" {
        title: "no event covers the announcement",
        why: "Visitors come when the public is told. An event at another hour, often the local time taken for UTC, holds \
              nobody then.",
        remedy: "Let an event start before the announcement and last for hours.",
        source: "DOC-1, DOC-5",
        reads: ["waiting_room.events", "waiting_room.method", "waiting_room.suspended", "site.announcement"],
    }
    ROOM_CATCHES_PROGRAMS = "waiting_room.catches-programs" {
        title: "an open room on the paths of programs",
        why: "The room covers its path and everything below it. Webhooks, partners and apps keep no cookie and read no \
              page: while it is open they get the waiting page for an answer.",
        remedy: "Give the room the path of the pages, or let programs bypass it where the plan can.",
        source: "DOC-6; Cloudflare docs, waiting-room/additional-options/waiting-room-rules",
        reads: ["waiting_room.path", "waiting_room.suspended", "waiting_room.bypass", "cache.classes"],
    }
    ROOM_EMPTY_BYPASS = "waiting_room.empty-bypass" {
        title: "a bypass for nobody",
        why: "A table that spares nobody promises what is not generated.",
        remedy: "Name paths or partners, or remove the table.",
        source: "golive: the blueprint",
        reads: ["waiting_room.bypass", "third_parties"],
    }
    TERRAFORM_BACKEND = "terraform.backend" {
        title: "the backend is none that a team can share",
        why: "The state says what Terraform has made. On one person's disk nobody else can apply, and two states fight.",
        remedy: "Take a backend that the team shares, each setting once.",
        source: "Terraform docs, backends",
        reads: ["terraform.backend", "terraform.settings"],
    }
    TERRAFORM_CREDENTIAL = "terraform.credential" {
        title: "a credential would stand in a file",
        why: "Generated files are committed and read by many. Terraform also keeps backend settings in plain text below .terraform/.",
        remedy: "Give it through the environment, or with -backend-config.",
        source: "Terraform docs, backends, credentials and sensitive data",
        reads: ["terraform.settings"],
    }
    APPS_NONE = "apps.no-app" {
        title: "no app is named",
        why: "The table promises apps that are there and healthy. Without one there is nothing to make or to check.",
        remedy: "Name an app, or remove the table.",
        source: "golive: the blueprint",
        reads: ["apps.apps"],
    }
    APPS_NAME = "apps.name" {
        title: "the app's name is too short for the platform",
        why: "Scalingo takes 6 to 48 characters. Neither validate nor plan sees a shorter one: the apply fails.",
        remedy: "Take a longer name.",
        source: "Scalingo docs, apps; JVA-4",
        reads: ["apps.apps.name"],
    }
    APPS_TWICE = "apps.app-twice" {
        title: "two apps have one name",
        why: "A name is the app's default host name: the platform knows it once.",
        remedy: "Give each app a name of its own.",
        source: "Scalingo docs, apps",
        reads: ["apps.apps.name"],
    }
    APPS_NO_CONTAINER = "apps.no-container" {
        title: "an app has no containers",
        why: "Nothing of the app would run.",
        remedy: "Name a type of container.",
        source: "Scalingo docs, containers",
        reads: ["apps.apps.containers"],
    }
    APPS_CONTAINER_TWICE = "apps.container-twice" {
        title: "a type of container is named twice",
        why: "Each type has one number and one size: two would undo each other at every apply.",
        remedy: "Name each type once.",
        source: "Scalingo API, containers",
        reads: ["apps.apps.containers.type"],
    }
    APPS_QUOTA = "apps.quota" {
        title: "more containers than the platform allows",
        why: "Ten containers of one type are allowed unless support says otherwise, and neither validate nor plan sees it. On the night the platform stops at the limit, and support takes its time.",
        remedy: "Ask support early, and write what it allowed into the blueprint.",
        source: "Scalingo docs, limits; JVA-9, DOC-2",
        reads: ["apps.apps.containers.count", "apps.apps.containers.autoscale", "apps.apps.containers_allowed"],
    }
    APPS_AUTOSCALE = "apps.autoscale-bounds" {
        title: "the autoscaler's numbers do not fit",
        why: "The platform refuses fewer than two containers, or a lower bound above the upper one; validate and plan pass both. A count outside the bounds is changed within a minute.",
        remedy: "Let count be between min and max, and min 2 or more.",
        source: "Scalingo provider, autoscaler; DOC-2",
        reads: ["apps.apps.containers.count", "apps.apps.containers.autoscale"],
    }
    APPS_VARIABLE = "apps.variable" {
        title: "a variable has two values, or is not yours",
        why: "A variable holds one value. PORT and those that start with SCALINGO_ are the platform's.",
        remedy: "Name each variable once, and leave the platform's alone.",
        source: "Scalingo docs, environment",
        reads: ["apps.apps.environment", "apps.apps.secrets", "apps.apps.trusted_proxies_variable"],
    }
    APPS_SECRET_IN_PLAIN = "apps.secret-in-plain" {
        title: "a secret would stand in a file",
        why: "Blueprint and generated files are committed and read by many. A key that was in a file once is no secret any more.",
        remedy: "Put the name into secrets; Terraform asks for the value.",
        source: "JVA-4",
        reads: ["apps.apps.environment"],
    }
    APPS_DEBUG = "apps.debug" {
        title: "debug output is on",
        why: "Every error page shows code, settings and sometimes secrets, to everybody, and the CDN may keep it.",
        remedy: "Turn it off.",
        source: "JVA-4; Laravel docs, configuration",
        reads: ["apps.apps.environment"],
    }
    APPS_PROXIES = "apps.trusted-proxies" {
        title: "the app does not know its visitors from its proxies",
        why: "Behind proxies each request comes from a proxy's address. An app that trusts none takes all visitors for one, and its limiter refuses them together; one that trusts everybody lets each visitor claim any address.",
        remedy: "Give the proxies' networks, and the variable in which the app reads them.",
        source: "JVA-8",
        reads: ["apps.apps.trusted_proxies", "apps.apps.trusted_proxies_variable"],
    }
    APPS_HEALTH = "apps.health" {
        title: "the app's health does not show",
        why: "To the platform an app is up when its port is open, its database down or not. A health page that a cache may store says how the app was.",
        remedy: "Name a page that asks the database, in a class with store = false.",
        source: "Scalingo docs, containers; JVA-14",
        reads: ["apps.apps.health_path", "cache.classes"],
    }
    APPS_LOGGED_IN = "apps.logged-in-page" {
        title: "a page for who is logged in may be stored, or nobody says how one is known",
        why: "A stored page of one visitor is shown to the next. golive asks the page with the session of a test account, in the cookie that the blueprint names.",
        remedy: "Name the cookie in [cache], and put the page in a class with store = false.",
        source: "JVA-7",
        reads: ["apps.apps.logged_in_path", "cache.session_cookie", "cache.classes", "cdn"],
    }
    APPS_DOMAIN = "apps.domain" {
        title: "a name is that of two apps, or an app has too many",
        why: "The platform's router sends a name to one app, and an app may have twenty.",
        remedy: "Give each name to one app.",
        source: "Scalingo docs, limits",
        reads: ["apps.apps.domains"],
    }
    APPS_FRONT = "apps.front" {
        title: "the front is not what it says",
        why: "The front runs the nginx that golive generates from [proxy]: there is one, or none.",
        remedy: "Let one app be the front, and describe it in [proxy].",
        source: "JVA-6",
        reads: ["apps.apps.front", "proxy"],
    }
    APPS_ALERT = "apps.alert" {
        title: "an alert or a notifier cannot work",
        why: "An alert without anybody to hear it is refused, one on containers that are not there never comes. Validate and plan pass both.",
        remedy: "Name who hears, and what is there.",
        source: "Scalingo docs, alerts; DOC-11",
        reads: ["apps.apps.notify", "apps.apps.alerts", "apps.apps.containers"],
    }
    APPS_DRAIN = "apps.log-drain" {
        title: "the log drain lacks or exceeds what its kind takes",
        why: "The platform refuses it when it is applied; validate and plan pass it.",
        remedy: "Give what this kind takes.",
        source: "Scalingo provider, log_drain",
        reads: ["apps.apps.log_drain"],
    }
    APPS_STACK = "apps.stack-ends" {
        title: "the stack ends soon",
        why: "An app on a stack that has ended is no longer built or mended.",
        remedy: "Take a later stack, and test the app on it.",
        source: "Scalingo docs, stacks",
        reads: ["apps.apps.stack"],
    }
    DATABASE_APP = "database.app" {
        title: "the database belongs to no app",
        why: "The platform makes a database as an add-on of an app, and gives that app its address.",
        remedy: "Name an app of [[apps.apps]].",
        source: "Scalingo docs, databases",
        reads: ["database.app", "apps.apps.name"],
    }
    DATABASE_NODES = "database.nodes" {
        title: "the plan has another number of nodes",
        why: "The class decides: starter has one node, business two. The other number would be believed until the first fault.",
        remedy: "Take the class that has as many nodes as you want.",
        source: "Scalingo docs, databases; JVA-5",
        reads: ["database.plan", "database.nodes"],
    }
    DATABASE_ONE_NODE = "database.one-node" {
        title: "one machine holds all data",
        why: "When it fails the site is down until somebody restores it; its class promises 98 %, which is half an hour a day.",
        remedy: "Take the class business for the launch.",
        source: "Scalingo docs, databases; JVA-5",
        reads: ["database.plan"],
    }
    DATABASE_RECOVERY = "database.recovery" {
        title: "more days of recovery than the plan keeps",
        why: "Shared plans keep seven days.",
        remedy: "Ask for seven or fewer, and keep copies of your own for longer.",
        source: "Scalingo docs, databases",
        reads: ["database.point_in_time_recovery_days"],
    }
    DATABASE_RESTORE = "database.restore" {
        title: "nobody has restored a backup",
        why: "A backup that was never read may be empty, or take a day to load.",
        remedy: "Restore one elsewhere, and note the day.",
        source: "JVA-5",
        reads: ["database.restore_tried_on"],
    }
    DATABASE_CONNECTIONS = "database.connections" {
        title: "more connections than the plan takes",
        why: "Each container opens its pool, and a deployment runs old and new containers side by side. Above the limit the database refuses, and every page that needs it fails.",
        remedy: "Lower the pool, or take a larger plan.",
        source: "Scalingo docs, databases: 60 connections a GB; JVA-5",
        reads: ["database.plan", "database.connections_per_container", "database.reserved_connections", "database.app", "apps.apps.containers"],
    }
    AUDIENCE_PEAK = "audience.peak" {
        title: "the mean is taken for the peak",
        why: "Visitors come when they are told, not evenly: launches had 1.4 to 2.9 times the mean in their busiest second.",
        remedy: "Plan with 150 % or more.",
        source: "JVA-17, DOC-1",
        reads: ["audience.peak_percent"],
    }
    AUDIENCE_LOW = "audience.low-high" {
        title: "the low end of the estimate is above the high one",
        why: "All is planned for the high end.",
        remedy: "Exchange the two.",
        source: "JVA-1",
        reads: ["audience.low", "audience.visitors"],
    }
    AUDIENCE_PRESCALE = "audience.prescale" {
        title: "containers come too late or go too early",
        why: "Starting hundreds of servers takes minutes, and load comes within one. The day after may be larger than the night.",
        remedy: "Two hours before, and a day after.",
        source: "DOC-2, DOC-10",
        reads: ["audience.prescale_hours_before", "audience.prescale_hours_after"],
    }
    AUDIENCE_JOURNEY = "audience.journey-twice" {
        title: "two journeys have one name",
        why: "Sums and load tests are told apart by it.",
        remedy: "Give each a name of its own.",
        source: "JVA-10",
        reads: ["audience.journeys.name"],
    }
    AUDIENCE_LOAD_TEST = "audience.load-test" {
        title: "a load test of nothing that the blueprint has, or after the announcement",
        why: "What was borne is compared with the peak of what it was a test of.",
        remedy: "Name a journey, or `redirects`; give the day of the test.",
        source: "JVA-9, JVA-10",
        reads: ["audience.load_tests", "audience.journeys", "redirects.servers", "site.announcement"],
    }
    AUDIENCE_CONTAINER = "audience.container" {
        title: "nobody answers",
        why: "The sums need the containers that answer.",
        remedy: "Name an app and a type of container of [[apps.apps]].",
        source: "JVA-9",
        reads: ["audience.pages", "audience.journeys", "apps.apps"],
    }
    AUDIENCE_MEASURED = "audience.measured" {
        title: "a rate was measured on a container that did nothing",
        why: "What a container bears is what it bore while it was busy.",
        remedy: "Give how busy it was.",
        source: "JVA-9",
        reads: ["audience.pages.measured_busy_percent", "audience.journeys.measured_busy_percent"],
    }
    AUDIENCE_SHORT = "audience.capacity" {
        title: "fewer containers than the audience needs",
        why: "The busiest second is refused or waits, and those who wait ask again.",
        remedy: "More containers, or fewer requests to them.",
        source: "JVA-9, DOC-2",
        reads: ["audience", "apps.apps.containers"],
    }
    AUDIENCE_LINE = "audience.line" {
        title: "the line is nearly full",
        why: "A full line delays everybody, those who could be served too.",
        remedy: "Smaller answers, more of them from the CDN, more containers at the front.",
        source: "ALT-4; Scalingo docs: 20 MB/s a container",
        reads: ["audience", "apps.apps.containers"],
    }
    PARTIES_EMPTY = "third_parties.empty" {
        title: "nobody is named",
        why: "The table promises that somebody keeps up, or knows.",
        remedy: "Name them, or remove the table.",
        source: "JVA-21",
        reads: ["third_parties.vendors", "third_parties.partners"],
    }
    PARTIES_NAME = "third_parties.name" {
        title: "two letters would have one name",
        why: "Each vendor and partner has a letter, and mail-provider and platform are written by other tables.",
        remedy: "Give each a name of its own.",
        source: "golive: letters",
        reads: ["third_parties.vendors.name", "third_parties.partners.name"],
    }
    PARTIES_QUOTA = "third_parties.quota" {
        title: "less is promised than is wanted",
        why: "Above its quota a vendor refuses or queues: sign-ups without mail, a search that is empty. Half as much again is kept for what the estimate hides.",
        remedy: "Have the quota raised, or need less.",
        source: "JVA-21, DOC-8",
        reads: ["third_parties.vendors.needed", "third_parties.vendors.promised"],
    }
    PARTIES_WRITING = "third_parties.in-writing" {
        title: "a promise is not in writing",
        why: "Whoever gave it on the phone is not on duty that night.",
        remedy: "Have it in writing.",
        source: "JVA-21",
        reads: ["third_parties.vendors.promised", "third_parties.vendors.in_writing_on"],
    }
    PARTIES_MAIL = "third_parties.mail-quota" {
        title: "the mail quota is below what the site sends",
        why: "Mail above the quota waits for hours, or is lost.",
        remedy: "Have the quota raised, or defer mail.",
        source: "DOC-8, JVA-13",
        reads: ["third_parties.vendors.promised", "third_parties.vendors.per", "third_parties.vendors.service", "mail.messages_per_day"],
    }
    PARTIES_ADDRESS = "third_parties.address" {
        title: "a partner's address is nobody's, or everybody's",
        why: "Who is let through is let through every filter. A private range opens nothing, the whole Internet everything.",
        remedy: "Give the partner's public addresses.",
        source: "DOC-6",
        reads: ["third_parties.partners.addresses"],
    }
    PARTIES_WARNED = "third_parties.warned" {
        title: "a partner was not warned",
        why: "A partner who was not told took a launch for an attack, and throttled its visitors.",
        remedy: "Send the letter, and note the day.",
        source: "DOC-6",
        reads: ["third_parties.partners.warned_on"],
    }
    PEOPLE_NOBODY = "people.nobody" {
        title: "nobody has a role",
        why: "A launch without anybody who decides is decided by chance.",
        remedy: "Name at least who leads.",
        source: "JVA-22",
        reads: ["people.roles"],
    }
    PEOPLE_ROLES = "people.roles" {
        title: "a role is nobody's",
        why: "Who does what, and who may decide, was the hardest part of a launch.",
        remedy: "Name somebody for each, and a deputy.",
        source: "JVA-22, DOC-9",
        reads: ["people.roles", "cdn", "apps", "database", "mail"],
    }
    PEOPLE_ROLE_TWICE = "people.role-twice" {
        title: "a role is two people's",
        why: "Each waits for the other, or both decide.",
        remedy: "Give it to one, and let the other be the deputy.",
        source: "JVA-22",
        reads: ["people.roles.role"],
    }
    PEOPLE_VOTE = "people.vote" {
        title: "the vote cannot decide",
        why: "A vote after which nobody can act, or in which nobody is asked, decides nothing.",
        remedy: "Vote an hour before at the latest, and name whose no is enough.",
        source: "JVA-22",
        reads: ["people.vote", "site.announcement"],
    }
    PEOPLE_FREEZE = "people.freeze" {
        title: "nothing is frozen when it counts",
        why: "A demonstration and a launch were run on an application that changed every hour.",
        remedy: "Freeze from some hours before the announcement until the morning after.",
        source: "JVA-15",
        reads: ["people.freezes", "site.announcement"],
    }
    PEOPLE_AGENDA = "people.agenda" {
        title: "the announcement is not on the agenda",
        why: "The agenda moves by the hour. Where the two differ, one of them is old, and containers come at the wrong time.",
        remedy: "Ask, and set both to the hour that holds.",
        source: "JVA-20",
        reads: ["people.media", "site.announcement"],
    }
    PEOPLE_STATUS = "people.status-page" {
        title: "the status page goes down with the site",
        why: "It is needed when the site, its name or its CDN is not there.",
        remedy: "Have it elsewhere.",
        source: "ALT-7",
        reads: ["people.status_page.host", "dns.zones.name"],
    }
    PEOPLE_LEVER = "people.lever-twice" {
        title: "two levers have one name",
        why: "In a crisis the name is all that is said.",
        remedy: "Give each a name of its own.",
        source: "DOC-4",
        reads: ["people.levers.name"],
    }
    PEOPLE_CARD = "people.card-too-long" {
        title: "the crisis card is longer than a page",
        why: "It hangs on the wall and is read by people in a hurry: a second page is not there when it is needed.",
        remedy: "Shorten what is said of roles, channels and levers.",
        source: "DOC-4",
        reads: ["people"],
    }
    PEOPLE_ATTESTED = "people.attested" {
        title: "an answer to a question that nobody asks, or from after the announcement",
        why: "Each answer stands for a check that no program can make. One that belongs to nothing gives a feeling of \
              safety and no more.",
        remedy: "Take it out, or declare what it is about; give the day on which somebody looked.",
        source: "JVA-13; DOC-4",
        reads: ["people.attested.check", "people.attested.on", "site.announcement"],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::concerns::pages;

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for id in ALL.iter().map(|rule| rule.id).chain(pages::CHECKS.iter().map(|page| page.id)) {
            assert!(seen.insert(id), "{id} is there twice");
            let well_formed = id.split_once('.').is_some_and(|(table, rest)| {
                [table, rest].iter().all(|part| !part.is_empty())
                    && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
            });
            assert!(well_formed, "{id} is no id");
        }
    }

    /// A private field keeps unlisted rules from compiling; this keeps listed ones from lying idle.
    #[test]
    fn every_rule_is_raised_somewhere() {
        let mut sources = String::new();
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the sources are there") {
                let path = entry.expect("a readable entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("rules.rs") {
                    sources.push_str(&std::fs::read_to_string(&path).expect("a source file is text"));
                }
            }
        }
        let this_file = include_str!("rules.rs");
        for rule in ALL {
            let constant = this_file
                .lines()
                .find_map(|line| line.trim().strip_suffix(&format!(" = \"{}\" {{", rule.id)))
                .expect("each rule is declared on one line");
            assert!(sources.contains(&format!("rules::{constant}")), "{} is never raised", rule.id);
        }
    }
}
