//! The traps of Scalingo's Terraform provider (its issues, its source, and runs of 2.7.4), each avoided by the form of
//! what is generated. Issue numbers are those of Scalingo/terraform-provider-scalingo.

mod common;

use std::collections::BTreeSet;

use common::{edited, parse, sample};
use golive::concerns::fragment::Fragment;
use golive::emit;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};

fn files(source: &str) -> Vec<emit::Artifact> {
    let site = parse(source);
    emit::compose(&site.blueprint, &site.site).expect("no clash")
}

fn body_of(source: &str, path: &str) -> Body {
    let artifacts = files(source);
    let file = artifacts.iter().find(|artifact| artifact.path == path).unwrap_or_else(|| panic!("no {path}"));
    file.text.parse().expect("HCL")
}

fn scalingo() -> Body {
    body_of(&sample().source, "terraform/scalingo.tf")
}

fn all(body: &Body, kind: &str) -> Vec<Block> {
    let found: Vec<Block> =
        body.get_blocks("resource").filter(|block| block.labels[0].as_str() == kind).cloned().collect();
    assert!(!found.is_empty(), "no {kind}: the test would hold for nothing");
    found
}

fn value(block: &Block, key: &str) -> Option<String> {
    block.body.get_attribute(key).map(|attribute| attribute.value.to_string().trim().to_owned())
}

fn lifecycle(block: &Block, key: &str) -> Option<String> {
    value(block.body.get_blocks("lifecycle").next()?, key)
}

#[test]
fn trap_1_each_app_names_its_project() {
    for app in all(&scalingo(), "scalingo_app") {
        assert_eq!(value(&app, "project_id").as_deref(), Some("scalingo_project.main.id"), "issue 242");
    }
}

#[test]
fn trap_2_each_type_of_container_has_its_size() {
    for container in all(&scalingo(), "scalingo_container_type") {
        assert!(value(&container, "size").is_some_and(|size| size.starts_with('"')), "else no plan is ever empty");
    }
}

#[test]
fn trap_3_terraform_does_not_scale_back_what_the_autoscaler_scales() {
    let body = scalingo();
    let scaled: BTreeSet<String> = all(&body, "scalingo_autoscaler")
        .iter()
        .map(|autoscaler| value(autoscaler, "container_type").expect("a reference"))
        .collect();
    for container in all(&body, "scalingo_container_type") {
        let address = format!("scalingo_container_type.{}.name", container.labels[1].as_str());
        let kept = lifecycle(&container, "ignore_changes");
        assert_eq!(kept.as_deref(), scaled.contains(&address).then_some("[amount]"), "issue 246: {address}");
    }
}

#[test]
fn trap_4_no_autoscaler_is_made_disabled() {
    for autoscaler in all(&scalingo(), "scalingo_autoscaler") {
        assert_eq!(value(&autoscaler, "disabled"), None, "it is not sent when the autoscaler is made");
    }
}

#[test]
fn trap_5_a_domain_says_from_the_start_that_it_has_a_certificate_and_is_nobody_s_canonical_name() {
    for domain in all(&scalingo(), "scalingo_domain") {
        assert_eq!(
            value(&domain, "letsencrypt_enabled").as_deref(),
            Some("true"),
            "a change is planned, and never sent"
        );
        assert_eq!(value(&domain, "canonical"), None, "moving it may clear the new one");
    }
}

#[test]
fn trap_6_no_database_feature_is_asked_for_and_no_database_is_replaced() {
    for addon in all(&scalingo(), "scalingo_addon") {
        assert_eq!(value(&addon, "database_features"), None, "issue 299: one that is on already replaces the database");
        assert_eq!(lifecycle(&addon, "prevent_destroy").as_deref(), Some("true"));
    }
}

#[test]
fn trap_7_the_database_is_named_as_the_api_names_it() {
    for addon in all(&scalingo(), "scalingo_addon") {
        assert_eq!(value(&addon, "provider_id").as_deref(), Some("\"postgresql\""), "another spelling replaces it");
    }
}

/// Nothing in a file can avoid it: whoever applies is told what to do.
#[test]
fn trap_8_the_reader_knows_what_to_do_about_things_deleted_elsewhere() {
    let readme = files(&sample().source).into_iter().find(|file| file.path == "README.md").expect("a README");
    assert!(readme.text.contains("terraform state rm"), "issue 106");
}

#[test]
fn trap_9_switched_variables_are_left_alone_and_secrets_are_sensitive() {
    let site = sample();
    let mut switched = 0;
    let body = scalingo();
    let apps = all(&body, "scalingo_app");
    for fragment in site.blueprint.concerns().iter().flat_map(|concern| concern.fragments(&site.site)) {
        let Fragment::AppVariable(variable) = fragment else { continue };
        let app = apps.iter().find(|app| value(app, "name") == Some(format!("\"{}\"", variable.app)));
        let kept = lifecycle(app.expect("its app"), "ignore_changes").unwrap_or_default();
        let is_kept = kept.contains(&format!("environment[\"{}\"]", variable.name));
        assert_eq!(is_kept, variable.switched, "{}: the next apply would put it back", variable.name);
        switched += usize::from(variable.switched);
    }
    // Once some concern of the sample has a switch.
    assert_eq!(switched > 0, apps.iter().any(|app| lifecycle(app, "ignore_changes").is_some()));

    let variables = body_of(&site.source, "terraform/variables.tf");
    let platform = site.blueprint.apps.as_ref().expect("apps");
    let mut secrets = 0;
    for app in &platform.apps {
        for name in &app.secrets {
            let variable = format!("{}__{name}", app.name.identifier());
            let block = variables.get_blocks("variable").find(|block| block.labels[0].as_str() == variable);
            assert_eq!(value(block.expect("declared"), "sensitive").as_deref(), Some("true"), "{variable}");
            assert_eq!(value(block.expect("declared"), "default"), None, "{variable}");
            secrets += 1;
        }
    }
    assert!(secrets > 0);
}

#[test]
fn trap_10_containers_of_one_app_are_scaled_one_after_the_other() {
    let body = scalingo();
    let mut apps: Vec<String> = Vec::new();
    for container in all(&body, "scalingo_container_type") {
        let app = value(&container, "app").expect("an app");
        let chained = value(&container, "depends_on").is_some();
        assert_eq!(chained, apps.contains(&app), "scaling is not awaited, and a second call is refused");
        apps.push(app);
    }
    let mut twice = apps.clone();
    twice.sort();
    twice.dedup();
    assert!(twice.len() < apps.len(), "no app of the sample has two types of containers");
}

#[test]
fn trap_11_the_repository_link_says_that_nothing_is_deleted() {
    for link in all(&scalingo(), "scalingo_scm_repo_link") {
        assert_eq!(value(&link, "delete_on_close_enabled").as_deref(), Some("false"), "else one plan is not empty");
        assert!(value(&link, "branch").is_some(), "auto-deploy without a branch passes validate and plan");
        assert_eq!(lifecycle(&link, "ignore_changes").as_deref(), Some("[auto_deploy_enabled]"), "a freeze must last");
    }
}

#[test]
fn trap_12_events_are_known_durations_are_go_s_own_and_apps_are_ids() {
    let source = edited(&[("after_minutes = 2 }", "after_minutes = 90 }")]);
    let body = body_of(&source, "terraform/scalingo.tf");
    let durations: Vec<_> =
        all(&body, "scalingo_alert").iter().map(|alert| value(alert, "duration_before_trigger")).collect();
    assert_eq!(durations, [Some("\"1h30m0s\"".to_owned()), Some("\"1m0s\"".to_owned())]);
    for block in body.get_blocks("resource") {
        if let Some(app) = value(block, "app") {
            assert!(app.starts_with("scalingo_app.") && app.ends_with(".id"), "{app}");
        }
    }
    // Unknown names would vanish without a word, so no blueprint can hold one.
    let unknown = edited(&[("\"variable_edited\"", "\"variables_edited\"")]);
    assert!(toml::from_str::<golive::blueprint::Blueprint>(&unknown).is_err());
}

#[test]
fn trap_13_the_reader_knows_that_the_api_takes_sixty_requests_a_minute() {
    let readme = files(&sample().source).into_iter().find(|file| file.path == "README.md").expect("a README");
    assert!(readme.text.contains("parallelism=1"), "the provider does not wait after a 429");
}

#[test]
fn trap_14_renaming_an_app_is_refused_since_its_host_would_change() {
    for app in all(&scalingo(), "scalingo_app") {
        assert_eq!(lifecycle(&app, "prevent_destroy").as_deref(), Some("true"));
        let name = value(&app, "name").expect("a name");
        assert_eq!(
            name.trim_matches('"').replace('-', "_"),
            app.labels[1].as_str(),
            "another name is another resource"
        );
    }
}

#[test]
fn a_backend_is_written_on_request_and_holds_no_credential() {
    let table = "\n[terraform]\nbackend = \"s3\"\nsettings = [{ name = \"bucket\", value = \"a ${b} \\\"c\\\"\" }]\n";
    let body = body_of(&(sample().source + table), "terraform/versions.tf");
    let terraform = body.get_blocks("terraform").next().expect("a block");
    let backend = terraform.body.get_blocks("backend").next().expect("a backend");
    assert_eq!(backend.labels[0].as_str(), "s3");
    let bucket = backend.body.get_attribute("bucket").expect("a setting");
    assert!(matches!(bucket.value, Expression::String(_) | Expression::StringTemplate(_)));
    assert_eq!(bucket.value.to_string().trim(), r#""a $${b} \"c\"""#);
    let plain = body_of(&sample().source, "terraform/versions.tf");
    assert!(plain.get_blocks("terraform").next().expect("a block").body.get_blocks("backend").next().is_none());
}

#[test]
fn two_values_for_one_variable_are_a_clash() {
    let secret_too = edited(&[("secrets = [\"APP_KEY\"", "secrets = [\"APP_ENV\", \"APP_KEY\"")]);
    let site = parse(&secret_too);
    let clashes = emit::compose(&site.blueprint, &site.site).expect_err("a clash");
    assert!(clashes[0].0.contains("the variable APP_ENV of the app jeveuxaider"), "{clashes:?}");
}
