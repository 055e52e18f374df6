//! What providers publish: address ranges, plan limits, how their rules act. Must not hold a site's choices.

pub mod cloudflare;
pub mod countries;
