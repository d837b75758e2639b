//! Lays out a table as plain text: columns as wide as their widest cell, numbers to the right.

/// A line of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line<const COLUMNS: usize> {
    /// One text over all columns, with an empty line before it.
    Heading(String),
    Cells([String; COLUMNS]),
}

/// The table as text. The first column is aligned to the left, the others to the right.
pub(crate) fn aligned<const COLUMNS: usize>(lines: &[Line<COLUMNS>]) -> String {
    let mut widths = [0; COLUMNS];
    for line in lines {
        if let Line::Cells(cells) = line {
            for (width, cell) in widths.iter_mut().zip(cells) {
                // Characters, not bytes: a cell may hold ×, ≤ or µ.
                *width = (*width).max(cell.chars().count());
            }
        }
    }
    let mut out = String::new();
    for line in lines {
        match line {
            Line::Heading(text) => out.push_str(&format!("\n{text}")),
            Line::Cells(cells) => {
                let mut text = String::new();
                for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
                    match index {
                        0 => text.push_str(&format!("{cell:<width$}")),
                        _ => text.push_str(&format!("  {cell:>width$}")),
                    }
                }
                out.push_str(text.trim_end());
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_is_in_them() {
        let cells = |cells: [&str; 3]| Line::Cells(cells.map(str::to_owned));
        let lines = [
            cells(["what", "µs", "goal"]),
            Line::Heading("many".into()),
            cells(["first", "1234", ""]),
            cells(["a", "5", "≤ 1"]),
        ];
        assert_eq!(aligned(&lines), "what     µs  goal\n\nmany\nfirst  1234\na         5   ≤ 1\n");
    }
}
