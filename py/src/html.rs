//! Small pieces of HTML for notebooks, without style or script of their own.

/// `text` with the characters that HTML takes for itself escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A table of text.
pub(crate) fn table<const N: usize>(
    head: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let cells = |cells: &[String; N]| -> String {
        cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect()
    };
    let head: String = head.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    let body: String = rows.map(|row| format!("<tr>{}</tr>", cells(&row))).collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
}

/// Text in the type of a terminal.
pub(crate) fn preformatted(text: &str) -> String {
    format!("<pre>{}</pre>", escape(text))
}

/// A number with a comma between each three digits.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
