//! Verbs in the form that titles of stories begin with.

/// English base forms.
#[rustfmt::skip]
pub(super) const ENGLISH_STEPS: &[&str] = &[
    "accept", "access", "activate", "add", "adjust", "agree", "alert", "allow", "announce", "appear",
    "apply", "approve", "archive", "arrange", "arrive", "ask", "assign", "attach", "attend", "authenticate",
    "back", "backup", "ban", "begin", "block", "book", "borrow", "bring", "browse", "build", "buy",
    "calculate", "call", "cancel", "capture", "change", "charge", "chat", "check", "checkout", "choose",
    "clear", "close", "collect", "come", "comment", "communicate", "compare", "complete", "comply",
    "compose", "configure", "confirm", "connect", "contact", "contain", "control", "convert", "copy",
    "cost", "create", "customise", "customize", "deactivate", "decide", "decline", "define", "delegate",
    "delete", "deliver", "describe", "detect", "dim", "disable", "discover", "display", "do", "donate",
    "download", "draft", "edit", "email", "enable", "encrypt", "end", "enrol", "enroll", "enter",
    "escalate", "exceed", "expire", "explore", "export", "extend", "fill", "filter", "find", "finish",
    "flag", "follow", "forward", "freeze", "generate", "get", "give", "go", "handle", "happen", "hear",
    "help", "hide", "hold", "identify", "import", "include", "inspect", "invite", "issue", "join", "keep",
    "know", "last", "launch", "learn", "leave", "lend", "let", "like", "link", "list", "load", "locate",
    "lock", "log", "login", "look", "maintain", "make", "manage", "mark", "meet", "merge", "message",
    "moderate", "modify", "monitor", "move", "need", "notify", "offer", "open", "order", "organise",
    "organize", "pack", "pause", "pay", "perform", "photograph", "pick", "place", "plan", "post",
    "postpone", "prepare", "prevent", "preview", "print", "process", "protect", "provide", "publish",
    "purchase", "queue", "rate", "react", "read", "receive", "recognise", "recognize", "recommend",
    "record", "recover", "redeem", "refund", "refuse", "register", "reimburse", "reject", "remain",
    "remind", "remove", "rename", "renew", "replace", "reply", "report", "request", "require", "reschedule",
    "reserve", "reset", "resolve", "respond", "restore", "retain", "return", "review", "revoke", "run",
    "save", "scale", "scan", "schedule", "search", "see", "select", "sell", "send", "serve", "set", "share",
    "ship", "show", "sign", "sort", "specify", "split", "start", "stop", "store", "submit", "subscribe",
    "support", "survive", "switch", "sync", "tag", "take", "tell", "top", "track", "transfer", "trigger",
    "try", "turn", "unlock", "unsubscribe", "update", "upload", "use", "validate", "verify", "view",
    "visit", "vote", "want", "watch", "withdraw", "work", "write",
];

/// Russian infinitives whose ending does not tell.
#[rustfmt::skip]
pub(super) const RUSSIAN_STEPS: &[&str] = &[
    "ввести", "везти", "вести", "внести", "войти", "выйти", "довезти", "завести", "зайти", "идти",
    "навести", "найти", "нести", "отвезти", "отнести", "перевезти", "перевести", "перейти", "перенести",
    "подойти", "помочь", "привезти", "привлечь", "прийти", "принести", "приобрести", "провести",
    "произвести", "произойти", "пройти", "пройтись", "прочесть", "сберечь", "свести", "сесть", "спасти",
    "уйти", "учесть",
];

/// Russian nouns that end like infinitives.
#[rustfmt::skip]
pub(super) const NOT_INFINITIVES: &[&str] = &[
    "путь", "сеть", "печать", "память", "пять", "девять", "десять", "двадцать", "тридцать", "мать", "нефть",
    "треть", "четверть", "смерть", "кровать", "пусть", "опять", "чуть", "суть", "ртуть", "зять", "шесть",
    "часть", "плеть", "нить", "есть", "весть", "честь", "лесть", "кисть", "кость", "гость", "рукоять",
];
