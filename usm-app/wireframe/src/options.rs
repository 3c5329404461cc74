//! What a user may choose for a wireframe: the platform it is for and how detailed it is.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of device a screen is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// A page in a browser, 80 columns.
    #[default]
    Web,
    /// A phone held upright, 40 columns.
    Mobile,
    /// A window with menu, toolbar and panels, 100 columns.
    Desktop,
}

impl Platform {
    /// Every platform, in the order in which messages name them.
    pub const ALL: [Self; 3] = [Self::Web, Self::Mobile, Self::Desktop];

    /// Columns of every row of a picture.
    pub fn columns(self) -> usize {
        match self {
            Self::Web => 80,
            Self::Mobile => 40,
            Self::Desktop => 100,
        }
    }

    /// The name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
        }
    }
}

/// How much of a screen is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Boxes and grey blocks; only actions, fields and titles are named.
    #[default]
    #[serde(alias = "low_fidelity")]
    LowFidelity,
    /// Every label, and sample data.
    #[serde(alias = "high_fidelity")]
    HighFidelity,
    /// The main component of the story alone, enlarged, in its states.
    Component,
}

impl Style {
    /// Every style, in the order in which messages name them.
    pub const ALL: [Self; 3] = [Self::LowFidelity, Self::HighFidelity, Self::Component];

    /// The name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LowFidelity => "low-fidelity",
            Self::HighFidelity => "high-fidelity",
            Self::Component => "component",
        }
    }
}

/// A platform or style that does not exist; the message names those that do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{given}`, use one of: {allowed}")]
pub struct UnknownName {
    what: &'static str,
    given: String,
    allowed: String,
}

impl FromStr for Platform {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        pick("platform", name, &Self::ALL, Self::as_str)
    }
}

impl FromStr for Style {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        pick("style", name, &Self::ALL, Self::as_str)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn pick<T: Copy>(
    what: &'static str,
    given: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, UnknownName> {
    let wanted = given.trim().to_lowercase().replace('_', "-");
    all.iter().copied().find(|one| name(*one) == wanted).ok_or_else(|| UnknownName {
        what,
        given: given.chars().take(40).collect(),
        allowed: all.iter().map(|one| name(*one)).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_wire_name_is_the_name_that_is_parsed() {
        for style in Style::ALL {
            assert_eq!(style.as_str().parse::<Style>().unwrap(), style);
            assert_eq!(serde_json::to_value(style).unwrap(), style.as_str());
        }
        for platform in Platform::ALL {
            assert_eq!(platform.as_str().parse::<Platform>().unwrap(), platform);
            assert_eq!(serde_json::to_value(platform).unwrap(), platform.as_str());
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_names_that_exist() {
        let refused = "hi-fi".parse::<Style>().unwrap_err();

        assert_eq!(
            refused.to_string(),
            "unknown style `hi-fi`, use one of: low-fidelity, high-fidelity, component"
        );
    }
}
