//! Configuration that `[mail]` asks for.

use std::net::IpAddr;

use super::{Domain, Mail, Others, Selector, transport};
use crate::blueprint::Site;
use crate::blueprint::value::{HostName, KeyKind};
use crate::concerns::Fragment;
use crate::concerns::fragment::{MailProvider, MailSender, TransportPolicy, ZoneRecord, for_good};
use crate::language::Said;
use crate::probe::{RecordData, report_permission};

/// Step between the preferences of mail servers, so that one fits between.
const PREFERENCE: u16 = 10;

pub fn fragments(mail: &Mail, site: &Site) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = mail.domains.iter().flat_map(|domain| records(domain, site)).collect();
    let senders = mail.domains.iter().flat_map(|domain| {
        domain.senders.iter().map(|sender| MailSender {
            address: sender.address,
            helo: sender.helo.clone(),
            domain: domain.name.clone(),
            envelope: domain.envelope().clone(),
        })
    });
    fragments.push(Fragment::MailProvider(MailProvider {
        provider: mail.provider.clone(),
        messages_per_day: mail.messages_per_day,
        messages_per_hour: mail.in_the_busiest_hour(),
        domains: mail.domains.iter().filter(|domain| domain.sends()).map(|domain| domain.name.clone()).collect(),
        senders: senders.collect(),
    }));
    let policies = mail.domains.iter().filter_map(|domain| {
        let text = transport::policy(domain, domain.transport.as_ref()?);
        Some(Fragment::TransportPolicy(TransportPolicy { domain: domain.name.clone(), text }))
    });
    fragments.extend(policies);
    fragments
}

fn records(domain: &Domain, site: &Site) -> Vec<Fragment> {
    let mut records = Vec::new();
    let mut add = |at: &HostName, name: String, data: RecordData, why: (&str, &str)| {
        // A name outside every zone is refused by `mail.domain-without-zone`.
        if let Some(zone) = site.zone_of(at) {
            records.push(Fragment::Record(ZoneRecord {
                zone: zone.name.clone(),
                name,
                data,
                ttl: site.steady_ttl,
                why: Said::new(why.0, why.1),
                until: for_good(),
            }));
        }
    };
    let name = &domain.name;
    for (name, exchanges) in domain.exchanges_of_names() {
        let Some(exchanges) = exchanges else {
            let nowhere = RecordData::Mx { preference: 0, exchange: ".".to_owned() };
            add(
                name,
                name.to_string(),
                nowhere,
                ("this name takes no mail (RFC 7505)", "ce nom ne reçoit pas de courrier (RFC 7505)"),
            );
            continue;
        };
        for (exchange, preference) in exchanges.into_iter().zip((PREFERENCE..).step_by(PREFERENCE.into())) {
            let data = RecordData::Mx { preference, exchange: exchange.to_string() };
            add(
                name,
                name.to_string(),
                data,
                ("where answers and bounces go", "destination des réponses et des avis de non-remise"),
            );
        }
    }
    let policy = spf_policy(domain);
    add(
        name,
        name.to_string(),
        RecordData::Txt(policy.clone()),
        ("who may send for this name (SPF)", "qui peut envoyer au nom de ce domaine (SPF)"),
    );
    if let Some(proof) = &domain.provider_proof {
        let proof = RecordData::Txt(proof.to_string());
        add(
            name,
            name.to_string(),
            proof,
            (
                "shows the mail provider whose domain this is",
                "prouve au prestataire de messagerie que ce domaine est le nôtre",
            ),
        );
    }
    if let Some(bounce) = &domain.bounce {
        let why = ("who may send with this envelope (SPF)", "qui peut envoyer avec cette adresse d'enveloppe (SPF)");
        add(&bounce.name, bounce.name.to_string(), RecordData::Txt(policy), why);
    }
    for sender in &domain.senders {
        let data = address_data(sender.address);
        add(
            &sender.helo,
            sender.helo.to_string(),
            data,
            (
                "the name of a sending address, as its reverse zone says",
                "nom d'une adresse d'envoi, identique à celui de sa zone inverse",
            ),
        );
        let policy = format!("v=spf1 {} -all", ip_term(sender.address));
        add(
            &sender.helo,
            sender.helo.to_string(),
            RecordData::Txt(policy),
            ("who may introduce itself so (SPF)", "qui peut se présenter sous ce nom (SPF)"),
        );
    }
    for selector in &domain.dkim {
        if let Some(data) = key_record(selector) {
            add(
                name,
                selector_name(selector, domain),
                data,
                ("the key of our signatures (DKIM)", "clé de nos signatures (DKIM)"),
            );
        }
    }
    let dmarc = RecordData::Txt(dmarc_record(domain));
    add(
        name,
        name.child("_dmarc"),
        dmarc,
        (
            "what to do with mail that only claims to be ours (DMARC)",
            "que faire des messages qui usurpent notre nom (DMARC)",
        ),
    );
    if let (Some(declared), Some((host, address))) = (&domain.transport, domain.policy_host()) {
        let policy = transport::policy(domain, declared);
        let tells = RecordData::Txt(transport::record(&policy));
        add(
            name,
            name.child("_mta-sts"),
            tells,
            (
                "tells senders of the rules for mail to us (MTA-STS)",
                "annonce aux expéditeurs nos règles de réception (MTA-STS)",
            ),
        );
        add(name, host, address_data(address), ("where those rules are served", "serveur de ces règles (MTA-STS)"));
        if let Some(reports) = transport::report_record(declared) {
            let why = (
                "where senders report failed deliveries (TLS-RPT)",
                "où les expéditeurs signalent les remises échouées (TLS-RPT)",
            );
            add(name, name.child("_smtp._tls"), RecordData::Txt(reports), why);
        }
    }
    for host in domain.report_hosts() {
        let permission = report_permission(name.as_str(), host.as_str());
        let agreed = RecordData::Txt("v=DMARC1".to_owned());
        // Another organisation's name is in no zone of ours: its owner publishes it.
        add(
            &host,
            permission,
            agreed,
            (
                "agrees to take the reports on another name (DMARC)",
                "accepte de recevoir les rapports sur un autre nom (DMARC)",
            ),
        );
    }
    records
}

fn address_data(address: IpAddr) -> RecordData {
    match address {
        IpAddr::V4(address) => RecordData::A(address),
        IpAddr::V6(address) => RecordData::Aaaa(address),
    }
}

/// One policy a name: `ip4`, `ip6`, `include`, then everybody else; what needs no look-up comes first.
pub fn spf_policy(domain: &Domain) -> String {
    let mut addresses: Vec<IpAddr> = domain.senders.iter().map(|sender| sender.address).collect();
    addresses.sort_unstable();
    let mut terms = vec!["v=spf1".to_owned()];
    terms.extend(addresses.into_iter().map(ip_term));
    terms.extend(domain.spf_includes.iter().map(|name| format!("include:{name}")));
    let others = match domain.spf_others {
        Others::Softfail if domain.receives => "~all",
        Others::Softfail | Others::Fail => "-all",
    };
    terms.push(others.to_owned());
    terms.join(" ")
}

fn ip_term(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("ip4:{address}"),
        IpAddr::V6(address) => format!("ip6:{address}"),
    }
}

pub fn selector_name(selector: &Selector, domain: &Domain) -> String {
    domain.name.child(&format!("{}._domainkey", selector.selector))
}

fn key_record(selector: &Selector) -> Option<RecordData> {
    if let Some(name) = &selector.key_at {
        return Some(RecordData::Cname(name.to_string()));
    }
    let key = selector.key.as_ref()?;
    let kind = match key.kind() {
        KeyKind::Rsa { .. } => "rsa",
        KeyKind::Ed25519 => "ed25519",
    };
    Some(RecordData::Txt(format!("v=DKIM1; k={kind}; p={key}")))
}

/// Without `pct`, `rf` and `ri`, which RFC 9989 dropped.
pub fn dmarc_record(domain: &Domain) -> String {
    let mut record = format!("v=DMARC1; p={}", domain.dmarc.policy.as_str());
    if !domain.dmarc.report_to.is_empty() {
        let uris: Vec<String> = domain.dmarc.report_to.iter().map(|mailbox| format!("mailto:{mailbox}")).collect();
        record.push_str(&format!("; rua={}", uris.join(",")));
    }
    record
}
