//! The Terraform module: one root, to which each provider adds its part. No token stands in it: providers read theirs
//! from the environment.

use std::collections::BTreeSet;

use serde_json::json;

use super::hcl::{self, Block, Right, block};
use super::{Artifact, Clash};
use crate::blueprint::TerraformTable;

/// The first Terraform, and OpenTofu, whose `import` blocks know `for_each`.
const TERRAFORM_VERSION: &str = ">= 1.7";

/// What one provider adds.
#[derive(Debug)]
pub struct Part {
    pub provider: &'static str,
    pub source: &'static str,
    pub version: &'static str,
    /// The environment variable that holds its token.
    pub token: &'static str,
    pub variables: Vec<Block>,
    /// The content of `PROVIDER.tf`.
    pub blocks: Vec<Block>,
}

/// The files of the module; none where nobody adds to it.
///
/// # Errors
///
/// Two variables of one name.
pub fn module(parts: &[Part], table: Option<&TerraformTable>) -> (Vec<Artifact>, Vec<Clash>) {
    if parts.is_empty() {
        return Default::default();
    }
    let variables: Vec<Block> = parts.iter().flat_map(|part| part.variables.clone()).collect();
    let mut seen = BTreeSet::new();
    let twice = variables.iter().flat_map(|variable| &variable.labels).filter(|name| !seen.insert(name.as_str()));
    let clashes = twice.map(|name| Clash(format!("terraform: two variables are called {name}"))).collect();
    let mut files = vec![file("versions", &[versions(parts, table)]), file("variables", &variables)];
    files.extend(parts.iter().map(|part| file(part.provider, &part.blocks)));
    (files, clashes)
}

fn file(name: &str, blocks: &[Block]) -> Artifact {
    Artifact { path: format!("terraform/{name}.tf"), text: hcl::write(blocks) }
}

fn versions(parts: &[Part], table: Option<&TerraformTable>) -> Block {
    let providers = parts.iter().map(|part| {
        let value = json!({ "source": part.source, "version": part.version });
        (part.provider.to_owned(), Right::Data(value))
    });
    let mut blocks = vec![block("required_providers", vec![], providers.collect())];
    if let Some(table) = table {
        let settings = table.settings.iter();
        let settings = settings.map(|setting| (setting.name.to_string(), Right::Data(json!(setting.value.as_str()))));
        blocks.push(block("backend", vec![table.backend.to_string()], settings.collect()));
    }
    let tokens: Vec<&str> = parts.iter().map(|part| part.token).collect();
    let remark = match tokens.as_slice() {
        [token] => format!("The provider reads its token from the environment: {token}."),
        tokens => format!("The providers read their tokens from the environment: {}.", tokens.join(", ")),
    };
    let required = ("required_version".to_owned(), Right::Data(json!(TERRAFORM_VERSION)));
    Block { remark: Some(remark), blocks, ..block("terraform", vec![], vec![required]) }
}
