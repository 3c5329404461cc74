//! In which slice a requirement belongs, by the words that put it off or make it a must.

use super::lexicon::Lexicon;
use super::words::normal;
use story_map::Release;

/// Phrases that contain a word of urgency and mean something else.
const FALSE_FRIENDS: &[&str] = &[
    "не позже",
    "не обязательно",
    "не нужно",
    "не нужен",
    "не нужна",
    "later than",
    "sooner or later",
    "не должен",
    "раньше или позже",
];

/// The slice a text names, the first of `texts` that names one deciding; `None` when none does.
pub(super) fn named_release(texts: &[&str], lexicon: &Lexicon) -> Option<Release> {
    texts.iter().find_map(|text| {
        let words: Vec<String> = text
            .split_whitespace()
            .map(|word| normal(word.trim_matches(|c: char| !c.is_alphanumeric())))
            .filter(|word| !word.is_empty())
            .collect();
        let mut text = format!(" {} ", words.join(" "));
        for phrase in FALSE_FRIENDS {
            text = text.replace(phrase, "");
        }
        let names = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(&format!(" {phrase}")));
        if names(lexicon.later) {
            Some(Release::Later)
        } else if names(lexicon.next_release) {
            Some(Release::Release1)
        } else if names(lexicon.must) {
            Some(Release::Mvp)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn words_of_urgency_name_the_release() {
        let russian = |text: &str| named_release(&[text], Lexicon::of(Language::Russian));
        let english = |text: &str| named_release(&[text], Lexicon::of(Language::English));

        assert_eq!(russian("В будущем появится подписка"), Some(Release::Later));
        assert_eq!(russian("скачивает справку (желательно)"), Some(Release::Later));
        assert_eq!(russian("iOS — в следующей версии"), Some(Release::Release1));
        assert_eq!(russian("Нужен вход по паролю"), Some(Release::Mvp));
        assert_eq!(russian("не позже чем за 3 часа"), None);
        assert_eq!(english("no later than Monday"), None);
        assert_eq!(english("Lists. (nice to have)"), Some(Release::Later));
        assert_eq!(english("It must be fast"), Some(Release::Mvp));
    }

    #[test]
    fn the_nearest_words_decide() {
        let lexicon = Lexicon::of(Language::English);

        assert_eq!(named_release(&["Chat must work", "Later"], lexicon), Some(Release::Mvp));
        assert_eq!(named_release(&["Chat works", "Later"], lexicon), Some(Release::Later));
    }
}
