//! Colours and weights as rules, one set for light and one for dark surroundings.

use super::super::super::options::Style;

/// Colours of one surrounding.
struct Palette {
    paper: &'static str,
    screen: &'static str,
    bar: &'static str,
    raised: &'static str,
    edge: &'static str,
    strong_edge: &'static str,
    text: &'static str,
    muted: &'static str,
    grey: &'static str,
    accent: &'static str,
    accent_soft: &'static str,
    on_accent: &'static str,
    danger: &'static str,
    danger_soft: &'static str,
    warning: &'static str,
    warning_soft: &'static str,
    success: &'static str,
    success_soft: &'static str,
    bezel: &'static str,
}

/// Pictures that are to be judged by their content: grey, no colour to argue about.
const SKETCH: Palette = Palette {
    paper: "#f3f3f1",
    screen: "#ffffff",
    bar: "#f1f1ef",
    raised: "#ffffff",
    edge: "#b4b4b0",
    strong_edge: "#74746f",
    text: "#2b2b29",
    muted: "#666662",
    grey: "#dcdcd8",
    accent: "#4a4a47",
    accent_soft: "#e6e6e3",
    on_accent: "#ffffff",
    danger: "#4a4a47",
    danger_soft: "#efefed",
    warning: "#4a4a47",
    warning_soft: "#efefed",
    success: "#4a4a47",
    success_soft: "#efefed",
    bezel: "#8a8a85",
};

const SKETCH_DARK: Palette = Palette {
    paper: "#1c1c1b",
    screen: "#262625",
    bar: "#2f2f2e",
    raised: "#2a2a29",
    edge: "#575754",
    strong_edge: "#8f8f8a",
    text: "#e8e8e4",
    muted: "#a9a9a4",
    grey: "#40403e",
    accent: "#cfcfca",
    accent_soft: "#3a3a38",
    on_accent: "#1c1c1b",
    danger: "#cfcfca",
    danger_soft: "#333332",
    warning: "#cfcfca",
    warning_soft: "#333332",
    success: "#cfcfca",
    success_soft: "#333332",
    bezel: "#6a6a66",
};

const DETAILED: Palette = Palette {
    paper: "#eef1f6",
    screen: "#ffffff",
    bar: "#f6f8fb",
    raised: "#ffffff",
    edge: "#d5dbe5",
    strong_edge: "#a9b4c4",
    text: "#1b2433",
    muted: "#5a677b",
    grey: "#e3e8f0",
    accent: "#2f5bd0",
    accent_soft: "#e8eefc",
    on_accent: "#ffffff",
    danger: "#b3261e",
    danger_soft: "#fdecea",
    warning: "#8a5a00",
    warning_soft: "#fff5dd",
    success: "#1b6e3c",
    success_soft: "#e6f5ec",
    bezel: "#1b2433",
};

const DETAILED_DARK: Palette = Palette {
    paper: "#10141b",
    screen: "#181e28",
    bar: "#1f2733",
    raised: "#1c232e",
    edge: "#364152",
    strong_edge: "#5a687d",
    text: "#e7ecf4",
    muted: "#a3afc0",
    grey: "#2d3746",
    accent: "#8fb0ff",
    accent_soft: "#24324f",
    on_accent: "#0f1726",
    danger: "#ffb4ab",
    danger_soft: "#42201d",
    warning: "#f3c969",
    warning_soft: "#3b2f14",
    success: "#8fd6a9",
    success_soft: "#183425",
    bezel: "#05070b",
};

/// The content of the style element.
pub(super) fn rules(style: Style) -> String {
    let (light, dark) = match style {
        Style::LowFidelity => (&SKETCH, &SKETCH_DARK),
        Style::HighFidelity | Style::Component => (&DETAILED, &DETAILED_DARK),
    };
    format!("{SHAPES}{}@media (prefers-color-scheme:dark){{{}}}", colours(light), colours(dark))
}

/// What does not depend on colour.
const SHAPES: &str = "\
text{font:14px Inter,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',Arial,sans-serif}\
.title,.strong,.head,.state{font-weight:600}.header{font-size:17px;font-weight:650}.title{font-size:15px}\
.flow-label,.badge-text,.small{font-size:12px}.badge-text{font-weight:700;font-size:10px}\
.icon,.check{fill:none;stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}.check{stroke-width:2}\
.flow{stroke-dasharray:5 4}.dash{stroke-dasharray:3 4}.link{text-decoration:underline}\
.plan{stroke-dasharray:6 6}";

fn colours(palette: &Palette) -> String {
    let Palette { paper, screen, bar, raised, edge, strong_edge, text, muted, grey, .. } = palette;
    let Palette { accent, accent_soft, on_accent, danger, danger_soft, bezel, .. } = palette;
    let Palette { warning, warning_soft, success, success_soft, .. } = palette;
    format!(
        "text{{fill:{text}}}.paper{{fill:{paper}}}.screen{{fill:{screen};stroke:{strong_edge}}}.bar{{fill:{bar}}}\
         .side{{fill:{bar}}}.bezel{{fill:{bezel}}}.glass{{fill:{screen}}}.pill{{fill:{screen};stroke:{edge}}}\
         .plan{{fill:{screen};stroke:{strong_edge}}}\
         .line{{stroke:{edge}}}.drawing .line{{stroke:{strong_edge}}}.card{{fill:{raised};stroke:{edge}}}.patch{{fill:{raised}}}.area,.field{{fill:{screen};stroke:{strong_edge}}}\
         .field-off{{fill:{bar};stroke:{edge}}}.field-bad{{fill:{danger_soft};stroke:{danger};stroke-width:1.5}}\
         .button{{fill:{raised};stroke:{strong_edge}}}.primary{{fill:{accent};stroke:{accent}}}\
         .danger{{fill:{danger};stroke:{danger}}}.off{{fill:{grey};stroke:{grey}}}.ghost{{fill:none;stroke:{strong_edge}}}\
         .on,.badge-text{{fill:{on_accent}}}.muted,.flow-label,.small{{fill:{muted}}}.bad{{fill:{danger}}}\
         .link,.chosen-text,.state{{fill:{accent}}}.chosen{{fill:{accent_soft}}}.accent,.badge{{fill:{accent}}}\
         .head{{fill:{muted}}}.table-head{{fill:{bar}}}.grey{{fill:{grey}}}.shade{{fill:{grey}}}\
         .image{{fill:{grey};stroke:{edge}}}.cross{{stroke:{strong_edge};opacity:.35}}\
         .info-box{{fill:{accent_soft};stroke:{accent}}}.danger-box{{fill:{danger_soft};stroke:{danger}}}\
         .warning-box{{fill:{warning_soft};stroke:{warning}}}.success-box{{fill:{success_soft};stroke:{success}}}\
         .icon{{stroke:{muted}}}.icon-on,.check{{stroke:{on_accent}}}.icon-accent{{stroke:{accent}}}\
         .icon-danger{{stroke:{danger}}}.icon-warning{{stroke:{warning}}}.icon-success{{stroke:{success}}}\
         .dot{{fill:{edge}}}.knob{{fill:{screen}}}.ring{{fill:{screen};stroke:{strong_edge}}}\
         .flow{{stroke:{muted}}}.flow-head{{fill:{muted}}}"
    )
}
