//! Screen patterns as data: which words call for one, and what is on it from top to bottom.

/// A part of a screen; what it shows comes from the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A search field with its button.
    Search,
    /// Choices that narrow down a list.
    Filters,
    /// Sections of a list.
    Tabs,
    /// Objects one under another, or as a table where they have properties.
    Objects,
    /// One object with a picture and its properties.
    Details,
    /// Fields to fill in.
    Form,
    /// Ways to pay, and what is paid.
    Payment,
    /// Where something is on its way.
    Steps,
    /// A map.
    Map,
    /// Messages of two people and a field for the next one.
    Chat,
    /// Figures with their names.
    Figures,
    /// A chart.
    Chart,
    /// Days and free hours.
    Calendar,
    /// Stars and a comment.
    Rating,
    /// Switches.
    Switches,
    /// Messages that came in.
    Messages,
    /// A place to drop a file.
    Upload,
    /// What a camera sees.
    Camera,
    /// A plan with places to choose.
    Plan,
    /// A document as it will be.
    Preview,
    /// A question that must be answered before something happens.
    Question,
    /// Name and password, or the like.
    Credentials,
    /// The story's action, and a way back.
    Actions,
}

impl Part {
    /// What it is for, in Russian and English, for the description of the layout.
    pub(super) fn purpose(self) -> (&'static str, &'static str) {
        match self {
            Self::Search => ("строка поиска", "a search field"),
            Self::Filters => ("фильтры", "filters"),
            Self::Tabs => ("вкладки состояний", "tabs by state"),
            Self::Objects => ("список найденного", "the list itself"),
            Self::Details => ("карточка со свойствами", "a card with the properties"),
            Self::Form => ("форма", "the form"),
            Self::Payment => ("способ оплаты и сумма", "the way to pay and the sum"),
            Self::Steps => ("ход выполнения по шагам", "progress by steps"),
            Self::Map => ("карта", "a map"),
            Self::Chat => ("переписка и поле ответа", "the conversation and a field to answer"),
            Self::Figures => ("главные показатели", "the main figures"),
            Self::Chart => ("график", "a chart"),
            Self::Calendar => ("дни и свободное время", "days and free hours"),
            Self::Rating => ("оценка и отзыв", "stars and a comment"),
            Self::Switches => ("переключатели", "switches"),
            Self::Messages => ("пришедшие уведомления", "messages that came in"),
            Self::Upload => ("область загрузки файла", "a place for the file"),
            Self::Camera => ("окно камеры и поле для кода", "what the camera sees and a field for the code"),
            Self::Plan => ("схема мест", "a plan of the places"),
            Self::Preview => ("документ целиком", "the document as it will be"),
            Self::Question => ("вопрос с подтверждением", "a question to confirm"),
            Self::Credentials => ("данные для входа", "credentials"),
            Self::Actions => ("кнопки действий", "the actions"),
        }
    }
}

/// A kind of screen.
#[derive(Debug)]
pub(super) struct Pattern {
    /// Also the id of the screen.
    pub(super) id: &'static str,
    /// Words, in any form, that call for it; the more of them a story has, the better it fits.
    pub(super) words: (&'static str, &'static str),
    /// From top to bottom.
    pub(super) parts: &'static [Part],
    /// The label of its button when the story's title names no action.
    pub(super) action: (&'static str, &'static str),
}

impl Pattern {
    /// Whether it asks somebody for something: nothing for those who only look.
    pub(super) fn asks(&self) -> bool {
        let asks = |part: &Part| {
            matches!(part, Part::Form | Part::Question | Part::Upload | Part::Credentials | Part::Payment)
        };
        self.parts.iter().any(asks)
    }
}

use Part::{
    Actions, Calendar, Camera, Chart, Chat, Credentials, Details, Figures, Filters, Form, Map, Messages,
    Objects, Payment, Plan, Preview, Question, Rating, Search, Steps, Switches, Tabs, Upload,
};

/// The pattern for stories that no other one fits.
pub(super) const PLAIN: Pattern = Pattern {
    id: "details",
    words: (
        "карточка подробности описание состав меню профиль открыть показать увидеть видеть посмотреть отметить продлить \
         продлевать позвонить выдать вернуть повторить запустить вступить подписаться дверь камера",
        "details card profile description open show see view info page mark renew extend issue return repeat call charge \
         start join follow place door camera",
    ),
    parts: &[Details, Actions],
    action: ("Открыть", "Open"),
};

/// All patterns; of equally fitting ones the first is taken.
pub(super) const PATTERNS: &[Pattern] = &[
    Pattern {
        id: "payment",
        words: (
            "оплатить оплата оплачивать купить покупать покупка платить платеж наличными сбп промокод скидка счет чек касса корзина",
            "pay payment checkout card cash discount promo purchase buy charge basket cart fee",
        ),
        parts: &[Payment, Actions],
        action: ("Оплатить", "Pay"),
    },
    Pattern {
        id: "login",
        words: (
            "войти вход входить авторизация регистрация зарегистрироваться регистрироваться пароль логин аккаунт код sms",
            "login sign signup register registration password account authentication credentials",
        ),
        parts: &[Credentials, Actions],
        action: ("Войти", "Sign in"),
    },
    Pattern {
        id: "chat",
        words: (
            "чат переписка сообщение написать писать отправить поддержка ответить диалог спросить вопрос",
            "chat message messages write send conversation reply support ask question talk contact",
        ),
        parts: &[Chat],
        action: ("Отправить", "Send"),
    },
    Pattern {
        id: "tracking",
        words: (
            "отслеживать отследить отслеживание следить статус маршрут этап прогресс ход путь доставка",
            "track tracking status progress stage delivery shipment route live",
        ),
        parts: &[Steps, Map, Details],
        action: ("Позвонить", "Call"),
    },
    Pattern {
        id: "schedule",
        words: (
            "расписание календарь запись записаться записываться забронировать бронь бронировать слот прием смена перенести \
             переносить",
            "schedule calendar booking reserve reservation slot appointment timetable reschedule spot shift",
        ),
        parts: &[Calendar, Actions],
        action: ("Записаться", "Book"),
    },
    Pattern {
        id: "report",
        words: (
            "отчет отчеты статистика аналитика показатели график выручка сводка динамика итоги экспорт выгрузить \
             продажи бюджет сколько",
            "report reports dashboard statistics analytics chart revenue summary metrics export overview total sales budget \
             much many",
        ),
        parts: &[Filters, Figures, Chart, Objects],
        action: ("Выгрузить", "Export"),
    },
    Pattern {
        id: "review",
        words: (
            "оценить оценка оценивать отзыв оставить рейтинг звезды шкала отзывы",
            "rate rating review reviews feedback stars score comment",
        ),
        parts: &[Rating, Actions],
        action: ("Отправить отзыв", "Send review"),
    },
    Pattern {
        id: "settings",
        words: (
            "настроить настройка настройки включить выключить параметры подписка предпочтения язык тема отключить",
            "settings setting configure enable disable preferences options turn switch toggle language limit",
        ),
        parts: &[Switches, Actions],
        action: ("Сохранить", "Save"),
    },
    Pattern {
        id: "notifications",
        words: (
            "уведомление уведомления получать получить push напоминание напомнить оповещение письмо рассылка приходит",
            "notification notifications notify receive alert reminder remind push email digest warned",
        ),
        parts: &[Messages],
        action: ("Отметить прочитанным", "Mark as read"),
    },
    Pattern {
        id: "confirm",
        words: (
            "отменить отмена отменять удалить удаление удалять заблокировать блокировать отказаться закрыть списать",
            "cancel delete remove block ban revoke close archive discard",
        ),
        parts: &[Details, Question],
        action: ("Подтвердить", "Confirm"),
    },
    Pattern {
        id: "decision",
        words: (
            "принять отклонить согласовать одобрить утвердить подтвердить взять проверить рассмотреть откликнуться",
            "approve reject accept decline confirm verify check decide assign",
        ),
        parts: &[Tabs, Objects, Details, Actions],
        action: ("Принять", "Accept"),
    },
    Pattern {
        id: "map",
        words: (
            "карта карте рядом радиус геолокация район ближайший поблизости адреса",
            "map nearby near location radius area nearest around",
        ),
        parts: &[Search, Map, Objects],
        action: ("Найти", "Find"),
    },
    Pattern {
        id: "scan",
        words: ("сканировать отсканировать сканирование скан штрихкод qr", "scan scanning barcode qr"),
        parts: &[Camera, Actions],
        action: ("Сканировать", "Scan"),
    },
    Pattern {
        id: "document",
        words: (
            "скачать скачивать распечатать напечатать печать справка табель квитанция",
            "download print invoice certificate",
        ),
        parts: &[Preview, Actions],
        action: ("Скачать", "Download"),
    },
    Pattern {
        id: "refund",
        words: ("возврат возместить деньги", "refund refunded reimburse reimbursement"),
        parts: &[Details, Form, Actions],
        action: ("Вернуть деньги", "Refund"),
    },
    Pattern {
        id: "places",
        words: ("зал кресло сектор", "seat seats hall"),
        parts: &[Plan, Details, Actions],
        action: ("Выбрать", "Choose"),
    },
    Pattern {
        id: "upload",
        words: (
            "загрузить загрузка прикрепить файл импорт импортировать фото фотография сфотографировать документ",
            "upload attach file import photo photograph document picture receipt drag",
        ),
        parts: &[Upload, Form, Actions],
        action: ("Загрузить", "Upload"),
    },
    Pattern {
        id: "form",
        words: (
            "создать добавить добавлять указать указывать заполнить изменить редактировать обновить обновлять внести ввести \
             оформить подать сохранить сохранять задать задавать форма заявка заявку новый завести отклик разделить \
             передать делегировать выставить",
            "create add enter fill submit edit update change new form set record save make request split transfer transferred \
             delegate",
        ),
        parts: &[Form, Actions],
        action: ("Сохранить", "Save"),
    },
    Pattern {
        id: "list",
        words: (
            "найти искать поиск список каталог выбрать выбирать фильтр сортировать отсортировать история подборка просмотр \
             просматривать посмотреть смотреть видеть свободные все сравнить сравнивать журнал",
            "search find list browse catalogue catalog filter sort choose select history look results see all view discover \
             compare",
        ),
        parts: &[Search, Filters, Objects],
        action: ("Найти", "Search"),
    },
    PLAIN,
];
