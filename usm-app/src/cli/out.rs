//! Writes to standard output and error. A reader that has gone away (`| head`) is no error of ours.

use std::io::{IsTerminal, Write};

use serde::Serialize;

/// One line, or several, to standard output.
pub(super) fn line(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}

/// A whole text to standard output, as it is.
pub(super) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// One JSON document on one line to standard output, at once.
pub(super) fn json(value: &impl Serialize) {
    let mut out = std::io::stdout().lock();
    if let Ok(text) = serde_json::to_string(value) {
        drop(writeln!(out, "{text}").and_then(|()| out.flush()));
    }
}

/// An indented JSON document to standard output.
pub(super) fn pretty(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string_pretty(value) {
        line(&text);
    }
}

/// One line, or several, to standard error.
pub(super) fn note(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// An error to standard error.
pub(super) fn error(text: &str) {
    let stderr = std::io::stderr();
    let head = if stderr.is_terminal() && colour_wanted() { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    note(&format!("{head} {text}"));
}

/// Whether standard output takes colours.
pub(super) fn colour() -> bool {
    std::io::stdout().is_terminal() && colour_wanted()
}

fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
