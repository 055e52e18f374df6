//! The generated Terraform under the real Terraform: checked, and applied with the providers mocked; applied to providers
//! that keep what they are told, and planned again without a change.
//!
//! Against stand-ins that have the schemas of `tests/contract` (`tests/contract/stand-in`), and against the real providers
//! with their own validations. Scalingo's can be had only where Terraform's registry can be reached: elsewhere a
//! stand-in takes its place, and the tests that need the real one are ignored, so that they are counted as skipped and
//! never as passed. Neither a mock nor a stand-in knows what an API would say.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
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
        Self::with(folder_of(&artifacts(&parse(blueprint))), providers)
    }

    /// A module that is in `site/terraform` of a folder.
    fn with(folder: TempDir, providers: &Path) -> Self {
        let module = Self { folder };
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

    /// A value for each variable that must have one, as HCL.
    fn variables(&self) -> String {
        let mut variables = String::new();
        for body in self.bodies() {
            for block in body.get_blocks("variable").filter(|block| !block.body.has_attribute("default")) {
                let kind = block.body.get_attribute("type").map(|kind| kind.value.clone());
                let value = match kind {
                    Some(Expression::Variable(name)) if name.as_str() == "string" => {
                        "\"0123456789abcdef0123456789abcdef\""
                    }
                    Some(Expression::Variable(name)) if name.as_str() == "number" => "1",
                    Some(Expression::Variable(name)) if name.as_str() == "bool" => "true",
                    other => panic!("a variable of type {other:?}: say what stands for it here"),
                };
                variables.push_str(&format!("{} = {value}\n", block.labels[0].as_str()));
            }
        }
        variables
    }

    /// Plan and apply, every provider mocked.
    fn applied_with_mocks(&self) {
        self.let_be_destroyed();
        let mut test = String::new();
        for body in &self.bodies() {
            for block in body.get_blocks("terraform").flat_map(|block| block.body.get_blocks("required_providers")) {
                for provider in block.body.attributes() {
                    test.push_str(&format!("mock_provider {:?} {{}}\n", provider.key.as_str()));
                }
            }
        }
        test.push_str(&format!("variables {{\n{}}}\n", self.variables()));
        for (run, command) in [("planned", "plan"), ("applied", "apply")] {
            test.push_str(&format!("run {run:?} {{\n  command = {command}\n}}\n"));
        }
        fs::write(self.folder.path().join("site/terraform/mocked.tftest.hcl"), test).expect("written");
        let printed = ran(self.terraform().args(["test", "-no-color"]));
        assert!(printed.contains("2 passed, 0 failed"), "{printed}");
    }

    /// Applies to providers that keep what they are told ([`stand_ins`]).
    fn apply(&self) {
        fs::write(self.folder.path().join("site/terraform/golive.auto.tfvars"), self.variables()).expect("written");
        ran(self.terraform().args(["apply", "-auto-approve", "-input=false", "-no-color"]));
    }

    /// What a plan would change now; `None` when nothing.
    fn changes(&self) -> Option<String> {
        let plan = self.terraform().args(["plan", "-detailed-exitcode", "-input=false", "-no-color"]).output();
        let plan = plan.expect("Terraform starts");
        let said = String::from_utf8_lossy(&plan.stdout).into_owned();
        match plan.status.code() {
            Some(0) => None,
            Some(2) => Some(said),
            code => panic!("{code:?}: {said}{}", String::from_utf8_lossy(&plan.stderr)),
        }
    }

    /// What somebody changed at the provider, behind Terraform's back: an attribute of the only resource of that
    /// address, as the next refresh finds it.
    fn changed_outside(&self, kind: &str, name: &str, change: impl FnOnce(&mut Value)) {
        let path = self.folder.path().join("site/terraform/terraform.tfstate");
        let mut state: Value = serde_json::from_slice(&fs::read(&path).expect("applied")).expect("JSON");
        let resources = state["resources"].as_array_mut().expect("resources");
        let resource = resources.iter_mut().find(|resource| resource["type"] == kind && resource["name"] == name);
        change(&mut resource.unwrap_or_else(|| panic!("no {kind}.{name}"))["instances"][0]["attributes"]);
        fs::write(path, state.to_string()).expect("written");
    }
}

/// Providers with the real ones' schemas, that keep what they are told: `tests/contract/stand-in`.
fn stand_ins() -> PathBuf {
    let folder = repository().join("target/tools/stand-in");
    assert!(folder.is_dir(), "NOT RUN: {} is not there (make test builds it)", folder.display());
    folder
}

/// The blueprints of `blueprints/`, and small ones.
fn blueprints() -> Vec<String> {
    let full = ("setup = \"partial\"\nverification_key = \"284344499-1084221259\"\n", "setup = \"full\"\n");
    let ticket = "run_by = \"ticket\"\nticket_to = \"le service DNS du réseau de l'État\"\n";
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
        module.applied_with_mocks();
    }
}

mod with_their_schemas {
    use super::*;

    #[test]
    fn terraform_accepts_and_applies_what_is_generated() {
        accepted(&stand_ins());
    }

    #[test]
    fn a_second_plan_is_empty() {
        for blueprint in blueprints() {
            let module = Module::new(&blueprint, &stand_ins());
            module.apply();
            assert_eq!(module.changes(), None, "{blueprint}");
        }
    }

    /// Trap: without `ignore_changes` the next apply takes a pulled lever back, and an autoscaler's containers.
    #[test]
    fn a_plan_leaves_what_is_switched_in_a_crisis_and_takes_back_the_rest() {
        let module = Module::new(&edited(&[]), &stand_ins());
        module.apply();
        module.changed_outside("scalingo_app", "jeveuxaider", |app| app["environment"]["DEGRADED_MODE"] = "1".into());
        module.changed_outside("scalingo_container_type", "jeveuxaider__web", |web| web["amount"] = 60.into());
        assert_eq!(module.changes(), None);
        module.changed_outside("scalingo_app", "jeveuxaider", |app| app["force_https"] = false.into());
        let changes = module.changes().expect("force_https is the blueprint's");
        assert!(changes.contains("force_https") && !changes.contains("DEGRADED_MODE"), "{changes}");
    }

    #[test]
    fn terraform_notices_what_is_wrong() {
        let module = |from, to| {
            let module = Module::new(&edited(&[]), &stand_ins());
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

/// Cloudflare's own provider, with Scalingo's or its stand-in.
fn providers() -> PathBuf {
    let folder = repository().join("target/tools/providers");
    assert!(folder.is_dir(), "NOT RUN: {} is not there (make test builds or fetches it)", folder.display());
    folder
}

/// The schemas that everyday tests use, against those that the real provider prints.
fn prints_the_committed_schema(name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let module = folder.path().join("site/terraform");
    fs::create_dir_all(&module).expect("made");
    fs::copy(repository().join("tests/contract/providers/main.tf"), module.join("main.tf")).expect("copied");
    let module = Module::with(folder, &providers());
    let printed: Value =
        serde_json::from_str(&ran(module.terraform().args(["providers", "schema", "-json"]))).expect("JSON");
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

mod with_cloudflares_provider {
    use super::*;

    #[test]
    fn terraform_accepts_and_applies_what_is_generated() {
        accepted(&providers());
    }

    /// What only the provider's own validations know.
    #[test]
    fn the_provider_notices_what_its_schema_does_not_say() {
        let module = Module::new(&edited(&[]), &providers());
        module.edit(
            "cloudflare.tf",
            "phase   = \"http_request_cache_settings\"",
            "phase   = \"http_request_cache_setting\"",
        );
        let said = module.said();
        assert!(said.iter().any(|said| said.contains("phase")), "{said:?}");
    }

    #[test]
    fn it_prints_the_committed_schema() {
        prints_the_committed_schema("cloudflare");
    }
}

/// Run by `make test` where Terraform's registry can be reached, and the provider is not a stand-in.
mod with_scalingos_provider {
    use super::*;

    #[test]
    #[ignore = "needs Scalingo's provider"]
    fn it_prints_the_committed_schema() {
        prints_the_committed_schema("scalingo");
    }

    #[test]
    #[ignore = "needs Scalingo's provider"]
    fn terraform_accepts_and_applies_what_is_generated() {
        accepted(&providers());
    }
}
