//! Finds the project that a command is about.

use sea_orm::DatabaseConnection;

use super::{failure::Failure, table::short};
use crate::{
    config::{Config, DatabaseUrl},
    database,
    entities::{
        project::{self, LoadedProject},
        user::LOCAL_USER_ID,
    },
};
use story_map::StoryMap;

/// Projects that are named when the one asked for does not exist.
const NAMED: u64 = 5;

/// The map of a project of the local user.
pub(super) async fn load(config: &Config, id: i64) -> Result<StoryMap, Failure> {
    // Looking for a project must not create an empty database.
    if let DatabaseUrl::Sqlite(file) = &config.database
        && !file.exists()
    {
        let elsewhere = match *file == config.data_dir.join("usm.db") {
            true => "the right directory in USM_DATA_DIR",
            false => "the right file in DATABASE_URL",
        };
        return Err(Failure::failed(anyhow::anyhow!(
            "there are no projects yet, for there is no file {}; make one with `usm generate` or `usm import`, or name {elsewhere}",
            file.display()
        )));
    }
    let db = database::open(&config.database).await.map_err(Failure::failed)?;
    Ok(of_user(&db, id).await?.story_map())
}

/// A project of the local user with its map.
pub(super) async fn of_user(db: &DatabaseConnection, id: i64) -> Result<LoadedProject, Failure> {
    let found = project::load_map(db, id).await?.filter(|found| found.project.user_id == LOCAL_USER_ID);
    match found {
        Some(found) => Ok(found),
        None => Err(missing(db, id).await?),
    }
}

async fn missing(db: &DatabaseConnection, id: i64) -> Result<Failure, Failure> {
    let page = project::list(db, LOCAL_USER_ID, NAMED, 0).await?;
    let named = page.items.iter().map(|one| format!("{} ({})", one.id, short(&one.name, 40)));
    let known = match page.items.is_empty() {
        true => "there are none yet; make one with `usm generate` or `usm import`".to_owned(),
        false => format!("the newest are {}", named.collect::<Vec<_>>().join(", ")),
    };
    Ok(Failure::failed(anyhow::anyhow!("there is no project {id}; {known}")))
}
