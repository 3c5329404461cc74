//! Pictures of one layout: one file per form.

pub mod ascii;
pub mod html;
pub mod svg;
pub mod unicode;

#[cfg(test)]
mod tests;
