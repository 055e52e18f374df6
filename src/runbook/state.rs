//! Where a launch stands, from its journal alone: what each item came to, what is next, what blocks the vote.
//!
//! Pure: the same entries at the same moment give the same answer. Must not read a clock or ask anybody.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::fact::{Answer, Checked, Decision, Evidence, Fact, Opened, Seen, Vote};
use super::journal::Entry;
use super::plan::{Item, ItemWork, Plan, hash_of};
use crate::concerns::people::Role;
use crate::language::Said;

/// SHA-256, in lower-case hexadecimal, over blueprint, runbook and the standing of every item before the vote.
pub type Signature = String;

/// What somebody or golive said of an item, and still counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    Open,
    /// Something was said, of another blueprint, runbook or time.
    Void {
        why: &'static str,
    },
    /// Every check is green, or yellow.
    Green {
        at: Timestamp,
        until: Timestamp,
    },
    /// Some check is red or unknown.
    Red {
        rows: Vec<Evidence>,
    },
    /// It was green, and that has expired.
    Expired {
        at: Timestamp,
    },
    Done {
        by: String,
        at: Timestamp,
        text: String,
    },
    Held {
        by: String,
        at: Timestamp,
        text: String,
    },
    Skipped {
        by: String,
        at: Timestamp,
        text: String,
    },
    /// Not as it must be; by name, with a reason. Of checks: those rows and no others.
    Waived {
        by: String,
        at: Timestamp,
        text: String,
        rows: Vec<Evidence>,
    },
    /// The poll: nobody has decided yet, or what was decided.
    Voting,
    Decided {
        go: bool,
        at: Timestamp,
    },
}

impl Standing {
    /// Nothing is left to do about it.
    pub fn is_settled(&self) -> bool {
        match self {
            Standing::Green { .. } | Standing::Done { .. } | Standing::Skipped { .. } | Standing::Waived { .. } => true,
            Standing::Decided { go, .. } => *go,
            Standing::Open
            | Standing::Void { .. }
            | Standing::Red { .. }
            | Standing::Expired { .. }
            | Standing::Held { .. }
            | Standing::Voting => false,
        }
    }

    /// The same for people.
    pub fn said(&self) -> Said {
        let french = match self {
            Standing::Open => "à faire",
            Standing::Void { .. } => "caduc",
            Standing::Green { .. } => "vert",
            Standing::Red { .. } => "rouge",
            Standing::Expired { .. } => "périmé",
            Standing::Done { .. } => "fait",
            Standing::Held { .. } => "attend",
            Standing::Skipped { .. } => "sauté",
            Standing::Waived { .. } => "dérogé",
            Standing::Voting => "vote",
            Standing::Decided { .. } => self.word(),
        };
        Said::new(self.word(), french)
    }

    /// One word for signatures.
    pub fn word(&self) -> &'static str {
        match self {
            Standing::Open => "open",
            Standing::Void { .. } => "void",
            Standing::Green { .. } => "green",
            Standing::Red { .. } => "red",
            Standing::Expired { .. } => "expired",
            Standing::Done { .. } => "done",
            Standing::Held { .. } => "held",
            Standing::Skipped { .. } => "skipped",
            Standing::Waived { .. } => "waived",
            Standing::Voting => "voting",
            Standing::Decided { go: true, .. } => "go",
            Standing::Decided { go: false, .. } => "no-go",
        }
    }
}

/// What the person or golive does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<'a> {
    /// Ask the site.
    Run(&'a Item),
    /// Ask a person: an item of theirs, or what to do about checks that are red.
    Ask(&'a Item),
    /// Ask this role for its vote on the signature.
    Vote(&'a Item, Role, Signature),
    /// Everybody has voted.
    Decide(&'a Item, Decision),
    /// The poll said no.
    NoGo(&'a Item, Decision),
    Finished,
}

/// A launch as its journal tells it.
#[derive(Debug, Clone)]
pub struct State<'a> {
    pub opened: &'a Opened,
    facts: BTreeMap<&'a str, Known<'a>>,
    now: Timestamp,
}

#[derive(Debug, Clone, Default)]
struct Known<'a> {
    checked: Option<&'a Checked>,
    answered: Option<(&'a Entry, &'a super::fact::Answered, Vec<Evidence>)>,
    votes: Vec<(&'a Entry, &'a Vote)>,
    decision: Option<(&'a Entry, &'a Decision)>,
}

impl<'a> State<'a> {
    /// Plays the journal; `None`: nobody has opened the launch yet.
    pub fn replay(entries: impl IntoIterator<Item = &'a Entry>, now: Timestamp) -> Option<Self> {
        let mut opened: Option<&Opened> = None;
        let mut facts: BTreeMap<&str, Known<'_>> = BTreeMap::new();
        for entry in entries {
            match &entry.fact {
                Fact::Opened(with) => {
                    let is_other = opened.is_some_and(|before| {
                        (&before.blueprint.sha256, &before.runbook.sha256)
                            != (&with.blueprint.sha256, &with.runbook.sha256)
                    });
                    if is_other {
                        // What was decided was decided on something else.
                        for known in facts.values_mut() {
                            known.decision = None;
                            known.votes.clear();
                        }
                    }
                    opened = Some(with);
                }
                Fact::Checked(checked) => facts.entry(&checked.item).or_default().checked = Some(checked),
                Fact::Answered(answered) => {
                    let known = facts.entry(&answered.item).or_default();
                    let red = known.checked.map(red).unwrap_or_default();
                    known.answered = Some((entry, answered, red));
                }
                Fact::Reopened { item, .. } => {
                    facts.remove(item.as_str());
                }
                Fact::Voted(vote) => facts.entry(&vote.item).or_default().votes.push((entry, vote)),
                Fact::Decided(decision) => facts.entry(&decision.item).or_default().decision = Some((entry, decision)),
                Fact::Noted { .. } | Fact::Pulled(_) | Fact::Released(_) | Fact::Merged => {}
            }
        }
        Some(Self { opened: opened?, facts, now })
    }

    pub fn plan(&self) -> &'a Plan {
        &self.opened.plan
    }

    pub fn standing(&self, item: &Item) -> Standing {
        let Some(known) = self.facts.get(item.key.as_str()) else {
            return if matches!(item.work, ItemWork::Vote { .. }) { Standing::Voting } else { Standing::Open };
        };
        if let ItemWork::Vote { .. } = item.work {
            return match known.decision {
                Some((entry, decision)) => Standing::Decided { go: decision.go, at: entry.at },
                None => Standing::Voting,
            };
        }
        let answer = known.answered.as_ref().filter(|(_, answered, _)| answered.fingerprint == item.fingerprint);
        if let ItemWork::Checks(_) = item.work {
            return self.standing_of_checks(item, known, answer);
        }
        match (answer, &known.answered) {
            (Some((entry, answered, _)), _) => {
                let (by, at, text) = (entry.by.clone(), entry.at, answered.text.clone());
                match answered.answer {
                    Answer::Done => Standing::Done { by, at, text },
                    Answer::Held => Standing::Held { by, at, text },
                    Answer::Skipped if item.gate => Standing::Void { why: "a gate is not skipped" },
                    Answer::Skipped => Standing::Skipped { by, at, text },
                    Answer::Waived => Standing::Waived { by, at, text, rows: Vec::new() },
                }
            }
            (None, Some(_)) => Standing::Void { why: "the question has changed since" },
            (None, None) => Standing::Open,
        }
    }

    fn standing_of_checks(
        &self,
        item: &Item,
        known: &Known<'_>,
        answer: Option<&(&Entry, &super::fact::Answered, Vec<Evidence>)>,
    ) -> Standing {
        let held = |(entry, answered, _): &(&Entry, &super::fact::Answered, Vec<Evidence>)| {
            (entry.by.clone(), entry.at, answered.text.clone())
        };
        let Some(checked) = known.checked else {
            return match answer {
                Some(said) if said.1.answer == Answer::Held => {
                    let (by, at, text) = held(said);
                    Standing::Held { by, at, text }
                }
                _ => Standing::Open,
            };
        };
        if checked.fingerprint != item.fingerprint {
            return Standing::Void { why: "the blueprint or the runbook has changed since" };
        }
        let until = checked.results.iter().map(|result| result.expires).min().unwrap_or(checked.finished);
        // By a clock that went backwards, it was asked in the future: that says nothing.
        let counts = self.now < until && checked.started <= self.now;
        let rows = red(checked);
        let at = checked.finished;
        match (rows.is_empty(), answer) {
            (true, _) if counts => Standing::Green { at, until },
            (true, _) => Standing::Expired { at },
            (false, Some(said)) if said.1.answer == Answer::Waived && covers(&said.2, &rows) => {
                let (by, at, text) = held(said);
                if counts { Standing::Waived { by, at, text, rows } } else { Standing::Expired { at } }
            }
            (false, Some(said)) if said.1.answer == Answer::Held && said.0.at >= checked.finished => {
                let (by, at, text) = held(said);
                Standing::Held { by, at, text }
            }
            (false, _) => Standing::Red { rows },
        }
    }

    /// The evidence of an item's last run.
    pub fn evidence(&self, item: &Item) -> Option<&'a Checked> {
        self.facts.get(item.key.as_str()).and_then(|known| known.checked)
    }

    /// Items that keep the poll from being a go, with what they are. Everything before the poll counts.
    pub fn blockers(&self, poll: &Item) -> Vec<(&'a Item, Standing)> {
        let before = self.plan().items().take_while(|item| item.key != poll.key);
        let standing = before.map(|item| (item, self.standing(item)));
        standing.filter(|(_, standing)| !standing.is_settled()).collect()
    }

    /// What a vote of this moment stands for.
    pub fn signature(&self, poll: &Item) -> Signature {
        let mut parts =
            vec![self.opened.blueprint.sha256.clone(), self.opened.runbook.sha256.clone(), poll.fingerprint.clone()];
        for item in self.plan().items().take_while(|item| item.key != poll.key) {
            let standing = self.standing(item);
            parts.extend([item.key.clone(), item.fingerprint.clone(), standing.word().to_owned()]);
            if let Some(checked) = self.evidence(item) {
                let rows = checked.results.iter();
                parts.extend(rows.map(|row| format!("{} {} {:?}", row.id, row.subject, row.verdict)));
            }
        }
        hash_of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Each role's last vote on exactly this signature.
    pub fn votes(&self, poll: &Item, signature: &str) -> BTreeMap<Role, (&'a Entry, &'a Vote)> {
        let votes = self.facts.get(poll.key.as_str()).map_or(&[][..], |known| &known.votes);
        votes.iter().filter(|(_, vote)| vote.signs == signature).map(|both| (both.1.role, *both)).collect()
    }

    /// The one thing to do now. Held items are passed over until nothing else is left before the poll.
    pub fn next(&self) -> Next<'a> {
        let mut held: Option<&Item> = None;
        for item in self.plan().items() {
            let standing = self.standing(item);
            if let ItemWork::Vote { roles, veto, .. } = &item.work {
                if let Standing::Decided { go, .. } = standing {
                    if go {
                        continue;
                    }
                    return match self.facts.get(item.key.as_str()).and_then(|known| known.decision) {
                        Some((_, decision)) => Next::NoGo(item, decision.clone()),
                        None => Next::Ask(item),
                    };
                }
                return held.map_or_else(|| self.next_of_poll(item, roles, veto), Next::Ask);
            }
            if standing.is_settled() {
                continue;
            }
            // Old evidence is fetched anew when the poll needs it, and not before.
            let is_old = matches!(standing, Standing::Expired { .. });
            if is_old || !self.needs_are_settled(item) {
                continue;
            }
            match standing {
                Standing::Held { .. } => held = held.or(Some(item)),
                Standing::Red { .. } => return Next::Ask(item),
                _ if matches!(item.work, ItemWork::Checks(_)) => return Next::Run(item),
                _ => return Next::Ask(item),
            }
        }
        held.map_or(Next::Finished, Next::Ask)
    }

    fn needs_are_settled(&self, item: &Item) -> bool {
        let is_of = |step: &str, other: &Item| other.step == step || other.key == step;
        item.needs.iter().all(|step| {
            self.plan().items().filter(|other| is_of(step, other)).all(|other| {
                let standing = self.standing(other);
                standing.is_settled() || matches!(standing, Standing::Expired { .. })
            })
        })
    }

    fn next_of_poll(&self, poll: &'a Item, roles: &[Role], veto: &[Role]) -> Next<'a> {
        if let Some((item, standing)) = self.blockers(poll).into_iter().next() {
            return match (standing, &item.work) {
                (Standing::Red { .. }, _) => Next::Ask(item),
                (_, ItemWork::Checks(_)) => Next::Run(item),
                _ => Next::Ask(item),
            };
        }
        let signature = self.signature(poll);
        let votes = self.votes(poll, &signature);
        let asked: BTreeSet<Role> = roles.iter().chain(veto).copied().collect();
        if let Some(role) = asked.iter().find(|role| !votes.contains_key(role)) {
            return Next::Vote(poll, *role, signature);
        }
        Next::Decide(poll, decide(poll, &votes, veto, signature))
    }

    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// A no of somebody with a veto is enough; else more than half must say yes.
fn decide(poll: &Item, votes: &BTreeMap<Role, (&Entry, &Vote)>, veto: &[Role], signs: Signature) -> Decision {
    let against = || votes.values().filter(|(_, vote)| !vote.go);
    let is_vetoed = against().any(|(_, vote)| veto.contains(&vote.role));
    let go = !is_vetoed && against().count() * 2 < votes.len();
    let reasons = match go {
        true => Vec::new(),
        false => {
            against().map(|(entry, vote)| format!("{} ({}): {}", entry.by, vote.role.as_str(), vote.reason)).collect()
        }
    };
    Decision { item: poll.key.clone(), go, signs, reasons }
}

fn red(checked: &Checked) -> Vec<Evidence> {
    let is_red = |row: &&Evidence| matches!(row.verdict, Seen::Fail | Seen::Unknown);
    checked.results.iter().filter(is_red).cloned().collect()
}

/// Whether a waiver of the first rows is one of the second too.
fn covers(waived: &[Evidence], rows: &[Evidence]) -> bool {
    rows.iter().all(|row| {
        waived.iter().any(|known| (&known.id, &known.subject, known.verdict) == (&row.id, &row.subject, row.verdict))
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::language::Language;
    use crate::runbook::fact::{Answered, Document};
    use crate::runbook::plan::PlannedPhase;

    fn item(key: &str, work: ItemWork) -> Item {
        Item {
            key: key.to_owned(),
            number: String::new(),
            step: key.to_owned(),
            title: key.to_owned(),
            role: Role::Lead,
            holder: String::new(),
            due: None,
            needs: Vec::new(),
            fingerprint: format!("of {key}"),
            work,
            gate: false,
            undo: Vec::new(),
            story: None,
        }
    }

    fn ask(key: &str) -> Item {
        item(key, ItemWork::Ask("?".to_owned()))
    }

    fn plan() -> Vec<Item> {
        let vote = ItemWork::Vote {
            criteria: String::new(),
            roles: vec![Role::Lead, Role::Dns, Role::App],
            veto: vec![Role::Lead],
        };
        vec![
            ask("letters"),
            item("names", ItemWork::Checks(vec!["dns.caa".to_owned()])),
            Item { gate: true, needs: vec!["letters".to_owned()], ..ask("frozen") },
            item("vote", vote),
            ask("after"),
        ]
    }

    /// A journal by hand, a minute an entry.
    struct Book {
        items: Vec<Item>,
        entries: Vec<Entry>,
    }

    fn start() -> Timestamp {
        "2020-03-22T12:00:00Z".parse().expect("an instant")
    }

    impl Book {
        fn new() -> Self {
            let mut book = Self { items: plan(), entries: Vec::new() };
            book.open("blueprint");
            book
        }

        fn open(&mut self, sha256: &str) {
            let document = |sha256: &str| Document { path: "x".to_owned(), sha256: sha256.to_owned() };
            let phase = PlannedPhase { id: "p".to_owned(), title: String::new(), items: self.items.clone() };
            self.add(
                "golive",
                Fact::Opened(Opened {
                    golive: String::new(),
                    site: "x".to_owned(),
                    title: String::new(),
                    blueprint: document(sha256),
                    runbook: document("runbook"),
                    announcement: start(),
                    offset_seconds: 0,
                    rehearsed: true,
                    plan: Plan { title: String::new(), language: Language::En, phases: vec![phase] },
                }),
            );
        }

        fn now(&self) -> Timestamp {
            start() + SignedDuration::from_mins(i64::try_from(self.entries.len()).expect("few"))
        }

        fn add(&mut self, by: &str, fact: Fact) {
            let at = self.now();
            self.entries.push(Entry { hash: String::new(), prev: Vec::new(), at, by: by.to_owned(), fact });
        }

        fn answer(&mut self, key: &str, answer: Answer) {
            let item = self.items.iter().find(|item| item.key == key).expect("an item").clone();
            let (fingerprint, text) = (item.fingerprint, "why".to_owned());
            self.add("A", Fact::Answered(Answered { item: item.key, fingerprint, role: Role::Lead, answer, text }));
        }

        /// Two checks, which hold for a quarter of an hour.
        fn check(&mut self, verdicts: [Seen; 2]) {
            let (now, fingerprint) = (self.now(), "of names".to_owned());
            let row = |(subject, verdict): (&str, Seen)| Evidence {
                id: "dns.caa".to_owned(),
                subject: subject.to_owned(),
                verdict,
                because: String::new(),
                remedy: String::new(),
                owner: Role::Dns,
                source: String::new(),
                expires: now + SignedDuration::from_mins(15),
                seen: Vec::new(),
            };
            let results = ["a", "b"].into_iter().zip(verdicts).map(row).collect();
            let item = "names".to_owned();
            self.add("golive", Fact::Checked(Checked { item, fingerprint, started: now, finished: now, results }));
        }

        fn ready(&mut self) {
            self.answer("letters", Answer::Done);
            self.check([Seen::Pass, Seen::Warn]);
            self.answer("frozen", Answer::Done);
        }

        fn vote(&mut self, role: Role, go: bool) {
            let Next::Vote(item, asked, signs) = self.next(self.now()) else { panic!("{:?}", self.next(self.now())) };
            assert_eq!(asked, role);
            let item = item.key.clone();
            self.add("A", Fact::Voted(Vote { item, role, go, reason: "why".to_owned(), signs }));
        }

        fn state(&self, now: Timestamp) -> State<'_> {
            State::replay(&self.entries, now).expect("it was opened")
        }

        fn next(&self, now: Timestamp) -> Next<'_> {
            self.state(now).next()
        }

        fn next_key(&self) -> String {
            match self.next(self.now()) {
                Next::Run(item) => format!("run {}", item.key),
                Next::Ask(item) => format!("ask {}", item.key),
                Next::Vote(_, role, _) => format!("vote {}", role.as_str()),
                Next::Decide(_, decision) => format!("decide {}", decision.go),
                Next::NoGo(..) => "no-go".to_owned(),
                Next::Finished => "finished".to_owned(),
            }
        }

        fn word(&self, key: &str) -> &'static str {
            let item = self.items.iter().find(|item| item.key == key).expect("an item");
            self.state(self.now()).standing(item).word()
        }
    }

    #[test]
    fn one_thing_after_the_other_to_a_decision() {
        let mut book = Book::new();
        assert_eq!(book.next_key(), "ask letters");
        book.answer("letters", Answer::Held);
        assert_eq!(book.next_key(), "run names", "what is held is passed over");
        book.check([Seen::Pass, Seen::Pass]);
        assert_eq!(book.next_key(), "ask letters", "what needs it waits, and the vote does");
        book.answer("letters", Answer::Done);
        assert_eq!(book.next_key(), "ask frozen");
        book.answer("frozen", Answer::Skipped);
        assert_eq!((book.word("frozen"), book.next_key().as_str()), ("void", "ask frozen"), "a gate");
        book.answer("frozen", Answer::Done);
        for role in [Role::Lead, Role::Dns, Role::App] {
            book.vote(role, true);
        }
        assert_eq!(book.next_key(), "decide true");
        let Next::Decide(_, decision) = book.next(book.now()) else { panic!("decided") };
        book.add("golive", Fact::Decided(decision));
        assert_eq!(book.next_key(), "ask after");
        book.answer("after", Answer::Done);
        assert_eq!(book.next_key(), "finished");
    }

    #[test]
    fn a_veto_is_enough_and_else_the_majority() {
        for (votes, go) in [
            ([true, true, true], true),
            ([true, false, true], true),
            ([true, false, false], false),
            ([false, true, true], false),
        ] {
            let mut book = Book::new();
            book.ready();
            for (role, vote) in [Role::Lead, Role::Dns, Role::App].into_iter().zip(votes) {
                book.vote(role, vote);
            }
            assert_eq!(book.next_key(), format!("decide {go}"), "{votes:?}");
            let Next::Decide(_, decision) = book.next(book.now()) else { panic!("decided") };
            assert_eq!(decision.reasons.is_empty(), go);
            book.add("golive", Fact::Decided(decision));
            if !go {
                assert_eq!(book.next_key(), "no-go");
                book.add("A", Fact::Reopened { item: "vote".to_owned(), reason: String::new() });
                assert_eq!(book.next_key(), "vote lead");
            }
        }
    }

    #[test]
    fn evidence_expires_before_the_vote_and_the_same_again_keeps_the_votes() {
        let mut book = Book::new();
        book.ready();
        book.vote(Role::Lead, true);
        let late = book.now() + SignedDuration::from_mins(20);
        assert!(matches!(book.next(late), Next::Run(item) if item.key == "names"));
        // By a clock that went backwards it was seen in the future.
        assert!(matches!(book.next(start()), Next::Run(item) if item.key == "names"));
        book.check([Seen::Pass, Seen::Warn]);
        assert_eq!(book.next_key(), "vote dns", "the lead's vote is on the same");
        book.check([Seen::Pass, Seen::Pass]);
        assert_eq!(book.next_key(), "vote lead", "and this is something else");
    }

    #[test]
    fn a_waiver_is_of_those_rows_and_no_others() {
        let mut book = Book::new();
        book.ready();
        book.check([Seen::Fail, Seen::Pass]);
        assert_eq!((book.word("names"), book.next_key().as_str()), ("red", "ask names"));
        book.answer("names", Answer::Waived);
        assert_eq!((book.word("names"), book.next_key().as_str()), ("waived", "vote lead"));
        book.check([Seen::Fail, Seen::Pass]);
        assert_eq!(book.word("names"), "waived", "the same once more");
        book.check([Seen::Fail, Seen::Unknown]);
        assert_eq!(book.word("names"), "red", "another row");
        book.check([Seen::Unknown, Seen::Pass]);
        assert_eq!(book.word("names"), "red", "another verdict");
        book.check([Seen::Pass, Seen::Pass]);
        assert_eq!(book.word("names"), "green");
    }

    #[test]
    fn another_blueprint_voids_checks_votes_and_decisions() {
        let mut book = Book::new();
        book.ready();
        for role in [Role::Lead, Role::Dns, Role::App] {
            book.vote(role, true);
        }
        let Next::Decide(_, decision) = book.next(book.now()) else { panic!("decided") };
        book.add("golive", Fact::Decided(decision));
        book.open("blueprint");
        assert_eq!(book.next_key(), "ask after", "the same again changes nothing");
        book.items[1].fingerprint = "of other names".to_owned();
        book.open("another");
        assert_eq!((book.word("names"), book.word("letters"), book.word("vote")), ("void", "done", "voting"));
        assert_eq!(book.next_key(), "run names");
    }

    #[test]
    fn going_back_makes_an_item_open_again() {
        let mut book = Book::new();
        book.ready();
        book.add("A", Fact::Reopened { item: "letters".to_owned(), reason: String::new() });
        assert_eq!(book.next_key(), "ask letters");
        assert!(State::replay(&[], start()).is_none());
    }
}
