//! A map as a file, in every form that `usm export` has.

use poem::{IntoResponse, Response, http::header};
use poem_openapi::{
    ApiResponse, Enum, OpenApi,
    param::{Path, Query},
    payload::{Binary, Payload},
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry},
    types::Type,
};

use super::{
    Tag,
    answer::{Answer, ReadAs},
    in_thread, projects,
};
use crate::app::App;
use story_map::export::{Format, file_name, jira::Epics};

/// Exports.
pub(super) struct Exports {
    pub(super) app: App,
}

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename = "ExportFormat", rename_all = "kebab-case", remote = "Format")]
pub enum FormatName {
    /// For a repository and a review; `usm import` reads it back.
    Markdown,
    /// For scripts and backups, versioned; `usm import` reads it back.
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

/// What becomes an epic in Jira; the other level becomes a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum)]
#[oai(rename = "ExportEpics", rename_all = "snake_case", remote = "Epics")]
pub enum EpicsName {
    /// Each activity.
    #[default]
    Activities,
    /// Each task.
    Tasks,
}

#[OpenApi]
impl Exports {
    /// Download a map as a file
    ///
    /// The answer has the media type of the form, and a name for the file in `Content-Disposition`.
    #[oai(
        path = "/project/:project_id/export",
        method = "get",
        operation_id = "exportProject",
        tag = "Tag::Maps"
    )]
    async fn export(
        &self,
        /// The project.
        #[oai(example = "projects::example_id")]
        project_id: Path<i64>,
        /// The form.
        format: Query<FormatName>,
        /// For Jira: what becomes an epic.
        #[oai(default)]
        epics: Query<EpicsName>,
    ) -> Answer<Download, ReadAs> {
        let map = projects::owned(&self.app, project_id.0).await?.story_map();
        let format = Format::from(format.0);
        let name = file_name::of(&map.name, format.ending());
        let text = in_thread(move || format.write(&map, epics.0.into())).await?;
        Ok(Download { media_type: format.media_type(), name, text })
    }
}

/// The values of the parameter whose type the framework names in its complaint.
pub(super) fn allowed_in(complaint: &str) -> Option<Vec<String>> {
    let mut registry = Registry::new();
    FormatName::register(&mut registry);
    EpicsName::register(&mut registry);
    let (_, schema) =
        registry.schemas.into_iter().find(|(name, _)| complaint.contains(&format!("\"{name}\"")))?;
    let name = |value: serde_json::Value| value.as_str().map(str::to_owned);
    Some(schema.enum_items.into_iter().filter_map(name).collect())
}

/// A file to be saved.
#[derive(Debug)]
pub(super) struct Download {
    media_type: &'static str,
    name: String,
    text: String,
}

impl Download {
    /// The name after RFC 6266: as it is, in `filename*`, and in `filename` for programs that do not know that.
    fn disposition(&self) -> String {
        let (_, ending) = self.name.rsplit_once('.').unwrap_or_default();
        let plain = if self.name.is_ascii() { self.name.clone() } else { format!("story-map.{ending}") };
        let encoded: String = self.name.bytes().map(encoded).collect();
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

/// A byte of a file name as RFC 8187 wants it.
fn encoded(byte: u8) -> String {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        Response::builder()
            .header(header::CONTENT_TYPE, self.media_type)
            .header(header::CONTENT_DISPOSITION, self.disposition())
            .body(self.text)
    }
}

impl ApiResponse for Download {
    fn meta() -> MetaResponses {
        let disposition = MetaHeader {
            name: "Content-Disposition".to_owned(),
            description: Some("`attachment`, with a name made of the product's.".to_owned()),
            required: true,
            deprecated: false,
            schema: String::schema_ref(),
        };
        // One media type for all of them: generated clients take one per operation.
        let content = MetaMediaType { content_type: "*/*", schema: Binary::<String>::schema_ref() };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The file.",
                status: Some(200),
                status_range: None,
                content: vec![content],
                headers: vec![disposition],
            }],
        }
    }

    fn register(_: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disposition(name: &str) -> String {
        Download { media_type: "text/csv", name: name.into(), text: String::new() }.disposition()
    }

    #[test]
    fn a_name_in_any_script_survives() {
        assert_eq!(
            disposition("Обед-2.csv"),
            "attachment; filename=\"story-map.csv\"; filename*=UTF-8''%D0%9E%D0%B1%D0%B5%D0%B4-2.csv"
        );
        assert_eq!(disposition("Shop.svg"), "attachment; filename=\"Shop.svg\"; filename*=UTF-8''Shop.svg");
    }
}
