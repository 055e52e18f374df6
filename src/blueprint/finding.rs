//! A finding: an offline remark on a blueprint, tied to a place in it. Rendering is in [`crate::report`].

use std::fmt;
use std::ops::Range;

use crate::concerns::rules::Rule;

/// Keys and array indexes from the root of the document.
///
/// Segments, not text: a quoted key such as `"a.b"` would make a dotted path ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KeyPath(pub Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    Key(String),
    Index(usize),
}

impl KeyPath {
    /// `path!`-like builder: `KeyPath::of(["cdn", "plan"])`.
    pub fn of<const N: usize>(keys: [&str; N]) -> Self {
        Self(keys.into_iter().map(|key| Segment::Key(key.to_owned())).collect())
    }

    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.0.push(Segment::Key(key.to_owned()));
        self
    }

    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// Without the indexes: the same key of every element, as [`Rule::reads`] names it.
    pub fn without_indexes(&self) -> String {
        let keys: Vec<&str> = self
            .0
            .iter()
            .filter_map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                Segment::Index(_) => None,
            })
            .collect();
        keys.join(".")
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => write!(f, "{key}")?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// What the caret of a finding underlines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A value; of a table that has a header, the header.
    Value(KeyPath),
    /// A key.
    Key(KeyPath),
    /// Bytes of the file, where it could not be read as keys and values.
    Bytes(Range<usize>),
}

impl From<KeyPath> for Place {
    fn from(path: KeyPath) -> Self {
        Self::Value(path)
    }
}

impl From<Range<usize>> for Place {
    fn from(bytes: Range<usize>) -> Self {
        Self::Bytes(bytes)
    }
}

/// An error stops every other command; a warning is shown and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warning,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }
}

/// One remark, with its rule (`golive explain RULE` prints the page).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static Rule,
    pub level: Level,
    /// What is wrong, with the values seen.
    pub message: String,
    pub place: Place,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    pub fn error(
        rule: &'static Rule,
        place: impl Into<Place>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { rule, level: Level::Error, message: message.into(), place: place.into(), remedy: remedy.into() }
    }

    pub fn warning(
        rule: &'static Rule,
        place: impl Into<Place>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warning, ..Self::error(rule, place, message, remedy) }
    }

    /// Underline the key and not its value: for unknown and missing keys.
    #[must_use]
    pub fn on_key(mut self) -> Self {
        if let Place::Value(path) = self.place {
            self.place = Place::Key(path);
        }
        self
    }
}
