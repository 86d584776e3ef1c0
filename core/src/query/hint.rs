//! What a slip was probably meant to be: words and operators of other languages, misspelt names.

use super::ast::{Function, Source, Span};
use super::error::Fault;
use super::function;
use super::token::{Lexer, Symbol, Token, is_name};

/// Characters of the user's text that a message repeats.
const REPEATED_CHARS: usize = 40;
/// Letters of a name for which a similar one is looked for.
const NAME_LETTERS: usize = 32;

/// The beginning of `text`, short enough to stand in a message.
pub(super) fn clip(text: &str) -> &str {
    let end = text.char_indices().nth(REPEATED_CHARS).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// `text` without blanks around it if it is short enough to be repeated whole, else `otherwise`.
fn short<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
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

/// The fault that no document of `source` has `key` at its root; `rest` follows it.
pub(super) fn unknown_root(source: Source, key: &str, rest: &str, span: Span) -> Box<Fault> {
    let lower = key.to_ascii_lowercase();
    let other = match source {
        Source::Devices => Source::Jobs,
        Source::Jobs => Source::Devices,
    };
    let rest = if clip(rest).len() < rest.len() { "" } else { rest };
    let known: Vec<_> = source.fields().iter().map(|field| field.name).collect();
    let advice = match (source, lower.as_str()) {
        (Source::Devices, "desired" | "reported") => format!("write `properties.{lower}{rest}`"),
        (Source::Devices, "$version" | "$metadata") => {
            format!(
                "write `properties.desired.{lower}{rest}` or `properties.reported.{lower}{rest}`"
            )
        }
        (Source::Devices, "generationid" | "connectionstateupdatedtime") => {
            "it belongs to the identity of a device, not to its twin".to_owned()
        }
        (Source::Jobs, "type") => "write `jobType`".to_owned(),
        (Source::Jobs, "starttime") => "write `startTimeUtc`".to_owned(),
        (Source::Jobs, "endtime") => "write `endTimeUtc`".to_owned(),
        _ => match (similar(key, known.iter().copied()), other.root(key), source) {
            (Some(name), _, _) => format!("did you mean `{name}{rest}`?"),
            (None, Some(field), Source::Devices) => {
                format!("`{}` belongs to the rows of `devices.jobs`", field.name)
            }
            (None, Some(field), Source::Jobs) => format!("`{}` belongs to `devices`", field.name),
            (None, None, Source::Devices) => {
                let key = short(key, "key");
                format!(
                    "paths begin with `tags`, `properties` or a field such as `deviceId`: `tags.{key}{rest}`"
                )
            }
            (None, None, Source::Jobs) => format!("its fields are {}", known.join(", ")),
        },
    };
    let what = match source {
        Source::Devices => "a part of a twin",
        Source::Jobs => "a field of a row of `devices.jobs`",
    };
    Fault::new(span, format!("`{}` is not {what}", clip(key))).hint(advice)
}

/// The fault that `parent`, a dot included, has no member `key` but only `names`.
pub(super) fn unknown_member(
    parent: &str,
    key: &str,
    rest: &str,
    names: &[&'static str],
    span: Span,
) -> Box<Fault> {
    let parent = parent.trim_end().trim_end_matches('.');
    let rest = if clip(rest).len() < rest.len() { "" } else { rest };
    let advice = match similar(key, names.iter().copied()) {
        Some(name) => format!("did you mean `{parent}.{name}{rest}`?"),
        None => match names {
            [only] => format!("it has only `{only}`"),
            _ => format!("it has {}", listed(names)),
        },
    };
    Fault::new(span, format!("`{parent}` has no `{}`", clip(key))).hint(advice)
}

fn listed(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(" and ")
}

/// The fault that no function is called `name`.
pub(super) fn unknown_function(name: &str, span: Span) -> Box<Fault> {
    let fault = Fault::new(span, format!("there is no function `{}`", clip(name)));
    let aggregates = ["COUNT", "AVG", "SUM", "MIN", "MAX"];
    if aggregates.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return fault.hint("aggregates stand in the SELECT list of a query, not in a condition");
    }
    let others = [
        ("LEN", "LENGTH"),
        ("POW", "POWER"),
        ("CEIL", "CEILING"),
        ("TOLOWER", "LOWER"),
        ("LCASE", "LOWER"),
        ("TOUPPER", "UPPER"),
        ("UCASE", "UPPER"),
        ("SUBSTR", "SUBSTRING"),
        ("EXISTS", "IS_DEFINED"),
        ("TO_NUMBER", "AS_NUMBER"),
        ("STRINGTONUMBER", "AS_NUMBER"),
    ];
    let renamed = others.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    let meant =
        renamed.map(|(_, known)| *known).or_else(|| similar(name, function::function_names()));
    match meant.and_then(Function::named) {
        Some(function) => fault.hint(format!("did you mean `{}`?", function.usage())),
        None => {
            let names: Vec<_> = function::function_names().collect();
            fault.hint(format!("there are {}", names.join(", ")))
        }
    }
}

/// The fault that a SELECT list calls what is no aggregate.
pub(super) fn unknown_aggregate(name: &str, span: Span) -> Box<Fault> {
    if Function::named(name).is_some() {
        let message = format!("{} cannot be selected", name.to_ascii_uppercase());
        return Fault::new(span, message).hint(
            "a SELECT list holds paths and COUNT, AVG, SUM, MIN, MAX; functions stand after WHERE",
        );
    }
    Fault::new(span, format!("there is no aggregate `{}`", clip(name)))
        .hint("there are COUNT(), AVG(path), SUM(path), MIN(path) and MAX(path)")
}

/// The name that differs least from `name`, if it differs little.
fn similar(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if name.len() > NAME_LETTERS {
        return None;
    }
    let most = if name.len() <= 4 { 1 } else { 2 };
    let first = name.chars().next()?;
    let name = name.to_ascii_lowercase();
    known
        .map(|candidate| (distance(name.as_bytes(), candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        // Few slips change the first letter: `tag` is `tags`, not `etag`.
        .min_by_key(|(distance, candidate)| (*distance, !candidate.starts_with(first)))
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with the next one ("optimal string alignment").
fn distance(left: &[u8], right: &str) -> usize {
    let right = right.to_ascii_lowercase().into_bytes();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(letter != other);
            let mut least = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && letter == &right[column - 1] && &left[row - 1] == other;
            if swapped {
                least = least.min(before_last[column - 1] + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}
