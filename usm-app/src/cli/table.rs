//! Tables for people.

use story_map::columns::{clean, cut, pad, width};

/// Rows under heads, columns aligned, without trailing spaces; the last column may be as long as it likes.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| clean(cell))).collect();
    let mut widths = heads.map(width);
    for row in &rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let line = |cells: [&str; N]| {
        let cells: Vec<String> = cells.iter().zip(widths).map(|(cell, size)| pad(cell, size)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let lines = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(heads)).chain(lines).collect::<Vec<_>>().join("\n")
}

/// At most `most` columns of a text.
pub(super) fn short(text: &str, most: usize) -> String {
    cut(&clean(text), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_whatever_the_script() {
        let rows = [
            ["1".to_owned(), "карта".to_owned(), "да".to_owned()],
            ["22".to_owned(), "x".to_owned(), String::new()],
        ];

        assert_eq!(table(["id", "name", "ok"], &rows), "id  name   ok\n1   карта  да\n22  x");
    }
}
