//! A file of answers, for a launch without a terminal. Must not answer what nobody wrote.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::people::{Ballot, People, Reply, name_of};
use crate::concerns::people::Role;
use crate::keys::{self, Keys, Refusal};
use crate::runbook::fact::Answer;
use crate::runbook::plan::{Item, ItemWork};
use crate::runbook::state::Standing;
use crate::verify::is_selected;

/// Where an example stands.
const HELP: &str = "an example: golive launch --help";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Done,
    Held,
    Skipped,
    Waived,
    Go,
    NoGo,
}

impl Word {
    fn answer(self) -> Option<Answer> {
        match self {
            Word::Done => Some(Answer::Done),
            Word::Held => Some(Answer::Held),
            Word::Skipped => Some(Answer::Skipped),
            Word::Waived => Some(Answer::Waived),
            Word::Go | Word::NoGo => None,
        }
    }
}

struct Row {
    /// Keys of items, `*` for any text.
    step: String,
    answer: Word,
    by: Option<String>,
    text: String,
    role: Option<Role>,
}

/// The answers, and which items they have been given for: an answer that settled nothing is not given twice.
pub struct Script {
    rows: Vec<Row>,
    given: BTreeSet<(String, &'static str)>,
}

impl Script {
    /// # Errors
    ///
    /// Everything that is wrong with the file.
    pub fn read(bytes: &[u8]) -> Result<Self, Vec<Refusal>> {
        let (document, whole) = keys::document(bytes)?;
        let mut refusals = Vec::new();
        let mut table = Keys::new(document, whole, "the file of answers", HELP, &mut refusals);
        let tables = table.take_tables("answers");
        table.refuse_the_rest();
        let mut rows = Vec::new();
        for (table, at) in tables {
            let mut keys = Keys::new(table, at.clone(), "`[[answers]]`", HELP, &mut refusals);
            let step: Option<String> = keys.take("step");
            let answer: Option<Spanned<Word>> = keys.take("answer");
            let by: Option<String> = keys.take_if_there("by");
            let text: Option<String> = keys.take_if_there("text");
            let role: Option<Role> = keys.take_if_there("role");
            if let Some(answer) = &answer {
                let wants_why = !matches!(answer.get_ref(), Word::Done | Word::Go);
                if wants_why && text.as_deref().unwrap_or_default().trim().is_empty() {
                    keys.refuse(answer.span(), "this answer wants a reason", "add `text`");
                }
            }
            keys.refuse_the_rest();
            if let (Some(step), Some(answer)) = (step, answer) {
                rows.push(Row { step, answer: answer.into_inner(), by, text: text.unwrap_or_default(), role });
            }
        }
        match refusals.is_empty() {
            true => Ok(Self { rows, given: BTreeSet::new() }),
            false => Err(refusals),
        }
    }

    fn find(&self, key: &str, role: Role, fits: impl Fn(Word) -> bool) -> Option<&Row> {
        self.rows.iter().find(|row| {
            is_selected(key, std::slice::from_ref(&row.step))
                && row.role.is_none_or(|wanted| wanted == role)
                && fits(row.answer)
        })
    }
}

/// Who speaks: the one named, else whoever holds the role, else nobody.
fn by(row: &Row, holder: &str) -> Option<String> {
    let name = row.by.clone().unwrap_or_else(|| name_of(holder).to_owned());
    (!name.is_empty()).then_some(name)
}

impl People for Script {
    fn ask(&mut self, item: &Item, standing: &Standing, _settled: &[(String, String)]) -> anyhow::Result<Reply> {
        let is_check = matches!(item.work, ItemWork::Checks(_));
        // A word makes no check green, and no gate is skipped.
        let fits = |word: Word| match word.answer() {
            Some(Answer::Done) => !is_check,
            Some(Answer::Skipped) => !is_check && !item.gate,
            Some(Answer::Waived | Answer::Held) => true,
            None => false,
        };
        let found = self.find(&item.key, item.role, fits);
        let reply = found.and_then(|row| {
            let (by, answer) = (by(row, &item.holder)?, row.answer.answer()?);
            Some(Reply::Settle { answer, by, text: row.text.clone() })
        });
        match reply {
            Some(reply) if self.given.insert((item.key.clone(), standing.word())) => Ok(reply),
            _ => Ok(Reply::Unanswered),
        }
    }

    fn vote(&mut self, poll: &Item, role: Role, holder: &str) -> anyhow::Result<Ballot> {
        let row = self.find(&poll.key, role, |word| matches!(word, Word::Go | Word::NoGo));
        let ballot = row.and_then(|row| {
            Some(Ballot::Cast { go: row.answer == Word::Go, by: by(row, holder)?, reason: row.text.clone() })
        });
        Ok(ballot.unwrap_or(Ballot::Unanswered))
    }

    fn after_no_go(&mut self, _poll: &str) -> anyhow::Result<Option<(String, String)>> {
        Ok(None)
    }

    fn try_again(&mut self) -> anyhow::Result<bool> {
        Ok(false)
    }
}
