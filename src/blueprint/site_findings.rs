//! Offline remarks on `[site]`. It is no concern, since it makes no promise of its own.

use super::{Blueprint, Finding, KeyPath};
use crate::concerns::rules;

pub fn findings(blueprint: &Blueprint) -> Vec<Finding> {
    let pages = &blueprint.site.pages;
    let at = KeyPath::of(["site", "pages"]);
    let Some(first) = pages.first() else {
        return vec![Finding::error(
            &rules::SITE_NO_PAGES,
            at,
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
