//! Writes to standard output and error. A reader that has gone away (`| head`) is no error of ours; any other error of standard
//! output is told once, when the command has ended: its work goes on meanwhile.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    sync::OnceLock,
};

use serde::Serialize;

/// What first went wrong with standard output.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// One line, or several, to standard output.
pub(super) fn line(text: &str) {
    keep(writeln!(io::stdout().lock(), "{text}"));
}

/// A whole text to standard output, as it is.
pub(super) fn text(text: &str) {
    keep(io::stdout().lock().write_all(text.as_bytes()));
}

/// One JSON document on one line to standard output, at once.
pub(super) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(error) => keep(Err(error.into())),
    }
}

/// An indented JSON document to standard output.
pub(super) fn pretty(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(error) => keep(Err(error.into())),
    }
}

/// Remembers what went wrong, for the end.
pub(super) fn keep(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Only the first counts.
        drop(LOST.set(error));
    }
}

/// Whether everything has gone to standard output.
pub(super) fn end() -> Result<(), &'static io::Error> {
    keep(io::stdout().lock().flush());
    LOST.get().map_or(Ok(()), Err)
}

/// One line, or several, to standard error.
pub(super) fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// An error to standard error.
pub(super) fn error(text: &str) {
    let stderr = io::stderr();
    let head = if stderr.is_terminal() && colour_wanted() { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
    note(&format!("{head} {text}"));
}

/// Whether standard output takes colours.
pub(super) fn colour() -> bool {
    io::stdout().is_terminal() && colour_wanted()
}

fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
