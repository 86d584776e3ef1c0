//! Tables for people: aligned text and HTML.

use std::fmt::{self, Write};

use serde_json::Value;

use super::table::Table;

/// More rows than these are not shown.
const ROWS_SHOWN: usize = 20;
/// Wider cells are cut.
const CELL_CHARS: usize = 48;

impl Table {
    fn shown_rows(&self) -> usize {
        if self.num_rows() > ROWS_SHOWN { ROWS_SHOWN } else { self.num_rows() }
    }

    fn cell_text(&self, column: usize, row: usize) -> String {
        let text = match self.columns()[column].values.get(row) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        };
        let text: String = text
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .collect();
        match text.char_indices().nth(CELL_CHARS) {
            Some(_) => text.chars().take(CELL_CHARS - 1).chain(['…']).collect(),
            None => text,
        }
    }

    /// The table as HTML without scripts, cut after 20 rows.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut html = String::from("<table>\n<thead><tr>");
        for name in self.column_names() {
            let _ = write!(html, "<th>{}</th>", escaped(name));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for row in 0..self.shown_rows() {
            html.push_str("<tr>");
            for column in 0..self.columns().len() {
                let _ = write!(html, "<td>{}</td>", escaped(&self.cell_text(column, row)));
            }
            html.push_str("</tr>\n");
        }
        let _ = write!(html, "</tbody>\n</table>\n<p>{}</p>", self.size_text());
        html
    }

    fn size_text(&self) -> String {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (rows, columns) = (self.num_rows(), self.columns().len());
        format!("{rows} row{}, {columns} column{}", plural(rows), plural(columns))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.column_names();
        let cells: Vec<Vec<String>> = (0..self.shown_rows())
            .map(|row| (0..names.len()).map(|column| self.cell_text(column, row)).collect())
            .collect();
        let width = |column: usize| {
            let widest = cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            widest.max(names[column].chars().count())
        };
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, texts: &[&str]| {
            let padded: Vec<String> =
                texts.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
            writeln!(f, "{}", padded.join("  ").trim_end())
        };
        line(f, &names)?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        line(f, &rules.iter().map(String::as_str).collect::<Vec<_>>())?;
        for row in &cells {
            line(f, &row.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        if self.num_rows() > cells.len() {
            writeln!(f, "…")?;
        }
        write!(f, "{}", self.size_text())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
