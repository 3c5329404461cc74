//! The crate from outside, over real HTTP.

mod cases;
mod crowd;
mod formats;
mod hostile;
mod ladder;
mod over_http;
mod proxy;
mod router;
mod signals;
mod support;
