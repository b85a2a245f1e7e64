//! What is shown where not everything has room.

use unicode_width::UnicodeWidthChar;

/// Lines that belong together.
#[derive(Debug)]
pub(super) struct Section {
    lines: Vec<String>,
    /// Lower gets room first.
    rank: usize,
    /// Rows that it gets before any section gets more.
    least: usize,
}

impl Section {
    pub(super) fn new(lines: Vec<String>, rank: usize, least: usize) -> Self {
        Self { lines, rank, least }
    }
}

/// The sections in their order in at most `rows` lines; those that are last at
/// the bottom. First each gets its least, then what is left goes by rank. A
/// section that is cut says how much more there is of it.
pub(super) fn fit(sections: Vec<Section>, rows: usize) -> Vec<String> {
    let mut order: Vec<usize> = (0..sections.len()).collect();
    order.sort_by_key(|&place| sections[place].rank);
    let mut given = vec![0; sections.len()];
    let mut left = rows;
    for bound in [|section: &Section| section.least, |_: &Section| usize::MAX] {
        for &place in &order {
            let section = &sections[place];
            let wanted = section.lines.len().min(bound(section)) - given[place];
            let more = wanted.min(left);
            given[place] += more;
            left -= more;
        }
    }
    let mut lines = Vec::new();
    for (section, given) in sections.into_iter().zip(given) {
        lines.extend(cut(section.lines, given));
    }
    lines
}

fn cut(mut lines: Vec<String>, rows: usize) -> Vec<String> {
    let all = lines.len();
    if all <= rows {
        return lines;
    }
    // A heading with nothing under it says less than nothing.
    if rows < 2 {
        lines.truncate(0);
        lines.resize(rows, String::new());
        return lines;
    }
    lines.truncate(rows);
    let more = all - rows + 1;
    if let Some(last) = lines.last_mut() {
        *last = format!("  and {more} more lines");
    }
    lines
}

/// As much of `line` as `columns` hold. Colour sequences take no room and are
/// all kept, so that a colour which begins ends, too.
pub(super) fn crop(line: &str, columns: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    let mut is_sequence = false;
    let mut is_full = false;
    for c in line.chars() {
        if is_sequence {
            kept.push(c);
            is_sequence = !c.is_ascii_alphabetic();
        } else if c == '\u{1b}' {
            kept.push(c);
            is_sequence = true;
        } else {
            let wide = c.width().unwrap_or(0);
            is_full |= used + wide > columns;
            if !is_full {
                used += wide;
                kept.push(c);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("資料庫可寫", 5, "資料")]
    #[case("\u{1b}[31mBLOCKED\u{1b}[39m at", 4, "\u{1b}[31mBLOC\u{1b}[39m")]
    #[case("short", 80, "short")]
    #[case("", 0, "")]
    fn lines_are_cut_at_columns(#[case] line: &str, #[case] columns: usize, #[case] kept: &str) {
        assert_eq!(crop(line, columns), kept);
    }

    fn section(name: &str, lines: usize, rank: usize, least: usize) -> Section {
        let lines = (0..lines).map(|line| format!("{name}{line}")).collect();
        Section::new(lines, rank, least)
    }

    #[rstest]
    #[case(9, &["a0", "a1", "b0", "b1", "b2", "b3", "c0", "c1"])]
    #[case(6, &["a0", "a1", "b0", "  and 3 more lines", "c0", "c1"])]
    #[case(4, &["a0", "a1", "c0", "c1"])]
    #[case(1, &[""])]
    #[case(0, &[])]
    fn what_ranks_first_gets_room_first(#[case] rows: usize, #[case] shown: &[&str]) {
        let sections = vec![
            section("a", 2, 0, 2),
            section("b", 4, 2, 2),
            section("c", 2, 1, 2),
        ];
        assert_eq!(fit(sections, rows), shown);
    }
}
