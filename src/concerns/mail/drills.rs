//! Faults that `[mail]` must catch.

use super::fragments::{selector_name, spf_policy};
use super::{Domain, Mail};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::drill::Inject;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::probe::{report_permission, reverse_name};

/// A key that is longer needs two strings (RFC 1035, section 3.3). Bytes.
const ONE_STRING: usize = 255;

pub fn drills(mail: &Mail, site: &Site) -> Drills {
    let Some(first) = mail.domains.first() else {
        return Drills::None { because: "the blueprint names no domain" };
    };
    let mut rest = records(first);
    rest.push(dmarc_on_trial(first));
    if let Some(domain) = mail.domains.iter().find(|domain| domain.receives) {
        rest.push(null_mx(domain));
    }
    if let Some(domain) = mail.domains.iter().find(|domain| !domain.senders.is_empty()) {
        rest.extend(senders(domain));
    }
    if let Some(include) = mail.domains.iter().flat_map(|domain| &domain.spf_includes).next() {
        rest.extend(includes(include.to_string()));
    }
    rest.extend(mail.domains.iter().find_map(cut_key));
    if let Some(domain) = mail.domains.iter().find(|domain| !domain.dmarc.report_to.is_empty()) {
        rest.push(rua_refused(domain));
        if let Some(host) = domain.report_hosts().iter().find(|host| site.zone_of(host).is_some()) {
            rest.push(rua_not_agreed(domain, host));
        }
    }
    rest.extend(reverse(mail));
    Drills::Run(OneOrMore(two_dmarc(first), rest))
}

fn drill(
    number: Option<u16>,
    id: &'static str,
    fault: &'static str,
    reddens: &[&'static str],
    inject: Inject,
) -> Drill {
    Drill { number, id, fault, reddens: reddens.to_vec(), inject }
}

fn two_dmarc(domain: &Domain) -> Drill {
    let name = domain.name.child("_dmarc");
    drill(
        None,
        "dmarc-two-records",
        "a second DMARC record is left over from a trial",
        &["mail.dmarc.record"],
        Box::new(move |staging| staging.add_record_beside(&name, &format!("{name}. 3600 IN TXT \"v=DMARC1; p=none\""))),
    )
}

fn records(domain: &Domain) -> Vec<Drill> {
    let (name, policy) = (domain.name.to_string(), spf_policy(domain));
    vec![drill(
        None,
        "spf-allows-all",
        "SPF ends with +all, and everybody may send",
        &["mail.spf.record"],
        Box::new(move |staging| {
            let open = policy.rsplit_once(' ').map_or_else(String::new, |(terms, _)| format!("{terms} +all"));
            staging.edit_records(&name, "TXT", |ttl, data| {
                let data = if data.contains("v=spf1") { format!("\"{open}\"") } else { data.to_owned() };
                vec![format!("{name}. {ttl} IN TXT {data}")]
            })
        }),
    )]
}

/// The policy is read, and not acted upon.
fn dmarc_on_trial(domain: &Domain) -> Drill {
    let name = domain.name.child("_dmarc");
    drill(
        None,
        "dmarc-on-trial",
        "the DMARC record still says that it is on trial",
        &["mail.dmarc.record"],
        Box::new(move |staging| {
            staging.edit_records(&name, "TXT", |ttl, data| {
                vec![format!("{name}. {ttl} IN TXT {}", data.replace("v=DMARC1;", "v=DMARC1; t=y;"))]
            })
        }),
    )
}

/// Both names are below one registered name, and no record says that they belong together.
fn rua_not_agreed(domain: &Domain, host: &HostName) -> Drill {
    let name = report_permission(domain.name.as_str(), host.as_str());
    drill(
        None,
        "rua-not-agreed",
        "the reports' own domain has not agreed: both names looked like one organisation",
        &["mail.dmarc.rua"],
        Box::new(move |staging| staging.edit_records(&name, "TXT", |_, _| vec![])),
    )
}

fn null_mx(domain: &Domain) -> Drill {
    let name = domain.name.to_string();
    drill(
        Some(15),
        "null-mx",
        "the domain behind the @ says that it takes no mail",
        &["dns.mx.intent"],
        Box::new(move |staging| staging.edit_records(&name, "MX", |ttl, _| vec![format!("{name}. {ttl} IN MX 0 .")])),
    )
}

fn senders(domain: &Domain) -> [Drill; 2] {
    let name = domain.envelope().to_string();
    let gone: Vec<String> = domain.senders.iter().map(|sender| format!(":{}", sender.address)).collect();
    let second = name.clone();
    [
        drill(
            Some(56),
            "spf-second-record",
            "a mailer's own SPF record is added beside the first",
            &["mail.spf.record", "mail.spf.senders"],
            Box::new(move |staging| {
                let line = format!("{second}. 3600 IN TXT \"v=spf1 include:mailer.example -all\"");
                staging.add_record_beside(&second, &line)
            }),
        ),
        drill(
            None,
            "spf-without-address",
            "the SPF record was typed without the dedicated address",
            &["mail.spf.senders"],
            Box::new(move |staging| {
                staging.edit_records(&name, "TXT", |ttl, data| {
                    let kept: Vec<&str> =
                        data.split(' ').filter(|word| !gone.iter().any(|end| word.ends_with(end))).collect();
                    vec![format!("{name}. {ttl} IN TXT {}", kept.join(" "))]
                })
            }),
        ),
    ]
}

fn includes(include: String) -> [Drill; 2] {
    let gone = include.clone();
    [
        drill(
            Some(57),
            "spf-eleven-lookups",
            "the provider's policy grows to eleven includes",
            &["mail.spf.lookups"],
            Box::new(move |staging| {
                let many: Vec<String> = (1..=11).map(|n| format!("include:spf{n}.provider.example")).collect();
                staging.edit_foreign(&include, "TXT", Some(&format!("\"v=spf1 {} -all\"", many.join(" "))))
            }),
        ),
        drill(
            None,
            "spf-include-gone",
            "the provider has withdrawn the policy that ours includes",
            &["mail.spf.lookups"],
            Box::new(move |staging| staging.edit_foreign(&gone, "TXT", None)),
        ),
    ]
}

fn cut_key(domain: &Domain) -> Option<Drill> {
    let selector = domain.dkim.iter().find(|s| s.key.as_ref().is_some_and(|key| key.as_str().len() > ONE_STRING))?;
    let name = selector_name(selector, domain);
    Some(drill(
        Some(58),
        "dkim-cut",
        "the form for TXT records keeps 255 characters of the DKIM key",
        &["mail.dkim.key"],
        Box::new(move |staging| {
            staging.edit_records(&name, "TXT", |ttl, data| {
                let first = data.split("\" \"").next().unwrap_or_default().trim_matches('"');
                vec![format!("{name}. {ttl} IN TXT \"{first}\"")]
            })
        }),
    ))
}

fn rua_refused(domain: &Domain) -> Drill {
    let name = domain.name.child("_dmarc");
    drill(
        Some(61),
        "rua-refused",
        "reports go to another domain, which never agreed to take them",
        &["mail.dmarc.rua"],
        Box::new(move |staging| {
            staging.edit_records(&name, "TXT", |ttl, data| {
                let data = data.replace("rua=", "rua=mailto:reports@processor.example,");
                vec![format!("{name}. {ttl} IN TXT {data}")]
            })
        }),
    )
}

fn reverse(mail: &Mail) -> Vec<Drill> {
    let Some(last) = mail.domains.iter().flat_map(|domain| &domain.senders).next_back() else { return Vec::new() };
    let (gone, generic) = (reverse_name(last.address), reverse_name(last.address));
    vec![
        drill(
            Some(60),
            "ptr-absent",
            "the second dedicated address has no name",
            &["mail.ptr"],
            Box::new(move |staging| staging.edit_foreign(&gone, "PTR", None)),
        ),
        drill(
            None,
            "ptr-generic",
            "the second dedicated address keeps its provider's generic name",
            &["mail.ptr"],
            Box::new(move |staging| staging.edit_foreign(&generic, "PTR", Some("host-2.provider.example."))),
        ),
    ]
}
