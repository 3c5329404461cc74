//! `usm export`: a project's map in a form that other people and programs can use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;

use super::{failure::Failure, number, out, projects, whole_file};
use crate::config::Config;
use story_map::StoryMap;
use story_map::export::{self, file_name, gherkin, jira};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The project, as `usm generate` and `usm import` print it
    #[arg(value_parser = number::project)]
    project: i64,
    /// The form
    #[arg(long, value_enum)]
    format: Format,
    /// File to write, a pipe, or a device; a directory gets a file named after the product, and for gherkin one file for each task.
    /// Without this, everything goes to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For Jira: what becomes an epic
    #[arg(long, value_enum, default_value_t = Level::Activities)]
    epics: Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a repository and a review; `usm import` reads it back
    Markdown,
    /// For scripts and backups, versioned; `usm import` reads it back
    Json,
    /// CSV for the importer of Jira Cloud
    JiraCloud,
    /// CSV for the importer of Jira Data Center
    JiraDataCenter,
    /// Scenarios for Cucumber and its kin
    Gherkin,
    /// A flowchart for READMEs and wikis
    Mermaid,
    /// One page to look at, mail and print on A3
    Html,
    /// A picture of the board
    Svg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Each activity; its tasks become labels
    Activities,
    /// Each task; its activity becomes a label
    Tasks,
}

impl From<Format> for export::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Markdown => Self::Markdown,
            Format::Json => Self::Json,
            Format::JiraCloud => Self::JiraCloud,
            Format::JiraDataCenter => Self::JiraDataCenter,
            Format::Gherkin => Self::Gherkin,
            Format::Mermaid => Self::Mermaid,
            Format::Html => Self::Html,
            Format::Svg => Self::Svg,
        }
    }
}

impl From<Level> for jira::Epics {
    fn from(level: Level) -> Self {
        match level {
            Level::Activities => Self::Activities,
            Level::Tasks => Self::Tasks,
        }
    }
}

pub(super) async fn run(args: Args, config: Config) -> Result<(), Failure> {
    let format = export::Format::from(args.format);
    if args.epics != Level::Activities && !format.has_epics() {
        return Err(Failure::usage("--epics is for the formats jira-cloud and jira-data-center only"));
    }
    let map = projects::load(&config, args.project).await?;
    let Some(path) = args.out else {
        out::text(&format.write(&map, args.epics.into()));
        return Ok(());
    };
    for (path, text) in files(&path, format, args.epics.into(), &map) {
        write(&path, &text)?;
        out::line(&path.display().to_string());
    }
    Ok(())
}

/// What goes where.
fn files(path: &Path, format: export::Format, epics: jira::Epics, map: &StoryMap) -> Vec<(PathBuf, String)> {
    let is_directory = path.is_dir() || path.to_string_lossy().ends_with(['/', std::path::MAIN_SEPARATOR]);
    if !is_directory {
        return vec![(path.to_owned(), format.write(map, epics))];
    }
    if format == export::Format::Gherkin {
        let files = gherkin::files(map).into_iter();
        return files.map(|file| (path.join(file.name), file.text)).collect();
    }
    vec![(path.join(file_name::of(&map.name, format.ending())), format.write(map, epics))]
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let written = directory.map_or(Ok(()), fs::create_dir_all).and_then(|()| whole_file::write(path, text));
    written.map_err(|error| {
        Failure::usage(format!(
            "{} cannot be written: {error}; name a file that this user may write with --out",
            path.display()
        ))
    })
}
