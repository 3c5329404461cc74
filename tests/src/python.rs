//! Python with the clients that services written after the guide use.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::server::there;

/// A Python that has what `tests/python/requirements.txt` asks for: an environment below `target/`, made once and again
/// when the requirements change. `None`, loudly, where it cannot be made; in CI that is a failure.
///
/// # Panics
///
/// In CI, when it cannot be made.
pub fn python() -> Option<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(make) {
        Ok(python) => Some(python.clone()),
        Err(error) => {
            there(&format!("Python with aio-pika and redis ({error})"), false);
            None
        }
    }
}

/// A script of `tests/python`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

fn make() -> Result<PathBuf, String> {
    let environment = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python");
    let (python, made_for) = (environment.join("bin/python"), environment.join("made-for"));
    let requirements = fs::read_to_string(script("requirements.txt")).unwrap();
    if fs::read_to_string(&made_for).is_ok_and(|made| made == requirements) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(install).arg(script("requirements.txt")))?;
    fs::write(made_for, requirements).map_err(|error| error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}
