//! The difference between a topology and what a broker has.

use std::fmt;

use serde::Serialize;

#[cfg(any(feature = "sqlite", feature = "rabbitmq"))]
use crate::error::{Error, ErrorKind};

/// What a topology consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TopologyPart {
    /// An exchange.
    Exchange,
    /// A queue.
    Queue,
}

impl fmt::Display for TopologyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Exchange => "exchange",
            Self::Queue => "queue",
        })
    }
}

/// A queue or exchange that exists with another argument than this program wants. Brokers refuse to change one, so
/// somebody has to decide; its `Display` names the remedies. The source of [`TopologyMismatch`](crate::ErrorKind::TopologyMismatch) errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopologyDrift {
    /// Which of both.
    pub part: TopologyPart,
    /// Its name.
    pub name: String,
    /// The argument, as RabbitMQ calls it.
    pub argument: String,
    /// What this program wants; `None`: not there.
    pub wanted: Option<String>,
    /// What the broker has; `None`: not there.
    pub found: Option<String>,
}

impl TopologyDrift {
    #[cfg(any(feature = "sqlite", feature = "rabbitmq"))]
    pub(crate) fn new(
        part: TopologyPart,
        name: &str,
        argument: &str,
        wanted: Option<String>,
        found: Option<String>,
    ) -> Self {
        Self { part, name: name.to_owned(), argument: argument.to_owned(), wanted, found }
    }

    /// The error that refuses to declare it.
    #[cfg(any(feature = "sqlite", feature = "rabbitmq"))]
    pub(crate) fn into_error(self) -> Error {
        Error::new(ErrorKind::TopologyMismatch, self.to_string()).with_source(self)
    }
}

impl fmt::Display for TopologyDrift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, name, argument, wanted, found } = self;
        let (wanted, found) = (wanted.as_deref().unwrap_or("none"), found.as_deref().unwrap_or("none"));
        write!(
            f,
            "{part} `{name}` exists with {argument} = {found}, this program wants {wanted}; give the {part} a new name, or drain it with the old settings and remove it"
        )
    }
}

impl std::error::Error for TopologyDrift {}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
#[non_exhaustive]
pub enum TopologyChange {
    /// It is missing; declaring the topology creates it.
    Create {
        /// Which of both.
        part: TopologyPart,
        /// Its name.
        name: String,
        /// A queue's arguments, an exchange's kind.
        arguments: Vec<(String, String)>,
    },
    /// It exists otherwise; declaring the topology fails.
    Conflict(TopologyDrift),
    /// It is this library's own and no longer used; [`LiveTopology::apply`](crate::LiveTopology::apply) removes it when what
    /// waits in it was moved elsewhere.
    Remove {
        /// Which of both.
        part: TopologyPart,
        /// Its name.
        name: String,
    },
}

impl fmt::Display for TopologyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { part, name, arguments } => {
                write!(f, "+ {part:<8} {name}")?;
                for (argument, value) in arguments {
                    write!(f, "  {argument}={value}")?;
                }
                Ok(())
            }
            Self::Conflict(drift) => write!(f, "! {drift}"),
            Self::Remove { part, name } => write!(f, "- {part:<8} {name}"),
        }
    }
}

/// The difference between a topology and what the broker has. Its `Display` is one line a change: `+` is missing, `!`
/// conflicts, `-` is no longer used.
///
/// Bindings are not compared: AMQP cannot ask for them. Declaring adds the missing ones and takes none away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct TopologyPlan {
    /// Exchanges first, in the order of the topology.
    pub changes: Vec<TopologyChange>,
}

impl TopologyPlan {
    #[cfg(any(feature = "sqlite", feature = "rabbitmq"))]
    pub(crate) fn create(&mut self, part: TopologyPart, name: &str, arguments: Vec<(String, String)>) {
        self.changes.push(TopologyChange::Create { part, name: name.to_owned(), arguments });
    }

    #[cfg(any(feature = "sqlite", feature = "rabbitmq"))]
    pub(crate) fn conflict(&mut self, drift: TopologyDrift) {
        self.changes.push(TopologyChange::Conflict(drift));
    }

    #[cfg(feature = "rabbitmq")]
    pub(crate) fn remove(&mut self, part: TopologyPart, name: &str) {
        self.changes.push(TopologyChange::Remove { part, name: name.to_owned() });
    }

    /// Whether the broker has everything as wanted.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What keeps the topology from being declared.
    pub fn conflicts(&self) -> impl Iterator<Item = &TopologyDrift> {
        self.changes.iter().filter_map(|change| match change {
            TopologyChange::Conflict(drift) => Some(drift),
            TopologyChange::Create { .. } | TopologyChange::Remove { .. } => None,
        })
    }
}

impl fmt::Display for TopologyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("the broker has everything as wanted");
        }
        let lines: Vec<_> = self.changes.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}
