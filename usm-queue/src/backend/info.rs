//! What a backend is, and what it is set to do: for spans and for the line that a worker logs when it starts.

use std::fmt;

/// What a backend is, and what it is set to do.
///
/// ```
/// # use usm_queue::backend::BackendInfo;
/// let info = BackendInfo::new("nats").server("nats.example.com:4222").connections(1).setting("ack_wait", "30s");
/// assert_eq!(info.to_string(), "nats at nats.example.com:4222, 1 connection; ack_wait=30s");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackendInfo {
    /// Which kind it is: `messaging.system` of spans.
    pub system: &'static str,
    /// Where it is, without user or password: a server or a file.
    pub server: Option<String>,
    /// Version of the server, as far as it is known by now.
    pub version: Option<String>,
    /// The most connections that this process opens to it.
    pub connections: usize,
    /// Settings and abilities by name.
    pub settings: Vec<(&'static str, String)>,
}

impl BackendInfo {
    /// A backend of which no more is known than its kind.
    pub fn new(system: &'static str) -> Self {
        Self { system, server: None, version: None, connections: 0, settings: Vec::new() }
    }

    /// Sets where it is. Must not contain a password.
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.server = Some(server.into());
        self
    }

    /// Sets the version of the server.
    pub fn version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    /// Sets the most connections that this process opens to it.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Adds a setting, or what it can or cannot do.
    pub fn setting(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.settings.push((name, value.to_string()));
        self
    }
}

impl Default for BackendInfo {
    fn default() -> Self {
        Self::new("unknown")
    }
}

impl fmt::Display for BackendInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.system)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        if let Some(server) = &self.server {
            write!(f, " at {server}")?;
        }
        match self.connections {
            0 => {}
            1 => f.write_str(", 1 connection")?,
            many => write!(f, ", {many} connections")?,
        }
        for (place, (name, value)) in self.settings.iter().enumerate() {
            let between = if place == 0 { "; " } else { " " };
            write!(f, "{between}{name}={value}")?;
        }
        Ok(())
    }
}
