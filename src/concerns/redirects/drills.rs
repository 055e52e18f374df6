//! Faults that `[redirects]` must catch.

use std::net::IpAddr;
use std::time::Duration;

use super::{Redirects, Server};
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::rehearsal::staging::{NodeRole, Staging};

/// The first redirected name and its addresses.
fn first(staging: &Staging) -> Result<(String, Vec<IpAddr>), String> {
    let redirect = staging.site.redirected.first().ok_or("nothing is redirected")?;
    let name = redirect.names.first().ok_or("no name is redirected")?;
    Ok((name.to_string(), redirect.addresses.clone()))
}

fn target(staging: &Staging) -> Result<String, String> {
    staging.site.redirected.first().map(|redirect| redirect.to.to_string()).ok_or("nothing is redirected".to_owned())
}

pub fn drills(redirects: &Redirects, _site: &Site) -> Drills {
    let mut all = Vec::new();
    if let Some(first_server) = redirects.servers.first() {
        all.extend(of_servers(first_server));
    }
    if !redirects.paths.is_empty() {
        all.push(Drill {
            number: None,
            id: "moved-paths-left-behind",
            fault: "the proxy was deployed without the table of moved paths",
            reddens: vec!["redir.shape"],
            inject: Box::new(|staging| {
                let start = format!("\"{}/", staging.site.host);
                let is_entry = |line: &str| line.trim_start().starts_with(&start);
                staging.edit_proxy_lines(|line| (!is_entry(line)).then(|| line.to_owned()))
            }),
        });
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Drills::Run(OneOrMore(first, all.collect())),
        None => Drills::None { because: "the table redirects nothing" },
    }
}

fn of_servers(first_server: &Server) -> Vec<Drill> {
    let mut all = vec![
        Drill {
            number: Some(7),
            id: "old-address-left",
            fault: "an old, third address is left on the announced name",
            reddens: vec!["dns.apex.a"],
            inject: Box::new(|staging| {
                let (name, _) = first(staging)?;
                staging.add_record_beside(&name, &format!("{name}. 300 IN A 192.0.2.99"))
            }),
        },
        Drill {
            number: Some(8),
            id: "aaaa-left",
            fault: "an AAAA record is left on the announced name",
            reddens: vec!["dns.apex.a"],
            inject: Box::new(|staging| {
                let (name, _) = first(staging)?;
                staging.add_record_beside(&name, &format!("{name}. 300 IN AAAA 2001:db8::99"))
            }),
        },
        Drill {
            number: Some(21),
            id: "redirect-without-hsts",
            fault: "the redirect sends no HSTS",
            reddens: vec!["tls.hsts"],
            inject: Box::new(|staging| {
                let header = find(staging, "add_header Strict-Transport-Security")?;
                // The server's own, and not that of a refusal.
                let own = "add_header Cache-Control \"max-age=3600\" always;";
                staging.edit_redirects(&format!("{own}\n        {header}"), own)
            }),
        },
        Drill {
            number: Some(50),
            id: "redirect-drops-query",
            fault: "the redirect loses the query and decodes the path",
            reddens: vec!["redir.shape"],
            inject: Box::new(|staging| {
                let target = target(staging)?;
                staging.edit_redirects(&format!("https://{target}$request_uri"), &format!("https://{target}$uri"))
            }),
        },
        Drill {
            number: None,
            id: "redirect-temporary",
            fault: "the redirect is a 302, which browsers ask for again each time",
            reddens: vec!["redir.shape"],
            inject: Box::new(|staging| {
                let target = target(staging)?;
                let line = find(staging, &format!("https://{target}$request_uri"))?;
                let mut words: Vec<&str> = line.split(' ').collect();
                let status = words
                    .iter()
                    .position(|word| matches!(*word, "301" | "308"))
                    .ok_or_else(|| format!("no status in `{line}`"))?;
                words[status] = "302";
                staging.edit_redirects(&line, &words.join(" "))
            }),
        },
    ];
    all.push(Drill {
        number: Some(20),
        id: "redirect-outdated-tls",
        fault: "a machine that redirects kept the TLS settings of its former life",
        reddens: vec!["tls.versions"],
        inject: Box::new(|staging| {
            let ciphers = find(staging, "ssl_ciphers ")?;
            // OpenSSL 3 has TLS 1.0 and its signatures at its lowest security level alone.
            staging.edit_redirects(&ciphers, "ssl_ciphers DEFAULT@SECLEVEL=0;")?;
            let protocols = find(staging, "ssl_protocols ")?;
            staging.edit_redirects(&protocols, "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;")
        }),
    });
    all.push(Drill {
        number: Some(52),
        id: "renamed-on-the-eve",
        fault: "on the eve the public is told another name, and nobody has moved it",
        reddens: vec!["redir.target"],
        inject: Box::new(|staging| {
            let renamed = format!("re{}", staging.site.announced);
            staging.site.announced = renamed.parse()?;
            Ok(())
        }),
    });
    all.push(Drill {
        number: None,
        id: "redirect-slow",
        fault: "the last address takes 800 ms longer, with the same answers",
        reddens: vec!["redir.latency"],
        inject: Box::new(|staging| {
            let last = first(staging)?.1.last().copied();
            let mut nodes = staging.nodes.iter_mut().filter(|node| node.role == NodeRole::Redirect);
            let node = nodes.find(|node| Some(node.address) == last);
            node.ok_or("no redirect machine")?.answers_after = Duration::from_millis(800);
            Ok(())
        }),
    });
    if first_server.names.len() > 1 {
        all.push(Drill {
            number: Some(51),
            id: "redirect-detour",
            fault: "the announced name goes through another name before it arrives",
            reddens: vec!["redir.hops", "redir.ips"],
            inject: Box::new(|staging| {
                let names = staging.site.redirected.first().map(|redirect| redirect.names.clone()).unwrap_or_default();
                let [first, second, ..] = names.as_slice() else { return Err("one name has no other".to_owned()) };
                let (from, to) = (format!("https://{first}$request_uri"), format!("https://{second}$request_uri"));
                staging.edit_redirects(&from, &to)
            }),
        });
    }
    if first_server.addresses.len() > 1 {
        all.push(Drill {
            number: Some(6),
            id: "address-forgotten",
            fault: "one of the addresses is forgotten in the change request",
            reddens: vec!["dns.apex.a"],
            inject: Box::new(|staging| {
                let (name, addresses) = first(staging)?;
                let forgotten = addresses.last().ok_or("no address")?;
                let kind = if forgotten.is_ipv4() { "A" } else { "AAAA" };
                let forgotten = forgotten.to_string();
                staging.edit_records(&name, kind, |ttl, data| {
                    if data == forgotten { vec![] } else { vec![format!("{name}. {ttl} IN {kind} {data}")] }
                })
            }),
        });
        all.push(Drill {
            number: Some(17),
            id: "default-certificate",
            fault: "the last address presents a default certificate",
            reddens: vec!["redir.ips", "tls.redirect.ips"],
            inject: Box::new(|staging| {
                let last = first(staging)?.1.last().copied();
                let mut nodes = staging.nodes.iter_mut().filter(|node| node.role == NodeRole::Redirect);
                let node = nodes.find(|node| Some(node.address) == last);
                node.ok_or("no redirect machine")?.certificate.names = vec!["default.invalid".to_owned()];
                Ok(())
            }),
        });
    }
    all
}

/// The directive of the first redirect's machines that holds a text, without its indentation.
fn find(staging: &Staging, text: &str) -> Result<String, String> {
    let (_, addresses) = first(staging)?;
    staging
        .nodes
        .iter()
        .filter(|node| node.role == NodeRole::Redirect && addresses.contains(&node.address))
        .filter_map(|node| node.files.get(node.role.main_file()?))
        .flat_map(|file| file.lines())
        .find(|line| line.contains(text))
        .map(|line| line.trim().to_owned())
        .ok_or_else(|| format!("no redirect machine has `{text}`"))
}
