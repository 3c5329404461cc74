//! English set phrases for the improvement of one story.

use crate::lexicon::VerbClass::*;
use crate::lexicon::{EdgeCase, Improvement};

#[rustfmt::skip]
pub(super) const IMPROVEMENT: Improvement = Improvement {
    course: "It begins when {a role} wants to {short} and ends when {outcome}.",
    event_course: "It happens by itself: “{Title}”; {a role} sees the result.",
    thing_course: "{A role} can use “{Title}” whenever it is needed.",
    limit: "Limit: “{limit}”.",
    wish: "Take this wish into account: “{text}”.",
    conditions: &["if", "when", "given", "without", "after", "before", "while", "once", "until", "with", "as"],
    step_given: "When {a role} wants to {short}: {criterion}",
    event_given: "Whenever “{Title}” applies: {criterion}",
    vague: "{criterion} — give a number in place of “{word}”",
    edge_cases: &[
        EdgeCase { name: "empty data", classes: &[Create, Change, Send, Rate, Plan, Enter],
            step: "If required data is empty, {a role} cannot {short}, and what is missing is shown",
            event: "",
            thing: "" },
        EdgeCase { name: "nothing to show", classes: &[View, Find, Export, Choose],
            step: "If there is nothing to show when {a role} tries to {short}, an explanation appears in place of an empty screen",
            event: "",
            thing: "If there is nothing to show, “{Title}” explains it in place of an empty screen" },
        EdgeCase { name: "repetition", classes: &[Create, Pay, Plan, Send, Decide, Enter, Rate, Scan],
            step: "Pressing twice in an attempt to {short} does not do it twice",
            event: "When the same event comes again, “{Title}” does not happen a second time",
            thing: "" },
        EdgeCase { name: "simultaneous change", classes: &[Change, Remove, Decide, Plan, Control, Work],
            step: "If somebody else has changed the data meanwhile, an attempt to {short} shows the new version",
            event: "If data changes while “{Title}” is under way, the latest version counts",
            thing: "" },
        EdgeCase { name: "no connection", classes: &[],
            step: "If the connection is lost during an attempt to {short}, nothing is lost and it can be repeated",
            event: "Without a connection, “{Title}” happens as soon as it is back",
            thing: "Without a connection, “{Title}” says so and nothing that was entered is lost" },
        EdgeCase { name: "no rights", classes: &[],
            step: "Somebody without the right to do so cannot {short} and is told why",
            event: "Somebody without the right to do so cannot stop or get around “{Title}”",
            thing: "“{Title}” is closed to those without the right to it, and they are told why" },
    ],
    details_done: "Completed the description: how the step begins and how it ends",
    wish_done: "Added the wish to the description, where somebody can act on it; without AI nothing else follows from it",
    criteria_done: "Criteria put as condition and outcome: {count}",
    edges_done: "Added edge cases: {names}",
    nothing: "Nothing to add: the story already says what follows from its words",
    untold: "The story is empty: say in the title who does what",
};
