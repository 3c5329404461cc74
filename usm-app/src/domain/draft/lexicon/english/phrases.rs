//! English set phrases of notes, stories and criteria.

use crate::domain::draft::lexicon::Stage::{
    Act, After, Find as Finding, Fulfil, Manage, Pay as Paying, Start,
};
use crate::domain::draft::lexicon::VerbClass::{self, *};
use crate::domain::draft::lexicon::{Check, Phrases};

#[rustfmt::skip]
pub(super) const PHRASES: Phrases = Phrases {
    offline: "This is an offline draft made without AI: the map is derived from the words of the text alone. Review it with your team.",
    left_out: "The text is too large for one map: {count} requirements were left out. Split the text into parts.",
    code_left_out: "Code blocks were not read: {count}.",
    context: "Introductory words of the text: “{text}”",
    excluded: "Out of scope, not on the map: “{text}”",
    question: "Question from the text: {text}",
    vague: "What does “{word}” mean in measurable terms? In the text: “{text}”",
    unnamed: "New product",
    user: "User",
    admin: "Administrator",
    does: "As {a role}, I want to {phrase}, so that I can {benefit}.",
    does_for: "As {a role}, I want to {phrase}, so that {benefit}.",
    happens: "As {a role}, I want {wish}, so that I can {benefit}.",
    happens_for: "As {a role}, I want {wish}, so that {benefit}.",
    in_the_text: "In the text: “{text}”.",
    rule: "this rule to hold: “{text}”",
    rules_of: "Keep the rules: {topic}",
    task_of: "{task}: {role}",
    and: "and",
    fallback_topic: "core",
    stage_benefits: &[
        (Start, "start without obstacles"),
        (Finding, "choose by facts I can trust"),
        (Act, "act by rules I understand"),
        (Paying, "stop worrying about the money"),
        (Fulfil, "work by the same rules as everybody"),
        (After, "trust what I see"),
        (Manage, "keep the work under control"),
    ],
    steps: &[
        (Enter, [
            "{A role} can {phrase} and then sees their own data",
            "With wrong data {a role} cannot {short}, and the reason is shown",
        ]),
        (Find, [
            "{A role} can {phrase} and sees only matching results",
            "If nothing matches when {a role} tries to {short}, a message says so and offers to change the conditions",
        ]),
        (View, [
            "{A role} can {phrase}, and all that is shown is up to date",
            "If there is nothing yet when {a role} tries to {short}, an explanation appears in place of an empty screen",
        ]),
        (Choose, [
            "{A role} can {phrase}, and the choice is kept",
            "If nothing suitable is left when {a role} tries to {short}, an explanation appears",
        ]),
        (Receive, [
            "{A role} can {phrase} without doing anything else",
            "If delivery fails, {a role} can {short} later: nothing gets lost",
        ]),
        (Create, [
            "{A role} can {phrase}, and what was entered is still there after signing in again",
            "If required data is missing, {a role} cannot {short}, and what to correct is shown",
        ]),
        (Change, [
            "{A role} can {phrase}, and everybody concerned sees the change at once",
            "If saving fails, an attempt to {short} changes nothing and the reason is shown",
        ]),
        (Remove, [
            "{A role} can {phrase}, and the result is visible at once",
            "An attempt to {short} has to be confirmed first",
        ]),
        (Pay, [
            "{A role} can {phrase} and gets a confirmation with the amount",
            "If the operation fails, an attempt to {short} moves no money and the reason is shown",
        ]),
        (Send, [
            "{A role} can {phrase}, and whoever it is for sees it at once",
            "Without a connection, an attempt to {short} loses nothing and the reason is shown",
        ]),
        (Rate, [
            "{A role} can {phrase}, and the rating is visible with the others",
            "Without a rating {a role} cannot {short}, and what is missing is shown",
        ]),
        (Decide, [
            "{A role} can {phrase}, and everybody concerned sees the decision at once",
            "Once decided, a second attempt to {short} changes nothing",
        ]),
        (Export, [
            "{A role} can {phrase}, and the content equals the data on the screen",
            "If there is no data, an attempt to {short} shows an explanation",
        ]),
        (Scan, [
            "{A role} can {phrase} and sees what was recognised before it is saved",
            "If the code cannot be read, an attempt to {short} offers typing it in",
        ]),
        (Plan, [
            "{A role} can {phrase} and gets a confirmation",
            "If it is already taken, {a role} cannot {short}, and other choices are shown",
        ]),
        (Control, [
            "{A role} can {phrase}, and the new state is visible at once",
            "If it fails, an attempt to {short} leaves the old state and the reason is shown",
        ]),
        (Work, [
            "{A role} can {phrase}, and everybody who needs the result sees it",
            "If interrupted, an attempt to {short} can be repeated without losing data",
        ]),
    ],
    checks: &[
        c("register", &[Enter], "", "If the account already exists, {a role} cannot {short} a second time and is offered to sign in"),
        c("profile", &[Create, Change], "", "With a wrong value {a role} cannot {short}, and the error is shown beside it"),
        c("catalog", &[View], "", "What is not available now is marked when {a role} tries to {short}"),
        c("timetable", &[View], "", "If the timetable has changed, {a role} who tries to {short} gets the new version"),
        c("cart", &[Create, Change], "", "If an item has run out, {a role} cannot {short}, and sees it at once"),
        c("booking", &[Plan, Enter], "", "If two people try to {short} at the same moment, the last place goes to one of them and the other is told"),
        c("request", &[Create, Send, Change], "", "While required fields are empty, {a role} cannot {short}, and what is missing is shown"),
        c("order", &[Create, Pay, Plan], "", "Pressing twice in an attempt to {short} does not order twice"),
        c("cancel", &[Remove, Change], "", "After “{Short}”, what was held is free for others again"),
        c("payment", &[Pay], "", "If the payment is declined, no money moves and the attempt to {short} can be repeated"),
        c("discount", &[Change, Work, Pay], "", "An invalid or expired code is refused with a reason in an attempt to {short}"),
        c("refund", &[Pay, Create, Decide], "", "The amount in an attempt to {short} cannot exceed what was paid"),
        c("loans", &[Create, Change, Work, Plan], "", "After “{Short}”, the catalogue shows at once where the copy is"),
        c("checkin", &[Scan, View, Change], "", "A second attempt to {short} for the same person is recognised and shown as such"),
        c("teaching", &[Decide, Send], "", "Everybody concerned is told the outcome of an attempt to {short}"),
        c("approval", &[Decide], "", "The reason of an attempt to {short} is kept and shown to whoever asked"),
        c("delivery", &[Decide, Control, View, Work], "", "If the connection is lost, an attempt to {short} is completed when it is back"),
        c("access", &[View, Control, Work], "", "With an expired or revoked code {a role} cannot {short}"),
        c("tracking", &[View], "", "If there is no news, {a role} who tries to {short} sees when it was last updated"),
        c("notifications", &[Receive, View], "", "{A role} does not {short} twice about the same event"),
        c("chat", &[Send], "", "Without a connection an attempt to {short} is not lost: it goes out later"),
        c("reviews", &[Rate, Create], "", "{A role} cannot {short} a second time on the same occasion"),
        c("history", &[View], "", "What no longer exists is marked when {a role} tries to {short}"),
        c("support", &[Send], "", "After “{Short}”, it is visible who takes care of it"),
        c("catalog_admin", &[Create, Change], "", "After “{Short}”, others see the new state without delay"),
        c("planning", &[], "", "An overlap in an attempt to {short} is shown before saving"),
        c("users", &[Create, Change, Remove, Send], "", "After “{Short}”, access changes at once, without signing in again"),
        c("settings", &[Change, Create], "", "After “{Short}”, it is visible who changed the value and when"),
        c("reports", &[View], "", "When {a role} tries to {short}, the figures agree with the records of the same period"),
        c("devices", &[Control, Change], "", "If the device does not answer, an attempt to {short} says so and shows its true state"),
        c("integration", &[Export], "", "Data that failed to arrive in an attempt to {short} is sent again and never twice"),
    ],
    event_checks: &[
        c("platforms", &[], "", "“{Title}”: the main path has been walked on each of the platforms"),
        c("speed", &[], "", "“{Title}”: measured under usual and under the highest load"),
        c("offline", &[], "", "“{Title}”: when the connection is back, nothing is lost or doubled"),
        c("languages", &[], "", "“{Title}”: no screen has untranslated text"),
        c("accessibility", &[], "", "“{Title}”: the main path has been walked with the keyboard and a screen reader alone"),
        c("integration", &[], "", "“{Title}”: after a failed exchange data is sent again and never twice"),
        c("reliability", &[], "", "“{Title}”: after a failure work goes on without loss of data"),
        c("security", &[], "", "“{Title}”: an attempt to get around this is refused and logged"),
        c("", &[], "cannot|can't|only|never|most|need", "An attempt to break the rule “{Title}” is refused with a reason"),
        c("notifications", &[], "", "“{Title}”: a failed message is sent again, and one event is told once"),
        c("", &[], "automatic|escalat|clos|expir|flag", "“{Title}”: this happens without anybody's help, and a record says when and why"),
        c("payment|refund", &[], "", "“{Title}”: the amount and the time are visible in the history"),
        c("", &[View], "show|display|list", "If there is nothing to show (“{Title}”), an explanation appears in place of an empty screen"),
    ],
    event_fails: "If it fails (“{Title}”), no data is lost and the reason is visible",
    thing_fails: "If “{Title}” is not available for a while, the reason is shown",
    step_conditions: &[
        ("unless", "If {condition}, {a role} cannot {short}, and the reason is shown"),
        ("until", "Once past “until {condition}”, {a role} cannot {short}, and the reason is shown"),
        ("", "As long as “{condition}” is not the case, there is no need to {short}"),
    ],
    event_conditions: &[
        ("unless", "If {condition}, this does not happen"),
        ("until", "Once past “until {condition}”, this no longer happens"),
        ("", "As long as “{condition}” is not the case, this does not happen"),
    ],
    count_limit: "The boundary “{limit}” is tested: a value on it is accepted, one beyond it is refused with a reason",
    time_limit: "The time “{limit}” is measured, and missing it is visible to whoever is responsible",
    each_of: "Every variant is tested: {items}",
    thing: "Provided: {thing}",
    only_role: "Nobody but {a role} can {short}",
    ruled: &["{Text}", "Breaking the rule “{Title}” is impossible or visible at once together with the reason"],
};

const fn c(
    topics: &'static str,
    classes: &'static [VerbClass],
    words: &'static str,
    template: &'static str,
) -> Check {
    Check { topics, classes, words, template }
}
