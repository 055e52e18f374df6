//! Bytes to entries that hold together, and entries to bytes. Pure. Must not re-serialise what was read: the bytes are
//! kept, since the hashes are theirs.

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::fact::Fact;
use super::{Entry, Fault};
use crate::plain::plain;

const BEFORE_HASH: &str = "{\"hash\":\"";
const AFTER_HASH: &str = "\",";
/// Of a SHA-256 in hexadecimal.
const DIGITS: usize = 64;
/// So much of a line is quoted in an error, in characters.
const QUOTED: usize = 60;

/// Whole lines, verified, with their entries.
#[derive(Debug, Default, Clone)]
pub struct Chain {
    /// The lines, as in the file, each with its end.
    bytes: Vec<u8>,
    lines: usize,
    entries: Vec<Entry>,
    /// Where each entry's line is in `bytes`, without its end.
    spans: Vec<Range<usize>>,
    /// Entries by their hash.
    places: HashMap<String, usize>,
    /// Entries that no other follows, in the order of the file.
    heads: Vec<usize>,
}

/// How far a chain went.
#[derive(Debug)]
pub struct Mark {
    bytes: usize,
    lines: usize,
    entries: usize,
    heads: Vec<usize>,
}

/// What comes after the last line's end.
#[derive(Debug, PartialEq, Eq)]
pub enum Tail {
    Nothing,
    /// A whole entry: it was taken in, and only its line's end is missing.
    Whole,
    /// Never wholly written.
    Torn(Vec<u8>),
}

impl Chain {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn heads(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.heads.iter().map(|place| &self.entries[*place])
    }

    /// Whether an entry of that hash is there.
    pub fn holds(&self, hash: &str) -> bool {
        self.places.contains_key(hash)
    }

    /// Whether both are of one launch; an empty one is of any.
    pub fn begins_as(&self, other: &Chain) -> bool {
        match (self.entries.first(), other.entries.first()) {
            (Some(ours), Some(theirs)) => ours.hash == theirs.hash,
            _ => true,
        }
    }

    /// Of each entry whether it leads to this one, or is it.
    pub fn behind(&self, hash: &str) -> Vec<bool> {
        let mut behind = vec![false; self.entries.len()];
        let mut open = vec![hash];
        while let Some(hash) = open.pop() {
            let Some(place) = self.places.get(hash) else { continue };
            if !std::mem::replace(&mut behind[*place], true) {
                open.extend(self.entries[*place].prev.iter().map(String::as_str));
            }
        }
        behind
    }

    /// How far it goes now.
    pub fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), lines: self.lines, entries: self.entries.len(), heads: self.heads.clone() }
    }

    /// Forgets what was taken in since.
    pub fn back_to(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.lines = mark.lines;
        self.spans.truncate(mark.entries);
        for entry in self.entries.drain(mark.entries..) {
            self.places.remove(&entry.hash);
        }
        self.heads = mark.heads;
    }

    /// The lines taken in since, with their ends.
    pub fn since(&self, mark: &Mark) -> &[u8] {
        &self.bytes[mark.bytes..]
    }

    /// Adds an entry that follows those of these hashes.
    ///
    /// # Errors
    ///
    /// As [`Chain::follow`]: what could not be read again is not added.
    pub fn add(&mut self, prev: &[String], by: &str, fact: &Fact) -> Result<(), (usize, Fault)> {
        let before = prev.iter().filter_map(|hash| self.places.get(hash)).map(|place| self.entries[*place].at).max();
        let at = now().max(before.unwrap_or(Timestamp::MIN));
        self.push(&line(prev, at, by, fact))
    }

    /// Takes in the lines of another whose entries are not here, as they are.
    ///
    /// # Errors
    ///
    /// As [`Chain::follow`].
    pub fn take(&mut self, other: &Chain) -> Result<(), (usize, Fault)> {
        for (entry, span) in other.entries.iter().zip(&other.spans) {
            if !self.holds(&entry.hash) {
                self.push(&other.bytes[span.clone()])?;
            }
        }
        Ok(())
    }

    /// Takes in what follows the bytes that are there.
    ///
    /// # Errors
    ///
    /// The first line that does not hold, counted from 1 in the file; the lines before it were taken in.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<Tail, (usize, Fault)> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (lines, tail) = bytes.split_at(whole);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.push(&line[..line.len() - 1])?;
        }
        let Some((_, shorter)) = tail.split_last() else { return Ok(Tail::Nothing) };
        if intact(tail).is_ok() {
            self.push(tail)?;
            return Ok(Tail::Whole);
        }
        // Nothing is written behind an entry but its line's end, so that was altered; the entry was recorded.
        if intact(shorter).is_ok() {
            return Err((self.lines + 1, Fault::Altered));
        }
        Ok(Tail::Torn(tail.to_vec()))
    }

    /// Takes in one line, given without its end.
    fn push(&mut self, line: &[u8]) -> Result<(), (usize, Fault)> {
        let entry = entry(line).and_then(|entry| self.check(&entry).map(|()| entry));
        let entry = entry.map_err(|fault| (self.lines + 1, fault))?;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.lines += 1;
        // Laid twice by a merge of git's.
        if self.holds(&entry.hash) {
            return Ok(());
        }
        let place = self.entries.len();
        self.heads.retain(|head| !entry.prev.contains(&self.entries[*head].hash));
        self.heads.push(place);
        self.places.insert(entry.hash.clone(), place);
        self.spans.push(start..start + line.len());
        self.entries.push(entry);
        Ok(())
    }

    /// Whether an entry has its place behind those that are there.
    fn check(&self, entry: &Entry) -> Result<(), Fault> {
        if let Some(missing) = entry.prev.iter().find(|hash| !self.holds(hash)) {
            return Err(Fault::Orphan(plain(missing)));
        }
        match entry.prev.as_slice() {
            [] if self.entries.is_empty() || self.holds(&entry.hash) => Ok(()),
            [] => Err(Fault::SecondFirst),
            [one, other] if entry.fact == Fact::Merged && one != other => Ok(()),
            [_] if entry.fact != Fact::Merged => Ok(()),
            several => Err(Fault::Newer(format!("an entry of this kind that follows {}", several.len()))),
        }
    }
}

/// Whether a line has its form and its hash. Reads no JSON.
fn intact(line: &[u8]) -> Result<(), Fault> {
    if line.is_empty() {
        return Err(Fault::Empty);
    }
    if line.contains(&0) {
        return Err(Fault::Zeros);
    }
    let text = std::str::from_utf8(line).map_err(|_| Fault::NotUtf8)?;
    let quoted = || plain(&text.chars().take(QUOTED).collect::<String>());
    if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|marker| text.starts_with(marker)) {
        return Err(Fault::ConflictMarker(quoted()));
    }
    if text.ends_with('\r') {
        return Err(Fault::CarriageReturn);
    }
    let parts = text.strip_prefix(BEFORE_HASH).and_then(|text| text.split_at_checked(DIGITS));
    let parts = parts.and_then(|(hash, text)| Some((hash, text.strip_prefix(AFTER_HASH)?)));
    let (hash, rest) = parts.ok_or_else(|| Fault::NotAnEntry(quoted()))?;
    if hash_of(rest.as_bytes()) == hash { Ok(()) } else { Err(Fault::Altered) }
}

pub fn hash_of(rest: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(rest))
}

/// What one line says, when all of it is understood: a fact that a newer golive added may change what the others mean.
fn entry(line: &[u8]) -> Result<Entry, Fault> {
    intact(line)?;
    let newer = |error: serde_json::Error| Fault::Newer(plain(&error.to_string()));
    let entry: Entry = serde_json::from_slice(line).map_err(newer)?;
    let said: Value = serde_json::from_slice(line).map_err(newer)?;
    let known = serde_json::to_value(&entry).map_err(newer)?;
    match beyond(&said, &known) {
        Some(field) => Err(Fault::Newer(format!("it has a field {}", plain(&field)))),
        None => Ok(entry),
    }
}

/// The path of the first field that is said and not known. Serde cannot refuse it, since the facts are flattened.
fn beyond(said: &Value, known: &Value) -> Option<String> {
    match (said, known) {
        (Value::Object(said), Value::Object(known)) => said.iter().find_map(|(key, value)| match known.get(key) {
            None => Some(format!("`{key}`")),
            Some(known) => beyond(value, known).map(|field| format!("`{key}`, {field}")),
        }),
        (Value::Array(said), Value::Array(known)) => {
            said.iter().zip(known).find_map(|(said, known)| beyond(said, known))
        }
        _ => None,
    }
}

/// What the hash of an entry is over, but for the brace before it.
#[derive(Serialize)]
struct Rest<'a> {
    prev: &'a [String],
    at: Timestamp,
    by: &'a str,
    #[serde(flatten)]
    fact: &'a Fact,
}

/// The line of a new entry, without its end.
pub fn line(prev: &[String], at: Timestamp, by: &str, fact: &Fact) -> Vec<u8> {
    let rest = serde_json::to_string(&Rest { prev, at, by, fact }).expect("facts are strings, numbers and lists");
    let rest = &rest[1..];
    format!("{BEFORE_HASH}{}{AFTER_HASH}{rest}", hash_of(rest.as_bytes())).into_bytes()
}

/// In milliseconds: nobody answers faster, and people read it.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
