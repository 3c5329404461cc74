//! `usm import`: a map from a file becomes a project.

use std::path::PathBuf;

use super::{
    failure::Failure,
    out,
    text_file::{self, name_of},
};
use crate::{
    app,
    config::Config,
    database,
    entities::{project, user::LOCAL_USER_ID},
};
use story_map::import::{self, MOST_STORIES};

/// Far more than a map of [`MOST_STORIES`] takes.
const MOST_BYTES: u64 = 20_000_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Markdown or JSON as `usm export` writes it, also edited by hand; - reads standard input
    file: PathBuf,
}

pub(super) async fn run(args: Args, config: Config) -> Result<(), Failure> {
    let advice = format!("a map may have at most {MOST_STORIES} stories; divide it by product");
    let text = text_file::read(&args.file, MOST_BYTES, &advice)?;
    let map =
        import::read(&text).map_err(|error| Failure::usage(format!("{}: {error}", name_of(&args.file))))?;
    app::create_data_dir(&config.data_dir)?;
    let db = database::open(&config.database).await.map_err(Failure::failed)?;
    let saved = project::import_map(&db, LOCAL_USER_ID, &map).await?;
    out::line(&format!(
        "project {}: {}, {} activities, {} tasks, {} stories",
        saved.id, saved.name, saved.activities_count, saved.tasks_count, saved.stories_count
    ));
    Ok(())
}
