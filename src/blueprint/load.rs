//! Reading a blueprint: bytes to [`Blueprint`] and [`Site`], with every error of form at once.
//!
//! serde stops at its first error. So each error is recorded, the value is replaced by one that is well formed
//! (`stand_in.toml`), and the file is read again, until nothing is left to say. Cutting the value out instead
//! would raise errors that nobody made: the key would be missing. What was replaced is kept in
//! [`Draft::replaced`], since no rule may speak about it.
//!
//! Must not judge what is wise; that is [`crate::ops::lint`] with the concerns.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{KeyPath, Place, Segment};
use super::spans::SpanIndex;
use super::value::why_no_instant;
use super::{Blueprint, Finding, Site};
use crate::concerns::rules;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// Most errors of form that one run shows.
const MAX_FINDINGS: usize = 100;

/// Longest quotation of a value in a message, in characters.
const QUOTED: usize = 60;

/// A whole, well-formed blueprint.
pub const STAND_IN: &str = include_str!("stand_in.toml");

/// The file as it was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// As the person named it.
    pub path: String,
    /// Without byte-order mark; undecodable bytes replaced by U+FFFD; empty when the file is too large.
    pub text: String,
    /// SHA-256 of the bytes, in lower-case hexadecimal; `None` when the file is too large to be read.
    pub sha256: Option<String>,
}

/// A blueprint that was read and understood.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub blueprint: Blueprint,
    pub site: Site,
}

/// A blueprint in which malformed values may have been replaced: good for remarks, never for generation.
#[derive(Debug, Clone)]
pub struct Draft {
    pub loaded: Loaded,
    /// Keys whose value is golive's and not the author's.
    pub replaced: Vec<KeyPath>,
}

impl Draft {
    /// Whether every key that this rule reads holds what the author wrote.
    pub fn holds_what_it_reads(&self, rule: &rules::Rule) -> bool {
        !self.replaced.iter().any(|replaced| {
            let replaced = replaced.without_indexes();
            let covers = |outer: &str, inner: &str| {
                inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            rule.reads().iter().any(|read| covers(read, &replaced) || covers(&replaced, read))
        })
    }
}

/// What reading came to.
#[derive(Debug)]
pub struct Read {
    pub source: Source,
    /// With the keys that were read as others; `None` when the text alone tells where each key stands.
    pub spans: Option<SpanIndex>,
    /// Errors of form, in the order in which they were met.
    pub findings: Vec<Finding>,
    /// `None` when the file could not be read as keys and values.
    pub draft: Option<Draft>,
}

/// The file could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read the blueprint {path}")]
    Io {
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("cannot read the blueprint {path}: it is {kind}, and a blueprint is a file")]
    NotAFile { path: String, kind: &'static str },
}

/// Reads a blueprint from a file.
///
/// # Errors
///
/// When there is no such file, it cannot be read, or it is a folder, a pipe or a device (opening one could wait
/// for ever). What is wrong inside the file is no error here but findings.
pub fn load(path: &Path) -> Result<Read, LoadError> {
    let name = path.to_string_lossy().into_owned();
    let failed = |cause| LoadError::Io { path: name.clone(), cause };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
        return Err(LoadError::NotAFile { path: name, kind });
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(read(name, &bytes))
}

/// Reads a blueprint from bytes; `path` is only quoted. Never fails: what is wrong is in the findings.
pub fn read(path: String, bytes: &[u8]) -> Read {
    if bytes.len() > MAX_BYTES {
        let source = Source { path, text: String::new(), sha256: None };
        let finding = Finding::error(
            &rules::TOO_LARGE,
            0..0,
            format!("the file is larger than {} MiB and was not read", MAX_BYTES >> 20),
            "name the blueprint, or move out of it what is data and not promise",
        );
        return Read { source, spans: None, findings: vec![finding], draft: None };
    }
    let sha256 = Some(data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)));
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let finding = not_utf8(bytes, error.valid_up_to());
            let source = Source { path, text: String::from_utf8_lossy(bytes).into_owned(), sha256 };
            return Read { source, spans: None, findings: vec![finding], draft: None };
        }
    };
    let (spans, findings, draft) = understand(&text);
    Read { source: Source { path, text, sha256 }, spans, findings, draft }
}

fn not_utf8(bytes: &[u8], at: usize) -> Finding {
    let byte = bytes.get(at).copied().unwrap_or_default();
    // In the text that is shown, this byte has become U+FFFD.
    let shown = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
    Finding::error(
        &rules::NOT_UTF8,
        shown,
        format!("the byte 0x{byte:02x} at offset {at} is not UTF-8"),
        "save the file as UTF-8",
    )
}

fn understand(text: &str) -> (Option<SpanIndex>, Vec<Finding>, Option<Draft>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mut findings = first_of_each_line(text, &errors);
        if findings.len() > MAX_FINDINGS {
            findings.truncate(MAX_FINDINGS);
            findings.push(too_many(findings.last().map(|last| last.place.clone())));
        }
        return (None, findings, None);
    }
    if document.get_ref().is_empty() {
        let finding = Finding::error(
            &rules::EMPTY,
            0..0,
            "the blueprint holds no table",
            "the smallest one holds `[site]` (name, title, host, announcement, contact) and `[dns]` with one \
             `[[dns.zones]]` (name, run_by, servers, hostmaster, serial)",
        );
        return (None, vec![finding], None);
    }
    Reading::new(text, document).finish()
}

/// In the order of the file. Further errors of a line mostly follow from its first.
fn first_of_each_line(text: &str, errors: &[toml::de::Error]) -> Vec<Finding> {
    let mut spans: Vec<(Range<usize>, &toml::de::Error)> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error)).collect();
    spans.sort_by_key(|(span, _)| span.start);
    let mut findings = Vec::new();
    let mut told_until = None;
    for (span, error) in spans {
        if told_until.is_some_and(|end| span.start <= end) {
            continue;
        }
        let rest = text.get(span.start..).unwrap_or_default();
        told_until = Some(rest.find('\n').map_or(text.len(), |length| span.start + length));
        findings.push(syntax(error, span));
    }
    findings
}

fn syntax(error: &toml::de::Error, span: Range<usize>) -> Finding {
    let message = match error.message() {
        "duplicate key" => "this key is there twice".to_owned(),
        "string values must be quoted, expected literal string" => "a text stands between double quotes".to_owned(),
        other => shortened(other, 300),
    };
    let remedy = "correct the line; values are judged once the whole file can be read";
    Finding::error(&rules::SYNTAX, span, message, remedy)
}

fn too_many(place: Option<Place>) -> Finding {
    Finding::error(
        &rules::TOO_MANY,
        place.unwrap_or(Place::Bytes(0..0)),
        format!("more than {MAX_FINDINGS} errors: the rest is not shown"),
        "correct these first, then lint again",
    )
}

fn deserialize(document: Spanned<DeTable<'_>>) -> Result<Blueprint, serde_path_to_error::Error<toml::de::Error>> {
    serde_path_to_error::deserialize(toml::Deserializer::from(document))
}

/// A document on its way to become a blueprint.
struct Reading<'i> {
    text: &'i str,
    document: Spanned<DeTable<'i>>,
    /// Made when a key is renamed.
    spans: Option<SpanIndex>,
    stand_in: StandIn,
    findings: Vec<Finding>,
    replaced: Vec<KeyPath>,
}

impl<'i> Reading<'i> {
    fn new(text: &'i str, document: Spanned<DeTable<'i>>) -> Self {
        Self { text, document, spans: None, stand_in: StandIn::default(), findings: Vec::new(), replaced: Vec::new() }
    }

    fn finish(mut self) -> (Option<SpanIndex>, Vec<Finding>, Option<Draft>) {
        let draft = self.blueprint().map(|blueprint| {
            let announcement = self.announcement(&blueprint);
            let site = Site::new(&blueprint, announcement);
            Draft { loaded: Loaded { blueprint, site }, replaced: std::mem::take(&mut self.replaced) }
        });
        (self.spans, self.findings, draft)
    }

    /// Records error after error and mends the document, until it can be read; `None` when it cannot be.
    fn blueprint(&mut self) -> Option<Blueprint> {
        for (path, wanted) in self.stand_in.other_shapes(&self.document) {
            if self.has_enough() || !self.bad_value(path, &format!("invalid type, expected {wanted}")) {
                return None;
            }
        }
        if self.findings.is_empty() {
            // Nothing is mended yet, so the document itself may be read: copying a large one takes as long as that.
            let document = std::mem::replace(&mut self.document, Spanned::new(0..0, DeTable::new()));
            if let Ok(blueprint) = deserialize(document) {
                return Some(blueprint);
            }
            self.document = DeTable::parse_recoverable(self.text).0;
        }
        while !self.has_enough() {
            let error = match deserialize(self.document.clone()) {
                Ok(blueprint) => return Some(blueprint),
                Err(error) => error,
            };
            if !self.record(key_path(error.path()), error.inner().message()) {
                return None;
            }
        }
        None
    }

    /// Whether there are as many findings as are shown; says so.
    fn has_enough(&mut self) -> bool {
        let has_enough = self.findings.len() >= MAX_FINDINGS;
        if has_enough {
            self.findings.push(too_many(self.findings.last().map(|last| last.place.clone())));
        }
        has_enough
    }

    /// Records one error and mends the document. `false`: it could not be mended, the reading ends here.
    fn record(&mut self, path: KeyPath, message: &str) -> bool {
        if let Some(missing) = quoted_after(message, "missing field `") {
            let missing = missing.to_owned();
            return self.missing(path, &missing);
        }
        if message.starts_with("unknown field `")
            && let Some((Segment::Key(key), table)) = path.0.split_last()
        {
            let table = KeyPath(table.to_vec());
            // The text of the key may hold anything, so the list is looked for after it.
            let known = message.get("unknown field `".len() + key.len()..).unwrap_or_default();
            return self.unknown(&table, key, &all_quoted(known));
        }
        self.bad_value(path, message)
    }

    fn missing(&mut self, table: KeyPath, key: &str) -> bool {
        let path = table.clone().key(key);
        let (message, remedy) = match self.stand_in.example(&path) {
            Example::Header(header) => (format!("the table `{header}` is missing"), format!("add `{header}`")),
            Example::Line(line) => {
                (format!("{} has no `{key}`", self.table_name(&table)), format!("add `{key}`, for example `{line}`"))
            }
        };
        self.findings.push(Finding::error(&rules::MISSING_KEY, table, message, remedy).on_key());
        self.mend(path)
    }

    fn unknown(&mut self, table: &KeyPath, key: &str, known: &[String]) -> bool {
        let path = table.clone().key(key);
        let guess = Guess::among(known, key);
        let remedy = match &guess {
            Some(guess) => format!("did you mean `{}`?", guess.key),
            None => format!("known here: {}", known.join(", ")),
        };
        let message = match table.0.is_empty() {
            true => format!("the blueprint has no table or key `{}`", shortened(key, QUOTED)),
            false => format!("{} has no key `{}`", self.table_name(table), shortened(key, QUOTED)),
        };
        self.findings.push(Finding::error(&rules::UNKNOWN_KEY, path, message, remedy).on_key());

        let Some(held) = table_at(&mut self.document, table) else { return false };
        let Some(value) = held.remove(key) else { return false };
        let Some(guess) = guess else { return true };
        if held.contains_key(guess.key.as_str()) {
            return true;
        }
        if guess.is_a_slip {
            held.insert(Spanned::new(0..0, Cow::Owned(guess.key.clone())), value);
            let spans = self.spans.get_or_insert_with(|| SpanIndex::of(self.text));
            spans.rename(table, key, &guess.key);
            true
        } else {
            // Another unit, perhaps: the value is not believed, and neither is its absence.
            self.mend(table.clone().key(&guess.key))
        }
    }

    fn bad_value(&mut self, path: KeyPath, message: &str) -> bool {
        let key = path.0.iter().rev().find_map(|segment| match segment {
            Segment::Key(key) => Some(shortened(key, QUOTED)),
            Segment::Index(_) => None,
        });
        let key = key.unwrap_or_else(|| "the blueprint".to_owned());
        let value = value_at(&self.document, &path);
        let given = value.and_then(DeValue::as_str).unwrap_or_default();
        let wanted = message.rsplit_once(", expected ").map(|(_, wanted)| wanted);
        let mut remedy = match self.stand_in.example(&path) {
            Example::Header(header) => format!("write it as a table, `{header}`"),
            Example::Line(line) => format!("for example `{line}`"),
        };
        let message = match (wanted, value) {
            (Some(wanted), Some(_)) if message.starts_with("unknown variant `") => {
                let known = all_quoted(wanted);
                remedy = match Guess::among(&known, given) {
                    Some(guess) => format!("did you mean \"{}\"?", guess.key),
                    None => format!("one of {}", quoted_list(&known)),
                };
                format!("`{key}` is \"{}\", expected {}", shortened(given, QUOTED), quoted_list(&known))
            }
            (Some(wanted), Some(value)) if message.starts_with("invalid ") => {
                format!("`{key}` is {}, expected {}", described(value), in_words(wanted))
            }
            (None, Some(_)) if message == "invalid IP address syntax" => {
                format!("`{key}`: `{}` is not an IP address", shortened(given, QUOTED))
            }
            _ => format!("`{key}`: {}", shortened(message, 400)),
        };
        self.findings.push(Finding::error(&rules::BAD_VALUE, path.clone(), message, remedy));
        self.mend(path)
    }

    /// Puts the stand-in's value at `path`, or takes away what stands there.
    fn mend(&mut self, path: KeyPath) -> bool {
        // The same place twice: the stand-in did not help, and trying again would not end.
        if self.replaced.contains(&path) {
            return false;
        }
        let value = self.stand_in.value(&path);
        let mended = match path.0.split_last() {
            None => false,
            Some((Segment::Key(key), table)) => match table_at(&mut self.document, &KeyPath(table.to_vec())) {
                None => false,
                Some(table) => match value {
                    Some(value) => {
                        let place = Spanned::new(0..0, Cow::Owned(key.clone()));
                        table.insert(place, Spanned::new(0..0, value));
                        true
                    }
                    None => table.remove(key.as_str()).is_some(),
                },
            },
            Some((Segment::Index(_), _)) => match (value_mut(&mut self.document, &path), value) {
                (Some(held), Some(value)) => {
                    *held = value;
                    true
                }
                _ => false,
            },
        };
        self.replaced.push(path);
        mended
    }

    fn announcement(&mut self, blueprint: &Blueprint) -> Timestamp {
        let written = &blueprint.site.announcement;
        written.to_string().parse().unwrap_or_else(|_| {
            let path = KeyPath::of(["site", "announcement"]);
            let lacks = why_no_instant(written);
            self.findings.push(Finding::error(
                &rules::SITE_ANNOUNCEMENT,
                path.clone(),
                format!("`{written}` is not an instant: {lacks}"),
                "write date, time and offset, for example `2020-03-22T20:30:00+01:00`",
            ));
            self.replaced.push(path);
            Timestamp::UNIX_EPOCH
        })
    }

    /// `[cdn]`, `[[cache.classes]]`: a table as its header names it.
    fn table_name(&self, path: &KeyPath) -> String {
        let name = shortened(&path.without_indexes(), QUOTED);
        match path.0.last() {
            None => "the blueprint".to_owned(),
            Some(Segment::Key(_)) => format!("`[{name}]`"),
            Some(Segment::Index(_)) => format!("`[[{name}]]`"),
        }
    }
}

/// A known word near the one that was written.
struct Guess {
    key: String,
    /// One or two letters apart: certainly what was meant.
    is_a_slip: bool,
}

impl Guess {
    fn among(known: &[String], written: &str) -> Option<Self> {
        // Comparing takes the product of the lengths; no key is as long as this.
        if written.len() > 100 {
            return None;
        }
        let folded = written.to_lowercase().replace(['-', ' '], "_");
        let (key, distance) = known
            .iter()
            .map(|key| (key, strsim::damerau_levenshtein(key, &folded)))
            .min_by_key(|(_, distance)| *distance)?;
        if distance <= 2 && distance * 3 <= key.len() {
            return Some(Self { key: key.clone(), is_a_slip: true });
        }
        let unit_left_out = known.iter().find(|key| key.starts_with(&format!("{folded}_")));
        let alike = || {
            known
                .iter()
                .map(|key| (key, strsim::jaro_winkler(key, &folded)))
                .filter(|(_, likeness)| *likeness > 0.85)
                .max_by(|(_, a), (_, b)| a.total_cmp(b))
                .map(|(key, _)| key)
        };
        unit_left_out.or_else(alike).map(|key| Self { key: key.clone(), is_a_slip: false })
    }
}

/// The parsed `stand_in.toml`, parsed when it is first needed.
#[derive(Default)]
struct StandIn {
    parsed: Option<(Spanned<DeTable<'static>>, SpanIndex)>,
}

impl StandIn {
    fn parsed(&mut self) -> &(Spanned<DeTable<'static>>, SpanIndex) {
        self.parsed.get_or_insert_with(|| {
            let (document, _) = DeTable::parse_recoverable(STAND_IN);
            let spans = SpanIndex::new(document.get_ref());
            (document, spans)
        })
    }

    /// The first element stands for every element.
    fn path(path: &KeyPath) -> KeyPath {
        KeyPath(
            path.0
                .iter()
                .map(|segment| match segment {
                    Segment::Index(_) => Segment::Index(0),
                    Segment::Key(key) => Segment::Key(key.clone()),
                })
                .collect(),
        )
    }

    fn value(&mut self, path: &KeyPath) -> Option<DeValue<'static>> {
        let (document, _) = self.parsed();
        value_at(document, &Self::path(path)).cloned()
    }

    /// Tables where there should be lists, lists where there should be numbers, and so on, each with what is
    /// wanted. serde would pass some: a list of values in the order of the fields is a table to it, and a table a
    /// date.
    fn other_shapes(&mut self, document: &Spanned<DeTable<'_>>) -> Vec<(KeyPath, &'static str)> {
        let (stand_in, _) = self.parsed();
        let mut found = Vec::new();
        compare_tables(document.get_ref(), stand_in.get_ref(), &Trail::Root, &mut found);
        found
    }

    /// How the value is written there; an element of a list is shown as the list.
    fn example(&mut self, path: &KeyPath) -> Example {
        let keys = path.0.iter().rposition(|segment| matches!(segment, Segment::Key(_))).map_or(0, |last| last + 1);
        let path = Self::path(&KeyPath(path.0[..keys].to_vec()));
        let (_, spans) = self.parsed();
        let value = spans.locate(&Place::Value(path.clone()));
        let key = spans.locate(&Place::Key(path));
        let text = |range: Range<usize>| STAND_IN.get(range).unwrap_or_default();
        // A header encloses its key; a value stands after it.
        if value.contains(&key.start) {
            Example::Header(text(value))
        } else {
            Example::Line(text(key.start..value.end))
        }
    }
}

/// How something is written in `stand_in.toml`.
enum Example {
    /// `[[dns.zones]]`
    Header(&'static str),
    /// `serial = 2030011501`
    Line(&'static str),
}

/// A key path that is only written down where it is needed.
enum Trail<'a> {
    Root,
    Key(&'a Trail<'a>, &'a str),
    Index(&'a Trail<'a>, usize),
}

impl Trail<'_> {
    fn path(&self) -> KeyPath {
        match self {
            Trail::Root => KeyPath::default(),
            Trail::Key(table, key) => table.path().key(key),
            Trail::Index(list, index) => list.path().index(*index),
        }
    }
}

fn compare_tables(given: &DeTable<'_>, wanted: &DeTable<'_>, at: &Trail<'_>, found: &mut Vec<(KeyPath, &'static str)>) {
    for (key, value) in given {
        if let Some(wanted) = wanted.get(key.get_ref().as_ref()) {
            compare(value.get_ref(), wanted.get_ref(), &Trail::Key(at, key.get_ref()), found);
        }
    }
}

fn compare(given: &DeValue<'_>, wanted: &DeValue<'_>, at: &Trail<'_>, found: &mut Vec<(KeyPath, &'static str)>) {
    match (given, wanted) {
        (DeValue::Table(given), DeValue::Table(wanted)) => compare_tables(given, wanted, at, found),
        (DeValue::Array(given), DeValue::Array(wanted)) => {
            for (index, value) in given.iter().enumerate() {
                if let Some(wanted) = wanted.first() {
                    compare(value.get_ref(), wanted.get_ref(), &Trail::Index(at, index), found);
                }
            }
        }
        (_, DeValue::Table(_)) => found.push((at.path(), "a table")),
        (_, DeValue::Array(_)) => found.push((at.path(), "a sequence")),
        (DeValue::Table(_) | DeValue::Array(_), DeValue::String(_)) => found.push((at.path(), "a string")),
        (DeValue::Table(_) | DeValue::Array(_), DeValue::Boolean(_)) => found.push((at.path(), "a boolean")),
        (DeValue::Table(_) | DeValue::Array(_), DeValue::Datetime(_)) => found.push((at.path(), "a TOML datetime")),
        (DeValue::Table(_) | DeValue::Array(_), _) => found.push((at.path(), "i64")),
        // Scalars: serde knows which it wants.
        _ => {}
    }
}

fn key_path(path: &serde_path_to_error::Path) -> KeyPath {
    use serde_path_to_error::Segment as Met;
    KeyPath(
        path.iter()
            .filter_map(|segment| match segment {
                Met::Seq { index } => Some(Segment::Index(*index)),
                Met::Map { key } => Some(Segment::Key(key.clone())),
                Met::Enum { .. } | Met::Unknown => None,
            })
            .collect(),
    )
}

fn value_at<'a, 'i>(document: &'a Spanned<DeTable<'i>>, path: &KeyPath) -> Option<&'a DeValue<'i>> {
    let (first, rest) = path.0.split_first()?;
    let Segment::Key(first) = first else { return None };
    let mut value = document.get_ref().get(first.as_str())?.get_ref();
    for segment in rest {
        value = match (segment, value) {
            (Segment::Key(key), DeValue::Table(table)) => table.get(key.as_str())?.get_ref(),
            (Segment::Index(index), DeValue::Array(array)) => array.get(*index)?.get_ref(),
            _ => return None,
        };
    }
    Some(value)
}

fn value_mut<'a, 'i>(document: &'a mut Spanned<DeTable<'i>>, path: &KeyPath) -> Option<&'a mut DeValue<'i>> {
    let (first, rest) = path.0.split_first()?;
    let Segment::Key(first) = first else { return None };
    let mut value = document.get_mut().get_mut(first.as_str())?.get_mut();
    for segment in rest {
        value = match (segment, value) {
            (Segment::Key(key), DeValue::Table(table)) => table.get_mut(key.as_str())?.get_mut(),
            (Segment::Index(index), DeValue::Array(array)) => array.get_mut(*index)?.get_mut(),
            _ => return None,
        };
    }
    Some(value)
}

fn table_at<'a, 'i>(document: &'a mut Spanned<DeTable<'i>>, path: &KeyPath) -> Option<&'a mut DeTable<'i>> {
    if path.0.is_empty() {
        return Some(document.get_mut());
    }
    match value_mut(document, path)? {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

/// A value in words, with the beginning of what it holds.
fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", shortened(text, QUOTED)),
        DeValue::Integer(integer) => format!("the number {}", shortened(integer.as_str(), QUOTED)),
        DeValue::Float(float) => format!("the number {}", shortened(float.as_str(), QUOTED)),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(datetime) => format!("the date {datetime}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// serde's names of types, for people.
fn in_words(wanted: &str) -> &str {
    match wanted {
        "a string" | "string" | "str" => "a text between double quotes",
        "a boolean" | "bool" => "true or false",
        "a sequence" => "a list",
        "i64" => "a whole number without quotes",
        "u16" => "a whole number from 0 to 65535, without quotes",
        "u32" => "a whole number from 0 to 4294967295, without quotes",
        "a TOML datetime" => "a date-time without quotes",
        other if other.starts_with("struct ") || other == "map" || other == "a map" => "a table",
        other => other,
    }
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.strip_suffix('`')
}

/// Every word between backticks.
fn all_quoted(text: &str) -> Vec<String> {
    let text = text.rsplit_once("expected ").map_or(text, |(_, list)| list);
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn quoted_list(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// At most `limit` characters.
fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Vec<Finding> {
        read("shop.toml".to_owned(), text.as_bytes()).findings
    }

    /// Each `key = value` of the stand-in, with its line; a table in one line is no value.
    fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
        let is_value = |line: &str, value: &str| !line.starts_with('#') && !value.starts_with('{');
        let pairs = STAND_IN.lines().filter_map(|line| Some((line, line.split_once(" = ")?)));
        pairs.filter(move |(line, (_, value))| is_value(line, value)).map(|(line, (key, _))| (line, key))
    }

    /// The stand-in with another line in the place of the first that reads so.
    fn with_line(line: &str, other: &str) -> String {
        STAND_IN.replacen(&format!("\n{line}\n"), &format!("\n{other}\n"), 1)
    }

    #[test]
    fn the_stand_in_is_well_formed() {
        assert_eq!(form(STAND_IN), []);
    }

    /// A key without default that the stand-in lacks would end the reading early.
    #[test]
    fn a_missing_key_is_one_finding_or_none() {
        for (line, key) in lines() {
            let findings = form(&STAND_IN.replacen(&format!("\n{line}\n"), "\n", 1));
            assert!(findings.len() <= 1, "{line}: {findings:?}");
            for finding in findings {
                assert_eq!(finding.rule, &rules::MISSING_KEY, "{line}");
                assert!(finding.message.ends_with(&format!("has no `{key}`")), "{}", finding.message);
                assert!(finding.remedy.contains(line), "{line}: {}", finding.remedy);
            }
        }
    }

    #[test]
    fn a_value_of_another_type_is_one_finding() {
        for (line, key) in lines() {
            for wrong in ["{ wrong = true }", "[[0]]", "-1.5", "\"\\u0007\""] {
                let Read { findings, draft, .. } =
                    read("shop.toml".to_owned(), with_line(line, &format!("{key} = {wrong}")).as_bytes());
                let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.id).collect();
                assert_eq!(rules, ["blueprint.bad-value"], "{key} = {wrong}: {findings:?}");
                assert!(findings[0].message.starts_with(&format!("`{key}`")), "{}", findings[0].message);
                assert!(draft.is_some_and(|draft| draft.replaced.len() == 1), "{key} = {wrong}");
            }
        }
    }

    #[test]
    fn every_error_of_a_list_is_found() {
        let findings = form(&STAND_IN.replacen("[\"203.0.113.10\"]", "[1, \"203.0.113.10\", \"x\"]", 1));
        let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert_eq!(messages[1], "`origins`: `x` is not an IP address");
    }

    #[test]
    fn a_key_with_backticks_is_still_found_and_removed() {
        let findings = form(&STAND_IN.replacen("title = ", "\"a`, expected `b\" = 1\ntitle = ", 1));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].message, "`[site]` has no key `a`, expected `b`");
        assert!(findings[0].remedy.starts_with("known here: name, title"), "{}", findings[0].remedy);
    }

    #[test]
    fn guesses() {
        let known = ["max_age_seconds", "edge_ttl_seconds", "name"].map(str::to_owned);
        let guess = |written: &str| Guess::among(&known, written).map(|guess| (guess.key, guess.is_a_slip));
        assert_eq!(guess("max_age_secnods"), Some(("max_age_seconds".to_owned(), true)));
        assert_eq!(guess("Max-Age-Seconds"), Some(("max_age_seconds".to_owned(), true)));
        assert_eq!(guess("max_age"), Some(("max_age_seconds".to_owned(), false)));
        assert_eq!(guess("edge_ttl_minutes"), Some(("edge_ttl_seconds".to_owned(), false)));
        assert_eq!(guess("zone"), None);
        assert_eq!(guess(&"x".repeat(100_000)), None);
    }
}
