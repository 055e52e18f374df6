//! golive: one blueprint of a public launch; its configuration, its checks and its procedures derived in
//! step, and rehearsed on a laptop.
//!
//! The map, in the order in which data flows, with what each part must not do:
//!
//! | module | holds | must not |
//! |-|-|-|
//! | [`blueprint`] | the TOML file, its spans, and [`blueprint::Site`], the resolved facts | judge what is wise; touch files other than the one it reads |
//! | [`concerns`] | one promise a folder: findings, fragments, checks, procedure, drills, levers | write a file, open a socket, import another concern |
//! | [`capacity`] | visitors to containers, connections and megabits, in whole numbers | judge |
//! | [`emit`] | fragments composed into artifacts; all quoting | decide what a site needs |
//! | [`probe`] | questions and answers, plain data | ask them |
//! | [`world`] | the only sockets that verification opens | judge an answer |
//! | [`consent`] | who agreed to more than looking, to which checks, when, how fast | say what a check does to a site |
//! | [`keys`] | TOML files beside the blueprint, taken apart key by key, all refusals at once | know what a key means |
//! | [`verify`] | runs checks against a world, once a probe, red parents blocking children | know a concern |
//! | [`rehearsal`] | the local world that runs the artifacts; the drill runner | read the blueprint where an artifact says it |
//! | [`providers`] | what Cloudflare publishes: ranges, plan limits, how its rules act; clients that read providers' APIs, and change what a lever changes | hold a site's choices, decide what is changed |
//! | [`runbook`] | steps of a launch, resolved for one site; the journal, and what follows from it | ask a person or a server |
//! | [`language`] | texts that exist in every language of documents | hold what the program says of itself |
//! | [`report`] | results as text, JSON, JUnit, Markdown and HTML | compute a verdict |
//! | [`language`] | texts of documents in both languages; how each writes lists, numbers, dates | say what a document says |
//! | [`plain`] | other people's text, made fit for a terminal | quote configuration |
//! | [`ops`] | what each command does | parse arguments, print |
//! | [`cli`] | arguments, terminal, exit codes | do the work |

// A panic in production code loses a night's work; tests may.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod blueprint;
pub mod capacity;
pub mod cli;
pub mod concerns;
pub mod consent;
pub mod emit;
pub mod keys;
pub mod language;
pub mod ops;
pub mod plain;
pub mod probe;
pub mod providers;
pub mod rehearsal;
pub mod report;
pub mod runbook;
pub mod verify;
pub mod world;
