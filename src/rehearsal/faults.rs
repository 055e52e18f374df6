//! The edits that drills are made of: one thing wrong in the staged world, or an error that says what was not
//! there to be broken.

use super::staging::{NodeRole, StagedNode, Staging, replace_once};
use crate::probe::ApiProvider;

impl Staging {
    /// Rewrites the records of `name` and `kind` (a type's mnemonic) in every name server's copy of the zone:
    /// `edit` gets one record's TTL and data and returns the record lines that stand in its place.
    ///
    /// # Errors
    ///
    /// When no copy holds such a record.
    pub fn edit_records(
        &mut self,
        name: &str,
        kind: &str,
        edit: impl Fn(&str, &str) -> Vec<String>,
    ) -> Result<(), String> {
        let owner = format!("{name}.");
        let mut edited = false;
        for text in self.name_servers.iter_mut().flat_map(|server| server.zones.values_mut()) {
            let mut lines = Vec::new();
            for line in text.lines() {
                let mut words = line.splitn(5, ' ');
                let fields = [words.next(), words.next(), words.next(), words.next(), words.next()];
                match fields {
                    [Some(at), Some(ttl), Some("IN"), Some(found), Some(data)] if at == owner && found == kind => {
                        edited = true;
                        lines.extend(edit(ttl, data));
                    }
                    _ => lines.push(line.to_owned()),
                }
            }
            *text = lines.join("\n") + "\n";
        }
        if edited { Ok(()) } else { Err(format!("no zone holds {name} {kind}")) }
    }

    /// Gives the records of one type at a name of somebody else's another text; no text: they are gone.
    ///
    /// # Errors
    ///
    /// When the name has no such record.
    pub fn edit_foreign(&mut self, name: &str, kind: &str, data: Option<&str>) -> Result<(), String> {
        let zone = self.foreign_zones.get_mut(name).ok_or_else(|| format!("{name} is nobody's"))?;
        let start = format!("{name}. 3600 IN {kind} ");
        let kept: Vec<&str> = zone.lines().filter(|line| !line.starts_with(&start)).collect();
        if kept.len() == zone.lines().count() {
            return Err(format!("{name} has no {kind}"));
        }
        let mut text = kept.join("\n") + "\n";
        if let Some(data) = data {
            text.push_str(&format!("{start}{data}\n"));
        }
        *zone = text;
        Ok(())
    }

    /// Adds a line to every copy of the zone that holds `name` itself.
    ///
    /// # Errors
    ///
    /// When no copy holds the name.
    pub fn add_record_beside(&mut self, name: &str, line: &str) -> Result<(), String> {
        let owner = format!("\n{name}. ");
        let mut added = false;
        for text in self.name_servers.iter_mut().flat_map(|server| server.zones.values_mut()) {
            if text.contains(&owner) {
                text.push_str(line);
                text.push('\n');
                added = true;
            }
        }
        if added { Ok(()) } else { Err(format!("no zone holds {name}")) }
    }

    /// Gives one setting of the CDN another value.
    ///
    /// # Errors
    ///
    /// When the setting was not generated.
    pub fn set_cdn_setting(&mut self, id: &str, value: serde_json::Value) -> Result<(), String> {
        self.edit_cdn("cloudflare/settings.json", |settings| {
            let setting = settings
                .as_array_mut()
                .and_then(|all| all.iter_mut().find(|setting| setting["id"] == id))
                .ok_or_else(|| format!("no setting {id}"))?;
            setting["value"] = value;
            Ok(())
        })
    }

    /// Takes the records of one name from the CDN that runs its zone.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn remove_cdn_records(&mut self, name: &str) -> Result<(), String> {
        self.edit_cdn("cloudflare/dns_records.json", |records| {
            let records = records.as_array_mut().ok_or("no list of records")?;
            let before = records.len();
            records.retain(|record| record["name"] != name);
            if records.len() < before { Ok(()) } else { Err(format!("no record of {name}")) }
        })
    }

    /// Edits what a provider's API answers at the one path that ends so: a fault of which the generated files know
    /// nothing.
    ///
    /// # Errors
    ///
    /// When there is no such path or more than one, the edit says so, or it changes nothing.
    pub fn edit_api(
        &mut self,
        provider: ApiProvider,
        path_end: &str,
        edit: impl FnOnce(&mut serde_json::Value) -> Result<(), String>,
    ) -> Result<(), String> {
        let bodies = self.apis.get_mut(&provider).into_iter().flatten();
        let mut found: Vec<_> = bodies.filter(|(path, _)| path.ends_with(path_end)).collect();
        let [(path, body)] = found.as_mut_slice() else {
            return Err(format!("{} paths of {}'s API end with {path_end}", found.len(), provider.as_str()));
        };
        let before = body.clone();
        edit(body)?;
        if **body == before { Err(format!("{path} is as it was")) } else { Ok(()) }
    }

    /// Edits the rules of one phase as a list.
    ///
    /// # Errors
    ///
    /// When the phase was not generated, or the edit says so.
    pub fn edit_cdn_rules(
        &mut self,
        phase: &str,
        edit: impl FnOnce(&mut Vec<serde_json::Value>) -> Result<(), String>,
    ) -> Result<(), String> {
        self.edit_cdn(&format!("cloudflare/{phase}.json"), |ruleset| {
            let rules = ruleset["rules"].as_array_mut().ok_or_else(|| format!("{phase} has no rules"))?;
            edit(rules)
        })
    }

    /// Removes the rules of a phase that `condemned` names.
    ///
    /// # Errors
    ///
    /// When none is named.
    pub fn drop_cdn_rules(
        &mut self,
        phase: &str,
        condemned: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<(), String> {
        self.edit_cdn_rules(phase, |rules| {
            let before = rules.len();
            rules.retain(|rule| !condemned(rule));
            if rules.len() < before { Ok(()) } else { Err(format!("{phase} holds no such rule")) }
        })
    }

    /// Replaces a text, which must stand exactly once, in the proxy's configuration on every machine that runs it.
    ///
    /// # Errors
    ///
    /// When the text is not there, or more than once.
    pub fn edit_proxy(&mut self, from: &str, to: &str) -> Result<(), String> {
        self.edit_machines(|node| node.role.is_proxy(), |path, text| replace_once(text, path, from, to))
    }

    /// As [`Self::edit_proxy`], on the machines of the first redirect.
    ///
    /// # Errors
    ///
    /// As [`Self::edit_proxy`].
    pub fn edit_redirects(&mut self, from: &str, to: &str) -> Result<(), String> {
        let first = self.site.redirected.first().map(|redirect| redirect.addresses.clone()).unwrap_or_default();
        let chosen = |node: &StagedNode| node.role == NodeRole::Redirect && first.contains(&node.address);
        self.edit_machines(chosen, |path, text| replace_once(text, path, from, to))
    }

    /// As [`Self::edit_proxy`], in what Varnish runs.
    ///
    /// # Errors
    ///
    /// As [`Self::edit_proxy`].
    pub fn edit_varnish(&mut self, from: &str, to: &str) -> Result<(), String> {
        let varnish = self.varnish.as_mut().ok_or("no Varnish in this blueprint")?;
        let path = varnish.main_file.clone();
        let text = varnish.files.get_mut(&path).ok_or_else(|| format!("{path} was not generated"))?;
        replace_once(text, &path, from, to)
    }

    /// Rewrites the proxy's configuration line by line: `edit` gives what stands in a line's place, or nothing.
    ///
    /// # Errors
    ///
    /// When every line stays as it is.
    pub fn edit_proxy_lines(&mut self, edit: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        self.edit_machines(
            |node| node.role.is_proxy(),
            |path, text| {
                let lines: Vec<String> = text.lines().filter_map(&edit).collect();
                let edited = lines.join("\n") + "\n";
                let changed = edited != *text;
                *text = edited;
                if changed { Ok(()) } else { Err(format!("{path} has no such line")) }
            },
        )
    }

    fn edit_machines(
        &mut self,
        chosen: impl Fn(&StagedNode) -> bool,
        edit: impl Fn(&str, &mut String) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut edited = false;
        for node in self.nodes.iter_mut().filter(|node| chosen(node)) {
            let Some(path) = node.role.main_file() else { continue };
            let text = node.files.get_mut(path).ok_or_else(|| format!("{path} is not on {}", node.address))?;
            edit(path, text)?;
            edited = true;
        }
        if edited { Ok(()) } else { Err("no such machine in this blueprint".to_owned()) }
    }
}
