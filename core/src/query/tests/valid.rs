//! What parses, and what it prints as.

use crate::query::ast::{ExprKind, Function, Literal, Select, Source};
use crate::query::{parse_condition, parse_query};

#[track_caller]
fn check(text: &str, printed: &str) {
    let condition = parse_condition(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    assert_eq!(condition.to_string(), printed, "{text}");
    let again = parse_condition(printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
    assert_eq!(again.to_string(), printed, "the printed text is canonical");
}

#[track_caller]
fn check_query(text: &str, printed: &str) {
    let query = parse_query(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    assert_eq!(query.to_string(), printed, "{text}");
    let again = parse_query(printed).unwrap_or_else(|error| panic!("{printed}\n{error}"));
    assert_eq!(again.to_string(), printed, "the printed text is canonical");
}

/// The names of the columns of a query.
fn columns(text: &str) -> Vec<String> {
    match parse_query(text).unwrap().select {
        Select::All => vec!["*".to_owned()],
        Select::Items(items) => items.into_iter().map(|item| item.name).collect(),
    }
}

/// Plain strings of lists are read in a way of their own: what stands between them, and around,
/// must not matter.
#[test]
fn lists_are_read_item_by_item() {
    check("id IN['a','b' ,\"c\"\n,\t'd' ]", "deviceId IN ['a', 'b', 'c', 'd']");
    check(
        "id IN ['a', 'it\\'s', 'b', \"it's\", 'ñ', '', 'c']",
        "deviceId IN ['a', 'it\\'s', 'b', 'it\\'s', 'ñ', '', 'c']",
    );
    check(
        "id IN ['a', 1, 'b', true, -2, 'c', null]",
        "deviceId IN ['a', 1, 'b', true, -2, 'c', null]",
    );
    check("id IN ['a',\u{a0}'b', 'c'\u{a0}, 'd']", "deviceId IN ['a', 'b', 'c', 'd']");
    check(
        "id IN ['a', 'b'] OR id IN ['c', 'd'] AND tags.x = 'e'",
        "deviceId IN ['a', 'b'] OR deviceId IN ['c', 'd'] AND tags.x = 'e'",
    );
    for text in [
        "id IN ['a', 'b' 'c']",
        "id IN ['a', 'b', 'c",
        "id IN ['a', 'b',]",
        "id IN ['a', 'b',, 'c']",
        "id IN ['a', 'b', 'c'",
    ] {
        assert!(parse_condition(text).is_err(), "{text}");
    }
}

#[test]
fn words_are_taken_in_any_letter_case() {
    check("*", "*");
    check("  *\n", "*");
    check("DEVICEID='a' and NoT Is_Defined( TAGS.x )", "deviceId = 'a' AND NOT IS_DEFINED(tags.x)");
    check("Properties.Desired.Cfg.V <> NULL", "properties.desired.Cfg.V != null");
    check("x509thumbprint.PRIMARYthumbprint = null", "x509Thumbprint.primaryThumbprint = null");
    check("startswith(id, 'a') or TRUE", "STARTS_WITH(deviceId, 'a') OR true");
    check("endswith(ID,\"a\")", "ENDS_WITH(deviceId, 'a')");
}

#[test]
fn operators_group_by_precedence() {
    check("1 + 2 * 3 - 4 / 5 % 6", "1 + 2 * 3 - 4 / 5 % 6");
    check("(1 + 2) * 3", "(1 + 2) * 3");
    check("1 - (2 - 3)", "1 - (2 - 3)");
    check("(1 - 2) - 3", "1 - 2 - 3");
    check("1 / (2 * 3)", "1 / (2 * 3)");
    check("not tags.a = 1", "NOT tags.a = 1");
    check("NOT (tags.a = 1)", "NOT tags.a = 1");
    check("(not tags.a) = true", "(NOT tags.a) = true");
    check("NOT NOT tags.a", "NOT NOT tags.a");
    check("tags.a OR tags.b AND tags.c", "tags.a OR tags.b AND tags.c");
    check("(tags.a OR tags.b) AND tags.c", "(tags.a OR tags.b) AND tags.c");
    check("(tags.a = 1) = (tags.b = 2)", "(tags.a = 1) = (tags.b = 2)");
    check("tags.a + 1 IN [2]", "tags.a + 1 IN [2]");
    check("(tags.a IN [2]) = true", "(tags.a IN [2]) = true");
    check("NOT tags.a AND NOT tags.b OR tags.c", "NOT tags.a AND NOT tags.b OR tags.c");
}

#[test]
fn equal_connectives_are_one_flat_list() {
    for text in [
        "tags.a AND tags.b AND tags.c AND tags.d",
        "(tags.a AND tags.b) AND (tags.c AND tags.d)",
        "tags.a AND (tags.b AND (tags.c AND tags.d))",
    ] {
        let filter = parse_condition(text).unwrap().filter.unwrap();
        assert!(matches!(&filter.kind, ExprKind::And(parts) if parts.len() == 4), "{text}");
    }
    check("tags.a OR (tags.b OR tags.c)", "tags.a OR tags.b OR tags.c");
}

#[test]
fn signs_belong_to_the_number_that_follows() {
    check("tags.a = -5", "tags.a = -5");
    check("tags.a = - 5", "tags.a = -5");
    check("tags.a = +5", "tags.a = 5");
    check("tags.a = -(5)", "tags.a = -(5)");
    check("tags.a = --5", "tags.a = -(-5)");
    check("tags.a--5 = 1", "tags.a - -5 = 1");
    check("tags.a = -tags.b", "tags.a = -tags.b");
    check("tags.a = +tags.b", "tags.a = 0 + tags.b");
    check("-tags.a * -tags.b = 1", "-tags.a * -tags.b = 1");
    check("-(tags.a + 1) < 0", "-(tags.a + 1) < 0");
    check("- - tags.a < 0", "-(-tags.a) < 0");
    let filter = parse_condition("-5 IN [-5, +3, - 0x10]").unwrap().filter.unwrap();
    let ExprKind::In { list, .. } = filter.kind else { panic!("not a list") };
    assert_eq!(*list, [Literal::Number(-5.0), Literal::Number(3.0), Literal::Number(-16.0)]);
}

#[test]
fn numbers_have_fractions_exponents_and_hexadecimal_digits() {
    check("tags.a = 20.50", "tags.a = 20.5");
    check("tags.a = 0x0A", "tags.a = 10");
    check("tags.a = 0XfF", "tags.a = 255");
    check("tags.a = 1e3", "tags.a = 1000");
    check("tags.a = 1.5E-7", "tags.a = 1.5e-7");
    check("tags.a = 1e+300", "tags.a = 1e300");
    check("tags.a = 9007199254740993", "tags.a = 9007199254740992");
    check("tags.a = 007", "tags.a = 7");
    check("tags.a = -0.0", "tags.a = -0");
    check("tags.a = 5e-324", "tags.a = 5e-324");
}

#[test]
fn strings_unescape_and_escape() {
    check(r"tags.a = 'O\'Neil'", r"tags.a = 'O\'Neil'");
    check(r#"tags.a = "O'Neil""#, r"tags.a = 'O\'Neil'");
    check(r#"tags.a = 'say \"a\"'"#, r#"tags.a = 'say "a"'"#);
    check(r"tags.a = 'C:\\x'", r"tags.a = 'C:\\x'");
    check(r"tags.a = '\u00e9\u0009'", r"tags.a = 'é\u0009'");
    check(r"tags.a = '\ud83d\uDE00!'", "tags.a = '😀!'");
    check("tags.a = ''", "tags.a = ''");
    check("tags.a = 'two\nlines'", r"tags.a = 'two\u000alines'");
    check("tags.a = 'x AND y -- no comment'", "tags.a = 'x AND y -- no comment'");
}

#[test]
fn paths_take_any_key() {
    check("tags.order.From.and = 1", "tags.order.From.and = 1");
    check("tags.[[my-key]].x = 1", "tags.[[my-key]].x = 1");
    check("tags.[[plain]] = 1", "tags.plain = 1");
    check("tags.[[a.b]] = 1", "tags.[[a.b]] = 1");
    check("tags['my key'][\"x\"] = 1", "tags.[[my key]].x = 1");
    check("tags['a]]b'] = 1", "tags['a]]b'] = 1");
    check(
        r"tags['ends]'] = 1 AND tags['it\'s\u0007'] = 2",
        r"tags['ends]'] = 1 AND tags['it\'s\u0007'] = 2",
    );
    check("tags.[[]] = 1", "tags.[[]] = 1");
    check("tags['x'] = 1 AND TAGS [ 0 ] . y = 2", "tags.x = 1 AND tags[0].y = 2");
    check("parentScopes[0] = 'a'", "parentScopes[0] = 'a'");
    check("tags.a[4294967295].b = 1", "tags.a[4294967295].b = 1");
    check("configurations.[[cfg1]].status = 'Applied'", "configurations.cfg1.status = 'Applied'");
    check(
        "properties.reported.$metadata.temp.$lastUpdated < '2024'",
        "properties.reported.$metadata.temp.$lastUpdated < '2024'",
    );
    check("properties['DESIRED'].x = 1", "properties.desired.x = 1");
    check("tags.größe_1 = 1".replace("größe_1", "[[größe 1]]").as_str(), "tags.[[größe 1]] = 1");
}

#[test]
fn the_name_of_the_source_may_lead_a_path() {
    check("devices.deviceId = 'a'", "deviceId = 'a'");
    check("Devices.tags.devices.x = 'a'", "tags.devices.x = 'a'");
    check_query(
        "SELECT * FROM devices.jobs WHERE devices.jobs.jobId = 'j' AND devices.jobs.createdTimeUtc > '2016'",
        "SELECT * FROM devices.jobs WHERE jobId = 'j' AND createdDateTimeUtc > '2016'",
    );
}

#[test]
fn blanks_of_all_kinds_separate() {
    check("\tdeviceId\r\n=\u{a0}'a'\u{2003}", "deviceId = 'a'");
    check("IS_DEFINED (tags.x)AND(tags.x)=1", "IS_DEFINED(tags.x) AND tags.x = 1");
}

#[test]
fn spans_say_where_parts_stand() {
    let text = "tags.a = 1 AND (NOT IS_DEFINED(tags.b) OR -tags.c IN [1, 2])";
    let filter = parse_condition(text).unwrap().filter.unwrap();
    let shown = |expr: &crate::query::ast::Expr| &text[expr.span.start..expr.span.end];
    assert_eq!(shown(&filter), text);
    let ExprKind::And(parts) = &filter.kind else { panic!("not a conjunction") };
    assert_eq!(shown(&parts[0]), "tags.a = 1");
    assert_eq!(shown(&parts[1]), "(NOT IS_DEFINED(tags.b) OR -tags.c IN [1, 2])");
    let ExprKind::Or(parts) = &parts[1].kind else { panic!("not a disjunction") };
    assert_eq!(shown(&parts[0]), "NOT IS_DEFINED(tags.b)");
    assert_eq!(shown(&parts[1]), "-tags.c IN [1, 2]");
}

#[test]
fn every_function_parses() {
    for (text, function) in [
        ("SUBSTRING('abc', 1)", Function::Substring),
        ("SUBSTRING('abc', 1, 1)", Function::Substring),
        ("CONCAT('a', 'b', 'c', 'd')", Function::Concat),
        ("power(2, 3)", Function::Power),
        ("ARRAY_CONTAINS(parentScopes, 's')", Function::ArrayContains),
        ("is_primitive(1)", Function::IsPrimitive),
    ] {
        let filter = parse_condition(text).unwrap().filter.unwrap();
        assert!(matches!(filter.kind, ExprKind::Call(found, _) if found == function), "{text}");
    }
}

#[test]
fn queries_print_as_canonical_text() {
    check_query("select * from Devices", "SELECT * FROM devices");
    check_query(
        "Select top 10 DeviceId, LastActivityTime From devices Where tags.a=1",
        "SELECT TOP 10 deviceId, lastActivityTime FROM devices WHERE tags.a = 1",
    );
    check_query(
        "SELECT tags.floor AS floor, count(), AVG(tags.t) AS mean FROM devices GROUP BY tags.floor",
        "SELECT tags.floor, COUNT(), AVG(tags.t) AS mean FROM devices GROUP BY tags.floor",
    );
    check_query(
        "SELECT COUNT() AS n, tags.from, tags.b FROM devices WHERE true GROUP BY tags.from, tags.b",
        "SELECT COUNT() AS n, tags.from, tags.b FROM devices WHERE true GROUP BY tags.from, tags.b",
    );
    check_query(
        "SELECT status, COUNT() AS n FROM devices.jobs GROUP BY status",
        "SELECT status, COUNT() AS n FROM devices.jobs GROUP BY status",
    );
    check_query(
        "SELECT outcome.devicemethodresponse.STATUS, min(endTimeUtc), max(endTimeUtc) FROM devices . jobs \
         GROUP BY outcome.deviceMethodResponse.status",
        "SELECT outcome.deviceMethodResponse.status, MIN(endTimeUtc), MAX(endTimeUtc) FROM devices.jobs \
         GROUP BY outcome.deviceMethodResponse.status",
    );
    assert_eq!(parse_query("SELECT * FROM devices.jobs").unwrap().source, Source::Jobs);
}

#[test]
fn columns_are_named_by_alias_last_key_or_position() {
    assert_eq!(columns("SELECT * FROM devices"), ["*"]);
    assert_eq!(
        columns("SELECT ID, tags.a.b, tags.list[0], tags['odd key'], version AS v FROM devices"),
        ["deviceId", "b", "$3", "odd key", "v"]
    );
    assert_eq!(
        columns("SELECT COUNT(), SUM(version), MIN(version) AS low FROM devices"),
        ["$1", "$2", "low"]
    );
}
