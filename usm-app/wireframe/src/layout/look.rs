//! What a rectangle of the layout is: for renderers that draw shapes where others write characters.

use super::super::{
    options::Platform,
    tree::{Kind, Role, State},
};

/// A rectangle in columns and rows, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) look: Look,
}

/// What is seen in a rectangle. Its words are here where it writes its own; the characters under it are silent then.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Look {
    /// The edge of a whole screen.
    Frame(Platform),
    /// The bar of a browser with its address.
    Address(String),
    /// The bar at the top of a phone.
    PhoneStatus,
    /// The buttons of a window: minimise, maximise, close.
    WindowControls,
    /// A bar across the screen.
    Bar,
    /// The bar at the side.
    Side,
    /// A button, link or icon.
    Button { kind: Kind, label: String, role: Role, state: State },
    /// A field of one line; `filled` tells content from a placeholder.
    Field { kind: Kind, text: String, filled: bool, state: State },
    /// The edge of a field of several lines.
    Area(State),
    /// A box to tick, a dot to choose, a switch.
    Choice { kind: Kind, set: bool, disabled: bool },
    /// The edge of a group of elements.
    Card,
    /// What a dialogue dims.
    Shade,
    /// The edge of a dialogue.
    Modal,
    /// The edge of a message.
    Alert(Role),
    /// A picture, with what it shows.
    Image(Vec<String>),
    /// The line of column heads of a table.
    TableHead,
    /// The chosen entry of a bar, list or row of tabs.
    Chosen(String),
    /// Done so far, in percent.
    Percent(u8),
    /// Words on the edge of a group or dialogue.
    Title(String),
    /// A heading.
    Header,
    /// Words of less weight.
    Muted,
    /// Words that stand in the middle of it, however wide their letters are.
    Centred,
    /// What is wrong.
    Problem,
    /// The name of a state above a component.
    StateName,
    /// An entry with a sign before it: whether it is the chosen one.
    Bullet(bool),
    /// Numbers of the acceptance criteria that what is here serves.
    Serves(Vec<u32>),
}
