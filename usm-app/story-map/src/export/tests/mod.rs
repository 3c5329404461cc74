//! What every export is held against: files that show what it wrote, and maps that try to break it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod maps;
mod markup;

use std::path::Path;

pub(crate) use maps::any_map;

/// Compares with a file in `export/golden`. `USM_UPDATE_GOLDEN=1 cargo test -p story-map golden` writes them anew.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/export/golden").join(name);
    if std::env::var_os("USM_UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} is no longer what it was; it is now:\n{text}\nIf that is right: USM_UPDATE_GOLDEN=1 cargo test"
    );
}
