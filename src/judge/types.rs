//! The types of expressions, and the typed tree that is evaluated.

use std::fmt;
use std::ops::Range;

use regex::Regex;

use super::syntax::{Arithmetic, Comparison};
use crate::probe::{Type, Value};

/// The type of an expression. Unlike [`Type`] it need not be static.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    Bool,
    Number,
    Text,
    Duration,
    Time,
    Json,
    List(Box<Ty>),
    Map(Box<Ty>),
}

impl From<&Type> for Ty {
    fn from(ty: &Type) -> Self {
        match ty {
            Type::Bool => Self::Bool,
            Type::Number => Self::Number,
            Type::Text => Self::Text,
            Type::Duration => Self::Duration,
            Type::Time => Self::Time,
            Type::Json => Self::Json,
            Type::List(element) => Self::List(Box::new(Self::from(*element))),
            Type::Map(element) => Self::Map(Box::new(Self::from(*element))),
        }
    }
}

/// With its article, as error messages have it.
impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("a truth value"),
            Self::Number => f.write_str("a number"),
            Self::Text => f.write_str("text"),
            Self::Duration => f.write_str("a duration"),
            Self::Time => f.write_str("a time"),
            Self::Json => f.write_str("JSON"),
            Self::List(element) => write!(f, "a list of {}", element.plural()),
            Self::Map(element) => write!(f, "a map of {}", element.plural()),
        }
    }
}

impl Ty {
    fn plural(&self) -> &'static str {
        match self {
            Self::Bool => "truth values",
            Self::Number => "numbers",
            Self::Text => "texts",
            Self::Duration => "durations",
            Self::Time => "times",
            Self::Json => "JSON values",
            Self::List(_) => "lists",
            Self::Map(_) => "maps",
        }
    }

    /// Whether a JSON value can be of this type as it stands, without a
    /// conversion that the author has to ask for.
    pub(super) fn is_in_json(&self) -> bool {
        match self {
            Self::Bool | Self::Number | Self::Text => true,
            Self::List(element) => element.is_in_json(),
            Self::Duration | Self::Time | Self::Json | Self::Map(_) => false,
        }
    }
}

/// An expression whose type is known.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) op: Op,
    pub(super) ty: Ty,
    /// The part of the source it came from.
    pub(super) span: Range<usize>,
}

/// What to compute. Operands have the types that the operation needs: the
/// evaluator never converts on its own.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Constant(Value),
    List(Vec<Typed>),
    Fact(String),
    Now,
    /// The variable of the n-th enclosing `all` or `exists`, from the outermost.
    Local(usize),
    /// A map's value by its key.
    Key(Box<Typed>, Box<Typed>),
    /// A list's element by its position.
    Element(Box<Typed>, Box<Typed>),
    /// A JSON object's member by its name, or an array's element by its position.
    Member(Box<Typed>, Box<Typed>),
    /// JSON that has to be of this expression's type already.
    FromJson(Box<Typed>),
    /// `string(x)`, `double(x)`, `bool(x)`, `timestamp(x)`, `duration(x)`.
    Convert(Box<Typed>),
    /// JSON's `null`, and nothing else.
    IsNull(Box<Typed>),
    /// Whether the last step of a path leads somewhere.
    Has(Box<Typed>),
    Not(Box<Typed>),
    Negate(Box<Typed>),
    And(Box<Typed>, Box<Typed>),
    Or(Box<Typed>, Box<Typed>),
    Conditional(Box<Typed>, Box<Typed>, Box<Typed>),
    Compare(Comparison, Box<Typed>, Box<Typed>),
    Arithmetic(Arithmetic, Box<Typed>, Box<Typed>),
    In(Box<Typed>, Box<Typed>),
    Size(Box<Typed>),
    Absolute(Box<Typed>),
    TextTest(TextTest, Box<Typed>, Box<Typed>),
    Matches(Box<Typed>, Regex),
    /// A list, and what is asked of each of its elements.
    Quantified(Quantifier, Box<Typed>, Box<Typed>),
}

/// How one text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// How many elements have to answer true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    All,
    Exists,
}

impl Typed {
    pub(super) fn new(op: Op, ty: Ty, span: Range<usize>) -> Self {
        Self { op, ty, span }
    }

    /// The expressions that this one is computed from.
    pub(super) fn operands(&self) -> Vec<&Typed> {
        match &self.op {
            Op::Constant(_) | Op::Fact(_) | Op::Now | Op::Local(_) => Vec::new(),
            Op::List(items) => items.iter().collect(),
            Op::FromJson(one)
            | Op::Convert(one)
            | Op::IsNull(one)
            | Op::Has(one)
            | Op::Not(one)
            | Op::Negate(one)
            | Op::Size(one)
            | Op::Absolute(one)
            | Op::Matches(one, _) => vec![one],
            Op::Key(left, right)
            | Op::Element(left, right)
            | Op::Member(left, right)
            | Op::And(left, right)
            | Op::Or(left, right)
            | Op::Compare(_, left, right)
            | Op::Arithmetic(_, left, right)
            | Op::In(left, right)
            | Op::TextTest(_, left, right)
            | Op::Quantified(_, left, right) => vec![left, right],
            Op::Conditional(condition, yes, no) => vec![condition, yes, no],
        }
    }

    /// The facts that it is computed from.
    pub(super) fn facts(&self) -> Vec<&str> {
        match &self.op {
            Op::Fact(name) => vec![name],
            _ => self.operands().into_iter().flat_map(Self::facts).collect(),
        }
    }

    /// Whether it depends on nothing that was seen, not even on the time.
    pub(super) fn is_constant(&self) -> bool {
        !matches!(self.op, Op::Fact(_) | Op::Now)
            && self.operands().into_iter().all(Self::is_constant)
    }
}

impl Ty {
    /// Whether a fact's value is of this type.
    pub(super) fn of_value(value: &Value, ty: &Ty) -> bool {
        match (value, ty) {
            (Value::Bool(_), Self::Bool)
            | (Value::Number(_), Self::Number)
            | (Value::Text(_), Self::Text)
            | (Value::Duration(_), Self::Duration)
            | (Value::Time(_), Self::Time)
            | (Value::Json(_), Self::Json) => true,
            (Value::List(items), Self::List(element)) => {
                items.iter().all(|item| Self::of_value(item, element))
            }
            (Value::Map(items), Self::Map(element)) => {
                items.values().all(|item| Self::of_value(item, element))
            }
            _ => false,
        }
    }
}
