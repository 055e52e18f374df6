//! Scalingo's API, as far as checks read it: apps, containers, autoscalers, variables, repository links, add-ons, and
//! the databases behind them.
//!
//! Paths and members are those of developers.scalingo.com; the shape of the recovery window is not shown there in full,
//! and is taken from the client library.

use std::collections::BTreeMap;

use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use hcl_edit::template::Element;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::made_up_id;

/// The file that an apply would be made of.
pub const FILE: &str = "terraform/scalingo.tf";

/// What stands in the place of a value that only Terraform's variables know.
const SECRET: &str = "(secret)";

pub fn answers(text: &str) -> Result<BTreeMap<String, Value>, String> {
    let body: Body = text.parse().map_err(|error: hcl_edit::parser::Error| error.to_string())?;
    let resources: Vec<Resource<'_>> = body.get_blocks("resource").filter_map(Resource::new).collect();
    let mut answers = BTreeMap::new();
    for app in resources.iter().filter(|resource| resource.kind == "scalingo_app") {
        let own = |kind: &'static str| {
            let address = format!("scalingo_app.{}.id", app.name);
            resources.iter().filter(move |one| one.kind == kind && one.reference("app").as_deref() == Some(&address))
        };
        let name = app.text("name").ok_or_else(|| format!("the app {} has no name", app.name))?;
        let path = format!("/apps/{name}");
        answers.insert(path.clone(), json!({ "app": { "name": name, "status": "running" } }));
        let formation: Vec<Value> = own("scalingo_container_type")
            .map(|one| json!({ "name": one.value("name"), "amount": one.value("amount"), "size": one.value("size") }))
            .collect();
        answers.insert(format!("{path}/ps"), json!({ "containers": running(&formation) }));
        answers.insert(format!("{path}/containers"), json!({ "containers": formation }));
        let autoscalers: Vec<Value> = own("scalingo_autoscaler").map(|one| autoscaler(one, &resources)).collect();
        answers.insert(format!("{path}/autoscalers"), json!({ "autoscalers": autoscalers }));
        answers.insert(format!("{path}/variables"), json!({ "variables": app.environment() }));
        if let Some(link) = own("scalingo_scm_repo_link").next() {
            let members = ["source", "branch", "auto_deploy_enabled"].map(|key| (key.to_owned(), link.value(key)));
            answers.insert(format!("{path}/scm_repo_link"), json!({ "scm_repo_link": Value::from_iter(members) }));
        }
        let mut addons = Vec::new();
        for addon in own("scalingo_addon") {
            let (provider, plan) = (addon.value("provider_id"), addon.value("plan"));
            addons.push(json!({
                "id": format!("ad-{}", made_up_id("add-on", &format!("{name}.{provider}"))),
                "status": "running",
                "addon_provider": { "id": provider },
                "plan": { "name": plan },
            }));
            answers.extend(database(&name, provider.as_str().unwrap_or_default(), plan.as_str().unwrap_or_default()));
        }
        answers.insert(format!("{path}/addons"), json!({ "addons": addons }));
    }
    Ok(answers)
}

/// Each container by itself.
fn running(formation: &[Value]) -> Vec<Value> {
    let mut all = Vec::new();
    for kind in formation {
        for index in 1..=kind["amount"].as_u64().unwrap_or(0).min(10_000) {
            let of = json!({ "type": kind["name"], "type_index": index, "state": "running", "size": kind["size"] });
            all.push(of);
        }
    }
    all
}

fn autoscaler(one: &Resource<'_>, resources: &[Resource<'_>]) -> Value {
    let of = one.reference("container_type").unwrap_or_default();
    let container = resources.iter().find(|other| format!("{}.{}.name", other.kind, other.name) == of);
    json!({
        "container_type": container.map(|container| container.value("name")),
        "min_containers": one.value("min_containers"),
        "max_containers": one.value("max_containers"),
        "metric": one.value("metric"),
        "target": one.value("target"),
        "disabled": false,
    })
}

/// The database API's answers, an add-on being named `APP.ENGINE` where the API wants its id.
fn database(app: &str, engine: &str, plan: &str) -> BTreeMap<String, Value> {
    let path = format!("/databases/{app}.{engine}");
    let ago = |hours: i64| (Timestamp::now() - SignedDuration::from_hours(hours)).to_string();
    let follower = json!({ "type": "db-node", "role": "follower", "status": "running" });
    let mut nodes = vec![json!({ "type": "db-node", "role": "leader", "status": "running" })];
    nodes.extend(plan.contains("-business-").then_some(follower));
    BTreeMap::from([
        (format!("{path}/instances_status"), json!(nodes)),
        (format!("{path}/backups"), json!({ "database_backups": [{ "created_at": ago(6), "status": "done" }] })),
        (format!("{path}/pitr/recovery_window"), json!({ "recovery_window": { "start": ago(7 * 24), "end": ago(0) } })),
    ])
}

/// A `resource` block.
struct Resource<'a> {
    kind: &'a str,
    name: &'a str,
    body: &'a Body,
}

impl<'a> Resource<'a> {
    fn new(block: &'a Block) -> Option<Self> {
        let [kind, name] = block.labels.as_slice() else { return None };
        Some(Self { kind: kind.as_str(), name: name.as_str(), body: &block.body })
    }

    fn attribute(&self, key: &str) -> Option<&'a Expression> {
        self.body.get_attribute(key).map(|attribute| &attribute.value)
    }

    fn value(&self, key: &str) -> Value {
        self.attribute(key).map_or(Value::Null, literal)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.value(key).as_str().map(str::to_owned)
    }

    /// `a.b.c`, as it is written.
    fn reference(&self, key: &str) -> Option<String> {
        match self.attribute(key)? {
            reference @ Expression::Traversal(_) => Some(reference.to_string().trim().to_owned()),
            _ => None,
        }
    }

    /// Names and values; those that only a variable knows stay hidden.
    fn environment(&self) -> Vec<Value> {
        let Some(Expression::Object(object)) = self.attribute("environment") else { return Vec::new() };
        object
            .iter()
            .map(|(key, value)| {
                let name = match key {
                    hcl_edit::expr::ObjectKey::Ident(name) => json!(name.as_str()),
                    hcl_edit::expr::ObjectKey::Expression(key) => literal(key),
                };
                let value = match literal(value.expr()) {
                    Value::Null => json!(SECRET),
                    value => value,
                };
                json!({ "name": name, "value": value })
            })
            .collect()
    }
}

/// A literal as JSON; null for what must be computed.
fn literal(expression: &Expression) -> Value {
    match expression {
        Expression::Bool(value) => json!(*value.value()),
        Expression::Number(number) => {
            number.value().as_u64().map_or_else(|| json!(number.value().as_f64()), |number| json!(number))
        }
        Expression::String(text) => json!(text.as_str()),
        Expression::StringTemplate(template) => template
            .iter()
            .map(|element| match element {
                Element::Literal(text) => Some(text.to_string()),
                _ => None,
            })
            .collect::<Option<String>>()
            .map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_generated_is_what_is_answered() {
        let text = r#"
resource "scalingo_app" "shop" {
  name        = "shop-web"
  environment = {
    KEY  = var.shop__KEY
    MODE = "a $${b} c"
  }
}
resource "scalingo_container_type" "shop__web" {
  app    = scalingo_app.shop.id
  name   = "web"
  amount = 2
  size   = "M"
}
resource "scalingo_autoscaler" "shop__web" {
  app            = scalingo_app.shop.id
  container_type = scalingo_container_type.shop__web.name
  min_containers = 2
  max_containers = 8
  metric         = "cpu"
  target         = 0.9
}
"#;
        let answers = answers(text).expect("HCL");
        assert_eq!(
            answers["/apps/shop-web/containers"]["containers"],
            json!([{ "name": "web", "amount": 2, "size": "M" }])
        );
        assert_eq!(answers["/apps/shop-web/ps"]["containers"].as_array().map(Vec::len), Some(2));
        let autoscaler = &answers["/apps/shop-web/autoscalers"]["autoscalers"][0];
        assert_eq!((&autoscaler["container_type"], &autoscaler["target"]), (&json!("web"), &json!(0.9)));
        let variables = json!([{ "name": "KEY", "value": SECRET }, { "name": "MODE", "value": "a ${b} c" }]);
        assert_eq!(answers["/apps/shop-web/variables"]["variables"], variables);
        assert!(super::answers("resource {").is_err());
    }
}
