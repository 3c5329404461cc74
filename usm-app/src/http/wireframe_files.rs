//! Wireframes as files: `/project/{id}/story/{id}/wireframes/{id}/` with `image.svg`, `page.html`, `text.txt` or `notes.md`.
//!
//! Plain documents for browsers and drawing programs, so they are no operations of the OpenAPI document.

use poem::{Endpoint, FromRequest, Request, Response, http::header, web::Path};

use super::{problem::Problem, projects::check_owned};
use crate::{
    app::App,
    entities::{
        user_story::{self, Scope},
        wireframe,
    },
};
use ::wireframe::{
    Language, Source, StoryWireframe, Subject, Wireframe, criteria,
    render::{ascii, html, svg},
};

/// Style sheets in the document itself, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Serves the files.
pub(super) struct WireframeFiles {
    pub(super) app: App,
}

impl Endpoint for WireframeFiles {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = Path::<(i64, i64, i64, String)>::from_request_without_body(&request).await;
        let Ok(Path((project_id, story_id, wireframe_id, name))) = path else {
            return Err(
                Problem::not_found("there is no such wireframe; its address has three numbers").into()
            );
        };
        let drawn = self.drawn(project_id, story_id, wireframe_id).await?;
        let (content_type, text) = file(&name, drawn)?;
        Ok(Response::builder()
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .body(text))
    }
}

impl WireframeFiles {
    /// A wireframe of a story of the user's own project, with its tree; without screens when a model drew it.
    async fn drawn(&self, project: i64, story: i64, id: i64) -> Result<(StoryWireframe, Wireframe), Problem> {
        check_owned(&self.app, project).await?;
        let rows = wireframe::by_story(&self.app.db, project, story).await?;
        let row = rows.into_iter().find(|row| row.id == id);
        let stories = user_story::by_ids(&self.app.db, Scope::Project(project), &[story]).await?;
        let (Some(row), Some(story)) = (row, stories.into_iter().next()) else {
            return Err(Problem::not_found(format!(
                "story {story} of project {project} has no wireframe {id}"
            )));
        };
        let subject =
            Subject { story_id: Some(story.id), title: &story.title, criteria: &story.acceptance_criteria.0 };
        let (platform, style) =
            (row.platform.parse().unwrap_or_default(), row.style.parse().unwrap_or_default());
        let mut tree: Wireframe = serde_json::from_value(row.tree).unwrap_or_default();
        let mut drawn = StoryWireframe::new(subject, &mut tree, platform, style);
        if tree.screens.is_empty() {
            let list = |lines: &[String]| lines.iter().map(|line| format!("- {line}\n")).collect::<String>();
            let language = Language::of(&story.title);
            drawn = StoryWireframe {
                ascii_wireframe: row.ascii_wireframe,
                layout_description: row.layout_description,
                navigation: list(&row.navigation.0),
                notes: list(&row.notes.0),
                coverage: criteria::cover_named(subject.criteria, &row.ui_elements.0, language),
                ui_elements: row.ui_elements.0,
                full_text: row.full_text,
                source: Source::Text,
                ..drawn
            };
        }
        Ok((drawn, tree))
    }
}

fn file(name: &str, (drawn, tree): (StoryWireframe, Wireframe)) -> Result<(&'static str, String), Problem> {
    let is_tree = drawn.source == Source::Tree;
    Ok(match name {
        "page.html" => ("text/html; charset=utf-8", html::render(&drawn, &tree)),
        "image.svg" if is_tree => {
            ("image/svg+xml", svg::render(&tree, &drawn.story_title, drawn.platform, drawn.style))
        }
        "image.svg" => ("image/svg+xml", svg::render_text(&drawn.ascii_wireframe, &drawn.story_title)),
        "text.txt" if is_tree => {
            ("text/plain; charset=utf-8", ascii::render(&tree, drawn.platform, drawn.style))
        }
        "text.txt" => ("text/plain; charset=utf-8", drawn.ascii_wireframe),
        "notes.md" => ("text/markdown; charset=utf-8", drawn.full_text),
        _ => {
            return Err(Problem::not_found(
                "a wireframe has the files image.svg, page.html, text.txt and notes.md",
            ));
        }
    })
}
