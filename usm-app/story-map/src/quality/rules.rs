//! The table of rules. A new rule is a variant, a row, and the line in `find` that notices it.

use serde::Serialize;

use crate::Language;

/// What can be wrong; its name on the wire is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rule {
    /// There is nothing to judge.
    NoStories,
    /// An activity without stories.
    EmptyActivity,
    /// A task without stories in an activity with some.
    EmptyTask,
    /// No story is in the MVP.
    EmptyMvp,
    /// An activity with stories, none of them in the MVP.
    ActivityWithoutMvp,
    /// A story nobody has explained.
    MissingDescription,
    /// A story that cannot be tested.
    MissingCriteria,
    /// Two activities, two tasks of one activity or two stories of the map with one title.
    DuplicateTitle,
    /// A title of a few letters.
    ShortTitle,
    /// An MVP with most of a large map in it.
    LargeMvp,
    /// Nothing between the MVP and the last slice.
    SkippedRelease,
    /// A word that everybody understands differently.
    VagueWord,
    /// A title that joins two things.
    CompoundTitle,
    /// A persona without stories.
    UnusedPersona,
    /// A title that only stands for one.
    FillerTitle,
    /// A criterion that tests nothing, or that many stories share.
    FillerCriterion,
    /// A title that is no sentence.
    JunkTitle,
    /// A persona that is no role.
    NoRole,
    /// A story of nobody.
    MissingPersona,
    /// A story whose criteria are all suggestions.
    OnlySuggestions,
    /// A story that no sentence of the known requirements stands behind.
    MissingSource,
    /// Two statements of which only one can hold.
    Contradiction,
    /// An activity with one task of the same name.
    EchoedTask,
    /// A map of one or two stories.
    SmallMap,
}

/// How bad an issue is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The map has a hole.
    Error,
    /// Somebody will have to ask.
    Warning,
    /// Worth a look.
    Note,
}

/// What a rule looks at, and so what the share of broken ones is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Map,
    Activities,
    Tasks,
    Stories,
    /// Activities, tasks and stories.
    Titles,
    Personas,
}

/// One rule: how bad it is to break it, and what is said then. `{…}` are values of the finding.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) rule: Rule,
    pub(super) severity: Severity,
    /// Points lost when everything looked at breaks it.
    pub(super) weight: u8,
    pub(super) of: Of,
    russian: [&'static str; 2],
    english: [&'static str; 2],
}

#[rustfmt::skip]
pub(super) const RULES: &[Row] = &[
    Row {
        rule: Rule::NoStories, severity: Severity::Error, weight: 100, of: Of::Map,
        russian: ["На карте нет историй", "Составьте карту по тексту требований: usm generate"],
        english: ["The map has no stories", "Make the map of a requirements text: usm generate"],
    },
    Row {
        rule: Rule::EmptyActivity, severity: Severity::Error, weight: 20, of: Of::Activities,
        russian: ["Активность «{title}» пуста: в ней нет историй", "Добавьте истории или удалите активность"],
        english: ["Activity “{title}” is empty: it has no stories", "Add stories or remove the activity"],
    },
    Row {
        rule: Rule::EmptyMvp, severity: Severity::Error, weight: 25, of: Of::Map,
        russian: ["В MVP нет ни одной истории", "Перенесите в MVP по одной истории каждой активности: это сквозной сценарий"],
        english: ["No story is in the MVP", "Move one story of each activity into the MVP: a way from end to end"],
    },
    Row {
        rule: Rule::EmptyTask, severity: Severity::Warning, weight: 15, of: Of::Tasks,
        russian: ["У задачи «{title}» нет историй", "Добавьте историю или удалите задачу"],
        english: ["Task “{title}” has no stories", "Add a story or remove the task"],
    },
    Row {
        rule: Rule::ActivityWithoutMvp, severity: Severity::Warning, weight: 15, of: Of::Activities,
        russian: ["В активности «{title}» нет историй MVP: сквозной сценарий здесь прерывается", "Перенесите в MVP самую нужную историю: «{first}»"],
        english: ["Activity “{title}” has no story in the MVP: the way from end to end breaks here", "Move its most needed story into the MVP: “{first}”"],
    },
    Row {
        rule: Rule::MissingCriteria, severity: Severity::Warning, weight: 30, of: Of::Stories,
        russian: ["У истории «{title}» нет критериев приёмки", "Добавьте 2–4 проверяемых условия, например «Когда …, то …»"],
        english: ["Story “{title}” has no acceptance criteria", "Add 2 to 4 conditions that can be tested, for example “When …, then …”"],
    },
    Row {
        rule: Rule::MissingDescription, severity: Severity::Warning, weight: 20, of: Of::Stories,
        russian: ["У истории «{title}» нет описания", "Опишите, кто, что и зачем делает: «Как …, я хочу …, чтобы …»"],
        english: ["Story “{title}” has no description", "Say who wants what, and why: “As a …, I want …, so that …”"],
    },
    Row {
        rule: Rule::DuplicateTitle, severity: Severity::Warning, weight: 20, of: Of::Titles,
        russian: ["Название «{title}» уже есть: {other}", "Объедините с {other} или назовите, чем отличается"],
        english: ["The title “{title}” exists already: {other}", "Merge it with {other}, or say in the title what is different"],
    },
    Row {
        rule: Rule::ShortTitle, severity: Severity::Warning, weight: 10, of: Of::Titles,
        russian: ["Название «{title}» слишком короткое", "Назовите действие и предмет, например «Войти по номеру телефона»"],
        english: ["The title “{title}” is too short", "Name an action and a thing, for example “Sign in by phone number”"],
    },
    Row {
        rule: Rule::LargeMvp, severity: Severity::Warning, weight: 8, of: Of::Map,
        russian: ["В MVP больше половины карты: {count} из {all} историй", "Оставьте в MVP то, без чего нет сквозного сценария; остальное — в Release 1"],
        english: ["The MVP has more than half of the map: {count} of {all} stories", "Keep in the MVP what the way from end to end needs; the rest goes to Release 1"],
    },
    Row {
        rule: Rule::SkippedRelease, severity: Severity::Note, weight: 4, of: Of::Map,
        russian: ["В Release 1 нет историй, а в Later есть: {count}", "Перенесите в Release 1 самые нужные истории из Later"],
        english: ["Release 1 has no stories, but Later has: {count}", "Move the most needed stories of Later to Release 1"],
    },
    Row {
        rule: Rule::VagueWord, severity: Severity::Note, weight: 10, of: Of::Stories,
        russian: ["В истории «{title}» есть слова, которые нельзя проверить: {words}", "Назовите число или видимый результат вместо: {words}"],
        english: ["Story “{title}” has words that cannot be tested: {words}", "Give a number or a visible outcome in place of: {words}"],
    },
    Row {
        rule: Rule::CompoundTitle, severity: Severity::Note, weight: 8, of: Of::Stories,
        russian: ["В названии «{title}» через «{word}» соединены две вещи", "Если это две истории, разделите: «{first}» и «{second}»"],
        english: ["The title “{title}” joins two things by “{word}”", "If these are two stories, split them: “{first}” and “{second}”"],
    },
    Row {
        rule: Rule::UnusedPersona, severity: Severity::Note, weight: 5, of: Of::Personas,
        russian: ["У роли «{title}» нет ни одной истории", "Добавьте истории этой роли или удалите её"],
        english: ["Persona “{title}” has no story", "Add stories of this persona or remove it"],
    },
    Row {
        rule: Rule::FillerTitle, severity: Severity::Error, weight: 60, of: Of::Titles,
        russian: ["Название «{title}» ничего не говорит", "Назовите действие и предмет словами требований"],
        english: ["The title “{title}” says nothing", "Name an action and a thing in the words of the requirements"],
    },
    Row {
        rule: Rule::FillerCriterion, severity: Severity::Warning, weight: 50, of: Of::Stories,
        russian: ["Критерий истории «{title}» ничего не проверяет: «{criterion}»", "Скажите, что видно, когда история готова"],
        english: ["A criterion of story “{title}” tests nothing: “{criterion}”", "Say what can be seen when the story is done"],
    },
    Row {
        rule: Rule::JunkTitle, severity: Severity::Error, weight: 60, of: Of::Stories,
        russian: ["Название «{title}» не похоже на требование", "Удалите историю или назовите, что человек делает"],
        english: ["The title “{title}” is no requirement", "Remove the story, or say what somebody does"],
    },
    Row {
        rule: Rule::NoRole, severity: Severity::Warning, weight: 30, of: Of::Stories,
        russian: ["«{persona}» истории «{title}» — не роль", "Назовите, кто это делает"],
        english: ["“{persona}” of story “{title}” is no role", "Say who does it"],
    },
    Row {
        rule: Rule::MissingPersona, severity: Severity::Note, weight: 20, of: Of::Stories,
        russian: ["У истории «{title}» нет роли", "Назовите, кто это делает или кому это нужно"],
        english: ["Story “{title}” has no persona", "Say who does it or who needs it"],
    },
    Row {
        rule: Rule::OnlySuggestions, severity: Severity::Note, weight: 15, of: Of::Stories,
        russian: ["У истории «{title}» критерии только предложены", "Подтвердите предложение или замените его своим критерием"],
        english: ["The criteria of story “{title}” are suggestions only", "Confirm the suggestion, or put a criterion of your own in its place"],
    },
    Row {
        rule: Rule::MissingSource, severity: Severity::Warning, weight: 20, of: Of::Stories,
        russian: ["За историей «{title}» не стоит ни одного предложения требований", "Найдите её в требованиях или спросите, нужна ли она"],
        english: ["No sentence of the requirements stands behind story “{title}”", "Find it in the requirements, or ask whether it is wanted"],
    },
    Row {
        rule: Rule::Contradiction, severity: Severity::Warning, weight: 20, of: Of::Map,
        russian: ["Спорят друг с другом: «{first}» и «{second}»", "Спросите, что верно"],
        english: ["At odds with each other: “{first}” and “{second}”", "Ask which of them holds"],
    },
    Row {
        rule: Rule::EchoedTask, severity: Severity::Note, weight: 8, of: Of::Activities,
        russian: ["Единственная задача активности «{title}» повторяет её название", "Разложите истории по шагам"],
        english: ["The only task of activity “{title}” repeats its title", "Lay the stories out by steps"],
    },
    Row {
        rule: Rule::SmallMap, severity: Severity::Note, weight: 30, of: Of::Map,
        russian: ["На карте почти нет историй: {count}", "Допишите требования: что происходит до и после"],
        english: ["The map has hardly any stories: {count}", "Write more requirements: what happens before and after"],
    },
];

impl Rule {
    pub(super) fn row(self) -> &'static Row {
        // A test holds that every rule has its row; the first stands in where that cannot be.
        RULES.iter().find(|row| row.rule == self).unwrap_or(&RULES[0])
    }
}

impl Row {
    /// Message and fix with the values in their places.
    pub(super) fn texts(&self, language: Language, values: &[(&str, String)]) -> (String, String) {
        let [message, fix] = match language {
            Language::Russian => self.russian,
            Language::English => self.english,
        };
        (filled(message, values), filled(fix, values))
    }

    #[cfg(test)]
    pub(super) fn templates(&self) -> [[&'static str; 2]; 2] {
        [self.russian, self.english]
    }
}

/// The template with its values; a value is not looked into again, whatever it contains.
fn filled(template: &str, values: &[(&str, String)]) -> String {
    let mut out = String::with_capacity(template.len() + 40);
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else { break };
        out.push_str(before);
        out.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = after;
    }
    out.push_str(rest);
    out
}
