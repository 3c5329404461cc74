//! How wide elements must and would like to be, and how a row's width is shared among them.

use story_map::columns::{longest_word, width};

use super::{
    super::{
        options::Platform,
        tree::{Kind, Node},
    },
    Painter, fields,
};

/// What an element needs and wants of a row's width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// Below this it would be cut or hard to read.
    pub(super) min: usize,
    /// With this it is comfortable.
    pub(super) pref: usize,
    /// Whether it can make use of more.
    pub(super) grows: bool,
}

/// No element asks for more than this, so that a row is not broken for one long word.
const LARGEST_MIN: usize = 30;

impl Painter {
    /// The extent of an element in this picture.
    pub(super) fn measure(&self, node: &Node) -> Extent {
        let text = width(&node.text);
        let inside = || node.children.iter().map(|child| self.measure(child)).fold(Extent::default(), widest);
        let labels = || node.labels().into_iter().map(width);
        let (min, pref, grows) = match node.kind {
            Kind::Column => {
                let inside = inside();
                (inside.min, inside.pref, inside.grows)
            }
            Kind::Row => {
                let gaps = node.children.len().saturating_sub(1) * self.gap();
                let wanted: Vec<_> = node.children.iter().map(|child| self.measure(child)).collect();
                let pref = wanted.iter().map(|one| one.pref).sum::<usize>() + gaps;
                let widest = wanted.into_iter().fold(Extent::default(), widest);
                (widest.min, pref, widest.grows)
            }
            Kind::Card | Kind::Modal => {
                let inside = inside();
                ((inside.min + 4).max(14), (inside.pref + 4).max(text + 6), true)
            }
            Kind::Alert => {
                let inside = inside();
                (inside.min.max(longest_word(&node.text) + 4) + 4, inside.pref.max(text + 4) + 4, true)
            }
            Kind::Header => (longest_word(&node.text), text + 2, false),
            Kind::Text => (longest_word(&node.text).max(text.min(14)), text.min(72), false),
            Kind::Button | Kind::Link | Kind::Icon => {
                let pref = width(&fields::button_or_link(node));
                (pref, pref, false)
            }
            Kind::Input | Kind::Textarea => {
                let label = fields::label_width(node);
                (18.max(label.min(LARGEST_MIN)), label + 30.max(width(&node.value).min(40) + 6), true)
            }
            Kind::Select => {
                let longest =
                    labels().max().unwrap_or(0).max(width(&node.value)).max(width(&node.hint)).max(6);
                let label = fields::label_width(node);
                ((longest + 6).max(label), label + usize::from(label > 0) + longest + 8, false)
            }
            Kind::Checkbox | Kind::Radio | Kind::Toggle => {
                let longest = labels().max().unwrap_or(0).max(text) + 8;
                (longest.min(24), (labels().map(|label| label + 6).sum::<usize>() + text + 8).min(60), false)
            }
            Kind::Tabs | Kind::Menu | Kind::Navbar | Kind::BottomNav => {
                let longest = labels().max().unwrap_or(0).max(text) + 4;
                (longest, labels().map(|label| label + 3).sum::<usize>() + text, true)
            }
            Kind::List | Kind::Tree | Kind::Sidebar => {
                let rows = node.rows.iter().map(|row| row.iter().map(|cell| width(cell) + 3).sum());
                let widest = labels().chain(rows).max().unwrap_or(0).max(text).max(inside().pref) + 4;
                (widest.min(18), widest, node.kind != Kind::Sidebar)
            }
            Kind::Table => {
                let columns = super::table::column_widths(node);
                let frame = columns.len() * 3 + 1;
                (
                    columns.iter().map(|one| (*one).min(6)).sum::<usize>() + frame,
                    columns.iter().sum::<usize>() + frame,
                    true,
                )
            }
            Kind::Image => (14, (text + 8).clamp(24, 40), true),
            Kind::Progress if node.items.is_empty() => (18, text + 26, true),
            Kind::Progress => (16, labels().map(|label| label + 4).sum(), true),
            Kind::Divider => (text + 2, text + 4, true),
            Kind::Spacer => (0, 0, true),
        };
        let min = min.min(LARGEST_MIN);
        Extent { min, pref: pref.max(min), grows }
    }

    /// Columns between the elements of a row.
    pub(super) fn gap(&self) -> usize {
        if self.platform == Platform::Mobile { 1 } else { 2 }
    }
}

fn widest(one: Extent, other: Extent) -> Extent {
    Extent { min: one.min.max(other.min), pref: one.pref.max(other.pref), grows: one.grows || other.grows }
}

/// Shares `room` among elements. The result adds up to `room` unless nothing grows and all have enough.
pub(super) fn share(room: usize, wanted: &[Extent]) -> Vec<usize> {
    let min: usize = wanted.iter().map(|one| one.min).sum();
    let pref: usize = wanted.iter().map(|one| one.pref).sum();
    if pref <= room {
        return grow(room, wanted);
    }
    if min <= room {
        let sizes = proportions(room - min, &wanted.iter().map(|one| one.pref - one.min).collect::<Vec<_>>());
        return wanted.iter().zip(sizes).map(|(one, more)| one.min + more).collect();
    }
    proportions(room, &wanted.iter().map(|one| one.min).collect::<Vec<_>>())
}

fn grow(room: usize, wanted: &[Extent]) -> Vec<usize> {
    let growing = wanted.iter().filter(|one| one.grows).count();
    let even = room / wanted.len().max(1);
    if growing == wanted.len() && wanted.iter().all(|one| one.min <= even && one.pref > 0) {
        return proportions(room, &vec![1; wanted.len()]);
    }
    let left = room - wanted.iter().map(|one| one.pref).sum::<usize>();
    // A spacer is there to take what is left, before anything that merely could.
    let spacers = wanted.iter().any(|one| one.grows && one.pref == 0);
    let takes = |one: &Extent| usize::from(one.grows && (!spacers || one.pref == 0));
    let more = proportions(left, &wanted.iter().map(takes).collect::<Vec<_>>());
    wanted.iter().zip(more).map(|(one, more)| one.pref + more).collect()
}

/// Splits `room` in the proportion of `weights` without losing a column to rounding.
pub(super) fn proportions(room: usize, weights: &[usize]) -> Vec<usize> {
    let total: usize = weights.iter().sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let (mut weighed, mut given) = (0, 0);
    weights
        .iter()
        .map(|weight| {
            weighed += weight;
            let until = room * weighed / total;
            let size = until - given;
            given = until;
            size
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(min: usize, pref: usize, grows: bool) -> Extent {
        Extent { min, pref, grows }
    }

    #[test]
    fn what_can_grow_shares_a_row_evenly() {
        assert_eq!(share(30, &[extent(5, 6, true), extent(5, 9, true)]), [15, 15]);
    }

    #[test]
    fn a_button_keeps_its_size_and_the_field_takes_the_rest() {
        assert_eq!(share(30, &[extent(10, 20, true), extent(8, 8, false)]), [22, 8]);
    }

    #[test]
    fn a_spacer_takes_what_is_left() {
        assert_eq!(share(30, &[extent(5, 10, true), extent(0, 0, true), extent(8, 8, false)]), [10, 12, 8]);
    }

    #[test]
    fn too_little_room_is_shared_by_need_without_losing_a_column() {
        assert_eq!(share(20, &[extent(8, 20, true), extent(8, 12, false)]).iter().sum::<usize>(), 20);
        assert_eq!(share(7, &[extent(8, 20, true), extent(8, 12, false)]).iter().sum::<usize>(), 7);
    }
}
