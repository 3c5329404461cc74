//! The first hour of a new user: the README's application builds and runs as it stands there, and the usual mistakes are
//! answered by messages that say what to do. Both in a crate of their own, which depends on this one as the README says.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// Of this package.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first block of the README that begins so.
fn of_readme(begin: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, block) = readme.split_once(&format!("```{begin}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// A package of a user. What its dependencies compile to is kept for the next run.
struct Fresh {
    folder: TempDir,
}

impl Fresh {
    fn new(name: &str, dependencies: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{dependencies}\n[patch.crates-io]\nusm-queue = {{ path = {:?} }}\n",
            root()
        );
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        // Versions that are on this machine.
        let versions = root().join("../Cargo.lock");
        if versions.exists() {
            fs::copy(versions, folder.path().join("Cargo.lock")).unwrap();
        }
        fs::create_dir_all(folder.path().join("src/bin")).unwrap();
        Self { folder }
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--offline", "--quiet"])
            .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-hour"))
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

#[test]
fn the_application_of_the_readme_runs() {
    let application = Fresh::new("readme", &of_readme("toml"));
    application.write("src/main.rs", &of_readme("rust"));

    let ran = application.cargo(&["run"]);

    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "cat@80\n");
}

/// Each file of the folder makes one, and names below what the compiler must say.
#[test]
fn the_usual_mistakes_are_answered_by_what_to_do() {
    let crate_of_mistakes = Fresh::new("mistakes", &of_readme("toml"));
    let mut mistakes = Vec::new();
    for file in fs::read_dir(root().join("tests/first_hour/mistakes")).unwrap() {
        let path: PathBuf = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(path).unwrap();
        crate_of_mistakes.write(&format!("src/bin/{name}.rs"), &text);
        let expected: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("//~ ")).map(str::to_owned).collect();
        assert!(!expected.is_empty(), "{name} names what the compiler must say");
        mistakes.push((name, expected));
    }
    assert!(mistakes.len() >= 12);

    let built = crate_of_mistakes.cargo(&["build", "--bins", "--keep-going", "--message-format=json"]);

    let messages: Vec<Value> = String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|line: &Value| line["reason"] == "compiler-message")
        .collect();
    let mut failures = String::new();
    for (name, expected) in mistakes {
        let said: String = messages
            .iter()
            .filter(|line| line["target"]["name"] == name.as_str() && line["message"]["level"] == "error")
            .filter_map(|line| line["message"]["rendered"].as_str())
            .collect();
        for text in expected.into_iter().filter(|text| !said.contains(text)) {
            failures.push_str(&format!("== {name}: the compiler does not say `{text}`, but\n{said}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}{}", String::from_utf8_lossy(&built.stderr));
}

/// What it demands of a user's toolchain is what its dependencies demand; that its own code needs no more is for clippy to
/// see (`incompatible_msrv`).
#[test]
fn the_least_rust_version_is_that_of_the_dependencies() {
    let user = Fresh::new(
        "msrv",
        "[dependencies]\nusm-queue = { version = \"0.1\", features = [\"rabbitmq\", \"redis\", \"testing\"] }\n",
    );
    user.write("src/main.rs", "fn main() {}\n");
    let about = String::from_utf8(user.cargo(&["-vV"]).stdout).unwrap();
    // Packages for other systems need not be on this machine.
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();

    let metadata = user.cargo(&["metadata", "--format-version=1", "--filter-platform", host]);

    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let version = |package: &Value| -> Option<Vec<u32>> {
        let version = package["rust_version"].as_str()?;
        Some(version.split('.').take(2).map(|part| part.parse().unwrap()).collect())
    };
    let (ours, others): (Vec<_>, Vec<_>) =
        metadata["packages"].as_array().unwrap().iter().partition(|package| package["name"] == "usm-queue");
    let most = others.iter().filter_map(|package| Some((version(package)?, package["name"].as_str()?))).max();
    let (least, because_of) = most.unwrap();
    assert_eq!(version(ours[0]), Some(least), "because of {because_of}");
}
