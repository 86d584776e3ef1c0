//! Printing a random tree and parsing the text gives the tree again.

use std::sync::Arc;

use proptest::prelude::*;

use crate::query::ast::{
    Comparison, Expr, ExprKind, Function, Literal, Operator, Path, Segment, Span,
};
use crate::query::{parse_condition, parse_query};

fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Undefined),
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        (-20i32..20).prop_map(|value| Literal::Number(f64::from(value) / 2.0)),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Literal::Number),
        "\\PC*|[a-z'\"\\\\\n\t\u{1}]{0,8}".prop_map(|text| Literal::Str(text.into())),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let roots = prop_oneof![
        Just(vec!["tags"]),
        Just(vec!["properties", "desired"]),
        Just(vec!["deviceId"])
    ];
    let segment = prop_oneof![
        4 => "[a-zA-Z_$][a-zA-Z0-9_$]{0,6}".prop_map(Segment::Key),
        1 => "(and|OR|NOT|null|in|from)".prop_map(Segment::Key),
        1 => "\\PC{0,6}|[\\]\\['.\\\\ \n]{0,4}".prop_map(Segment::Key),
        1 => any::<u32>().prop_map(Segment::Index),
    ];
    (roots, prop::collection::vec(segment, 0..4)).prop_map(|(roots, below)| {
        let mut segments: Vec<_> = roots.into_iter().map(|r| Segment::Key(r.to_owned())).collect();
        segments.extend(below);
        Path { segments, span: Span::default() }
    })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ])
}

fn operator() -> impl Strategy<Value = Operator> {
    prop::sample::select(vec![
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Remainder,
    ])
}

fn tree() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        literal().prop_map(|value| expr(ExprKind::Literal(value))),
        path().prop_map(|path| expr(ExprKind::Path(path))),
        path().prop_map(|path| {
            expr(ExprKind::Call(Function::IsDefined, vec![expr(ExprKind::Path(path))]))
        }),
    ];
    leaf.prop_recursive(6, 40, 4, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let many = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            boxed.clone().prop_map(|inner| expr(ExprKind::Not(inner))),
            boxed.clone().prop_map(|inner| expr(ExprKind::Negate(inner))),
            many().prop_map(|parts| expr(ExprKind::And(flat(parts, true)))),
            many().prop_map(|parts| expr(ExprKind::Or(flat(parts, false)))),
            (comparison(), boxed.clone(), boxed.clone())
                .prop_map(|(how, left, right)| expr(ExprKind::Compare(how, left, right))),
            (operator(), boxed.clone(), boxed.clone())
                .prop_map(|(how, left, right)| expr(ExprKind::Arithmetic(how, left, right))),
            (any::<bool>(), boxed, prop::collection::vec(literal(), 1..4)).prop_map(
                |(negated, value, list)| {
                    expr(ExprKind::In { negated, value, list: Arc::from(list) })
                }
            ),
            inner.clone().prop_map(|value| expr(ExprKind::Call(Function::Lower, vec![value]))),
            prop::collection::vec(inner, 2..4)
                .prop_map(|values| expr(ExprKind::Call(Function::Concat, values))),
        ]
    })
}

/// Puts the members of members of the same connective in their place, as the parser does.
fn flat(parts: Vec<Expr>, and: bool) -> Vec<Expr> {
    let mut all = Vec::new();
    for part in parts {
        match part.kind {
            ExprKind::And(inner) if and => all.extend(inner),
            ExprKind::Or(inner) if !and => all.extend(inner),
            _ => all.push(part),
        }
    }
    all
}

/// The same tree as if it had been parsed from nowhere.
fn without_spans(mut tree: Expr) -> Expr {
    tree.span = Span::default();
    match &mut tree.kind {
        ExprKind::Literal(_) => {}
        ExprKind::Path(path) => path.span = Span::default(),
        ExprKind::Not(inner) | ExprKind::Negate(inner) => strip(inner),
        ExprKind::In { value, .. } => strip(value),
        ExprKind::Compare(_, left, right) | ExprKind::Arithmetic(_, left, right) => {
            strip(left);
            strip(right);
        }
        ExprKind::And(parts) | ExprKind::Or(parts) | ExprKind::Call(_, parts) => {
            parts.iter_mut().for_each(strip);
        }
    }
    tree
}

fn strip(tree: &mut Expr) {
    let taken = std::mem::replace(tree, expr(ExprKind::Literal(Literal::Null)));
    *tree = without_spans(taken);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn printed_trees_parse_to_themselves(tree in tree()) {
        let text = tree.to_string();
        let parsed = match parse_condition(&text) {
            Ok(parsed) => parsed.filter.expect("a tree never prints as a star"),
            Err(error) => return Err(TestCaseError::fail(format!("{text}\n{error}"))),
        };
        prop_assert_eq!(without_spans(parsed), tree, "{}", text);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", cut in prop::collection::vec(0usize..PIECES.len(), 0..24)) {
        let pieces: String = cut.into_iter().map(|piece| PIECES[piece]).collect();
        for text in [text, pieces] {
            for error in [
                parse_condition(&text).err(),
                parse_query(&text).err(),
                parse_query(&format!("SELECT {text}")).err(),
            ].into_iter().flatten() {
                prop_assert!(error.span().start <= error.span().end);
                prop_assert!(text.len() + 7 >= error.span().end);
                prop_assert!(error.to_string().contains(error.message()));
            }
        }
    }
}

const PIECES: &[&str] = &[
    "tags",
    ".",
    "[[",
    "]]",
    "[",
    "]",
    "(",
    ")",
    "'",
    "\"",
    "\\",
    "\\u00e9",
    "\\ud83d",
    "é",
    "1",
    "0x",
    "e9",
    "-",
    "+",
    "*",
    "/",
    "=",
    "<",
    ">",
    "!",
    " ",
    "\n",
    ",",
    "AND ",
    "OR ",
    "NOT ",
    "IN ",
    "NIN ",
    "LIKE ",
    "IS ",
    "BETWEEN ",
    "SELECT ",
    "FROM ",
    "devices",
    "jobs",
    "WHERE ",
    "GROUP BY ",
    "AS ",
    "TOP ",
    "COUNT(",
    "LOWER(",
    "null",
    "deviceId",
    "\u{a0}",
    "\r",
    "\t",
    "desired",
    "x",
    "--",
    "&&",
    "`",
    "\u{202e}",
    "😀",
];
