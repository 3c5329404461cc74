//! The crate from outside, over real HTTP.

mod cases;
mod crowd;
mod formats;
mod over_http;
mod proxy;
mod router;
mod support;
