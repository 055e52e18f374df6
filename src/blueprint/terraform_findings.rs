//! Offline remarks on `[terraform]`. It is no concern, since it promises the public nothing.

use std::collections::HashSet;

use super::{Blueprint, Finding, KeyPath};
use crate::concerns::rules;

/// Backends that several people can share (Terraform docs, backends); `remote` and `cloud` are blocks of another form.
const SHARED: [&str; 9] = ["azurerm", "consul", "cos", "gcs", "http", "kubernetes", "oss", "pg", "s3"];

pub fn findings(blueprint: &Blueprint) -> Vec<Finding> {
    let Some(table) = &blueprint.terraform else { return Vec::new() };
    let at = KeyPath::of(["terraform"]);
    let mut findings = Vec::new();
    if !SHARED.contains(&table.backend.as_str()) {
        findings.push(Finding::error(
            &rules::TERRAFORM_BACKEND,
            at.clone().key("backend"),
            format!("`{}` is no backend that a team can share", table.backend),
            format!("one of {}", SHARED.join(", ")),
        ));
    }
    let mut names = HashSet::new();
    for (index, setting) in table.settings.iter().enumerate() {
        let place = at.clone().key("settings").index(index).key("name");
        let name = setting.name.as_str().to_ascii_lowercase();
        if !names.insert(&setting.name) {
            findings.push(Finding::error(
                &rules::TERRAFORM_BACKEND,
                place.clone(),
                format!("`{name}` is set twice"),
                "set it once",
            ));
        }
        let is_secret =
            ["secret", "password", "token", "access_key", "credential", "conn_str", "sas", "encryption_key"];
        if is_secret.iter().any(|word| name.contains(word)) {
            findings.push(Finding::error(
                &rules::TERRAFORM_CREDENTIAL,
                place,
                format!("`{name}` is a credential, and would stand in a file"),
                "give it through the environment, or with `terraform init -backend-config`",
            ));
        }
    }
    findings
}
