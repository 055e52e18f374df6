//! Varnish between the proxy and the back offices: one VCL, and a relay for back offices that have a name.
//!
//! A string of VCL has no escapes: `"` and line feeds cannot be written in one, and `\` and `%` stand for themselves.
//! So [`quoted`] refuses what it cannot write; nothing else here puts a value into a file.
//!
//! varnishd looks names up once, when it loads the file, does not start where one has no address, and keeps what it found
//! until it is reloaded. So a back office with an address stands in the VCL, and one with a name behind an nginx on the
//! same machine, which asks for the name again. Not a module of Varnish that follows names: distributions ship none.

use std::net::IpAddr;

use super::nginx::{indented, machine};
use super::{Artifact, Asked, Clash};
use crate::blueprint::Site;
use crate::blueprint::value::Upstream;
use crate::concerns::fragment::{REFUSED_BY_STATIC, StaticCache, StaticRoute, any_of};

/// First port of the relays. Not beside Varnish's own 6081, of which 6082 is its management's.
const FIRST_RELAY: u16 = 6181;

/// A back office, asked by every route that names it.
struct Office<'a> {
    /// Names its backend and its files.
    number: usize,
    at: &'a Upstream,
    /// Where its relay listens on the loopback; none where it has an address.
    relay: Option<u16>,
}

/// # Errors
///
/// A second Varnish; a value that VCL cannot hold; more back offices with names than there are ports.
pub fn artifacts(caches: &[Asked<StaticCache>], site: &Site) -> (Vec<Artifact>, Vec<Clash>) {
    let (first, more) = match caches {
        [] => return (Vec::new(), Vec::new()),
        [first, more @ ..] => (first, more),
    };
    let mut clashes: Vec<Clash> =
        more.iter().map(|other| Clash(format!("{} and {} both ask for Varnish", first.by, other.by))).collect();
    let cache = &first.what;
    let offices = match offices(&cache.routes) {
        Some(offices) => offices,
        None => {
            clashes.push(Clash(format!("{}: more back offices with names than ports for their relays", first.by)));
            return (Vec::new(), clashes);
        }
    };
    let written = main_file(cache, &offices, site).and_then(|main| Ok((main, backends(&offices)?)));
    let (main, backends) = match written {
        Ok(texts) => texts,
        Err(value) => {
            let shown = value.escape_debug();
            clashes.push(Clash(format!("{}: a string of VCL cannot hold `{shown}`", first.by)));
            return (Vec::new(), clashes);
        }
    };
    let mut artifacts =
        vec![artifact(&format!("{}.vcl", site.name), main), artifact("where/back_offices.vcl", backends)];
    artifacts.extend(relay(&offices));
    (artifacts, clashes)
}

fn artifact(path: &str, text: String) -> Artifact {
    Artifact { path: format!("varnish/{path}"), text }
}

/// A value as a string of VCL.
///
/// # Errors
///
/// The value, where no string can hold it.
fn quoted(text: &str) -> Result<String, String> {
    match text.contains(|c: char| c == '"' || c.is_control()) {
        true => Err(text.to_owned()),
        false => Ok(format!("\"{text}\"")),
    }
}

/// Each back office once; `None`: the ports of the relays do not suffice.
fn offices(routes: &[StaticRoute]) -> Option<Vec<Office<'_>>> {
    let mut offices: Vec<Office<'_>> = Vec::new();
    let mut next = Some(FIRST_RELAY);
    for route in routes {
        if offices.iter().any(|office| office.at == &route.back_office) {
            continue;
        }
        let has_address = route.back_office.host.parse::<IpAddr>().is_ok();
        let relay = match has_address {
            true => None,
            false => {
                let port = next?;
                next = port.checked_add(1);
                Some(port)
            }
        };
        offices.push(Office { number: offices.len() + 1, at: &route.back_office, relay });
    }
    Some(offices)
}

fn main_file(cache: &StaticCache, offices: &[Office<'_>], site: &Site) -> Result<String, String> {
    let numbered = || (1..).zip(&cache.routes);
    let mut lists = String::new();
    for (number, route) in numbered() {
        lists.push_str(&format!("# Who publishes {}.\nacl publishers_{number} {{\n", route.name));
        for range in &route.publishers {
            let address = quoted(&range.addr().to_string())?;
            lists.push_str(&match range.prefix_len() == range.max_prefix_len() {
                true => format!("    {address};\n"),
                false => format!("    {address}/{};\n", range.prefix_len()),
            });
        }
        lists.push_str("}\n\n");
    }
    let mut choice = String::new();
    for (number, route) in numbered() {
        let word = if number == 1 { "    if" } else { " elseif" };
        let office = offices.iter().find(|office| office.at == &route.back_office).map_or(0, |office| office.number);
        choice.push_str(&format!(
            "{word} (req.url ~ {}) {{\n        set req.http.X-Static-Route = {};\n        \
             set req.backend_hint = office_{office};\n        \
             if ((req.method == \"REFRESH\" || req.method == \"PURGE\") &&\n            \
             std.ip(req.http.X-Real-IP, \"0.0.0.0\", false) !~ publishers_{number}) {{\n            \
             return (synth(403));\n        }}\n    }}",
            quoted(&format!("^{}", any_of(&route.paths)))?,
            quoted(route.name.as_str())?,
        ));
    }
    let mut lives = String::new();
    for (number, route) in numbered() {
        let word = if number == 1 { "        if" } else { " elseif" };
        lives.push_str(&format!(
            "{word} (bereq.http.X-Static-Route == {}) {{\n            set beresp.ttl = {}s;\n            \
             set beresp.grace = {}s;\n            set beresp.http.Cache-Control = {};\n        }}",
            quoted(route.name.as_str())?,
            route.fresh,
            route.grace,
            quoted(&route.marking())?,
        ));
    }
    let values = [
        ("@name@", site.name.to_string()),
        ("@listen@", format!("{}:{}", cache.at.host, cache.at.port)),
        ("@host@", quoted(cache.host.as_str())?),
        ("@refused@", quoted(REFUSED_BY_STATIC)?),
        ("@lists@\n", lists),
        ("@choice@", choice),
        ("@lives@", lives),
    ];
    // One pass over the template, so that no value is taken for a place.
    let mut text = String::new();
    let mut rest = MAIN;
    while let Some((at, place, value)) =
        values.iter().filter_map(|(place, value)| Some((rest.find(place)?, *place, value))).min_by_key(|found| found.0)
    {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        text.push_str(value);
        rest = &after[place.len()..];
    }
    text.push_str(rest);
    Ok(text)
}

/// What Varnish runs. Written for 7.1; each `return` ends what would follow in its own built-in rules.
const MAIN: &str = r#"vcl 4.1;

# Pages that back offices publish as static, for Varnish 7. Written by golive from the blueprint.
# Start with: varnishd -a @listen@ -f THIS_FOLDER/@name@.vcl -s malloc,256m
# Nobody but the proxy may reach that address: the proxy says who a client is, and is believed.

import std;

include "./where/back_offices.vcl";

@lists@
sub vcl_recv {
    # One path is one page, whatever name a visitor used. With the query in its key, any visitor could have the back office
    # asked at will.
    set req.http.Host = @host@;
    set req.url = regsub(req.url, "\?.*$", "");
    # What a back office might read as another path.
    if (req.url ~ @refused@) {
        return (synth(404));
    }
    # The client is the proxy; who it speaks for stands in the header, which the proxy sets on every request.
@choice@ else {
        return (synth(404));
    }
    if (req.method == "PURGE") {
        return (purge);
    }
    if (req.method == "REFRESH") {
        # Replaces the page when the new one is there; until then, and if it never comes, the old one is served.
        set req.method = "GET";
        set req.hash_always_miss = true;
        set req.http.X-Refresh = "1";
    } else {
        unset req.http.X-Refresh;
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405));
    }
    # Everybody gets the same page, so nothing of anybody reaches the back office.
    unset req.http.Cookie;
    unset req.http.Authorization;
    unset req.http.Accept-Encoding;
    unset req.http.X-Forwarded-For;
    unset req.http.X-Real-IP;
    return (hash);
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        return (error(503));
    }
    unset beresp.http.Set-Cookie;
    unset beresp.http.Vary;
    unset beresp.http.Expires;
    unset beresp.http.Pragma;
    set beresp.http.Cache-Control = "no-store";
    if (beresp.status == 200 || beresp.status == 301 || beresp.status == 308) {
@lives@
    } elseif (beresp.status == 404 || beresp.status == 410) {
        set beresp.ttl = 1s;
        set beresp.grace = 10s;
    } else {
        # Remembered as not to be kept, for a time: with `ttl = 0s` visitors would be asked for one after the other.
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
    }
    return (deliver);
}

sub vcl_backend_error {
    # Nothing takes the place of the good page: a stored error, or a note not to keep it, would hide that.
    if (bereq.is_bgfetch || bereq.http.X-Refresh) {
        return (abandon);
    }
    # For a second, so that all who wait have it at once, and the back office is asked once a second.
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.http.Retry-After = "5";
    set beresp.body = "This page is not there for the moment. Please come back later.";
    return (deliver);
}

sub vcl_deliver {
    # RFC 9211. A copy is as new as Varnish took it: with an Age, whoever keeps it after an outage would keep nothing.
    if (obj.hits > 0) {
        set resp.http.Cache-Status = "varnish; hit";
    } else {
        set resp.http.Cache-Status = "varnish; fwd=miss";
    }
    unset resp.http.Age;
    unset resp.http.Via;
    unset resp.http.X-Varnish;
    return (deliver);
}

sub vcl_synth {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    if (resp.status == 405) {
        set resp.http.Allow = "GET, HEAD";
    }
    unset resp.http.Retry-After;
    unset resp.http.X-Varnish;
    set resp.body = resp.reason;
    return (deliver);
}
"#;

/// Where the back offices are, as the machine of Varnish reaches them.
///
/// No health probe: it would need a page of theirs that nobody named, and what it would spare, each fetch in the
/// background spares too, as there is one at a time for each page.
fn backends(offices: &[Office<'_>]) -> Result<String, String> {
    let mut text = "# Where the back offices are, as this machine reaches them. Addresses alone: a name would be looked up once.\n"
        .to_owned();
    for office in offices {
        let (host, port) = match office.relay {
            Some(port) => ("127.0.0.1", port),
            None => (office.at.host.as_str(), office.at.port),
        };
        if office.relay.is_some() {
            text.push_str("# By the relay in relay/.\n");
        }
        text.push_str(&format!(
            "backend office_{} {{\n    .host = {};\n    .port = {};\n    .connect_timeout = 1s;\n    \
             .first_byte_timeout = 10s;\n    .between_bytes_timeout = 5s;\n    .max_connections = 20;\n}}\n",
            office.number,
            quoted(host)?,
            quoted(&port.to_string())?,
        ));
    }
    Ok(text)
}

const RELAY_HEAD: &str = "\
# Between Varnish and back offices that have a name, on the machine of Varnish. Written by golive from the blueprint.
# Start with: nginx -p THIS_FOLDER/ -c nginx.conf
include where/machine.conf;

events {
    worker_connections 256;
}

http {
    server_tokens off;
    access_log off;

    client_body_temp_path temp_client_body;
    proxy_temp_path temp_proxy;
    fastcgi_temp_path temp_fastcgi;
    uwsgi_temp_path temp_uwsgi;
    scgi_temp_path temp_scgi;

    include where/resolver.conf;
";

/// nginx between Varnish and the back offices that have names; nothing where none has.
fn relay(offices: &[Office<'_>]) -> Vec<Artifact> {
    let named: Vec<(&Office<'_>, u16)> = offices.iter().filter_map(|office| Some((office, office.relay?))).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let mut main = RELAY_HEAD.to_owned();
    let mut artifacts = Vec::new();
    for (office, port) in named {
        let number = office.number;
        main.push('\n');
        main.push_str(&indented(&format!(
            "server {{\n    include where/listen-{number}.conf;\n    include where/back-office-{number}.conf;\n\n    \
             location / {{\n        # A variable: a name that stands here itself is looked up once, when nginx starts.\n        \
             proxy_pass http://$back_office;\n        proxy_http_version 1.1;\n        \
             # The site's name, as Varnish says it.\n        \
             proxy_set_header Host $host;\n        proxy_set_header Connection \"\";\n        proxy_connect_timeout 1s;\n        \
             proxy_read_timeout 10s;\n    }}\n}}\n"
        )));
        // A host name or an address, and a port: nothing that would need quotes.
        let Upstream { host, port: at } = office.at;
        artifacts.extend([
            artifact(
                &format!("relay/where/listen-{number}.conf"),
                format!(
                    "# As where/back_offices.vcl of Varnish has it; for this machine alone.\nlisten 127.0.0.1:{port};\n"
                ),
            ),
            artifact(
                &format!("relay/where/back-office-{number}.conf"),
                format!("# The back office, as this machine reaches it.\nset $back_office \"{host}:{at}\";\n"),
            ),
        ]);
    }
    main.push_str("}\n");
    artifacts.extend([
        artifact("relay/nginx.conf", main),
        artifact("relay/where/machine.conf", machine(512)),
        artifact(
            "relay/where/resolver.conf",
            "# Whom this machine asks for names, and how long an answer holds; see /etc/resolv.conf.\n\
             resolver 127.0.0.53 valid=5s ipv6=off;\nresolver_timeout 2s;\n"
                .to_owned(),
        ),
    ]);
    artifacts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_string_of_vcl_can_hold_is_refused() {
        for bad in ["a\"b", "a\nb", "a\r", "\u{0}", "\"} sub vcl_recv {"] {
            assert_eq!(quoted(bad), Err(bad.to_owned()));
        }
        assert_eq!(quoted(r"a\b%{x}").as_deref(), Ok(r#""a\b%{x}""#));
    }
}
