//! A small Russian map that every export is tested with; its texts try to break each format.

use crate::{Activity, Release, Source, Story, StoryMap, Unmapped, UserTask, VERSION};

/// A map with two activities, all releases, markup, quotes and a line break in its texts.
pub fn map() -> StoryMap {
    StoryMap {
        version: VERSION,
        name: "Доставка еды «Обед»".into(),
        personas: vec!["Клиент".into(), "Курьер".into()],
        releases: Release::all(),
        activities: vec![
            activity(
                "Выбор блюд",
                "Найти ресторан",
                vec![
                    story(
                        "Найти ресторан по адресу",
                        "Клиент",
                        Release::Mvp,
                        &[
                            "Список содержит только рестораны, которые везут по адресу",
                            "Если ресторанов нет, показано «Пока не возим сюда»",
                        ],
                    ),
                    story(
                        "Фильтр по кухне | цене",
                        "Клиент",
                        Release::Release1,
                        &["Фильтр *сохраняется*\nпри возврате"],
                    ),
                ],
            ),
            activity(
                "Доставка",
                "Отвезти заказ",
                vec![
                    story(
                        "Принять заказ",
                        "Курьер",
                        Release::Mvp,
                        &["Заказ виден не позже 5 с после оплаты"],
                    ),
                    story("Оценить <курьера>", "Клиент", Release::Later, &[]),
                ],
            ),
        ],
        notes: vec!["Черновик составлен без ИИ".into()],
        questions: vec!["Кто платит за <возврат>?".into()],
        unmapped: vec![Unmapped {
            text: "Рост заказов на 20 %".into(),
            reason: "цель или показатель".into(),
        }],
    }
}

fn activity(title: &str, task: &str, stories: Vec<Story>) -> Activity {
    Activity { title: title.into(), tasks: vec![UserTask { title: task.into(), stories }] }
}

fn story(title: &str, persona: &str, release: Release, criteria: &[&str]) -> Story {
    Story {
        title: title.into(),
        description: format!("{persona} хочет «{}»", title.to_lowercase()),
        persona: persona.into(),
        release,
        acceptance_criteria: criteria.iter().map(|text| (*text).into()).collect(),
        source: (release == Release::Mvp)
            .then(|| Source { sentence: format!("{persona}: {title}."), requirement: "R1".into() }),
    }
}
