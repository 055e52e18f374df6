//! Results as text, JSON, JUnit, Markdown and HTML, the keys of a blueprint as a page. Must not compute a verdict.

pub mod capacity;
pub mod coverage;
pub mod drills;
pub mod findings;
pub mod journal;
pub mod keys;
pub mod launch;
pub mod lever;
pub mod page;
pub mod plan;
pub mod trace;
pub mod ttl;
pub mod verify;

use serde::Serialize;
use serde_json::json;

/// `{"golive", "blueprint": {"path", "sha256"}, ...}` with the members of `what`, pretty-printed, one final newline:
/// the frame of every report that asks nothing of the network.
///
/// # Errors
///
/// None that these types can cause; serde's are passed on.
pub fn offline_json(path: &str, sha256: &str, what: &impl Serialize) -> serde_json::Result<String> {
    let mut document = json!({
        "golive": env!("CARGO_PKG_VERSION"),
        "blueprint": { "path": path, "sha256": sha256 },
    });
    if let (Some(document), serde_json::Value::Object(members)) =
        (document.as_object_mut(), serde_json::to_value(what)?)
    {
        document.extend(members);
    }
    Ok(format!("{document:#}\n"))
}
