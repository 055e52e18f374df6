//! What providers publish: address ranges, plan limits. Must not hold a site's choices.

pub mod cloudflare;
