//! Processes whose clock is wrong: a small library, loaded before the C library, adds seconds to the time of day.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use tempfile::TempDir;

/// Everything else, such as time-outs, goes by the monotonic clock and is left alone.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  int failed = syscall(SYS_clock_gettime, clock, time);
  const char *ahead = getenv("USM_TEST_CLOCK_AHEAD");
  if (!failed && clock == CLOCK_REALTIME && ahead) time->tv_sec += atol(ahead);
  return failed;
}
"#;

/// Sets the clock of a process to be started so many seconds ahead.
///
/// # Panics
///
/// When there is no C compiler, which building this repository needs too.
pub fn set_ahead(command: &mut Command, seconds: i64) {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = LIBRARY.get_or_init(|| {
        let dir = TempDir::with_prefix("usm-clock-").unwrap();
        let (source, library) = (dir.path().join("clock.c"), dir.path().join("clock.so"));
        fs::write(&source, SOURCE).unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        assert!(built.unwrap().success(), "cc builds it");
        (dir, library)
    });
    command.env("LD_PRELOAD", library).env("USM_TEST_CLOCK_AHEAD", seconds.to_string());
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_process_whose_clock_was_set_ahead_tells_a_later_time() {
        let mut date = Command::new("date");
        set_ahead(date.arg("+%s"), 1_000);

        let told = String::from_utf8(date.output().unwrap().stdout).unwrap();

        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let ahead = told.trim().parse::<u64>().unwrap() - now;
        assert!((990..=1_000).contains(&ahead), "{ahead}");
    }
}
