//! Files that are no queue, or damaged: each is refused with its name and what to do, or worked as far as it goes.

use std::{fs, path::Path};

use rusqlite::Connection;
use tempfile::TempDir;
use usm_queue::{ErrorKind, JobContext, TaskQueue, Topology, Worker};

use crate::shared::{Note, note, with_worker};

async fn open(path: &Path) -> usm_queue::Result<TaskQueue> {
    TaskQueue::open(path, Topology::single("work").unwrap()).await
}

async fn refused(path: &Path, kind: ErrorKind) -> String {
    let error = open(path).await.map(drop).unwrap_err();
    let mut text = error.to_string();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(text.contains(&path.display().to_string()), "the file is named: {text}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// A file with a few jobs, all of it in the file itself.
async fn used_file(dir: &TempDir) -> std::path::PathBuf {
    let path = dir.path().join("queue.db");
    let queue = open(&path).await.unwrap();
    queue.enqueue_many((0..200).map(|number| note(&number.to_string().repeat(50)))).await.unwrap();
    queue.close().await;
    drop(queue);
    let connection = Connection::open(&path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    path
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    for (name, content) in [
        (
            "text.db",
            b"This is the shopping list of somebody, not a database. Bread, butter, tea. ".repeat(20),
        ),
        ("zeros.db", vec![0; 8192]),
        ("noise.db", (0..8192_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, &content).unwrap();

        let text = refused(&path, ErrorKind::Corrupt).await;

        assert!(text.contains("move it away"), "{text}");
        assert!(fs::read(&path).unwrap() == content, "{name} is as it was");
    }
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let dir = TempDir::new().unwrap();
    let whole = fs::read(used_file(&dir).await).unwrap();

    for bytes in [50, 100, 4000, 4096, 3 * 4096, 5 * 4096 + 7, whole.len() / 2] {
        let path = dir.path().join(format!("cut-{bytes}.db"));
        fs::write(&path, &whole[..bytes]).unwrap();

        let text = refused(&path, ErrorKind::Corrupt).await;

        assert!(text.contains("restore a copy"), "{text}");
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_queue() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("empty.db");
    fs::write(&path, b"").unwrap();

    open(&path).await.unwrap().enqueue(note("x")).await.unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = used_file(&dir).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();

    let text = refused(&path, ErrorKind::NewerVersion).await;

    assert!(text.contains("99"), "{text}");
    let connection = Connection::open(&path).unwrap();
    let jobs: i64 = connection.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap();
    assert_eq!(jobs, 200);
}

#[tokio::test]
async fn a_sqlite_file_of_another_program_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("bookmarks.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    let before = fs::read(&path).unwrap();

    let text = refused(&path, ErrorKind::Corrupt).await;

    assert!(text.contains("another program"), "{text}");
    let tables: Vec<String> = {
        let connection = Connection::open(&path).unwrap();
        let mut tables = connection.prepare("SELECT name FROM sqlite_master").unwrap();
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(tables, ["bookmarks"]);
    assert!(fs::read(&path).unwrap() == before, "the other program's file is as it was");
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_refused() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"x").unwrap();

    for path in
        [file.join("queue.db"), dir.path().join("no such folder").join("queue.db"), dir.path().to_owned()]
    {
        let text = refused(&path, ErrorKind::Unavailable).await;

        assert!(text.contains("cannot be") && text.contains("folder"), "{text}");
    }
}

/// SQLite would take them for a database in memory, for one on a path of its own, or for a URI with options.
#[tokio::test]
async fn what_is_no_plain_path_is_refused_and_leaves_nothing_behind() {
    let before = files(Path::new("."));

    for path in ["", ":memory:", "file:queue.db", "FILE:queue.db?mode=memory", "file::memory:"] {
        let text = refused(Path::new(path), ErrorKind::InvalidInput).await;

        assert!(text.contains("TaskQueue::in_memory"), "{text}");
    }
    assert_eq!(files(Path::new(".")), before);
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_in_the_way_of_a_file_is_named() {
    let dir = TempDir::new().unwrap();
    let inside = |name: &str| dir.path().join(name);
    fs::write(inside("a-file"), b"x").unwrap();
    let mut cases = vec![
        (inside("none").join("queue.db"), format!("there is no folder {}", inside("none").display())),
        (dir.path().to_owned(), "it is a folder".to_owned()),
        (inside("a-file").join("queue.db"), "a-file is a file and no folder".to_owned()),
    ];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink(inside("loop"), inside("loop")).unwrap();
        cases.push((inside("loop"), "it is a symbolic link that leads nowhere".to_owned()));
    }
    if cfg!(target_os = "linux") {
        // Nobody may make a file there, not even the administrator, who runs some machines' tests.
        cases.push(("/proc/queue.db".into(), "check owner and rights".to_owned()));
    }
    let before = files(dir.path());

    for (path, reason) in cases {
        let text = refused(&path, ErrorKind::Unavailable).await;

        assert!(text.contains(&reason), "{text}");
    }
    assert_eq!(files(dir.path()), before);
}

#[tokio::test]
async fn a_file_that_was_refused_has_no_others_beside_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("text.db");
    fs::write(&path, "no database ".repeat(100)).unwrap();

    refused(&path, ErrorKind::Corrupt).await;

    assert_eq!(files(dir.path()), ["text.db"]);
}

#[tokio::test]
async fn a_message_whose_envelope_is_damaged_does_not_stand_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.db");
    let queue = TaskQueue::open(&file, Topology::single("work").unwrap()).await.unwrap();
    let damaged = queue.enqueue(note("damaged")).await.unwrap();
    let next = queue.enqueue(note("next")).await.unwrap();
    let sql = "UPDATE messages SET envelope = substr(envelope, 5) WHERE message_id = ?1";
    let changed = Connection::open(&file).unwrap().execute(sql, [damaged.id().to_string()]).unwrap();
    assert_eq!(changed, 1);

    let worker = Worker::new(queue.clone(), ())
        .handle(async |task: Note, _: JobContext<()>| Ok::<_, usm_queue::TaskError>(task.text));
    let results = with_worker(worker, async { (damaged.result().await, next.result().await) }).await;

    // Its job can still be made out, and one handler only reads this queue.
    assert_eq!((results.0.unwrap(), results.1.unwrap()), ("damaged".to_owned(), "next".to_owned()));
}
