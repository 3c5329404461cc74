//! English words of requirements.

use story_map::Release::{Later, Mvp, Release1};

use super::Lexicon;

#[rustfmt::skip]
pub(super) static ENGLISH: Lexicon = Lexicon {
    openers: &[
        "also", "and", "then", "so", "please", "ok", "okay", "but", "plus", "additionally", "furthermore", "moreover",
        "finally", "basically", "well", "yes", "yeah", "optionally", "+1", "first", "next", "afterwards", "oh",
    ],
    nobody: &[
        "anyone", "anybody", "everyone", "everybody", "nobody", "someone", "somebody", "it", "they", "he", "she",
        "this", "that", "these", "those", "there", "all", "each", "any", "who", "what", "which", "only", "never",
        "always", "no", "not", "we", "i", "you", "if", "when", "while", "after", "before", "once", "unless", "until",
        "during", "nothing", "one", "to", "for", "in", "at", "on", "by", "with", "from", "as", "of", "don't", "do",
        "where", "how", "why", "let", "than", "then", "or", "and", "but", "because", "since", "every", "given",
        "some", "lol", "maybe", "also", "here", "without",
    ],
    things: &[
        "system", "app", "application", "site", "website", "page", "platform", "service", "product", "software",
        "solution", "button", "screen", "form", "field", "list", "report", "order", "code", "data", "record", "file",
        "email", "e-mail", "mail", "price", "number", "door", "sensor", "server", "database", "api", "ui",
        "interface", "locker", "parcel", "card", "date", "time", "day", "week", "year", "month", "deadline", "status",
        "result", "filter", "map", "link", "receipt", "invoice", "ticket", "photo", "picture", "video", "log",
        "backup", "password", "account", "bot", "module", "feature", "dashboard", "chart", "calendar", "device",
        "phone", "terminal", "printer", "scanner", "counter", "letter", "timer", "router", "folder", "paper", "fee",
        "tax", "discount", "refund", "reminder", "alert", "push", "sms", "message", "review", "vote", "plan", "tier",
        "queue", "integration", "export", "import", "rule", "access", "reader's", "history", "text", "tracker",
        "container", "offer", "answer", "error", "folder", "weather", "water", "layer", "power", "factor",
        "newsletter", "transfer", "register", "parameter", "header", "footer", "paragraph", "percent", "event",
        "document", "comment", "department", "element", "component", "content", "agreement", "rating", "booking",
        "payout", "payment", "screen", "reports", "hold", "loan", "credit", "pass", "size", "sale", "label",
        "session", "shipment", "item", "change", "membership", "slot", "row", "column", "table", "barcode", "stock",
        "ui", "inventory",
    ],
    thing_endings: &[
        "tion", "sion", "ment", "ness", "ity", "ing", "ance", "ence", "ure", "ability", "age", "sis", "ism", "ation",
    ],
    roles: &[
        "user", "member", "customer", "client", "guest", "staff", "sales", "agent", "parent", "student", "patient",
        "resident", "tenant", "participant", "applicant", "accountant", "assistant", "president", "consultant",
        "attendant", "clerk", "desk", "nurse", "chef", "cook", "judge", "jury", "finance", "hr", "visitor", "admin",
        "volunteer", "fan", "coach", "host", "hostess", "crew", "teen", "owner", "technician", "pharmacist",
        "courier", "guard", "pilot", "child", "anyone", "sdr", "head", "lead", "chief", "executive", "representative",
        "police", "people", "public", "warehouse", "support", "moderator", "steward", "supervisor",
    ],
    role_endings: &[
        "er", "or", "ist", "ian", "ant", "ee", "eer", "man", "woman", "person", "mate", "yst", "ess",
    ],
    verbs_of_things: &[
        "work", "works", "expire", "expires", "cost", "costs", "contain", "contains", "conform", "conforms",
        "include", "includes", "run", "runs", "load", "loads", "last", "lasts", "remain", "remains", "survive",
        "support", "supports", "take", "takes", "be", "is", "are", "consist", "consists", "appear", "appears", "fit",
        "fits", "require", "requires", "happen", "happens", "start", "end", "ends", "renew", "apply", "applies",
        "depend", "depends", "exist", "store", "stores", "reach", "reaches", "weigh", "weighs", "respond", "responds",
    ],
    releases: &[
        ("not in the mvp", Release1), ("after the mvp", Release1), ("after mvp", Release1), ("in mvp", Mvp),
        ("in the mvp", Mvp), ("for mvp", Mvp), ("mvp", Mvp), ("first release", Mvp), ("phase 1", Mvp),
        ("first version", Mvp), ("release 1", Release1), ("second release", Release1), ("next release", Release1),
        ("release 2", Release1), ("phase 2", Release1), ("v2", Release1), ("phase 3", Later),
        ("third release", Later), ("nice to have", Later), ("nice-to-have", Later), ("come later", Later),
        ("later on", Later), ("later", Later), ("not now", Later), ("someday", Later), ("in the future", Later),
        ("future version", Later), ("future", Later), ("optionally", Later), ("optional", Later), ("stretch", Later),
        ("if time allows", Later), ("p0", Mvp), ("p1", Release1), ("p2", Later), ("p3", Later), ("p4", Later),
        ("must have", Mvp), ("must-have", Mvp), ("should have", Release1), ("could have", Later),
    ],
    excluded: &[
        "out of scope", "not in scope", "won't do", "will not do", "we do not", "we don't", "not planned",
        "no need for", "don't send", "don't build", "do not build", "we won't", "we will not",
    ],
    vague: &[
        "fast", "quick", "quickly", "easy", "easily", "convenient", "user-friendly", "intuitive", "modern",
        "beautiful", "reliable", "simple", "seamless", "nice-looking", "robust", "flexible",
    ],
    prohibitions: &[
        "cannot", "can't", "must not", "mustn't", "shall not", "may not", "never", "do not", "don't", "should not",
        "not allowed", "no one", "nobody", "not permit",
    ],
    products: &[
        "app", "application", "site", "website", "system", "platform", "tool", "service", "bot", "portal", "software",
        "product", "solution",
    ],
    commands: &[
        "disregard the", "ignore the", "ignore all", "ignore previous", "you are now", "respond only", "respond with",
        "system prompt", "set every", "as an ai",
    ],
    suggestions: &[
        ("search*|find*|filter*", "when nothing is found, the person is told so"),
        ("pay*|buy*|purchase*", "a declined payment is reported and nothing is charged"),
        ("upload*|attach*|import*", "a file that cannot be read is refused with the reason"),
        ("scan*", "a code that cannot be read can be typed in"),
        ("delete*|remove*|cancel*", "the person is asked before it is done"),
        ("book*|reserve*", "two people cannot get the same place at the same time"),
        ("export*|download*", "where there is nothing to export, the person is told so"),
        ("log* in|sign* in", "wrong credentials are refused"),
        ("approve*|reject*", "whoever asked is told of the decision"),
    ],
};
