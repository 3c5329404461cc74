//! The `usm` command.
fn main() {}
