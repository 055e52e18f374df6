//! The journal's file and its two locks. Must not know what is written.
//!
//! The session's lock is on a file beside, so that one launch is on at a time; the lock of writing is on the journal
//! itself and lasts for one entry, so that a note can be written during a launch. Both are flock's: the system frees them
//! when the process ends, however it ends. A lock that is a file's mere presence would outlive a kill.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::JournalError;
use crate::plain::plain;

/// Of a journal, in bytes. It is read as a whole.
pub const LARGEST: u64 = 256 << 20;
/// So long others may hold the lock of writing. An entry takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the lock.
const PAUSE: Duration = Duration::from_millis(5);
/// So much is read of what a holder wrote, in bytes.
const HOLDER: u64 = 1024;

fn io_at(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> JournalError {
    move |cause| match cause.kind() {
        ErrorKind::NotFound => JournalError::Absent(path.to_owned()),
        _ => JournalError::Io { path: path.to_owned(), doing, cause },
    }
}

/// Refuses devices, folders and pipes, before they are opened: to open a pipe waits.
fn regular(path: &Path) -> Result<(), JournalError> {
    let metadata = fs::metadata(path).map_err(io_at(path, "read"))?;
    if metadata.is_file() { Ok(()) } else { Err(JournalError::NotAFile(path.to_owned())) }
}

/// To read alone.
pub fn open(path: &Path) -> Result<File, JournalError> {
    regular(path)?;
    File::open(path).map_err(io_at(path, "read"))
}

/// All of it.
pub fn read(file: &mut File, path: &Path) -> Result<Vec<u8>, JournalError> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(io_at(path, "read"))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io_at(path, "read"))?;
    if bytes.len() as u64 > LARGEST { Err(JournalError::TooLarge(path.to_owned())) } else { Ok(bytes) }
}

/// Makes the file if it is absent, and sees to it that its name is on the disk: also that of one which a killed run made.
pub fn create(path: &Path) -> Result<(), JournalError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(JournalError::NoFolder { path: path.to_owned(), folder: folder.to_owned() });
    }
    match File::options().write(true).create_new(true).open(path) {
        Ok(file) => file.sync_all().map_err(io_at(path, "write"))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => regular(path)?,
        Err(error) => return Err(io_at(path, "create")(error)),
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_at(folder, "write"))
}

/// The lock of one launch.
#[derive(Debug)]
pub struct Session {
    file: File,
}

impl Session {
    pub fn take(path: &Path, who: &str) -> Result<Session, JournalError> {
        // The same lock, by whatever links it is reached.
        let mut lock = path.canonicalize().map_err(io_at(path, "read"))?.into_os_string();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        // Its text is overwritten: a link would lead that elsewhere.
        if fs::symlink_metadata(&lock).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(JournalError::NotAFile(lock));
        }
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&lock);
        let mut file = opened.map_err(io_at(&lock, "open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = Vec::new();
                file.take(HOLDER).read_to_end(&mut text).map_err(io_at(&lock, "read"))?;
                let text = plain(String::from_utf8_lossy(&text).trim());
                let by = if text.is_empty() { "somebody who has not said who".to_owned() } else { text };
                return Err(JournalError::Held { path: path.to_owned(), by });
            }
            Err(TryLockError::Error(error)) => return Err(io_at(&lock, "lock")(error)),
        }
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy();
        let text = format!("{who} on {host}, process {}, since {:.0}\n", std::process::id(), Timestamp::now());
        let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(io_at(&lock, "write"))?;
        Ok(Session { file })
    }
}

impl Drop for Session {
    /// The file stays, since removing it would race with who comes next.
    fn drop(&mut self) {
        // Its text is for people alone; the lock is free in any case.
        let _ = self.file.set_len(0);
    }
}

/// The file, while nobody else writes to it.
#[derive(Debug)]
pub struct Writing {
    path: PathBuf,
    file: File,
}

impl Writing {
    pub fn begin(path: &Path) -> Result<Writing, JournalError> {
        let start = Instant::now();
        loop {
            regular(path)?;
            let file = File::options().read(true).append(true).open(path);
            let file = file.map_err(|cause| JournalError::NotWritten { path: path.to_owned(), cause })?;
            match file.try_lock() {
                Ok(()) => {
                    let writing = Writing { path: path.to_owned(), file };
                    // git replaces files: the lock may be on one that has no name any more.
                    if writing.is_in_place() {
                        return Ok(writing);
                    }
                }
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(io_at(path, "lock")(error)),
            }
            if start.elapsed() > PATIENCE {
                return Err(JournalError::Busy { path: path.to_owned(), seconds: PATIENCE.as_secs() });
            }
        }
    }

    pub fn is_in_place(&self) -> bool {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let named = fs::metadata(&self.path).map(id);
        named.is_ok_and(|named| self.file.metadata().is_ok_and(|held| id(held) == named))
    }

    pub fn read(&mut self) -> Result<Vec<u8>, JournalError> {
        read(&mut self.file, &self.path)
    }

    /// Adds bytes; they are on the disk when this returns, and those before them. When it fails, the file is as before.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        let length = self.file.metadata().map_err(io_at(&self.path, "read"))?.len();
        if length + bytes.len() as u64 > LARGEST {
            return Err(JournalError::TooLarge(self.path.clone()));
        }
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        written.map_err(|cause| match self.file.set_len(length).and_then(|()| self.file.sync_data()) {
            Ok(()) => JournalError::NotWritten { path: self.path.clone(), cause },
            Err(also) => JournalError::NotCutBack { path: self.path.clone(), length, cause, also },
        })
    }

    /// Keeps the beginning alone.
    pub fn cut(&mut self, length: usize) -> Result<(), JournalError> {
        let cut = self.file.set_len(length as u64).and_then(|()| self.file.sync_data());
        cut.map_err(io_at(&self.path, "cut back"))
    }
}
