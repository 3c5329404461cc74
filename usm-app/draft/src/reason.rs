//! Why a statement is on no card.

use story_map::Language;

use crate::lexicon::Part;

/// As the map says it, in Russian and English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Background,
    Goal,
    Role,
    OutOfScope,
    Risk,
    Plan,
    Term,
    People,
    Action,
    Meta,
    Letter,
    Talk,
    Command,
    Code,
    NoWords,
    NoStory,
    Vague,
    Contradiction,
    Repeated,
    TooMany,
}

impl Reason {
    /// Of a section that holds no requirements.
    pub(crate) fn of(part: Part) -> Self {
        match part {
            Part::Goals => Self::Goal,
            Part::Personas => Self::Role,
            Part::OutOfScope => Self::OutOfScope,
            Part::Risks => Self::Risk,
            Part::Plan | Part::Releases => Self::Plan,
            Part::Glossary => Self::Term,
            Part::People => Self::People,
            Part::Actions => Self::Action,
            Part::Meta => Self::Meta,
            Part::Requirements | Part::Criteria | Part::Qualities | Part::Questions | Part::Background => {
                Self::Background
            }
        }
    }

    pub(crate) fn text(self, language: Language) -> &'static str {
        let (russian, english) = match self {
            Self::Background => ("предыстория, а не требование", "background, not a requirement"),
            Self::Goal => ("цель или показатель", "a goal or a figure to reach"),
            Self::Role => ("описание роли", "describes a role"),
            Self::OutOfScope => ("по тексту этого не будет", "the text leaves it out"),
            Self::Risk => ("риск или допущение", "a risk or an assumption"),
            Self::Plan => ("сроки, деньги или очередность", "dates, money or order of delivery"),
            Self::Term => ("определение слова", "explains a word"),
            Self::People => ("люди, а не требование", "people, not a requirement"),
            Self::Action => ("поручение команде", "something for the team to do"),
            Self::Meta => ("сведения о документе", "about the document"),
            Self::Letter => ("начало или конец письма", "head or end of a letter"),
            Self::Talk => ("разговор, а не требование", "talk, not a requirement"),
            Self::Command => {
                ("указание программе, а не требование", "speaks to a program, not of the product")
            }
            Self::Code => ("код или данные", "code or data"),
            Self::NoWords => ("слишком мало слов", "too few words"),
            Self::NoStory => ("критерий без истории", "a criterion without its story"),
            Self::Vague => ("пожелание без меры", "a wish without a measure"),
            Self::Contradiction => (
                "спорит с другим предложением, см. вопросы",
                "at odds with another sentence, see the questions",
            ),
            Self::Repeated => ("уже сказано раньше", "said before"),
            Self::TooMany => ("историй сверх предела", "stories over the limit"),
        };
        language.pick(russian, english)
    }
}
