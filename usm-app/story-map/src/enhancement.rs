//! A requirements text written out more fully, with what was added, what is missing, and how sure it is.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::Value;

use super::{
    Language,
    read::{field, holder, number, text, texts},
    requirements,
    wording::{key, sentences},
    words::content_stems,
};

/// A text that its author may not recognise is not used.
const SURE: f64 = 0.7;
/// Most additions, open questions and roles kept, each.
const MOST: usize = 12;

/// What became of the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enhancement {
    /// The text as its author wrote it.
    pub original_text: String,
    /// The text written out; the original where there is none.
    pub enhanced_text: String,
    /// What was added, one short sentence each.
    pub added_aspects: Vec<String>,
    /// What a team would still have to ask, one question each.
    pub missing_info: Vec<String>,
    /// What kind of product it is.
    pub detected_product_type: ProductType,
    /// Who uses it.
    pub detected_roles: Vec<String>,
    /// How sure it is that the enhanced text means what its author meant, from 0 to 1.
    pub confidence: f64,
    /// What of the original the enhanced text does not have any more; one that has lost something is not used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// Whether there was no enhanced text to be had, so that this is the original with a confidence of 0.
    pub fallback: bool,
}

/// What kind of product a text describes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProductType {
    /// A site in a browser.
    Web,
    /// An app on a phone.
    Mobile,
    /// A program on a desktop.
    Desktop,
    /// A service for many organisations.
    Saas,
    /// Something else.
    Other,
    /// The text does not tell.
    #[default]
    Unknown,
}

/// Requirements written out
#[derive(Debug, Clone, PartialEq, JsonSchema)]
pub struct EnhancementAnswer {
    /// The whole text, written out
    #[schemars(default)]
    enhanced_text: String,
    /// What was added, one short sentence each
    #[schemars(default)]
    added_aspects: Vec<String>,
    /// What a team would still have to ask, one short question each
    #[schemars(default)]
    missing_info: Vec<String>,
    /// `web`, `mobile`, `desktop`, `saas`, `other` or `unknown`
    #[schemars(default, with = "String")]
    detected_product_type: ProductType,
    /// Who uses the product, one short name each
    #[schemars(default)]
    detected_roles: Vec<String>,
    /// How sure you are that the text means what its author meant, from 0 to 1
    #[schemars(default)]
    confidence: f64,
}

impl<'de> Deserialize<'de> for EnhancementAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl EnhancementAnswer {
    /// The answer in a document of any shape.
    ///
    /// # Errors
    ///
    /// There is no text in it, or nobody says how sure it is; the text tells the model what is missing.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        const TEXT: [&str; 3] = ["enhancedtext", "text", "requirements"];
        let value = holder(value, &TEXT);
        // Line breaks are part of this text.
        let enhanced_text = match field(value, &TEXT) {
            Some(Value::String(text)) => text.clone(),
            _ => texts(value, &TEXT).join("\n"),
        };
        if enhanced_text.trim().is_empty() {
            return Err("there is no text in the answer: give `enhanced_text`");
        }
        let confidence = number(value, &["confidence"]);
        Ok(Self {
            enhanced_text,
            added_aspects: texts(value, &["addedaspects", "added"]),
            missing_info: texts(value, &["missinginfo", "missing", "openquestions", "questions"]),
            detected_product_type: ProductType::named(&text(value, &["detectedproducttype", "producttype"])),
            detected_roles: texts(value, &["detectedroles", "roles"]),
            confidence: confidence
                .ok_or("it is not said how sure you are: give `confidence`, a number from 0 to 1")?,
        })
    }

    /// The enhancement with clean and bounded texts. A confidence that is no share of 1, such as 95, counts as 0: what
    /// it means can only be guessed.
    pub fn into_enhancement(self, original: &str) -> Enhancement {
        let confidence = if (0.0..=1.0).contains(&self.confidence) { self.confidence } else { 0.0 };
        let text: String = self.enhanced_text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
        let Ok(enhanced_text) = requirements::check(&text) else {
            return Enhancement::fallback(original);
        };
        Enhancement {
            original_text: original.to_owned(),
            enhanced_text: enhanced_text.to_owned(),
            added_aspects: sentences(&self.added_aspects, MOST),
            missing_info: sentences(&self.missing_info, MOST),
            detected_product_type: self.detected_product_type,
            detected_roles: sentences(&self.detected_roles, MOST),
            confidence,
            lost: Vec::new(),
            fallback: false,
        }
        .weighed(&[])
    }
}

impl Enhancement {
    /// The original, because nothing better was to be had.
    pub fn fallback(original: &str) -> Self {
        Self {
            original_text: original.to_owned(),
            enhanced_text: original.to_owned(),
            added_aspects: Vec::new(),
            missing_info: Vec::new(),
            detected_product_type: ProductType::Unknown,
            detected_roles: Vec::new(),
            confidence: 0.0,
            lost: Vec::new(),
            fallback: true,
        }
    }

    /// The text a map may be made of in place of the original: one that is sure to 0.7 at least, in the language of the
    /// original, different from it, and without a loss. The original goes along with it all the same.
    pub fn usable(&self) -> Option<&str> {
        let is_kept = Language::of(&self.enhanced_text) == Language::of(&self.original_text);
        let is_new = self.enhanced_text != self.original_text;
        let text = Some(self.enhanced_text.as_str());
        text.filter(|_| {
            !self.fallback && self.confidence >= SURE && is_kept && is_new && self.lost.is_empty()
        })
    }

    /// With what the enhanced text has lost of the original: numbers, roles that the answer names or that are `known`
    /// otherwise, most of the text.
    #[must_use]
    pub fn weighed(mut self, known: &[String]) -> Self {
        let (old, new) = (self.original_text.as_str(), self.enhanced_text.as_str());
        if Language::of(old) != Language::of(new) {
            // It is not used anyway, and no word can be found again.
            return self;
        }
        let (stems_before, stems_after) = (stems(old), stems(new));
        let numbers_after = numbers(new);
        let lost_numbers =
            numbers(old).into_iter().filter(|number| !numbers_after.contains(number)).map(str::to_owned);
        let is_lost = |role: &&String| {
            let role = stems(role);
            !role.is_empty() && role.is_subset(&stems_before) && !role.is_subset(&stems_after)
        };
        let lost_roles = self.detected_roles.iter().chain(known).filter(is_lost).cloned();
        let kept = stems_before.intersection(&stems_after).count();
        let is_short = kept * 2 < stems_before.len() || new.chars().count() * 2 < old.chars().count();
        let most = Language::of(old).pick("большая часть текста", "most of the text");
        let lost: BTreeSet<String> =
            lost_numbers.chain(lost_roles).chain(is_short.then(|| most.to_owned())).collect();
        self.lost = lost.into_iter().collect();
        self
    }

    /// What the reader of the map must know: which part of it the author has not written, if the text was `used`, and
    /// what is still open. A question that the `known` notes ask already is not asked again.
    pub fn notes(&self, used: bool, known: &[String]) -> Vec<String> {
        let language = Language::of(&self.original_text);
        let added = language.pick("Добавлено к требованиям: ", "Added to the requirements: ");
        let open = language.pick("Открытый вопрос: ", "Open question: ");
        let known: Vec<String> = known.iter().map(|note| key(note)).collect();
        let is_new = |question: &&String| {
            let question = key(question);
            known.iter().all(|note| !note.contains(&question))
        };
        let additions = self.added_aspects.iter().filter(|_| used).map(|text| format!("{added}{text}"));
        let lost = language.pick(
            "Дополненный текст не взят, в нём потеряно: ",
            "The enhanced text was not used, it has lost: ",
        );
        let losses = (!used && !self.lost.is_empty()).then(|| format!("{lost}{}", self.lost.join(", ")));
        let additions = additions.chain(losses);
        additions.chain(self.missing_info.iter().filter(is_new).map(|text| format!("{open}{text}"))).collect()
    }
}

fn stems(text: &str) -> BTreeSet<String> {
    content_stems(text).into_iter().collect()
}

/// The numbers that a text names, but for those that only count its lines.
fn numbers(text: &str) -> BTreeSet<&str> {
    let digits = text.lines().flat_map(|line| uncounted(line).split(|c: char| !c.is_ascii_digit()));
    digits.filter(|digits| !digits.is_empty()).collect()
}

/// The line without a number in front such as `2.`, `2.1.` or `2)`.
fn uncounted(line: &str) -> &str {
    let line = line.trim_start();
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &line[..line.len() - rest.len()];
    let counts =
        number.ends_with('.') && rest.starts_with(' ') || !number.is_empty() && rest.starts_with(')');
    if counts { rest } else { line }
}

impl ProductType {
    fn named(name: &str) -> Self {
        let name = name.to_lowercase();
        let says = |part: &str| name.contains(part);
        match () {
            () if says("saas") => Self::Saas,
            () if says("mobile") || says("phone") || says("мобил") => Self::Mobile,
            () if says("desktop") || says("десктоп") => Self::Desktop,
            () if says("web") || says("site") || says("веб") || says("сайт") => Self::Web,
            () if says("other") || says("друг") => Self::Other,
            () => Self::Unknown,
        }
    }

    /// What the words of a requirements text say about it: the first kind of product that is named.
    pub fn of_text(text: &str) -> Self {
        const WORDS: [(&str, ProductType); 14] = [
            ("мобильн", ProductType::Mobile),
            ("смартфон", ProductType::Mobile),
            ("mobile", ProductType::Mobile),
            ("smartphone", ProductType::Mobile),
            ("android", ProductType::Mobile),
            ("saas", ProductType::Saas),
            ("desktop", ProductType::Desktop),
            ("десктоп", ProductType::Desktop),
            ("сайт", ProductType::Web),
            ("портал", ProductType::Web),
            ("веб", ProductType::Web),
            ("website", ProductType::Web),
            ("web ", ProductType::Web),
            ("браузер", ProductType::Web),
        ];
        let text = text.to_lowercase();
        let places = WORDS.iter().filter_map(|(word, kind)| Some((text.find(word)?, *kind)));
        places.min_by_key(|(place, _)| *place).map_or(Self::Unknown, |(_, kind)| kind)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use serde_json::json;

    use super::*;

    const TEXT: &str = "Клиент заказывает еду и платит картой.";

    fn enhancement(value: &Value) -> Enhancement {
        EnhancementAnswer::read(value).unwrap().into_enhancement("Клиент заказывает еду.")
    }

    #[test]
    fn only_a_text_that_the_model_is_sure_of_is_used() {
        let of = |text: &str, confidence: Value| {
            let enhancement = enhancement(&json!({ "enhanced_text": text, "confidence": confidence }));
            enhancement.usable().is_some()
        };

        assert!(of(TEXT, json!(0.7)) && of(TEXT, json!("0.95")));
        for (text, confidence) in [(TEXT, 0.69), (TEXT, 70.0), (TEXT, -1.0), ("Еда", 0.9)] {
            assert!(!of(text, json!(confidence)), "{text} {confidence}");
        }
        assert!(!of("The customer orders food and pays by card.", json!(0.9)), "another language");
        assert!(!of("Клиент заказывает еду.", json!(0.9)), "nothing new");
    }

    #[test]
    fn a_text_that_has_lost_something_is_not_used_and_that_is_said() {
        let original =
            "1. The customer orders food for up to 500 €.\n2. The courier delivers it within 30 minutes.";
        let of = |text: &str, roles: &[&str], known: &[&str]| {
            let answer = json!({ "enhanced_text": text, "confidence": 0.95, "detected_roles": roles });
            let known: Vec<String> = known.iter().map(|role| (*role).to_owned()).collect();
            EnhancementAnswer::read(&answer).unwrap().into_enhancement(original).weighed(&known)
        };
        let whole = "The customer orders food for up to 500 € and pays. The courier delivers it within 30 minutes by bike.";
        let without_courier =
            "The customer orders food for up to 500 €. It is delivered within 30 minutes by someone.";

        assert_eq!(of(whole, &["Customer", "Courier"], &[]).usable(), Some(whole));
        for (enhancement, lost) in [
            (of(&whole.replace("500", "many"), &[], &[]), "500"),
            (of(without_courier, &["Customer", "Courier"], &[]), "Courier"),
            (of(without_courier, &["Customer"], &["Couriers"]), "Couriers"),
            (of("The courier: 500 in 30 minutes.", &[], &[]), "most of the text"),
        ] {
            assert_eq!(
                (enhancement.usable(), enhancement.lost.as_slice()),
                (None, [lost.to_owned()].as_slice())
            );
            assert!(enhancement.notes(false, &[])[0].contains(lost), "{enhancement:?}");
        }
    }

    #[test]
    fn an_answer_without_text_or_confidence_is_refused_with_what_is_missing() {
        let refused = |value: Value| EnhancementAnswer::read(&value).unwrap_err();

        assert!(refused(json!({ "confidence": 0.9 })).contains("enhanced_text"));
        assert!(refused(json!({ "enhanced_text": TEXT })).contains("confidence"));
    }

    #[test]
    fn a_fallback_is_never_sure() {
        let fallback = Enhancement::fallback(TEXT);

        assert_eq!((fallback.confidence, fallback.usable()), (0.0, None));
    }

    #[test]
    fn the_reader_learns_what_was_added_and_what_is_open() {
        let enhancement = enhancement(&json!({
            "enhancedText": TEXT, "added_aspects": ["оплата картой", " "], "confidence": 0.9,
            "missing_info": "1. Сколько адресов?\n2. Кто доставляет?", "productType": "Mobile app",
        }));
        let known = ["Вопрос: кто доставляет".to_owned()];

        assert_eq!(
            enhancement.notes(true, &known),
            ["Добавлено к требованиям: оплата картой", "Открытый вопрос: Сколько адресов?"]
        );
        assert_eq!(enhancement.notes(false, &[]).len(), 2);
        assert_eq!(enhancement.detected_product_type, ProductType::Mobile);
    }

    #[test]
    fn control_characters_do_not_reach_the_text() {
        let enhancement =
            enhancement(&json!({ "enhanced_text": "Клиент\0 платит\u{7}.\nКурьер везёт.", "confidence": 1 }));

        assert_eq!(enhancement.enhanced_text, "Клиент платит.\nКурьер везёт.");
    }
}
