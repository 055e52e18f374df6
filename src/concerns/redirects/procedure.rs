//! What a person does about `[redirects]`.

use super::Redirects;
use crate::blueprint::Site;
use crate::concerns::Procedure;
use crate::concerns::answer::listed;

pub fn procedure(redirects: &Redirects, site: &Site) -> Procedure {
    let mut before = Vec::new();
    for server in &redirects.servers {
        if let Some(name) = server.names.first() {
            let addresses: Vec<String> = server.addresses.iter().map(ToString::to_string).collect();
            before.push(format!(
                "Copy nginx/redirect-{name}/ to the machines that have {}; on each, keep its own addresses in where/.",
                listed(&addresses)
            ));
            before.push(format!("Install one certificate for all names of {name} on every machine, then start nginx."));
        }
    }
    if !redirects.paths.is_empty() {
        before.push(format!("Deploy the proxy, which holds the {} moved paths.", redirects.paths.len()));
    }
    if !redirects.servers.is_empty() {
        before.push("Only then have the names pointed at these addresses.".to_owned());
    }
    Procedure {
        before,
        when_red: vec![
            "tls.redirect.ips red on one address: copy certificate and key from the machine that is well.".to_owned(),
            "redir.ips red on one address: take it out of DNS if it does not recover within a TTL.".to_owned(),
        ],
        undo: vec![format!(
            "Browsers remember a 301 or 308: to take a redirect back, answer 302 to {} first and keep it for weeks.",
            site.host
        )],
    }
}
