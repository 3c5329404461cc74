//! A filter in front of the client library: what it cannot read never reaches it.
//!
//! lapin ends the connection over a string that is no UTF-8, and its thread overflows its stack over deeply nested header
//! tables. The message then comes again, and does the same. So the stream that lapin reads from looks at every method and
//! content header frame and replaces what lapin could not read; see `docs/for-lapin.md`.

mod filter;
mod sanitize;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use self::stream::connect;
