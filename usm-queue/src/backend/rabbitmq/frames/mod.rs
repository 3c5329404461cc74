//! A filter in front of lapin that replaces frames it cannot read.
//!
//! lapin ends the connection over a string that is not UTF-8, and deeply nested header tables overflow the stack of its thread.
//! The message is then redelivered and does the same again. So the stream that lapin reads from checks every method and
//! content header frame, and replaces what lapin could not read; see `docs/for-lapin.md`.

mod filter;
mod sanitize;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use self::stream::connect;
