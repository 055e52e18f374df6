//! Faults that `[static_routes]` must catch.

use super::StaticRoutes;
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::rehearsal::staging::Staging;

pub fn drills(table: &StaticRoutes, _: &Site) -> Drills {
    let sampled = (1..).zip(&table.routes).find(|(_, route)| !route.samples.is_empty());
    let Some((number, route)) = sampled else {
        return Drills::None { because: "no route has a sample: no check asks for its pages" };
    };
    let list = format!("acl publishers_{number} {{\n");
    let mut more = vec![
        edit(
            "static-cookie",
            "the back office starts a session on each page, and Varnish lets the cookie through",
            vec!["static.published"],
            &[("    unset beresp.http.Set-Cookie;\n", "")],
        ),
        edit(
            "static-query",
            "each query is a page of its own, which the back office must build",
            vec!["static.one-fetch"],
            &[("    set req.url = regsub(req.url, \"\\?.*$\", \"\");\n", "")],
        ),
        edit(
            "static-pass",
            "Varnish passes every reader on to the back office",
            vec!["static.one-fetch"],
            &[("    return (hash);", "    return (pass);")],
        ),
        edit(
            "static-anybody-publishes",
            "the list of publishers was opened for a test, and stayed open",
            vec!["static.publisher"],
            &[(&list, &format!("{list}    \"0.0.0.0\"/0;\n"))],
        ),
        edit(
            "static-failed-refresh",
            "the answer of a refresh that failed takes the place of the good page",
            vec!["static.stays"],
            &[
                ("bereq.is_bgfetch || bereq.http.X-Refresh", "bereq.is_bgfetch"),
                (
                    "set beresp.ttl = 1s;\n    set beresp.grace = 0s;",
                    "set beresp.ttl = 1h;\n    set beresp.grace = 0s;",
                ),
            ],
        ),
        edit(
            "static-climbs-out",
            "paths that climb out of the published ones are passed on to the back office",
            vec!["static.back-office"],
            &[("    if (req.url ~ \"(?i)(", "    if (req.url ~ \"(?!)(")],
        ),
    ];
    let life =
        format!("            set beresp.ttl = {}s;\n            set beresp.grace = ", route.refreshed_every_seconds);
    let name = format!("bereq.http.X-Static-Route == \"{}\") {{\n{life}", route.name);
    more.push(edit(
        "static-no-grace",
        "Varnish keeps no page beyond its life",
        vec!["static.stays"],
        &[(&format!("{name}{}s", route.grace_seconds), &format!("{name}0s"))],
    ));
    if let Some(publisher) = route.publishers.first() {
        let entry = format!("{list}    \"{}\"", publisher.get().addr());
        more.push(edit(
            "static-publisher-moved",
            "the publisher's address has changed, and the list has not",
            vec!["static.publish"],
            &[(&entry, &format!("{list}    \"192.88.99.1\""))],
        ));
    }
    let first = Drill {
        number: None,
        id: "static-to-the-app",
        fault: "the proxy sends the published paths to the app",
        reddens: vec!["static.published"],
        inject: Box::new(|staging| staging.edit_proxy("proxy_pass http://static;", "proxy_pass http://app;")),
    };
    Drills::Run(OneOrMore(first, more))
}

/// A drill that edits the VCL: each text, which stands there once.
fn edit(id: &'static str, fault: &'static str, reddens: Vec<&'static str>, edits: &[(&str, &str)]) -> Drill {
    let edits: Vec<(String, String)> = edits.iter().map(|(from, to)| ((*from).into(), (*to).into())).collect();
    let inject = move |staging: &mut Staging| edits.iter().try_for_each(|(from, to)| staging.edit_varnish(from, to));
    Drill { number: None, id, fault, reddens, inject: Box::new(inject) }
}
