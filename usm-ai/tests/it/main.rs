//! The crate from outside, over real sockets.
mod over_http;
