//! From one type to another at run time, and arithmetic: whatever does not
//! come out exact and finite cannot be told.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::eval::{Item, Untold};
use super::lexer::EXACT;
use super::syntax::Arithmetic;
use super::types::Ty;
use super::{duration, words};

type Told<T> = Result<T, Untold>;

/// JSON that has to be of type `ty` as it stands.
pub(super) fn from_json<'a>(item: Item<'a>, ty: &Ty) -> Told<Item<'a>> {
    use serde_json::Value as Json;

    let json = match (item, ty) {
        (Item::List(items), Ty::List(element)) => {
            return items
                .into_iter()
                .map(|item| from_json(item, element))
                .collect::<Told<Vec<_>>>()
                .map(Item::List);
        }
        (Item::Json(json), _) => json,
        (other, _) => return Ok(other),
    };
    match (json, ty) {
        (Json::Bool(value), Ty::Bool) => Ok(Item::Bool(*value)),
        (Json::Number(number), Ty::Number) => exact(number).map(Item::Number),
        (Json::String(text), Ty::Text) => Ok(Item::Text(Cow::Borrowed(text))),
        (Json::Array(items), Ty::List(element)) => {
            let items = items
                .iter()
                .map(|item| from_json(Item::Json(item), element));
            items.collect::<Told<Vec<_>>>().map(Item::List)
        }
        _ => Err(Untold::new(format!(
            "it is {}, not {ty}",
            described(&Item::Json(json))
        ))),
    }
}

/// JSON as whatever `other` is.
pub(super) fn like<'a>(item: Item<'a>, other: &Item<'_>) -> Told<Item<'a>> {
    match other {
        Item::Bool(_) => from_json(item, &Ty::Bool),
        Item::Number(_) => from_json(item, &Ty::Number),
        Item::Text(_) => from_json(item, &Ty::Text),
        Item::List(elements) => match (item, elements.first()) {
            (Item::Json(serde_json::Value::Array(items)), Some(first)) => items
                .iter()
                .map(|item| like(Item::Json(item), first))
                .collect::<Told<Vec<_>>>()
                .map(Item::List),
            (Item::Json(serde_json::Value::Array(_)), None) => Ok(Item::List(Vec::new())),
            (item, _) => Err(Untold::new(format!(
                "it is {}, not a list",
                described(&item)
            ))),
        },
        Item::Duration(_) | Item::Time(_) | Item::Map(_) | Item::Json(_) => Err(Untold::new(
            format!("it is {}, not {}", described(&item), described(other)),
        )),
    }
}

/// A JSON number, unless a float holds only its neighbour.
fn exact(number: &serde_json::Number) -> Told<f64> {
    let float = number.as_f64().filter(|float| float.is_finite());
    match float {
        Some(float) if number.is_f64() || float.abs() < EXACT => Ok(float),
        _ => Err(Untold::new(format!(
            "{number} is not below 2^53: say string(x) and compare it as text"
        ))),
    }
}

/// The conversions that an author asks for by name.
pub(super) fn convert<'a>(item: Item<'a>, ty: &Ty) -> Told<Item<'a>> {
    use serde_json::Value as Json;

    // JSON first becomes what it is.
    let item = match item {
        Item::Json(Json::Bool(value)) => Item::Bool(*value),
        Item::Json(Json::String(text)) => Item::Text(Cow::Borrowed(text)),
        // The digits as they stand: they are not rounded on the way to text.
        Item::Json(Json::Number(number)) if *ty == Ty::Text => {
            Item::Text(Cow::Owned(number.to_string()))
        }
        Item::Json(Json::Number(number)) => Item::Number(exact(number)?),
        other => other,
    };
    let cannot = |item: &Item<'_>| {
        Untold::new(format!(
            "it is {}, which cannot become {ty}",
            described(item)
        ))
    };
    match (ty, item) {
        (Ty::Text, Item::Text(text)) => Ok(Item::Text(text)),
        (Ty::Text, Item::Bool(value)) => Ok(Item::Text(Cow::Owned(value.to_string()))),
        (Ty::Text, Item::Number(value)) => Ok(Item::Text(Cow::Owned(words::digits(value)))),
        (Ty::Text, Item::Duration(value)) => Ok(Item::Text(Cow::Owned(duration::words(value)))),
        (Ty::Text, Item::Time(value)) => Ok(Item::Text(Cow::Owned(value.to_string()))),
        (Ty::Number, Item::Number(value)) => Ok(Item::Number(value)),
        (Ty::Number, Item::Text(text)) => match text.trim().parse::<f64>() {
            // An integer of more digits than a float holds would turn into its neighbour.
            Ok(value)
                if value.is_finite() && (value.abs() < EXACT || text.contains(['.', 'e', 'E'])) =>
            {
                Ok(Item::Number(value))
            }
            _ => Err(cannot(&Item::Text(text))),
        },
        (Ty::Bool, Item::Bool(value)) => Ok(Item::Bool(value)),
        (Ty::Bool, Item::Text(text)) => match text.as_ref() {
            "true" => Ok(Item::Bool(true)),
            "false" => Ok(Item::Bool(false)),
            _ => Err(cannot(&Item::Text(text))),
        },
        (Ty::Duration, Item::Text(text)) => duration::parse(&text)
            .map(Item::Duration)
            .map_err(|_| cannot(&Item::Text(text))),
        (Ty::Time, Item::Text(text)) => text
            .parse()
            .map(Item::Time)
            .map_err(|_| cannot(&Item::Text(text))),
        (Ty::Time, Item::Number(seconds)) => moment(seconds),
        (_, item) => Err(cannot(&item)),
    }
}

/// Seconds since 1970, to the microsecond: a float of today's seconds holds no more.
fn moment(seconds: f64) -> Told<Item<'static>> {
    let micros = (seconds * 1e6).round();
    let untold = || {
        Untold::new(format!(
            "{} seconds since 1970 is no time; milliseconds have to be divided by 1000",
            words::number(seconds)
        ))
    };
    if micros.abs() > 1e18 {
        return Err(untold());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within 10^18, checked above"
    )]
    Timestamp::from_microsecond(micros as i64)
        .map(Item::Time)
        .map_err(|_| untold())
}

/// `+ - * / %` between operands that the checker found to go together.
pub(super) fn arithmetic<'a>(
    operation: Arithmetic,
    left: Item<'a>,
    right: Item<'a>,
) -> Told<Item<'a>> {
    let range = || Untold::new("the result is out of range");
    match (left, right) {
        (Item::Number(left), Item::Number(right)) => {
            if right == 0.0 && matches!(operation, Arithmetic::Divide | Arithmetic::Remainder) {
                return Err(Untold::new("it is a division by zero"));
            }
            let result = match operation {
                Arithmetic::Add => left + right,
                Arithmetic::Subtract => left - right,
                Arithmetic::Multiply => left * right,
                Arithmetic::Divide => left / right,
                Arithmetic::Remainder => left % right,
            };
            if result.is_finite() {
                Ok(Item::Number(result))
            } else {
                Err(range())
            }
        }
        (Item::Text(left), Item::Text(right)) => {
            Ok(Item::Text(Cow::Owned(format!("{left}{right}"))))
        }
        (Item::Time(left), Item::Time(right)) => Ok(Item::Duration(left.duration_since(right))),
        (Item::Time(time), Item::Duration(duration))
        | (Item::Duration(duration), Item::Time(time)) => {
            let moved = match operation {
                Arithmetic::Subtract => time.checked_sub(duration),
                _ => time.checked_add(duration),
            };
            moved.map(Item::Time).map_err(|_| range())
        }
        (Item::Duration(left), Item::Duration(right)) => {
            let result: Option<SignedDuration> = match operation {
                Arithmetic::Subtract => left.checked_sub(right),
                _ => left.checked_add(right),
            };
            result.map(Item::Duration).ok_or_else(range)
        }
        (left, right) => Err(Untold::new(format!(
            "it is {} and {}",
            described(&left),
            described(&right)
        ))),
    }
}

/// Characters of a text, elements of a list, entries of a map.
pub(super) fn size<'a>(item: &Item<'a>) -> Told<Item<'a>> {
    use serde_json::Value as Json;

    let size = match item {
        Item::Text(text) => text.chars().count(),
        Item::List(items) => items.len(),
        Item::Map(items) => items.len(),
        Item::Json(Json::String(text)) => text.chars().count(),
        Item::Json(Json::Array(items)) => items.len(),
        Item::Json(Json::Object(items)) => items.len(),
        other => {
            return Err(Untold::new(format!(
                "it is {}, which has no size",
                described(other)
            )));
        }
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "nothing in memory has 2^53 parts"
    )]
    Ok(Item::Number(size as f64))
}

/// A position in a list, when the number is one.
pub(super) fn position(number: f64) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within 0 to 2^53"
    )]
    (number.fract() == 0.0 && (0.0..EXACT).contains(&number)).then_some(number as usize)
}

/// What a value turned out to be: `text 'abc'`, `the number 3`, `null`.
pub(super) fn described(item: &Item<'_>) -> String {
    use serde_json::Value as Json;

    match item {
        Item::Bool(_) | Item::Json(Json::Bool(_)) => words::shown(item),
        Item::Number(_) | Item::Json(Json::Number(_)) => {
            format!("the number {}", words::shown(item))
        }
        Item::Text(_) | Item::Json(Json::String(_)) => format!("text {}", words::shown(item)),
        Item::Duration(_) => "a duration".to_owned(),
        Item::Time(_) => "a time".to_owned(),
        Item::List(_) | Item::Json(Json::Array(_)) => "a list".to_owned(),
        Item::Map(_) => "a map".to_owned(),
        Item::Json(Json::Object(_)) => "a JSON object".to_owned(),
        Item::Json(Json::Null) => "null".to_owned(),
    }
}
