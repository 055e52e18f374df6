//! Whom the launch asks: people at a terminal, or a file of their answers. Must not judge an answer.

use std::io;

use console::Term;
use dialoguer::{Confirm, Input, Select};

use crate::concerns::people::Role;
use crate::language::Language;
use crate::plain::plain;
use crate::runbook::fact::Answer;
use crate::runbook::plan::{Item, ItemWork};
use crate::runbook::state::Standing;

/// What somebody said when asked about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Settle {
        answer: Answer,
        by: String,
        text: String,
    },
    /// Run the checks once more.
    Again,
    Note {
        by: String,
        text: String,
    },
    /// Go back to another item, by its key.
    Back {
        item: String,
        by: String,
        reason: String,
    },
    /// Show the way back.
    Undo,
    /// Stop here; the launch goes on another time.
    Leave,
    /// The file of answers has none.
    Unanswered,
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ballot {
    Cast { go: bool, by: String, reason: String },
    Leave,
    Unanswered,
    Interrupted,
}

pub trait People {
    /// `settled`: keys and titles of the items to which one may go back.
    ///
    /// # Errors
    ///
    /// A terminal that is gone.
    fn ask(&mut self, item: &Item, standing: &Standing, settled: &[(String, String)]) -> anyhow::Result<Reply>;
    /// # Errors
    ///
    /// A terminal that is gone.
    fn vote(&mut self, poll: &Item, role: Role, holder: &str) -> anyhow::Result<Ballot>;
    /// Vote anew: who says so, and why.
    ///
    /// # Errors
    ///
    /// A terminal that is gone.
    fn after_no_go(&mut self, poll: &str) -> anyhow::Result<Option<(String, String)>>;
    /// An answer could not be written down.
    ///
    /// # Errors
    ///
    /// A terminal that is gone.
    fn try_again(&mut self) -> anyhow::Result<bool>;
}

/// The holder's name, without the number to call.
pub fn name_of(holder: &str) -> &str {
    holder.split(',').next().unwrap_or_default().trim()
}

/// Whoever sits at this terminal.
pub struct Terminal {
    term: Term,
    /// That of the runbook's texts.
    language: Language,
    /// Who answered last.
    last: Option<String>,
}

/// What a prompt came to, when it did not come to an answer.
enum Stop {
    /// Escape: the menu again.
    Menu,
    Interrupted,
    Failed(anyhow::Error),
}

impl From<dialoguer::Error> for Stop {
    fn from(dialoguer::Error::IO(error): dialoguer::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Stop::Interrupted,
            _ => Stop::Failed(error.into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Done,
    /// Somebody else than the holder of the role says so.
    DoneByOther,
    Again,
    Hold,
    Waive,
    Skip,
    Note,
    Undo,
    Back,
    Leave,
}

impl Choice {
    fn words(self, language: Language) -> &'static str {
        let (en, fr) = match self {
            // With a name, where it is shown.
            Choice::Done => ("done, says", "fait, dit"),
            Choice::DoneByOther => ("done, says somebody else", "fait, dit quelqu'un d'autre"),
            Choice::Again => ("run the checks again", "relancer les contrôles"),
            Choice::Hold => {
                ("hold: not yet, ask again before the vote", "attendre : pas encore, redemander avant le vote")
            }
            Choice::Waive => (
                "waive: it is not as it must be, and we go on all the same",
                "déroger : ce n'est pas comme il faut, et nous continuons quand même",
            ),
            Choice::Skip => ("skip: not needed here", "sauter : inutile ici"),
            Choice::Note => ("note something", "noter quelque chose"),
            Choice::Undo => ("show the way back", "montrer le retour arrière"),
            Choice::Back => ("go back to an earlier step", "revenir à une étape précédente"),
            Choice::Leave => ("stop here, go on later", "s'arrêter ici, reprendre plus tard"),
        };
        language.of(en, fr)
    }

    fn of(item: &Item, standing: &Standing, settled: &[(String, String)]) -> Vec<Choice> {
        let is_check = matches!(item.work, ItemWork::Checks(_));
        let mut choices = match (is_check, name_of(&item.holder)) {
            (true, _) => vec![Choice::Again],
            (false, "") => vec![Choice::DoneByOther],
            (false, _) => vec![Choice::Done, Choice::DoneByOther],
        };
        choices.push(Choice::Hold);
        if !is_check || matches!(standing, Standing::Red { .. }) {
            choices.push(Choice::Waive);
        }
        // A red check is not made unneeded by a word.
        if !is_check && !item.gate {
            choices.push(Choice::Skip);
        }
        choices.extend([Choice::Note, Choice::Undo]);
        if !settled.is_empty() {
            choices.push(Choice::Back);
        }
        choices.push(Choice::Leave);
        choices
    }
}

impl Terminal {
    pub fn new(language: Language) -> Self {
        Self { term: Term::stderr(), language, last: None }
    }

    fn select(&self, prompt: &str, words: &[String]) -> Result<usize, Stop> {
        let select = Select::new().with_prompt(prompt).items(words).default(0).interact_on_opt(&self.term)?;
        select.ok_or(Stop::Menu)
    }

    fn text(&self, prompt: &str, default: Option<&str>, may_be_empty: bool) -> Result<String, Stop> {
        let mut input = Input::<String>::new().with_prompt(prompt).allow_empty(may_be_empty);
        if let Some(default) = default.filter(|default| !default.is_empty()) {
            input = input.default(default.to_owned());
        }
        let text = input.interact_text_on(&self.term)?;
        Ok(text.trim().to_owned())
    }

    /// Said and signed; an empty reason is asked for again.
    fn reason(&self, prompt: &str) -> Result<String, Stop> {
        loop {
            let text = self.text(prompt, None, true)?;
            if !text.is_empty() {
                return Ok(text);
            }
        }
    }

    fn name(&mut self, holder: &str) -> Result<String, Stop> {
        let default = match name_of(holder) {
            "" => self.last.clone().unwrap_or_default(),
            name => name.to_owned(),
        };
        loop {
            let name = self.text(self.language.of("who says so", "qui le dit"), Some(&plain(&default)), false)?;
            if !name.is_empty() {
                self.last = Some(name.clone());
                return Ok(name);
            }
        }
    }

    fn reply(&mut self, item: &Item, standing: &Standing, settled: &[(String, String)]) -> Result<Reply, Stop> {
        let language = self.language;
        let choices = Choice::of(item, standing, settled);
        let words = choices.iter().map(|choice| match choice {
            Choice::Done => format!("{} {}", choice.words(language), plain(name_of(&item.holder))),
            other => other.words(language).to_owned(),
        });
        let words: Vec<String> = words.collect();
        let choice = choices[self.select(language.of("answer", "réponse"), &words)?];
        let known = language.of("what is to be known of it (may be empty)", "à savoir (peut rester vide)");
        let why = language.of("why", "pourquoi");
        let settle = |this: &mut Self, answer| -> Result<Reply, Stop> {
            let text = match answer {
                Answer::Done => this.text(known, None, true)?,
                _ => this.reason(why)?,
            };
            let by = this.name(&item.holder)?;
            Ok(Reply::Settle { answer, by, text })
        };
        match choice {
            Choice::Done => {
                let text = self.text(known, None, true)?;
                Ok(Reply::Settle { answer: Answer::Done, by: name_of(&item.holder).to_owned(), text })
            }
            Choice::DoneByOther => settle(self, Answer::Done),
            Choice::Hold => settle(self, Answer::Held),
            Choice::Waive => settle(self, Answer::Waived),
            Choice::Skip => settle(self, Answer::Skipped),
            Choice::Again => Ok(Reply::Again),
            Choice::Undo => Ok(Reply::Undo),
            Choice::Leave => Ok(Reply::Leave),
            Choice::Note => {
                let text = self.reason("note")?;
                Ok(Reply::Note { by: self.name("")?, text })
            }
            Choice::Back => {
                let titles: Vec<String> = settled.iter().map(|(_, title)| plain(title)).collect();
                let select = Select::new()
                    .with_prompt(language.of("to which", "à laquelle"))
                    .items(&titles)
                    .default(titles.len() - 1);
                let index = select.interact_on_opt(&self.term)?.ok_or(Stop::Menu)?;
                let reason = self.reason(why)?;
                Ok(Reply::Back { item: settled[index].0.clone(), by: self.name("")?, reason })
            }
        }
    }

    fn ballot(&mut self, role: Role, holder: &str) -> Result<Ballot, Stop> {
        let language = self.language;
        let asked = language.of("go or no-go", "go ou no-go");
        let prompt = format!("{} ({}), {asked}", role.said().told_in(language), plain(holder));
        let words =
            ["go", "no-go", language.of("stop here, vote later", "s'arrêter ici, voter plus tard")].map(str::to_owned);
        let go = match self.select(&prompt, &words)? {
            0 => true,
            1 => false,
            _ => return Ok(Ballot::Leave),
        };
        let reason = if go {
            self.text(language.of("a word to it (may be empty)", "un mot (peut rester vide)"), None, true)?
        } else {
            self.reason(language.of("why", "pourquoi"))?
        };
        Ok(Ballot::Cast { go, by: self.name(holder)?, reason })
    }

    /// Until it comes to something; an interrupted prompt leaves the cursor as it was.
    fn until<T>(&mut self, interrupted: T, mut prompt: impl FnMut(&mut Self) -> Result<T, Stop>) -> anyhow::Result<T> {
        loop {
            match prompt(self) {
                Ok(answer) => return Ok(answer),
                Err(Stop::Menu) => {}
                Err(Stop::Interrupted) => {
                    let _ = self.term.show_cursor();
                    return Ok(interrupted);
                }
                Err(Stop::Failed(error)) => {
                    let _ = self.term.show_cursor();
                    return Err(error.context("cannot ask at this terminal"));
                }
            }
        }
    }
}

impl People for Terminal {
    fn ask(&mut self, item: &Item, standing: &Standing, settled: &[(String, String)]) -> anyhow::Result<Reply> {
        self.until(Reply::Interrupted, |this| this.reply(item, standing, settled))
    }

    fn vote(&mut self, _poll: &Item, role: Role, holder: &str) -> anyhow::Result<Ballot> {
        self.until(Ballot::Interrupted, |this| this.ballot(role, holder))
    }

    fn after_no_go(&mut self, _poll: &str) -> anyhow::Result<Option<(String, String)>> {
        self.until(None, |this| {
            let language = this.language;
            let words = [language.of("stop here", "s'arrêter ici"), language.of("vote anew", "voter de nouveau")]
                .map(str::to_owned);
            match this.select("no-go", &words)? {
                0 => Ok(None),
                _ => {
                    let reason = this.reason(language.of("what has changed", "ce qui a changé"))?;
                    Ok(Some((this.name("")?, reason)))
                }
            }
        })
    }

    fn try_again(&mut self) -> anyhow::Result<bool> {
        self.until(false, |this| {
            let prompt = this.language.of("it is not written down; try again", "ce n'est pas écrit ; réessayer");
            Confirm::new().with_prompt(prompt).default(true).interact_on_opt(&this.term)?.ok_or(Stop::Menu)
        })
    }
}
