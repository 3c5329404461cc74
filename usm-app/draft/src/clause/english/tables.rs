//! Words English sentences are taken apart by.

/// Verbs that say that somebody can or must do something.
#[rustfmt::skip]
pub(super) const MODALS: &[&str] = &[
    "can", "could", "may", "must", "should", "shall", "will", "would", "might", "cannot", "can't", "won't",
    "mustn't",
];

/// Verbs that do so with "to" behind them.
#[rustfmt::skip]
pub(super) const MODALS_WITH_TO: &[&str] = &[
    "need", "needs", "want", "wants", "has", "have", "like", "wish", "wishes",
];

/// Forms of "to be".
pub(super) const BE: &[&str] = &["is", "are", "was", "were"];

/// Words that open a relative clause.
pub(super) const RELATIVES: &[&str] = &["that", "which", "who", "whom", "whose", "where"];

/// Conjunctions of conditions.
pub(super) const CONDITIONS: &[&str] = &["if", "unless", "when", "once", "until", "while", "whenever"];

/// Objects that mean what was named before, so that a clause with them does not stand alone.
pub(super) const OBJECT_PRONOUNS: &[&str] = &["it", "them", "him", "her"];

/// Subjects that mean whoever or whatever was named before.
pub(super) const SUBJECT_PRONOUNS: &[&str] = &["they", "he", "she", "it"];

/// Words that open a noun phrase.
#[rustfmt::skip]
pub(super) const DETERMINERS: &[&str] = &[
    "a", "an", "the", "each", "every", "any", "all", "only", "another", "our", "some", "no", "both",
    "their", "this", "these",
];

/// Verbs whose doer is the developer when no persona is named: "add a search" wishes for a search.
pub(super) const BUILDING: &[&str] =
    &["add", "build", "support", "provide", "implement", "include", "offer", "introduce"];

/// Adverbs between a subject and its verb.
#[rustfmt::skip]
pub(super) const EMPHASIS: &[&str] = &[
    "also", "then", "always", "automatically", "immediately", "only", "easily", "simply", "—", "–", "-",
    "",
];

/// Prepositions.
#[rustfmt::skip]
pub(super) const PREPOSITIONS: &[&str] = &[
    "at", "in", "on", "for", "after", "before", "during", "with", "without", "from", "by", "to", "of",
    "within", "under", "over", "above", "below", "between", "through", "per", "into", "about", "as", "via",
    "using",
];

/// What a sentence may open with before it says anything; urgency among it is read elsewhere.
#[rustfmt::skip]
pub(super) const OPENINGS: &[&[&str]] = &[
    &["in", "the", "future"], &["in", "a", "future", "version"], &["in", "the", "first", "version"],
    &["in", "addition"], &["it", "would", "be", "nice", "to"], &["it", "would", "be", "nice", "if"],
    &["would", "be", "nice", "to"], &["nice", "to", "have"], &["later"], &["later", "on"], &["also"],
    &["and"], &["but"], &["then"], &["eventually"], &["ideally"], &["optionally"], &["important"],
    &["mvp"], &["finally"], &["additionally"], &["plus"], &["please"], &["optional"], &["required"],
    &["must-have"], &["ok"], &["okay"], &["so"], &["yes"],
];

/// What a sentence may end with that only says how urgent it is.
#[rustfmt::skip]
pub(super) const REMARKS: &[&str] = &[
    "later, not now", "not now", "next year", "later on", "later", "would be nice to have", "would be nice", "can come later", "could come later", "comes later",
    "can wait", "may come later", "is nice to have", "are nice to have", "is optional", "in a future version", "in the future", "in a later version", "in the next version", "in the next release", "are optional",
];

/// Where a title may be cut, and in which words it may not end.
#[rustfmt::skip]
pub(in crate::clause) const STOPS: &[&str] = &[
    "at", "in", "on", "for", "after", "before", "during", "with", "without", "from", "by", "to", "within",
    "under", "over", "above", "below", "between", "through", "per", "into", "about", "as", "and", "or",
    "but", "if", "unless", "when", "once", "until", "while", "so", "that", "which", "who", "a", "an",
    "the", "of", "each", "every", "is", "are", "—", "–", "-",
];
