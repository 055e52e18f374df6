//! DNS: the records of each zone merged and checked, and the zone file that says them (RFC 1035, section 5).
//!
//! A zone file of golive holds what golive knows of the zone, not what else its owner keeps there.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Asked, Clash};
use crate::blueprint::value::{HostName, Seconds};
use crate::concerns::dns::{Dns, RunBy, Zone};
use crate::concerns::fragment::ZoneRecord;
use crate::probe::{RecordData, Soa};

/// Timers of the SOA record, in seconds (RIPE-203, but with a retry that a launch can wait for).
const REFRESH: u32 = 7200;
const RETRY: u32 = 900;
const EXPIRE: u32 = 1_209_600;

/// A zone with all that is asked of it, in the order of its file.
#[derive(Debug, Clone)]
pub struct ZonePlan<'a> {
    pub zone: &'a Zone,
    pub records: Vec<ZoneRecord>,
    /// Of each record, as a zone file has it.
    pub lines: Vec<String>,
    steady_ttl: Seconds,
}

/// Sorts the records into their zones.
///
/// # Errors
///
/// Records outside every zone, a CNAME beside other data, two TTLs in one set, data that no zone file can hold.
pub fn plan<'a>(dns: &'a Dns, records: &[Asked<ZoneRecord>]) -> (Vec<ZonePlan<'a>>, Vec<Clash>) {
    let mut clashes = Vec::new();
    let mut zones: BTreeMap<&HostName, (&Zone, Vec<&Asked<ZoneRecord>>)> = BTreeMap::new();
    for zone in &dns.zones {
        if zones.insert(&zone.name, (zone, Vec::new())).is_some() {
            clashes.push(Clash(format!("dns: the zone {} is there twice", zone.name)));
        }
        if zone.servers.is_empty() {
            clashes.push(Clash(format!("dns: the zone {} has no name server to write its SOA from", zone.name)));
        }
    }
    for asked in records {
        let record = &asked.what;
        let above = record.name.strip_suffix(record.zone.as_str());
        let inside = above.is_some_and(|above| above.is_empty() || above.ends_with('.'));
        match zones.get_mut(&record.zone) {
            Some((_, list)) if inside => list.push(asked),
            _ => clashes
                .push(Clash(format!("{}: {} is in no zone of the blueprint ({})", asked.by, record.name, record.zone))),
        }
        if let Err(why) = check(record) {
            clashes.push(Clash(format!("{}: {}: {why}", asked.by, record.name)));
        }
    }
    let plans = zones
        .into_values()
        .map(|(zone, list)| {
            clashes.extend(clashes_within(&list));
            let records = merged(list);
            let lines = records.iter().map(line).collect();
            ZonePlan { zone, records, lines, steady_ttl: dns.steady_ttl_seconds }
        })
        .collect();
    (plans, clashes)
}

/// Equal records asked twice are one record with both reasons; the order is that of names, then types.
fn merged(mut list: Vec<&Asked<ZoneRecord>>) -> Vec<ZoneRecord> {
    // Stable: reasons stand in the order in which they were given.
    list.sort_by(|a, b| {
        let (a, b) = (&a.what, &b.what);
        a.name.rsplit('.').cmp(b.name.rsplit('.')).then_with(|| a.data.cmp(&b.data))
    });
    let mut merged: Vec<ZoneRecord> = Vec::with_capacity(list.len());
    for Asked { what: record, .. } in list {
        match merged.last_mut() {
            Some(present) if present.name == record.name && present.data == record.data => {
                if present.why != record.why {
                    present.why = present.why.then(&record.why);
                }
            }
            _ => merged.push(record.clone()),
        }
    }
    merged
}

fn clashes_within(list: &[&Asked<ZoneRecord>]) -> Vec<Clash> {
    let mut names: BTreeMap<&str, Vec<&Asked<ZoneRecord>>> = BTreeMap::new();
    for asked in list {
        names.entry(&asked.what.name).or_default().push(asked);
    }
    let mut clashes = Vec::new();
    for (name, all) in names {
        if let Some(alias) = all.iter().find(|asked| matches!(asked.what.data, RecordData::Cname(_))) {
            if name == alias.what.zone.as_str() {
                clashes.push(Clash(format!(
                    "{}: {name} is the top of its zone, where SOA and NS stand: no CNAME may (RFC 1034, section 3.6.2)",
                    alias.by
                )));
            }
            if let Some(other) = all.iter().find(|asked| asked.what.data != alias.what.data) {
                clashes.push(Clash(format!(
                    "{} asks for {name} {}, {} for {} beside it: a CNAME stands alone (RFC 1034, section 3.6.2)",
                    alias.by,
                    text(&alias.what.data),
                    other.by,
                    text(&other.what.data)
                )));
            }
        }
        let mut first_of_type: BTreeMap<&str, &Asked<ZoneRecord>> = BTreeMap::new();
        for asked in all {
            let first = first_of_type.entry(type_name(&asked.what.data)).or_insert(asked);
            if first.what.ttl != asked.what.ttl {
                clashes.push(Clash(format!(
                    "{} asks for {name} {} with TTL {}, {} with TTL {}: one set has one TTL (RFC 2181, section 5.2)",
                    first.by,
                    type_name(&asked.what.data),
                    first.what.ttl,
                    asked.by,
                    asked.what.ttl
                )));
            }
        }
    }
    clashes
}

/// What a zone file cannot say.
fn check(record: &ZoneRecord) -> Result<(), String> {
    name_is_good(record.name.strip_prefix("*.").unwrap_or(&record.name))?;
    match &record.data {
        RecordData::A(_) | RecordData::Aaaa(_) | RecordData::Txt(_) => Ok(()),
        RecordData::Mx { exchange: target, .. } | RecordData::Srv { target, .. } if target == "." => Ok(()),
        RecordData::Cname(target)
        | RecordData::Ns(target)
        | RecordData::Ptr(target)
        | RecordData::Mx { exchange: target, .. }
        | RecordData::Srv { target, .. } => name_is_good(target),
        RecordData::Caa { tag, value, .. } => {
            let tag_is_good = (1..=15).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
            if !tag_is_good {
                return Err(format!("`{}` is no CAA tag (RFC 8659, section 4.1)", tag.escape_debug()));
            }
            // A CAA value fills the rest of the record, yet zone files write it as one character-string.
            if value.len() > 255 {
                return Err("the CAA value is longer than 255 bytes".to_owned());
            }
            Ok(())
        }
        RecordData::Soa(_) => Err("the SOA comes from the zone itself".to_owned()),
        RecordData::Dnssec(_) => Err("whoever signs the zone writes these".to_owned()),
        RecordData::Other(kind) => Err(format!("golive writes no {} records", kind.escape_debug())),
    }
}

/// Letters, digits, hyphens and underscores: `$`, `;`, quotes and parentheses mean something else in the file.
fn name_is_good(name: &str) -> Result<(), String> {
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() <= 253 && name.split('.').all(label_is_good) {
        Ok(())
    } else {
        Err(format!("`{}` is no name that a zone file can hold", name.escape_debug()))
    }
}

/// The zone file: origin, SOA, NS (and the addresses of name servers inside the zone), then the records.
pub fn file(plan: &ZonePlan<'_>) -> String {
    let zone = plan.zone;
    let ttl = plan.steady_ttl;
    let apex = format!("{}.", zone.name);
    let mut out = format!("$ORIGIN {apex}\n");
    if let Some(first) = zone.servers.first() {
        let soa = RecordData::Soa(Soa {
            primary: first.name.to_string(),
            serial: zone.serial,
            refresh: REFRESH,
            retry: RETRY,
            expire: EXPIRE,
            minimum: zone.negative_ttl_seconds.get(),
        });
        // The mailbox is no part of `Soa`, which is what checks read.
        let data = text(&soa).replacen(' ', &format!(" {}. ", zone.hostmaster), 1);
        out.push_str(&format!("{apex} {ttl} IN SOA {data}\n"));
    }
    for server in &zone.servers {
        out.push_str(&format!("{apex} {ttl} IN NS {}.\n", server.name));
    }
    let asked = |name: &HostName| {
        plan.records
            .iter()
            .any(|record| record.name == name.as_str() && matches!(record.data, RecordData::A(_) | RecordData::Aaaa(_)))
    };
    for server in zone.servers.iter().filter(|server| server.name.is_within(&zone.name) && !asked(&server.name)) {
        let data = match server.address {
            IpAddr::V4(address) => RecordData::A(address),
            IpAddr::V6(address) => RecordData::Aaaa(address),
        };
        out.push_str(&format!("{}. {ttl} IN {} {}\n", server.name, type_name(&data), text(&data)));
    }
    for line in &plan.lines {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// The records alone, for whoever runs the zone.
pub fn extract(plan: &ZonePlan<'_>) -> String {
    let mut out = format!("$ORIGIN {}.\n", plan.zone.name);
    for line in &plan.lines {
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// One record as a line, names absolute so that a lost dot cannot be golive's.
fn line(record: &ZoneRecord) -> String {
    format!("{}. {} IN {} {}", record.name, record.ttl, type_name(&record.data), text(&record.data))
}

/// Whether somebody else types the records in.
pub fn is_by_ticket(plan: &ZonePlan<'_>) -> bool {
    plan.zone.run_by == RunBy::Ticket
}

/// The record type's mnemonic.
pub fn type_name(data: &RecordData) -> &'static str {
    match data {
        RecordData::A(_) => "A",
        RecordData::Aaaa(_) => "AAAA",
        RecordData::Cname(_) => "CNAME",
        RecordData::Ns(_) => "NS",
        RecordData::Ptr(_) => "PTR",
        RecordData::Soa(_) => "SOA",
        RecordData::Txt(_) => "TXT",
        RecordData::Mx { .. } => "MX",
        RecordData::Caa { .. } => "CAA",
        RecordData::Srv { .. } => "SRV",
        RecordData::Dnssec(_) | RecordData::Other(_) => "OTHER",
    }
}

/// Record data in presentation form.
pub fn text(data: &RecordData) -> String {
    match data {
        RecordData::A(address) => address.to_string(),
        RecordData::Aaaa(address) => address.to_string(),
        RecordData::Cname(name) | RecordData::Ns(name) | RecordData::Ptr(name) => format!("{name}."),
        RecordData::Soa(soa) => {
            format!("{}. {} {} {} {} {}", soa.primary, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum)
        }
        RecordData::Txt(text) => strings(text),
        RecordData::Mx { preference, exchange } => format!("{preference} {}", rooted(exchange)),
        RecordData::Srv { priority, weight, port, target } => {
            format!("{priority} {weight} {port} {}", rooted(target))
        }
        RecordData::Caa { critical, tag, value } => {
            format!("{} {tag} {}", u8::from(*critical) << 7, character_string(value.as_bytes()))
        }
        RecordData::Dnssec(_) => data.to_string(),
        RecordData::Other(text) => text.clone(),
    }
}

/// A name with its final dot. The root, which is the host of a name that takes no mail or has no such service, is that
/// dot alone.
pub fn rooted(name: &str) -> String {
    if name == "." { name.to_owned() } else { format!("{name}.") }
}

/// A text as character-strings of at most 255 bytes each (RFC 1035, section 3.3).
fn strings(text: &str) -> String {
    if text.is_empty() {
        return "\"\"".to_owned();
    }
    text.as_bytes().chunks(255).map(character_string).collect::<Vec<_>>().join(" ")
}

/// Quoted; quotes and backslashes escaped, bytes outside printable ASCII as `\DDD` (RFC 1035, section 5.1).
fn character_string(bytes: &[u8]) -> String {
    let mut out = "\"".to_owned();
    for byte in bytes {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            0x20..=0x7e => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03}")),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::dns::NameServer;
    use crate::concerns::fragment::for_good;
    use crate::language::Said;
    use proptest::prelude::*;

    fn zone(name: &str) -> Zone {
        Zone {
            name: name.parse().expect("a name"),
            run_by: RunBy::Ticket,
            ticket_to: None,
            servers: vec![NameServer {
                name: format!("ns1.{name}").parse().expect("a name"),
                address: "192.0.2.53".parse().expect("an address"),
            }],
            parent_servers: vec![],
            signed: false,
            hostmaster: "hostmaster.example.net".parse().expect("a name"),
            serial: 7,
            negative_ttl_seconds: Seconds::new(300),
            certificate_authorities: vec![],
            records: vec![],
        }
    }

    fn dns() -> Dns {
        Dns {
            lowered_ttl_seconds: Seconds::new(300),
            steady_ttl_seconds: Seconds::new(3600),
            resolvers: vec![],
            zones: vec![zone("example.org")],
        }
    }

    fn record(by: &'static str, name: &str, data: RecordData, ttl: u32) -> Asked<ZoneRecord> {
        Asked {
            by,
            what: ZoneRecord {
                zone: "example.org".parse().expect("a name"),
                name: name.to_owned(),
                data,
                ttl: Seconds::new(ttl),
                why: Said::as_written(by),
                until: for_good(),
            },
        }
    }

    fn a(last: u8) -> RecordData {
        RecordData::A([192, 0, 2, last].into())
    }

    fn clashes(records: &[Asked<ZoneRecord>]) -> Vec<String> {
        plan(&dns(), records).1.into_iter().map(|clash| clash.0).collect()
    }

    #[test]
    fn the_file_holds_soa_servers_and_glue() {
        let dns = dns();
        let records = [record("redirects", "www.example.org", a(9), 300), record("cdn", "www.example.org", a(9), 300)];
        let (plans, clashes) = plan(&dns, &records);
        assert_eq!(clashes, []);
        assert_eq!(
            file(&plans[0]),
            "$ORIGIN example.org.\n\
             example.org. 3600 IN SOA ns1.example.org. hostmaster.example.net. 7 7200 900 1209600 300\n\
             example.org. 3600 IN NS ns1.example.org.\n\
             ns1.example.org. 3600 IN A 192.0.2.53\n\
             www.example.org. 300 IN A 192.0.2.9\n"
        );
        assert_eq!(plans[0].records[0].why, Said::new("redirects; cdn", "redirects ; cdn"));
    }

    #[test]
    fn a_cname_stands_alone_and_not_at_the_top() {
        let cname = RecordData::Cname("a.example.net".to_owned());
        let beside = clashes(&[
            record("cdn", "www.example.org", cname.clone(), 300),
            record("redirects", "www.example.org", a(1), 300),
        ]);
        assert_eq!(beside.len(), 1, "{beside:?}");
        assert!(beside[0].contains("cdn asks") && beside[0].contains("redirects for 192.0.2.1"), "{beside:?}");
        let apex = clashes(&[record("cdn", "example.org", cname, 300)]);
        assert!(apex[0].contains("top of its zone"), "{apex:?}");
    }

    #[test]
    fn one_ttl_a_set_and_no_foreign_name() {
        let ttls = clashes(&[record("a", "x.example.org", a(1), 300), record("b", "x.example.org", a(2), 60)]);
        assert!(ttls[0].contains("TTL 300, b with TTL 60"), "{ttls:?}");
        let foreign = clashes(&[record("a", "x.example.com", a(1), 300)]);
        assert!(foreign[0].contains("in no zone"), "{foreign:?}");
        for name in ["$INCLUDE.example.org", "a b.example.org", "a;b.example.org", "(.example.org", "a..example.org"] {
            assert!(!clashes(&[record("a", name, a(1), 300)]).is_empty(), "{name} passed");
        }
    }

    #[test]
    fn long_texts_are_split() {
        let written = text(&RecordData::Txt("x".repeat(300)));
        assert_eq!(written, format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45)));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_a_parser(value in "([ -~]|é|\u{9f}|\"|\\\\|;|\\(|\\)){1,300}") {
            use domain::base::iana::Rtype;
            use domain::zonefile::inplace::{Entry, Zonefile};
            use domain::rdata::ZoneRecordData;
            let dns = dns();
            let (plans, clashes) = plan(&dns, &[record("a", "_t.example.org", RecordData::Txt(value.clone()), 300)]);
            prop_assert!(clashes.is_empty());
            let written = file(&plans[0]);
            let mut reader = Zonefile::load(&mut written.as_bytes()).expect("a zone file");
            let mut seen = Vec::new();
            while let Some(entry) = reader.next_entry().expect("an entry") {
                if let Entry::Record(record) = entry
                    && record.rtype() == Rtype::TXT
                    && let ZoneRecordData::Txt(txt) = record.data()
                {
                    seen.push(txt.iter().flatten().copied().collect::<Vec<u8>>());
                }
            }
            prop_assert_eq!(seen, vec![value.into_bytes()]);
        }
    }
}
