//! Reads whole queries: SELECT, FROM, WHERE, GROUP BY.

use std::sync::Arc;

use super::ast::{Aggregate, Path, Query, Select, SelectItem, SelectValue, Source, Span};
use super::check;
use super::cursor::Parser;
use super::error::{Fault, Outcome, QueryError};
use super::hint;
use super::name;
use super::token::{Symbol, Token};
use crate::limits;

/// Reads a whole query:
/// `SELECT [TOP n] list FROM devices|devices.jobs [WHERE condition] [GROUP BY path, ...]`.
///
/// Cost: one pass over the text, a second one over the SELECT list.
///
/// # Errors
///
/// The text is not a query or passes a limit of [`limits`]; the error says where and, if
/// it can, what to write instead.
///
/// # Examples
///
/// ```
/// use twincast::query::parse_query;
///
/// let query = parse_query("select tags.floor, count() as n from devices group by tags.floor");
/// assert_eq!(
///     query?.to_string(),
///     "SELECT tags.floor, COUNT() AS n FROM devices GROUP BY tags.floor"
/// );
/// # Ok::<(), twincast::Error>(())
/// ```
pub fn parse_query(text: &str) -> Result<Query, QueryError> {
    query(&Arc::from(text)).map_err(|fault| fault.in_text(text))
}

fn query(text: &Arc<str>) -> Outcome<Query> {
    // Which names a SELECT list may hold depends on FROM, which comes later. So the list is
    // skipped first, and read when the source is known.
    let mut parser = Parser::new(text, Source::Devices)?;
    if !parser.at_word("SELECT") {
        return Err(no_select(&parser));
    }
    parser.advance()?;
    let top = top(&mut parser)?;
    let list = parser.span.start;
    parser.source = source_ahead(text, list)?.unwrap_or(Source::Devices);
    let select = select(&mut parser)?;
    if !parser.take_word("FROM")? {
        return Err(parser.unexpected("FROM"));
    }
    let source = source(&mut parser)?;
    parser.source = source;
    let filter = if parser.take_word("WHERE")? {
        if parser.token == Token::Symbol(Symbol::Star) {
            return Err(Fault::new(parser.span, "`*` is no condition of a query")
                .hint("leave WHERE out to select every document"));
        }
        Some(parser.filter()?)
    } else {
        None
    };
    let group_by = group_by(&mut parser)?;
    if parser.token != Token::End {
        if let Token::Word(alias) = parser.token
            && filter.is_none()
            && group_by.is_empty()
            && (parser.at_word("AS") || !hint::is_foreign(alias))
        {
            let message =
                format!("expected WHERE, GROUP BY or the end, found `{}`", hint::clip(alias));
            return Err(Fault::new(parser.span, message)
                .hint("put WHERE before a condition; a source takes no other name"));
        }
        let expected = match (&filter, group_by.is_empty()) {
            (_, false) => "`,` or the end",
            (Some(_), true) => "an operator, GROUP BY or the end",
            (None, true) => "WHERE, GROUP BY or the end",
        };
        return Err(parser.unexpected(expected));
    }
    check::select_list(&select, &group_by, text)?;
    Ok(Query { text: Arc::clone(text), top, select, source, filter, group_by })
}

fn no_select(parser: &Parser<'_>) -> Box<Fault> {
    let advice = "a query looks like `SELECT * FROM devices WHERE deviceId = 'a'`";
    match parser.token {
        Token::End => Fault::new(parser.span, "the query is empty").hint(advice),
        _ => Fault::new(parser.span, "a query begins with SELECT").hint(advice),
    }
}

fn top(parser: &mut Parser<'_>) -> Outcome<Option<u64>> {
    if !parser.take_word("TOP")? {
        return Ok(None);
    }
    let span = parser.span;
    let digits = &parser.text[span.start..span.end];
    let Some(count) = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
    else {
        return Err(Fault::new(span, "TOP takes a whole number").hint("write e.g. `TOP 10`"));
    };
    parser.advance()?;
    Ok(Some(count))
}

/// The source that the first FROM outside strings and keys names, if any does.
fn source_ahead(text: &Arc<str>, position: usize) -> Outcome<Option<Source>> {
    let mut parser = Parser::at(text, position, Source::Devices)?;
    while parser.token != Token::End {
        if parser.at_word("FROM") {
            parser.advance()?;
            return Ok(Some(source(&mut parser)?));
        }
        // What cannot be cut here is reported when the list is read.
        if parser.skip().is_err() {
            break;
        }
    }
    Ok(None)
}

/// The name after FROM.
fn source(parser: &mut Parser<'_>) -> Outcome<Source> {
    let start = parser.span.start;
    let wanted = "`devices` or `devices.jobs`";
    if !matches!(parser.token, Token::Word(_)) {
        return Err(parser.unexpected(wanted));
    }
    let is_devices = parser.at_word("devices");
    parser.advance()?;
    let mut source = is_devices.then_some(Source::Devices);
    let mut is_modules = false;
    while parser.take(Symbol::Dot)? {
        let is_jobs = parser.at_word("jobs");
        is_modules = parser.at_word("modules") && source == Some(Source::Devices);
        source = (is_jobs && source == Some(Source::Devices)).then_some(Source::Jobs);
        if !matches!(parser.token, Token::Word(_)) {
            return Err(parser.unexpected(wanted));
        }
        parser.advance()?;
    }
    let span = parser.since(start);
    if is_modules {
        return Err(hint::modules(span));
    }
    source.ok_or_else(|| {
        let written = hint::clip(&parser.text[span.start..span.end]);
        Fault::new(span, format!("there is no source `{written}`"))
            .hint("a query is `FROM devices` or `FROM devices.jobs`")
    })
}

fn select(parser: &mut Parser<'_>) -> Outcome<Select> {
    if parser.take(Symbol::Star)? {
        if parser.token == Token::Symbol(Symbol::Comma) {
            return Err(Fault::new(parser.span, "`*` stands alone")
                .hint("select paths by name, or everything by `*`"));
        }
        return Ok(Select::All);
    }
    let mut items = Vec::new();
    loop {
        if items.len() == limits::SELECT_ITEMS {
            let message = format!("a SELECT list has at most {} items", limits::SELECT_ITEMS);
            return Err(Fault::new(parser.span, message));
        }
        let position = items.len() + 1;
        items.push(item(parser, position)?);
        if !parser.take(Symbol::Comma)? {
            return Ok(Select::Items(items));
        }
    }
}

fn item(parser: &mut Parser<'_>, position: usize) -> Outcome<SelectItem> {
    let start = parser.span.start;
    let value = value(parser)?;
    let mut name = None;
    if parser.take_word("AS")? {
        let Token::Word(alias) = parser.token else {
            return Err(parser.unexpected("a name after AS"));
        };
        parser.advance()?;
        name = Some(alias.to_owned());
    } else if let Token::Word(alias) = parser.token
        && !parser.at_word("FROM")
        && !hint::is_foreign(alias)
    {
        return Err(parser
            .unexpected("`,`, AS or FROM")
            .hint(format!("to name the column, write `AS {}`", hint::clip(alias))));
    } else if !parser.at_word("FROM") && !matches!(parser.token, Token::Symbol(Symbol::Comma)) {
        return Err(not_selectable(parser));
    }
    let name = name.unwrap_or_else(|| value.default_name(position));
    Ok(SelectItem { value, name, span: parser.since(start) })
}

/// The fault that something follows a path or aggregate.
fn not_selectable(parser: &Parser<'_>) -> Box<Fault> {
    let fault = parser.unexpected("`,`, AS or FROM");
    match parser.token {
        Token::End | Token::Word(_) => fault,
        _ => fault.hint("paths and aggregates can be selected, not what is computed from them"),
    }
}

fn value(parser: &mut Parser<'_>) -> Outcome<SelectValue> {
    let Token::Word(word) = parser.token else {
        return Err(parser.unexpected("a path or an aggregate"));
    };
    if parser.at_word("FROM") || hint::is_foreign(word) {
        return Err(parser.unexpected("a path or an aggregate"));
    }
    let span = parser.span;
    if !parser.before_open() {
        return Ok(SelectValue::Path(parser.path()?));
    }
    let Some(aggregate) = Aggregate::named(word) else {
        return Err(name::unknown_aggregate(word, span));
    };
    parser.advance()?;
    parser.advance()?;
    let path = match (aggregate, &parser.token) {
        (Aggregate::Count, Token::Symbol(Symbol::Close)) => None,
        (Aggregate::Count, _) => {
            return Err(Fault::new(parser.span, "COUNT counts documents and takes nothing").hint(
                "write `COUNT()`; to count where a path exists, add `WHERE IS_DEFINED(path)`",
            ));
        }
        (_, Token::Word(_)) => Some(parser.path()?),
        (_, _) => {
            let at = if parser.token == Token::Symbol(Symbol::Close) {
                Span { start: span.start, end: parser.span.end }
            } else {
                parser.span
            };
            let name = aggregate.name();
            return Err(Fault::new(at, format!("{name} takes a path"))
                .hint(format!("write e.g. `{name}(tags.floor)`")));
        }
    };
    if !parser.take(Symbol::Close)? {
        return Err(parser.unexpected("`)`"));
    }
    Ok(SelectValue::Aggregate(aggregate, path))
}

fn group_by(parser: &mut Parser<'_>) -> Outcome<Vec<Path>> {
    let mut paths = Vec::new();
    if !parser.take_word("GROUP")? {
        return Ok(paths);
    }
    if !parser.take_word("BY")? {
        return Err(parser.unexpected("BY"));
    }
    loop {
        if paths.len() == limits::SELECT_ITEMS {
            let message = format!("GROUP BY takes at most {} paths", limits::SELECT_ITEMS);
            return Err(Fault::new(parser.span, message));
        }
        paths.push(parser.path()?);
        if !parser.take(Symbol::Comma)? {
            return Ok(paths);
        }
    }
}
