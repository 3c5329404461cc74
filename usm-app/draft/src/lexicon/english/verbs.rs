//! English verbs of requirements, by the kind of step each is.

use crate::lexicon::VerbClass::{self, *};

/// Base forms, space between them, by kind of step.
pub(crate) const VERBS: &[(VerbClass, &str)] = &[
    (Enter, "register login log sign authenticate join enrol enroll"),
    (Find, "search find filter sort discover look browse explore locate"),
    (
        View,
        "see view watch read open compare check show display list monitor follow track inspect preview \
         access visit know learn review identify",
    ),
    (Choose, "select choose pick"),
    (Receive, "receive get hear"),
    (
        Create,
        "create add enter fill attach upload save write record submit photograph draft build compose describe \
         provide capture issue keep import copy connect post leave make collect generate store",
    ),
    (
        Change,
        "edit reset change update set mark assign move rename adjust configure customise customize manage split merge \
         transfer extend renew replace switch delegate organise organize maintain apply define charge calculate \
         convert modify specify convert link tag",
    ),
    (
        Remove,
        "cancel delete remove block archive hide unsubscribe close deactivate clear revoke ban withdraw",
    ),
    (Pay, "pay buy purchase refund reimburse order checkout redeem top donate sell charge subscribe"),
    (
        Send,
        "send notify message email invite share call tell announce remind publish contact chat ask reply respond alert \
         forward report request escalate deliver flag communicate give",
    ),
    (Rate, "rate vote comment like recommend"),
    (
        Decide,
        "approve reject accept confirm decline decide sign verify validate resolve refuse moderate agree",
    ),
    (Export, "export download print backup sync"),
    (Scan, "scan recognise recognize detect"),
    (Plan, "book reserve schedule plan place hold arrange reschedule queue postpone"),
    (
        Control,
        "turn start stop pause freeze lock unlock run enable disable activate launch trigger control end dim",
    ),
    (
        Work,
        "use work do complete finish prepare pack ship handle process take bring pick perform return borrow lend attend \
         serve support survive need go come want try help allow let load encrypt protect react expire exceed begin \
         arrive appear remain happen replace sell cost leave include contain require offer enable accept prevent last \
         respond scale restore recover back retain keep meet comply",
    ),
];

/// Participles that do not end in `-ed`.
pub(crate) const IRREGULAR_PARTICIPLES: &[&str] = &[
    "sent", "shown", "paid", "kept", "held", "made", "sold", "seen", "given", "taken", "written", "read",
    "set", "put", "built", "found", "lost", "left", "bought", "done", "chosen", "met", "hidden", "split",
    "cut", "run", "known",
];
