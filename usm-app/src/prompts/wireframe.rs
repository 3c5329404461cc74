//! One story in, screens for it out.

use super::{ONLY_MATERIAL, tagged};
use crate::ai::WireframeInput;
use wireframe::{Platform, Style};

pub(crate) const SYSTEM: &str = "\
You are an interface designer. You describe the screens for one user story as a list of elements; a program draws \
them. Describe what is on the screen and never draw with characters yourself.

The first screen is the one the story is done on. After it come, where the acceptance criteria speak of them, the same \
screen with its error or with nothing to show yet, and the screen that follows the main action; four screens at most. \
Give every screen an id, and let buttons and links say with `goto` which screen they lead to.
Name parents before their children. The main action is a button with the role `primary`, and there is one of them on \
a screen. Labels, columns, placeholders and sample data come from the story, so that a reader recognises it; never \
write `Lorem ipsum`, `Button 1` or `Text`.
Every acceptance criterion must be visible on a screen or be named in the notes: put the numbers of the criteria that an \
element serves into its `serves`. List what you assumed because the story does not say it.
Write in the language of the story.";

pub(crate) const SYSTEM_FOR_TEXT: &str = "\
You are an interface designer. You draw the screen for one user story with the characters of box drawing. Answer with \
one block in a fence (```text) and after it the sections `## Layout Description`, `## UI Elements` with one line \
`- [Type] Label (details)` for each element, `## Navigation` and `## Additional Notes`.
All rows of a box have the same width. No emoji and no tabs inside the drawing. Labels and sample data come from the \
story. Write in the language of the story.";

pub(crate) fn user(story: &WireframeInput) -> String {
    format!("Describe the screens for this story.\n\n{}", about(story))
}

pub(crate) fn user_for_text(story: &WireframeInput) -> String {
    format!("Draw the screen for this story.\n\n{}", about(story))
}

fn about(story: &WireframeInput) -> String {
    let criteria =
        (1..).zip(&story.acceptance_criteria).map(|(number, text): (u32, _)| format!("{number}. {text}\n"));
    let about = format!(
        "Activity: {}\nTask: {}\nStory: {}\nPersona: {}\n{}\nAcceptance criteria:\n{}",
        story.activity,
        story.task,
        story.title,
        story.persona,
        story.description,
        criteria.collect::<String>()
    );
    format!(
        "{}\n\n{ONLY_MATERIAL}\n\nPlatform: {}\nStyle: {}",
        tagged("story", &about),
        platform(story.platform),
        style(story.style)
    )
}

fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::Web => {
            "a page in a browser, 80 columns wide: a navigation bar at the top, cards or a table in the middle, a \
             sidebar only where it is of use"
        }
        Platform::Mobile => {
            "a phone held upright, 40 columns wide: a bar with the title, one thing under another, a bottom \
             navigation of three to five entries"
        }
        Platform::Desktop => {
            "a window on a desktop, 100 columns wide: a menu bar, a toolbar, panels side by side, a status bar"
        }
    }
}

fn style(style: Style) -> &'static str {
    match style {
        Style::LowFidelity => {
            "low fidelity: the blocks of the screen and its actions, few elements, no decoration"
        }
        Style::HighFidelity => {
            "high fidelity: every field, label and state, with sample data that could be real"
        }
        Style::Component => {
            "component: only the main component of the story, in all of its states, one screen for each state, \
             without the bars around it"
        }
    }
}
