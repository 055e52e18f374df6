//! What the providers' APIs answer after an apply of the generated files, read from those files, and served. Must not
//! read the blueprint.

pub mod cloudflare;
mod scalingo;
mod server;

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use server::{ApiFault, Faults, FaultyAnswer, Server, Switches};

use crate::emit::Artifact;
use crate::probe::ApiProvider;

/// Path to body, provider by provider; a provider that nothing was generated for is not there.
///
/// # Errors
///
/// A file that no provider would take.
pub fn answers(artifacts: &[Artifact]) -> Result<BTreeMap<ApiProvider, BTreeMap<String, Value>>, String> {
    let mut apis = BTreeMap::new();
    if let Some(file) = artifacts.iter().find(|artifact| artifact.path == scalingo::FILE) {
        let answers = scalingo::answers(&file.text).map_err(|error| format!("{}: {error}", scalingo::FILE))?;
        apis.insert(ApiProvider::Scalingo, answers);
    }
    Ok(apis)
}

/// An id like those of providers, the same for the same name: 32 hexadecimal digits.
fn made_up_id(kind: &str, name: &str) -> String {
    let mut id = HEXLOWER.encode(&Sha256::digest(format!("{kind} {name}")));
    id.truncate(32);
    id
}
