//! Reads the requirements: a file or standard input, UTF-8, of a sane size.

use std::path::Path;

use super::Failure;
use crate::cli::text_file::{self, name_of};
use story_map::requirements::{self, MAX_CHARS, grouped};

/// No more is read, in bytes: the longest allowed text is far below it in any script.
const MOST_BYTES: u64 = 1_000_000;

/// The text, checked by the rule that the API and the worker use too.
pub(super) fn read(source: &Path) -> Result<String, Failure> {
    let advice = format!(
        "requirements may have at most {} characters; divide it, for example by part of the product, and make a map of \
         each",
        grouped(MAX_CHARS)
    );
    let text = text_file::read(source, MOST_BYTES, &advice)?;
    match requirements::check(&text) {
        Ok(text) => Ok(text.to_owned()),
        Err(unusable) => Err(Failure::usage(format!("{}: {unusable}", name_of(source)))),
    }
}
