//! Where each key and value stands in the file: a tree of the same shape as the document.
//!
//! Kept beside the typed blueprint and looked up by key path. Must not hold values.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::finding::{KeyPath, Place, Segment};

/// Bytes of the file, by key path.
#[derive(Debug, Clone, Default)]
pub struct SpanIndex {
    root: Node,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// `None` for the root and for elements of arrays.
    key: Option<Range<usize>>,
    /// Of a table with a header, the header.
    value: Range<usize>,
    keys: BTreeMap<String, Node>,
    elements: Vec<Node>,
}

impl SpanIndex {
    /// Indexes a parsed document.
    pub fn new(document: &DeTable<'_>) -> Self {
        Self { root: Node { keys: Node::keys_of(document), ..Node::default() } }
    }

    /// Indexes a document as far as it can be read.
    pub fn of(text: &str) -> Self {
        Self::new(DeTable::parse_recoverable(text).0.get_ref())
    }

    /// The bytes of a place. A path that is not in the file (a default, a missing key) leads to its nearest
    /// ancestor that is; the root is the start of the file.
    pub fn locate(&self, place: &Place) -> Range<usize> {
        match place {
            Place::Bytes(bytes) => bytes.clone(),
            Place::Value(path) => self.nearest(path).value.clone(),
            Place::Key(path) => {
                let node = self.nearest(path);
                node.key.clone().unwrap_or_else(|| node.value.clone())
            }
        }
    }

    fn nearest(&self, path: &KeyPath) -> &Node {
        let mut node = &self.root;
        for segment in &path.0 {
            let next = match segment {
                Segment::Key(key) => node.keys.get(key),
                Segment::Index(index) => node.elements.get(*index),
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }

    /// Lets what stands at `table`.`from` be found as `table`.`to`: a misspelt key that is read as the one meant.
    pub(super) fn rename(&mut self, table: &KeyPath, from: &str, to: &str) {
        let mut node = &mut self.root;
        for segment in &table.0 {
            let next = match segment {
                Segment::Key(key) => node.keys.get_mut(key),
                Segment::Index(index) => node.elements.get_mut(*index),
            };
            let Some(next) = next else { return };
            node = next;
        }
        if let Some(moved) = node.keys.get(from).cloned() {
            node.keys.insert(to.to_owned(), moved);
        }
    }
}

impl Node {
    fn new(key: Option<Range<usize>>, value: Range<usize>, held: &DeValue<'_>) -> Self {
        let mut node = Self { key, value, ..Self::default() };
        match held {
            DeValue::Table(table) => node.keys = Self::keys_of(table),
            DeValue::Array(array) => {
                node.elements = array.iter().map(|held| Self::new(None, held.span(), held.get_ref())).collect();
            }
            _ => {}
        }
        node
    }

    fn keys_of(table: &DeTable<'_>) -> BTreeMap<String, Self> {
        table
            .iter()
            .map(|(key, held)| {
                let node = Self::new(Some(key.span()), held.span(), held.get_ref());
                (key.get_ref().clone().into_owned(), node)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[a.b]\nc.d = 1\n[[t]]\nx = 1\n[[t]]\n\"y.z\" = [1, { w = 2 }]\n";

    fn found(place: Place) -> &'static str {
        let document = DeTable::parse(TEXT).expect("a good document");
        &TEXT[SpanIndex::new(document.get_ref()).locate(&place)]
    }

    #[test]
    fn keys_values_headers_and_elements_are_found() {
        let t1 = KeyPath::of(["t"]).index(1);
        assert_eq!(found(Place::Value(KeyPath::of(["a", "b", "c", "d"]))), "1");
        assert_eq!(found(Place::Key(KeyPath::of(["a", "b", "c", "d"]))), "d");
        assert_eq!(found(Place::Value(KeyPath::of(["a", "b"]))), "[a.b]");
        assert_eq!(found(Place::Key(KeyPath::of(["a", "b"]))), "b");
        assert_eq!(found(Place::Value(t1.clone())), "[[t]]");
        assert_eq!(found(Place::Value(t1.key("y.z").index(1).key("w"))), "2");
    }

    #[test]
    fn what_is_not_there_leads_to_the_nearest_ancestor() {
        assert_eq!(found(Place::Value(KeyPath::of(["a", "b", "gone", "deeper"]))), "[a.b]");
        assert_eq!(found(Place::Value(KeyPath::of(["t"]).index(9))), "[[t]]");
        assert_eq!(found(Place::Key(KeyPath::default())), "");
    }

    #[test]
    fn a_renamed_key_is_found_under_both_names() {
        let document = DeTable::parse("[a]\nbee = 1\n").expect("a good document");
        let mut spans = SpanIndex::new(document.get_ref());
        spans.rename(&KeyPath::of(["a"]), "bee", "be");
        assert_eq!(spans.locate(&Place::Key(KeyPath::of(["a", "be"]))), 4..7);
        assert_eq!(spans.locate(&Place::Key(KeyPath::of(["a", "bee"]))), 4..7);
    }
}
