//! The generated Terraform under the real Terraform: checked, planned and applied with the providers mocked, and planned
//! again without a change.
//!
//! Twice: against stand-ins that have the schemas of `tests/contract` (`tests/contract/stand-in`), everywhere; and against the
//! real providers with their own validations, where `make tools` could fetch them. The second kind is ignored where they
//! are missing, so that it is counted as skipped and never as passed. A mocked plan asks no provider: it shows that
//! references hold and that nothing is unknown for ever, not what an API would say.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{artifacts, edited, folder_of, need, parse, ran, repository};
use hcl_edit::expr::Expression;
use hcl_edit::structure::Body;
use serde_json::Value;
use tempfile::TempDir;

/// Terraform with providers from one folder, in a copy of a generated module.
struct Module {
    folder: TempDir,
}

impl Module {
    /// # Panics
    ///
    /// When Terraform does not take the providers.
    fn new(blueprint: &str, providers: &Path) -> Self {
        let module = Self { folder: folder_of(&artifacts(&parse(blueprint))) };
        let config = format!(
            "disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n",
            providers.canonicalize().expect("the folder of the providers")
        );
        fs::write(module.folder.path().join("cli.tfrc"), config).expect("written");
        ran(module.terraform().args(["init", "-backend=false", "-input=false", "-no-color"]));
        module
    }

    fn terraform(&self) -> Command {
        let mut command = Command::new(need("terraform"));
        command
            .current_dir(self.folder.path().join("site/terraform"))
            .env("TF_CLI_CONFIG_FILE", self.folder.path().join("cli.tfrc"))
            .env("TF_IN_AUTOMATION", "1")
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_CLI_ARGS")
            .env_remove("TF_LOG");
        command
    }

    /// Replaces a text of a file, which holds it.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.path().join("site/terraform").join(file);
        let text = fs::read_to_string(&path).expect("the file is generated");
        assert!(text.contains(from), "{file} no longer holds {from:?}");
        fs::write(path, text.replacen(from, to, 1)).expect("written");
    }

    /// What `terraform validate` says, errors and warnings alike.
    fn said(&self) -> Vec<String> {
        let output = self.terraform().args(["validate", "-json"]).output().expect("Terraform starts");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let diagnostics = said["diagnostics"].as_array().expect("diagnostics");
        diagnostics.iter().map(|said| format!("{}: {}", said["summary"], said["detail"])).collect()
    }

    /// The files of the module.
    fn bodies(&self) -> Vec<Body> {
        let files = fs::read_dir(self.folder.path().join("site/terraform")).expect("a folder").flatten();
        let files = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "tf"));
        files.map(|file| fs::read_to_string(file.path()).expect("text").parse().expect("HCL")).collect()
    }

    /// A test ends with the destruction of what it made, which some resources forbid for good reason.
    fn let_be_destroyed(&self) {
        for file in fs::read_dir(self.folder.path().join("site/terraform")).expect("a folder").flatten() {
            if file.path().extension().is_some_and(|extension| extension == "tf") {
                let text = fs::read_to_string(file.path()).expect("text");
                // However it is padded.
                let edited: Vec<String> = text
                    .lines()
                    .map(|line| match line.trim_start().starts_with("prevent_destroy ") {
                        true => line.replace("true", "false"),
                        false => line.to_owned(),
                    })
                    .collect();
                fs::write(file.path(), edited.join("\n") + "\n").expect("written");
            }
        }
    }

    /// Plan, apply and plan again, every provider mocked.
    fn applied_twice(&self) {
        self.let_be_destroyed();
        let mut test = String::new();
        let mut variables = String::new();
        let bodies = self.bodies();
        let data = bodies.iter().flat_map(|body| body.get_blocks("data"));
        let data_sources: BTreeSet<String> = data.map(|block| block.labels[0].as_str().to_owned()).collect();
        for body in &bodies {
            for block in body.get_blocks("terraform").flat_map(|block| block.body.get_blocks("required_providers")) {
                for provider in block.body.attributes() {
                    // A mock makes up what data sources answer, each time anew: here they answer the same twice.
                    let of_provider = |kind: &&str| kind.split('_').next() == Some(provider.key.as_str());
                    let answers: String = data_sources
                        .iter()
                        .map(String::as_str)
                        .filter(of_provider)
                        .map(|kind| format!("  mock_data {kind:?} {{\n    defaults = {{ id = \"made-up\" }}\n  }}\n"))
                        .collect();
                    test.push_str(&format!("mock_provider {:?} {{\n{answers}}}\n", provider.key.as_str()));
                }
            }
            for block in body.get_blocks("variable").filter(|block| !block.body.has_attribute("default")) {
                let kind = block.body.get_attribute("type").map(|kind| kind.value.clone());
                let value = match kind {
                    Some(Expression::Variable(name)) if name.as_str() == "string" => "\"0123456789abcdef\"",
                    Some(Expression::Variable(name)) if name.as_str() == "number" => "1",
                    Some(Expression::Variable(name)) if name.as_str() == "bool" => "true",
                    other => panic!("a variable of type {other:?}: say what stands for it here"),
                };
                variables.push_str(&format!("  {} = {value}\n", block.labels[0].as_str()));
            }
        }
        test.push_str(&format!("variables {{\n{variables}}}\n"));
        for (run, command) in [("planned", "plan"), ("applied", "apply"), ("again", "plan")] {
            test.push_str(&format!("run {run:?} {{\n  command = {command}\n}}\n"));
        }
        fs::write(self.folder.path().join("site/terraform/mocked.tftest.hcl"), test).expect("written");
        let printed = ran(self.terraform().args(["test", "-verbose", "-no-color"]));
        let again =
            printed.split("run \"again\"... pass").nth(1).unwrap_or_else(|| panic!("no second plan: {printed}"));
        // A mock fills in all that an answer could hold, members that no provider computes among them, and these go away
        // again: lines `- x = made-up -> null`. Nothing that was written may change, come or go.
        let changed = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("+ ") || line.starts_with("-/+") || (line.starts_with("~ ") && line.contains(" -> "))
        };
        let plan = again.split("Plan:").next().unwrap_or(again);
        let body = plan.split("Terraform will perform the following actions:").nth(1).unwrap_or_default();
        let changes: Vec<&str> = body.lines().filter(changed).collect();
        assert_eq!(changes, Vec::<&str>::new(), "the second plan changes what was written: {body}");
        let is_quiet = again.contains("No changes.") || plan.len() < again.len() && again.contains("Plan: 0 to add, ");
        assert!(is_quiet && !body.contains("will be destroyed"), "{again}");
        assert!(printed.contains("3 passed, 0 failed"), "{printed}");
    }
}

/// The blueprints of `blueprints/`, and small ones.
fn blueprints() -> Vec<String> {
    let full = ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n");
    let ticket = "run_by = \"ticket\"\nticket_to = \"the State network's DNS service\"\n";
    let by_cloudflare = (ticket, "run_by = \"cloudflare\"\n");
    let folder = fs::read_dir(repository().join("blueprints")).expect("a folder").flatten();
    let mut all: Vec<String> = folder.map(|entry| fs::read_to_string(entry.path()).expect("text")).collect();
    // Both zones at Cloudflare: records of every type, two zone ids.
    all.push(edited(&[full, by_cloudflare, by_cloudflare]));
    // Texts that mean something to Terraform.
    all.push(edited(&[("title = \"", "title = \"${HOME} %{if} \\\" "), ("\"brevo-code:", "\"${x} %{y} \\\"q\\\" ")]));
    all
}

fn accepted(providers: &Path) {
    for blueprint in blueprints() {
        let module = Module::new(&blueprint, providers);
        assert_eq!(module.said(), Vec::<String>::new(), "{blueprint}");
        module.applied_twice();
    }
}

mod with_their_schemas {
    use super::*;

    fn providers() -> std::path::PathBuf {
        let folder = repository().join("target/tools/stand-in");
        assert!(folder.is_dir(), "NOT RUN: {} is not there (make test builds it)", folder.display());
        folder
    }

    #[test]
    fn terraform_accepts_and_applies_what_is_generated() {
        accepted(&providers());
    }

    #[test]
    fn terraform_notices_what_is_wrong() {
        let module = |from, to| {
            let module = Module::new(&edited(&[]), &providers());
            module.edit("cloudflare.tf", from, to);
            module.said()
        };
        for (from, to, noticed) in [
            ("setting_id = ", "setting = ", "Missing required argument"),
            ("proxied          = true", "proxied          = []", "Incorrect attribute value type"),
            ("var.cloudflare_zone_id\n", "var.cloudflare_zone\n", "undeclared input variable"),
        ] {
            let said = module(from, to);
            assert!(said.iter().any(|said| said.contains(noticed)), "{from:?} to {to:?}: {said:?}");
        }
    }
}

mod with_the_providers {
    use super::*;

    fn providers() -> std::path::PathBuf {
        let folder = repository().join("target/tools/providers");
        assert!(folder.is_dir(), "NOT RUN: {} is not there (make tools fetches it)", folder.display());
        folder
    }

    #[test]
    #[ignore = "needs the providers"]
    fn terraform_accepts_and_applies_what_is_generated() {
        accepted(&providers());
    }

    /// What only the providers' own validations know.
    #[test]
    #[ignore = "needs the providers"]
    fn the_providers_notice_what_their_schemas_do_not_say() {
        let module = Module::new(&edited(&[]), &providers());
        module.edit(
            "cloudflare.tf",
            "phase   = \"http_request_cache_settings\"",
            "phase   = \"http_request_cache_setting\"",
        );
        let said = module.said();
        assert!(said.iter().any(|said| said.contains("phase")), "{said:?}");
    }

    /// The schemas that everyday tests use are what these very providers print.
    #[test]
    #[ignore = "needs the providers"]
    fn the_committed_schemas_are_those_of_the_providers() {
        let folder = tempfile::tempdir().expect("a folder");
        let module = folder.path().join("site/terraform");
        fs::create_dir_all(&module).expect("made");
        fs::copy(repository().join("tests/contract/providers/main.tf"), module.join("main.tf")).expect("copied");
        let config =
            format!("provider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n", providers());
        fs::write(folder.path().join("cli.tfrc"), config).expect("written");
        let module = Module { folder };
        ran(module.terraform().args(["init", "-input=false", "-no-color"]));
        let printed: Value =
            serde_json::from_str(&ran(module.terraform().args(["providers", "schema", "-json"]))).expect("JSON");
        for name in ["cloudflare", "scalingo"] {
            let path = repository().join(format!("tests/contract/{name}.schema.json"));
            let committed: Value = serde_json::from_slice(&fs::read(path).expect("committed")).expect("JSON");
            let (address, committed) =
                committed["provider_schemas"].as_object().and_then(|all| all.iter().next()).expect("one provider");
            // OpenTofu has a registry of its own.
            let path = address.split_once('/').expect("a registry").1;
            let all = printed["provider_schemas"].as_object().expect("providers");
            let real = all.iter().find(|(address, _)| address.ends_with(path)).expect("the provider").1;
            assert!(holds(real, committed), "{name}: the schema changed; print it again");
        }
    }

    /// Whether everything of the second is in the first. Descriptions and unused resources were left out of it, and a
    /// version that is 0.
    fn holds(real: &Value, kept: &Value) -> bool {
        match (real, kept) {
            (Value::Object(real), Value::Object(kept)) => {
                kept.iter().all(|(key, kept)| real.get(key).is_some_and(|real| holds(real, kept)))
                    && (!kept.contains_key("attributes")
                        || real["attributes"].as_object().map(serde_json::Map::len)
                            == kept["attributes"].as_object().map(serde_json::Map::len))
            }
            _ => real == kept,
        }
    }
}
