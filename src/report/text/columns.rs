//! Rows under headings.

use super::super::plain;

/// Cells are cut to this, so that one long value does not push a whole table aside; the last column is not.
const WIDEST: usize = 48;

/// Rows in columns, two blanks apart, with headings; cells are made safe for a terminal.
///
/// Widths are counted in characters, with East Asian wide ones as two. A list that is too long to hold is gone through twice: once to
/// [fit](Self::fit) its rows, then for their lines.
pub(super) struct Columns<const N: usize> {
    headings: [String; N],
    widths: [usize; N],
}

impl<const N: usize> Columns<N> {
    pub fn new(headings: [&str; N]) -> Self {
        Self { headings: headings.map(str::to_uppercase), widths: headings.map(width) }
    }

    /// Makes the columns wide enough for a row.
    pub fn fit(&mut self, row: &[String; N]) {
        for (most, cell) in self.widths.iter_mut().zip(shown(row)) {
            *most = width(&cell).max(*most);
        }
    }

    pub fn heading(&self) -> String {
        self.laid(&self.headings)
    }

    pub fn line(&self, row: &[String; N]) -> String {
        self.laid(&shown(row))
    }

    fn laid(&self, row: &[String; N]) -> String {
        let mut text = String::new();
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < N {
                pad(&mut text, (self.widths[column] + 2).saturating_sub(width(cell)));
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
        text
    }
}

fn shown<const N: usize>(row: &[String; N]) -> [String; N] {
    let mut index = 0;
    row.each_ref().map(|cell| {
        index += 1;
        if index == N { plain(cell).into_owned() } else { cut(&plain(cell)) }
    })
}

/// Lays all rows out under headings.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut columns = Columns::new(headings);
    rows.iter().for_each(|row| columns.fit(row));
    rows.iter().fold(columns.heading(), |text, row| text + &columns.line(row))
}

/// Appends `cell` and blanks up to `columns`, at least one.
pub(super) fn push_padded(text: &mut String, cell: &str, columns: usize) {
    text.push_str(cell);
    pad(text, columns.saturating_sub(width(cell)).max(1));
}

fn pad(text: &mut String, blanks: usize) {
    text.extend(std::iter::repeat_n(' ', blanks));
}

fn cut(cell: &str) -> String {
    if width(cell) <= WIDEST {
        return cell.to_owned();
    }
    let mut taken = 0;
    let mut short: String = cell
        .chars()
        .take_while(|character| {
            taken += columns_of(*character);
            taken < WIDEST
        })
        .collect();
    short.push('…');
    short
}

pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// The blocks that terminals draw two columns wide.
fn columns_of(character: char) -> usize {
    match u32::from(character) {
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        0x0300..=0x036f | 0x200b..=0x200d => 0,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_in_line() {
        let rows = [["佐藤".to_owned(), "a".to_owned()], ["b\n".to_owned(), "x".repeat(60)]];
        let text = table(["name", "value"], &rows);
        assert_eq!(text, format!("NAME  VALUE\n佐藤  a\nb\\n   {}\n", "x".repeat(60)));
        let long = [["y".repeat(60), String::new()]];
        assert_eq!(table(["name", "value"], &long).lines().nth(1).map(width), Some(WIDEST));
    }
}
