//! English word tables and set phrases.

mod improve;
mod phrases;
mod roles;
mod topics;
mod verbs;

pub(crate) use verbs::*;

use phrases::PHRASES;
use roles::ROLES;

use crate::lexicon::{Lexicon, Question};

pub(super) const LEXICON: Lexicon = Lexicon {
    stop_words: story_map::words::ENGLISH_STOP_WORDS,
    roles: ROLES,
    role_endings: ROLE_ENDINGS,
    not_roles: NOT_ROLES,
    product_nouns: PRODUCT_NOUNS,
    topics: topics::TOPICS,
    later: LATER,
    next_release: NEXT_RELEASE,
    must: MUST,
    out_of_scope: OUT_OF_SCOPE,
    vague: VAGUE,
    limits: LIMITS,
    time_units: TIME_UNITS,
    mixed_headings: MIXED_HEADINGS,
    context_headings: CONTEXT_HEADINGS,
    context_openings: CONTEXT_OPENINGS,
    questions: &[
        q(
            "payment|subscription",
            "card|cash|apple|paypal|bank|invoice",
            "Which payment methods are accepted?",
        ),
        q(
            "register",
            "email|phone|google|sso|single|card",
            "How do people sign in: by email, phone or something else?",
        ),
        q(
            "order|booking|cart",
            "cancel|refund",
            "May an order or booking be cancelled, until when, and is the money returned?",
        ),
        q("notifications", "email|push|sms", "How are notifications delivered: push, email or SMS?"),
        q("reviews", "moderat|report|abuse", "Who checks reviews before they are published?"),
        q("approval", "escalat|remind|deadline|days", "What happens when nobody decides in time?"),
        q(
            "devices|access",
            "standard|protocol|zigbee|matter|brand",
            "Which brands and protocols of devices are supported?",
        ),
        q("", "admin|manager|head|organis|moderator", "Who sets up users and manages reference data?"),
        q("", "ios|android|browser|web|mobile|phone", "On which devices and platforms must it work?"),
        q(
            "",
            "encrypt|privacy|gdpr|personal|audit|deleted",
            "Which personal data is collected, and how is it protected?",
        ),
        q(
            "",
            "second|concurren|visitors|at once|latency",
            "How many people use it at the same time, and which response time is acceptable?",
        ),
    ],
    phrases: &PHRASES,
    improvement: improve::IMPROVEMENT,
};

#[rustfmt::skip]
const ROLE_ENDINGS: &[&str] = &[
    "er", "or", "ist", "ian", "ant", "ent", "ee", "eer",
];

#[rustfmt::skip]
const NOT_ROLES: &[&str] = &[
    "order", "number", "offer", "filter", "folder", "printer", "server", "computer", "calendar", "letter",
    "counter", "reminder", "sensor", "monitor", "timer", "router", "document", "event", "content",
    "account", "discount", "payment", "amount", "plant", "fee", "coffee", "paper", "header", "footer",
    "layer", "user", "error", "color", "colour", "floor", "door", "list", "playlist", "checklist",
    "wishlist", "attachment", "comment", "shipment", "appointment", "environment", "department",
    "experiment", "statement", "requirement", "element", "component", "government", "agreement", "power",
    "tracker", "scanner", "adapter", "parameter", "identifier", "border", "register", "transfer",
    "newsletter", "container", "weather", "other", "another", "either", "neither", "matter", "chapter",
    "factor", "vector", "percent", "moment", "incident", "talent", "guarantee", "committee", "tier",
    "answer", "water", "summer", "winter", "quarter", "hour", "mirror", "motor", "elevator", "thermometer",
    "browser", "disclaimer", "banner", "placeholder",
];

#[rustfmt::skip]
const PRODUCT_NOUNS: &[&str] = &[
    "crm", "erp",
    "system", "app", "application", "service", "site", "website", "platform", "portal", "product", "tool",
    "bot", "page", "screen", "interface", "it", "marketplace", "software", "dashboard", "solution",
];

#[rustfmt::skip]
const LATER: &[&str] = &[
    "later", "next year", "not now", "nice to have", "would be nice", "in a future", "in the future", "future version",
    "eventually", "optional", "someday", "some day", "down the road", "not in the first version",
    "phase 2", "phase two", "second phase", "won't have now", "could have", "low priority",
];

#[rustfmt::skip]
const NEXT_RELEASE: &[&str] = &[
    "next release", "next version", "release 1", "second release", "soon after launch", "after launch",
];

#[rustfmt::skip]
const MUST: &[&str] = &[
    "must", "mandatory", "required", "essential", "critical", "mvp", "first version", "first release",
    "have to", "has to",
];

#[rustfmt::skip]
const OUT_OF_SCOPE: &[&str] = &[
    "out of scope", "not in scope", "outside the scope", "will not build", "we do not plan", "not planned",
    "won't build", "no payments", "we don't need", "we do not need", "is excluded", "are excluded", "not part of",
];

#[rustfmt::skip]
const VAGUE: &[&str] = &[
    "fast", "quick", "quickly", "easy", "easily", "simple", "user-friendly", "convenient", "intuitive",
    "modern", "seamless", "robust",
];

#[rustfmt::skip]
const LIMITS: &[&str] = &[
    "no more than", "at most", "at least", "up to", "less than", "more than", "within", "under", "over",
    "above", "below", "no less than", "not more than", "until", "for", "every", "from", "after",
];

#[rustfmt::skip]
const TIME_UNITS: &[&str] = &[
    "second", "minute", "hour", "day", "week", "month", "year", "ms",
];

#[rustfmt::skip]
const MIXED_HEADINGS: &[&str] = &[
    "users", "roles", "personas", "who uses it", "actors", "stakeholders", "audience",
    "other", "misc", "miscellaneous", "general", "rules", "additional", "requirements", "notes",
    "features",
];

#[rustfmt::skip]
const CONTEXT_HEADINGS: &[&str] = &[
    "background", "introduction", "about", "overview", "context", "goal", "goals", "purpose", "problem",
    "why", "glossary", "vision",
];

#[rustfmt::skip]
const CONTEXT_OPENINGS: &[&str] = &[
    "we are building", "we're building", "we want to build", "we need an app", "we need a system",
    "we want an app", "it replaces", "the goal", "this document", "an app for", "a platform for",
    "a tool for", "a service for", "a system for", "an application for", "a web", "a mobile", "background",
    "today", "currently", "right now", "at the moment", "nowadays", "we run", "we are a", "steps to reproduce",
];

const fn q(topics: &'static str, answered_by: &'static str, text: &'static str) -> Question {
    Question { topics, answered_by, text }
}
