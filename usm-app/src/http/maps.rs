//! Requirements in, a job that makes a story map out.

use poem_openapi::{Object, OpenApi, types::Example};
use serde::Deserialize;

use super::{
    Tag,
    answer::{Answer, Submit},
    body::JsonBody,
    submit::{Checks, Started, start},
};
use crate::{
    app::App,
    tasks::{GenerateMap, MapMode},
};
use story_map::requirements;

/// Story maps.
pub(super) struct Maps {
    pub(super) app: App,
}

/// Requirements, and how to treat them.
#[derive(Debug, Object, Deserialize)]
#[oai(example)]
pub(super) struct NewMap {
    /// What the product should do, in Russian or English.
    #[oai(validator(min_length = 10, max_length = 50000))]
    pub text: String,
    /// Whether the text is taken as it is.
    #[oai(default)]
    #[serde(default)]
    pub skip_enhancement: bool,
    /// Whether the map is made from the enhanced text, if the text is enhanced; otherwise the job's result only shows it.
    #[oai(default = "yes")]
    #[serde(default = "yes")]
    pub use_enhanced_text: bool,
    /// Whether everything is asked for in one question, which is cheaper and all or nothing. Otherwise the backbone comes
    /// first, and then the stories of each activity as they are written.
    #[oai(default)]
    #[serde(default)]
    pub single_call: bool,
    /// 0 is the lowest; 7 when not given.
    #[oai(validator(maximum(value = "10")))]
    pub priority: Option<u8>,
}

fn yes() -> bool {
    true
}

impl Example for NewMap {
    fn example() -> Self {
        Self {
            text: "Food delivery app: a customer finds a restaurant, orders and pays; a courier delivers."
                .into(),
            skip_enhancement: false,
            use_enhanced_text: true,
            single_call: false,
            priority: None,
        }
    }
}

#[OpenApi]
impl Maps {
    /// Start making a story map
    ///
    /// The job's result names the project, which `GET /project/{project_id}` returns. While the job runs, its
    /// `partial_results` grow: `{"part": "enhancement"}`, `{"part": "backbone"}` with the activities, and
    /// `{"part": "activity"}` with the stories of each as they are written. A result with a `failed_count` above 0 is a map
    /// with holes, which its `failures` name.
    #[oai(path = "/generate-map-async", method = "post", operation_id = "generateMap", tag = "Tag::Maps")]
    async fn generate(&self, JsonBody(map): JsonBody<NewMap>) -> Answer<Started, Submit> {
        let mut checks = Checks::default();
        if let Err(error) = requirements::check(&map.text) {
            checks.refuse("/text", error.to_string());
        }
        checks.priority(map.priority);
        checks.finish()?;
        let characters = map.text.chars().count();
        let task = GenerateMap {
            requirements_text: map.text,
            use_enhancement: !map.skip_enhancement,
            use_enhanced_text: map.use_enhanced_text,
            mode: if map.single_call { MapMode::Single } else { MapMode::Hierarchical },
        };
        let started = start(&self.app, task, map.priority, |options| {
            options.metadata("requirements_characters", characters)
        });
        Ok(started.await?)
    }
}
