//! SPF as a receiver reads it (RFC 7208): the grammar, the count of look-ups, and `check_host`. Pure: what is not
//! known yet is asked for.
//!
//! Macros and `ptr` are recognised and not evaluated: whoever needs their value is told so, and gets no verdict.

use std::net::IpAddr;

use ipnet::IpNet;

use super::lookup::{Known, Question, Stop, each};
use crate::concerns::Judgement;
use crate::probe::{RecordData, RecordType};

/// Most terms that ask the DNS, over all included policies (section 4.6.4).
pub const LOOKUPS: usize = 10;
/// Most of them that may find nothing (section 4.6.4).
pub const VOIDS: usize = 2;
/// Most mail servers that one `mx` may find (section 4.6.4).
const EXCHANGES: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    All,
    Include(String),
    A(Hosts),
    Mx(Hosts),
    Ptr,
    Ip(IpNet),
    Exists(String),
}

/// `a:domain/24//64`: no domain is the policy's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    pub domain: Option<String>,
    pub prefix4: u8,
    pub prefix6: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub terms: Vec<(Qualifier, Mechanism)>,
    pub redirect: Option<String>,
}

/// Whether a TXT record is an SPF policy (section 4.5).
pub fn is_policy(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
}

/// Reads a policy.
///
/// # Errors
///
/// The term that a receiver refuses, which is a permerror for all of it.
pub fn parse(text: &str) -> Result<Policy, String> {
    let mut policy = Policy { terms: Vec::new(), redirect: None };
    for word in text.split(' ').skip(1).filter(|word| !word.is_empty()) {
        let bad = || format!("`{}` is no SPF term", word.escape_debug());
        let name_end = word.find([':', '/', '=']).unwrap_or(word.len());
        if word[name_end..].starts_with('=') {
            let (name, value) = (&word[..name_end], &word[name_end + 1..]);
            if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(bad());
            }
            if name.eq_ignore_ascii_case("redirect") && policy.redirect.replace(value.to_owned()).is_some() {
                return Err("`redirect` is there twice".to_owned());
            }
            continue;
        }
        policy.terms.push(term(word).ok_or_else(bad)?);
    }
    Ok(policy)
}

fn term(word: &str) -> Option<(Qualifier, Mechanism)> {
    let (qualifier, word) = match word.as_bytes().first()? {
        b'+' => (Qualifier::Pass, &word[1..]),
        b'-' => (Qualifier::Fail, &word[1..]),
        b'~' => (Qualifier::SoftFail, &word[1..]),
        b'?' => (Qualifier::Neutral, &word[1..]),
        _ => (Qualifier::Pass, word),
    };
    let (name, rest) = word.split_at(word.find([':', '/']).unwrap_or(word.len()));
    let argument = rest.strip_prefix(':').filter(|argument| !argument.is_empty());
    let mechanism = match (name.to_ascii_lowercase().as_str(), argument) {
        ("all", None) if rest.is_empty() => Mechanism::All,
        ("include", Some(domain)) => Mechanism::Include(domain_spec(domain)?),
        ("exists", Some(domain)) => Mechanism::Exists(domain_spec(domain)?),
        ("a", _) => Mechanism::A(hosts(rest)?),
        ("mx", _) => Mechanism::Mx(hosts(rest)?),
        ("ptr", _) => Mechanism::Ptr,
        ("ip4", Some(network)) => Mechanism::Ip(network_of(network).filter(|net| net.addr().is_ipv4())?),
        ("ip6", Some(network)) => Mechanism::Ip(network_of(network).filter(|net| net.addr().is_ipv6())?),
        _ => return None,
    };
    Some((qualifier, mechanism))
}

fn domain_spec(text: &str) -> Option<String> {
    let good = text.bytes().all(|b| b.is_ascii_graphic()) && (text.contains('%') || text.contains('.'));
    good.then(|| text.trim_end_matches('.').to_ascii_lowercase())
}

fn network_of(text: &str) -> Option<IpNet> {
    match text.contains('/') {
        true => text.parse().ok(),
        false => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

fn hosts(rest: &str) -> Option<Hosts> {
    let (domain, prefixes) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let domain = match domain.strip_prefix(':') {
        Some(domain) => Some(domain_spec(domain)?),
        None => None,
    };
    let (four, six) = match prefixes.split_once("//") {
        Some((four, six)) => (four, Some(six)),
        None => (prefixes, None),
    };
    let prefix4 = match four.strip_prefix('/') {
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= 32)?,
        None => 32,
    };
    let prefix6 = match six {
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= 128)?,
        None => 128,
    };
    Some(Hosts { domain, prefix4, prefix6 })
}

impl Policy {
    /// What its own terms will ask, to be asked together.
    fn questions(&self, domain: &str) -> Vec<Question> {
        let own = |hosts: &Hosts| hosts.domain.clone().unwrap_or_else(|| domain.to_owned());
        let terms = self.terms.iter().filter_map(|(_, mechanism)| match mechanism {
            Mechanism::Include(name) => Some((name.clone(), RecordType::Txt)),
            Mechanism::A(hosts) => Some((own(hosts), RecordType::A)),
            Mechanism::Mx(hosts) => Some((own(hosts), RecordType::Mx)),
            Mechanism::Exists(name) => Some((name.clone(), RecordType::A)),
            Mechanism::All | Mechanism::Ptr | Mechanism::Ip(_) => None,
        });
        let redirect = self.redirect.iter().map(|name| (name.clone(), RecordType::Txt));
        terms.chain(redirect).filter(|(name, _)| !name.contains('%')).take(LOOKUPS).collect()
    }
}

/// The one policy of a name; `Err` inside is what a receiver calls a permerror.
fn policy_of(known: &Known<'_>, domain: &str) -> Result<Result<Option<Policy>, String>, Stop> {
    let records = known.records(domain, RecordType::Txt)?;
    let policies: Vec<&str> = records
        .iter()
        .filter_map(|data| match data {
            RecordData::Txt(text) if is_policy(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    Ok(match policies.as_slice() {
        [] => Ok(None),
        [one] => parse(one).map(Some).map_err(|why| format!("{domain}: {why}")),
        many => Err(format!("{domain} has {} SPF records", many.len())),
    })
}

/// What a policy costs its receivers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Cost {
    pub lookups: usize,
    pub voids: usize,
    /// What a receiver calls a permerror, if anything.
    pub broken: Option<String>,
}

/// Counts over every branch, as a sender that matches nothing makes a receiver do. Stops above the limits.
///
/// # Errors
///
/// As [`Known::records`]; one round asks for a whole level of includes.
pub fn cost(known: &Known<'_>, domain: &str) -> Result<Cost, Stop> {
    let mut cost = Cost::default();
    count(known, domain, &mut Vec::new(), &mut cost)?;
    Ok(cost)
}

fn count(known: &Known<'_>, domain: &str, above: &mut Vec<String>, cost: &mut Cost) -> Result<(), Stop> {
    if above.iter().any(|name| name == domain) {
        cost.broken =
            Some(format!("{} includes itself", [above.as_slice(), &[domain.to_owned()]].concat().join(" -> ")));
        return Ok(());
    }
    let policy = match policy_of(known, domain)? {
        Ok(Some(policy)) => policy,
        Ok(None) => {
            cost.broken = Some(format!("{domain} has no SPF record"));
            return Ok(());
        }
        Err(why) => {
            cost.broken = Some(why);
            return Ok(());
        }
    };
    let asking = policy.terms.iter().filter(|(_, mechanism)| !matches!(mechanism, Mechanism::All | Mechanism::Ip(_)));
    cost.lookups += asking.count() + usize::from(policy.redirect.is_some());
    if cost.lookups > LOOKUPS {
        return Ok(());
    }
    above.push(domain.to_owned());
    let below = each(policy.questions(domain), |(name, kind)| {
        if cost.broken.is_some() || cost.lookups > LOOKUPS {
            return Ok(());
        }
        if kind == RecordType::Txt {
            return count(known, &name, above, cost);
        }
        let found = known.records(&name, kind)?.len();
        cost.voids += usize::from(found == 0);
        if kind == RecordType::Mx && found > EXCHANGES {
            cost.broken = Some(format!("`mx` finds {found} mail servers of {name}, {EXCHANGES} may be"));
        }
        Ok(())
    });
    above.pop();
    // Enough is known when a limit is passed or a part is broken, whatever else is not yet answered.
    match below {
        Err(Stop::Ask(_)) if cost.broken.is_some() || cost.lookups > LOOKUPS => Ok(()),
        other => other.map(|_| ()),
    }
}

/// What a receiver concludes about one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    None,
    PermError(String),
}

impl Outcome {
    pub fn text(&self) -> String {
        match self {
            Outcome::Pass => "pass".to_owned(),
            Outcome::Fail => "fail".to_owned(),
            Outcome::SoftFail => "softfail".to_owned(),
            Outcome::Neutral => "neutral".to_owned(),
            Outcome::None => "none: the domain has no SPF record".to_owned(),
            Outcome::PermError(why) => format!("permerror: {why}"),
        }
    }
}

/// `check_host` of section 4 for a sender at `address`.
///
/// # Errors
///
/// As [`Known::records`]; a judgement too where a macro or `ptr` decides.
pub fn check_host(known: &Known<'_>, address: IpAddr, domain: &str) -> Result<Outcome, Stop> {
    Evaluation { known, address, lookups: 0, voids: 0 }.domain(domain)
}

struct Evaluation<'a, 'b> {
    known: &'b Known<'a>,
    address: IpAddr,
    lookups: usize,
    voids: usize,
}

/// A receiver's end of the evaluation, or golive's.
enum Halt {
    Perm(String),
    Stop(Stop),
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl Evaluation<'_, '_> {
    fn domain(&mut self, domain: &str) -> Result<Outcome, Stop> {
        match self.evaluate(domain) {
            Ok(outcome) => Ok(outcome),
            Err(Halt::Perm(why)) => Ok(Outcome::PermError(why)),
            Err(Halt::Stop(stop)) => Err(stop),
        }
    }

    /// A loop ends at the limit of look-ups.
    fn evaluate(&mut self, domain: &str) -> Result<Outcome, Halt> {
        let Some(policy) = policy_of(self.known, domain)?.map_err(Halt::Perm)? else { return Ok(Outcome::None) };
        for (qualifier, mechanism) in &policy.terms {
            let matched = self.matches(mechanism, domain).map_err(|halt| match halt {
                // Whatever follows will be wanted too.
                Halt::Stop(Stop::Ask(mut wanted)) => {
                    wanted.extend(policy.questions(domain));
                    Halt::Stop(Stop::Ask(wanted))
                }
                other => other,
            })?;
            if matched {
                return Ok(match qualifier {
                    Qualifier::Pass => Outcome::Pass,
                    Qualifier::Fail => Outcome::Fail,
                    Qualifier::SoftFail => Outcome::SoftFail,
                    Qualifier::Neutral => Outcome::Neutral,
                });
            }
        }
        let Some(target) = &policy.redirect else { return Ok(Outcome::Neutral) };
        self.spend()?;
        match self.evaluate(plain(target)?)? {
            Outcome::None => Err(Halt::Perm(format!("{target} has no SPF record"))),
            other => Ok(other),
        }
    }

    fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, Halt> {
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip(network) => Ok(network.contains(&self.address)),
            Mechanism::Include(name) => {
                self.spend()?;
                match self.evaluate(plain(name)?)? {
                    Outcome::Pass => Ok(true),
                    Outcome::None => Err(Halt::Perm(format!("{name} has no SPF record"))),
                    Outcome::PermError(why) => Err(Halt::Perm(why)),
                    Outcome::Fail | Outcome::SoftFail | Outcome::Neutral => Ok(false),
                }
            }
            Mechanism::A(hosts) => {
                self.spend()?;
                let name = hosts.domain.as_deref().unwrap_or(domain);
                let found = self.addresses(plain(name)?)?;
                self.found(found.is_empty())?;
                Ok(self.is_among(&found, hosts))
            }
            Mechanism::Mx(hosts) => {
                self.spend()?;
                let name = plain(hosts.domain.as_deref().unwrap_or(domain))?;
                let exchanges = self.known.records(name, RecordType::Mx)?;
                self.found(exchanges.is_empty())?;
                if exchanges.len() > EXCHANGES {
                    return Err(Halt::Perm(format!("{name} has more than {EXCHANGES} mail servers")));
                }
                let names = exchanges.iter().filter_map(|data| match data {
                    RecordData::Mx { exchange, .. } if exchange != "." => Some(exchange),
                    _ => None,
                });
                let kind = self.address_type();
                let found = each(names, |name| Ok(addresses_in(&self.known.records(name, kind)?)))?;
                Ok(self.is_among(&found.concat(), hosts))
            }
            Mechanism::Exists(name) => {
                self.spend()?;
                let found = self.known.records(plain(name)?, RecordType::A)?;
                self.found(found.is_empty())?;
                Ok(!found.is_empty())
            }
            Mechanism::Ptr => Err(unread("uses `ptr`, which golive does not evaluate (RFC 7208, section 5.5)")),
        }
    }

    fn spend(&mut self) -> Result<(), Halt> {
        self.lookups += 1;
        match self.lookups > LOOKUPS {
            true => Err(Halt::Perm(format!("more than {LOOKUPS} look-ups"))),
            false => Ok(()),
        }
    }

    fn found(&mut self, nothing: bool) -> Result<(), Halt> {
        self.voids += usize::from(nothing);
        match self.voids > VOIDS {
            true => Err(Halt::Perm(format!("more than {VOIDS} look-ups that find nothing"))),
            false => Ok(()),
        }
    }

    fn address_type(&self) -> RecordType {
        if self.address.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
    }

    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Stop> {
        Ok(addresses_in(&self.known.records(name, self.address_type())?))
    }

    fn is_among(&self, found: &[IpAddr], hosts: &Hosts) -> bool {
        let prefix = if self.address.is_ipv4() { hosts.prefix4 } else { hosts.prefix6 };
        found.iter().any(|found| IpNet::new(*found, prefix).is_ok_and(|network| network.contains(&self.address)))
    }
}

fn addresses_in(records: &[&RecordData]) -> Vec<IpAddr> {
    let address = |data: &&RecordData| match data {
        RecordData::A(address) => Some(IpAddr::V4(*address)),
        RecordData::Aaaa(address) => Some(IpAddr::V6(*address)),
        _ => None,
    };
    records.iter().filter_map(address).collect()
}

fn plain(name: &str) -> Result<&str, Halt> {
    match name.contains('%') {
        true => Err(unread("uses macros, which golive does not evaluate (RFC 7208, section 7)")),
        false => Ok(name),
    }
}

fn unread(why: &str) -> Halt {
    Halt::Stop(Stop::Say(Judgement::unknown(format!("the policy {why}"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::mail::lookup::made_up::Dns;

    fn checked(dns: &Dns, address: &str) -> String {
        let address = address.parse().expect("an address");
        dns.play(|known| Ok(Judgement::pass(check_host(known, address, "d.example")?.text()))).0
    }

    fn counted(dns: &Dns) -> (String, usize) {
        dns.play(|known| {
            let Cost { lookups, voids, broken } = cost(known, "d.example")?;
            Ok(Judgement::pass(format!("{lookups} {voids} {}", broken.unwrap_or_default())))
        })
    }

    #[test]
    fn receivers_conclude() {
        let world = |policy: &str| {
            let policy = format!("d.example TXT {policy}");
            Dns::of(&[
                &policy,
                "d.example A 192.0.2.7",
                "d.example MX mx.example",
                "mx.example A 192.0.2.200",
                "inner.example TXT v=spf1 ip4:203.0.113.0/24 -all",
                "open.example TXT v=spf1 ?all",
                "two.example TXT v=spf1 -all",
                "two.example TXT v=spf1 +all",
                "loop.example TXT v=spf1 include:loop.example -all",
                "yes.example A 127.0.0.2",
            ])
        };
        for (policy, address, expected) in [
            ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.1", "pass"),
            ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.2", "fail"),
            ("V=SPF1 IP4:192.0.2.0/24 ~ALL", "192.0.3.2", "softfail"),
            ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", "pass"),
            ("v=spf1", "192.0.2.1", "neutral"),
            ("v=spf10 -all", "192.0.2.1", "none: the domain has no SPF record"),
            ("v=spf1 a -all", "192.0.2.7", "pass"),
            ("v=spf1 a/24 -all", "192.0.2.99", "pass"),
            ("v=spf1 mx -all", "192.0.2.200", "pass"),
            ("v=spf1 mx/25 -all", "192.0.2.1", "fail"),
            ("v=spf1 include:inner.example -all", "203.0.113.9", "pass"),
            ("v=spf1 include:inner.example ~all", "192.0.2.1", "softfail"),
            ("v=spf1 -include:inner.example +all", "203.0.113.9", "fail"),
            ("v=spf1 redirect=inner.example", "203.0.113.9", "pass"),
            ("v=spf1 redirect=open.example", "192.0.2.1", "neutral"),
            ("v=spf1 exists:yes.example -all", "192.0.2.1", "pass"),
            ("v=spf1 include:gone.example -all", "192.0.2.1", "permerror: gone.example has no SPF record"),
            ("v=spf1 include:two.example -all", "192.0.2.1", "permerror: two.example has 2 SPF records"),
            ("v=spf1 include:loop.example -all", "192.0.2.1", "permerror: more than 10 look-ups"),
            ("v=spf1 ipv4:192.0.2.1 -all", "192.0.2.1", "permerror: d.example: `ipv4:192.0.2.1` is no SPF term"),
            (
                "v=spf1 a:n1.example a:n2.example a:n3.example +all",
                "192.0.2.1",
                "permerror: more than 2 look-ups that find nothing",
            ),
            (
                "v=spf1 exists:%{i}.list.example -all",
                "192.0.2.1",
                "unknown: the policy uses macros, which golive does not evaluate (RFC 7208, section 7)",
            ),
            ("v=spf1 ip4:192.0.2.1 exists:%{i}.list.example -all", "192.0.2.1", "pass"),
        ] {
            assert_eq!(checked(&world(policy), address), expected, "{policy}");
        }
    }

    #[test]
    fn look_ups_are_counted_over_every_branch() {
        let chain: Vec<String> = (0..10)
            .map(|n| match n {
                0 => "d.example TXT v=spf1 include:s1.example -all".to_owned(),
                n => format!("s{n}.example TXT v=spf1 include:s{}.example -all", n + 1),
            })
            .chain(["s10.example TXT v=spf1 -all".to_owned()])
            .collect();
        let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
        assert_eq!(counted(&Dns::of(&chain)), ("10 0 ".to_owned(), 11), "ten below one another");
        let longer = "s10.example TXT v=spf1 include:s11.example -all";
        let longer: Vec<&str> = chain[..10].iter().copied().chain([longer]).collect();
        assert_eq!(counted(&Dns::of(&longer)).0, "11 0 ");
        let wide = [
            "d.example TXT v=spf1 include:a.example include:b.example mx ptr ip4:192.0.2.1 -all",
            "a.example TXT v=spf1 a:x.example a:y.example -all",
            "b.example TXT v=spf1 a:z.example redirect=c.example",
            "c.example TXT v=spf1 -all",
        ];
        assert_eq!(counted(&Dns::of(&wide)), ("8 4 ".to_owned(), 3));
        let circle = ["d.example TXT v=spf1 include:a.example -all", "a.example TXT v=spf1 include:d.example -all"];
        assert_eq!(counted(&Dns::of(&circle)).0, "2 0 d.example -> a.example -> d.example includes itself");
        assert_eq!(counted(&Dns::of(&[])).0, "0 0 d.example has no SPF record");
        let endless = format!("d.example TXT v=spf1 {}-all", "include:a.example ".repeat(5000));
        assert_eq!(counted(&Dns::of(&[&endless])), ("5000 0 ".to_owned(), 1));
        for (servers, broken) in [(10, ""), (11, "`mx` finds 11 mail servers of d.example, 10 may be")] {
            let lines: Vec<String> = (0..servers).map(|n| format!("d.example MX m{n}.example")).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).chain(["d.example TXT v=spf1 mx -all"]).collect();
            assert_eq!(counted(&Dns::of(&lines)).0, format!("1 0 {broken}"));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_policy_is_read_or_refused(text in "v=spf1( ([-+~?]?(a|mx|include|ip4|ip6|ptr|all|exists|é)[:/=]?[a-z0-9./:%é]{0,9}|redirect=.{0,5}))*") {
            let _ = parse(&text);
        }
    }
}
