//! Without feature `metrics`: nothing.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Metrics;

#[derive(Debug, Clone)]
pub(crate) struct Worked;

#[derive(Debug)]
pub(crate) struct Enqueuing;

#[derive(Debug)]
pub(crate) struct Guard;

/// It is dropped for what the other one does then.
impl Drop for Guard {
    fn drop(&mut self) {}
}

impl Metrics {
    pub(crate) fn knows(&self, _: &'static str) {}

    pub(crate) fn enqueuing<'a>(&self, _: impl Iterator<Item = (Option<&'a str>, &'a str)>) -> Enqueuing {
        Enqueuing
    }

    pub(crate) fn worked(&self, _: &str, _: &'static str) -> Worked {
        Worked
    }

    pub(crate) fn finished(&self, _: Option<&str>, _: &str, _: &'static str) {}

    pub(crate) fn dead_letter(&self, _: Option<&str>, _: &str, _: &str) {}

    pub(crate) fn replayed(&self, _: Option<&str>, _: &str, _: &str) {}

    pub(crate) fn at_once(&self, _: &str, _: usize) -> Guard {
        Guard
    }

    pub(crate) fn consuming(&self, _: &str) -> Guard {
        Guard
    }

    pub(crate) fn oldest_waiting(&self, _: &str, _: Duration) {}

    pub(crate) fn depth(&self, _: &str, _: &'static str, _: u64) {}
}

impl Enqueuing {
    pub(crate) fn ended(self, _: impl Iterator<Item = Result<bool, &'static str>>) {}
}

impl Worked {
    pub(crate) fn started(&self, _: impl FnOnce() -> Duration) -> Guard {
        Guard
    }

    pub(crate) fn attempt(&self, _: &'static str) {}

    pub(crate) fn finished(&self, _: &'static str, _: impl FnOnce() -> Duration) {}
}

pub(crate) fn reconnected(_: &'static str, _: &'static str) {}
