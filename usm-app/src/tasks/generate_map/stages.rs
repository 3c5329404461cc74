//! The stages a watcher sees, in the language of the text: counted in activities, which are real.

use story_map::Language;

/// Where an attempt is. Activities are counted as soon as there are any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Enhance,
    Backbone,
    /// Everything in one question.
    Whole,
    /// Activities that have stories, of so many; who wrote the last ones.
    Stories(usize, usize, Option<String>),
    Save(usize, usize),
    Done(usize, usize),
}

impl Stage {
    /// Activities done and activities in all; 0 of 0 while the backbone is not known.
    pub(super) fn counts(&self) -> (usize, usize) {
        match self {
            Self::Enhance | Self::Backbone | Self::Whole => (0, 0),
            Self::Stories(done, total, _) | Self::Save(done, total) | Self::Done(done, total) => {
                (*done, *total)
            }
        }
    }
}

/// How stages are told.
#[derive(Debug)]
pub(super) struct Stages(Language);

impl Stages {
    pub(super) fn new(text: &str) -> Self {
        Self(Language::of(text))
    }

    /// What happens, and who is asked; `first` is `None` offline.
    pub(super) fn message(&self, stage: &Stage, first: Option<String>) -> String {
        let pick = |russian, english| self.0.pick(russian, english);
        let (what, provider) = match stage {
            // Without AI nothing is added to a text: its questions, roles and kind of product are told.
            Stage::Enhance if first.is_none() => (pick("читаю требования", "reading the requirements"), None),
            Stage::Enhance => (pick("дополняю требования", "enhancing the requirements"), first),
            Stage::Backbone => (pick("составляю основу карты", "making the backbone"), first),
            Stage::Whole => (pick("составляю карту", "making the map"), first),
            Stage::Stories(.., by) => {
                (pick("пишу истории", "writing the stories"), first.map(|first| by.clone().unwrap_or(first)))
            }
            Stage::Save(..) => return pick("сохраняю карту", "saving the map").to_owned(),
            Stage::Done(..) => return pick("карта сохранена", "the map is saved").to_owned(),
        };
        match provider {
            Some(provider) => format!("{what}: {provider}"),
            None => format!("{what} {}", pick("без ИИ", "offline")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_says_what_happens_who_is_asked_and_how_much_is_done() {
        let stages = Stages::new("Клиент заказывает еду");
        let writing = Stage::Stories(2, 7, Some("gemini/x".to_owned()));

        assert_eq!(stages.message(&Stage::Backbone, Some("groq".to_owned())), "составляю основу карты: groq");
        assert_eq!(stages.message(&writing, Some("groq".to_owned())), "пишу истории: gemini/x");
        assert_eq!(stages.message(&writing, None), "пишу истории без ИИ");
        assert_eq!((writing.counts(), Stage::Enhance.counts()), ((2, 7), (0, 0)));
    }
}
