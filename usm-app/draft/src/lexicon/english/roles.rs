//! English roles: who uses products and who runs them.

use crate::lexicon::Role;
use crate::lexicon::RoleKind::{self, *};

#[rustfmt::skip]
pub(super) const ROLES: &[Role] = &[
    r("customer", Consumer, ""), r("client", Consumer, ""), r("buyer", Consumer, ""),
    r("shopper", Consumer, ""), r("guest", Consumer, ""), r("visitor", Consumer, ""),
    r("member", Consumer, ""), r("subscriber", Consumer, ""),
    r("patient", Consumer, ""), r("student", Consumer, ""), r("parent", Consumer, ""),
    r("reader", Consumer, ""), r("fan", Consumer, ""), r("resident", Consumer, ""),
    r("tenant", Consumer, ""), r("passenger", Consumer, ""), r("traveller", Consumer, ""),
    r("employee", Consumer, ""), r("participant", Consumer, ""), r("attendee", Consumer, ""),
    r("donor", Consumer, ""), r("volunteer", Consumer, ""), r("player", Consumer, ""),
    r("learner", Consumer, ""), r("candidate", Consumer, ""), r("applicant", Consumer, ""),
    r("homeowner", Consumer, ""), r("owner", Consumer, ""), r("child", Consumer, "children"),
    r("user", Generic, ""), r("person", Generic, ""), r("everyone", Generic, ""), r("anyone", Generic, ""),
    r("courier", Staff, ""), r("driver", Staff, ""), r("seller", Staff, ""), r("vendor", Staff, ""),
    r("merchant", Staff, ""), r("manager", Staff, ""), r("line manager", Staff, ""),
    r("finance", Staff, ""), r("accountant", Staff, ""), r("librarian", Staff, ""),
    r("head librarian", Admin, ""), r("teacher", Staff, ""), r("trainer", Staff, ""),
    r("coach", Staff, ""), r("doctor", Staff, ""), r("nurse", Staff, ""), r("receptionist", Staff, ""),
    r("front desk", Staff, ""), r("cashier", Staff, ""), r("chef", Staff, ""), r("waiter", Staff, ""),
    r("steward", Staff, ""), r("organiser", Staff, ""), r("organizer", Staff, ""),
    r("operator", Staff, ""), r("dispatcher", Staff, ""), r("agent", Staff, ""),
    r("support agent", Staff, ""), r("rep", Staff, ""), r("sales rep", Staff, ""), r("technician", Staff, ""), r("engineer", Staff, ""),
    r("analyst", Staff, ""), r("editor", Staff, ""), r("author", Staff, ""), r("moderator", Staff, ""),
    r("recruiter", Staff, ""), r("supervisor", Staff, ""), r("team lead", Staff, ""),
    r("staff", Staff, ""), r("host", Staff, ""), r("instructor", Staff, ""),
    r("supplier", Organisation, ""), r("restaurant", Organisation, ""), r("shop", Organisation, ""),
    r("clinic", Organisation, ""), r("studio", Organisation, ""), r("warehouse", Organisation, ""),
    r("company", Organisation, "companies"), r("administrator", Admin, "admin|admins"),
    r("studio manager", Admin, ""), r("superuser", Admin, ""),
];

const fn r(name: &'static str, kind: RoleKind, forms: &'static str) -> Role {
    Role { name, kind, forms }
}
