//! Configuration that `[waf]` asks for.

use super::{Action, Rule, Waf};
use crate::blueprint::Site;
use crate::blueprint::value::Country;
use crate::concerns::Fragment;
use crate::concerns::fragment::{AddressList, CustomRule, Expression, ManagedRules, RuleAction, under_any};
use crate::concerns::tls::ACME_PATH;

/// `ref` of the rule that lets partners through.
pub const PARTNERS: &str = "golive_partners";
/// `ref` of the rule about countries.
pub const COUNTRIES: &str = "golive_countries";
/// `ref` of the lever that challenges every browser.
pub const UNDER_ATTACK: &str = "golive_under_attack";

/// Name of the list of partners: the account may hold other sites.
pub fn list_name(site: &Site) -> String {
    format!("{}_partners", site.name.identifier())
}

pub fn fragments(waf: &Waf, site: &Site) -> Vec<Fragment> {
    if site.cdn.is_none() {
        return Vec::new();
    }
    let of_site = || Expression::served(site);
    let mut fragments = partners(site);
    // At a place that rules of one's own never move: Terraform is told by its number to leave the switch alone.
    let mut conditions = vec![of_site(), Expression::Not(Box::new(Expression::KnownBot))];
    conditions.extend(spared(waf));
    fragments.push(Fragment::CustomRule(CustomRule {
        name: UNDER_ATTACK.to_owned(),
        description: "Lever: every browser is challenged once; off until somebody switches it on".to_owned(),
        expression: Expression::All(conditions),
        action: RuleAction::Challenge,
        enabled: false,
    }));
    fragments.extend(countries(waf, site));
    fragments.extend(waf.rules.iter().map(|rule| Fragment::CustomRule(custom_rule(rule, waf, site))));
    let managed = waf.managed.iter().map(|which| ManagedRules { which: *which, expression: of_site() });
    fragments.extend(managed.map(Fragment::ManagedRules));
    fragments
}

/// A list rather than addresses in the rule: in the night somebody can add one without touching a rule.
fn partners(site: &Site) -> Vec<Fragment> {
    if site.partners.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = site.partners.iter().map(|partner| partner.name.as_str()).collect();
    let items = site.partners.iter().flat_map(|partner| partner.addresses.clone()).collect();
    let name = list_name(site);
    vec![
        Fragment::CustomRule(CustomRule {
            name: PARTNERS.to_owned(),
            description: "Partners are neither filtered nor limited".to_owned(),
            expression: Expression::SourceInList(name.clone()),
            action: RuleAction::Skip,
            enabled: true,
        }),
        Fragment::AddressList(AddressList { name, description: format!("partners: {}", names.join(", ")), items }),
    ]
}

fn countries(waf: &Waf, site: &Site) -> Option<Fragment> {
    let of = |countries: &[Country]| Expression::CountryIn(countries.to_vec());
    let (condition, description) = match (waf.block_countries.as_slice(), waf.allow_countries.as_slice()) {
        ([], []) => return None,
        ([], allowed) => (Expression::Not(Box::new(of(allowed))), "Only these countries come in"),
        (blocked, _) => (of(blocked), "These countries do not come in"),
    };
    Some(Fragment::CustomRule(CustomRule {
        name: COUNTRIES.to_owned(),
        description: description.to_owned(),
        // Authorities look from several continents (RFC 8555, section 10.2): a ban would stop the renewal.
        expression: Expression::All(vec![Expression::served(site), condition, not_acme()]),
        action: RuleAction::Block,
        enabled: true,
    }))
}

fn not_acme() -> Expression {
    Expression::Not(Box::new(Expression::PathStartsWith(ACME_PATH.to_owned())))
}

/// What no challenge may stand on.
fn spared(waf: &Waf) -> Vec<Expression> {
    let mut spared = vec![not_acme()];
    if !waf.clean_paths.is_empty() {
        spared.push(Expression::Not(Box::new(under_any(&waf.clean_paths))));
    }
    spared
}

pub fn custom_rule(rule: &Rule, waf: &Waf, site: &Site) -> CustomRule {
    let mut conditions = vec![match rule.hosts.as_slice() {
        [] => Expression::served(site),
        hosts => Expression::Any(hosts.iter().map(|host| Expression::HostIs(host.clone())).collect()),
    }];
    if !rule.paths.is_empty() {
        conditions.push(under_any(&rule.paths));
    }
    if !rule.methods.is_empty() {
        conditions.push(Expression::MethodIn(rule.methods.iter().map(|method| method.as_str().to_owned()).collect()));
    }
    if !rule.countries.is_empty() {
        conditions.push(Expression::CountryIn(rule.countries.clone()));
    }
    if !rule.addresses.is_empty() {
        conditions.push(Expression::SourceIn(rule.addresses.iter().map(|network| network.get()).collect()));
    }
    if !rule.user_agent_contains.is_empty() {
        let parts = rule.user_agent_contains.iter();
        conditions
            .push(Expression::Any(parts.map(|part| Expression::UserAgentContains(part.as_str().to_owned())).collect()));
    }
    let action = match rule.action {
        Action::Block => RuleAction::Block,
        Action::Challenge => RuleAction::Challenge,
        Action::Log => RuleAction::Log,
    };
    if action == RuleAction::Challenge {
        conditions.extend(spared(waf));
    }
    CustomRule {
        name: rule.name.identifier(),
        description: rule.name.to_string(),
        expression: Expression::All(conditions),
        action,
        enabled: true,
    }
}
