//! Ugly answers of models, one file each in `tests/answers`, over real HTTP: what is made of them stands beside them.
//!
//! A file `NAME.txt` is the answer to every question, so a repair gets the same again; `NAME.length.txt` ends at the output
//! limit. `NAME.json` is the expected outcome: how often was asked, and what was read or why not. After a change of mind,
//! `USM_UPDATE_ANSWERS=1` writes them anew, to be read before they are kept.

use std::{collections::BTreeMap, fs, path::Path};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use story_map::enhancement::EnhancementAnswer;
use story_map::improvement::{ImprovementAnswer, SplitAnswer, StoryText};
use story_map::{Backbone, BackboneActivity, BackboneAnswer, MapAnswer, StoriesAnswer, StoryMap, assemble};
use usm_ai::{ChatRequest, testing::FakeAi, testing::Reply};
use usm_app::{
    ai::{Ai, ENHANCE},
    config::Config,
};
use wireframe::{FlatWireframe, Language, Platform, StoryWireframe, Style, Subject};

const REQUIREMENTS: &str = "# Горячо\nКлиент заказывает еду и платит. Курьер привозит заказ.";

/// What was read of the answers in one file, and how often was asked for it.
async fn read<T: DeserializeOwned + JsonSchema>(file: &Path, tell: impl Fn(T, &str) -> Value) -> Value {
    let text = fs::read_to_string(file).unwrap();
    let is_cut = file.to_str().unwrap().ends_with(".length.txt");
    let ai = FakeAi::always(if is_cut { Reply::cut_off(text) } else { Reply::text(text) }).await.unwrap();
    let settings = [("OPENAI_BASE_URL", ai.base_url()), ("OPENAI_MODEL", "fake".to_owned())];
    let lookup =
        |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let asked = Ai::new(&Config::from_lookup(lookup).unwrap().ai).unwrap();
    let request = ChatRequest::new(ENHANCE, "?").accept_partial();

    let outcome = match asked.all().writer.answer::<T>(&request).await {
        Ok(answer) => tell(answer.value, if answer.response.partial { "a part" } else { "all" }),
        Err(error) => json!({ "refused": error.kind().as_str(), "because": error.excerpt() }),
    };
    json!({ "asked": ai.requests().len(), "outcome": outcome })
}

/// The map in few words: under each task its stories with release, persona, number of criteria.
fn told(map: &StoryMap) -> Value {
    let stories = map.stories().take(8).map(|(activity, task, story)| {
        let criteria: Vec<String> = story.acceptance_criteria.iter().take(3).cloned().collect();
        let short: String = story.title.chars().take(40).collect();
        format!(
            "{} / {} / {short} [{}] {}: {} criteria, first {criteria:?}",
            activity.title,
            task.title,
            story.release,
            story.persona,
            story.acceptance_criteria.len(),
        )
    });
    json!({
        "name": map.name, "personas": map.personas, "notes": map.notes, "stories": map.stories().count(),
        "first": stories.collect::<Vec<_>>(),
    })
}

fn backbone() -> Backbone {
    let tasks = vec!["Выбрать блюда".to_owned(), "Оплатить".to_owned()];
    Backbone {
        name: "Горячо".to_owned(),
        personas: vec!["Клиент".to_owned()],
        activities: vec![BackboneActivity { title: "Заказ".to_owned(), tasks }],
        notes: Vec::new(),
    }
}

async fn outcome(kind: &str, file: &Path) -> Value {
    match kind {
        "map" => {
            read::<MapAnswer>(file, |answer, _| {
                let (backbone, parts) = answer.into_parts(REQUIREMENTS);
                told(&assemble(&backbone, &parts.into_iter().enumerate().collect(), Language::Russian))
            })
            .await
        }
        "backbone" => {
            read::<BackboneAnswer>(file, |answer, _| {
                let mut backbone = json!(answer.into_backbone(REQUIREMENTS));
                let activities = backbone["activities"].as_array_mut().unwrap();
                let count = activities.len();
                activities.truncate(5);
                backbone["count"] = count.into();
                backbone
            })
            .await
        }
        "stories" => {
            read::<StoriesAnswer>(file, |answer, how_much| {
                let part = answer.into_activity(&backbone(), 0, &[0, 1]);
                let mut map = told(&assemble(&backbone(), &BTreeMap::from([(0, part)]), Language::Russian));
                map["of_the_answer"] = how_much.into();
                map
            })
            .await
        }
        "wireframe" => {
            read::<FlatWireframe>(file, |answer, _| {
                let (mut tree, repairs) = answer.into_wireframe();
                let criteria = ["Номер карты обязателен".to_owned(), "Скидка видна до оплаты".to_owned()];
                let subject = Subject { story_id: None, title: "Оплатить", criteria: &criteria };
                let drawn = StoryWireframe::new(subject, &mut tree, Platform::Mobile, Style::HighFidelity);
                let picture: Vec<&str> = drawn.ascii_wireframe.lines().take(40).collect();
                let covered: Vec<bool> = drawn.coverage.iter().map(|one| one.covered).collect();
                json!({
                    "picture": picture, "elements": drawn.ui_elements.len(), "covered": covered, "repairs": repairs,
                    "navigation": drawn.navigation, "unknown_screens": drawn.unknown_screens, "notes": drawn.notes,
                })
            })
            .await
        }
        "enhancement" => {
            read::<EnhancementAnswer>(file, |answer, _| {
                let enhancement = answer.into_enhancement(REQUIREMENTS);
                let mut told = json!(enhancement);
                told["used"] = enhancement.usable().is_some().into();
                told
            })
            .await
        }
        "improvement" => {
            read::<ImprovementAnswer>(file, |answer, _| {
                let before = StoryText {
                    title: "Оплатить".to_owned(),
                    description: "Клиент платит".to_owned(),
                    acceptance_criteria: vec!["Чек приходит".to_owned()],
                };
                let text = answer.into_text(&before);
                let text = text.map(|(mut text, suggestion)| {
                    let characters = text.description.chars().count();
                    text.description = text.description.chars().take(80).collect();
                    (text, suggestion, characters)
                });
                json!(text)
            })
            .await
        }
        _ => read::<SplitAnswer>(file, |answer, _| json!(answer.into_split())).await,
    }
}

#[tokio::test]
async fn every_ugly_answer_has_the_outcome_that_stands_beside_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers");
    let (mut count, mut surprises) = (0, Vec::new());
    for kind in ["map", "backbone", "stories", "wireframe", "enhancement", "improvement", "split"] {
        let files = fs::read_dir(directory.join(kind)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
        files.sort();
        for file in files {
            let outcome = outcome(kind, &file).await;
            let beside = file.with_extension("json");
            if std::env::var_os("USM_UPDATE_ANSWERS").is_some() {
                fs::write(&beside, format!("{outcome:#}\n")).unwrap();
            }
            let expected = fs::read_to_string(&beside).unwrap_or_default();
            if expected.trim() != format!("{outcome:#}") {
                surprises.push(format!("{}: {outcome:#}", file.display()));
            }
            count += 1;
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    assert!(count >= 40, "{count} answers");
}
