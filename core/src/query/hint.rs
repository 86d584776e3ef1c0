//! What a slip was probably meant to be: words and operators of other languages.

use super::ast::{Function, Span};
use super::error::Fault;
use super::token::{Lexer, Symbol, Token, is_name};

/// Characters of the user's text that a message repeats.
const REPEATED_CHARS: usize = 40;

/// The beginning of `text`, short enough to stand in a message.
pub(super) fn clip(text: &str) -> &str {
    let end = text.char_indices().nth(REPEATED_CHARS).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// `text` without blanks around it if it is short enough to be repeated whole, else `otherwise`.
pub(super) fn short<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    let text = text.trim();
    if text.is_empty() || clip(text).len() < text.len() { otherwise } else { text }
}

/// The characters that a user meant as one key, up to what can only be an operator.
pub(super) fn key_at(text: &str) -> &str {
    let ends = |next: char| next.is_whitespace() || "=<>!()[],.+*/%'\"".contains(next);
    clip(&text[..text.find(ends).unwrap_or(text.len())])
}

/// The fault that an operator of another language stands at `position`.
pub(super) fn foreign_symbol(text: &str, position: usize) -> Option<Box<Fault>> {
    let rest = &text[position..];
    let fault = |length: usize, what: &str, advice: &str| {
        let span = Span { start: position, end: position + length };
        let written = &text[span.start..span.end];
        Some(Fault::new(span, format!("`{written}` {what}")).hint(advice))
    };
    let operator = "is not an operator";
    let comment = "begins no comment; there are none in this language";
    let pairs: &[(&str, &str, &str)] = &[
        ("===", operator, "write `=`"),
        ("!==", operator, "write `!=`"),
        ("==", operator, "write `=`"),
        ("=>", operator, "write `>=`"),
        ("=<", operator, "write `<=`"),
        ("=~", operator, "use STARTS_WITH, ENDS_WITH or CONTAINS"),
        ("~=", operator, "write `!=`"),
        ("&&", operator, "write `AND`"),
        ("||", operator, "write `OR`, or `CONCAT(a, b)` to join text"),
        ("??", operator, "write e.g. `NOT IS_DEFINED(tags.x) OR tags.x = 0`"),
        ("/*", comment, "remove the comment"),
        ("//", comment, "remove the comment"),
        ("--\n", comment, "remove the comment"),
    ];
    for (written, what, advice) in pairs {
        if rest.starts_with(written) {
            return fault(written.len(), what, advice);
        }
    }
    // `1--1` is a difference and `--1` a number, so only dashes before a blank are a comment.
    if rest.starts_with("--") && rest[2..].chars().next().is_none_or(char::is_whitespace) {
        return fault(2, comment, "remove the comment, or write `- -1` for a double sign");
    }
    let first = rest.chars().next()?;
    let (what, advice) = match first {
        '!' if !rest.starts_with("!=") => (operator, "write `NOT`"),
        '&' => (operator, "write `AND`"),
        '|' => (operator, "write `OR`"),
        '^' => (operator, "write `POWER(base, exponent)`"),
        '#' => (comment, "remove the comment"),
        ';' => ("ends nothing here", "remove it"),
        '{' | '}' => ("has no meaning here", "a list of constants stands in `[` and `]`"),
        '@' | '?' => ("has no meaning here", "there are no parameters; write the value itself"),
        '`' => (
            "a backtick is no quote",
            "write text in `'`, and a key with odd characters as `tags.[[key]]`",
        ),
        '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => ("is no quote", "write a plain `'`"),
        '\u{2013}' | '\u{2014}' | '\u{2212}' => ("is no minus", "write a plain `-`"),
        '\u{2260}' => (operator, "write `!=`"),
        '\u{2264}' => (operator, "write `<=`"),
        '\u{2265}' => (operator, "write `>=`"),
        _ if first.is_alphabetic() => {
            let span = Span { start: position, end: position + key_at(rest).len() };
            let message = "a name is made of the letters A to Z, digits, `_` and `$`";
            let advice = "text stands in quotes; another key is written as `tags.[[key]]`";
            return Some(Fault::new(span, message).hint(advice));
        }
        _ => return None,
    };
    if first == '`' {
        let span = Span { start: position, end: position + 1 };
        return Some(Fault::new(span, what).hint(advice));
    }
    fault(first.len_utf8(), what, advice)
}

/// Words of other query languages, and what to write instead.
const FOREIGN: &[(&str, &str)] = &[
    ("ORDER", "sort the answer afterwards"),
    ("JOIN", "each document is looked at alone; query `devices` and `devices.jobs` one by one"),
    ("HAVING", "filter the groups afterwards"),
    ("LIMIT", "write `SELECT TOP n ...`"),
    ("OFFSET", "the answer is one table; skip rows afterwards"),
    ("DISTINCT", "group instead: `SELECT tags.x FROM devices GROUP BY tags.x`"),
    ("VALUE", "select the path itself, and name it with AS"),
    ("UNION", "join the conditions with OR"),
    ("EXISTS", "write `IS_DEFINED(tags.x)` or `ARRAY_CONTAINS(path, value)`"),
    ("SELECT", "there are no queries inside queries"),
    ("CASE", "there are no conditional expressions"),
    ("XOR", "write `a AND NOT b OR NOT a AND b`"),
    ("MOD", "write `%`"),
    ("DIV", "write `FLOOR(a / b)`"),
    ("EQ", "write `=`"),
    ("NE", "write `!=`"),
    ("GT", "write `>`"),
    ("GE", "write `>=`"),
    ("LT", "write `<`"),
    ("LE", "write `<=`"),
];

/// Whether `word` belongs to a query language, so that no name was meant.
pub(super) fn is_foreign(word: &str) -> bool {
    let known = ["LIKE", "BETWEEN", "IS", "NOT", "WHERE", "GROUP", "AND", "OR", "IN", "NIN", "AS"];
    let foreign = FOREIGN.iter().map(|(word, _)| *word);
    foreign.chain(known).any(|known| known.eq_ignore_ascii_case(word))
}

/// The fault that `word`, which stands at `span`, is of another language. `operand` is what was
/// read before it.
pub(super) fn foreign_word(
    text: &str,
    word: &str,
    span: Span,
    operand: Span,
) -> Option<Box<Fault>> {
    let refused = || Fault::new(span, format!("`{}` is not part of the language", clip(word)));
    let left = short(&text[operand.start..operand.end], "path");
    let mut ahead = Lexer::at(text, span.end);
    let mut next = || ahead.token().ok().map(|(token, at)| (token, &text[at.start..at.end]));
    let is = |token: &Option<(Token<'_>, &str)>, keyword: &str| matches!(token, Some((Token::Word(word), _)) if word.eq_ignore_ascii_case(keyword));
    if let Some((_, advice)) = FOREIGN.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)) {
        return Some(refused().hint(*advice));
    }
    match word.to_ascii_uppercase().as_str() {
        "LIKE" => {
            let pattern = match next() {
                Some((Token::Str(pattern), _)) => like(left, &pattern),
                _ => None,
            };
            let general = || format!("use STARTS_WITH, ENDS_WITH or CONTAINS on `{left}`");
            Some(refused().hint(pattern.unwrap_or_else(general)))
        }
        "BETWEEN" => {
            let (low, and, high) = (next(), next(), next());
            let (low, high) = match (low, high) {
                (Some((_, low)), Some((_, high))) if is(&and, "AND") => (low, high),
                _ => ("1", "2"),
            };
            let (low, high) = (short(low, "1"), short(high, "2"));
            Some(refused().hint(format!("write `{left} >= {low} AND {left} <= {high}`")))
        }
        "IS" => {
            let first = next();
            let advice = if is(&first, "NOT") {
                format!("write `IS_DEFINED({left}) AND NOT IS_NULL({left})`")
            } else if is(&first, "DEFINED") {
                format!("write `IS_DEFINED({left})`")
            } else {
                format!("write `IS_NULL({left})`, or `NOT IS_DEFINED({left})` if it may be missing")
            };
            Some(refused().hint(advice))
        }
        "NOT" => {
            let second = next();
            if is(&second, "IN") {
                return Some(refused_pair("NOT IN", span, text, "IN").hint("write `NIN`"));
            }
            if is(&second, "LIKE") {
                let advice = format!("write e.g. `NOT STARTS_WITH({left}, 'a')`");
                return Some(refused_pair("NOT LIKE", span, text, "LIKE").hint(advice));
            }
            None
        }
        _ => {
            // `deviceId contains 'a'`: a function taken for an operator.
            let function = Function::named(word)?;
            let right = next().map_or("value", |(_, right)| short(right, "value"));
            let message = format!("{} is a function, not an operator", function.name());
            Some(
                Fault::new(span, message)
                    .hint(format!("write `{}({left}, {right})`", function.name())),
            )
        }
    }
}

fn refused_pair(pair: &str, span: Span, text: &str, second: &str) -> Box<Fault> {
    let rest = &text[span.end..];
    let blanks = rest.len() - rest.trim_start().len();
    let whole = Span { start: span.start, end: span.end + blanks + second.len() };
    Fault::new(whole, format!("`{pair}` is not part of the language"))
}

/// What `left LIKE pattern` is here, if `%` stands only at the ends of the pattern.
fn like(left: &str, pattern: &str) -> Option<String> {
    let part = pattern.trim_matches('%');
    if part.contains(['%', '_', '\'', '\\']) || part.is_empty() || clip(part).len() < part.len() {
        return None;
    }
    Some(match (pattern.starts_with('%'), pattern.ends_with('%')) {
        (false, false) => format!("write `{left} = '{part}'`"),
        (false, true) => format!("write `STARTS_WITH({left}, '{part}')`"),
        (true, false) => format!("write `ENDS_WITH({left}, '{part}')`"),
        (true, true) => format!("write `CONTAINS({left}, '{part}')`"),
    })
}

/// Advice for a token that stands where `expected` should be; `touched` is the character right
/// before it, if there is no blank between.
pub(super) fn misplaced(
    expected: &str,
    token: &Token<'_>,
    touched: Option<char>,
) -> Option<String> {
    let operator = expected.starts_with("an operator");
    let advice = match token {
        Token::Str(_) | Token::Word(_) if matches!(touched, Some('\'' | '"')) => {
            "a quote inside text is written `\\'`, or the text stands in the other quotes"
        }
        Token::Str(_) | Token::Number(_) if operator => {
            "put `=`, `AND` or another operator between"
        }
        Token::Word(word) if operator && word.eq_ignore_ascii_case("GROUP") => {
            "GROUP BY stands at the end of a query; a condition has none"
        }
        Token::Word(word) if operator && word.eq_ignore_ascii_case("NOT") => {
            "write `!=` or `NIN`, or put NOT before the whole comparison"
        }
        Token::Word(_) if operator => {
            "conditions are joined by AND or OR, and text stands in quotes"
        }
        Token::Word(word)
            if expected == "a value"
                && ["AND", "OR"].iter().any(|known| known.eq_ignore_ascii_case(word)) =>
        {
            "it stands between two conditions; one of them is missing"
        }
        Token::Symbol(Symbol::BracketClose) if expected == "a constant" => {
            "remove the comma before it"
        }
        Token::Symbol(Symbol::Close) if operator => "remove it, or open it before",
        Token::Symbol(Symbol::Comma) if operator => "conditions are joined by AND or OR",
        Token::Symbol(Symbol::Star) => "`*` multiplies, or stands alone for every device",
        Token::Symbol(Symbol::BracketOpen) if expected == "a value" => {
            "a list stands only after IN or NIN"
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// The fault that a condition begins like a query, if `word` says so.
pub(super) fn statement_in_condition(text: &str, word: &str, span: Span) -> Option<Box<Fault>> {
    let keyword = ["SELECT", "FROM", "WHERE"].into_iter();
    let keyword = keyword.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word))?;
    let rest = &text[span.end..];
    let mut tail = (keyword == "WHERE").then_some(rest);
    // Only the start is searched: a condition follows WHERE, however long it is.
    let mut ahead = Lexer::at(text, span.end);
    for _ in 0..REPEATED_CHARS {
        match ahead.token_in_path() {
            Ok((Token::Word(word), at)) if word.eq_ignore_ascii_case("modules") => {
                return Some(modules(at));
            }
            Ok((Token::Word(word), at)) if word.eq_ignore_ascii_case("where") => {
                tail = tail.or(Some(&text[at.end..]));
                break;
            }
            Ok((Token::End, _)) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let advice = match tail {
        Some(tail) => format!("write only `{}`", short(tail, "what follows WHERE")),
        None => "write only what follows WHERE, or `*` for every device".to_owned(),
    };
    Some(Fault::new(span, format!("a condition does not contain {keyword}")).hint(advice))
}

/// The fault that modules are asked for.
pub(super) fn modules(span: Span) -> Box<Fault> {
    Fault::new(span, "module twins are not kept, so they cannot be queried")
        .hint("query `devices` or `devices.jobs`")
}

/// The fault that something follows a lone `*`.
pub(super) fn star_with_more(span: Span) -> Box<Fault> {
    Fault::new(span, "`*` stands alone or not at all")
        .hint("a condition on some devices needs no `*`; leave it out")
}

/// Advice for `tags.my-key`, which is a difference of two paths.
pub(super) fn hyphen(left: &str, right: &str) -> Option<String> {
    let left = short(left, "tags.my");
    let plain = left.bytes().rev().take_while(|byte| is_name(*byte)).count();
    let (parent, key) = left.split_at(left.len() - plain);
    if parent.is_empty() || key.is_empty() {
        return None;
    }
    Some(format!(
        "`-` subtracts; a key that holds it is written `{parent}[[{key}-{}]]`",
        clip(right)
    ))
}
