//! What the providers' APIs answer in a rehearsal: derived from the generated files, as after an apply. A file is the
//! provider's state; these are its read-backs. Must not read the blueprint.

pub mod cloudflare;
