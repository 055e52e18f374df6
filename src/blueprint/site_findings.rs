//! Offline remarks on `[site]`. It is no concern, since it makes no promise of its own.

use super::value::UrlPath;
use super::{Blueprint, Finding, KeyPath};
use crate::concerns::rules;

pub fn findings(blueprint: &Blueprint) -> Vec<Finding> {
    let site = &blueprint.site;
    let mut findings = pages(&site.pages, &KeyPath::of(["site", "pages"]), blueprint);
    for (index, host) in site.hosts.iter().enumerate() {
        let at = KeyPath::of(["site", "hosts"]).index(index);
        if host.name == site.host || site.hosts[..index].iter().any(|earlier| earlier.name == host.name) {
            findings.push(Finding::error(
                &rules::SITE_DUPLICATE_HOST,
                at.clone().key("name"),
                format!("`{}` is a public name already", host.name),
                "keep one entry for it",
            ));
        }
        if host.upstream.is_some() && blueprint.proxy.is_none() {
            findings.push(Finding::error(
                &rules::SITE_UPSTREAM_WITHOUT_PROXY,
                at.clone().key("upstream"),
                format!("without `[proxy]` nothing leads `{}` to an app of its own", host.name),
                "add `[proxy]`, or take `upstream` out",
            ));
        }
        findings.extend(pages(&host.pages, &at.key("pages"), blueprint));
    }
    findings
}

fn pages(pages: &[UrlPath], at: &KeyPath, blueprint: &Blueprint) -> Vec<Finding> {
    let Some(first) = pages.first() else {
        return vec![Finding::error(
            &rules::SITE_NO_PAGES,
            at.clone(),
            "no page is named, so no check could ask one",
            "name the pages that everybody will open, `/` first",
        )];
    };
    let mut findings = Vec::new();
    if first.as_str() != "/" {
        findings.push(Finding::warning(
            &rules::SITE_PAGE_ORDER,
            at.clone().index(0),
            format!("the first page is `{first}`, and most checks ask the first page alone"),
            "put `/` first",
        ));
    }
    let Some(cache) = &blueprint.cache else { return findings };
    for (index, page) in pages.iter().enumerate() {
        if let Some(class) = cache.class_of(page).filter(|class| !class.store) {
            findings.push(Finding::warning(
                &rules::SITE_PRIVATE_PAGE,
                at.clone().index(index),
                format!("the public page `{page}` is of the class `{}`, which nothing may store", class.name),
                format!("take it out of `pages`, or its path out of the class `{}`", class.name),
            ));
        }
    }
    findings
}
