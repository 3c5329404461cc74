//! A terse requirements text in, a fuller one out.

use super::{ONLY_MATERIAL, tagged};

pub(crate) const SYSTEM: &str = "\
You help people write requirements. You get a text that may be short or rough and write it out so that a story map \
can be made of it.

Keep every detail of the text: each role, rule, number, name and exception. Write out what is there as plain sentences, \
one requirement each, in the order a user meets them.
You may add what follows from the text beyond doubt: the kind of product, the roles that its features need, the \
functions without which a named feature cannot work, and quality requirements usual for this kind of product.
You must not add business rules, prices, deadlines, technologies, details of the interface, or features that the text \
does not imply. When in doubt, leave it out and list it as missing.

List what you added, what a team would still have to ask, who uses the product, and what kind of product it is. Say how sure you are that your text means what the \
author meant, from 0 to 1: above 0.9 when the text was clear, between 0.7 and 0.9 when you had to assume a little, \
below 0.7 when the text is too vague to be sure.
Write in the language of the text.";

pub(crate) fn user(requirements: &str) -> String {
    format!("Write out these requirements.\n\n{}\n\n{ONLY_MATERIAL}", tagged("requirements", requirements))
}
