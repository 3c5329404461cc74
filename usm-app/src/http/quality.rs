//! What rules say about a map, and which of its stories are alike. No AI is asked.

use poem_openapi::{Enum, Object, OpenApi, param::Path, payload::Json, types::Example};
use serde_json::Value;

use super::{
    Tag,
    answer::{Answer, Read},
    in_thread, projects,
};
use crate::{app::App, entities::project::LoadedProject};
use story_map::place;
use story_map::quality::{self, Rule, Severity};
use story_map::similarity::{self, Kind};

/// Quality.
pub(super) struct Quality {
    pub(super) app: App,
}

/// What rules say about a map.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub(super) struct QualityReport {
    /// From 0 to 100, which means that no rule is broken; it goes by shares, so large maps are not worse than small ones.
    pub score: u8,
    /// Worst first, in map order.
    pub issues: Vec<Issue>,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "QualityIssue")]
pub(super) struct Issue {
    /// Which rule, such as `missing_criteria`; the list may grow.
    pub rule: String,
    /// How bad that is.
    pub severity: SeverityName,
    /// Where.
    pub place: Place,
    /// What is wrong, in the language of the map.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// How bad an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "QualitySeverity", rename_all = "snake_case", remote = "Severity")]
pub enum SeverityName {
    /// The map has a hole.
    Error,
    /// Somebody will have to ask.
    Warning,
    /// Worth a look.
    Note,
}

/// A place on a map: the whole map, an activity, a task or a story.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "MapPlace")]
pub(super) struct Place {
    /// `2` for the second activity, `2.1` for its first task, `2.1.3` for a story; empty for the whole map.
    pub number: String,
    /// Title of the thing itself; empty for the whole map.
    pub title: String,
    /// The activity it is or stands under.
    #[oai(nullable)]
    pub activity_id: Option<i64>,
    /// The task it is or stands under.
    #[oai(nullable)]
    pub task_id: Option<i64>,
    /// The story that it is.
    #[oai(nullable)]
    pub story_id: Option<i64>,
}

/// Two stories that are alike.
#[derive(Debug, Clone, PartialEq, Object)]
#[oai(example)]
pub(super) struct SimilarStories {
    /// From 0.6 to 1, which means the same words.
    pub score: f64,
    /// How alike they are.
    pub kind: Likeness,
    /// The one that comes first on the map.
    pub first: Place,
    /// The other one.
    pub second: Place,
}

/// How alike two stories are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "Kind")]
pub enum Likeness {
    /// They say the same.
    Duplicate,
    /// They share much.
    Similar,
}

#[OpenApi]
impl Quality {
    /// Judge a map by rules
    ///
    /// Holes, stories without description or criteria, short and double titles, vague words, titles that join two things,
    /// releases out of balance, personas without stories; each with what to do about it.
    #[oai(
        path = "/project/:project_id/quality",
        method = "get",
        operation_id = "getProjectQuality",
        tag = "Tag::Maps"
    )]
    async fn quality(
        &self,
        /// The project.
        #[oai(example = "projects::example_id")]
        project_id: Path<i64>,
    ) -> Answer<Json<QualityReport>, Read> {
        let project = projects::owned(&self.app, project_id.0).await?;
        let map = project.story_map();
        let report = in_thread(move || quality::check(&map)).await?;
        let issue = |issue: quality::Issue| Issue {
            rule: name_of(issue.rule),
            severity: issue.severity.into(),
            place: Place::of(&issue.place, &project),
            message: issue.message,
            fix: issue.fix,
        };
        Ok(Json(QualityReport {
            score: report.score,
            issues: report.issues.into_iter().map(issue).collect(),
        }))
    }

    /// List stories of a map that are alike
    ///
    /// Most similar pairs first, at most 200.
    #[oai(
        path = "/project/:project_id/similar-stories",
        method = "get",
        operation_id = "getSimilarStories",
        tag = "Tag::Maps"
    )]
    async fn similar(
        &self,
        /// The project.
        #[oai(example = "projects::example_id")]
        project_id: Path<i64>,
    ) -> Answer<Json<Vec<SimilarStories>>, Read> {
        let project = projects::owned(&self.app, project_id.0).await?;
        let map = project.story_map();
        let pairs = in_thread(move || similarity::similar(&map)).await?;
        let pair = |pair: similarity::Pair| SimilarStories {
            score: pair.score,
            kind: pair.kind.into(),
            first: Place::of(&pair.first, &project),
            second: Place::of(&pair.second, &project),
        };
        Ok(Json(pairs.into_iter().map(pair).collect()))
    }
}

/// The name that the rule has in JSON.
fn name_of(rule: Rule) -> String {
    match serde_json::to_value(rule) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

impl Place {
    /// The place with the ids of what stands there.
    fn of(place: &place::Place, project: &LoadedProject) -> Self {
        let (activity, task, story) = project.at(&place.number);
        Self {
            number: place.number.clone(),
            title: place.title().to_owned(),
            activity_id: activity.map(|activity| activity.id),
            task_id: task.map(|task| task.id),
            story_id: story.map(|loaded| loaded.story.id),
        }
    }

    fn example(number: &str, title: &str, story_id: i64) -> Self {
        Self {
            number: number.into(),
            title: title.into(),
            activity_id: Some(5),
            task_id: Some(7),
            story_id: Some(story_id),
        }
    }
}

impl Example for QualityReport {
    fn example() -> Self {
        let issue = Issue {
            rule: name_of(Rule::MissingCriteria),
            severity: SeverityName::Warning,
            place: Place::example("1.1.1", "Find a restaurant by dish", 12),
            message: "Story “Find a restaurant by dish” has no acceptance criteria".into(),
            fix: "Add 2 to 4 conditions that can be tested, for example “When …, then …”".into(),
        };
        Self { score: 91, issues: vec![issue] }
    }
}

impl Example for SimilarStories {
    fn example() -> Self {
        Self {
            score: 0.83,
            kind: Likeness::Similar,
            first: Place::example("1.1.1", "Find a restaurant by dish", 12),
            second: Place::example("1.1.4", "Search restaurants by dishes", 15),
        }
    }
}
