//! The map in forms that other people and programs can use.

pub mod json;
pub mod markdown;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;
