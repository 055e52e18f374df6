//! `golive generate`: the artifacts as values, the comparison with what is on the disk, and the one function
//! that writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::blueprint::{Blueprint, Site};
use crate::emit::{self, Artifact, Clash};

/// The file that lists the others with their hashes; not listed in itself.
pub const MANIFEST: &str = "MANIFEST.json";

/// What golive wrote the last time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Manifest {
    golive: String,
    /// SHA-256 of the blueprint's bytes, lower-case hexadecimal.
    blueprint_sha256: String,
    /// Path below the folder to SHA-256 of the file.
    files: BTreeMap<String, String>,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The cause is the source: whoever prints the chain prints it once.
    #[error("{path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is not a manifest of golive: {why}")]
    Manifest { path: PathBuf, why: String },
    #[error(
        "edited by hand since golive wrote them, and not overwritten: {}\nMove the edits to the blueprint, or \
         overwrite them with --force",
        .0.join(", ")
    )]
    HandEdited(Vec<String>),
    #[error("not written by golive, yet in the way: {}\nMove them away, or overwrite them with --force", .0.join(", "))]
    InTheWay(Vec<String>),
    #[error("{0} is a link; golive writes no file through one")]
    Link(PathBuf),
    #[error("another golive is writing to {0}")]
    Locked(PathBuf),
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> GenerateError + '_ {
    move |source| GenerateError::Io { path: path.to_owned(), source }
}

/// Every file of the site's folder, the manifest last. Pure. `blueprint_sha256`: of the file's bytes, lower-case
/// hexadecimal.
///
/// # Errors
///
/// As [`emit::compose`].
pub fn plan(blueprint: &Blueprint, site: &Site, blueprint_sha256: &str) -> Result<Vec<Artifact>, Vec<Clash>> {
    with_manifest(emit::compose(blueprint, site)?, blueprint_sha256)
}

/// As [`plan`], of artifacts that are composed already.
///
/// # Errors
///
/// Never, as long as the manifest is of texts.
pub fn with_manifest(mut artifacts: Vec<Artifact>, blueprint_sha256: &str) -> Result<Vec<Artifact>, Vec<Clash>> {
    let manifest = Manifest {
        golive: env!("CARGO_PKG_VERSION").to_owned(),
        blueprint_sha256: blueprint_sha256.to_owned(),
        files: artifacts.iter().map(|a| (a.path.clone(), sha256(a.text.as_bytes()))).collect(),
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| vec![Clash(error.to_string())])?;
    artifacts.push(Artifact { path: MANIFEST.to_owned(), text: text + "\n" });
    Ok(artifacts)
}

fn sha256(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// How a folder differs from what would be written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub path: String,
    /// What is there, lossily decoded; `None`: nothing.
    pub present: Option<String>,
    /// What would be there; `None`: golive wrote it once and generates it no longer.
    pub wanted: Option<String>,
}

impl Difference {
    /// As a unified diff, from what is there to what would be.
    pub fn unified(&self) -> String {
        let present = self.present.as_deref().unwrap_or_default();
        let wanted = self.wanted.as_deref().unwrap_or_default();
        let name = |side: &str, text: &Option<String>| {
            if text.is_some() { format!("{side}/{}", self.path) } else { "/dev/null".to_owned() }
        };
        similar::TextDiff::from_lines(present, wanted)
            .unified_diff()
            .header(&name("a", &self.present), &name("b", &self.wanted))
            .to_string()
    }
}

/// Compares the folder with the artifacts; writes nothing. Files that golive never wrote do not count.
///
/// # Errors
///
/// When a file cannot be read, or the manifest is none.
pub fn compare(folder: &Path, artifacts: &[Artifact]) -> Result<Vec<Difference>, GenerateError> {
    let old = read_manifest(folder)?;
    let wanted: BTreeSet<&str> = artifacts.iter().map(|artifact| artifact.path.as_str()).collect();
    let mut differences = Vec::new();
    for artifact in artifacts {
        let present = read(&folder.join(&artifact.path))?;
        if present.as_deref() != Some(artifact.text.as_bytes()) {
            differences.push(Difference {
                path: artifact.path.clone(),
                present: present.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                wanted: Some(artifact.text.clone()),
            });
        }
    }
    for path in old.files.keys().filter(|path| !wanted.contains(path.as_str())) {
        if let Some(bytes) = read(&folder.join(path))? {
            let present = Some(String::from_utf8_lossy(&bytes).into_owned());
            differences.push(Difference { path: path.clone(), present, wanted: None });
        }
    }
    differences.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(differences)
}

/// What [`write()`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Paths new or changed.
    pub changed: Vec<String>,
    pub unchanged: usize,
    /// Files of the old manifest that are no longer generated.
    pub removed: Vec<String>,
    /// Files in the folder that golive did not write, left alone.
    pub foreign: Vec<String>,
}

/// Writes the artifacts to the folder.
///
/// All files are written to a folder beside it first; only then are they renamed into place, one by one, the
/// manifest last. So an error leaves whole files only, and a run that was cut short is completed by the next, even of
/// another blueprint: a record beside the folder says which files were being put in place.
///
/// # Errors
///
/// When files were edited by hand (unless `force`), another run holds the lock, or the disk refuses.
pub fn write(folder: &Path, artifacts: &[Artifact], force: bool) -> Result<Written, GenerateError> {
    let parent = match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(io_at(parent))?;
    let _lock = lock(parent, folder)?;
    let record = beside(parent, folder, "begun");
    let mut own = Own::read(folder, &record)?;
    let wanted: BTreeMap<&str, &Artifact> = artifacts.iter().map(|a| (a.path.as_str(), a)).collect();
    let leftovers: Vec<&String> = own.0.keys().filter(|path| !wanted.contains_key(path.as_str())).collect();

    let mut written = Written::default();
    let mut edited = Vec::new();
    let mut in_the_way = Vec::new();
    let mut to_write = Vec::new();
    for artifact in artifacts {
        let present = read(&folder.join(&artifact.path))?;
        match present {
            Some(bytes) if bytes == artifact.text.as_bytes() => {
                written.unchanged += 1;
                continue;
            }
            Some(_) if artifact.path == MANIFEST => {}
            Some(_) if !own.0.contains_key(&artifact.path) => in_the_way.push(artifact.path.clone()),
            Some(bytes) if !own.wrote(&artifact.path, &bytes) => edited.push(artifact.path.clone()),
            Some(_) | None => {}
        }
        to_write.push(artifact);
    }
    let mut to_remove = Vec::new();
    for path in leftovers {
        if let Some(bytes) = read(&folder.join(path))? {
            if !own.wrote(path, &bytes) {
                edited.push(path.clone());
            }
            to_remove.push(path.clone());
        }
    }
    if !force && !edited.is_empty() {
        return Err(GenerateError::HandEdited(edited));
    }
    if !force && !in_the_way.is_empty() {
        return Err(GenerateError::InTheWay(in_the_way));
    }

    let staging = stage(&beside(parent, folder, "new"), &to_write)?;
    own.record(&to_write, staging.path(), &record)?;
    // Before the manifest forgets them, and before a folder may need the place of a file.
    for path in to_remove {
        let place = folder.join(&path);
        fs::remove_file(&place).map_err(io_at(&place))?;
        remove_empty_parents(folder, &place);
        written.removed.push(path);
    }
    for artifact in &to_write {
        let place = folder.join(&artifact.path);
        create_parent(&place)?;
        fs::rename(staging.path().join(&artifact.path), &place).map_err(io_at(&place))?;
        written.changed.push(artifact.path.clone());
    }
    fs::remove_file(&record).map_err(io_at(&record))?;
    written.foreign = list(folder)?.into_iter().filter(|path| !wanted.contains_key(path.as_str())).collect();
    Ok(written)
}

/// The files of a folder that are golive's, by path, with the hashes that they may have: those of the manifest, and of
/// every run since that was cut short. Such a run leaves its record beside the folder.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Own(BTreeMap<String, BTreeSet<String>>);

impl Own {
    fn read(folder: &Path, record: &Path) -> Result<Self, GenerateError> {
        let mut own = match read(record)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| not_ours(record, error.to_string()))?,
            None => Self::default(),
        };
        own.0.keys().try_for_each(|path| stays_inside(path, record))?;
        for (path, hash) in read_manifest(folder)?.files {
            own.0.entry(path).or_default().insert(hash);
        }
        Ok(own)
    }

    /// Adds what is about to be put in place, and leaves the record: whole, since it is made in the staging folder.
    fn record(&mut self, artifacts: &[&Artifact], staging: &Path, record: &Path) -> Result<(), GenerateError> {
        for artifact in artifacts {
            self.0.entry(artifact.path.clone()).or_default().insert(sha256(artifact.text.as_bytes()));
        }
        let made = staging.join(".begun");
        let text = serde_json::to_string(self).map_err(|error| not_ours(record, error.to_string()))?;
        fs::write(&made, text).map_err(io_at(&made))?;
        fs::rename(&made, record).map_err(io_at(record))
    }

    fn wrote(&self, path: &str, bytes: &[u8]) -> bool {
        self.0.get(path).is_some_and(|hashes| hashes.contains(&sha256(bytes)))
    }
}

/// The path of a hidden helper beside the site's folder; who uses it holds the [`lock`].
fn beside(parent: &Path, folder: &Path, what: &str) -> PathBuf {
    parent.join(format!(".{}.{what}", folder.file_name().unwrap_or_default().to_string_lossy()))
}

/// Writes the artifacts to a folder of its own, removed on drop; always the same one, so that what a killed run left
/// of it is cleared away by the next.
fn stage(place: &Path, artifacts: &[&Artifact]) -> Result<TempDir, GenerateError> {
    match fs::remove_dir_all(place) {
        Err(error) if !is_absent(&error) => return Err(io_at(place)(error)),
        _ => {}
    }
    let (parent, name) = (place.parent().unwrap_or(Path::new(".")), place.file_name().unwrap_or_default());
    let staging = tempfile::Builder::new().prefix(name).rand_bytes(0).tempdir_in(parent).map_err(io_at(place))?;
    for artifact in artifacts {
        let place = staging.path().join(&artifact.path);
        create_parent(&place)?;
        fs::write(&place, &artifact.text).map_err(io_at(&place))?;
    }
    Ok(staging)
}

/// An exclusive lock on a file beside the folder; the file stays, since removing it would race with others.
fn lock(parent: &Path, folder: &Path) -> Result<File, GenerateError> {
    let path = beside(parent, folder, "lock");
    let file = File::options().create(true).append(true).open(&path).map_err(io_at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(GenerateError::Locked(folder.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(GenerateError::Io { path, source }),
    }
}

/// Reads a file that may be absent.
fn read(path: &Path) -> Result<Option<Vec<u8>>, GenerateError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => return Err(GenerateError::Link(path.to_owned())),
        Ok(_) => {}
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(io_at(path)(error)),
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(io_at(path)(error)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// The manifest of the folder; the empty one where there is none.
fn read_manifest(folder: &Path) -> Result<Manifest, GenerateError> {
    let path = folder.join(MANIFEST);
    let Some(bytes) = read(&path)? else { return Ok(Manifest::default()) };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| not_ours(&path, error.to_string()))?;
    manifest.files.keys().try_for_each(|name| stays_inside(name, &path))?;
    Ok(manifest)
}

fn not_ours(path: &Path, why: String) -> GenerateError {
    GenerateError::Manifest { path: path.to_owned(), why }
}

/// A file named in `list` may be removed: it must not lead out of the folder.
fn stays_inside(name: &str, list: &Path) -> Result<(), GenerateError> {
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if inside && !name.is_empty() {
        return Ok(());
    }
    Err(not_ours(list, format!("`{}` is no path of a generated file", name.escape_debug())))
}

fn create_parent(path: &Path) -> Result<(), GenerateError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(io_at(parent))
}

/// Removes folders that a removal left empty, up to the site's folder; one that is not empty stays.
fn remove_empty_parents(folder: &Path, path: &Path) {
    let inside = path.ancestors().skip(1).take_while(|parent| *parent != folder);
    for parent in inside {
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}

/// Every file below the folder, `/`-separated, in order; nothing where there is no folder.
fn list(folder: &Path) -> Result<Vec<String>, GenerateError> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let place = folder.join(&below);
        for entry in fs::read_dir(&place).map_err(io_at(&place))? {
            let entry = entry.map_err(io_at(&place))?;
            let path = below.join(entry.file_name());
            if entry.file_type().map_err(io_at(&place))?.is_dir() {
                folders.push(path);
            } else {
                found.push(path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(files: &[(&str, &str)]) -> Vec<Artifact> {
        let mut all: Vec<Artifact> =
            files.iter().map(|(path, text)| Artifact { path: path.to_string(), text: text.to_string() }).collect();
        let manifest = Manifest {
            golive: "0".into(),
            blueprint_sha256: String::new(),
            files: all.iter().map(|a| (a.path.clone(), sha256(a.text.as_bytes()))).collect(),
        };
        all.push(Artifact {
            path: MANIFEST.into(),
            text: serde_json::to_string(&manifest).expect("a manifest is JSON"),
        });
        all
    }

    fn text(folder: &Path, path: &str) -> Option<String> {
        fs::read_to_string(folder.join(path)).ok()
    }

    #[test]
    fn a_new_folder_then_nothing_to_do_then_a_leftover_removed() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("deep/site");
        let first = artifacts(&[("a/x", "1"), ("b", "2")]);
        assert_eq!(write(&folder, &first, false).expect("written").changed.len(), 3);
        assert_eq!(compare(&folder, &first).expect("compared"), []);
        assert_eq!(write(&folder, &first, false).expect("written").unchanged, 3);

        let second = artifacts(&[("b", "3")]);
        let paths: Vec<_> = compare(&folder, &second).expect("compared").into_iter().map(|d| d.path).collect();
        assert_eq!(paths, [MANIFEST, "a/x", "b"]);
        let written = write(&folder, &second, false).expect("written");
        assert_eq!(written.removed, ["a/x"]);
        assert!(!folder.join("a").exists(), "the empty folder stayed");
        assert_eq!(text(&folder, "b").as_deref(), Some("3"));
        let beside: Vec<_> = fs::read_dir(temp.path().join("deep")).expect("a folder").flatten().collect();
        assert_eq!(beside.len(), 2, "only the folder and its lock: {beside:?}");
    }

    #[test]
    fn edited_files_are_named_and_kept_unless_forced() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        write(&folder, &artifacts(&[("a", "1"), ("b", "2"), ("c", "3")]), false).expect("written");
        fs::write(folder.join("a"), "mine").expect("written");
        fs::write(folder.join("c"), "mine").expect("written");
        fs::write(folder.join("foreign"), "mine").expect("written");
        let next = artifacts(&[("a", "9"), ("b", "9")]);
        match write(&folder, &next, false) {
            Err(GenerateError::HandEdited(paths)) => assert_eq!(paths, ["a", "c"]),
            other => panic!("{other:?}"),
        }
        assert_eq!(text(&folder, "b").as_deref(), Some("2"), "nothing was touched");
        let written = write(&folder, &next, true).expect("forced");
        assert_eq!(written.foreign, ["foreign"]);
        assert_eq!(text(&folder, "a").as_deref(), Some("9"));
        assert_eq!(text(&folder, "c"), None);
        assert_eq!(text(&folder, "foreign").as_deref(), Some("mine"));
    }

    #[test]
    fn a_file_that_golive_never_wrote_is_not_overwritten() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("a"), "mine").expect("written");
        let result = write(&folder, &artifacts(&[("a", "1")]), false);
        assert!(matches!(&result, Err(GenerateError::InTheWay(paths)) if paths == &["a"]), "{result:?}");
    }

    #[test]
    fn a_run_cut_short_is_completed_by_the_next() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        write(&folder, &artifacts(&[("a", "1"), ("b", "1")]), false).expect("written");
        // As if the second run had died after its first rename.
        fs::write(folder.join("a"), "2").expect("written");
        write(&folder, &artifacts(&[("a", "2"), ("b", "2")]), false).expect("not taken for an edit");
        assert_eq!(text(&folder, "b").as_deref(), Some("2"));
    }

    /// What a run leaves that is killed after its first `renamed` renames.
    fn cut_short(folder: &Path, artifacts: &[Artifact], renamed: usize) {
        let parent = folder.parent().expect("a parent");
        let staging = stage(&beside(parent, folder, "new"), &artifacts.iter().collect::<Vec<_>>()).expect("staged");
        let record = beside(parent, folder, "begun");
        let mut own = Own::read(folder, &record).expect("readable");
        own.record(&artifacts.iter().collect::<Vec<_>>(), staging.path(), &record).expect("recorded");
        for artifact in &artifacts[..renamed] {
            fs::rename(staging.path().join(&artifact.path), folder.join(&artifact.path)).expect("renamed");
        }
        let _ = staging.keep();
    }

    #[test]
    fn runs_cut_short_do_not_pass_for_edits_of_another_blueprint() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        write(&folder, &artifacts(&[("a", "1"), ("b", "1")]), false).expect("written");
        cut_short(&folder, &artifacts(&[("a", "2"), ("new", "2"), ("b", "2")]), 2);
        cut_short(&folder, &artifacts(&[("a", "3"), ("b", "3")]), 0);
        let written = write(&folder, &artifacts(&[("a", "4"), ("b", "1")]), false).expect("no edit");
        assert_eq!((written.removed, written.foreign), (vec!["new".to_owned()], vec![]));
        assert_eq!(text(&folder, "a").as_deref(), Some("4"));
        assert_eq!(fs::read_dir(temp.path()).expect("a folder").count(), 2, "the folder and its lock");

        // What a person wrote meanwhile is theirs all the same.
        cut_short(&folder, &artifacts(&[("a", "5"), ("b", "5")]), 1);
        fs::write(folder.join("a"), "mine").expect("written");
        let result = write(&folder, &artifacts(&[("a", "6"), ("b", "6")]), false);
        assert!(matches!(&result, Err(GenerateError::HandEdited(paths)) if paths == &["a"]), "{result:?}");
    }

    #[test]
    fn a_folder_takes_the_place_of_a_file_that_is_no_longer_generated() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        write(&folder, &artifacts(&[("a", "1")]), false).expect("written");
        let written = write(&folder, &artifacts(&[("a/b", "2")]), false).expect("written");
        assert_eq!((written.removed, text(&folder, "a/b").as_deref()), (vec!["a".to_owned()], Some("2")));
    }

    #[test]
    fn a_manifest_cannot_lead_out_of_the_folder() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        fs::create_dir(&folder).expect("a folder");
        fs::write(temp.path().join("precious"), "x").expect("written");
        for name in ["../precious", "/etc/passwd", ""] {
            let manifest = serde_json::json!({ "golive": "0", "blueprint_sha256": "", "files": { name: "0" } });
            fs::write(folder.join(MANIFEST), manifest.to_string()).expect("written");
            let result = write(&folder, &artifacts(&[("a", "1")]), true);
            assert!(matches!(result, Err(GenerateError::Manifest { .. })), "{name}: {result:?}");
        }
        assert!(temp.path().join("precious").exists());
    }

    #[test]
    fn two_runs_do_not_write_at_once() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        let held = lock(temp.path(), &folder).expect("free");
        let result = write(&folder, &artifacts(&[("a", "1")]), false);
        assert!(matches!(result, Err(GenerateError::Locked(_))), "{result:?}");
        assert!(!folder.exists());
        drop(held);
        write(&folder, &artifacts(&[("a", "1")]), false).expect("free again");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_written_through() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        fs::create_dir(&folder).expect("a folder");
        std::os::unix::fs::symlink(temp.path().join("elsewhere"), folder.join("a")).expect("a link");
        let result = write(&folder, &artifacts(&[("a", "1")]), true);
        assert!(matches!(result, Err(GenerateError::Link(_))), "{result:?}");
    }

    #[test]
    fn an_error_midway_leaves_no_half_folder() {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = temp.path().join("site");
        // `a` cannot be both file and folder: staging fails before anything is in place.
        let result = write(&folder, &artifacts(&[("a", "1"), ("a/b", "2")]), false);
        assert!(matches!(result, Err(GenerateError::Io { .. })), "{result:?}");
        assert!(!folder.exists());
    }
}
