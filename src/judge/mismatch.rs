//! What to say about operands that do not go together and names that are not known.

use std::ops::Range;

use super::ExpectationError;
use super::syntax::{Arithmetic, Comparison, Operator, Word};
use super::types::{Op, Ty, Typed};
use super::typing::Checker;
use crate::probe::Value;

impl Checker<'_> {
    /// Two operands of a comparison with different types.
    pub(super) fn mismatch(
        &self,
        comparison: Comparison,
        left: &Typed,
        right: &Typed,
        span: Range<usize>,
    ) -> ExpectationError {
        let message = format!("{} compared with {}", left.ty, right.ty);
        let error = ExpectationError::new(span, message);
        let suggestion = if is_chain(left) {
            let (text, symbol) = (
                self.text(&left.span),
                Operator::Compare(comparison).symbol(),
            );
            let middle = match &left.op {
                Op::Compare(_, _, middle) => self.text(&middle.span),
                _ => "x",
            };
            Some(format!(
                "comparisons do not chain: write `{text} && {middle} {symbol} {}`",
                self.text(&right.span)
            ))
        } else {
            self.bridge(left, right)
                .or_else(|| self.bridge(right, left))
        };
        match suggestion {
            Some(suggestion) => error.suggest(suggestion),
            None => error,
        }
    }

    /// What to write for `from` so that it goes with `to`.
    fn bridge(&self, from: &Typed, to: &Typed) -> Option<String> {
        let text = self.text(&from.span);
        Some(match (&from.ty, &to.ty) {
            (Ty::Text, Ty::Number) => match &from.op {
                Op::Constant(Value::Text(literal))
                    if literal.trim().parse::<f64>().is_ok_and(f64::is_finite) =>
                {
                    format!("write {} without quotes", literal.trim())
                }
                Op::Constant(_) => return None,
                _ => format!("say double({text})"),
            },
            (Ty::Text, Ty::Duration) => format!("say duration({text})"),
            (Ty::Text, Ty::Time) => format!("say timestamp({text})"),
            (Ty::Json, Ty::Time) => format!("say timestamp({text})"),
            (Ty::Json, Ty::Duration) => format!("say duration({text})"),
            (Ty::Number, Ty::Time) => {
                format!("seconds since 1970 become a time with timestamp({text})")
            }
            (Ty::Number, Ty::Duration) => match &from.op {
                Op::Constant(_) => {
                    format!(
                        "give the number its unit: duration('{text}s'), duration('{text}m') or duration('{text}h')"
                    )
                }
                _ => format!("`{text}` is a plain number: compare it with one"),
            },
            (Ty::Bool, Ty::Text) => match &to.op {
                Op::Constant(Value::Text(literal)) if literal == "true" || literal == "false" => {
                    format!("write {literal} without quotes")
                }
                _ => format!("say string({text})"),
            },
            (Ty::List(_), Ty::Number) => format!("say size({text})"),
            (Ty::Time, Ty::Duration) => format!("the age of a time is `now - {text}`"),
            _ => return None,
        })
    }

    /// Two operands of one type that has no such comparison.
    pub(super) fn incomparable(
        &self,
        comparison: Comparison,
        left: &Typed,
        right: &Typed,
        span: Range<usize>,
    ) -> ExpectationError {
        let (l, r) = (self.text(&left.span), self.text(&right.span));
        let symbol = Operator::Compare(comparison).symbol();
        match &left.ty {
            Ty::Json => {
                ExpectationError::new(span, "JSON compared with JSON, neither says as what")
                    .suggest(format!("say string({l}) or double({l})"))
            }
            Ty::Text => ExpectationError::new(
                span,
                "text has no order: '10' comes before '9' by its letters",
            )
            .suggest(format!(
                "compare numbers: `double({l}) {symbol} double({r})`"
            )),
            Ty::Bool if is_chain(left) => self.mismatch(comparison, left, right, span),
            ty => ExpectationError::new(span, format!("`{symbol}` between {ty} and {}", right.ty))
                .suggest("compare a value inside it, or its size(x)"),
        }
    }

    /// `in` between operands that do not go together.
    pub(super) fn no_membership(
        &self,
        left: &Typed,
        right: &Typed,
        span: Range<usize>,
    ) -> ExpectationError {
        let (l, r) = (self.text(&left.span), self.text(&right.span));
        match (&left.ty, &right.ty) {
            (Ty::Text, Ty::Text) => {
                ExpectationError::new(span, "`in` looks into a list, a map or JSON, not into text")
                    .suggest(format!("write `{r}.contains({l})`"))
            }
            (Ty::Json, Ty::Json | Ty::List(_)) => {
                ExpectationError::new(span, "JSON looked for in JSON, neither says as what")
                    .suggest(format!("say string({l}) or double({l})"))
            }
            (left, Ty::List(element)) => ExpectationError::new(
                span,
                format!("{left} looked for in {}", Ty::List(element.clone())),
            ),
            (left, Ty::Map(_)) => ExpectationError::new(
                span,
                format!("{left} looked for among a map's keys, which are text"),
            ),
            (left, right) => ExpectationError::new(span, format!("{left} looked for in {right}"))
                .suggest("after `in` comes a list: [200, 401]"),
        }
    }

    /// Arithmetic between operands that do not go together.
    pub(super) fn no_arithmetic(
        &self,
        operation: Arithmetic,
        left: &Typed,
        right: &Typed,
        span: Range<usize>,
    ) -> ExpectationError {
        let symbol = Operator::Arithmetic(operation).symbol();
        let error = ExpectationError::new(
            span,
            format!("`{symbol}` between {} and {}", left.ty, right.ty),
        );
        let text = |typed: &Typed| self.text(&typed.span).to_owned();
        let suggestion = match (&left.ty, &right.ty) {
            (Ty::Json, Ty::Json) => format!(
                "say double({}) {symbol} double({})",
                text(left),
                text(right)
            ),
            (Ty::Text, Ty::Number) if operation == Arithmetic::Add => {
                format!("say string({})", text(right))
            }
            (Ty::Number, Ty::Text) if operation == Arithmetic::Add => {
                format!("say string({})", text(left))
            }
            (Ty::Text, Ty::Text) => format!(
                "say double({}) {symbol} double({})",
                text(left),
                text(right)
            ),
            (Ty::Time | Ty::Duration, _)
                if matches!(operation, Arithmetic::Add | Arithmetic::Subtract) =>
            {
                match self.bridge(right, left) {
                    Some(bridge) => bridge,
                    None => return error,
                }
            }
            (_, Ty::Time | Ty::Duration)
                if matches!(operation, Arithmetic::Add | Arithmetic::Subtract) =>
            {
                match self.bridge(left, right) {
                    Some(bridge) => bridge,
                    None => return error,
                }
            }
            _ => match self
                .bridge(left, right)
                .or_else(|| self.bridge(right, left))
            {
                Some(bridge) => bridge,
                None => return error,
            },
        };
        error.suggest(suggestion)
    }
}

/// `1 < x` as an operand: the start of `1 < x < 5`.
fn is_chain(left: &Typed) -> bool {
    matches!(left.op, Op::Compare(..))
}

/// Why an expression cannot stand where true or false is asked for.
pub(super) fn not_a_truth(source: &str, typed: &Typed) -> ExpectationError {
    let text = source.get(typed.span.clone()).unwrap_or_default();
    let message = format!("`{text}` is {}, where true or false is asked for", typed.ty);
    let suggestion = match &typed.ty {
        Ty::Json => format!("say bool({text}), or compare it"),
        Ty::Number => format!("compare it: `{text} > 0`"),
        Ty::Text => format!("compare it: `{text} == '…'`"),
        Ty::Duration => format!("compare it: `{text} < duration('25h')`"),
        Ty::Time => format!("compare it: `now - {text} < duration('25h')`"),
        Ty::List(_) | Ty::Map(_) => format!("compare it: `size({text}) > 0`"),
        Ty::Bool => "compare it".to_owned(),
    };
    ExpectationError::new(typed.span.clone(), message).suggest(suggestion)
}

impl Checker<'_> {
    /// A name that is neither a fact nor a variable.
    pub(super) fn unknown_fact(&self, name: &str, span: Range<usize>) -> ExpectationError {
        let message = format!("there is no fact `{name}` here");
        let names = self
            .facts
            .iter()
            .map(|fact| fact.name)
            .chain(self.locals.iter().map(|(local, _)| local.as_str()));
        let suggestion = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None if self.facts.is_empty() => "this kind has no facts".to_owned(),
            None => {
                let names: Vec<&str> = self.facts.iter().map(|fact| fact.name).collect();
                format!(
                    "its facts are {}; text goes in quotes: '{name}'",
                    names.join(", ")
                )
            }
        };
        ExpectationError::new(span, message).suggest(suggestion)
    }

    /// An error about a word, with the nearest of the words that are known.
    pub(super) fn unknown_word<'w>(
        word: &Word,
        what: &str,
        known: impl Iterator<Item = &'w str> + Clone,
    ) -> ExpectationError {
        let error = ExpectationError::new(
            word.span.clone(),
            format!("there is no {what} `{}`", word.text),
        );
        match nearest(&word.text, known.clone()) {
            Some(near) => error.suggest(format!("did you mean `{near}`?")),
            None => error.suggest(format!(
                "there are {}",
                known.collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

/// The known name that a misspelt one most likely is: one slip in three letters.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let folded = name.to_ascii_lowercase();
    known
        .map(|known| {
            (
                strsim::damerau_levenshtein(&folded, &known.to_ascii_lowercase()),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= (known.len().max(name.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
