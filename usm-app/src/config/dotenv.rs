//! Joins the environment with the file `.env` without writing to the environment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io::ErrorKind;

use super::read::{ConfigError, ConfigErrors, NotUnicode};
use super::{Config, misspelt};

const FILE: &str = ".env";

/// The content of `.env` in the working directory, if there is one. Directories above are not searched: relative
/// paths in the settings mean the working directory too.
pub(super) fn read_file() -> Result<Option<Vec<u8>>, ConfigErrors> {
    match std::fs::read(FILE) {
        Ok(content) => Ok(Some(content)),
        // A directory of that name is a Python habit (a virtual environment), not a mistake.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => Ok(None),
        Err(error) => Err(broken(format!("cannot be read: {error}"))),
    }
}

/// Reads every setting from `environment`, or else from the text of a `.env` file.
pub(super) fn load(
    environment: &dyn Fn(&str) -> Option<OsString>,
    file: Option<&[u8]>,
) -> Result<Config, ConfigErrors> {
    let file = file.map(parse).transpose()?.unwrap_or_default();
    let known = RefCell::new(Vec::new());
    let mut config = Config::from_source(&|name| {
        known.borrow_mut().push(name);
        match environment(name) {
            Some(value) => value.into_string().map(Some).map_err(|_| NotUnicode),
            None => Ok(file.get(name).cloned()),
        }
    })?;
    // Of the file only: the environment is full of names that are nobody's business here.
    let known = known.into_inner();
    let unknown = file.keys().filter(|name| !known.contains(&name.as_str()));
    config.misspelt = unknown.filter_map(|name| misspelt::remark(name, &known)).collect();
    config.misspelt.sort();
    Ok(config)
}

fn parse(content: &[u8]) -> Result<HashMap<String, String>, ConfigErrors> {
    let text = std::str::from_utf8(content).map_err(|error| {
        let line = content.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        broken(format!("line {line} is not valid UTF-8, save the file as UTF-8"))
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut values = HashMap::new();
    for item in dotenvy::from_read_iter(text.as_bytes()) {
        let (name, value) = item.map_err(|error| broken(describe(text, &error)))?;
        values.entry(name).or_insert(value);
    }
    Ok(values)
}

/// Names the line, never its content: it may hold a key.
fn describe(text: &str, error: &dotenvy::Error) -> String {
    const FIX: &str = "must be NAME=value, put a value with blanks, # or $ in 'single quotes'";
    let dotenvy::Error::LineParse(broken, _) = error else { return FIX.to_owned() };
    let start = broken.trim().lines().next().unwrap_or_default();
    match text.lines().position(|line| line.trim_end().ends_with(start.trim_end())) {
        Some(index) => format!("line {} {FIX}", index + 1),
        None => format!("a line {FIX}"),
    }
}

fn broken(problem: String) -> ConfigErrors {
    ConfigErrors::one(ConfigError { variable: FILE, value: None, problem })
}
