//! Faults that `[mail]` must catch.

use super::fragments::{selector_name, spf_policy};
use super::{Domain, Mail};
use crate::blueprint::Site;
use crate::blueprint::value::HostName;
use crate::concerns::attest::{self, Question};
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
    if let Some(domain) = mail.domains.iter().find(|domain| domain.sends()) {
        rest.push(null_mx(domain));
    }
    if let Some(domain) = mail.domains.iter().find(|domain| !domain.senders.is_empty()) {
        rest.extend(senders(domain));
    }
    if let Some(include) = mail.domains.iter().flat_map(|domain| &domain.spf_includes).next() {
        rest.extend(includes(include.to_string()));
    }
    rest.extend(mail.domains.iter().find_map(|domain| cut_key(domain, site)));
    rest.extend(sending(mail, site));
    rest.extend(mail.domains.iter().find(|domain| domain.transport.is_some()).map(stranger_in_mx));
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
    let name = domain.envelope().to_string();
    drill(
        Some(15),
        "null-mx",
        "the domain that takes the bounces says that it takes no mail",
        &["dns.mx.intent", "mail.bounce"],
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
                let many: Vec<String> = (1..=11).map(|n| format!("include:s{n}.example")).collect();
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

fn cut_key(domain: &Domain, site: &Site) -> Option<Drill> {
    let selector = domain.dkim.iter().find(|s| s.key.as_ref().is_some_and(|key| key.as_str().len() > ONE_STRING))?;
    let name = selector_name(selector, domain);
    Some(drill(
        Some(58),
        "dkim-cut",
        "the form for TXT records keeps 255 characters of the DKIM key",
        if site.people.is_some() { &["mail.dkim.key", "mail.dmarc.align"] } else { &["mail.dkim.key"] },
        Box::new(move |staging| {
            // What somebody sees who sends a message then.
            attest::answer_no(staging, Question::MailDmarcAlign)?;
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

fn stranger_in_mx(domain: &Domain) -> Drill {
    let host = domain.policy_host().map(|(host, _)| host);
    drill(
        None,
        "mx-not-in-policy",
        "the mail servers were replaced, and the policy of MTA-STS still lists the old ones",
        &["mail.transport"],
        Box::new(move |staging| {
            let mut policies = staging.policies.iter_mut();
            let policy = policies.find(|policy| Some(&policy.host) == host.as_ref()).ok_or("no policy is served")?;
            let lines = policy.text.lines().filter(|line| !line.starts_with("mx: "));
            policy.text = lines.chain(["mx: *.old.example"]).map(|line| format!("{line}\n")).collect();
            Ok(())
        }),
    )
}

/// Faults of what was agreed, noted or seen.
fn sending(mail: &Mail, site: &Site) -> Vec<Drill> {
    let Some(last) = mail.domains.iter().rfind(|domain| domain.sends()) else { return Vec::new() };
    let (domain, proof) = (last.name.to_string(), last.provider_proof.as_ref().map(ToString::to_string));
    let mut all = Vec::new();
    if proof.is_some() || site.people.is_some() {
        all.push(drill(
            Some(59),
            "mailbox-clicked",
            "a mailbox clicked the provider's link, and nobody published its record",
            if site.people.is_some() { &["mail.dmarc.align", "mail.verified"] } else { &["mail.verified"] },
            Box::new(move |staging| {
                attest::answer_no(staging, Question::MailVerified)?;
                attest::answer_no(staging, Question::MailDmarcAlign)?;
                let Some(proof) = &proof else { return Ok(()) };
                staging.edit_records(&domain, "TXT", |ttl, data| match data.contains(proof) {
                    true => vec![],
                    false => vec![format!("{domain}. {ttl} IN TXT {data}")],
                })
            }),
        ));
    }
    all.extend(attest::drill(
        site,
        Question::MailBounce,
        None,
        "bounces-unheard",
        "bounces arrive, and nobody has told the provider where to report them",
        vec!["mail.bounce"],
    ));
    if mail.domains.iter().flat_map(|domain| &domain.dkim).any(|selector| selector.since.is_some()) {
        all.push(drill(
            None,
            "key-three-years-old",
            "the DKIM key is three years old",
            &["mail.dkim.rotate"],
            table(|mail| {
                let keys = mail.domains.iter_mut().flat_map(|domain| &mut domain.dkim);
                keys.filter_map(|selector| selector.since.as_mut()).for_each(|day| *day = day.later_by(-3 * 365));
            }),
        ));
    }
    let is_warm = mail.domains.iter().flat_map(|domain| &domain.senders).any(|sender| sender.warm_since.is_some());
    if is_warm && site.third_parties.is_some() {
        all.push(drill(
            None,
            "addresses-cold",
            "the dedicated addresses were ordered the week before",
            &["mail.warmup"],
            table(|mail| {
                let senders = mail.domains.iter_mut().flat_map(|domain| &mut domain.senders);
                senders.filter_map(|sender| sender.warm_since.as_mut()).for_each(|day| *day = day.later_by(365));
            }),
        ));
    }
    if mail.is_bulk() {
        all.extend(attest::drill(
            site,
            Question::MailBulk,
            None,
            "complaints-high",
            "one reader in a hundred calls it spam",
            vec!["mail.bulk"],
        ));
        all.push(drill(
            None,
            "news-without-unsubscribe",
            "the confirmation also asks for a donation, and cannot be unsubscribed from",
            &["mail.bulk"],
            table(|mail| {
                mail.marketing = true;
                mail.one_click_unsubscribe = false;
            }),
        ));
    }
    all
}

/// Changes the blueprint's table, as the checks read it.
fn table(change: fn(&mut Mail)) -> Inject {
    Box::new(move |staging| {
        let mail = staging.site.mail.as_mut().ok_or("the site sends no mail")?;
        change(&mut mail.table);
        Ok(())
    })
}

fn reverse(mail: &Mail) -> Vec<Drill> {
    let Some(last) = mail.domains.iter().flat_map(|domain| &domain.senders).next_back() else { return Vec::new() };
    let with_bulk: &[_] = if mail.is_bulk() { &["mail.bulk", "mail.ptr"] } else { &["mail.ptr"] };
    let (gone, generic) = (reverse_name(last.address), reverse_name(last.address));
    vec![
        drill(
            Some(60),
            "ptr-absent",
            "the second dedicated address has no name",
            with_bulk,
            Box::new(move |staging| staging.edit_foreign(&gone, "PTR", None)),
        ),
        drill(
            None,
            "ptr-generic",
            "the second dedicated address keeps its provider's generic name",
            with_bulk,
            Box::new(move |staging| staging.edit_foreign(&generic, "PTR", Some("host-2.provider.example."))),
        ),
    ]
}
