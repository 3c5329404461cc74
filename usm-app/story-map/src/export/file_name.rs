//! Names of files made of titles: every script stays as it is, and no system refuses them.

use crate::columns::clean;

/// Longest name in bytes, without its ending; most systems allow 255 with it.
const LONGEST: usize = 120;

/// The title as a file name, with an ending such as `md`; `story-map` where the title has no letters.
pub fn of(title: &str, ending: &str) -> String {
    format!("{}.{ending}", stem(title))
}

fn stem(title: &str) -> String {
    let mut name = String::new();
    for c in clean(title).chars() {
        // Marks belong to the letter before them.
        let kept = c.is_alphanumeric() || matches!(c, '_' | '\u{300}'..='\u{36f}');
        if kept && name.len() + c.len_utf8() <= LONGEST {
            name.push(c);
        } else if !kept && !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    match name {
        "" => "story-map".to_owned(),
        _ if is_device(name) => format!("{name}-map"),
        _ => name.to_owned(),
    }
}

/// Names that Windows keeps for devices, whatever their ending.
fn is_device(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let numbered = |kind: &str| name.strip_prefix(kind).is_some_and(|rest| rest.len() == 1 && rest != "0");
    matches!(name.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_of_every_script_stay() {
        assert_eq!(of("Доставка еды «Обед»", "md"), "Доставка-еды-Обед.md");
        assert_eq!(of("1.2 Найти ресторан", "feature"), "1-2-Найти-ресторан.feature");
        assert_eq!(of("Ёлка 漢字", "svg"), "Ёлка-漢字.svg");
    }

    #[test]
    fn what_a_system_refuses_is_left_out() {
        assert_eq!(of("../../etc/passwd\0", "md"), "etc-passwd.md");
        assert_eq!(of("\u{202e}a:b*?\"<>|", "md"), "a-b.md");
        assert_eq!(of("!!!", "md"), "story-map.md");
        assert_eq!(of("CON", "csv"), "CON-map.csv");
        assert_eq!(of("com1", "csv"), "com1-map.csv");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_name_is_short_and_harmless(title in any::<String>()) {
            let name = of(&title, "md");

            prop_assert!(name.len() <= LONGEST + 7 && name.len() > 3, "{name}");
            prop_assert!(!name.starts_with(['.', '-']) && !name.contains(['/', '\\', ':', '\0', '\n']), "{name}");
        }
    }
}
