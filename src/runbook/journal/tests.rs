use std::fs;
use std::path::PathBuf;

use super::super::fact::{Answer, Answered};
use super::*;
use crate::concerns::people::Role;

/// A folder with a journal's path in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.journal.jsonl");
    (folder, path)
}

fn noted(text: &str) -> Fact {
    Fact::Noted { text: text.to_owned() }
}

fn answered(item: &str, answer: Answer) -> Fact {
    let (item, fingerprint) = (item.to_owned(), "f".to_owned());
    Fact::Answered(Answered { item, fingerprint, role: Role::App, answer, text: String::new() })
}

fn texts(journal: &Journal) -> Vec<&str> {
    journal
        .entries()
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::Noted { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_is_added_is_read_again() {
    let (_folder, path) = place();
    let mut journal = Journal::open(&path, "Ada").unwrap();
    assert_eq!((journal.head(), journal.entries().len()), (None, 0));
    let all = "é\n\r\u{0}\u{1b}[2J\"\\\u{2028}\u{feff}<<<<<<< {\"hash\":\"";
    for text in ["one", "", all] {
        let entry = journal.append(all, noted(text)).unwrap();
        assert_eq!((entry.by.as_str(), &entry.fact), (all, &noted(text)));
    }
    journal.append("Ada", answered("dns", Answer::Waived)).unwrap();
    let again = Journal::read(&path).unwrap();
    assert_eq!(again.entries(), journal.entries());
    assert_eq!(texts(&again), ["one", "", all]);
    assert_eq!((again.head(), again.recovered()), (journal.head(), None));
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.lines().all(|line| line.get(75..).is_some_and(|rest| rest.starts_with("\"prev\":["))), "{lines}");
}
