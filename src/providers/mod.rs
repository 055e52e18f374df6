//! What providers publish: address ranges, plan limits, how their rules act; and the clients of their APIs. Must
//! not hold a site's choices.

pub mod api;
pub mod cloudflare;
pub mod countries;
