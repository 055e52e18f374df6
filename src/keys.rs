//! The small TOML files that people write beside a blueprint (consents, runbooks, answers), taken apart key by key, so
//! that everything that is wrong with one is said at once and in its place. Must not know what a key means.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub bytes: Range<usize>,
    pub message: String,
    pub remedy: String,
}

impl Refusal {
    pub fn new(bytes: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { bytes, message: message.into(), remedy: remedy.into() }
    }
}

/// The root table of a file, and its place.
///
/// # Errors
///
/// Bytes that are not UTF-8, or lines that are not TOML: all of them.
pub fn document(bytes: &[u8]) -> Result<(DeTable<'_>, Range<usize>), Vec<Refusal>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        vec![Refusal::new(0..0, format!("byte {} is not UTF-8", error.valid_up_to()), "save the file as UTF-8")]
    })?;
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let whole = document.span();
        return Ok((document.into_inner(), whole));
    }
    let refused =
        errors.iter().map(|error| Refusal::new(error.span().unwrap_or(0..0), error.message(), "correct the line"));
    Err(refused.collect())
}

/// The known word nearest to one that does not exist, if any is near.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (word, strsim::jaro_winkler(word, written)))
        .filter(|(_, likeness)| *likeness > 0.8)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(word, _)| word)
}

/// A table whose keys are taken out one by one.
pub struct Keys<'i, 'r> {
    table: DeTable<'i>,
    at: Range<usize>,
    name: &'static str,
    /// Where an example stands, as the end of a remedy.
    example: &'static str,
    refusals: &'r mut Vec<Refusal>,
    known: Vec<&'static str>,
}

impl<'i, 'r> Keys<'i, 'r> {
    pub fn new(
        table: DeTable<'i>,
        at: Range<usize>,
        name: &'static str,
        example: &'static str,
        refusals: &'r mut Vec<Refusal>,
    ) -> Self {
        Self { table, at, name, example, refusals, known: Vec::new() }
    }

    /// Where the table stands.
    pub fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    /// A value of the table is not as it must be.
    pub fn refuse(&mut self, bytes: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) {
        self.refusals.push(Refusal::new(bytes, message, remedy));
    }

    fn take_value(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn missing(&mut self, key: &str) {
        let message = format!("{} has no `{key}`", self.name);
        let remedy = format!("add `{key}`; {}", self.example);
        self.refuse(self.at(), message, remedy);
    }

    fn understood<T: Deserialize<'i>>(&mut self, key: &str, value: Spanned<DeValue<'i>>) -> Option<T> {
        let bytes = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(bytes, error.message(), format!("correct `{key}`; {}", self.example));
                None
            }
        }
    }

    /// A value that must be there.
    pub fn take<T: Deserialize<'i>>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take_value(key);
        if value.is_none() {
            self.missing(key);
        }
        self.understood(key, value?)
    }

    /// A value that may be there.
    pub fn take_if_there<T: Deserialize<'i>>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take_value(key)?;
        self.understood(key, value)
    }

    /// The tables of a list, with their places; one at least.
    pub fn take_tables(&mut self, key: &'static str) -> Vec<(DeTable<'i>, Range<usize>)> {
        let Some(value) = self.take_value(key) else {
            self.missing(key);
            return Vec::new();
        };
        let at = value.span();
        let mut tables = Vec::new();
        if let DeValue::Array(entries) = value.into_inner() {
            for entry in entries {
                let at = entry.span();
                if let DeValue::Table(table) = entry.into_inner() {
                    tables.push((table, at));
                }
            }
        }
        if tables.is_empty() {
            self.refuse(at, format!("`{key}` holds no table"), format!("write `[[{key}]]`; {}", self.example));
        }
        tables
    }

    /// Whatever is left is not known.
    pub fn refuse_the_rest(self) {
        for key in self.table.keys() {
            let remedy = match nearest(key.get_ref(), self.known.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("remove it; {}", self.example),
            };
            self.refusals.push(Refusal::new(
                key.span(),
                format!("{} has no key `{}`", self.name, key.get_ref()),
                remedy,
            ));
        }
    }
}
