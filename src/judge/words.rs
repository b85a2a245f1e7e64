//! What was seen, in words for a card.

use super::duration;
use super::eval::{Evaluator, Item, Untold, item};
use super::lexer::tidy;
use super::syntax::Comparison;
use super::types::{Op, Quantifier, Ty, Typed};
use crate::probe::Value;

/// A value longer than this is cut: a card has a line for it, not a screen.
const MAX_CHARS: usize = 120;

/// The parts of an expectation that decided its answer, each with its value:
/// `status = 502, now - modified = 26h 4m`; behind them the facts that say why, by
/// `because`: `readable = false, damage = 'unexpected end of file'`.
pub(super) fn seen<'a>(
    source: &str,
    typed: &'a Typed,
    because: &[(&str, &'a [&'a str])],
    evaluator: &mut Evaluator<'a>,
) -> String {
    let mut teller = Teller {
        source,
        evaluator,
        parts: Vec::new(),
        facts: Vec::new(),
        presences: Vec::new(),
    };
    teller.tell(typed);
    teller.tell_presences();
    teller.explain(because);
    teller.parts.join(", ")
}

/// The facts that say why those are as they are that something is computed from, by
/// `because`: `not_due_yet = ['backup: …']`. Empty where there are none.
pub(super) fn reasons<'a>(
    source: &str,
    typed: &'a Typed,
    because: &[(&str, &'a [&'a str])],
    evaluator: &mut Evaluator<'a>,
) -> String {
    let mut teller = Teller {
        source,
        evaluator,
        parts: Vec::new(),
        facts: typed.facts(),
        presences: Vec::new(),
    };
    teller.explain(because);
    teller.parts.join(", ")
}

struct Teller<'t, 'a> {
    source: &'t str,
    evaluator: &'t mut Evaluator<'a>,
    parts: Vec<String>,
    /// The facts that the parts were computed from.
    facts: Vec<&'a str>,
    /// Each `has(x)` that decided, and its `x`.
    presences: Vec<(&'a Typed, &'a Typed)>,
}

impl<'a> Teller<'_, 'a> {
    /// Tells what a truth value came from.
    fn tell(&mut self, typed: &'a Typed) {
        match &typed.op {
            Op::And(left, right) => self.tell_deciding(left, right, false),
            Op::Or(left, right) => self.tell_deciding(left, right, true),
            Op::Not(operand) => self.tell(operand),
            Op::Compare(_, left, right) | Op::In(left, right) | Op::TextTest(_, left, right) => {
                // Of what should be empty, what is in it and not how much.
                if let Some(list) = asked_to_be_empty(typed)
                    && self
                        .evaluator
                        .elements(list)
                        .is_ok_and(|list| !list.is_empty())
                {
                    return self.value_of(list);
                }
                self.value_of(left);
                self.value_of(right);
            }
            Op::Matches(on, _) | Op::IsNull(on) => self.value_of(on),
            Op::Conditional(condition, yes, no) => {
                self.tell(condition);
                match self.evaluator.truth(condition) {
                    Ok(true) => self.tell(yes),
                    Ok(false) => self.tell(no),
                    Err(_) => {}
                }
            }
            Op::Quantified(quantifier, list, body) => self.quantified(*quantifier, list, body),
            Op::Has(of) => self.presences.push((typed, of)),
            _ => self.value_of(typed),
        }
    }

    /// Tells each `has(x)` beside which the value of `x` is not told: that says it too.
    fn tell_presences(&mut self) {
        for (has, of) in std::mem::take(&mut self.presences) {
            let value = format!("{} = ", self.name(of));
            if !self.parts.iter().any(|part| part.starts_with(&value)) {
                self.value_of(has);
            }
        }
    }

    /// Of two sides, those that made the answer what it is: when one side is
    /// false, a reader of `a && b` has no use for the other.
    fn tell_deciding(&mut self, left: &'a Typed, right: &'a Typed, decisive: bool) {
        let answers = [self.evaluator.truth(left), self.evaluator.truth(right)];
        let any_decides = answers.contains(&Ok(decisive));
        let any_untold = answers.iter().any(Result::is_err);
        for (side, answer) in [left, right].into_iter().zip(answers) {
            let tells = match answer {
                Ok(answer) if any_decides => answer == decisive,
                Err(_) => !any_decides,
                // `false || untold` needs both sides, `true && untold` only the second.
                Ok(_) => !any_untold || decisive,
            };
            if tells {
                self.tell(side);
            }
        }
    }

    /// The element that decided, by its position; the whole list when none did.
    fn quantified(&mut self, quantifier: Quantifier, list: &'a Typed, body: &'a Typed) {
        let Ok(elements) = self.evaluator.elements(list) else {
            return self.value_of(list);
        };
        self.facts.extend(list.facts());
        let decisive = quantifier == Quantifier::Exists;
        let mut first_untold = None;
        for (position, element) in elements.into_iter().enumerate() {
            let answer = self.evaluator.for_element(element.clone(), body);
            match answer {
                Ok(answer) if answer == decisive => {
                    let name = self.name(list);
                    return self.part(&format!("{name}[{position}]"), Ok(element));
                }
                Ok(_) => {}
                Err(untold) => {
                    first_untold.get_or_insert((position, untold));
                }
            }
        }
        match first_untold {
            Some((position, untold)) => {
                let name = self.name(list);
                self.part(&format!("{name}[{position}]"), Err(untold));
            }
            None => self.value_of(list),
        }
    }

    fn value_of(&mut self, typed: &'a Typed) {
        if typed.is_constant() {
            return;
        }
        let value = self.evaluator.value(typed);
        let name = self.name(typed);
        self.part(&name, value);
        self.facts.extend(typed.facts());
    }

    /// What says why the facts that were told are as they are. What was not seen, or
    /// is empty, says nothing.
    fn explain(&mut self, because: &[(&str, &'a [&'a str])]) {
        let told = std::mem::take(&mut self.facts);
        for (_, reasons) in because.iter().filter(|(fact, _)| told.contains(fact)) {
            for name in *reasons {
                let reason = self.evaluator.fact(name).filter(|value| says(value));
                if let Some(Ok(reason)) = reason.map(item)
                    && !told.contains(name)
                {
                    self.part(name, Ok(reason));
                }
            }
        }
    }

    fn name(&self, typed: &Typed) -> String {
        safe(&tidy(
            self.source.get(typed.span.clone()).unwrap_or_default(),
        ))
    }

    fn part(&mut self, name: &str, value: Result<Item<'_>, Untold>) {
        let part = match value {
            Ok(value) => format!("{name} = {}", shown(&value)),
            Err(untold) => told_not(name, &untold),
        };
        if !self.parts.contains(&part) {
            self.parts.push(part);
        }
    }
}

/// Whether there is anything in it to read.
fn says(value: &Value) -> bool {
    match value {
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(items) => !items.is_empty(),
        Value::Json(json) => !json.is_null(),
        Value::Bool(_) | Value::Number(_) | Value::Duration(_) | Value::Time(_) => true,
    }
}

/// The list of `size(list) == 0`.
fn asked_to_be_empty(typed: &Typed) -> Option<&Typed> {
    let Op::Compare(Comparison::Equal, left, right) = &typed.op else {
        return None;
    };
    let zero = matches!(&right.op, Op::Constant(Value::Number(number)) if *number == 0.0);
    match &left.op {
        Op::Size(list) if zero && matches!(list.ty, Ty::List(_)) => Some(list),
        _ => None,
    }
}

/// `modified was not seen`, or `now - modified: modified was not seen`.
fn told_not(name: &str, untold: &Untold) -> String {
    if untold.reason.starts_with(&format!("{name} ")) {
        untold.reason.clone()
    } else {
        format!("{name}: {}", untold.reason)
    }
}

/// A value on one line, at most [`MAX_CHARS`] long, with nothing in it that a
/// terminal would act on.
pub(super) fn shown(item: &Item<'_>) -> String {
    let mut line = Line::default();
    line.item(item);
    line.text
}

/// Text as a literal, cut and made harmless.
pub(super) fn quoted(text: &str) -> String {
    let mut line = Line::default();
    line.quoted(text, '\'');
    line.text
}

/// The text with its control characters and reading-direction marks spelled
/// out, so that what a target sends cannot redraw the operator's terminal.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for next in text.chars() {
        push_safe(&mut safe, next);
    }
    safe
}

fn push_safe(text: &mut String, next: char) {
    match next {
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        _ if is_harmful(next) => text.push_str(&format!("\\u{:04x}", u32::from(next))),
        _ => text.push(next),
    }
}

/// Control characters act on the terminal; the others reorder or hide text.
fn is_harmful(next: char) -> bool {
    next.is_control()
        || matches!(next,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Every digit of a number, whole ones without a fraction.
pub(super) fn digits(number: f64) -> String {
    // Minus zero is zero to a reader.
    let number = number + 0.0;
    // Beyond these, Display writes hundreds of zeros.
    if number != 0.0 && !(1e-6..1e21).contains(&number.abs()) {
        format!("{number:e}")
    } else {
        format!("{number}")
    }
}

/// A number with at most six decimals, unless that would make it a whole one
/// that it is not: `1.0000001 < 1` must not read `1`.
pub(super) fn number(number: f64) -> String {
    let all = digits(number);
    let rounded = (number * 1e6).round() / 1e6;
    let misleading = rounded.fract() == 0.0 && number.fract() != 0.0;
    if misleading || !rounded.is_finite() || all.contains('e') {
        all
    } else {
        digits(rounded)
    }
}

#[derive(Default)]
struct Line {
    text: String,
    chars: usize,
    full: bool,
}

impl Line {
    fn push(&mut self, next: char) {
        if self.full {
            return;
        }
        if self.chars >= MAX_CHARS {
            self.full = true;
            self.text.push('…');
            return;
        }
        self.chars += 1;
        push_safe(&mut self.text, next);
    }

    fn push_str(&mut self, text: &str) {
        for next in text.chars() {
            self.push(next);
            if self.full {
                return;
            }
        }
    }

    fn quoted(&mut self, text: &str, quote: char) {
        self.push(quote);
        for next in text.chars() {
            if next == quote || next == '\\' {
                self.push('\\');
            }
            self.push(next);
            if self.full {
                return;
            }
        }
        self.push(quote);
    }

    fn item(&mut self, item: &Item<'_>) {
        match item {
            Item::Bool(value) => self.push_str(if *value { "true" } else { "false" }),
            Item::Number(value) => self.push_str(&number(*value)),
            Item::Text(text) => self.quoted(text, '\''),
            Item::Duration(value) => self.push_str(&duration::words(*value)),
            Item::Time(value) => self.push_str(&value.to_string()),
            Item::List(items) => self.joined('[', ']', items, Self::item),
            Item::Map(items) => self.joined('{', '}', *items, |line, (name, value)| {
                line.quoted(name, '\'');
                line.push_str(": ");
                line.value(value);
            }),
            Item::Json(json) => self.json(json),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(value) => self.push_str(if *value { "true" } else { "false" }),
            Value::Number(value) => self.push_str(&number(*value)),
            Value::Text(text) => self.quoted(text, '\''),
            Value::Duration(value) => self.push_str(&duration::words(*value)),
            Value::Time(value) => self.push_str(&value.to_string()),
            Value::List(items) => self.joined('[', ']', items, Self::value),
            Value::Map(items) => self.item(&Item::Map(items)),
            Value::Json(json) => self.json(json),
        }
    }

    fn json(&mut self, json: &serde_json::Value) {
        use serde_json::Value as Json;

        match json {
            Json::Null => self.push_str("null"),
            Json::Bool(value) => self.push_str(if *value { "true" } else { "false" }),
            Json::Number(number) => self.push_str(&number.to_string()),
            Json::String(text) => self.quoted(text, '\''),
            Json::Array(items) => self.joined('[', ']', items, Self::json),
            Json::Object(members) => self.joined('{', '}', members, |line, (name, value)| {
                line.quoted(name, '\'');
                line.push_str(": ");
                line.json(value);
            }),
        }
    }

    /// Stops at the cut: a body of megabytes is not walked for 120 characters.
    fn joined<T>(
        &mut self,
        open: char,
        close: char,
        items: impl IntoIterator<Item = T>,
        each: impl Fn(&mut Self, T),
    ) {
        self.push(open);
        for (position, item) in items.into_iter().enumerate() {
            if self.full {
                return;
            }
            if position > 0 {
                self.push_str(", ");
            }
            each(self, item);
        }
        self.push(close);
    }
}
