//! The map in forms that other people and programs can use.

mod bands;
pub mod file_name;
mod format;
pub mod gherkin;
pub mod html;
pub mod jira;
pub mod json;
pub mod markdown;
pub mod mermaid;
#[cfg(any(test, feature = "testing"))]
pub mod sample;
pub mod svg;
#[cfg(test)]
pub(crate) mod tests;
mod xml;

pub use format::Format;
