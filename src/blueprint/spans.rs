//! Where each value stands in the file: an index by key path.
