//! `[waf]`: who is stopped at the edge before the site hears of them, and who never is: managed rules, countries, rules
//! of one's own, partners (JVA-2, DOC-6, DOC-7).

mod checks;
mod drills;
mod findings;
mod fragments;
mod levers;
mod procedure;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::blueprint::value::{Country, HostName, Label, Network, PathPrefix, Text};
use crate::blueprint::{Finding, Site};
use crate::concerns::fragment::Managed;
use crate::concerns::{Check, Concern, Drills, Fragment, Lever, OneOrMore, Procedure};
use crate::probe::Method;

/// Who is stopped at the edge, and who never is. Partners of `[third_parties]` are always let through, and so are
/// certification authorities on their path.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waf {
    /// Rulesets that Cloudflare keeps up to date, executed on every request to the site; from the plan "pro" on.
    #[serde(default = "both")]
    pub managed: Vec<Managed>,
    /// Countries from which nobody comes in. Not beside `allow_countries`.
    #[serde(default)]
    pub block_countries: Vec<Country>,
    /// The only countries from which somebody comes in; Tor (`T1`) and unknown places are others.
    #[serde(default)]
    pub allow_countries: Vec<Country>,
    /// Starts of paths that programs ask for and that are never challenged, such as those of an API: no program
    /// passes a challenge, which is a page.
    #[serde(default)]
    pub clean_paths: Vec<PathPrefix>,
    /// Rules of one's own. They are tried in this order, after partners and countries; the first that blocks or
    /// challenges decides.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

fn both() -> Vec<Managed> {
    vec![Managed::Cloudflare, Managed::Owasp]
}

/// A rule: it takes a request that fits every key that is given, and within a key any of the values.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name in Cloudflare's log of events.
    pub name: Label,
    /// What happens to the request.
    pub action: Action,
    /// Starts of paths, compared as sent.
    #[serde(default)]
    pub paths: Vec<PathPrefix>,
    /// Methods of HTTP.
    #[serde(default)]
    pub methods: Vec<Method>,
    /// Where Cloudflare believes the visitor to be.
    #[serde(default)]
    pub countries: Vec<Country>,
    /// Ranges or addresses of visitors.
    #[serde(default)]
    pub addresses: Vec<Network>,
    /// Parts of the User-Agent, in any case of letters.
    #[serde(default)]
    pub user_agent_contains: Vec<Text>,
    /// Names to which it applies, within the CDN's zone; none: every one of the site.
    #[serde(default)]
    pub hosts: Vec<HostName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// 403.
    Block,
    /// A page that browsers pass and programs do not; never on `clean_paths`.
    Challenge,
    /// Only told in the log; on the plan "enterprise".
    Log,
}

impl Concern for Waf {
    fn key(&self) -> &'static str {
        "waf"
    }
    fn findings(&self, site: &Site) -> Vec<Finding> {
        findings::findings(self, site)
    }
    fn fragments(&self, site: &Site) -> Vec<Fragment> {
        fragments::fragments(self, site)
    }
    fn checks(&self, site: &Site) -> OneOrMore<Check> {
        checks::checks(self, site)
    }
    fn procedure(&self, site: &Site) -> Procedure {
        procedure::procedure(self, site)
    }
    fn drills(&self, site: &Site) -> Drills {
        drills::drills(self, site)
    }
    fn levers(&self, site: &Site) -> Vec<Lever> {
        levers::levers(self, site)
    }
}
