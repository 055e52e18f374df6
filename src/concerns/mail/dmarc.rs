//! DMARC as a receiver reads it (RFC 9989): which record applies to a domain, found by the walk up the DNS tree, and
//! what it asks for. Pure: what is not known yet is asked for.
//!
//! Compared with the last source that the working group's editors published (draft-ietf-dmarc-dmarcbis, 4 April 2025), whose
//! sections have the numbers that are cited here, and with the tests of mailauth and the parser of checkdmarc 5.16, which
//! cite the RFC for the same steps; the RFC's own text was not to be had. One difference is left: where a domain has several
//! records mailauth ends the search, and the source goes on upwards, as here.
//!
//! Receivers read leniently what is broken, and so does the walk; [`Record::faults`] keeps what a strict reader says.

use super::Policy;
use super::lookup::{Known, Question, Stop};
use super::tags::Tags;
use crate::probe::{RecordData, RecordType};

/// Most records that one walk asks for (section 4.10).
pub const QUERIES: usize = 8;

/// Tags that mean something (section 4.7).
const TAGS: [&str; 11] = ["adkim", "aspf", "fo", "np", "p", "psd", "rua", "ruf", "sp", "t", "v"];

/// Whether a domain is one below which others register (section 4.7, `psd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    Yes,
    No,
    Unsaid,
}

/// A record, as far as its policy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// For the domain itself; `None` where it is absent or no policy.
    pub policy: Option<Policy>,
    /// For sub-domains that exist (`sp`), and for those that do not (`np`); `None` where absent.
    pub below: Option<Policy>,
    pub below_absent: Option<Policy>,
    pub suffix: Suffix,
    /// `t=y`: one level less than the policy is asked for.
    pub is_test: bool,
    /// SPF and DKIM must match the domain behind the `@` to the letter, not only its organisation.
    pub strict_spf: bool,
    pub strict_dkim: bool,
    /// Mailboxes of `rua`, without what follows an exclamation mark, which receivers ignore.
    pub reports_to: Vec<String>,
    /// What the formal definition (section 4.8) does not allow.
    pub faults: Vec<String>,
    /// What receivers pass over: tags and sizes that RFC 9989 dropped, and names that are no tags, as misspelt ones are.
    pub ignored: Vec<String>,
    /// `sp` or `np` is there and no policy: receivers take the whole record for `none`, or leave it.
    breaks_below: bool,
}

/// Whether a TXT record is a DMARC record at all: it starts with the version, to the letter (section 4.7, `v`).
pub fn is_record(text: &str) -> bool {
    let version = text.split(';').next().unwrap_or_default().trim_end_matches([' ', '\t']);
    version.split_once('=').is_some_and(|(name, value)| {
        name.trim_end_matches([' ', '\t']).eq_ignore_ascii_case("v")
            && value.trim_start_matches([' ', '\t']) == "DMARC1"
    })
}

/// Reads a text for which [`is_record`] holds.
pub fn read(text: &str) -> Record {
    let list = Tags::read(text);
    let mut faults = list.faults.clone();
    let mut policy = |name: &str| {
        let value = list.get(name)?;
        let found = Policy::read(value);
        if found.is_none() {
            faults.push(format!("`{name}={}` is no policy", value.escape_debug()));
        }
        Some(found)
    };
    let (own, sp, np) = (policy("p"), policy("sp"), policy("np"));
    if own.is_none() {
        faults.push("`p` is absent".to_owned());
    }
    let mut one_of = |name: &str, values: &[&str]| {
        let value = list.get(name)?;
        let found = values.iter().position(|known| known.eq_ignore_ascii_case(value));
        if found.is_none() {
            faults.push(format!("`{name}={}` is none of {}", value.escape_debug(), values.join(", ")));
        }
        found
    };
    let suffix = match one_of("psd", &["y", "n", "u"]) {
        Some(0) => Suffix::Yes,
        Some(1) => Suffix::No,
        _ => Suffix::Unsaid,
    };
    let is_test = one_of("t", &["y", "n"]) == Some(0);
    let strict_spf = one_of("aspf", &["s", "r"]) == Some(0);
    let strict_dkim = one_of("adkim", &["s", "r"]) == Some(0);
    let mut reports_to = Vec::new();
    for uri in list.get("rua").unwrap_or_default().split(',').map(str::trim).filter(|uri| !uri.is_empty()) {
        match mailbox(uri) {
            Some(mailbox) => reports_to.push(mailbox.to_owned()),
            // Any scheme may stand there; receivers need know but one.
            None if uri.split_once(':').is_some_and(|(scheme, _)| !scheme.eq_ignore_ascii_case("mailto")) => {}
            None => faults.push(format!("`{}` in rua is no address", uri.escape_debug())),
        }
    }
    if list.get("fo").is_some_and(|options| !is_failure_options(options)) {
        faults.push(format!("`fo={}` is no set of options", list.get("fo").unwrap_or_default().escape_debug()));
    }
    if list.get("rua").is_some_and(str::is_empty) {
        faults.push("`rua` is empty".to_owned());
    }
    let mut ignored: Vec<String> = list
        .tags
        .iter()
        .filter_map(|(name, _)| match name.as_str() {
            name if TAGS.contains(&name) => None,
            "pct" | "rf" | "ri" => Some(format!("`{name}` is there, which RFC 9989 dropped")),
            name => Some(format!("`{name}` is there, which is no tag that receivers know")),
        })
        .collect();
    if list.get("rua").is_some_and(|uris| uris.contains('!')) {
        ignored.push("`rua` limits the size of reports, which RFC 9989 dropped".to_owned());
    }
    Record {
        policy: own.flatten(),
        below: sp.flatten(),
        below_absent: np.flatten(),
        suffix,
        is_test,
        strict_spf,
        strict_dkim,
        reports_to,
        faults,
        ignored,
        breaks_below: sp == Some(None) || np == Some(None),
    }
}

/// `fo`: some of `0`, `1`, `d` and `s`, each once, and not both numbers (section 4.7).
fn is_failure_options(text: &str) -> bool {
    let options: Vec<String> = text.split(':').map(|option| option.trim().to_ascii_lowercase()).collect();
    let has = |wanted: &str| options.iter().filter(|option| *option == wanted).count();
    let [never, any, dkim, spf] = ["0", "1", "d", "s"].map(has);
    never + any <= 1 && dkim <= 1 && spf <= 1 && never + any + dkim + spf == options.len()
}

/// The mailbox of a `mailto:` URI.
fn mailbox(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let mailbox = rest.split(['!', '?']).next()?;
    let (local, host) = mailbox.rsplit_once('@')?;
    let good = scheme.eq_ignore_ascii_case("mailto") && !local.is_empty() && !host.is_empty();
    (good && mailbox.bytes().all(|b| b.is_ascii_graphic())).then_some(mailbox)
}

impl Record {
    /// What receivers do with mail of the record's own domain that fails; `None`: they leave DMARC alone (section
    /// 4.10.1).
    pub fn asks(&self) -> Option<Policy> {
        self.assessed(self.policy)
    }

    /// The same of a sub-domain without a record of its own, which `exists` or not.
    pub fn asks_below(&self, exists: bool) -> Option<Policy> {
        let absent = if exists { None } else { self.below_absent };
        self.assessed(absent.or(self.below).or(self.policy))
    }

    fn assessed(&self, policy: Option<Policy>) -> Option<Policy> {
        let policy = match policy.filter(|_| self.policy.is_some() && !self.breaks_below) {
            Some(policy) => policy,
            None if !self.reports_to.is_empty() => Policy::None,
            None => return None,
        };
        Some(match policy {
            Policy::Reject if self.is_test => Policy::Quarantine,
            Policy::Quarantine if self.is_test => Policy::None,
            policy => policy,
        })
    }
}

/// The domains whose records a walk asks for, the start first (section 4.10): from eight labels on all but seven are
/// left out at once.
pub fn targets(domain: &str) -> Vec<&str> {
    let mut starts = vec![0];
    starts.extend(domain.match_indices('.').map(|(at, _)| at + 1));
    let above = starts.len().saturating_sub(QUERIES - 1).max(1);
    let all = std::iter::once(domain).chain(starts.iter().skip(above).map(|start| &domain[*start..]));
    all.take(QUERIES).collect()
}

/// A walk that has come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    pub start: String,
    /// Domains with one record, the longest first.
    pub found: Vec<(String, Record)>,
}

/// Walks up from a domain.
///
/// # Errors
///
/// As [`Known::records`]; one round asks for all records of the walk.
pub fn walk(known: &Known<'_>, domain: &str) -> Result<Walk, Stop> {
    let question = |target: &&str| -> Question { (format!("_dmarc.{target}"), RecordType::Txt) };
    let targets = targets(domain);
    let unasked: Vec<Question> = targets.iter().map(question).filter(|question| !known.has(question)).collect();
    if !unasked.is_empty() {
        return Err(Stop::Ask(unasked));
    }
    let mut found = Vec::new();
    for target in &targets {
        let answers = known.records(&format!("_dmarc.{target}"), RecordType::Txt)?;
        let mut records = answers.into_iter().filter_map(|data| match data {
            RecordData::Txt(text) if is_record(text) => Some(read(text)),
            _ => None,
        });
        // Of several none counts.
        let (Some(record), None) = (records.next(), records.next()) else { continue };
        let is_last = record.suffix != Suffix::Unsaid;
        found.push(((*target).to_owned(), record));
        if is_last {
            break;
        }
    }
    Ok(Walk { start: domain.to_owned(), found })
}

impl Walk {
    /// The organizational domain (section 4.10.2).
    pub fn organizational(&self) -> &str {
        for (domain, record) in &self.found {
            match record.suffix {
                Suffix::No => return domain,
                Suffix::Yes if *domain != self.start => return self.one_below(domain),
                Suffix::Yes | Suffix::Unsaid => {}
            }
        }
        self.found.last().map_or(&self.start, |(domain, _)| domain)
    }

    /// The part of the start that has one label more than a domain above it.
    fn one_below(&self, domain: &str) -> &str {
        let above = self.start.len().saturating_sub(domain.len() + 1);
        self.start[..above].rfind('.').map_or(&self.start, |dot| &self.start[dot + 1..])
    }

    /// The record that applies to mail from the start, and whose it is (section 4.10.1): the start's own, else its
    /// organisation's, else that of the suffix.
    pub fn applied(&self) -> Option<&(String, Record)> {
        let of = |name: &str| self.found.iter().find(|(domain, _)| domain == name);
        of(&self.start).or_else(|| of(self.organizational())).or_else(|| self.found.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::concerns::Judgement;
    use crate::concerns::mail::lookup::made_up::Dns;

    /// Organisation, whose record applies, what it asks for, and the rounds that it took.
    fn discovered(dns: &[&str], domain: &str) -> (String, usize) {
        Dns::of(dns).play(|known| {
            let walk = walk(known, domain)?;
            let applied = walk.applied().map_or("nobody: nothing".to_owned(), |(whose, record)| {
                let asks = if *whose == walk.start { record.asks() } else { record.asks_below(true) };
                format!("{whose}: {}", asks.map_or("nothing", Policy::as_str))
            });
            Ok(Judgement::pass(format!("{}, {applied}", walk.organizational())))
        })
    }

    /// The illustrations of section 4.10 and of "A Note on Large, Complex Organizations".
    #[test]
    fn the_walk_asks_eight_times_at_most() {
        let tail = ["j.mail.example.com", "mail.example.com", "example.com", "com"];
        let head = ["a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com"];
        let all = [&head[..], &["i.j.mail.example.com"], &tail].concat();
        assert_eq!(targets("a.b.c.d.e.f.g.h.i.j.mail.example.com"), all);
        let skipped = targets("mail.a.b.c.d.e.f.g.example.com");
        assert_eq!(skipped.len(), QUERIES);
        assert_eq!(skipped[1], "c.d.e.f.g.example.com");
        assert!(!skipped.contains(&"b.c.d.e.f.g.example.com"), "its `psd=n` is never found");
        assert_eq!(targets("a.mail.example.com"), ["a.mail.example.com", "mail.example.com", "example.com", "com"]);
        assert_eq!(targets("1.2.3.4.5.6.7.8").len(), QUERIES, "eight labels: each of them");
        assert_eq!(targets("1.2.3.4.5.6.7.8")[1], "2.3.4.5.6.7.8");
        assert_eq!(targets("1.2.3.4.5.6.7.8.9")[1], "3.4.5.6.7.8.9");
        assert_eq!(targets("com"), ["com"]);
        assert_eq!(targets(""), [""]);
    }

    /// The examples of section 4.10.2 and appendix B.4.
    #[test]
    fn organisations_are_found() {
        let none = "v=DMARC1; p=none";
        let (mail, com) = (format!("_dmarc.mail.example.com TXT {none}"), format!("_dmarc.example.com TXT {none}"));
        let cut = format!("_dmarc.mail.example.com TXT {none}; psd=n");
        let psd = format!("_dmarc.com TXT {none}; psd=y");
        let (bank, giant) = (
            "_dmarc.bank.example TXT v=DMARC1; p=reject; psd=y",
            "_dmarc.giant.bank.example TXT v=DMARC1; p=quarantine",
        );
        for (dns, domain, expected) in [
            (vec![mail.as_str(), &com], "a.mail.example.com", "example.com, example.com: none"),
            (vec![&cut, &com], "a.mail.example.com", "mail.example.com, mail.example.com: none"),
            (vec![&psd], "a.mail.example.com", "example.com, com: none"),
            (vec![], "a.mail.example.com", "a.mail.example.com, nobody: nothing"),
            // B.4.1, B.4.2
            (vec![&com], "example.com", "example.com, example.com: none"),
            (
                vec![&com, "_dmarc.signing.example.com TXT v=DMARC1; p=none"],
                "signing.example.com",
                "example.com, signing.example.com: none",
            ),
            (vec![&com], "a.b.c.d.e.f.g.h.i.j.k.example.com", "example.com, example.com: none"),
            // B.4.3
            (vec![bank, giant], "giant.bank.example", "giant.bank.example, giant.bank.example: quarantine"),
            (vec![bank, giant], "mail.giant.bank.example", "giant.bank.example, giant.bank.example: quarantine"),
            (vec![bank, giant], "mail.mega.bank.example", "mega.bank.example, bank.example: reject"),
            (vec![bank], "bank.example", "bank.example, bank.example: reject"),
        ] {
            assert_eq!(discovered(&dns, domain), (expected.to_owned(), 1), "{domain}: {dns:?}");
        }
    }

    #[test]
    fn what_is_no_record_or_one_of_two_is_passed_over() {
        let above = "_dmarc.d.example TXT v=DMARC1; p=reject; sp=quarantine";
        for (own, expected) in [
            (vec!["_dmarc.m.d.example TXT v=DMARC1; p=none"], "m.d.example: none"),
            (vec!["_dmarc.m.d.example TXT v = DMARC1 ; p=none"], "m.d.example: none"),
            (vec!["_dmarc.m.d.example TXT v=dmarc1; p=none"], "d.example: quarantine"),
            (vec!["_dmarc.m.d.example TXT v=DMARC10; p=none"], "d.example: quarantine"),
            (vec!["_dmarc.m.d.example TXT  v=DMARC1; p=none"], "d.example: quarantine"),
            (vec!["_dmarc.m.d.example TXT p=none; v=DMARC1"], "d.example: quarantine"),
            (
                vec!["_dmarc.m.d.example TXT google-site-verification=x", "_dmarc.m.d.example TXT v=DMARC1; p=none"],
                "m.d.example: none",
            ),
            (
                vec!["_dmarc.m.d.example TXT v=DMARC1; p=none", "_dmarc.m.d.example TXT v=DMARC1; p=none"],
                "d.example: quarantine",
            ),
        ] {
            let dns = [&own[..], &[above]].concat();
            assert_eq!(discovered(&dns, "m.d.example").0, format!("d.example, {expected}"), "{own:?}");
        }
    }

    #[test]
    fn policies_are_assessed() {
        let asked = |text: &str| {
            let record = read(text);
            [record.asks(), record.asks_below(true), record.asks_below(false)]
                .map(|policy| policy.map_or("-", Policy::as_str))
        };
        let rua = "rua=mailto:d@d.example";
        for (text, expected) in [
            ("v=DMARC1; p=reject", ["reject"; 3]),
            ("v=DMARC1; p=Reject; sp=none", ["reject", "none", "none"]),
            ("v=DMARC1; p=reject; np=none", ["reject", "reject", "none"]),
            ("v=DMARC1; p=none; sp=quarantine; np=reject", ["none", "quarantine", "reject"]),
            ("v=DMARC1; p=reject; sp=quarantine; t=y", ["quarantine", "none", "none"]),
            // Broken ones count as `none` where somebody wants reports, and else not at all.
            ("v=DMARC1", ["-"; 3]),
            ("v=DMARC1; p=quarantaine", ["-"; 3]),
            (&format!("v=DMARC1; {rua}"), ["none"; 3]),
            (&format!("v=DMARC1; p=reject; sp=nix; {rua}"), ["none"; 3]),
            ("v=DMARC1; p=reject; sp=nix", ["-"; 3]),
            ("v=DMARC1; p=reject; rua=mailto:d@d.example; np=x", ["none"; 3]),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
    }

    #[test]
    fn faults_are_named_and_new_tags_are_none() {
        for (text, faults) in [
            ("v=DMARC1; p=none; rua=mailto:a@b.example!10m, mailto:c@d.example;", vec![]),
            ("v=DMARC1; p=none; rua=https://b.example/r; new=1", vec![]),
            ("v=DMARC1; p=none; psd=x", vec!["`psd=x` is none of y, n, u"]),
            ("v=DMARC1; p=none; adkim=strict", vec!["`adkim=strict` is none of s, r"]),
            ("v=DMARC1; p=none; rua=a@b.example", vec!["`a@b.example` in rua is no address"]),
            ("v=DMARC1; p=none; rua=", vec!["`rua` is empty"]),
            ("v=DMARC1; p=none; fo=1:d:s", vec![]),
            ("v=DMARC1; p=none; fo=D", vec![]),
            ("v=DMARC1; p=none; fo=0:1", vec!["`fo=0:1` is no set of options"]),
            ("v=DMARC1; p=none; fo=d:d", vec!["`fo=d:d` is no set of options"]),
            ("v=DMARC1; p=none; fo=2", vec!["`fo=2` is no set of options"]),
            ("v=DMARC1; p=none; fo=", vec!["`fo=` is no set of options"]),
            ("v=DMARC1; p=none p=reject", vec!["`p=none p=reject` is no policy"]),
            ("v=DMARC1; sp=none", vec!["`p` is absent"]),
            ("v=DMARC1; p=none; p=reject", vec!["`p` is there twice"]),
        ] {
            assert_eq!(read(text).faults, faults, "{text}");
        }
        let ignored = |rest: &str| read(&format!("v=DMARC1; p=none{rest}")).ignored.len();
        assert_eq!([ignored("; pct=50; ri=1"), ignored("; ruo=x"), ignored("; rua=mailto:a@b.example!10m")], [2, 1, 1]);
        assert_eq!(ignored("; ruf=mailto:a@b.example; fo=1; aspf=r; rua=mailto:a@b.example"), 0);
        assert_eq!(read("v=DMARC1; p=none; rua=mailto:a@b.example!10m").reports_to, ["a@b.example"]);
    }

    proptest::proptest! {
        #[test]
        fn any_record_is_read(text in "v=DMARC1(; ?(p|sp|np|psd|rua|t|aspf|é)=[a-z:@!,é]{0,9})*", domain in "[a-zé.]{0,30}") {
            let record = read(&text);
            let walk = Walk { start: domain.clone(), found: targets(&domain).into_iter().map(|d| (d.to_owned(), record.clone())).collect() };
            assert!(targets(&domain).len() <= QUERIES);
            assert!(domain.ends_with(walk.organizational()));
        }
    }
}
