//! The journal of a launch: JSON lines, each with the hash of what it says and of the entry before, on the disk before
//! the next question is asked. Must not judge what the entries mean: that is [`super::state`].
//!
//! A line is `{"hash":"<64 hexadecimal digits>",` and the rest; the hash is the SHA-256 of the bytes of that rest, without
//! the line's end. The rest begins with `"prev":[...]`: the hashes of the entries that it follows, none for the first,
//! two where branches were joined. So the file is a directed graph written in order, and two branches of it that git
//! lays behind one another (`merge=union`) are still whole.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// SHA-256, in lower-case hexadecimal, of what follows it in the line.
    pub hash: String,
    pub prev: Vec<String>,
    /// By the clock of that machine, but never before the entry that it follows.
    pub at: Timestamp,
    /// Who said it: a person's name, or `golive`.
    pub by: String,
    #[serde(flatten)]
    pub fact: Fact,
}
