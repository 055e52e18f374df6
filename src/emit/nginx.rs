//! nginx: the proxy between CDN and app, in two flavours from one template, and the redirect machines.
//!
//! Every path in these files is relative to their folder (`nginx -p FOLDER/ -c nginx.conf`), so that a rehearsal
//! runs the same bytes elsewhere: what belongs to a place stands in `where/`, certificates in `tls/`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use super::templates::{Syntax, nginx_map, render};
use super::{Artifact, Asked, Clash, Slots};
use crate::blueprint::value::{CookieName, Upstream};
use crate::concerns::fragment::{
    LimitedAt, Marking, ModeSwitch, MovedPath, ProxiedHost, ProxyCopies, RateLimit, RedirectServer, ResponseClass,
    Routes, any_of,
};

/// What the proxy template is given.
#[derive(Debug, Serialize)]
struct ProxyValues {
    /// The plain-server flavour, which terminates TLS itself.
    tls: bool,
    names: Vec<String>,
    /// Apps other than the proxy's own, each for one name.
    apps: Vec<AppValues>,
    cdn_ranges: Vec<String>,
    health_path: String,
    health_regex: String,
    classes: Vec<ClassValues>,
    default_class: String,
    /// Whether nginx keeps copies of some class.
    has_copies: bool,
    /// None: the maps of this file have the usual size.
    moved: Option<MovedValues>,
    limited: Option<Limited>,
    mode: Option<ModeValues>,
    published: Option<PublishedValues>,
    /// Whom to ask where the app is; none where it has an address, or the machine says it.
    resolver: Option<&'static str>,
    access_log: &'static str,
    body_limit_mib: u32,
    connect_timeout: u32,
    read_timeout: u32,
}

/// An app of one name's own.
#[derive(Debug, Serialize)]
struct AppValues {
    name: String,
    /// Names its upstream, its file and its variable: the place of the host in the blueprint, from 2. A host name may
    /// be longer than the 64 characters that a variable's name has on Scalingo.
    number: usize,
}

/// The table of moved paths.
#[derive(Debug, Serialize)]
struct MovedValues {
    /// Host and decoded path, and the URL that answers now: the entries of a map, of which there may be thousands.
    paths: String,
    /// Of nginx's hash: an entry must fit into one bucket.
    bucket_size: usize,
    max_size: usize,
    /// Whether a target holds a dollar sign, for which nginx has no escape.
    has_dollar: bool,
}

/// What is published as static, as the proxy template is given it.
#[derive(Debug, Clone, Serialize)]
struct PublishedValues {
    /// The starts of the decoded paths, as a regular expression.
    paths: String,
    publishers: Vec<String>,
}

/// A mode of the proxy, as its template is given it.
#[derive(Debug, Clone, Serialize)]
struct ModeValues {
    variable: String,
    on: String,
    off: String,
    marker: String,
    /// The decoded paths that are cut, as a regular expression.
    cut: String,
    retry_after: u32,
}

/// The limits of one nginx, as the templates are given them.
#[derive(Debug, Clone, Serialize)]
struct Limited {
    /// What stands at the http level: who is counted, and where.
    counting: String,
    limits: Vec<LimitValues>,
    status: u16,
    retry_after: u32,
    exempt: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
struct LimitValues {
    name: String,
    id: String,
    /// What is never counted, and what is, as regular expressions for `exempt:method:path`.
    skipped: Vec<String>,
    counted: String,
    rate: String,
    burst: u32,
}

/// One class of routes, as the proxy template is given it.
#[derive(Debug, Serialize)]
pub struct ClassValues {
    pub name: String,
    /// Of the decoded path; none for the class of all other paths.
    pub regex: Option<String>,
    /// None: never kept.
    pub cache_control: Option<String>,
    /// Statuses of answers that may be kept, as a regular expression.
    pub statuses: &'static str,
    /// Which values of `$sets_cookie` are acceptable, as a regular expression.
    cookies: &'static str,
    pub hides_cookies: bool,
    pub copies: Option<CopyValues>,
}

/// The copies that nginx keeps of a class, as the proxy template is given them. Seconds.
#[derive(Debug, Clone, Serialize)]
pub struct CopyValues {
    id: String,
    pub fresh: u32,
    /// A copy that nobody has asked for so long is gone.
    pub inactive: u32,
    /// When an old copy is served, as `proxy_cache_use_stale` has it; none: never.
    pub stale: Option<&'static str>,
    /// Cookies with which a request is not answered from a copy, as a regular expression.
    cookie: String,
}

#[derive(Debug, Serialize)]
struct RedirectValues {
    names_line: String,
    names: Vec<String>,
    limited: Option<Limited>,
    to: String,
    status: u16,
    ciphers: &'static str,
    hsts_max_age: u32,
}

/// The container's own resolver, as the buildpack finds it when the container starts: the platform documents no address.
const RESOLVER: &str = "<%= File.read('/etc/resolv.conf')[/^nameserver\\s+([0-9.]+)/, 1] %>";

/// Of TLS 1.2: forward secrecy and authenticated encryption alone (RFC 9325, section 4.2).
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// A variable of the container's environment, as the buildpack renders it when the container starts.
fn environment(name: &str) -> String {
    format!("<%= ENV['{name}'] %>")
}

/// The proxy, in both flavours.
///
/// # Errors
///
/// Several proxies, classes of one name, several default classes, a health path that no location can hold.
pub fn proxy(slots: &Slots) -> (Vec<Artifact>, Vec<Clash>) {
    let Slots { proxies, classes, rate_limits: limits, mode_switches, moved_paths: moved, static_caches, .. } = slots;
    let (first, more) = match proxies.as_slice() {
        [] => return (Vec::new(), Vec::new()),
        [first, more @ ..] => (first, more),
    };
    let proxy = &first.what;
    let mut clashes: Vec<Clash> = more
        .iter()
        .map(|other| {
            Clash(format!(
                "{} and {} both ask for the proxy of {}",
                first.by,
                other.by,
                proxy.hosts.first().map_or("nobody", |host| host.name.as_str())
            ))
        })
        .collect();
    clashes.extend(class_clashes(classes));
    let health = proxy.health_path.as_str();
    if health.contains('%') || health.contains("//") {
        clashes.push(Clash(format!(
            "{}: the health path {health} is compared with the decoded path: write it plainly",
            first.by
        )));
    }

    let further: Vec<(usize, &ProxiedHost, &Upstream)> = (1..)
        .zip(&proxy.hosts)
        .filter_map(|(number, host)| host.upstream.as_ref().map(|upstream| (number, host, upstream)))
        .collect();
    let health_moved = moved.iter().find(|asked| asked.what.from.eq_ignore_ascii_case(health));
    if let Some(asked) = health_moved {
        clashes.push(Clash(format!("{} moves {health}, where {} has the platform's probes", asked.by, first.by)));
    }
    let (limited, more) = limited(limits, LimitedAt::Proxy, classes);
    clashes.extend(more);

    let mode = mode_switches.first().map(|asked| mode_values(&asked.what));
    clashes.extend(
        mode_switches
            .iter()
            .skip(1)
            .map(|other| Clash(format!("{} asks for a second mode of the proxy, {}", other.by, other.what.variable))),
    );

    // A second one is Varnish's own clash.
    let cache = static_caches.first().map(|asked| &asked.what);
    let published = cache.map(|cache| PublishedValues {
        paths: cache.paths(),
        publishers: cache.publishers().iter().map(ToString::to_string).collect(),
    });
    let upstreams = further.iter().map(|(_, _, upstream)| *upstream).chain([&proxy.upstream]);
    let upstreams = upstreams.chain(cache.map(|cache| &cache.at));
    let has_name = upstreams.into_iter().any(|upstream| upstream.host.parse::<IpAddr>().is_err());
    let values = |tls: bool| ProxyValues {
        tls,
        names: proxy.hosts.iter().map(|host| host.name.to_string()).collect(),
        apps: further
            .iter()
            .map(|(number, host, _)| AppValues { name: host.name.to_string(), number: *number })
            .collect(),
        cdn_ranges: proxy.cdn_ranges.iter().map(ToString::to_string).collect(),
        health_path: health.to_owned(),
        health_regex: regex::escape(health),
        has_copies: classes.iter().any(|asked| asked.what.copies.is_some()),
        classes: classes.iter().map(|asked| class_values(&asked.what)).collect(),
        default_class: classes
            .iter()
            .find(|asked| asked.what.routes == Routes::Others)
            // No label is a lone hyphen, so this is no class: `no-store`.
            .map_or_else(|| "-".to_owned(), |asked| asked.what.name.to_string()),
        moved: moved_values(moved),
        limited: limited.clone(),
        mode: mode.clone(),
        published: published.clone(),
        resolver: (!tls && has_name).then_some(RESOLVER),
        // The buildpack's own log, which its start script prints.
        access_log: if tls { "access.log" } else { "logs/access.log" },
        body_limit_mib: proxy.body_limit_mib,
        connect_timeout: proxy.connect_timeout.get(),
        read_timeout: proxy.read_timeout.get(),
    };
    let scalingo = format!("{SCALINGO_HEAD}{}", render(Syntax::Nginx, "proxy.nginx", &values(false)));
    // The only Ruby that this flavour may hold. PORT stands in both servers.
    let mut erb: Vec<String> = ["PORT", "PORT", "APP_UPSTREAM"].map(environment).into();
    erb.extend(has_name.then(|| RESOLVER.to_owned()));
    erb.extend(further.iter().map(|(number, ..)| environment(&format!("APP_UPSTREAM_{number}"))));
    erb.extend(cache.map(|_| environment("STATIC_UPSTREAM")));
    erb.extend(mode.as_ref().map(|mode| environment(&mode.variable)));
    if scalingo.matches("<%").count() != erb.len() || erb.iter().any(|known| !scalingo.contains(known)) {
        clashes.push(Clash("proxy: a value holds `<%`, which the buildpack would run as Ruby".to_owned()));
    }
    let head = SERVER_HEAD.replace("@ciphers@", CIPHERS);
    let server = format!("{head}{}}}\n", indented(&render(Syntax::Nginx, "proxy.nginx", &values(true))));
    let mut artifacts = vec![
        artifact("scalingo/servers.conf.erb", scalingo),
        artifact("proxy/nginx.conf", server),
        artifact("proxy/where/machine.conf", machine(16_384)),
        artifact("proxy/where/listen.conf", listen(&proxy.listen, &[(443, " ssl"), (80, "")])),
        artifact("proxy/where/upstream.conf", app("The app", &proxy.upstream)),
        artifact("proxy/where/client.conf", CLIENT.to_owned()),
    ];
    artifacts.extend(further.iter().map(|(number, host, upstream)| {
        artifact(&format!("proxy/where/upstream-{number}.conf"), app(&format!("The app of {}", host.name), upstream))
    }));
    artifacts.extend(cache.map(|cache| artifact("proxy/where/static.conf", app("Varnish", &cache.at))));
    artifacts.extend(mode.map(|mode| {
        let text = format!(
            "# The mode of this machine: \"{}\" is the degraded one, \"{}\" the normal one. Then reload nginx.\ndefault \"{}\";\n",
            mode.on, mode.off, mode.off
        );
        artifact("proxy/where/mode.conf", text)
    }));
    (artifacts, clashes)
}

fn app(what: &str, upstream: &Upstream) -> String {
    let Upstream { host, port } = upstream;
    let once = match host.parse::<IpAddr>() {
        Ok(_) => "",
        Err(_) => {
            "# The name is looked up once, when nginx starts. From nginx 1.27.3 on, `resolve` behind it and a `resolver`\n\
             # here follow it.\n"
        }
    };
    format!("# {what}, as this machine reaches it.\n{once}server {host}:{port};\n")
}

const SCALINGO_HEAD: &str = "\
# The nginx between CDN and app, for the Scalingo nginx buildpack. Written by golive from the blueprint.
# The buildpack includes this file at the http level and renders its variables when the container starts.
";

const SERVER_HEAD: &str = "\
# The nginx between CDN and app, for a plain machine. Written by golive from the blueprint.
# Start with: nginx -p THIS_FOLDER/ -c nginx.conf
include where/machine.conf;

events {
    # Two a visitor: one to the CDN, one to the app.
    worker_connections 8192;
}

http {
    server_tokens off;
    default_type application/octet-stream;
    keepalive_timeout 65s;
    sendfile on;
    tcp_nopush on;

    client_body_temp_path temp_client_body;
    proxy_temp_path temp_proxy;
    fastcgi_temp_path temp_fastcgi;
    uwsgi_temp_path temp_uwsgi;
    scgi_temp_path temp_scgi;

    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers @ciphers@;
    # All of them are good: a phone without AES of its own may choose ChaCha20.
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:golive_tls:10m;
    ssl_session_timeout 1h;

    include where/client.conf;

";

const CLIENT: &str = "\
# Where the peer's address comes from. Nothing: from the connection, which the CDN's edge opens.
# Behind a balancer that hides it: real_ip_header and set_real_ip_from, for that balancer alone.
";

fn artifact(path: &str, text: String) -> Artifact {
    Artifact { path: format!("nginx/{path}"), text }
}

pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") }).collect()
}

pub(super) fn machine(open_files: u32) -> String {
    format!(
        "# What belongs to this machine.\n\
         worker_processes auto;\n\
         # At least twice worker_connections: a request holds two connections, a file now and then.\n\
         worker_rlimit_nofile {};\n\
         pid nginx.pid;\n\
         error_log error.log warn;\n",
        open_files * 2
    )
}

fn listen(addresses: &[IpAddr], ports: &[(u16, &str)]) -> String {
    let mut out = "# Keep the addresses that this machine has: nginx does not start on others.\n".to_owned();
    for address in addresses {
        for (port, parameters) in ports {
            let socket = std::net::SocketAddr::new(*address, *port);
            out.push_str(&format!("listen {socket}{parameters};\n"));
        }
    }
    if addresses.is_empty() {
        for (port, parameters) in ports {
            out.push_str(&format!("listen {port}{parameters};\n"));
        }
    }
    out
}

pub fn class_values(class: &ResponseClass) -> ClassValues {
    // The same bytes for everybody, whoever asks.
    let hides_cookies = matches!(class.routes, Routes::FingerprintedUnder(_));
    let (cache_control, statuses) = match class.marking {
        Marking::NoStore => (None, ""),
        Marking::Public { max_age, s_maxage, immutable, stale_while_revalidate, stale_if_error } => {
            let mut value = format!("public, max-age={max_age}");
            let seconds = [
                ("s-maxage", s_maxage),
                ("stale-while-revalidate", stale_while_revalidate),
                ("stale-if-error", stale_if_error),
            ];
            for (directive, seconds) in seconds {
                if let Some(seconds) = seconds {
                    value.push_str(&format!(", {directive}={seconds}"));
                }
            }
            if immutable {
                value.push_str(", immutable");
            }
            (Some(value), if hides_cookies { "200|206|304" } else { "200|206|301|304|308" })
        }
    };
    let copies = class.copies.as_ref().map(|copies| copy_values(class, copies));
    ClassValues {
        copies,
        name: class.name.to_string(),
        regex: class.routes.pattern(),
        hides_cookies: hides_cookies && cache_control.is_some(),
        cache_control,
        statuses,
        cookies: if hides_cookies { "[01]" } else { "0" },
    }
}

fn copy_values(class: &ResponseClass, copies: &ProxyCopies) -> CopyValues {
    const ERRORS: &str = "error timeout invalid_header http_500 http_502 http_503 http_504";
    const BOTH: &str = "updating error timeout invalid_header http_500 http_502 http_503 http_504";
    let (revalidate, on_error) = match class.marking {
        Marking::NoStore => (None, None),
        Marking::Public { stale_while_revalidate, stale_if_error, .. } => (stale_while_revalidate, stale_if_error),
    };
    // nginx knows one time for both, counted from the last visit: the one that keeps pages young while the app is well.
    let old = revalidate.or(on_error).map_or(0, |seconds| seconds.get());
    let name = |cookie: &CookieName| format!("(?:^|;[ ]*){}=", regex::escape(cookie.as_str()));
    CopyValues {
        id: class.name.identifier(),
        fresh: copies.fresh.get(),
        inactive: copies.fresh.get().saturating_add(old),
        stale: match (revalidate.is_some(), on_error.is_some()) {
            (true, true) => Some(BOTH),
            (true, false) => Some("updating"),
            (false, true) => Some(ERRORS),
            (false, false) => None,
        },
        cookie: match (&class.routes, &copies.session_cookie) {
            // The same bytes for everybody: no cookie matters, and none matches this.
            (Routes::FingerprintedUnder(_), _) => "(?!)".to_owned(),
            (_, Some(cookie)) => name(cookie),
            (_, None) => ".".to_owned(),
        },
    }
}

fn moved_values(moved: &[Asked<MovedPath>]) -> Option<MovedValues> {
    let longest = moved.iter().map(|asked| asked.what.host.as_str().len() + asked.what.from.len()).max()?;
    let has_dollar = moved.iter().any(|asked| asked.what.to.as_str().contains('$'));
    let paths: Vec<(String, String)> = moved
        .iter()
        .map(|Asked { what, .. }| {
            let to = what.to.as_str().replace('$', "${dollar}");
            (format!("{}{}", what.host, what.from), format!("https://{}{to}", what.host))
        })
        .collect();
    Some(MovedValues {
        paths: nginx_map(paths.iter().map(|(from, to)| (from.as_str(), to.as_str()))),
        // The key, its length, a pointer, and room for an alignment.
        bucket_size: (longest + 32).next_power_of_two().max(64),
        max_size: (moved.len() * 2).max(2048),
        has_dollar,
    })
}

fn mode_values(mode: &ModeSwitch) -> ModeValues {
    ModeValues {
        variable: mode.variable.to_string(),
        on: mode.on.to_string(),
        off: mode.off.to_string(),
        marker: mode.marker.to_string(),
        cut: any_of(&mode.cut),
        retry_after: mode.retry_after.get(),
    }
}

/// The limits that this nginx counts, and what they do not agree on: all are refused by one location.
fn limited(
    limits: &[Asked<RateLimit>],
    at: LimitedAt,
    classes: &[Asked<ResponseClass>],
) -> (Option<Limited>, Vec<Clash>) {
    let mut here = limits.iter().filter(|asked| asked.what.at == at);
    let Some(first) = here.clone().next() else { return (None, Vec::new()) };
    let mut names = BTreeSet::new();
    let mut clashes = Vec::new();
    for Asked { by, what } in here.clone() {
        if !names.insert(what.name.as_str()) {
            clashes.push(Clash(format!("{by}: two limits are called {}", what.name)));
        }
        if !matches!(what.per.get(), 1 | 60) {
            clashes.push(Clash(format!("{by}: nginx cannot count {} in {} s", what.name, what.per)));
        }
    }
    let terms = |limit: &RateLimit| (limit.status, limit.retry_after, limit.exempt.clone());
    if let Some(other) = here.find(|asked| terms(&asked.what) != terms(&first.what)) {
        let (one, two) = (&first.what.name, &other.what.name);
        clashes.push(Clash(format!("{}: {one} and {two} refuse differently, or others", other.by)));
    }
    let values = limits.iter().filter(|asked| asked.what.at == at).map(|asked| limit_values(&asked.what, classes));
    let mut limited = Limited {
        counting: String::new(),
        limits: values.collect(),
        status: first.what.status,
        retry_after: first.what.retry_after.get(),
        exempt: first.what.exempt.iter().map(ToString::to_string).collect(),
    };
    limited.counting = render(Syntax::Nginx, "limits.nginx", &limited).trim_end().to_owned();
    (Some(limited), clashes)
}

fn limit_values(limit: &RateLimit, classes: &[Asked<ResponseClass>]) -> LimitValues {
    let methods = match limit.methods.as_slice() {
        [] => "[^:]+".to_owned(),
        some => format!("(?:{})", some.join("|")),
    };
    let (skipped, paths) = match limit.paths.as_slice() {
        [] => {
            let fingerprinted = classes.iter().map(|asked| &asked.what.routes);
            let fingerprinted = fingerprinted.filter(|routes| matches!(routes, Routes::FingerprintedUnder(_)));
            let patterns = fingerprinted.filter_map(Routes::pattern);
            let skipped = patterns.map(|pattern| format!("^[^:]*:[^:]*:{}", pattern.trim_start_matches('^')));
            (skipped.collect(), "/".to_owned())
        }
        some => (Vec::new(), any_of(some)),
    };
    let unit = if limit.per.get() == 60 { "m" } else { "s" };
    LimitValues {
        name: limit.name.to_string(),
        id: limit.name.identifier(),
        skipped,
        counted: format!("^0:{methods}:{paths}"),
        rate: format!("{}r/{unit}", limit.requests),
        burst: limit.burst,
    }
}

fn class_clashes(classes: &[Asked<ResponseClass>]) -> Vec<Clash> {
    let mut names = BTreeSet::new();
    let mut clashes: Vec<Clash> = classes
        .iter()
        .filter(|asked| !names.insert(asked.what.name.as_str()))
        .map(|asked| Clash(format!("{}: two classes are called {}", asked.by, asked.what.name)))
        .collect();
    let defaults: Vec<_> = classes.iter().filter(|asked| asked.what.routes == Routes::Others).collect();
    if let [first, second, ..] = defaults[..] {
        clashes.push(Clash(format!(
            "{}: {} and {} both take all other paths",
            second.by, first.what.name, second.what.name
        )));
    }
    clashes
}

/// One folder a redirect server.
///
/// # Errors
///
/// A name or an address that two servers answer for; a server without name or address.
pub fn redirects(servers: &[Asked<RedirectServer>], limits: &[Asked<RateLimit>]) -> (Vec<Artifact>, Vec<Clash>) {
    let mut artifacts = Vec::new();
    let (limited, mut clashes) = limited(limits, LimitedAt::Redirects, &[]);
    let limited = limited.map(|limited| Limited { counting: indented(&limited.counting), ..limited });
    let mut names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for Asked { by, what } in servers {
        for name in &what.names {
            if !names.insert(name) {
                clashes.push(Clash(format!("{by}: {name} is redirected twice")));
            }
        }
        for address in &what.addresses {
            if !addresses.insert(address) {
                clashes.push(Clash(format!("{by}: {address} belongs to two redirect servers")));
            }
        }
        let Some(first) = what.names.first() else {
            clashes.push(Clash(format!("{by}: a redirect server to {} has no name", what.to)));
            continue;
        };
        if what.addresses.is_empty() {
            clashes.push(Clash(format!("{by}: the redirect server of {first} has no address")));
        }
        let values = RedirectValues {
            names_line: what.names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
            names: what.names.iter().map(ToString::to_string).collect(),
            limited: limited.clone(),
            to: what.to.to_string(),
            status: what.status,
            ciphers: CIPHERS,
            hsts_max_age: what.hsts_max_age.get(),
        };
        let folder = folder(what);
        artifacts.extend([
            artifact(&format!("{folder}/nginx.conf"), render(Syntax::Nginx, "redirect.nginx", &values)),
            artifact(&format!("{folder}/where/machine.conf"), machine(16_384)),
            artifact(&format!("{folder}/where/listen.conf"), listen(&what.addresses, &[(443, " ssl")])),
            artifact(&format!("{folder}/where/listen-plain.conf"), listen(&what.addresses, &[(80, "")])),
        ]);
    }
    (artifacts, clashes)
}

/// Folder of a redirect server below `nginx/`.
pub fn folder(server: &RedirectServer) -> String {
    server.names.first().map_or_else(|| "redirect".to_owned(), |name| format!("redirect-{name}"))
}
