//! Certificates for servers that tests start.

use std::{path::Path, process::Command};

/// Whether certificates can be made here; says so where not.
pub(crate) fn can_be_made() -> bool {
    let made = Command::new("openssl").arg("version").output().is_ok();
    if !made {
        assert!(std::env::var_os("CI").is_none(), "no openssl in CI to make certificates with");
        eprintln!("SKIPPED, no openssl to make certificates with");
    }
    made
}

/// A root of our own, `root.pem`, and a certificate for `localhost`, `server.pem` with `server.key`.
pub(crate) fn make(dir: &Path) {
    let run = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
    run("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=usm-test-root -keyout root.key -out root.pem");
    run("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
    run(
        "x509 -req -in server.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
}
