//! What goes wrong with a journal: where, what was found, what to do. Quotes from the file are made fit for a terminal.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

#[derive(Debug, Error)]
pub enum JournalError {
    #[error("there is no journal {}: `golive launch` begins one", .0.display())]
    Absent(PathBuf),
    #[error("{}: the folder {} is not there; make it, or name another journal", path.display(), folder.display())]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("{} is not a regular file: a journal must be one that keeps what is written", .0.display())]
    NotAFile(PathBuf),
    #[error("{} would hold more than {} MiB, which no launch writes: is it a journal?", .0.display(), super::file::LARGEST >> 20)]
    TooLarge(PathBuf),
    /// A line does not hold; counted from 1.
    #[error("{}, line {line} {fault}", path.display())]
    Line { path: PathBuf, line: usize, fault: Fault },
    #[error("{} is held by {by}: one launch at a time. Notes can be written all the same: golive note \"TEXT\"", path.display())]
    Held { path: PathBuf, by: String },
    #[error("another process has been writing to {} for {seconds} s; is it stopped? (fuser {} names it)", path.display(), path.display())]
    Busy { path: PathBuf, seconds: u64 },
    #[error("{} and {} begin with different entries: they are journals of different launches", path.display(), other.display())]
    Foreign { path: PathBuf, other: PathBuf },
    /// The file changed under an open journal, and not by golive.
    #[error(
        "{} was replaced: {lost} entries that were in it are gone, the first {hash}. Put them back (git reflog), then go on",
        path.display()
    )]
    Replaced { path: PathBuf, lost: usize, hash: String },
    #[error("{} is replaced again and again while it is written to; nothing was recorded", .0.display())]
    Restless(PathBuf),
    #[error("cannot {doing} {}: {cause}", path.display())]
    Io { path: PathBuf, doing: &'static str, cause: io::Error },
    /// A full or a read-only disk; may be tried again.
    #[error("cannot write {}: {cause}; it is as it was, and nothing counts as recorded", path.display())]
    NotWritten { path: PathBuf, cause: io::Error },
    /// After a write that failed the file could not be cut back.
    #[error("cannot write {}: {cause}; nor cut it back to {length} bytes: {also}. The next who opens it does", path.display())]
    NotCutBack { path: PathBuf, length: u64, cause: io::Error, also: io::Error },
}

/// Why a line does not hold. Reads on after `line 12`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    #[error(
        "was altered: its hash says otherwise; nothing from there on counts. Take a copy from before (git log -p, git \
         checkout)"
    )]
    Altered,
    #[error("is empty; no entry is. Remove it, or take a copy from before (git checkout)")]
    Empty,
    #[error(
        "is git's conflict marker ({0}): keep the lines of both sides and remove the markers; golive joins them. So that \
         git does it: echo '*.journal.jsonl merge=union' >> .gitattributes"
    )]
    ConflictMarker(String),
    #[error("is not UTF-8: it was altered; nothing from there on counts. Take a copy from before (git checkout)")]
    NotUtf8,
    #[error(
        "holds bytes that are zero, as a power cut leaves them in a file; nothing from there on counts. Take a copy from \
         before (git checkout), or from another machine"
    )]
    Zeros,
    #[error(
        "ends with CR LF: it went through an editor or git's autocrlf. Put LF back (sed -i 's/\\r$//'), and: echo \
         '*.journal.jsonl -text merge=union' >> .gitattributes"
    )]
    CarriageReturn,
    #[error(
        "is not an entry: it begins with {0}. If this is a journal, it was altered there; take a copy from before (git \
         checkout)"
    )]
    NotAnEntry(String),
    #[error("was written by a newer golive than this {version}: {0}. Use that one", version = env!("CARGO_PKG_VERSION"))]
    Newer(String),
    #[error(
        "follows entry {0}, which is not before it: lines were removed or moved. Take a copy from before (git checkout)"
    )]
    Orphan(String),
    #[error("begins another launch: two journals are in one file. Put each back into its own")]
    SecondFirst,
}
