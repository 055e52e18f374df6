//! What a person does about `[apps]`.

use super::Apps;
use crate::concerns::Procedure;

pub fn procedure(apps: &Apps) -> Procedure {
    let mut before = vec![
        "Give each secret to Terraform through the environment (TF_VAR_...); none is in a file. The state holds them: \
         keep it where few can read it."
            .to_owned(),
        "Take the load test's numbers for the containers, and have every one of them up two hours before: those that \
         are started by load come too late (DOC-2)."
            .to_owned(),
        "Remove basic authentication, `noindex` and `Disallow: /` from every path, those of the API too (JVA-14)."
            .to_owned(),
    ];
    let most = apps.apps.iter().flat_map(|app| &app.containers).map(super::Container::most).max().unwrap_or(0);
    if most > 10 {
        before.insert(
            0,
            "Send letters/platform.md: more than ten containers of one type take a word from support.".to_owned(),
        );
    }
    Procedure {
        before,
        when_red: vec![
            "Too few containers: `scalingo --app APP scale web:N:SIZE`. A scale call by hand switches the autoscaler \
             off: look at it after."
                .to_owned(),
            "A variable is wrong: set it, then restart; setting alone changes nothing in what runs. Debug output on \
             the public site comes first of all."
                .to_owned(),
            "The health page is red, the containers run: look at what the page asks, the database above all."
                .to_owned(),
        ],
        undo: vec![
            "Deploy the commit before: `scalingo --app APP deployments` names it. Auto-deploy off first, or the next \
             commit undoes it."
                .to_owned(),
            "Containers are taken away by decision alone, and not within a day of the announcement (DOC-10)."
                .to_owned(),
        ],
    }
}
