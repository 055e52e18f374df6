//! One zone as a name server holds it: zone file text parsed, and the lookup of RFC 1034, section 4.3.2.
//!
//! The text is read with the `domain` crate, not with hickory's own parser, which takes quotes, `;` and `\DDD`
//! in TXT data wrongly and lets broken zones pass. Must not open a socket.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bytes::Bytes;
use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData;
use domain::base::{Name as TextName, ToName};
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, ScannedRecord, Zonefile};
use hickory_server::proto::dnssec::rdata::{DNSKEY, DNSSECRData};
use hickory_server::proto::rr::rdata::{A, AAAA, SOA};
use hickory_server::proto::rr::{LowerName, Name, RData, Record, RecordType};
use hickory_server::proto::serialize::binary::{BinDecodable, BinDecoder, Restrict};

use super::signing::{self, StagedKey};

/// Most CNAMEs that one answer follows; longer chains are loops.
pub const LONGEST_CHAIN: usize = 16;

/// What stands at one name, by type.
type Sets = BTreeMap<RecordType, Vec<Record>>;

#[derive(Debug, Clone)]
pub struct Zone {
    origin: LowerName,
    soa: Record,
    /// Every owner name and every empty name between one and the origin.
    nodes: HashMap<LowerName, Sets>,
}

/// What a zone says about one name and type.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Answer(Vec<Record>),
    /// A CNAME stands there.
    Alias(Record, LowerName),
    /// The name belongs to a zone below: its NS records.
    Delegated(Vec<Record>),
    /// The name exists, without this type. The SOA as a negative answer carries it.
    NoData(Record),
    /// The name does not exist. The SOA as a negative answer carries it.
    NoName(Record),
}

impl Found {
    /// The records that say it, of one name and type. A delegation is not the zone's own word.
    pub fn set(&self) -> &[Record] {
        match self {
            Found::Answer(records) | Found::Delegated(records) => records,
            Found::Alias(record, _) | Found::NoData(record) | Found::NoName(record) => std::slice::from_ref(record),
        }
    }
}

impl Zone {
    /// Reads zone file text as a primary server does.
    ///
    /// # Errors
    ///
    /// The first reason for which BIND or NSD would refuse the zone: syntax, no or several SOA, a CNAME beside
    /// other data or twice, another class, `$INCLUDE`.
    pub fn parse(origin: &str, text: &str) -> Result<Self, String> {
        closed(text)?;
        let mut file = Zonefile::new();
        file.extend_from_slice(text.as_bytes());
        file.extend_from_slice(b"\n");
        let name: TextName<Bytes> = origin.parse().map_err(|error| format!("`{origin}` is no zone name: {error}"))?;
        file.set_origin(name);
        file.set_default_class(Class::IN);
        let mut records = Vec::new();
        loop {
            match file.next_entry() {
                Ok(None) => break,
                Ok(Some(Entry::Record(record))) => records.push(convert(&record)?),
                Ok(Some(Entry::Include { path, .. })) => return Err(format!("$INCLUDE {path} is not followed")),
                Err(error) => return Err(error.to_string()),
            }
        }
        Self::from_records(origin, records)
    }

    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn from_records(origin: &str, records: Vec<Record>) -> Result<Self, String> {
        let origin = LowerName::from(absolute(origin)?);
        let mut nodes: HashMap<LowerName, Sets> = HashMap::new();
        for mut record in records {
            let owner = LowerName::from(record.name.clone());
            if !origin.zone_of(&owner) {
                // BIND ignores a name outside the zone.
                continue;
            }
            let mut above = owner.clone();
            while above != origin && !above.is_root() {
                above = above.base_name();
                nodes.entry(above.clone()).or_default();
            }
            let set = nodes.entry(owner).or_default().entry(record.record_type()).or_default();
            // One TTL a set (RFC 2181, section 5.2); BIND takes the first.
            record.ttl = set.first().map_or(record.ttl, |first| first.ttl);
            if !set.iter().any(|known| known.data == record.data) {
                set.push(record);
            }
        }
        for (owner, sets) in &nodes {
            if let Some(aliases) = sets.get(&RecordType::CNAME)
                && (sets.len() > 1 || aliases.len() > 1)
            {
                return Err(format!("{owner} has a CNAME beside other data"));
            }
            if *owner != origin && sets.contains_key(&RecordType::SOA) {
                return Err(format!("{owner} has an SOA record but is not the top of the zone"));
            }
        }
        let top = nodes.get(&origin).and_then(|sets| sets.get(&RecordType::SOA));
        let soa = match top.map(Vec::as_slice) {
            Some([soa]) => soa.clone(),
            Some(_) => return Err("the zone has several SOA records".to_owned()),
            None => return Err("the zone has no SOA record".to_owned()),
        };
        if !nodes.get(&origin).is_some_and(|sets| sets.contains_key(&RecordType::NS)) {
            return Err("the zone has no NS record".to_owned());
        }
        Ok(Self { origin, soa, nodes })
    }

    pub fn origin(&self) -> &LowerName {
        &self.origin
    }

    /// Puts addresses in the place of everything that leads somewhere at `name`, as a CDN that runs the zone
    /// does for a proxied name.
    pub fn replace_addresses(&mut self, name: &str, addresses: &[IpAddr], ttl: u32) -> Result<(), String> {
        let name = absolute(name)?;
        let owner = LowerName::from(name.clone());
        if !self.origin.zone_of(&owner) {
            return Ok(());
        }
        let sets = self.nodes.entry(owner).or_default();
        for kind in [RecordType::A, RecordType::AAAA, RecordType::CNAME] {
            sets.remove(&kind);
        }
        for address in addresses {
            let record = Record::from_rdata(name.clone(), ttl, address_data(*address));
            sets.entry(record.record_type()).or_default().push(record);
        }
        Ok(())
    }

    /// Publishes the key, and signs every set with it, as it was when the signer last ran; what is delegated stays as it
    /// is, but for who vouches for it.
    ///
    /// # Errors
    ///
    /// When a set cannot be signed.
    pub fn sign(&mut self, key: &StagedKey) -> Result<(), String> {
        let origin = Name::from(&self.origin);
        let dnskey = Record::from_rdata(origin.clone(), self.soa.ttl, key.dnskey()?);
        let mut signed = match &key.signed_text {
            Some(text) => Self::parse(&origin.to_ascii(), text)?,
            None => self.clone(),
        };
        for zone in [&mut *self, &mut signed] {
            zone.nodes.entry(zone.origin.clone()).or_default().insert(RecordType::DNSKEY, vec![dnskey.clone()]);
        }
        let mut signatures = Vec::new();
        for (owner, sets) in &signed.nodes {
            let is_cut = signed.cut_above(owner).is_some();
            for set in sets.iter().filter(|(kind, _)| !is_cut || **kind == RecordType::DS).map(|(_, set)| set) {
                signatures.extend(key.sign(&origin, set)?.map(|signature| (owner.clone(), signature)));
            }
        }
        for (owner, signature) in signatures {
            self.nodes.entry(owner).or_default().entry(RecordType::RRSIG).or_default().push(signature);
        }
        Ok(())
    }

    /// The signatures of one set, of a wildcard's too where that one answers.
    pub fn signatures(&self, name: &LowerName, kind: RecordType) -> Vec<Record> {
        let covers = |record: &&Record| match &record.data {
            RData::DNSSEC(DNSSECRData::RRSIG(signature)) => signature.input().type_covered == kind,
            _ => false,
        };
        let Some((sets, owner)) = self.node(name) else { return Vec::new() };
        let all = sets.get(&RecordType::RRSIG).into_iter().flatten();
        all.filter(covers).map(|record| renamed(record, owner)).collect()
    }

    /// The keys that sign this zone, given what the zone above says; `None`: it does not vouch for them.
    pub fn keys(&self, delegations: &[Record]) -> Option<Vec<&DNSKEY>> {
        let (keys, signatures) =
            (self.set(&self.origin, RecordType::DNSKEY), self.signatures(&self.origin, RecordType::DNSKEY));
        signing::keys(&Name::from(&self.origin), delegations, keys, &signatures)
    }

    /// Whether the zone's keys have signed these records of one name and type.
    pub fn is_signed(&self, keys: &[&DNSKEY], set: &[Record]) -> bool {
        let Some(first) = set.first() else { return false };
        let signatures = self.signatures(&LowerName::from(&first.name), first.record_type());
        signing::is_signed(&Name::from(&self.origin), keys, set, &signatures)
    }

    fn set(&self, name: &LowerName, kind: RecordType) -> &[Record] {
        self.nodes.get(name).and_then(|sets| sets.get(&kind)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Addresses that this zone has for the servers of a delegation.
    pub fn glue(&self, servers: &[Record]) -> Vec<Record> {
        let named = servers.iter().filter_map(|record| match &record.data {
            RData::NS(name) => Some(LowerName::from(name.0.clone())),
            _ => None,
        });
        named
            .flat_map(|name| [RecordType::A, RecordType::AAAA].map(|kind| self.set(&name, kind).to_vec()).concat())
            .collect()
    }

    /// Answers for a name within this zone.
    pub fn find(&self, name: &LowerName, kind: RecordType) -> Found {
        if let Some(cut) = self.cut_above(name) {
            // Who vouches for a delegation stands above it (RFC 4035, section 3.1.4.1).
            let is_cut = kind == RecordType::DS && cut.first().is_some_and(|ns| LowerName::from(&ns.name) == *name);
            return match self.set(name, RecordType::DS) {
                _ if !is_cut => Found::Delegated(cut),
                [] => Found::NoData(self.negative_soa()),
                delegations => Found::Answer(delegations.to_vec()),
            };
        }
        match self.node(name) {
            Some((sets, owner)) => self.at(sets, owner, kind),
            None => Found::NoName(self.negative_soa()),
        }
    }

    /// What stands at a name, or at the wildcard that answers for it: then with the name asked for.
    fn node<'a>(&self, name: &'a LowerName) -> Option<(&Sets, Option<&'a LowerName>)> {
        if let Some(sets) = self.nodes.get(name) {
            return Some((sets, None));
        }
        let mut encloser = name.base_name();
        while !self.nodes.contains_key(&encloser) && !encloser.is_root() {
            encloser = encloser.base_name();
        }
        let wildcard = Name::from_ascii("*").and_then(|star| star.append_domain(&Name::from(&encloser)));
        let sets = self.nodes.get(&LowerName::from(wildcard.ok()?))?;
        Some((sets, Some(name)))
    }

    /// NS records of a delegation at or above `name`, below the top of the zone.
    fn cut_above(&self, name: &LowerName) -> Option<Vec<Record>> {
        let mut at = name.clone();
        while at != self.origin && !at.is_root() {
            if let Some(servers) = self.nodes.get(&at).and_then(|sets| sets.get(&RecordType::NS)) {
                return Some(servers.clone());
            }
            at = at.base_name();
        }
        None
    }

    /// `owner` is the name asked for where a wildcard answers in its place.
    fn at(&self, sets: &Sets, owner: Option<&LowerName>, kind: RecordType) -> Found {
        let named = |record: &Record| renamed(record, owner);
        if kind != RecordType::CNAME
            && kind != RecordType::ANY
            && let Some(alias) = sets.get(&RecordType::CNAME).and_then(|set| set.first())
            && let RData::CNAME(target) = &alias.data
        {
            return Found::Alias(named(alias), LowerName::from(target.0.clone()));
        }
        let found: Vec<Record> = match kind {
            RecordType::ANY => sets.values().flatten().map(named).collect(),
            kind => sets.get(&kind).into_iter().flatten().map(named).collect(),
        };
        if found.is_empty() { Found::NoData(self.negative_soa()) } else { Found::Answer(found) }
    }

    /// The SOA with the TTL of negative answers: the lesser of its own and MINIMUM (RFC 2308, section 5).
    fn negative_soa(&self) -> Record {
        let mut soa = self.soa.clone();
        if let RData::SOA(data) = &soa.data {
            soa.ttl = soa.ttl.min(data.minimum);
        }
        soa
    }
}

/// A wildcard's record under the name asked for.
fn renamed(record: &Record, owner: Option<&LowerName>) -> Record {
    let mut record = record.clone();
    if let Some(owner) = owner {
        record.name = Name::from(owner);
    }
    record
}

/// Refuses what is left open at the end: the `domain` crate (0.12.3) panics on an open parenthesis after a text.
fn closed(text: &str) -> Result<(), String> {
    let (mut open, mut quoted, mut comment) = (0_usize, false, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                if quoted {
                    return Err("a quoted text is not closed on its line".to_owned());
                }
                comment = false;
            }
            _ if comment => {}
            '\\' => {
                chars.next();
            }
            '"' => quoted = !quoted,
            _ if quoted => {}
            ';' => comment = true,
            '(' => open += 1,
            ')' => open = open.checked_sub(1).ok_or("a parenthesis is closed that was not opened")?,
            _ => {}
        }
    }
    if quoted || open > 0 {
        return Err("a quoted text or a parenthesis is not closed".to_owned());
    }
    Ok(())
}

/// A zone of the CDN's own, which golive does not generate: these names lead to these addresses.
pub fn edge_zone(origin: &str, names: &[String], addresses: &[IpAddr], ttl: u32) -> Result<Zone, String> {
    let top = absolute(origin)?;
    let server = absolute(&format!("ns.{origin}"))?;
    let soa = SOA::new(server.clone(), absolute(&format!("dns.{origin}"))?, 1, 10_000, 2_400, 604_800, 300);
    let ns = hickory_server::proto::rr::rdata::NS(server);
    let mut records =
        vec![Record::from_rdata(top.clone(), ttl, RData::SOA(soa)), Record::from_rdata(top, ttl, RData::NS(ns))];
    for name in names {
        let name = absolute(name)?;
        records.extend(addresses.iter().map(|ip| Record::from_rdata(name.clone(), ttl, address_data(*ip))));
    }
    Zone::from_records(origin, records)
}

/// A name from the root, lower case.
pub fn absolute(name: &str) -> Result<Name, String> {
    let mut absolute =
        Name::from_ascii(name).map_err(|error| format!("`{}` is no DNS name: {error}", name.escape_debug()))?;
    absolute.set_fqdn(true);
    Ok(absolute.to_lowercase())
}

fn address_data(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(v4) => RData::A(A(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
    }
}

/// From one crate's record to the other's, through the wire format that both agree upon.
fn convert(record: &ScannedRecord) -> Result<Record, String> {
    let owner = record.owner().to_vec();
    if record.class() != Class::IN {
        return Err(format!("{owner} has a record of class {}", record.class()));
    }
    let name = Name::read(&mut BinDecoder::new(owner.as_slice())).map_err(|error| format!("{owner}: {error}"))?;
    let kind = RecordType::from(record.rtype().to_int());
    let mut wire = Vec::new();
    let data: &ZoneRecordData<_, _> = record.data();
    data.compose_rdata(&mut wire).map_err(|_| format!("{owner} {kind}: the data is too long"))?;
    let length = u16::try_from(wire.len()).map_err(|_| format!("{owner} {kind}: the data is too long"))?;
    let data = RData::read(&mut BinDecoder::new(&wire), kind, Restrict::new(length))
        .map_err(|error| format!("{owner} {kind}: {error}"))?;
    Ok(Record::from_rdata(name, record.ttl().as_secs(), data))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "$TTL 3600\n@ IN SOA ns1 host 1 2 3 4 60\n@ IN NS ns1.example.net.\n";

    fn zone(records: &str) -> Zone {
        Zone::parse("example.org", &format!("{HEAD}{records}")).expect("a zone")
    }

    fn find(zone: &Zone, name: &str, kind: RecordType) -> String {
        match zone.find(&LowerName::from(absolute(name).expect("a name")), kind) {
            Found::Answer(records) => {
                records.iter().map(|r| format!("{} {} {}", r.name, r.ttl, r.data)).collect::<Vec<_>>().join(" | ")
            }
            Found::Alias(_, target) => format!("-> {target}"),
            Found::Delegated(servers) => format!("delegated to {}", servers.len()),
            Found::NoData(soa) => format!("no data for {} s", soa.ttl),
            Found::NoName(soa) => format!("no name for {} s", soa.ttl),
        }
    }

    #[test]
    fn lookups() {
        let zone = zone(
            "www 300 IN A 192.0.2.1\nwww 400 IN A 192.0.2.2\nwww IN A 192.0.2.2\nAlias IN CNAME elsewhere.example.net.\n\
             a.b.c IN A 192.0.2.3\n*.w IN TXT \"semi;colon\" \"two\"\nsub IN NS ns.sub\nns.sub IN A 192.0.2.4\n\
             outside.example.com. IN A 192.0.2.5\nmx IN MX 10 www\n",
        );
        for (name, kind, expected) in [
            ("www.example.org", RecordType::A, "www.example.org. 300 192.0.2.1 | www.example.org. 300 192.0.2.2"),
            ("WWW.example.org", RecordType::AAAA, "no data for 60 s"),
            ("alias.example.org", RecordType::A, "-> elsewhere.example.net."),
            ("alias.example.org", RecordType::CNAME, "Alias.example.org. 3600 elsewhere.example.net."),
            ("b.c.example.org", RecordType::A, "no data for 60 s"),
            ("x.w.example.org", RecordType::TXT, "x.w.example.org. 3600 semi;colontwo"),
            ("y.x.w.example.org", RecordType::A, "no data for 60 s"),
            ("x.sub.example.org", RecordType::A, "delegated to 1"),
            ("nope.example.org", RecordType::A, "no name for 60 s"),
            ("mx.example.org", RecordType::MX, "mx.example.org. 3600 10 www.example.org."),
        ] {
            assert_eq!(find(&zone, name, kind), expected, "{name} {kind}");
        }
    }

    #[test]
    fn zones_that_a_real_server_refuses() {
        for (text, message) in [
            ("", "no SOA"),
            ("@ IN SOA a b 1 2 3 4 5\n", "no NS"),
            (&format!("{HEAD}@ IN SOA ns2 host 1 2 3 4 60\n"), "several SOA"),
            (&format!("{HEAD}a IN CNAME b\na IN A 192.0.2.1\n"), "CNAME beside"),
            (&format!("{HEAD}a IN CNAME b\na IN CNAME c\n"), "CNAME beside"),
            (&format!("{HEAD}a IN A 192.0.2.321\n"), ""),
            (&format!("{HEAD}a IN TXT \"{}\"\n", "x".repeat(256)), ""),
            (&format!("{HEAD}$INCLUDE /etc/passwd\n"), "INCLUDE"),
            (&format!("{HEAD}a IN TXT ( \"open\"\n"), ""),
        ] {
            let error = Zone::parse("example.org", text).expect_err(message);
            assert!(error.contains(message), "{error}");
        }
        assert!(Zone::parse("exa mple..org", HEAD).is_err());
    }

    #[test]
    fn a_proxied_name_leads_to_the_edge_and_nowhere_else() {
        let mut zone = zone("www IN A 192.0.2.1\nwww IN AAAA 2001:db8::1\nwww IN TXT \"kept\"\n");
        let edge = ["104.16.0.10".parse().expect("an address")];
        zone.replace_addresses("www.example.org", &edge, 300).expect("a name");
        zone.replace_addresses("www.example.com", &edge, 300).expect("another zone's name is left alone");
        assert_eq!(find(&zone, "www.example.org", RecordType::A), "www.example.org. 300 104.16.0.10");
        assert_eq!(find(&zone, "www.example.org", RecordType::AAAA), "no data for 60 s");
        assert_eq!(find(&zone, "www.example.org", RecordType::TXT), "www.example.org. 3600 kept");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(
            noise in proptest::collection::vec("[ \t(\"\\\\)@.;$a-z0-9-]{0,12}|IN|TXT|CNAME|CAA|MX|\\(|\"x\"|\n", 0..30)
        ) {
            let _ = Zone::parse("example.org", &format!("{HEAD}{}", noise.join(" ")));
        }
    }
}
