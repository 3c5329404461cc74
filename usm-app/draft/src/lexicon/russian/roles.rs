//! Russian roles: who uses products and who runs them.

use crate::lexicon::Role;
use crate::lexicon::RoleKind::{self, *};

#[rustfmt::skip]
pub(super) const ROLES: &[Role] = &[
    r("клиент", Consumer, ""), r("покупатель", Consumer, ""), r("пациент", Consumer, ""),
    r("читатель", Consumer, ""), r("заказчик", Consumer, ""), r("гость", Consumer, ""),
    r("посетитель", Consumer, ""), r("студент", Consumer, ""), r("ученик", Consumer, ""),
    r("родитель", Consumer, ""), r("пассажир", Consumer, ""), r("житель", Consumer, ""),
    r("гражданин", Consumer, "граждане|граждан|гражданам|гражданами|гражданина|гражданину"),
    r("подписчик", Consumer, ""), r("участник", Consumer, ""), r("зритель", Consumer, ""),
    r("арендатор", Consumer, ""), r("турист", Consumer, ""), r("абонент", Consumer, ""),
    r("игрок", Consumer, ""), r("слушатель", Consumer, ""), r("соискатель", Consumer, ""),
    r("работодатель", Consumer, ""), r("донор", Consumer, ""), r("волонтер", Consumer, ""),
    r("потребитель", Consumer, ""), r("заявитель", Consumer, ""), r("сосед", Consumer, ""),
    r("хозяин", Consumer, "хозяева|хозяину|хозяина"),
    r("владелец", Consumer, "владельца|владельцы|владельцу|владельцам|владельцев"),
    r("спортсмен", Consumer, ""), r("пользователь", Generic, ""),
    r("человек", Generic, "люди|людям|людей"), r("курьер", Staff, ""), r("мастер", Staff, "мастера"),
    r("врач", Staff, ""), r("главный врач", Staff, ""), r("учитель", Staff, "учителя"),
    r("классный руководитель", Staff, ""), r("завуч", Staff, ""), r("директор", Admin, ""),
    r("тренер", Staff, ""), r("повар", Staff, ""), r("бариста", Staff, ""), r("официант", Staff, ""),
    r("кассир", Staff, ""), r("продавец", Staff, "продавца|продавцы|продавцу|продавцам|продавцов"),
    r("водитель", Staff, ""), r("кладовщик", Staff, ""), r("старший кладовщик", Staff, ""),
    r("комплектовщик", Staff, ""), r("упаковщик", Staff, ""), r("грузчик", Staff, ""),
    r("диспетчер", Staff, ""), r("логист", Staff, ""), r("начальник смены", Staff, ""),
    r("оператор", Staff, ""), r("оператор поддержки", Staff, ""), r("специалист", Staff, ""),
    r("сотрудник", Staff, ""), r("работник", Staff, ""), r("менеджер", Staff, ""),
    r("бухгалтер", Staff, ""), r("юрист", Staff, ""), r("библиотекарь", Staff, ""),
    r("преподаватель", Staff, ""), r("воспитатель", Staff, ""),
    r("медсестра", Staff, "медсестры|медсестре|медсестер"), r("исполнитель", Staff, ""),
    r("поставщик", Staff, ""), r("партнер", Staff, ""), r("агент", Staff, ""), r("инженер", Staff, ""),
    r("аналитик", Staff, ""), r("маркетолог", Staff, ""), r("редактор", Staff, ""), r("автор", Staff, ""),
    r("контролер", Staff, ""), r("охранник", Staff, ""), r("организатор", Staff, ""),
    r("механик", Staff, ""), r("руководитель", Staff, ""), r("регистратура", Organisation, ""),
    r("ресторан", Organisation, ""), r("магазин", Organisation, ""), r("клиника", Organisation, ""),
    r("склад", Organisation, ""), r("школа", Organisation, ""), r("отель", Organisation, ""),
    r("бухгалтерия", Organisation, ""), r("лаборатория", Organisation, ""), r("кафе", Organisation, ""),
    r("аптека", Organisation, ""), r("компания", Organisation, ""), r("поддержка", Organisation, ""),
    r("кухня", Organisation, ""), r("администратор", Admin, "админ|админы|админа"),
    r("администратор площадки", Admin, ""), r("модератор", Staff, ""), r("суперадмин", Admin, ""),
];

const fn r(name: &'static str, kind: RoleKind, forms: &'static str) -> Role {
    Role { name, kind, forms }
}
