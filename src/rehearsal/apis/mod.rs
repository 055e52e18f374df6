//! What the providers' APIs answer after an apply of the generated files, read from those files. Must not read the
//! blueprint.

pub mod cloudflare;
mod scalingo;

use std::collections::BTreeMap;

use serde_json::Value;

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
