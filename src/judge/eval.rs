//! Typed tree × facts → a value, or why it cannot be told.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::lexer::EXACT;
use super::syntax::Comparison;
use super::types::{Op, Quantifier, TextTest, Ty, Typed};
use super::{convert, words};
use crate::probe::{Facts, Value};

/// A value while it is looked at; what the facts hold is borrowed from them.
#[derive(Debug, Clone)]
pub(super) enum Item<'a> {
    Bool(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Duration(SignedDuration),
    Time(Timestamp),
    List(Vec<Item<'a>>),
    Map(&'a BTreeMap<String, Value>),
    Json(&'a serde_json::Value),
}

/// Why a value cannot be told, as a fragment for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) reason: String,
    /// The last step led nowhere: the one thing that `has` answers false to.
    missing: bool,
}

impl Untold {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            missing: false,
        }
    }

    fn missing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            missing: true,
        }
    }
}

type Told<T> = Result<T, Untold>;

/// Steps that one expectation may take. Macros within macros over a long list
/// multiply, and a run must end.
const MAX_STEPS: u32 = 1_000_000;

/// Evaluates expressions over one observation.
pub(super) struct Evaluator<'a> {
    facts: &'a Facts,
    now: Timestamp,
    locals: Vec<Item<'a>>,
    steps: u32,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(facts: &'a Facts, now: Timestamp) -> Self {
        Self {
            facts,
            now,
            locals: Vec::new(),
            steps: 0,
        }
    }

    /// The fact of that name, where it was seen.
    pub(super) fn fact(&self, name: &str) -> Option<&'a Value> {
        self.facts.get(name)
    }

    /// Whether an expression of type `Bool` is true.
    pub(super) fn truth(&mut self, typed: &'a Typed) -> Told<bool> {
        match self.value(typed)? {
            Item::Bool(value) => Ok(value),
            other => Err(unexpected(&other)),
        }
    }

    /// The elements of a list or of a JSON array.
    pub(super) fn elements(&mut self, typed: &'a Typed) -> Told<Vec<Item<'a>>> {
        match self.value(typed)? {
            Item::List(items) => Ok(items),
            Item::Json(serde_json::Value::Array(items)) => {
                Ok(items.iter().map(Item::Json).collect())
            }
            other => Err(Untold::new(format!(
                "it is {}, not a list",
                convert::described(&other)
            ))),
        }
    }

    /// `body` for one element.
    pub(super) fn for_element(&mut self, element: Item<'a>, body: &'a Typed) -> Told<bool> {
        self.locals.push(element);
        let answer = self.truth(body);
        self.locals.pop();
        answer
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, typed: &'a Typed) -> Told<Item<'a>> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Untold::new(format!("it takes more than {MAX_STEPS} steps")));
        }
        match &typed.op {
            Op::Constant(value) => item(value),
            Op::List(items) => items
                .iter()
                .map(|item| self.value(item))
                .collect::<Told<Vec<_>>>()
                .map(Item::List),
            Op::Fact(name) => match self.facts.get(name) {
                Some(value) if Ty::of_value(value, &typed.ty) => item(value),
                Some(_) => Err(Untold::new(format!(
                    "{name} was seen with another type than its kind declares"
                ))),
                None => Err(Untold::missing(format!("{name} was not seen"))),
            },
            Op::Now => Ok(Item::Time(self.now)),
            Op::Local(position) => self
                .locals
                .get(*position)
                .cloned()
                .ok_or_else(|| Untold::new("a variable without a value")),
            Op::Key(map, key) => {
                let (map, key) = (self.value(map)?, self.text(key)?);
                match map {
                    Item::Map(map) => match map.get(key.as_ref()) {
                        Some(value) => item(value),
                        None => Err(Untold::missing(format!(
                            "there is no {} in it",
                            words::quoted(&key)
                        ))),
                    },
                    other => Err(unexpected(&other)),
                }
            }
            Op::Element(list, position) => {
                let (mut items, position) = (self.elements(list)?, self.number(position)?);
                match convert::position(position) {
                    Some(position) if position < items.len() => Ok(items.swap_remove(position)),
                    _ => Err(no_position(position, items.len())),
                }
            }
            Op::Member(json, step) => self.member(json, step),
            Op::FromJson(operand) => convert::from_json(self.value(operand)?, &typed.ty),
            Op::Convert(operand) => convert::convert(self.value(operand)?, &typed.ty),
            Op::IsNull(operand) => match self.value(operand)? {
                Item::Json(json) => Ok(Item::Bool(json.is_null())),
                other => Err(unexpected(&other)),
            },
            Op::Has(path) => match self.value(path) {
                Ok(_) => Ok(Item::Bool(true)),
                Err(untold) if untold.missing && self.reaches(path) => Ok(Item::Bool(false)),
                Err(untold) => Err(untold),
            },
            Op::Not(operand) => Ok(Item::Bool(!self.truth(operand)?)),
            Op::Negate(operand) => Ok(Item::Number(-self.number(operand)?)),
            Op::And(left, right) => self.connected(left, right, false),
            Op::Or(left, right) => self.connected(left, right, true),
            Op::Conditional(condition, yes, no) => {
                if self.truth(condition)? {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Op::Compare(comparison, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                compare(*comparison, &left, &right).map(Item::Bool)
            }
            Op::Arithmetic(operation, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                convert::arithmetic(*operation, left, right)
            }
            Op::In(element, container) => self.membership(element, container),
            Op::Size(operand) => convert::size(&self.value(operand)?),
            Op::Absolute(operand) => match self.value(operand)? {
                Item::Number(value) => Ok(Item::Number(value.abs())),
                Item::Duration(value) if value == SignedDuration::MIN => {
                    Err(Untold::new("a duration out of range"))
                }
                Item::Duration(value) => Ok(Item::Duration(value.abs())),
                other => Err(unexpected(&other)),
            },
            Op::TextTest(test, on, part) => {
                let (on, part) = (self.text(on)?, self.text(part)?);
                Ok(Item::Bool(match test {
                    TextTest::Contains => on.contains(part.as_ref()),
                    TextTest::StartsWith => on.starts_with(part.as_ref()),
                    TextTest::EndsWith => on.ends_with(part.as_ref()),
                }))
            }
            Op::Matches(on, regex) => Ok(Item::Bool(regex.is_match(&self.text(on)?))),
            Op::Quantified(quantifier, list, body) => self.quantified(*quantifier, list, body),
        }
    }

    fn text(&mut self, typed: &'a Typed) -> Told<Cow<'a, str>> {
        match self.value(typed)? {
            Item::Text(text) => Ok(text),
            other => Err(unexpected(&other)),
        }
    }

    fn number(&mut self, typed: &'a Typed) -> Told<f64> {
        match self.value(typed)? {
            Item::Number(number) => Ok(number),
            other => Err(unexpected(&other)),
        }
    }

    fn member(&mut self, json: &'a Typed, step: &'a Typed) -> Told<Item<'a>> {
        let on = self.value(json)?;
        let step = self.value(step)?;
        let Item::Json(on) = on else {
            return Err(unexpected(&on));
        };
        match (on, &step) {
            (serde_json::Value::Object(members), Item::Text(name)) => {
                members.get(name.as_ref()).map(Item::Json).ok_or_else(|| {
                    Untold::missing(format!("there is no {} in it", words::quoted(name)))
                })
            }
            (serde_json::Value::Array(items), Item::Number(number)) => convert::position(*number)
                .and_then(|position| items.get(position))
                .map(Item::Json)
                .ok_or_else(|| no_position(*number, items.len())),
            (_, Item::Text(name)) => Err(Untold::new(format!(
                "it is {}, in which nothing is called {}",
                convert::described(&Item::Json(on)),
                words::quoted(name)
            ))),
            _ => Err(Untold::new(format!(
                "it is {}, not a list",
                convert::described(&Item::Json(on))
            ))),
        }
    }

    /// Whether everything up to the last step of a path is there.
    fn reaches(&mut self, path: &'a Typed) -> bool {
        match &path.op {
            Op::Key(on, step) | Op::Member(on, step) | Op::Element(on, step) => {
                self.value(on).is_ok() && self.value(step).is_ok()
            }
            _ => true,
        }
    }

    /// `&&` and `||` as CEL has them: the one answer that decides wins over
    /// what cannot be told on the other side, whichever side that is.
    fn connected(&mut self, left: &'a Typed, right: &'a Typed, decisive: bool) -> Told<Item<'a>> {
        let left = self.truth(left);
        if left == Ok(decisive) {
            return Ok(Item::Bool(decisive));
        }
        let right = self.truth(right);
        if right == Ok(decisive) {
            return Ok(Item::Bool(decisive));
        }
        left.and(right).map(Item::Bool)
    }

    fn quantified(
        &mut self,
        quantifier: Quantifier,
        list: &'a Typed,
        body: &'a Typed,
    ) -> Told<Item<'a>> {
        let decisive = quantifier == Quantifier::Exists;
        let mut untold = None;
        for element in self.elements(list)? {
            match self.for_element(element, body) {
                Ok(answer) if answer == decisive => return Ok(Item::Bool(decisive)),
                Ok(_) => {}
                Err(reason) => {
                    untold.get_or_insert(reason);
                }
            }
        }
        untold.map_or(Ok(Item::Bool(!decisive)), Err)
    }

    fn membership(&mut self, element: &'a Typed, container: &'a Typed) -> Told<Item<'a>> {
        let element = self.value(element)?;
        let container_value = self.value(container)?;
        match (&container_value, &element) {
            (Item::Map(map), Item::Text(key)) => {
                return Ok(Item::Bool(map.contains_key(key.as_ref())));
            }
            (Item::Json(serde_json::Value::Object(members)), Item::Text(key)) => {
                return Ok(Item::Bool(members.contains_key(key.as_ref())));
            }
            _ => {}
        }
        let items = match container_value {
            Item::List(items) => items,
            Item::Json(serde_json::Value::Array(items)) => items.iter().map(Item::Json).collect(),
            other => {
                return Err(Untold::new(format!(
                    "it is {}, not a list",
                    convert::described(&other)
                )));
            }
        };
        let mut untold = None;
        for item in items {
            let same = match &item {
                Item::Json(_) => {
                    convert::like(item, &element).and_then(|item| equal(&item, &element))
                }
                _ => equal(&item, &element),
            };
            match same {
                Ok(true) => return Ok(Item::Bool(true)),
                Ok(false) => {}
                Err(reason) => {
                    untold.get_or_insert(reason);
                }
            }
        }
        untold.map_or(Ok(Item::Bool(false)), Err)
    }
}

/// A fact's value to look at. A number that is none (NaN) or without end is a
/// defect of its source, and `> 0` must not hold for it.
pub(super) fn item(value: &Value) -> Told<Item<'_>> {
    Ok(match value {
        Value::Bool(value) => Item::Bool(*value),
        Value::Number(value) if !value.is_finite() => {
            return Err(Untold::new(format!(
                "it is {value}, which is not a finite number"
            )));
        }
        Value::Number(value) => Item::Number(*value),
        Value::Text(text) => Item::Text(Cow::Borrowed(text)),
        Value::Duration(value) => Item::Duration(*value),
        Value::Time(value) => Item::Time(*value),
        Value::List(items) => Item::List(items.iter().map(item).collect::<Told<Vec<_>>>()?),
        Value::Map(items) => Item::Map(items),
        Value::Json(json) => Item::Json(json),
    })
}

fn compare(comparison: Comparison, left: &Item<'_>, right: &Item<'_>) -> Told<bool> {
    use std::cmp::Ordering;

    let ordering = match comparison {
        Comparison::Equal => return equal(left, right),
        Comparison::NotEqual => return equal(left, right).map(|same| !same),
        _ => match (left, right) {
            (Item::Number(left), Item::Number(right)) => left.partial_cmp(right),
            (Item::Duration(left), Item::Duration(right)) => Some(left.cmp(right)),
            (Item::Time(left), Item::Time(right)) => Some(left.cmp(right)),
            _ => None,
        },
    };
    let ordering = ordering.ok_or_else(|| Untold::new("the two have no order"))?;
    Ok(match comparison {
        Comparison::Equal => ordering == Ordering::Equal,
        Comparison::NotEqual => ordering != Ordering::Equal,
        Comparison::Less => ordering == Ordering::Less,
        Comparison::LessOrEqual => ordering != Ordering::Greater,
        Comparison::Greater => ordering == Ordering::Greater,
        Comparison::GreaterOrEqual => ordering != Ordering::Less,
    })
}

/// Equality of two values of one type.
fn equal(left: &Item<'_>, right: &Item<'_>) -> Told<bool> {
    match (left, right) {
        (Item::Bool(left), Item::Bool(right)) => Ok(left == right),
        (Item::Number(left), Item::Number(right)) if left.is_finite() && right.is_finite() =>
        {
            #[expect(
                clippy::float_cmp,
                reason = "`==` of the language means this very number"
            )]
            Ok(left == right)
        }
        (Item::Text(left), Item::Text(right)) => Ok(left == right),
        (Item::Duration(left), Item::Duration(right)) => Ok(left == right),
        (Item::Time(left), Item::Time(right)) => Ok(left == right),
        (Item::List(left), Item::List(right)) => {
            if left.len() != right.len() {
                return Ok(false);
            }
            let mut same = true;
            for (left, right) in left.iter().zip(right) {
                same &= equal(left, right)?;
            }
            Ok(same)
        }
        _ => Err(Untold::new("the two cannot be compared")),
    }
}

fn no_position(number: f64, length: usize) -> Untold {
    let there = if length == 1 {
        "is 1 element".to_owned()
    } else {
        format!("are {length} elements")
    };
    if number.fract() == 0.0 && (0.0..EXACT).contains(&number) {
        Untold::missing(format!("there is no position {number}, there {there}"))
    } else {
        Untold::new(format!("{number} is not a position in a list"))
    }
}

/// The checker rules this out; if it ever did not, nothing could be told.
fn unexpected(found: &Item<'_>) -> Untold {
    Untold::new(format!("it is {}", convert::described(found)))
}
