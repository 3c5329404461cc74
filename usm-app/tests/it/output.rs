//! Standard output that takes no more, and places for files that are no files.

#[cfg(target_os = "linux")]
use std::fs::File;
use std::process::Stdio;

use tokio::process::Command;

use crate::support::{Place, Said, soon};

/// The command with this as its standard output.
async fn run_into(place: &Place, args: &[&str], out: impl Into<Stdio>) -> Said {
    // `output` would capture it.
    let child = place.usm(args).stdout(out).spawn().unwrap();
    let output = soon(child.wait_with_output()).await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    Said { code: output.status.code(), out: String::new(), err }
}

/// What is full, like a disk.
#[cfg(target_os = "linux")]
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_said_is_a_failure_with_the_reason() {
    let place = Place::new();
    place.run_on(&["import", "-"], "# Shop").await;

    for args in [
        &["export", "1", "--format", "html"][..],
        &["export", "1", "--format", "mermaid"],
        &["check", "1"],
        &["check", "1", "--json"],
        &["topology", "export"],
        &["--help"],
    ] {
        let said = run_into(&place, args, full()).await;

        assert_eq!(said.code, Some(1), "{args:?} {}", said.err);
        assert!(said.err.starts_with("error: standard output cannot be written: "), "{args:?} {}", said.err);
    }
    let wrong = run_into(&place, &["export", "1", "--format", "excel"], full()).await;
    assert_eq!(wrong.code, Some(2), "what went wrong first is told: {}", wrong.err);
}

#[tokio::test]
async fn a_reader_that_has_gone_away_is_no_failure() {
    let place = Place::new();
    place.run_on(&["import", "-"], "# Shop").await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);

    let said = run_into(&place, &["export", "1", "--format", "html"], writer).await;

    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[tokio::test]
async fn an_export_goes_through_a_pipe_and_leaves_it_there() {
    use std::os::unix::fs::FileTypeExt;

    let place = Place::new();
    place.run_on(&["import", "-"], "# Shop").await;
    let pipe = place.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().await.unwrap().success());
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();

    let said = place.run(&["export", "1", "--format", "markdown", "--out", "pipe"]).await;
    let read = soon(reader.wait_with_output()).await.unwrap();

    assert_eq!((said.code, said.out.as_str()), (Some(0), "pipe\n"), "{}", said.err);
    assert!(read.stdout.starts_with(b"# Shop\n"));
    assert!(std::fs::metadata(pipe).unwrap().file_type().is_fifo());
}
