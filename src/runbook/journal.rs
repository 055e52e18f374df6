//! The journal of a launch: JSON lines, each with the hash of what it says and of the entry before, on the disk before
//! the next question is asked. Must not judge what the entries mean: that is [`super::state`].
//!
//! A line is `{"hash":"<64 hexadecimal digits>",` and the rest; the hash is the SHA-256 of the bytes of that rest, without
//! the line's end. The rest begins with `"prev":[...]`: the hashes of the entries that it follows, none for the first,
//! two where branches were joined. So the file is a directed graph written in order, and two branches of it that git
//! lays behind one another (`merge=union`) are still whole. Such a merge may lay a line twice; it counts once.
//!
//! | module | holds |
//! |-|-|
//! | `chain` | bytes to verified entries, and back; pure |
//! | `fork` | what two branches say differently; pure |
//! | `file` | locks, writing, cutting back |
//! | `error` | what went wrong, and what to do |
//!
//! What a chain cannot show: that entries were cut off its end. Who needs that compares the head with one written down
//! elsewhere (a commit, a signed report).

mod chain;
mod error;
mod file;
mod fork;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::error::{Fault, JournalError};
pub use self::fork::Conflict;

use self::chain::{Chain, Tail};
use self::file::{Session, Writing};
use super::fact::Fact;
use crate::plain::plain;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256, in lower-case hexadecimal, of what follows it in the line.
    pub hash: String,
    pub prev: Vec<String>,
    /// By the clock of that machine, in milliseconds, but never before the entry that it follows.
    pub at: Timestamp,
    /// Who said it: a person's name, or `golive`.
    pub by: String,
    #[serde(flatten)]
    pub fact: Fact,
}

/// Who joins branches that git laid behind one another.
const GOLIVE: &str = "golive";
/// So much of a torn line is shown, in characters: most of a note.
const TORN_SHOWN: usize = 400;
/// So often a file may be replaced while it is written to, before that is an error.
const REPLACED_IN_A_ROW: usize = 5;

/// A journal that was verified, and follows what others add to its file.
#[derive(Debug)]
pub struct Journal {
    /// As the person gave it.
    path: PathBuf,
    chain: Chain,
    recovered: Option<String>,
    conflicts: Vec<Conflict>,
    /// Held until the journal is dropped.
    session: Option<Session>,
}

impl Journal {
    /// Reads and verifies; takes no lock, changes nothing. A torn last line is told by [`Journal::recovered`].
    ///
    /// # Errors
    ///
    /// A file that is absent, no regular file, larger than 256 MiB or unreadable, and the first line that does not hold.
    pub fn read(path: &Path) -> Result<Journal, JournalError> {
        let mut journal = Journal::of(path);
        let bytes = file::read(&mut file::open(path)?, path)?;
        if let Tail::Torn(bytes) = journal.follow(&bytes)? {
            journal.recovered = Some(format!("{}; the next who writes drops it", journal.torn(&bytes)));
        }
        Ok(journal)
    }

    /// For a launch: creates the file if it is absent, takes the session's lock, drops a torn last line, and joins branches.
    /// The lock is free again when the journal is dropped, or the process ends in whatever way.
    ///
    /// # Errors
    ///
    /// As [`Journal::read`]; a folder that is absent, [`JournalError::Held`] when another launch is on, what cannot be
    /// written.
    pub fn open(path: &Path, who: &str) -> Result<Journal, JournalError> {
        file::create(path)?;
        let mut journal = Journal::of(path);
        journal.session = Some(Session::take(path, who)?);
        journal.write(|chain| Ok(fork::join(chain, GOLIVE)?))?;
        Ok(journal)
    }

    /// For a note: takes no session's lock, so that the scribe can write while a launch is on. Drops a torn last line.
    ///
    /// # Errors
    ///
    /// As [`Journal::read`], and what cannot be written.
    pub fn open_to_note(path: &Path) -> Result<Journal, JournalError> {
        let mut journal = Journal::of(path);
        journal.write(|_| Ok(Vec::new()))?;
        Ok(journal)
    }

    /// Adds an entry, after all that others have added since; branches are joined first, and what they say differently is
    /// added to [`Journal::conflicts`]. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// As [`Journal::read`] of what others added, and what cannot be written: then the file has its former length, nothing
    /// counts as recorded, and the caller may try again.
    pub fn append(&mut self, by: &str, fact: Fact) -> Result<&Entry, JournalError> {
        self.write(|chain| {
            let conflicts = fork::join(chain, GOLIVE)?;
            let prev: Vec<String> = chain.heads().map(|entry| entry.hash.clone()).collect();
            chain.add(&prev, by, &fact)?;
            Ok(conflicts)
        })?;
        // What was just added is the only head, so it is the last entry.
        self.chain.entries().last().ok_or_else(|| JournalError::Absent(self.path.clone()))
    }

    /// Takes another journal of the same launch in: the common beginning stays, then ours, then theirs, then an entry that
    /// joins both ends, and one [`Fact::Reopened`] for each item of which they say different things. Nothing is lost; to
    /// merge the same again adds nothing.
    ///
    /// # Errors
    ///
    /// [`JournalError::Foreign`] for a journal of another launch; otherwise as [`Journal::append`].
    pub fn merge(&mut self, by: &str, other: &Journal) -> Result<Vec<Conflict>, JournalError> {
        let known = self.conflicts.len();
        self.write(|chain| {
            if !chain.begins_as(&other.chain) {
                return Err(Unheld::Foreign(other.path.clone()));
            }
            let mut conflicts = fork::join(chain, GOLIVE)?;
            chain.take(&other.chain)?;
            conflicts.extend(fork::join(chain, by)?);
            Ok(conflicts)
        })?;
        Ok(self.conflicts[known..].to_vec())
    }

    /// In the order of the file.
    pub fn entries(&self) -> &[Entry] {
        self.chain.entries()
    }

    /// What was dropped because it was never wholly written, for people.
    pub fn recovered(&self) -> Option<&str> {
        self.recovered.as_deref()
    }

    /// Items of which joined branches said different things, so that they are asked again.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The hash of the entry that the next one follows; none of an empty journal. Of branches not yet joined, the last.
    pub fn head(&self) -> Option<&str> {
        self.chain.heads().last().map(|entry| entry.hash.as_str())
    }

    /// How many branches end in it: one, or none when it is empty; more until they are joined.
    pub fn heads(&self) -> usize {
        self.chain.heads().count()
    }

    fn of(path: &Path) -> Journal {
        Journal {
            path: path.to_owned(),
            chain: Chain::default(),
            recovered: None,
            conflicts: Vec::new(),
            session: None,
        }
    }

    /// Adds what `compose` adds to the chain to the file, or to neither; nothing is added between what it saw and that.
    fn write(
        &mut self,
        mut compose: impl FnMut(&mut Chain) -> Result<Vec<Conflict>, Unheld>,
    ) -> Result<(), JournalError> {
        for _ in 0..REPLACED_IN_A_ROW {
            let mut file = Writing::begin(&self.path)?;
            self.catch_up(&mut file)?;
            let mark = self.chain.mark();
            let composed = compose(&mut self.chain).map_err(|unheld| unheld.of(&self.path));
            let written = composed.and_then(|conflicts| file.append(self.chain.since(&mark)).map(|()| conflicts));
            match written {
                // When git has put another file in its place meanwhile, nobody will ever read what was written.
                Ok(conflicts) if file.is_in_place() => {
                    self.conflicts.extend(conflicts);
                    return Ok(());
                }
                Ok(_) => self.chain.back_to(mark),
                Err(error) => {
                    self.chain.back_to(mark);
                    return Err(error);
                }
            }
        }
        Err(JournalError::Restless(self.path.clone()))
    }

    /// Takes in what is in the file by now, and leaves it with whole lines only.
    fn catch_up(&mut self, file: &mut Writing) -> Result<(), JournalError> {
        match self.follow(&file.read()?)? {
            Tail::Nothing => Ok(()),
            Tail::Whole => file.append(b"\n"),
            Tail::Torn(bytes) => {
                file.cut(self.chain.bytes().len())?;
                self.recovered = Some(format!("{}; it was dropped", self.torn(&bytes)));
                Ok(())
            }
        }
    }

    fn follow(&mut self, bytes: &[u8]) -> Result<Tail, JournalError> {
        let at_line = |(line, fault)| JournalError::Line { path: self.path.clone(), line, fault };
        if let Some(new) = bytes.strip_prefix(self.chain.bytes()) {
            return self.chain.follow(new).map_err(at_line);
        }
        // Not what was read before: git has put another one there. It must hold all that was read, in any order.
        let mut chain = Chain::default();
        let tail = chain.follow(bytes).map_err(at_line)?;
        let mut lost = self.entries().iter().filter(|entry| !chain.holds(&entry.hash));
        if let Some(first) = lost.next() {
            let (path, hash) = (self.path.clone(), first.hash.clone());
            return Err(JournalError::Replaced { path, lost: 1 + lost.count(), hash });
        }
        self.chain = chain;
        Ok(tail)
    }

    /// Says of a torn line where it was and what is left of it.
    fn torn(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        let shown: String = text.chars().take(TORN_SHOWN).collect();
        let more = if shown.len() < text.len() { "..." } else { "" };
        format!(
            "{}: the last line was not wholly written, {} bytes from byte {} on ({}{more})",
            self.path.display(),
            bytes.len(),
            self.chain.bytes().len(),
            plain(&shown)
        )
    }
}

/// Why what was to be added does not hold.
#[derive(Debug)]
enum Unheld {
    Line(usize, Fault),
    Foreign(PathBuf),
}

impl From<(usize, Fault)> for Unheld {
    fn from((line, fault): (usize, Fault)) -> Self {
        Unheld::Line(line, fault)
    }
}

impl Unheld {
    fn of(self, path: &Path) -> JournalError {
        let path = path.to_owned();
        match self {
            Unheld::Line(line, fault) => JournalError::Line { path, line, fault },
            Unheld::Foreign(other) => JournalError::Foreign { path, other },
        }
    }
}
