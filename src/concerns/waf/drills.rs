//! Faults that `[waf]` must catch.

use serde_json::json;

use super::Waf;
use super::fragments::{COUNTRIES, PARTNERS, list_name};
use crate::blueprint::Site;
use crate::concerns::{Drill, Drills, OneOrMore};
use crate::rehearsal::staging::Staging;

const CUSTOM: &str = "http_request_firewall_custom";
const MANAGED: &str = "http_request_firewall_managed";

pub fn drills(waf: &Waf, site: &Site) -> Drills {
    let mut rest = vec![Drill {
        number: Some(24),
        id: "challenge-on-acme-path",
        fault: "a challenge covers the path on which the origin's certificate is renewed",
        reddens: vec!["tls.acme.path"],
        inject: Box::new(|staging| {
            challenge(staging, "starts_with(http.request.uri.path, \"/.well-known/\")".to_owned())
        }),
    }];
    if !waf.managed.is_empty() {
        rest.push(Drill {
            number: Some(46),
            id: "managed-rules-only-log",
            fault: "the managed rules were left in log mode after the trial",
            reddens: vec!["waf.signature"],
            inject: Box::new(|staging| {
                staging.edit_cdn_rules(MANAGED, |rules| {
                    for rule in rules {
                        rule["action_parameters"]["overrides"] = json!({ "action": "log" });
                    }
                    Ok(())
                })
            }),
        });
        rest.push(Drill {
            number: None,
            id: "managed-rules-missing",
            fault: "the managed rules were never applied",
            reddens: vec!["waf.signature"],
            inject: Box::new(|staging| staging.drop_cdn_rules(MANAGED, |_| true)),
        });
    }
    if !waf.clean_paths.is_empty() {
        rest.push(Drill {
            number: Some(47),
            id: "challenge-on-api",
            fault: "somebody challenges bots, and every program that asks for JSON is one",
            reddens: vec!["waf.clean"],
            inject: Box::new(|staging| {
                challenge(staging, "any(http.request.headers[\"accept\"][*] contains \"json\")".to_owned())
            }),
        });
    }
    if !waf.block_countries.is_empty() || !waf.allow_countries.is_empty() {
        rest.push(Drill {
            number: Some(48),
            id: "overseas-france-shut-out",
            fault: "the rule about countries shuts out the overseas parts of France",
            reddens: vec!["waf.geo"],
            inject: Box::new(|staging| {
                edit_rule(staging, COUNTRIES, |rule| {
                    let text = rule["expression"].as_str().unwrap_or_default();
                    rule["expression"] = json!(format!("({text}) or ip.src.country in {{\"RE\" \"GP\" \"MQ\"}}"));
                })
            }),
        });
        rest.push(Drill {
            number: None,
            id: "countries-not-blocked",
            fault: "the rule about countries was switched off for a test, and left so",
            reddens: vec!["waf.geo"],
            inject: Box::new(|staging| edit_rule(staging, COUNTRIES, |rule| rule["enabled"] = json!(false))),
        });
    }
    if !site.partners.is_empty() {
        let list = list_name(site);
        rest.push(Drill {
            number: None,
            id: "partner-off-list",
            fault: "a partner's range is missing from the list of those who are let through",
            reddens: vec!["waf.partner"],
            inject: Box::new(move |staging| {
                staging.edit_cdn("cloudflare/lists.json", |lists| {
                    let lists = lists.as_array_mut().into_iter().flatten();
                    let items = lists.filter(|found| found["name"] == list.as_str());
                    let removed = items.filter_map(|found| found["items"].as_array_mut()?.pop()).count();
                    if removed == 0 { Err(format!("the list {list} holds nobody")) } else { Ok(()) }
                })
            }),
        });
        rest.push(Drill {
            number: None,
            id: "partner-rule-not-first",
            fault: "somebody put a rule before the one that lets partners through",
            reddens: vec!["waf.partner"],
            inject: Box::new(|staging| {
                staging.edit_cdn_rules(CUSTOM, |rules| {
                    let at = rules.iter().position(|rule| rule["ref"] == PARTNERS).ok_or("no rule for partners")?;
                    let rule = rules.remove(at);
                    rules.push(rule);
                    Ok(())
                })
            }),
        });
    }
    if let Some(rule) = waf.rules.first() {
        let name = rule.name.identifier();
        rest.push(Drill {
            number: None,
            id: "own-rule-switched-off",
            fault: "a rule of one's own is switched off",
            reddens: vec!["waf.rules"],
            inject: Box::new(move |staging| edit_rule(staging, &name, |rule| rule["enabled"] = json!(false))),
        });
    }
    Drills::Run(OneOrMore(
        Drill {
            number: None,
            id: "home-page-blocked",
            fault: "a rule meant for another site blocks the visitors of this one's home page",
            reddens: vec!["waf.clean"],
            inject: Box::new(|staging| {
                // Only a browser asks so; the other checks name no type.
                let condition = "any(http.request.headers[\"accept\"][*] contains \"html\")";
                staging.edit_cdn_rules(CUSTOM, |rules| {
                    rules.push(json!({ "ref": "stray", "expression": condition, "action": "block" }));
                    Ok(())
                })
            }),
        },
        rest,
    ))
}

/// Adds a rule that challenges.
fn challenge(staging: &mut Staging, expression: String) -> Result<(), String> {
    staging.edit_cdn_rules(CUSTOM, |rules| {
        rules.push(json!({ "ref": "bots", "expression": expression, "action": "managed_challenge" }));
        Ok(())
    })
}

fn edit_rule(staging: &mut Staging, name: &str, edit: impl FnOnce(&mut serde_json::Value)) -> Result<(), String> {
    staging.edit_cdn_rules(CUSTOM, |rules| {
        let rule = rules.iter_mut().find(|rule| rule["ref"] == name).ok_or_else(|| format!("no rule {name}"))?;
        edit(rule);
        Ok(())
    })
}
