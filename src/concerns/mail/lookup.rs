//! Questions that only earlier answers make known. A judge is replayed from the start on each round, and says what
//! it lacks; the replay asks in the same order, so the answers need no labels.

use std::collections::HashMap;

use crate::concerns::Judgement;
use crate::concerns::answer::dns;
use crate::concerns::ask::dns_resolved;
use crate::probe::{DnsAnswer, Observation, Probe, Rcode, RecordData, RecordType};

pub type Question = (String, RecordType);

/// Why a judge cannot go on.
#[derive(Debug)]
pub enum Stop {
    Ask(Vec<Question>),
    Say(Judgement),
}

/// What has been answered so far.
#[derive(Default)]
pub struct Known<'a> {
    answers: HashMap<Question, &'a Observation>,
}

impl<'a> Known<'a> {
    pub fn has(&self, question: &Question) -> bool {
        self.answers.contains_key(question)
    }

    /// The records of a name, aliases followed by the resolver; none where the name does not exist.
    ///
    /// # Errors
    ///
    /// The question when it was not yet asked; a judgement when there is no answer to rely on.
    pub fn records(&self, name: &str, record_type: RecordType) -> Result<Vec<&'a RecordData>, Stop> {
        let question = (name.to_owned(), record_type);
        let Some(observation) = self.answers.get(&question) else { return Err(Stop::Ask(vec![question])) };
        let answer = dns(observation).map_err(Stop::Say)?;
        match answer.rcode {
            Rcode::NoError | Rcode::NxDomain => Ok(of_type(answer, record_type)),
            rcode => {
                let because = format!("the resolver answers {} for {} {name}", rcode.as_str(), record_type.as_str());
                Err(Stop::Say(Judgement::fail(because)))
            }
        }
    }
}

fn of_type(answer: &DnsAnswer, record_type: RecordType) -> Vec<&RecordData> {
    let is_it = |data: &RecordData| {
        matches!(
            (record_type, data),
            (RecordType::A, RecordData::A(_))
                | (RecordType::Aaaa, RecordData::Aaaa(_))
                | (RecordType::Mx, RecordData::Mx { .. })
                | (RecordType::Ptr, RecordData::Ptr(_))
                | (RecordType::Txt, RecordData::Txt(_))
        )
    };
    answer.answers.iter().map(|record| &record.data).filter(|data| is_it(data)).collect()
}

/// Plays `judge` on the answers of all rounds.
pub fn replay(seen: &[Observation], judge: impl Fn(&Known<'_>) -> Result<Judgement, Stop>) -> Judgement {
    let mut known = Known::default();
    let mut rest = seen;
    loop {
        let wanted = match judge(&known) {
            Ok(judgement) | Err(Stop::Say(judgement)) => return judgement,
            Err(Stop::Ask(wanted)) => unasked(wanted, &known),
        };
        if wanted.is_empty() {
            return Judgement::unknown("golive's own fault: it asks what it knows; please report it");
        }
        let Some((answers, later)) = rest.split_at_checked(wanted.len()) else {
            return Judgement::Ask(wanted.iter().map(|(name, kind)| dns_resolved(name, *kind)).collect());
        };
        known.answers.extend(wanted.into_iter().zip(answers));
        rest = later;
    }
}

/// The first questions of a judge that is replayed.
pub fn first_questions(judge: impl Fn(&Known<'_>) -> Result<Judgement, Stop>) -> Vec<Probe> {
    match replay(&[], judge) {
        Judgement::Ask(probes) => probes,
        Judgement::Say(..) => Vec::new(),
    }
}

fn unasked(wanted: Vec<Question>, known: &Known<'_>) -> Vec<Question> {
    let mut fresh: Vec<Question> = Vec::new();
    for question in wanted {
        if !known.has(&question) && !fresh.contains(&question) {
            fresh.push(question);
        }
    }
    fresh
}

/// Goes through all items even where one lacks an answer, so that a round asks for all of them.
///
/// # Errors
///
/// The first judgement, or else all questions together.
pub fn each<T, R>(
    items: impl IntoIterator<Item = T>,
    mut one: impl FnMut(T) -> Result<R, Stop>,
) -> Result<Vec<R>, Stop> {
    let mut results = Vec::new();
    let mut wanted = Vec::new();
    for item in items {
        match one(item) {
            Ok(result) => results.push(result),
            Err(Stop::Ask(more)) => wanted.extend(more),
            Err(say) => return Err(say),
        }
    }
    if wanted.is_empty() { Ok(results) } else { Err(Stop::Ask(wanted)) }
}

/// A DNS of a few lines, and the rounds of a judge on it.
#[cfg(test)]
pub mod made_up {
    use jiff::Timestamp;

    use super::*;
    use crate::concerns::Verdict;
    use crate::probe::{DnsProbe, DnsRecord};

    /// Lines of `name kind data`; what they do not hold does not exist.
    pub struct Dns(Vec<(String, RecordData)>);

    impl Dns {
        pub fn of(lines: &[&str]) -> Self {
            let record = |line: &&str| {
                let (name, rest) = line.split_once(' ').expect("a name");
                let data = match rest.split_once(' ').expect("a type") {
                    ("A", address) => RecordData::A(address.parse().expect("an address")),
                    ("MX", exchange) => RecordData::Mx { preference: 10, exchange: exchange.to_owned() },
                    (_, text) => RecordData::Txt(text.to_owned()),
                };
                (name.to_owned(), data)
            };
            Self(lines.iter().map(record).collect())
        }

        pub fn answer(&self, probe: &Probe) -> Observation {
            let Probe::Dns(DnsProbe { name, .. }) = probe else { panic!("{probe:?}") };
            let records = self.0.iter().filter(|(owner, _)| owner == name);
            let answers: Vec<DnsRecord> =
                records.map(|(name, data)| DnsRecord { name: name.clone(), ttl: 300, data: data.clone() }).collect();
            Observation::Dns(DnsAnswer {
                at: Timestamp::UNIX_EPOCH,
                server: "192.0.2.53".to_owned(),
                rcode: if answers.is_empty() { Rcode::NxDomain } else { Rcode::NoError },
                authoritative: true,
                answers,
                authenticated: false,
                authority: vec![],
                additional: vec![],
            })
        }

        /// Plays the rounds as `verify` does; also how many there were.
        pub fn play(&self, judge: impl Fn(&Known<'_>) -> Result<Judgement, Stop>) -> (String, usize) {
            let (mut seen, mut rounds) = (Vec::new(), 0);
            loop {
                match replay(&seen, &judge) {
                    Judgement::Say(Verdict::Unknown, because) => return (format!("unknown: {because}"), rounds),
                    Judgement::Say(_, because) => return (because, rounds),
                    Judgement::Ask(probes) => seen.extend(probes.iter().map(|probe| self.answer(probe))),
                }
                rounds += 1;
                assert!(rounds <= 12 && seen.len() <= 200, "{seen:?}");
            }
        }
    }
}
