//! The forms by name, for whoever lets a user choose one.

use super::{gherkin, html, jira, json, markdown, mermaid, svg};
use crate::StoryMap;

/// A form that a map can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a repository and a review; it is read back.
    Markdown,
    /// For scripts and backups, versioned; it is read back.
    Json,
    /// CSV for the importer of Jira Cloud.
    JiraCloud,
    /// CSV for the importer of Jira Data Center.
    JiraDataCenter,
    /// Scenarios for Cucumber and its kin.
    Gherkin,
    /// A flowchart for READMEs and wikis.
    Mermaid,
    /// One page to look at, mail and print on A3.
    Html,
    /// A picture of the board.
    Svg,
}

impl Format {
    /// How names of its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Json => "json",
            Self::JiraCloud | Self::JiraDataCenter => "csv",
            Self::Gherkin => "feature",
            Self::Mermaid => "mmd",
            Self::Html => "html",
            Self::Svg => "svg",
        }
    }

    /// What it is called on the wire.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Json => "application/json",
            Self::JiraCloud | Self::JiraDataCenter => "text/csv; charset=utf-8",
            Self::Gherkin | Self::Mermaid => "text/plain; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The whole map in this form; `epics` is for Jira only.
    pub fn write(self, map: &StoryMap, epics: jira::Epics) -> String {
        match self {
            Self::Markdown => markdown::write(map),
            Self::Json => json::write(map),
            Self::JiraCloud => jira::write(map, jira::Target::Cloud, epics),
            Self::JiraDataCenter => jira::write(map, jira::Target::DataCenter, epics),
            Self::Gherkin => gherkin::write(map),
            Self::Mermaid => mermaid::write(map),
            Self::Html => html::write(map),
            Self::Svg => svg::write(map),
        }
    }

    /// Whether it has epics.
    pub fn has_epics(self) -> bool {
        matches!(self, Self::JiraCloud | Self::JiraDataCenter)
    }
}
