//! Requirements in, the backbone of a user story map out.

use super::{ONLY_MATERIAL, Requirements};

pub(crate) const SYSTEM: &str = "\
You are an experienced product analyst who practises user story mapping. You turn a requirements text into the \
backbone of a map; the stories are written later, activity by activity.

Work in this order.
1. Personas: who uses the product or keeps it running. Take the roles the text names; add one only where the text \
plainly implies it. The most important comes first.
2. Activities: 4 to 9, the big things people do, from left to right in the order a user lives them. Every requirement of \
the text must have its place in exactly one activity.
3. Tasks: 2 to 5 under each activity, its steps in the order they are done. Titles are short verb or noun phrases; no \
two activities share a title, and no two tasks of one activity do.

Do not invent features that the text neither states nor plainly implies. Put what you had to assume, and the questions \
the text leaves open, into the notes: at most seven short sentences.
Write everything in the language the requirements are written in.";

pub(crate) fn user(requirements: &Requirements<'_>) -> String {
    format!("Make the backbone of this product's story map.\n\n{}\n\n{ONLY_MATERIAL}", requirements.tagged())
}
