//! Words a story may use for things and their properties, as data: how they are labelled and sample content.

use ::wireframe::Kind;

/// A property that can be a field of a form, a filter or a column.
#[derive(Debug)]
pub(super) struct Property {
    /// Words that mean it, in any form.
    pub(super) words: (&'static str, &'static str),
    /// Its name on a screen.
    pub(super) label: (&'static str, &'static str),
    /// Contents, separated by `|`; for a choice its options.
    pub(super) samples: (&'static str, &'static str),
    /// How it is entered.
    pub(super) kind: Kind,
}

const fn field(
    words: (&'static str, &'static str),
    label: (&'static str, &'static str),
    samples: (&'static str, &'static str),
    kind: Kind,
) -> Property {
    Property { words, label, samples, kind }
}

use Kind::{Input, Select, Textarea};

/// Properties in the order in which a form asks for them.
pub(super) const PROPERTIES: &[Property] = &[
    field(
        ("имя фамилия фио", "name surname"),
        ("Имя", "Name"),
        ("Анна Смирнова|Илья Орлов|Мария Ким", "Anna Smith|Liam Jones|Mia Brown"),
        Input,
    ),
    field(
        ("название наименование заголовок", "title heading"),
        ("Название", "Title"),
        ("Пример названия|Второй пример|Третий пример", "Sample title|Second sample|Third sample"),
        Input,
    ),
    field(
        ("автор", "author"),
        ("Автор", "Author"),
        ("М. Булгаков|А. Чехов|Н. Гоголь", "J. Austen|M. Twain|H. Wells"),
        Input,
    ),
    field(
        ("isbn штрихкод штрих-код артикул", "isbn barcode sku"),
        ("Код", "Code"),
        ("978-5-17|978-5-04|978-5-00", "978-0-14|978-1-40|978-0-06"),
        Input,
    ),
    field(
        ("телефон номер телефону", "phone"),
        ("Телефон", "Phone"),
        (
            "+7 900 000-00-00|+7 900 000-00-01|+7 900 000-00-02",
            "+44 20 0000 0000|+44 20 0000 0001|+44 20 0000 0002",
        ),
        Input,
    ),
    field(
        ("почта почту email e-mail", "email e-mail"),
        ("Эл. почта", "Email"),
        (
            "anna@example.com|ilya@example.com|maria@example.com",
            "anna@example.com|liam@example.com|mia@example.com",
        ),
        Input,
    ),
    field(
        ("адрес", "address"),
        ("Адрес", "Address"),
        ("ул. Садовая, 12|пр. Мира, 5|ул. Лесная, 3", "12 Garden St|5 Park Ave|3 Mill Rd"),
        Input,
    ),
    field(("город", "city town"), ("Город", "City"), ("Казань|Томск|Пермь", "York|Leeds|Bath"), Select),
    field(
        ("филиал филиала отделение склад", "branch warehouse office"),
        ("Филиал", "Branch"),
        ("Центр|Северный|Южный", "Central|North|South"),
        Select,
    ),
    field(
        ("специальность", "speciality specialty"),
        ("Специальность", "Speciality"),
        ("Терапевт|Хирург|Педиатр", "Therapist|Surgeon|Dentist"),
        Select,
    ),
    field(
        ("кухня кухне", "cuisine"),
        ("Кухня", "Cuisine"),
        ("Русская|Грузинская|Японская", "Italian|Thai|Indian"),
        Select,
    ),
    field(("жанр", "genre"), ("Жанр", "Genre"), ("Рок|Джаз|Опера", "Rock|Jazz|Opera"), Select),
    field(
        ("категория тип раздел тема", "category type kind subject topic"),
        ("Категория", "Category"),
        ("Первая|Вторая|Третья", "First|Second|Third"),
        Select,
    ),
    field(
        ("тренер", "trainer coach"),
        ("Тренер", "Trainer"),
        ("И. Орлов|М. Ким|А. Белова", "L. Jones|M. Brown|A. Smith"),
        Select,
    ),
    field(
        ("уровень", "level"),
        ("Уровень", "Level"),
        ("Начальный|Средний|Высокий", "Beginner|Middle|Advanced"),
        Select,
    ),
    field(
        ("дата день", "date day due"),
        ("Дата", "Date"),
        ("12.05|13.05|14.05", "12 May|13 May|14 May"),
        Input,
    ),
    field(
        ("время час часу", "time hour"),
        ("Время", "Time"),
        ("10:00|11:30|15:00", "10:00|11:30|15:00"),
        Input,
    ),
    field(
        ("период неделя месяц", "period week month"),
        ("Период", "Period"),
        ("День|Неделя|Месяц", "Day|Week|Month"),
        Select,
    ),
    field(
        ("количество число порция остаток", "quantity number count stock"),
        ("Количество", "Quantity"),
        ("1|2|3", "1|2|3"),
        Input,
    ),
    field(
        ("цена стоимость сумма комиссия бюджет", "price cost amount sum budget fee"),
        ("Сумма", "Amount"),
        ("1 250 ₽|890 ₽|2 400 ₽", "€12.50|€8.90|€24.00"),
        Input,
    ),
    field(
        ("промокод", "promo voucher coupon"),
        ("Промокод", "Promo code"),
        ("ЛЕТО|ВЕСНА|ЗИМА", "SUMMER|SPRING|WINTER"),
        Input,
    ),
    field(
        ("статус", "status"),
        ("Статус", "Status"),
        ("Новый|В работе|Готово", "New|In progress|Done"),
        Select,
    ),
    field(
        ("рейтинг оценка", "rating grade"),
        ("Рейтинг", "Rating"),
        ("★ 4.8|★ 4.6|★ 4.1", "★ 4.8|★ 4.6|★ 4.1"),
        Select,
    ),
    field(
        ("причина", "reason"),
        ("Причина", "Reason"),
        ("Передумал|Ошибка|Другое", "Changed my mind|Mistake|Other"),
        Select,
    ),
    field(
        ("комментарий пожелание описание отзыв примечание", "comment wish description note"),
        ("Комментарий", "Comment"),
        ("Пара слов|Ещё пара слов|Без слов", "A few words|Some more|None"),
        Textarea,
    ),
];

/// A thing that stories are about.
#[derive(Debug)]
pub(super) struct Thing {
    /// Words that mean it, in any form.
    pub(super) words: (&'static str, &'static str),
    /// Its name on a screen: one of them.
    pub(super) label: (&'static str, &'static str),
    /// Three of them, separated by `|`.
    pub(super) samples: (&'static str, &'static str),
}

const fn thing(
    words: (&'static str, &'static str),
    label: (&'static str, &'static str),
    samples: (&'static str, &'static str),
) -> Thing {
    Thing { words, label, samples }
}

/// Things, the more particular ones first.
pub(super) const THINGS: &[Thing] = &[
    thing(
        ("ресторан кафе", "restaurant cafe"),
        ("Ресторан", "Restaurant"),
        ("Хинкальная|Пицца у дома|Суши на углу", "Corner Pizza|Green Bowl|Noodle House"),
    ),
    thing(
        ("блюдо меню", "dish meal menu"),
        ("Блюдо", "Dish"),
        ("Борщ|Пельмени|Морс", "Soup of the day|Pasta|Lemonade"),
    ),
    thing(
        ("врач доктор", "doctor physician"),
        ("Врач", "Doctor"),
        ("Орлова Е. П.|Ким М. В.|Белов А. С.", "Dr Orlova|Dr Kim|Dr Bell"),
    ),
    thing(
        ("пациент", "patient"),
        ("Пациент", "Patient"),
        ("Анна Смирнова|Илья Орлов|Мария Ким", "Anna Smith|Liam Jones|Mia Brown"),
    ),
    thing(
        ("книга издание", "book title loan"),
        ("Книга", "Book"),
        ("Мёртвые души|Чайка|Нос", "Emma|Tom Sawyer|The Time Machine"),
    ),
    thing(
        ("занятие тренировка урок", "class lesson"),
        ("Занятие", "Class"),
        ("Йога|Силовая|Растяжка", "Yoga|Strength|Stretching"),
    ),
    thing(
        ("мероприятие концерт событие", "event concert show"),
        ("Мероприятие", "Event"),
        ("Джаз в парке|Чайка|Ночь музеев", "Jazz in the park|Hamlet|Spring festival"),
    ),
    thing(
        ("билет", "ticket"),
        ("Билет", "Ticket"),
        ("Ряд 3, место 7|Ряд 3, место 8|Ряд 5, место 1", "Row 3, seat 7|Row 3, seat 8|Row 5, seat 1"),
    ),
    thing(
        ("мастер исполнитель", "craftsman contractor"),
        ("Мастер", "Specialist"),
        ("Сергей, сантехник|Олег, электрик|Вера, маляр", "Sam, plumber|Owen, electrician|Vera, painter"),
    ),
    thing(
        ("ученик", "pupil student"),
        ("Ученик", "Student"),
        ("Анна С.|Илья О.|Мария К.", "Anna S.|Liam J.|Mia B."),
    ),
    thing(("курьер", "courier driver"), ("Курьер", "Courier"), ("Сергей|Олег|Вера", "Sam|Owen|Vera")),
    thing(
        ("товар продукт", "product goods item"),
        ("Товар", "Product"),
        ("Кружка|Футболка|Блокнот", "Mug|T-shirt|Notebook"),
    ),
    thing(
        ("расход расходы", "expense claim"),
        ("Расход", "Expense"),
        ("Такси|Гостиница|Обед", "Taxi|Hotel|Lunch"),
    ),
    thing(
        ("устройство датчик лампа", "device sensor light lamp"),
        ("Устройство", "Device"),
        ("Свет в кухне|Термостат|Замок", "Kitchen light|Thermostat|Door lock"),
    ),
    thing(
        ("заявка обращение", "request ticket application"),
        ("Заявка", "Request"),
        ("№ 218|№ 217|№ 215", "No. 218|No. 217|No. 215"),
    ),
    thing(("заказ", "order"), ("Заказ", "Order"), ("№ 1042|№ 1041|№ 1038", "No. 1042|No. 1041|No. 1038")),
    thing(
        ("запись прием визит", "appointment visit booking reservation"),
        ("Запись", "Booking"),
        ("12.05, 10:00|13.05, 11:30|14.05, 15:00", "12 May, 10:00|13 May, 11:30|14 May, 15:00"),
    ),
    thing(
        ("отзыв", "review feedback"),
        ("Отзыв", "Review"),
        ("★★★★★ Отлично|★★★★☆ Хорошо|★★★☆☆ Нормально", "★★★★★ Great|★★★★☆ Good|★★★☆☆ Fair"),
    ),
    thing(
        ("сотрудник пользователь клиент читатель", "employee user customer member reader"),
        ("Пользователь", "User"),
        ("Анна Смирнова|Илья Орлов|Мария Ким", "Anna Smith|Liam Jones|Mia Brown"),
    ),
    thing(
        ("документ файл", "document file"),
        ("Документ", "Document"),
        ("Договор.pdf|Акт.pdf|Счёт.pdf", "Contract.pdf|Report.pdf|Invoice.pdf"),
    ),
];

/// Ways to pay that a story may name.
pub(super) const PAYMENTS: &[Property] = &[
    field(("карта картой картами", "card"), ("Карта", "Card"), ("", ""), Input),
    field(("сбп", "transfer"), ("СБП", "Bank transfer"), ("", ""), Input),
    field(("наличные наличными", "cash"), ("Наличные", "Cash"), ("", ""), Input),
    field(("бонусы баллы", "points bonus"), ("Бонусы", "Points"), ("", ""), Input),
    field(("счет", "invoice"), ("По счёту", "Invoice"), ("", ""), Input),
    field(("apple", "apple"), ("Apple Pay", "Apple Pay"), ("", ""), Input),
    field(("google", "google"), ("Google Pay", "Google Pay"), ("", ""), Input),
];

/// Beginnings of words that tell of something going wrong.
pub(super) const PROBLEMS: (&[&str], &[&str]) = (
    &[
        "ошибк",
        "неверн",
        "неправильн",
        "отклон",
        "нельзя",
        "не может",
        "невозможн",
        "истек",
        "превыш",
        "занят",
        "законч",
        "не удал",
        "просроч",
        "не прош",
    ],
    &[
        "error",
        "invalid",
        "wrong",
        "declin",
        "reject",
        "cannot",
        "can't",
        "expired",
        "exceed",
        "fail",
        "is full",
        "denied",
        "incorrect",
        "too late",
        "missing",
    ],
);

/// Beginnings of words that tell of nothing being there.
pub(super) const NOTHING: (&[&str], &[&str]) = (
    &[
        "пуст",
        "ничего не найд",
        "ничего не подош",
        "не найден",
        "нет результ",
        "ещё нет",
        "еще нет",
        "ещё нечего",
        "еще нечего",
        "если нет",
    ],
    &["empty", "no results", "nothing", "not found", "there are no", "there is no", "has no "],
);

/// Beginnings of words that tell of a failure, whatever else a criterion says.
pub(super) const FAILURES: (&[&str], &[&str]) =
    (&["не удал", "ошибк", "нельзя", "не может"], &["fail", "error", "cannot", "a second attempt"]);

/// Beginnings of words that tell of a confirmation.
pub(super) const CONFIRMATIONS: (&[&str], &[&str]) =
    (&["получает подтвержден", "видит подтвержден", "показано подтвержден"], &["confirmation"]);

/// How a criterion opens that no state of the screen shows: who may do it, under which condition, what is measured, what
/// holds afterwards.
pub(super) const UNSEEN: (&[&str], &[&str]) = (
    &["никто кроме", "пока условие", "срок ", "после действия", "ошибку после", "об одном событии"],
    &["nobody but", "no one but", "only ", "as long as", "the time ", "after ", "data that failed"],
);

/// How a criterion opens that does not say what is done: conditions, refusals and measurements.
pub(super) const UNTOLD: (&[&str], &[&str]) = (
    &[
        "если ",
        "пока ",
        "когда ",
        "никто",
        "без ",
        "после ",
        "прежде",
        "граница ",
        "срок ",
        "учтён",
        "проверен",
        "двойное",
        "повторн",
        "нарушен",
        "недействит",
        "сумма ",
        "пересечен",
        "две ",
    ],
    &[
        "if ",
        "when ",
        "while ",
        "unless ",
        "once ",
        "with ",
        "without ",
        "nobody",
        "no one",
        "after ",
        "an attempt",
        "as long",
        "the boundary",
        "the time ",
        "every variant",
        "pressing",
        "breaking",
        "the amount",
        "a second",
        "an overlap",
        "an invalid",
        "provided",
    ],
);

/// Where a sentence goes over from what is done to what follows from it.
pub(super) const CONSEQUENCES: (&[&str], &[&str]) = (
    &[", и ", " и получает", " и видит", " и после этого", ", чтобы ", ": так "],
    &[", and ", " and gets", " and sees", " and then", ", so that ", " so that "],
);

/// Prepositions behind which something is lacking.
pub(super) const LACKING: (&[&str], &[&str]) = (&["без"], &["without"]);

/// Prepositions before the device on which something is done.
pub(super) const ON_DEVICE: (&[&str], &[&str]) = (&["с", "со", "на", "в"], &["from", "on", "to"]);

/// Whose device it is, or whose the lacking thing.
pub(super) const OF_SOMEBODY: (&[&str], &[&str]) = (
    &["своего", "моего", "любого", "своём", "своем", "моём", "моем"],
    &["my", "their", "a", "an", "the", "your", "any"],
);

/// Devices on which something is done.
pub(super) const DEVICES: (&[&str], &[&str]) = (
    &["телефона", "телефоне", "смартфона", "смартфоне", "планшета", "планшете", "компьютера", "компьютере"],
    &["phone", "phones", "tablet", "computer", "laptop"],
);
