//! Small signs beside labels, drawn on 16 by 16, and the words that call for them.

/// A sign and the beginnings of words that call for it, in lower case.
struct Icon {
    path: &'static str,
    words: &'static [&'static str],
}

pub(super) const SEARCH: &str = "M7 2a5 5 0 1 0 0 10a5 5 0 0 0 0-10M10.6 10.6L14 14";
pub(super) const PICTURE: &str = "M2 3h12v10H2zM2 11l3.5-4l3 3.2l2-2L14 11M10.6 6.1a1 1 0 1 0 0-.1";
pub(super) const INFO: &str = "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12M8 7.2v4M8 4.8v.4";
pub(super) const CROSS: &str = "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4";
pub(super) const DONE: &str = "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12M5.2 8.2l2 2l3.8-4.2";
pub(super) const WARNING: &str = "M8 2.2L14.4 13.4H1.6zM8 6.4v3.4M8 11.5v.4";
pub(super) const USER: &str =
    "M8 2.4a2.8 2.8 0 1 0 0 5.6a2.8 2.8 0 0 0 0-5.6M2.6 14c.5-3 2.6-4.4 5.4-4.4s4.9 1.4 5.4 4.4";

const ICONS: &[Icon] = &[
    Icon { path: SEARCH, words: &["поиск", "найти", "искать", "search", "find"] },
    Icon {
        path: "M2.5 7.4L8 2.8l5.5 4.6V13.5h-4v-4h-3v4h-4z", words: &["главн", "домой", "home", "start"]
    },
    Icon {
        path: USER,
        words: &[
            "профил",
            "гость",
            "клиент",
            "аккаунт",
            "пациент",
            "пользов",
            "profile",
            "guest",
            "account",
            "user",
            "member",
            "reader",
        ],
    },
    Icon {
        path: "M8 2.2c-2.4 0-3.8 1.7-3.8 4.2c0 3-1.2 4-1.2 5h10c0-1-1.2-2-1.2-5c0-2.5-1.4-4.2-3.8-4.2M6.6 13.2a1.5 1.5 0 0 0 2.8 0",
        words: &["уведомл", "оповещ", "напомн", "notif", "remind", "alert"],
    },
    Icon {
        path: "M1.8 3h2l1.6 7.4h6.6L13.6 5H4.4M6.4 13.4a.8.8 0 1 0 0-.1M11.2 13.4a.8.8 0 1 0 0-.1",
        words: &["корзин", "купить", "заказать", "оформить", "cart", "basket", "buy", "checkout", "order"],
    },
    Icon {
        path: "M2.5 3.8h11v9.7h-11zM2.5 6.8h11M5.4 2.2v3M10.6 2.2v3",
        words: &[
            "дата",
            "календар",
            "распис",
            "запис",
            "период",
            "бронир",
            "date",
            "calendar",
            "schedule",
            "book",
            "period",
        ],
    },
    Icon {
        path: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12M8 4.8V8l2.4 1.6",
        words: &["время", "история", "time", "history", "later"],
    },
    Icon {
        path: "M3.2 2.8l2.4-.6l1.2 3l-1.6 1.2c.7 1.6 1.9 2.8 3.5 3.5l1.2-1.6l3 1.2l-.6 2.4c-5 .6-9.7-4.1-9.1-9.1",
        words: &["телефон", "позвон", "звон", "phone", "call"],
    },
    Icon { path: "M2 3.8h12v8.6H2zM2 4.4l6 4.4l6-4.4", words: &["почт", "письм", "email", "mail"] },
    Icon {
        path: "M3.4 7.2h9.2v6.4H3.4zM5.2 7.2V5a2.8 2.8 0 0 1 5.6 0v2.2",
        words: &["пароль", "войти", "вход", "password", "sign", "log"],
    },
    Icon {
        path: "M1.8 4h12.4v8.4H1.8zM1.8 6.6h12.4M4 10.2h2.6",
        words: &["карт", "оплат", "плат", "card", "pay"],
    },
    Icon {
        path: "M8 14c2.9-3 4.4-5.2 4.4-7.3a4.4 4.4 0 0 0-8.8 0C3.6 8.800 5.100 11 8 14M8 5.200a1.500 1.500 0 1 0 0 3a1.500 1.500 0 0 0 0-3",
        words: &["адрес", "город", "филиал", "место", "address", "city", "branch", "location", "place"],
    },
    Icon {
        path: "M8 2.200l1.800 3.700l4 .6l-2.900 2.800l.7 4L8 11.400l-3.600 1.900l.7-4L2.200 6.500l4-.6z",
        words: &["оценк", "оценить", "отзыв", "избран", "rating", "rate", "review", "favour", "favor"],
    },
    Icon {
        path: "M8 3v10M3 8h10", words: &["добав", "создать", "новый", "новая", "add", "new", "create"]
    },
    Icon {
        path: "M8 10.400V2.600M4.800 5.600L8 2.400l3.200 3.200M2.600 10.600v3h10.800v-3",
        words: &["загруз", "выгруз", "отправить", "экспорт", "upload", "export", "share"],
    },
    Icon {
        path: "M8 2.600v7.800M4.800 7.400L8 10.600l3.200-3.200M2.600 10.600v3h10.800v-3",
        words: &["скачать", "download", "import", "импорт"],
    },
    Icon {
        path: "M3.400 4.600h9.200M6.200 4.600V2.800h3.600v1.800M4.400 4.600l.6 9h6l.6-9",
        words: &["удалить", "очистить", "delete", "remove", "clear"],
    },
    Icon {
        path: "M2.400 3h11.200v8H7l-3.200 2.600V11H2.400z",
        words: &["чат", "сообщ", "поддерж", "chat", "message", "support"],
    },
    Icon {
        path: "M13 8a5 5 0 1 1-1.500-3.600M13.200 2.400v3h-3",
        words: &["обновить", "повтор", "попроб", "refresh", "retry", "try", "again", "renew"],
    },
    Icon { path: "M10 3L5 8l5 5", words: &["назад", "вернуться", "back", "return"] },
    Icon {
        path: "M3 13l.600-3L11 2.600L13.400 5L6 12.400z", words: &["измен", "редакт", "edit", "change"]
    },
    Icon {
        path: "M2 4h12M2 8h12M2 12h12M5 2.600v2.800M11 6.600v2.800M6.500 10.600v2.800",
        words: &["настро", "фильтр", "setting", "filter"],
    },
    Icon {
        path: "M8 2a6 6 0 1 0 0 12a6 6 0 0 0 0-12M6.200 6.400a1.800 1.800 0 1 1 2.500 1.700c-.5.2-.7.5-.7 1.100M8 11.300v.3",
        words: &["помощь", "справка", "help"],
    },
    Icon {
        path: "M3 8.500l3.200 3.200L13 4.600",
        words: &[
            "сохран",
            "подтверд",
            "принять",
            "готово",
            "save",
            "confirm",
            "accept",
            "approve",
            "done",
            "ok",
        ],
    },
];

/// The sign for a label, by the first word that calls for one.
pub(super) fn of(label: &str) -> Option<&'static str> {
    let label = label.to_lowercase();
    let words = label.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.take(3).find_map(|word| {
        let calls = |icon: &&Icon| icon.words.iter().any(|beginning| word.starts_with(beginning));
        ICONS.iter().find(calls).map(|icon| icon.path)
    })
}
