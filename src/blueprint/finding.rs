//! A finding: an offline remark on a blueprint, tied to a key path. Rendering is in [`crate::report`].

use std::fmt;

/// Where a remark points: keys and array indexes from the root of the document.
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

/// One remark, with its stable rule id (`golive explain RULE` prints the page).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable id, `<concern>.<words-with-hyphens>`, listed in [`crate::concerns::rules`].
    pub rule: &'static str,
    pub level: Level,
    /// What is wrong, with the values seen.
    pub message: String,
    /// The value (or, with `on_key`, the key) that the caret underlines.
    pub at: KeyPath,
    /// Underline the key and not its value: for unknown and missing keys.
    pub on_key: bool,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    pub fn error(rule: &'static str, at: KeyPath, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { rule, level: Level::Error, message: message.into(), at, on_key: false, remedy: remedy.into() }
    }

    pub fn warning(rule: &'static str, at: KeyPath, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level: Level::Warning, ..Self::error(rule, at, message, remedy) }
    }

    #[must_use]
    pub fn on_key(mut self) -> Self {
        self.on_key = true;
        self
    }
}
