//! Patterns of screens as data: which verbs call for one, and what is on it from top to bottom.

use super::phrase::Phrase;
use crate::lexicon::Lexicon;

/// A part of a screen; what it shows comes from the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A field to search by, with its button.
    Search,
    /// Things one under another.
    Rows,
    /// Things of which one is chosen.
    Choices,
    /// Ways that the story names.
    Options,
    /// A field for each thing named.
    Fields,
    /// What the question is about.
    Subject,
    /// One thing with what the story says is seen of it.
    Details,
    File,
    Camera,
    Scale,
    Credentials,
    /// A message that came in.
    Message,
    /// The story's own alternatives.
    Decision,
    Action,
}

impl Part {
    /// In Russian and English, for the description of the layout.
    pub(super) fn purpose(self) -> (&'static str, &'static str) {
        match self {
            Self::Search => ("строка поиска", "a search field"),
            Self::Rows => ("список", "the list"),
            Self::Choices => ("варианты", "what can be chosen"),
            Self::Options => ("способы из истории", "the ways the story names"),
            Self::Fields => ("поля", "the fields"),
            Self::Subject => ("предмет", "what it is about"),
            Self::Details => ("карточка", "a card"),
            Self::File => ("файл", "the file"),
            Self::Camera => ("камера и код", "the camera and the code"),
            Self::Scale => ("шкала", "the scale"),
            Self::Credentials => ("данные для входа", "credentials"),
            Self::Message => ("сообщение", "the message"),
            Self::Decision => ("решение", "the decision"),
            Self::Action => ("кнопки", "the buttons"),
        }
    }
}

/// A kind of screen.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Also the id of the screen.
    pub(super) id: &'static str,
    /// Verbs that call for it, `*` standing for any ending.
    verbs: &'static [&'static str],
    pub(super) parts: &'static [Part],
    /// The label of its button.
    pub(super) action: (&'static str, &'static str),
}

impl Pattern {
    pub(super) fn has_rows(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Rows | Part::Choices))
    }

    /// Whether something is given to it that can be refused.
    pub(super) fn asks(&self) -> bool {
        let takes = |part: &Part| {
            matches!(
                part,
                Part::Fields
                    | Part::File
                    | Part::Camera
                    | Part::Credentials
                    | Part::Options
                    | Part::Choices
                    | Part::Action
            )
        };
        self.parts.iter().any(takes)
    }
}

/// Where no verb tells.
pub(super) const PLAIN: Pattern =
    Pattern { id: "details", verbs: &[], parts: &[Part::Details], action: ("Готово", "Done") };
/// Where a verb is known to be one and no pattern fits.
const FORM: Pattern =
    Pattern {
        id: "form", verbs: &[], parts: &[Part::Fields, Part::Action], action: ("Сохранить", "Save")
    };

/// The first that fits is taken.
#[rustfmt::skip]
const PATTERNS: &[Pattern] = &[
    Pattern {
        id: "search", parts: &[Part::Search, Part::Rows], action: ("Найти", "Search"),
        verbs: &["search*", "find*", "filter*", "discover*", "look*", "ищет", "ищут", "искать", "найти", "находит", "фильтр*", "отсортир*", "сортир*"],
    },
    Pattern {
        id: "list", parts: &[Part::Rows], action: ("Готово", "Done"),
        verbs: &[
            "see", "sees", "view*", "watch*", "browse*", "monitor*", "track*", "show*", "display*", "compare*", "follow*", "list*", "highlight*",
            "видит", "видят", "видеть", "увидеть", "смотр*", "посмотр*", "просматр*", "отслежива*", "сравнива*", "показыва*", "показать", "следит",
        ],
    },
    Pattern {
        id: "payment", parts: &[Part::Subject, Part::Options, Part::Action], action: ("Оплатить", "Pay"),
        verbs: &["pay", "pays", "buy", "buys", "purchase*", "оплачив*", "оплат*", "платит", "платят", "покупа*", "купить"],
    },
    Pattern {
        id: "login", parts: &[Part::Credentials, Part::Action], action: ("Войти", "Sign in"),
        verbs: &["login*", "log in", "logs in", "log on", "sign in", "signs in", "sign up", "signs up", "войти", "входит", "входят", "авториз*"],
    },
    Pattern {
        id: "upload", parts: &[Part::File, Part::Action], action: ("Загрузить", "Upload"),
        verbs: &["upload*", "attach*", "photograph*", "import*", "загруж*", "загруз*", "прикреп*", "прилага*", "прикладыв*", "фотограф*", "фотка*", "импорт*"],
    },
    Pattern {
        id: "scan", parts: &[Part::Camera, Part::Action], action: ("Готово", "Done"),
        verbs: &["scan*", "identif*", "сканир*", "отсканир*"],
    },
    Pattern {
        id: "rating", parts: &[Part::Scale, Part::Action], action: ("Отправить", "Send"),
        verbs: &["rate", "rates", "review", "reviews", "оценива*", "оценить", "ставит"],
    },
    Pattern {
        id: "decision", parts: &[Part::Details, Part::Decision], action: ("Подтвердить", "Confirm"),
        verbs: &["approve*", "reject*", "accept*", "decline*", "confirm*", "verif*", "утвержда*", "одобря*", "отклоня*", "принима*", "принять", "подтвержда*", "подтвердить", "согласов*", "проверя*"],
    },
    Pattern {
        id: "confirm", parts: &[Part::Subject, Part::Action], action: ("Подтвердить", "Confirm"),
        verbs: &["cancel*", "delete*", "remove*", "block*", "freeze*", "revoke*", "close*", "отменя*", "отменить", "удаля*", "удалить", "блокир*", "закрыва*", "отзыва*", "заморож*"],
    },
    Pattern {
        id: "choice", parts: &[Part::Choices, Part::Action], action: ("Выбрать", "Choose"),
        verbs: &["choose*", "select*", "pick*", "book", "books", "reserve*", "assign*", "take", "takes", "выбира*", "выбрать", "бронир*", "заброн*", "назнача*", "назначить", "берет", "берут", "записыва*", "записаться"],
    },
    Pattern {
        id: "message", parts: &[Part::Message], action: ("Готово", "Done"),
        verbs: &["get", "gets", "receive*", "be", "получа*", "получить"],
    },
    Pattern {
        id: "send", parts: &[Part::Fields, Part::Action], action: ("Отправить", "Send"),
        verbs: &["send*", "notify", "notifies", "invite*", "share*", "message*", "ask*", "write*", "submit*", "отправля*", "отправить", "пишет", "пишут", "написать", "приглаша*", "пригласить", "сообща*"],
    },
    Pattern {
        id: "export", parts: &[Part::Subject, Part::Options, Part::Action], action: ("Скачать", "Download"),
        verbs: &["export*", "download*", "print*", "выгруж*", "выгруз*", "скачив*", "скачать", "печата*", "распечатыва*", "экспорт*"],
    },
];

/// The pattern that the verb of a title calls for.
pub(super) fn pattern(phrase: &Phrase) -> &'static Pattern {
    let Some(verb) = phrase.bare_verbs.first() else { return &PLAIN };
    let opening = phrase.opening();
    let calls = |wanted: &&str| Lexicon::says(if wanted.contains(' ') { &opening } else { verb }, &[*wanted]);
    PATTERNS.iter().find(|pattern| pattern.verbs.iter().any(calls)).unwrap_or(&FORM)
}

/// What a criterion says can happen that a screen shows as a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Nothing,
    Refused,
}

impl Outcome {
    pub(super) fn of(criterion: &str) -> Option<Self> {
        const NOTHING: &[&str] = &[
            "nothing",
            "no results",
            "empty",
            "none is found",
            "not found",
            "ничего",
            "пусто",
            "пуст*",
            "не найден*",
            "нет результатов",
        ];
        const REFUSED: &[&str] = &[
            "declined",
            "refused",
            "invalid",
            "wrong",
            "cannot be read",
            "rejected",
            "fails",
            "failed",
            "full",
            "отклонен*",
            "отклонил*",
            "неверн*",
            "ошибк*",
            "не читается",
            "не прошел",
            "занят*",
        ];
        if Lexicon::says(criterion, REFUSED) {
            return Some(Self::Refused);
        }
        Lexicon::says(criterion, NOTHING).then_some(Self::Nothing)
    }
}
