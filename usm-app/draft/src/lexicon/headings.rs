//! What a heading or the head of a column announces. A heading counts when all its words are of the table, so that
//! "Risk assessment" stays a feature.

use super::bare;

/// What stands under a heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Requirements,
    Criteria,
    Personas,
    /// When what is made.
    Releases,
    /// What applies to the whole product.
    Qualities,
    Background,
    Goals,
    OutOfScope,
    Risks,
    Plan,
    Glossary,
    People,
    Actions,
    Questions,
    Meta,
}

/// Words that say nothing of their own in a heading.
#[rustfmt::skip]
const FILLERS: &[&str] = &[
    "and", "of", "the", "our", "for", "to", "in", "a", "an", "key", "main", "other", "what", "we", "are", "is", "on",
    "this", "и", "в", "на", "для", "по", "с", "о", "об", "от", "до", "что", "мы", "наши", "основные", "главные",
    "прочие", "как", "это", "der", "die", "y", "de",
];

/// Words by what they announce; a heading is of the first part that one of its words announces.
#[rustfmt::skip]
const PARTS: &[(Part, &[&str])] = &[
    (
        Part::OutOfScope,
        &[
            "scope", "out", "non-goals", "nongoals", "non-goal", "exclusions", "excluded", "won't", "wont", "not",
            "doing", "do", "will", "рамок", "вне", "рамками", "за", "не", "делаем", "входит", "нецели", "не-цели",
            "исключения", "будет",
        ],
    ),
    (
        Part::Questions,
        &[
            "questions", "question", "open", "unknowns", "tbd", "вопросы", "вопрос", "открытые", "нерешенные",
            "неясно", "уточнить",
        ],
    ),
    (
        Part::Criteria,
        &[
            "acceptance", "criteria", "criterion", "conditions", "satisfaction", "критерии", "критерий", "приемки",
            "готовности", "условия",
        ],
    ),
    (
        Part::Qualities,
        &[
            "non-functional", "nonfunctional", "nfr", "nfrs", "quality", "attributes", "requirements",
            "нефункциональные", "требования", "качество", "ограничения", "constraints",
        ],
    ),
    (
        Part::Actions,
        &[
            "action", "actions", "items", "todo", "todos", "to-do", "next", "steps", "followups", "follow-up",
            "поручения", "задачи", "следующие", "шаги", "действия",
        ],
    ),
    (
        Part::People,
        &[
            "attendees", "participants", "present", "absent", "apologies", "team", "stakeholders", "contacts",
            "signatures", "signature", "approvals", "sign-off", "signed", "участники", "присутствовали",
            "присутствующие", "отсутствовали", "команда", "контакты", "подписи", "реквизиты", "сторон",
            "стейкхолдеры", "согласовано", "адреса",
        ],
    ),
    (
        Part::Goals,
        &[
            "goal", "goals", "success", "metric", "metrics", "kpi", "kpis", "okr", "okrs", "objectives", "objective",
            "business", "outcomes", "targets", "measures", "north", "star", "цель", "цели", "метрики", "метрика",
            "показатели", "успеха", "бизнес-цели", "бизнес", "зачем",
        ],
    ),
    (
        Part::Risks,
        &[
            "risk", "risks", "mitigation", "mitigations", "dependencies", "assumptions", "риск", "риски", "допущения",
            "зависимости",
        ],
    ),
    (
        Part::Plan,
        &[
            "milestone", "milestones", "timeline", "schedule", "budget", "cost", "costs", "dates", "deadlines",
            "rollout", "launch", "plan", "estimate", "estimates", "payment", "terms", "price", "prices", "сроки",
            "срок", "этапы", "план", "график", "бюджет", "смета", "стоимость", "вехи", "календарный", "оценка",
            "цена", "порядок", "расчетов", "оплаты",
        ],
    ),
    (
        Part::Glossary,
        &[
            "glossary", "definitions", "terms", "terminology", "abbreviations", "acronyms", "глоссарий", "термины",
            "определения", "сокращения", "обозначения", "понятия",
        ],
    ),
    (
        Part::Personas,
        &[
            "persona", "personas", "users", "user", "roles", "role", "actors", "audience", "who", "uses", "персоны",
            "роли", "пользователи", "кто", "пользуется", "аудитория", "акторы", "ролевая", "модель", "действующие",
            "лица",
        ],
    ),
    (
        Part::Releases,
        &[
            "release", "releases", "priorities", "priority", "приоритеты", "приоритет", "релизы", "релиз",
            "очередность", "очереди",
        ],
    ),
    (
        Part::Background,
        &[
            "context", "background", "introduction", "intro", "overview", "summary", "executive", "problem",
            "statement", "motivation", "why", "purpose", "vision", "about", "history", "situation", "current",
            "document", "project", "discussion", "agenda", "notes", "general", "preamble", "subject", "agreement",
            "контекст", "введение", "обзор", "проблема", "проблематика", "предпосылки", "предыстория", "описание",
            "общее", "общие", "сведения", "положения", "проекта", "проекте", "продукте", "ситуация", "текущая",
            "назначение", "документа", "мотивация", "повестка", "преамбула", "предмет", "договора", "резюме",
            "обсуждение",
        ],
    ),
    (
        Part::Meta,
        &[
            "author", "authors", "status", "version", "date", "updated", "last", "owner", "revision", "changelog",
            "changes", "references", "appendix", "автор", "авторы", "статус", "версия", "дата", "обновлено",
            "изменения", "приложение", "ссылки", "источники",
        ],
    ),
];

/// Words that announce nothing alone: "Requirements", "Payment", "Users", "Do".
#[rustfmt::skip]
const WEAK: &[&str] = &[
    "out", "not", "do", "doing", "will", "за", "не", "будет", "requirements", "требования", "items", "payment",
    "terms", "price", "prices", "open", "question", "user", "business", "бизнес", "star", "north", "plan", "document",
    "documents", "project", "общие", "общее", "задачи", "шаги", "steps", "next", "оплаты", "порядок", "оценка",
    "адреса", "команда", "team", "модель", "notes", "условия", "conditions", "attributes", "quality", "present",
    "role", "last", "owner", "date", "дата", "general", "current", "за", "scope", "approvals", "реквизиты", "status",
    "статус", "launch", "сроки", "agreement", "subject", "uses", "who", "кто", "о", "schedule", "график", "расчетов",
    "items", "price", "цена", "actions", "действия", "contacts", "контакты", "measures", "estimates", "version",
    "roles", "роли", "приложение", "пользователи", "users", "changes", "изменения",
];

/// Weak words that are the whole heading announce all the same.
const ALONE: &[(&str, Part)] = &[
    ("users", Part::Personas),
    ("roles", Part::Personas),
    ("роли", Part::Personas),
    ("пользователи", Part::Personas),
    ("price", Part::Plan),
    ("plan", Part::Plan),
    ("schedule", Part::Plan),
    ("сроки", Part::Plan),
    ("notes", Part::Background),
    ("team", Part::People),
    ("команда", Part::People),
    ("status", Part::Meta),
    ("статус", Part::Meta),
    ("version", Part::Meta),
    ("date", Part::Meta),
    ("дата", Part::Meta),
    ("owner", Part::Meta),
    ("contacts", Part::People),
    ("контакты", Part::People),
    ("approvals", Part::People),
    ("present", Part::People),
    ("schedule", Part::Plan),
    ("график", Part::Plan),
    ("цена", Part::Plan),
    ("реквизиты", Part::People),
    ("next steps", Part::Actions),
    ("следующие шаги", Part::Actions),
    ("open items", Part::Questions),
    ("quality", Part::Qualities),
    ("quality requirements", Part::Qualities),
    ("payment terms", Part::Plan),
    ("порядок расчетов", Part::Plan),
    ("порядок оплаты", Part::Plan),
    ("out of scope", Part::OutOfScope),
    ("not in scope", Part::OutOfScope),
    ("what we are not doing", Part::OutOfScope),
    ("not doing", Part::OutOfScope),
    ("кто пользуется", Part::Personas),
    ("who uses it", Part::Personas),
    ("business goals", Part::Goals),
    ("не делаем", Part::OutOfScope),
    ("за рамками", Part::OutOfScope),
    ("не входит", Part::OutOfScope),
    ("что не входит", Part::OutOfScope),
    ("general", Part::Background),
    ("general provisions", Part::Background),
    ("общие положения", Part::Background),
    ("next meeting", Part::Plan),
    ("следующая встреча", Part::Plan),
    ("scenario", Part::Criteria),
    ("owners", Part::Meta),
    ("scope", Part::Background),
    ("changes", Part::Meta),
    ("изменения", Part::Meta),
];

/// What a heading announces.
pub(crate) fn part(heading: &str) -> Part {
    let words: Vec<String> = heading
        .split(|c: char| c.is_whitespace() || matches!(c, '/' | '&' | ',' | ':' | '(' | ')'))
        .map(bare)
        .filter(|word| !word.is_empty() && !word.chars().all(|c| c.is_ascii_digit()))
        .collect();
    let whole = words.join(" ").replace('’', "'");
    if let Some((_, part)) = ALONE.iter().find(|(text, _)| *text == whole) {
        return *part;
    }
    let said: Vec<&str> = words.iter().map(String::as_str).filter(|word| !FILLERS.contains(word)).collect();
    // Requirements "for criteria of …" name what the criteria are of.
    if whole.starts_with("acceptance criteria") || whole.starts_with("критерии приемки") {
        return Part::Criteria;
    }
    let known = |word: &&str| PARTS.iter().any(|(_, words)| words.contains(word));
    let strong = |words: &[&str]| said.iter().any(|word| words.contains(word) && !WEAK.contains(word));
    if said.is_empty() || !said.iter().all(known) {
        return Part::Requirements;
    }
    // Words that announce nothing alone do so together: "Price and payment terms".
    let together = |words: &[&str]| said.len() > 1 && said.iter().all(|word| words.contains(word));
    let found = PARTS
        .iter()
        .find(|(_, words)| strong(words))
        .or_else(|| PARTS.iter().find(|(_, words)| together(words)));
    found.map_or(Part::Requirements, |(part, _)| *part)
}

/// What a column of a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Release,
    Persona,
    Requirement,
    Criteria,
    Benefit,
    /// Titles above: epic, feature, module.
    Group,
    /// Figures of a goal.
    Metric,
    Comment,
}

#[rustfmt::skip]
const COLUMNS: &[(Column, &[&str])] = &[
    (
        Column::Metric,
        &["metric", "target", "today", "baseline", "kpi", "метрика", "показатель", "сейчас", "целевое"],
    ),
    (
        Column::Name,
        &["id", "no", "nr", "number", "ref", "key", "code", "№", "номер", "код", "п/п", "ид", "#"],
    ),
    (
        Column::Release,
        &[
            "priority", "prio", "moscow", "release", "phase", "version", "milestone", "приоритет", "релиз", "версия",
            "этап", "очередь",
        ],
    ),
    (
        Column::Persona,
        &["persona", "role", "actor", "user", "who", "as", "роль", "персона", "кто", "пользователь", "актор"],
    ),
    (Column::Criteria, &["criteria", "criterion", "acceptance", "критерии", "критерий"]),
    (Column::Benefit, &["benefit", "why", "value", "so", "польза", "зачем", "ценность"]),
    (
        Column::Requirement,
        &[
            "requirement", "story", "description", "need", "what", "want", "function", "functionality", "text",
            "action", "task", "требование", "история", "описание", "функция", "функционал", "что", "действие",
            "задача", "возможность", "хочет", "capability",
        ],
    ),
    (
        Column::Group,
        &[
            "epic", "feature", "module", "area", "block", "section", "group", "category", "эпик", "модуль", "блок",
            "раздел", "группа", "фича", "категория",
        ],
    ),
    (
        Column::Comment,
        &[
            "comment", "notes", "note", "status", "owner", "estimate", "комментарий", "примечание", "статус",
            "ответственный", "оценка",
        ],
    ),
];

/// What the head of a column announces.
pub(crate) fn column(head: &str) -> Option<Column> {
    let words: Vec<String> = head
        .split_whitespace()
        .map(|word| if word == "№" || word == "#" { word.to_owned() } else { bare(word) })
        .collect();
    // "User story" is no user.
    if words.iter().any(|word| matches!(word.as_str(), "story" | "stories" | "need" | "история" | "истории"))
    {
        return Some(Column::Requirement);
    }
    COLUMNS
        .iter()
        .find(|(_, known)| words.iter().any(|word| known.contains(&word.as_str())))
        .map(|(column, _)| *column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_announce_what_all_their_words_announce() {
        for (heading, expected) in [
            ("2. Goals and success metrics", Part::Goals),
            ("Non-goals", Part::OutOfScope),
            ("Out of scope", Part::OutOfScope),
            ("6. Non-functional requirements", Part::Qualities),
            ("Problem statement", Part::Background),
            ("Action items", Part::Actions),
            ("Открытые вопросы", Part::Questions),
            ("Вне рамок", Part::OutOfScope),
            ("Приоритеты", Part::Releases),
            ("Зачем", Part::Goals),
            ("Кто пользуется", Part::Personas),
            ("Цена и порядок расчётов", Part::Plan),
            ("Подписи сторон", Part::People),
            ("Risk assessment", Part::Requirements),
            ("Requirements", Part::Requirements),
            ("Payment", Part::Requirements),
            ("Booking a class", Part::Requirements),
            ("Notifications", Part::Requirements),
            ("Полисы", Part::Requirements),
            ("Decisions", Part::Requirements),
        ] {
            assert_eq!(part(heading), expected, "{heading}");
        }
    }
}
