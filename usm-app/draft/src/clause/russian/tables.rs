//! Words Russian sentences are taken apart by.

/// Verbs that say that somebody can, must or wants to do something.
#[rustfmt::skip]
pub(super) const MODALS: &[&str] = &[
    "может", "могут", "должен", "должна", "должно", "должны", "хочет", "хотят", "сможет", "смогут",
    "обязан", "обязаны", "умеет",
];

/// Words that permit or demand without naming who acts.
pub(super) const IMPERSONAL: &[&str] =
    &["можно", "нужно", "надо", "необходимо", "следует", "нельзя", "требуется", "возможно"];

/// Words that say that a thing is needed.
#[rustfmt::skip]
pub(super) const NEEDED: &[&str] = &[
    "нужен", "нужна", "нужно", "нужны", "необходим", "необходима", "необходимо", "необходимы", "требуется",
    "требуются", "предусмотрена", "предусмотрен",
];

/// What the owners of the product say of themselves.
pub(super) const WE: &[&str] = &["хотим", "планируем", "будем", "собираемся"];

/// Subjects that mean whoever was named before.
pub(super) const PRONOUNS: &[&str] = &["он", "она", "они"];

/// Objects that mean what was named before, so that a clause with them does not stand alone.
#[rustfmt::skip]
pub(super) const OBJECT_PRONOUNS: &[&str] = &[
    "его", "ее", "их", "ему", "ей", "им", "него", "нее", "них", "ним",
];

/// Words that open a subordinate clause.
#[rustfmt::skip]
pub(super) const SUBORDINATE: &[&str] = &[
    "если", "когда", "пока", "чтобы", "что", "где", "кто", "кому", "как", "чем", "откуда", "куда", "зачем",
    "почему", "сколько",
];

/// Conjunctions of conditions.
pub(super) const CONDITIONS: &[&str] = &["если", "когда", "пока"];

/// Verbs whose doer is the developer when no persona is named: "добавить поиск" wishes for a search.
#[rustfmt::skip]
pub(super) const BUILDING: &[&str] = &[
    "добавить", "сделать", "реализовать", "предусмотреть", "обеспечить", "поддержать", "внедрить",
    "разработать", "создать", "поддерживать", "иметь",
];

/// Words around a verb that are neither its subject nor its object.
#[rustfmt::skip]
pub(super) const ADVERBS: &[&str] = &[
    "не", "автоматически", "сразу", "также", "всегда", "только", "временно", "уже", "обязательно", "сам",
    "сама", "сами", "самостоятельно", "потом", "затем", "ежедневно", "отдельно", "тоже", "все", "еще",
    "раз", "заново",
];

/// Said of whoever acts, lost without harm in a wish.
#[rustfmt::skip]
pub(super) const EMPHASIS: &[&str] = &[
    "сам", "сама", "сами", "также", "обязательно", "тоже", "—", "–", "-", "",
];

/// Prepositions.
#[rustfmt::skip]
pub(super) const PREPOSITIONS: &[&str] = &[
    "в", "во", "на", "по", "с", "со", "к", "ко", "о", "об", "от", "до", "из", "за", "для", "при", "через",
    "без", "над", "под", "перед", "между", "у", "после", "около", "вместо", "кроме", "про", "согласно",
    "вслед", "раз",
];

/// What a sentence may open with before it says anything; urgency among it is read elsewhere.
#[rustfmt::skip]
pub(super) const OPENINGS: &[&[&str]] = &[
    &["в", "будущем"], &["в", "дальнейшем"], &["в", "перспективе"], &["в", "первой", "версии"],
    &["в", "следующей", "версии"], &["во", "второй", "очереди"], &["на", "первом", "этапе"],
    &["кроме", "того"], &["при", "этом"], &["было", "бы", "хорошо"], &["было", "бы", "здорово"],
    &["хорошо", "бы"], &["хотелось", "бы"], &["после", "этого"], &["по", "возможности"],
    &["в", "первую", "очередь"], &["также"], &["еще"], &["позже"], &["желательно"], &["обязательно"],
    &["потом"], &["затем"], &["далее"], &["и"], &["а"], &["но"], &["важно"], &["опционально"], &["чтобы"],
    &["mvp"], &["мвп"], &["дополнительно"], &["наконец"], &["плюс"], &["критично"], &["роль"],
];

/// Where a title may be cut, and in which words it may not end.
#[rustfmt::skip]
pub(in crate::clause) const STOPS: &[&str] = &[
    "в", "во", "на", "по", "с", "со", "к", "о", "об", "от", "до", "из", "за", "для", "при", "через", "без",
    "под", "перед", "между", "у", "после", "и", "или", "а", "но", "чтобы", "если", "когда", "пока",
    "который", "которая", "которое", "которые", "которых", "где", "что", "—", "–", "-", "не", "только",
    "прямо", "каждый", "каждого", "каждому", "каждом",
];
