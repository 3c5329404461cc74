//! Embedded benchmarks.
fn main() {}
