//! Russian set phrases for the improvement of one story.

use crate::lexicon::VerbClass::*;
use crate::lexicon::{EdgeCase, Improvement};

#[rustfmt::skip]
pub(super) const IMPROVEMENT: Improvement = Improvement {
    course: "Начинается, когда {role} хочет {short}; заканчивается, когда {outcome}.",
    event_course: "Выполняется само: «{Title}»; результат видит {role}.",
    thing_course: "{Role} может воспользоваться возможностью «{Title}», когда она нужна.",
    limit: "Ограничение: «{limit}».",
    wish: "Учесть пожелание: «{text}».",
    conditions: &["если", "когда", "пока", "при", "дано", "после", "до", "без", "прежде"],
    step_given: "Когда {role} хочет {short}: {criterion}",
    event_given: "Когда действует «{Title}»: {criterion}",
    vague: "{criterion} — назвать число вместо слова «{word}»",
    edge_cases: &[
        EdgeCase { name: "пустые данные", classes: &[Create, Change, Send, Rate, Plan, Enter],
            step: "Если обязательные данные пусты, {short} нельзя, и указано, чего не хватает",
            event: "",
            thing: "" },
        EdgeCase { name: "нет данных", classes: &[View, Find, Export, Choose],
            step: "Если показывать нечего, при попытке {short} видно пояснение, а не пустой экран",
            event: "",
            thing: "Если показывать нечего, вместо пустого экрана «{Title}» даёт пояснение" },
        EdgeCase { name: "повтор", classes: &[Create, Pay, Plan, Send, Decide, Enter, Rate, Scan],
            step: "Двойное нажатие при попытке {short} не выполняет действие дважды",
            event: "Повтор того же события не выполняет «{Title}» второй раз",
            thing: "" },
        EdgeCase { name: "одновременное изменение", classes: &[Change, Remove, Decide, Plan, Control, Work],
            step: "Если тем временем данные изменил кто-то другой, при попытке {short} показана новая версия",
            event: "Если данные изменились во время действия «{Title}», учитывается последняя версия",
            thing: "" },
        EdgeCase { name: "нет связи", classes: &[],
            step: "Если связь пропала при попытке {short}, ничего не теряется, и попытку можно повторить",
            event: "Если связи нет, «{Title}» выполняется после её возвращения",
            thing: "Если связи нет, «{Title}» сообщает об этом, и введённое не теряется" },
        EdgeCase { name: "нет прав", classes: &[],
            step: "Тот, у кого нет прав, не может {short}: показан отказ с причиной",
            event: "Тот, у кого нет прав, не может отменить или обойти «{Title}»",
            thing: "Тому, у кого нет прав, возможность «{Title}» недоступна, и указана причина" },
    ],
    details_done: "Описание дополнено: с чего шаг начинается и чем заканчивается",
    wish_done: "Пожелание дописано к описанию, чтобы его кто-то учёл; без ИИ из него больше ничего не следует",
    criteria_done: "Критерии записаны как условие и результат: {count}",
    edges_done: "Добавлены граничные случаи: {names}",
    nothing: "Добавить нечего: история уже содержит всё, что следует из её слов",
    untold: "История пуста: напишите в заголовке, кто и что делает",
};
